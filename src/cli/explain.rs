//! `pidone explain`: a rule's documentation.

use std::io::Write;
use std::process::ExitCode;

use crate::report::{markdown, style};
use crate::rules::{self, RuleInfo};

use super::terminal::Terminal;
use super::{ExplainArguments, Failure};

pub(super) fn run(arguments: &ExplainArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let rule = arguments.rule;
    let mut text = Vec::new();
    let (bold, dim) = (style::BOLD, style::DIM);
    let severity = style::severity(rule.severity);
    writeln!(text, "{bold}{}{bold:#}: {}", rule.name, rule.summary)?;
    writeln!(
        text,
        "{severity}{}{severity:#}{dim}, fix: {}, since {}{dim:#}\n",
        rule.severity.name(),
        rule.fix,
        rule.since
    )?;
    let view = terminal.view(super::working_folder()?, false);
    markdown::print(body(rule.document), &view, &mut text)?;
    terminal.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The document without its front matter, which the lines above have told.
fn body(document: &str) -> &str {
    let rest = document.strip_prefix("+++").and_then(|rest| rest.split_once("\n+++"));
    rest.map_or(document, |(_, body)| body).trim_start()
}

/// The rule of that name; the error names the nearest one.
pub(super) fn rule(name: &str) -> Result<&'static RuleInfo, String> {
    if let Some(rule) = rules::all().iter().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    let nearest = rules::all().iter().map(|rule| (distance(name, rule.name), rule.name)).min();
    let hint = match nearest {
        Some((distance, nearest)) if distance <= 1 + name.len() / 3 => format!("did you mean {nearest}?"),
        _ => "`pidone rules` lists them".to_owned(),
    };
    Err(format!("there is no such rule; {hint}"))
}

/// How many characters must be changed, added or taken away to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in
            [("", "abc", 3), ("abc", "abc", 0), ("mising-exec", "missing-exec", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }
}
