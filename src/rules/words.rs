//! Sentences that several rules need.

use std::fmt::Display;
use std::sync::Arc;

use super::Subject;
use crate::diagnostic::Outcome;
use crate::dockerfile::Image;
use crate::launch::{CommandLine, Fault, Hurry, Signal};
use crate::programs::{Program, Reaction};
use crate::source::Place;

/// What a stop does because of a fault, from the service's side.
pub(super) fn what_happens(fault: &Fault, signal: Signal) -> String {
    let service = service(fault);
    if let Some(Hurry::LastRound(milliseconds)) = fault.hurry {
        let seconds = milliseconds.div_ceil(1000);
        return format!(
            "On stop, {service} hears {signal} only in the end, with everything else that is left, and has {seconds} seconds from then."
        );
    }
    // Who has put an init in front believes that this is settled.
    let belief = match &fault.init {
        Some(init) => format!("On stop, the init in front (`{init}`) does not help: the"),
        None => "On stop, the".to_owned(),
    };
    match fault.outcome {
        // Nothing but PID 1 itself.
        Outcome::Timeout if fault.chain.len() == 1 && !fault.known_service => {
            "On stop, the container does not end: it is killed when the grace period is over.".to_owned()
        }
        Outcome::Timeout => {
            format!("On stop, {service} never hears {signal}: it is killed when the grace period is over.")
        }
        Outcome::Abrupt => match fault.told {
            Some(heard) => format!(
                "On stop, {service} hears {heard}, but the container ends before it has finished its work."
            ),
            None => {
                format!("{belief} container ends at once and {service} is killed in the middle of its work.")
            }
        },
        Outcome::ExitsEarly => format!("The container ends by itself, and {service} with it."),
        Outcome::Graceful | Outcome::Unknown => format!("{service} may not be stopped properly."),
    }
}

/// The service, by the command that is or has started it.
pub(super) fn service(fault: &Fault) -> String {
    let command = code(&fault.service);
    if fault.by_launcher { format!("what {command} started") } else { command }
}

/// Words as code, shortened for a sentence.
pub(super) fn code(words: impl Display) -> String {
    let words = words.to_string();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = words.chars().take(60).collect();
    if short.len() < words.len() { format!("`{}...`", short.trim_end()) } else { format!("`{words}`") }
}

/// The instruction that starts the container.
pub(super) fn launch_place(image: &Image) -> Option<Place> {
    [&image.entrypoint, &image.cmd].into_iter().flatten().find_map(|setting| setting.place.clone())
}

/// How an init is put in front, by the place where the container is described.
pub(super) fn ways_to_an_init(subject: &Subject<'_>) -> &'static str {
    match &subject.image.runtime.period.declared {
        None => "`docker run --init`, `init: true` in Compose, or tini in the image",
        Some(declared) if declared.signal.is_some() => "`init: true`, or tini in the image",
        // A Pod's pause container reaps, and hands signals on.
        Some(_) => "`shareProcessNamespace: true`, or tini in the image",
    }
}

/// What makes a program end gracefully that does so on no signal.
pub(super) fn graceful_with<'a>(command: &CommandLine, subject: &'a Subject<'_>) -> Option<&'a str> {
    program(command, subject)?.graceful_with.as_deref()
}

/// True if the program of a command lets its clients stay on the stop signal.
pub(super) fn waits_for_clients(command: &CommandLine, subject: &Subject<'_>) -> bool {
    let reaction = program(command, subject).map(|row| row.reaction(&subject.signal().name(), true));
    reaction == Some(Reaction::Waits)
}

/// True for a program that is known to finish its work on a signal.
pub(super) fn finishes_on(command: &CommandLine, signal: Signal, subject: &Subject<'_>) -> bool {
    let reaction = program(command, subject).map(|row| row.reaction(&signal.name(), true));
    reaction == Some(Reaction::Finishes)
}

/// True for a program that is known to do nothing on signals: it has nothing to finish but what it has started.
pub(super) fn hears_nothing(command: &CommandLine, subject: &Subject<'_>) -> bool {
    program(command, subject).is_some_and(|row| row.signals.none)
}

/// True for a program of the tables, as against a script or a program of the project.
pub(super) fn is_known(command: &CommandLine, subject: &Subject<'_>) -> bool {
    program(command, subject).is_some()
}

/// The row of a command's program.
fn program<'a>(command: &CommandLine, subject: &'a Subject<'_>) -> Option<&'a Program> {
    subject.tables.program(command.program(), &command.arguments()).map(Arc::as_ref)
}
