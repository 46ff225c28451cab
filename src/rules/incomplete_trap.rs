//! `incomplete-trap`: a trap that does not do all of it.

use super::{Finding, Subject, handler, trap, words};
use crate::diagnostic::Severity;
use crate::launch::{Cause, Fault, TrapFlaw};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut faults: Vec<&Fault> = subject.faults(|cause| matches!(cause, Cause::IncompleteTrap(_))).collect();
    // One trap is said of one service: of what the script starts itself before what an init script has started.
    faults.sort_by_key(|fault| fault.by_launcher);
    faults
        .into_iter()
        .filter_map(|fault| match fault.cause {
            Cause::IncompleteTrap(flaw) => Some((fault, flaw)),
            _ => None,
        })
        .map(|(fault, flaw)| {
            let (label, why, help) = match flaw {
                TrapFlaw::NotTold | TrapFlaw::ExitsWithoutTelling if handler::expands_early(fault) => (
                    "expanded when the trap is set",
                    "In double quotes a variable is expanded when the trap is set, and it was empty then.",
                    "put the handler in single quotes, or into a function",
                ),
                TrapFlaw::NotTold if handler::misnames_signal(fault) => (
                    "`kill` gives up here",
                    "The `kill` of this shell gives up at the first word that is no number, and tells nobody.",
                    "name the signal with a dash in front of it, and nothing but numbers behind it: `kill -TERM $pid`",
                ),
                TrapFlaw::NotTold | TrapFlaw::ExitsWithoutTelling if handler::sends_what_jobs_ignore(fault) => (
                    "sends what the job ignores",
                    "What a shell starts with `&` ignores SIGINT and SIGQUIT, and a script that begins so cannot undo it.",
                    "send SIGTERM in the trap, and let what is told have a handler for that",
                ),
                TrapFlaw::ExitsWithoutTelling if handler::asks_to_stop(fault) => (
                    "does not wait",
                    "What the trap runs may ask it to end, but the shell does not wait until it has.",
                    "`wait` for the service in the trap, behind what asks it to end",
                ),
                _ => advice(flaw),
            };
            let happens = words::what_happens(fault, subject.signal());
            let message = match flaw {
                TrapFlaw::OtherSignal { got, wanted } => {
                    let service = words::service(fault);
                    format!("On stop, {service} hears {got} from the trap, and drops its work: it ends gracefully on {wanted}.")
                }
                TrapFlaw::Endless if fault.chain.len() > 1 => format!(
                    "On stop, {}, but the container does not end: the shell goes on until it is killed when the grace period is over.",
                    // Whom a program stops that nobody has read, nobody knows.
                    match handler::asks_to_stop(fault) {
                        true => "the trap runs".to_owned(),
                        false => format!("{} is told", words::service(fault)),
                    }
                ),
                TrapFlaw::Kills => format!("On stop, the trap kills {} before it has finished its work.", words::service(fault)),
                _ => format!("{happens} {why}"),
            };
            let repairs = match flaw {
                TrapFlaw::SignalName => handler::plain_names(&fault.place),
                _ => handler::complete(fault, flaw, subject.signal()),
            };
            let mut finding = Finding::of(fault, subject, label, message)
                .with_help(help)
                .with_repairs(repairs)
                .with_repairs(trap::in_place_of_exec(fault, subject));
            if matches!(flaw, TrapFlaw::OtherSignal { .. }) && handler::chooses_signal(fault) {
                finding.severity = Severity::Warning;
            }
            finding
        })
        .collect()
}

/// The label, the reason in a sentence, and what to do.
fn advice(flaw: TrapFlaw) -> (&'static str, &'static str, &'static str) {
    match flaw {
        TrapFlaw::NotTold => (
            "does not tell every service",
            "The trap leaves it out.",
            "send the signal to every service in the trap",
        ),
        TrapFlaw::ExitsWithoutTelling => (
            "ends the shell at once",
            "The trap ends the shell without telling it.",
            "in the handler, send the signal to the service and `wait` for it before `exit`",
        ),
        TrapFlaw::NotWaited => (
            "does not wait",
            "The trap tells it, and the shell ends without waiting for it.",
            "`wait` for the service in the trap: a `wait` outside returns as soon as the trap has run",
        ),
        TrapFlaw::OtherSignal { .. } => (
            "sends another signal than the service wants",
            "",
            "send the signal on which the service finishes its work: the trap may listen for one and send another",
        ),
        TrapFlaw::Kills => (
            "kills it",
            "",
            "let the trap send the stop signal alone and `wait` for the service: what is left when the grace period is over is killed anyhow",
        ),
        TrapFlaw::Recursion => (
            "signals its own shell again and again",
            "The trap signals its own shell, which runs the trap again, until the shell crashes.",
            "reset the trap first: `trap - TERM; kill 0; wait`",
        ),
        TrapFlaw::Endless => {
            ("does not end the shell", "The trap runs, but the shell does not end.", "end the handler with `exit`, and let it wait for nothing that is not told")
        }
        TrapFlaw::ExitOnly => (
            "not run on a signal",
            "This shell does not run an EXIT trap when a signal comes.",
            "let the shell exit on the signal, so that the trap runs: `trap 'exit 143' TERM`",
        ),
        TrapFlaw::SignalName => (
            "never set: this shell knows no SIG names",
            "The trap is never set: this shell does not know the signal by that name.",
            "name the signal without SIG: `TERM`",
        ),
    }
}
