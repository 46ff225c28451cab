//! How often each rule was found.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Results, View, style};
use crate::diagnostic::{Safety, Severity};
use crate::rules;

/// One rule.
#[derive(Debug, Serialize)]
struct Row {
    rule: &'static str,
    count: usize,
    severity: Severity,
    fixable: usize,
}

/// As a table, the most frequent rule first.
pub fn text(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let rows = rows(results, view);
    let widest = rows.iter().map(|row| row.rule.len()).max().unwrap_or_default();
    for Row { rule, count, severity, fixable } in rows {
        let (style, dim) = (style::severity(severity), style::DIM);
        let summary = rules::all().iter().find(|info| info.name == rule).map_or("", |info| info.summary);
        write!(out, "{count:>5}  {style}{:<7}{style:#}  {rule:<widest$}  {summary}", severity.name())?;
        if fixable > 0 {
            write!(out, "{dim} ({fixable} fixable){dim:#}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// For programs.
pub fn json(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(
        super::escape::Json(out),
        &serde_json::json!({ "version": 1, "statistics": rows(results, view) }),
    )?;
    writeln!(out)
}

fn rows(results: &Results, view: &View) -> Vec<Row> {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for finding in results.findings() {
        let diagnostic = finding.diagnostic;
        let (rule, severity) = (diagnostic.rule, diagnostic.severity);
        let row = rows.entry(rule).or_insert(Row { rule, count: 0, severity, fixable: 0 });
        let is_wanted = |safety| view.unsafe_fixes || safety == Safety::Safe;
        row.count += 1;
        row.severity = row.severity.max(severity);
        row.fixable += usize::from(diagnostic.fix.as_ref().is_some_and(|fix| is_wanted(fix.safety)));
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by_key(|row| (std::cmp::Reverse(row.count), row.rule));
    rows
}
