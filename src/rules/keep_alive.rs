//! `keep-alive`: something that only keeps the container alive is in front.

use super::{Finding, Subject, init, keep_running, words};
use crate::diagnostic::Severity;
use crate::launch::{Cause, Rest, Site};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::KeepAlive)
        .map(|fault| {
            // `cron && tail -f log`
            let is_idle = fault.chain.len() > 1 && words::hears_nothing(&fault.service, subject);
            let started = keep_running::started_by(fault).filter(|_| fault.chain.len() == 1);
            let lost = match &started {
                Some(command) => Some(format!("what {} started", words::code(command))),
                None => is_idle.then(|| words::service(fault)),
            };
            let happens = match lost {
                Some(lost) => format!(
                    "On stop, the container does not end: it is killed when the grace period is over, and {lost} with it."
                ),
                None => words::what_happens(fault, subject.signal()),
            };
            let is_alone = fault.chain.len() == 1 && started.is_none();
            let pauses = matches!(fault.site, Site::Foreground { rest: Rest::Loop, .. });
            let (why, help) = if pauses && is_alone {
                (
                    "It pauses between two rounds of a loop, and does not hear the signal.",
                    "`trap 'exit 143' TERM` in front of the loop, and `sleep ... & wait $!` in it".to_owned(),
                )
            } else if is_alone {
                (
                    "What it runs only keeps it alive, and does not hear the signal.",
                    format!("let a service be what the container waits for; where there is none, an init in front ({}) ends it at once", words::ways_to_an_init(subject)),
                )
            } else {
                (
                    "What is in front only keeps the container alive; it neither hears the signal nor passes it on.",
                    "let the service itself be what the container waits for: `exec` it, or trap the signal and `wait`".to_owned(),
                )
            };
            let message = format!("{happens} {why}");
            let mut finding = Finding::of(fault, subject, "only keeps the container alive", message)
                .with_help(help)
                .with_repairs(keep_running::instead_of_keep_alive(fault, subject));
            // Nothing is lost but the time of the grace period.
            if is_alone {
                finding = finding.with_repairs(init::of_engine(subject));
            }
            if is_idle || is_alone {
                finding.severity = Severity::Warning;
            }
            finding
        })
        .collect()
}
