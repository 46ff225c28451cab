//! YAML text to a tree of nodes with their places, whose texts are excerpts that can be edited. The only room that knows YAML syntax.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Parser, Tag};

use crate::recent::Recent;
use crate::source::{Excerpt, Place, Source, Span};

mod scalar;

/// Nodes of one file: more than any file that a person wrote has.
const MAX_NODES: usize = 200_000;

/// A file as it was read: its documents up to the first error.
#[derive(Debug)]
pub struct Yaml {
    /// One node per document.
    pub documents: Vec<Arc<Node>>,
    /// What cannot be read, and where. What stands before it is in `documents`, as far as it was complete.
    pub problem: Option<(Span, String)>,
}

/// A node. What an alias stands for is the node of its anchor.
#[derive(Debug)]
pub struct Node {
    /// Its content: no tag, no anchor, no block header.
    pub place: Place,
    /// The tag as it is written, with its exclamation mark (`!reset`).
    pub tag: Option<String>,
    /// False if the file cannot be read to its end.
    pub is_complete: bool,
    /// What it holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// A text, a number or a truth value: YAML's distinction is left to whoever knows what is expected.
    Scalar(Arc<Excerpt>),
    /// A list.
    Sequence(Vec<Arc<Node>>),
    /// Keys with their nodes, in order; merged ones (`<<`) behind the node's own.
    Mapping(Vec<(Arc<Node>, Arc<Node>)>),
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|excerpt| excerpt.text())
    }

    /// A scalar with its place.
    pub fn scalar(&self) -> Option<&Arc<Excerpt>> {
        match &self.value {
            Value::Scalar(excerpt) => Some(excerpt),
            _ => None,
        }
    }

    /// The items of a sequence; none of anything else.
    pub fn items(&self) -> &[Arc<Node>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Arc<Node>, Arc<Node>)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The entry of a mapping with that key: the key's node, and the value's.
    pub fn entry(&self, key: &str) -> Option<&(Arc<Node>, Arc<Node>)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key))
    }

    /// The value of a mapping's key. `None` too where it is null.
    pub fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.entry(key).map(|(_, value)| value).filter(|value| !matches!(value.value, Value::Null))
    }

    /// True for `true`, `yes` and `on`.
    pub fn is_true(&self) -> bool {
        self.text().is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on"))
    }
}

/// Reads a file. What was read last is kept: the Dockerfiles of a folder all ask the Compose file beside them.
pub fn parse(source: &Arc<Source>) -> Arc<Yaml> {
    type Read = (Arc<Source>, Arc<Yaml>);
    thread_local! {
        /// A Compose file, what it builds on, and some more.
        static LAST: Recent<Read> = const { Recent::new(8) };
    }
    let read = || (Arc::clone(source), Arc::new(read(source)));
    LAST.with(|last| last.get(|(known, _)| Arc::ptr_eq(known, source), read)).1
}

fn read(source: &Arc<Source>) -> Yaml {
    let mut builder =
        Builder { source, open: Vec::new(), documents: Vec::new(), anchors: HashMap::new(), merged: 0 };
    let options = granit_parser::options! { emit_comments: false };
    let mut problem = None;
    for (count, event) in Parser::new_from_str_with_options(source.text(), options).enumerate() {
        match event {
            _ if count + builder.merged > MAX_NODES => {
                problem = Some((Span::at(0), "the file has more nodes than are read".to_owned()));
                break;
            }
            Ok((event, span)) => builder.event(event, &span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(0).min(source.text().len());
                problem = Some((Span::at(at), error.info().to_owned()));
                break;
            }
        }
    }
    // What was begun is kept as far as it goes.
    while let Some((at, _)) = &problem
        && !builder.open.is_empty()
    {
        builder.close(*at, false);
    }
    Yaml { documents: builder.documents, problem }
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    tag: Option<String>,
    start: usize,
    is_mapping: bool,
    nodes: Vec<Arc<Node>>,
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    open: Vec<Open>,
    documents: Vec<Arc<Node>>,
    anchors: HashMap<usize, Arc<Node>>,
    /// Entries that `<<` has merged so far.
    merged: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) {
        let bytes = span.byte_range().map_or(Span::at(0), Span::from);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match scalar::is_null(&text, style) {
                    true => Value::Null,
                    false => Value::Scalar(Arc::new(scalar::read(self.source, bytes, &text, style))),
                };
                let place = self.place(scalar::trimmed(self.source, bytes));
                self.add(anchor, Node { place, tag: written(tag.as_deref()), is_complete: true, value });
            }
            Event::SequenceStart(_, anchor, tag) => self.open(anchor, tag.as_deref(), bytes.start, false),
            Event::MappingStart(_, anchor, tag) => self.open(anchor, tag.as_deref(), bytes.start, true),
            Event::SequenceEnd | Event::MappingEnd => self.close(bytes, true),
            Event::Alias(anchor) => {
                let null = || {
                    Arc::new(Node {
                        place: self.place(bytes),
                        tag: None,
                        is_complete: true,
                        value: Value::Null,
                    })
                };
                let node = self.anchors.get(&anchor).cloned().unwrap_or_else(null);
                self.put(node);
            }
            _ => {}
        }
    }

    fn open(&mut self, anchor: usize, tag: Option<&Tag>, start: usize, is_mapping: bool) {
        self.open.push(Open { anchor, tag: written(tag), start, is_mapping, nodes: Vec::new() });
    }

    /// The end of a block collection is where its last node ends, not where the next line begins.
    fn close(&mut self, end: Span, is_complete: bool) {
        let Some(Open { anchor, tag, start, is_mapping, nodes }) = self.open.pop() else { return };
        let is_flow = !end.is_empty();
        let last = nodes.iter().map(|node| node.place.span.end).filter(|&at| at <= end.start).max();
        let end = if is_flow { end.end } else { last.unwrap_or(start) };
        let place = self.place(Span::new(start, end.max(start)));
        let value = if is_mapping { Value::Mapping(self.entries(nodes)) } else { Value::Sequence(nodes) };
        self.add(anchor, Node { place, tag, is_complete, value });
    }

    fn add(&mut self, anchor: usize, node: Node) {
        let node = Arc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.put(node);
    }

    fn place(&self, span: Span) -> Place {
        Place::new(self.source, span)
    }

    /// Keys and values in turn; then what `<<` merges, where the mapping has no entry of its own.
    fn entries(&mut self, nodes: Vec<Arc<Node>>) -> Vec<(Arc<Node>, Arc<Node>)> {
        let mut nodes = nodes.into_iter();
        let (mut own, mut merged) = (Vec::new(), Vec::new());
        while let (Some(key), Some(value)) = (nodes.next(), nodes.next()) {
            match key.text() {
                Some("<<") if value.items().is_empty() => merged.push(value),
                Some("<<") => merged.extend(value.items().iter().cloned()),
                _ => own.push((key, value)),
            }
        }
        let mut known: HashSet<String> =
            own.iter().filter_map(|(key, _)| key.text().map(str::to_owned)).collect();
        for (key, value) in merged.iter().flat_map(|mapping| mapping.entries()) {
            self.merged += 1;
            if self.merged > MAX_NODES {
                break;
            }
            if key.text().is_some_and(|name| known.insert(name.to_owned())) {
                own.push((Arc::clone(key), Arc::clone(value)));
            }
        }
        own
    }

    fn put(&mut self, node: Arc<Node>) {
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.documents.push(node),
        }
    }
}

fn written(tag: Option<&Tag>) -> Option<String> {
    tag.map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Yaml {
        super::read(&Source::new("a.yaml", text))
    }

    fn first(text: &str) -> Arc<Node> {
        read(text).documents.remove(0)
    }

    #[test]
    fn nodes_and_their_places() {
        let text = "a: # comment\n  b: [x, \"y\"]\n  c:\n    - 1\n    - two words\n\nd: true\n";
        let node = first(text);
        let a = node.get("a").unwrap();
        assert_eq!(a.place.text(), "b: [x, \"y\"]\n  c:\n    - 1\n    - two words");
        let b = a.get("b").unwrap();
        assert_eq!(b.place.text(), "[x, \"y\"]");
        let words: Vec<_> =
            b.items().iter().chain(a.get("c").unwrap().items()).filter_map(|item| item.text()).collect();
        assert_eq!(words, ["x", "y", "1", "two words"]);
        assert!(node.get("d").unwrap().is_true());
    }

    #[test]
    fn aliases_merges_and_tags() {
        let node = first(
            "base: &b\n  x: 1\n  y: 2\nuse:\n  <<: *b\n  y: 3\nlist: [*b]\nnone: !reset null\nempty:\n",
        );
        let used = node.get("use").unwrap();
        assert_eq!((used.get("x").unwrap().text(), used.get("y").unwrap().text()), (Some("1"), Some("3")));
        assert_eq!(node.get("list").unwrap().items()[0].get("y").unwrap().text(), Some("2"));
        assert_eq!(node.entry("none").unwrap().1.tag.as_deref(), Some("!reset"));
        assert!(node.get("none").is_none() && node.get("empty").is_none() && node.entry("empty").is_some());
    }

    #[test]
    fn several_documents_up_to_an_error() {
        let yaml = read("a: 1\n---\nb: 2\n---\nc: [\n");
        assert_eq!(yaml.documents.len(), 3);
        assert!(yaml.problem.is_some());
    }

    #[test]
    fn mergers_cannot_explode() {
        let mut text = "a0: &a0 {k: v}\n".to_owned();
        for n in 1..60 {
            text.push_str(&format!("a{n}: &a{n}\n  <<: [*a{0}, *a{0}, *a{0}]\n", n - 1));
        }
        assert!(read(&text).documents.len() <= 1);
    }
}
