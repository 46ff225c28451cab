//! How the body of an instruction splits: into words, flags, assignments.

use std::ops::Range;

use super::lines::is_blank;

/// The words between ASCII white space.
pub(super) fn words(body: &str) -> impl Iterator<Item = &str> {
    body.split(is_blank).filter(|word| !word.is_empty())
}

/// A flag in front of the body: its range in the text, and its word without quotes and escapes.
pub(super) type FlagWord = (Range<usize>, String);

/// The words at the start of `text` that begin with `--`, and where the rest starts. A bare `--` ends the flags.
pub(super) fn flags(text: &str, escape: char) -> (Vec<FlagWord>, usize) {
    let mut flags = Vec::new();
    let mut position = 0;
    loop {
        let rest = &text[position..];
        position += rest.len() - rest.trim_start_matches(is_blank).len();
        if !text[position..].starts_with("--") {
            return (flags, position);
        }
        let (word, len) = flag_word(&text[position..], escape);
        let range = position..position + len;
        position = range.end;
        if word == "--" {
            return (flags, position);
        }
        flags.push((range, word));
    }
}

fn flag_word(text: &str, escape: char) -> (String, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if is_blank(c) => return (word, at),
            None if matches!(c, '\'' | '"') => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => word.extend(chars.next().map(|(_, c)| c)),
            _ => word.push(c),
        }
    }
    (word, text.len())
}

/// The words of ENV, LABEL and ARG: white space separates, except in quotes and after the escape; both are kept.
pub(super) fn quoted_words(body: &str, escape: char) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(start.take().map(|start| &body[start..at]));
            continue;
        }
        let word = *start.get_or_insert(at);
        if c == escape && quote != Some('\'') {
            if chars.next().is_none() {
                // An escape at the very end stands for nothing.
                words.extend((word < at).then(|| &body[word..at]));
                return words;
            }
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
    }
    words.extend(start.map(|start| &body[start..]));
    words
}

/// The names and values of ENV and LABEL, quotes and variables untouched: `NAME=value ...`, or the old `NAME value`.
pub(super) fn assignments<'a>(
    keyword: &str,
    body: &'a str,
    escape: char,
) -> Result<Vec<(&'a str, &'a str)>, String> {
    let words = quoted_words(body, escape);
    let Some(first) = words.first() else { return Err(format!("{keyword} needs at least one argument")) };
    if !first.contains('=') {
        return match body.split_once(is_blank) {
            Some((name, value)) => Ok(vec![(name, value.trim_start_matches(is_blank))]),
            None => Err(format!("{keyword} needs a name and a value")),
        };
    }
    let assignment = |word: &'a str| match word.split_once('=') {
        None => Err(format!("`{word}` should be `name=value`")),
        Some(("", _)) => Err(format!("a name in {keyword} cannot be blank")),
        Some(assignment) => Ok(assignment),
    };
    words.into_iter().map(assignment).collect()
}

/// The names of ARG, with their defaults.
pub(super) fn arguments(body: &str, escape: char) -> Vec<(&str, Option<&str>)> {
    let words = quoted_words(body, escape).into_iter();
    words.map(|word| word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_end_where_the_body_starts() {
        let read = |text: &'static str| {
            let (flags, rest) = flags(text, '\\');
            (flags.into_iter().map(|(_, word)| word).collect::<Vec<_>>(), &text[rest..])
        };
        assert_eq!(read("--a=b  --c d --e"), (vec!["--a=b".into(), "--c".into()], "d --e"));
        assert_eq!(read("--a=\"b c\"d\\ e f"), (vec!["--a=b cd e".into()], "f"));
        assert_eq!(read("-- --a"), (vec![], " --a"));
        assert_eq!(read("-a --b"), (vec![], "-a --b"));
        assert_eq!(read("--a"), (vec!["--a".into()], ""));
    }

    #[test]
    fn assignments_old_and_new() {
        let read = |body| assignments("ENV", body, '\\');
        assert_eq!(read("a=b c=\"d e\" f=g\\ h"), Ok(vec![("a", "b"), ("c", "\"d e\""), ("f", "g\\ h")]));
        assert_eq!(read("a  b c=d"), Ok(vec![("a", "b c=d")]));
        assert_eq!(read("a='b\\' c="), Ok(vec![("a", "'b\\'"), ("c", "")]));
        assert!(read("").is_err());
        assert!(read("a").is_err());
        assert!(read("a=b c").is_err());
        assert!(read("=b").is_err());
    }
}
