//! A shell as a machine: it takes one statement, or one step of one, at a time, so that it can wait, be interrupted and be copied.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::arithmetic::Evaluation;
use super::candidates::Candidates;
use super::condition;
use super::dialect::{Dialect, InPlace};
use super::environment::Environment;
use super::expand::Expander;
use super::field::{Field, Value};
use super::inert;
use super::path::{Choice, Doubt, MishapKind};
use super::signal::Signal;
use super::world::{Ended, Millis, Pid, World};
use crate::shell::{AssignedValue, Case, For, If, List, Loop, Node, NodeKind, Part, Word};
use crate::source::{Excerpt, Place};

/// Functions, sourced files and traps nested deeper than this: the shell crashes, as real ones do.
const MAX_FRAMES: usize = 400;
/// A trap that interrupts itself this often never ends: the shell runs out of stack.
const MAX_TRAPS: usize = 16;

/// An exit status as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Status {
    pub(crate) value: Option<i32>,
    /// True where it rests on a default that the caller may override.
    pub(crate) overridable: bool,
}

impl Status {
    pub(crate) const UNKNOWN: Status = Status { value: None, overridable: false };

    pub(crate) fn known(value: i32) -> Self {
        Status { value: Some(value), overridable: false }
    }

    pub(crate) fn of(success: bool) -> Self {
        Self::known(i32::from(!success))
    }

    fn not(self) -> Self {
        Status { value: self.value.map(|value| i32::from(value == 0)), ..self }
    }
}

/// How the text that a shell runs came to it.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The shell form of ENTRYPOINT or CMD.
    ShellForm(Place),
    /// `sh -c text`.
    Text,
    /// A script file.
    Script,
    /// A script of package.json, run by a package runner.
    PackageScript,
    /// A command that a package runner was given (`npx next start`), and the package.json of the directory that it is started in.
    PackageCommand(Option<Arc<Excerpt>>),
    /// A copy of another shell: a subshell, a stage of a pipeline, a background job.
    Fork,
}

/// A trap.
#[derive(Debug, Clone)]
pub(crate) struct Trap {
    /// The statements; empty for `trap ''`.
    pub(crate) action: List,
    pub(crate) place: Place,
}

/// What bash has traps for that is no signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// A command has failed.
    Err,
    /// A command is about to run.
    Debug,
}

impl Hook {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "ERR" => Some(Self::Err),
            "DEBUG" => Some(Self::Debug),
            _ => None,
        }
    }
}

/// What a shell is blocked on.
#[derive(Debug, Clone)]
pub(crate) enum Waiting {
    None,
    /// Foreground processes; the status is that of the last.
    Foreground {
        pids: Vec<Pid>,
        /// The stages of a pipeline whose output is read to its end: the reader stays as long as anybody has it open.
        piped: Vec<Pid>,
        node: Node,
        rest: Rest,
    },
    /// `wait`: for all targets, or for any.
    Wait {
        targets: Vec<Pid>,
        any: bool,
        node: Node,
    },
}

/// What follows a foreground command in its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: the script ends with it.
    Nothing,
    /// Only `exit`, `exit $?` and the like.
    Exit,
    /// The next round of a loop.
    Loop,
    /// Other commands.
    Commands,
}

/// What a shell goes on with when the statement above has finished.
#[derive(Debug, Clone)]
pub(crate) enum Frame {
    List {
        list: List,
        next: usize,
    },
    AndOr {
        right: Arc<Node>,
        and: bool,
        whole: Place,
    },
    /// The right side of `&&` or `||` after a left side that is not known; it changes nothing, so that both can be weighed.
    Weigh {
        and: bool,
    },
    Not,
    If {
        node: Arc<If>,
        arm: usize,
        place: Place,
    },
    /// A loop whose condition runs, or whose body does.
    Test {
        node: Arc<Loop>,
        place: Place,
        lap: Lap,
    },
    Body {
        node: Arc<Loop>,
        place: Place,
        lap: Lap,
    },
    /// Which items can match (`None`: none of them), and which of these ways is the image's default.
    Case {
        node: Arc<Case>,
        ways: Rc<[Option<usize>]>,
        likely: Option<usize>,
        place: Place,
    },
    For {
        node: Arc<For>,
        items: Rc<[Field]>,
        next: usize,
    },
    Endless {
        body: List,
        lap: Lap,
    },
    /// A function, with what its local variables were before.
    Call {
        name: Rc<str>,
        positional: Rc<Vec<Field>>,
        locals: Vec<(String, Option<Value>)>,
        /// True once how it ends rests on a default that the caller may override.
        overridable: bool,
    },
    Source {
        positional: Option<Rc<Vec<Field>>>,
    },
    Trap {
        status: Status,
        from_wait: bool,
    },
    /// The EXIT trap runs; then the shell ends with this status.
    Exit(i32),
}

/// How far a loop has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    pub(crate) rounds: u32,
    /// When it began.
    pub(crate) since: Millis,
    /// What its condition looked at the last time, as a hash.
    pub(crate) seen: Option<u64>,
    /// True once it counts as endless.
    pub(crate) circling: bool,
}

impl Lap {
    fn first(now: Millis) -> Self {
        Self { rounds: 0, since: now, seen: None, circling: false }
    }

    fn next(self) -> Self {
        Self { rounds: self.rounds + 1, ..self }
    }
}

/// A running shell.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) dialect: Dialect,
    pub(crate) origin: Origin,
    pub(crate) frames: Vec<Frame>,
    pub(crate) status: Status,
    pub(crate) variables: Rc<BTreeMap<String, Value>>,
    pub(crate) functions: Rc<BTreeMap<String, Arc<Node>>>,
    pub(crate) zero: Field,
    pub(crate) positional: Rc<Vec<Field>>,
    /// True where the positional parameters are the image's CMD, which the caller may replace.
    pub(crate) arguments_overridable: bool,
    pub(crate) traps: Rc<BTreeMap<Signal, Trap>>,
    /// Which of ERR and DEBUG have a handler.
    pub(crate) hooks: Vec<Hook>,
    pub(crate) aliases: Rc<BTreeSet<String>>,
    pub(crate) errexit: bool,
    pub(crate) nounset: bool,
    pub(crate) monitor: bool,
    /// True once the script has read something that pidone cannot: a name that nobody sets may be set there.
    pub(crate) reads_unknown: bool,
    /// True once it has read a file that nobody has seen and that may define functions.
    pub(crate) has_unknown_functions: bool,
    /// Pipelines in the background; a job is all of them.
    pub(crate) pipelines: Vec<Vec<Pid>>,
    /// `exec > >(tee log)`: what reads the shell's own output, and ends after it.
    pub(crate) readers: Vec<Pid>,
    pub(crate) last_background: Option<Pid>,
    /// `$$`
    pub(crate) dollar: Pid,
    /// Background jobs, oldest first.
    pub(crate) jobs: Vec<Pid>,
    pub(crate) pending: Vec<Signal>,
    pub(crate) waiting: Waiting,
    pub(crate) in_place: InPlace,
    pub(crate) directory: Option<Rc<str>>,
}

impl Shell {
    /// True if a signal starts a trap, or ends the shell through its EXIT trap.
    pub(crate) fn catches(&self, signal: Signal) -> bool {
        if signal == Signal::CHLD {
            return self.traps.contains_key(&signal) && self.dialect.child_trap_interrupts_wait();
        }
        self.traps.contains_key(&signal) || self.ends_through_exit_trap(signal)
    }

    fn ends_through_exit_trap(&self, signal: Signal) -> bool {
        self.dialect.exit_trap_runs_on_signals()
            && !self.traps.contains_key(&signal)
            && self.traps.contains_key(&Signal::EXIT)
            && !signal.ignored_by_default()
    }

    /// While its EXIT trap runs, bash ends on the next signal that it has no trap for.
    pub(crate) fn ends_at_once(&self, signal: Signal) -> bool {
        self.dialect.exit_trap_runs_on_signals()
            && matches!(self.frames.first(), Some(Frame::Exit(_)))
            && !self.traps.contains_key(&signal)
            && !signal.ignored_by_default()
    }

    /// True if a signal has arrived that ends the shell whatever it waits for.
    pub(crate) fn must_end(&self) -> bool {
        self.pending.iter().any(|&signal| self.ends_through_exit_trap(signal))
    }

    /// False where the number of arguments is not known.
    pub(crate) fn positional_is_known(&self) -> bool {
        !self.positional.iter().any(Field::is_rest)
    }

    /// True where a failing command does not end the shell even under `set -e`.
    fn is_tested(&self) -> bool {
        // A handler is not tested with the command that it interrupts.
        let inner = self.frames.iter().rev().take_while(|frame| !matches!(frame, Frame::Trap { .. }));
        inner.into_iter().any(|frame| {
            matches!(
                frame,
                Frame::AndOr { .. }
                    | Frame::Weigh { .. }
                    | Frame::Not
                    | Frame::If { .. }
                    | Frame::Test { .. }
            )
        })
    }

    /// True while the condition of an `if` or a loop runs.
    pub(crate) fn is_in_condition(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame, Frame::If { .. } | Frame::Test { .. }))
    }

    /// True in a loop without end that has come round.
    pub(crate) fn is_circling(&self) -> bool {
        self.frames.iter().any(|frame| match frame {
            Frame::Test { lap, .. } | Frame::Body { lap, .. } | Frame::Endless { lap, .. } => lap.circling,
            _ => false,
        })
    }

    /// True if the next statement keeps `$?`: the script is about what ends here, and goes on with its clean-up.
    pub(crate) fn keeps_status(&self) -> bool {
        let Some(Frame::List { list, next }) = self.frames.last() else { return false };
        let Some(Node { kind: NodeKind::Command(command), .. }) = list.get(*next) else { return false };
        let is_status = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.name == "?");
        command.words.is_empty()
            && command.assignments.iter().any(|assignment| match &assignment.value {
                AssignedValue::Scalar(word) => word.parts.iter().any(is_status),
                AssignedValue::Array(_) => false,
            })
    }

    pub(crate) fn is_in_loop(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame, Frame::Body { .. } | Frame::Endless { .. }))
    }

    /// True while `while server` or `until server` runs its condition. A loop that only sleeps waits for something to be ready.
    pub(crate) fn is_loop_condition(&self) -> bool {
        let inner =
            self.frames.iter().rev().find(|frame| matches!(frame, Frame::If { .. } | Frame::Test { .. }));
        matches!(inner, Some(Frame::Test { node, .. }) if !inert::only_sleeps(&node.body))
    }

    /// What is left to do after the statement that runs now.
    pub(crate) fn rest(&self) -> Rest {
        let mut rest = Rest::Nothing;
        for frame in self.frames.iter().rev() {
            let here = match frame {
                Frame::List { list, next } if *next >= list.len() => Rest::Nothing,
                Frame::List { list, next } if list[*next..].iter().all(inert::is_exit) => Rest::Exit,
                Frame::Call { .. } | Frame::Source { .. } => Rest::Nothing,
                Frame::For { items, next, .. } if *next >= items.len() => Rest::Nothing,
                Frame::Body { .. } | Frame::Endless { .. } | Frame::For { .. } => Rest::Loop,
                _ => Rest::Commands,
            };
            match (rest, here) {
                (_, Rest::Nothing) => {}
                (Rest::Nothing, here) => rest = here,
                // What follows an `exit` is never reached.
                (Rest::Exit, _) => return rest,
                _ => return rest,
            }
            if rest == Rest::Exit {
                return rest;
            }
        }
        rest
    }

    /// The same, where a loop comes back to the statement whatever follows it in the loop's body.
    pub(crate) fn rest_in_loop(&self) -> Rest {
        match self.rest() {
            Rest::Commands if self.is_in_loop() => Rest::Loop,
            rest => rest,
        }
    }

    /// Puts variables back as they were.
    fn restore(&mut self, locals: Vec<(String, Option<Value>)>) {
        let variables = Rc::make_mut(&mut self.variables);
        for (name, old) in locals.into_iter().rev() {
            match old {
                Some(old) => variables.insert(name, old),
                None => variables.remove(&name),
            };
        }
    }

    /// A variable becomes local to the function that runs, if one does.
    pub(crate) fn make_local(&mut self, name: &str) {
        let old = self.variables.get(name).cloned();
        let call = self.frames.iter_mut().rev().find_map(|frame| match frame {
            Frame::Call { locals, .. } => Some(locals),
            _ => None,
        });
        if let Some(locals) = call
            && !locals.iter().any(|(known, _)| known == name)
        {
            locals.push((name.to_owned(), old));
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), value);
    }

    /// A copy for a subshell: traps are back to their defaults, jobs are the parent's.
    pub(crate) fn fork(&self, list: List) -> Shell {
        let mut copy = self.clone();
        copy.origin = Origin::Fork;
        copy.frames = vec![Frame::List { list, next: 0 }];
        copy.traps = Rc::default();
        copy.jobs = Vec::new();
        copy.readers = Vec::new();
        copy.pending = Vec::new();
        copy.waiting = Waiting::None;
        copy.in_place = InPlace::default();
        copy
    }
}

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
            Frame::AndOr { right, and, whole } => return self.and_or(&right, and, &whole),
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
            Frame::Case { node, ways, likely, place } => {
                return self.choose_item(&node, &ways, likely, &place);
            }
            Frame::Test { node, place, lap } => return self.test_loop(&node, lap, &place),
            Frame::Body { node, place, lap } => {
                self.pop();
                self.push(Frame::Test { node: Arc::clone(&node), place, lap: lap.next() });
                self.push_list(&node.condition);
            }
            Frame::For { node, items, next } => self.next_item(&node, &items, next),
            Frame::Endless { body, lap } => {
                self.pop();
                let lap = self.come_round(lap.next(), false);
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
            Frame::Source { positional } => {
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
        let shell = self.shell()?;
        Some(Expander { world: self.world, shell, pid: self.pid, environment: self.environment })
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
        self.world.path.doubts.push(Doubt { place, reason: reason.into() });
    }

    /// Ends the shell: the EXIT trap first, if there is one.
    pub(crate) fn end(&mut self, status: Status) {
        let value = status.value.unwrap_or(0);
        let Some(shell) = self.shell() else { return };
        match shell.traps.get(&Signal::EXIT).cloned() {
            Some(trap) => {
                self.with(|shell| {
                    Rc::make_mut(&mut shell.traps).remove(&Signal::EXIT);
                    shell.status = status;
                    shell.waiting = Waiting::None;
                    shell.frames = vec![Frame::Exit(value)];
                });
                self.push_list(&trap.action);
            }
            None => self.world.die(self.pid, value, Ended::Clean),
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
                pids.last().and_then(|&pid| self.world.status_of(pid)).unwrap_or(0)
            }
            Waiting::Wait { targets, any: true, .. } => {
                targets.iter().find_map(|&pid| self.world.status_of(pid)).unwrap_or(127)
            }
            Waiting::Wait { targets, .. } => {
                targets.last().and_then(|&pid| self.world.status_of(pid)).unwrap_or(0)
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
        self.set_status(Status::known(status));
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

    /// `function f() { }`: dash has no such keyword.
    fn refuses_keyword(&self, node: &Node) -> bool {
        let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("");
        text.starts_with("function ") && self.shell().is_some_and(|shell| shell.dialect == Dialect::Dash)
    }

    /// `;&` and `;;&`: only bash has them.
    fn refuses_fall_through(&self, case: &Case) -> bool {
        let is_bash = self.shell().is_some_and(|shell| shell.dialect.is_bash());
        !is_bash && case.arms.iter().any(|arm| arm.falls_through)
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
        match &node.kind {
            NodeKind::Command(command) => self.command(command, node),
            NodeKind::Pipeline(stages) => self.pipeline(stages, node),
            NodeKind::Not(inner) => {
                self.push(Frame::Not);
                self.run(inner);
            }
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                let and = matches!(node.kind, NodeKind::And(..));
                self.push(Frame::AndOr { right: Arc::clone(right), and, whole: node.place() });
                self.run(left);
            }
            NodeKind::Background(inner) => self.background(inner),
            NodeKind::If(branches) => {
                self.push(Frame::If { node: Arc::clone(branches), arm: 0, place: node.place() });
                self.push_list(&branches.arms[0].0);
            }
            NodeKind::Case(case) if self.refuses_fall_through(case) => {
                self.mishap(MishapKind::Bashism, node);
                self.end(Status::known(2));
            }
            NodeKind::Case(case) => self.case(case, node),
            NodeKind::Loop(inner) => {
                let lap = Lap::first(self.world.now);
                self.push(Frame::Test { node: Arc::clone(inner), place: node.place(), lap });
                self.push_list(&inner.condition);
            }
            NodeKind::For(inner) => {
                let items = match (&inner.words, self.expander()) {
                    (Some(words), Some(expander)) => expander.fields(words, &node.excerpt),
                    (None, Some(expander)) => expander.shell.positional.as_ref().clone(),
                    (_, None) => Vec::new(),
                };
                self.push(Frame::For { node: Arc::clone(inner), items: items.into(), next: 0 });
            }
            // Once round is enough to see what the body does.
            NodeKind::ArithmeticFor(body, false) => self.push_list(body),
            NodeKind::ArithmeticFor(body, true) => {
                let lap = Lap::first(self.world.now);
                self.push(Frame::Endless { body: Arc::clone(body), lap });
                self.push_list(body);
            }
            NodeKind::Group(list) => self.push_list(list),
            NodeKind::Subshell(list) => self.subshell(list, node),
            NodeKind::Function(..) if self.refuses_keyword(node) => {
                self.mishap(MishapKind::Bashism, node);
                self.end(Status::known(2));
            }
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
                let file = place.source.path().file_name().unwrap_or_default();
                let reason = format!("{file}:{} could not be read as shell", place.line());
                self.doubt(Some(place), reason);
                self.set_status_quietly(Status::UNKNOWN);
            }
        }
    }
}

/// The words that a statement expands before it does anything.
fn words_of(node: &Node) -> Vec<&Word> {
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
