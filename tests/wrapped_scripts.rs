//! A script that stands as a whole in a function, a group or a branch does what it did before: pidone says the same of it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod support;

use camino::Utf8PathBuf;
use pidone::source::MemoryLoader;
use pidone::{Settings, check};
use rayon::prelude::*;
use support::Files;
use support::fixture::{self, Fixture};

/// What is put in front of a script's text, behind its first line, and what behind it.
const WRAPS: [(&str, &str, &str); 5] = [
    ("a function", "start_all() {\n", "}\nstart_all \"$@\"\n"),
    ("a group", "{\n", "}\n"),
    ("a branch", "if true; then\n", "fi\n"),
    ("a case", "case \"$0\" in\n*)\n", ";;\nesac\n"),
    ("the other branch", "if [ \"$1\" = never-given ]; then\n  echo never\n  exit 2\nelse\n", "fi\n"),
];

/// Fixtures in which a wrap makes a difference, and why.
const OTHERWISE: [(&str, &str, &str); 1] = [(
    "lines-run-together-behind-a-pipe",
    "a case",
    "what the grammar drops there it does not drop elsewhere",
)];

/// What is said of a project, without what a wrap moves: lines and columns.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    findings: Vec<String>,
    outcomes: Vec<String>,
}

impl Said {
    fn of(files: &Files, fixture: &Fixture) -> Self {
        let mut loader = MemoryLoader::new();
        for (path, text) in files {
            loader.insert(path.as_str(), text.as_str(), Some(fixture.is_executable(path)));
        }
        let report = check(&Utf8PathBuf::from(fixture.checked()), &loader, &Settings::default());
        let finding = |found: &pidone::diagnostic::Diagnostic| {
            let fix = found.fix.as_ref().map(|fix| {
                let texts = fix.edits.iter().map(|edit| words(&edit.text));
                (format!("{:?}", fix.safety), texts.collect::<Vec<_>>())
            });
            let path = found.place.source.path();
            format!("{} {:?} {path} `{}` {fix:?}", found.rule, found.severity, words(found.place.text()))
        };
        let mut findings: Vec<String> = report.diagnostics.iter().map(finding).collect();
        findings.sort();
        Self {
            findings,
            outcomes: report.images.iter().map(|image| format!("{:?}", image.outcome)).collect(),
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The scripts of a fixture, for shells that know these wraps.
fn scripts(fixture: &Fixture) -> Vec<&String> {
    let is_script = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        let shell = first.strip_prefix("#!").and_then(|rest| rest.split(['/', ' ']).next_back());
        matches!(shell, Some("sh" | "bash" | "dash" | "ash")) && !text.contains('\r')
    };
    fixture.before.iter().filter(|(_, text)| is_script(text)).map(|(path, _)| path).collect()
}

fn wrapped(text: &str, before: &str, after: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let end = if rest.ends_with('\n') { "" } else { "\n" };
    format!("{first}\n{before}{rest}{end}{after}")
}

fn differences(fixture: &Fixture) -> Vec<String> {
    let plain = Said::of(&fixture.before, fixture);
    let mut wrong = Vec::new();
    for path in scripts(fixture) {
        for (name, before, after) in WRAPS {
            let mut files = fixture.before.clone();
            let text = wrapped(&files[path], before, after);
            files.insert(path.clone(), text);
            let said = Said::of(&files, fixture);
            let is_known = OTHERWISE.iter().any(|(own, wrap, _)| *own == fixture.name && *wrap == name);
            if (said != plain) != is_known {
                wrong.push(format!("{}: {path} in {name}: {said:#?}\ninstead of {plain:#?}", fixture.name));
            }
        }
    }
    wrong
}

#[test]
fn a_wrapped_script_is_read_as_before() {
    let only = std::env::var("ROW").ok();
    let mut fixtures = fixture::all();
    fixtures.retain(|fixture| only.as_ref().is_none_or(|only| *only == fixture.name));
    let wrong: Vec<String> = fixtures.par_iter().flat_map(differences).collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}
