//! `unsupported-wait`: `wait -n` in a shell that does not have it.

use super::{Finding, Subject, interpreter};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    // `bash_instead` is tried on this bash, too, and is no repair then.
    let is_old = subject.image.base.bash_version.is_some_and(|version| version < (4, 3));
    let (lacks, help) = match is_old {
        true => (
            "`wait -n` came with bash 4.3, and the image has an older one: the script ends with an error.",
            "wait for the processes by their numbers",
        ),
        false => (
            "this `/bin/sh` has no `wait -n`, and the script ends with an error.",
            "run the script with bash, or wait for the processes by their numbers",
        ),
    };
    subject
        .faults(|cause| cause == Cause::UnsupportedWait)
        .map(|fault| {
            let message = format!("The container ends as soon as it gets here: {lacks}");
            Finding::of(fault, subject, "not known to this shell", message)
                .with_help(help)
                .with_repairs(interpreter::bash_instead(fault, subject))
        })
        .collect()
}
