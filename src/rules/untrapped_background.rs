//! `untrapped-background`: services in the background, and no trap that tells them.

use super::{Finding, Subject, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::UntrappedBackground)
        .map(|fault| {
            let message = format!(
                "{} The shell in front has no trap, and tells nobody.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "runs in the background of the script", message)
                .with_help("trap the signal, pass it on to every service, and wait until they have finished")
                .with_repairs(trap::insert(fault, subject.signal()))
        })
        .collect()
}
