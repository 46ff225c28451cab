//! `pidone.toml`: where it is found, what it does, and what is wrong with it.

use std::os::unix::fs::symlink;

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

#[test]
fn the_nearest_file_counts() {
    let project = Project::new(&[
        ("pidone.toml", "ignore = [\"shell-form\"]\n"),
        ("Dockerfile", SHELL_FORM),
        ("a/Dockerfile", SHELL_FORM),
        ("b/.pidone.toml", ""),
        ("b/Dockerfile", SHELL_FORM),
        ("b/c/Dockerfile", SHELL_FORM),
    ]);
    assert_eq!(project.findings(&[]), ["b/Dockerfile:3 shell-form", "b/c/Dockerfile:3 shell-form"]);
    assert_eq!(project.findings(&["--isolated"]).len(), 4);
    assert_eq!(project.findings(&["--config", "pidone.toml"]), [""; 0]);
    assert_eq!(project.run(&["check", "--config", "pidone.toml", "--isolated"]).code, 2);
    let inner = Project::new(&[("Dockerfile", SHELL_FORM)]);
    assert_eq!(inner.findings(&[]).len(), 1, "what is above the repository does not count");
}

#[test]
fn rules_are_chosen() {
    let files = [("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT), ("web.Dockerfile", SHELL_FORM)];
    let project = Project::new(&files);
    assert_eq!(project.findings(&["--select", "missing-exec"]), ["run.sh:4 missing-exec"]);
    assert_eq!(project.findings(&["--ignore", "missing-exec,shell-form"]), [""; 0]);
    let run = project.run(&["check", "--select", "mising-exec"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean missing-exec?"), "{}", run.err);

    project.write("pidone.toml", b"select = [\"shell-form\"]\n");
    assert_eq!(project.findings(&[]), ["web.Dockerfile:3 shell-form"]);
    assert_eq!(
        project.findings(&["--select", "missing-exec"]),
        ["run.sh:4 missing-exec"],
        "more than the file"
    );
    project.write(
        "pidone.toml",
        b"[[override]]\npaths = [\"run.sh\", \"web.*\"]\nignore = [\"missing-exec\"]\n",
    );
    assert_eq!(project.findings(&[]), ["web.Dockerfile:3 shell-form"]);
    assert_eq!(project.findings(&["--select", "missing-exec"]), [""; 0], "a path's exceptions stay");
}

#[test]
fn what_is_ignored_is_not_repaired() {
    let project = Project::new(&[
        ("pidone.toml", "ignore = [\"missing-exec\"]\n"),
        ("Dockerfile", "FROM node:20-bookworm-slim\nCOPY run.sh /\nENTRYPOINT /run.sh\n"),
        ("run.sh", SCRIPT),
    ]);
    project.run(&["check", "--fix"]);
    assert_eq!(project.read("run.sh"), SCRIPT, "not along with another finding either");
}

#[test]
fn severities_and_exit_codes() {
    let project =
        Project::new(&[("pidone.toml", "[severity]\nshell-form = \"info\"\n"), ("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--output-format", "json"]);
    assert_eq!((run.code, &run.json()["diagnostics"][0]["severity"]), (0, &"info".into()));
    assert_eq!(project.run(&["check", "--fail-on", "info"]).code, 1);
    project.write("pidone.toml", b"fail-on = \"info\"\n[severity]\nshell-form = \"info\"\n");
    assert_eq!(project.run(&["check"]).code, 1);
    assert_eq!(project.run(&["check", "--fail-on", "warning"]).code, 0);
}

#[test]
fn files_are_chosen() {
    let project = Project::new(&[
        ("pidone.toml", "exclude = [\"old/\", \"*.dev\"]\ndockerfiles = [\"images/*.build\"]\n"),
        ("old/a/Dockerfile", SHELL_FORM),
        ("Dockerfile.dev", SHELL_FORM),
        ("Dockerfile", GOOD),
        ("images/web.build", SHELL_FORM),
    ]);
    assert_eq!(project.findings(&[]), ["images/web.build:3 shell-form"]);
    assert_eq!(project.findings(&["Dockerfile.dev"]), ["Dockerfile.dev:3 shell-form"], "it is named");
    assert_eq!(project.findings(&["Dockerfile.dev", "--force-exclude"]), [""; 0]);
    assert_eq!(project.findings(&["images/web.build"]).len(), 1);
}

#[test]
fn a_file_extends_another() {
    let project = Project::new(&[
        ("shared/base.toml", "ignore = [\"shell-form\"]\nfail-on = \"error\"\nextend = \"more.toml\"\n"),
        ("shared/more.toml", "exclude = [\"old\"]\n"),
        ("pidone.toml", "extend = \"shared/base.toml\"\n"),
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SCRIPT),
        ("web.Dockerfile", SHELL_FORM),
        ("old/Dockerfile", SHELL_FORM),
    ]);
    assert_eq!(project.findings(&[]), ["run.sh:4 missing-exec"]);
}

#[test]
fn the_build_context_is_told() {
    let project = Project::new(&[
        ("docker/web/Dockerfile", STARTS_SCRIPT),
        ("docker/web/run.sh", "#!/bin/sh\nexec node server.js\n"),
        ("run.sh", SCRIPT),
    ]);
    assert_eq!(project.findings(&[]), [""; 0]);
    project.write("pidone.toml", b"[[override]]\npaths = [\"docker/*/Dockerfile\"]\ncontext = \".\"\n");
    assert_eq!(project.findings(&[]), ["run.sh:4 missing-exec"]);
    project.write("pidone.toml", b"[[override]]\npaths = [\"docker/*/Dockerfile\"]\ncontext = \"..\"\n");
    let run = project.run(&["check"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("the build context is not below"), "{}", run.err);
}

#[test]
fn programs_and_images_are_told() {
    let dockerfile = "FROM registry.example.com/base:1\nCMD [\"/opt/bin/launch\", \"server\"]\n";
    let project = Project::new(&[("Dockerfile", dockerfile)]);
    assert_eq!(project.findings(&[]), [""; 0]);
    let row = "[[program]]\nnames = [\"launch\"]\nkind = \"fork\"\nsignals.none = true\n";
    project.write("pidone.toml", row.as_bytes());
    assert_eq!(project.findings(&[]), ["Dockerfile:2 swallowing-wrapper"]);
    project.write("pidone.toml", row.replace("fork", "forks").as_bytes());
    let run = project.run(&["check"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean `fork`?") && run.err.contains("pidone.toml:3:"), "{}", run.err);
}

/// The first line of what is said, and that it points into the file.
fn error(config: &str) -> String {
    let project = Project::new(&[("pidone.toml", config), ("Dockerfile", SHELL_FORM)]);
    for command in ["check", "tree"] {
        let run = project.run(&[command]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
    }
    let run = project.run(&["check", "--fix"]);
    assert_eq!(project.read("Dockerfile"), SHELL_FORM, "nothing is written");
    assert!(run.err.contains("╭─[pidone.toml:"), "{}", run.err);
    run.err
}

#[test]
fn what_is_wrong_is_shown_in_the_file() {
    for (config, expected) in [
        ("selct = []\n", &["there is no key `selct` here", "pidone.toml:1:1", "did you mean `select`?"][..]),
        ("[[override]]\npaths = []\nfoo = 1\n", &["there is no key `foo` here", "known here: paths, "]),
        (
            "ignore = [\n  \"shell-from\",\n]\n",
            &["there is no such rule; did you mean shell-form?", "pidone.toml:2:3"],
        ),
        ("[severity]\nshell-from = \"info\"\n", &["did you mean shell-form?", "pidone.toml:2:1"]),
        ("fail-on = \"eror\"\n", &["there is no value `eror` here", "did you mean `error`?"]),
        ("init = true\n", &["pidone.toml:1:8"]),
        ("ignore = \"shell-form\"\n", &["expected a sequence", "pidone.toml:1:10"]),
        ("ignore = [\n", &["pidone.toml:"]),
        ("extend = \"nowhere.toml\"\n", &["cannot extend this file: not found", "pidone.toml:1:10"]),
        ("extend = \"pidone.toml\"\n", &["a configuration file cannot extend itself"]),
        ("extend = \".\"\n", &["cannot extend this file: not a regular file"]),
        ("[[image]]\nnames = []\n", &["an image needs a name"]),
    ] {
        let error = error(config);
        assert!(expected.iter().all(|part| error.contains(part)), "{config}\n{error}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--config", "no.toml"]);
    assert_eq!((run.code, run.err.as_str()), (2, "error: no.toml: not found\n"));
    nix::unistd::mkfifo(&project.path("pidone.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = project.run(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (2, "error: pidone.toml: not a regular file\n"));
    std::fs::remove_file(project.path("pidone.toml")).unwrap();
    symlink("nowhere", project.path("pidone.toml")).unwrap();
    assert_eq!(project.run(&["check"]).err, "error: pidone.toml: not found\n");
    std::fs::remove_file(project.path("pidone.toml")).unwrap();
    project.write("pidone.toml", b"# \xff\n");
    assert_eq!(project.run(&["check"]).err, "error: pidone.toml: not UTF-8 text\n");
}

#[test]
fn a_circle_is_told() {
    let project = Project::new(&[
        ("pidone.toml", "extend = \"a.toml\"\n"),
        ("a.toml", "extend = \"b.toml\"\n"),
        ("b.toml", "extend = \"a.toml\"\n"),
        ("Dockerfile", GOOD),
    ]);
    let run = project.run(&["check"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("b.toml:1:10") && run.err.contains("leads in a circle"), "{}", run.err);
}

#[test]
fn the_example_of_the_readme_is_valid() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let example = readme.split("```toml\n").find(|block| block.starts_with("extend = ")).unwrap();
    let project = Project::new(&[
        ("shared/pidone.toml", ""),
        ("web/pidone.toml", example.split("```").next().unwrap()),
        ("web/docker/api/Dockerfile", GOOD),
    ]);
    let run = project.run(&["check", "web"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{run:?}");
}
