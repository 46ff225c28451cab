//! `deferred-trap`: a trap that cannot run, because a command is in the foreground.

use super::insertion::{Line, free_number};
use super::telling;
use super::staying::{apart, background, pause_apart};
use super::trap::{is_bare, reads_status, traps_reload};
use super::{Finding, Repair, Subject, trap, words};
use crate::launch::{Cause, Fault, Site};
use crate::shell::{Node, NodeKind};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::DeferredTrap)
        .map(|fault| {
            let message = format!(
                "{} There is a trap, but a shell runs it only when the command in the foreground has ended.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "the trap waits until this has ended", message)
                .with_help("start the command with `&`, pass the signal on in the trap, and `wait` for it")
                .with_repairs(wait_apart(fault))
                .with_repairs(free(fault).map(|repair| trap::heeding_input(repair, fault, subject)))
        })
        .collect()
}

/// The command that keeps the trap from running goes to the background, and the trap tells it and waits for it.
fn free(fault: &Fault) -> Option<Repair> {
    let Site::Deferred { node, action, functions, pause } = &fault.site else { return None };
    if *pause {
        let edit = pause_apart(node)?;
        return Some(Repair::safe("Pause with `&` and `wait`, which a signal interrupts", vec![edit]));
    }
    let first = action.first()?;
    let late = match functions.is_empty() {
        false => Some(Vec::new()),
        true if is_bare(first) => None,
        true => telling::expanded_late(first),
    };
    let quoted = if late.is_none() { Some(telling::as_written(action)?) } else { None };
    let name = free_number(node.excerpt.text());
    let handler = match functions.first().map(|body| &body.kind) {
        None => quoted.as_deref().unwrap_or(action.as_ref()),
        Some(NodeKind::Group(list)) => list.as_ref(),
        Some(_) => return None,
    };
    // A handler that reads `$?` would read that of `wait`, one that reads `$!` the number of the new job; one that runs on a reload
    // would stop the service.
    let reads_number = |node: &Node| {
        let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("");
        text.contains("$!") || text.contains("${!}")
    };
    if reads_status(action)
        || action.iter().chain(functions).any(reads_number)
        || functions.iter().any(|body| reads_status(std::slice::from_ref(body)))
        || (traps_reload(&fault.shell) && !handler.iter().any(|node| node.is_command(&["exit"])))
    {
        return None;
    }
    let tell = match quoted {
        Some(_) => telling::tell_in_quotes(name, &fault.shell),
        None => telling::tell(name, &fault.shell),
    };
    let first = handler.first()?;
    let line = Line::of(first.excerpt.text(), first.span.start, first.excerpt.encoding());
    // On a line of its own where the first statement has one.
    let alone = line.own_line && !functions.is_empty();
    let separator = if alone { line.separator() } else { "; ".to_owned() };
    let (edit, is_first) = telling::put_into(handler, &tell, &separator)?;
    let edits: Vec<_> = late.into_iter().flatten().chain([background(node, name)?, edit]).collect();
    Some(if is_first {
        Repair::safe("Start it with `&`, tell it in the trap, and wait for it", edits)
    } else {
        let message = "Start it with `&`, tell it behind what the trap does now, and wait for it; if that is to come when it has ended, turn the two around";
        Repair::unsafe_(message, edits)
    })
}

/// `tail -f log` as `tail -f log & wait $!`, for a trap that does all that is to be done.
fn wait_apart(fault: &Fault) -> Option<Repair> {
    let Site::Deferred { node, pause: false, .. } = &fault.site else { return None };
    let only_stays = node.is_command(&["tail", "sleep"]);
    let edit = only_stays.then(|| apart(node, |_| " & wait \"$!\"".to_owned())).flatten()?;
    Some(Repair::safe("Stay with `&` and `wait`, which a signal interrupts", vec![edit]))
}
