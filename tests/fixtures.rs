//! The fixtures: pidone reports what they expect, and its fix makes `before` into `after`.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod support;

use camino::Utf8PathBuf;
use pidone::Settings;
use pidone::fix::fix_all;
use pidone::source::MemoryLoader;
use support::Files;
use support::fixture::{self, Finding, Fix, Fixture};

/// The project's files; with what only its modes say, executable unless a mode says otherwise.
fn loader(files: &Files, fixture: &Fixture) -> MemoryLoader {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(fixture.is_executable(path)));
    }
    loader
}

fn findings(files: &Files, fixture: &Fixture) -> Vec<Finding> {
    let loader = loader(files, fixture);
    let report = pidone::check(fixture.checked().into(), &loader, &Settings::default());
    let mut findings: Vec<Finding> = report
        .diagnostics
        .iter()
        .map(|diagnostic| Finding {
            rule: diagnostic.rule.to_owned(),
            path: diagnostic.place.source.path().to_string(),
            line: diagnostic.place.line(),
        })
        .collect();
    findings.sort();
    findings
}

fn fixed(files: &Files, fixture: &Fixture, unsafe_fixes: bool) -> Files {
    let loader = loader(files, fixture);
    let settings = Settings { unsafe_fixes, ..Settings::default() };
    let outcome = fix_all(&[Utf8PathBuf::from(fixture.checked())], &loader, &settings);
    let mut files = files.clone();
    for (path, _, text) in outcome.changed {
        files.insert(path.into_string(), text);
    }
    files
}

fn compare(fixture: &Fixture) -> Vec<String> {
    let mut wrong = Vec::new();
    let expect = &fixture.expect;
    let mut expected = expect.findings.clone();
    expected.sort();
    let found = findings(&fixture.before, fixture);
    if found != expected {
        wrong.push(format!("found {found:?}\n  instead of {expected:?}"));
    }
    let (safe, all) = (fixed(&fixture.before, fixture, false), fixed(&fixture.before, fixture, true));
    let after = fixture.after.as_ref().unwrap_or(&fixture.before);
    match expect.fix {
        Fix::Safe if safe != *after => wrong.push(differences("the safe fix", &safe, after)),
        Fix::Unsafe if safe != fixture.before => {
            wrong.push(differences("a safe fix", &safe, &fixture.before))
        }
        Fix::Unsafe if all != *after => wrong.push(differences("the fix", &all, after)),
        // There, after/ shows what a person would do.
        Fix::None if all != fixture.before => {
            wrong.push(differences("a fix that should not be", &all, &fixture.before))
        }
        _ => {}
    }
    let again = fixed(&all, fixture, true);
    if again != all {
        wrong.push(differences("a second fix", &again, &all));
    }
    wrong
}

fn differences(what: &str, found: &Files, expected: &Files) -> String {
    let mut text = format!("{what}:");
    for (path, expected) in expected {
        let found = found.get(path).map_or("", String::as_str);
        if found != expected {
            text += &similar::TextDiff::from_lines(expected.as_str(), found)
                .unified_diff()
                .header(&format!("expected {path}"), "got")
                .to_string();
        }
    }
    text
}

#[test]
fn fixtures_are_reported_and_repaired_as_they_say() {
    let only = std::env::var("ROW").ok();
    let mut wrong = Vec::new();
    let mut fixtures = fixture::all();
    fixtures.retain(|fixture| only.as_ref().is_none_or(|only| *only == fixture.name));
    assert!(!fixtures.is_empty(), "there is no fixture {only:?}");
    for fixture in fixtures {
        let differences = compare(&fixture);
        if !differences.is_empty() {
            wrong.push(format!("== {}: {}\n{}", fixture.name, fixture.expect.why, differences.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}
