//! The processes of one container, the signals between them, and the time.
//!
//! A world is one possible course of events. It is cheap to clone, so that a choice that cannot be decided (a condition on a file that
//! may or may not be there) is followed both ways.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::field::Field;
use super::pace::Pace;
use super::path::Path;
use super::shell::{Shell, Status};
use super::signal::Signal;
use super::supervise::Supervisor;
use crate::programs::{Program, Reaction};
use crate::project::Made;
use crate::shell::Node;
use crate::source::{Place, base_name};

/// A process number in the container; PID 1 is the first.
pub(crate) type Pid = usize;

/// Milliseconds since the container started.
pub(crate) type Millis = u64;

/// A sleep this long is no pause in a setup but a way to keep the container alive.
pub(super) const FOREVER: Millis = 10 * 60 * 1000;

/// One possible course of events.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Millis,
    processes: Vec<Rc<Process>>,
    /// The stop, once it has begun.
    pub(crate) stop: Option<Stop>,
    pub(crate) path: Path,
    /// The answer to the choice that the next step will ask for.
    pub(crate) answer: Option<usize>,
    /// The next unknown foreground command is taken as the service, not as setup.
    pub(crate) next_is_service: bool,
    /// The next condition is followed both ways even if it seems to make no difference.
    pub(crate) follow_next: bool,
    pub(crate) steps: u32,
    /// Numbers of processes that scripts have written into files, by the file's path.
    pub(crate) notes: Rc<BTreeMap<Rc<str>, Rc<str>>>,
    /// What scripts have done to files.
    pub(crate) made: Rc<Made>,
    /// PID 1's exit status once it has ended.
    pub(crate) ended: Option<i32>,
}

/// The stop signal sent from outside.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    pub(crate) signal: Signal,
    pub(crate) at: Millis,
    pub(crate) grace: Millis,
    /// False where the base image may set another signal.
    pub(crate) is_known: bool,
    /// How long services take to finish.
    pub(crate) pace: Pace,
    /// Where it is only inherited: what the names of the base image's own programs have in common (`nginx`, `apache`).
    pub(crate) made_for: Option<Rc<[String]>>,
}

/// A process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: Pid,
    /// The parent at its start; orphans are handed to PID 1.
    pub(crate) born_of: Pid,
    pub(crate) group: Pid,
    pub(crate) started: Started,
    /// What the process was before it replaced itself, oldest first.
    pub(crate) before: Vec<Identity>,
    pub(crate) identity: Identity,
    /// For a background job: the statement before the `&`.
    pub(crate) statement: Option<Node>,
    /// For a service in the background: true once something else was started behind it.
    pub(crate) followed: bool,
    /// The shell that it was, and the `exec` by which that replaced itself, if it had jobs.
    pub(crate) handed_over: Option<Rc<(Shell, Node)>>,
    pub(crate) role: Role,
    /// For a service: why nobody knows what it does when it is told, where it is a script that is not there to be read.
    pub(crate) unread: Option<Rc<str>>,
    pub(crate) state: State,
    /// When it was started.
    pub(crate) since: Millis,
    /// Signals that are ignored; kept over exec.
    pub(crate) ignored: Vec<Signal>,
    /// Signals that arrived and that the process reacts to.
    pub(crate) heard: Vec<Signal>,
}

/// What a process runs, for people.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) argv: Rc<[Field]>,
    /// Where it is started.
    pub(crate) place: Option<Place>,
    /// The table's name for the program, if it has one.
    pub(crate) program: Option<Rc<str>>,
}

/// How a process came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Started {
    /// By the engine.
    Pid1,
    /// It replaced the process before it.
    Exec,
    /// By a process that waits for it.
    Foreground,
    /// By a shell's `&`.
    Background,
    /// By a program that is no shell.
    Forked,
}

/// What a process does.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    Shell(Box<Shell>),
    /// Does the container's work; with its row if the tables have one.
    Service(Option<Arc<Program>>),
    /// Stays, installs no handler, holds no data.
    Helper,
    /// `sleep`: ends by itself.
    Timer(Millis),
    /// `tail --pid`: stays as long as another process.
    Follower(Pid),
    /// Waits for a child.
    Forwarder(Forwarder),
    /// Starts and stops programs of its own.
    Supervisor(Supervisor),
    /// Not followed any further.
    Opaque,
    /// A script that is not there to be read.
    Unread,
}

/// Signals that are passed on in place of others; EXIT, which is none, where one is not passed on at all.
pub(crate) type Rewrites = Rc<[(Signal, Signal)]>;

/// A process that starts one child and waits for it.
#[derive(Debug, Clone)]
pub(crate) struct Forwarder {
    pub(crate) child: Pid,
    pub(crate) program: Arc<Program>,
    pub(crate) rewrites: Rewrites,
    /// When it kills the child, once it has forwarded a signal.
    pub(crate) kills_at: Option<Millis>,
    /// Where it starts the child.
    pub(crate) directory: Option<Rc<str>>,
}

impl Forwarder {
    /// The signal that the child gets for one that came.
    fn passes_on(&self, signal: Signal) -> Signal {
        let rewritten = self.rewrites.iter().rev().find(|(from, _)| *from == signal).map(|(_, to)| *to);
        rewritten.or_else(|| Signal::parse(self.program.sends.as_deref()?)).unwrap_or(signal)
    }
}

/// Whether a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// Cleaning up until then; `fast` if it cuts its work short.
    Finishing {
        until: Millis,
        fast: bool,
    },
    Dead(Death),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    /// `None` if it is not known.
    pub(crate) status: Option<i32>,
    pub(crate) how: Ended,
    pub(crate) at: Millis,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, its work done.
    Clean,
    /// By itself, cutting its work.
    Fast,
    /// By a signal that it does not handle.
    Signal,
    /// With PID 1.
    Container,
}

/// What names of scripts have in them that prepare something and start it.
const STARTERS: [&str; 5] = ["entry", "start", "run", "init", "boot"];

impl Identity {
    /// True for a program that is none of those whose names have one of these stems, and none that may start one of them.
    pub(super) fn is_foreign(&self, stems: &[String]) -> bool {
        let name = self.argv.first().and_then(Field::text);
        let own = name.map(base_name);
        let starts =
            |name: &str| self.program.is_none() && STARTERS.iter().any(|starter| name.contains(starter));
        own.is_some_and(|name| !starts(name) && !stems.iter().any(|stem| name.contains(stem.as_str())))
    }
}

impl Process {
    pub(crate) fn is_service(&self) -> bool {
        matches!(self.role, Role::Service(_))
    }

    pub(crate) fn is_supervisor(&self) -> bool {
        matches!(self.role, Role::Supervisor(_))
    }

    /// How long it has lived, if it has ended.
    pub(crate) fn lived(&self) -> Option<Millis> {
        match self.state {
            State::Dead(death) => Some(death.at.saturating_sub(self.since)),
            _ => None,
        }
    }

    /// True for a shell inside a loop.
    pub(crate) fn runs_loop(&self) -> bool {
        let lives = !matches!(self.state, State::Dead(_));
        matches!(&self.role, Role::Shell(shell) if lives && shell.is_in_loop())
    }

    /// True for a service whose workers die of a signal on which it would let them finish.
    fn loses_workers(&self, signal: Signal) -> bool {
        let Role::Service(Some(row)) = &self.role else { return false };
        row.told_alone && row.reaction(&signal.name(), self.pid == 1) == Reaction::Finishes
    }

    /// The process begins to end.
    pub(super) fn hears(&mut self, signal: Signal, until: Millis, fast: bool) {
        self.heard.push(signal);
        if self.state == State::Running {
            self.state = State::Finishing { until, fast };
        }
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            processes: Vec::new(),
            stop: None,
            path: Path::new(),
            answer: None,
            next_is_service: false,
            follow_next: false,
            steps: 0,
            notes: Rc::default(),
            made: Rc::default(),
            ended: None,
        }
    }

    pub(crate) fn processes(&self) -> impl ExactSizeIterator<Item = &Process> {
        self.processes.iter().map(Rc::as_ref)
    }

    pub(crate) fn process(&self, pid: Pid) -> Option<&Process> {
        pid.checked_sub(1).and_then(|index| self.processes.get(index)).map(Rc::as_ref)
    }

    pub(crate) fn process_mut(&mut self, pid: Pid) -> Option<&mut Process> {
        pid.checked_sub(1).and_then(|index| self.processes.get_mut(index)).map(Rc::make_mut)
    }

    /// The processes were started with other arguments than the image's own: which, is not known.
    pub(super) fn leave_own_arguments(&mut self) {
        let names_own = |process: &Process| process.identity.argv.iter().skip(1).any(|word| word.overridable);
        for process in self.processes.iter_mut().filter(|process| names_own(process)) {
            let argv = &mut Rc::make_mut(process).identity.argv;
            let kept = argv.iter().enumerate().filter(|(at, word)| *at == 0 || !word.overridable);
            *argv = kept.map(|(_, word)| word.clone()).chain([Field::rest("...")]).collect();
        }
    }

    pub(crate) fn alive(&self, pid: Pid) -> bool {
        self.process(pid).is_some_and(|process| !matches!(process.state, State::Dead(_)))
    }

    /// True from where the stop signal has been heard. What the first process does not hear, nobody in the container does: all goes on
    /// as before.
    pub(crate) fn is_told_to_stop(&self) -> bool {
        self.stop.is_some()
            && self.process(1).is_none_or(|first| !first.heard.is_empty() || !self.alive(first.pid))
    }

    /// The status of what has ended.
    pub(crate) fn status_of(&self, pid: Pid) -> Option<Status> {
        match self.process(pid)?.state {
            State::Dead(death) => Some(Status { value: death.status, overridable: false }),
            _ => None,
        }
    }

    pub(crate) fn shell(&self, pid: Pid) -> Option<&Shell> {
        match &self.process(pid)?.role {
            Role::Shell(shell) => Some(shell),
            _ => None,
        }
    }

    pub(crate) fn shell_mut(&mut self, pid: Pid) -> Option<&mut Shell> {
        match &mut self.process_mut(pid)?.role {
            Role::Shell(shell) => Some(shell),
            _ => None,
        }
    }

    /// Starts a process and gives its number.
    pub(crate) fn spawn(
        &mut self,
        parent: Pid,
        started: Started,
        identity: Identity,
        role: Role,
        ignored: Vec<Signal>,
    ) -> Pid {
        let pid = self.processes.len() + 1;
        let group = self.process(parent).map_or(pid, |parent| parent.group);
        self.processes.push(Rc::new(Process {
            pid,
            parent,
            born_of: parent,
            group,
            started,
            before: Vec::new(),
            identity,
            statement: None,
            followed: false,
            handed_over: None,
            unread: None,
            role,
            state: State::Running,
            since: self.now,
            ignored,
            heard: Vec::new(),
        }));
        pid
    }

    /// The process becomes something else, as by exec.
    pub(crate) fn become_role(&mut self, pid: Pid, identity: Identity, role: Role) {
        if let Some(process) = self.process_mut(pid) {
            let old = std::mem::replace(&mut process.identity, identity);
            process.before.push(old);
            process.role = role;
        }
    }

    /// What a script does that nobody has read makes no difference: it is a service like any other.
    pub(crate) fn serves_unread(&mut self, pid: Pid) {
        self.path.doubts.retain(|doubt| doubt.unread != Some(pid));
        if let Some(process) = self.process_mut(pid) {
            process.role = Role::Service(None);
        }
    }

    /// When a service has finished that begins to end now.
    pub(super) fn finished_at(&self, pid: Pid) -> Millis {
        let pace = self.stop.as_ref().map_or(Pace::even(), |stop| stop.pace);
        self.now + pace.of(pid)
    }

    pub(crate) fn children(&self, pid: Pid) -> Vec<Pid> {
        self.processes().filter(|process| process.parent == pid).map(|process| process.pid).collect()
    }

    /// Sends a signal; false if there is no such process.
    pub(crate) fn send(&mut self, pid: Pid, signal: Signal) -> bool {
        if !self.alive(pid) {
            return false;
        }
        if signal == Signal::EXIT {
            return true;
        }
        if signal == Signal::KILL {
            self.die(pid, 137, Ended::Signal);
            return true;
        }
        // It stands still until it is killed.
        if signal == Signal::STOP {
            return true;
        }
        let Some(process) = self.process_mut(pid) else { return false };
        // A service that handles a signal does so whatever it inherits.
        let keeps = match &process.role {
            // Few programs have a handler for QUIT; nearly all have one for TERM, and many for INT.
            Role::Service(program) => {
                program.as_ref().map_or(signal == Signal::QUIT, |row| row.has_no_handler_for(&signal.name()))
            }
            _ => true,
        };
        if keeps && process.ignored.contains(&signal) {
            return true;
        }
        let first = pid == 1;
        match &mut process.role {
            Role::Shell(shell) => {
                if shell.ends_at_once(signal) {
                    self.die(pid, 128 + i32::from(signal.number()), Ended::Signal);
                } else if shell.catches(signal) {
                    shell.pending.push(signal);
                    process.heard.push(signal);
                } else if !first && !signal.ignored_by_default() && !shell.dialect.ignores(signal) {
                    self.die(pid, 128 + i32::from(signal.number()), Ended::Signal);
                }
            }
            Role::Service(program) => {
                let program = program.clone();
                self.signal_service(pid, program, signal);
            }
            Role::Helper | Role::Timer(_) | Role::Follower(_) | Role::Opaque | Role::Unread => {
                process.heard.push(signal);
                if !first && !signal.ignored_by_default() {
                    self.die(pid, 128 + i32::from(signal.number()), Ended::Signal);
                }
            }
            Role::Supervisor(supervisor) => {
                let row = Arc::clone(&supervisor.row);
                self.signal_supervisor(pid, &row, signal);
            }
            Role::Forwarder(forwarder) => {
                let forwarder = forwarder.clone();
                match forwarder.program.reaction(&signal.name(), first) {
                    Reaction::Forwards | Reaction::Finishes | Reaction::Unknown
                        if forwarder.passes_on(signal) == Signal::EXIT => {}
                    Reaction::Forwards | Reaction::Finishes => {
                        process.heard.push(signal);
                        self.forward(pid, &forwarder, signal);
                    }
                    Reaction::Cuts => {
                        if forwarder.program.tells_before_it_ends(&signal.name()) {
                            self.forward(pid, &forwarder, signal);
                        }
                        self.die(pid, 128 + i32::from(signal.number()), Ended::Signal);
                    }
                    Reaction::Ignores | Reaction::Waits => {}
                    Reaction::Unknown => {
                        process.heard.push(signal);
                        self.doubt_reaction(&forwarder.program, signal);
                        self.forward(pid, &forwarder, signal);
                    }
                }
            }
        }
        true
    }

    fn forward(&mut self, pid: Pid, forwarder: &Forwarder, signal: Signal) {
        let row = &forwarder.program;
        let signal = forwarder.passes_on(signal);
        if row.broadcast {
            let others = self.group_of(forwarder.child);
            for other in others.into_iter().filter(|&other| other != pid) {
                self.send_with_workers(other, signal);
            }
        } else {
            self.send(forwarder.child, signal);
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let patience = row.kills_after.map(|seconds| (seconds * 1000.0) as Millis);
        let now = self.now;
        if let Some(patience) = patience
            && let Some(Process { role: Role::Forwarder(own), .. }) = self.process_mut(pid)
        {
            own.kills_at.get_or_insert(now + patience);
        }
    }

    /// A signal to a process that its own workers get, too.
    fn send_with_workers(&mut self, pid: Pid, signal: Signal) {
        let now = self.now;
        match self.process_mut(pid) {
            Some(process) if process.loses_workers(signal) => process.hears(signal, now, true),
            _ => drop(self.send(pid, signal)),
        }
    }

    /// Every process in the group of `pid`.
    pub(crate) fn group_of(&self, pid: Pid) -> Vec<Pid> {
        let group = self.process(pid).map(|process| process.group);
        self.processes().filter(|p| Some(p.group) == group).map(|p| p.pid).collect()
    }

    /// Ends a process; PID 1 takes all others with it.
    pub(crate) fn die(&mut self, pid: Pid, status: impl Into<Option<i32>>, how: Ended) {
        let (status, at) = (status.into(), self.now);
        if !self.alive(pid) {
            return;
        }
        if let Some(process) = self.process_mut(pid) {
            process.state = State::Dead(Death { status, how, at });
        }
        if pid == 1 {
            self.ended = Some(status.unwrap_or(0));
            for index in 0..self.processes.len() {
                let other = index + 1;
                if self.alive(other)
                    && let Some(process) = self.process_mut(other)
                {
                    process.state = State::Dead(Death { status: Some(137), how: Ended::Container, at });
                }
            }
            return;
        }
        let parent = self.process(pid).map_or(0, |process| process.parent);
        if self.shell(parent).is_some_and(|shell| shell.catches(Signal::CHLD))
            && let Some(shell) = self.shell_mut(parent)
        {
            shell.pending.push(Signal::CHLD);
        }
        for child in self.children(pid) {
            if let Some(child) = self.process_mut(child) {
                child.parent = 1;
            }
        }
        let waiting: Vec<Pid> = self
            .processes()
            .filter(|p| match &p.role {
                Role::Forwarder(forwarder) => forwarder.child == pid,
                Role::Follower(other) => *other == pid,
                _ => false,
            })
            .map(|p| p.pid)
            .collect();
        for forwarder in waiting {
            self.die(forwarder, status, Ended::Clean);
        }
        self.end_supervisor(parent);
    }
}
