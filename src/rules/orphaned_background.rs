//! `orphaned-background`: a job left behind by exec.

use super::{Finding, Subject, trap, words};
use crate::launch::{Cause, Site};
use crate::programs::Kind;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::OrphanedBackground)
        .map(|fault| {
            let (label, why) = match fault.site {
                Site::Daemon => (
                    "goes into the background",
                    "It is in the background, and what is in front neither tells it nor waits for it.",
                ),
                Site::Outlives => (
                    "left behind by its script",
                    "The script that started it has ended, and nobody else tells it or waits for it.",
                ),
                _ => (
                    "left behind by `exec`",
                    "`exec` made it a child of another program, which neither tells it nor waits for it.",
                ),
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            let row = subject.tables.program(fault.hop.program(), &[]);
            let help = match row.is_some_and(|row| row.kind == Kind::Supervisor) {
                true => "let the supervisor start it, and keep it in the foreground there, or run it in a container of its own",
                false => "keep the shell in front with a trap that tells both, or run it in a container of its own",
            };
            Finding::of(fault, subject, label, message)
                .with_help(help)
                .with_repairs(trap::in_front_of_jobs(fault, subject))
        })
        .collect()
}
