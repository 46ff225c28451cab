//! `pidone explain`: a rule's documentation.

use std::io::Write;
use std::process::ExitCode;

use super::terminal::Terminal;
use super::{ExplainArguments, Failure};
use crate::report::{markdown, style};
use crate::rules::RuleInfo;

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
    markdown::print(body(rule), &view, &mut text)?;
    terminal.print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The document without its title, which the lines above have told.
fn body(rule: &RuleInfo) -> &str {
    let rest = rule.document.strip_prefix("# ").and_then(|rest| rest.split_once('\n'));
    rest.map_or(rule.document, |(_, body)| body.trim_start())
}
