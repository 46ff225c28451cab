//! The command line: arguments in, exit code out. One file per command.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::ConfigError;
use crate::diagnostic::Severity;
use crate::guard::{self, guarded};
use crate::report::{self, Format, escape};
use crate::rules::{RuleInfo, named};

mod add_ignore;
mod baseline;
mod check;
mod completions;
mod explain;
mod fix;
mod progress;
mod rules;
mod run;
mod server;
mod terminal;
mod tree;
mod write;

use terminal::Terminal;

/// Finds and repairs the reasons why a container does not stop well.
///
/// pidone reads a Dockerfile and the scripts it starts, works out which process becomes PID 1 and whether the stop signal
/// reaches every service behind it, says what is wrong, and writes the fix.
#[derive(Debug, Parser)]
#[command(name = "pidone", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// When to use colours; `auto` also heeds NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,

    /// Print findings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Say also what was skipped
    #[arg(short, long, global = true)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  pidone check                    what stops badly below this folder
  pidone check --diff             what the repair would be
  pidone check --fix              repair it
  pidone fix                      walk through the findings and decide on each
  pidone tree Dockerfile          which process hears the stop signal
  pidone explain missing-exec     all about one rule";

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what stops badly, and repair it
    Check(CheckArguments),
    /// Walk through the findings: look at each, and repair, skip or silence it
    Fix(FixArguments),
    /// Draw each image's processes, and what each hears on stop
    Tree(TreeArguments),
    /// Explain a rule
    Explain(ExplainArguments),
    /// List the rules
    Rules(RulesArguments),
    /// Print a script that completes pidone's arguments in a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Man(ManArguments),
    /// Serve an editor: the language server, on standard input and output
    Server(ServerArguments),
}

const CHECK_EXAMPLES: &str = "\
Examples:
  pidone check                                  every Dockerfile below this folder
  pidone check web/Dockerfile worker/           one Dockerfile, and those below worker/
  pidone check docker/entrypoint.sh             a script, as the project starts it
  pidone check --diff | git apply               look at the repair, or apply it by hand
  pidone check --fix --unsafe-fixes             repair also where behaviour may change
  pidone check --write-baseline known.json      start with an old repository: note what is known,
  pidone check --baseline known.json            and see only what is new
  pidone check --add-ignore --reason 'is a test'  write comments that silence what is found
  pidone check - --stdin-filename Dockerfile    check what an editor holds

Exit codes:
  0  nothing at or above --fail-on, or all of it fixed
  1  findings at or above --fail-on
  2  bad usage, a configuration that is wrong, a named file that cannot be read, or a defect of pidone";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
struct CheckArguments {
    #[command(flatten)]
    files: FileArguments,

    /// Repair what can be repaired without changing anything but signal delivery
    #[arg(long, conflicts_with = "diff", help_heading = "Repairs")]
    fix: bool,

    /// Repair also where something else may change; each such fix says what
    #[arg(long, help_heading = "Repairs")]
    unsafe_fixes: bool,

    /// Print the repair as a diff and write nothing
    #[arg(long, help_heading = "Repairs")]
    diff: bool,

    /// Show what each repair changes
    #[arg(long, help_heading = "Repairs")]
    show_fixes: bool,

    /// How to print the findings
    #[arg(long, alias = "format", env = "PIDONE_OUTPUT_FORMAT", value_name = "FORMAT", default_value = "text", value_parser = formats(|format| format.check.is_some()), help_heading = "Report")]
    output_format: &'static Format,

    /// The least severity that makes the exit code 1 [default: warning]
    #[arg(long, value_name = "SEVERITY", help_heading = "Report")]
    fail_on: Option<Level>,

    #[command(flatten)]
    rules: RuleArguments,

    /// Report also what may be right, and what cannot be told
    #[arg(long, help_heading = "Rules")]
    pedantic: bool,

    /// Exit with 0 whatever is found
    #[arg(long, help_heading = "Report")]
    exit_zero: bool,

    /// Write the report to a file
    #[arg(short, long, value_name = "FILE", help_heading = "Report")]
    output_file: Option<PathBuf>,

    /// Print how often each rule was found instead of the findings
    #[arg(long, conflicts_with = "diff", help_heading = "Report")]
    statistics: bool,

    /// Write a comment that silences each finding
    #[arg(long, conflicts_with_all = ["fix", "diff", "statistics", "write_baseline", "stdin_filename"], help_heading = "Known findings")]
    add_ignore: bool,

    /// The reason that --add-ignore writes
    #[arg(long, value_name = "TEXT", requires = "add_ignore", help_heading = "Known findings")]
    reason: Option<String>,

    /// Leave out the findings that this file knows
    #[arg(long, value_name = "FILE", help_heading = "Known findings")]
    baseline: Option<PathBuf>,

    /// Write what is found to a file that --baseline reads
    #[arg(long, value_name = "FILE", conflicts_with_all = ["baseline", "fix", "diff"], help_heading = "Known findings")]
    write_baseline: Option<PathBuf>,
}

const FIX_EXAMPLES: &str = "\
Examples:
  pidone fix                            each finding below this folder, one after the other
  pidone fix docker/entrypoint.sh       what is in one script
  pidone fix --select missing-exec      one rule only

Each finding is shown with its repair. What is answered is written at once; nothing else is changed.";

#[derive(Debug, Args)]
#[command(after_help = FIX_EXAMPLES)]
struct FixArguments {
    #[command(flatten)]
    files: FileArguments,

    #[command(flatten)]
    rules: RuleArguments,

    /// Show also what may be right, and what cannot be told
    #[arg(long, help_heading = "Rules")]
    pedantic: bool,
}

#[derive(Debug, Args)]
struct RuleArguments {
    /// Only these rules, whatever the configuration says; several with commas
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = named, help_heading = "Rules")]
    select: Option<Vec<&'static RuleInfo>>,

    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = named, help_heading = "Rules")]
    ignore: Vec<&'static RuleInfo>,
}

#[derive(Debug, Args)]
struct ConfigArguments {
    /// Use this file instead of the nearest pidone.toml
    #[arg(long, value_name = "FILE", conflicts_with = "isolated", help_heading = "Configuration")]
    config: Option<PathBuf>,

    /// Use no configuration file
    #[arg(long, help_heading = "Configuration")]
    isolated: bool,
}

#[derive(Debug, Args)]
struct FileArguments {
    /// Dockerfiles, Compose files, manifests, folders to search, or scripts that those start; `-` is standard input [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Read standard input as the text of PATH
    #[arg(long, value_name = "PATH")]
    stdin_filename: Option<PathBuf>,

    /// Leave out what the configuration excludes even if it is named, as pre-commit does
    #[arg(long, help_heading = "Configuration")]
    force_exclude: bool,

    #[command(flatten)]
    config: ConfigArguments,
}

const TREE_EXAMPLES: &str = "\
Examples:
  pidone tree                           every image below this folder
  pidone tree Dockerfile                the images of one Dockerfile
  pidone tree --output-format json      the same for programs";

#[derive(Debug, Args)]
#[command(after_help = TREE_EXAMPLES)]
struct TreeArguments {
    #[command(flatten)]
    files: FileArguments,

    /// How to print the processes
    #[arg(long, alias = "format", value_name = "FORMAT", default_value = "text", value_parser = formats(|format| format.tree.is_some()), help_heading = "Report")]
    output_format: &'static Format,
}

#[derive(Debug, Args)]
struct ExplainArguments {
    /// The rule, for example missing-exec; `pidone rules` lists them
    #[arg(value_name = "RULE", value_parser = named)]
    rule: &'static RuleInfo,
}

#[derive(Debug, Args)]
struct RulesArguments {
    /// How to print the list
    #[arg(long, alias = "format", value_name = "FORMAT", default_value = "text", help_heading = "Report")]
    output_format: ListFormat,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  pidone completions bash > ~/.local/share/bash-completion/completions/pidone
  pidone completions zsh > ~/.zfunc/_pidone        with ~/.zfunc in $fpath
  pidone completions fish > ~/.config/fish/completions/pidone.fish";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

const MAN_EXAMPLES: &str = "\
Examples:
  pidone man | man -l -          read it
  pidone man check               the page of one command";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
struct ManArguments {
    /// The page of one command
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

#[derive(Debug, Args)]
struct ServerArguments {
    /// Accepted because editors pass it; there is no other way
    #[arg(long, hide = true)]
    stdio: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// Where a terminal reads it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A table
    Text,
    /// One document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    Info,
    Warning,
    Error,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Info,
            Level::Warning => Self::Warning,
            Level::Error => Self::Error,
        }
    }
}

/// The formats of [`report::FORMATS`] that can do what is asked, as values of an option.
fn formats(can: fn(&Format) -> bool) -> impl TypedValueParser<Value = &'static Format> {
    let values = report::FORMATS
        .iter()
        .filter(|format| can(format))
        .map(|format| PossibleValue::new(format.name).help(format.help));
    PossibleValuesParser::new(values)
        .try_map(|name| report::FORMATS.iter().find(|format| format.name == name).ok_or("no such format"))
}

/// Why a command could not do its work. The exit code is 2.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Message(String),
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    #[error("cannot write the report: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told if this cannot be written.
            let _ = print_usage(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let terminal = Terminal::new(&arguments);
    let result = guarded(|| match &arguments.command {
        Command::Check(check) => check::run(check, &terminal),
        Command::Fix(fix) => fix::run(fix, &terminal),
        Command::Tree(tree) => tree::run(tree, &terminal),
        Command::Explain(explain) => explain::run(explain, &terminal),
        Command::Rules(rules) => rules::run(rules, &terminal),
        Command::Completions(completions) => completions::completions(completions, &terminal),
        Command::Man(man) => completions::man(man, &terminal),
        Command::Server(_) => Ok(server::run()),
    });
    let result =
        result.unwrap_or_else(|defect| Err(Failure::Message(format!("{defect}; {}", guard::ADVICE))));
    match result {
        Ok(code) => code,
        // The reader has seen enough (`pidone check | head`).
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Config(error)) => {
            terminal.config_error(&error);
            ExitCode::from(2)
        }
        Err(failure) => {
            terminal.error(&failure.to_string());
            ExitCode::from(2)
        }
    }
}

/// What is wrong with the arguments, or the help. The name of a file may look like an option and steer the terminal; then there are no
/// colours.
fn print_usage(error: &clap::Error) -> io::Result<()> {
    let is_plain = |argument: OsString| {
        let argument = argument.to_string_lossy();
        escape::line(&argument) == argument
    };
    if !error.use_stderr() || std::env::args_os().all(is_plain) {
        return error.print();
    }
    io::stderr().write_all(escape::lines(&error.render().to_string()).as_bytes())
}

/// Where we are, absolute and without symlinks.
fn working_folder() -> Result<Utf8PathBuf, Failure> {
    let folder = std::env::current_dir().and_then(std::fs::canonicalize);
    let folder =
        folder.map_err(|error| Failure::Message(format!("cannot find the working folder: {error}")))?;
    Utf8PathBuf::from_path_buf(folder)
        .map_err(|folder| Failure::Message(format!("{}: its name is not UTF-8", folder.display())))
}
