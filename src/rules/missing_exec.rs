//! `missing-exec`: a script starts its service without exec.

use std::sync::Arc;

use super::{Finding, Repair, Subject, blocks, repair, trap, words};
use crate::diagnostic::Safety;
use crate::dockerfile::Keyword;
use crate::launch::{Cause, Fault, Rest, Site};
use crate::shell::{self, Node, NodeKind};
use crate::source::{Edit, Place, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::MissingExec)
        .map(|fault| {
            let message = format!(
                "{} The script starts {} without `exec`, stays in front of it and passes no signal on.",
                words::what_happens(fault, subject.signal()),
                started(fault)
            );
            let follows = matches!(&fault.site, Site::Foreground { rest: Rest::Commands, .. });
            let in_role = follows && other_roles_follow(fault, subject);
            let help = if fault.place.text().starts_with("eval ") {
                "put `exec` in front of what `eval` runs: `eval \"exec $COMMAND\"`"
            } else if in_role {
                "put `exec` in front of it: what follows starts the other services, which nobody wants when this one has ended"
            } else if follows {
                "other commands follow, so that `exec` would cut them off: start it with `&`, trap the signal, and `wait` for it"
            } else {
                "put `exec` in front of it, so that it takes the script's place"
            };
            let exec = if in_role { repair::exec_in_role(fault) } else { repair::exec_prefix(fault) };
            let finding = Finding::of(fault, subject, "runs as a child of the script", message)
                .with_help(help)
                .with_repairs(exec.map(|repair| {
                    heeding_children(heeding_others(repair, fault, subject), fault, subject)
                }))
                .with_repairs(within_eval(fault));
            // A trap would be in the way of `exec` in the branches of the others, as long as these lack it.
            let is_behind = |other: &Fault| other.place.span.start > fault.place.span.start;
            match in_role && subject.faults(|cause| cause == Cause::MissingExec).any(is_behind) {
                true => finding,
                false => finding.with_repairs(trap::in_place_of_exec(fault, subject)),
            }
        })
        .collect()
}

/// `if worker; then celery; fi` in front of what other roles of the image start: on no way both are meant to run.
fn other_roles_follow(fault: &Fault, subject: &Subject<'_>) -> bool {
    let Site::Foreground { node, .. } = &fault.site else { return false };
    let script = shell::parse(Arc::clone(&node.excerpt));
    let behind = blocks::behind(&script.statements, node.span);
    let behind: Vec<Place> = behind.into_iter().map(Node::place).collect();
    let mut processes = subject.launch.into_iter().flat_map(|launch| &launch.branches).flat_map(|own| &own.processes);
    // Where the same program comes next, it is one step of several.
    fault.known_service
        && script.statements.iter().any(|around| ends_branch(around, node.span))
        && processes.any(|process| process.serves_another_in(&behind, fault.service.program()))
}

/// True for a statement with a branch that ends at a place.
fn ends_branch(node: &Node, place: Span) -> bool {
    let is_branch = matches!(node.kind, NodeKind::If(_) | NodeKind::Case(_));
    let ends = || blocks::lists_of(node).into_iter().any(|list| list.last().is_some_and(|last| last.span == place));
    blocks::holds(node, place)
        && ((is_branch && ends()) || node.children().into_iter().any(|child| ends_branch(child, place)))
}

/// `eval "$COMMAND"` as `eval "exec $COMMAND"`, `eval $COMMAND` as `eval exec $COMMAND`.
fn within_eval(fault: &Fault) -> Option<Repair> {
    let Site::Foreground { rest: Rest::Nothing | Rest::Exit, .. } = &fault.site else { return None };
    let text = fault.place.text();
    let word = text.strip_prefix("eval ")?.trim_start();
    let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    let inner = quoted.unwrap_or(word);
    if !inner.starts_with('$') || inner.contains(['"', '\'']) {
        return None;
    }
    let at = fault.place.span.start + text.len() - word.len() + usize::from(quoted.is_some());
    let edit = Edit::new(&fault.place.source, Span::at(at), "exec ");
    let message = "Put `exec` in front of what `eval` runs; if that may be several commands, or begin with an assignment, that breaks";
    Some(Repair::unsafe_(message, vec![edit]))
}

/// What stands in the line: the service, or what has started it (`supervisord`), or stands in front of it as well.
fn started(fault: &Fault) -> String {
    // What a RUN writes stands nowhere as such: its place holds more, or something else.
    let line = match &fault.site {
        Site::Foreground { node, .. } => node.excerpt.text().get(node.span.start..node.span.end).unwrap_or(""),
        _ => fault.place.text(),
    };
    let is_service = line.contains(fault.service.name()) || line.starts_with(['$', '"']);
    if is_service { "it".to_owned() } else { words::code(line) }
}

/// What the script has started in the background becomes the child of what takes its place.
fn heeding_children(mut repair: Repair, fault: &Fault, subject: &Subject<'_>) -> Repair {
    let service = &fault.service;
    let row = subject.tables.program(service.program(), &service.arguments());
    let children = match &fault.shell {
        shell if shell.has_jobs => "what the script has started with `&` is",
        shell if shell.has_daemons => "what the script has started as a daemon is",
        _ => return repair,
    };
    if row.is_some_and(|row| row.counts_children) {
        let name = service.name();
        repair.safety = Safety::Unsafe;
        repair.message = format!(
            "{}; {children} a child of `{name}` then, which ends all its sessions if that fails",
            repair.message
        );
    }
    repair
}

/// A health check that names the script may look for its process, and a RUN may read it: both expect that it stays.
fn heeding_others(mut repair: Repair, fault: &Fault, subject: &Subject<'_>) -> Repair {
    let script = fault.place.source.path();
    let Some(name) = script.file_name() else { return repair };
    if script == subject.image.dockerfile.source.path() {
        return repair;
    }
    let instructions = &subject.image.dockerfile.instructions;
    let instruction = instructions.iter().find_map(|instruction| {
        let text = instruction.body.text();
        match instruction.keyword {
            Keyword::Healthcheck if text.contains(name) => Some("HEALTHCHECK"),
            Keyword::Run if reads(text, name) => Some("RUN"),
            _ => None,
        }
    });
    // A script that stands in the manifest is no file that a check could name.
    let looks = |probe: &&crate::dockerfile::Probe| probe.text.contains(name) && probe.place.source.path() != script;
    let probe = subject.image.runtime.probes.iter().find(looks);
    let probe = probe.and_then(|probe| probe.place.source.path().file_name());
    let user = instruction.map(str::to_owned).or(probe.map(|file| format!("a health check in {file}")));
    if let Some(user) = user {
        repair.safety = Safety::Unsafe;
        repair.message = format!("{}; {user} uses {name} too, and may expect that it stays", repair.message);
    }
    repair
}

/// `. /start.sh`
fn reads(text: &str, name: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.windows(2).any(|pair| {
        matches!(pair[0], "." | "source") && pair[1].trim_end_matches([';', '"', '\'']).ends_with(name)
    })
}
