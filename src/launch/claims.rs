//! What a course of events has found out about variables: a test that held once holds again, until the variable changes.

use std::rc::Rc;

use super::machine::Machine;
use super::shell::Shell;
use crate::shell::{Node, NodeKind, Operation, Parameter, Part, Word};

/// So many are remembered.
const MAX_CLAIMS: usize = 64;

/// `"$MODE" = worker`, or `-n "$MODE"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    /// The variable.
    name: Rc<str>,
    /// What it is if it is empty (`${MODE:-web}`).
    default: Rc<str>,
    /// What it is compared with; nothing if it is asked whether it is empty.
    value: Option<Rc<str>>,
}

/// A claim, and whether it holds.
pub(crate) type Known = (Claim, bool);

impl Claim {
    /// What is known of this, given that something else holds or does not.
    fn follows_from(&self, other: &Claim, holds: bool) -> Option<bool> {
        if self == other {
            return Some(holds);
        }
        let same = self.name == other.name && self.default == other.default && holds;
        match (&self.value, &other.value) {
            (Some(own), Some(value)) if same => Some(own == value),
            (None, Some(value)) if same => Some(!value.is_empty()),
            _ => None,
        }
    }
}

impl Shell {
    /// What is known of all these together.
    fn knows(&self, claims: &[Known]) -> Option<bool> {
        let known = |claim: &Claim| {
            self.claims.iter().rev().find_map(|(other, holds)| claim.follows_from(other, *holds))
        };
        let each: Vec<Option<bool>> =
            claims.iter().map(|(claim, wanted)| Some(known(claim)? == *wanted)).collect();
        if each.contains(&Some(false)) {
            return Some(false);
        }
        (!each.is_empty() && each.iter().all(Option::is_some)).then_some(true)
    }

    /// A variable has changed.
    pub(super) fn forget_claims(&mut self, name: &str) {
        if self.claims.iter().any(|(claim, _)| &*claim.name == name) {
            Rc::make_mut(&mut self.claims).retain(|(claim, _)| &*claim.name != name);
        }
    }
}

impl Machine<'_, '_> {
    /// Whether a test that is not known in itself has been answered on this course before.
    pub(super) fn recalls(&self, test: Option<&Node>) -> Option<bool> {
        let shell = self.shell().filter(|shell| !shell.claims.is_empty())?;
        shell.knows(&claims_of(test?))
    }

    /// The course goes on as if the test held, or did not.
    pub(super) fn take_for(&mut self, test: Option<&Node>, holds: bool) {
        let mut claims = test.map(claims_of).unwrap_or_default();
        if !holds {
            // Which of several does not hold is not known.
            if claims.len() != 1 {
                return;
            }
            claims[0].1 = !claims[0].1;
        }
        self.with(|shell| {
            let known = Rc::make_mut(&mut shell.claims);
            for claim in claims {
                if known.len() < MAX_CLAIMS && !known.contains(&claim) {
                    known.push(claim);
                }
            }
        });
    }

    /// The word that a `case` compares, where a test has told what it is.
    pub(super) fn recalled_value(&self, subject: &Word) -> Option<Rc<str>> {
        let (name, default) = variable(subject)?;
        let is_it = |claim: &Claim| claim.name == name && claim.default == default;
        let known = self
            .shell()?
            .claims
            .iter()
            .find(|(claim, holds)| *holds && is_it(claim) && claim.value.is_some());
        known.and_then(|(claim, _)| claim.value.clone())
    }

    /// An arm of a `case` with one plain pattern is taken.
    pub(super) fn take_value(&mut self, subject: &Word, patterns: &[Word]) {
        let ([pattern], Some((name, default))) = (patterns, variable(subject)) else { return };
        let Some(value) = plain(pattern) else { return };
        let claim = Claim { name, default, value: Some(value) };
        self.with(|shell| {
            if shell.claims.len() < MAX_CLAIMS {
                Rc::make_mut(&mut shell.claims).push((claim, true));
            }
        });
    }
}

/// What a test claims; all of it together. Nothing where it looks at something else than variables.
fn claims_of(test: &Node) -> Vec<Known> {
    match &test.kind {
        NodeKind::And(left, right) => {
            let (mut left, right) = (claims_of(left), claims_of(right));
            if left.is_empty() || right.is_empty() {
                return Vec::new();
            }
            left.extend(right);
            left
        }
        NodeKind::Not(inner) => match claims_of(inner).as_slice() {
            [(claim, holds)] => vec![(claim.clone(), !holds)],
            _ => Vec::new(),
        },
        NodeKind::Test(words) => claim(words).into_iter().collect(),
        NodeKind::Command(command) if test.is_command(&["[", "test"]) => {
            let words = &command.words[1..];
            let is_closed = words.last().and_then(Word::literal).is_some_and(|last| last == "]");
            claim(&words[..words.len() - usize::from(is_closed)]).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn claim(words: &[Word]) -> Option<Known> {
    let of = |word: &Word, value| {
        let (name, default) = variable(word)?;
        Some(Claim { name, default, value })
    };
    match words {
        [word] => Some((of(word, None)?, true)),
        [operator, word] => match operator.literal()?.as_str() {
            "-n" => Some((of(word, None)?, true)),
            "-z" => Some((of(word, None)?, false)),
            "!" => Some((of(word, None)?, false)),
            _ => None,
        },
        [word, operator, value] => {
            let equal = match operator.literal()?.as_str() {
                "=" | "==" => true,
                "!=" => false,
                _ => return None,
            };
            let value = plain(value)?;
            // `[ "$X" = "" ]`
            let (value, equal) = if value.is_empty() { (None, !equal) } else { (Some(value), equal) };
            Some((of(word, value)?, equal))
        }
        _ => None,
    }
}

/// `"$NAME"`, `${NAME}` or `${NAME:-word}`: the name, and the word.
fn variable(word: &Word) -> Option<(Rc<str>, Rc<str>)> {
    let mut parts = word.parts.iter().filter(|part| !matches!(part, Part::Quoted(text) if text.is_empty()));
    let (Some(Part::Parameter(Parameter { name, index: None, operation }, _)), None) =
        (parts.next(), parts.next())
    else {
        return None;
    };
    // Arguments are shifted, and the others mean something else each time.
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
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
    Some((Rc::from(name.as_str()), default))
}

/// Text without wildcards.
fn plain(word: &Word) -> Option<Rc<str>> {
    let is_pattern = |part: &Part| matches!(part, Part::Literal(text) if text.contains(['*', '?', '[', '\\', '+', '@', '!', '|']));
    if word.parts.iter().any(is_pattern) { None } else { word.literal().map(Rc::from) }
}
