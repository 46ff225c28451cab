//! `orphaned-background`: a job left behind by exec.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::OrphanedBackground)
        .map(|fault| {
            let message = format!(
                "{} `exec` made it a child of another program, which neither tells it nor waits for it.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "left behind by `exec`", message).with_help(
                "keep the shell in front with a trap that tells both, or run it in a container of its own",
            )
        })
        .collect()
}
