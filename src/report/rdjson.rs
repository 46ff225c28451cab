//! The format of reviewdog, which comments on pull requests.
//! See <https://github.com/reviewdog/reviewdog/tree/master/proto/rdf>.

use std::io::{self, Write};

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Safety, Severity};
use crate::edit;
use crate::source::{Edit, Place, Span};

use super::position::{self, Columns};
use super::{Finding, Format, Results, View, describe};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "rdjson",
    help: "reviewdog: comments on pull requests, with suggestions",
    for_people: false,
    check: Some(check),
    tree: None,
};

#[derive(Serialize)]
struct Report<'a> {
    source: Tool,
    diagnostics: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
}

#[derive(Serialize)]
struct Row<'a> {
    message: String,
    location: Location,
    severity: &'static str,
    code: Code<'a>,
    suggestions: Vec<Suggestion>,
    #[serde(rename = "relatedLocations")]
    related: Vec<Related>,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Related {
    message: String,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    range: Range,
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
}

#[derive(Serialize)]
struct Suggestion {
    range: Range,
    text: String,
}

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let diagnostics = results.findings().iter().map(|finding| row(finding, view)).collect();
    serde_json::to_writer_pretty(
        super::escape::Json(out),
        &Report { source: Tool { name: "pidone" }, diagnostics },
    )?;
    writeln!(out)
}

fn row<'a>(finding: &Finding<'a>, view: &View) -> Row<'a> {
    let diagnostic = finding.diagnostic;
    let location = |place: &Place| Location {
        path: view.relative(finding.root, place.source.path()),
        range: range(place, place.span),
    };
    Row {
        message: describe::lines(finding, view).join("\n"),
        location: location(&diagnostic.place),
        severity: match diagnostic.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Info => "INFO",
        },
        code: Code { value: diagnostic.rule },
        suggestions: suggestion(diagnostic).into_iter().collect(),
        related: diagnostic
            .related
            .iter()
            .map(|related| Related {
                message: describe::sentence(&related.message),
                location: location(&related.place),
            })
            .collect(),
    }
}

/// The repair as one replacement. A reviewer applies each suggestion by itself, so there is none where a part of a repair could be
/// applied without the rest, nor where something else may change.
fn suggestion(diagnostic: &Diagnostic) -> Option<Suggestion> {
    let fix = diagnostic.fix.as_ref().filter(|fix| fix.safety == Safety::Safe)?;
    let source = &diagnostic.place.source;
    if fix.edits.iter().any(|edit| *edit.path != *source.path()) {
        return None;
    }
    let all = fix.edits.iter().map(|edit| edit.span).reduce(Span::to)?;
    let moved = |edit: &Edit| Edit {
        span: Span::new(edit.span.start - all.start, edit.span.end - all.start),
        ..edit.clone()
    };
    let edits: Vec<Edit> = fix.edits.iter().map(moved).collect();
    let text = edit::apply(source.slice(all), &edits).ok()?;
    Some(Suggestion { range: range(&diagnostic.place, all), text })
}

/// reviewdog counts columns in bytes.
fn range(place: &Place, span: Span) -> Range {
    let (start, end) = position::range(&place.source, span, Columns::Bytes);
    let position = |at: position::Position| Position { line: at.line, column: at.column };
    Range { start: position(start), end: position(end) }
}
