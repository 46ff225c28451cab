//! `incomplete-trap`: a trap that does not do all of it.

use super::{Finding, Subject, trap, words};
use crate::launch::{Cause, TrapFlaw};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| matches!(cause, Cause::IncompleteTrap(_)))
        .filter_map(|fault| match fault.cause {
            Cause::IncompleteTrap(flaw) => Some((fault, flaw)),
            _ => None,
        })
        .map(|(fault, flaw)| {
            let (label, help) = advice(flaw);
            let message = format!("{} {}.", words::what_happens(fault, subject.signal()), words::capital(&fault.why()));
            let repairs = match flaw {
                TrapFlaw::SignalName => trap::plain_names(&fault.place),
                _ => trap::complete(fault, flaw),
            };
            Finding::of(fault, subject, label, message).with_help(help).with_repairs(repairs)
        })
        .collect()
}

fn advice(flaw: TrapFlaw) -> (&'static str, &'static str) {
    match flaw {
        TrapFlaw::NotTold => ("does not tell every service", "send the signal to every service in the trap"),
        TrapFlaw::ExitsWithoutTelling => {
            ("ends the shell at once", "in the trap, send the signal to the service and `wait` for it before `exit`")
        }
        TrapFlaw::NotWaited => {
            ("does not wait", "`wait` for the service in the trap: the `wait` outside returns as soon as the trap has run")
        }
        TrapFlaw::Recursion => {
            ("signals its own shell again and again", "reset the trap first: `trap - TERM; kill 0; wait`")
        }
        TrapFlaw::Endless => ("the shell goes on after it", "end the handler with `exit`"),
        TrapFlaw::ExitOnly => ("not run on a signal", "name the signal too: `trap ... EXIT TERM`"),
        TrapFlaw::SignalName => ("never set: this shell knows no SIG names", "name the signal without SIG: `TERM`"),
    }
}
