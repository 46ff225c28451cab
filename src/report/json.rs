//! The machine-readable report: stable, other tools rely on it.

use std::io::{self, Write};

use camino::Utf8Path;
use serde::{Serialize, Serializer};

use crate::diagnostic::{ImageRef, Outcome, Safety, Severity};
use crate::source::{self, Place, Source, Span};
use crate::{ImageReport, LaunchPart, PartSource, ProcessNode, Receives, Started};

use super::files::Files;
use super::{Finding, Format, Results, Summary, View};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "json",
    help: "For programs: stable, versioned, one document",
    for_people: false,
    check: Some(check),
    tree: Some(tree),
};

const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report<D> {
    version: u32,
    diagnostics: D,
    summary: Summary,
}

/// A list of which each item is made when it is written: a large project has many.
struct Each<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0())
    }
}

#[derive(Serialize)]
pub(super) struct Diagnostic<'a> {
    rule: &'a str,
    severity: Severity,
    message: &'a str,
    path: String,
    range: Range,
    outcome: Option<Outcome>,
    image: Option<Image<'a>>,
    related: Vec<Related<'a>>,
    fix: Option<Fix<'a>>,
}

#[derive(Serialize)]
struct Image<'a> {
    path: String,
    stage: Option<&'a str>,
    line: usize,
}

#[derive(Serialize)]
struct Related<'a> {
    path: String,
    range: Range,
    message: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    safety: Safety,
    message: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    path: String,
    range: Range,
    text: &'a str,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Tree<'a> {
    version: u32,
    images: Vec<ImageTree<'a>>,
}

#[derive(Serialize)]
pub(super) struct ImageTree<'a> {
    #[serde(flatten)]
    image: Image<'a>,
    base: &'a str,
    argv: &'a [String],
    stop_signal: &'a str,
    stop_signal_source: &'a str,
    launch: Vec<Part<'a>>,
    outcome: Outcome,
    why: &'a str,
    processes: Vec<Process<'a>>,
    branches: Vec<Branch<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    part: &'a str,
    value: &'a [String],
    /// `file`, `base-image` or `default`.
    source: &'static str,
    path: Option<String>,
    line: Option<usize>,
}

#[derive(Serialize)]
struct Branch<'a> {
    label: &'a str,
    outcome: Outcome,
    why: &'a str,
    processes: Vec<Process<'a>>,
}

#[derive(Serialize)]
struct Process<'a> {
    argv: &'a [String],
    started: Started,
    service: bool,
    receives: Receives,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
    path: Option<String>,
    line: Option<usize>,
    children: Vec<Process<'a>>,
}

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (writer, findings) = (Writer::new(results), results.findings());
    let diagnostics = Each(|| findings.iter().map(|finding| writer.diagnostic(finding)));
    write_document(out, &Report { version: VERSION, diagnostics, summary: results.summary(view) })
}

fn tree(results: &Results, _view: &View, out: &mut dyn Write) -> io::Result<()> {
    let writer = Writer::new(results);
    let images = results.images().map(|(root, image)| writer.tree(root, image)).collect();
    write_document(out, &Tree { version: VERSION, images })
}

fn write_document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(super::escape::Json(out), document)?;
    writeln!(out)
}

/// Turns what was found into what is written.
pub(super) struct Writer<'a> {
    results: &'a Results,
    files: Files<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(results: &'a Results) -> Self {
        Self { results, files: Files::new(results) }
    }

    pub(super) fn diagnostic(&self, finding: &Finding<'a>) -> Diagnostic<'a> {
        let Finding { root, diagnostic, .. } = *finding;
        Diagnostic {
            rule: diagnostic.rule,
            severity: diagnostic.severity,
            message: &diagnostic.message,
            path: self.path(root, &diagnostic.place),
            range: range(&diagnostic.place.source, diagnostic.place.span),
            outcome: diagnostic.outcome,
            image: diagnostic.image.as_ref().map(|image| self.image(root, image)),
            related: diagnostic
                .related
                .iter()
                .map(|related| Related {
                    path: self.path(root, &related.place),
                    range: range(&related.place.source, related.place.span),
                    message: &related.message,
                })
                .collect(),
            fix: diagnostic.fix.as_ref().map(|fix| Fix {
                safety: fix.safety,
                message: &fix.message,
                edits: fix
                    .edits
                    .iter()
                    .map(|edit| Edit {
                        path: self.results.path(root, &edit.path),
                        range: self.edit_range(finding, edit),
                        text: &edit.text,
                    })
                    .collect(),
            }),
        }
    }

    /// The range of an edit: its file is one that was read, whether the finding points into it or not.
    fn edit_range(&self, finding: &Finding<'a>, edit: &crate::source::Edit) -> Range {
        match self.files.get(finding, &edit.path) {
            Some(source) => range(source, edit.span),
            None => {
                let at = |offset| Position { line: 1, column: 1, offset };
                Range { start: at(edit.span.start), end: at(edit.span.end) }
            }
        }
    }

    pub(super) fn tree(&self, root: &Utf8Path, image: &'a ImageReport) -> ImageTree<'a> {
        ImageTree {
            image: self.image(root, &image.image),
            base: &image.base,
            argv: &image.argv,
            stop_signal: &image.stop_signal,
            stop_signal_source: &image.stop_signal_source,
            launch: image.parts.iter().map(|part| self.part(root, part)).collect(),
            outcome: image.outcome,
            why: &image.why,
            processes: self.processes(root, &image.processes),
            branches: image
                .branches
                .iter()
                .map(|branch| Branch {
                    label: &branch.label,
                    outcome: branch.outcome,
                    why: &branch.why,
                    processes: self.processes(root, &branch.processes),
                })
                .collect(),
        }
    }

    fn part(&self, root: &Utf8Path, part: &'a LaunchPart) -> Part<'a> {
        let (source, place) = match &part.source {
            PartSource::File(place) => ("file", Some(place)),
            PartSource::BaseImage => ("base-image", None),
            PartSource::Default => ("default", None),
        };
        Part {
            part: part.name,
            value: &part.value,
            source,
            path: place.map(|place| self.path(root, place)),
            line: place.map(Place::line),
        }
    }

    fn processes(&self, root: &Utf8Path, nodes: &'a [ProcessNode]) -> Vec<Process<'a>> {
        nodes
            .iter()
            .map(|node| Process {
                argv: &node.argv,
                started: node.started,
                service: node.service,
                receives: node.receives,
                note: &node.note,
                path: node.place.as_ref().map(|place| self.path(root, place)),
                line: node.place.as_ref().map(Place::line),
                children: self.processes(root, &node.children),
            })
            .collect()
    }

    fn image(&self, root: &Utf8Path, image: &'a ImageRef) -> Image<'a> {
        Image { path: self.results.path(root, &image.path), stage: image.stage.as_deref(), line: image.line }
    }

    fn path(&self, root: &Utf8Path, place: &Place) -> String {
        self.results.path(root, place.source.path())
    }
}

fn range(source: &Source, span: Span) -> Range {
    Range { start: source.position(span.start).into(), end: source.position(span.end).into() }
}

impl From<source::Position> for Position {
    fn from(position: source::Position) -> Self {
        Self { line: position.line, column: position.column, offset: position.offset }
    }
}
