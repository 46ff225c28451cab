//! `test`, `[ ]` and `[[ ]]`.

use super::expand::Expander;
use super::field::Field;
use super::shell::Status;
use crate::project::Found;
use crate::shell::Word;

/// An empty file that Docker puts into every container: scripts ask for it to tell a container from the host.
const DOCKER_MARK: &str = "/.dockerenv";

/// Whether a condition holds; `None` where that is not known.
#[derive(Debug, Clone, Copy)]
struct Truth {
    value: Option<bool>,
    overridable: bool,
}

impl Truth {
    const UNKNOWN: Truth = Truth { value: None, overridable: false };

    fn not(self) -> Self {
        Truth { value: self.value.map(|value| !value), ..self }
    }

    fn and(self, other: Truth) -> Self {
        let overridable = self.overridable || other.overridable;
        let value = match (self.value, other.value) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        Truth { value, overridable }
    }

    fn or(self, other: Truth) -> Self {
        self.not().and(other.not()).not()
    }
}

impl From<Truth> for Status {
    fn from(truth: Truth) -> Self {
        Status { value: truth.value.map(|value| i32::from(!value)), overridable: truth.overridable }
    }
}

/// `[[ ... ]]`: the words between the brackets.
pub(crate) fn double_bracket(expander: &Expander<'_>, words: &[Word]) -> Status {
    let mut parser = Parser { expander, operands: Operands::Words(words), at: 0, double: true };
    parser.whole().into()
}

/// `test ...` and `[ ... ]`: the expanded arguments without the name and the closing bracket.
pub(crate) fn test(expander: &Expander<'_>, arguments: &[Field]) -> Status {
    let mut parser = Parser { expander, operands: Operands::Fields(arguments), at: 0, double: false };
    match parser.by_count(arguments) {
        Some(truth) => truth.into(),
        None => parser.whole().into(),
    }
}

enum Operands<'a> {
    Words(&'a [Word]),
    Fields(&'a [Field]),
}

struct Parser<'a> {
    expander: &'a Expander<'a>,
    operands: Operands<'a>,
    at: usize,
    double: bool,
}

impl Parser<'_> {
    fn len(&self) -> usize {
        match &self.operands {
            Operands::Words(words) => words.len(),
            Operands::Fields(fields) => fields.len(),
        }
    }

    fn field(&self, index: usize) -> Option<Field> {
        match &self.operands {
            Operands::Words(words) => words.get(index).map(|word| self.expander.string(word)),
            Operands::Fields(fields) => fields.get(index).cloned(),
        }
    }

    /// The operator at an index: only what is written as such.
    fn operator(&self, index: usize) -> Option<String> {
        match &self.operands {
            Operands::Words(words) => words.get(index).filter(|word| word.is_bare()).and_then(Word::literal),
            Operands::Fields(fields) => fields.get(index).and_then(|field| field.text().map(str::to_owned)),
        }
    }

    /// POSIX settles one to three arguments by their number, so that `[ "$x" ]` works for every value.
    fn by_count(&self, arguments: &[Field]) -> Option<Truth> {
        let text = |index: usize| arguments.get(index).and_then(|field: &Field| field.text());
        match arguments.len() {
            0 => Some(Truth { value: Some(false), overridable: false }),
            1 => Some(non_empty(&arguments[0])),
            2 if text(0) == Some("!") => Some(non_empty(&arguments[1]).not()),
            2 => Some(self.unary(text(0)?, &arguments[1])),
            3 if is_binary(text(1).unwrap_or("")) => {
                Some(self.binary(&arguments[0], text(1)?, &arguments[2], None))
            }
            _ => None,
        }
    }

    fn whole(&mut self) -> Truth {
        let truth = self.or(0);
        if self.at == self.len() { truth } else { Truth::UNKNOWN }
    }

    fn or(&mut self, depth: usize) -> Truth {
        let mut left = self.and(depth);
        while matches!(self.operator(self.at).as_deref(), Some("||" | "-o")) {
            self.at += 1;
            left = left.or(self.and(depth));
        }
        left
    }

    fn and(&mut self, depth: usize) -> Truth {
        let mut left = self.primary(depth);
        while matches!(self.operator(self.at).as_deref(), Some("&&" | "-a")) {
            self.at += 1;
            left = left.and(self.primary(depth));
        }
        left
    }

    fn primary(&mut self, depth: usize) -> Truth {
        if depth > 50 {
            self.at = self.len();
            return Truth::UNKNOWN;
        }
        let first = self.operator(self.at);
        match first.as_deref() {
            Some("!") => {
                self.at += 1;
                return self.primary(depth + 1).not();
            }
            Some("(" | "\\(") => {
                self.at += 1;
                let inner = self.or(depth + 1);
                self.at += 1;
                return inner;
            }
            _ => {}
        }
        let Some(left) = self.field(self.at) else { return Truth::UNKNOWN };
        if let Some(operator) = self.operator(self.at + 1)
            && is_binary(&operator)
            && let Some(right) = self.field(self.at + 2)
        {
            let pattern = match &self.operands {
                Operands::Words(words) => self.expander.pattern(&words[self.at + 2]),
                Operands::Fields(_) => None,
            };
            self.at += 3;
            return self.binary(&left, &operator, &right, pattern);
        }
        if let Some(operator) = first
            && operator.len() == 2
            && operator.starts_with('-')
            && let Some(operand) = self.field(self.at + 1)
        {
            self.at += 2;
            return self.unary(&operator, &operand);
        }
        self.at += 1;
        non_empty(&left)
    }

    fn unary(&self, operator: &str, operand: &Field) -> Truth {
        match operator {
            "-n" => non_empty(operand),
            "-z" => non_empty(operand).not(),
            // `-d /proc/$pid` asks whether a process lives.
            "-d" | "-e" | "-f" | "-r" | "-s" | "-x" => {
                let path = operand.text().unwrap_or("");
                let pid = path.strip_prefix("/proc/").and_then(|rest| rest.split('/').next()?.parse().ok());
                match pid {
                    Some(pid) => Truth { value: Some(self.expander.world.alive(pid)), overridable: false },
                    None => self.file(operator, path),
                }
            }
            // Standard input, output and error of a container are no terminal by default, but often are.
            _ => Truth::UNKNOWN,
        }
    }

    /// What the build puts there is there, unless a mount hides it.
    fn file(&self, operator: &str, path: &str) -> Truth {
        let environment = self.expander.environment;
        let absolute = self.expander.absolute(path).unwrap_or_default();
        if absolute == DOCKER_MARK && !environment.image.runtime.in_pod {
            return Truth { value: Some(!matches!(operator, "-d" | "-s")), overridable: false };
        }
        let file = match environment.find(&absolute) {
            Found::File(file) if operator != "-d" => file,
            Found::Unknown if environment.lacks(&absolute) => {
                return Truth { value: Some(false), overridable: false };
            }
            _ => return Truth::UNKNOWN,
        };
        let value = if operator == "-x" { file.executable } else { Some(true) };
        Truth { value, overridable: !environment.has_listed(&absolute) }
    }

    fn binary(
        &self,
        left: &Field,
        operator: &str,
        right: &Field,
        pattern: Option<super::pattern::Pattern>,
    ) -> Truth {
        let overridable = left.overridable || right.overridable;
        let number = |field: &Field| field.text().and_then(|text| text.trim().parse::<i64>().ok());
        let value = match operator {
            "=" | "==" | "!=" => {
                let equal = match (left.text(), right.text(), pattern) {
                    (Some(left), _, Some(pattern)) if self.double => Some(pattern.matches(left)),
                    (Some(left), Some(right), _) => Some(left == right),
                    _ => None,
                };
                equal.map(|equal| equal != (operator == "!="))
            }
            "=~" => match (left.text(), right.text()) {
                (Some(left), Some(right)) => plain_regex(left, right),
                _ => None,
            },
            "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => match (number(left), number(right)) {
                (Some(left), Some(right)) => Some(match operator {
                    "-eq" => left == right,
                    "-ne" => left != right,
                    "-lt" => left < right,
                    "-le" => left <= right,
                    "-gt" => left > right,
                    _ => left >= right,
                }),
                _ => None,
            },
            _ => None,
        };
        Truth { value, overridable }
    }
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "=="
            | "!="
            | "=~"
            | "<"
            | ">"
            | "-eq"
            | "-ne"
            | "-lt"
            | "-le"
            | "-gt"
            | "-ge"
            | "-nt"
            | "-ot"
            | "-ef"
    )
}

/// `=~` with an expression of plain words and `|`, with or without `^` and `$`. Others are not evaluated.
fn plain_regex(text: &str, expression: &str) -> Option<bool> {
    let inner = expression.strip_prefix('^').unwrap_or(expression);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    let grouped = inner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let anchored = expression.starts_with('^') || expression.ends_with('$');
    // `^a|b$` anchors one alternative each.
    if anchored && inner.contains('|') && grouped.is_none() {
        return None;
    }
    let inner = grouped.unwrap_or(inner);
    if inner.contains(['.', '*', '+', '?', '[', ']', '(', ')', '{', '}', '^', '$', '\\']) {
        return None;
    }
    Some(inner.split('|').any(|word| match (expression.starts_with('^'), expression.ends_with('$')) {
        (true, true) => text == word,
        (true, false) => text.starts_with(word),
        (false, true) => text.ends_with(word),
        (false, false) => text.contains(word),
    }))
}

fn non_empty(field: &Field) -> Truth {
    Truth { value: field.text().map(|text| !text.is_empty()), overridable: field.overridable }
}
