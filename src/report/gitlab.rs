//! GitLab's code quality report. See <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use std::io::{self, Write};

use serde::Serialize;

use crate::diagnostic::Severity;

use super::position::{self, Columns};
use super::{Format, Results, View, describe};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "gitlab",
    help: "GitLab: a code quality report",
    for_people: false,
    check: Some(check),
    tree: None,
};

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let findings = results.findings();
    let fingerprints = describe::fingerprints(&findings);
    let issues = findings.iter().zip(fingerprints).map(|(finding, fingerprint)| {
        let place = &finding.diagnostic.place;
        let (start, end) = position::range(&place.source, place.span, Columns::Characters);
        Issue {
            // The merge request shows it in one line.
            description: describe::lines(finding, view).join(" | "),
            check_name: finding.diagnostic.rule,
            fingerprint,
            severity: severity(finding.diagnostic.severity),
            location: Location {
                path: view.relative(finding.root, place.source.path()),
                lines: Lines { begin: start.line, end: end.line },
            },
        }
    });
    serde_json::to_writer_pretty(super::escape::Json(out), &issues.collect::<Vec<_>>())?;
    writeln!(out)
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "major",
        Severity::Warning => "minor",
        Severity::Info => "info",
    }
}
