//! `unhandled-stop`: the service installs no handler, and PID 1 without a handler hears nothing.

use super::{Finding, Subject, init, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::UnhandledStop)
        .map(|fault| {
            let message = format!("{} It installs no handler for the signal, and the kernel spares PID 1 the default action.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "installs no handler", message)
                .with_help("put an init in front (`docker run --init`, `init: true`, tini), or install a handler")
                .with_repairs(init::put_in_front(subject))
        })
        .collect()
}
