//! `piped-service`: the service is part of a pipeline, and the shell waits for all of it.

use super::{Finding, Repair, Subject, repair, words};
use crate::launch::{Cause, Dialect, Fault, PipeEnd, Rest, Site};
use crate::shell::{NodeKind, Word};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| matches!(cause, Cause::PipedService(_)))
        .map(|fault| {
            let message = format!(
                "{} The shell waits for the whole pipeline and passes no signal on.",
                words::what_happens(fault, subject.signal())
            );
            let finding = Finding::of(fault, subject, "runs as part of a pipeline", message);
            match fault.cause {
                Cause::PipedService(PipeEnd::Reader) => finding.with_help(
                    "give it its standard input in another way; in bash: `exec service < file`, or `exec service < <(feeder)`",
                ),
                _ => finding
                    .with_help("let the service write to a file or to standard output; in bash: `exec service > >(filter)`")
                    .with_repairs(substitute(fault)),
            }
        })
        .collect()
}

/// `a 2>&1 | b` as `exec a > >(b) 2>&1`, where the shell has process substitution.
fn substitute(fault: &Fault) -> Option<Repair> {
    let Site::Foreground { node, rest: Rest::Nothing, dialect: Dialect::Bash, .. } = &fault.site else {
        return None;
    };
    let NodeKind::Pipeline(stages) = &node.kind else { return None };
    let (first, second) = (stages.first()?, stages.get(1)?);
    if !repair::may_replace_shell(fault) {
        return None;
    }
    let text = node.excerpt.text();
    // What feeds the service, or filters for it, is not it.
    let is_service = repair::simple(first).and_then(|command| {
        let words = command.words.iter().filter_map(Word::literal);
        words.into_iter().find(|word| word != "exec")
    });
    if is_service.as_deref() != Some(fault.service.program()) {
        return None;
    }
    let service = text.get(first.span.start..first.span.end)?.trim();
    let filter = text.get(second.span.start..node.span.end)?.trim();
    let joins = text.get(first.span.end..second.span.start)?.contains("|&");
    let (service, both) = match service.strip_suffix("2>&1") {
        Some(service) => (without_continuation(service), true),
        None => (service, joins),
    };
    // Other redirections of the service's output would now compete with the filter.
    if service.contains('>') {
        return None;
    }
    let exec = if service.starts_with("exec ") { "" } else { "exec " };
    let errors = if both { " 2>&1" } else { "" };
    let line = format!("{exec}{service} > >({filter}){errors}");
    let edit = node.excerpt.edit(node.span, &line)?;
    Some(Repair::unsafe_(
        "Feed the filter through a process substitution, and `exec` the service; the exit status is then the service's own",
        vec![edit],
    ))
}

/// A command without the continuations behind its last word: on one line, each would be an argument that is a blank.
fn without_continuation(command: &str) -> &str {
    let mut command = command;
    while let Some(line) = command.trim_end_matches([' ', '\t']).strip_suffix(['\n']) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        command = line.strip_suffix('\\').unwrap_or(line);
    }
    command.trim_end()
}
