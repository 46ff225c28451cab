//! The list of rules.

use std::io::{self, Write};

use serde::Serialize;

use crate::rules::RuleInfo;

use super::{View, style, text};

/// A table for people.
pub fn text(rules: &[RuleInfo], view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (bold, dim) = (style::BOLD, style::DIM);
    let longest = rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0).max("rule".len());
    writeln!(out, "{bold}{:longest$}  severity  fix        summary{bold:#}", "rule")?;
    let indent = longest + 23;
    for rule in rules {
        let style = style::severity(rule.severity);
        let severity = rule.severity.name();
        write!(out, "{bold}{:longest$}{bold:#}  {style}{severity:8}{style:#}  ", rule.name)?;
        write!(out, "{dim}{:9}{dim:#}  ", rule.fix)?;
        for (index, line) in text::wrap(rule.summary, view.width.saturating_sub(indent)).iter().enumerate() {
            if index > 0 {
                write!(out, "{:indent$}", "")?;
            }
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "\n{dim}More about one of them: pidone explain RULE{dim:#}")
}

/// The same for programs.
pub fn json(rules: &[RuleInfo], out: &mut dyn Write) -> io::Result<()> {
    #[derive(Serialize)]
    struct List<'a> {
        version: u32,
        rules: Vec<Row<'a>>,
    }
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        severity: &'a str,
        fix: &'a str,
        since: &'a str,
        summary: &'a str,
    }
    let rules = rules
        .iter()
        .map(|rule| Row {
            name: rule.name,
            severity: rule.severity.name(),
            fix: rule.fix,
            since: rule.since,
            summary: rule.summary,
        })
        .collect();
    serde_json::to_writer_pretty(super::escape::Json(out), &List { version: 1, rules })?;
    writeln!(out)
}
