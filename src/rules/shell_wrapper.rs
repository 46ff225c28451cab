//! `shell-wrapper`: the shell of `sh -c` stays in front of the service.

use super::{Finding, Subject, repair, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::ShellWrapper)
        .map(|fault| {
            let message = format!(
                "{} The shell of `-c` stays in front of it, and passes no signal on.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "runs as a child of the shell", message)
                .with_help("put `exec` in front of the command, so that it takes the shell's place")
                .with_repairs(repair::exec_prefix(fault))
                .with_repairs(trap::in_place_of_exec(fault, subject))
        })
        .collect()
}
