//! Repairs where only something that keeps the container alive is in front.

use std::sync::Arc;

use super::blocks::{behind, in_front};
use super::insertion::ampersand;
use super::staying::{Stay, shape};
use super::{Repair, Subject, repair, trap, words};
use crate::diagnostic::Safety;
use crate::launch::{Fault, Job, Jobs, Site, is_builtin};
use crate::shell::{self, Node, Part, Word};
use crate::source::{Span, base_name};

/// Where only something that keeps the container alive is in front: the one service in its place, or a trap and `wait`. The container
/// then ends when its services do.
pub(super) fn instead_of_keep_alive(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let Site::Jobs(Jobs { jobs, at }) = &fault.site else { return Vec::new() };
    if cleans_up(&at.node) || starts_others(jobs, at) {
        return Vec::new();
    }
    // In front it might leave at once, and the container with it.
    if fault.may_leave && !jobs.iter().all(|job| job.leaves) {
        return Vec::new();
    }
    if let ([Job { node, leaves: false, .. }], Some(Stay::KeepsAlive)) = (jobs.as_slice(), shape(&at.node))
        && let Some(repair) = service_in_front(node, &at.node)
    {
        return vec![repair];
    }
    let mut repairs = trap::insert(fault, subject);
    // Such a trap tells nobody but what keeps the container alive.
    let is_log = matches!(shape(&at.node), Some(Stay::Service));
    if is_log && jobs.iter().all(|job| job.side) && fault.chain.len() > 1 {
        for repair in &mut repairs {
            repair.safety = Safety::Unsafe;
            repair.message = format!(
                "Trap the stop, and end at once; {} is not told, and what it has started is killed",
                words::service(fault)
            );
        }
        return repairs;
    }
    // What shows a log is told as the services are, and the script stays for as long as before.
    if matches!(shape(&at.node), Some(Stay::Service | Stay::Pauses)) {
        return repairs;
    }
    for repair in &mut repairs {
        repair.safety = Safety::Unsafe;
        repair.message += "; the container then ends when all of them have ended";
    }
    repairs
}

/// True if something is done behind the statement that keeps the container alive: whoever ends that by hand gets it done.
pub(super) fn cleans_up(at: &Node) -> bool {
    let script = shell::parse(Arc::clone(&at.excerpt));
    let says = |node: &Node| node.is_command(&["echo", "printf", "exit", "wait"]);
    !behind(&script.statements, at.span).into_iter().all(says)
}

/// `start-dfs.sh` in front of it: what that leaves running a trap does not tell.
fn starts_others(jobs: &[Job], at: &Job) -> bool {
    let script = shell::parse(Arc::clone(&at.node.excerpt));
    let is_job = |node: &Node| jobs.iter().any(|job| job.node.span == node.span);
    let is_other =
        |node: &Node| node.span.end <= at.node.span.start && starter(node).is_some() && !is_job(node);
    script.statements.iter().any(|node| any(node, &is_other))
}

/// The command in front of what keeps the container alive that has started something, by its words: `start-dfs.sh`, `hdfs --daemon start`.
pub(super) fn started_by(fault: &Fault) -> Option<String> {
    let at = match &fault.site {
        Site::Foreground { node, .. } => node,
        Site::Jobs(jobs) => &jobs.at.node,
        _ => return None,
    };
    let script = shell::parse(Arc::clone(&at.excerpt));
    in_front(&script.statements, at.span).into_iter().find_map(starter)
}

/// The words of a command that starts something, by its name or by what it is told.
fn starter(node: &Node) -> Option<String> {
    let command = repair::simple(node)?;
    let words: Vec<String> = command.words.iter().filter_map(Word::literal).collect();
    let written = command.words.first()?.parts.last()?;
    let name = match written {
        Part::Literal(text) | Part::Quoted(text) => base_name(text),
        _ => return None,
    };
    let is_named = name.split(['-', '_', '.']).any(|part| part == "start");
    let is_told = words.iter().skip(1).take(2).any(|word| word == "start");
    let shown = node.excerpt.text().get(node.span.start..node.span.end)?;
    ((is_named || is_told) && !is_builtin(name)).then(|| shown.to_owned())
}

/// True if something is true of a statement, or of one inside.
fn any(node: &Node, test: &impl Fn(&Node) -> bool) -> bool {
    test(node) || node.children().into_iter().any(|child| any(child, test))
}

/// `server &` and `tail -f /dev/null` behind it as `exec server`.
fn service_in_front(job: &Node, at: &Node) -> Option<Repair> {
    let excerpt = &at.excerpt;
    let command = repair::simple(job)?;
    let first = command.words.first()?;
    let text = excerpt.text();
    let end = ampersand(text, job.span.end)?;
    let between = text.get(end..at.span.start)?;
    if !Arc::ptr_eq(&job.excerpt, excerpt) || !between.trim().is_empty() || first.literal().is_none() {
        return None;
    }
    let edits = vec![
        excerpt.edit(Span::at(first.span.start), "exec ")?,
        excerpt.edit(Span::new(job.span.end, at.span.end), "")?,
    ];
    let name = first.literal()?;
    Some(Repair::unsafe_(
        format!("Put `exec {name}` in its place; the container then ends when `{name}` does"),
        edits,
    ))
}
