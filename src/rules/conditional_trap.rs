//! Traps that are set on some ways through a script only: `exec` behind them would throw them away.

use std::sync::Arc;

use super::blocks::lists_of;
use crate::shell::{self, Node, NodeKind, Word};
use crate::source::{Excerpt, Span};

/// Names of `trap` that stand for no signal from outside.
const HOOKS: [&str; 3] = ["ERR", "DEBUG", "RETURN"];

/// True if a trap may have been set when a statement runs, though it is not on the way that was looked at: `if ...; then trap stop TERM; fi`.
/// Inside of functions, any trap of these texts that rests on a condition may be.
pub(super) fn may_be_set(node: &Node, calls: &[String], callers: &[Arc<Excerpt>]) -> bool {
    let own = Arc::clone(&shell::parse(Arc::clone(&node.excerpt)).statements);
    if calls.is_empty() {
        return is_behind_trap(&own, node.span, &trapping(&own));
    }
    let others = callers.iter().map(|text| Arc::clone(&shell::parse(Arc::clone(text)).statements));
    let lists: Vec<_> = others.chain([own]).collect();
    let names: Vec<String> = lists.iter().flat_map(|list| trapping(list)).collect();
    let conditional = |list: &[Node]| list.iter().any(|other| !is_plain(other) && sets_trap(other, &names));
    lists.iter().any(|list| conditional(list))
}

/// True if a compound statement in front of the place, on the way to it, sets a trap. What is set without a condition is known.
fn is_behind_trap(list: &[Node], place: Span, names: &[String]) -> bool {
    list.iter().any(|node| {
        if node.span.end <= place.start {
            !is_plain(node) && sets_trap(node, names)
        } else {
            let holds = node.span.start <= place.start && place.end <= node.span.end;
            holds && lists_of(node).into_iter().any(|inner| is_behind_trap(inner, place, names))
        }
    })
}

/// The functions that set a trap.
fn trapping(list: &[Node]) -> Vec<String> {
    let functions = list.iter().filter_map(|node| match &node.kind {
        NodeKind::Function(name, body) if sets_trap(body, &[]) => Some(name.to_string()),
        _ => None,
    });
    functions.collect()
}

/// True for what is done whenever its list is, or not at all by itself.
fn is_plain(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Command(_) | NodeKind::Function(..) => true,
        NodeKind::Redirected(inner, _) => is_plain(inner),
        _ => false,
    }
}

fn sets_trap(node: &Node, names: &[String]) -> bool {
    match &node.kind {
        NodeKind::Command(command) => {
            let name = command.name();
            let [_, action, signals @ ..] = command.words.as_slice() else {
                return name.is_some_and(|name| names.contains(&name));
            };
            if name.as_deref() != Some("trap") {
                return name.is_some_and(|name| names.contains(&name));
            }
            let is_hook = |word: &Word| word.literal().is_some_and(|name| HOOKS.contains(&name.as_str()));
            let resets = action.literal().is_some_and(|action| action.is_empty() || action.starts_with('-'));
            !resets && !signals.iter().all(is_hook)
        }
        // They have traps of their own.
        NodeKind::Function(..) | NodeKind::Subshell(_) | NodeKind::Background(_) | NodeKind::Pipeline(_) => {
            false
        }
        _ => node.children().into_iter().any(|child| sets_trap(child, names)),
    }
}
