//! `--fix` while something goes wrong: whatever happens, a file is the old one or the new one.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;

use super::support::{Project, SCRIPT, SCRIPT_FIXED, SHELL_FORM, SHELL_FORM_FIXED, STARTS_SCRIPT};

/// So many Dockerfiles, each with a repair.
fn many(count: usize) -> Project {
    let project = Project::new(&[]);
    for n in 0..count {
        project.write(format!("{n}/Dockerfile"), SHELL_FORM.as_bytes());
    }
    project
}

/// How many of them are repaired. None is anything but old or new, and nothing lies beside it that would be taken for one.
fn repaired(project: &Project, count: usize) -> usize {
    let texts: Vec<String> = (0..count).map(|n| project.read(&format!("{n}/Dockerfile"))).collect();
    for text in &texts {
        assert!(text == SHELL_FORM || text == SHELL_FORM_FIXED, "{text}");
    }
    texts.iter().filter(|text| *text == SHELL_FORM_FIXED).count()
}

/// The command, started by a shell with something in front.
fn with_shell(project: &Project, before: &str) -> Command {
    let mut command = Command::new("sh");
    let script = format!("{before}; exec \"$0\" check --fix .");
    command.args(["-c", &script]).arg(cargo_bin("pidone"));
    command.current_dir(project.path("")).stdin(Stdio::null());
    command
}

#[test]
fn a_full_disk() {
    // No file may grow at all: as if the disk were full.
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let output = with_shell(&project, "trap '' XFSZ; ulimit -f 0").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("cannot write") && error.contains("nothing was written"), "{error}");
    assert_eq!(project.read("Dockerfile"), SHELL_FORM);
    assert_eq!(project.names(), [".git", "Dockerfile"], "nothing is left behind");
}

#[test]
fn a_disk_that_is_really_full() {
    let project = Project::new(&[("disk/.keep", "")]);
    // One page for the Dockerfile, one for the script, and none for what would replace them.
    let script = format!(
        "mount -t tmpfs -o size=8k none disk || exit 77; cd disk; printf '%s' \"$1\" > Dockerfile; printf '%s' \"$2\" > run.sh; \
         chmod 755 run.sh; {} check --fix . 2>&1; echo \"code $?\"; cat Dockerfile run.sh; ls -A",
        cargo_bin("pidone").display()
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh", STARTS_SCRIPT, SCRIPT]);
    let Ok(output) = command.current_dir(project.path("")).output() else { return };
    if !output.status.success() {
        return; // The kernel keeps namespaces to itself.
    }
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("No space left on device"), "{shown}");
    assert!(shown.contains("nothing was written"), "{shown}");
    assert!(shown.ends_with(&format!("code 2\n{STARTS_SCRIPT}{SCRIPT}Dockerfile\nrun.sh\n")), "{shown}");
}

#[test]
fn killed_in_the_middle() {
    const COUNT: usize = 60;
    let project = many(COUNT);
    let mut last = 0;
    for delay in [0, 5, 10, 20, 30, 40, 60, 80, 120] {
        let mut child = project.command(&["check", "--fix"]).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = repaired(&project, COUNT);
        assert!(now >= last, "what was repaired stays so");
        last = now;
    }
    // What is left of them is not taken for anything.
    assert_eq!(project.run(&["check", "--fix"]).code, 0);
    assert_eq!(repaired(&project, COUNT), COUNT);
}

#[test]
fn several_at_once() {
    const COUNT: usize = 20;
    let project = many(COUNT);
    let start =
        || project.command(&["check", "--fix", "-q"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let runs: Vec<_> = (0..6).map(|_| start().unwrap()).collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        // Who comes late sees that somebody was faster.
        let late = error.contains("has changed since it was read");
        assert_eq!(output.status.code(), Some(if late { 2 } else { 0 }), "{error}");
    }
    repaired(&project, COUNT);
    assert_eq!(project.run(&["check", "--fix"]).code, 0);
    assert_eq!(repaired(&project, COUNT), COUNT);
    for n in 0..COUNT {
        assert_eq!(fs::read_dir(project.path(n.to_string())).unwrap().count(), 1, "nothing is left behind");
    }
}

#[test]
fn mode_and_owner_stay() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT)]);
    let script = project.path("run.sh");
    let is_root = chown(&script, Some(12), Some(34)).is_ok();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o6755)).unwrap();
    assert_eq!(project.run(&["check", "--fix"]).code, 0);
    assert_eq!(project.read("run.sh"), SCRIPT_FIXED);
    let after = fs::metadata(&script).unwrap();
    assert_eq!(after.mode() & 0o7777, 0o6755);
    if is_root {
        assert_eq!((after.uid(), after.gid()), (12, 34));
    }
}

#[test]
fn another_name_of_the_file_keeps_the_old_text() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    fs::hard_link(project.path("Dockerfile"), project.path("backup")).unwrap();
    assert_eq!(project.run(&["check", "--fix"]).code, 0);
    assert_eq!(
        (project.read("Dockerfile").as_str(), project.read("backup").as_str()),
        (SHELL_FORM_FIXED, SHELL_FORM)
    );
}

#[test]
fn nothing_outside_of_the_project() {
    let outside = Project::without_git(&[("run.sh", SCRIPT), ("Dockerfile", SHELL_FORM)]);
    let there = outside.path("");
    let copies = |source: &str| format!("FROM debian:12\nCOPY {source} /run.sh\nCMD [\"/run.sh\"]\n");
    for source in
        [outside.path("run.sh").display().to_string(), "link.sh".to_owned(), "folder/run.sh".to_owned()]
    {
        let project = Project::new(&[("Dockerfile", &copies(&source))]);
        symlink(outside.path("run.sh"), project.path("link.sh")).unwrap();
        symlink(&there, project.path("folder")).unwrap();
        symlink(outside.path("Dockerfile"), project.path("web.Dockerfile")).unwrap();
        project.run(&["check", "--fix", "--unsafe-fixes"]);
        project.run(&["check", "--fix", "--unsafe-fixes", "web.Dockerfile"]);
        project.run(&["check", "--fix", "--unsafe-fixes", "link.sh"]);
    }
    let up = Project::new(&[("a/Dockerfile", &copies("../../run.sh")), ("run.sh", SCRIPT)]);
    fs::create_dir(up.path("a/.git")).unwrap();
    up.run(&["check", "--fix", "a"]);
    assert_eq!(up.read("run.sh"), SCRIPT);
    assert_eq!((outside.read("run.sh").as_str(), outside.read("Dockerfile").as_str()), (SCRIPT, SHELL_FORM));
}

#[test]
fn a_folder_that_must_not_be_written() {
    let project = Project::new(&[("a/Dockerfile", SHELL_FORM)]);
    fs::set_permissions(project.path("a"), fs::Permissions::from_mode(0o555)).unwrap();
    let run = project.run(&["check", "--fix"]);
    fs::set_permissions(project.path("a"), fs::Permissions::from_mode(0o755)).unwrap();
    match run.code {
        0 => assert_eq!(project.read("a/Dockerfile"), SHELL_FORM_FIXED, "root may write anywhere"),
        _ => {
            assert!(run.err.contains("cannot write") && run.err.contains("nothing was written"), "{run:?}");
            assert_eq!(project.read("a/Dockerfile"), SHELL_FORM);
        }
    }
}
