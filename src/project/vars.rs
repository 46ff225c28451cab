//! ENV and ARG, and the text in which they are substituted.

use std::collections::BTreeMap;

/// The variables that are known at one point of a build.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables {
    env: BTreeMap<String, String>,
    args: BTreeMap<String, String>,
}

impl Variables {
    /// The value of a variable; ENV hides ARG.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.env.get(name).or_else(|| self.args.get(name)).map(String::as_str)
    }

    /// Reads the body of an ENV instruction: `NAME=value ...` or `NAME value`.
    pub(super) fn env(&mut self, body: &str, escape: char) {
        // All values of one instruction see the variables as they were before it.
        let before = self.clone();
        let body = body.trim();
        let first = body.split_whitespace().next().unwrap_or("");
        if first.contains('=') {
            for word in words(body, escape) {
                if let Some((name, value)) = word.split_once('=') {
                    self.env.insert(name.to_owned(), expand(value, escape, &before));
                }
            }
        } else if !first.is_empty() {
            let value = body[first.len()..].trim_start();
            self.env.insert(first.to_owned(), expand(value, escape, &before));
        }
    }

    /// Reads the body of an ARG instruction. Without a value the one that `global` holds counts; that of an ARG with neither
    /// is given on the command line, and not known.
    pub(super) fn arg(&mut self, body: &str, escape: char, global: Option<&Variables>) {
        for word in words(body, escape) {
            match word.split_once('=') {
                Some((name, value)) => {
                    let value = expand(value, escape, self);
                    self.args.insert(name.to_owned(), value);
                }
                None => match global.and_then(|global| global.args.get(&word)) {
                    Some(value) => drop(self.args.insert(word, value.clone())),
                    None => drop(self.args.remove(&word)),
                },
            }
        }
    }

    /// Forgets the ARGs, which end with their stage.
    pub(super) fn leave_stage(&mut self) {
        self.args.clear();
    }
}

/// Splits at blanks outside of quotes; quotes and escapes stay.
fn words(body: &str, escape: char) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.push(String::new());
            continue;
        }
        match quote {
            Some(q) if q == c => quote = None,
            None if matches!(c, '\'' | '"') => quote = Some(c),
            _ => {}
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
            if c == escape && quote != Some('\'') {
                word.extend(chars.next());
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Substitutes the variables of a word of a Dockerfile and removes its quotes. What is not known stays as `${NAME}`: so two
/// mentions of one unknown directory are still the same directory.
pub(super) fn expand(word: &str, escape: char, variables: &Variables) -> String {
    let mut text = String::new();
    let mut quote = None;
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            _ if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            _ if c == escape && quote != Some('\'') => {
                let next = rest.chars().next();
                if quote.is_some() && !next.is_some_and(|next| next == '"' || next == '$' || next == escape) {
                    text.push(c);
                } else if let Some(next) = next {
                    text.push(next);
                    rest = &rest[next.len_utf8()..];
                }
            }
            '$' if quote != Some('\'') => match Reference::parse(rest) {
                Some((reference, len)) => {
                    let get = |name: &str| variables.get(name).map(str::to_owned);
                    match reference.value(&get) {
                        Some(value) => text.push_str(&value),
                        None => text.push_str(&format!("${{{}}}", reference.name)),
                    }
                    rest = &rest[len..];
                }
                None => text.push('$'),
            },
            c => text.push(c),
        }
    }
    text
}

/// Whether [`expand`] left something unknown in the text.
pub(super) fn has_unknown(text: &str) -> bool {
    text.contains("${")
}

/// What follows a `$`: `NAME`, `{NAME}`, `{NAME:-word}` ..., a special parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// The variable; for a special parameter its one character or its digits.
    pub(super) name: &'t str,
    /// The operator and its word.
    operation: Option<(&'t str, &'t str)>,
}

impl<'t> Reference<'t> {
    /// Reads what follows a `$`, and how long it is. `None` where the dollar stands for itself or for something else.
    pub(super) fn parse(text: &'t str) -> Option<(Self, usize)> {
        let Some(braced) = text.strip_prefix('{') else {
            let len = name_len(text);
            return (len > 0).then(|| (Self { name: &text[..len], operation: None }, len));
        };
        let end = closing_brace(braced)?;
        let (name, rest) = braced[..end].split_at(name_len(&braced[..end]));
        let operation = match rest.find(|c| c != ':') {
            None => None,
            Some(at) => Some(rest.split_at(at + rest[at..].chars().next().map_or(0, char::len_utf8))),
        };
        (!name.is_empty()).then_some((Self { name, operation }, end + 2))
    }

    /// True for `$@`, `$1`, `$!` and their like, which only a running shell has.
    pub(super) fn is_special(&self) -> bool {
        !self.name.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    /// The value, if `get` knows the variable and the operator is a simple one.
    pub(super) fn value(&self, get: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let value = get(self.name);
        let Some((operator, word)) = self.operation else { return value };
        // The words of operators hold references too, but hardly ever.
        let plain = !word.contains(['$', '\\', '`', '\'', '"']);
        match operator {
            "-" | ":-" if value.is_none() => plain.then(|| word.to_owned()),
            ":-" if value.as_deref() == Some("") => plain.then(|| word.to_owned()),
            "-" | ":-" | "?" | ":?" => value,
            "+" if value.is_some() => plain.then(|| word.to_owned()),
            ":+" if value.as_deref().is_some_and(|value| !value.is_empty()) => plain.then(|| word.to_owned()),
            _ => None,
        }
    }
}

fn name_len(text: &str) -> usize {
    let first = text.chars().next();
    match first {
        Some(c) if c.is_ascii_digit() => text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len(),
        Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
        _ => text.len() - text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len(),
    }
}

/// Where the brace is closed that was opened before the text; braces nest, and a backslash hides one.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
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

    #[test]
    fn expands() {
        let mut variables = Variables::default();
        variables.env(r#"APP=/app NAME="my app" EMPTY="#, '\\');
        for (word, expected) in [
            ("$APP/run.sh", "/app/run.sh"),
            ("${APP}run.sh", "/apprun.sh"),
            ("\"$NAME\"", "my app"),
            ("'$NAME'", "$NAME"),
            ("\\$APP", "$APP"),
            ("${NOPE:-/opt}/x", "/opt/x"),
            ("${EMPTY:-/opt}/x", "/opt/x"),
            ("${EMPTY-/opt}/x", "/x"),
            ("${APP:+/set}", "/set"),
            ("${APP#/}", "${APP}"),
            ("$NOPE/x", "${NOPE}/x"),
            ("${NOPE}/x", "${NOPE}/x"),
            ("a$", "a$"),
            ("${", "${"),
            ("$APP$APP", "/app/app"),
        ] {
            assert_eq!(expand(word, '\\', &variables), expected, "{word}");
        }
    }

    #[test]
    fn reads_env_and_arg() {
        let mut global = Variables::default();
        global.arg("VERSION=1.2", '\\', None);
        let mut variables = Variables::default();
        variables.arg("VERSION", '\\', Some(&global));
        variables.arg("DIR=/srv/$VERSION", '\\', Some(&global));
        variables.env("OLD form with blanks", '\\');
        variables.env("A=1 B=$A", '\\');
        assert_eq!(variables.get("DIR"), Some("/srv/1.2"));
        assert_eq!(variables.get("OLD"), Some("form with blanks"));
        assert_eq!(variables.get("B"), Some("${A}"));
        variables.leave_stage();
        assert_eq!(variables.get("DIR"), None);
    }
}
