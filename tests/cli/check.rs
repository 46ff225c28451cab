//! Findings: exit codes, formats, colours, standard input, closed pipes.

use std::process::Stdio;

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

#[test]
fn exit_codes() {
    let project = Project::new(&[("good/Dockerfile", GOOD), ("bad/Dockerfile", SHELL_FORM)]);
    assert_eq!(project.run(&["check", "good"]).code, 0);
    assert_eq!(project.run(&["check", "bad"]).code, 1);
    assert_eq!(project.run(&["check"]).code, 1);
    assert_eq!(project.run(&["check", "bad", "--fail-on", "error"]).code, 1);
    assert_eq!(project.run(&["check", "no-such-file"]).code, 2);
    assert_eq!(project.run(&["check", "--no-such-option"]).code, 2);
    assert_eq!(project.run(&["check", "--fail-on", "panic"]).code, 2);
    assert_eq!(project.run(&["check", "--output-format", "xml"]).code, 2);
    assert_eq!(project.run(&[]).code, 2);
    assert_eq!(project.run(&["tree", "bad"]).code, 0);
    assert_eq!(project.run(&["tree", "no-such-file"]).code, 2);
}

#[test]
fn a_finding_for_people() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check"]);
    assert!(run.out.starts_with("error[shell-form]: "), "{}", run.out);
    assert!(run.out.contains("╭─[Dockerfile:3:"), "{}", run.out);
    assert!(run.out.ends_with("Checked 1 file, 1 image: 1 error (1 fixable with --fix)\n"), "{}", run.out);
    assert_eq!(run.err, "");

    let quiet = project.run(&["check", "--quiet"]);
    assert!(!quiet.out.contains("Checked"), "{}", quiet.out);
}

#[test]
fn what_is_next_on_the_way_is_named() {
    let dockerfile = "FROM debian:12\nCOPY --chmod=755 entry.sh /\nENTRYPOINT /entry.sh\n";
    let script = "#!/bin/bash\nrsyslogd\ntail -f /var/log/syslog\n";
    let run = Project::new(&[("Dockerfile", dockerfile), ("entry.sh", script)]).run(&["check"]);
    assert!(run.out.contains("error[shell-form]"), "{}", run.out);
    assert!(run.out.contains("PID 1: /bin/sh -c /entry.sh → /entry.sh → rsyslogd"), "{}", run.out);
    assert!(run.out.contains("╰── this only keeps the container alive"), "{}", run.out);
}

#[test]
fn a_way_has_no_arguments_that_lead_elsewhere() {
    let dockerfile = "FROM debian:12\nCOPY --chmod=755 e.sh /\nENTRYPOINT [\"/e.sh\"]\nCMD [\"web\"]\n";
    let script = "#!/bin/bash\ncase \"$1\" in\n  web) exec gunicorn app:app ;;\n  worker) celery -A app worker ;;\nesac\n";
    let run = Project::new(&[("Dockerfile", dockerfile), ("e.sh", script)]).run(&["check"]);
    assert!(run.out.contains("PID 1: /e.sh ... → celery -A app worker"), "{}", run.out);
}

/// What others may start with it is no finding unless it surely is a service, but the tree says what would happen to it.
#[test]
fn a_way_with_other_arguments_has_a_reason() {
    let dockerfile = "FROM debian:12\nCOPY --chmod=755 e.sh /\nENTRYPOINT [\"/e.sh\"]\nCMD [\"web\"]\n";
    let script = "#!/bin/bash\ncase \"$1\" in\n  web) exec gunicorn app:app ;;\n  *) trap : TERM; node io.js ;;\nesac\n";
    let project = Project::new(&[("Dockerfile", dockerfile), ("e.sh", script)]);
    assert_eq!(project.findings(&[]), [""; 0]);
    let tree = project.run(&["tree"]).out;
    assert!(tree.contains("✗ timeout: the trap cannot run while a command is in the foreground"), "{tree}");
}

#[test]
fn nothing_to_say() {
    let project = Project::new(&[("Dockerfile", GOOD)]);
    assert_eq!(project.run(&["check"]).out, "Checked 1 file, 1 image: all good\n");
    assert_eq!(project.run(&["check", "-q"]).out, "");

    let empty = Project::new(&[]).run(&["check"]);
    assert_eq!(
        (empty.code, empty.out.as_str(), empty.err.as_str()),
        (0, "", "warning: nothing to check: no Dockerfile, Compose file or manifest found\n")
    );
}

#[test]
fn findings_for_programs() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT)]);
    let run = project.run(&["check", "--output-format", "json"]);
    assert_eq!(run.code, 1);
    let report = run.json();
    assert_eq!(report["version"], 1);
    let found = &report["diagnostics"][0];
    assert_eq!(found["rule"], "missing-exec");
    assert_eq!(found["severity"], "error");
    assert_eq!(found["path"], "run.sh");
    assert_eq!(found["range"]["start"]["line"], 4);
    assert_eq!(found["range"]["start"]["column"], 1);
    assert_eq!(found["outcome"], "timeout");
    assert_eq!(found["image"]["path"], "Dockerfile");
    assert_eq!(found["image"]["stage"], serde_json::Value::Null);
    assert!(found["related"].as_array().unwrap().iter().any(|place| place["path"] == "Dockerfile"));
    assert_eq!(found["fix"]["safety"], "safe");
    assert_eq!(found["fix"]["edits"][0]["path"], "run.sh");
    let summary =
        serde_json::json!({"files": 1, "images": 1, "errors": 1, "warnings": 0, "infos": 0, "fixable": 1});
    assert_eq!(report["summary"], summary);
}

#[test]
fn trees_for_programs() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let tree = project.run(&["tree", "--output-format", "json"]).json();
    let image = &tree["images"][0];
    assert_eq!(tree["version"], 1);
    assert_eq!(image["path"], "Dockerfile");
    assert_eq!(image["base"], "node:20-bookworm-slim");
    assert_eq!(image["argv"], serde_json::json!(["docker-entrypoint.sh", "/bin/sh", "-c", "node server.js"]));
    assert_eq!(image["stop_signal"], "SIGTERM");
    assert_eq!(image["outcome"], "timeout");
    assert_eq!(image["processes"][0]["started"], "pid1");
    assert_eq!(image["processes"][0]["children"][0]["argv"], serde_json::json!(["node", "server.js"]));
}

#[test]
fn trees_for_people() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["tree"]);
    assert!(run.out.starts_with("Dockerfile:1"), "{}", run.out);
    assert!(run.out.contains("PID 1 /bin/sh -c 'node server.js'"), "{}", run.out);
    assert!(run.out.contains("└─ node server.js"), "{}", run.out);
    assert!(run.out.contains("✗ timeout"), "{}", run.out);
}

#[test]
fn trees_of_a_script_that_starts_itself() {
    let script = "#!/bin/bash\nif [[ $NAME != $(whoami) ]]; then\nuseradd \"$NAME\" || exit 1\n\
                  su -p -c /run.sh \"$NAME\"\nelse\nnode server.js\nfi\n";
    let project = Project::new(&[
        ("Dockerfile", "FROM debian:12\nCOPY run.sh /\nCMD [\"/run.sh\"]\n"),
        ("run.sh", script),
    ]);
    let run = project.run(&["tree"]);
    // Who the script runs as is not known; once more it does not ask for that.
    assert_eq!(run.out.matches("su -p").count(), 1, "{}", run.out);
}

#[test]
fn trees_of_which_too_little_was_followed() {
    let option = |number: usize| format!("if [ \"$A{number}\" ]; then set -- \"$@\" --a{number}; fi\n");
    let options: String = (0..12).map(option).collect();
    let wait = "while :; do\nnc -z \"$@\" db 1\nresult=$?\nif [ $result -eq 0 ]; then exit 0; fi\n\
                if [ \"$TIMEOUT\" -le 0 ]; then break; fi\nsleep 1\ndone\nexit 1\n";
    let project = Project::new(&[
        ("Dockerfile", "FROM debian:12\nCOPY run.sh /\nCMD [\"/run.sh\"]\n"),
        ("run.sh", &format!("#!/bin/sh\n{options}{wait}")),
    ]);
    let run = project.run(&["tree"]);
    assert!(run.out.contains("? unknown: the script has more branches than are followed"), "{}", run.out);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = project.command(arguments).envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\x1b')
    };
    assert!(!coloured(&["check"], &[]));
    assert!(!coloured(&["check"], &[("NO_COLOR", "1")]));
    assert!(coloured(&["check"], &[("CLICOLOR_FORCE", "1")]));
    assert!(coloured(&["check", "--color", "always"], &[]));
    assert!(coloured(&["check", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["check", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["check", "--color", "always", "--output-format", "json"], &[]));
    let links = project.run(&["check", "--color", "always"]).out;
    assert!(!links.contains("\x1b]8"), "no hyperlinks");
}

#[test]
fn standard_input() {
    let project = Project::new(&[("Dockerfile", GOOD), ("sub/run.sh", SCRIPT)]);
    assert_eq!(project.run_with(&["check", "-"], SHELL_FORM).code, 1);
    assert_eq!(project.run_with(&["check", "-"], GOOD).code, 0);
    let run = project.run_with(&["check", "--stdin-filename", "not/there/Dockerfile"], SHELL_FORM);
    assert!(run.out.contains("╭─[not/there/Dockerfile:3:"), "{}", run.out);

    // The text replaces the file wherever it is read, so an editor can have a script checked as it stands.
    let project =
        Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", "#!/bin/sh\nexec node server.js\n")]);
    let run = project.run_with(&["check", "--stdin-filename", "run.sh", "--output-format", "json"], SCRIPT);
    assert_eq!(run.code, 1);
    assert_eq!(run.json()["diagnostics"][0]["path"], "run.sh");
}

#[test]
fn a_reader_that_leaves_early() {
    let many: Vec<(String, &str)> = (0..300).map(|n| (format!("{n}/Dockerfile"), SHELL_FORM)).collect();
    let files: Vec<(&str, &str)> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let project = Project::new(&files);
    for arguments in
        [&["check"][..], &["check", "--output-format", "json"], &["check", "--diff"], &["tree"], &["--help"]]
    {
        let mut child =
            project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked") && !err.contains("error"), "{arguments:?}: {err}");
        assert!(output.status.code().is_some(), "{arguments:?}: {:?}", output.status);
    }
}

#[test]
fn named_files_that_cannot_be_read() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    project.write("Dockerfile.latin", b"FROM x\n# \xe9\nCMD x\n");
    nix::unistd::mkfifo(&project.path("Dockerfile.fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let run = project.run(&["check", "Dockerfile.latin", "Dockerfile"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("Dockerfile.latin: not UTF-8 text"), "{}", run.err);
    assert!(run.out.contains("shell-form"), "the others are checked all the same");

    let run = project.run(&["check", "Dockerfile.fifo"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("Dockerfile.fifo: not a regular file"), "{}", run.err);

    // What was only found on the way is no reason to fail.
    project.write("Dockerfile", GOOD.as_bytes());
    let run = project.run(&["check"]);
    assert_eq!(run.code, 0);
    assert!(
        run.err.contains("warning: ") && run.err.contains("Dockerfile.latin: not UTF-8 text"),
        "{}",
        run.err
    );
}

#[test]
fn what_only_looks_like_a_dockerfile() {
    let project = Project::new(&[("a/Dockerfile/Dockerfile", SHELL_FORM), ("b/x", "")]);
    nix::unistd::mkfifo(&project.path("b/Dockerfile"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for arguments in [&["check"][..], &["check", "a/Dockerfile"], &["check", "--fix", "--diff"]] {
        let run = project.run(arguments);
        assert!(
            run.code > 0 && !run.err.contains("b/Dockerfile"),
            "a folder is searched, a pipe is no file: {run:?}"
        );
    }
    let run = project.run(&["check", "b/Dockerfile"]);
    assert_eq!((run.code, run.err.contains("b/Dockerfile: not a regular file")), (2, true), "{run:?}");
    let run = project.run(&["check", "--output-file", "/dev/stdout"]);
    assert!(run.out.starts_with("error[shell-form]"), "what is no file is written to: {run:?}");
}
