//! `nested-init`: an init that must be PID 1 is started behind something else, or two inits in a row.

use super::{Finding, Repair, Subject, repair, words};
use crate::diagnostic::Severity;
use crate::dockerfile::{Command, Setting};
use crate::launch::{Cause, ProcessView};
use crate::programs::Kind;
use crate::source::{Edit, Place, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let refusing = subject.faults(|cause| cause == Cause::NestedInit).map(|fault| {
        let message = format!("{} It refuses to run as another process than PID 1.", words::what_happens(fault, subject.signal()));
        Finding::of(fault, subject, "must be PID 1", message)
            .with_help("start it as PID 1, without another init or a shell in front")
            .with_repairs(alone(subject))
            .with_repairs(repair::shell_form(subject.image).and_then(|(text, _, _)| repair::exec_form(text)))
            .with_repairs(exec(&fault.place, subject))
    });
    refusing.chain(in_a_row(subject)).collect()
}

/// The launch without the words in front of the init that must be PID 1.
fn alone(subject: &Subject<'_>) -> Option<Repair> {
    let is_alone = |name: &str| subject.tables.program(name, &[]).is_some_and(|row| row.pid1_only);
    Some(Repair::safe("Drop the init in front", vec![drop_before(subject, is_alone)?]))
}

/// A script's statement, as the last that the script does.
fn exec(place: &Place, subject: &Subject<'_>) -> Option<Repair> {
    let is_script = place.source.path() != subject.image.dockerfile.source.path();
    let edit = Edit::new(&place.source, Span::at(place.span.start), "exec ");
    is_script.then(|| Repair::safe("Put `exec` in front of it", vec![edit]))
}

/// A plain init that a plain init starts: it works, and one of them is too many.
fn in_a_row(subject: &Subject<'_>) -> Option<Finding> {
    let launch = subject.launch?;
    let is_init = |process: &ProcessView| {
        let name = process.argv.first()?;
        let row = subject.tables.program(name, &[])?;
        (row.kind == Kind::Init).then(|| name.clone())
    };
    let first = launch.branches.first()?.processes.first()?;
    let outer = is_init(first)?;
    let (inner, place) = first.children.iter().find_map(|child| Some((is_init(child)?, child.place.clone()?)))?;
    // The pause of a Pod is nobody's to drop, and tini behind it waits as it should.
    if subject.image.runtime.pause.is_some() {
        return None;
    }
    let message = format!("`{outer}` starts another init, `{inner}`: one of them is enough, and only PID 1 is handed the orphans.");
    // Where Compose brings the outer one, that is the line to drop.
    let own = subject.image.runtime.init.as_ref();
    let place = own.cloned().unwrap_or(place);
    let mut finding = Finding::at(place, "two inits in a row", message).with_help("drop one of the two");
    finding.severity = Severity::Info;
    if let Some(own) = own {
        return Some(finding.with_repairs(without_engine_init(own)));
    }
    let is_missing = subject.image.base.init == Some(false) && subject.installed.lacks(&inner);
    let edit = drop_before(subject, |name| name == inner).filter(|_| !is_missing);
    Some(finding.with_repairs(edit.map(|edit| Repair::safe(format!("Drop `{outer}`"), vec![edit]))))
}

/// `init: false`, where the line is no other service's too.
fn without_engine_init(value: &Place) -> Option<Repair> {
    let is_shared = [": *", "- *", "[*", "extends:"].iter().any(|sign| value.source.text().contains(sign));
    let edit = Edit::new(&value.source, value.span, "false");
    (value.text() == "true" && !is_shared).then(|| Repair::safe("Leave out the engine's init", vec![edit]))
}

/// The words of ENTRYPOINT, or of CMD, from a wanted one on.
fn drop_before(subject: &Subject<'_>, is_wanted: impl Fn(&str) -> bool) -> Option<Edit> {
    let without = |setting: &Setting<Command>| {
        let Command::Exec(elements) = &setting.value else { return None };
        let at = elements.iter().skip(1).position(|element| is_wanted(element.text()))? + 1;
        setting.replace_words(0..at + 1, &[elements[at].text().to_owned()])
    };
    [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten().find_map(without)
}
