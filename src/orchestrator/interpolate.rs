//! `$NAME` in Compose files: from the .env file, or by its default.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::{Excerpt, Span, UNKNOWN};

/// What is known of the variables.
pub(super) type Variables = BTreeMap<String, String>;

/// How deep `${a:-${b:-...}}` is followed.
const MAX_DEPTH: usize = 32;
/// Longer values are not worked out: each may be the one above it, twice.
const MAX_VALUE: usize = 16 * 1024;

/// The variables of a .env file. A value may refer to those above it; what it refers to else, nobody knows.
pub(super) fn env_file(text: &str) -> Variables {
    let mut variables = Variables::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    for (name, value) in lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='))
    {
        let (name, value) = (name.trim().to_owned(), value.trim());
        let known = match value.starts_with('\'') {
            true => Some(unquoted(value).to_owned()),
            false => nested(unquoted(value), &variables, 0),
        };
        match known {
            Some(known) => variables.insert(name, known),
            None => variables.remove(&name),
        };
    }
    variables
}

fn unquoted(value: &str) -> &str {
    let quoted = ['"', '\''].iter().find_map(|&quote| value.strip_prefix(quote)?.split(quote).next());
    quoted.unwrap_or_else(|| value.split(" #").next().unwrap_or(value).trim_end())
}

/// The text with its variables replaced; [`UNKNOWN`] stands for those whose value nobody knows.
pub(super) fn excerpt(text: &Arc<Excerpt>, variables: &Variables) -> Arc<Excerpt> {
    if !text.text().contains('$') {
        return Arc::new(Excerpt::clone(text).with_doubled_dollars());
    }
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(dollar) = text.text()[at..].find('$').map(|offset| at + offset) {
        let rest = &text.text()[dollar..];
        let (len, value) = reference(rest, variables, 0);
        if len > 1 {
            changes.push((Span::new(dollar, dollar + len), value.unwrap_or_else(|| UNKNOWN.to_owned())));
        }
        at = dollar + len;
    }
    Arc::new(text.with_changes(&changes, text.encoding()).with_doubled_dollars())
}

/// The same, of which no place is needed; `None` if a value is not known.
pub(super) fn text(text: &Arc<Excerpt>, variables: &Variables) -> Option<String> {
    let known = excerpt(text, variables).text().to_owned();
    (!known.contains(UNKNOWN)).then_some(known)
}

/// The same of a text without a place.
pub(super) fn plain(text: &str, variables: &Variables) -> Option<String> {
    nested(text, variables, 0)
}

/// How long the reference at the beginning of a text is, and what it stands for if that is known.
fn reference(rest: &str, variables: &Variables, depth: usize) -> (usize, Option<String>) {
    if rest.starts_with("$$") {
        return (2, Some("$".to_owned()));
    }
    let Some(braced) = rest.strip_prefix("${") else {
        let name = name(&rest[1..]);
        let value = variables.get(name).cloned();
        return (1 + name.len(), value.filter(|_| !name.is_empty()));
    };
    let Some(end) = closing(braced) else { return (rest.len(), None) };
    let inside = &braced[..end];
    let name = name(inside);
    let known = variables.get(name);
    let operator = &inside[name.len()..];
    let nested = |text: &str| nested(text, variables, depth + 1);
    let value = match operator.chars().next() {
        None => known.cloned(),
        Some(':') => match (operator.get(1..2), known.filter(|value| !value.is_empty())) {
            (Some("-" | "?"), Some(value)) => Some(value.clone()),
            (Some("-"), None) => nested(&operator[2..]),
            (Some("+"), Some(_)) => nested(&operator[2..]),
            _ => None,
        },
        Some('-') => known.cloned().or_else(|| nested(&operator[1..])),
        Some('?') => known.cloned(),
        _ => None,
    };
    (2 + end + 1, value)
}

/// A default, which may refer to variables itself.
fn nested(text: &str, variables: &Variables, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut result = String::new();
    let mut at = 0;
    while let Some(dollar) = text[at..].find('$').map(|offset| at + offset) {
        result.push_str(&text[at..dollar]);
        let (len, value) = reference(&text[dollar..], variables, depth);
        result.push_str(&value?);
        if result.len() > MAX_VALUE {
            return None;
        }
        at = dollar + len;
    }
    result.push_str(&text[at..]);
    Some(result)
}

fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Where the brace is that closes what was opened before.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn variables() {
        let known = env_file(
            "# comment\nA=1\nexport B=\"two words\" # x\nEMPTY=\nC=c # note\nD=${D:-${A}}\nE='$A'\nF=$Z\n",
        );
        for (written, expected) in [
            ("$A ${B}", "1 two words"),
            ("${X:-d} ${X-d} ${A:-d} ${EMPTY:-d} ${EMPTY-d}", "d d 1 d "),
            ("${X:-${A}x}", "1x"),
            ("$$A $${A}", "$A ${A}"),
            ("$X ${X} ${X:?needed} ${A:?needed} ${A:+y}", "\u{fffd} \u{fffd} \u{fffd} 1 y"),
            ("cost: 5$", "cost: 5$"),
            ("${A", "\u{fffd}"),
            ("$C", "c"),
            ("$D $E $F", "1 $A \u{fffd}"),
        ] {
            let source = Source::new("compose.yaml", written);
            let text = excerpt(&Arc::new(Excerpt::whole(&source)), &known);
            assert_eq!(text.text(), expected, "{written}");
        }
    }
}
