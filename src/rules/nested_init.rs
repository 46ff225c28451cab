//! `nested-init`: an init that must be PID 1 is started behind another one.

use super::{Finding, Repair, Subject, words};
use crate::dockerfile::{Command, Setting};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::NestedInit)
        .map(|fault| {
            let message = format!("{} It refuses to run as another process than PID 1.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "must be PID 1", message)
                .with_help("start it as PID 1, without another init in front")
                .with_repairs(alone(subject))
        })
        .collect()
}

/// The launch without the words in front of the init.
fn alone(subject: &Subject<'_>) -> Option<Repair> {
    let is_alone = |name: &str| subject.tables.program(name, &[]).is_some_and(|row| row.pid1_only);
    let without = |setting: &Setting<Command>| {
        let Command::Exec(elements) = &setting.value else { return None };
        let at = elements.iter().position(|element| is_alone(element.text())).filter(|at| *at > 0)?;
        setting.replace_words(0..at + 1, &[elements[at].text().to_owned()])
    };
    let edit = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten().find_map(without)?;
    Some(Repair::safe("Drop the init in front", vec![edit]))
}
