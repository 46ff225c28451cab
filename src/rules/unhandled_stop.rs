//! `unhandled-stop`: the service installs no handler, and PID 1 without a handler hears nothing.

use super::{Finding, Subject, foreground, init, words};
use crate::diagnostic::Outcome;
use crate::launch::{Cause, Site};
use crate::programs::Language;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::UnhandledStop)
        .map(|fault| {
            let (who, handler) = match fault.site {
                Site::Program { language } => ("Neither it nor a module that it loads installs a", example(language)),
                _ => ("It installs no", "install a handler"),
            };
            // Below another process the signal has its default action.
            let end = match fault.outcome {
                Outcome::Abrupt => ": the signal ends it at once",
                _ => ", and the kernel spares PID 1 the default action",
            };
            let happens = words::what_happens(fault, subject.signal());
            let message = format!("{happens} {who} handler for the signal{end}.");
            let help = match words::graceful_with(&fault.service, subject) {
                Some(advice) => advice.to_owned(),
                None => format!("put an init in front ({}), or {handler}", words::ways_to_an_init(subject)),
            };
            Finding::of(fault, subject, "installs no handler", message)
                .with_help(help)
                .with_repairs(foreground::keep(fault, subject, "Start it as"))
                .with_repairs(init::put_in_front(subject))
        })
        .collect()
}

/// A handler that ends well, in a line.
fn example(language: Language) -> &'static str {
    match language {
        Language::JavaScript => {
            "finish what is open in a handler: `process.on(\"SIGTERM\", () => server.close(() => process.exit(0)))`"
        }
        Language::Python => "end in a handler: `signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))`",
    }
}
