//! Text to the tree of tree-sitter-bash, within bounds.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use tree_sitter::{ParseOptions, Parser, Point, Tree};

use crate::recent::Recent;

/// Texts of more bytes are not read: they are archives that unpack themselves, not what a person wrote.
const MAX_TEXT: usize = 256 * 1024;

/// The parser asks after every hundred steps whether it may go on. Scripts take one step or two for each byte; what is no script makes
/// it try ever more ways.
const QUESTIONS: usize = 1_000;
const BYTES_PER_QUESTION: usize = 8;

/// Here-documents that are waited for. The grammar carries all of them along from word to word.
const MAX_HEREDOCS: usize = 1_000;

/// The tree; `None` where there is too much to read.
///
/// Trees of the last texts are kept: many repositories hold copies of one script, one for each version of what it starts.
pub(super) fn tree(text: &str) -> Option<Tree> {
    thread_local! {
        static LAST: Recent<(Arc<str>, Option<Tree>)> = const { Recent::new(8) };
    }
    LAST.with(|last| last.get(|(known, _)| **known == *text, || (text.into(), tree_of(text, None)))).1
}

/// The tree of a part of `text`, in which positions count from the start of the whole text.
pub(super) fn part(text: &str, range: Range<usize>) -> Option<Tree> {
    tree_of(text, Some(range))
}

fn tree_of(text: &str, range: Option<Range<usize>>) -> Option<Tree> {
    if text.len() > MAX_TEXT || text.matches("<<").count() > MAX_HEREDOCS {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    if let Some(Range { start, end }) = range {
        // Rows and columns are not asked for.
        let (start_point, end_point) = (Point::new(0, start), Point::new(0, end));
        let range = tree_sitter::Range { start_byte: start, end_byte: end, start_point, end_point };
        parser.set_included_ranges(&[range]).ok()?;
    }
    let mut left = QUESTIONS + text.len() / BYTES_PER_QUESTION;
    let mut progress = |_: &tree_sitter::ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let mut rest = |at: usize, _| text.as_bytes().get(at..).unwrap_or_default();
    parser.parse_with_options(&mut rest, None, Some(ParseOptions::new().progress_callback(&mut progress)))
}
