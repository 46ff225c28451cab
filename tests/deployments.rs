//! Compose files and Kubernetes manifests: what each container starts, how its stop ends, and what is reported.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;

use pidone::fix::fix_all;
use pidone::source::{MemoryLoader, Source};
use pidone::{Settings, edit, yaml};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// A project, and what is expected of one of its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The file that is checked; `compose.yaml` if not given.
    check: Option<String>,
    /// `name: argv: outcome`, one for each container.
    containers: Vec<String>,
    /// `path:line rule`, as they are reported.
    #[serde(default)]
    findings: Vec<String>,
    files: BTreeMap<String, String>,
    /// What safe fixes make of the files.
    #[serde(default)]
    after: BTreeMap<String, String>,
}

impl Case {
    fn judge(&self) -> Vec<String> {
        let mut loader = MemoryLoader::new();
        for (path, text) in &self.files {
            loader.insert(path.as_str(), text.as_str(), Some(true));
        }
        let path = self.check.as_deref().unwrap_or("compose.yaml");
        let report = pidone::check(path.into(), &loader, &Settings::default());
        let containers: Vec<String> = report
            .images
            .iter()
            .map(|image| {
                let name = image.image.stage.as_deref().unwrap_or_default();
                format!("{name}: {}: {}", image.argv.join(" "), image.outcome.name())
            })
            .collect();
        let findings: Vec<String> = report
            .diagnostics
            .iter()
            .map(|found| format!("{}:{} {}", found.place.source.path(), found.place.line(), found.rule))
            .collect();
        let fixed = fix_all(&[path.into()], &loader, &Settings::default());
        let after: BTreeMap<String, String> =
            fixed.changed.into_iter().map(|(path, _, text)| (path.into_string(), text)).collect();
        let mut wrong = Vec::new();
        if containers != self.containers {
            let why: Vec<_> = report.images.iter().map(|image| image.why.as_str()).collect();
            wrong.push(format!("containers {containers:#?}\nbecause {why:#?}"));
        }
        if findings != self.findings {
            wrong.push(format!("findings {findings:#?}"));
        }
        if after != self.after {
            wrong.push(format!("after {after:#?}"));
        }
        wrong
    }
}

/// A file as another editor would have left it.
fn variants(text: &str) -> [String; 4] {
    let commented = text.lines().map(|line| format!("{line}  # as it is\n"));
    // A comment is no part of a block of text.
    let commented = if text.contains(": |") { text.to_owned() } else { commented.collect() };
    [
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("# The first line\n\n{text}\n# The last line\n"),
        commented,
    ]
}

/// The scalars of a file, in order; what stands between them is the tree's.
fn scalars(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut todo = yaml::parse(&Source::new(path, text)).documents.clone();
    todo.reverse();
    while let Some(node) = todo.pop() {
        found.extend(node.text().map(str::to_owned));
        let entries = node.entries().iter().flat_map(|(key, value)| [key, value]);
        todo.extend(node.items().iter().chain(entries).rev().cloned());
    }
    found
}

/// The words that two texts do not have in common, at most: without what is the same in front and behind.
fn differing(before: &[String], after: &[String]) -> usize {
    let same = before.iter().zip(after).take_while(|(left, right)| left == right).count();
    let behind = before[same..].iter().rev().zip(after[same..].iter().rev());
    before.len() - same - behind.take_while(|(left, right)| left == right).count()
}

#[test]
fn repairs_leave_every_other_byte_alone() {
    let table: Table = toml::from_str(include_str!("data/deployments.toml")).unwrap();
    let mut checked = 0;
    for case in &table.case {
        let path = case.check.as_deref().unwrap_or("compose.yaml");
        let (Some(text), Some(_)) = (case.files.get(path), case.after.get(path)) else { continue };
        for text in variants(text).iter().chain([text]) {
            let mut loader = MemoryLoader::new();
            case.files
                .iter()
                .for_each(|(path, text)| loader.insert(path.as_str(), text.as_str(), Some(true)));
            loader.insert(path, text.as_str(), None);
            let report = pidone::check(path.into(), &loader, &Settings::default());
            let edits =
                report.diagnostics.iter().filter_map(|found| found.fix.as_ref()).map(|fix| &fix.edits);
            for edits in edits.filter(|edits| edits.iter().all(|edit| *edit.path == *path)) {
                let after = edit::apply(text, edits).unwrap();
                let first = edits.iter().map(|edit| edit.span.start).min().unwrap();
                let last = edits.iter().map(|edit| edit.span.end).max().unwrap();
                assert!(after.starts_with(&text[..first]) && after.ends_with(&text[last..]), "{}", case.name);
                let (before, now) = (scalars(path, text), scalars(path, &after));
                // A list of words is written anew, a text is changed, a key with its value is added.
                assert!(differing(&before, &now) <= 8, "{}: {before:?} {now:?}", case.name);
                assert!(yaml::parse(&Source::new(path, after.as_str())).problem.is_none(), "{}", case.name);
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
fn deployments_are_read_as_their_orchestrators_read_them() {
    let table: Table = toml::from_str(include_str!("data/deployments.toml")).unwrap();
    let only = std::env::var("ROW").ok();
    let cases: Vec<Case> =
        table.case.into_iter().filter(|case| only.as_ref().is_none_or(|only| *only == case.name)).collect();
    assert!(!cases.is_empty(), "there is no case {only:?}");
    let mut wrong = Vec::new();
    for case in cases {
        let differences = case.judge();
        if !differences.is_empty() {
            wrong.push(format!("== {}\n{}", case.name, differences.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}
