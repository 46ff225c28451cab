//! `missing-exec`: a script starts its service without exec.

use super::{Finding, Subject, repair, words};
use crate::launch::{Cause, Rest, Site};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::MissingExec)
        .map(|fault| {
            let message = format!(
                "{} The script starts it without `exec`, stays in front of it and passes no signal on.",
                words::what_happens(fault, subject.signal())
            );
            let follows = matches!(&fault.site, Site::Foreground { rest: Rest::Commands, .. });
            let help = if follows {
                "other commands follow, so that `exec` would cut them off: start it with `&`, trap the signal, and `wait` for it"
            } else {
                "put `exec` in front of it, so that it takes the script's place"
            };
            Finding::of(fault, subject, "runs as a child of the script", message)
                .with_help(help)
                .with_repairs(repair::exec_prefix(fault))
        })
        .collect()
}
