//! A setting of an image with the place where it stands, and how that place is edited.

use std::ops::Range;
use std::sync::Arc;

use super::Command;
use crate::source::{Edit, Excerpt, Place, Span};

/// A value with the instruction that sets it; no place if it comes from the base image.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The whole instruction, or the value of a key; `None` if inherited from the base image.
    pub place: Option<Place>,
    /// Which of the two.
    pub written: Written,
}

/// How a setting stands in its file.
#[derive(Debug, Clone, Default)]
pub enum Written {
    /// As an instruction of a Dockerfile.
    #[default]
    Instruction,
    /// As the value of a key in a deployment.
    Value {
        /// The key, if it stands in a block to which others can be added (`stop_signal:` beside `command:`).
        key: Option<Place>,
    },
}

impl<T> Setting<T> {
    /// A setting of a Dockerfile.
    pub fn new(value: T, place: Option<Place>) -> Self {
        Self { value, place, written: Written::Instruction }
    }
}

impl Setting<Command> {
    /// The edit that puts `words` in place of some elements of an exec form. `None` where it is none, or where that would lose
    /// what stands between the elements.
    pub fn replace_words(&self, range: Range<usize>, words: &[String]) -> Option<Edit> {
        let Command::Exec(elements) = &self.value else { return None };
        let place = self.place.as_ref()?;
        let (span, text) = match &self.written {
            Written::Instruction => (between(elements, &range)?, in_list(elements, &range, words)?),
            Written::Value { .. } => {
                // A variable was replaced when the file was read; a comment would be lost.
                if place.text().contains(['$', '#']) {
                    return None;
                }
                let mut all: Vec<String> = elements.iter().map(|element| element.text().to_owned()).collect();
                all.splice(range, words.iter().cloned());
                (place.span, format!("[{}]", json(&all)?))
            }
        };
        Some(Edit::new(&place.source, span, text))
    }
}

/// The bytes of some elements with their quotes; none between two, or at the end.
fn between(elements: &[Arc<Excerpt>], range: &Range<usize>) -> Option<Span> {
    let start = |index: usize| elements.get(index).and_then(|element| element.span().start.checked_sub(1));
    let end = |index: usize| elements.get(index).map(|element| element.span().end + 1);
    if range.is_empty() {
        return start(range.start).or_else(|| end(range.end.checked_sub(1)?)).map(Span::at);
    }
    Some(Span::new(start(range.start)?, end(range.end - 1)?))
}

/// Words as they stand in place of some elements, or between two.
fn in_list(elements: &[Arc<Excerpt>], range: &Range<usize>, words: &[String]) -> Option<String> {
    let words = json(words)?;
    Some(match (range.is_empty(), range.start < elements.len()) {
        (false, _) => words,
        (true, true) => format!("{words}, "),
        (true, false) => format!(", {words}"),
    })
}

fn json(words: &[String]) -> Option<String> {
    let quoted: Option<Vec<String>> = words.iter().map(|word| serde_json::to_string(word).ok()).collect();
    Some(quoted?.join(", "))
}

impl Written {
    /// The edit that adds a line beside the setting: `stop_signal: SIGQUIT`. `None` where there is no such place.
    pub fn beside(&self, line: &str) -> Option<Edit> {
        let Self::Value { key: Some(key) } = self else { return None };
        let source = &key.source;
        let start = source.line_span(source.line(key.span.start)).start;
        let indent = source.slice(Span::new(start, key.span.start));
        indent
            .trim()
            .is_empty()
            .then(|| Edit::new(source, Span::at(start), format!("{indent}{line}{}", source.newline())))
    }
}
