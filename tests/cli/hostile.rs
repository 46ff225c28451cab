//! Folders that nobody means well with: a run says what it cannot read, and goes on.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::support::{Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

/// A terabyte that takes no room.
const HUGE: u64 = 1 << 40;

fn sparse(project: &Project, name: &str) {
    project.write(name, b"");
    fs::File::options().write(true).open(project.path(name)).unwrap().set_len(HUGE).unwrap();
}

#[test]
fn what_is_no_file() {
    let project = Project::new(&[("good/Dockerfile", SHELL_FORM)]);
    for folder in ["fifo", "zero", "full", "tty", "folder"] {
        fs::create_dir(project.path(folder)).unwrap();
    }
    mkfifo(&project.path("fifo/Dockerfile"), Mode::S_IRWXU).unwrap();
    mkfifo(&project.path("compose.yaml"), Mode::S_IRWXU).unwrap();
    mkfifo(&project.path("pidone.toml"), Mode::S_IRWXU).unwrap();
    symlink("/dev/zero", project.path("zero/Dockerfile")).unwrap();
    symlink("/dev/full", project.path("full/Dockerfile")).unwrap();
    symlink("/dev/tty", project.path("tty/Dockerfile")).unwrap();
    fs::create_dir(project.path("folder/Dockerfile")).unwrap();
    fs::remove_file(project.path("pidone.toml")).unwrap();
    assert_eq!(project.findings(&["."]), ["good/Dockerfile:3 shell-form"]);
    for name in ["fifo/Dockerfile", "zero/Dockerfile", "full/Dockerfile", "compose.yaml"] {
        let run = project.run(&["check", "good/Dockerfile", name]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(name) && run.out.contains("shell-form"), "{run:?}");
    }
}

#[test]
fn a_script_that_is_no_file() {
    for make in [
        |project: &Project| mkfifo(&project.path("run.sh"), Mode::S_IRWXU).unwrap(),
        |project: &Project| symlink("/dev/zero", project.path("run.sh")).unwrap(),
        |project: &Project| sparse(project, "run.sh"),
        |project: &Project| symlink("run.sh", project.path("run.sh")).unwrap(),
    ] {
        let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("good/Dockerfile", SHELL_FORM)]);
        make(&project);
        assert_eq!(project.findings(&["."]), ["good/Dockerfile:3 shell-form"]);
        assert!(project.run(&["tree"]).out.contains("run.sh"));
    }
}

#[test]
fn a_terabyte() {
    let project = Project::new(&[("good/Dockerfile", SHELL_FORM)]);
    for name in ["Dockerfile", "compose.yaml", "start.sh", "package.json", "pod.yaml"] {
        sparse(&project, name);
    }
    let run = project.run(&["check", "--output-format", "concise"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("Dockerfile: larger than 4194304 bytes"), "{run:?}");
    assert!(run.out.contains("good/Dockerfile:3"), "{run:?}");
    assert_eq!(project.run(&["check", "Dockerfile"]).code, 2);
    assert_eq!(project.run(&["check", "start.sh"]).code, 2);
}

#[test]
fn standard_input_without_end() {
    let project = Project::new(&[]);
    let mut command = project.command(&["check", "-"]);
    command.stdin(fs::File::open("/dev/zero").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("larger than 4194304 bytes"));
}

#[test]
fn circles() {
    let project = Project::new(&[("good/Dockerfile", SHELL_FORM)]);
    symlink(".", project.path("good/again")).unwrap();
    symlink("..", project.path("good/up")).unwrap();
    symlink("b", project.path("a")).unwrap();
    symlink("a", project.path("b")).unwrap();
    fs::create_dir(project.path("loop")).unwrap();
    symlink("Dockerfile", project.path("loop/Dockerfile")).unwrap();
    assert_eq!(project.findings(&["."]), ["good/Dockerfile:3 shell-form"]);
}

#[test]
fn names_that_are_no_text() {
    let project = Project::new(&[("good/Dockerfile", SHELL_FORM)]);
    for name in [&b"caf\xe9"[..], b"\xff\xfe", b"\x80.Dockerfile"] {
        let folder = OsStr::from_bytes(name);
        project.write(std::path::Path::new(folder).join("Dockerfile"), SHELL_FORM.as_bytes());
    }
    let run = project.run(&["check", "--output-format", "concise"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.matches("its name is not UTF-8").count() == 3, "{run:?}");
    assert!(run.out.contains("good/Dockerfile:3"), "{run:?}");
}

#[test]
fn files_that_come_and_go() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", SCRIPT)]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = fs::remove_file(project.path("run.sh"));
                let _ = fs::remove_file(project.path("Dockerfile"));
                let _ = fs::write(project.path("Dockerfile"), STARTS_SCRIPT);
                let _ = fs::write(project.path("run.sh"), SCRIPT);
            }
        });
        for _ in 0..40 {
            // Whatever it meets: an answer, and no panic.
            let run = project.run(&["check", "."]);
            assert!((0..=2).contains(&run.code), "{run:?}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// What steers a terminal, breaks a line, or turns the order of letters round.
const NASTY: &str =
    "\u{1b}]0;x\u{7}\u{1b}[2J\r\u{8}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{3164}\u{e0041}\u{7f}\n::error::x";

#[test]
fn no_format_lets_a_file_steer_the_terminal() {
    let name = |end: &str| format!("a{NASTY}/{end}");
    let project = Project::new(&[]);
    // In names, in words, in comments, in what is not understood.
    let text = format!(
        "# {0}\nFROM debian:12 AS b{0}\nENV A=\"{0}\"\nCOPY run.sh /\nWAT {0}\nCMD /run.sh \"{0}\" | tee '{0}'\n",
        NASTY.replace('\n', "")
    );
    project.write(name("Dockerfile"), text.as_bytes());
    project.write(
        name("run.sh"),
        SCRIPT.replace("node", &format!("# {0}\nnode '{0}'", NASTY.replace('\n', ""))).as_bytes(),
    );
    project.write(
        name("compose.yaml"),
        format!("services:\n  a:\n    build: .\n    command: sh -c \"x '{}'; y\"\n", "\\e[2J\\u202e")
            .as_bytes(),
    );
    project.write("bad/compose.yaml", format!("services: [\n# {NASTY}").as_bytes());
    let formats: Vec<&str> = pidone::report::FORMATS.iter().map(|format| format.name).collect();
    let commands = ["check", "tree"].into_iter().flat_map(|command| {
        formats.iter().map(move |format| vec![command, "--verbose", "--output-format", format])
    });
    let others = [
        vec!["check", "--diff"],
        vec!["check", "--statistics"],
        vec!["check", "--show-fixes"],
        vec!["check", "--unsafe-fixes", "--fix", "--verbose"],
        vec!["check", "no\u{1b}[2J\u{202e}such"],
        vec!["check", "--no\u{1b}[2J\u{202e}\u{7}such"],
        vec!["check", "--select", "no\u{1b}[2J\u{202e}\u{7}such"],
        vec!["check", "--output-format", "no\u{1b}[2J\u{202e}\u{7}such"],
        vec!["explain", "no\u{1b}[2J\u{202e}\u{7}such"],
        vec!["check", "--config", "no\u{1b}[2J\u{202e}\u{7}such"],
        vec!["check", "--config", "wrong.toml"],
        vec!["check", "--config", "torn.toml"],
        vec!["check", "--baseline", "torn.toml"],
    ];
    project.write("wrong.toml", "extend = '\u{9b}31m\u{202e}\u{2066}\u{200b}\u{3164}'\n".as_bytes());
    project.write("torn.toml", format!("[[{NASTY}").as_bytes());
    for arguments in commands.chain(others) {
        let run = project.run(&arguments);
        for shown in [&run.out, &run.err] {
            let steers = |c: char| {
                (c.is_control() && !matches!(c, '\n' | '\t'))
                    || "\u{202e}\u{2066}\u{200b}\u{3164}\u{e0041}".contains(c)
            };
            assert!(!shown.contains(steers), "{arguments:?}: {shown:?}");
            assert!(!shown.contains("\n::error::x"), "{arguments:?}: {shown}");
        }
    }
}
