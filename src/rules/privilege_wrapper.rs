//! `privilege-wrapper`: su, sudo or runuser in front of the service.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, step_down, words};
use crate::launch::{Cause, Fault, Rest, Site};
use crate::shell::{self, Node, NodeKind};
use crate::source::{Encoding, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PrivilegeWrapper)
        .map(|fault| {
            let message = format!("{} It stays in front of what it starts; `su` and `runuser` kill it two seconds after they have passed the signal on.", words::what_happens(fault, subject.signal()));
            let step_down = step_down::of(fault, subject);
            let better = match &step_down {
                Some(step_down) => format!("`{}`", step_down.line),
                None => format!("`{}`", step_down::tool(subject)),
            };
            let help = format!("start it with {better}, which gives way to the program and sets no limit; in `-c`, `exec` in front of the program is the least");
            Finding::of(fault, subject, "stays in front of the service", message)
                .with_help(help)
                .with_repairs(step_down.and_then(|step_down| step_down.repair))
                .with_repairs(repair::exec_prefix(fault))
                .with_repairs(exec_in_text(fault))
        })
        .collect()
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
