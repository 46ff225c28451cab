//! `--fix`: what is written, and what is left alone.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::support::{GOOD, Project, SCRIPT, SCRIPT_FIXED, SHELL_FORM, SHELL_FORM_FIXED, STARTS_SCRIPT};

#[test]
fn everything_is_fixed_once() {
    let project =
        Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT), ("web.Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--fix"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(project.read("run.sh"), SCRIPT_FIXED);
    assert_eq!(project.read("web.Dockerfile"), SHELL_FORM_FIXED);
    assert_eq!(project.read("Dockerfile"), STARTS_SCRIPT);
    assert!(run.out.contains("run.sh\n  fixed missing-exec: "), "{}", run.out);
    assert!(run.out.contains("web.Dockerfile\n  fixed shell-form: "), "{}", run.out);
    assert!(run.out.ends_with("2 images: 2 findings fixed, none left\n"), "{}", run.out);
    assert_eq!(project.names(), [".git", "Dockerfile", "run.sh", "web.Dockerfile"], "nothing is left behind");

    let before = fs::metadata(project.path("run.sh")).unwrap();
    let again = project.run(&["check", "--fix"]);
    assert!(again.out.ends_with("2 images: all good\n"), "{}", again.out);
    let after = fs::metadata(project.path("run.sh")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()), "not written again");
}

#[test]
fn every_other_byte_stays() {
    let crlf = "\u{feff}# é\r\nFROM node:20-bookworm-slim\r\n\r\nCMD node server.js";
    let project = Project::new(&[("Dockerfile", crlf)]);
    project.run(&["check", "--fix"]);
    assert_eq!(project.read("Dockerfile"), crlf.replace("node server.js", "[\"node\", \"server.js\"]"));
}

#[test]
fn mode_and_symlinks_stay() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("docker/run.sh", SCRIPT)]);
    symlink("docker/run.sh", project.path("run.sh")).unwrap();
    fs::set_permissions(project.path("docker/run.sh"), fs::Permissions::from_mode(0o751)).unwrap();
    assert_eq!(project.run(&["check", "--fix"]).code, 0);
    assert_eq!(project.read("docker/run.sh"), SCRIPT_FIXED);
    assert!(project.path("run.sh").is_symlink());
    assert_eq!(fs::metadata(project.path("docker/run.sh")).unwrap().mode() & 0o7777, 0o751);
}

#[test]
fn a_diff_writes_nothing() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--diff"]);
    assert_eq!(run.code, 1);
    assert_eq!(project.read("Dockerfile"), SHELL_FORM);
    assert_eq!(run.err, "Would fix 1 finding in 1 file\n");
    assert_eq!(project.run(&["check", "--diff", "--fix"]).code, 2, "one or the other");

    project.write("Dockerfile", GOOD.as_bytes());
    let run = project.run(&["check", "--diff"]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", "Nothing to fix\n"));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let project = Project::new(&[("Dockerfile", GOOD)]);
    let run = project.run_with(&["check", "--fix", "--stdin-filename", "Dockerfile"], SHELL_FORM);
    assert_eq!((run.code, run.out.as_str()), (0, SHELL_FORM_FIXED));
    assert!(run.err.contains("1 finding fixed, none left"), "{}", run.err);
    assert_eq!(project.read("Dockerfile"), GOOD, "the file itself is the editor's");

    let run = project.run_with(&["check", "--fix", "-"], GOOD);
    assert_eq!((run.code, run.out.as_str()), (0, GOOD));

    // A fix that needs another file as well is not made by half.
    let project = Project::new(&[("Dockerfile", GOOD), ("run.sh", SCRIPT)]);
    let run = project.run_with(&["check", "--fix", "-"], STARTS_SCRIPT);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("the repair also changes run.sh"), "{}", run.err);
    assert_eq!(project.read("run.sh"), SCRIPT);
}

#[test]
fn what_is_left_is_told() {
    let project = Project::new(&[
        ("Dockerfile", SHELL_FORM),
        ("fakeroot.Dockerfile", "FROM debian:bookworm-slim\nCMD [\"fakeroot\", \"server\"]\n"),
    ]);
    let run = project.run(&["check", "--fix"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("Dockerfile\n  fixed shell-form: "), "{}", run.out);
    let left = "fakeroot.Dockerfile\n  left  swallowing-wrapper, line 2: no repair is known that ends well\n";
    assert!(run.out.contains(left), "{}", run.out);
}

#[test]
fn a_file_that_must_not_be_written() {
    let dockerfile = STARTS_SCRIPT.replace("[\"/run.sh\"]", "/run.sh");
    let project = Project::new(&[("Dockerfile", &dockerfile), ("run.sh", SCRIPT)]);
    fs::set_permissions(project.path("run.sh"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = project.run(&["check", "--fix"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("run.sh: it is read-only; nothing was written"), "{}", run.err);
    assert_eq!((project.read("Dockerfile"), project.read("run.sh")), (dockerfile, SCRIPT.to_owned()));
    assert_eq!(project.names(), [".git", "Dockerfile", "run.sh"], "nothing is left behind");
}
