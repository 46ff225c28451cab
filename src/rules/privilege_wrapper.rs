//! `privilege-wrapper`: su, sudo or runuser in front of the service.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, step_down, words};
use crate::diagnostic::Severity;
use crate::launch::{Cause, Fault, Hurry, Rest, Site};
use crate::shell::{self, Node, NodeKind};
use crate::source::{Encoding, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PrivilegeWrapper)
        .filter_map(|fault| match fault.hurry {
            Some(Hurry::Wrapper { patience, supervises }) => hurried(fault, patience / 1000, supervises, subject),
            _ => Some(lost(fault, subject)),
        })
        .collect()
}

fn lost(fault: &Fault, subject: &Subject<'_>) -> Finding {
    let message = format!("{} It stays in front of what it starts; `su` and `runuser` kill it two seconds after they have passed the signal on.", words::what_happens(fault, subject.signal()));
    let (better, repair) = better(fault, subject);
    let help = format!("start it with {better}, which gives way to the program and sets no limit; in `-c`, `exec` in front of the program is the least");
    let within = |repair: Repair| Repair { message: format!("{}, which then has two seconds to end", repair.message), ..repair };
    Finding::of(fault, subject, "stays in front of the service", message)
        .with_help(help)
        .with_repairs(repair)
        .with_repairs(repair::exec_prefix(fault).map(within))
        .with_repairs(exec_in_text(fault).map(within))
}

/// The service is told and waited for, but not for long. Worth a warning where that is known to be too short.
fn hurried(fault: &Fault, seconds: u64, supervises: bool, subject: &Subject<'_>) -> Option<Finding> {
    let is_slow = supervises || subject.tables.is_slow(fault.service.program());
    if !is_slow && !subject.pedantic {
        return None;
    }
    let (service, wrapper) = (words::code(&fault.service), fault.hop.program());
    let message = format!("On stop, {service} has {seconds} seconds: `{wrapper}` passes the signal on, and kills it then, whatever the grace period.");
    let (better, repair) = better(fault, subject);
    let mut finding = Finding::of(fault, subject, format!("kills it {seconds} seconds after the signal"), message)
        .with_help(format!("start it with {better}, which gives way to the program and sets no limit"))
        .with_repairs(repair);
    finding.severity = if is_slow { Severity::Warning } else { Severity::Info };
    Some(finding)
}

/// What to start the service with, in place of `su`.
fn better(fault: &Fault, subject: &Subject<'_>) -> (String, Option<Repair>) {
    match step_down::of(fault, subject) {
        Some(step_down) => (format!("`{}`", step_down.line), step_down.repair),
        None => (format!("`{}`", step_down::tool(subject)), None),
    }
}

/// `exec` at the front of the text behind `-c`, where variables in it keep that from being the text that the inner shell reads.
fn exec_in_text(fault: &Fault) -> Option<Repair> {
    let Site::Foreground { node, rest: Rest::Nothing | Rest::Exit, .. } = &fault.site else { return None };
    let name = repair::simple(node)?.words.first()?.literal()?;
    if node.excerpt.encoding() != Encoding::Derived || node.span.start != 0 {
        return None;
    }
    let excerpt = Arc::new(Excerpt::verbatim(&fault.place.source, fault.place.span));
    let script = shell::parse(Arc::clone(&excerpt));
    let [Node { kind: NodeKind::Command(wrapper), .. }] = script.statements.as_ref() else { return None };
    let option = wrapper.words.iter().position(|word| word.literal().as_deref() == Some("-c"))?;
    let text = wrapper.words.get(option + 1)?.span;
    let is_same = excerpt.text()[text.start..text.end].starts_with(&format!("\"{name} "));
    let edit = excerpt.edit(Span::at(text.start + 1), "exec ")?;
    is_same.then(|| Repair::safe(format!("Put `exec` in front of `{name}`"), vec![edit]))
}
