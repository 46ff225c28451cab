//! `pidone fix`: questions and answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::support::{GOOD, Project, SCRIPT, SCRIPT_FIXED, SHELL_FORM, SHELL_FORM_FIXED, STARTS_SCRIPT};

fn project() -> Project {
    Project::new(&[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SCRIPT),
        ("fakeroot.Dockerfile", "FROM debian:bookworm-slim\nCMD [\"fakeroot\", \"server\"]\n"),
        ("web.Dockerfile", SHELL_FORM),
    ])
}

#[test]
fn each_finding_is_decided_on() {
    let project = project();
    let run = project.run_with(&["fix"], "y\ni\nthe image is from upstream\nwhat?\nn\n");
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(project.read("run.sh"), SCRIPT_FIXED);
    assert!(
        project
            .read("fakeroot.Dockerfile")
            .contains("\n# pidone: ignore[swallowing-wrapper] the image is from upstream\nCMD [\"fakeroot\"")
    );
    assert_eq!(project.read("web.Dockerfile"), SHELL_FORM);
    assert!(run.out.contains("-node server.js\n+exec node server.js\n"), "{}", run.out);
    assert!(run.out.contains("  not repaired: no repair is known that ends well\nWhat now? "), "{}", run.out);
    assert_eq!(run.out.matches("Repair it? ").count(), 3, "one answer was not understood");
    assert!(run.out.ends_with("1 repaired, 1 silenced, 1 skipped; 1 left\n"), "{}", run.out);

    let run = project.run_with(&["fix", "--quiet"], "yes\n");
    assert_eq!((run.code, project.read("web.Dockerfile").as_str()), (0, SHELL_FORM_FIXED));
    let run = project.run_with(&["fix"], "");
    assert_eq!((run.code, run.out.as_str()), (0, "0 repaired, 0 silenced, 0 skipped; 0 left\n"));
}

#[test]
fn who_leaves_keeps_what_was_decided() {
    for end in ["q\n", ""] {
        let project = project();
        let run = project.run_with(&["fix"], &format!("y\n{end}"));
        assert_eq!(run.code, 1);
        assert_eq!(project.read("run.sh"), SCRIPT_FIXED);
        assert_eq!(project.read("web.Dockerfile"), SHELL_FORM);
        assert!(run.out.ends_with("1 repaired, 0 silenced, 0 skipped; 2 left\n"), "{}", run.out);
    }
}

#[test]
fn what_cannot_be_done_is_told() {
    let project = project();
    fs::set_permissions(project.path("run.sh"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = project.run_with(&["fix", "run.sh"], "y\n");
    assert_eq!(run.code, 2);
    assert!(run.err.contains("run.sh: it is read-only; nothing was written"), "{}", run.err);
    assert!(run.out.ends_with("0 repaired, 0 silenced, 1 skipped; 1 left\n"), "{}", run.out);
    assert_eq!(project.run_with(&["fix", "-"], GOOD).code, 2);
}

/// Two findings that look the same are two.
#[test]
fn twins_are_asked_about_one_by_one() {
    let stage = "FROM node:20-bookworm-slim AS";
    let twins = format!("{stage} a\nCMD node server.js\n{stage} b\nCMD node server.js\n");
    let project = Project::new(&[("Dockerfile", &twins)]);
    let findings = project.findings(&[]).len();
    let run = project.run_with(&["fix"], "n\ny\n");
    assert_eq!(run.out.matches("Repair it? ").count(), findings, "{}", run.out);
}
