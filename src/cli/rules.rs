//! `pidone rules`: the list of rules.

use std::process::ExitCode;

use crate::report::rules;

use super::terminal::Terminal;
use super::{Failure, ListFormat, RulesArguments};

pub(super) fn run(arguments: &RulesArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let all = crate::rules::all();
    let mut text = Vec::new();
    match arguments.output_format {
        ListFormat::Text => {
            rules::text(all, &terminal.view(super::working_folder()?, false), &mut text)?;
            terminal.print(&text)?;
        }
        ListFormat::Json => {
            rules::json(all, &mut text)?;
            terminal.print_raw(&text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
