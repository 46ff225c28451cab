//! `untrapped-background`: services in the background, and nobody who tells them or waits for them.

use super::{Finding, Subject, handler, trap, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| matches!(cause, Cause::UntrappedBackground | Cause::EndsInBackground))
        .map(|fault| {
            let what = words::what_happens(fault, subject.signal());
            if fault.cause == Cause::EndsInBackground {
                let message = format!("{what} The script ends while it runs in the background.");
                return Finding::of(fault, subject, "sent to the background, and nothing waits for it", message)
                    .with_help("run it in the foreground with `exec`, or `wait` for it");
            }
            let signal = subject.signal();
            let others = if fault.shell.traps.is_empty() { String::new() } else { format!(" for {signal}") };
            let message = format!("{what} The shell in front has no trap{others}, and tells nobody.");
            let repairs = handler::on_stop(fault, signal).into_iter().chain(trap::insert(fault, subject));
            Finding::of(fault, subject, "runs in the background of the script", message)
                .with_help("trap the signal, pass it on to every service, and wait until they have finished")
                .with_repairs(repairs.map(|repair| trap::heeding_input(repair, fault, subject)))
        })
        .collect()
}
