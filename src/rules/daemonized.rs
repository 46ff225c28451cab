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
            let help = match foreground::advice(fault, subject) {
                Some(command) => format!("keep it in the foreground: `{command}`"),
                None => "keep it in the foreground".to_owned(),
            };
            let repairs = foreground::keep(fault, subject, "Keep it in the foreground:").into_iter().chain(configured(fault));
            Finding::of(fault, subject, "goes into the background", message).with_help(help).with_repairs(repairs)
        })
        .collect()
}

/// The supervisor's configuration, where that is the project's own.
fn configured(fault: &Fault) -> Option<Repair> {
    let Site::Supervisor { foreground: Some(edit) } = &fault.site else { return None };
    Some(Repair::safe("Keep it in the foreground with `nodaemon=true`".to_owned(), vec![edit.clone()]))
}
