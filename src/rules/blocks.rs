//! The lists of statements that a script is made of.

use crate::shell::{Node, NodeKind};
use crate::source::Span;

pub(super) fn holds(node: &Node, place: Span) -> bool {
    node.span.contains(place)
}

/// The outermost loop around a place.
pub(super) fn loop_around<'n>(list: impl IntoIterator<Item = &'n Node>, place: Span) -> Option<&'n Node> {
    let node = list.into_iter().find(|node| holds(node, place))?;
    let is_loop = matches!(node.kind, NodeKind::Loop(_) | NodeKind::For(_) | NodeKind::ArithmeticFor(..));
    if is_loop { Some(node) } else { loop_around(node.children(), place) }
}

/// The statements that come behind a place: in its list, in the lists around that, and where a function that holds it is called.
pub(super) fn behind(script: &[Node], place: Span) -> Vec<&Node> {
    Beside::of(script, place).behind
}

/// Those that come in front of it in the same way, the nearest first.
pub(super) fn in_front(script: &[Node], place: Span) -> Vec<&Node> {
    Beside::of(script, place).in_front
}

struct Beside<'n> {
    script: &'n [Node],
    /// The functions whose calls are followed.
    called: Vec<&'n str>,
    in_front: Vec<&'n Node>,
    behind: Vec<&'n Node>,
}

impl<'n> Beside<'n> {
    fn of(script: &'n [Node], place: Span) -> Self {
        let mut search = Self { script, called: Vec::new(), in_front: Vec::new(), behind: Vec::new() };
        search.collect(&script.iter().collect::<Vec<_>>(), place);
        search
    }

    fn collect(&mut self, list: &[&'n Node], place: Span) {
        let Some(at) = list.iter().position(|node| holds(node, place)) else { return };
        let node = list[at];
        if node.span != place {
            let lists = lists_of(node).into_iter().find(|inner| inner.iter().any(|own| holds(own, place)));
            let inner = lists.map_or_else(|| node.children(), |list| list.iter().collect());
            self.collect(&inner, place);
        }
        let NodeKind::Function(name, _) = &node.kind else {
            self.in_front.extend(list[..at].iter().rev());
            self.behind.extend(&list[at + 1..]);
            return;
        };
        if !self.called.contains(&name.as_ref()) {
            self.called.push(name);
            let script: Vec<&Node> = self.script.iter().collect();
            for call in calls(self.script, name) {
                self.collect(&script, call);
            }
        }
    }
}

/// True for the last of `cd app && server`, which may go to the background alone, in a group of its own.
pub(super) fn is_behind_operator<'n>(list: impl IntoIterator<Item = &'n Node>, place: Span) -> bool {
    list.into_iter().filter(|node| holds(node, place)).any(|node| match &node.kind {
        NodeKind::And(_, right) | NodeKind::Or(_, right) if right.span == place => true,
        _ => is_behind_operator(node.children(), place),
    })
}

/// True for what a loop starts again and again, itself or by a function.
pub(super) fn is_repeated(script: &[Node], place: Span) -> bool {
    let by_function = |name| calls(script, name).into_iter().any(|call| loop_around(script, call).is_some());
    loop_around(script, place).is_some() || function_around(script, place).is_some_and(by_function)
}

/// The function that a place is in.
fn function_around<'n>(list: impl IntoIterator<Item = &'n Node>, place: Span) -> Option<&'n str> {
    let node = list.into_iter().find(|node| holds(node, place))?;
    function_around(node.children(), place).or(match &node.kind {
        NodeKind::Function(name, _) => Some(name),
        _ => None,
    })
}

/// True inside a function that runs now in the script's own shell, now in one of its own (`run &`), which has traps of its own.
pub(super) fn is_in_both_shells(script: &[Node], place: Span) -> bool {
    fn is_apart(node: &Node, call: Span) -> bool {
        let has_own =
            matches!(node.kind, NodeKind::Background(_) | NodeKind::Subshell(_) | NodeKind::Pipeline(_));
        holds(node, call) && (has_own || node.children().into_iter().any(|child| is_apart(child, call)))
    }
    let calls = function_around(script, place).map(|name| calls(script, name)).unwrap_or_default();
    let apart = calls.iter().filter(|call| script.iter().any(|node| is_apart(node, **call))).count();
    apart > 0 && apart < calls.len()
}

/// Where a function is called.
pub(super) fn calls(list: &[Node], name: &str) -> Vec<Span> {
    fn collect(node: &Node, name: &str, found: &mut Vec<Span>) {
        if node.is_command(&[name]) {
            found.push(node.span);
        }
        node.children().into_iter().for_each(|child| collect(child, name, found));
    }
    let mut found = Vec::new();
    list.iter().for_each(|node| collect(node, name, &mut found));
    found
}

/// The start of the first statement that holds one of these, in the innermost list that holds all of them: what stands there is done
/// whichever branch is taken.
pub(super) fn in_front_of_all(list: &[Node], spans: &[Span]) -> Option<usize> {
    let first = list.iter().find(|node| spans.iter().any(|span| holds(node, *span)))?;
    if spans.iter().all(|span| holds(first, *span))
        && let Some(inner) = lists_of(first).into_iter().find_map(|inner| in_front_of_all(inner, spans))
    {
        // A list that holds some of them only is a branch.
        let whole = lists_of(first)
            .into_iter()
            .any(|inner| spans.iter().all(|span| inner.iter().any(|node| holds(node, *span))));
        return Some(if whole { inner } else { first.span.start });
    }
    Some(first.span.start)
}

/// What a compound statement runs on any of its ways, down to what is none itself.
pub(super) fn statements_of(node: &Node) -> Vec<&Node> {
    lists_of(node).into_iter().flat_map(simple_statements).collect()
}

/// The same of a list.
pub(super) fn simple_statements(list: &[Node]) -> Vec<&Node> {
    let simple = |node| if lists_of(node).is_empty() { vec![node] } else { statements_of(node) };
    list.iter().flat_map(simple).collect()
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
