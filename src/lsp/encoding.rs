//! Positions: the protocol counts lines from 0, and columns in units that client and server agree on.

use lsp_types::{Position, PositionEncodingKind, Range};

use crate::source::{Source, Span};

/// The unit in which columns are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units: what every client can.
    Utf16,
}

impl Encoding {
    /// The best one of those that a client offers.
    pub(super) fn choose<'a>(mut offered: impl Iterator<Item = &'a str>) -> Self {
        if offered.any(|name| name == "utf-8") { Self::Utf8 } else { Self::Utf16 }
    }

    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    /// The range of a span.
    pub(super) fn range(self, source: &Source, span: Span) -> Range {
        let start = self.position(source, span.start);
        Range { start, end: self.position(source, span.end.max(span.start)) }
    }

    fn position(self, source: &Source, offset: usize) -> Position {
        let offset = source.position(offset).offset;
        let line = source.line(offset);
        let before = source.slice(Span::new(source.line_span(line).start, offset));
        let column = match self {
            Self::Utf8 => before.len(),
            Self::Utf16 => before.encode_utf16().count(),
        };
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(line - 1), character: number(column) }
    }

    /// The span of a range; what lies outside of the text is moved to its nearest place.
    pub(super) fn span(self, source: &Source, range: Range) -> Span {
        let (start, end) = (self.offset(source, range.start), self.offset(source, range.end));
        Span::new(start.min(end), start.max(end))
    }

    /// The offset of a position; behind the end of a line it is the line's end.
    pub(super) fn offset(self, source: &Source, position: Position) -> usize {
        let line = source.line_span((position.line as usize).saturating_add(1));
        let wanted = position.character as usize;
        let mut column = 0;
        for (at, c) in source.slice(line).char_indices() {
            column += match self {
                Self::Utf8 => c.len_utf8(),
                Self::Utf16 => c.len_utf16(),
            };
            if column > wanted {
                return line.start + at;
            }
        }
        line.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn columns_are_counted_in_units() {
        let source = Source::new("f", "aé😀z\r\n😀\n");
        let z = "aé😀".len();
        assert_eq!(Encoding::Utf8.position(&source, z), at(0, 7));
        assert_eq!(Encoding::Utf16.position(&source, z), at(0, 4));
        assert_eq!(Encoding::Utf16.offset(&source, at(0, 4)), z);
        // In the middle of a character, past a line's end, past the text's end.
        assert_eq!(Encoding::Utf16.offset(&source, at(0, 3)), "aé".len());
        assert_eq!(Encoding::Utf16.offset(&source, at(0, 99)), "aé😀z".len());
        assert_eq!(Encoding::Utf16.offset(&source, at(99, 0)), source.text().len());
    }

    #[test]
    fn utf_8_is_preferred() {
        assert_eq!(Encoding::choose(["utf-16", "utf-8"].into_iter()), Encoding::Utf8);
        assert_eq!(Encoding::choose(["utf-32"].into_iter()), Encoding::Utf16);
        assert_eq!(Encoding::choose(std::iter::empty()), Encoding::Utf16);
    }

    proptest! {
        #[test]
        fn there_and_back(text in "([a\u{e9}\u{1f600}]|\n|\r\n){0,12}") {
            let source = Source::new("f", text.clone());
            // The place between the two characters of a line ending belongs to the line's end.
            let places = text.char_indices().filter(|(at, _)| !text[..*at].ends_with('\r')).map(|(at, _)| at);
            for offset in places {
                for encoding in [Encoding::Utf8, Encoding::Utf16] {
                    prop_assert_eq!(encoding.offset(&source, encoding.position(&source, offset)), offset);
                }
            }
        }

        #[test]
        fn any_position_is_in_the_text(text in "\\PC{0,20}", line in 0u32..4, character in any::<u32>()) {
            let source = Source::new("f", text.clone());
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                prop_assert!(text.is_char_boundary(encoding.offset(&source, at(line, character))));
            }
        }
    }
}
