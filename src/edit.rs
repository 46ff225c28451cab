//! Applying edits to a text.

use crate::source::Edit;

/// Why edits could not be applied. Nothing has been changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// An edit reaches past the end of the text, ends before it starts, or cuts a character in two.
    #[error("an edit at bytes {start}..{end} does not fit the text")]
    OutOfPlace {
        /// First byte of the edit.
        start: usize,
        /// Byte after its last.
        end: usize,
    },
    /// Two edits replace the same bytes.
    #[error("two edits overlap at byte {at}")]
    Overlap {
        /// The first byte that both replace.
        at: usize,
    },
}

/// The text with all `edits` of one file applied, whatever their order. Insertions at one place keep the order given;
/// an insertion where a replacement starts comes before it.
pub fn apply<'a>(text: &str, edits: impl IntoIterator<Item = &'a Edit>) -> Result<String, ApplyError> {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| (edit.span.start, !edit.span.is_empty()));

    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        let (start, end) = (edit.span.start, edit.span.end);
        if start < done {
            return Err(ApplyError::Overlap { at: start });
        }
        if text.get(start..end).is_none() {
            return Err(ApplyError::OutOfPlace { start, end });
        }
        result.push_str(&text[done..start]);
        result.push_str(&edit.text);
        done = end;
    }
    result.push_str(&text[done..]);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use proptest::prelude::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { path: "f".into(), span: Span { start, end }, text: text.to_owned() }
    }

    #[test]
    fn edits_apply_in_any_order() {
        let edits = [edit(6, 11, "there"), edit(0, 0, ">> "), edit(11, 11, "!")];
        assert_eq!(apply("hello world", &edits).unwrap(), ">> hello there!");
    }

    #[test]
    fn insertions_at_one_place_keep_their_order_and_come_before_a_replacement() {
        let edits = [edit(1, 2, "X"), edit(1, 1, "1"), edit(1, 1, "2"), edit(2, 2, "3")];
        assert_eq!(apply("abc", &edits).unwrap(), "a12X3c");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(apply("abc", &[edit(0, 2, ""), edit(1, 3, "")]), Err(ApplyError::Overlap { at: 1 }));
        assert_eq!(apply("abc", &[edit(0, 3, ""), edit(1, 1, "x")]), Err(ApplyError::Overlap { at: 1 }));
        assert_eq!(apply("abc", &[edit(2, 9, "")]), Err(ApplyError::OutOfPlace { start: 2, end: 9 }));
        assert_eq!(apply("abc", &[edit(2, 1, "")]), Err(ApplyError::OutOfPlace { start: 2, end: 1 }));
        assert_eq!(apply("é", &[edit(1, 2, "")]), Err(ApplyError::OutOfPlace { start: 1, end: 2 }));
    }

    proptest! {
        /// Cutting the text into pieces, replacing some and applying in any order is the same as joining the new pieces.
        #[test]
        fn apply_replaces_pieces(
            pieces in proptest::collection::vec((".{0,6}\n?", proptest::option::of(".{0,4}")), 0..12),
            seed in any::<u64>(),
        ) {
            let (mut text, mut expected, mut edits) = (String::new(), String::new(), Vec::new());
            for (old, new) in &pieces {
                if let Some(new) = new.as_ref().filter(|_| !old.is_empty()) {
                    edits.push(edit(text.len(), text.len() + old.len(), new));
                    expected.push_str(new);
                } else {
                    expected.push_str(old);
                }
                text.push_str(old);
            }
            let turn = seed as usize % edits.len().max(1);
            edits.rotate_left(turn);
            prop_assert_eq!(apply(&text, &edits).unwrap(), expected);
        }

        /// Nothing makes it panic.
        #[test]
        fn apply_takes_anything(text in "\\PC{0,12}", spans in proptest::collection::vec((0usize..20, 0usize..20), 0..4)) {
            let edits: Vec<_> = spans.iter().map(|&(start, end)| edit(start, end, "x")).collect();
            let _ = apply(&text, &edits);
        }
    }
}
