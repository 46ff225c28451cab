//! `untrapped-background`: services in the background, and no trap that tells them.

use super::{Finding, Subject, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| matches!(cause, Cause::UntrappedBackground | Cause::EndsInBackground))
        .map(|fault| {
            let (label, why, help) = match fault.cause {
                Cause::EndsInBackground => (
                    "sent to the background, and nothing waits for it",
                    "The script ends while it runs in the background.",
                    "run it in the foreground with `exec`, or `wait` for it",
                ),
                _ => (
                    "runs in the background of the script",
                    "The shell in front has no trap, and tells nobody.",
                    "trap the signal, pass it on to every service, and wait until they have finished",
                ),
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, label, message)
                .with_help(help)
                .with_repairs(trap::insert(fault, subject.signal()))
        })
        .collect()
}
