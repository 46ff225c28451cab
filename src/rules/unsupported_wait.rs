//! `unsupported-wait`: `wait -n` in a shell that does not have it.

use super::{Finding, Subject, interpreter};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::UnsupportedWait)
        .map(|fault| {
            let message = "The container ends as soon as it gets here: this `/bin/sh` has no `wait -n`, and the script ends with an error.";
            Finding::of(fault, subject, "not known to this shell", message)
                .with_help("run the script with bash, or wait for the processes by their numbers")
                .with_repairs(interpreter::bash_instead(fault, subject))
        })
        .collect()
}
