//! SARIF 2.1.0, for GitHub's code scanning and others. See <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use camino::Utf8Path;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::diagnostic::{Fix, Severity};
use crate::rules::{self, RuleInfo};
use crate::source::{Edit, Place, Source, Span};

use super::files::Files;
use super::position::{self, Columns};
use super::{Finding, Format, Results, View, describe, markdown};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "sarif",
    help: "SARIF 2.1.0: GitHub's code scanning and others",
    for_people: false,
    check: Some(check),
    tree: None,
};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What stands for itself in the path of an address.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let findings = results.findings();
    let found: BTreeSet<&str> = findings.iter().map(|finding| finding.diagnostic.rule).collect();
    let rules: Vec<&RuleInfo> = rules::all().iter().filter(|rule| found.contains(rule.name)).collect();
    let fingerprints = describe::fingerprints(&findings);
    let writer = Writer { view, files: Files::new(results) };
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "pidone",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|rule| self::rule(rule, view)).collect::<io::Result<Vec<_>>>()?,
            } },
            "columnKind": "utf16CodeUnits",
            "results": findings.iter().zip(fingerprints).map(|(finding, fingerprint)| {
                let index = rules.iter().position(|rule| rule.name == finding.diagnostic.rule);
                writer.result(finding, index, &fingerprint)
            }).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(super::escape::Json(out), &log)?;
    writeln!(out)
}

/// A rule with its document, which GitHub shows beside the finding.
fn rule(rule: &RuleInfo, view: &View) -> io::Result<Value> {
    let mut text = Vec::new();
    markdown::print(rule.document, view, &mut text)?;
    let text = anstream::adapter::strip_bytes(&text).into_vec();
    Ok(json!({
        "id": rule.name,
        "shortDescription": { "text": rule.summary },
        "help": { "text": String::from_utf8_lossy(&text), "markdown": rule.document },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": ["reliability"], "problem.severity": problem(rule.severity) },
    }))
}

struct Writer<'a> {
    view: &'a View,
    files: Files<'a>,
}

impl<'a> Writer<'a> {
    fn result(&self, finding: &Finding<'a>, rule: Option<usize>, fingerprint: &str) -> Value {
        let Finding { root, diagnostic, .. } = *finding;
        let related = diagnostic.related.iter().enumerate().map(|(id, related)| {
            let mut location = self.location(root, &related.place);
            location["id"] = json!(id + 1);
            location["message"] = json!({ "text": describe::sentence(&related.message) });
            location
        });
        let mut result = json!({
            "ruleId": diagnostic.rule,
            "level": level(diagnostic.severity),
            "message": { "text": describe::lines(finding, self.view).join("\n") },
            "locations": [self.location(root, &diagnostic.place)],
            "relatedLocations": related.collect::<Vec<_>>(),
            // GitHub recognises findings by a hash of its own, and leaves this one to others.
            "partialFingerprints": { "pidone/v1": fingerprint },
        });
        if let Some(index) = rule {
            result["ruleIndex"] = json!(index);
        }
        if let Some(outcome) = diagnostic.outcome {
            result["properties"] = json!({ "outcome": outcome.name() });
        }
        if let Some(fix) = diagnostic.fix.as_ref().and_then(|fix| self.fix(finding, fix)) {
            result["fixes"] = json!([fix]);
        }
        result
    }

    /// `None` if a file of the fix is not at hand: half a fix is none.
    fn fix(&self, finding: &Finding<'a>, fix: &Fix) -> Option<Value> {
        let mut files: BTreeMap<&Utf8Path, Vec<&Edit>> = BTreeMap::new();
        for edit in &fix.edits {
            files.entry(&edit.path).or_default().push(edit);
        }
        let changes = files.into_iter().map(|(path, mut edits)| {
            let source = self.files.get(finding, path)?;
            edits.sort_by_key(|edit| (edit.span.start, !edit.span.is_empty()));
            let replacement = |edit: &&Edit| {
                json!({ "deletedRegion": region(source, edit.span), "insertedContent": { "text": edit.text } })
            };
            Some(json!({
                "artifactLocation": self.artifact(finding.root, path),
                "replacements": edits.iter().map(replacement).collect::<Vec<_>>(),
            }))
        });
        Some(json!({
            "description": { "text": describe::sentence(&describe::fix(fix)) },
            "artifactChanges": changes.collect::<Option<Vec<_>>>()?,
        }))
    }

    fn location(&self, root: &Utf8Path, place: &Place) -> Value {
        json!({ "physicalLocation": {
            "artifactLocation": self.artifact(root, place.source.path()),
            "region": region(&place.source, place.span),
        } })
    }

    fn artifact(&self, root: &Utf8Path, path: &Utf8Path) -> Value {
        json!({ "uri": address(&self.view.relative(root, path)) })
    }
}

/// A path as a reference: relative to where the run was started, which in CI is the repository's root.
fn address(path: &str) -> String {
    let encoded = utf8_percent_encode(path, KEPT);
    if Utf8Path::new(path).is_absolute() {
        format!("file:///{}", encoded.to_string().trim_start_matches('/'))
    } else {
        encoded.to_string()
    }
}

fn region(source: &Source, span: Span) -> Value {
    let (start, end) = position::range(source, span, Columns::Utf16);
    json!({ "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// The words that GitHub sorts alerts by.
fn problem(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "recommendation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("docker/my script#1%:é.sh"), "docker/my%20script%231%25%3A%C3%A9.sh");
        assert_eq!(address("/srv/Dockerfile"), "file:///srv/Dockerfile");
        assert_eq!(address("../Dockerfile"), "../Dockerfile");
    }
}
