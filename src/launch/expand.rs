//! Words to fields, as far as the values are known.

use std::rc::Rc;
use std::sync::Arc;

use super::arithmetic::Evaluation;
use super::environment::Environment;
use super::field::{Field, UNKNOWN, Value};
use super::pattern::{self, Pattern};
use super::shell::Shell;
use super::world::{Pid, World};
use crate::shell::{Command, List, Node, NodeKind, Operation, Parameter, Part, Word};
use crate::source::{Encoding, Excerpt, Span, base_name};

/// Reads variables and expands words for one shell.
pub(crate) struct Expander<'a> {
    pub(crate) world: &'a World,
    pub(crate) shell: &'a Shell,
    pub(crate) pid: Pid,
    pub(crate) environment: &'a Environment<'a>,
}

/// Fields nested deeper than this are unknown (`${a:-${b:-...}}`).
pub(crate) const MAX_DEPTH: usize = 20;
/// So many bytes of values in one word, and so many fields of one command, are worked out: doubled again and again they fill any memory.
const MAX_VALUES: usize = 16 * 1024;
pub(crate) const MAX_FIELDS: usize = 1_000;

/// One piece of a field under construction.
struct Piece {
    text: Option<String>,
    /// What is known of the text, where not all of it is.
    sketch: Option<Rc<str>>,
    quoted: bool,
    overridable: bool,
}

impl Piece {
    /// What stands in the script, perhaps with something in it that is filled in before it runs.
    fn written(text: &str, quoted: bool) -> Self {
        let is_known = !text.contains(UNKNOWN);
        let sketch = (!is_known).then(|| text.into());
        Self { text: is_known.then(|| text.to_owned()), quoted, overridable: false, sketch }
    }

    /// The text, with a mark where it is not known.
    fn sketch(&self) -> &str {
        self.text.as_deref().or(self.sketch.as_deref()).unwrap_or(UNKNOWN)
    }
}

impl Expander<'_> {
    /// The fields of several words.
    pub(crate) fn fields(&self, words: &[Word], excerpt: &Arc<Excerpt>) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for word in words {
            fields.extend(self.word(word, excerpt));
            if fields.len() > MAX_FIELDS {
                fields.truncate(MAX_FIELDS);
                fields.push(Field::rest("..."));
                break;
            }
        }
        fields
    }

    /// The fields of one word: none, one or several.
    pub(crate) fn word(&self, word: &Word, excerpt: &Arc<Excerpt>) -> Vec<Field> {
        if let Some(part) = word.only_part()
            && let Some(fields) = self.list(part, 0)
        {
            return fields;
        }
        if let Some(fields) = self.around_list(word).or_else(|| self.braces(word, excerpt)) {
            return fields;
        }
        let place = excerpt.place(word.span);
        let written = match excerpt.text().get(word.span.start..word.span.end).unwrap_or("") {
            // What stands in the file where something is filled in.
            filled if filled.contains(UNKNOWN) && excerpt.encoding() != Encoding::Derived => place.text(),
            written => written,
        };
        if let Some(text) = word.literal().filter(|text| !text.contains(UNKNOWN)) {
            let mut field = Field::known(text);
            field.excerpt = self.as_written(word, excerpt, &field);
            field.written = Some(written.into());
            return vec![field];
        }
        let pieces = self.pieces(&word.parts, 0);
        if let Some(Part::Parameter(parameter, _)) = word.only_part()
            && matches!(parameter.operation, Operation::Plain)
            && parameter.index.is_none()
        {
            let field = self.variable(&parameter.name);
            if field.unset {
                return vec![Field { written: Some(written.into()), ..field }];
            }
        }
        let unquoted_unknown = pieces.iter().any(|piece| piece.text.is_none() && !piece.quoted);
        let overridable = pieces.iter().any(|piece| piece.overridable);
        if unquoted_unknown || pieces.iter().any(|piece| piece.text.is_none()) {
            let mut field = Field::unknown(written).overridable(overridable);
            field.sketch = Some(pieces.iter().map(Piece::sketch).collect::<String>().into());
            return if unquoted_unknown && pieces.len() == 1 { split_sketch(field) } else { vec![field] };
        }
        split(&pieces, &self.separators())
            .into_iter()
            .map(|text| Field::known(text).overridable(overridable))
            .collect()
    }

    /// The word as one string, without field splitting; `None` where it is not known.
    pub(crate) fn string(&self, word: &Word) -> Field {
        let pieces = self.pieces(&word.parts, 0);
        let overridable = pieces.iter().any(|piece| piece.overridable);
        let sketch: String = pieces.iter().map(Piece::sketch).collect();
        let text: Option<String> = pieces.into_iter().map(|piece| piece.text).collect();
        match text {
            Some(text) => Field::known(text).overridable(overridable),
            None => Field { sketch: Some(sketch.into()), ..Field::default() }.overridable(overridable),
        }
    }

    /// The word as a pattern: what is quoted matches itself.
    pub(crate) fn pattern(&self, word: &Word) -> Option<Pattern> {
        let mut pattern = Pattern::default();
        for piece in self.pieces(&word.parts, 0) {
            pattern.push(&piece.text?, piece.quoted);
        }
        Some(pattern)
    }

    /// The excerpt that holds exactly this field's text, if the word is one quoted or plain piece.
    fn as_written(&self, word: &Word, excerpt: &Arc<Excerpt>, field: &Field) -> Option<Arc<Excerpt>> {
        let text = field.text()?;
        let written = excerpt.text().get(word.span.start..word.span.end)?;
        let inset = usize::from(written.starts_with(['\'', '"']));
        let inner = Span::new(word.span.start + inset, word.span.end.checked_sub(inset)?);
        let same = excerpt.text().get(inner.start..inner.end)? == text;
        same.then(|| Arc::new(excerpt.sub(inner)))
    }

    /// The text of several parts together, if all of it is known.
    pub(crate) fn text_of(&self, parts: &[Part]) -> Option<String> {
        self.pieces(parts, 0).into_iter().map(|piece| piece.text).collect()
    }

    fn pieces(&self, parts: &[Part], depth: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut length = 0;
        for part in parts {
            let mut piece = match part {
                Part::Literal(text) => Piece::written(text, false),
                Part::Quoted(text) => Piece::written(text, true),
                Part::Parameter(parameter, quoted) => {
                    let field = self.parameter(parameter, depth);
                    Piece {
                        text: field.text().map(str::to_owned),
                        quoted: *quoted,
                        overridable: field.overridable,
                        sketch: field.sketch,
                    }
                }
                Part::Substitution(list, quoted) => {
                    Piece { text: self.substitution(list), quoted: *quoted, overridable: false, sketch: None }
                }
                Part::Arithmetic(word, quoted) => {
                    let text = self.arithmetic(word).value.map(|value| value.to_string());
                    Piece { text, quoted: *quoted, overridable: false, sketch: None }
                }
                Part::ProcessSubstitution(_) => Piece {
                    text: Some("/dev/fd/63".to_owned()),
                    quoted: true,
                    overridable: false,
                    sketch: None,
                },
                Part::Opaque => Piece { text: None, quoted: true, overridable: false, sketch: None },
            };
            if !matches!(part, Part::Literal(_) | Part::Quoted(_)) {
                length += piece.sketch().len();
                if length > MAX_VALUES {
                    piece = Piece { text: None, sketch: None, ..piece };
                }
            }
            pieces.push(piece);
        }
        pieces
    }

    /// True if one of these words needs the value of something that is surely not set.
    pub(crate) fn lacks_any(&self, words: &[&Word]) -> bool {
        words.iter().flat_map(|word| &word.parts).any(|part| match part {
            Part::Parameter(Parameter { name, index: None, operation: Operation::Plain }, _) => {
                self.lacks(name)
            }
            _ => false,
        })
    }

    fn lacks(&self, name: &str) -> bool {
        if let Ok(number) = name.parse::<usize>() {
            let given = self.shell.positional.len();
            return self.shell.positional_is_known() && !self.shell.arguments_overridable && number > given;
        }
        match name {
            "!" => self.shell.last_background.is_none(),
            "?" | "$" | "#" | "@" | "*" | "-" => false,
            _ => {
                let is_set = self.shell.variables.contains_key(name) || self.environment.image.sets(name);
                !is_set && self.named(name).text() == Some("")
            }
        }
    }

    /// The value of a variable or special parameter.
    pub(crate) fn variable(&self, name: &str) -> Field {
        let shell = self.shell;
        match name {
            "?" => match shell.status.value {
                Some(status) => Field::known(status.to_string()).overridable(shell.status.overridable),
                None => Field::unknown("$?"),
            },
            "$" => Field::known(shell.dollar.to_string()),
            "!" => {
                shell.last_background.map_or_else(|| Field::known(""), |pid| Field::known(pid.to_string()))
            }
            "#" => {
                if shell.positional_is_known() {
                    let overridable =
                        shell.positional.iter().any(|field| field.overridable) || shell.arguments_overridable;
                    Field::known(shell.positional.len().to_string()).overridable(overridable)
                } else {
                    Field::unknown("$#")
                }
            }
            "@" | "*" => join(&shell.positional),
            "0" => shell.zero.clone(),
            "-" => Field::unknown("$-"),
            "BASHPID" => Field::known(self.pid.to_string()),
            "PPID" => Field::known(self.world.process(self.pid).map_or(0, |p| p.parent).to_string()),
            _ => match name.parse::<usize>() {
                Ok(number) => match shell.positional.get(number.saturating_sub(1)) {
                    Some(field) => field.clone(),
                    None if shell.positional_is_known() => {
                        Field::known("").overridable(shell.arguments_overridable)
                    }
                    None => Field::unknown(&format!("${number}")),
                },
                Err(_) => self.named(name),
            },
        }
    }

    fn named(&self, name: &str) -> Field {
        if let Some(value) = self.shell.variables.get(name) {
            return value.scalar();
        }
        if matches!(name, "BASH_SOURCE") {
            return self.shell.source().clone();
        }
        match self.environment.image.env.get(name) {
            Some(value) => Field::known(value.as_str()).overridable(true),
            // By custom the environment's names have no small letters; what no script sets can come from nowhere else, though.
            None if self.environment.image.unknown_env.contains(name) => Field::unknown(&format!("${name}")),
            None if name.contains(|c: char| c.is_ascii_lowercase()) && !self.shell.reads_unknown => {
                Field::known("").overridable(!self.environment.scripts().sets(name))
            }
            None => Field { unset: true, ..Field::unknown(&format!("${name}")) },
        }
    }

    pub(crate) fn parameter(&self, parameter: &Parameter, depth: usize) -> Field {
        if depth > MAX_DEPTH {
            return Field::default();
        }
        let value = match parameter.index.as_deref() {
            Some("@" | "*") => join(&self.array(&parameter.name)),
            Some(index) => match (self.shell.variables.get(&parameter.name), index.parse::<i64>()) {
                (Some(Value::Array(fields)), Ok(index)) => {
                    // A negative index counts from the end.
                    let at = if index < 0 { index + i64::try_from(fields.len()).unwrap_or(0) } else { index };
                    let field = usize::try_from(at).ok().and_then(|at| fields.get(at));
                    // What is not known may be more than one word.
                    let is_known = fields.iter().all(|field| field.text().is_some());
                    let beyond = || if is_known { Field::known("") } else { Field::default() };
                    field.cloned().unwrap_or_else(beyond)
                }
                (Some(Value::Scalar(field)), Ok(0)) => field.clone(),
                (None, Ok(0)) if parameter.name == "BASH_SOURCE" => self.shell.source().clone(),
                _ => Field::default(),
            },
            None => self.variable(&parameter.name),
        };
        match &parameter.operation {
            Operation::Plain => value,
            Operation::Indirect => match value.text() {
                Some(name) if !name.is_empty() => self.variable(name),
                _ => Field::default(),
            },
            Operation::Length => match parameter.index.as_deref() {
                Some("@" | "*") => match self.shell.variables.get(&parameter.name) {
                    Some(Value::Array(fields)) if !matches!(&fields[..], [Field { text: None, .. }]) => {
                        Field::known(fields.len().to_string())
                    }
                    _ => Field::default(),
                },
                _ if parameter.is_arguments() => self.variable("#"),
                _ => match value.text() {
                    Some(text) => {
                        Field::known(text.chars().count().to_string()).overridable(value.overridable)
                    }
                    None => value,
                },
            },
            // `ARGS="${@:2}"`
            Operation::Operator(operator, operand) if operator == ":" && parameter.is_list() => {
                let values =
                    self.values(parameter, false).and_then(|all| self.slice(parameter, all, operand));
                values.map_or_else(Field::default, |values| join(&values)).overridable(value.overridable)
            }
            Operation::Operator(operator, operand) => self.operator(value, operator, operand, depth),
        }
    }

    /// What `${NAME:=word}` sets; `None` if the variable has a value, or may have one.
    pub(crate) fn assigned_default(&self, parameter: &Parameter) -> Option<Field> {
        let is_empty = self.variable(&parameter.name).text() == Some("");
        is_empty.then(|| self.parameter(parameter, 0))
    }

    pub(crate) fn operator(&self, value: Field, operator: &str, operand: &Word, depth: usize) -> Field {
        let operand_value = || {
            let pieces = self.pieces(&operand.parts, depth + 1);
            let overridable = pieces.iter().any(|piece| piece.overridable);
            let text: Option<String> = pieces.into_iter().map(|piece| piece.text).collect();
            match text {
                Some(text) => Field::known(text).overridable(overridable),
                None => Field::default(),
            }
        };
        let Some(text) = value.text() else {
            // Not known whether it is set: neither is the result. What is cut out of it need not begin as it does.
            let is_whole = matches!(operator.trim_start_matches(':'), "-" | "=" | "?" | "+");
            return if is_whole { value } else { Field { sketch: None, ..value } };
        };
        let overridable = value.overridable;
        let result = match operator {
            ":-" | "-" | ":=" | "=" if text.is_empty() => return operand_value().overridable(overridable),
            ":-" | "-" | ":=" | "=" | ":?" | "?" => return value,
            ":+" | "+" if text.is_empty() => Some(String::new()),
            ":+" | "+" => return operand_value().overridable(overridable),
            "#" | "##" | "%" | "%%" => self
                .pattern(operand)
                .map(|pattern| pattern::trim(text, &pattern, operator.starts_with('#'), operator.len() == 2)),
            "/" | "//" => self.replaced(text, operand, operator == "//"),
            "^^" => Some(text.to_uppercase()),
            ",," => Some(text.to_lowercase()),
            ":" => substring(text, operand_value().text()),
            _ => None,
        };
        match result {
            Some(result) => Field::known(result).overridable(overridable),
            None => Field::default().overridable(overridable),
        }
    }

    /// `${text//from/to}`, where both are written out and `from` is no pattern.
    fn replaced(&self, text: &str, operand: &Word, all: bool) -> Option<String> {
        let operand = operand.literal()?;
        let (from, to) = operand.split_once('/').unwrap_or((&operand, ""));
        let is_plain = |text: &str| !text.contains(['*', '?', '[', '\\', '&']);
        let is_known = !from.is_empty() && !from.starts_with(['#', '%']) && is_plain(from) && is_plain(to);
        is_known.then(|| if all { text.replace(from, to) } else { text.replacen(from, to, 1) })
    }

    /// The words that a pipeline writes.
    pub(super) fn output(&self, stages: &[Node]) -> Vec<Field> {
        let text = match stages {
            [_] => self.substitution(&Arc::from(stages)),
            _ => self.listed(stages),
        };
        Field::words(text.as_deref())
    }

    /// The output of a command substitution, where it is one of the few that the model follows.
    fn substitution(&self, list: &List) -> Option<String> {
        let [node] = list.as_ref() else { return self.directory_after(list) };
        let command = match &node.kind {
            NodeKind::Command(command) if command.words.is_empty() => return self.read_by_bash(command),
            NodeKind::Command(command) => command,
            NodeKind::Pipeline(stages) => return self.listed(stages),
            _ => return self.directory_after(list),
        };
        let fields = self.fields(&command.words, &node.excerpt);
        let words: Vec<&str> = fields.iter().map(Field::text).collect::<Option<_>>()?;
        match words.as_slice() {
            ["jobs", "-p" | "-pr"] => {
                if !self.shell.dialect.lists_jobs_in_substitution() {
                    return Some(String::new());
                }
                let jobs = self.shell.jobs.iter().filter(|&&pid| self.lists_job(pid));
                Some(jobs.map(Pid::to_string).collect::<Vec<_>>().join("\n"))
            }
            ["pidof" | "pgrep", arguments @ ..] => {
                let found: Vec<String> =
                    self.world.looked_for(arguments).map(|pid| pid.to_string()).collect();
                (!found.is_empty()).then(|| found.join("\n"))
            }
            ["echo", rest @ ..] if !rest.first().is_some_and(|first| first.starts_with('-')) => {
                Some(rest.join(" ").trim_end_matches('\n').to_owned())
            }
            ["printf", "%s\\n" | "%d\\n", rest @ ..] => Some(rest.join("\n")),
            ["printf", "%s" | "%d", word] => Some((*word).to_owned()),
            ["cat", path] => self.noted(path),
            ["seq", bounds @ ..] => sequence(bounds),
            ["basename", path] => Some(base_name(path).to_owned()),
            ["pwd", ..] => Some(self.shell.directory.as_deref()?.to_owned()),
            ["realpath", path] | ["readlink", "-f", path] => self.absolute(path),
            ["dirname", path] | ["dirname", "--", path] => match path.rsplit_once('/') {
                Some(("", _)) => Some("/".to_owned()),
                Some((folder, _)) => Some(folder.to_owned()),
                None => Some(".".to_owned()),
            },
            _ => None,
        }
    }

    /// `$(< file)`: the others write nothing.
    fn read_by_bash(&self, command: &Command) -> Option<String> {
        let [redirect] = command.redirects.as_slice() else { return None };
        if redirect.operator != "<" || !command.assignments.is_empty() {
            return None;
        }
        match self.shell.dialect.is_bash() {
            true => self.noted(self.string(redirect.target.as_ref()?).text()?),
            false => Some(String::new()),
        }
    }

    /// `$(cd folder && pwd)`: the folder as an absolute path.
    fn directory_after(&self, list: &List) -> Option<String> {
        let [cd, pwd] = match list.as_ref() {
            [node] => match &node.kind {
                NodeKind::And(cd, pwd) => [&**cd, &**pwd],
                _ => return None,
            },
            [cd, pwd] => [cd, pwd],
            _ => return None,
        };
        let (cd, pwd) = (self.simple_words(cd)?, self.simple_words(pwd)?);
        let folder = cd.strip_prefix(&["cd".to_owned()])?.iter().find(|word| !word.starts_with('-'))?;
        if pwd.first()? == "pwd" { self.absolute(folder) } else { None }
    }

    /// The words of a simple command, if all of them are known.
    pub(super) fn simple_words(&self, node: &Node) -> Option<Vec<String>> {
        match &node.kind {
            NodeKind::Redirected(inner, _) => self.simple_words(inner),
            NodeKind::Command(command) => {
                let fields = self.fields(&command.words, &node.excerpt);
                fields.iter().map(|field| field.text().map(str::to_owned)).collect()
            }
            _ => None,
        }
    }

    pub(super) fn absolute(&self, path: &str) -> Option<String> {
        let absolute = match path.starts_with('/') {
            true => crate::dockerfile::join("/", path),
            false => crate::dockerfile::join(self.shell.directory.as_deref()?, path),
        };
        (!absolute.contains(UNKNOWN)).then_some(absolute)
    }

    /// Bash forgets a job that has ended once it is asked; ash lists it on.
    fn lists_job(&self, pid: Pid) -> bool {
        self.world.alive(pid) || self.shell.dialect.keeps_dead_jobs()
    }

    /// The value of an arithmetic expression.
    pub(crate) fn arithmetic(&self, word: &Word) -> Evaluation {
        match self.string(word).text() {
            Some(text) => self.calculate(text),
            None => Evaluation::of_unknown(&outline(word)),
        }
    }

    /// Works out the text of an expression.
    pub(crate) fn calculate(&self, text: &str) -> Evaluation {
        let lookup = |name: &str| match self.shell.variables.get(name) {
            Some(value) => value.scalar().text()?.trim().parse().ok(),
            None => None,
        };
        super::arithmetic::evaluate(text, &lookup)
    }
}

/// An expression's text, with a number for whatever is expanded in it.
pub(super) fn outline(word: &Word) -> String {
    let text = word.parts.iter().map(|part| match part {
        Part::Literal(text) | Part::Quoted(text) => text.as_str(),
        _ => "0",
    });
    text.collect()
}

fn join(fields: &[Field]) -> Field {
    let overridable = fields.iter().any(|field| field.overridable);
    let words: Option<Vec<&str>> = fields.iter().map(Field::text).collect();
    match words {
        Some(words) => Field::known(words.join(" ")).overridable(overridable),
        None => Field::default().overridable(overridable),
    }
}

fn substring(text: &str, bounds: Option<&str>) -> Option<String> {
    let mut bounds = bounds?.split(':').map(|bound| bound.trim().parse::<usize>());
    let start = bounds.next()?.ok()?;
    let rest = text.chars().skip(start);
    match bounds.next() {
        None => Some(rest.collect()),
        Some(length) => Some(rest.take(length.ok()?).collect()),
    }
}

/// `$command` where only arguments of the command are not known: its words, as far as they are.
fn split_sketch(field: Field) -> Vec<Field> {
    let Some(sketch) = field.sketch() else { return vec![field] };
    let word = |word: &str| {
        if !word.contains(UNKNOWN) {
            return Field::known(word).overridable(field.overridable);
        }
        let shown = word.replace(UNKNOWN, "...");
        Field { sketch: Some(word.into()), ..Field::unknown(&shown) }.overridable(field.overridable)
    };
    sketch.split_ascii_whitespace().map(word).collect()
}

/// `seq 10`, `seq 1 10`, `seq 1 2 10`.
fn sequence(bounds: &[&str]) -> Option<String> {
    let bounds: Vec<usize> = bounds.iter().map(|bound| bound.parse().ok()).collect::<Option<_>>()?;
    let (first, step, last) = match bounds[..] {
        [last] => (1, 1, last),
        [first, last] => (first, 1, last),
        [first, step, last] => (first, step, last),
        _ => return None,
    };
    let numbers: Vec<String> =
        (first..=last).step_by(step.max(1)).take(MAX_FIELDS).map(|number| number.to_string()).collect();
    Some(numbers.join("\n"))
}

/// Field splitting outside quotes.
fn split(pieces: &[Piece], separators: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut current: Option<String> = None;
    for piece in pieces {
        let text = piece.text.as_deref().unwrap_or("");
        if piece.quoted {
            current.get_or_insert_default().push_str(text);
            continue;
        }
        for c in text.chars() {
            if separators.contains(c) {
                fields.extend(current.take());
            } else {
                current.get_or_insert_default().push(c);
            }
        }
    }
    fields.extend(current);
    fields
}
