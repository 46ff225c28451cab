//! `daemonized`: the main program puts itself into the background, and the container ends.

use super::{Finding, Repair, Subject, foreground, words};
use crate::launch::{Cause, Fault, Site};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::Daemonized)
        .map(|fault| {
            let message = format!(
                "The container ends as soon as it has started: {} goes into the background, and PID 1 ends.",
                words::code(&fault.service)
            );
            let what = match fault.followed {
                true => "start it last, and keep it in the foreground",
                false => "keep it in the foreground",
            };
            let help = match foreground::advice(fault, subject) {
                Some(command) => format!("{what}: `{command}`"),
                None => what.to_owned(),
            };
            let finding = Finding::of(fault, subject, "goes into the background", message).with_help(help);
            // In the foreground it would keep what follows from being done.
            if fault.followed {
                return finding;
            }
            let kept = foreground::keep(fault, subject, "Keep it in the foreground:");
            finding.with_repairs(kept.into_iter().chain(configured(fault)))
        })
        .collect()
}

/// The supervisor's configuration, where that is the project's own.
fn configured(fault: &Fault) -> Option<Repair> {
    let Site::Supervisor { foreground: Some(edit) } = &fault.site else { return None };
    Some(Repair::safe("Keep it in the foreground with `nodaemon=true`".to_owned(), vec![edit.clone()]))
}
