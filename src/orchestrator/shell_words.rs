//! A command in one line, split into words as Compose does it: with quotes as a shell has them, but without a shell. It does so as
//! <https://github.com/mattn/go-shellwords> does.

use std::sync::Arc;

use crate::source::{Encoding, Excerpt, Span};

/// A line as Compose reads it.
pub(super) struct Line {
    pub(super) words: Vec<Arc<Excerpt>>,
    /// What it throws away: an operator of the shell, and what stands behind it.
    pub(super) dropped: Option<Span>,
}

/// The words of a line. `None` where Compose refuses it.
pub(super) fn split(line: &Excerpt) -> Option<Line> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut characters = line.text().char_indices();
    while let Some((at, character)) = characters.next() {
        let current =
            |word: &mut Option<Word>| word.take().unwrap_or_else(|| Word { start: at, changes: Vec::new() });
        match character {
            '\\' if quote != Some('\'') => {
                let (next, escaped) = characters.next()?;
                let mut this = current(&mut word);
                let means = match escaped {
                    'n' => "\n".to_owned(),
                    't' => "\t".to_owned(),
                    other => other.to_string(),
                };
                this.changes.push((Span::new(at, next + escaped.len_utf8()), means));
                word = Some(this);
            }
            '\'' | '"' if quote.is_none_or(|open| open == character) => {
                quote = if quote.is_none() { Some(character) } else { None };
                let mut this = current(&mut word);
                this.changes.push((Span::new(at, at + 1), String::new()));
                word = Some(this);
            }
            '(' | ')' | '`' if quote.is_none() => return None,
            ';' | '&' | '|' | '<' | '>' if quote.is_none() => {
                // `2>` is a descriptor's number.
                let number =
                    |word: &Word| line.text()[word.start..].starts_with(|c: char| c.is_ascii_digit());
                let last = word.filter(|word| character != '>' || !number(word));
                words.extend(last.map(|word| word.finish(line, at)));
                let end = line.text().trim_end().len();
                // Behind a last `;` or `&` stands nothing that could be lost.
                let dropped = (at + 1 < end).then(|| line.place(Span::new(at, end)).span);
                return Some(Line { words, dropped });
            }
            _ if character.is_ascii_whitespace() && quote.is_none() => {
                words.extend(word.take().map(|word| word.finish(line, at)));
            }
            _ => word = Some(current(&mut word)),
        }
    }
    words.extend(word.take().map(|word| word.finish(line, line.text().len())));
    quote.is_none().then_some(Line { words, dropped: None })
}

/// A word whose end has not come yet.
struct Word {
    start: usize,
    /// Quotes and escapes: where they stand in the line, and what they leave.
    changes: Vec<(Span, String)>,
}

impl Word {
    fn finish(self, line: &Excerpt, end: usize) -> Arc<Excerpt> {
        let from_start = |span: Span| Span::new(span.start - self.start, span.end - self.start);
        let changes: Vec<_> =
            self.changes.iter().map(|(span, text)| (from_start(*span), text.clone())).collect();
        Arc::new(line.sub(Span::new(self.start, end)).with_changes(&changes, Encoding::Setting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn words(text: &str) -> Option<Vec<String>> {
        let source = Source::new("compose.yaml", text);
        let line = split(&Excerpt::whole(&source))?;
        Some(line.words.iter().map(|word| word.text().to_owned()).collect())
    }

    #[test]
    fn knows_what_is_thrown_away() {
        for (line, lost) in
            [("a && b", Some("&& b")), ("a;b", Some(";b")), ("a ;", None), ("a; ", None), ("a &", None)]
        {
            let source = Source::new("compose.yaml", line);
            let dropped = split(&Excerpt::whole(&source)).unwrap().dropped;
            assert_eq!(dropped.map(|span| &line[span.start..span.end]), lost, "{line}");
        }
    }

    #[test]
    fn splits_like_compose() {
        for (line, expected) in [
            ("npm  start", Some(vec!["npm", "start"])),
            ("sh -c 'exec a && b'", Some(vec!["sh", "-c", "exec a && b"])),
            ("sh -c \"echo \\\"x\\\" 'y'\"", Some(vec!["sh", "-c", "echo \"x\" 'y'"])),
            ("a ''", Some(vec!["a", ""])),
            ("a\\ b c'd'e", Some(vec!["a b", "cde"])),
            ("", Some(vec![])),
            ("a && b", Some(vec!["a"])),
            ("a 2> b", Some(vec!["a"])),
            ("a 'b", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn words_have_places() {
        let source = Source::new("compose.yaml", "bash -c \"node a.js\"");
        let words = split(&Excerpt::whole(&source)).unwrap().words;
        let edit = words[2].edit(Span::at(0), "exec ").unwrap();
        assert_eq!((edit.span, edit.text.as_str()), (Span::at(9), "exec "));
        assert!(words[2].edit(Span::at(0), "\"x\"").is_none());
    }
}
