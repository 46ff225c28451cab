//! A simulated shell: what it has still to run, its variables, traps and jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::claims::Known;
use super::dialect::{BashVersion, Dialect, InPlace};
use super::field::{Field, Value};
use super::inert;
use super::signal::Signal;
use super::world::{Millis, Pid};
use crate::shell::{AssignedValue, Case, For, If, List, Loop, Node, NodeKind, Part, Word};
use crate::source::{Excerpt, Place};

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

    pub(super) fn not(self) -> Self {
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
    /// Only `echo` and the like, with `exit` behind it or without.
    Remarks,
    /// What is run instead where it fails: `server || other`.
    Otherwise,
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
        left: Arc<Node>,
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
        excerpt: Arc<Excerpt>,
    },
    For {
        node: Arc<For>,
        items: Rc<[Field]>,
        next: usize,
        /// The last job before this turn.
        before: Option<Pid>,
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
    /// A file that the shell reads, by the path that it was given.
    Source {
        positional: Option<Rc<Vec<Field>>>,
        path: Field,
    },
    Trap {
        status: Status,
        from_wait: bool,
    },
    /// The EXIT trap runs; then the shell ends with this status.
    Exit(Option<i32>),
}

/// How far a loop has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    pub(crate) rounds: u32,
    /// When it began.
    pub(crate) since: Millis,
    /// When its last round began.
    pub(crate) last: Millis,
    /// What its condition looked at the last time, as a hash.
    pub(crate) seen: Option<u64>,
    /// True once it counts as endless.
    pub(crate) circling: bool,
    /// The last job before it.
    pub(crate) before: Option<Pid>,
}

impl Lap {
    pub(super) fn first(now: Millis, before: Option<Pid>) -> Self {
        Self { rounds: 0, since: now, last: now, seen: None, circling: false, before }
    }

    pub(super) fn next(self) -> Self {
        Self { rounds: self.rounds + 1, ..self }
    }
}

/// A running shell.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    pub(crate) dialect: Dialect,
    /// Which bash it is, if it is one.
    pub(crate) bash_version: BashVersion,
    pub(crate) origin: Origin,
    pub(crate) frames: Vec<Frame>,
    pub(crate) status: Status,
    pub(crate) variables: Rc<BTreeMap<String, Value>>,
    pub(crate) functions: Rc<BTreeMap<String, Arc<Node>>>,
    /// What tests have told of variables whose values are not known.
    pub(crate) claims: Rc<Vec<Known>>,
    pub(crate) zero: Field,
    pub(crate) positional: Rc<Vec<Field>>,
    /// True where the positional parameters are the image's CMD, which the caller may replace.
    pub(crate) arguments_overridable: bool,
    pub(crate) traps: Rc<BTreeMap<Signal, Trap>>,
    /// Signals that were ignored when it began: it can neither trap nor reset them.
    pub(crate) fixed: Vec<Signal>,
    /// Which of ERR and DEBUG have a handler.
    pub(crate) hooks: Vec<Hook>,
    pub(crate) aliases: Rc<BTreeSet<String>>,
    pub(crate) errexit: bool,
    pub(crate) nounset: bool,
    pub(crate) monitor: bool,
    /// True once the script has read something that pidone cannot: a name that nobody sets may be set there.
    pub(crate) reads_unknown: bool,
    /// True once it has run text that nobody has seen, other than settings: it may have started something there.
    pub(crate) may_start: bool,
    /// True once it has read a file that nobody has seen and that may define functions.
    pub(crate) has_unknown_functions: bool,
    /// True once it may have set traps that nobody has seen, in such a file say, or for a signal that is not known.
    pub(crate) may_trap: bool,
    /// True if `exec "$@"` hands over to a word for which the script has run a service, and which is no program.
    pub(crate) hands_over_word: bool,
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

    /// True if it waits, and what runs by now may have been started by text that nobody has seen.
    pub(super) fn waits_for_unseen(&self) -> bool {
        self.may_start && matches!(self.waiting, Waiting::Wait { .. })
    }

    pub(super) fn ends_through_exit_trap(&self, signal: Signal) -> bool {
        self.dialect.exit_trap_runs_on_signals()
            && !self.traps.contains_key(&signal)
            && self.traps.contains_key(&Signal::EXIT)
            && !signal.ignored_by_default()
            && !self.dialect.ignores(signal)
            && (self.bash_version.hears_for_exit_trap()
                || !matches!(self.waiting, Waiting::Foreground { .. }))
    }

    /// True if a trap that nobody has seen may run on a signal: nothing in front keeps the shell from it.
    pub(super) fn may_catch(&self, signal: Signal) -> bool {
        self.may_trap && !self.catches(signal) && matches!(self.waiting, Waiting::Wait { .. })
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
    pub(super) fn is_tested(&self) -> bool {
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

    /// True for a command that each round of a loop runs, in its body or as the condition of `while`.
    pub(super) fn goes_round(&self) -> bool {
        for frame in self.frames.iter().rev() {
            match frame {
                Frame::Body { .. } | Frame::Endless { .. } => return true,
                Frame::Test { node, .. } => return !node.until,
                Frame::Not | Frame::Call { .. } | Frame::Trap { .. } => return false,
                _ => {}
            }
        }
        false
    }

    /// True while `wait` waits for all its jobs or certain ones.
    pub(super) fn waits_for_jobs(&self) -> bool {
        matches!(self.waiting, Waiting::Wait { .. })
    }

    /// True if the innermost loop is in its second round, or later.
    pub(crate) fn has_come_round(&self) -> bool {
        let lap = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Test { lap, .. } | Frame::Body { lap, .. } | Frame::Endless { lap, .. } => Some(lap),
            _ => None,
        });
        lap.is_some_and(|lap| lap.rounds > 0)
    }

    /// True in a loop without end that has come round.
    pub(crate) fn is_circling(&self) -> bool {
        self.frames.iter().any(|frame| match frame {
            Frame::Test { lap, .. } | Frame::Body { lap, .. } | Frame::Endless { lap, .. } => lap.circling,
            _ => false,
        })
    }

    /// The file that is being read: the script, or what it sources. A function is taken for one of the script's.
    pub(super) fn source(&self) -> &Field {
        let inner = self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Source { path, .. } => Some(path),
            Frame::Call { .. } => Some(&self.zero),
            _ => None,
        });
        inner.unwrap_or(&self.zero)
    }

    /// True if the next statement keeps `$?`: the script is about what ends here, and goes on with its clean-up.
    pub(crate) fn keeps_status(&self) -> bool {
        let ends = |frame: &&Frame| match frame {
            Frame::List { list, next } => *next >= list.len(),
            Frame::Call { .. } | Frame::Source { .. } => true,
            _ => false,
        };
        let Some(Frame::List { list, next }) = self.frames.iter().rev().find(|frame| !ends(frame)) else {
            return false;
        };
        let Some(Node { kind: NodeKind::Command(command), .. }) = list.get(*next) else { return false };
        let is_status = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.name == "?");
        command.words.is_empty()
            && command.assignments.iter().any(|assignment| match &assignment.value {
                AssignedValue::Scalar(word) => word.parts.iter().any(is_status),
                AssignedValue::Array(_) => false,
            })
    }

    /// Inside of `for` loops that do something with each of several items, or of who knows how many: true if one of them has a further
    /// turn. Others try again.
    pub(crate) fn turns(&self) -> Option<bool> {
        let turns = self.frames.iter().filter_map(|frame| match frame {
            Frame::For { node, items, next, .. }
                if (items.len() > 1 || items.first().is_some_and(is_several))
                    && node.body.iter().any(|inner| uses(inner, &node.variable)) =>
            {
                Some(*next < items.len() || items.last().is_some_and(is_several))
            }
            _ => None,
        });
        turns.reduce(|one, other| one || other)
    }

    /// The statements of the innermost loop that runs.
    pub(super) fn loop_body(&self) -> Option<&[Node]> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Body { node, .. } | Frame::Test { node, .. } => Some(node.body.as_ref()),
            Frame::Endless { body, .. } => Some(body.as_ref()),
            _ => None,
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
                Frame::List { list, next }
                    if self.hands_over_word && list[*next..].iter().all(hands_over) =>
                {
                    Rest::Exit
                }
                Frame::List { list, next }
                    if list[*next..].iter().all(inert::is_exit) && !gives_other_status(&list[*next]) =>
                {
                    Rest::Exit
                }
                Frame::List { list, next }
                    if list[*next..].iter().all(|node| self.is_remark(node))
                        && !list[*next..]
                            .iter()
                            .any(|node| inert::is_exit(node) && gives_other_status(node)) =>
                {
                    Rest::Remarks
                }
                Frame::Call { .. } | Frame::Source { .. } => Rest::Nothing,
                Frame::For { items, next, .. } if *next >= items.len() => Rest::Nothing,
                Frame::Test { .. } | Frame::Body { .. } | Frame::Endless { .. } | Frame::For { .. } => {
                    Rest::Loop
                }
                // Of `test && a || b` one of the two is meant.
                Frame::AndOr { left, right, and: false, .. }
                    if matches!(&left.kind, NodeKind::And(test, _) if inert::is_test(test))
                        || self.is_remark(right) =>
                {
                    Rest::Otherwise
                }
                _ => Rest::Commands,
            };
            match (rest, here) {
                (_, Rest::Nothing) => {}
                (Rest::Nothing, here) => rest = here,
                (Rest::Otherwise, Rest::Exit | Rest::Remarks | Rest::Otherwise)
                | (Rest::Remarks, Rest::Exit | Rest::Remarks) => {}
                (Rest::Remarks, Rest::Otherwise) => return Rest::Commands,
                (Rest::Otherwise | Rest::Remarks, here) => return here,
                // What follows an `exit` is never reached.
                (Rest::Exit, _) => return rest,
                _ => return rest,
            }
            let ends = matches!(frame, Frame::List { list, next } if list[(*next).min(list.len())..].iter().any(inert::is_exit));
            if ends && rest != Rest::Nothing {
                return rest;
            }
        }
        rest
    }

    /// True for what only says something, or ends the script, and for `exec "$@"` where the image gives no arguments.
    fn is_remark(&self, node: &Node) -> bool {
        let hands_over = || {
            let words = node.excerpt.text().get(node.span.start..node.span.end);
            words == Some("exec \"$@\"") && self.positional.iter().all(Field::is_rest)
        };
        match &node.kind {
            NodeKind::Group(list) => list.iter().all(|inner| self.is_remark(inner)),
            _ => inert::is_exit(node) || inert::is_remark(node) || hands_over(),
        }
    }

    /// What is left to do, where a loop comes back to the statement whatever follows it in the loop's body.
    pub(crate) fn rest_in_loop(&self) -> Rest {
        match self.rest() {
            Rest::Commands if self.comes_round() => Rest::Loop,
            rest => rest,
        }
    }

    /// True if a loop has a turn left to do.
    fn comes_round(&self) -> bool {
        self.frames.iter().any(|frame| match frame {
            Frame::Test { .. } | Frame::Body { .. } | Frame::Endless { .. } => true,
            Frame::For { items, .. } => items.len() > 1,
            _ => false,
        })
    }

    /// Puts variables back as they were.
    pub(super) fn restore(&mut self, locals: Vec<(String, Option<Value>)>) {
        for (name, _) in &locals {
            self.forget_claims(name);
        }
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
        self.forget_claims(name);
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
        self.forget_claims(name);
        Rc::make_mut(&mut self.variables).insert(name.to_owned(), value);
    }

    /// A copy for a subshell: traps are back to their defaults, jobs are the parent's.
    pub(crate) fn fork(&self, list: List) -> Shell {
        let mut copy = self.clone();
        copy.origin = Origin::Fork;
        copy.frames = vec![Frame::List { list, next: 0 }];
        copy.forget_arguments();
        copy.traps = Rc::default();
        copy.jobs = Vec::new();
        copy.readers = Vec::new();
        copy.pending = Vec::new();
        copy.waiting = Waiting::None;
        copy.in_place = InPlace::default();
        copy
    }
}

/// `exit $status` with a status that was kept before: that of the command in front makes no difference.
fn gives_other_status(exit: &Node) -> bool {
    let NodeKind::Command(command) = &exit.kind else { return false };
    let is_kept = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.name != "?");
    command.words.iter().skip(1).flat_map(|word| &word.parts).any(is_kept)
}

/// True if a command that is no built-in has this variable in it.
fn uses(node: &Node, variable: &str) -> bool {
    let NodeKind::Command(command) = &node.kind else {
        return node.children().into_iter().any(|child| uses(child, variable));
    };
    let name = command.name();
    let is_variable =
        |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.name == variable);
    !name.is_some_and(|name| super::builtins::is_builtin(&name))
        && command.words.iter().flat_map(|word| &word.parts).any(is_variable)
}

/// True for an item of a loop that stands for who knows how many, as a wildcard does that stays one.
pub(super) fn is_several(item: &Field) -> bool {
    item.text().is_none_or(|text| text.contains('*'))
}

/// `exec "$@"`
pub(super) fn hands_over(node: &Node) -> bool {
    let NodeKind::Command(command) = &node.kind else { return false };
    let is_all = |word: &Word| matches!(&word.parts[..], [.., Part::Parameter(own, _)] if own.name == "@");
    node.is_command(&["exec"]) && matches!(&command.words[..], [_, all] if is_all(all))
}
