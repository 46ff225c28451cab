//! `grace-period`: everybody is told and waited for, but it takes longer than there is time.

use super::{Finding, Repair, Subject, words};
use crate::dockerfile::Runtime;
use crate::launch::{Cause, Site};
use crate::source::Edit;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let runtime = &subject.image.runtime;
    subject
        .faults(|cause| cause == Cause::GracePeriod)
        // Who gives no time at all wants no graceful stop.
        .filter(|_| runtime.grace >= 1000)
        .filter_map(|fault| {
            let Site::Period { needed } = fault.site else { return None };
            let (needed, given) = (needed.div_ceil(1000), runtime.grace / 1000);
            let message = format!(
                "The stop takes at least {needed} s, but {given} s after the signal everything is killed, {} too.",
                words::code(&fault.service)
            );
            let mut finding = Finding::of(fault, subject, format!("stops in {needed} s at best"), message);
            if let Some(period) = &runtime.period {
                finding.place = period.clone();
                finding.label = format!("leaves {given} s");
            }
            let finding = finding.with_help("shorten the pause in the handler, or give more time");
            Some(finding.with_repairs(longer(runtime, needed)))
        })
        .collect()
}

/// The period, where a Compose file sets it, as long as it must be, and some time for the services themselves.
fn longer(runtime: &Runtime, needed: u64) -> Option<Repair> {
    let place = runtime.period.as_ref()?;
    let old = place.text();
    // Kubernetes counts its hooks in, and a quoted value may be a variable.
    if !old.ends_with('s') || !old.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let text = format!("{}s", needed + 10);
    let message = format!("Set the grace period to {text}");
    let edit = Edit { path: place.source.path().to_owned(), span: place.span, text };
    Some(Repair::safe(message, vec![edit]))
}
