//! Physical lines to logical lines: parser directives, comments, continuations.

use std::ops::Range;
use std::sync::Arc;

use crate::source::{Encoding, Excerpt, Piece, Source, Span};

use super::Problem;

/// True for what separates words in an instruction: ASCII white space, and nothing of Unicode's.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ')
}

/// The lines of one instruction as one text, and where each part of it stands in the file.
#[derive(Debug, Default)]
pub(super) struct LogicalLine {
    text: String,
    pieces: Vec<Piece>,
    end: usize,
}

impl LogicalLine {
    fn push(&mut self, at: usize, text: &str) {
        if !text.is_empty() {
            let len = text.len();
            self.pieces.push(Piece { text: self.text.len(), len, source: at, source_len: len });
            self.text.push_str(text);
        }
    }

    /// The joined text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// End of the last physical line, its line ending excluded.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The file's bytes for a range of the text.
    pub(super) fn span(&self, range: &Range<usize>) -> Span {
        let after = self.pieces.partition_point(|p| p.text + p.len <= range.start);
        let start = self.pieces.get(after).map_or(self.end_of_text(), |p| p.source + (range.start - p.text));
        if range.is_empty() {
            return Span::at(start);
        }
        let before = self.pieces.partition_point(|p| p.text < range.end);
        let end = self.pieces[..before].last().map_or(start, |p| p.source + (range.end - p.text));
        Span::new(start, end)
    }

    fn end_of_text(&self) -> usize {
        self.pieces.last().map_or(self.end, |p| p.source + p.source_len)
    }

    /// The pieces of a range of the text, which count from `at` in the excerpt that they are for.
    pub(super) fn pieces(&self, range: &Range<usize>, at: usize) -> impl Iterator<Item = Piece> {
        let first = self.pieces.partition_point(|p| p.text + p.len <= range.start);
        let Range { start, end } = *range;
        self.pieces[first..].iter().take_while(move |p| p.text < end).map(move |p| {
            let from = p.text.max(start);
            let len = (p.text + p.len).min(end) - from;
            Piece { text: at + from - start, len, source: p.source + (from - p.text), source_len: len }
        })
    }

    /// A range of the text as an excerpt.
    pub(super) fn excerpt(&self, source: &Arc<Source>, range: &Range<usize>) -> Excerpt {
        Excerpt::mapped(
            source,
            self.span(range),
            self.text[range.clone()].to_owned(),
            self.pieces(range, 0).collect(),
            Encoding::LogicalLine,
        )
    }
}

/// Reads a file as logical lines.
pub(super) struct Lines<'a> {
    text: &'a str,
    position: usize,
    escape: char,
    /// The directives seen so far, while directives may still follow.
    directives: Option<Vec<String>>,
    /// The comments seen so far.
    pub(super) comments: Vec<Span>,
    /// What is wrong with the directives.
    pub(super) problems: Vec<Problem>,
}

impl<'a> Lines<'a> {
    /// The lines of a whole file.
    pub(super) fn new(text: &'a str) -> Self {
        let position = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self {
            text,
            position,
            escape: '\\',
            directives: Some(Vec::new()),
            comments: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The escape character as far as the file was read.
    pub(super) fn escape(&self) -> char {
        self.escape
    }

    /// Where the next line starts.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Goes on at `position`, the start of a line further down.
    pub(super) fn skip_to(&mut self, position: usize) {
        self.position = position;
    }

    /// The next line that is neither blank nor a comment, with the lines that continue it.
    pub(super) fn next_logical(&mut self) -> Option<LogicalLine> {
        loop {
            let (start, line) = self.next_physical()?;
            let trimmed = line.trim_start();
            let start = start + (line.len() - trimmed.len());
            self.directive(start, trimmed);
            if trimmed.is_empty() || self.comment(start, trimmed) {
                continue;
            }
            return Some(self.logical(start, trimmed));
        }
    }

    fn logical(&mut self, start: usize, first: &str) -> LogicalLine {
        let mut logical = LogicalLine { end: start + first.len(), ..LogicalLine::default() };
        let mut rest = continuation(first, self.escape);
        logical.push(start, rest.unwrap_or(first));
        while rest.is_some() {
            let Some((start, line)) = self.next_physical() else { break };
            logical.end = start + line.len();
            let trimmed = line.trim_start();
            if trimmed.is_empty() || self.comment(start + (line.len() - trimmed.len()), trimmed) {
                continue;
            }
            rest = continuation(line, self.escape);
            logical.push(start, rest.unwrap_or(line));
        }
        logical
    }

    /// True for a comment, which is remembered.
    fn comment(&mut self, start: usize, line: &str) -> bool {
        let is_comment = line.starts_with('#');
        if is_comment {
            self.comments.push(Span::new(start, start + line.len()));
        }
        is_comment
    }

    /// The next physical line and where it starts, without its line ending.
    fn next_physical(&mut self) -> Option<(usize, &'a str)> {
        let start = self.position;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let len = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.position = start + len;
        Some((start, rest[..len].trim_end_matches(['\r', '\n'])))
    }

    /// Parser directives stand at the top of the file; the first line that is none ends them.
    fn directive(&mut self, start: usize, line: &str) {
        let Some(seen) = &mut self.directives else { return };
        let Some((name, value)) = split_directive(line) else {
            self.directives = None;
            return;
        };
        let mut problem = |message| {
            self.problems.push(Problem { span: Span::new(start, start + line.trim_end().len()), message });
        };
        if seen.contains(&name) {
            problem(format!("only one `{name}` directive can be used"));
        } else if name == "escape" {
            match value {
                "\\" => self.escape = '\\',
                "`" => self.escape = '`',
                _ => problem(format!("the escape character must be \\ or `, not `{value}`")),
            }
        }
        seen.push(name);
    }
}

/// The part before the escape that continues a line; `None` for a line that is complete.
fn continuation(line: &str, escape: char) -> Option<&str> {
    let before = line.trim_end_matches([' ', '\t']).strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before)
}

/// The name, in lower case, and the value of a directive that BuildKit knows.
fn split_directive(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.strip_prefix('#')?.trim_start().split_once('=')?;
    let name = name.trim_end_matches(is_blank).to_ascii_lowercase();
    let known = matches!(name.as_str(), "syntax" | "escape" | "check");
    (known && !value.is_empty()).then(|| (name, value.trim_matches(is_blank)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut lines = Lines::new(text);
        std::iter::from_fn(|| lines.next_logical()).map(|line| line.text().to_owned()).collect()
    }

    #[test]
    fn continuations() {
        for (text, expected) in [
            ("a \\\n  b", vec!["a   b"]),
            ("a \\ \t\nb", vec!["a b"]),
            ("a\\\\\nb", vec!["a\\\\", "b"]),
            ("a\\\\\\\nb", vec!["a\\\\\\", "b"]),
            ("a \\\n# c \\\n\n  \nb\nc", vec!["a b", "c"]),
            ("a \\\r\nb\r\n", vec!["a b"]),
            ("\\\na", vec!["a"]),
            ("a \\", vec!["a "]),
            ("\u{feff}a", vec!["a"]),
            ("# escape=`\na `\nb\\\nc", vec!["a b\\", "c"]),
            ("a\n# escape=`\nb \\\nc", vec!["a", "b c"]),
            ("# syntax=x\n# Escape = ` \na`\nb", vec!["ab"]),
            ("#!/x\n# escape=`\na\\\nb", vec!["ab"]),
            ("\n# escape=`\na\\\nb", vec!["ab"]),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn directives_that_buildkit_refuses() {
        for text in ["# escape=x\nFROM a", "# escape=`\n# escape=`\nFROM a", "# escape= \nFROM a"] {
            let mut lines = Lines::new(text);
            while lines.next_logical().is_some() {}
            assert_eq!(lines.problems.len(), 1, "{text:?}");
        }
    }

    #[test]
    fn spans_across_a_continuation() {
        let mut lines = Lines::new("ab\\\n  cd\n");
        let line = lines.next_logical().unwrap();
        assert_eq!(line.text(), "ab  cd");
        assert_eq!(line.span(&(1..5)), Span::new(1, 7));
        assert_eq!(line.span(&(2..2)), Span::at(4));
        assert_eq!(line.span(&(6..6)), Span::at(8));
        assert_eq!(line.end(), 8);
    }
}
