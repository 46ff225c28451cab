//! Making text from files safe to show: no byte of a file may steer the reader's terminal.

use std::borrow::Cow;
use std::io::{self, Write};

/// A single line: every character that would not be seen as itself is written out.
pub fn line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        push(&mut out, c);
        out
    })
}

/// Text that may have several lines: as [`line`], with line ends kept.
pub fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Appends one character of a file as it may be shown.
pub fn push(out: &mut String, c: char) {
    match c {
        '\t' => out.push('\t'),
        // The control pictures block repeats the control characters, in order.
        '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
        '\u{7f}' => out.push('␡'),
        _ if is_invisible(c) => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
        _ => out.push(c),
    }
}

/// C1 controls, the format characters that reorder or hide text, letters that are blank, and what is no character at all.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Takes JSON and passes it on with escapes for all that would not be seen as itself: it means the same to programs, and a log can show it.
pub(super) struct Json<'a>(pub(super) &'a mut dyn Write);

impl Write for Json<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match str::from_utf8(bytes) {
            Ok(text) => self.0.write_all(json(text).as_bytes())?,
            // A piece of a character: whoever writes JSON writes whole strings.
            Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn json(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| c == '\u{7f}' || is_invisible(c);
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => escaped.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            false => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// An argument vector as a person would type it; an element that needs quotes gets them.
pub fn argv(argv: &[String]) -> String {
    argv.iter().map(|word| argument(word)).collect::<Vec<_>>().join(" ")
}

fn argument(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() && !is_invisible(c) || "-_./:=@%+,^~$*?[]{}#!".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if word.contains('\'') {
        format!("\"{}\"", line(&word.replace('"', "\\\"")))
    } else {
        format!("'{}'", line(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(line("a\x1b[31mb\u{9b}\u{202e}\r\x7fé"), "a␛[31mb<U+009B><U+202E>␍␡é");
        assert_eq!(lines("a\nb\x07"), "a\nb␇");
    }

    #[test]
    fn json_means_the_same() {
        let text = "\u{9b}\u{202e}\u{7f}\u{e0001}\u{feff}\n\u{1b}é\"\\";
        let mut bytes = Vec::new();
        serde_json::to_writer(Json(&mut bytes), text).unwrap();
        let shown = String::from_utf8(bytes).unwrap();
        assert_eq!(shown, r#""\u009b\u202e\u007f\udb40\udc01\ufeff\n\u001bé\"\\""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }

    #[test]
    fn arguments_are_quoted_where_needed() {
        let words = ["/bin/sh", "-c", "npm start", "it's", ""].map(str::to_owned);
        assert_eq!(argv(&words), r#"/bin/sh -c 'npm start' "it's" ''"#);
    }
}
