//! What the grammar tears apart, joined again: `[[ a = *b* || c = d ]]` at an operator that follows a pattern, and `a=$b/$1` at the second `$`.

use std::sync::Arc;

use tree_sitter::Node as Tree;

use super::branches::{children, span};
use super::convert::{Converter, MAX_DEPTH};
use super::{AssignedValue, Assignment, Node, NodeKind, Operation, Parameter, Part, Word};
use crate::source::Span;

impl Converter<'_> {
    /// `! ((exited))`: the tree has two subshells, one inside the other.
    pub(super) fn arithmetic_behind_not(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        let mut inside = children(tree).filter(|child| child.is_named());
        let (inner, None) = (inside.next()?, inside.next()) else { return None };
        let is_subshell = |tree: Tree<'_>| tree.kind() == "subshell";
        let is_adjacent =
            inner.start_byte() == tree.start_byte() + 1 && inner.end_byte() + 1 == tree.end_byte();
        (is_subshell(tree) && is_subshell(inner) && is_adjacent).then(|| {
            let expression = Span::new(tree.start_byte() + 2, tree.end_byte() - 2);
            NodeKind::Arithmetic(self.words().raw(tree, expression))
        })
    }

    /// A list with a torn test in it: what stands up to the `]]` belongs to the test.
    pub(super) fn torn_list(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        let leaves = leaves(tree);
        // Each part is a level of the result.
        if leaves.len() + self.depth > MAX_DEPTH || !leaves.iter().any(|(_, leaf)| is_torn(*leaf)) {
            return None;
        }
        let mut list: Option<Node> = None;
        let mut rest = leaves.iter().peekable();
        while let Some((operator, leaf)) = rest.next() {
            let node = if is_torn(*leaf) {
                let mut words = self.words().test(*leaf);
                let mut end = None;
                while end.is_none() {
                    let is_part = |part: &Tree<'_>| matches!(part.kind(), "command" | "negated_command");
                    let Some((operator, part)) = rest.next().filter(|(_, part)| is_part(part)) else { break };
                    words.extend(operator.map(|operator| self.words().word(operator)));
                    for child in children(*part) {
                        match child.kind() {
                            "command" => words.extend(children(child).map(|word| self.words().word(word))),
                            _ => words.push(self.words().word(child)),
                        }
                    }
                    if words.last().and_then(Word::literal).as_deref() == Some("]]") {
                        words.pop();
                        end = Some(part.end_byte());
                    }
                }
                match end {
                    Some(end) => self.node(Span::new(leaf.start_byte(), end), NodeKind::Test(words.into())),
                    None => self.error(span(*leaf)),
                }
            } else {
                self.single(*leaf)
            };
            list = Some(match (list, operator) {
                (Some(left), Some(operator)) => {
                    let at = left.span.to(node.span);
                    let (left, right) = (Arc::new(left), Arc::new(node));
                    let and = operator.kind() == "&&";
                    self.node(at, if and { NodeKind::And(left, right) } else { NodeKind::Or(left, right) })
                }
                _ => node,
            });
        }
        list.map(|node| node.kind)
    }
}

/// `FILE=$FOLDER/$1.conf`: the grammar ends the value at the second `$`, and takes what is right behind it for a command. The word, if it
/// is one after all.
pub(super) fn continue_value(assignment: &mut Assignment, word: Word) -> Option<Word> {
    let AssignedValue::Scalar(value) = &mut assignment.value else { return Some(word) };
    let word = join(value, word);
    if word.is_none() {
        assignment.span = assignment.span.to(value.span);
    }
    word
}

/// `$HOME/bin/$MODE.sh`: the grammar ends the word at the second `$`, too.
pub(super) fn add_word(words: &mut Vec<Word>, word: Word) {
    let word = match words.last_mut() {
        Some(before) if before.span.end == word.span.start => join(before, word),
        _ => Some(word),
    };
    words.extend(word);
}

/// What stands right behind a word that ends in `$` is the name of a variable, and the rest of the word. The word, if it is another one.
fn join(before: &mut Word, word: Word) -> Option<Word> {
    let [.., Part::Literal(last)] = &mut before.parts[..] else { return Some(word) };
    let [Part::Literal(behind), rest @ ..] = &word.parts[..] else { return Some(word) };
    let length = match behind.chars().next() {
        Some(first) if first.is_ascii_digit() => 1,
        _ => behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len()),
    };
    let Some(shorter) = last.strip_suffix('$').filter(|_| length > 0).map(str::to_owned) else {
        return Some(word);
    };
    *last = shorter;
    let (name, more) = behind.split_at(length);
    let parameter = Parameter { name: name.to_owned(), index: None, operation: Operation::Plain };
    before.parts.push(Part::Parameter(parameter, false));
    before.parts.push(Part::Literal(more.to_owned()));
    before.parts.extend_from_slice(rest);
    before.parts.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
    before.span = before.span.to(word.span);
    None
}

/// The parts of an `&&` and `||` list, each with the operator in front of it.
fn leaves(tree: Tree<'_>) -> Vec<(Option<Tree<'_>>, Tree<'_>)> {
    let mut leaves = Vec::new();
    let mut at = tree;
    while at.kind() == "list" {
        let mut named = children(at).filter(|child| child.is_named() && child.kind() != "comment");
        let operator = children(at).find(|child| matches!(child.kind(), "&&" | "||"));
        let (Some(left), Some(right)) = (named.next(), named.next()) else { break };
        leaves.push((operator, right));
        at = left;
    }
    leaves.push((None, at));
    leaves.reverse();
    leaves
}

/// True for a `[[` whose `]]` the grammar did not find.
pub(super) fn is_torn(tree: Tree<'_>) -> bool {
    tree.kind() == "test_command" && children(tree).last().is_some_and(|last| last.is_missing())
}
