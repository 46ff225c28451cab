//! `swallowing-wrapper`: a wrapper that does not pass the signal on.

use super::{Finding, Repair, Subject, words};
use crate::launch::{Cause, Fault, Site};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::SwallowingWrapper)
        .map(|fault| {
            let message = format!("{} The wrapper in front of it keeps the signal to itself.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "does not pass the signal on", message)
                .with_help("use a wrapper that execs, or let the service be started without it")
                .with_repairs(tell_group(fault))
        })
        .collect()
}

/// supervisord tells what the wrapper has started, too: right where the wrapper itself outlives the signal.
fn tell_group(fault: &Fault) -> Option<Repair> {
    let Site::Supervised { program, .. } = &fault.site else { return None };
    let edit = program.set("stopasgroup", "true")?;
    Some(Repair::safe("Let supervisord tell all of the program's process group", vec![edit]))
}
