//! Which files are checked, and what their paths are relative to.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use super::support::{GOOD, Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

#[test]
fn names_and_git() {
    let project = Project::new(&[
        (".gitignore", "/ignored/\n"),
        ("Dockerfile", SHELL_FORM),
        ("b/Dockerfile.dev", SHELL_FORM),
        ("a/web.Dockerfile", SHELL_FORM),
        ("a/Containerfile", SHELL_FORM),
        ("a/Dockerfile.dockerignore", SHELL_FORM),
        ("a/Dockerfile.orig", SHELL_FORM),
        ("a/Dockerfile.j2", SHELL_FORM),
        ("a/Dockerfile.md", SHELL_FORM),
        (".hidden/Dockerfile", SHELL_FORM),
        ("ignored/Dockerfile", SHELL_FORM),
        ("node_modules/x/Dockerfile", SHELL_FORM),
    ]);
    assert_eq!(
        project.findings(&[]),
        [
            "Dockerfile:3 shell-form",
            "a/Containerfile:3 shell-form",
            "a/web.Dockerfile:3 shell-form",
            "b/Dockerfile.dev:3 shell-form",
        ]
    );
    assert_eq!(project.run(&["check"]).err, "");
    let verbose = project.run(&["check", "--verbose"]).err;
    assert!(verbose.contains("note: ") && verbose.contains("a/Dockerfile.j2: skipped"), "{verbose}");
}

#[test]
fn ignore_files_count_up_to_the_root_of_the_project() {
    let files =
        [(".gitignore", "Dockerfile\n"), ("a/Dockerfile", SHELL_FORM), ("a/Containerfile", SHELL_FORM)];
    assert_eq!(Project::new(&files).findings(&["a"]), ["a/Containerfile:3 shell-form"]);
    let plain = Project::without_git(&files);
    assert_eq!(plain.findings(&[]), ["a/Containerfile:3 shell-form"]);
    assert_eq!(plain.findings(&["a"]), ["Containerfile:3 shell-form", "Dockerfile:3 shell-form"]);
}

#[test]
fn all_that_git_reads_counts() {
    let files = [
        (".git/info/exclude", "excluded\n"),
        (".gitignore", "/a/x/\n*.old\n!/.kept/\n"),
        (".ignore", "!/b/Dockerfile.old\n"),
        ("a/.gitignore", "!x/\nDockerfile\n!/y/Dockerfile\n"),
        ("a/Dockerfile", SHELL_FORM),
        ("a/x/Dockerfile.1", SHELL_FORM),
        ("a/y/Dockerfile", SHELL_FORM),
        ("a/z/Dockerfile", SHELL_FORM),
        ("b/Dockerfile.old", SHELL_FORM),
        ("b/old.dockerfile", SHELL_FORM),
        ("excluded/Dockerfile", SHELL_FORM),
        (".kept/Dockerfile", SHELL_FORM),
        (".hidden/Dockerfile", SHELL_FORM),
    ];
    let project = Project::without_git(&files);
    let found = [
        ".kept/Dockerfile:3 shell-form",
        "a/x/Dockerfile.1:3 shell-form",
        "a/y/Dockerfile:3 shell-form",
        "b/Dockerfile.old:3 shell-form",
        "b/old.dockerfile:3 shell-form",
    ];
    assert_eq!(project.findings(&[]), found);
    project.write("home/config", b"[core]\n\texcludesFile = users\n");
    project.write("users", b"/b/old.*\n");
    let of_user = |folder: &str| {
        let mut command = project.command(&["check", "--output-format", "concise"]);
        let output = command.env("GIT_CONFIG_GLOBAL", project.path(folder)).output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter(|line| line.contains("old.dockerfile"))
            .count()
    };
    assert_eq!((of_user("home/config"), of_user("home/none")), (0, 1));
}

#[test]
fn a_working_tree_has_its_repositorys_exceptions() {
    let project = Project::without_git(&[
        ("main/.git/info/exclude", "excluded\n"),
        ("main/.git/worktrees/tree/commondir", "../..\n"),
        ("tree/Dockerfile", SHELL_FORM),
        ("tree/excluded/Dockerfile", SHELL_FORM),
    ]);
    let own = project.path("main/.git/worktrees/tree");
    project.write("tree/.git", format!("gitdir: {}\n", own.display()).as_bytes());
    assert_eq!(project.findings(&["tree"]), ["Dockerfile:3 shell-form"]);
}

#[test]
fn what_is_named_is_checked_whatever_its_name() {
    let project = Project::new(&[(".hidden/x.j2", SHELL_FORM), ("a/Dockerfile.md", SHELL_FORM)]);
    assert_eq!(project.findings(&[".hidden"]), [""; 0]);
    assert_eq!(project.findings(&["a/Dockerfile.md"]), ["a/Dockerfile.md:3 shell-form"]);
    assert_eq!(project.findings(&["a/../a/Dockerfile.md", "./a"]), ["a/Dockerfile.md:3 shell-form"]);
}

#[test]
fn paths_in_json_start_at_the_root_of_the_project() {
    let files = [("web/Dockerfile", SHELL_FORM), ("Dockerfile", GOOD)];
    let git = Project::new(&files);
    assert_eq!(git.findings(&["web"]), ["web/Dockerfile:3 shell-form"]);
    let absolute = git.path("web/Dockerfile");
    assert_eq!(git.findings(&[absolute.to_str().unwrap()]), ["web/Dockerfile:3 shell-form"]);

    let plain = Project::without_git(&files);
    assert_eq!(plain.findings(&["web"]), ["Dockerfile:3 shell-form"]);
    assert_eq!(plain.findings(&["web/Dockerfile"]), ["web/Dockerfile:3 shell-form"]);
    assert_eq!(plain.findings(&[]), ["web/Dockerfile:3 shell-form"]);
}

#[test]
fn paths_in_text_can_be_opened_from_here() {
    let project = Project::new(&[("web/Dockerfile", SHELL_FORM), ("worker/Dockerfile", SHELL_FORM)]);
    let output =
        project.command(&["check", ".", "../worker"]).current_dir(project.path("web")).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("[Dockerfile:3:") && out.contains("[../worker/Dockerfile:3:"), "{out}");
}

#[test]
fn several_projects_at_once() {
    let (first, second) =
        (Project::new(&[("Dockerfile", SHELL_FORM)]), Project::new(&[("Dockerfile", SHELL_FORM)]));
    let (one, other) = (first.path("Dockerfile"), second.path("Dockerfile"));
    let found = first.findings(&[one.to_str().unwrap(), other.to_str().unwrap()]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|finding| finding.starts_with('/')), "{found:?}");
}

#[test]
fn a_script_is_checked_as_its_dockerfiles_start_it() {
    let project = Project::new(&[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SCRIPT),
        ("other/Dockerfile", SHELL_FORM),
        ("lonely.sh", SCRIPT),
    ]);
    assert_eq!(project.findings(&["run.sh"]), ["run.sh:4 missing-exec"]);
    let run = project.run(&["check", "run.sh", "--output-format", "json"]);
    assert_eq!(run.json()["summary"]["files"], 1);

    let run = project.run(&["check", "lonely.sh"]);
    assert_eq!(run.code, 0);
    assert!(
        run.err.contains("lonely.sh: no Dockerfile or deployment of the project starts this script"),
        "{}",
        run.err
    );

    let run = project.run(&["check", "--fix", "run.sh"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(project.read("other/Dockerfile"), SHELL_FORM, "nothing else is touched");
}

#[test]
fn symlinks_say_nothing_twice() {
    let project = Project::new(&[("docker/Dockerfile", SHELL_FORM), ("docker/production", SHELL_FORM)]);
    symlink("docker/Dockerfile", project.path("Dockerfile")).unwrap();
    symlink("docker/production", project.path("Dockerfile.production")).unwrap();
    symlink("nowhere", project.path("Dockerfile.broken")).unwrap();
    symlink("docker", project.path("folder")).unwrap();
    assert_eq!(
        project.findings(&[]),
        ["Dockerfile.production:3 shell-form", "docker/Dockerfile:3 shell-form"]
    );
    assert_eq!(project.findings(&["Dockerfile"]), ["Dockerfile:3 shell-form"]);
}

#[test]
fn names_that_are_no_text() {
    let project = Project::new(&[("Dockerfile", GOOD)]);
    let strange = OsStr::from_bytes(b"Dockerfile.\xff\x1b[31m");
    project.write(strange, SHELL_FORM.as_bytes());
    let run = project.run(&["check"]);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("its name is not UTF-8"), "{}", run.err);
    assert!(!run.err.contains('\x1b'), "{:?}", run.err);
    let output = project.command(&["check"]).arg(strange).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_script_is_found_by_all_its_names() {
    let project = Project::new(&[
        ("pidone.toml", "exclude = [\"old/\"]\n"),
        (
            "web/Dockerfile",
            "FROM node:20-bookworm-slim\nCOPY web/link.sh /run.sh\nENTRYPOINT [\"/run.sh\"]\n",
        ),
        ("api/Dockerfile", "FROM node:20-bookworm-slim\nCOPY docker /\nENTRYPOINT [\"/first.sh\"]\n"),
        ("old/Dockerfile", STARTS_SCRIPT),
        ("docker/first.sh", "#!/bin/sh\nset -e\n. /env.sh\nexec /run.sh\n"),
        ("docker/env.sh", "node env.js\n"),
        ("docker/run.sh", SCRIPT),
    ]);
    symlink("../docker/run.sh", project.path("web/link.sh")).unwrap();
    symlink("docker/first.sh", project.path("start.sh")).unwrap();
    let both = ["docker/run.sh:4 missing-exec", "web/link.sh:4 missing-exec"];
    assert_eq!(project.findings(&["docker/run.sh"]), both, "copied under its name, and as a symlink");
    assert_eq!(project.findings(&["web/link.sh"]), both);
    for script in ["start.sh", "docker/first.sh", "docker/env.sh", "docker/run.sh", "web/link.sh"] {
        assert_eq!(project.run(&["check", script]).err, "", "{script}");
    }
    let run = project.run(&["check", "--fix", "docker/run.sh"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(project.read("docker/run.sh"), super::support::SCRIPT_FIXED);
    assert!(project.path("web/link.sh").is_symlink());
}
