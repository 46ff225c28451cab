//! Statements that make no difference to processes, signals or the course of the script, whichever way they go.
//!
//! Most conditions of an entry script guard such setup (create a folder, render a file). They are stepped over instead of being
//! followed both ways; what they assign is not known afterwards.

use super::field::Value;
use super::machine::Machine;
use super::resolve::Environment;
use crate::programs::Kind;
use crate::shell::{AssignedValue, Command, If, Node, NodeKind, Word};

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 6;

/// Built-ins that change the course, the processes, the signals or the arguments.
const NOT_INERT: [&str; 17] = [
    "exec", "exit", "return", "break", "continue", "trap", "wait", "set", "shift", "eval", ".", "source",
    "fg", "bg", "kill", "getopts", "disown",
];

/// `exit`, `exit $?` and `exit 0` alone.
pub(crate) fn is_exit(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Command(command)
        if command.words.first().and_then(Word::literal).as_deref() == Some("exit"))
}

/// True for a body of `sleep` alone.
pub(crate) fn only_sleeps(list: &[Node]) -> bool {
    list.iter().all(|node| {
        matches!(&node.kind, NodeKind::Command(command)
            if command.words.first().and_then(Word::literal).as_deref() == Some("sleep"))
    })
}

/// `[ ... ]`, `test ...`, `[[ ... ]]`: looks, and touches nothing.
pub(crate) fn is_test(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Test(_) => true,
        NodeKind::Not(inner) => is_test(inner),
        NodeKind::Command(command) => {
            matches!(command.words.first().and_then(Word::literal).as_deref(), Some("[" | "test"))
        }
        _ => false,
    }
}

impl Machine<'_, '_> {
    pub(crate) fn is_inert_node(&self, node: &Node) -> bool {
        self.inert(node, 0)
    }

    pub(crate) fn is_inert_list(&self, list: &[Node]) -> bool {
        self.inert_list(list, 0)
    }

    /// The bodies of an `if` from one arm on, and the conditions after it.
    pub(crate) fn is_inert_if(&self, node: &If, arm: usize) -> bool {
        let arms = &node.arms[arm..];
        arms.iter().all(|(_, body)| self.inert_list(body, 0))
            && arms.iter().skip(1).all(|(condition, _)| self.inert_list(condition, 0))
            && node.otherwise.as_ref().is_none_or(|body| self.inert_list(body, 0))
    }

    fn inert_list(&self, list: &[Node], calls: usize) -> bool {
        list.iter().all(|node| self.inert(node, calls))
    }

    fn inert(&self, node: &Node, calls: usize) -> bool {
        match &node.kind {
            NodeKind::Command(command) => self.inert_command(command, calls),
            NodeKind::Pipeline(stages) => self.inert_list(stages, calls),
            NodeKind::Not(inner) | NodeKind::Redirected(inner, _) => self.inert(inner, calls),
            NodeKind::And(left, right) | NodeKind::Or(left, right) => {
                self.inert(left, calls) && self.inert(right, calls)
            }
            NodeKind::If(node) => {
                node.arms.iter().all(|(condition, body)| {
                    self.inert_list(condition, calls) && self.inert_list(body, calls)
                }) && node.otherwise.as_ref().is_none_or(|body| self.inert_list(body, calls))
            }
            NodeKind::Case(node) => node.arms.iter().all(|arm| self.inert_list(&arm.body, calls)),
            NodeKind::Loop(node) => {
                !is_endless(&node.condition, node.until)
                    && self.inert_list(&node.condition, calls)
                    && self.inert_list(&node.body, calls)
            }
            NodeKind::For(node) => self.inert_list(&node.body, calls),
            NodeKind::Group(list) | NodeKind::Subshell(list) => self.inert_list(list, calls),
            NodeKind::Test(_) | NodeKind::Arithmetic(_) => true,
            NodeKind::ArithmeticFor(body, endless) => !endless && self.inert_list(body, calls),
            NodeKind::Background(_) | NodeKind::Function(..) | NodeKind::Error => false,
        }
    }

    fn inert_command(&self, command: &Command, calls: usize) -> bool {
        let plain = command.assignments.iter().all(|assignment| match &assignment.value {
            // A variable that holds `exec` decides what a later line does.
            AssignedValue::Scalar(word) => {
                !word.literal().is_some_and(|text| text.trim_start().starts_with("exec"))
            }
            AssignedValue::Array(_) => true,
        });
        if !plain {
            return false;
        }
        let Some(first) = command.words.first() else { return true };
        let Some(name) = first.literal() else { return true };
        if NOT_INERT.contains(&name.as_str()) {
            return false;
        }
        let Some(shell) = self.shell() else { return false };
        if let Some(body) = shell.functions.get(&name) {
            return calls < MAX_CALLS && self.inert(body, calls + 1);
        }
        let arguments: Vec<Option<String>> = command.words[1..].iter().map(Word::literal).collect();
        inert_program(self.environment, &name, &arguments)
    }

    /// The path may come back and follow the branches of the condition on top of the frames, if nothing after it stays.
    pub(crate) fn remember_branches(&mut self) {
        self.candidates.add_branches(self.world);
    }

    /// Variables that skipped statements assign are not known afterwards.
    pub(crate) fn forget_assigned(&mut self, list: &[Node]) {
        let mut names = Vec::new();
        for node in list {
            assigned(node, &mut names);
        }
        self.with(|shell| {
            for name in names {
                shell.set(&name, Value::unknown());
            }
        });
    }
}

fn inert_program(environment: &Environment<'_>, name: &str, arguments: &[Option<String>]) -> bool {
    let arguments: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
    match environment.tables.program(name, &arguments).map(|program| program.kind) {
        Some(Kind::Server | Kind::Supervisor | Kind::Init | Kind::Detach) => false,
        Some(Kind::Helper) => match name {
            "sleep" => arguments.first().copied().flatten() != Some("infinity"),
            "tail" => {
                !arguments.iter().any(|argument| argument.is_some_and(|a| a.starts_with("-f") || a == "-F"))
            }
            _ => true,
        },
        Some(_) => true,
        // A script of the project may hold anything.
        None => !name.contains('/') || !environment.is_script(name),
    }
}

fn is_endless(condition: &[Node], until: bool) -> bool {
    let [Node { kind: NodeKind::Command(command), .. }] = condition else { return false };
    let name = command.words.first().and_then(Word::literal);
    matches!((name.as_deref(), until), (Some("true" | ":"), false) | (Some("false"), true))
}

fn assigned(node: &Node, names: &mut Vec<String>) {
    let mut list = |list: &[Node]| {
        for node in list {
            assigned(node, names);
        }
    };
    match &node.kind {
        NodeKind::Command(command) => {
            let declares = command.words.first().and_then(Word::literal).is_some_and(|name| {
                matches!(
                    name.as_str(),
                    "export" | "local" | "declare" | "readonly" | "typeset" | "read" | "unset"
                )
            });
            names.extend(command.assignments.iter().map(|assignment| assignment.name.clone()));
            if declares {
                for word in &command.words[1..] {
                    if let Some(crate::shell::Part::Literal(text)) = word.parts.first() {
                        names.push(text.split(['=', '+']).next().unwrap_or(text).to_owned());
                    }
                }
            }
        }
        NodeKind::Pipeline(nodes) | NodeKind::Group(nodes) => list(nodes),
        NodeKind::Not(inner) | NodeKind::Redirected(inner, _) => assigned(inner, names),
        NodeKind::And(left, right) | NodeKind::Or(left, right) => {
            assigned(left, names);
            assigned(right, names);
        }
        NodeKind::If(node) => {
            for (condition, body) in &node.arms {
                list(condition);
                list(body);
            }
            if let Some(body) = &node.otherwise {
                list(body);
            }
        }
        NodeKind::Case(node) => node.arms.iter().for_each(|arm| list(&arm.body)),
        NodeKind::Loop(node) => {
            list(&node.condition);
            list(&node.body);
        }
        NodeKind::For(node) => {
            list(&node.body);
            names.push(node.variable.clone());
        }
        _ => {}
    }
}
