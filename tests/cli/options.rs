//! Options about the report: where it goes, what is in it, and what the exit code is.

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

#[test]
fn exit_zero() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--exit-zero"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("1 error"), "{}", run.out);
    assert_eq!(project.run(&["check", "--exit-zero", "no-such-file"]).code, 2, "that is no finding");
}

#[test]
fn a_report_to_a_file() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    for arguments in [&["check", "--color", "always"][..], &["check", "--output-format", "json"]] {
        let expected = project.run(&[arguments, &["--color", "never"]].concat()[..]);
        let expected = if arguments.contains(&"always") { project.run(&["check"]) } else { expected };
        let run = project.run(&[arguments, &["--output-file", "report"]].concat());
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (1, "", ""));
        assert_eq!(project.read("report"), expected.out);
    }
    let run = project.run(&["check", "--output-file", "no/report"]);
    assert_eq!(run.code, 2);
    assert!(run.err.starts_with("error: cannot write no/report: "), "{}", run.err);
}

#[test]
fn the_environment_names_a_format() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = |value: &str, arguments: &[&str]| {
        let output = project.command(arguments).env("PIDONE_OUTPUT_FORMAT", value).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert!(run("json", &["check"]).1.starts_with('{'));
    assert!(run("json", &["check", "--output-format", "text"]).1.starts_with("error["));
    assert_eq!(run("xml", &["check"]).0, Some(2));
}

#[test]
fn statistics() {
    let project = Project::new(&[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SCRIPT),
        ("a/Dockerfile", SHELL_FORM),
        ("b/Dockerfile", SHELL_FORM),
    ]);
    let run = project.run(&["check", "--statistics"]);
    assert_eq!(run.code, 1);
    let lines: Vec<&str> = run.out.lines().collect();
    assert!(
        lines[0].starts_with("    2  error    shell-form    ") && lines[0].ends_with(" (2 fixable)"),
        "{}",
        run.out
    );
    assert!(lines[1].starts_with("    1  error    missing-exec  "), "{}", run.out);
    assert_eq!(lines.len(), 2);
    let json = project.run(&["check", "--statistics", "--output-format", "json"]).json();
    assert_eq!(
        json["statistics"][0],
        serde_json::json!({"rule": "shell-form", "count": 2, "severity": "error", "fixable": 2})
    );
    project.write("a/Dockerfile", GOOD.as_bytes());
    assert_eq!(project.run(&["check", "--statistics", "a"]).out, "");
}

#[test]
fn changes_are_shown() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--show-fixes"]);
    assert!(run.out.contains("\n-CMD node server.js\n+CMD [\"node\", \"server.js\"]\n"), "{}", run.out);
    let run = project.run(&["check", "--show-fixes", "--fix"]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains("\n-CMD node server.js\n+CMD [\"node\", \"server.js\"]\n"), "{}", run.out);
}

#[test]
fn other_tools_name_for_the_format() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    for command in ["check", "tree"] {
        let run = project.run(&[command, "--format", "json"]);
        assert!(run.out.starts_with('{'), "{}", run.err);
    }
}
