//! `broadcasting-init`: an init signals a whole process group, in which a service has workers that must not be told.

use super::{Finding, Repair, Subject, words};
use crate::diagnostic::Severity;
use crate::dockerfile::{Command, Setting};
use crate::launch::{Cause, Fault};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::Broadcast)
        .map(|fault| {
            let init = words::code(fault.hop.program());
            let service = words::code(&fault.service);
            let message = format!(
                "On stop, {init} signals the workers of {service}, too: they die in the middle of their work, for which {service} would wait if it alone were told."
            );
            let mut finding = Finding::of(fault, subject, "signals the whole process group", message)
                .with_help("let the init signal only the program that it has started: `dumb-init --single-child`, `tini` without `-g`")
                .with_repairs(to_one(fault, subject));
            finding.severity = Severity::Warning;
            finding
        })
        .collect()
}

/// The init with the option for it, or without the one against it.
fn to_one(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let name = fault.hop.program();
    let edit = |setting: &Setting<Command>| {
        let Command::Exec(elements) = &setting.value else { return None };
        let at = elements.iter().position(|element| element.text() == name)?;
        let init = elements[at].text().to_owned();
        if fault.hop.name() == "dumb-init" {
            return setting.replace_words(at..at + 1, &[init, "--single-child".to_owned()]);
        }
        let group = (at + 1..elements.len()).find(|&index| elements[index].text() == "-g")?;
        let between = elements[at..group].iter().map(|element| element.text().to_owned());
        setting.replace_words(at..group + 1, &between.collect::<Vec<_>>())
    };
    let edit = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten().find_map(edit)?;
    Some(Repair::safe("Let the init signal only the program that it has started", vec![edit]))
}
