//! Lines and columns, as each format counts them.

use crate::source::{Source, Span};

/// What a column counts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Columns {
    /// Unicode characters.
    Characters,
    /// UTF-16 code units.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// From the first position of a span to the one behind its last.
pub(super) fn range(source: &Source, span: Span, columns: Columns) -> (Position, Position) {
    (position(source, span.start, columns), position(source, span.end, columns))
}

fn position(source: &Source, offset: usize, columns: Columns) -> Position {
    let at = source.position(offset);
    let before = || source.slice(Span::new(source.line_span(at.line).start, at.offset));
    let column = match columns {
        Columns::Characters => at.column,
        Columns::Utf16 => before().encode_utf16().count() + 1,
        Columns::Bytes => before().len() + 1,
    };
    Position { line: at.line, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_kind() {
        let source = Source::new("f", "a\r\né😀b");
        let at = |columns| {
            let (start, end) = range(&source, Span::new(0, source.text().len() - 1), columns);
            (start.line, start.column, end.line, end.column)
        };
        assert_eq!(at(Columns::Characters), (1, 1, 2, 3));
        assert_eq!(at(Columns::Utf16), (1, 1, 2, 4));
        assert_eq!(at(Columns::Bytes), (1, 1, 2, 7));
        let past = range(&source, Span::new(1, 99), Columns::Utf16);
        assert_eq!(past, (Position { line: 1, column: 2 }, Position { line: 2, column: 5 }));
    }
}
