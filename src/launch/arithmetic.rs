//! `$((...))` and `((...))`: integers, comparison, logic, assignment.

use std::collections::BTreeMap;

use crate::shell::Node;

/// What an expression comes to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Evaluation {
    /// The value; `None` where it is not known.
    pub(crate) value: Option<i64>,
    /// What it assigns, as far as that is known.
    pub(crate) assigned: BTreeMap<String, Option<i64>>,
}

/// Works out an expression, with the values of names where they are known.
pub(crate) fn evaluate(text: &str, lookup: &dyn Fn(&str) -> Option<i64>) -> Evaluation {
    let names = assigned_names(text);
    let Some(tokens) = tokens(text) else { return Evaluation::unknown(names) };
    let mut parser =
        Parser { tokens: &tokens, at: 0, lookup, assigned: BTreeMap::new(), conditional: 0, depth: 0 };
    let value = parser.sequence();
    if parser.at < tokens.len() || (value.is_none() && parser.assigned.len() < names.len()) {
        return Evaluation::unknown(names);
    }
    Evaluation { value, assigned: parser.assigned }
}

/// The names that an expression may assign.
pub(crate) fn assigned_names(text: &str) -> Vec<String> {
    // What is no token here (`?`, `<<`) is none of the operators that assign.
    let pieces: Vec<Token> = text
        .split_inclusive(|c| !is_token(c))
        .flat_map(|piece| tokens(piece.trim_end_matches(|c| !is_token(c))).unwrap_or_default())
        .collect();
    let assigns = |at: Option<usize>| {
        let token = at.and_then(|at| pieces.get(at));
        matches!(token, Some(Token::Operator(operator)) if ASSIGNING.contains(operator) || STEPPING.contains(operator))
    };
    let names = pieces.iter().enumerate().filter_map(|(at, token)| match token {
        Token::Name(name) if assigns(Some(at + 1)) || assigns(at.checked_sub(1)) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

/// The variables that the head of `for ((i = 1; i <= 3; i++))` gives a value.
pub(super) fn counters(node: &Node, body: &[Node]) -> Vec<String> {
    let end = body.first().map_or(node.span.end, |first| first.span.start);
    assigned_names(node.excerpt.text().get(node.span.start..end).unwrap_or(""))
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || c.is_whitespace() || "_<>=!&|+-*/%(),".contains(c)
}

impl Evaluation {
    /// What is left of an expression of which parts are not known: the names that it assigns.
    pub(crate) fn of_unknown(text: &str) -> Self {
        Self::unknown(assigned_names(text))
    }

    fn unknown(names: Vec<String>) -> Self {
        Self { value: None, assigned: names.into_iter().map(|name| (name, None)).collect() }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(i64),
    Name(String),
    Operator(&'static str),
}

/// Longest first.
const OPERATORS: [&str; 25] = [
    "<=", ">=", "==", "!=", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "=", "<", ">", "+", "-",
    "*", "/", "%", "!", "(", ")", ",",
];

const ASSIGNING: [&str; 6] = ["=", "+=", "-=", "*=", "/=", "%="];
const STEPPING: [&str; 2] = ["++", "--"];

/// Binary operators by how loosely they bind, loosest first.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!="], &["<", ">", "<=", ">="], &["+", "-"], &["*", "/", "%"]];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |keep: fn(char) -> bool| rest.find(|c| !keep(c)).unwrap_or(rest.len());
        let used = if first.is_ascii_digit() {
            let end = word(|c| c.is_ascii_alphanumeric());
            tokens.push(Token::Number(rest[..end].parse().ok()?));
            end
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = word(|c| c.is_ascii_alphanumeric() || c == '_');
            tokens.push(Token::Name(rest[..end].to_owned()));
            end
        } else {
            let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator))?;
            tokens.push(Token::Operator(operator));
            operator.len()
        };
        rest = rest[used..].trim_start();
    }
    Some(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    lookup: &'a dyn Fn(&str) -> Option<i64>,
    assigned: BTreeMap<String, Option<i64>>,
    /// Above zero to the right of `&&` and `||`, which may not be reached.
    conditional: usize,
    depth: usize,
}

impl Parser<'_> {
    fn operator(&self, at: usize, among: &[&str]) -> Option<&'static str> {
        match self.tokens.get(at) {
            Some(Token::Operator(operator)) if among.contains(operator) => Some(operator),
            _ => None,
        }
    }

    fn value_of(&self, name: &str) -> Option<i64> {
        self.assigned.get(name).copied().unwrap_or_else(|| (self.lookup)(name))
    }

    fn assign(&mut self, name: &str, value: Option<i64>) {
        let value = value.filter(|_| self.conditional == 0);
        self.assigned.insert(name.to_owned(), value);
    }

    /// Expressions with commas between them; the last one counts.
    fn sequence(&mut self) -> Option<i64> {
        let mut value = self.assignment();
        while self.operator(self.at, &[","]).is_some() {
            self.at += 1;
            value = self.assignment();
        }
        value
    }

    fn assignment(&mut self) -> Option<i64> {
        let (Some(Token::Name(name)), Some(operator)) =
            (self.tokens.get(self.at), self.operator(self.at + 1, &ASSIGNING))
        else {
            return self.binary(0);
        };
        self.at += 2;
        self.depth += 1;
        let right = if self.depth > 100 { None } else { self.assignment() };
        self.depth -= 1;
        let value = match operator {
            "=" => right,
            _ => calculate(&operator[..1], self.value_of(name), right),
        };
        self.assign(name, value);
        value
    }

    /// `name++` and `++name`: the value before or after.
    fn step(&mut self, name: &str, operator: &str, after: bool) -> Option<i64> {
        let before = self.value_of(name);
        let value = before.and_then(|value| value.checked_add(if operator == "++" { 1 } else { -1 }));
        self.assign(name, value);
        if after { value } else { before }
    }

    /// Both sides are read even where one is not known: they may assign.
    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1);
        while let Some(operator) = self.operator(self.at, operators) {
            self.at += 1;
            let conditional = usize::from(matches!(operator, "&&" | "||"));
            self.conditional += conditional;
            let right = self.binary(level + 1);
            self.conditional -= conditional;
            left = calculate(operator, left, right);
        }
        left
    }

    fn unary(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > 100 {
            return None;
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let value = match token {
            Token::Number(number) => Some(number),
            Token::Name(name) => match self.operator(self.at, &STEPPING) {
                Some(operator) => {
                    self.at += 1;
                    self.step(&name, operator, false)
                }
                None => self.value_of(&name),
            },
            Token::Operator(operator) if STEPPING.contains(&operator) => {
                let Some(Token::Name(name)) = self.tokens.get(self.at) else { return None };
                self.at += 1;
                self.step(name, operator, true)
            }
            Token::Operator("!") => self.unary().map(|value| i64::from(value == 0)),
            Token::Operator("-") => self.unary().and_then(i64::checked_neg),
            Token::Operator("+") => self.unary(),
            Token::Operator("(") => {
                let value = self.sequence();
                let closed = self.tokens.get(self.at) == Some(&Token::Operator(")"));
                self.at += 1;
                value.filter(|_| closed)
            }
            Token::Operator(_) => None,
        };
        self.depth -= 1;
        value
    }
}

fn calculate(operator: &str, left: Option<i64>, right: Option<i64>) -> Option<i64> {
    match (operator, left, right) {
        ("||", Some(known), _) | ("||", _, Some(known)) if known != 0 => return Some(1),
        ("&&", Some(0), _) | ("&&", _, Some(0)) => return Some(0),
        _ => {}
    }
    let (left, right) = (left?, right?);
    match operator {
        "||" => Some(0),
        "&&" => Some(1),
        "==" => Some(i64::from(left == right)),
        "!=" => Some(i64::from(left != right)),
        "<" => Some(i64::from(left < right)),
        ">" => Some(i64::from(left > right)),
        "<=" => Some(i64::from(left <= right)),
        ">=" => Some(i64::from(left >= right)),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => left.checked_rem(right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_worked_out() {
        let lookup = |name: &str| (name == "x").then_some(4);
        for (text, expected) in [
            ("1 + 2 * 3", Some(7)),
            ("(1 + 2) * 3", Some(9)),
            ("x == 4 && !0", Some(1)),
            ("y", None),
            ("y && 0", Some(0)),
            ("1 / 0", None),
            ("-3 < 2", Some(1)),
            ("1 +", None),
            ("i++", None),
            ("x++ + x", Some(9)),
            ("++x", Some(5)),
            ("y = 2, y * x", Some(8)),
            ("x <<= 1", None),
        ] {
            assert_eq!(evaluate(text, &lookup).value, expected, "{text}");
        }
    }

    #[test]
    fn assignments_are_kept() {
        let lookup = |name: &str| (name == "x").then_some(4);
        for (text, expected) in [
            ("x++", &[("x", Some(5))][..]),
            ("x -= 3", &[("x", Some(1))]),
            ("i = x * 2, j = i", &[("i", Some(8)), ("j", Some(8))]),
            ("i++", &[("i", None)]),
            ("x == 4", &[]),
            ("x != 4 || x <= 1", &[]),
            // Whether it comes to that depends on the left side.
            ("y && x++", &[("x", None)]),
            // What cannot be read may still assign.
            ("y ? x++ : (z = 1)", &[("x", None), ("z", None)]),
        ] {
            let expected: BTreeMap<String, Option<i64>> =
                expected.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
            assert_eq!(evaluate(text, &lookup).assigned, expected, "{text}");
        }
    }
}
