//! Standard output and standard error: colours, width, notes.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::Style;
use camino::Utf8PathBuf;

use crate::config::ConfigError;
use crate::report::{Problem, View, escape, style};

use super::{Arguments, Color};

/// Columns assumed where nothing tells.
const COLUMNS: usize = 100;

/// How to talk to whoever called.
pub(super) struct Terminal {
    color: ColorChoice,
    pub(super) quiet: bool,
    verbose: bool,
}

impl Terminal {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let color = match arguments.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { color, quiet: arguments.quiet, verbose: arguments.verbose }
    }

    /// Prints a report for people; colours are dropped where they are not wanted.
    pub(super) fn print(&self, report: &[u8]) -> io::Result<()> {
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        out.write_all(report)?;
        out.flush()
    }

    /// Prints for programs, byte by byte.
    pub(super) fn print_raw(&self, report: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(report)?;
        out.flush()
    }

    /// Prints beside the output proper.
    pub(super) fn print_aside(&self, report: &[u8]) {
        // A report that nobody can be given is no reason to stop.
        let _ = AutoStream::new(io::stderr().lock(), self.color).write_all(report);
    }

    /// True if people, not programs, read standard output.
    pub(super) fn is_for_people(&self) -> bool {
        io::stdout().is_terminal()
            || AutoStream::new(io::stdout(), self.color).current_choice() != ColorChoice::Never
    }

    pub(super) fn error(&self, message: &str) {
        self.say(style::ERROR, "error", message);
    }

    pub(super) fn warning(&self, message: &str) {
        if !self.quiet {
            self.say(style::WARNING, "warning", message);
        }
    }

    /// A configuration file that cannot be used, with the line that is wrong.
    pub(super) fn config_error(&self, error: &ConfigError) {
        let cwd = super::working_folder().unwrap_or_default();
        let problem = Problem {
            path: &error.path,
            message: &error.message,
            place: error.place.as_ref(),
            label: &error.label,
            help: error.help.as_deref(),
        };
        self.print_aside(problem.text(&self.view(cwd, false)).as_bytes());
    }

    /// Something for those who ask with `--verbose`.
    pub(super) fn note(&self, message: &str) {
        if self.verbose {
            self.say(style::NOTE, "note", message);
        }
    }

    fn say(&self, style: Style, kind: &str, message: &str) {
        let line = format!("{style}{kind}{style:#}: {}\n", escape::line(message));
        self.print_aside(line.as_bytes());
    }

    /// How a report looks here.
    pub(super) fn view(&self, cwd: Utf8PathBuf, unsafe_fixes: bool) -> View {
        let width = terminal_size::terminal_size().map_or(COLUMNS, |(width, _)| usize::from(width.0));
        View { width: width.clamp(40, 200), cwd, quiet: self.quiet, unsafe_fixes, show_fixes: false }
    }
}
