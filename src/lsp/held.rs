//! What was said of a text before it was broken by half a word, for as long as it stays broken.
//!
//! A script that cannot be read has no outcome, and a file without a readable FROM has no images: all that was found would vanish with the
//! first keystroke of a new line, and be back with its last. So findings that are neither confirmed nor refuted stay where the text around
//! them has not changed, until the document is saved. They carry no repair, because there is nothing to check it against.

use std::sync::Arc;

use crate::FileReport;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::dockerfile::{self, Keyword};
use crate::orchestrator;
use crate::shell;
use crate::source::{Excerpt, Place, Source, Span};
use crate::yaml;

/// True if it can no longer be told what an image runs or how it stops, and could be told before.
pub(super) fn is_lost(before: &FileReport, now: &FileReport) -> bool {
    let known = |report: &FileReport| {
        let images = report.images.iter();
        images.filter(|image| image.outcome != Outcome::Unknown && !image.processes.is_empty()).count()
    };
    known(now) < known(before)
}

/// True if the text holds something that cannot be read.
pub(super) fn is_broken(source: &Arc<Source>, is_dockerfile: bool) -> bool {
    if orchestrator::is_candidate(source.path()) {
        return yaml::parse(source).problem.is_some();
    }
    if source.path().extension() == Some("json") {
        return serde_json::from_str::<serde_json::Value>(source.text()).is_err();
    }
    let cannot_be_read = |text: Excerpt| !shell::parse(Arc::new(text)).errors.is_empty();
    if !is_dockerfile {
        return cannot_be_read(Excerpt::whole(source));
    }
    let dockerfile = dockerfile::parse(source);
    let instructions = || dockerfile.instructions.iter();
    !dockerfile.problems.is_empty()
        || !instructions().any(|instruction| instruction.keyword == Keyword::From)
        || instructions()
            .filter(|instruction| matches!(instruction.keyword, Keyword::Cmd | Keyword::Entrypoint))
            .filter(|instruction| instruction.exec_form().is_none())
            .any(|instruction| cannot_be_read(instruction.body.clone()))
}

/// What was found before and is not found now, where it is now.
pub(super) fn hold(before: &FileReport, now: &FileReport) -> Vec<Diagnostic> {
    let now_of = |old: &Arc<Source>| now.sources.iter().find(|source| source.path() == old.path());
    let moved = |place: &Place| {
        // What is read no longer is as it was, as far as anybody knows.
        let Some(source) = now_of(&place.source) else { return Some(place.clone()) };
        let span = moved(place.source.text(), source.text(), place.span)?;
        Some(Place::new(source, span))
    };
    let mut held = Vec::new();
    for old in &before.diagnostics {
        let Some(place) = moved(&old.place) else { continue };
        let is_known = now.diagnostics.iter().any(|new| new.rule == old.rule && new.place == place);
        if is_known {
            continue;
        }
        let mut diagnostic = Diagnostic { place, fix: None, ..old.clone() };
        diagnostic.related.retain_mut(|related| match moved(&related.place) {
            Some(place) => {
                related.place = place;
                true
            }
            None => false,
        });
        held.push(diagnostic);
    }
    held
}

/// Where a span of the old text is in the new one; `None` if the change touches it.
fn moved(old: &str, new: &str, span: Span) -> Option<Span> {
    let same = |left: &mut dyn Iterator<Item = u8>, right: &mut dyn Iterator<Item = u8>| {
        left.zip(right).take_while(|(left, right)| left == right).count()
    };
    let before = same(&mut old.bytes(), &mut new.bytes());
    let shorter = old.len().min(new.len());
    let after = same(&mut old.bytes().rev(), &mut new.bytes().rev()).min(shorter - before);
    if span.end <= before {
        return Some(span);
    }
    let shift = |offset: usize| (offset + new.len()).checked_sub(old.len());
    if span.start >= old.len() - after {
        return Some(Span::new(shift(span.start)?, shift(span.end)?));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_move_with_the_text_around_a_change() {
        let (old, new) = ("one two three", "one 2 three");
        let at = |word: &str, text: &str| {
            let start = text.find(word).unwrap();
            Span::new(start, start + word.len())
        };
        assert_eq!(moved(old, new, at("one", old)), Some(at("one", new)));
        assert_eq!(moved(old, new, at("three", old)), Some(at("three", new)));
        assert_eq!(moved(old, new, at("two", old)), None);
        assert_eq!(moved("aa", "aaa", Span::new(0, 2)), Some(Span::new(0, 2)));
        assert_eq!(moved("", "", Span::new(0, 0)), Some(Span::new(0, 0)));
    }
}
