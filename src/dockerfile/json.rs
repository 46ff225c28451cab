//! The exec form: a JSON array of strings, read as strictly as Go's `encoding/json` reads it.

use std::ops::Range;

use serde::de::IgnoredAny;

/// What the body of an instruction is as JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Array {
    /// No JSON array: the shell form.
    No,
    /// A JSON array with something else than strings in it, which BuildKit refuses.
    Mixed,
    /// The strings.
    Strings(Vec<JsonString>),
}

/// One string of the array.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct JsonString {
    /// What stands between the quotes, as a range of the body.
    pub(super) range: Range<usize>,
    /// The decoded text.
    pub(super) text: String,
    /// Every escape: where its character stands in `text`, and where it stands in the body.
    pub(super) escapes: Vec<(Range<usize>, Range<usize>)>,
}

/// Reads the body of an instruction.
pub(super) fn array(body: &str) -> Array {
    if !body.starts_with('[') || serde_json::from_str::<Vec<IgnoredAny>>(body).is_err() {
        return Array::No;
    }
    // From here on the text is known to be a JSON array, so only strings have to be told from all else.
    let mut strings = Vec::new();
    let mut position = 1;
    while let Some(c) = body[position..].chars().next() {
        match c {
            '"' => {
                let string = string(body, position + 1);
                position = string.range.end + 1;
                strings.push(string);
            }
            ' ' | '\t' | '\r' | '\n' | ',' => position += 1,
            ']' => break,
            _ => return Array::Mixed,
        }
    }
    Array::Strings(strings)
}

/// Decodes the string whose first character is at `start`, up to its closing quote.
fn string(body: &str, start: usize) -> JsonString {
    let mut decoded = JsonString { range: start..start, ..JsonString::default() };
    let mut position = start;
    while let Some(c) = body[position..].chars().next() {
        match c {
            '"' => break,
            '\\' => {
                let (character, len) = escape(&body[position..]);
                let at = decoded.text.len();
                decoded.text.push(character);
                decoded.escapes.push((at..decoded.text.len(), position..position + len));
                position += len;
            }
            _ => {
                decoded.text.push(c);
                position += c.len_utf8();
            }
        }
    }
    decoded.range.end = position;
    decoded
}

/// The character that an escape stands for, and the escape's length. Half a surrogate pair becomes U+FFFD, as in Go.
fn escape(text: &str) -> (char, usize) {
    let simple = match text.as_bytes().get(1) {
        Some(b'u') => {
            let Some(high) = hex(text) else { return (char::REPLACEMENT_CHARACTER, 2) };
            if let Some(c) = char::from_u32(high) {
                return (c, 6);
            }
            let pair = text.get(6..).filter(|_| high < 0xdc00).and_then(hex);
            return match pair {
                Some(low @ 0xdc00..0xe000) => {
                    let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                _ => (char::REPLACEMENT_CHARACTER, 6),
            };
        }
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(&other) => char::from(other),
        None => return ('\\', 1),
    };
    (simple, 2)
}

/// The number of a `\uXXXX` at the start of the text.
fn hex(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(body: &str) -> Option<Vec<String>> {
        match array(body) {
            Array::Strings(strings) => Some(strings.into_iter().map(|s| s.text).collect()),
            _ => None,
        }
    }

    #[test]
    fn strings() {
        for (body, expected) in [
            (r#"[]"#, vec![]),
            (r#"[ "a" , "b" ]"#, vec!["a", "b"]),
            (
                r#"["\u00e9\ud83d\ude00", "\"\\\/\b\f\n\r\t"]"#,
                vec!["\u{e9}\u{1f600}", "\"\\/\u{8}\u{c}\n\r\t"],
            ),
            (r#"["\ud800x", "\udc00", "\ud800\u0041"]"#, vec!["\u{fffd}x", "\u{fffd}", "\u{fffd}A"]),
        ] {
            assert_eq!(texts(body).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn no_array() {
        for body in
            ["", "x", "['a']", r#"["a",]"#, r#"["a"] b"#, r#"["C:\app"]"#, "[\"a\tb\"]", "[\"a\"\u{a0}]"]
        {
            assert_eq!(array(body), Array::No, "{body}");
        }
    }

    #[test]
    fn mixed() {
        for body in ["[1]", r#"["a", null]"#, r#"[["a"]]"#, r#"[{"a": "b"}]"#, r#"["a", true]"#] {
            assert_eq!(array(body), Array::Mixed, "{body}");
        }
    }

    #[test]
    fn deep_nesting_does_not_recurse() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(array(&deep), Array::Mixed);
    }
}
