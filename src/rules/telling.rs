//! Where a handler that is there tells the service, and waits for it.

use std::sync::Arc;

use super::trap::or_not;
use crate::launch::ShellState;
use crate::shell::{self, List, Node, NodeKind, Word};
use crate::source::{Edit, Encoding, Excerpt, Span};

/// What only tidies up or says something: it can wait until the service has ended.
const TIDYING: [&str; 24] = [
    ":", "[", "cp", "date", "echo", "exit", "export", "kill", "log", "logger", "mv", "printf", "return",
    "rm", "rmdir", "rsync", "set", "sleep", "sync", "tar", "test", "touch", "true", "umount",
];

/// Redirections to where people look, or nobody.
const SEEN: [&str; 8] = [
    ">&2",
    ">&1",
    "> /dev/null",
    ">/dev/null",
    "> /dev/stdout",
    ">/dev/stdout",
    "> /dev/stderr",
    ">/dev/stderr",
];

/// What tells a service in a handler, which may run before it has started, and waits for it.
pub(super) fn tell(name: &str, shell: &ShellState) -> String {
    let or_not = or_not(shell);
    format!(
        "[ -z \"${{{name}-}}\" ] || {{ kill -TERM \"${name}\" 2>/dev/null{or_not}; wait \"${name}\"{or_not}; }}"
    )
}

/// The same between double quotes, where it is to be expanded when the handler runs.
pub(super) fn tell_in_quotes(name: &str, shell: &ShellState) -> String {
    let (number, or_not) = (format!("\\${{{name}-}}"), or_not(shell));
    format!("[ -z {number} ] || {{ kill -TERM {number} 2>/dev/null{or_not}; wait {number}{or_not}; }}")
}

/// `trap "kill $pid" TERM`: the handler with its variables as they stand there. What comes to it is expanded when the trap is set, too.
pub(super) fn as_written(action: &[Node]) -> Option<List> {
    let first = action.first().filter(|first| first.excerpt.encoding() == Encoding::Derived)?;
    let (source, span) = (first.excerpt.source(), first.excerpt.span());
    let text = source.slice(span);
    let start = text.find('"')? + 1;
    let end = start + text[start..].find('"')?;
    // What is escaped, or asked for when the trap is set, reads otherwise in the handler.
    if text[..start].contains('\'')
        || text[start..end].contains(['\\', '`', '\n'])
        || text[start..end].contains("$(")
    {
        return None;
    }
    let inner = Span::new(span.start + start, span.start + end);
    Some(Arc::clone(&shell::parse(Arc::new(Excerpt::verbatim(source, inner))).statements))
}

/// The edit that puts `tell` into a handler, and whether what the handler did before comes after it.
///
/// It comes first where the rest only tidies up. What may talk to the service (a save, its own way to stop) needs it alive: there
/// it comes behind that, in front of an `exit`.
pub(super) fn put_into(handler: &[Node], tell: &str, separator: &str) -> Option<(Edit, bool)> {
    let in_front = |node: &Node| node.excerpt.edit(Span::at(node.span.start), &format!("{tell}{separator}"));
    // A shell that signals its own group again from the handler comes back to the handler, until it crashes.
    if handler.iter().any(signals_group) && !handler.iter().any(|node| node.is_command(&["trap"])) {
        return None;
    }
    if handler.iter().all(is_tidying) {
        return Some((in_front(handler.first()?)?, true));
    }
    let edit = match handler.iter().find(|node| node.is_command(&["exit", "return"])) {
        Some(exit) => in_front(exit)?,
        None => {
            let last = handler.last().filter(|last| !matches!(last.kind, NodeKind::Background(_)))?;
            last.excerpt.edit(Span::at(last.span.end), &format!("{separator}{tell}"))?
        }
    };
    Some((edit, false))
}

/// `kill 0`, `kill -TERM -$$`
pub(super) fn signals_group(node: &Node) -> bool {
    let NodeKind::Command(command) = &node.kind else { return false };
    let text = |word: &Word| node.excerpt.text()[word.span.start..word.span.end].to_owned();
    node.is_command(&["kill"])
        && command.words.last().map(text).is_some_and(|last| last == "0" || last.starts_with("-$"))
}

/// True if nothing in the statement talks to a service.
fn is_tidying(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Command(command) => {
            let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("");
            let rest = SEEN.iter().fold(text.to_owned(), |text, seen| text.replace(seen, ""));
            !rest.contains(['>', '`'])
                && !rest.contains("$(")
                && (command.words.is_empty() || node.is_command(&TIDYING))
                && (!node.is_command(&["kill"]) || names_numbers(&command.words[1..]))
        }
        NodeKind::Error => false,
        _ => node.children().into_iter().all(is_tidying),
    }
}

/// True for `kill -TERM $helper`. What `kill %1` and `kill -- -1` tell may be the service: where that has ended they fail, and may end the shell.
fn names_numbers(arguments: &[Word]) -> bool {
    let literal = |at: usize| arguments.get(at).and_then(Word::literal);
    let options = match literal(0).as_deref() {
        Some("-s" | "-n") => 2,
        Some(option) if option.starts_with('-') => 1,
        _ => 0,
    };
    arguments.iter().skip(options).all(|target| target.literal().is_none())
}

/// True for `echo stop > console`, `consul leave`, `echo shutdown | telnet localhost 8081`: by its words the service is told, and takes its time.
pub(super) fn asks_to_stop(handler: &[Node]) -> bool {
    const WORDS: [&str; 5] = ["stop", "quit", "leave", "halt", "end"];
    let says = |word: &str| WORDS.contains(&word) || word.starts_with("shutdown");
    handler.iter().any(|node| match &node.kind {
        NodeKind::Command(_) | NodeKind::Pipeline(_) => {
            let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("");
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
            !is_tidying(node) && words.any(|word| says(&word.to_ascii_lowercase()))
        }
        _ => node.children().into_iter().any(|child| asks_to_stop(std::slice::from_ref(child))),
    })
}

/// What it takes for a handler to be expanded when it runs. `trap "exit" TERM`: what is put between double quotes is expanded when the
/// trap is set, so that they become single ones. `None` where they say something else.
pub(super) fn expanded_late(handler: &Node) -> Option<Vec<Edit>> {
    let (excerpt, source) = (&handler.excerpt, handler.excerpt.source());
    let Span { start, end } = excerpt.span();
    if !source.text()[..start].ends_with('"') {
        return Some(Vec::new());
    }
    let written = source.slice(excerpt.span());
    if written != excerpt.text()
        || written.contains(['\'', '$', '`', '\\'])
        || !source.text()[end..].starts_with('"')
    {
        return None;
    }
    let quote = |at| Edit::new(source, Span::new(at, at + 1), "'");
    Some(vec![quote(start - 1), quote(end)])
}
