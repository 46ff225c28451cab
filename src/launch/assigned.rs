//! Which variables statements give a value: what is not known behind those that are stepped over, and what scripts set themselves.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::arithmetic::{assigned_names, counters};
use super::expand::outline;
use super::field::{Field, Value};
use super::inert::MAX_CALLS;
use super::machine::Machine;
use crate::shell::{AssignedValue, Assignment, Command, Node, NodeKind, Operation, Parameter, Part, Word};

impl Machine<'_, '_> {
    /// Variables that skipped statements assign are not known afterwards.
    pub(crate) fn forget_assigned(&mut self, list: &[Node]) {
        let (mut names, mut local) = (Vec::new(), Vec::new());
        for node in list {
            self.forget_files(node);
            self.doubt_files(node);
            self.note_assigned(node, &mut names, &mut local, 0);
        }
        let mut appended = Vec::new();
        list.iter().for_each(|node| note_appended(node, &mut appended));
        let count = |list: &[String], name: &str| list.iter().filter(|own| *own == name).count();
        self.with(|shell| {
            for name in names.iter().chain(&local) {
                let only_longer = local.is_empty() && count(&names, name) == count(&appended, name);
                let value = match shell.variables.get(name).filter(|_| only_longer) {
                    // It begins as before.
                    Some(Value::Array(fields)) => {
                        let more = Field::rest("...");
                        let known = fields.iter().filter(|field| !field.is_rest()).cloned();
                        Value::Array(Rc::new(known.chain([more]).collect()))
                    }
                    _ => Value::unknown(),
                };
                shell.set(name, value);
            }
        });
    }

    /// True for a loop over a variable that its body assigns in more than one place: what counts up may be set back there.
    pub(super) fn sets_back(&self, condition: &[Node], body: &[Node]) -> bool {
        let (mut names, mut local) = (Vec::new(), Vec::new());
        body.iter().for_each(|node| self.note_assigned(node, &mut names, &mut local, 0));
        names.sort_unstable();
        let twice: Vec<&String> =
            names.windows(2).filter(|two| two[0] == two[1]).map(|two| &two[0]).collect();
        condition.iter().any(|node| {
            let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or_default();
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.any(|word| twice.iter().any(|name| *name == word))
        })
    }

    /// The names that a statement assigns in this shell. `local`: those that a function keeps to itself.
    fn note_assigned(&self, node: &Node, names: &mut Vec<String>, local: &mut Vec<String>, calls: usize) {
        match &node.kind {
            NodeKind::Command(command) => {
                names.extend(command.assignments.iter().map(|assignment| assignment.name.clone()));
                names.extend(assigned_by_words(command).map(|(name, _)| name));
                let Some(name) = command.name() else { return };
                match &*name {
                    "local" | "declare" | "typeset" => local.extend(declared(command, |_| true)),
                    "export" | "readonly" | "read" | "unset" | "mapfile" | "readarray" | "printf" => {
                        names.extend(declared(command, |_| true));
                    }
                    "let" => {
                        names.extend(command.words.iter().flat_map(|word| assigned_names(&outline(word))))
                    }
                    _ => {
                        let body = self.shell().and_then(|shell| shell.functions.get(&*name));
                        if let Some(body) = body.filter(|_| calls < MAX_CALLS) {
                            let (mut inner, mut own) = (Vec::new(), Vec::new());
                            self.note_assigned(body, &mut inner, &mut own, calls + 1);
                            names.extend(inner.into_iter().filter(|name| !own.contains(name)));
                        }
                    }
                }
            }
            NodeKind::Subshell(_) | NodeKind::Background(_) => return,
            NodeKind::For(node) => names.push(node.variable.clone()),
            NodeKind::Arithmetic(word) => names.extend(assigned_names(&outline(word))),
            _ => {}
        }
        for child in node.children() {
            self.note_assigned(child, names, local, calls);
        }
    }
}

/// The names of arrays to which a statement adds something, `args+=(--verbose)`: once for each time.
fn note_appended(node: &Node, names: &mut Vec<String>) {
    if let NodeKind::Command(command) = &node.kind {
        let is_longer = |own: &&Assignment| own.append && matches!(own.value, AssignedValue::Array(_));
        names.extend(command.assignments.iter().filter(is_longer).map(|own| own.name.clone()));
    }
    node.children().into_iter().for_each(|child| note_appended(child, names));
}

/// The names that statements give a value. `name=${name:-word}` leaves that to whoever starts the script.
pub(super) fn note_own_variables(list: &[Node], names: &mut BTreeSet<String>) {
    for node in list {
        match &node.kind {
            NodeKind::Command(command) => {
                let own = command.assignments.iter().filter(|assignment| !is_own_default(assignment));
                names.extend(own.map(|assignment| assignment.name.clone()));
                names.extend(
                    assigned_by_words(command).filter(|(_, default)| default.is_none()).map(|(name, _)| name),
                );
                match command.name().as_deref() {
                    Some(
                        "local" | "declare" | "typeset" | "export" | "readonly" | "read" | "unset"
                        | "mapfile" | "readarray" | "printf" | "getopts",
                    ) => names.extend(declared(command, |word| !declares_default(word))),
                    Some("let") => {
                        names.extend(command.words.iter().flat_map(|word| assigned_names(&outline(word))));
                    }
                    _ => {}
                }
            }
            NodeKind::For(node) => {
                names.insert(node.variable.clone());
            }
            NodeKind::Arithmetic(word) => names.extend(assigned_names(&outline(word))),
            NodeKind::ArithmeticFor(body, _) => names.extend(counters(node, body)),
            _ => {}
        }
        node.children().into_iter().for_each(|child| note_own_variables(std::slice::from_ref(child), names));
    }
}

/// `name=${name:-word}`
fn is_own_default(assignment: &Assignment) -> bool {
    matches!(&assignment.value, AssignedValue::Scalar(word) if is_default_of(&assignment.name, &word.parts))
}

fn is_default_of(name: &str, parts: &[Part]) -> bool {
    let is_default = |parameter: &Parameter| {
        parameter.name == name
            && matches!(&parameter.operation, Operation::Operator(operator, _) if matches!(operator.as_str(), "-" | ":-"))
    };
    matches!(parts, [Part::Parameter(parameter, _)] | [Part::Quoted(_), Part::Parameter(parameter, _)] if is_default(parameter))
}

/// `export name=${name:-word}`
fn declares_default(word: &Word) -> bool {
    matches!(&word.parts[..], [Part::Literal(text), rest @ ..]
        if text.strip_suffix('=').is_some_and(|name| is_default_of(name, rest)))
}

/// The names that `$((NAME += 1))` and `${NAME:=word}` set when the words of a command are expanded; for the latter with its parameter.
pub(super) fn assigned_by_words(command: &Command) -> impl Iterator<Item = (String, Option<&Parameter>)> {
    let values = command.assignments.iter().filter_map(|assignment| match &assignment.value {
        AssignedValue::Scalar(word) => Some(word),
        AssignedValue::Array(_) => None,
    });
    command.words.iter().chain(values).flat_map(|word| &word.parts).flat_map(|part| match part {
        Part::Arithmetic(word, _) => {
            assigned_names(&outline(word)).into_iter().map(|name| (name, None)).collect()
        }
        Part::Parameter(parameter, _) if assigns_default(parameter) => {
            vec![(parameter.name.clone(), Some(parameter))]
        }
        _ => Vec::new(),
    })
}

fn assigns_default(parameter: &Parameter) -> bool {
    let operator = match &parameter.operation {
        Operation::Operator(operator, _) => operator.as_str(),
        _ => return false,
    };
    parameter.index.is_none() && matches!(operator, ":=" | "=")
}

/// The names that `export NAME=value` and the like set.
fn declared(command: &Command, counts: impl Fn(&Word) -> bool) -> impl Iterator<Item = String> {
    command.words[1..].iter().filter(move |word| counts(word)).filter_map(|word| match word.parts.first() {
        Some(Part::Literal(text)) => Some(text.split(['=', '+']).next().unwrap_or(text).to_owned()),
        _ => None,
    })
}
