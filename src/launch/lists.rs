//! `"$@"`, `"${pids[@]}"` and what is done with them: as many fields as there are values.

use std::rc::Rc;

use super::expand::{Expander, MAX_DEPTH, MAX_FIELDS};
use super::field::{Field, Value};
use crate::shell::{Operation, Parameter, Part, Word};
use crate::source::Excerpt;

impl Expander<'_> {
    /// The fields of an expansion that is a list; `None` if it is not one, or what is done with it is not followed.
    pub(crate) fn list(&self, part: &Part, depth: usize) -> Option<Vec<Field>> {
        let Part::Parameter(parameter, quoted) = part else { return None };
        if depth > MAX_DEPTH {
            return None;
        }
        let Some(values) = self.values(parameter, *quoted) else {
            return self.list_instead(parameter, depth);
        };
        // Outside quotes every value is split once more.
        let values = if *quoted { values } else { self.split_all(&values) };
        let Operation::Operator(operator, operand) = &parameter.operation else {
            return matches!(parameter.operation, Operation::Plain).then_some(values);
        };
        // Whether anything is there; an empty value counts as nothing behind a colon.
        let is_known = values.iter().all(|value| value.text().is_some());
        let is_empty = match values.as_slice() {
            [] => true,
            // What the caller may give: a default stands for nothing given.
            [value] if value.is_rest() && operator.ends_with(['-', '=']) => true,
            [value] => operator.starts_with(':') && value.text() == Some(""),
            _ => false,
        };
        match operator.as_str() {
            ":" => self.slice(parameter, values, operand),
            "+" | ":+" if is_empty => Some(Vec::new()),
            "+" | ":+" if is_known => Some(self.instead(operand, *quoted, depth)),
            "-" | ":-" | "=" | ":=" if is_empty => Some(self.instead(operand, *quoted, depth)),
            "-" | ":-" | "=" | ":=" | "?" | ":?" => Some(values),
            "#" | "##" | "%" | "%%" | "^^" | ",," => {
                let each = |value| self.operator(value, operator, operand, depth);
                Some(values.into_iter().map(each).collect())
            }
            _ => None,
        }
    }

    /// `"kill ${pids[@]}"`: the first value joins what is before it, the last what is behind it; each is a field of its own.
    pub(crate) fn around_list(&self, word: &Word) -> Option<Vec<Field>> {
        let is_list = |part: &Part| {
            matches!(part, Part::Parameter(parameter, true)
            if parameter.name == "@" || parameter.index.as_deref() == Some("@"))
        };
        let at = word.parts.iter().position(is_list)?;
        let values = self.list(&word.parts[at], 0)?;
        let (before, after) = (self.text_of(&word.parts[..at])?, self.text_of(&word.parts[at + 1..])?);
        let mut texts: Vec<String> =
            values.iter().map(|value| value.text().map(str::to_owned)).collect::<Option<_>>()?;
        match texts.first_mut() {
            Some(first) => first.insert_str(0, &before),
            None => texts.push(before),
        }
        if let Some(last) = texts.last_mut() {
            last.push_str(&after);
        }
        Some(texts.into_iter().map(Field::known).collect())
    }

    /// The values of `$@` and `${name[@]}`, and of `$*` and `${name[*]}` outside quotes.
    pub(super) fn values(&self, parameter: &Parameter, quoted: bool) -> Option<Vec<Field>> {
        match (parameter.name.as_str(), parameter.index.as_deref()) {
            ("@", None) => Some(self.positional()),
            ("*", None) if !quoted => Some(self.positional()),
            (name, Some("@")) => Some(self.array(name)),
            (name, Some("*")) if !quoted => Some(self.array(name)),
            _ => None,
        }
    }

    /// `${1+"$@"}`, `${name:-$@}`: a list that stands for something else.
    fn list_instead(&self, parameter: &Parameter, depth: usize) -> Option<Vec<Field>> {
        let Operation::Operator(operator, operand) = &parameter.operation else { return None };
        let [part] = operand.parts.as_slice() else { return None };
        let plain = Parameter { operation: Operation::Plain, ..parameter.clone() };
        let is_empty = self.parameter(&plain, depth + 1).text()?.is_empty();
        match operator.as_str() {
            "+" | ":+" if is_empty => Some(Vec::new()),
            "+" | ":+" => self.list(part, depth + 1),
            "-" | ":-" if is_empty => self.list(part, depth + 1),
            _ => None,
        }
    }

    /// What stands behind the operator, as fields.
    fn instead(&self, operand: &Word, quoted: bool, depth: usize) -> Vec<Field> {
        if let [part] = operand.parts.as_slice()
            && let Some(fields) = self.list(part, depth + 1)
        {
            return fields;
        }
        let field = self.string(operand);
        if quoted { vec![field] } else { self.split_all(&[field]) }
    }

    /// `"${@:2}"`: from the second on; `"${@:2:1}"` and the like.
    pub(super) fn slice(
        &self,
        parameter: &Parameter,
        values: Vec<Field>,
        bounds: &Word,
    ) -> Option<Vec<Field>> {
        let bounds = self.string(bounds);
        let mut bounds = bounds.text()?.split(':').map(|n| n.trim().parse::<usize>().ok());
        let start = bounds.next().flatten()?;
        let count = match bounds.next() {
            Some(count) => count?,
            None => usize::MAX,
        };
        let is_positional = parameter.index.is_none();
        let skip = if is_positional { start.saturating_sub(1) } else { start };
        Some(values.into_iter().skip(skip).take(count).collect())
    }

    fn split_all(&self, values: &[Field]) -> Vec<Field> {
        let separators = self.separators();
        values.iter().flat_map(|value| split_field(value, &separators)).collect()
    }

    /// What separates fields: IFS, or blanks and line ends.
    pub(crate) fn separators(&self) -> Rc<str> {
        let set = self.shell.variables.get("IFS").and_then(|value| value.scalar().text);
        set.unwrap_or_else(|| " \t\n".into())
    }

    /// `{1..30}` in bash.
    pub(crate) fn braces(&self, word: &Word, excerpt: &Excerpt) -> Option<Vec<Field>> {
        let written = excerpt.text().get(word.span.start..word.span.end)?;
        if self.shell.dialect.expands_braces() { range(written) } else { None }
    }

    fn positional(&self) -> Vec<Field> {
        self.shell.positional.as_ref().clone()
    }

    /// The values of an array; one unknown value if nothing seen sets it.
    pub(crate) fn array(&self, name: &str) -> Vec<Field> {
        match self.shell.variables.get(name) {
            Some(Value::Array(fields)) => fields.as_ref().clone(),
            Some(Value::Scalar(field)) => vec![field.clone()],
            None => vec![Field::unknown(&format!("${{{name}[@]}}"))],
        }
    }
}

/// A value outside quotes, split at what IFS holds.
fn split_field(field: &Field, separators: &str) -> Vec<Field> {
    match field.text() {
        Some(text) if text.contains(|c| separators.contains(c)) => text
            .split(|c| separators.contains(c))
            .filter(|word| !word.is_empty())
            .map(|word| Field::known(word).overridable(field.overridable))
            .collect(),
        Some("") => Vec::new(),
        _ => vec![field.clone()],
    }
}

/// The numbers of `{1..30}` and `{0..30..5}`.
fn range(written: &str) -> Option<Vec<Field>> {
    let bounds = written.strip_prefix('{')?.strip_suffix('}')?;
    let bounds: Vec<usize> = bounds.split("..").map(|bound| bound.parse().ok()).collect::<Option<_>>()?;
    let (first, last, step) = match bounds[..] {
        [first, last] => (first, last, 1),
        [first, last, step] => (first, last, step.max(1)),
        _ => return None,
    };
    let numbers = (first..=last).step_by(step).take(MAX_FIELDS);
    (first <= last).then(|| numbers.map(|number| Field::known(number.to_string())).collect())
}
