//! `swallowing-wrapper`: a wrapper that does not pass the signal on.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, words};
use crate::dockerfile::Command;
use crate::launch::{Cause, Fault, Site};
use crate::programs::{Kind, Program, Sh};
use crate::shell::{self, Node, NodeKind, Word};
use crate::source::{Edit, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::SwallowingWrapper)
        .map(|fault| {
            let (label, why) = match fault.told {
                Some(_) => ("does not wait", "The wrapper in front of it passes the signal on, and does not wait."),
                None => ("does not pass the signal on", "The wrapper in front of it keeps the signal to itself."),
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            let wrapper = fault.hop.program();
            let option = execing_form(wrapper, subject).and_then(|row| row.args.requires.first());
            let variable = forwarding_variable(fault.hop.name(), subject);
            let help = match (option, variable) {
                (Some(option), _) => format!("`{wrapper} {option}` becomes the program instead"),
                (None, Some(variable)) => format!("it passes the signal on, and waits, where `{variable}` is set"),
                (None, None) => "use a wrapper that execs, or let the service be started without it".to_owned(),
            };
            let repair = option.and_then(|option| with_option(fault, wrapper, option, subject));
            let repair = repair.or_else(|| with_variable(variable?, subject));
            Finding::of(fault, subject, label, message)
                .with_help(help)
                .with_repairs(repair)
                .with_repairs(tell_group(fault))
        })
        .collect()
}

/// The row of the wrapper with an option that makes it become the program (`flock -F`), if it has one.
fn execing_form<'a>(wrapper: &str, subject: &'a Subject<'_>) -> Option<&'a Program> {
    let rows = subject.tables.programs().filter(|row| row.kind == Kind::Exec);
    rows.flat_map(|row| &row.args.requires).find_map(|option| {
        let arguments = [Some(option.as_str())];
        let row = match subject.image.base.sh {
            // busybox's tools are the system's.
            Sh::Ash => subject.tables.applet(wrapper, &arguments),
            _ => subject.tables.program(wrapper, &arguments),
        };
        row.map(Arc::as_ref).filter(|row| {
            row.kind == Kind::Exec
                && row.args.requires.first() == Some(option)
                && row.is_on(&subject.image.base)
        })
    })
}

/// The variable with which a wrapper passes the signal on.
fn forwarding_variable<'a>(wrapper: &str, subject: &'a Subject<'_>) -> Option<&'a str> {
    let is_it = |row: &&Program| row.names.iter().any(|name| name.split('@').next() == Some(wrapper));
    let mut rows = subject.tables.programs().filter(|row| row.forwards_with.is_some());
    rows.find(is_it)?.forwards_with.as_deref()
}

/// That variable, set in the image.
fn with_variable(variable: &str, subject: &Subject<'_>) -> Option<Repair> {
    let image = subject.image;
    if image.runtime.period.declared.is_some() || image.env.contains_key(variable) {
        return None;
    }
    let edit = repair::instruction(image, &format!("ENV {variable}=true"))?;
    Some(Repair::safe(format!("Set `{variable}`, so that the wrapper passes the signal on"), vec![edit]))
}

/// The option behind the wrapper's name, in an exec form or in a shell's text.
fn with_option(fault: &Fault, wrapper: &str, option: &str, subject: &Subject<'_>) -> Option<Repair> {
    let message = format!("Let `{wrapper}` become the program, with `{option}`");
    for setting in [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten() {
        let Command::Exec(elements) = &setting.value else { continue };
        if let Some(at) = elements.iter().position(|element| element.text() == wrapper) {
            let words = [wrapper.to_owned(), option.to_owned()];
            return Some(Repair::safe(message, vec![setting.replace_words(at..at + 1, &words)?]));
        }
    }
    let excerpt = Arc::new(Excerpt::verbatim(&fault.place.source, fault.place.span));
    let script = shell::parse(Arc::clone(&excerpt));
    let [Node { kind: NodeKind::Command(command), .. }] = script.statements.as_ref() else { return None };
    let name = command.words.iter().find(|word| Word::literal(word).as_deref() == Some(wrapper))?;
    let edit: Edit = excerpt.edit(Span::at(name.span.end), &format!(" {option}"))?;
    Some(Repair::safe(message, vec![edit]))
}

/// supervisord tells what the wrapper has started, too: right where the wrapper itself outlives the signal.
fn tell_group(fault: &Fault) -> Option<Repair> {
    let Site::Supervised { program, .. } = &fault.site else { return None };
    let edit = program.set("stopasgroup", "true")?;
    Some(Repair::safe("Let supervisord tell all of the program's process group", vec![edit]))
}
