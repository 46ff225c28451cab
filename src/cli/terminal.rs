//! Standard output and standard error: colours, width, notes.

use std::io::{self, BufWriter, IsTerminal, Write};

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

    /// Prints a report as it is written: as one text, that of a large project would take as much memory as what was found.
    /// For people, colours are dropped where they are not wanted; for programs it is printed byte by byte.
    pub(super) fn report(
        &self,
        for_people: bool,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let color = if for_people { self.color } else { ColorChoice::AlwaysAnsi };
        let mut out = BufWriter::new(AutoStream::new(io::stdout().lock(), color));
        write(&mut out)?;
        out.flush()
    }

    /// Prints a text for people.
    pub(super) fn print(&self, text: &[u8]) -> io::Result<()> {
        self.report(true, |out| out.write_all(text))
    }

    /// Prints a text for programs.
    pub(super) fn print_raw(&self, text: &[u8]) -> io::Result<()> {
        self.report(false, |out| out.write_all(text))
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
