//! From a steady state and its stop to an outcome, and to the first hop that loses the signal.

use std::time::Duration;

use super::environment::Environment;
use super::explore::Steady;
use super::fault::{Cause, CommandLine, Fault, Hop, Hurry, ShellState, Site, TrapFlaw};
use super::field::Field;
use super::hop::{Loss, OnTheWay, is_privilege};
use super::input;
use super::shell::{Shell, Waiting};
use super::signal::Signal;
use super::site::{foreground, place_of};
use super::work::{is_at_work, is_cut, may_leave, preferred};
use super::world::{Pid, Process, Role, Started, World};
use crate::diagnostic::Outcome;
use crate::programs::Kind;
use crate::source::base_name;

/// How the stop in this world ended.
pub(super) fn outcome(after: &World) -> Outcome {
    if after.ended.is_none() {
        return Outcome::Timeout;
    }
    let cut = after.processes().any(|process| is_cut(after, process));
    if cut { Outcome::Abrupt } else { Outcome::Graceful }
}

/// The badness of a stop that cannot go better.
pub(super) const WELL: (u8, usize) = (0, 0);

/// For comparing the ways that a stop can go: the higher, the worse.
pub(super) fn badness(after: &World) -> (u8, usize) {
    let level = match outcome(after) {
        Outcome::Graceful => 0,
        Outcome::Abrupt => 1,
        _ => 2,
    };
    (level, after.processes().filter(|process| is_cut(after, process)).count())
}

/// The causes in one steady state: for each service that does not end gracefully, the first hop that loses the signal.
pub(super) fn faults(environment: &Environment<'_>, steady: &Steady, signal: Signal) -> Vec<Fault> {
    let (before, after) = (&steady.before, &steady.after);
    let outcome = outcome(after);
    let view = View { environment, before, after, signal, outcome };
    if outcome == Outcome::Graceful {
        return view.told_last().into_iter().chain(view.hurried()).collect();
    }
    if let Some(needed) = steady.needed {
        return view.period(needed).into_iter().collect();
    }
    let mut faults: Vec<Fault> = Vec::new();
    let mut ranks: Vec<(bool, bool)> = Vec::new();
    for process in after.processes().filter(|process| is_cut(after, process) && before.alive(process.pid)) {
        let Some(fault) = view.fault(process.pid) else { continue };
        // What a fault keeps from several services, it is said of the first one that stands there, or that is known to be one.
        let stands = process.identity.place.as_ref().is_some_and(|own| own.is_same_line(&fault.place));
        let rank = (stands, fault.known_service && !fault.by_launcher);
        match faults.iter().position(|known| known.is_same(&fault)) {
            None => {
                faults.push(fault);
                ranks.push(rank);
            }
            Some(at) if rank > ranks[at] => (faults[at], ranks[at]) = (fault, rank),
            Some(_) => {}
        }
    }
    if faults.is_empty() && outcome == Outcome::Timeout {
        // What has nothing to finish keeps everybody waiting all the same.
        let alive =
            |is: fn(&Process) -> bool| before.processes().find(|own| is(own) && before.alive(own.pid));
        // A supervisor of which nobody knows what it starts is there for something.
        let service = alive(Process::is_service).or_else(|| alive(Process::is_supervisor));
        faults.extend(service.and_then(|service| view.fault(service.pid)).or_else(|| view.keep_alive()));
    }
    faults.extend(view.told_last());
    faults
}

/// A stop: the world before it, and what came of it.
pub(super) struct View<'a> {
    environment: &'a Environment<'a>,
    pub(super) before: &'a World,
    pub(super) after: &'a World,
    pub(super) signal: Signal,
    pub(super) outcome: Outcome,
}

impl View<'_> {
    fn fault(&self, pid: Pid) -> Option<Fault> {
        let chain = self.chain(pid);
        let service = *chain.last()?;
        let shown = chain.iter().map(|process| process.identity.shown()).collect();
        let (mut hops, mut first): (Vec<Hop>, Option<Loss>) = (Vec::new(), None);
        let (mut hop, mut init, mut shell) = (CommandLine::default(), None, ShellState::default());
        let (mut beyond_exec, mut reads_input) = (None, false);
        for (index, process) in chain.iter().enumerate() {
            let below = chain.get(index + 1).copied();
            // What the service does itself counts only if the signal gets that far.
            if process.pid == service.pid && first.is_some() {
                break;
            }
            // What nobody can handle is nobody's fault on the way.
            if process.pid != service.pid && matches!(self.signal, Signal::KILL | Signal::STOP) {
                continue;
            }
            let Some((cause, place, site)) = self.hop(OnTheWay { process, below, service }) else { continue };
            match &first {
                None => {
                    hop = process.identity.command_line();
                    shell = state_of(self.before, process);
                    beyond_exec = self.beyond_exec(process);
                    reads_input =
                        cause.may_move() && input::is_read(self.environment, self.before, process.pid);
                    let (cause, by) = behind_init(cause, &chain[..index]);
                    init = by;
                    first = Some((cause, place, site));
                }
                // `su app -c 'server'`: one line to change.
                Some((_, known, _)) if known.is_same_line(&place) => {}
                // It has heard nothing, and would have passed it on.
                Some(_) if passes_on(process, self.signal) => {}
                Some(_) => hops.push(Hop { place, message: cause.hop_message() }),
            }
        }
        let told = self.heard_first(pid);
        let fault = self.fault_of(first?, service);
        Some(Fault { hop, told, chain: shown, init, hops, beyond_exec, shell, reads_input, ..fault })
    }

    /// Services that their supervisor tells only with everything that is left, because the process that it looks after died of the
    /// signal. It ends well if they are quick; what is said is that they have less time than the others.
    fn told_last(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for service in self
            .before
            .processes()
            .filter(|process| is_at_work(self.before, process) && self.before.alive(process.pid))
        {
            let Some(own) = self.before.supervised(service.pid).filter(|own| self.died_when_told(own.pid))
            else {
                continue;
            };
            let Some(Process { role: Role::Supervisor(supervisor), .. }) = self.before.supervisor_of(own.pid)
            else {
                continue;
            };
            let Some(patience) = supervisor.last_round else { continue };
            let without = own.program.stop_wait.saturating_mul(1000).saturating_add(patience);
            let grace = self.after.stop.as_ref().map_or(0, |stop| stop.grace);
            if patience < without.min(grace)
                && let Some(fault) = self.fault(service.pid)
                && !faults.iter().any(|known| known.is_same(&fault))
            {
                faults.push(Fault {
                    outcome: Outcome::Graceful,
                    hurry: Some(Hurry::LastRound(patience)),
                    ..fault
                });
            }
        }
        faults
    }

    /// Services that `su` kills soon after it has told them. They end well if they are quick.
    fn hurried(&self) -> Vec<Fault> {
        let grace = self.after.stop.as_ref().map_or(0, |stop| stop.grace);
        let is_told = |service: &&Process| {
            is_at_work(self.before, service) && self.before.alive(service.pid) && self.heard(service.pid)
        };
        let hurried = |service: &Process| {
            let chain = self.chain(service.pid);
            let (wrapper, patience) =
                chain.iter().find_map(|process| Some((process, patience_of(process)?)))?;
            let supervises = chain.iter().any(|process| process.is_supervisor());
            let place = wrapper.identity.place.clone().filter(|_| patience < grace)?;
            Some(Fault {
                hop: wrapper.identity.command_line(),
                chain: chain.iter().map(|process| process.identity.shown()).collect(),
                told: self.heard_first(service.pid),
                hurry: Some(Hurry::Wrapper { patience, supervises }),
                ..self.fault_of((Cause::PrivilegeWrapper, place, Site::Process), service)
            })
        };
        let mut faults: Vec<Fault> = Vec::new();
        for fault in self.before.processes().filter(is_told).filter_map(hurried) {
            if !faults.iter().any(|known| known.is_same(&fault)) {
                faults.push(fault);
            }
        }
        faults
    }

    /// True while the shell waits for `sleep` and the like.
    pub(super) fn is_pause(&self, shell: &Shell) -> bool {
        let Waiting::Foreground { pids, .. } = &shell.waiting else { return false };
        let is_timer = |pid: &Pid| {
            self.before.process(*pid).is_none_or(|process| matches!(process.role, Role::Timer(_)))
        };
        pids.iter().all(is_timer)
    }

    /// All would end well, if it were given the time.
    fn period(&self, needed: u64) -> Option<Fault> {
        let first = self.before.process(1)?;
        // A wait that comes to its own end, whether anybody is told or not, is no stop.
        let after = self.after.process(1).filter(|first| !first.heard.is_empty())?;
        let cut = self.after.processes().find(|process| is_cut(self.after, process)).unwrap_or(first);
        // Its handler has not begun yet: what is in the foreground takes the time.
        if let Role::Shell(shell) = &first.role
            && let Waiting::Foreground { node, .. } = &shell.waiting
            && self.is_put_off(after)
        {
            let site = self.deferred(shell, node);
            return Some(self.fault_of((Cause::DeferredTrap, place_of(node), site), cut));
        }
        let place = first.identity.place.clone()?;
        let fault = self.fault_of((Cause::GracePeriod, place, Site::Period { needed }), cut);
        Some(Fault {
            hop: first.identity.command_line(),
            chain: Vec::new(),
            told: Some(self.signal),
            ..fault
        })
    }

    fn fault_of(&self, loss: Loss, process: &Process) -> Fault {
        fault_of(loss, process, self.before, self.outcome)
    }

    /// Nothing of value runs, or all of it ended well, but PID 1 stays until it is killed.
    fn keep_alive(&self) -> Option<Fault> {
        let mut pid = 1;
        loop {
            let process = self.before.process(pid)?;
            let (cause, place, site, next) = match &process.role {
                Role::Shell(shell) => {
                    let handles = shell.catches(self.signal);
                    match &shell.waiting {
                        Waiting::Foreground { node, .. } if handles && self.is_put_off(process) => {
                            (Cause::DeferredTrap, place_of(node), self.deferred(shell, node), None)
                        }
                        Waiting::Foreground { node, .. } | Waiting::Wait { node, .. } if handles => {
                            let place = self.trap_place(shell).unwrap_or_else(|| place_of(node));
                            (Cause::IncompleteTrap(TrapFlaw::Endless), place, self.trap(shell, process), None)
                        }
                        Waiting::Foreground { node, rest, .. } => {
                            (Cause::KeepAlive, place_of(node), foreground(shell, node, *rest), None)
                        }
                        Waiting::Wait { node, .. } => {
                            (Cause::KeepAlive, place_of(node), self.jobs(process, shell, node), None)
                        }
                        Waiting::None => return None,
                    }
                }
                Role::Forwarder(forwarder) => {
                    let place = process.identity.place.clone()?;
                    (Cause::SwallowingWrapper, place, Site::Process, Some(forwarder.child))
                }
                Role::Supervisor(supervisor) => {
                    let site = Site::Signal { wanted: preferred(&supervisor.row) };
                    let staying = supervisor.programs.iter().find(|own| self.after.alive(own.pid));
                    (Cause::StopSignal, process.identity.place.clone()?, site, staying.map(|own| own.pid))
                }
                Role::Opaque | Role::Unread => return None,
                Role::Service(_) if self.signal.ignored_by_default() => {
                    let site = Site::Signal { wanted: Some(Signal::TERM) };
                    (Cause::StopSignal, process.identity.place.clone()?, site, None)
                }
                Role::Service(_) => {
                    (Cause::UnhandledStop, process.identity.place.clone()?, Site::Process, None)
                }
                _ => (Cause::KeepAlive, process.identity.place.clone()?, Site::Process, None),
            };
            match next {
                Some(child) if self.heard(process.pid) => pid = child,
                _ => {
                    let fault = self.fault_of((cause, place, site), process);
                    return Some(Fault { known_service: false, by_launcher: false, ..fault });
                }
            }
        }
    }
}

/// A fault of one process alone.
pub(super) fn fault_of(loss: Loss, process: &Process, world: &World, outcome: Outcome) -> Fault {
    let (cause, place, site) = loss;
    let line = process.identity.command_line();
    Fault {
        cause,
        place,
        outcome,
        chain: vec![line.to_string()],
        service: line.clone(),
        hop: line,
        told: None,
        hurry: None,
        init: None,
        hops: Vec::new(),
        site,
        beyond_exec: None,
        shell: state_of(world, process),
        default: world.path.default,
        known_service: is_known(process),
        reads_input: false,
        followed: process.followed,
        by_caller: is_named_by_caller(process),
        by_launcher: is_launcher(process),
        may_leave: may_leave(process),
    }
}

/// The cause where an init is among the processes in front, and the init's name. A shell of the launch line right behind it is
/// nobody's PID 1.
fn behind_init(cause: Cause, in_front: &[&Process]) -> (Cause, Option<String>) {
    let is_init =
        |process: &Process| matches!(&process.role, Role::Forwarder(f) if f.program.kind == Kind::Init);
    let name = |process: &Process| {
        let path = process.identity.argv.first()?.shown();
        Some(base_name(&path).to_owned())
    };
    let init = in_front.iter().find(|process| is_init(process)).and_then(|process| name(process));
    let directly = in_front.last().is_some_and(|process| is_init(process));
    match cause {
        Cause::ShellForm | Cause::ShellWrapper if directly => (Cause::InitWithoutExec, init),
        _ => (cause, init),
    }
}

/// True for a wrapper that hands on the signal when it gets there.
fn passes_on(process: &Process, signal: Signal) -> bool {
    let Role::Forwarder(forwarder) = &process.role else { return false };
    let row = &forwarder.program;
    let name = signal.name();
    let is_passed = row.forwarded.is_empty() || row.forwarded.contains(&name);
    row.kind == Kind::Fork && row.forwards && row.kills_after.is_none() && is_passed
}

/// Milliseconds after which `su` kills what it has told.
fn patience_of(process: &Process) -> Option<u64> {
    let Role::Forwarder(forwarder) = &process.role else { return None };
    let row = &forwarder.program;
    let is_su = is_privilege(row.names.first().map_or("", String::as_str));
    let patience = Duration::try_from_secs_f64(row.kills_after.filter(|_| is_su)?).ok()?;
    u64::try_from(patience.as_millis()).ok()
}

/// What a process has set, if it is a shell.
pub(super) fn state_of(world: &World, process: &Process) -> ShellState {
    let shell = match (&process.role, &process.handed_over) {
        (Role::Shell(shell), _) => shell,
        (_, Some(handed_over)) => &handed_over.0,
        _ => return ShellState::default(),
    };
    let is_daemon = |own: &Process| own.parent == process.pid && own.started == Started::Forked;
    let works = shell.traps.iter().filter(|(_, trap)| !trap.action.is_empty());
    ShellState {
        errexit: shell.errexit,
        nounset: shell.nounset,
        traps: works.map(|(signal, _)| *signal).collect(),
        ignored: process.ignored.clone(),
        hooks: !shell.hooks.is_empty(),
        aliases: shell.aliases.as_ref().clone(),
        functions: shell.functions.keys().cloned().collect(),
        unknown_functions: shell.has_unknown_functions,
        may_trap: shell.may_trap,
        has_jobs: shell.last_background.is_some(),
        has_daemons: world.processes().any(is_daemon),
        readers: !shell.readers.is_empty(),
        separated: shell.variables.get("IFS").is_some_and(|value| value.scalar().text() != Some(" \t\n")),
    }
}

/// True if the tables know it as a service: an interpreter may run anything.
pub(super) fn is_known(process: &Process) -> bool {
    matches!(&process.role, Role::Service(Some(row)) if row.kind != Kind::Interpreter || row.language.is_some())
}

/// True for what the image's own arguments name.
pub(super) fn is_named_by_caller(process: &Process) -> bool {
    process.identity.argv.first().is_some_and(|name| name.overridable)
}

/// `service app start`, `pg_ctl start`: what runs is not this, but what it has started.
fn is_launcher(process: &Process) -> bool {
    let starts = |word: &Field| matches!(word.text(), Some("start" | "restart"));
    process.started == Started::Forked
        && matches!(&process.role, Role::Service(Some(program)) if program.daemonizes)
        && process.identity.argv.iter().any(starts)
}
