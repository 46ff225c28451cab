//! `stop-signal`: what is in front ends gracefully, but on another signal than the one that it gets.

use super::repair::instruction;
use super::{Finding, Repair, Subject, words};
use crate::diagnostic::{Outcome, Related, Safety, Severity};
use crate::dockerfile::{Setting, Written};
use crate::launch::{Cause, Fault, Signal, Site};
use crate::source::{Edit, Place, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    if let Some(finding) = no_signal(subject) {
        return vec![finding];
    }
    // One STOPSIGNAL serves all the ways to the same program.
    let mut wanted_before = Vec::new();
    subject
        .faults(|cause| cause == Cause::StopSignal)
        .filter(|fault| {
            let Site::Signal { wanted } = &fault.site else { return true };
            let first = !wanted_before.contains(wanted);
            wanted_before.push(*wanted);
            first
        })
        .map(|fault| {
            let got = subject.signal();
            let wanted = match &fault.site {
                Site::Signal { wanted } => *wanted,
                _ => None,
            };
            // What gets the signal: a supervisor or a script may stand in front of the service.
            let service = words::code(&fault.hop);
            let message = match wanted {
                _ if matches!(got, Signal::KILL | Signal::STOP) => {
                    format!("On stop the container gets {got}, which no program can handle: {service} cannot finish its work.")
                }
                Some(_) if is_inherited(subject) && !(fault.known_service && words::is_known(&fault.hop, subject)) => {
                    format!("On stop the container gets {got}, which the base image sets for a program of its own: {service} is not that, and does nothing.")
                }
                Some(wanted) if words::waits_for_clients(&fault.hop, subject) => {
                    format!("On stop the container gets {got}: {service} then waits until its last client has left, and is killed if one stays. On {wanted} it tells them to go.")
                }
                Some(wanted) => format!("On stop the container gets {got}, but {service} ends gracefully on {wanted}."),
                None => format!("On stop the container gets {got}, on which {service} does not end gracefully."),
            };
            let help = match (wanted, words::graceful_with(&fault.hop, subject)) {
                (Some(wanted), _) => how_to_set(wanted, subject),
                (None, Some(advice)) => advice.to_owned(),
                (None, None) => "set the signal that it understands with STOPSIGNAL".to_owned(),
            };
            let mut finding = Finding::of(fault, subject, format!("gets {got}"), message).with_help(help);
            let reason = reason_for(fault, wanted, subject);
            let is_warning = words::waits_for_clients(&fault.hop, subject) || reason.is_some() || is_asked_for(fault, wanted);
            if is_warning {
                finding.severity = Severity::Warning;
            }
            finding.related.extend(where_from(subject));
            if let Some(place) = where_set(subject) {
                let process = Related::new(std::mem::replace(&mut finding.place, place), finding.label);
                finding.related.pop();
                finding.related.insert(0, process);
                finding.label = format!("{got} is set here").into();
            }
            let mut repair = wanted.and_then(|wanted| set(subject, wanted));
            if let (Some(repair), Some(reason)) = (&mut repair, reason)
                && repair.safety == Safety::Safe
            {
                repair.safety = Safety::Unsafe;
                repair.message = format!("{}, {reason}", repair.message);
            }
            finding.with_repairs(repair)
        })
        .collect()
}

/// Why the signal that is set may be meant: another one is nothing to put in its place unasked.
fn reason_for(fault: &Fault, wanted: Option<Signal>, subject: &Subject<'_>) -> Option<String> {
    if is_of_base(fault, subject) {
        return Some("where the base image sets both the signal and what gets it".to_owned());
    }
    let place = subject.image.stop_signal.as_ref()?.place.as_ref()?;
    let got = subject.signal();
    if is_chosen(subject) {
        return Some(format!("where somebody has asked for {got}"));
    }
    if is_explained(place) {
        return Some(format!("where a comment may say why it is {got}"));
    }
    // Whoever kills a program may know that it hears nothing else.
    let is_known = wanted.is_some_and(|wanted| words::finishes_on(&fault.hop, wanted, subject));
    (got == Signal::KILL && !is_known)
        .then(|| format!("if {} has a handler for it: the stop takes longer if not", words::code(&fault.hop)))
}

/// True for a comment behind a setting, or on the line above it.
fn is_explained(place: &Place) -> bool {
    let source = &place.source;
    let line = source.line(place.span.start);
    let behind = source.slice(Span::new(place.span.end, source.line_span(line).end));
    let above = line.checked_sub(1).filter(|above| *above > 0).map(|above| source.slice(source.line_span(above)));
    behind.contains('#') || above.is_some_and(|above| above.trim_start().starts_with('#'))
}

/// STOPSIGNAL with a word that names no signal.
fn no_signal(subject: &Subject<'_>) -> Option<Finding> {
    let setting = subject.image.stop_signal.as_ref()?;
    let value = setting.value.trim();
    if value.contains('$') || Signal::parse(value).is_some_and(|signal| signal != Signal::EXIT) {
        return None;
    }
    let (what, example) = match setting.written {
        Written::Instruction => ("the image cannot be built", "STOPSIGNAL SIGTERM"),
        Written::Value { .. } => ("the container cannot be created", "SIGTERM"),
    };
    let message = format!("There is no signal {}: {what}.", words::code(value));
    Some(Finding::at(setting.place.clone()?, "no signal", message).with_help(format!("name one, such as `{example}`")))
}

/// The line that sets the signal, by the place where the container is described.
fn how_to_set(wanted: Signal, subject: &Subject<'_>) -> String {
    let period = &subject.image.runtime.period;
    match (&period.declared, period.signal_line(&wanted.to_string())) {
        (None, _) => format!("set `STOPSIGNAL {wanted}`"),
        (Some(_), Some(line)) => format!("set `{line}`"),
        (Some(_), None) => format!("set `STOPSIGNAL {wanted}` in the image, or let a `preStop` hook end the program"),
    }
}

/// Where the project sets the signal, if it does: that is the line to change.
fn where_set(subject: &Subject<'_>) -> Option<Place> {
    own_setting(subject)?.place.clone()
}

/// The signal that is set where the container is described, unless other stages rest on it, too. What a deployment starts differs from what
/// the Dockerfile's signal was meant for.
fn own_setting<'a>(subject: &'a Subject<'_>) -> Option<&'a Setting<String>> {
    let image = subject.image;
    let setting = image.stop_signal.as_ref()?;
    let is_beside = image.runtime.period.declared.is_none() || matches!(setting.written, Written::Value { .. });
    let place = setting.place.as_ref().filter(|_| is_beside)?;
    (!image.is_shared(place)).then_some(setting)
}

/// True where the base image sets the signal.
fn is_inherited(subject: &Subject<'_>) -> bool {
    subject.image.stop_signal.as_ref().is_some_and(|setting| setting.place.is_none())
}

/// True where the base image sets the signal, and what gets it is a program that it starts itself. SIGTERM is what old images had.
fn is_of_base(fault: &Fault, subject: &Subject<'_>) -> bool {
    let image = subject.image;
    let of_base = [&image.entrypoint, &image.cmd].into_iter().flatten().filter(|setting| setting.place.is_none());
    let first = of_base.filter_map(|setting| setting.value.words().first().map(|word| (*word).to_owned()));
    is_inherited(subject) && subject.signal() != Signal::TERM && first.into_iter().any(|program| program == fault.hop.program())
}

/// True where a deployment asks for what would be sent anyway: somebody may want a server to cut its requests. In a Dockerfile that is a
/// line which official images had, too, before they changed it.
fn is_chosen(subject: &Subject<'_>) -> bool {
    let is_written = |written: &Written| matches!(written, Written::Value { .. });
    subject.signal() == Signal::TERM
        && subject.image.stop_signal.as_ref().is_some_and(|setting| is_written(&setting.written))
}

/// True for a server that ends on the signal because it has been told to (`uwsgi --die-on-term`), and has no better one.
fn is_asked_for(fault: &Fault, wanted: Option<Signal>) -> bool {
    fault.outcome == Outcome::Abrupt && wanted.is_none() && fault.known_service
}

/// The instruction or the base image that sets the signal.
fn where_from(subject: &Subject<'_>) -> Option<Related> {
    let image = subject.image;
    let signal = subject.signal();
    Some(match image.stop_signal.as_ref()?.place.clone() {
        Some(place) => Related::new(place, format!("{signal} is set here")),
        None => {
            let from = Place::new(&image.dockerfile.source, image.from);
            Related::new(from, format!("{signal} comes from the base image"))
        }
    })
}

/// STOPSIGNAL with another value where it is set already, or in front of the instruction that starts the container.
fn set(subject: &Subject<'_>, signal: Signal) -> Option<Repair> {
    let image = subject.image;
    let repair = |edit| Some(Repair::safe(format!("Set STOPSIGNAL to {signal}"), vec![edit]));
    if let Some(setting) = own_setting(subject)
        && let Some(place) = &setting.place
    {
        let text = place.text();
        let value = match setting.written {
            Written::Instruction => text.rfind([' ', '\t']).map(|at| at + 1)?,
            Written::Value { .. } => 0,
        };
        let span = Span::new(place.span.start + value, place.span.end);
        let edit = Edit::new(&place.source, span, signal.to_string());
        // A build may set the variable.
        if text.contains('$') {
            return Some(Repair::unsafe_(format!("Set STOPSIGNAL to {signal} in place of the variable"), vec![edit]));
        }
        return repair(edit);
    }
    let launch = || [&image.entrypoint, &image.cmd].into_iter().flatten();
    if let Some(declared) = &image.runtime.period.declared {
        let line = image.runtime.period.signal_line(&signal.to_string())?;
        let own = launch().find(|own| own.place.is_some()).and_then(|own| own.written.beside(&line));
        let edit = own.or_else(|| declared.beside.beside(&line))?;
        return Some(Repair::safe(format!("Set `{line}`"), vec![edit]));
    }
    repair(instruction(image, &format!("STOPSIGNAL {signal}"))?)
}
