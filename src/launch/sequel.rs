//! What a script goes on with behind a command: work on what it has made, no more than cleaning up, or another program in its place.

use std::sync::Arc;

use super::field::Field;
use super::machine::Machine;
use super::resolve::{Resolved, What};
use super::shell::{Frame, Shell};
use super::world::Started;
use crate::programs::Sound;
use crate::shell::{Node, NodeKind, Word};
use crate::source::{Place, Span};

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 3;

impl Machine<'_, '_> {
    /// True for a program that nobody knows, if what is around it speaks for a job.
    pub(super) fn ends_most_likely(&self, node: &Node) -> bool {
        let is_fed = || matches!(&node.kind, NodeKind::Pipeline(stages) if self.is_fed(stages));
        is_fed()
            || self.is_expected_to_succeed()
            || self.has_run_before(node)
            || self.is_built_on()
            || self.shell().is_some_and(is_tried)
    }

    /// True for `prog` in `if [ "$1" = init ]; then prog; fi; server`: it does what the word stands for, and ends. So does what functions and
    /// scripts run that are called there.
    pub(super) fn is_for_errand(&self, node: &Node) -> bool {
        let is_errand = |word: &str| self.environment.tables.is_errand(&[Some(word)]);
        let is_there = |node: &Node| {
            let script = self.environment.parse(Arc::clone(&node.excerpt));
            stands_for(&script.statements, node.span, &is_errand)
        };
        let calls = |shell: &Shell| shell.frames.iter().filter_map(running).any(is_there);
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if self.world.shell(at).is_some_and(calls) {
                return true;
            }
            if process.started == Started::Background {
                break;
            }
            at = process.parent;
        }
        is_there(node)
    }

    /// True for `prog` in `prog || exit 1; echo done`.
    fn is_expected_to_succeed(&self) -> bool {
        let Some(shell) = self.shell() else { return false };
        let is_rest = |frame: &Frame| matches!(frame, Frame::List { list, next } if *next < list.len());
        let mut frames = shell.frames.iter().rev().skip_while(|frame| matches!(frame, Frame::List { .. }));
        let exits = |right: &Node| {
            super::inert::is_exit(right) || right.children().into_iter().any(super::inert::is_exit)
        };
        matches!(frames.next(), Some(Frame::AndOr { right, and: false, .. }) if exits(right))
            && frames.take_while(|frame| !is_loop(frame)).any(is_rest)
    }

    /// True for the second one in `adduser one; adduser two`: the first has ended, and does the same for something else.
    pub(super) fn has_run_before(&self, node: &Node) -> bool {
        let NodeKind::Command(command) = &node.kind else { return false };
        let (Some(shell), Some(name)) = (self.shell(), command.name()) else { return false };
        let words: Vec<Option<String>> = command.words[1..].iter().map(Word::literal).collect();
        let arguments: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
        let tables = &self.environment.tables;
        let is_plain = |first: &Word| first.literal().is_none_or(|text| !text.starts_with('-'));
        let may_serve = tables.program(&name, &arguments).is_some()
            || self.environment.dialect_of(&name).is_some()
            || tables.sound(&name, arguments.first().copied().flatten()) == Sound::Service
            || arguments
                .first()
                .copied()
                .flatten()
                .is_some_and(|word| word == "run" || tables.is_starter(word));
        let is_alike = |other: &Node| match &other.kind {
            NodeKind::Command(other) => {
                other.name().as_deref() == Some(&*name) && other.words.get(1).is_some_and(is_plain)
            }
            _ => false,
        };
        !may_serve
            && command.words.get(1).is_some_and(is_plain)
            && shell.frames.iter().any(|frame| match frame {
                Frame::List { list, next } => {
                    list[..(*next).min(list.len()).saturating_sub(1)].iter().any(is_alike)
                }
                _ => false,
            })
    }

    /// True for `report "$DIR"` in `report "$DIR"; aws s3 cp "$DIR" s3://bucket`: what the script goes on with is no clean-up, so that this
    /// ends by itself, most likely.
    fn is_built_on(&self) -> bool {
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if self.world.shell(at).is_some_and(|shell| self.has_work_left(shell)) {
                return true;
            }
            if process.started == Started::Background {
                break;
            }
            at = process.parent;
        }
        false
    }

    /// True for `serve` in `if [ "$1" = serve ]; then java -jar app.jar; fi; exec "$@"`: the script has done what the word stands for, and
    /// hands over to it where the service has ended.
    pub(super) fn is_name_of_service(&mut self, word: &Field, node: &Node) -> bool {
        let Some(word) = word.text().filter(|text| word.overridable && !text.contains('/')) else {
            return false;
        };
        let script = self.environment.parse(Arc::clone(&node.excerpt));
        self.candidates.serves_for_word(self.world, |service| does_for(&script.statements, word, service))
    }

    fn has_work_left(&self, shell: &Shell) -> bool {
        for frame in shell.frames.iter().rev() {
            match frame {
                Frame::List { list, next } => {
                    let rest = &list[(*next).min(list.len())..];
                    let reached = rest.iter().position(super::inert::is_exit).unwrap_or(rest.len());
                    if self.holds_work(&rest[..reached], 0) {
                        return true;
                    }
                    if reached < rest.len() {
                        return false;
                    }
                }
                Frame::AndOr { right, and: true, .. }
                    if self.holds_work(std::slice::from_ref(right.as_ref()), 0) =>
                {
                    return true;
                }
                // `if report; then cp report /out; fi`
                Frame::If { node, arm, .. }
                    if node.arms.get(*arm).is_some_and(|(_, body)| self.holds_work(body, 0)) =>
                {
                    return true;
                }
                // What is started again after a crash may have something put away before.
                Frame::Body { .. } | Frame::Endless { .. } => return false,
                _ => {}
            }
        }
        false
    }

    fn holds_work(&self, list: &[Node], calls: usize) -> bool {
        list.iter().any(|node| match &node.kind {
            NodeKind::Command(command) => match command.words.first().and_then(Word::literal) {
                Some(name) => self.is_work(&name, node, calls),
                None => false,
            },
            NodeKind::Function(..) | NodeKind::Background(_) => false,
            _ => node.children().into_iter().any(|child| self.holds_work(std::slice::from_ref(child), calls)),
        })
    }

    /// True for a program that ends by itself, and that no clean-up needs.
    fn is_work(&self, name: &str, node: &Node, calls: usize) -> bool {
        if let Some(body) = self.shell().and_then(|shell| shell.functions.get(name)) {
            return calls < MAX_CALLS && self.holds_work(std::slice::from_ref(body.as_ref()), calls + 1);
        }
        if super::builtins::is_builtin(name) {
            return false;
        }
        let Some(Resolved { what: What::Ends(_), identities, .. }) = self.stage(node) else { return false };
        let program = identities.last().and_then(|identity| identity.argv.first()?.text().map(str::to_owned));
        program.is_some_and(|program| !self.environment.tables.tidies(&program))
    }
}

/// The statement of a list that runs now.
fn running(frame: &Frame) -> Option<&Node> {
    match frame {
        Frame::List { list, next } => list.get(next.checked_sub(1)?),
        _ => None,
    }
}

/// True for what is tried until it succeeds: `until program`, `while ! program`, `program && break` in a loop.
fn is_tried(shell: &Shell) -> bool {
    let leaves = |node: &Node| node.is_command(&["break"]);
    let mut succeeds = true;
    for frame in shell.frames.iter().rev() {
        match frame {
            Frame::Not => succeeds = !succeeds,
            Frame::Test { node, .. } => return node.until == succeeds,
            Frame::AndOr { right, and, .. } if leaves(right) => return *and == succeeds,
            Frame::If { node, arm, .. } if node.arms[*arm].1.iter().any(leaves) => return succeeds,
            frame if is_loop(frame) || matches!(frame, Frame::Trap { .. }) => return false,
            _ => {}
        }
    }
    false
}

fn is_loop(frame: &Frame) -> bool {
    matches!(frame, Frame::Body { .. } | Frame::Endless { .. } | Frame::For { .. } | Frame::Test { .. })
}

/// True if a service stands in a branch that is there for a word.
fn does_for(list: &[Node], word: &str, service: &Place) -> bool {
    let holds = |list: &[Node]| list.iter().any(|node| node.place().contains(service));
    list.iter().any(|node| {
        let is_there = match &node.kind {
            NodeKind::If(node) => {
                node.arms.iter().any(|(condition, body)| names(condition, word) && holds(body))
            }
            NodeKind::Case(node) => node.arms.iter().any(|arm| {
                arm.patterns.iter().any(|pattern| pattern.literal().as_deref() == Some(word))
                    && holds(&arm.body)
            }),
            NodeKind::And(test, body) => {
                names(std::slice::from_ref(test), word) && holds(std::slice::from_ref(body))
            }
            _ => false,
        };
        is_there
            || node.children().into_iter().any(|child| does_for(std::slice::from_ref(child), word, service))
    })
}

/// True if a place in the same text is in a branch that is there for a word of a certain sort, and for no other.
fn stands_for(list: &[Node], place: Span, is_it: &impl Fn(&str) -> bool) -> bool {
    let Some(node) = list.iter().find(|node| node.span.contains(place)) else { return false };
    let holds = |list: &[Node]| list.iter().any(|node| node.span.contains(place));
    let is_there =
        match &node.kind {
            NodeKind::If(node) => node
                .arms
                .iter()
                .any(|(condition, body)| holds(body) && compared(condition).is_some_and(|word| is_it(&word))),
            NodeKind::Case(node) => node.arms.iter().filter(|arm| holds(&arm.body)).any(|arm| {
                arm.patterns.iter().all(|pattern| pattern.literal().is_some_and(|word| is_it(&word)))
            }),
            _ => false,
        };
    is_there || node.children().into_iter().any(|child| stands_for(std::slice::from_ref(child), place, is_it))
}

/// The word with which a condition compares something, if that is all it does.
fn compared(condition: &[Node]) -> Option<String> {
    let [node] = condition else { return None };
    let words = tested(node)?;
    let operator = words.iter().position(|own| matches!(own.literal().as_deref(), Some("=" | "==")))?;
    words.get(operator + 1)?.literal()
}

/// True if a test compares something with a word.
fn names(condition: &[Node], word: &str) -> bool {
    condition.iter().any(|node| {
        if let NodeKind::Not(_) = &node.kind {
            return false;
        }
        let Some(words) = tested(node) else {
            return node.children().into_iter().any(|child| names(std::slice::from_ref(child), word));
        };
        let is_other = |own: &Word| matches!(own.literal().as_deref(), Some("!=" | "!"));
        !words.iter().any(is_other) && words.iter().any(|own| own.literal().as_deref() == Some(word))
    })
}

/// The words of a test.
fn tested(node: &Node) -> Option<&[Word]> {
    match &node.kind {
        NodeKind::Test(words) => Some(words),
        NodeKind::Command(command) if node.is_command(&["[", "test"]) => Some(&command.words),
        _ => None,
    }
}
