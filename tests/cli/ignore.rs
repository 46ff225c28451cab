//! Comments that silence findings.

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

const SILENT_SHELL_FORM: &str = "FROM node:20-bookworm-slim\nWORKDIR /app\n# pidone: ignore[shell-form] it has no state\nCMD node server.js\n";
const SILENT_SCRIPT: &str =
    "#!/bin/sh\nset -e\nmkdir -p /data\nnode server.js # pidone: ignore[missing-exec] it has no state\n";

#[test]
fn findings_are_silenced_and_left_alone() {
    let project = Project::new(&[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SILENT_SCRIPT),
        ("web.Dockerfile", SILENT_SHELL_FORM),
        ("file.Dockerfile", &format!("# pidone: ignore-file[shell-form] all of it\n{SHELL_FORM}")),
        ("bad.Dockerfile", SHELL_FORM),
    ]);
    assert_eq!(project.findings(&[]), ["bad.Dockerfile:3 shell-form"]);
    project.run(&["check", "--fix"]);
    assert_eq!(project.read("run.sh"), SILENT_SCRIPT);
    assert_eq!(project.read("web.Dockerfile"), SILENT_SHELL_FORM);
    let run = project.run(&["check"]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_silenced_finding_is_not_repaired_along_with_another() {
    let dockerfile = "FROM node:20-bookworm-slim\nCOPY run.sh /\nENTRYPOINT /run.sh\n";
    let project = Project::new(&[("Dockerfile", dockerfile), ("run.sh", SILENT_SCRIPT)]);
    assert_eq!(project.findings(&[]), ["Dockerfile:3 shell-form"]);
    project.run(&["check", "--fix", "--unsafe-fixes"]);
    assert_eq!(project.read("run.sh"), SILENT_SCRIPT);
}

#[test]
fn what_is_no_comment_silences_nothing() {
    let project = Project::new(&[
        ("Dockerfile", "FROM node:20-bookworm-slim\nCMD node server.js # pidone: ignore[shell-form] x\n"),
        ("script/Dockerfile", STARTS_SCRIPT),
        (
            "script/run.sh",
            "#!/bin/sh\ncat <<E\n# pidone: ignore-file[missing-exec] x\nE\nmkdir '# pidone: ignore[missing-exec]'\nnode server.js\n",
        ),
    ]);
    let found = project.findings(&[]);
    assert!(found.contains(&"script/run.sh:6 missing-exec".to_owned()), "{found:?}");
    assert!(found.iter().any(|finding| finding.starts_with("Dockerfile:2 ")), "{found:?}");
}

#[test]
fn comments_without_use_are_told() {
    let project = Project::new(&[
        ("Dockerfile", &format!("# pidone: ignore[shell-form] x\n{GOOD}# pidone: ignored\n")),
        ("a/Dockerfile", STARTS_SCRIPT),
        ("a/run.sh", &SCRIPT.replace("node", "# pidone: ignore[mising-exec, shell-form] x\nnode")),
    ]);
    assert_eq!(
        project.findings(&[]),
        [
            "Dockerfile:1 unused-ignore",
            "Dockerfile:4 unused-ignore",
            "a/run.sh:4 unused-ignore",
            "a/run.sh:4 unused-ignore",
            "a/run.sh:5 missing-exec"
        ]
    );
    let run = project.run(&["check"]);
    for part in [
        "did you mean missing-exec?",
        "`mising-exec` is no rule",
        "`shell-form` finds nothing here",
        "warning[unused-ignore]",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert_eq!(
        project.findings(&["--select", "missing-exec,unused-ignore"]).len(),
        3,
        "what is not sought is not missed"
    );
}

#[test]
fn every_dockerfile_that_starts_a_script_is_asked() {
    let starts = |base: &str| STARTS_SCRIPT.replace("node:20-bookworm-slim", base);
    // Debian's /bin/sh has no `wait -n`, Fedora's has.
    let script = "#!/bin/sh\nserver & # pidone: ignore[untrapped-background] x\nwait -n # pidone: ignore[unsupported-wait] x\n";
    let project = Project::new(&[
        ("Dockerfile", &starts("debian:bookworm-slim")),
        ("fedora.Dockerfile", &starts("fedora:40")),
        ("run.sh", script),
    ]);
    for arguments in [&[][..], &["run.sh"], &["fedora.Dockerfile"], &["Dockerfile"]] {
        assert_eq!(project.findings(arguments), [""; 0], "{arguments:?}");
    }
    project.write("Dockerfile", GOOD.as_bytes());
    assert_eq!(project.findings(&["fedora.Dockerfile"]), [""; 0], "others may start it");
    assert_eq!(project.findings(&[]), ["run.sh:3 unused-ignore"]);
    assert_eq!(project.findings(&["run.sh"]), ["run.sh:3 unused-ignore"]);
}

#[test]
fn comments_are_written() {
    let heredoc = "FROM debian:bookworm-slim\nCOPY --chmod=755 <<E /run.sh\n#!/bin/sh\nif x; then\n\tserver \\\\\n\t  --port 1\nfi\nE\nCMD [\"/run.sh\"]\n";
    let project = Project::new(&[
        ("Dockerfile", &STARTS_SCRIPT.replace('\n', "\r\n")),
        ("run.sh", SCRIPT),
        ("a.Dockerfile", &format!("# escape=`\n{}", SHELL_FORM.replace("CMD node", "CMD `\n # c\n  node"))),
        ("b.Dockerfile", heredoc),
    ]);
    let run = project.run(&["check", "--add-ignore", "--reason", "costs $5\nnot now"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.err.contains("run.sh\n  ignored missing-exec, line 4\n"), "{}", run.err);
    assert_eq!(
        project.read("run.sh"),
        SCRIPT.replace("node", "# pidone: ignore[missing-exec] costs $5 not now\nnode")
    );
    let (above, below) =
        ("# pidone: ignore[shell-form] costs $5 not now\n", "CMD `\n # c\n  node server.js\n");
    assert!(
        project.read("a.Dockerfile").ends_with(&format!("\n{above}{below}")),
        "{}",
        project.read("a.Dockerfile")
    );
    let expected =
        heredoc.replace("\tserver", "\t# pidone: ignore[missing-exec] costs \\$5 not now\n\tserver");
    assert_eq!(project.read("b.Dockerfile"), expected);
    assert_eq!(project.run(&["check", "--add-ignore"]).err, "Wrote 0 comments\n");
    assert_eq!(project.run(&["check", "--reason", "x"]).code, 2, "a reason for what?");
}

#[test]
fn comments_break_nothing() {
    // Above the line the comment would end the command before it, so it stands at the end.
    let continued = "#!/bin/sh\nmkdir -p /data &&\\\nnode server.js\n";
    let first_line = "#!/bin/sh\r\nexec node server.js\r\n";
    let project = Project::new(&[
        ("a/Dockerfile", STARTS_SCRIPT),
        ("a/run.sh", continued),
        ("b/Dockerfile", STARTS_SCRIPT),
        ("b/run.sh", first_line),
    ]);
    let before = project.findings(&[]);
    let run = project.run(&["check", "--add-ignore", "--reason", "x"]);
    assert!(before.contains(&"b/run.sh:1 script-not-runnable".to_owned()), "{before:?}");
    assert_eq!(
        project.read("a/run.sh"),
        continued.replace("server.js", "server.js # pidone: ignore[missing-exec] x")
    );
    assert_eq!(
        project.read("b/run.sh"),
        first_line.replace("\r\nexec", "\r\n# pidone: ignore-file[script-not-runnable] x\r\nexec")
    );
    assert_eq!(run.code, 0);
    assert!(run.err.ends_with("Wrote 2 comments\n"), "{}", run.err);
}

#[test]
fn deployments_are_silenced_too() {
    let compose = |command: &str| format!("services:\n  web:\n    build: .\n    command: {command}\n");
    let service = "sh -c \"mkdir -p x; node server.js; true\"";
    let project = Project::new(&[("Dockerfile", GOOD), ("compose.yml", &compose(service))]);
    assert_eq!(project.findings(&[]), ["compose.yml:4 shell-wrapper"]);
    assert_eq!(project.run(&["check", "--add-ignore", "--reason", "x"]).code, 0);
    let expected =
        compose(service).replace("    command", "    # pidone: ignore[shell-wrapper] x\n    command");
    assert_eq!(project.read("compose.yml"), expected);

    // In a text over several lines there are no comments.
    let folded = compose("sh -c\n      \"mkdir -p x; node server.js; true\"");
    project.write("compose.yml", folded.as_bytes());
    assert_eq!(project.findings(&[]), ["compose.yml:5 shell-wrapper"]);
    let run = project.run(&["check", "--add-ignore", "--reason", "x"]);
    assert_eq!((run.code, project.read("compose.yml")), (1, folded));
    assert!(run.err.contains("left shell-wrapper, line 5: no comment can stand here"), "{}", run.err);
}

#[test]
fn supervisors_are_silenced_too() {
    let conf = "[supervisord]\nnodaemon=true\n[program:web]\ncommand=nginx\n";
    let dockerfile = "FROM debian:bookworm-slim\nCOPY supervisord.conf /etc/\nCMD [\"supervisord\", \"-c\", \"/etc/supervisord.conf\"]\n";
    let project = Project::new(&[("Dockerfile", dockerfile), ("supervisord.conf", conf)]);
    assert_eq!(project.findings(&[]), ["supervisord.conf:4 supervisor-config"]);
    assert_eq!(project.run(&["check", "--add-ignore", "--reason", "x"]).code, 0);
    let expected = conf.replace("command", "# pidone: ignore[supervisor-config] x\ncommand");
    assert_eq!(project.read("supervisord.conf"), expected);
}
