//! `wrong-interpreter`: bash syntax run by another shell.

use super::{Finding, Subject, interpreter};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::WrongInterpreter)
        .map(|fault| {
            let message = "The container does not get past this: it is bash syntax, but another shell runs the script.";
            Finding::of(fault, subject, "bash only", message)
                .with_help("run the script with bash: `#!/bin/bash`")
                .with_repairs(interpreter::bash_instead(fault, subject))
        })
        .collect()
}
