//! Traps that are set on some ways through a script only: `exec` behind them would throw them away.

use std::sync::Arc;

use super::blocks::{calls, holds, lists_of};
use crate::shell::{self, Command, List, Node, NodeKind, Word};
use crate::source::{Excerpt, Span};

/// Names of `trap` that stand for no signal from outside.
const HOOKS: [&str; 3] = ["ERR", "DEBUG", "RETURN"];

/// True if a trap may have been set when a statement runs, though it is not on the way that was looked at: `if ...; then trap stop TERM; fi`.
/// `functions`: those that the statement is inside of; `callers`: the other texts that run on the way there.
pub(super) fn may_be_set(node: &Node, functions: &[String], callers: &[Arc<Excerpt>]) -> bool {
    let own = Arc::clone(&shell::parse(Arc::clone(&node.excerpt)).statements);
    let others = callers.iter().map(|text| Arc::clone(&shell::parse(Arc::clone(text)).statements));
    let others: Vec<List> = others.collect();
    let setters = Setters::of(others.iter().chain([&own]));
    let mut ways = functions.iter().flat_map(|name| calls(&own, name)).chain([node.span]);
    ways.any(|place| setters.behind(&own, place)) || others.iter().any(|list| setters.in_list(list))
}

/// The functions that set traps.
#[derive(Default)]
struct Setters {
    /// Whenever they are called, or on some ways.
    any: Vec<String>,
    /// On some ways only.
    unsure: Vec<String>,
}

impl Setters {
    fn of<'l>(lists: impl Iterator<Item = &'l List>) -> Self {
        let mut functions = Vec::new();
        lists.flat_map(|list| list.iter()).for_each(|node| collect_functions(node, &mut functions));
        let mut setters = Self::default();
        // One that calls another sets what that sets.
        loop {
            let known = setters.any.len() + setters.unsure.len();
            for (name, body) in &functions {
                if !setters.any.contains(name) && setters.sets(body) {
                    setters.any.push(name.clone());
                }
                if !setters.unsure.contains(name) && setters.may_set(body) {
                    setters.unsure.push(name.clone());
                }
            }
            if setters.any.len() + setters.unsure.len() == known {
                return setters;
            }
        }
    }

    /// True if a statement in front of the place, on the way to it, may set a trap. What is set on every way is known.
    fn behind(&self, list: &[Node], place: Span) -> bool {
        list.iter().any(|node| match node.span.end <= place.start {
            true => self.may_set(node),
            false => holds(node, place) && lists_of(node).into_iter().any(|inner| self.behind(inner, place)),
        })
    }

    fn in_list(&self, list: &[Node]) -> bool {
        list.iter().any(|node| self.may_set(node))
    }

    /// True for a statement that sets a trap on some ways and none on others.
    fn may_set(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Command(command) => {
                command.name().is_some_and(|name| self.unsure.iter().any(|own| *own == name))
            }
            NodeKind::Function(..) => false,
            NodeKind::Group(list) => self.in_list(list),
            NodeKind::Redirected(inner, _) => self.may_set(inner),
            _ => self.sets(node),
        }
    }

    /// True for a statement that sets a trap on some way.
    fn sets(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Command(command) => {
                sets_trap(command)
                    || command.name().is_some_and(|name| self.any.iter().any(|own| *own == name))
            }
            // They have traps of their own.
            NodeKind::Function(..)
            | NodeKind::Subshell(_)
            | NodeKind::Background(_)
            | NodeKind::Pipeline(_) => false,
            _ => node.children().into_iter().any(|child| self.sets(child)),
        }
    }
}

fn collect_functions<'n>(node: &'n Node, functions: &mut Vec<(String, &'n Node)>) {
    if let NodeKind::Function(name, body) = &node.kind {
        functions.push((name.to_string(), body));
    }
    node.children().into_iter().for_each(|child| collect_functions(child, functions));
}

/// `trap stop TERM`, but neither `trap - TERM` nor `trap stop ERR`.
fn sets_trap(command: &Command) -> bool {
    let [_, action, signals @ ..] = command.words.as_slice() else { return false };
    let is_hook = |word: &Word| word.literal().is_some_and(|name| HOOKS.contains(&name.as_str()));
    let resets = action.literal().is_some_and(|action| action.is_empty() || action.starts_with('-'));
    command.name().as_deref() == Some("trap") && !resets && !signals.iter().all(is_hook)
}
