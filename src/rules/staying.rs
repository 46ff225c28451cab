//! How a script stays, and how what it stays for goes to the background.

use std::sync::Arc;

use super::insertion::{Line, rest_of_line};
use super::{blocks, repair};
use crate::shell::{self, Node, Part, Word};
use crate::source::{Edit, Span, base_name};

/// What runs a command line, or a command, that it is given.
const SHELLS: [&str; 14] = [
    "sh",
    "bash",
    "dash",
    "ash",
    "zsh",
    "su",
    "sudo",
    "runuser",
    "gosu",
    "su-exec",
    "setpriv",
    "env",
    "tini",
    "dumb-init",
];

/// How a script stays.
pub(super) enum Stay {
    Waits,
    Service,
    KeepsAlive,
    /// `sleep` in a loop, or `inotifywait`.
    Pauses,
    /// `fg`
    TakesJob,
    /// `exec server`
    Leaves,
}

pub(super) fn shape(at: &Node) -> Option<Stay> {
    let command = repair::simple(at)?;
    let name = command.words.first()?.literal();
    let second = command.words.get(1).and_then(Word::literal);
    let last = command.words.last().and_then(Word::literal);
    match (name.as_deref(), second.as_deref()) {
        (Some("wait"), _) => Some(Stay::Waits),
        (Some("fg"), _) => Some(Stay::TakesJob),
        (Some("exec"), Some(program)) if !program.starts_with('-') && !talks(&command.words[1..]) => {
            Some(Stay::Leaves)
        }
        (Some("exec"), _) => None,
        (Some("sleep" | "inotifywait"), _) if loop_around(at).is_some() => Some(Stay::Pauses),
        (Some("sleep"), Some("infinity")) => Some(Stay::KeepsAlive),
        (Some("tail"), _) if last.as_deref() == Some("/dev/null") && loop_around(at).is_some() => {
            Some(Stay::Pauses)
        }
        // What follows a log shows it to somebody; what follows nothing only keeps the container alive.
        (Some("tail"), _) if last.as_deref() == Some("/dev/null") => Some(Stay::KeepsAlive),
        (Some("tail"), _) if follows(&command.words) => Some(Stay::Service),
        (Some("tail" | "sleep" | "cat"), _) => None,
        // A job reads nothing: what somebody may talk to stays in front.
        (Some(_), _) if talks(&command.words) => None,
        (Some(_), _) => Some(Stay::Service),
        (None, _) => None,
    }
}

/// `sleep` for `limit` seconds or more, or what takes nobody knows how long.
pub(super) fn is_pause(node: &Node, limit: f64) -> bool {
    let Some(command) = repair::simple(node) else { return false };
    let words: Vec<Option<String>> = command.words.iter().map(Word::literal).collect();
    match words.as_slice() {
        [Some(name), Some(time)] if name == "sleep" => {
            time.parse::<f64>().map_or(true, |seconds| seconds >= limit)
        }
        [Some(name), ..] => matches!(name.as_str(), "sleep" | "inotifywait"),
        _ => false,
    }
}

/// The outermost loop around a statement, in the text that holds it.
pub(super) fn loop_around(at: &Node) -> Option<Node> {
    let script = shell::parse(Arc::clone(&at.excerpt));
    blocks::loop_around(script.statements.iter(), at.span).cloned()
}

/// `sleep 60` as `sleep 60 & wait "$!"`, which a signal interrupts. `None` where that would change what its loop reads of jobs.
pub(super) fn pause_apart(node: &Node) -> Option<Edit> {
    let text = |node: &Node| node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("").to_owned();
    let reads =
        |text: String| ["$!", "${!}", "jobs", "wait -n", "%%", "%+"].iter().any(|word| text.contains(word));
    if loop_around(node).is_some_and(|around| reads(text(&around))) {
        return None;
    }
    apart(node, |_| " & wait \"$!\"".to_owned())
}

/// `server` as `server & pid=$!` and `wait "$pid"` on the next line.
pub(super) fn background(node: &Node, name: &str) -> Option<Edit> {
    apart(node, |separator| format!(" & {name}=$!{separator}wait \"${name}\""))
}

/// A command sent to the background; `tail` is what follows it, by what separates two commands there.
pub(super) fn apart(node: &Node, tail: impl Fn(&str) -> String) -> Option<Edit> {
    let command = repair::simple(node)?;
    let first = command.words.first()?;
    match first.literal() {
        // What the shell itself does is none of a job's business.
        Some(name) => {
            if matches!(name.as_str(), "fg" | "wait" | "read" | "exec" | "eval" | "." | "source") {
                return None;
            }
        }
        // A variable alone may hold just that, or the caller's own command.
        None => repair::names_path(first).then_some(())?,
    }
    let text = node.excerpt.text();
    if talks(&command.words) || reads_last_job(&text[node.span.end..]) {
        return None;
    }
    let rest = rest_of_line(text, node.span.end);
    let in_list = is_in_list(text, node.span.start);
    let goes_on = [";", "#", "&&", "||"].iter().any(|sign| rest.starts_with(sign));
    if in_list || !(rest.is_empty() || goes_on) {
        return None;
    }
    let line = Line::of(text, node.span.start, node.excerpt.encoding());
    let separator = if rest.is_empty() { line.separator() } else { "; ".to_owned() };
    node.excerpt.edit(Span::at(node.span.end), &tail(&separator))
}

/// True for what stands behind `&&`, `|`, `!` and the like: with it the whole list would go to the background, and what its `cd` or `exit`
/// does with it.
pub(super) fn is_in_list(text: &str, start: usize) -> bool {
    let before = text[..start].trim_end();
    before.ends_with("&&") || before.ends_with('|') || (before.ends_with('!') && !before.ends_with("$!"))
}

/// True where `$!` is read before the next job starts: it means a job that was started before, and would mean the new one.
pub(super) fn reads_last_job(text: &str) -> bool {
    let starts_job = |at: usize| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        !before.ends_with(['&', '>', '<']) && !after.starts_with(['&', '>'])
    };
    let next = text.match_indices('&').map(|(at, _)| at).find(|&at| starts_job(at)).unwrap_or(text.len());
    text[..next].contains("$!") || text[..next].contains("${!}")
}

/// `tail -f log`
fn follows(words: &[Word]) -> bool {
    let is_told = |word: String| match word.strip_prefix("--") {
        Some(long) => long.starts_with("follow"),
        None => word.starts_with('-') && word.contains(['f', 'F']),
    };
    words.iter().skip(1).filter_map(Word::literal).any(is_told)
}

/// True for a program that is likely to read what somebody types: an interpreter without a file, or one that is told so.
fn talks(words: &[Word]) -> bool {
    // `bash -c "$*"`: whatever somebody asks for.
    let is_argument = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.is_arguments());
    let is_shell = |name: String| {
        let name = base_name(&name);
        SHELLS.contains(&name) || name.contains("entrypoint")
    };
    let is_given = words.first().and_then(Word::literal).is_some_and(is_shell)
        && words.iter().flat_map(|word| &word.parts).any(is_argument);
    const INTERPRETERS: [&str; 9] =
        ["sh", "bash", "python", "python3", "node", "irb", "php", "psql", "mysql"];
    let words: Vec<Option<String>> = words.iter().map(Word::literal).collect();
    // `nogui`: the console of a game server, which is how people stop it.
    let told = |word: &str| {
        matches!(word, "-i" | "-it" | "--interactive" | "--repl" | "--console" | "nogui" | "--nogui")
    };
    let alone = matches!(words.as_slice(), [Some(name)] if INTERPRETERS.contains(&base_name(name)));
    alone || is_given || words.iter().flatten().any(|word| told(word))
}
