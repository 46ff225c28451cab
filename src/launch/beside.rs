//! What a job does for a service that runs beside it: it waits until that is ready, asks something of it, and ends.

use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::shell::{Frame, Shell};
use super::world::{Pid, Role, Started, World};
use crate::programs::Sound;
use crate::shell::{List, Loop, Node, NodeKind, Word};

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 3;

/// What a job has waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Until something is ready.
    Ready,
    /// For that, or for a time.
    Any,
}

impl Machine<'_, '_> {
    /// True for `create-topics` in `( until ready; do sleep 1; done; create-topics ) & exec server`: the job has waited for something, and
    /// something else stays. After a mere `sleep 30` that is said of programs of which nothing is known.
    pub(super) fn is_errand_beside(&self, node: &Node) -> bool {
        let is_late = |wait: Wait| self.has_waited(self.pid, Some(node), wait);
        (is_late(Wait::Ready) || (is_late(Wait::Any) && self.is_unknown(node)))
            && self.is_named(node)
            && self.sound(node) != Sound::Service
            && (self.stays_beside()
                || (is_late(Wait::Ready) && !self.is_starter(node) && self.is_awaited_ahead()))
    }

    /// True if something runs that has not waited itself.
    fn stays_beside(&self) -> bool {
        self.world.processes().any(|other| {
            (other.is_service() || World::supervises_unseen(other))
                && self.world.alive(other.pid)
                && !self.has_waited(other.pid, None, Wait::Any)
        })
    }

    /// True if the script that has started this job goes on: what the job waits for is still to come.
    fn is_awaited_ahead(&self) -> bool {
        let born = std::iter::successors(Some(self.pid), |&pid| Some(self.world.process(pid)?.born_of));
        let job =
            born.filter_map(|pid| self.world.process(pid)).find(|own| own.started == Started::Background);
        let shell = job.and_then(|job| self.world.shell(job.born_of));
        shell.is_some_and(|shell| {
            shell.frames.iter().any(|frame| {
                let Frame::List { list, next } = frame else { return false };
                let ahead = list.get(*next..).unwrap_or_default();
                ahead.iter().any(|node| !node.is_command(&["wait"]) && !self.is_trifle(node))
            })
        })
    }

    /// No table knows the program.
    pub(super) fn is_unknown(&self, node: &Node) -> bool {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return false;
        };
        let fields = expander.fields(&command.words, &node.excerpt);
        !fields.is_empty() && self.resolve(&fields, node).what.is_unseen()
    }

    /// The program is written out, at least by its name.
    pub(super) fn is_named(&self, node: &Node) -> bool {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return matches!(node.kind, NodeKind::Pipeline(_));
        };
        let fields = expander.fields(&command.words, &node.excerpt);
        !self.runs_arguments(node) && fields.first().is_some_and(|field| name_of(field).is_some())
    }

    /// True if a process belongs to a job that has waited for something before it came to `node`.
    fn has_waited(&self, pid: Pid, node: Option<&Node>, wait: Wait) -> bool {
        let mut at = pid;
        let mut has_waited = false;
        while let Some(process) = self.world.process(at) {
            if let Role::Shell(shell) = &process.role {
                has_waited |= self.waits_before(shell, node.filter(|_| at == pid), wait);
            }
            if process.started == Started::Background {
                // The last program of the job may have taken its shell's place.
                let waits = |job: &Node| self.waits(job, wait, &|_| true, 0);
                let has_gone = || process.statement.as_ref().is_some_and(waits);
                return has_waited || (node.is_none() && has_gone());
            }
            at = process.born_of;
        }
        false
    }

    /// True if what a shell has done already is to wait for something.
    fn waits_before(&self, shell: &Shell, node: Option<&Node>, wait: Wait) -> bool {
        let is_past = |inner: &Node| {
            node.is_some_and(|node| {
                inner.span.end <= node.span.start && Arc::ptr_eq(&inner.excerpt, &node.excerpt)
            })
        };
        shell.frames.iter().any(|frame| {
            let Frame::List { list, next } = frame else { return false };
            let done = (*next).min(list.len()).saturating_sub(1);
            let (past, rest) = list.split_at(done);
            past.iter().any(|node| self.waits(node, wait, &|_| true, 0))
                || rest.first().is_some_and(|now| self.waits(now, wait, &is_past, 0))
        })
    }

    /// True if there is a loop in a statement that goes round until something is ready; or a pause, if that will do.
    fn waits(&self, node: &Node, wait: Wait, counts: &dyn Fn(&Node) -> bool, calls: usize) -> bool {
        match &node.kind {
            NodeKind::Command(_) if node.is_command(&["sleep"]) => {
                wait == Wait::Any && counts(node) && pauses(node)
            }
            NodeKind::Loop(inner) if counts(node) && polls(inner) => true,
            NodeKind::For(inner) if counts(node) && tries(&inner.body) => true,
            NodeKind::ArithmeticFor(body, _) if counts(node) && tries(body) => true,
            NodeKind::Function(..) | NodeKind::Background(_) => false,
            NodeKind::Command(command) => {
                let name = command.name().filter(|_| calls < MAX_CALLS && counts(node));
                let body = name.and_then(|name| self.shell()?.functions.get(&*name));
                body.is_some_and(|body| self.waits(body, wait, &|_| true, calls + 1))
            }
            _ => node.children().into_iter().any(|child| self.waits(child, wait, counts, calls)),
        }
    }
}

/// `sleep 30`; what sleeps for ever keeps a job alive.
fn pauses(node: &Node) -> bool {
    let NodeKind::Command(command) = &node.kind else { return false };
    let is_endless = |word: &Word| matches!(word.literal().as_deref(), Some("infinity" | "inf"));
    command.words.len() > 1 && !command.words.iter().any(is_endless)
}

/// The name of a program, where at most the folder in front of it is not known.
pub(super) fn name_of(field: &Field) -> Option<&str> {
    field.text().or_else(|| {
        let (_, name) = field.sketch.as_deref()?.rsplit_once('/')?;
        (!name.is_empty() && !name.contains(UNKNOWN)).then_some(name)
    })
}

/// `until ready`, `while ! ready; do sleep 1; done`, `while true; do ready && break; sleep 1; done`
fn polls(node: &Loop) -> bool {
    let [condition] = node.condition.as_ref() else { return contains(&node.body, &["sleep"]) };
    let asks = match &condition.kind {
        NodeKind::Command(_) | NodeKind::Pipeline(_) => {
            node.until && !condition.is_command(&["read", "false"])
        }
        NodeKind::Not(_) => !node.until,
        _ => false,
    };
    let is_endless = condition.is_command(if node.until { &["false"] } else { &["true", ":"] });
    if is_endless { tries(&node.body) } else { asks || contains(&node.body, &["sleep"]) }
}

/// A round that pauses, and that can be the last.
fn tries(body: &List) -> bool {
    contains(body, &["sleep"]) && contains(body, &["break", "return", "exit"])
}

fn contains(list: &[Node], names: &[&str]) -> bool {
    list.iter().any(|node| {
        node.is_command(names)
            || node.children().into_iter().any(|child| contains(std::slice::from_ref(child), names))
    })
}
