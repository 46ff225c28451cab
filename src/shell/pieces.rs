//! A text in pieces, for the grammar: it weighs several readings at once, and in a long script it sometimes drops the right one, though it
//! reads each statement alone.

use std::ops::Range;

/// How often a byte is read on average, as part of one piece or another, before they are given up.
const MAX_READINGS: usize = 16;

/// Splits `text` at beginnings of lines so that `read` succeeds for each piece, and gives what it read; `None` where it cannot be split so. A
/// shell reads line by line as well: lines that are whole statements do not depend on what follows.
pub(super) fn each<T>(text: &str, mut read: impl FnMut(Range<usize>) -> Option<T>) -> Option<Vec<T>> {
    let mut pieces = Vec::new();
    let mut left = text.len() * MAX_READINGS;
    let mut start = 0;
    while start < text.len() {
        let mut tries = starts(text, start).take_while(|end| {
            left = left.saturating_sub(end - start);
            left > 0
        });
        let (end, piece) = tries.find_map(|end| Some((end, read(start..end)?)))?;
        pieces.push(piece);
        start = end;
    }
    Some(pieces)
}

/// Where lines behind `from` begin that may begin a statement of the script itself, and the end. People indent what is inside another.
fn starts(text: &str, from: usize) -> impl Iterator<Item = usize> {
    let breaks = text[from..].match_indices('\n').map(move |(at, _)| from + at + 1);
    let begins = |at: &usize| {
        let goes_on = text[..at - 1].ends_with('\\');
        !goes_on && !text[*at..].starts_with([' ', '\t', '\n', '\r', '#', '}', ')'])
    };
    breaks.filter(begins).filter(|at| *at < text.len()).chain([text.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_until_it_can_be_read() {
        let text = "a\nif b\nthen\n  c\nfi\nd\n";
        let whole = |piece: &str| piece.contains("if") == piece.contains("fi\n");
        let pieces = each(text, |range| Some(&text[range]).filter(|piece| whole(piece)).map(str::to_owned));
        assert_eq!(pieces.unwrap(), ["a\n", "if b\nthen\n  c\nfi\n", "d\n"]);
        assert_eq!(each("a\nif b\nc\n", |range| whole(&"a\nif b\nc\n"[range]).then_some(())), None);
    }

    #[test]
    fn keeps_continued_lines_together() {
        let text = "a \\\nb\nc";
        assert_eq!(each(text, |range| Some(text[range].to_owned())).unwrap(), ["a \\\nb\n", "c"]);
    }
}
