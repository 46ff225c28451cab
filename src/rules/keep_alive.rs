//! `keep-alive`: something that only keeps the container alive is in front.

use super::{Finding, Subject, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::KeepAlive)
        .map(|fault| {
            let message = format!(
                "{} What is in front only keeps the container alive; it neither hears the signal nor passes it on.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "only keeps the container alive", message)
                .with_help("let the service itself be what the container waits for: `exec` it, or trap the signal and `wait`")
                .with_repairs(trap::instead_of_keep_alive(fault, subject.signal()))
        })
        .collect()
}
