//! Help, and the commands about rules.

use super::support::Project;

#[test]
fn help_teaches_by_example() {
    let project = Project::new(&[]);
    for arguments in [&["--help"][..], &["check", "--help"], &["tree", "--help"]] {
        let run = project.run(arguments);
        assert_eq!(run.code, 0);
        assert!(run.out.contains("Examples:\n  pidone "), "{}", run.out);
    }
    assert!(project.run(&["--version"]).out.starts_with("pidone "));
}

#[test]
fn rules_are_listed() {
    let project = Project::new(&[]);
    let run = project.run(&["rules"]);
    assert_eq!(run.code, 0);
    assert!(run.out.lines().any(|line| line.starts_with("missing-exec ")), "{}", run.out);

    let list = project.run(&["rules", "--output-format", "json"]).json();
    let rules = list["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["name"] == "shell-form"));
    for rule in rules {
        for key in ["name", "severity", "fix", "since", "summary"] {
            assert!(rule[key].as_str().is_some_and(|text| !text.is_empty()), "{rule}: {key}");
        }
        let name = rule["name"].as_str().unwrap();
        let run = project.run(&["explain", name]);
        assert_eq!(run.code, 0);
        assert!(run.out.starts_with(&format!("{name}: ")), "{}", run.out);
        assert!(run.out.contains("What it finds"), "{}", run.out);
    }
}

/// Every command and option is known to shells and to the manual.
#[test]
fn completions_and_manual() {
    let project = Project::new(&[]);
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = project.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        for word in ["explain", "output-format"] {
            assert!(run.out.contains(word), "{shell}: {word}");
        }
    }
    assert!(project.run(&["man"]).out.contains("pidone\\-check"));
    let page = project.run(&["man", "check"]).out;
    assert!(page.contains("\n.SH EXIT CODES\n"), "{page}");
    assert_eq!(project.run(&["man", "no-such-command"]).code, 2);
}

#[test]
fn an_unknown_rule() {
    let run = Project::new(&[]).run(&["explain", "mising-exec"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("there is no such rule; did you mean missing-exec?"), "{}", run.err);
    let run = Project::new(&[]).run(&["explain", "zzz"]);
    assert!(run.err.contains("`pidone rules` lists them"), "{}", run.err);
}
