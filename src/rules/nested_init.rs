//! `nested-init`: an init that must be PID 1 is started behind another one.

use super::{Finding, Repair, Subject, words};
use crate::dockerfile::Command;
use crate::launch::Cause;
use crate::source::{Edit, Span};

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

/// ENTRYPOINT without the words in front of the init.
fn alone(subject: &Subject<'_>) -> Option<Repair> {
    let setting = subject.image.entrypoint.as_ref()?;
    let Command::Exec(elements) = &setting.value else { return None };
    let is_alone = |name: &str| subject.tables.program(name, &[]).is_some_and(|row| row.pid1_only);
    let at = elements.iter().position(|element| is_alone(element.text())).filter(|at| *at > 0)?;
    let (first, init) = (elements.first()?, elements.get(at)?);
    let edit = Edit {
        path: init.source().path().to_owned(),
        span: Span::new(first.span().start.checked_sub(1)?, init.span().start.checked_sub(1)?),
        text: String::new(),
    };
    Some(Repair::safe("Drop the init in front", vec![edit]))
}
