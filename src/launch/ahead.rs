//! What a shell may still ask for: a variable that nothing ahead of it mentions makes no difference any more.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::claims::Known;
use super::fingerprint::fold;
use super::shell::{Frame, Shell};
use crate::shell::{Node, NodeKind, Redirect};
use crate::source::{Excerpt, Span};

/// The names in the texts of a launch's scripts, and what was asked of them.
#[derive(Default)]
pub(super) struct Mentions {
    /// By the address of a text, which its script keeps.
    texts: RefCell<HashMap<*const Excerpt, Rc<Names>>>,
    /// By what is ahead.
    known: RefCell<HashMap<u64, Rc<Ahead>>>,
}

/// What one shell may still run.
pub(super) struct Ahead {
    parts: Vec<(Rc<Names>, Span)>,
    /// True where names are put together as the script runs, or come from files that are read then.
    mentions_all: bool,
    /// Names that were looked for, by their hashes.
    asked: RefCell<HashMap<u64, bool>>,
}

/// The words of a text that can be names: their hashes and where they stand.
struct Names {
    by_hash: Vec<(u64, usize)>,
    by_place: Vec<(usize, u64)>,
}

/// Stands for a word behind which any name may be meant: `${!name}`, `source`, `declare -n`.
const ANY: &str = "${!";

impl Mentions {
    /// What is ahead of a shell: worked out once for each place in its script.
    pub(super) fn ahead(&self, shell: &Shell) -> Rc<Ahead> {
        let spans = shell.ahead();
        let functions = shell.functions.values().map(|body| Arc::as_ptr(body) as usize);
        let own =
            spans.iter().flat_map(|(excerpt, span)| [Arc::as_ptr(excerpt) as usize, span.start, span.end]);
        let key = fold(&own.chain([0]).chain(functions).collect::<Vec<_>>());
        if let Some(known) = self.known.borrow().get(&key) {
            return Rc::clone(known);
        }
        let ahead = Rc::new(self.follow(shell, &spans));
        self.known.borrow_mut().insert(key, Rc::clone(&ahead));
        ahead
    }

    /// What is ahead itself, and the functions that it may call.
    fn follow(&self, shell: &Shell, spans: &[(Arc<Excerpt>, Span)]) -> Ahead {
        let part = |(excerpt, span): &(Arc<Excerpt>, Span)| (self.names(excerpt), *span);
        let mut parts: Vec<_> = spans.iter().map(part).collect();
        let body_of = |body: &Arc<Node>| part(&(Arc::clone(&body.excerpt), whole(body)));
        let mut functions: HashMap<u64, Vec<&Arc<Node>>> = HashMap::new();
        for (name, body) in shell.functions.iter() {
            match words(name).next() {
                Some((_, word)) => functions.entry(fold(word)).or_default().push(body),
                None => parts.push(body_of(body)),
            }
        }
        let mut seen = 0;
        while let Some((names, span)) = parts.get(seen).cloned() {
            seen += 1;
            let called = names.within(span).filter_map(|word| functions.remove(&word));
            parts.extend(called.flatten().map(body_of));
        }
        let mentions_all = has(&parts, ANY);
        Ahead { parts, mentions_all, asked: RefCell::default() }
    }

    fn names(&self, excerpt: &Arc<Excerpt>) -> Rc<Names> {
        let mut texts = self.texts.borrow_mut();
        Rc::clone(texts.entry(Arc::as_ptr(excerpt)).or_insert_with(|| Rc::new(Names::of(excerpt.text()))))
    }
}

impl Ahead {
    /// True if this name may be asked for. Shells look at `IFS` wherever they split words.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.mentions_all
            || name == "IFS"
            || *self.asked.borrow_mut().entry(fold(name)).or_insert_with(|| has(&self.parts, name))
    }

    /// True if what is known of a test may be asked for: all that it names is.
    pub(super) fn asks(&self, (claim, _): &Known) -> bool {
        words(claim.named()).all(|(_, word)| self.mentions(word))
    }
}

fn has(parts: &[(Rc<Names>, Span)], word: &str) -> bool {
    let hash = fold(word);
    parts.iter().any(|(names, span)| names.has(hash, *span))
}

impl Names {
    fn of(text: &str) -> Self {
        let mut by_place: Vec<_> = words(text).map(|(at, word)| (at, fold(word))).collect();
        let any = fold(ANY);
        by_place.extend(text.match_indices(ANY).map(|(at, _)| (at, any)));
        let opaque = words(text).filter(|&(at, word)| is_opaque(text, at, word)).map(|(at, _)| at);
        by_place.extend(opaque.chain(dots(text)).map(|at| (at, any)));
        by_place.sort_unstable();
        let mut by_hash: Vec<_> = by_place.iter().map(|&(at, hash)| (hash, at)).collect();
        by_hash.sort_unstable();
        Self { by_hash, by_place }
    }

    fn has(&self, hash: u64, span: Span) -> bool {
        let first = self.by_hash.partition_point(|&known| known < (hash, span.start));
        self.by_hash.get(first).is_some_and(|&(known, at)| known == hash && at < span.end)
    }

    /// The hashes of the words in a part of the text.
    fn within(&self, span: Span) -> impl Iterator<Item = u64> {
        let first = self.by_place.partition_point(|&(at, _)| at < span.start);
        self.by_place[first..].iter().take_while(move |&&(at, _)| at < span.end).map(|&(_, hash)| hash)
    }
}

/// The parts of a text that can be names, and where they stand.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + bytes[at..].iter().position(|&c| is_part(c))?;
        let length = bytes[start..].iter().take_while(|&&c| is_part(c)).count();
        at = start + length;
        Some((start, &text[start..at]))
    })
}

/// `source file`, `declare -n name=other`
fn is_opaque(text: &str, at: usize, word: &str) -> bool {
    match word {
        "source" => true,
        "declare" | "typeset" | "local" => {
            let options = text[at + word.len()..].trim_start_matches([' ', '\t']);
            options
                .strip_prefix('-')
                .is_some_and(|rest| rest.split_whitespace().next().is_some_and(|one| one.contains('n')))
        }
        _ => false,
    }
}

/// Where a file is read with `.`.
fn dots(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    text.match_indices('.').map(|(at, _)| at).filter(|&at| {
        let begins = at == 0 || b" \t\n;&|({".contains(&bytes[at - 1]);
        begins && bytes.get(at + 1).is_some_and(|c| b" \t".contains(c))
    })
}

/// A statement with the here-documents that follow it.
fn whole(node: &Node) -> Span {
    Span::new(node.span.start, end(node))
}

fn end(node: &Node) -> usize {
    let of =
        |redirects: &[Redirect]| redirects.iter().filter_map(|redirect| Some(redirect.heredoc?.end)).max();
    let own = match &node.kind {
        NodeKind::Command(command) => of(&command.redirects),
        NodeKind::Redirected(_, redirects) => of(redirects),
        _ => None,
    };
    let inner = node.children().into_iter().map(end).max();
    own.max(inner).unwrap_or(0).max(node.span.end)
}

impl Shell {
    /// The text that is ahead of it: what is left of its statements, and its traps.
    fn ahead(&self) -> Vec<(Arc<Excerpt>, Span)> {
        let mut spans = Vec::new();
        for frame in &self.frames {
            frame.ahead(&mut spans);
        }
        for trap in self.traps.values() {
            add(&mut spans, &trap.action);
        }
        spans
    }
}

impl Frame {
    fn ahead(&self, spans: &mut Vec<(Arc<Excerpt>, Span)>) {
        match self {
            Frame::List { list, next } => add(spans, list.get(*next..).unwrap_or_default()),
            Frame::AndOr { left, right, .. } => {
                [left, right].into_iter().for_each(|node| add(spans, std::slice::from_ref(node)));
            }
            Frame::If { node, arm, .. } => {
                for (condition, body) in node.arms.get(*arm..).unwrap_or_default() {
                    add(spans, condition);
                    add(spans, body);
                }
                node.otherwise.iter().for_each(|body| add(spans, body));
            }
            Frame::Test { node, .. } | Frame::Body { node, .. } => {
                add(spans, &node.condition);
                add(spans, &node.body);
            }
            Frame::Case { node, excerpt, .. } => {
                let patterns = node.arms.iter().flat_map(|arm| &arm.patterns);
                for word in patterns.chain([&node.subject]) {
                    spans.push((Arc::clone(excerpt), word.span));
                }
                node.arms.iter().for_each(|arm| add(spans, &arm.body));
            }
            Frame::For { node, .. } => add(spans, &node.body),
            Frame::Endless { body, .. } => add(spans, body),
            Frame::Weigh { .. }
            | Frame::Not
            | Frame::Call { .. }
            | Frame::Source { .. }
            | Frame::Trap { .. }
            | Frame::Exit(_) => {}
        }
    }
}

/// Adds what a list of statements covers.
fn add(spans: &mut Vec<(Arc<Excerpt>, Span)>, list: &[Node]) {
    let (Some(first), Some(last)) = (list.first(), list.last()) else { return };
    if Arc::ptr_eq(&first.excerpt, &last.excerpt) {
        spans.push((Arc::clone(&first.excerpt), Span::new(first.span.start, end(last))));
    } else {
        spans.extend(list.iter().map(|node| (Arc::clone(&node.excerpt), whole(node))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(text: &str, name: &str) -> bool {
        let names = Names::of(text);
        [name, ANY].iter().any(|word| names.has(fold(*word), Span::new(0, text.len())))
    }

    #[test]
    fn what_a_text_can_ask_for() {
        for text in [
            "echo $PORT",
            "x=${PORT:-1}",
            "eval \"PORT=1\"",
            "x=${!name}",
            ". ./env",
            "source env",
            "declare -n x=y",
        ] {
            assert!(mentions(text, "PORT"), "{text}");
        }
        for text in ["echo $PORTS", "EXPORT=1", "./start.sh", "echo 1.5", "local name=y", "x=$name"] {
            assert!(!mentions(text, "PORT"), "{text}");
        }
    }

    #[test]
    fn ifs_is_always_asked_for() {
        let ahead = Ahead { parts: Vec::new(), mentions_all: false, asked: RefCell::default() };
        assert!(ahead.mentions("IFS"));
        assert!(!ahead.mentions("PORT"));
    }

    #[test]
    fn what_is_behind_it_only() {
        let names = Names::of("PORT=1; echo $HOST");
        assert!(names.has(fold("PORT"), Span::new(0, 6)));
        assert!(!names.has(fold("PORT"), Span::new(8, 18)));
        assert!(names.has(fold("HOST"), Span::new(8, 18)));
    }
}
