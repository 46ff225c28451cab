//! `daemonized`: the main program puts itself into the background, and the container ends.

use super::{Finding, Repair, Subject, words};
use crate::dockerfile::Command;
use crate::launch::{Cause, Fault};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::Daemonized)
        .map(|fault| {
            let message = format!(
                "The container ends as soon as it has started: {} puts itself into the background, and PID 1 ends.",
                words::code(&fault.service)
            );
            let name = fault.service.split_whitespace().next().unwrap_or("");
            let row = subject.tables.program(name, &[]);
            let help = match row.and_then(|row| row.foreground.as_deref()) {
                Some(foreground) => format!("keep it in the foreground: `{foreground}`"),
                None => "keep it in the foreground".to_owned(),
            };
            let repair = row.and_then(|row| row.foreground.as_deref()).and_then(|text| stay(fault, subject, text));
            Finding::of(fault, subject, "goes into the background", message).with_help(help).with_repairs(repair)
        })
        .collect()
}

/// The arguments that keep the server in front, at the end of the exec form that starts it.
fn stay(fault: &Fault, subject: &Subject<'_>, foreground: &str) -> Option<Repair> {
    let (name, more) = shlex::split(foreground)?.split_first().map(|(name, more)| (name.clone(), more.to_vec()))?;
    let setting = [&subject.image.cmd, &subject.image.entrypoint].into_iter().flatten().find(|setting| {
        matches!(&setting.value, Command::Exec(elements) if !elements.is_empty()) && setting.place.is_some()
    })?;
    let Command::Exec(elements) = &setting.value else { return None };
    let starts = elements.first()?.text();
    let base = |path: &str| path.rsplit('/').next().unwrap_or("").to_owned();
    let own = base(starts) == base(&name)
        && fault.service.split_whitespace().next() == Some(starts)
        && more.first().is_some_and(|option| option.starts_with('-'))
        && !foreground.contains('(');
    if !own {
        return None;
    }
    let edit = setting.replace_words(elements.len()..elements.len(), &more)?;
    Some(Repair::safe(format!("Keep it in the foreground with `{}`", more.join(" ")), vec![edit]))
}
