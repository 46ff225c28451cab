//! What `echo` and `printf` write.

use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use crate::programs::Sh;
use crate::source::Excerpt;

use super::{Arg, Content, Output, Place};

/// The text of `echo`. `None` if it cannot be known.
pub(super) fn echo(args: &[Arg], sh: Sh) -> Option<String> {
    // dash knows no option but -n, and reads escapes always; the others read them after -e. Where the shell is not known,
    // whoever writes an escape means it.
    let mut escapes = matches!(sh, Sh::Dash | Sh::Unknown);
    let mut newline = true;
    let mut words = args;
    while let [first, rest @ ..] = words
        && let Some(flags) = first.text.strip_prefix('-')
        && !flags.is_empty()
        && flags.chars().all(|c| if sh == Sh::Dash { c == 'n' } else { "neE".contains(c) })
    {
        for flag in flags.chars() {
            match flag {
                'n' => newline = false,
                flag => escapes = flag == 'e',
            }
        }
        words = rest;
    }
    let mut text = String::new();
    for (i, arg) in words.iter().enumerate() {
        let differs = escapes && has_hexadecimal(arg) && matches!(sh, Sh::Dash | Sh::Unknown);
        if !is_text(arg) || differs {
            return None;
        }
        if i > 0 {
            text.push(' ');
        }
        if !escapes {
            text.push_str(&arg.text);
        } else if !unescape(&arg.text, &mut text) {
            return Some(text);
        }
    }
    if newline {
        text.push('\n');
    }
    Some(text)
}

/// The text of `printf`. `None` if it cannot be known.
pub(super) fn printf(args: &[Arg]) -> Option<String> {
    let args = if args.first()?.text == "--" { &args[1..] } else { args };
    let (format, values) = args.split_first()?;
    if !args.iter().all(is_text) || args.iter().any(has_hexadecimal) {
        return None;
    }
    let mut text = String::new();
    let mut values = values.iter().map(|arg| arg.text.as_str()).peekable();
    loop {
        let left = values.len();
        let mut chars = format.text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' => {
                    if !escape(&mut chars, &mut text) {
                        return Some(text);
                    }
                }
                '%' => match chars.next()? {
                    '%' => text.push('%'),
                    's' | 'd' | 'i' | 'u' => text.push_str(values.next().unwrap_or("")),
                    'b' => {
                        if !unescape(values.next().unwrap_or(""), &mut text) {
                            return Some(text);
                        }
                    }
                    _ => return None,
                },
                c => text.push(c),
            }
        }
        // The format is used again for what is left over.
        if values.len() == 0 || values.len() == left {
            return Some(text);
        }
    }
}

/// The outputs of a group's commands as one; `None` if one of them is not known.
pub(super) fn concatenate(outputs: Vec<Option<Output>>, place: &Place<'_>) -> Option<Output> {
    let mut text = String::new();
    for output in outputs {
        match output? {
            Output::Text(Content::Known(part)) => text.push_str(part.text()),
            _ => return None,
        }
    }
    let span = place.script.to_source(place.command.span);
    let excerpt = Excerpt::derived(place.script.source(), span, text);
    Some(Output::Text(Content::Known(Arc::new(excerpt))))
}

/// Whether the shell hands the word over as it is; a wildcard is text where no file matches.
fn is_text(arg: &Arg) -> bool {
    !arg.computed && arg.found.is_none()
}

/// True for `\x23`, which dash leaves as it is and the others read.
fn has_hexadecimal(arg: &Arg) -> bool {
    arg.text.contains("\\x")
}

/// Appends a text with its escapes read. False at `\c`, which ends all output.
fn unescape(text: &str, to: &mut String) -> bool {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            to.push(c);
        } else if !escape(&mut chars, to) {
            return false;
        }
    }
    true
}

fn escape(chars: &mut Peekable<Chars<'_>>, to: &mut String) -> bool {
    let Some(c) = chars.next() else {
        to.push('\\');
        return true;
    };
    match c {
        'n' => to.push('\n'),
        't' => to.push('\t'),
        'r' => to.push('\r'),
        '\\' | '"' | '\'' => to.push(c),
        'a' => to.push('\u{7}'),
        'b' => to.push('\u{8}'),
        'c' => return false,
        'x' if chars.peek().is_some_and(char::is_ascii_hexdigit) => {
            let mut value = 0;
            for _ in 0..2 {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
                value = value * 16 + digit;
                chars.next();
            }
            to.extend(char::from_u32(value));
        }
        'e' => to.push('\u{1b}'),
        'f' => to.push('\u{c}'),
        'v' => to.push('\u{b}'),
        '0'..='7' => {
            let mut value = c.to_digit(8).unwrap_or(0);
            // `\0NNN` and `\NNN`
            for _ in 0..if c == '0' { 3 } else { 2 } {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                value = value * 8 + digit;
                chars.next();
            }
            to.extend(char::from_u32(value & 0xff));
        }
        c => to.extend(['\\', c]),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<Arg> {
        words.iter().map(|word| Arg::literal(word)).collect()
    }

    #[test]
    fn echoes() {
        for (sh, words, expected) in [
            (Sh::Dash, &["a", "b"][..], "a b\n"),
            (Sh::Dash, &["a\\nb"], "a\nb\n"),
            (Sh::Bash, &["a\\nb"], "a\\nb\n"),
            (Sh::Ash, &["-e", "a\\nb"], "a\nb\n"),
            (Sh::Dash, &["-e", "a"], "-e a\n"),
            (Sh::Bash, &["-ne", "a\\tb"], "a\tb"),
            (Sh::Unknown, &["-e", "a\\nb"], "a\nb\n"),
            (Sh::Bash, &["-x"], "-x\n"),
            (Sh::Dash, &["\\041\\0101"], "!A\n"),
            (Sh::Dash, &["a\\c", "b"], "a"),
            (Sh::Dash, &[], "\n"),
            (Sh::Ash, &["-e", "\\x23\\x2Fx"], "#/x\n"),
            (Sh::Bash, &["\\x23"], "\\x23\n"),
        ] {
            assert_eq!(echo(&args(words), sh).as_deref(), Some(expected), "{words:?} in {sh:?}");
        }
    }

    #[test]
    fn prints() {
        for (words, expected) in [
            (&["%s\\n", "a", "b"][..], Some("a\nb\n")),
            (&["#!/bin/sh\\nexec a\\n"], Some("#!/bin/sh\nexec a\n")),
            (&["%s", "a\\nb"], Some("a\\nb")),
            (&["%b", "a\\nb"], Some("a\nb")),
            (&["100%%"], Some("100%")),
            (&["--", "a"], Some("a")),
            (&["%5s", "a"], None),
            (&["a", "b"], Some("a")),
            (&["\\x23!"], None),
            (&[], None),
        ] {
            assert_eq!(printf(&args(words)).as_deref(), expected, "{words:?}");
        }
    }
}
