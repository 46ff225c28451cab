//! Findings and process trees, for people and for programs: one file per format. The only room that prints.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::{Diagnostic, ImageRef, Safety, Severity};
use crate::source::{Source, Span};
use crate::{Counts, FileReport, ImageReport};

mod checkstyle;
mod concise;
mod describe;
pub mod diff;
pub mod escape;
mod files;
mod github;
mod gitlab;
mod graphviz;
mod json;
mod json_lines;
mod junit;
pub mod markdown;
mod mermaid;
mod position;
mod rdjson;
pub mod rules;
mod sarif;
mod snippet;
pub mod statistics;
pub mod style;
mod text;
mod tree;

pub use text::{Problem, finding};

#[cfg(test)]
mod tests;

/// A way to print what was found.
#[derive(Debug)]
pub struct Format {
    /// What `--output-format` calls it.
    pub name: &'static str,
    /// One line for the help.
    pub help: &'static str,
    /// True if people read it: it may have colours, and notes may stand around it.
    pub for_people: bool,
    /// Prints findings, where the format can.
    pub check: Option<Print>,
    /// Prints process trees, where the format can.
    pub tree: Option<Print>,
}

/// Prints results of a run.
pub type Print = fn(&Results, &View, &mut dyn Write) -> io::Result<()>;

/// Every format; the command line, its help and its completions read this table.
pub const FORMATS: &[Format] = &[
    text::FORMAT,
    concise::FORMAT,
    json::FORMAT,
    json_lines::FORMAT,
    github::FORMAT,
    gitlab::FORMAT,
    sarif::FORMAT,
    junit::FORMAT,
    checkstyle::FORMAT,
    rdjson::FORMAT,
    mermaid::FORMAT,
    graphviz::FORMAT,
];

/// How the reader looks at the report.
#[derive(Debug, Clone)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    /// The folder to which paths for people are relative.
    pub cwd: Utf8PathBuf,
    /// Findings only, no summary.
    pub quiet: bool,
    /// Whether unsafe fixes count as fixable.
    pub unsafe_fixes: bool,
    /// Whether to show what a repair changes.
    pub show_fixes: bool,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Results {
    /// One entry per project, in the order given.
    pub projects: Vec<Checked>,
    /// What has been repaired; empty unless files were written.
    pub fixed: Vec<Fixed>,
    /// What was left when files were written, and why.
    pub left: Vec<Left>,
}

/// The reports of one project's Dockerfiles and deployments.
#[derive(Debug)]
pub struct Checked {
    /// The project's root, absolute.
    pub root: Utf8PathBuf,
    /// One report per file, in order of their paths.
    pub files: Vec<FileReport>,
    /// Files of which there are nothing but numbers to tell, in this order, too. There are many in a large project.
    pub quiet: Vec<Arc<Utf8Path>>,
    /// What is counted of all these files.
    pub counts: Counts,
}

impl Checked {
    /// Reports, in order.
    pub fn new(root: impl Into<Utf8PathBuf>, files: Vec<FileReport>) -> Self {
        Self::with_quiet(root, files, Vec::new(), Counts::default())
    }

    /// The same with files of which there are nothing but these numbers to tell.
    pub fn with_quiet(
        root: impl Into<Utf8PathBuf>,
        files: Vec<FileReport>,
        quiet: Vec<Arc<Utf8Path>>,
        mut counts: Counts,
    ) -> Self {
        files.iter().for_each(|file| counts += file.counts);
        Self { root: root.into(), files, quiet, counts }
    }

    /// The findings, by path and place.
    fn findings(&self) -> Vec<Finding<'_>> {
        let found = self.files.iter().flat_map(|file| &file.diagnostics);
        let finding = |diagnostic| Finding { root: &self.root, diagnostic, also: Vec::new() };
        let mut findings: Vec<_> = found.map(finding).collect();
        findings.sort_by(|one, other| one.key().cmp(&other.key()));
        findings.dedup_by(|again, first| {
            let is_same = again.key() == first.key();
            first.also.extend(again.diagnostic.image.as_ref().filter(|_| is_same));
            is_same
        });
        findings
    }
}

/// A repair that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The project's root.
    pub root: Utf8PathBuf,
    /// The file, relative to the root.
    pub path: Utf8PathBuf,
    /// The rule whose finding it repaired.
    pub rule: &'static str,
    /// What was done.
    pub message: String,
    /// The change as a diff; empty unless it was asked for.
    pub diff: String,
}

/// A finding that was not repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The project's root.
    pub root: Utf8PathBuf,
    /// The file, relative to the root.
    pub path: Utf8PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The rule that found it.
    pub rule: &'static str,
    /// Why it was not repaired.
    pub why: String,
}

/// One finding; where several images lead to the same finding at the same place, it is one.
#[derive(Debug)]
pub struct Finding<'a> {
    /// The project's root.
    pub root: &'a Utf8Path,
    /// What was found.
    pub diagnostic: &'a Diagnostic,
    /// Further images that it is about.
    pub also: Vec<&'a ImageRef>,
}

impl<'a> Finding<'a> {
    /// What is equal for one finding of several images, and sorts by place.
    fn key(&self) -> ((&'a Utf8Path, Span), &'static str) {
        (self.diagnostic.place.key(), self.diagnostic.rule)
    }
}

/// Files by their project's root and their path below it.
type Sources<'a> = HashMap<(&'a Utf8Path, &'a Utf8Path), &'a Source>;

/// The counts at the end of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Dockerfiles and deployments read.
    pub files: usize,
    /// Images they make.
    pub images: usize,
    /// Findings of each severity.
    pub errors: usize,
    /// See `errors`.
    pub warnings: usize,
    /// See `errors`.
    pub infos: usize,
    /// Findings that `--fix` repairs as called.
    pub fixable: usize,
    /// Findings that `--fix` repairs only together with `--unsafe-fixes`.
    #[serde(skip)]
    pub unsafe_fixable: usize,
    /// Findings that comments silence.
    #[serde(skip)]
    pub silenced: usize,
    /// Findings that the baseline knows.
    #[serde(skip)]
    pub known: usize,
    /// Images whose outcome is unknown.
    #[serde(skip)]
    pub unknown: usize,
}

impl Results {
    /// The findings, by project, path and place.
    pub fn findings(&self) -> Vec<Finding<'_>> {
        self.projects.iter().flat_map(Checked::findings).collect()
    }

    /// The files that were read.
    fn sources(&self) -> Sources<'_> {
        let mut sources = Sources::new();
        for project in &self.projects {
            for source in project.files.iter().flat_map(|file| &file.sources) {
                sources.insert((&project.root, source.path()), source);
            }
        }
        sources
    }

    /// The images, with their project's root.
    pub fn images(&self) -> impl Iterator<Item = (&Utf8Path, &ImageReport)> {
        self.projects.iter().flat_map(|project| {
            project.files.iter().flat_map(|file| &file.images).map(|image| (project.root.as_path(), image))
        })
    }

    /// True if pidone itself failed on a file.
    pub fn has_defect(&self) -> bool {
        self.projects.iter().flat_map(|project| &project.files).any(|file| file.defect.is_some())
    }

    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.projects
            .iter()
            .flat_map(|project| &project.files)
            .flat_map(|file| &file.diagnostics)
            .map(|d| d.severity)
            .max()
    }

    /// The counts.
    pub fn summary(&self, view: &View) -> Summary {
        let files = || self.projects.iter().flat_map(|project| &project.files);
        let mut counts = Counts::default();
        self.projects.iter().for_each(|project| counts += project.counts);
        let mut summary = Summary {
            files: files().count() + self.projects.iter().map(|project| project.quiet.len()).sum::<usize>(),
            images: counts.images,
            silenced: counts.silenced,
            known: files().map(|file| file.known.len()).sum(),
            unknown: counts.unknown,
            ..Summary::default()
        };
        for finding in self.findings() {
            match finding.diagnostic.severity {
                Severity::Error => summary.errors += 1,
                Severity::Warning => summary.warnings += 1,
                Severity::Info => summary.infos += 1,
            }
            match finding.diagnostic.fix.as_ref().map(|fix| fix.safety) {
                Some(Safety::Unsafe) if !view.unsafe_fixes => summary.unsafe_fixable += 1,
                Some(_) => summary.fixable += 1,
                None => {}
            }
        }
        summary
    }

    /// How a machine-readable report names a file: relative to the project's root, absolute if there are several projects.
    fn path(&self, root: &Utf8Path, path: &Utf8Path) -> String {
        if self.projects.len() > 1 { root.join(path).into_string() } else { path.as_str().to_owned() }
    }
}

impl View {
    /// How a report for people names a file: relative to where they stand, so that it can be opened from there.
    pub fn path(&self, root: &Utf8Path, path: &Utf8Path) -> String {
        escape::line(&self.relative(root, path))
    }

    /// The same as it is, for programs: with `/` between its parts on every system.
    fn relative(&self, root: &Utf8Path, path: &Utf8Path) -> String {
        let full = root.join(path);
        let shown = if let Ok(below) = full.strip_prefix(&self.cwd) {
            below.to_owned()
        } else if let Ok(down) = self.cwd.strip_prefix(root) {
            down.components().map(|_| "..").collect::<Utf8PathBuf>().join(path)
        } else {
            full
        };
        if cfg!(windows) { shown.as_str().replace('\\', "/") } else { shown.into_string() }
    }
}

/// `1 error`, `2 errors`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
