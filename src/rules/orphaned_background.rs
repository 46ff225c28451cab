//! `orphaned-background`: a job left behind by exec.

use super::{Finding, Subject, words};
use crate::launch::{Cause, Site};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::OrphanedBackground)
        .map(|fault| {
            let (label, why) = match fault.site {
                Site::Daemon => (
                    "puts itself into the background",
                    "It has put itself into the background, and what is in front neither tells it nor waits for it.",
                ),
                _ => (
                    "left behind by `exec`",
                    "`exec` made it a child of another program, which neither tells it nor waits for it.",
                ),
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, label, message).with_help(
                "keep the shell in front with a trap that tells both, or run it in a container of its own",
            )
        })
        .collect()
}
