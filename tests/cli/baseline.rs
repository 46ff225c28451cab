//! What is known is not reported again.

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

fn known() -> Project {
    let project =
        Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT), ("web.Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--write-baseline", "known.json"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", "Wrote 2 findings to known.json\n"));
    project
}

#[test]
fn only_what_is_new_is_reported() {
    let project = known();
    let run = project.run(&["check", "--baseline", "known.json"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
    assert!(run.out.ends_with("no problems found (2 in the baseline)\n"), "{}", run.out);

    // Lines move, and there is one more of a kind.
    project.write("web.Dockerfile", format!("# moved\n\n{SHELL_FORM}").as_bytes());
    project.write("new.Dockerfile", SHELL_FORM.as_bytes());
    assert_eq!(project.findings(&["--baseline", "known.json"]), ["new.Dockerfile:3 shell-form"]);
    assert_eq!(project.findings(&["--baseline", "known.json", "run.sh"]), [""; 0]);
    assert_eq!(project.run(&["check", "--baseline", "known.json", "--fix"]).code, 0);
    assert_eq!(project.read("run.sh"), SCRIPT, "what is known is not repaired");
    assert_ne!(project.read("new.Dockerfile"), SHELL_FORM);
}

#[test]
fn what_is_gone_is_told() {
    let project = known();
    project.write("web.Dockerfile", GOOD.as_bytes());
    let run = project.run(&["check", "--baseline", "known.json"]);
    assert_eq!(run.code, 0);
    let told = "warning: known.json: shell-form in web.Dockerfile: not found any more; `--write-baseline` writes it anew\n";
    assert_eq!(run.err, told);
    assert_eq!(
        project.run(&["check", "--baseline", "known.json", "Dockerfile"]).err,
        "",
        "not everything was checked"
    );
}

#[test]
fn files_that_are_no_baseline() {
    let project = Project::new(&[("Dockerfile", GOOD), ("folder/x", "")]);
    for (text, expected) in [
        ("{", "known.json: not a baseline of pidone: EOF"),
        ("[]", "known.json: not a baseline of pidone: "),
        ("{\"version\": 1}", "known.json: not a baseline of pidone: missing field `findings`"),
        (
            "{\"version\": 2, \"entries\": []}",
            "known.json: a baseline of version 2, and this pidone reads version 1",
        ),
    ] {
        project.write("known.json", text.as_bytes());
        let run = project.run(&["check", "--baseline", "known.json"]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{text}");
        assert!(run.err.contains(expected), "{text}: {}", run.err);
    }
    for path in ["no.json", "folder"] {
        let run = project.run(&["check", "--baseline", path]);
        assert_eq!(run.code, 2);
        assert!(run.err.starts_with(&format!("error: {path}: ")), "{}", run.err);
    }
    for path in ["no/known.json", "folder"] {
        let run = project.run(&["check", "--write-baseline", path]);
        assert_eq!(run.code, 2);
        assert!(run.err.starts_with(&format!("error: cannot write {path}: ")), "{}", run.err);
    }
    assert_eq!(project.run(&["check", "--write-baseline", "a", "--baseline", "b"]).code, 2);
}
