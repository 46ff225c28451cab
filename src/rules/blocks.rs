//! The lists of statements that a script is made of.

use crate::shell::{Node, NodeKind};
use crate::source::Span;

/// True for what stands inside a loop.
pub(super) fn is_repeated(list: &[Node], span: Span) -> bool {
    list.iter().filter(|node| node.span.start <= span.start && span.end <= node.span.end).any(|node| {
        let is_loop = matches!(node.kind, NodeKind::Loop(_) | NodeKind::For(_) | NodeKind::ArithmeticFor(..));
        is_loop || lists_of(node).into_iter().any(|inner| is_repeated(inner, span))
    })
}

/// The start of the first statement that holds one of these, in the innermost list that holds all of them: what stands there is done
/// whichever branch is taken.
pub(super) fn in_front_of_all(list: &[Node], spans: &[Span]) -> Option<usize> {
    let holds = |node: &Node, span: &Span| node.span.start <= span.start && span.end <= node.span.end;
    let first = list.iter().find(|node| spans.iter().any(|span| holds(node, span)))?;
    if spans.iter().all(|span| holds(first, span))
        && let Some(inner) = lists_of(first).into_iter().find_map(|inner| in_front_of_all(inner, spans))
    {
        // A list that holds some of them only is a branch.
        let whole = lists_of(first)
            .into_iter()
            .any(|inner| spans.iter().all(|span| inner.iter().any(|node| holds(node, span))));
        return Some(if whole { inner } else { first.span.start });
    }
    Some(first.span.start)
}

/// The lists of statements inside a statement that shares the shell's variables with it.
pub(super) fn lists_of(node: &Node) -> Vec<&[Node]> {
    match &node.kind {
        NodeKind::Group(list) | NodeKind::Subshell(list) | NodeKind::ArithmeticFor(list, _) => vec![list],
        NodeKind::Function(_, inner) | NodeKind::Redirected(inner, _) | NodeKind::Background(inner) => {
            lists_of(inner)
        }
        NodeKind::If(branches) => {
            let arms = branches.arms.iter().map(|(_, body)| body.as_ref());
            arms.chain(branches.otherwise.as_deref()).collect()
        }
        NodeKind::Case(case) => case.arms.iter().map(|arm| arm.body.as_ref()).collect(),
        NodeKind::Loop(inner) => vec![&inner.body],
        NodeKind::For(inner) => vec![&inner.body],
        _ => Vec::new(),
    }
}
