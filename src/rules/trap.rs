//! Repairs that set a trap, or let one run.

use crate::launch::{Fault, Job, Jobs, ShellState, Signal, Site};
use crate::shell::{self, Node, NodeKind, Word};
use crate::source::{Edit, Encoding, Span};

use super::insertion::{Line, ampersand, free_name, free_number, number_in, rest_of_line};
use super::staying::{
    Stay, background, is_in_list, is_pause, loop_around, pause_apart, reads_last_job, shape,
};
use super::{Repair, Subject, conditional_trap, foreground, repair};
use crate::diagnostic::Safety;

/// Seconds that are too long between a stop and what a trap does: where a script pauses all the time, and where it does so now and then
/// (half of the grace period that Docker gives).
const LONG_PAUSE: f64 = 2.0;
const LONG_PAUSE_AT_TIMES: f64 = 5.0;

/// A program that goes to the background cannot read what somebody types any more.
pub(super) fn heeding_input(repair: Repair, fault: &Fault, subject: &Subject<'_>) -> Repair {
    match &fault.site {
        Site::Jobs(jobs) if matches!(shape(&jobs.at.node), Some(Stay::Service)) => {
            without_input(repair, &jobs.at.node, subject)
        }
        Site::Deferred { node, pause: false, .. } | Site::Foreground { node, .. } => {
            without_input(repair, node, subject)
        }
        _ => repair,
    }
}

fn without_input(mut repair: Repair, moved: &Node, subject: &Subject<'_>) -> Repair {
    let text = moved.excerpt.text().get(moved.span.start..moved.span.end).unwrap_or("");
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    let lost = match &subject.image.runtime.input {
        Some(_) => "of the standard input that is kept open for it",
        None if subject.tables.may_have_console(&words) => "that somebody types (`docker attach`)",
        None => return repair,
    };
    repair.safety = Safety::Unsafe;
    repair.message = format!("{}; it then reads nothing {lost}", repair.message);
    repair
}

/// A trap that tells every job, and the numbers of the jobs for it.
pub(super) fn insert(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    match &fault.site {
        Site::Jobs(jobs) => with_jobs(jobs, fault, subject),
        _ => Vec::new(),
    }
}

/// The same where `exec` would leave somebody untold.
pub(super) fn in_place_of_exec(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let repairs_of = |jobs: &Jobs| {
        let repairs = with_jobs(jobs, fault, subject).into_iter();
        repairs.map(|repair| without_input(repair, &jobs.at.node, subject)).collect::<Vec<_>>()
    };
    fault.beyond_exec.iter().flat_map(repairs_of).collect()
}

fn with_jobs(jobs: &Jobs, fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let stop = subject.signal();
    // It would take the place of a trap that is set on another way.
    if conditional_trap::may_be_set(&jobs.at.node, &[], &[]) {
        return Vec::new();
    }
    // What one program is told by, the others do not know.
    if stop.ignored_by_default() && jobs.jobs.len() > 1 {
        return Vec::new();
    }
    insert_with(jobs, &fault.shell, subject).into_iter().collect()
}

/// Where only something that keeps the container alive is in front: the one service in its place, or a trap and `wait`. The container
/// then ends when its services do.
pub(super) fn instead_of_keep_alive(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let Site::Jobs(Jobs { jobs, at }) = &fault.site else { return Vec::new() };
    if cleans_up(at) || starts_others(jobs, at) {
        return Vec::new();
    }
    // In front it might leave at once, and the container with it.
    if fault.may_leave && !jobs.iter().all(|job| job.leaves) {
        return Vec::new();
    }
    if let ([Job { node, leaves: false, .. }], Some(Stay::KeepsAlive)) = (jobs.as_slice(), shape(&at.node)) {
        return service_in_front(node, &at.node).into_iter().collect();
    }
    let mut repairs = insert(fault, subject);
    // What shows a log is told as the services are, and the script stays for as long as before.
    if matches!(shape(&at.node), Some(Stay::Service | Stay::Pauses)) {
        return repairs;
    }
    for repair in &mut repairs {
        repair.safety = Safety::Unsafe;
        repair.message += "; the container then ends when all of them have ended";
    }
    repairs
}

/// True if something is done behind the statement that keeps the container alive: whoever ends that by hand gets it done.
fn cleans_up(at: &Job) -> bool {
    let script = shell::parse(std::sync::Arc::clone(&at.node.excerpt));
    let says = |node: &Node| node.is_command(&["echo", "printf", "exit", "wait"]);
    script.statements.iter().any(|node| node.span.start >= at.node.span.end && !says(node))
}

/// `start-dfs.sh` in front of it: what that leaves running a trap does not tell.
fn starts_others(jobs: &[Job], at: &Job) -> bool {
    let script = shell::parse(std::sync::Arc::clone(&at.node.excerpt));
    let starts = |node: &Node| {
        let words =
            repair::simple(node).map(|command| command.words.iter().filter_map(Word::literal).collect());
        let words: Vec<String> = words.unwrap_or_default();
        let name = words.first().and_then(|name| name.rsplit('/').next()).unwrap_or("");
        name.split(['-', '_', '.']).any(|part| part == "start")
            || words.iter().skip(1).take(2).any(|word| word == "start")
    };
    let is_job = |node: &Node| jobs.iter().any(|job| job.node.span == node.span);
    script.statements.iter().any(|node| node.span.end <= at.node.span.start && starts(node) && !is_job(node))
}

/// `server &` and `tail -f /dev/null` behind it as `exec server`.
fn service_in_front(job: &Node, at: &Node) -> Option<Repair> {
    let excerpt = &at.excerpt;
    let command = repair::simple(job)?;
    let first = command.words.first()?;
    let text = excerpt.text();
    let end = ampersand(text, job.span.end)?;
    let between = text.get(end..at.span.start)?;
    if !std::sync::Arc::ptr_eq(&job.excerpt, excerpt)
        || !between.trim().is_empty()
        || first.literal().is_none()
    {
        return None;
    }
    let edits = vec![
        excerpt.edit(Span::at(first.span.start), "exec ")?,
        excerpt.edit(Span::new(job.span.end, at.span.end), "")?,
    ];
    let name = first.literal()?;
    Some(Repair::unsafe_(
        format!("Put `exec {name}` in its place; the container then ends when `{name}` does"),
        edits,
    ))
}

/// What a service is told by: SIGTERM, unless it is known to want another one.
fn told_by(job: &Job) -> Signal {
    job.wants.unwrap_or(Signal::TERM)
}

/// Whom a handler tells, by the signal for it: variables that hold the number of one service each, and lists of others.
struct Targets<'a> {
    list: &'a str,
    /// The signals, in the order in which their services are started.
    told: Vec<(Signal, Vec<String>)>,
    /// The signals whose services are in a list.
    listed: Vec<Signal>,
}

impl Targets<'_> {
    fn entry(&mut self, signal: Signal) -> &mut Vec<String> {
        let at = self.told.iter().position(|(known, _)| *known == signal).unwrap_or_else(|| {
            self.told.push((signal, Vec::new()));
            self.told.len() - 1
        });
        &mut self.told[at].1
    }

    fn name(&mut self, signal: Signal, name: String) {
        self.entry(signal).push(name);
    }

    /// What puts the last job's number on the list for a signal.
    fn collect(&mut self, signal: Signal) -> String {
        self.entry(signal);
        if !self.listed.contains(&signal) {
            self.listed.push(signal);
        }
        let list = self.list_of(signal);
        format!("{list}=\"${list} $!\"")
    }

    fn list_of(&self, signal: Signal) -> String {
        match self.listed.first() {
            Some(first) if *first != signal => format!("{}_{}", self.list, signal.name().to_lowercase()),
            _ => self.list.to_owned(),
        }
    }

    fn of(&self, signal: Signal, shell: &ShellState) -> Vec<String> {
        let names = self.told.iter().filter(|(known, _)| *known == signal).flat_map(|(_, names)| names);
        let list = self.listed.contains(&signal).then(|| format!("${}", self.list_of(signal)));
        names.map(|name| number(name, shell)).chain(list).collect()
    }

    fn all(&self, shell: &ShellState) -> Vec<String> {
        self.told.iter().flat_map(|(signal, _)| self.of(*signal, shell)).collect()
    }
}

fn insert_with(jobs: &Jobs, shell: &ShellState, subject: &Subject<'_>) -> Option<Repair> {
    let Jobs { jobs: all, at: stays } = jobs;
    let at = &stays.node;
    // A display has to stay until the others have finished; it ends with the container.
    let is_main = |job: &Job| !job.side;
    let has_main = all.iter().any(is_main) || matches!(shape(at), Some(Stay::Service));
    let jobs: Vec<Job> = all.iter().filter(|job| !has_main || is_main(job)).cloned().collect();
    let leaves_out = jobs.len() < all.len();
    let excerpt = &at.excerpt;
    let same = jobs.iter().all(|job| std::sync::Arc::ptr_eq(&job.node.excerpt, excerpt));
    if !same || excerpt.encoding() == Encoding::Derived {
        return None;
    }
    let text = excerpt.text();
    let script = shell::parse(std::sync::Arc::clone(excerpt));
    let spans: Vec<Span> = jobs.iter().chain([stays]).map(|job| job.node.span).collect();
    let first = in_front_of_all(&script.statements, &spans)?;
    let mut targets = Targets { list: free_name(text), told: Vec::new(), listed: Vec::new() };
    let mut edits: Vec<Edit> = Vec::new();
    let mut stayed: Vec<String> = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let span = job.node.span;
        // A loop starts the same statement again and again: a variable holds the number of the last one only.
        if jobs[..index].iter().any(|other| other.node.span == span) {
            continue;
        }
        let repeated = jobs[index + 1..].iter().any(|other| other.node.span == span)
            || is_repeated(&script.statements, span);
        let signal = told_by(job);
        if job.leaves {
            if is_in_list(text, span.start) {
                return None;
            }
            let (edit, kept) = foreground::in_job(&job.node, subject).filter(|_| !repeated)?;
            edits.push(edit);
            edits.push(excerpt.edit(
                end_of_command(text, span.end)?,
                &format!(" & {}{}", targets.collect(signal), after(text, span.end)),
            )?);
            stayed.push(kept);
            continue;
        }
        let end = ampersand(text, span.end)?;
        match number_in(text, end).filter(|_| !repeated) {
            Some(name) => targets.name(signal, name),
            None => {
                let rest = rest_of_line(text, end);
                let semicolon = if rest.is_empty() || rest.starts_with('#') { "" } else { ";" };
                let collects = targets.collect(signal);
                edits.push(excerpt.edit(Span::at(end), &format!(" {collects}{semicolon}"))?);
            }
        }
    }
    let line = Line::of(text, at.span.start, excerpt.encoding());
    match shape(at)? {
        Stay::Waits => {}
        // As before, the script goes on when this one ends, with its status.
        Stay::Service => {
            let rest = rest_of_line(text, at.span.end);
            if (!rest.is_empty() && !rest.starts_with('#')) || reads_last_job(&text[at.span.end..]) {
                return None;
            }
            let signal = told_by(stays);
            let wait = if jobs.is_empty() {
                let name = free_number(text);
                targets.name(signal, name.to_owned());
                format!(" & {name}=$!{}wait \"${name}\"", line.separator())
            } else {
                format!(" & {}{}wait \"$!\"", targets.collect(signal), line.separator())
            };
            edits.push(excerpt.edit(Span::at(at.span.end), &wait)?);
        }
        Stay::KeepsAlive => edits.push(excerpt.edit(at.span, "wait")?),
        Stay::Pauses => {
            let around = loop_around(at)?;
            if cleans_up(&Job { node: around, ..stays.clone() }) {
                return None;
            }
            if is_pause(at, LONG_PAUSE) || !at.is_command(&["sleep"]) {
                edits.push(pause_apart(at)?);
            }
        }
        Stay::TakesJob => {
            // It is the only one that can be meant, and its status is the script's.
            if jobs.len() != 1 || shell.separated {
                return None;
            }
            let target = targets.all(shell).first()?.clone();
            edits.push(excerpt.edit(at.span, &format!("wait {target}"))?);
        }
    }
    let stop = subject.signal();
    let kill = |(signal, _): &(Signal, Vec<String>)| {
        format!(
            "kill -{} {} 2>/dev/null{}; ",
            signal.name(),
            targets.of(*signal, shell).join(" "),
            or_not(shell)
        )
    };
    let handler = format!(
        "trap '{}{}wait{}; exit {}' {}",
        if shell.separated && !targets.listed.is_empty() { "IFS=\" \"; " } else { "" },
        targets.told.iter().map(kill).collect::<String>(),
        // What a loop pauses with is a child, too.
        if shell.readers || leaves_out || matches!(shape(at), Some(Stay::Pauses)) {
            format!(" {}", targets.all(shell).join(" "))
        } else {
            String::new()
        },
        128 + u32::from(stop.number()),
        heard(stop, shell)
    );
    let start = Line::of(text, first, excerpt.encoding()).above_comments(text);
    let lists =
        targets.listed.iter().map(|signal| format!("{}=''{}", targets.list_of(*signal), start.separator()));
    let setup = lists.collect::<String>() + &handler;
    edits.push(excerpt.edit(Span::at(start.insertion), &format!("{}{setup}{}", start.lead(), start.tail()))?);
    let message = "Trap the stop, pass it on to every service, and wait for them";
    Some(match stayed.as_slice() {
        [] => Repair::safe(message, edits),
        kept => Repair::unsafe_(
            format!(
                "{message}; {} stays in the foreground for it, and what follows does not wait until it is ready",
                kept.join(" and ")
            ),
            edits,
        ),
    })
}

/// What ends a command that goes to the background now: `&&` behind it would be read by its job.
fn end_of_command(text: &str, end: usize) -> Option<Span> {
    let rest = text.get(end..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    match &rest[blanks..] {
        rest if rest.starts_with("&&") => Some(Span::new(end, end + blanks + 2)),
        rest if rest.is_empty() || rest.starts_with(['\n', ';', '#']) && !rest.starts_with(";;") => {
            Some(Span::at(end))
        }
        _ => None,
    }
}

/// What stands in place of such an `&&`.
fn after(text: &str, end: usize) -> &'static str {
    if rest_of_line(text, end).starts_with("&&") { ";" } else { "" }
}

/// True for what stands inside a loop.
fn is_repeated(list: &[Node], span: Span) -> bool {
    list.iter().filter(|node| node.span.start <= span.start && span.end <= node.span.end).any(|node| {
        let is_loop = matches!(node.kind, NodeKind::Loop(_) | NodeKind::For(_) | NodeKind::ArithmeticFor(..));
        is_loop || lists_of(node).into_iter().any(|inner| is_repeated(inner, span))
    })
}

/// The start of the first statement that holds one of these, in the innermost list that holds all of them: what stands there is done
/// whichever branch is taken.
fn in_front_of_all(list: &[Node], spans: &[Span]) -> Option<usize> {
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

/// True for what a loop does between two runs of its program.
fn is_brief(node: &Node) -> bool {
    let name = repair::simple(node).and_then(|command| command.words.first()).map(Word::literal);
    match name {
        // Only assignments.
        None => repair::simple(node).is_some(),
        Some(name) => matches!(
            name.as_deref(),
            Some("sleep" | "echo" | "printf" | "date" | "true" | ":" | "[" | "test" | "rm" | "logger")
        ),
    }
}

/// True if something in these statements is written with `$?`.
pub(super) fn reads_status(list: &[Node]) -> bool {
    list.iter().any(|node| {
        node.excerpt.text().get(node.span.start..node.span.end).is_some_and(|text| text.contains("$?"))
    })
}

/// True if the script sets a trap for a signal that asks for something other than a stop.
pub(super) fn traps_reload(shell: &ShellState) -> bool {
    shell.traps.iter().any(|signal| matches!(signal.name().as_str(), "HUP" | "USR1" | "USR2"))
}

/// The command that a loop repeats goes to the background, and a trap in front of the loop tells it and waits for it.
pub(super) fn around_loop(fault: &Fault, stop: Signal) -> Option<Repair> {
    let Site::Foreground { node, calls, .. } = &fault.site else { return None };
    if !calls.is_empty() || !fault.shell.traps.is_empty() || conditional_trap::may_be_set(node, calls, &[]) {
        return None;
    }
    let excerpt = &node.excerpt;
    let script = shell::parse(std::sync::Arc::clone(excerpt));
    let covers = |other: &&Node| other.span.start <= node.span.start && node.span.end <= other.span.end;
    let outer = script.statements.iter().find(covers)?;
    if !matches!(outer.kind, NodeKind::Loop(_) | NodeKind::For(_) | NodeKind::ArithmeticFor(..)) {
        return None;
    }
    // During a long pause the trap would have to wait for its end.
    let pauses = lists_of(outer)
        .into_iter()
        .flatten()
        .filter(|other| is_pause(other, LONG_PAUSE_AT_TIMES) && !covers(other));
    let pauses: Vec<Edit> = pauses.map(pause_apart).collect::<Option<_>>()?;
    let name = free_number(excerpt.text());
    let line = Line::of(excerpt.text(), outer.span.start, excerpt.encoding()).above_comments(excerpt.text());
    let handler = format!(
        "trap 'kill -TERM ${name} 2>/dev/null{}; wait ${name}; exit {}' {}",
        or_not(&fault.shell),
        128 + u32::from(stop.number()),
        heard(stop, &fault.shell)
    );
    let setup = format!("{}{name}=''{}{handler}{}", line.lead(), line.separator(), line.tail());
    let mut edits = vec![background(node, name)?, excerpt.edit(Span::at(line.insertion), &setup)?];
    edits.extend(pauses);
    let message = "Trap the stop in front of the loop, pass it on, and wait";
    // Which of several programs is the long one, nobody but a person knows.
    let others = lists_of(outer).into_iter().flatten().any(|other| !covers(&other) && !is_brief(other));
    Some(if others { Repair::unsafe_(message, edits) } else { Repair::safe(message, edits) })
}

/// Under `set -e` a `kill` that finds one process gone, or a `wait` for one that was stopped, would end the handler halfway.
pub(super) fn or_not(shell: &ShellState) -> &'static str {
    if shell.errexit { " || :" } else { "" }
}

/// A variable as a target of `kill`; under `set -u` it may not be set yet.
pub(super) fn number(name: &str, shell: &ShellState) -> String {
    if shell.nounset { format!("${{{name}-}}") } else { format!("${name}") }
}

/// The names of the signals that a trap is set for. What the script does on INT by itself it keeps doing.
fn heard(stop: Signal, shell: &ShellState) -> String {
    let has_own = shell.traps.contains(&Signal::INT) || shell.ignored.contains(&Signal::INT);
    let mut names = vec![stop.name()];
    names.extend(["TERM", "INT"].map(str::to_owned).into_iter().filter(|name| *name != stop.name()));
    names.retain(|name| name != "INT" || !has_own || stop == Signal::INT);
    names.join(" ")
}

/// `trap : TERM`, `trap exit TERM`: a word without quotes has no room for more.
pub(super) fn is_bare(handler: &Node) -> bool {
    let start = handler.excerpt.span().start;
    !handler.excerpt.source().text()[..start].ends_with(['\'', '"'])
}
