//! The processes of a steady state as a tree, for people and for reports.

use std::collections::{BTreeMap, BTreeSet};

use super::explore::Steady;
use super::fault::CommandLine;
use super::signal::Signal;
use super::verdict::is_named_by_caller;
use super::work::is_cut;
use super::world::{Death, Ended, Identity, Pid, Process, Role, Started, State, World};
use crate::programs::Reaction;
use crate::source::{Place, base_name};

/// Whether a process hears the stop signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Receives {
    /// It does, and reacts.
    Yes,
    /// It does not, or it ignores it.
    No,
    /// The model cannot tell.
    Unknown,
}

/// How a stop ends for a service: the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// It finishes its work.
    Well,
    /// It is told, and does not finish.
    Cut,
    /// It is killed untold.
    Untold,
}

impl Ending {
    fn of(steady: &Steady, pid: Pid) -> Self {
        let after = &steady.after;
        match after.process(pid).filter(|process| is_cut(after, process)) {
            None => Self::Well,
            Some(process) if process.heard.is_empty() => Self::Untold,
            Some(_) => Self::Cut,
        }
    }
}

/// A process in a steady state.
#[derive(Debug, Clone)]
pub struct ProcessView {
    /// The words it was started with, as far as they are known.
    pub argv: Vec<String>,
    /// How it came to be.
    pub started: Started,
    /// True if it does the container's work.
    pub service: bool,
    /// True for a script that is not there to be read.
    pub unread: bool,
    /// True for a supervisor of which no program is known.
    pub(super) unseen: bool,
    /// The program that does the same and ends well, where the tables name one (`pm2-runtime` for `pm2`).
    pub better: Option<String>,
    /// True if it is what the caller names when the container starts, for want of a CMD.
    pub named_by_caller: bool,
    /// True if it is one of the image's own arguments, which a caller may replace.
    pub overridable: bool,
    /// Whether it hears the stop signal.
    pub receives: Receives,
    /// True for a service that is told by another signal than SIGTERM, where nothing says that it has a handler for that one.
    pub on_faith: bool,
    /// True if the stop signal kills it, for want of a handler.
    pub dies_of_it: bool,
    /// How the stop ends for it.
    pub(super) ending: Ending,
    /// What it was before it replaced itself, oldest first.
    pub replaced: Vec<String>,
    /// Where it is started.
    pub place: Option<Place>,
    /// Its children.
    pub children: Vec<ProcessView>,
}

impl ProcessView {
    /// True if the caller names this process, or one below it.
    pub(super) fn waits_for_caller(&self) -> bool {
        self.named_by_caller || self.children.iter().any(Self::waits_for_caller)
    }

    /// The services among this process and those below it that are told by a signal which nothing says that they handle.
    pub(super) fn on_faith<'p>(&'p self, found: &mut Vec<&'p ProcessView>) {
        found.extend(self.on_faith.then_some(self));
        self.children.iter().for_each(|child| child.on_faith(found));
    }

    /// How the stop ends for the services among this process and those below it, by their words.
    pub(super) fn endings(&self, found: &mut BTreeMap<String, Ending>) {
        if self.service {
            let ending = found.entry(self.argv.join(" ")).or_insert(self.ending);
            *ending = self.ending.max(*ending);
        }
        self.children.iter().for_each(|child| child.endings(found));
    }

    /// The names of the programs that this process and those below it were, before they replaced themselves.
    pub(super) fn through(&self, found: &mut BTreeSet<String>) {
        let names = self.replaced.iter().filter_map(|line| line.split_whitespace().next());
        found.extend(names.map(|name| base_name(name).to_owned()));
        self.children.iter().for_each(|child| child.through(found));
    }

    /// A script that nobody has read, which is told by something other than the kernel, among this process and those below it.
    pub(super) fn told_unread(&self) -> Option<&Self> {
        let is_told = self.unread && self.service && self.receives == Receives::Yes;
        is_told.then_some(self).or_else(|| self.children.iter().find_map(Self::told_unread))
    }

    /// True if this process, or one below it, is a service other than a program of this name, started in one of these places.
    pub(crate) fn serves_another_in(&self, places: &[Place], program: &str) -> bool {
        let is_there = |own: &Place| places.iter().any(|place| place.contains(own));
        let is_another = self.argv.first().is_none_or(|name| base_name(name) != base_name(program));
        (self.service && is_another && self.place.as_ref().is_some_and(is_there))
            || self.children.iter().any(|child| child.serves_another_in(places, program))
    }

    /// The programs of the services among this process and those below it, and what may be one. A command of node_modules/.bin goes by
    /// its bare name, by which package runners find it there; one in whose place another is to be started, by that one's name.
    pub(super) fn services(&self, found: &mut BTreeSet<String>) {
        if self.service || self.unread {
            let own = self.argv.first().map(|name| name.trim_start_matches("node_modules/.bin/").to_owned());
            found.extend(self.better.clone().or(own));
        }
        self.children.iter().for_each(|child| child.services(found));
    }
}

impl ProcessView {
    /// True if the stop signal gets as far as a script that cannot be read, or a supervisor whose programs nobody knows, which was one of
    /// these services before, and past no other that does not end well. A shell or an init has to have started a script: the kernel itself
    /// runs none without `#!`.
    pub(super) fn hands_over(&self, services: &BTreeSet<String>) -> bool {
        if self.unseen {
            return self.receives == Receives::Yes && self.ending == Ending::Well;
        }
        let mut at_work = self.children.iter().filter(|child| child.is_at_work()).peekable();
        if self.unread {
            let by_shell = self.started != Started::Pid1 || !self.replaced.is_empty();
            let was_service = self.argv.first().is_some_and(|name| services.contains(name));
            return by_shell && was_service && self.ending == Ending::Well && at_work.peek().is_none();
        }
        let ends_well = |child: &&Self| child.service && !child.unread && child.ending == Ending::Well;
        let mut open = at_work.filter(|child| !ends_well(child)).peekable();
        self.receives == Receives::Yes
            && !self.service
            && open.peek().is_some()
            && open.all(|child| child.hands_over(services))
    }

    fn is_at_work(&self) -> bool {
        self.service || self.unread || self.children.iter().any(Self::is_at_work)
    }
}

impl Identity {
    /// The words, for people.
    pub(super) fn shown(&self) -> String {
        self.command_line().to_string()
    }

    pub(super) fn command_line(&self) -> CommandLine {
        CommandLine(self.argv.iter().map(|field| one_line(&field.shown())).collect())
    }
}

/// True for a service that has heard a signal of which its row, if it has one, says nothing. Nearly all handle SIGTERM.
fn is_told_on_faith(process: &Process) -> bool {
    let Role::Service(program) = &process.role else { return false };
    let reaction = |signal: &Signal| {
        program.as_ref().map_or(Reaction::Unknown, |row| row.reaction(&signal.name(), process.pid == 1))
    };
    process.heard.iter().any(|signal| {
        *signal != Signal::TERM && matches!(reaction(signal), Reaction::Unknown | Reaction::Forwards)
    })
}

/// Text that may span lines, as one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The tree of the processes that live.
pub(super) fn tree(steady: &Steady, signal: Signal) -> Vec<ProcessView> {
    steady.before.process(1).map(|first| node(steady, first, signal, 0)).into_iter().collect()
}

fn node(steady: &Steady, process: &Process, signal: Signal, depth: usize) -> ProcessView {
    let children: Vec<Pid> =
        if depth > 32 { Vec::new() } else { alive_children(&steady.before, process.pid) };
    ProcessView {
        argv: process.identity.argv.iter().map(super::field::Field::shown).collect(),
        started: process.started,
        service: matches!(process.role, Role::Service(_)),
        unread: matches!(process.role, Role::Unread) || process.unread.is_some(),
        unseen: World::supervises_unseen(process),
        better: better(process),
        named_by_caller: process.identity.argv.first().is_some_and(super::field::Field::is_rest),
        overridable: is_named_by_caller(process),
        receives: receives(steady, process, signal),
        on_faith: steady.after.process(process.pid).is_some_and(is_told_on_faith),
        dies_of_it: dies_of(steady, process, signal),
        ending: Ending::of(steady, process.pid),
        replaced: process.before.iter().map(Identity::shown).collect(),
        place: process.identity.place.clone(),
        children: children
            .into_iter()
            .filter_map(|child| steady.before.process(child))
            .map(|child| node(steady, child, signal, depth + 1))
            .collect(),
    }
}

fn better(process: &Process) -> Option<String> {
    let Role::Service(Some(row)) = &process.role else { return None };
    let name = base_name(row.foreground.as_deref()?.split_whitespace().next()?);
    (!row.names.iter().any(|own| own == name)).then(|| name.to_owned())
}

fn alive_children(world: &World, pid: Pid) -> Vec<Pid> {
    world.children(pid).into_iter().filter(|&child| child != pid && world.alive(child)).collect()
}

fn receives(steady: &Steady, process: &Process, signal: Signal) -> Receives {
    if matches!(process.role, Role::Opaque | Role::Unread) {
        return Receives::Unknown;
    }
    match steady.after.process(process.pid) {
        Some(after) if !after.heard.is_empty() => Receives::Yes,
        _ if dies_of(steady, process, signal) => Receives::Yes,
        _ => Receives::No,
    }
}

fn dies_of(steady: &Steady, process: &Process, signal: Signal) -> bool {
    let died = Some(128 + i32::from(signal.number()));
    steady.after.process(process.pid).is_some_and(|after| {
        matches!(after.state, State::Dead(Death { status, how: Ended::Signal, .. }) if status == died)
    })
}
