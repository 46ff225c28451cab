//! `restart-loop`: a loop starts the service again and again, and passes nothing on.

use super::{Finding, Subject, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::RestartLoop)
        .map(|fault| {
            let message = format!("{} The shell of the loop has no trap and passes no signal on.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "started again and again by a loop", message)
                .with_help("let the engine restart it (`restart:` policy) and `exec` it, or start it with `&`, trap the signal and `wait`")
                .with_repairs(trap::around_loop(fault, subject.signal()).map(|repair| trap::heeding_input(repair, fault, subject)))
        })
        .collect()
}
