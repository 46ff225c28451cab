//! The few styles of the reports. They are always written; the output stream drops them where they are not wanted.

use anstyle::{AnsiColor, Style};

use crate::diagnostic::{Outcome, Severity};

/// Nothing.
pub const PLAIN: Style = Style::new();
/// Names and headings.
pub const BOLD: Style = Style::new().bold();
/// What can be skipped.
pub const DIM: Style = Style::new().dimmed();
/// Errors, bad outcomes.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Warnings.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// Notes, help.
pub const NOTE: Style = AnsiColor::Cyan.on_default();
/// Good outcomes, fixes.
pub const GOOD: Style = AnsiColor::Green.on_default();

/// The style of a severity.
pub fn severity(severity: Severity) -> Style {
    match severity {
        Severity::Error => ERROR,
        Severity::Warning => WARNING,
        Severity::Info => NOTE,
    }
}

/// The style and the sign of an outcome.
pub fn outcome(outcome: Outcome) -> (Style, char) {
    match outcome {
        Outcome::Graceful => (GOOD, '✓'),
        Outcome::Unknown => (NOTE, '?'),
        Outcome::Abrupt | Outcome::Timeout | Outcome::ExitsEarly => (ERROR, '✗'),
    }
}
