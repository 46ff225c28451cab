//! `supervisor-config`: a supervisor's configuration keeps it from stopping a program well.

use std::sync::Arc;

use super::{Finding, Repair, Subject, literal_operator, words};
use crate::diagnostic::{Related, Severity};
use crate::dockerfile::Keyword;
use crate::launch::{Cause, Fault, Signal, Site, SupervisorFlaw};
use crate::programs::{Reaction, Services};
use crate::project::supervised::Program;
use crate::source::base_name;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let faults = subject.faults(|cause| matches!(cause, Cause::SupervisorConfig(_)));
    faults
        .filter_map(|fault| match fault.cause {
            Cause::SupervisorConfig(SupervisorFlaw::StopSignal) => Some(stop_signal(fault, subject)),
            Cause::SupervisorConfig(SupervisorFlaw::Daemonized) => Some(daemonized(fault, subject)),
            _ => None,
        })
        .chain(given_up(subject))
        .collect()
}

/// A server that is not started again when it has ended, in a container that nobody looks after.
fn given_up(subject: &Subject<'_>) -> Vec<Finding> {
    let is_watched = subject.image.instructions().iter().any(|(_, instruction)| instruction.keyword == Keyword::Healthcheck);
    let programs = subject.launch.filter(|_| !is_watched).map_or(&[][..], |launch| &launch.given_up);
    let finding = |program: &Arc<Program>| {
        let message = format!(
            "When `{}` has ended, supervisord does not start it again, and the container goes on without it: nobody notices.",
            program.name
        );
        let place = program.place_of("autorestart").unwrap_or_else(|| program.place.clone());
        let help = "leave `autorestart` to its default, add an event listener that stops supervisord, or a HEALTHCHECK to the image";
        let mut finding = Finding::at(place, "is not started again", message).with_help(help);
        finding.severity = Severity::Info;
        finding
    };
    programs.iter().map(finding).collect()
}

/// The program ends gracefully, but not on the signal that it is sent.
fn stop_signal(fault: &Fault, subject: &Subject<'_>) -> Finding {
    let (program, wanted) = match &fault.site {
        Site::Supervised { program, wanted } => (Some(program), *wanted),
        _ => (None, None),
    };
    let got = program
        .and_then(|program| program.stop_signal.as_deref())
        .and_then(Signal::parse)
        .unwrap_or(Signal::TERM);
    let service = words::code(&fault.service);
    let services = program.map_or(Services::Supervisord, |program| program.services);
    let supervisor = match services {
        Services::Supervisord => "supervisord",
        Services::S6Svscan | Services::S6Overlay => "s6-supervise",
        Services::MyInit => "runit",
        Services::Procfile => "foreman",
    };
    let row = subject.tables.program(fault.service.program(), &fault.service.arguments());
    let meanwhile = match row.map(|row| row.reaction(&got.name(), false)) {
        Some(Reaction::Ignores) if got != Signal::KILL => "does not end on it",
        reaction if got == Signal::KILL || reaction == Some(Reaction::Cuts) => "cuts its work short on it",
        _ => "does not end gracefully on it",
    };
    let message = match wanted {
        Some(wanted) => {
            format!("On stop {supervisor} sends {got} to {service}, which {meanwhile}, and ends gracefully on {wanted}.")
        }
        None => format!("On stop {supervisor} sends {got} to {service}, which {meanwhile}."),
    };
    let name = |signal: Signal| signal.to_string().trim_start_matches("SIG").to_owned();
    let set = program.and_then(|program| program.place_of("stopsignal"));
    // Somebody has written down what would be sent anyway: they may want it to cut its requests.
    let is_chosen = set.is_some() && got == Signal::TERM;
    let meant = program.filter(|_| !is_misread(fault));
    let repair = meant.zip(wanted).and_then(|(program, wanted)| {
        let edit = program.set("stopsignal", &name(wanted))?;
        let message = format!("Let supervisord stop it with {wanted}");
        Some(match is_chosen {
            true => Repair::unsafe_(format!("{message}, where somebody has asked for {got}"), vec![edit]),
            false => Repair::safe(message, vec![edit]),
        })
    });
    let wanted = wanted.map_or_else(|| "the signal that it understands".to_owned(), |signal| format!("`{}`", name(signal)));
    let help = match services {
        Services::Supervisord => format!("set `stopsignal` to {wanted} for this program"),
        Services::S6Svscan | Services::S6Overlay => {
            format!("write {wanted} to a file `down-signal` beside its `run` script")
        }
        Services::Procfile => "run it under a supervisor that can be told which signal to send".to_owned(),
        Services::MyInit => format!("translate the signal in the `run` script: start it with `&`, trap TERM to send it {wanted}, and `wait` for it"),
    };
    let mut finding =
        Finding::of(fault, subject, format!("gets {got}"), message).with_help(help).with_repairs(repair);
    if is_chosen {
        finding.severity = Severity::Warning;
    }
    finding.related.extend(set.map(|place| Related::new(place, "set here")));
    finding
}

/// The program leaves, and supervisord takes it for dead.
fn daemonized(fault: &Fault, subject: &Subject<'_>) -> Finding {
    let message = format!(
        "{} goes into the background: the supervisor takes it for dead, starts it again, and on stop does not tell it.",
        words::code(&fault.service)
    );
    let name = fault.service.program();
    let foreground = subject.tables.program(name, &[]).and_then(|row| row.foreground.as_deref());
    let repair = foreground.filter(|_| !is_misread(fault)).and_then(|text| stay(fault, name, text));
    let help = match foreground {
        Some(foreground) => format!("keep it in the foreground: `{foreground}`"),
        None => "keep it in the foreground".to_owned(),
    };
    Finding::of(fault, subject, "goes into the background", message).with_help(help).with_repairs(repair)
}

/// True where the command goes on behind an operator that no shell reads: its words are not what somebody meant.
fn is_misread(fault: &Fault) -> bool {
    fault.service.arguments().into_iter().flatten().any(literal_operator::is_operator)
}

/// The arguments that keep the program in front, at the end of the command.
fn stay(fault: &Fault, name: &str, foreground: &str) -> Option<Repair> {
    let Site::Supervised { program, .. } = &fault.site else { return None };
    let (own, more) = foreground.split_once(' ')?;
    if base_name(own) != base_name(name) || !more.starts_with('-') {
        return None;
    }
    // `nginx -g "pid /run/a.pid;"` would heed the last `-g` alone.
    let arguments = fault.service.arguments();
    let has = |option: &str| option.starts_with('-') && arguments.contains(&Some(option));
    if more.split_whitespace().any(has) {
        return None;
    }
    let edit = program.append(more)?;
    Some(Repair::safe(format!("Keep it in the foreground with `{more}`"), vec![edit]))
}
