//! `pidone completions` and `pidone man`: what shells and readers of manuals get, from the definitions of the arguments.

use std::process::ExitCode;

use clap::CommandFactory;
use clap::builder::Resettable;

use super::terminal::Terminal;
use super::{Arguments, CompletionsArguments, Failure, ManArguments};

pub(super) fn completions(
    arguments: &CompletionsArguments,
    terminal: &Terminal,
) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "pidone", &mut script);
    terminal.print_raw(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// The page of the program, or that of one command.
pub(super) fn man(arguments: &ManArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let mut program = Arguments::command().disable_help_subcommand(true);
    program.build();
    let command = match &arguments.command {
        None => program,
        Some(name) => {
            let command = program.find_subcommand(name);
            command.cloned().ok_or_else(|| Failure::Message(format!("there is no command {name}")))?
        }
    };
    let mut page = Vec::new();
    let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    clap_mangen::Man::new(command.after_help(Resettable::Reset)).render(&mut page)?;
    page.extend_from_slice(section(&examples).as_bytes());
    terminal.print_raw(&page)?;
    Ok(ExitCode::SUCCESS)
}

/// What stands below the help, line by line as it is: `Examples:` and the like become headings.
fn section(text: &str) -> String {
    let mut roff = String::new();
    for line in text.lines() {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        match escaped.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => roff.push_str(&format!(".fi\n.SH {}\n.nf\n", heading.to_uppercase())),
            // `\&` is nothing, so that no line begins with the sign of a request.
            None => roff.push_str(&format!("\\&{escaped}\n")),
        }
    }
    roff
}
