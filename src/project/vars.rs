//! References to variables: `$NAME`, `${NAME:-word}`.

/// Whether substitution left a variable in the text that nothing sets.
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
        let operation = rest
            .find(|c| c != ':')
            .map(|at| rest.split_at(at + rest[at..].chars().next().map_or(0, char::len_utf8)));
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
        Some(c) if c.is_ascii_digit() => {
            text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()
        }
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
    fn reads_references() {
        let get = |name: &str| match name {
            "APP" => Some("/app".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, len, expected) in [
            ("APP/run.sh", 3, Some("/app")),
            ("{APP}run.sh", 5, Some("/app")),
            ("{NOPE:-/opt}", 12, Some("/opt")),
            ("{EMPTY:-/opt}", 13, Some("/opt")),
            ("{EMPTY-/opt}", 12, Some("")),
            ("{APP:+set}", 10, Some("set")),
            ("{APP#/}", 7, None),
            ("{A:-${B}}x", 9, None),
            ("NOPE", 4, None),
            ("10", 2, None),
            ("@\"", 1, None),
        ] {
            let (reference, found) = Reference::parse(text).unwrap();
            assert_eq!((found, reference.value(&get).as_deref()), (len, expected), "{text}");
        }
        for text in ["", " ", "{", "{}", "(x)"] {
            assert!(Reference::parse(text).is_none(), "{text}");
        }
    }
}
