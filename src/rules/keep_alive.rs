//! `keep-alive`: something that only keeps the container alive is in front.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::KeepAlive)
        .map(|fault| {
            let message = format!("{} It does not react to the signal, and nobody else is told.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "only keeps the container alive", message)
                .with_help("let the service itself be what the container waits for: `exec` it, or trap the signal and `wait`")
        })
        .collect()
}
