//! Repairs that set a trap, or complete one.

use crate::launch::{Dialect, Fault, Signal, Site};
use crate::shell::{List, Node, NodeKind, Word};
use crate::source::{Edit, Encoding, Span};

use super::{Repair, repair};

/// A trap that tells every job, and the numbers of the jobs for it.
pub(super) fn insert(fault: &Fault, stop: Signal) -> Vec<Repair> {
    let Site::Jobs { statements, at, dialect } = &fault.site else { return Vec::new() };
    let mut signals = vec![Signal::TERM];
    if stop != Signal::TERM {
        signals.push(stop);
    }
    signals.into_iter().filter_map(|signal| insert_with(statements, at, *dialect, stop, signal)).collect()
}

/// `signal` is what the services get.
fn insert_with(
    statements: &[Node],
    at: &Node,
    dialect: Dialect,
    stop: Signal,
    signal: Signal,
) -> Option<Repair> {
    let _ = dialect;
    let excerpt = &at.excerpt;
    let same = statements.iter().all(|job| std::sync::Arc::ptr_eq(&job.excerpt, excerpt));
    let first = statements.iter().map(|job| job.span.start).min()?.min(at.span.start);
    if !same || excerpt.encoding() == Encoding::Derived {
        return None;
    }
    let text = excerpt.text();
    let list = free_name(text);
    let mut edits = Vec::new();
    let mut names: Vec<String> = Vec::new();
    let mut collects = false;
    for job in statements {
        let end = ampersand(text, job.span.end)?;
        match number_in(text, end) {
            Some(name) => names.push(name),
            None => {
                collects = true;
                let more = !rest_of_line(text, end).is_empty();
                let semicolon = if more { ";" } else { "" };
                edits.push(excerpt.edit(Span::at(end), &format!(" {list}=\"${list} $!\"{semicolon}"))?);
            }
        }
    }
    let shape = shape(at)?;
    let line = Line::of(text, at.span.start, excerpt.encoding());
    match shape {
        Stay::Waits => {}
        // As before, the script goes on when this one ends, with its status.
        Stay::Service => {
            collects = true;
            let rest = rest_of_line(text, at.span.end);
            if !rest.is_empty() && !rest.starts_with('#') {
                return None;
            }
            let wait = format!(" & {list}=\"${list} $!\"{}wait \"$!\"", line.separator());
            edits.push(excerpt.edit(Span::at(at.span.end), &wait)?);
        }
        Stay::KeepsAlive => edits.push(excerpt.edit(at.span, "wait")?),
    }
    let strict = text.contains("set -u") || text.contains("set -eu") || text.contains("nounset");
    let mut targets: Vec<String> =
        names.iter().map(|name| if strict { format!("${{{name}-}}") } else { format!("${name}") }).collect();
    if collects {
        targets.push(format!("${list}"));
    }
    let mut heard = vec![stop.name()];
    heard.extend(["TERM", "INT"].map(str::to_owned).into_iter().filter(|name| *name != stop.name()));
    let handler = format!(
        "trap 'kill -{} {} 2>/dev/null; wait; exit {}' {}",
        signal.name(),
        targets.join(" "),
        128 + u32::from(stop.number()),
        heard.join(" ")
    );
    let start = Line::of(text, first, excerpt.encoding());
    let setup = if collects { format!("{list}=''{}{handler}", start.separator()) } else { handler };
    edits.push(excerpt.edit(Span::at(start.insertion), &format!("{}{setup}{}", start.lead(), start.tail()))?);
    Some(Repair::safe("Trap the stop, pass it on to every service, and wait for them", edits))
}

/// How a script stays.
enum Stay {
    Waits,
    Service,
    KeepsAlive,
}

fn shape(at: &Node) -> Option<Stay> {
    let command = repair::simple(at)?;
    let name = command.words.first()?.literal();
    let second = command.words.get(1).and_then(Word::literal);
    let last = command.words.last().and_then(Word::literal);
    match (name.as_deref(), second.as_deref()) {
        (Some("wait"), _) => Some(Stay::Waits),
        (Some("sleep"), Some("infinity")) => Some(Stay::KeepsAlive),
        // What follows a log shows it to somebody; what follows nothing only keeps the container alive.
        (Some("tail"), _) if last.as_deref() == Some("/dev/null") => Some(Stay::KeepsAlive),
        (Some("tail" | "sleep" | "cat"), _) => None,
        // A command that somebody may talk to keeps its input.
        (Some(_), _) => Some(Stay::Service),
        (None, _) => None,
    }
}

/// Where text is put in front of a statement.
struct Line {
    insertion: usize,
    indent: String,
    /// False where the statement does not begin its line, or lines cannot be broken.
    own_line: bool,
}

impl Line {
    fn of(text: &str, at: usize, encoding: Encoding) -> Self {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &text[start..at];
        let own_line =
            before.trim().is_empty() && matches!(encoding, Encoding::Verbatim | Encoding::Expanded);
        if own_line {
            Self { insertion: start, indent: before.to_owned(), own_line }
        } else {
            Self { insertion: at, indent: String::new(), own_line }
        }
    }

    fn separator(&self) -> String {
        if self.own_line { format!("\n{}", self.indent) } else { "; ".to_owned() }
    }

    fn lead(&self) -> &str {
        &self.indent
    }

    fn tail(&self) -> &'static str {
        if self.own_line { "\n" } else { "; " }
    }
}

/// The byte after the `&` that follows a job.
fn ampersand(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\\', '\n', '\r']).len();
    rest[blanks..].starts_with('&').then_some(end + blanks + 1)
}

fn rest_of_line(text: &str, at: usize) -> &str {
    text[at..].lines().next().unwrap_or("").trim()
}

/// `name=$!` right behind the job, on its line or the next.
fn number_in(text: &str, at: usize) -> Option<String> {
    let mut lines = text[at..].lines();
    let here = lines.next().unwrap_or("").trim();
    let line = if here.is_empty() { lines.next().unwrap_or("").trim() } else { here };
    let (name, value) = line.split_once('=')?;
    let value = value.split([';', ' ', '#']).next()?;
    let valid = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    (valid && matches!(value, "$!" | "\"$!\"" | "${!}" | "\"${!}\"")).then(|| name.to_owned())
}

/// A variable that the script does not use.
fn free_name(text: &str) -> &'static str {
    const NAMES: [&str; 4] = ["pids", "service_pids", "stop_pids", "pids_to_stop"];
    NAMES.into_iter().find(|name| !text.contains(name)).unwrap_or("pids_of_services")
}

/// `wait` behind the `kill` of a handler, for the same targets.
pub(super) fn add_wait(actions: &List, functions: &[Node]) -> Option<Repair> {
    let kill = find_kill(actions)
        .or_else(|| functions.iter().find_map(|body| find_kill(std::slice::from_ref(body))))?;
    let command = repair::simple(kill)?;
    let excerpt = &kill.excerpt;
    let targets: Vec<&str> = command.words[1..]
        .iter()
        .filter_map(|word| excerpt.text().get(word.span.start..word.span.end))
        .skip_while(|text| text.starts_with('-'))
        .collect();
    let plain = !targets.is_empty()
        && targets.iter().all(|text| text.trim_matches('"').starts_with('$') && !text.contains('('));
    let wait = if plain { format!("; wait {}", targets.join(" ")) } else { "; wait".to_owned() };
    let edit = excerpt.edit(Span::at(kill.span.end), &wait)?;
    Some(Repair::safe("Wait in the trap until the service has finished", vec![edit]))
}

fn find_kill(list: &[Node]) -> Option<&Node> {
    list.iter().find_map(|node| match &node.kind {
        NodeKind::Command(command) => {
            (command.words.first().and_then(Word::literal).as_deref() == Some("kill")).then_some(node)
        }
        NodeKind::Group(list) => find_kill(list),
        NodeKind::And(_, right) | NodeKind::Or(_, right) => find_kill(std::slice::from_ref(right.as_ref())),
        _ => None,
    })
}

/// `SIGTERM` as `TERM`, in the words at the end of a trap command.
pub(super) fn plain_names(place: &crate::source::Place) -> Option<Repair> {
    let text = place.text();
    let mut edits = Vec::new();
    let mut end = text.trim_end().len();
    while let Some(start) = text[..end].rfind([' ', '\t']).map(|at| at + 1) {
        let word = &text[start..end];
        Signal::parse(word)?;
        if word.len() > 3 && word.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SIG")) {
            let at = place.span.start + start;
            edits.push(Edit {
                path: place.source.path().to_owned(),
                span: Span::new(at, at + 3),
                text: String::new(),
            });
        }
        end = text[..start].trim_end().len();
        if text[..end].ends_with(['\'', '"'])
            || Signal::parse(text[..end].rsplit([' ', '\t']).next().unwrap_or("")).is_none()
        {
            break;
        }
    }
    (!edits.is_empty()).then(|| Repair::safe("Name the signal without SIG, which every shell knows", edits))
}
