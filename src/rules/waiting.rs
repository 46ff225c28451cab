//! A `wait` in a handler, for those that it tells.

use crate::launch::{ShellState, Signal};
use crate::shell::{Node, NodeKind, Word};
use crate::source::{Edit, Span};

use super::Repair;
use super::blocks::{holds, lists_of, loop_around, simple_statements};
use super::insertion::Line;
use super::repair::simple;
use super::trap::or_not;

/// `wait` behind the last statement that tells somebody in a handler, or in the function that it calls for that: by then all are told, and
/// finish at the same time.
///
/// With `others` the script has jobs that are not told: a `wait` for all would be one for them, too.
pub(super) fn add(action: &[Node], functions: &[Node], shell: &ShellState, others: bool) -> Option<Repair> {
    let bodies = functions.iter().map(std::slice::from_ref);
    let mut handlers = std::iter::once(action).chain(bodies);
    let (handler, told) = handlers.find_map(|handler| {
        let told = tellings(handler);
        (!told.is_empty()).then_some((handler, told))
    })?;
    let tells_all = told.iter().any(|kill| kill.place().text().contains("jobs -p"));
    let list = innermost(handler, &told);
    let last = list.iter().rfind(|node| told.iter().any(|kill| holds(node, kill.span)))?;
    if has_heredoc(last) {
        return None;
    }
    let numbers = numbers(handler, list, &told);
    let is_for_all = numbers.is_none();
    // `wait "$pid"` behind `kill $pid` does not take the number as it is written there.
    let bare = |word: &str| word.trim_matches('"').to_owned();
    let is_other = |word: &&str| numbers.iter().flatten().any(|own| own != word && bare(own) == bare(word));
    let own = own_wait(list, last)
        .filter(|wait| !is_for_all && !texts(wait, words_behind(wait)).iter().any(is_other));
    let known = own.map(|wait| texts(wait, words_behind(wait))).unwrap_or_default();
    let new = || numbers.iter().flatten().filter(|number| !known.contains(number));
    // `wait -n` is for one of them, and what it says of the others afterwards is for nobody to know.
    if waited_for(handler).iter().any(|word| word.starts_with('-')) {
        return None;
    }
    let excerpt = &last.excerpt;
    let mut edits = if let Some(own) = own {
        let rest = if may_fail(handler, own) { "" } else { or_not(shell) };
        widened(own, new(), rest)?
    } else {
        let targets: String = new().map(|number| format!(" {number}")).collect();
        let wait = format!("wait{targets}{}", or_not(shell));
        let line = Line::of(excerpt.text(), last.span.start, excerpt.encoding());
        let alone = line.own_line && excerpt.text()[last.span.end..].starts_with(['\n', '\r']);
        let separator = if alone { line.separator() } else { "; ".to_owned() };
        vec![excerpt.edit(Span::at(last.span.end), &format!("{separator}{wait}"))?]
    };
    // Where one of them has ended, its `kill` fails, and `set -e` would leave the handler in front of the `wait`.
    if shell.errexit && (told.len() > 1 || numbers.is_none_or(|numbers| numbers.len() > 1)) {
        for kill in told.into_iter().filter(|kill| !may_fail(handler, kill)) {
            edits.insert(0, kill.excerpt.edit(Span::at(kill.span.end), or_not(shell))?);
        }
    }
    let message = "Wait in the trap until the service has finished";
    Some(match is_for_all && others && !tells_all {
        true => Repair::unsafe_(format!("{message}, and whatever else runs in the background"), edits),
        false => Repair::safe(message, edits),
    })
}

/// The `wait` for some that a handler has behind the last of its tellings already.
fn own_wait<'n>(list: &'n [Node], last: &Node) -> Option<&'n Node> {
    fn command(node: &Node) -> &Node {
        match &node.kind {
            NodeKind::Or(left, _) => left,
            _ => node,
        }
    }
    let behind = list.iter().filter(|node| node.span.start >= last.span.end).map(command);
    behind.into_iter().find(|node| node.is_command(&["wait"]) && !words_behind(node).is_empty())
}

/// The same for these as well, in front: the status is that of the last.
fn widened<'n>(wait: &Node, numbers: impl Iterator<Item = &'n &'n str>, rest: &str) -> Option<Vec<Edit>> {
    let (first, last) = (words_behind(wait).first()?, words_behind(wait).last()?);
    let targets: String = numbers.map(|number| format!("{number} ")).collect();
    let mut edits = vec![wait.excerpt.edit(Span::at(first.span.start), &targets)?];
    if !rest.is_empty() {
        edits.push(wait.excerpt.edit(Span::at(last.span.end), rest)?);
    }
    Some(edits)
}

/// True where the text of a here-document follows: nothing can be put behind such a statement.
pub(super) fn has_heredoc(node: &Node) -> bool {
    let redirects = match &node.kind {
        NodeKind::Command(command) => command.redirects.as_slice(),
        NodeKind::Redirected(_, redirects) => redirects,
        _ => &[],
    };
    redirects.iter().any(|redirect| redirect.heredoc.is_some())
        || node.children().into_iter().any(has_heredoc)
}

/// True where a script under `set -e` goes on when the command fails: in front of `||` and `&&`.
fn may_fail(handler: &[Node], kill: &Node) -> bool {
    let statement = simple_statements(handler).into_iter().find(|node| holds(node, kill.span));
    statement.is_none_or(|node| match &node.kind {
        NodeKind::Or(left, _) | NodeKind::And(left, _) => holds(left, kill.span),
        _ => false,
    })
}

/// True for a command that tells a process to stop: not for one that only asks for it (`kill -0`), or whose patience is over (`kill -9`).
fn tells(node: &Node) -> bool {
    let Some(command) = simple(node).filter(|_| node.is_command(&["kill", "killall", "pkill"])) else {
        return false;
    };
    let mut words = command.words.iter().filter_map(Word::literal);
    !words.any(|word| {
        let signal = word.strip_prefix('-').and_then(Signal::parse);
        matches!(signal, Some(Signal::EXIT | Signal::KILL)) || matches!(word.as_str(), "KILL" | "SIGKILL")
    })
}

/// The commands that tell somebody, on any way through these statements.
pub(super) fn tellings(list: &[Node]) -> Vec<&Node> {
    fn collect<'n>(node: &'n Node, told: &mut Vec<&'n Node>) {
        told.extend(tells(node).then_some(node));
        node.children().into_iter().for_each(|child| collect(child, told));
    }
    let mut told = Vec::new();
    list.iter().for_each(|node| collect(node, &mut told));
    told
}

/// The innermost list that holds all of these, outside loops, and where the handler's own shell runs it.
fn innermost<'n>(list: &'n [Node], told: &[&Node]) -> &'n [Node] {
    let is_own = |node: &&Node| {
        matches!(node.kind, NodeKind::Group(_) | NodeKind::If(_) | NodeKind::Case(_) | NodeKind::Function(..))
    };
    let holds_all = |inner: &&[Node]| told.iter().all(|kill| inner.iter().any(|node| holds(node, kill.span)));
    match list.iter().filter(is_own).flat_map(lists_of).find(holds_all) {
        Some(inner) => innermost(inner, told),
        None => list,
    }
}

/// The variables with the numbers of those that are told, unless `wait` already has them; `None` where they are in none, or were looked up.
fn numbers<'n>(handler: &'n [Node], list: &[Node], told: &[&'n Node]) -> Option<Vec<&'n str>> {
    let waited = waited_for(handler);
    let mut numbers = Vec::new();
    for kill in told {
        let around = loop_around(handler, kill.span);
        let words = match around.map(|around| &around.kind) {
            Some(NodeKind::For(each)) => each.words.as_deref()?,
            Some(_) => return None,
            None => targets(kill),
        };
        let texts = texts(kill, words);
        let is_kept =
            |number: &&str| is_variable(number, kill.excerpt.source().text()) && !is_set_in(handler, number);
        if texts.is_empty() || !texts.iter().all(is_kept) {
            return None;
        }
        // Of what may not have been started there is no number, and `wait` takes no empty word.
        let is_certain = around.is_some()
            || list.iter().any(|node| match &node.kind {
                NodeKind::Or(left, _) => left.span == kill.span,
                _ => node.span == kill.span,
            });
        for number in texts {
            let number = if is_certain { number } else { number.trim_matches('"') };
            if !numbers.contains(&number) && !waited.contains(&number) {
                numbers.push(number);
            }
        }
    }
    (!numbers.is_empty()).then_some(numbers)
}

fn waited_for(handler: &[Node]) -> Vec<&str> {
    let waits = simple_statements(handler).into_iter().filter(|node| node.is_command(&["wait"]));
    waits.flat_map(|wait| texts(wait, words_behind(wait))).collect()
}

fn texts<'n>(node: &'n Node, words: &[Word]) -> Vec<&'n str> {
    words.iter().filter_map(|word| node.excerpt.text().get(word.span.start..word.span.end)).collect()
}

fn words_behind(node: &Node) -> &[Word] {
    simple(node).and_then(|command| command.words.get(1..)).unwrap_or_default()
}

/// `$pid` and `"$pid"`. In `pid=$(pgrep server)` there is the number of any process, and `wait` takes those of the shell's own jobs only.
fn is_variable(word: &str, text: &str) -> bool {
    let name = word.trim_matches(['"', '$', '{', '}']);
    let looked_up = ["=$(", "=`", "=\"$("].iter().any(|sign| text.contains(&format!("{name}{sign}")));
    word.trim_matches('"').starts_with('$') && !word.contains('(') && !looked_up
}

/// True where the handler itself gives the variable a value: it may hold one number after the other.
fn is_set_in(handler: &[Node], variable: &str) -> bool {
    let name = variable.trim_matches(['"', '$', '{', '}']);
    simple_statements(handler).into_iter().filter_map(simple).any(|command| {
        let words: Vec<String> = command.words.iter().filter_map(Word::literal).collect();
        let reads =
            words.first().is_some_and(|first| first == "read") && words.iter().any(|word| word == name);
        reads || command.assignments.iter().any(|assignment| assignment.name == name)
    })
}

/// Whom a `kill` tells: the words behind its options. The signal of `-s` and `-n` is a word of its own.
fn targets(kill: &Node) -> &[Word] {
    let is_option = |word: &Word| kill.excerpt.text()[word.span.start..].starts_with('-');
    let mut rest = words_behind(kill);
    while let [first, behind @ ..] = rest
        && is_option(first)
    {
        let takes_word = matches!(first.literal().as_deref(), Some("-s" | "-n"));
        rest = behind.get(usize::from(takes_word)..).unwrap_or_default();
    }
    rest
}
