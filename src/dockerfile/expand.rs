//! Variable substitution and quote removal, as BuildKit does them in ENV, ARG, FROM, WORKDIR and their like.

use super::pattern::{self, Side};

/// What becomes of a variable that nothing sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    /// Nothing, as in a build without arguments.
    Empty,
    /// `$NAME` becomes `${NAME}`, to show that the value is not known.
    Keep,
}

/// How many bytes variables may add to one text, however often values repeat each other.
const MOST_ADDED: usize = 1 << 12;

/// How deep `${a:-${b:-...}}` is followed.
const DEEPEST: usize = 32;

/// The text with its variables substituted and its quotes removed. `None` for what BuildKit refuses (an open quote, an unknown
/// `${...}`), and for what grows or nests beyond all reason.
pub(super) fn expand<'a>(
    text: &str,
    escape: char,
    unset: Unset,
    lookup: impl Fn(&str) -> Option<&'a str>,
) -> Option<String> {
    if !text.contains(['$', '\'', '"', escape]) {
        return Some(text.to_owned());
    }
    Expander { text, position: 0, escape, unset, lookup, depth: 0, added: 0 }.until(None, false)
}

struct Expander<'t, L> {
    text: &'t str,
    position: usize,
    escape: char,
    unset: Unset,
    lookup: L,
    depth: usize,
    added: usize,
}

impl<'t, 'v, L: Fn(&str) -> Option<&'v str>> Expander<'t, L> {
    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        self.peek().filter(|&c| wanted(c)).inspect(|c| self.position += c.len_utf8())
    }

    /// The text up to `stop`, which is consumed. Patterns keep their escapes.
    fn until(&mut self, stop: Option<char>, keep_escapes: bool) -> Option<String> {
        let mut result = String::new();
        loop {
            let Some(c) = self.next() else { return stop.is_none().then_some(result) };
            match c {
                c if Some(c) == stop => return Some(result),
                '\'' => {
                    let len = self.text[self.position..].find('\'')?;
                    result.push_str(&self.text[self.position..self.position + len]);
                    self.position += len + 1;
                }
                '"' => self.double_quoted(&mut result, keep_escapes)?,
                '$' => result.push_str(&self.variable()?),
                c if c == self.escape => {
                    if keep_escapes {
                        result.push(c);
                    }
                    result.extend(self.next());
                }
                c => result.push(c),
            }
        }
    }

    fn double_quoted(&mut self, result: &mut String, keep_escapes: bool) -> Option<()> {
        loop {
            match self.next()? {
                '"' => return Some(()),
                '$' => result.push_str(&self.variable()?),
                c if c == self.escape => {
                    if keep_escapes {
                        result.push(c);
                    }
                    let escaped = self.next_if(|next| matches!(next, '"' | '$') || next == c);
                    result.push(escaped.unwrap_or(c));
                }
                c => result.push(c),
            }
        }
    }

    /// What a `$` and all that belongs to it stands for.
    fn variable(&mut self) -> Option<String> {
        let start = self.position - 1;
        let value = if self.next_if(|c| c == '{').is_some() {
            self.depth += 1;
            let value = if self.depth > DEEPEST { None } else { self.braced(start) };
            self.depth -= 1;
            value?
        } else {
            match self.name() {
                "" => "$".to_owned(),
                name => self.value(name, start)?,
            }
        };
        self.added += value.len();
        self.fits(&value).then_some(value)
    }

    /// Asked before a value is copied, and after. What the text itself holds, as a default, is not added by a variable.
    fn fits(&self, value: &str) -> bool {
        self.added.max(value.len()) <= MOST_ADDED + self.text.len()
    }

    /// The value of a variable whose reference starts at `start` and ends here.
    fn value(&self, name: &str, start: usize) -> Option<String> {
        if let Some(value) = (self.lookup)(name) {
            return self.fits(value).then(|| value.to_owned());
        }
        let written = &self.text[start..self.position];
        Some(match self.unset {
            Unset::Empty => String::new(),
            Unset::Keep if written.ends_with('}') => written.to_owned(),
            Unset::Keep => format!("${{{name}}}"),
        })
    }

    fn braced(&mut self, start: usize) -> Option<String> {
        if matches!(self.peek()?, '{' | '}' | ':') {
            return None;
        }
        let name = self.name();
        let mut operator = self.next()?;
        if operator == '}' {
            return self.value(name, start);
        }
        let colon = operator == ':';
        if colon {
            operator = self.next()?;
        }
        let value = (self.lookup)(name).filter(|value| !(colon && value.is_empty()));
        if !value.is_none_or(|value| self.fits(value)) {
            return None;
        }
        match operator {
            '-' => {
                let word = self.until(Some('}'), false)?;
                Some(value.map_or(word, str::to_owned))
            }
            '+' => {
                let word = self.until(Some('}'), false)?;
                Some(if value.is_some() { word } else { String::new() })
            }
            '?' => {
                self.until(Some('}'), false)?;
                if value.is_none() && self.unset == Unset::Empty { None } else { self.value(name, start) }
            }
            '#' | '%' if !colon => {
                let longest = self.next_if(|c| c == operator).is_some();
                let pattern = self.until(Some('}'), true)?;
                let side = if operator == '#' { Side::Start } else { Side::End };
                match value {
                    Some(value) => pattern::trim(value, &pattern, side, longest).map(str::to_owned),
                    None => self.value(name, start),
                }
            }
            '/' if !colon => {
                let all = self.next_if(|c| c == '/').is_some();
                let pattern = self.until(Some('/'), true)?;
                let replacement = self.until(Some('}'), true)?;
                match value {
                    Some(value) => pattern::replace(value, &pattern, &replacement, all),
                    None => self.value(name, start),
                }
            }
            _ => None,
        }
    }

    fn name(&mut self) -> &'t str {
        let start = self.position;
        if self.next_if(|c| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!')).is_none() {
            let digits = self.peek().is_some_and(char::is_numeric);
            let part = |c: char| if digits { c.is_numeric() } else { c.is_alphanumeric() || c == '_' };
            while self.next_if(part).is_some() {}
        }
        &self.text[start..self.position]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<&'static str> {
        match name {
            "A" => Some("a"),
            "V" => Some("1.22.3-rc"),
            "NULL" => Some(""),
            _ => None,
        }
    }

    #[test]
    fn substitutes() {
        for (text, expected) in [
            ("x$A.y", "xa.y"),
            ("x${A}y", "xay"),
            ("$X-$1-", "--"),
            ("$$", ""),
            ("$.", "$."),
            (r"\$A \\$A", r"$A \a"),
            ("'$A' \"$A\"", "$A a"),
            (r#""a\"\$\\\n""#, r#"a"$\\n"#),
            ("${X:-b$A}", "ba"),
            ("${NULL-b}${NULL:-c}", "c"),
            ("${A:+x}${X:+y}${NULL+z}", "xz"),
            ("${A:?no}", "a"),
            ("${X:-${Y:-'z }'}}", "z }"),
            ("${V%%.*}", "1"),
            ("${V%.*}", "1.22"),
            ("${V#*.}", "22.3-rc"),
            ("${V##*.}", "3-rc"),
            ("${V/./_}", "1_22.3-rc"),
            ("${V//./_}", "1_22_3-rc"),
            ("a\\", "a"),
        ] {
            assert_eq!(expand(text, '\\', Unset::Empty, lookup).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn keeps_what_is_not_known() {
        for (text, expected) in
            [("$X/${Y}", "${X}/${Y}"), ("${X:-b}", "b"), ("${X%%.*}", "${X%%.*}"), ("${X:?no}", "${X:?no}")]
        {
            assert_eq!(expand(text, '\\', Unset::Keep, lookup).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses() {
        for text in
            ["'a", "\"a", "${", "${}", "${A", "${A:", "${:x}", "${A:=b}", "${A:#b}", "${X:?no}", "${A^^}"]
        {
            assert_eq!(expand(text, '\\', Unset::Empty, lookup), None, "{text}");
        }
    }

    #[test]
    fn the_escape_character_is_the_file_s() {
        assert_eq!(expand(r"C:\$A`$A", '`', Unset::Empty, lookup).as_deref(), Some(r"C:\a$A"));
    }

    #[test]
    fn neither_nesting_nor_repetition_runs_away() {
        let deep = "${X:-".repeat(100_000) + &"}".repeat(100_000);
        assert_eq!(expand(&deep, '\\', Unset::Empty, lookup), None);
        assert_eq!(expand(&"${V}${V}".repeat(MOST_ADDED), '\\', Unset::Empty, lookup), None);
    }
}
