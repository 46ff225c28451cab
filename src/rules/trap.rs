//! Repairs that set a trap, or let one run.

use std::sync::Arc;

use super::blocks::{holds, in_front_of_all, statements_of};
use super::insertion::{Line, ampersand, free_name, free_number, number_in, rest_of_line};
use super::keep_running::cleans_up;
use super::staying::{
    Stay, background, is_in_list, is_pause, loop_around, pause_apart, reads_last_job, shape,
};
use super::targets::{Targets, told_by};
use super::{Repair, Subject, blocks, conditional_trap, foreground, repair};
use crate::diagnostic::Safety;
use crate::launch::{Fault, Job, Jobs, Rest, ShellState, Signal, Site};
use crate::shell::{self, Node, NodeKind, Part, Word};
use crate::source::{Edit, Encoding, Span};

/// Seconds that are too long between a stop and what a trap does: where a script pauses all the time, and where it does so now and then
/// (half of the grace period that Docker gives).
const LONG_PAUSE: f64 = 2.0;
const LONG_PAUSE_AT_TIMES: f64 = 5.0;

/// A program that goes to the background cannot read what somebody types any more.
pub(super) fn heeding_input(repair: Repair, fault: &Fault, subject: &Subject<'_>) -> Repair {
    match &fault.site {
        Site::Jobs(jobs) if matches!(shape(&jobs.at.node), Some(Stay::Service)) => {
            without_input(repair, &jobs.at.node, fault, subject)
        }
        Site::Deferred { node, pause: false, .. } | Site::Foreground { node, .. } => {
            without_input(repair, node, fault, subject)
        }
        _ => repair,
    }
}

/// The same of what may be no server at all: something follows it.
fn without_console(mut repair: Repair) -> Repair {
    repair.safety = Safety::Unsafe;
    repair.message = format!("{}; it then reads nothing that somebody types", repair.message);
    repair
}

fn without_input(mut repair: Repair, moved: &Node, fault: &Fault, subject: &Subject<'_>) -> Repair {
    let text = moved.excerpt.text().get(moved.span.start..moved.span.end).unwrap_or("");
    let words: Vec<String> = text.split_ascii_whitespace().map(str::to_owned).collect();
    let lost = match &subject.image.runtime.input {
        Some(_) => "of the standard input that is kept open for it",
        None if fault.reads_input || subject.tables.may_have_console(&words) => {
            "that somebody types (`docker run -it`, `docker attach`)"
        }
        None => return repair,
    };
    repair.safety = Safety::Unsafe;
    repair.message = format!("{}; it then reads nothing {lost}", repair.message);
    repair
}

/// A trap that tells every job, and the numbers of the jobs for it.
pub(super) fn insert(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    match &fault.site {
        Site::Jobs(jobs) => with_jobs(jobs, End::Exits, fault, subject),
        _ => Vec::new(),
    }
}

/// The same where `exec` would leave somebody untold, or cut off what follows.
pub(super) fn in_place_of_exec(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let Some(jobs) = fault.beyond_exec.as_ref().filter(|jobs| may_become_job(jobs)) else {
        return Vec::new();
    };
    let follows = matches!(fault.site, Site::Foreground { rest: Rest::Commands, .. });
    let script = shell::parse(Arc::clone(&jobs.at.node.excerpt));
    let behind = blocks::behind(&script.statements, jobs.at.node.span);
    // What follows the only service is run when that has ended, as it is now, if it only tidies up.
    let goes_on =
        follows && jobs.jobs.is_empty() && !fault.shell.errexit && behind.into_iter().all(tidies_up);
    let ends: &[End] = if goes_on { &[End::GoesOn, End::Exits] } else { &[End::Exits] };
    let heeding = |repair| match follows && !fault.known_service {
        true => without_console(repair),
        false => without_input(repair, &jobs.at.node, fault, subject),
    };
    ends.iter().flat_map(|&end| with_jobs(jobs, end, fault, subject)).map(heeding).collect()
}

/// False where a command in the foreground cannot go to the background without changing more than the stop.
fn may_become_job(jobs: &Jobs) -> bool {
    let (text, start) = (jobs.at.node.excerpt.text(), jobs.at.node.span.start);
    // A trap for EXIT that signals the shell itself would run the new one, which changes the status.
    let signals_itself = ["kill 0", "TERM 0", "-$$", "kill -1"].iter().any(|all| text.contains(all));
    // A function that reads `$!` when it is called would read the number of the new job; what keeps that of another does so at once.
    let reads = |line: &str| (line.contains("$!") || line.contains("${!}")) && !line.contains('&');
    let reads_number = text[..start].lines().any(|line| reads(line) && !line.contains("=$!"));
    let script = shell::parse(Arc::clone(&jobs.at.node.excerpt));
    let in_group = blocks::is_behind_operator(script.statements.iter(), jobs.at.node.span);
    let in_pipeline = is_in_list(text, start) && !in_group;
    !signals_itself && !(jobs.jobs.is_empty() && (in_pipeline || reads_number))
}

/// The same where a shell has left its jobs behind by `exec`: it stays in front of them.
pub(super) fn in_front_of_jobs(fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let Site::Jobs(jobs) = &fault.site else { return Vec::new() };
    // What the caller names may be a shell to talk to. A trap that `exec` has thrown away would run again.
    let words = repair::simple(&jobs.at.node).map(|command| command.words.as_slice()).unwrap_or_default();
    let is_given = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.is_list());
    let by_caller = words.iter().flat_map(|word| &word.parts).any(is_given);
    if by_caller || !fault.shell.traps.is_empty() {
        return Vec::new();
    }
    let mut repairs = with_jobs(jobs, End::Exits, fault, subject);
    for repair in &mut repairs {
        repair.safety = Safety::Unsafe;
        repair.message =
            "Keep the shell in front: trap the stop, pass it on to every service, and wait for them"
                .to_owned();
    }
    repairs.into_iter().map(|repair| without_input(repair, &jobs.at.node, fault, subject)).collect()
}

/// True for what ends soon whatever comes before it, and tells nobody.
fn tidies_up(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Command(_) => {
            (is_brief(node) && !node.is_command(&["sleep"]))
                || node.is_command(&["exit", "return", "mv", "cp", "sync"])
        }
        NodeKind::Loop(_) | NodeKind::Background(_) | NodeKind::Error => false,
        _ => node.children().into_iter().all(tidies_up),
    }
}

/// What a handler does when all have finished.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// It ends the script.
    Exits,
    /// It lets the script go on behind its `wait`.
    GoesOn,
}

fn with_jobs(jobs: &Jobs, end: End, fault: &Fault, subject: &Subject<'_>) -> Vec<Repair> {
    let stop = subject.signal();
    // It would take the place of a trap that is set on another way, or where nobody has seen it.
    if fault.shell.may_trap || conditional_trap::may_be_set(&jobs.at.node, &[], &[]) {
        return Vec::new();
    }
    // What the script does on SIGTERM is its way to stop. The container is to send that; a second handler would take its place.
    if stop != Signal::TERM && fault.shell.traps.contains(&Signal::TERM) {
        return Vec::new();
    }
    // What one program is told by, the others do not know.
    if stop.ignored_by_default() && jobs.jobs.len() > 1 {
        return Vec::new();
    }
    insert_with(jobs, end, &fault.shell, subject).into_iter().collect()
}

/// The edits that set a trap for every job of a script.
struct Insertion<'a> {
    shell: &'a ShellState,
    /// The statement at which the script stays.
    stays: &'a Job,
    end: End,
    /// Whom the handler tells.
    targets: Targets,
    edits: Vec<Edit>,
    /// What stays in the foreground for it where it has put itself into the background, for people.
    kept: Vec<String>,
}

fn insert_with(jobs: &Jobs, end: End, shell: &ShellState, subject: &Subject<'_>) -> Option<Repair> {
    let Jobs { jobs: all, at: stays } = jobs;
    // A display has to stay until the others have finished; it ends with the container.
    let is_main = |job: &Job| !job.side;
    let has_main =
        all.iter().any(is_main) || matches!(shape(&stays.node), Some(Stay::Service | Stay::Leaves));
    let jobs: Vec<&Job> = all.iter().filter(|job| !has_main || is_main(job)).collect();
    let excerpt = &stays.node.excerpt;
    let same = jobs.iter().all(|job| Arc::ptr_eq(&job.node.excerpt, excerpt));
    if !same || excerpt.encoding() == Encoding::Derived {
        return None;
    }
    let script = shell::parse(Arc::clone(excerpt));
    let spans: Vec<Span> = jobs.iter().copied().chain([stays]).map(|job| job.node.span).collect();
    let first = in_front_of_all(&script.statements, &spans)?;
    if blocks::is_in_both_shells(&script.statements, Span::at(first)) {
        return None;
    }
    let targets = Targets::new(free_name(excerpt.text()));
    let mut insertion = Insertion { shell, stays, end, targets, edits: Vec::new(), kept: Vec::new() };
    for (index, job) in jobs.iter().enumerate() {
        let again = |other: &&Job| other.node.span == job.node.span;
        // A loop starts the same statement again and again: a variable holds the number of the last one only.
        if !jobs[..index].iter().any(again) {
            let repeated =
                jobs[index + 1..].iter().any(again) || blocks::is_repeated(&script.statements, job.node.span);
            insertion.take_number(job, repeated, subject)?;
        }
    }
    insertion.let_wait(&jobs)?;
    let is_told = |node: &Node| spans.iter().any(|&span| holds(node, span));
    let leaves_out =
        jobs.len() < all.len() || script.statements.iter().any(|node| has_other_job(node, &is_told));
    insertion.set_trap(first, subject.signal(), leaves_out)?;
    Some(insertion.repair())
}

impl Insertion<'_> {
    fn text(&self) -> &str {
        self.stays.node.excerpt.text()
    }

    fn edit(&mut self, range: Span, replacement: &str) -> Option<()> {
        self.edits.push(self.stays.node.excerpt.edit(range, replacement)?);
        Some(())
    }

    /// Keeps the number of a job behind its statement, where the script does not.
    fn take_number(&mut self, job: &Job, repeated: bool, subject: &Subject<'_>) -> Option<()> {
        let (signal, span) = (told_by(job), job.node.span);
        if job.leaves {
            if repeated || is_in_list(self.text(), span.start) {
                return None;
            }
            let (edit, kept) = foreground::in_job(&job.node, subject)?;
            self.edits.push(edit);
            self.kept.push(kept);
            let behind = format!(" & {}{}", self.targets.collect(signal), after(self.text(), span.end));
            return self.edit(end_of_command(self.text(), span.end)?, &behind);
        }
        let end = ampersand(self.text(), span.end)?;
        if let Some(name) = number_in(self.text(), end).filter(|_| !repeated) {
            self.targets.add(signal, name);
            return Some(());
        }
        let rest = rest_of_line(self.text(), end);
        let semicolon = if rest.is_empty() || rest.starts_with('#') { "" } else { ";" };
        let collects = self.targets.collect(signal);
        self.edit(Span::at(end), &format!(" {collects}{semicolon}"))
    }

    /// Lets the script stay with a `wait`, which a trap interrupts.
    fn let_wait(&mut self, jobs: &[&Job]) -> Option<()> {
        let at = &self.stays.node;
        match shape(at)? {
            Stay::Waits => Some(()),
            // As before, the script goes on when this one ends, with its status.
            Stay::Service => self.wait_behind(jobs, ""),
            // Or ends.
            Stay::Leaves => {
                let words = &repair::simple(at)?.words;
                self.edit(Span::new(words[0].span.start, words.get(1)?.span.start), "")?;
                let script = shell::parse(Arc::clone(&at.excerpt));
                let is_last = blocks::behind(&script.statements, at.span).is_empty();
                self.wait_behind(jobs, if is_last { "" } else { "exit" })
            }
            Stay::KeepsAlive => self.edit(at.span, "wait"),
            Stay::Pauses => {
                let around = loop_around(at)?;
                if cleans_up(&around) {
                    return None;
                }
                if is_pause(at, LONG_PAUSE) || !at.is_command(&["sleep"]) {
                    self.edits.push(pause_apart(at)?);
                }
                Some(())
            }
            Stay::TakesJob => {
                // It is the only one that can be meant, and its status is the script's.
                if jobs.len() != 1 || self.shell.separated {
                    return None;
                }
                let target = self.targets.all(self.shell).first()?.clone();
                self.edit(at.span, &format!("wait {target}"))
            }
        }
    }

    /// Sends the statement at which the script stays to the background, and waits for it; `then` is done when it has ended.
    fn wait_behind(&mut self, jobs: &[&Job], then: &str) -> Option<()> {
        // A signal with a trap of its own would end the `wait`, where it is put off now until the command has ended.
        if self.shell.traps.iter().any(|&signal| signal != Signal::EXIT) {
            return None;
        }
        let at = &self.stays.node;
        // `cd app && server` as a job would change the folder for itself alone.
        let script = shell::parse(Arc::clone(&at.excerpt));
        // What has gone to the background in front of it has a `;` in place of the `&&`.
        let is_apart = |job: &Job| {
            let between = self.text().get(job.node.span.end..at.span.start);
            job.leaves && between.is_some_and(|between| between.trim() == "&&")
        };
        let in_group = blocks::is_behind_operator(script.statements.iter(), at.span)
            && !jobs.iter().copied().any(is_apart);
        if is_in_list(self.text(), at.span.start)
            && !in_group
            && !blocks::behind(&script.statements, at.span).is_empty()
        {
            return None;
        }
        let rest = rest_of_line(self.text(), at.span.end);
        let is_last = rest.is_empty() || rest.starts_with('#');
        let goes_on = in_group && (rest.starts_with("&&") || rest.starts_with("||"));
        if !(is_last || goes_on) || reads_last_job(&self.text()[at.span.end..]) {
            return None;
        }
        let signal = told_by(self.stays);
        let separator = match in_group {
            true => "; ".to_owned(),
            false => Line::of(self.text(), at.span.start, at.excerpt.encoding()).separator(),
        };
        let mut wait = if jobs.is_empty() {
            let name = free_number(self.text());
            self.targets.add(signal, name.to_owned());
            format!(" & {name}=$!{separator}wait \"${name}\"")
        } else {
            format!(" & {}{separator}wait \"$!\"", self.targets.collect(signal))
        };
        if !then.is_empty() {
            wait.push_str(&format!("{separator}{then}"));
        }
        if in_group {
            wait.push_str("; }");
            self.edit(Span::at(at.span.start), "{ ")?;
        }
        self.edit(Span::at(at.span.end), &wait)
    }

    /// Sets the trap in front of the statement at `first`; `leaves_out` tells that not every job is told.
    fn set_trap(&mut self, first: usize, stop: Signal, leaves_out: bool) -> Option<()> {
        let Self { shell, stays, targets, end, .. } = self;
        // What a loop pauses with is a child, too.
        let not_all = shell.readers || leaves_out || matches!(shape(&stays.node), Some(Stay::Pauses));
        let waited_for = if not_all { format!(" {}", targets.all(shell).join(" ")) } else { String::new() };
        let splits = shell.separated && targets.lists().next().is_some();
        let exit = match end {
            End::Exits => format!("; exit {}", 128 + u32::from(stop.number())),
            End::GoesOn => String::new(),
        };
        let handler = format!(
            "trap '{}{}wait{waited_for}{exit}' {}",
            if splits { "IFS=\" \"; " } else { "" },
            targets.told(shell),
            heard(stop, shell)
        );
        let excerpt = &stays.node.excerpt;
        let start = Line::of(excerpt.text(), first, excerpt.encoding()).above_comments(excerpt.text());
        let lists = targets.lists().map(|list| format!("{list}=''{}", start.separator()));
        let setup = format!("{}{}{handler}{}", start.lead(), lists.collect::<String>(), start.tail());
        self.edit(Span::at(start.insertion), &setup)
    }

    fn repair(self) -> Repair {
        let message = match self.end {
            End::Exits => "Trap the stop, pass it on to every service, and wait for them",
            End::GoesOn => "Trap the stop, pass it on, and wait: what follows is run then",
        };
        if self.kept.is_empty() {
            return Repair::safe(message, self.edits);
        }
        let kept = self.kept.join(" and ");
        Repair::unsafe_(
            format!(
                "{message}; {kept} stays in the foreground for it, and what follows does not wait until it is ready"
            ),
            self.edits,
        )
    }
}

/// True if something else goes to the background, which nobody tells and which may never end.
pub(super) fn has_other_job(node: &Node, is_told: &dyn Fn(&Node) -> bool) -> bool {
    match &node.kind {
        NodeKind::Background(_) => !is_told(node),
        NodeKind::Command(_) => node.is_command(&["coproc"]) && !is_told(node),
        NodeKind::Subshell(_) => false,
        _ => node.children().into_iter().any(|child| has_other_job(child, is_told)),
    }
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
    const STOPS: [Signal; 4] = [Signal::EXIT, Signal::TERM, Signal::INT, Signal::QUIT];
    !shell.traps.iter().all(|signal| STOPS.contains(signal))
}

/// The command that a loop repeats goes to the background, and a trap in front of the loop tells it and waits for it.
pub(super) fn around_loop(fault: &Fault, stop: Signal) -> Option<Repair> {
    let Site::Foreground { node, calls, callers, .. } = &fault.site else { return None };
    if !callers.is_empty()
        || !fault.shell.traps.is_empty()
        || fault.shell.may_trap
        || conditional_trap::may_be_set(node, calls, callers)
    {
        return None;
    }
    let excerpt = &node.excerpt;
    let script = shell::parse(Arc::clone(excerpt));
    let covers = |other: &&Node| other.span.contains(node.span);
    let outer = blocks::loop_around(script.statements.iter(), node.span)?;
    // During a long pause the trap would have to wait for its end.
    let others = || statements_of(outer).into_iter().filter(|other| !covers(other));
    let pauses = others().filter(|other| is_pause(other, LONG_PAUSE_AT_TIMES));
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
    let is_only_one = others().all(is_brief);
    Some(if is_only_one { Repair::safe(message, edits) } else { Repair::unsafe_(message, edits) })
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
