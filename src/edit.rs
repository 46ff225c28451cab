//! Applying edits to a text.

use crate::source::{Edit, Span};

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

/// Edits of `text` that do what `first` does, and then `second`, whose places are in the text after `first`.
///
/// Where an edit of `second` touches what `first` wrote, the two become one; everything else keeps its place.
pub fn compose(text: &str, first: Vec<Edit>, second: Vec<Edit>) -> Result<Vec<Edit>, ApplyError> {
    let mut composed = first;
    composed.sort_by_key(|edit| (edit.span.start, !edit.span.is_empty()));
    apply(text, &composed)?;
    let mut later = second;
    // From the end on, so that earlier places stay as they are.
    later.sort_by_key(|edit| (edit.span.start, !edit.span.is_empty()));
    for edit in later.into_iter().rev() {
        add(text, &mut composed, edit)?;
    }
    Ok(composed)
}

/// Adds one edit of the text after `edits` to them; those that it touches become one with it.
fn add(text: &str, edits: &mut Vec<Edit>, new: Edit) -> Result<(), ApplyError> {
    let misplaced = || ApplyError::OutOfPlace { start: new.span.start, end: new.span.end };
    // Where each replacement lies in the text after all of them, and how much the text has grown up to its end.
    let mut growth = 0_isize;
    let mut placed: Vec<(Span, isize)> = Vec::new();
    for edit in edits.iter() {
        let start = edit.span.start.checked_add_signed(growth).ok_or_else(misplaced)?;
        growth += edit.text.len().cast_signed() - (edit.span.end - edit.span.start).cast_signed();
        placed.push((Span::new(start, start + edit.text.len()), growth));
    }
    let first = placed.partition_point(|(span, _)| span.end < new.span.start);
    let last = placed.partition_point(|(span, _)| span.start <= new.span.end).max(first);
    let growth_before = first.checked_sub(1).map_or(0, |index| placed[index].1);
    let growth_after = last.checked_sub(1).map_or(0, |index| placed[index].1);

    let mut here = new.span;
    if let (Some((start, _)), Some((end, _))) = (placed[first..last].first(), placed[first..last].last()) {
        here = here.to(*start).to(*end);
    }
    let start = here.start.checked_add_signed(-growth_before).ok_or_else(misplaced)?;
    let end = here.end.checked_add_signed(-growth_after).ok_or_else(misplaced)?;
    let stretch = text.get(start..end).ok_or_else(misplaced)?;
    let local: Vec<Edit> = edits[first..last].iter().map(|edit| moved(edit, start)).collect();
    let replaced = apply(&apply(stretch, &local)?, [&moved(&new, here.start)])?;
    edits.splice(first..last, [Edit { path: new.path, span: Span::new(start, end), text: replaced }]);
    Ok(())
}

fn moved(edit: &Edit, by: usize) -> Edit {
    let span = Span::new(edit.span.start.saturating_sub(by), edit.span.end.saturating_sub(by));
    Edit { path: edit.path.clone(), span, text: edit.text.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8Path;
    use proptest::prelude::*;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { path: Utf8Path::new("f").into(), span: Span { start, end }, text: text.to_owned() }
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

        /// Two steps at once end where they end one after the other.
        #[test]
        fn composed_edits_do_what_both_do(
            text in "[a-f]{0,12}",
            first in proptest::collection::vec((0usize..13, 0usize..4, "[A-C]{0,3}"), 0..4),
            second in proptest::collection::vec((0usize..20, 0usize..4, "[X-Z]{0,3}"), 0..4),
        ) {
            let make = |all: &[(usize, usize, String)], length: usize| -> Vec<Edit> {
                let mut all = all.to_vec();
                all.sort();
                let mut done = 0;
                let mut edits = Vec::new();
                for (start, len, new) in all {
                    if start > done && start + len < length {
                        edits.push(edit(start, start + len, &new));
                        done = start + len;
                    }
                }
                edits
            };
            let first = make(&first, text.len());
            let middle = apply(&text, &first).unwrap();
            let second = make(&second, middle.len());
            let expected = apply(&middle, &second).unwrap();
            let composed = compose(&text, first, second).unwrap();
            prop_assert_eq!(apply(&text, &composed).unwrap(), expected);
        }

        /// Nothing makes it panic.
        #[test]
        fn apply_takes_anything(text in "\\PC{0,12}", spans in proptest::collection::vec((0usize..20, 0usize..20), 0..4)) {
            let edits: Vec<_> = spans.iter().map(|&(start, end)| edit(start, end, "x")).collect();
            let _ = apply(&text, &edits);
        }
    }
}
