//! `empty-entrypoint`: `ENTRYPOINT [""]`.

use super::{Finding, Repair, Subject};
use crate::diagnostic::Severity;
use crate::source::{Edit, Place};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    found(subject).into_iter().collect()
}

fn found(subject: &Subject<'_>) -> Option<Finding> {
    let dockerfile = &subject.image.dockerfile;
    let place = subject.image.entrypoint.as_ref()?.place.clone()?;
    let instruction = dockerfile.instructions.iter().find(|instruction| instruction.span == place.span)?;
    let [element] = instruction.exec_form()? else { return None };
    if !element.text().is_empty() {
        return None;
    }
    let mut finding = Finding::at(
        Place::new(&dockerfile.source, instruction.span),
        "an empty name",
        "Docker takes `[\"\"]` as a reset of the base image's ENTRYPOINT; other runtimes try to execute the empty name, and fail.",
    )
    .with_help("write `ENTRYPOINT []`, which says so");
    finding.severity = Severity::Warning;
    let edit = Edit::new(&dockerfile.source, instruction.body.span(), "[]");
    Some(finding.with_repairs([Repair::safe("Write `[]`", vec![edit])]))
}
