//! The rules' documents are tests: what they show as `before` raises the rule, and its fix makes `after` of it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use camino::Utf8PathBuf;
use pidone::source::MemoryLoader;
use pidone::{Settings, fix, orchestrator, rules};
use similar::TextDiff;

#[path = "rules/document.rs"]
mod document;

use document::{Document, Example, Files};

/// Every document, and what is wrong with the others.
fn read_all() -> (Vec<Document>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let (mut documents, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.file_stem().unwrap().to_str().unwrap();
        match Document::parse(name, &fs::read_to_string(&path).unwrap()) {
            Ok(document) => documents.push(document),
            Err(why) => wrong.push(format!("rules/{name}.md: {why}")),
        }
    }
    (documents, wrong)
}

/// The documents; only one of them if the environment's `RULE` names it.
fn documents() -> Vec<Document> {
    let only = std::env::var("RULE").ok();
    let chosen = |document: &Document| only.as_ref().is_none_or(|only| *only == document.name);
    let documents: Vec<Document> = read_all().0.into_iter().filter(chosen).collect();
    assert!(!documents.is_empty(), "there is no document {only:?}");
    documents
}

/// Runs `judge` on each example and reports all that it finds wrong.
fn for_each_example(judge: impl Fn(&Document, &Example) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for document in documents() {
        for example in &document.examples {
            if let Err(why) = judge(&document, example) {
                wrong.push(format!("rules/{}.md:{}: {why}", document.name, example.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{} examples are not as they say:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn loader(files: &Files) -> MemoryLoader {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

fn settings() -> Settings {
    Settings { unsafe_fixes: true, ..Settings::default() }
}

/// The files of an example that are checked: Dockerfiles, and what says how containers are started.
fn checked(files: &Files) -> Vec<Utf8PathBuf> {
    let paths = files.keys().map(Utf8PathBuf::from);
    paths.filter(|path| path == "Dockerfile" || orchestrator::is_candidate(path)).collect()
}

/// What is reported: rule, place, message.
fn findings(files: &Files, pedantic: bool) -> Vec<(&'static str, String)> {
    let loader = loader(files);
    let settings = Settings { pedantic, ..settings() };
    let reports = checked(files).into_iter().map(|path| pidone::check(&path, &loader, &settings));
    let shown = reports.flat_map(|report| report.diagnostics).map(|diagnostic| {
        let place = &diagnostic.place;
        let text = format!("{}:{}: {}", place.source.path(), place.line(), diagnostic.message);
        (diagnostic.rule, text)
    });
    shown.collect()
}

fn list(findings: &[(&str, String)]) -> String {
    findings.iter().fold(String::new(), |mut out, (rule, text)| {
        let _ = write!(out, "\n  {rule} at {text}");
        out
    })
}

fn show(files: &Files) -> String {
    files.iter().fold(String::new(), |mut out, (path, text)| {
        let _ = write!(out, "\n--- {path}\n{text}");
        out
    })
}

#[test]
fn documents_are_well_formed() {
    let (documents, mut wrong) = read_all();
    for document in &documents {
        let mut blame = |why: &str| wrong.push(format!("rules/{}.md: {why}", document.name));
        if document.examples.is_empty() {
            blame("no example");
        }
        for example in &document.examples {
            if checked(&example.before).is_empty() {
                blame(&format!("line {}: an example shows a Dockerfile or a deployment", example.line));
            }
            if example.after.iter().any(|(path, text)| example.before.get(path) == Some(text)) {
                blame(&format!("line {}: `after` shows an unchanged file", example.line));
            }
        }
        let fixed = document.examples.iter().filter(|example| !example.after.is_empty()).count();
        match document.facts.fix.as_str() {
            "never" if fixed > 0 => blame("fix = \"never\", but an example shows one"),
            "sometimes" if fixed == 0 => blame("fix = \"sometimes\", but no example shows one"),
            "always" if fixed < document.examples.len() => {
                blame("fix = \"always\", but an example shows none");
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_its_document() {
    let rules: BTreeSet<&str> = rules::all().iter().map(|rule| rule.name).collect();
    let documents = read_all().0;
    let documented: BTreeSet<&str> = documents.iter().map(|document| document.name.as_str()).collect();
    assert_eq!(rules.len(), rules::all().len(), "a rule stands twice in the table");
    let undocumented: Vec<_> = rules.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&rules).collect();
    assert!(undocumented.is_empty(), "rules without a document: {undocumented:?}");
    assert!(unknown.is_empty(), "documents without a rule: {unknown:?}");
}

#[test]
fn the_table_says_what_the_documents_say() {
    for document in read_all().0 {
        let Some(rule) = rules::all().iter().find(|rule| rule.name == document.name) else { continue };
        let (facts, name) = (&document.facts, rule.name);
        assert_eq!(rule.summary, facts.summary, "{name}");
        assert_eq!(rule.severity.name(), facts.severity, "{name}");
        assert_eq!(rule.fix, facts.fix, "{name}");
        assert_eq!(rule.since, facts.since, "{name}");
        assert_eq!(rule.document, document.body, "{name}");
    }
}

#[test]
fn examples_raise_their_rule() {
    for_each_example(|document, example| {
        let found = findings(&example.before, document.facts.severity == "info");
        match found.iter().all(|(rule, _)| *rule == document.name) && !found.is_empty() {
            true => Ok(()),
            false => {
                let found = if found.is_empty() { "\n  nothing".to_owned() } else { list(&found) };
                Err(format!("`before` raises{found}\n{}", show(&example.before)))
            }
        }
    });
}

#[test]
fn fixes_make_after_of_before() {
    for_each_example(|_, example| {
        let outcome = fix::fix_all(&checked(&example.before), &loader(&example.before), &settings());
        let changed = outcome.changed.into_iter().map(|(path, _, fixed)| (path.into_string(), fixed));
        let fixed = with(&example.before, changed.collect());
        let expected = with(&example.before, example.after.clone());
        if fixed == expected {
            return Ok(());
        }
        let mut out = String::from("the fix does something else (-documented, +done):");
        for path in expected.keys().chain(fixed.keys()).collect::<BTreeSet<_>>() {
            let [expected, fixed] =
                [&expected, &fixed].map(|files| files.get(path).map_or("", String::as_str));
            let diff = TextDiff::from_lines(expected, fixed);
            if expected != fixed {
                let _ = write!(out, "\n{}", diff.unified_diff().header(path, path));
            }
        }
        Err(out)
    });
}

#[test]
fn nothing_is_left_to_say_about_after() {
    for_each_example(|_, example| {
        if example.after.is_empty() {
            return Ok(());
        }
        let files = with(&example.before, example.after.clone());
        let found = findings(&files, false);
        match found.is_empty() {
            true => Ok(()),
            false => Err(format!("`after` raises{}\n{}", list(&found), show(&files))),
        }
    });
}

/// `files`, with what `changed` replaces.
fn with(files: &Files, changed: Files) -> Files {
    let mut all = files.clone();
    all.extend(changed);
    all
}
