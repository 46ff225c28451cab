//! Assignments: what a variable holds behind one, as far as that is known.

use std::rc::Rc;

use super::assigned::assigned_by_words;
use super::expand::Expander;
use super::field::{Field, Value};
use super::machine::Machine;
use crate::shell::{AssignedValue, Assignment, Command, Node, Operation, Parameter, Part, Word};

impl Machine<'_, '_> {
    /// `: "${NAME:=word}"` sets what is empty; what `$((NAME += 1))` comes to is given up.
    pub(super) fn assign_in_words(&mut self, command: &Command) {
        let Some(expander) = self.expander() else { return };
        let assigned: Vec<(String, Value)> = assigned_by_words(command)
            .filter_map(|(name, default)| match default {
                Some(parameter) => Some((name, Value::Scalar(expander.assigned_default(parameter)?))),
                None => Some((name, Value::unknown())),
            })
            .collect();
        self.with(|shell| {
            for (name, value) in assigned {
                shell.set(&name, value);
            }
        });
    }

    pub(super) fn assigned(&self, assignment: &Assignment, node: &Node) -> (String, Value) {
        let name = assignment.name.clone();
        let Some(expander) = self.expander() else { return (name, Value::unknown()) };
        let old = expander.shell.variables.get(&name).cloned();
        let value = match (&assignment.value, &assignment.index) {
            (_, Some(_)) => Value::unknown(),
            (AssignedValue::Array(words), None) => {
                let mut fields = match (assignment.append, old) {
                    (true, Some(Value::Array(fields))) => fields.as_ref().clone(),
                    (true, Some(Value::Scalar(first))) => vec![first],
                    _ => Vec::new(),
                };
                fields.extend(expander.fields(words, &node.excerpt));
                Value::Array(Rc::new(fields))
            }
            (AssignedValue::Scalar(word), None) => {
                let first = if old.is_none() { first_of(&name, word, &expander) } else { None };
                let new = first.unwrap_or_else(|| expander.string(word));
                match (assignment.append, old) {
                    (false, _) => Value::Scalar(new),
                    (true, Some(Value::Scalar(old))) => match (old.text(), new.text()) {
                        (Some(old), Some(new)) => Value::Scalar(Field::known(format!("{old}{new}"))),
                        _ => Value::unknown(),
                    },
                    (true, _) => Value::unknown(),
                }
            }
        };
        (name, value)
    }
}

/// What a variable that nothing has set yet is given of itself: `pids="$pids $!"`, before which there is nothing; `port="${port:-80}"`, which
/// is a default; `name="${name:-}"`, which leaves it to whoever starts the script.
fn first_of(name: &str, word: &Word, expander: &Expander<'_>) -> Option<Field> {
    let own = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.name == name);
    let before = Some(expander.variable(name)).filter(|before| before.unset && word.parts.iter().any(own))?;
    let only = match word.only_part() {
        Some(Part::Parameter(parameter, _)) => Some(parameter),
        _ => None,
    };
    if only.is_some_and(leaves_open) {
        return Some(before);
    }
    if only.is_some_and(|parameter| !gives_default(parameter)) {
        return None;
    }
    let mut shell = expander.shell.clone();
    shell.set(name, Value::Scalar(Field::known("")));
    let first = Expander { shell: &shell, ..*expander }.string(word);
    Some(if only.is_some() { first.overridable(true) } else { first })
}

/// `${name:-word}`, quoted or not; what is cut out of what nobody knows is not known (`${name%/}`).
fn gives_default(parameter: &Parameter) -> bool {
    matches!(&parameter.operation, Operation::Operator(operator, _) if matches!(operator.as_str(), "-" | ":-" | "=" | ":="))
}

/// `$name`, `${name:-}`
fn leaves_open(parameter: &Parameter) -> bool {
    parameter.index.is_none()
        && match &parameter.operation {
            Operation::Plain => true,
            Operation::Operator(operator, word) => {
                matches!(operator.as_str(), "-" | ":-") && word.literal().is_some_and(|text| text.is_empty())
            }
            _ => false,
        }
}
