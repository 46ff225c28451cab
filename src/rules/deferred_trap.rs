//! `deferred-trap`: a trap that cannot run, because a command is in the foreground.

use super::{Finding, Subject, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::DeferredTrap)
        .map(|fault| {
            let message = format!(
                "{} There is a trap, but a shell runs it only when the command in the foreground has ended.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "the trap waits until this has ended", message)
                .with_help("start the command with `&`, pass the signal on in the trap, and `wait` for it")
                .with_repairs(trap::free(fault).map(|repair| trap::heeding_input(repair, fault, subject)))
        })
        .collect()
}
