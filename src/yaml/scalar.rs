//! Scalars: where each byte of a text stands in the file, whatever its style.

use std::sync::Arc;

use granit_parser::ScalarStyle;

use crate::source::{Encoding, Excerpt, Piece, Source, Span};

/// True for the ways to write nothing.
pub(super) fn is_null(text: &str, style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain && matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A block ends with its last line, not where the next node begins.
pub(super) fn trimmed(source: &Source, span: Span) -> Span {
    Span::new(span.start, span.start + source.slice(span).trim_end().len())
}

/// The text of a scalar that stands at `span` as an excerpt. A text that cannot be aligned with the file can be shown, not edited.
pub(super) fn read(source: &Arc<Source>, span: Span, text: &str, style: ScalarStyle) -> Excerpt {
    let aligned = match style {
        ScalarStyle::Plain => folded(source, span, text),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            let inner = Span::new(span.start + 1, span.end.saturating_sub(1).max(span.start + 1));
            let escape = if style == ScalarStyle::SingleQuoted { single_quote } else { backslash };
            quoted(source, inner, text, escape).or_else(|| folded(source, inner, text))
        }
        ScalarStyle::Literal => return literal(source, span, text),
        _ => folded(source, span, text),
    };
    let encoding = if style == ScalarStyle::DoubleQuoted { Encoding::Json } else { Encoding::Setting };
    match aligned {
        Some(pieces) => Excerpt::mapped(source, trimmed(source, span), text.to_owned(), pieces, encoding),
        None => Excerpt::derived(source, trimmed(source, span), text),
    }
}

/// How many bytes of the file stand for the first character of the text, by an escape; `None` if it stands for itself.
type Escape = fn(&str) -> Option<(usize, char)>;

fn single_quote(rest: &str) -> Option<(usize, char)> {
    rest.starts_with("''").then_some((2, '\''))
}

/// The escapes that people use; a text with another one cannot be aligned.
fn backslash(rest: &str) -> Option<(usize, char)> {
    let escaped = rest.strip_prefix('\\')?.chars().next()?;
    let means = match escaped {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        '"' | '\\' | '/' | ' ' => escaped,
        _ => return None,
    };
    Some((2, means))
}

/// A quoted text on one line.
fn quoted(source: &Source, span: Span, text: &str, escape: Escape) -> Option<Vec<Piece>> {
    let written = source.slice(span);
    let mut pieces = Vec::new();
    let mut at = 0;
    for (offset, character) in text.char_indices() {
        let rest = written.get(at..)?;
        let source_len = match escape(rest) {
            Some((len, means)) if means == character => len,
            None if rest.starts_with(character) && !rest.starts_with(['\n', '\r']) => character.len_utf8(),
            _ => return None,
        };
        push(&mut pieces, offset, character.len_utf8(), span.start + at, source_len);
        at += source_len;
    }
    (at == written.len()).then_some(pieces)
}

/// A text whose lines are joined: a line ending and the blanks around it stand for one blank, further line endings for themselves.
fn folded(source: &Source, span: Span, text: &str) -> Option<Vec<Piece>> {
    let written = source.slice(span);
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut offset = 0;
    while let Some(character) = text.get(offset..)?.chars().next() {
        let rest = written.get(at..)?;
        let is_break = rest.trim_start_matches([' ', '\t', '\r']).starts_with('\n');
        if is_break && character.is_whitespace() {
            let source_len = rest.len() - rest.trim_start().len();
            let len = text[offset..].len() - text[offset..].trim_start_matches(['\n', ' ']).len();
            push(&mut pieces, offset, len, span.start + at, source_len);
            at += source_len;
            offset += len;
        } else if rest.starts_with(character) {
            push(&mut pieces, offset, character.len_utf8(), span.start + at, character.len_utf8());
            at += character.len_utf8();
            offset += character.len_utf8();
        } else {
            return None;
        }
    }
    written.get(at..)?.trim().is_empty().then_some(pieces)
}

/// A block whose lines stay lines, each without the indentation of the block.
fn literal(source: &Arc<Source>, span: Span, text: &str) -> Excerpt {
    let start_of_line = source.text()[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let indent = span.start - start_of_line;
    let mut pieces = Vec::new();
    let mut at = span.start;
    for (offset, line) in lines(text) {
        let rest = &source.text()[at..];
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let skipped = if at == span.start { 0 } else { blanks.min(indent) };
        let content = line.trim_end_matches('\n');
        if !rest[skipped..].starts_with(content) {
            return Excerpt::derived(source, trimmed(source, span), text);
        }
        push(&mut pieces, offset, content.len(), at + skipped, content.len());
        let ending = rest[skipped + content.len()..].split_inclusive('\n').next().unwrap_or("").len();
        push(
            &mut pieces,
            offset + content.len(),
            line.len() - content.len(),
            at + skipped + content.len(),
            ending,
        );
        at += skipped + content.len() + ending;
    }
    let indent = u16::try_from(indent).unwrap_or(u16::MAX);
    Excerpt::mapped(source, trimmed(source, span), text.to_owned(), pieces, Encoding::Indented(indent))
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = offset;
        offset += line.len();
        (at, line)
    })
}

/// Adds a piece, or makes the last one longer.
fn push(pieces: &mut Vec<Piece>, text: usize, len: usize, source: usize, source_len: usize) {
    if len == 0 {
        return;
    }
    match pieces.last_mut() {
        Some(last)
            if len == source_len
                && last.len == last.source_len
                && last.source + last.source_len == source =>
        {
            last.len += len;
            last.source_len += source_len;
        }
        _ => pieces.push(Piece { text, len, source, source_len }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    /// The scalar under `k`, and the bytes of the file for each of its words.
    fn words(text: &str) -> (String, Vec<String>, Encoding) {
        let source = Source::new("a.yaml", text);
        let yaml = parse(&source);
        let scalar = Arc::clone(yaml.documents[0].get("k").unwrap().scalar().unwrap());
        let content = scalar.text().to_owned();
        let found = content
            .split_whitespace()
            .map(|word| {
                let at = word.as_ptr() as usize - content.as_ptr() as usize;
                source.slice(scalar.to_source(Span::new(at, at + word.len()))).to_owned()
            })
            .collect();
        (content, found, scalar.encoding())
    }

    #[test]
    fn each_style_is_mapped() {
        let bare = Encoding::Setting;
        for (text, content, written, encoding) in [
            ("k: npm start\n", "npm start", vec!["npm", "start"], bare),
            ("k: é b # c\n", "é b", vec!["é", "b"], bare),
            ("k: a\n  b\n", "a b", vec!["a", "b"], bare),
            ("k: 'it''s b'\n", "it's b", vec!["it''s", "b"], bare),
            ("k: \"a\\n\\\"b\\\" c\"\n", "a\n\"b\" c", vec!["a", "\\\"b\\\"", "c"], Encoding::Json),
            ("k: \"a\n  b\"\n", "a b", vec!["a", "b"], Encoding::Json),
            (
                "k: |\n  a b\n    c\n\n  d\nx: y\n",
                "a b\n  c\n\nd\n",
                vec!["a", "b", "c", "d"],
                Encoding::Indented(2),
            ),
            ("k: |\r\n  a b\r\n  c\r\n", "a b\nc\n", vec!["a", "b", "c"], Encoding::Indented(2)),
            ("k: >-\n  a b\n  c\n\n  d\n", "a b c\nd", vec!["a", "b", "c", "d"], bare),
        ] {
            let written: Vec<_> = written.into_iter().map(str::to_owned).collect();
            assert_eq!(words(text), (content.to_owned(), written, encoding), "{text}");
        }
    }

    #[test]
    fn an_unusual_escape_can_be_shown_only() {
        let (content, _, encoding) = words("k: \"a\\x41\"\n");
        assert_eq!((content.as_str(), encoding), ("aA", Encoding::Derived));
    }
}
