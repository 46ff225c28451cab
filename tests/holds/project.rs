//! Whole projects: what is said of them lies in their files, and what is repaired is better afterwards.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use pidone::diagnostic::{Diagnostic, Outcome, Severity};
use pidone::fix::{Applied, Obstacle, fix_all};
use pidone::report::{Checked, FORMATS, Results, View};
use pidone::source::{Edit, Loader, MemoryLoader, OverlayLoader, Source};
use pidone::{FileReport, ProcessNode, Settings, check, dockerfile, edit};

use super::{in_file, in_text};

/// Stands before the path of each file in a project written as one text. What comes before the first is the Dockerfile.
const HEADER: &str = "=== ";

/// A project that is one text.
pub fn read(text: &str) -> MemoryLoader {
    let mut files: BTreeMap<Utf8PathBuf, String> = BTreeMap::new();
    let mut path = Utf8PathBuf::from("Dockerfile");
    for line in text.split_inclusive('\n') {
        match line.strip_prefix(HEADER) {
            Some(named) => path = safe(named.trim()),
            None => files.entry(path.clone()).or_default().push_str(line),
        }
    }
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path, text, Some(true));
    }
    loader
}

/// What starts a text that is one file of a project. The text may bring further files.
pub enum Around {
    /// A script of bash.
    Script,
    /// A package.json, through npm.
    Package,
    /// The configuration of supervisord.
    Supervisord,
    /// A Compose file beside a Dockerfile and its script.
    Compose,
    /// A manifest of Kubernetes.
    Kubernetes,
}

impl Around {
    /// The project as one text.
    pub fn project(self, text: &str) -> String {
        let before = match self {
            Self::Script => "FROM debian:12\nCOPY --chmod=755 s /\nCMD [\"/s\"]\n=== s\n#!/bin/bash\n",
            Self::Package => "FROM node:20\nWORKDIR /a\nCOPY . .\nCMD npm start\n=== package.json\n",
            Self::Supervisord => {
                "FROM debian:12\nCOPY s.conf s /\nCMD [\"supervisord\", \"-c\", \"/s.conf\"]\n=== s\n#!/bin/sh\nnginx\n=== s.conf\n"
            }
            Self::Compose => {
                "FROM debian:12\nCOPY s /\nENTRYPOINT /s\n=== s\n#!/bin/sh\nnginx \"$@\"\n=== compose.yaml\n"
            }
            Self::Kubernetes => "=== pod.yaml\n",
        };
        format!("{before}{text}")
    }
}

/// Everything that holds of a project whose one file is this text.
pub fn whole(around: Around, text: &str) {
    let project = around.project(text);
    checked(&project);
    repaired(&project);
}

/// A path as loaders are asked for it.
fn safe(path: &str) -> Utf8PathBuf {
    path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect()
}

/// What can be checked in it.
fn targets(loader: &MemoryLoader) -> Vec<Utf8PathBuf> {
    let is_target = |path: &&Utf8Path| {
        let name = path.file_name().unwrap_or_default();
        name.contains("Dockerfile") || matches!(path.extension(), Some("yaml" | "yml"))
    };
    loader.paths().filter(is_target).map(Utf8Path::to_owned).collect()
}

fn settings(unsafe_fixes: bool) -> Settings {
    Settings { unsafe_fixes, ..Settings::default() }
}

/// What is said of a project lies in its files.
pub fn checked(text: &str) {
    let loader = read(text);
    for target in targets(&loader) {
        let settings = Settings { pedantic: true, ..settings(true) };
        in_its_files(&check(&target, &loader, &settings), &loader);
    }
}

fn in_its_files(report: &FileReport, loader: &dyn Loader) {
    assert_eq!(report.defect, None, "{}", report.path);
    for found in &report.diagnostics {
        in_file(&found.place);
        found.related.iter().for_each(|related| in_file(&related.place));
        for edit in found.fix.iter().flat_map(|fix| &fix.edits) {
            in_text(&loader.read(&edit.path).expect("a file that is edited can be read"), edit.span);
        }
    }
    let mut open: Vec<&ProcessNode> = report
        .images
        .iter()
        .flat_map(|image| {
            let branches = image.branches.iter().flat_map(|branch| &branch.processes);
            image.processes.iter().chain(branches)
        })
        .collect();
    while let Some(process) = open.pop() {
        process.place.iter().for_each(in_file);
        open.extend(&process.children);
    }
    report.ignores.iter().for_each(|ignore| in_file(&ignore.place));
}

/// What is said of a project can be printed in every format, and steers no terminal.
pub fn printed(text: &str) {
    let loader = read(text);
    let files: Vec<FileReport> =
        targets(&loader).iter().map(|target| check(target, &loader, &settings(true))).collect();
    files.iter().for_each(|report| in_its_files(report, &loader));
    let results =
        Results { projects: vec![Checked::new("/project", files)], fixed: Vec::new(), left: Vec::new() };
    let view = View { width: 80, cwd: "/".into(), quiet: false, unsafe_fixes: true, show_fixes: true };
    for format in FORMATS {
        for print in format.check.into_iter().chain(format.tree) {
            let mut bytes = Vec::new();
            print(&results, &view, &mut bytes).expect("memory can be written to");
            let shown = String::from_utf8(bytes).expect("a report is text");
            let shown =
                if format.for_people { anstream::adapter::strip_str(&shown).to_string() } else { shown };
            let reorders = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
            let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t') || reorders(c);
            assert!(!shown.contains(steers), "{}: {shown:?}", format.name);
        }
    }
}

/// Each repair of a project, and all of them, make it better.
pub fn repaired(text: &str) {
    let loader = read(text);
    let targets = targets(&loader);
    for target in &targets {
        let before = check(target, &loader, &settings(true));
        in_its_files(&before, &loader);
        for found in before.diagnostics.iter().filter(|found| found.fix.is_some()) {
            repairs(target, &loader, &before, found);
        }
    }
    for unsafe_fixes in [false, true] {
        all_repairs(&targets, &loader, &settings(unsafe_fixes));
    }
}

/// The fix fits the texts, removes its finding, adds none, and no stop ends worse.
fn repairs(target: &Utf8Path, loader: &MemoryLoader, before: &FileReport, found: &Diagnostic) {
    let mut by_file: BTreeMap<&Utf8Path, Vec<_>> = BTreeMap::new();
    for edit in found.fix.iter().flat_map(|fix| &fix.edits) {
        by_file.entry(&edit.path).or_default().push(edit);
    }
    let mut fixed = OverlayLoader::new(loader);
    for (path, edits) in by_file {
        let source = loader.read(path).expect("a file that is edited can be read");
        let text = edit::apply(source.text(), edits.iter().copied()).expect("edits fit");
        only_edited(source.text(), &text, edits);
        assert!(problems(path, &text) <= problems(path, source.text()), "does not parse: {text}");
        fixed.insert(Source::new(path, text));
    }
    let after = check(target, &fixed, &settings(true));
    in_its_files(&after, &fixed);
    no_worse(before, &after);
    let alike = |report: &FileReport| {
        let same = |other: &&Diagnostic| {
            other.rule == found.rule
                && other.place.source.path() == found.place.source.path()
                && other.place.text() == found.place.text()
                // Two faults at one place are shown as one: the other one may stay.
                && other.message == found.message
        };
        report.diagnostics.iter().filter(same).count()
    };
    // What two images have at one place is shown as one: the repair of one of them leaves the other's.
    let ill =
        |report: &FileReport| report.images.iter().filter(|image| image.outcome != Outcome::Graceful).count();
    let is_less = alike(&after) < alike(before) || ill(&after) < ill(before);
    assert!(is_less, "{} is still there: {:?}", found.rule, found.fix);
    // Where a stop ends well at last, there may be something to remark on.
    let grave = |found: &&Diagnostic| found.severity > Severity::Info;
    let count = |report: &FileReport| report.diagnostics.iter().filter(grave).count();
    // What stood behind it, or beside it at the same place, may come to light in its stead.
    let (few, many) = (count(&after), count(before));
    assert!(few <= many, "{few} findings, not {many}, after the repair of {}: {:?}", found.rule, found.fix);
}

/// Between the edits, and around them, every byte is as it was.
fn only_edited(before: &str, after: &str, mut edits: Vec<&Edit>) {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut rest, mut at) = (after.as_bytes(), 0);
    for edit in edits {
        let kept = before.as_bytes().get(at..edit.span.start).expect("edits do not overlap");
        rest = rest.strip_prefix(kept).expect("what stands before an edit stays");
        rest = rest.strip_prefix(edit.text.as_bytes()).expect("an edit is what it says");
        at = edit.span.end;
    }
    assert_eq!(rest, &before.as_bytes()[at..], "what stands behind the edits stays");
}

fn problems(path: &Utf8Path, text: &str) -> usize {
    match path.file_name() {
        Some(name) if name.contains("Dockerfile") => {
            dockerfile::parse(&Source::new(path, text)).problems.len()
        }
        _ => 0,
    }
}

/// No stop ends worse.
fn no_worse(before: &FileReport, after: &FileReport) {
    assert_eq!(before.images.len(), after.images.len(), "images come or go");
    for (before, after) in before.images.iter().zip(&after.images) {
        let known = before.outcome != Outcome::Unknown;
        assert!(
            !known || after.outcome <= before.outcome,
            "{:?} becomes {:?}",
            before.outcome,
            after.outcome
        );
    }
}

/// All repairs together: nothing is worse, and doing it again changes nothing.
fn all_repairs(targets: &[Utf8PathBuf], loader: &MemoryLoader, settings: &Settings) {
    let reports = |loader: &dyn Loader| -> Vec<FileReport> {
        targets.iter().map(|target| check(target, loader, settings)).collect()
    };
    let first = fix_all(targets, loader, settings);
    let has_failed = |(_, why): &(Diagnostic, Obstacle)| matches!(why, Obstacle::Defect(_));
    assert!(!first.remaining.iter().any(has_failed), "{:?}", first.remaining);
    for Applied { diagnostic, changes } in &first.applied {
        let edits = || diagnostic.fix.iter().flat_map(|fix| &fix.edits);
        for (path, before, after) in changes {
            only_edited(before, after, edits().filter(|edit| *edit.path == **path).collect());
        }
    }
    let mut fixed = OverlayLoader::new(loader);
    for (path, before, after) in &first.changed {
        assert_eq!(loader.read(path).expect("a changed file can be read").text(), before);
        fixed.insert(Source::new(path.clone(), after.as_str()));
    }
    for (before, after) in reports(loader).iter().zip(&reports(&fixed)) {
        in_its_files(after, &fixed);
        no_worse(before, after);
    }
    let names: BTreeSet<_> = first.applied.iter().map(|applied| applied.diagnostic.rule).collect();
    let again = fix_all(targets, &fixed, settings);
    assert!(again.changed.is_empty(), "again, after {names:?}: {:?}", again.changed);
}
