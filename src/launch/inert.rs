//! Statements that make no difference to processes, signals or the course of the script, whichever way they go.
//!
//! Most conditions of an entry script guard such setup (create a folder, render a file). They are stepped over instead of being
//! followed both ways; what they assign is not known afterwards.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use super::builtins::is_builtin;
use super::environment::Environment;
use super::machine::Machine;
use super::shell::Frame;
use super::signal::Signal;
use crate::programs::Kind;
use crate::shell::{AssignedValue, Command, If, List, Node, NodeKind, Part, Redirect, Word};
use crate::source::base_name;

/// Functions that call functions are looked into this deep.
pub(super) const MAX_CALLS: usize = 6;

/// Built-ins that change the processes, the signals, the arguments, or what is not known.
const COUNTING: [&str; 11] =
    ["trap", "wait", "eval", ".", "source", "fg", "bg", "kill", "getopts", "disown", "coproc"];

/// How much a statement matters to what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Nothing in it is a service.
    Idle,
    /// Setup, as it seems; but a program in it is not known, and may be the service.
    Setup,
    /// It decides what runs or how the script goes on.
    Counts,
}

/// What a statement is inside of, within the text that would be stepped over.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Inside {
    /// A choice that is not known either way, so that what ends in a failure need not be looked at.
    unknown: bool,
    /// Functions, so many.
    calls: usize,
    /// A function or sourced file that is stepped over to its end: `return` goes nowhere else.
    call: bool,
    /// One with positional parameters of its own.
    parameters: bool,
    /// A loop: `break` goes nowhere else.
    repeated: bool,
    /// A subshell: `exit` goes nowhere else.
    subshell: bool,
}

/// `exit`, `exit $?` and `exit 0` alone.
pub(crate) fn is_exit(node: &Node) -> bool {
    node.is_command(&["exit"])
}

/// `echo "server has ended"`, `set +e`: only says something, or changes what nothing reads any more.
pub(crate) fn is_remark(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Redirected(inner, redirects) => {
            is_remark(inner) && redirects.iter().all(|redirect| redirect.operator == ">&")
        }
        NodeKind::Command(command) => {
            let is_plain =
                |part: &Part| matches!(part, Part::Literal(_) | Part::Quoted(_) | Part::Parameter(..));
            node.is_command(&["echo", "printf", "set", ":", "true"])
                && command.assignments.is_empty()
                && command.redirects.iter().all(|redirect| redirect.operator == ">&")
                && command.words.iter().flat_map(|word| &word.parts).all(is_plain)
        }
        _ => false,
    }
}

/// True for a body of `sleep` alone.
pub(crate) fn only_sleeps(list: &[Node]) -> bool {
    list.iter().all(|node| node.is_command(&["sleep"]))
}

/// `[ ... ]`, `test ...`, `[[ ... ]]`: looks, and touches nothing.
pub(crate) fn is_test(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Test(_) => true,
        NodeKind::Not(inner) => is_test(inner),
        _ => node.is_command(&["[", "test"]),
    }
}

impl Inside {
    /// Inside nothing but a choice. Where one way is the image's default, the others must not be lost with it.
    pub(crate) fn choice(unknown: bool) -> Self {
        Self { unknown, ..Self::default() }
    }
}

impl Machine<'_, '_> {
    /// The body of a loop: `break` stays within it.
    pub(crate) fn weight_of_body(&self, list: &[Node], inside: Inside) -> Weight {
        self.weight_of(list, Inside { repeated: true, ..inside })
    }

    /// What is left to do until the function or sourced file that runs now returns, and how much that matters; `None` outside of one.
    pub(crate) fn rest_of_call(&self, unknown: bool) -> Option<(Weight, Vec<List>)> {
        let mut lists: Vec<List> = Vec::new();
        for frame in self.shell()?.frames.iter().rev() {
            match frame {
                Frame::Call { .. } | Frame::Source { .. } => {
                    let parameters = !matches!(frame, Frame::Source { positional: None, .. });
                    let inside =
                        Inside { unknown, calls: 0, call: true, parameters, repeated: true, subshell: false };
                    let weights = lists.iter().map(|list| self.weight_of(list, inside));
                    return Some((weights.max().unwrap_or(Weight::Idle), lists));
                }
                Frame::List { list, next } => lists.push(Arc::from(list.get(*next..)?)),
                Frame::AndOr { right, .. } => lists.push(Arc::from([Node::clone(right)])),
                Frame::If { node, arm, .. } => {
                    for (index, (condition, body)) in node.arms.iter().enumerate().skip(*arm) {
                        if index > *arm {
                            lists.push(Arc::clone(condition));
                        }
                        lists.push(Arc::clone(body));
                    }
                    lists.extend(node.otherwise.clone());
                }
                Frame::Case { node, .. } => lists.extend(node.arms.iter().map(|arm| Arc::clone(&arm.body))),
                Frame::Test { node, .. } | Frame::Body { node, .. }
                    if !is_endless(&node.condition, node.until) =>
                {
                    lists.extend([Arc::clone(&node.condition), Arc::clone(&node.body)]);
                }
                Frame::For { node, .. } => lists.push(Arc::clone(&node.body)),
                Frame::Weigh { .. } | Frame::Not => {}
                Frame::Test { .. } | Frame::Body { .. } | Frame::Endless { .. } => return None,
                Frame::Trap { .. } | Frame::Exit(_) => return None,
            }
        }
        None
    }

    pub(crate) fn weight_of(&self, list: &[Node], inside: Inside) -> Weight {
        Scale::of(self).list(list, inside)
    }

    /// The bodies of an `if` from one arm on, and the conditions after it.
    pub(crate) fn weight_of_arms(&self, node: &If, first: usize, inside: Inside) -> Weight {
        Scale::of(self).arms(node, first, inside)
    }

    /// `exit 1` in the script that the container runs: nothing stays on a course that comes there.
    fn exit_fails(&self, arguments: &[Option<String>]) -> bool {
        let [Some(status)] = arguments else { return false };
        let fails = status.parse::<u8>().is_ok_and(|status| status != 0);
        let has_trap = self.shell().is_none_or(|shell| shell.traps.contains_key(&Signal::EXIT));
        fails && !has_trap && self.world.stop.is_none() && self.pid_is_main()
    }

    /// The path may come back and follow the branches of the condition on top of the frames, if nothing after it stays.
    pub(crate) fn remember_branches(&mut self, weight: Weight) {
        if weight != Weight::Idle {
            let sounds = self.sounds_of_ways();
            self.candidates.add_branches(self.world, sounds);
        }
    }
}

/// Weighs statements.
struct Scale<'m, 'w, 'e> {
    machine: &'m Machine<'w, 'e>,
    /// Functions that have been put on it: they add nothing when they are called again, which scripts do hundreds of times.
    called: RefCell<HashSet<(*const Node, Inside)>>,
}

impl<'m, 'w, 'e> Scale<'m, 'w, 'e> {
    fn of(machine: &'m Machine<'w, 'e>) -> Self {
        Self { machine, called: RefCell::default() }
    }

    fn list(&self, list: &[Node], inside: Inside) -> Weight {
        let mut weight = Weight::Idle;
        for node in list {
            weight = weight.max(self.node(node, inside));
            if weight == Weight::Counts {
                break;
            }
        }
        weight
    }

    fn arms(&self, node: &If, first: usize, inside: Inside) -> Weight {
        let arms = node.arms.iter().enumerate().skip(first);
        let bodies = arms.map(|(index, (condition, body))| {
            let body = self.list(body, inside);
            if index > first { body.max(self.list(condition, inside)) } else { body }
        });
        let otherwise = node.otherwise.as_ref().map_or(Weight::Idle, |body| self.list(body, inside));
        bodies.max().unwrap_or(Weight::Idle).max(otherwise)
    }

    fn node(&self, node: &Node, inside: Inside) -> Weight {
        let list = |nodes: &[Node], inside: Inside| self.list(nodes, inside);
        match &node.kind {
            NodeKind::Command(command) => self.command(command, inside),
            NodeKind::Pipeline(stages) => list(stages, Inside { subshell: true, ..inside }),
            NodeKind::Not(inner) | NodeKind::Redirected(inner, _) => self.node(inner, inside),
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                self.node(left, inside).max(self.node(right, inside))
            }
            NodeKind::If(node) => list(&node.arms[0].0, inside).max(self.arms(node, 0, inside)),
            NodeKind::Case(node) => {
                node.arms.iter().map(|arm| list(&arm.body, inside)).max().unwrap_or(Weight::Idle)
            }
            NodeKind::Loop(node) if is_endless(&node.condition, node.until) => Weight::Counts,
            NodeKind::Loop(node) => {
                let inside = Inside { repeated: true, ..inside };
                list(&node.condition, inside).max(list(&node.body, inside))
            }
            NodeKind::For(node) => list(&node.body, Inside { repeated: true, ..inside }),
            NodeKind::ArithmeticFor(_, true) => Weight::Counts,
            NodeKind::ArithmeticFor(body, false) => list(body, Inside { repeated: true, ..inside }),
            NodeKind::Group(nodes) => list(nodes, inside),
            NodeKind::Subshell(nodes) => list(nodes, Inside { subshell: true, ..inside }),
            NodeKind::Test(_) | NodeKind::Arithmetic(_) => Weight::Idle,
            NodeKind::Background(_) | NodeKind::Function(..) | NodeKind::Error => Weight::Counts,
        }
    }

    fn command(&self, command: &Command, inside: Inside) -> Weight {
        let decides = command.assignments.iter().any(|assignment| {
            let first = match &assignment.value {
                AssignedValue::Scalar(word) => Some(word),
                AssignedValue::Array(words) => words.first(),
            };
            let Some(Part::Literal(text) | Part::Quoted(text)) = first.and_then(|word| word.parts.first())
            else {
                return false;
            };
            // A variable that holds a command, or `exec`, decides what a later line does.
            text.trim_start().starts_with("exec")
                || self.machine.environment.scripts().runs_variable(&assignment.name)
        });
        if decides {
            return Weight::Counts;
        }
        let Some(first) = command.words.first() else { return Weight::Idle };
        let Some(name) = first.text() else { return Weight::Setup };
        let arguments: Vec<Option<String>> = command.words[1..].iter().map(Word::literal).collect();
        let stays_inside = match &*name {
            "return" => inside.call || inside.subshell,
            "break" | "continue" => inside.repeated || inside.subshell,
            "exit" => inside.subshell || (inside.unknown && self.machine.exit_fails(&arguments)),
            "shift" => inside.parameters || inside.subshell,
            "set" => match arguments.first().map(Option::as_deref) {
                Some(Some("--" | "-")) => inside.parameters || inside.subshell,
                _ => arguments.iter().all(|word| word.as_deref().is_some_and(only_traces)),
            },
            // `exec > file`
            "exec" => arguments.is_empty() && !command.redirects.iter().any(reads_from_process),
            _ if COUNTING.contains(&&*name) => false,
            _ => {
                let Some(shell) = self.machine.shell() else { return Weight::Counts };
                return match shell.functions.get(&*name) {
                    Some(_) if inside.calls >= MAX_CALLS => Weight::Counts,
                    Some(body) => {
                        let calls = inside.calls + 1;
                        let inside =
                            Inside { calls, call: true, parameters: true, repeated: false, ..inside };
                        let is_new = self.called.borrow_mut().insert((Arc::as_ptr(body), inside));
                        if is_new { self.node(body, inside) } else { Weight::Idle }
                    }
                    None => weight_of_program(self.machine.environment, &name, &arguments),
                };
            }
        };
        if stays_inside { Weight::Idle } else { Weight::Counts }
    }
}

/// `3< <(server)`
fn reads_from_process(redirect: &Redirect) -> bool {
    let mut parts = redirect.target.iter().flat_map(|target| &target.parts);
    redirect.operator == "<" && parts.any(|part| matches!(part, Part::ProcessSubstitution(_)))
}

fn weight_of_program(environment: &Environment<'_>, name: &str, arguments: &[Option<String>]) -> Weight {
    if is_builtin(name) {
        return Weight::Idle;
    }
    let arguments: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
    match environment.tables.program(name, &arguments).map(|program| program.kind) {
        Some(Kind::Server | Kind::Supervisor | Kind::Init | Kind::Detach) => Weight::Counts,
        Some(Kind::Helper) => match name {
            "sleep" if arguments.first().copied().flatten() == Some("infinity") => Weight::Counts,
            "tail"
                if arguments
                    .iter()
                    .any(|argument| argument.is_some_and(|a| a.starts_with("-f") || a == "-F")) =>
            {
                Weight::Counts
            }
            _ => Weight::Idle,
        },
        Some(Kind::Setup) => Weight::Idle,
        Some(_) => Weight::Setup,
        // A script of the project may hold anything.
        None if name.contains('/') && environment.is_script(name) => Weight::Counts,
        None => Weight::Setup,
    }
}

/// `set -x` and the like: options that change nothing but what is printed.
fn only_traces(option: &str) -> bool {
    option
        .strip_prefix(['-', '+'])
        .is_some_and(|letters| letters.chars().all(|c| matches!(c, 'x' | 'v' | 'a')))
}

/// True for a loop that nothing ends from outside.
pub(super) fn goes_on(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Loop(inner) => is_endless(&inner.condition, inner.until),
        NodeKind::ArithmeticFor(_, endless) => *endless,
        _ => false,
    }
}

fn is_endless(condition: &[Node], until: bool) -> bool {
    let [Node { kind: NodeKind::Command(command), .. }] = condition else { return false };
    let name = command.name();
    let name = name.as_deref().map(base_name);
    matches!((name, until), (Some("true" | ":"), false) | (Some("false"), true))
}
