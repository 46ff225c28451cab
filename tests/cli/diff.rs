//! `--diff`: git and patch must take it, and make of it what `--fix` makes.

use std::io::Write;
use std::process::{Command, Stdio};

use pidone::report::diff::unified;
use proptest::prelude::*;

use super::support::{Project, SCRIPT, SHELL_FORM, STARTS_SCRIPT};

/// Applies a diff with a program, in the project's folder.
fn apply(project: &Project, program: &str, arguments: &[&str], diff: &str) {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(project.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{program}: {}{}\n{diff}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn git(project: &Project, diff: &str) {
    apply(project, "git", &["apply", "--whitespace=nowarn", "-"], diff);
}

fn patch(project: &Project, diff: &str) {
    apply(project, "patch", &["-p1", "--binary", "--quiet", "--no-backup-if-mismatch"], diff);
}

#[test]
fn the_diff_is_the_fix() {
    let crlf = SHELL_FORM.replace('\n', "\r\n");
    let files: &[(&str, &str)] = &[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", SCRIPT),
        ("crlf/Dockerfile", &crlf),
        ("no-end/Dockerfile", SHELL_FORM.trim_end()),
        ("with blank/Dockerfile", SHELL_FORM),
        ("é/Dockerfile", SHELL_FORM),
        ("quo\"te\\/Dockerfile", SHELL_FORM),
        ("tab\t/Dockerfile", SHELL_FORM),
        ("many/Dockerfile", &format!("# one\n# two\n# three\n# four\n{SHELL_FORM}")),
    ];
    let fixed = Project::without_git(files);
    assert_eq!(fixed.run(&["check", "--fix"]).code, 0);
    let diff = fixed_diff(files);
    for apply in [git, patch] {
        let project = Project::without_git(files);
        apply(&project, &diff);
        for (name, _) in files {
            assert_eq!(project.read(name), fixed.read(name), "{name}");
        }
    }
}

fn fixed_diff(files: &[(&str, &str)]) -> String {
    let project = Project::without_git(files);
    let run = project.run(&["check", "--diff"]);
    assert_eq!(run.code, 1);
    assert!(!run.out.contains('\x1b'));
    run.out
}

#[test]
fn colours_are_for_people() {
    let project = Project::new(&[("Dockerfile", SHELL_FORM)]);
    let run = project.run(&["check", "--diff", "--color", "always"]);
    assert!(run.out.contains("-CMD node server.js"), "{}", run.out);
    assert!(run.out.contains('\x1b'));
}

/// Lines from few words, so that many are equal; some end in a lone or paired carriage return.
fn text() -> impl Strategy<Value = String> {
    let line =
        prop_oneof![Just("a"), Just("b"), Just(""), Just("a\rb"), Just("c\r"), Just("-- x"), Just("\\")];
    (proptest::collection::vec(line, 1..24), any::<bool>()).prop_map(|(lines, ended)| {
        let mut text = lines.join("\n");
        if ended || text.is_empty() {
            text.push('\n');
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the two texts are, git and patch make the second out of the first.
    #[test]
    fn any_diff_applies(old in text(), new in text()) {
        let diff = unified("a file".into(), &old, &new);
        prop_assert_eq!(diff.is_empty(), old == new);
        if !diff.is_empty() {
            for apply in [git, patch] {
                let project = Project::without_git(&[("a file", &old)]);
                apply(&project, &diff);
                prop_assert_eq!(project.read("a file"), new.clone());
            }
        }
    }
}
