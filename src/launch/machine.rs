//! A shell as a machine: it takes one statement, or one step of one, at a time, so that it can wait, be interrupted and be copied.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::arithmetic::{Evaluation, counters};
use super::candidates::Candidates;
use super::condition;
use super::dialect::Dialect;
use super::environment::Environment;
use super::expand::Expander;
use super::field::{Field, Value};
use super::path::{Choice, Doubt, MishapKind, unread};
use super::refused::is_beyond_dash;
use super::shell::{Frame, Lap, Shell, Status, Waiting};
use super::signal::Signal;
use super::world::{Ended, Pid, World};
use crate::shell::{AssignedValue, List, Node, NodeKind, Part, Word};
use crate::source::Place;

/// Functions, sourced files and traps nested deeper than this: the shell crashes, as real ones do.
const MAX_FRAMES: usize = 400;
/// A trap that interrupts itself this often never ends: the shell runs out of stack.
const MAX_TRAPS: usize = 16;

/// What a step needs from outside.
pub(crate) enum Flow {
    /// Nothing; it is done.
    Done,
    /// A choice: these are the ways it can go. Nothing has changed yet.
    Ask(Vec<Alternative>),
}

/// One way that a choice can go.
pub(crate) struct Alternative {
    pub(crate) choice: Choice,
    /// False where it contradicts the image's defaults.
    pub(crate) default: bool,
}

/// One shell that takes one step.
pub(crate) struct Machine<'w, 'e> {
    pub(crate) world: &'w mut World,
    pub(crate) pid: Pid,
    pub(crate) environment: &'e Environment<'e>,
    pub(crate) candidates: &'e mut Candidates,
}

impl Machine<'_, '_> {
    /// Takes a step.
    pub(crate) fn step(&mut self) -> Flow {
        self.environment.see(&self.world.made);
        if self.run_pending() || self.finish_waiting() {
            return Flow::Done;
        }
        let Some(shell) = self.shell() else { return Flow::Done };
        if shell.frames.len() > MAX_FRAMES {
            self.world.die(self.pid, 139, Ended::Signal);
            return Flow::Done;
        }
        let Some(frame) = shell.frames.last().cloned() else {
            let status = shell.status;
            self.end(status);
            return Flow::Done;
        };
        match frame {
            Frame::List { list, next } => self.next_of_list(&list, next),
            Frame::AndOr { left, right, and, whole } => return self.and_or(&left, &right, and, &whole),
            Frame::Weigh { and } => {
                self.pop();
                // An unknown left side decides nothing; a right side that fails `&&`, or meets `||`, does.
                let right = self.status();
                let decides = right.value.is_some_and(|value| (value == 0) != and);
                self.set_status(if decides { right } else { Status::UNKNOWN });
            }
            Frame::Not => {
                self.pop();
                self.set_status_quietly(self.status().not());
            }
            Frame::If { node, arm, place } => return self.choose_arm(&node, arm, &place),
            Frame::Case { node, ways, likely, place, excerpt } => {
                return self.choose_item(&node, &ways, likely, &place, &excerpt);
            }
            Frame::Test { node, place, lap } => return self.test_loop(&node, lap, &place),
            Frame::Body { node, place, lap } => {
                self.pop();
                self.push(Frame::Test { node: Arc::clone(&node), place, lap: lap.next() });
                self.push_list(&node.condition);
            }
            Frame::For { node, items, next, before } => self.next_item(&node, &items, next, before),
            Frame::Endless { body, lap } => {
                self.pop();
                let lap = self.come_round(lap.next(), false, &body);
                self.push(Frame::Endless { body: Arc::clone(&body), lap });
                self.push_list(&body);
            }
            Frame::Call { positional, locals, overridable, .. } => {
                self.pop();
                self.with(|shell| {
                    shell.positional = positional;
                    shell.restore(locals);
                    shell.status.overridable |= overridable;
                });
                self.check_status();
            }
            Frame::Source { positional, .. } => {
                self.pop();
                if let Some(positional) = positional {
                    self.with(|shell| shell.positional = positional);
                }
                self.check_status();
            }
            Frame::Trap { status, from_wait } => {
                self.pop();
                self.set_status_quietly(status);
                if from_wait {
                    self.check_status();
                }
            }
            Frame::Exit(status) => {
                self.world.die(self.pid, status, Ended::Clean);
            }
        }
        Flow::Done
    }

    pub(crate) fn shell(&self) -> Option<&Shell> {
        self.world.shell(self.pid)
    }

    pub(crate) fn with(&mut self, change: impl FnOnce(&mut Shell)) {
        if let Some(shell) = self.world.shell_mut(self.pid) {
            change(shell);
        }
    }

    pub(crate) fn expander(&self) -> Option<Expander<'_>> {
        Some(self.expander_of(self.shell()?))
    }

    /// Of a shell that this one could be.
    pub(super) fn expander_of<'e>(&'e self, shell: &'e Shell) -> Expander<'e> {
        Expander { world: self.world, shell, pid: self.pid, environment: self.environment }
    }

    pub(crate) fn push(&mut self, frame: Frame) {
        self.with(|shell| shell.frames.push(frame));
    }

    pub(super) fn pop(&mut self) {
        self.with(|shell| {
            shell.frames.pop();
        });
    }

    pub(crate) fn push_list(&mut self, list: &List) {
        self.push(Frame::List { list: Arc::clone(list), next: 0 });
    }

    /// The last job that was started.
    pub(super) fn last_job(&self) -> Option<Pid> {
        self.shell().and_then(|shell| shell.last_background)
    }

    pub(super) fn status(&self) -> Status {
        self.shell().map_or(Status::UNKNOWN, |shell| shell.status)
    }

    /// Sets the status without looking at `set -e`.
    pub(crate) fn set_status_quietly(&mut self, status: Status) {
        self.with(|shell| shell.status = status);
    }

    /// Sets the status of a command; under `set -e` a failure ends the shell.
    pub(crate) fn set_status(&mut self, status: Status) {
        self.set_status_quietly(status);
        self.check_status();
    }

    /// Takes what an arithmetic command assigns, and its status.
    pub(super) fn take_evaluation(&mut self, evaluation: Evaluation) {
        self.take_assigned(evaluation.assigned);
        self.set_status(evaluation.value.map_or(Status::UNKNOWN, |value| Status::of(value != 0)));
    }

    pub(super) fn take_assigned(&mut self, assigned: BTreeMap<String, Option<i64>>) {
        self.with(|shell| {
            for (name, value) in assigned {
                let value = value.map(|value| Value::Scalar(Field::known(value.to_string())));
                shell.set(&name, value.unwrap_or_else(Value::unknown));
            }
        });
    }

    fn check_status(&mut self) {
        let Some(shell) = self.shell() else { return };
        if let Some(value) = shell.status.value
            && value != 0
            && shell.errexit
            && !shell.is_tested()
        {
            self.end(Status::known(value));
        }
    }

    pub(crate) fn doubt(&mut self, place: Option<Place>, reason: impl Into<String>) {
        let doubt = Doubt::new(place, reason);
        // What a loop comes to again is no other state.
        if !self.world.path.doubts.contains(&doubt) {
            self.world.path.doubts.push(doubt);
        }
    }

    /// Ends the shell: the EXIT trap first, if there is one.
    pub(crate) fn end(&mut self, status: Status) {
        let Some(shell) = self.shell() else { return };
        match shell.traps.get(&Signal::EXIT).cloned() {
            Some(trap) => {
                self.with(|shell| {
                    Rc::make_mut(&mut shell.traps).remove(&Signal::EXIT);
                    shell.status = status;
                    shell.waiting = Waiting::None;
                    shell.frames = vec![Frame::Exit(status.value)];
                });
                self.push_list(&trap.action);
            }
            None => self.world.die(self.pid, status.value, Ended::Clean),
        }
    }

    /// Starts the trap of a signal that has arrived, unless a foreground process defers it.
    fn run_pending(&mut self) -> bool {
        let Some(shell) = self.shell() else { return false };
        let Some(&signal) = shell.pending.first() else { return false };
        if shell.must_end() {
            let signal = shell.pending.iter().copied().find(|&s| shell.ends_through_exit_trap(s));
            let number = i32::from(signal.unwrap_or(Signal::TERM).number());
            self.with(|shell| shell.pending.clear());
            self.end(Status::known(128 + number));
            return true;
        }
        if matches!(shell.waiting, Waiting::Foreground { .. }) {
            return false;
        }
        let from_wait = matches!(shell.waiting, Waiting::Wait { .. });
        let running = shell.frames.iter().filter(|frame| matches!(frame, Frame::Trap { .. })).count();
        if running > MAX_TRAPS {
            self.world.die(self.pid, 139, Ended::Signal);
            return true;
        }
        let status = if from_wait { Status::known(128 + i32::from(signal.number())) } else { shell.status };
        let trap = shell.traps.get(&signal).cloned();
        self.with(|shell| {
            shell.pending.remove(0);
            shell.waiting = Waiting::None;
        });
        self.push(Frame::Trap { status, from_wait });
        if let Some(trap) = trap {
            self.push_list(&trap.action);
        }
        true
    }

    /// Takes the status of what the shell waited for.
    fn finish_waiting(&mut self) -> bool {
        let Some(shell) = self.shell() else { return false };
        let status = match &shell.waiting {
            Waiting::None => return false,
            Waiting::Foreground { pids, .. } => {
                pids.last().and_then(|&pid| self.world.status_of(pid)).unwrap_or(Status::known(0))
            }
            Waiting::Wait { targets, any: true, .. } => {
                targets.iter().find_map(|&pid| self.world.status_of(pid)).unwrap_or(Status::known(127))
            }
            Waiting::Wait { targets, .. } => {
                targets.last().and_then(|&pid| self.world.status_of(pid)).unwrap_or(Status::known(0))
            }
        };
        let reported = match &shell.waiting {
            // What `wait -n` has reported is no job any more.
            Waiting::Wait { targets, any: true, .. } => {
                targets.iter().copied().find(|&pid| self.world.status_of(pid).is_some())
            }
            _ => None,
        };
        self.with(|shell| {
            if let Some(reported) = reported {
                shell.jobs.retain(|pid| *pid != reported);
            }
            shell.waiting = Waiting::None;
        });
        self.set_status(status);
        true
    }

    fn next_of_list(&mut self, list: &List, next: usize) {
        match list.get(next) {
            Some(node) => {
                self.with(|shell| {
                    if let Some(Frame::List { next, .. }) = shell.frames.last_mut() {
                        *next += 1;
                    }
                });
                self.run(&node.clone());
            }
            None => self.pop(),
        }
    }

    /// `${name^^}` and the like where the shell has none: "bad substitution" ends it.
    fn refuses_expansion(&self, node: &Node) -> bool {
        let Some(dialect) = self.shell().map(|shell| shell.dialect).filter(|dialect| !dialect.is_bash())
        else {
            return false;
        };
        words_of(node).iter().flat_map(|word| &word.parts).any(|part| match part {
            Part::Parameter(parameter, _) => !dialect.expands(parameter),
            Part::Arithmetic(word, _) => {
                dialect == Dialect::Dash
                    && is_beyond_dash(node.excerpt.text().get(word.span.start..word.span.end).unwrap_or(""))
            }
            _ => false,
        })
    }

    /// `set -u`: a name that nobody sets ends the shell. Before the stop, whoever starts the container is taken to have set it; of one
    /// that is not usual in an environment that cannot be known.
    fn ends_unbound(&mut self, node: &Node) -> bool {
        let Some(expander) = self.expander().filter(|expander| expander.shell.nounset) else { return false };
        let status = if expander.shell.dialect.is_bash() { 1 } else { 2 };
        let unbound = expander.lacks_any(&words_of(node));
        if unbound && self.world.stop.is_none() {
            self.doubt(
                Some(node.place()),
                "`set -u` ends the script here unless the environment has a variable",
            );
            return false;
        }
        if unbound {
            self.end(Status::known(status));
        }
        unbound
    }

    /// Starts a statement.
    pub(crate) fn run(&mut self, node: &Node) {
        if self.ends_unbound(node) {
            return;
        }
        if self.fails_to_read(node) {
            return;
        }
        if self.refuses_expansion(node) {
            self.mishap(MishapKind::Bashism, node);
            self.end(Status::known(2));
            return;
        }
        match &node.kind {
            NodeKind::Command(command) => self.command(command, node),
            NodeKind::Pipeline(stages) => self.pipeline(stages, node),
            NodeKind::Not(inner) => {
                self.push(Frame::Not);
                self.run(inner);
            }
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                let and = matches!(node.kind, NodeKind::And(..));
                self.push(Frame::AndOr {
                    left: Arc::clone(left),
                    right: Arc::clone(right),
                    and,
                    whole: node.place(),
                });
                self.run(left);
            }
            NodeKind::Background(inner) => self.background(inner),
            NodeKind::If(branches) => {
                self.push(Frame::If { node: Arc::clone(branches), arm: 0, place: node.place() });
                self.push_list(&branches.arms[0].0);
            }
            NodeKind::Case(case) => self.case(case, node),
            NodeKind::Loop(inner) => {
                let lap = Lap::first(self.world.now, self.last_job());
                self.push(Frame::Test { node: Arc::clone(inner), place: node.place(), lap });
                self.push_list(&inner.condition);
            }
            NodeKind::For(inner) => {
                let Some(expander) = self.expander() else { return };
                let items = expander.items(inner, &node.excerpt);
                let before = self.last_job();
                self.push(Frame::For { node: Arc::clone(inner), items: items.into(), next: 0, before });
            }
            // Once round is enough to see what the body does; of jobs there are several.
            NodeKind::ArithmeticFor(body, false) => {
                let counters = counters(node, body);
                self.with(|shell| counters.iter().for_each(|name| shell.set(name, Value::unknown())));
                let rounds = if body.iter().any(starts_job) { 2 } else { 1 };
                (0..rounds).for_each(|_| self.push_list(body));
            }
            NodeKind::ArithmeticFor(body, true) => {
                let lap = Lap::first(self.world.now, self.last_job());
                self.push(Frame::Endless { body: Arc::clone(body), lap });
                self.push_list(body);
            }
            NodeKind::Group(list) => self.push_list(list),
            NodeKind::Subshell(list) => self.subshell(list, node),
            NodeKind::Function(name, body) => {
                let body = Arc::clone(body);
                self.with(|shell| {
                    Rc::make_mut(&mut shell.functions).insert(name.to_string(), body);
                });
                self.set_status_quietly(Status::known(0));
            }
            NodeKind::Redirected(inner, _) => self.run(inner),
            NodeKind::Test(_) if self.shell().is_some_and(|shell| !shell.dialect.has_double_brackets()) => {
                self.mishap(MishapKind::Bashism, node);
                self.set_status(Status::known(127));
            }
            NodeKind::Test(words) => {
                let status = match self.expander() {
                    Some(expander) => condition::double_bracket(&expander, words),
                    None => Status::UNKNOWN,
                };
                self.set_status(status);
            }
            // To the others it is a subshell in a subshell, and the expression the name of a program.
            NodeKind::Arithmetic(_) if self.shell().is_some_and(|shell| !shell.dialect.is_bash()) => {
                self.mishap(MishapKind::Bashism, node);
                self.set_status(Status::known(127));
            }
            NodeKind::Arithmetic(word) => {
                let Some(expander) = self.expander() else { return };
                let evaluation = expander.arithmetic(word);
                self.take_evaluation(evaluation);
            }
            NodeKind::Error => {
                let place = node.place();
                let reason = unread(&place);
                self.doubt(Some(place), reason);
                self.set_status_quietly(Status::UNKNOWN);
            }
        }
    }
}

/// True for what sends something to the background.
fn starts_job(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Background(_)) || node.children().into_iter().any(starts_job)
}

/// The words that a statement expands before it does anything.
pub(super) fn words_of(node: &Node) -> Vec<&Word> {
    match &node.kind {
        NodeKind::Command(command) => {
            let values = command.assignments.iter().flat_map(|assignment| match &assignment.value {
                AssignedValue::Scalar(word) => std::slice::from_ref(word),
                AssignedValue::Array(words) => words.as_slice(),
            });
            command.words.iter().chain(values).collect()
        }
        NodeKind::Case(case) => vec![&case.subject],
        NodeKind::For(inner) => inner.words.iter().flatten().collect(),
        NodeKind::Test(words) => words.iter().collect(),
        _ => Vec::new(),
    }
}
