//! Text that some program will read, and where each byte of it stands in a file.

use std::sync::Arc;

use super::{Edit, Place, Source, Span};

/// What stands for a piece of a text that is not known. It is no letter of any language that is read here.
pub const UNKNOWN: &str = "\u{fffd}";

/// How text inside an [`Excerpt`] is written in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is: a script, a heredoc's body.
    Verbatim,
    /// A heredoc's body in which `$VAR` is expanded: dollars, backslashes and backquotes are written with a backslash.
    Expanded,
    /// The logical line of a Dockerfile instruction: a line ending cannot be written.
    LogicalLine,
    /// Inside a JSON string.
    Json,
    /// A block in which each line is indented by so many blanks.
    Indented(u16),
    /// A setting of a configuration file, perhaps in quotes there: only plain words can be written.
    Setting,
    /// Not written anywhere as such (generated or assembled): it cannot be edited.
    Derived,
}

/// Text that some program will read, and where each byte of it stands in a file.
///
/// The shell-form text of a Dockerfile, one element of an exec form, a heredoc's body, a script of package.json and a script
/// file are all excerpts; so a place found by parsing any of them can be shown, and edited, where a person wrote it.
#[derive(Debug, Clone)]
pub struct Excerpt {
    text: String,
    source: Arc<Source>,
    span: Span,
    pieces: Vec<Piece>,
    encoding: Encoding,
    /// True where whoever reads the file replaces variables in it, so that a dollar is written as two.
    doubles_dollars: bool,
}

/// `len` bytes of the text at `text`, written as `source_len` bytes of the file at `source`.
/// Where the lengths are equal the bytes are the same; else the piece is one indivisible escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Offset in the excerpt's text.
    pub text: usize,
    /// Length in the excerpt's text.
    pub len: usize,
    /// Offset in the file.
    pub source: usize,
    /// Length in the file.
    pub source_len: usize,
}

impl Excerpt {
    /// The whole of a file.
    pub fn whole(source: &Arc<Source>) -> Self {
        Self::verbatim(source, Span::new(0, source.text().len()))
    }

    /// The text at `span`, as it is.
    pub fn verbatim(source: &Arc<Source>, span: Span) -> Self {
        let text = source.slice(span).to_owned();
        let len = text.len();
        Self {
            text,
            source: Arc::clone(source),
            span,
            pieces: vec![Piece { text: 0, len, source: span.start, source_len: len }],
            encoding: Encoding::Verbatim,
            doubles_dollars: false,
        }
    }

    /// A text assembled from `pieces`, ascending and without gaps in the text; `span` covers all of it in the file.
    pub fn mapped(
        source: &Arc<Source>,
        span: Span,
        text: String,
        pieces: Vec<Piece>,
        encoding: Encoding,
    ) -> Self {
        Self { text, source: Arc::clone(source), span, pieces, encoding, doubles_dollars: false }
    }

    /// A text that stands nowhere as such; `span` is the place that it comes from.
    pub fn derived(source: &Arc<Source>, span: Span, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: Arc::clone(source),
            span,
            pieces: Vec::new(),
            encoding: Encoding::Derived,
            doubles_dollars: false,
        }
    }

    /// True for the same text of the same file, as it was read once.
    pub fn is_same(&self, other: &Excerpt) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
            && (self.span, self.encoding) == (other.span, other.encoding)
            && self.pieces == other.pieces
            && self.text == other.text
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file that holds it.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// How it is written there.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The bytes of the file that hold the whole text.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The whole text as a place.
    pub fn whole_place(&self) -> Place {
        Place::new(&self.source, self.span)
    }

    /// Where the bytes `range` of the text stand in the file. The whole excerpt for a derived text.
    pub fn place(&self, range: Span) -> Place {
        Place::new(&self.source, self.to_source(range))
    }

    /// The file's bytes for the bytes `range` of the text.
    pub fn to_source(&self, range: Span) -> Span {
        if self.pieces.is_empty() {
            return self.span;
        }
        let start = self.start_in_source(range.start);
        if range.is_empty() {
            return Span::at(start);
        }
        Span::new(start, self.end_in_source(range.end).max(start))
    }

    fn start_in_source(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|p| p.text + p.len <= offset);
        match self.pieces.get(index) {
            Some(p) if p.len == p.source_len => p.source + offset.saturating_sub(p.text),
            Some(p) => p.source,
            None => self.pieces.last().map_or(self.span.end, |p| p.source + p.source_len),
        }
    }

    fn end_in_source(&self, offset: usize) -> usize {
        let index = self.pieces.partition_point(|p| p.text < offset);
        match index.checked_sub(1).and_then(|i| self.pieces.get(i)) {
            Some(p) if p.len == p.source_len => p.source + (offset - p.text).min(p.len),
            Some(p) => p.source + p.source_len,
            None => self.span.start,
        }
    }

    /// The bytes `range` of the text as an excerpt of their own.
    pub fn sub(&self, range: Span) -> Excerpt {
        let text = self.text.get(range.start..range.end).unwrap_or("").to_owned();
        let mut pieces = Vec::new();
        self.cut(range, 0, &mut pieces);
        Self {
            text,
            source: Arc::clone(&self.source),
            span: self.to_source(range),
            pieces,
            encoding: self.encoding,
            doubles_dollars: self.doubles_dollars,
        }
    }

    /// The text with `changes` made: ascending, disjoint ranges of the text and what stands there instead.
    /// The unchanged rest keeps its places; each replacement has the place of what it replaces, as a whole.
    pub fn with_changes(&self, changes: &[(Span, String)], encoding: Encoding) -> Excerpt {
        let mut text = String::with_capacity(self.text.len());
        let mut pieces = Vec::new();
        let mut done = 0;
        for (range, replacement) in changes {
            self.cut(Span::new(done, range.start), text.len(), &mut pieces);
            text.push_str(self.text.get(done..range.start).unwrap_or(""));
            let place = self.to_source(*range);
            push_indivisible(&mut pieces, text.len(), replacement.len(), place);
            text.push_str(replacement);
            done = range.end;
        }
        self.cut(Span::new(done, self.text.len()), text.len(), &mut pieces);
        text.push_str(self.text.get(done..).unwrap_or(""));
        let encoding = if self.pieces.is_empty() { Encoding::Derived } else { encoding };
        if encoding == Encoding::Derived {
            pieces.clear();
        }
        let doubles_dollars = self.doubles_dollars;
        Self { text, source: Arc::clone(&self.source), span: self.span, pieces, encoding, doubles_dollars }
    }

    /// The same text in a file whose reader replaces variables.
    pub fn with_doubled_dollars(self) -> Self {
        Self { doubles_dollars: true, ..self }
    }

    /// The same text as the value of a setting; see [`Encoding::Setting`].
    pub fn as_setting(self) -> Excerpt {
        let encoding = if self.encoding == Encoding::Derived { Encoding::Derived } else { Encoding::Setting };
        Self { encoding, ..self }
    }

    /// The text with every `\r\n` read as `\n`, as it stands after `dos2unix`.
    pub fn without_carriage_returns(&self) -> Excerpt {
        let changes: Vec<_> =
            self.text.match_indices("\r\n").map(|(at, _)| (Span::new(at, at + 2), "\n".to_owned())).collect();
        self.with_changes(&changes, self.encoding)
    }

    /// The text in which a placeholder stands for what is not known.
    pub fn without_value(&self, placeholder: &str) -> Excerpt {
        let found = self.text.match_indices(placeholder);
        let unknown = |(at, found): (usize, &str)| (Span::new(at, at + found.len()), UNKNOWN.to_owned());
        self.with_changes(&found.map(unknown).collect::<Vec<_>>(), self.encoding)
    }

    /// Copies the pieces of `range`, as they lie in a text where the range begins at `at`.
    fn cut(&self, range: Span, at: usize, pieces: &mut Vec<Piece>) {
        let first = self.pieces.partition_point(|p| p.text + p.len <= range.start);
        for piece in self.pieces[first..].iter().take_while(|p| p.text < range.end) {
            let start = piece.text.max(range.start);
            let end = (piece.text + piece.len).min(range.end);
            let (source, source_len) = if piece.len == piece.source_len {
                (piece.source + (start - piece.text), end - start)
            } else {
                (piece.source, piece.source_len)
            };
            pieces.push(Piece { text: at + start - range.start, len: end - start, source, source_len });
        }
    }

    /// The edit that puts `replacement` in place of the bytes `range` of the text, escaped as the place needs it.
    /// `None` where the text cannot be edited or the replacement cannot be written there.
    pub fn edit(&self, range: Span, replacement: &str) -> Option<Edit> {
        // What a variable stands for is not to be written in its place.
        let written = self.source.slice(self.to_source(range));
        if replacement.contains(UNKNOWN) || (self.doubles_dollars && written.contains('$')) {
            return None;
        }
        let doubled = self.doubles_dollars.then(|| replacement.replace('$', "$$"));
        let replacement = doubled.as_deref().unwrap_or(replacement);
        let text = match self.encoding {
            Encoding::Derived => return None,
            Encoding::LogicalLine if replacement.contains(['\n', '\r']) => return None,
            Encoding::LogicalLine => replacement.to_owned(),
            Encoding::Setting if replacement.contains(NOT_PLAIN) => return None,
            Encoding::Setting => replacement.to_owned(),
            Encoding::Verbatim => replacement.replace('\n', self.source.newline()),
            Encoding::Expanded => escape_expansion(replacement).replace('\n', self.source.newline()),
            Encoding::Indented(blanks) => indent(replacement, blanks).replace('\n', self.source.newline()),
            Encoding::Json => {
                let quoted = serde_json::to_string(replacement).ok()?;
                quoted[1..quoted.len() - 1].to_owned()
            }
        };
        Some(Edit::new(&self.source, self.to_source(range), text))
    }
}

/// The text with `blanks` blanks behind each line ending that a line with content follows.
fn indent(text: &str, blanks: u16) -> String {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or("").to_owned();
    let count = text.matches('\n').count();
    lines.enumerate().fold(first, |text, (index, line)| {
        // What follows the last line ending is in the file already.
        let is_last = index + 1 == count;
        let blanks = if line.is_empty() && !is_last { 0 } else { usize::from(blanks) };
        format!("{text}\n{}{line}", " ".repeat(blanks))
    })
}

/// Adds `len` bytes of text that stand for the bytes `place` of the file, and not byte by byte.
fn push_indivisible(pieces: &mut Vec<Piece>, text: usize, len: usize, place: Span) {
    let source_len = place.end - place.start;
    if len == 0 {
        return;
    }
    if len != source_len || len == 1 {
        pieces.push(Piece { text, len, source: place.start, source_len });
        return;
    }
    // Equal lengths would say that the bytes are the same, so the last byte of the text gets a piece of its own.
    pieces.push(Piece { text, len: len - 1, source: place.start, source_len });
    pieces.push(Piece { text: text + len - 1, len: 1, source: place.end, source_len: 0 });
}

/// What some reader of a configuration file, or of a here-document that writes it, takes for more than itself.
const NOT_PLAIN: [char; 22] = [
    '\n', '\r', '\'', '"', '\\', '%', ';', '#', '$', '`', '!', ':', ',', '[', ']', '{', '}', '&', '*', '|',
    '<', '>',
];

/// Text as it is written where `$VAR` is expanded.
fn escape_expansion(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '$' | '\\' | '`') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
