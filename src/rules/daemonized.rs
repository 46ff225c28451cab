//! `daemonized`: the main program puts itself into the background, and the container ends.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::Daemonized)
        .map(|fault| {
            let message = format!(
                "The container ends as soon as it has started: {} puts itself into the background, and PID 1 ends.",
                words::code(&fault.service)
            );
            let name = fault.service.split_whitespace().next().unwrap_or("");
            let row = subject.tables.program(name, &[]);
            let help = match row.and_then(|row| row.foreground.as_deref()) {
                Some(foreground) => format!("keep it in the foreground: `{foreground}`"),
                None => "keep it in the foreground".to_owned(),
            };
            Finding::of(fault, subject, "goes into the background", message).with_help(help)
        })
        .collect()
}
