//! `swallowing-wrapper`: a wrapper that does not pass the signal on.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::SwallowingWrapper)
        .map(|fault| {
            let message = format!("{} The wrapper in front of it keeps the signal to itself.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "does not pass the signal on", message)
                .with_help("use a wrapper that execs, or let the service be started without it")
        })
        .collect()
}
