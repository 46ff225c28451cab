//! Excerpts of files with labels under the code, drawn by miette.
//!
//! miette draws one text per report, shows it as it is, and counts columns in bytes. So the lines to be shown are laid out
//! one after the other in a text of their own, panel by panel, made safe to show and cut to a readable length; each label moves
//! along, and each panel remembers which file, line and column it shows.

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::source::{Place, Position, Source, Span};

use super::escape;

/// Lines shown before and after a place.
const CONTEXT: usize = 1;
/// A label over more lines than this is shown on its first line only.
const MOST_LINES: usize = 6;
/// Columns that miette needs beside a line.
const GUTTER: usize = 8;

/// A place to show, with a few words about it.
pub(super) struct Label<'a> {
    pub(super) place: &'a Place,
    /// The name to show for the file.
    pub(super) path: String,
    /// The words, safe to show.
    pub(super) text: String,
}

/// Panels of code from any number of files, and the labels in them.
#[derive(Debug, Default)]
pub(super) struct Snippet {
    panels: Vec<Panel>,
    labels: Vec<LabeledSpan>,
}

/// Consecutive lines of one file.
#[derive(Debug)]
struct Panel {
    path: String,
    text: String,
    /// Where the text begins in the snippet.
    offset: usize,
    first_line: usize,
    /// Where each label begins, in the snippet and in the file.
    heads: Vec<(usize, Position)>,
}

/// The lines of a file that one panel will show.
struct Range<'a> {
    labels: Vec<(&'a Label<'a>, Span)>,
    first: usize,
    last: usize,
}

impl Snippet {
    /// Lays out the places for `width` columns; the first is the primary one, and its panel comes first.
    pub(super) fn new(labels: &[Label<'_>], width: usize) -> Self {
        let mut snippet = Self::default();
        for range in ranges(labels) {
            snippet.add(&range, labels.first(), width.saturating_sub(GUTTER));
        }
        snippet.labels.sort_by_key(LabeledSpan::offset);
        snippet
    }

    /// The labels, in the order in which miette draws them.
    pub(super) fn labels(&self) -> &[LabeledSpan] {
        &self.labels
    }

    fn add(&mut self, range: &Range<'_>, primary: Option<&Label<'_>>, columns: usize) {
        let Some((first_label, _)) = range.labels.first() else { return };
        let source = &first_label.place.source;
        // A gap between the panels keeps the end of one apart from the start of the next.
        let offset = self.panels.last().map_or(0, |panel| panel.offset + panel.text.len() + 2);
        let mut spans: Vec<(usize, usize)> = vec![(0, 0); range.labels.len()];
        let mut text = String::new();
        for line in range.first..=range.last {
            let span = source.line_span(line);
            show_line(source, span, columns, &range.labels, &mut text, &mut spans);
            text.push('\n');
        }
        let mut heads = Vec::new();
        for ((label, span), (start, end)) in range.labels.iter().zip(spans) {
            let shown = SourceSpan::from(offset + start..offset + end.max(start));
            let words = Some(label.text.clone()).filter(|words| !words.is_empty());
            self.labels.push(if primary.is_some_and(|primary| std::ptr::eq(primary, *label)) {
                LabeledSpan::new_primary_with_span(words, shown)
            } else {
                LabeledSpan::new_with_span(words, shown)
            });
            heads.push((offset + start, source.position(span.start)));
        }
        self.panels.push(Panel {
            path: first_label.path.clone(),
            text,
            offset,
            first_line: range.first,
            heads,
        });
    }
}

/// Which lines to show: one range per cluster of places, the primary one's first, the others by file as they come, and line.
fn ranges<'a>(labels: &'a [Label<'a>]) -> Vec<Range<'a>> {
    let mut ranges: Vec<Range<'a>> = Vec::new();
    for label in labels {
        let source = &label.place.source;
        let span = shown_span(label.place);
        let (start, end) = (source.line(span.start), source.line(span.end));
        let mut range = Range {
            labels: vec![(label, span)],
            first: start.saturating_sub(CONTEXT).max(1),
            last: (end + CONTEXT).min(source.last_line()).max(start),
        };
        // Taking a neighbour in may make the range reach the next one.
        while let Some(near) = ranges.iter().position(|other| {
            other.labels[0].0.place.source.path() == source.path()
                && other.first <= range.last + 1
                && range.first <= other.last + 1
        }) {
            let other = ranges.remove(near);
            range.first = range.first.min(other.first);
            range.last = range.last.max(other.last);
            range.labels.splice(0..0, other.labels);
        }
        ranges.push(range);
    }
    let order = |path| labels.iter().position(|label| label.place.source.path() == path);
    let is_primary = |range: &Range<'_>| {
        range.labels.iter().any(|(label, _)| labels.first().is_some_and(|first| std::ptr::eq(first, *label)))
    };
    ranges
        .sort_by_key(|range| (!is_primary(range), order(range.labels[0].0.place.source.path()), range.first));
    ranges
}

/// The part of a place that is shown: without line ends, and only the first line of a long one.
fn shown_span(place: &Place) -> Span {
    let source = &place.source;
    let first = source.line_span(source.line(place.span.start));
    let start = place.span.start.clamp(first.start, first.end);
    let mut end = source.position(place.span.end).offset.max(start);
    end = start + source.slice(Span::new(start, end)).trim_end_matches(['\n', '\r']).len();
    if source.line(end) - source.line(start) >= MOST_LINES {
        end = first.end;
    }
    Span::new(start, end)
}

/// Appends one line as it may be shown, cut to `columns` characters around its first label, and notes where the labels that start or end in it have come to stand.
fn show_line(
    source: &Source,
    line: Span,
    columns: usize,
    labels: &[(&Label<'_>, Span)],
    out: &mut String,
    spans: &mut [(usize, usize)],
) {
    let text = source.slice(line);
    let start_of_label = labels
        .iter()
        .map(|(_, span)| span.start)
        .filter(|start| (line.start..=line.end).contains(start))
        .min();
    let column = start_of_label.map_or(0, |start| source.position(start).column - 1);
    let first = if column < columns * 2 / 3 { 0 } else { column - columns / 3 };
    let window = first..first + columns;
    let cut_before = window.start > 0;
    let cut_after = text.chars().nth(window.end).is_some();

    if cut_before {
        out.push('…');
    }
    let mut mark = |at: usize, position: usize| {
        for ((_, span), shown) in labels.iter().zip(spans.iter_mut()) {
            if span.start == at {
                shown.0 = position;
            }
            if span.end == at {
                shown.1 = position;
            }
        }
    };
    for (index, (at, c)) in text.char_indices().enumerate() {
        mark(line.start + at, out.len());
        if window.contains(&index) {
            escape::push(out, c);
        }
    }
    if cut_after {
        out.push('…');
    }
    mark(line.end, out.len());
}

impl SourceCode for Snippet {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_before: usize,
        context_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        // A span that reaches over two panels is refused, which keeps miette from drawing them as one.
        let panel = self
            .panels
            .iter()
            .find(|panel| panel.offset <= start && end <= panel.offset + panel.text.len())
            .ok_or(MietteError::OutOfBounds)?;
        if context_before == 0 && context_after == 0 {
            let data = panel
                .text
                .as_bytes()
                .get(start - panel.offset..end - panel.offset)
                .ok_or(MietteError::OutOfBounds)?;
            let (line, column) = panel
                .heads
                .iter()
                .find(|(offset, _)| *offset == start)
                .map_or((panel.first_line, 1), |(_, head)| (head.line, head.column));
            let contents =
                MietteSpanContents::new_named(panel.path.clone(), data, *span, line - 1, column - 1, 1);
            return Ok(Box::new(contents));
        }
        Ok(Box::new(MietteSpanContents::new_named(
            panel.path.clone(),
            panel.text.as_bytes(),
            (panel.offset, panel.text.len()).into(),
            panel.first_line - 1,
            0,
            panel.text.matches('\n').count(),
        )))
    }
}
