//! `orphaned-background`: a job that nobody looks after, because the shell has gone.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| matches!(cause, Cause::OrphanedBackground | Cause::EndsInBackground))
        .map(|fault| {
            let (label, why, help) = match fault.cause {
                Cause::EndsInBackground => (
                    "sent to the background, and nothing waits for it",
                    "The script ends while it runs in the background.",
                    "run it in the foreground with `exec`, or `wait` for it",
                ),
                _ => (
                    "left behind by `exec`",
                    "`exec` made it a child of another program, which neither tells it nor waits for it.",
                    "keep the shell in front with a trap that tells both, or run it in a container of its own",
                ),
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, label, message).with_help(help)
        })
        .collect()
}
