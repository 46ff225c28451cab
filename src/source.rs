//! Files and the places in them: identity, text, spans, lines, and the [`Loader`] through which all reading goes.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};

mod disk;
mod excerpt;
mod memory;
mod names;
mod overlay;
mod snapshot;

pub use disk::{DiskLoader, MAX_FILE_SIZE};
pub use excerpt::{Encoding, Excerpt, Piece, UNKNOWN};
pub use memory::MemoryLoader;
pub use names::{Name, name};
pub use overlay::OverlayLoader;
pub use snapshot::{Listed, Lists, Snapshot};

/// The last part of a path, as `basename` says it; empty for the root.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A half-open range of byte offsets into a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just past the last byte.
    pub end: usize,
}

impl Span {
    /// The span from `start` up to, not including, `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The empty span at `offset`.
    pub fn at(offset: usize) -> Self {
        Self { start: offset, end: offset }
    }

    /// True if no byte is covered.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// True if the other span is a part of this one.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// True if the spans share a byte.
    pub fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Span::new(range.start, range.end)
    }
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// A position for people: line and column count from 1, the column in Unicode characters; the offset counts bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in Unicode characters, from 1.
    pub column: usize,
    /// Offset in bytes, from 0.
    pub offset: usize,
}

/// One file as it was read: its path inside the project and its text.
pub struct Source {
    path: Arc<Utf8Path>,
    text: Box<str>,
    /// Lines and bytes of the file in front of the text, where only a part of it is kept.
    skipped: Skipped,
    /// Where lines of the text begin. A report on a large project keeps many of these, so that they are small; no text is as large as the
    /// numbers allow.
    lines: OnceLock<Box<[u32]>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Skipped {
    lines: usize,
    bytes: usize,
}

impl Source {
    /// A file at `path` (relative to the project's root, `/` between parts) holding `text`.
    pub fn new(path: impl Into<Utf8PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Self::part(path.into().into(), text.into().into_boxed_str(), Skipped::default())
    }

    fn part(path: Arc<Utf8Path>, text: Box<str>, skipped: Skipped) -> Arc<Self> {
        Arc::new(Self { path, text, skipped, lines: OnceLock::new() })
    }

    /// The same file of which only the lines of `span` and the ones beside them are kept. Whatever lies in them keeps its place.
    pub fn around(&self, span: Span) -> Arc<Self> {
        let first = (self.line(span.start) - 1).max(self.skipped.lines + 1);
        let last = (self.line(span.end) + 1).min(self.last_line());
        let start = self.line_span(first).start;
        let end = self.line_start(last + 1).unwrap_or(self.end());
        let skipped = Skipped { lines: first - 1, bytes: start };
        Self::part(self.shared_path(), self.slice(Span::new(start, end)).into(), skipped)
    }

    /// The path, relative to the project's root.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The same for whoever keeps it: a large project's reports name each of their files several times.
    pub fn shared_path(&self) -> Arc<Utf8Path> {
        Arc::clone(&self.path)
    }

    /// The whole text, every byte as it is in the file (a byte-order mark and carriage returns included); of a part, what is kept.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text that `span` covers; empty if the span does not lie on character boundaries inside the text.
    pub fn slice(&self, span: Span) -> &str {
        let own = |offset: usize| offset.checked_sub(self.skipped.bytes);
        let range = own(span.start).zip(own(span.end));
        range.and_then(|(start, end)| self.text.get(start..end)).unwrap_or("")
    }

    /// The position of a byte offset; offsets past the end count as the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.clamp(self.skipped.bytes, self.end());
        while !self.text.is_char_boundary(offset - self.skipped.bytes) {
            offset -= 1;
        }
        let line = self.line(offset);
        let before = self.slice(Span::new(self.line_start(line).unwrap_or(offset), offset));
        Position { line, column: before.chars().count() + 1, offset }
    }

    /// The line (from 1) that holds a byte offset.
    pub fn line(&self, offset: usize) -> usize {
        let offset = offset.clamp(self.skipped.bytes, self.end()) - self.skipped.bytes;
        self.skipped.lines + self.line_starts().partition_point(|&start| start as usize <= offset)
    }

    /// The last line (from 1); the empty one after a final line ending does not count.
    pub fn last_line(&self) -> usize {
        let end = self.end();
        self.line(if self.text.ends_with('\n') { end - 1 } else { end })
    }

    /// The span of the whole line (from 1) without its line ending.
    pub fn line_span(&self, line: usize) -> Span {
        let start = self.line_start(line).unwrap_or(self.end());
        let end = self.line_start(line.saturating_add(1)).unwrap_or(self.end());
        let kept = self.slice(Span::new(start, end)).trim_end_matches(['\n', '\r']).len();
        Span::new(start, start + kept)
    }

    /// The line ending that the file uses: that of its first line, or `\n`.
    pub fn newline(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Where the text ends in the file.
    fn end(&self) -> usize {
        self.skipped.bytes + self.text.len()
    }

    /// Where a line (from 1) begins.
    fn line_start(&self, line: usize) -> Option<usize> {
        let index = line.saturating_sub(1).checked_sub(self.skipped.lines)?;
        self.line_starts().get(index).map(|&start| self.skipped.bytes + start as usize)
    }

    fn line_starts(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let starts = self.text.match_indices('\n').map_while(|(at, _)| u32::try_from(at + 1).ok());
            std::iter::once(0).chain(starts).collect()
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.path)
    }
}

/// A span in one file.
#[derive(Debug, Clone)]
pub struct Place {
    /// The file.
    pub source: Arc<Source>,
    /// The bytes meant.
    pub span: Span,
}

impl Place {
    /// The place `span` in `source`.
    pub fn new(source: &Arc<Source>, span: Span) -> Self {
        Self { source: Arc::clone(source), span }
    }

    /// The text at the place.
    pub fn text(&self) -> &str {
        self.source.slice(self.span)
    }

    /// The line (from 1) where the place starts.
    pub fn line(&self) -> usize {
        self.source.line(self.span.start)
    }

    /// True if both begin in the same line of the same file.
    pub fn is_same_line(&self, other: &Place) -> bool {
        self.shares_file(other) && self.line() == other.line()
    }

    /// True if the other place is a part of this one.
    pub fn contains(&self, other: &Place) -> bool {
        self.span.contains(other.span) && self.shares_file(other)
    }

    fn shares_file(&self, other: &Place) -> bool {
        Arc::ptr_eq(&self.source, &other.source) || self.source.path() == other.source.path()
    }

    /// A key that is equal for equal places, and sorts by path, then by offset.
    pub fn key(&self) -> (&Utf8Path, Span) {
        (self.source.path(), self.span)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.span == other.span && self.shares_file(other)
    }
}

impl Eq for Place {}

/// One replacement of bytes in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, relative to the project's root.
    pub path: Arc<Utf8Path>,
    /// The bytes replaced; empty for an insertion.
    pub span: Span,
    /// What stands there afterwards, encoded for its place.
    pub text: String,
}

impl Edit {
    /// What stands at a span of a file afterwards.
    pub fn new(source: &Source, span: Span, text: impl Into<String>) -> Self {
        Self { path: source.shared_path(), span, text: text.into() }
    }
}

/// What stands at a path of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing is there.
    #[error("not found")]
    NotFound,
    /// The path, or a symlink on it, leaves the project's root.
    #[error("outside of the project")]
    Outside,
    /// The content is not UTF-8 text.
    #[error("not UTF-8 text")]
    NotText,
    /// Larger than pidone reads.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// Neither a file nor a directory (a FIFO, a device ...).
    #[error("not a regular file")]
    NotAFile,
    /// The operating system's own words.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Through which every file is read: the disk, an editor's buffers, or a test's map.
///
/// Paths are relative to the project's root, normalised, with `/` between parts; the root itself is the empty path.
pub trait Loader: Send + Sync {
    /// Reads a text file.
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError>;

    /// What is at the path, symlinks followed inside the root; `None` if nothing that can be read.
    fn kind(&self, path: &Utf8Path) -> Option<EntryKind>;

    /// The names in a directory, sorted; empty if there is none.
    fn list(&self, path: &Utf8Path) -> Vec<String>;

    /// Whether the file may be executed; `None` where that cannot be known.
    fn executable(&self, path: &Utf8Path) -> Option<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_keeps_its_place() {
        let text = "FROM a\r\nENV é=1\nRUN b\nCMD c\nUSER d\n";
        let whole = Source::new("Dockerfile", text);
        for (said, kept) in [
            ("FROM", "FROM a\r\nENV é=1\n"),
            ("1", "FROM a\r\nENV é=1\nRUN b\n"),
            ("RUN b\nCMD", "ENV é=1\nRUN b\nCMD c\nUSER d\n"),
            ("USER d", "CMD c\nUSER d\n"),
            ("USER d\n", "CMD c\nUSER d\n"),
        ] {
            let start = text.find(said).unwrap_or_default();
            let span = Span::new(start, start + said.len());
            let part = whole.around(span);
            assert_eq!((part.text(), part.slice(span)), (kept, said));
            assert_eq!(part.last_line(), whole.last_line().min(whole.line(span.end) + 1), "{said:?}");
            for offset in [span.start, span.end] {
                assert_eq!(part.position(offset), whole.position(offset), "{said:?}");
                let line = whole.line(offset).min(whole.last_line());
                assert_eq!(part.line_span(line), whole.line_span(line), "{said:?}");
            }
            assert_eq!(part.around(span).text(), kept);
        }
        // What is not kept is empty, wherever it is asked for.
        let part = whole.around(Span::at(text.len()));
        assert_eq!((part.slice(Span::new(0, 4)), part.line(0), part.line_span(1).is_empty()), ("", 5, true));
        assert_eq!(Source::new("f", "").around(Span::at(0)).text(), "");
    }
}
