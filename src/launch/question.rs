//! What a test asks, in a form in which the same question is known again.

use std::rc::Rc;

use super::claims::{Claim, Known, Subject};
use crate::shell::{Node, NodeKind, Operation, Parameter, Part, Word};
use crate::source::Excerpt;

/// Operators that look at a file. Others look at what changes by itself (`-S`, `-nt`).
const FILE_TESTS: [&str; 9] = ["-f", "-e", "-d", "-r", "-w", "-x", "-L", "-h", "-s"];
/// Operators that compare words, each with the one that says the opposite.
const COMPARISONS: [(&str, &str); 5] =
    [("=", "!="), ("==", "!="), ("-eq", "-ne"), ("-gt", "-le"), ("-lt", "-ge")];
/// Commands that answer the same each time.
const STEADY_COMMANDS: [&str; 4] = ["id", "whoami", "uname", "hostname"];

/// Where a question is asked: in which text, and how many functions with arguments of their own deep.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) excerpt: &'a Excerpt,
    pub(super) depth: usize,
}

/// What a test claims; all of it together. Nothing where it looks at what may change unseen.
pub(super) fn claims_of(test: &Node, depth: usize) -> Vec<Known> {
    let asked = Asked { excerpt: &test.excerpt, depth };
    match &test.kind {
        NodeKind::And(left, right) => {
            let (mut left, right) = (claims_of(left, depth), claims_of(right, depth));
            if left.is_empty() || right.is_empty() {
                return Vec::new();
            }
            left.extend(right);
            left
        }
        NodeKind::Not(inner) => match claims_of(inner, depth).as_slice() {
            [(claim, holds)] => vec![(claim.clone(), !holds)],
            _ => Vec::new(),
        },
        NodeKind::Redirected(inner, _) => claims_of(inner, depth),
        NodeKind::Test(words) => asked.claim(words).into_iter().collect(),
        NodeKind::Command(command) if test.is_command(&["[", "test"]) => {
            let words = &command.words[1..];
            let is_closed = words.last().and_then(Word::literal).is_some_and(|last| last == "]");
            asked.claim(&words[..words.len() - usize::from(is_closed)]).into_iter().collect()
        }
        // `command -v tool`
        NodeKind::Command(command) if test.is_command(&["command", "type", "which", "hash"]) => {
            let tool = command.words.last().filter(|_| command.words.len() > 1);
            tool.and_then(|tool| asked.written("command", &[tool], Some(tool))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

impl Asked<'_> {
    fn claim(self, words: &[Word]) -> Option<Known> {
        let of = |word: &Word, value| Some(Claim { subject: self.variable(word)?, value });
        match words {
            [not, rest @ ..] if !rest.is_empty() && not.literal().as_deref() == Some("!") => {
                let (claim, holds) = self.claim(rest)?;
                Some((claim, !holds))
            }
            [word] => Some((of(word, None)?, true)),
            [operator, word] => match operator.literal()?.as_str() {
                "-n" => Some((of(word, None)?, true)),
                "-z" => Some((of(word, None)?, false)),
                test if FILE_TESTS.contains(&test) => self.written(test, &[word], Some(word)),
                _ => None,
            },
            [word, operator, value] => {
                let operator = operator.literal()?;
                if let Some(known) = self.compared(word, &operator, value) {
                    return Some(known);
                }
                let opposite = COMPARISONS.iter().find(|(_, other)| *other == operator);
                let same = COMPARISONS.iter().find(|(own, _)| *own == operator);
                let own = opposite.or(same).map_or("=~", |(own, _)| own);
                let is_known = opposite.or(same).is_some() || operator == "=~";
                let (claim, _) = self.written(own, &[word, value], None).filter(|_| is_known)?;
                Some((claim, opposite.is_none()))
            }
            _ => None,
        }
    }

    /// `"$MODE" = worker`
    fn compared(self, word: &Word, operator: &str, value: &Word) -> Option<Known> {
        let equal = match operator {
            "=" | "==" => true,
            "!=" => false,
            _ => return None,
        };
        let value = plain(value)?;
        // `[ "$X" = "" ]`
        let (value, equal) = if value.is_empty() { (None, !equal) } else { (Some(value), equal) };
        Some((Claim { subject: self.variable(word)?, value }, equal))
    }

    /// A question that is known again by how it is written. `file`: what it looks for.
    fn written(self, operator: &str, words: &[&Word], file: Option<&Word>) -> Option<Known> {
        if !words.iter().all(|word| is_steady(word)) || !words.iter().any(|word| self.is_repeated(word)) {
            return None;
        }
        let texts: Vec<String> = words.iter().map(|word| self.text(word)).collect();
        let subject = Subject::Written {
            text: Rc::from(format!("{operator} {}", texts.join(" "))),
            file: file.map(|word| Rc::from(self.text(word))),
            depth: words.iter().any(|word| has_arguments(word)).then_some(self.depth),
        };
        Some((Claim { subject, value: None }, true))
    }

    /// An arm of a `case`: that one of its patterns matches.
    pub(super) fn arm(self, subject: &Word, patterns: &[Word]) -> Option<Claim> {
        if let ([pattern], Some(variable)) = (patterns, self.variable(subject))
            && let Some(value) = plain(pattern)
        {
            return Some(Claim { subject: variable, value: Some(value) });
        }
        let words: Vec<&Word> = std::iter::once(subject).chain(patterns).collect();
        self.written("case", &words, None).map(|(claim, _)| claim)
    }

    /// `"$NAME"`, `${NAME}` or `${NAME:-word}`.
    pub(super) fn variable(self, word: &Word) -> Option<Subject> {
        let mut parts =
            word.parts.iter().filter(|part| !matches!(part, Part::Quoted(text) if text.is_empty()));
        let (Some(Part::Parameter(Parameter { name, index: None, operation }, _)), None) =
            (parts.next(), parts.next())
        else {
            return None;
        };
        let is_argument = is_argument(name);
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !(is_name || is_argument && self.is_repeated(word)) {
            return None;
        }
        let default = match operation {
            Operation::Plain => Rc::from(""),
            Operation::Operator(operator, word) if operator == ":-" => plain(word)?,
            Operation::Operator(operator, word) if operator == "-" => {
                plain(word).filter(|word| word.is_empty())?
            }
            _ => return None,
        };
        let depth = is_argument.then_some(self.depth);
        Some(Subject::Variable { name: Rc::from(name.as_str()), default, depth })
    }

    /// True for what the text names more than once: nothing else need be remembered.
    fn is_repeated(self, word: &Word) -> bool {
        let is_repeated = |texts: &[&str]| {
            let found = texts.iter().flat_map(|text| self.excerpt.text().matches(text));
            found.take(2).count() > 1
        };
        word.parts.iter().any(|part| match part {
            Part::Literal(text) | Part::Quoted(text) => text.len() > 2 && is_repeated(&[text]),
            Part::Parameter(Parameter { name, .. }, _) => {
                is_repeated(&[&format!("${name}"), &format!("${{{name}")])
            }
            Part::Substitution(..) => is_repeated(&[&self.text(word)]),
            _ => false,
        })
    }

    /// A word as it is written, without quotes and braces.
    fn text(self, word: &Word) -> String {
        let text = self.excerpt.text().get(word.span.start..word.span.end).unwrap_or("");
        text.replace(['"', '\'', '{', '}'], "")
    }
}

/// `$1`, `$#`, `$*`: the arguments of a function or script.
fn is_argument(name: &str) -> bool {
    matches!(name, "#" | "*" | "@") || (name != "0" && name.parse::<usize>().is_ok())
}

fn has_arguments(word: &Word) -> bool {
    word.parts
        .iter()
        .any(|part| matches!(part, Part::Parameter(parameter, _) if is_argument(&parameter.name)))
}

/// True if a word comes to the same each time, as long as its variables do.
fn is_steady(word: &Word) -> bool {
    word.parts.iter().all(|part| match part {
        Part::Literal(_) | Part::Quoted(_) => true,
        // `$?` and `$!` are others each time.
        Part::Parameter(parameter, _) => {
            !matches!(parameter.operation, Operation::Indirect)
                && !matches!(parameter.name.as_str(), "?" | "!" | "-")
        }
        Part::Substitution(list, _) => {
            matches!(list.as_ref(), [command] if command.is_command(&STEADY_COMMANDS))
        }
        Part::Arithmetic(..) | Part::ProcessSubstitution(_) | Part::Opaque => false,
    })
}

/// Text without wildcards.
fn plain(word: &Word) -> Option<Rc<str>> {
    let is_pattern = |part: &Part| matches!(part, Part::Literal(text) if text.contains(['*', '?', '[', '\\', '+', '@', '!', '|']));
    if word.parts.iter().any(is_pattern) { None } else { word.literal().map(Rc::from) }
}
