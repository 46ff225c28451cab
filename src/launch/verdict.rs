//! From a steady state and its stop to an outcome, and to the first hop that loses the signal.

use std::sync::Arc;

use super::explore::Steady;
use super::machine::{Frame, Origin, Rest, Shell, Waiting};
use super::path::MishapKind;
use super::signal::Signal;
use super::supervise::Supervised;
use super::world::{Ended, Pid, Process, Role, Started, State, World};
use super::{Cause, Fault, Hop, ShellState, Site, SupervisorFlaw, TrapFlaw};
use crate::diagnostic::Outcome;
use crate::programs::{Kind, Program};
use crate::shell::{Node, NodeKind};
use crate::source::Place;

/// How the stop in this world ended.
pub(super) fn outcome(after: &World) -> Outcome {
    if after.ended.is_none() {
        return Outcome::Timeout;
    }
    let cut = after.processes().any(is_cut);
    if cut { Outcome::Abrupt } else { Outcome::Graceful }
}

/// A service that has something to finish: not one that is known to have no handler.
fn is_at_work(process: &Process) -> bool {
    matches!(&process.role, Role::Service(program) if !program.as_ref().is_some_and(|row| row.signals.none))
}

/// A service that did not end in good order.
fn is_cut(process: &Process) -> bool {
    if !is_at_work(process) {
        return false;
    }
    match process.state {
        State::Dead(death) => death.how != Ended::Clean,
        State::Running | State::Finishing { .. } => true,
    }
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
    (level, after.processes().filter(|process| is_cut(process)).count())
}

/// The causes in one steady state: for each service that does not end gracefully, the first hop that loses the signal.
pub(super) fn faults(steady: &Steady, signal: Signal) -> Vec<Fault> {
    let (before, after) = (&steady.before, &steady.after);
    let outcome = outcome(after);
    let view = View { before, after, signal, outcome };
    if outcome == Outcome::Graceful {
        return view.told_last();
    }
    if let Some(needed) = steady.needed {
        return view.period(needed).into_iter().collect();
    }
    let mut faults: Vec<Fault> = Vec::new();
    let mut in_place: Vec<bool> = Vec::new();
    for process in after.processes().filter(|process| is_cut(process) && before.alive(process.pid)) {
        let Some(fault) = view.fault(process.pid) else { continue };
        // What a fault keeps from several services, it is said of the first one that stands there.
        let stands = process.identity.place.as_ref().is_some_and(|own| own.is_same_line(&fault.place));
        match faults.iter().position(|known| known.is_same(&fault)) {
            None => {
                faults.push(fault);
                in_place.push(stands);
            }
            Some(at) if stands && !in_place[at] => (faults[at], in_place[at]) = (fault, true),
            Some(_) => {}
        }
    }
    if faults.is_empty() && outcome == Outcome::Timeout {
        // What has nothing to finish keeps everybody waiting all the same.
        let service = before.processes().find(|process| process.is_service() && before.alive(process.pid));
        faults.extend(service.and_then(|service| view.fault(service.pid)).or_else(|| view.keep_alive()));
    }
    faults.extend(view.told_last());
    faults
}

struct View<'a> {
    before: &'a World,
    after: &'a World,
    signal: Signal,
    outcome: Outcome,
}

impl View<'_> {
    /// The processes from PID 1 down to `pid`, by who waits for whom.
    fn chain(&self, pid: Pid) -> Vec<&Process> {
        let mut chain = Vec::new();
        let mut at = pid;
        while let Some(process) = self.before.process(at) {
            chain.push(process);
            at = if process.pid == 1 { 0 } else { process.parent };
        }
        chain.reverse();
        chain
    }

    fn fault(&self, pid: Pid) -> Option<Fault> {
        let chain = self.chain(pid);
        let service = *chain.last()?;
        let shown = chain.iter().map(|process| process.identity.shown()).collect();
        let (mut hops, mut first): (Vec<Hop>, Option<(Cause, Place, Site)>) = (Vec::new(), None);
        let (mut hop, mut init, mut shell) = (String::new(), None, ShellState::default());
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
            let Some((cause, place, site)) = self.hop(process, below, service) else { continue };
            match &first {
                None => {
                    hop = process.identity.shown();
                    shell = state_of(process);
                    let (cause, by) = behind_init(cause, &chain[..index]);
                    init = by;
                    first = Some((cause, place, site));
                }
                // `su app -c 'server'`: one line to change.
                Some((_, known, _)) if known.is_same_line(&place) => {}
                Some(_) => hops.push(Hop { place, message: cause.hop_message() }),
            }
        }
        let (cause, place, site) = first?;
        Some(Fault {
            cause,
            place,
            outcome: self.outcome,
            service: service.identity.shown(),
            hop,
            told: self.heard(pid),
            last_round: None,
            chain: shown,
            init,
            hops,
            site,
            shell,
            default: self.before.path.default,
            known_service: is_known(service),
            by_launcher: is_launcher(service),
        })
    }

    /// Services that their supervisor tells only with everything that is left, because the process that it looks after died of the
    /// signal. It ends well if they are quick; what is said is that they have less time than the others.
    fn told_last(&self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for service in
            self.before.processes().filter(|process| is_at_work(process) && self.before.alive(process.pid))
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
            let grace = self.after.stop.map_or(0, |stop| stop.grace);
            if patience < without.min(grace)
                && let Some(fault) = self.fault(service.pid)
                && !faults.iter().any(|known| known.is_same(&fault))
            {
                faults.push(Fault { outcome: Outcome::Graceful, last_round: Some(patience), ..fault });
            }
        }
        faults
    }

    /// True for a process that the stop has killed, for want of a handler.
    fn died_when_told(&self, pid: Pid) -> bool {
        let killed = 128 + i32::from(Signal::KILL.number());
        matches!(
            self.after.process(pid).map(|process| process.state),
            Some(State::Dead(death)) if death.how == Ended::Signal && death.status != killed
        )
    }

    /// Whether this process loses the signal on its way, and why.
    fn hop(
        &self,
        process: &Process,
        below: Option<&Process>,
        service: &Process,
    ) -> Option<(Cause, Place, Site)> {
        let own_place = || process.identity.place.clone();
        match &process.role {
            Role::Shell(shell) => self.shell(process, shell, below, service),
            // A job of the shell that this process replaced: nobody tells it.
            Role::Forwarder(forwarder)
                if !forwarder.program.broadcast
                    && below.is_some_and(|below| below.pid != forwarder.child) =>
            {
                let job = below.unwrap_or(service);
                Some((Cause::OrphanedBackground, job.identity.place.clone()?, Site::Process))
            }
            Role::Forwarder(forwarder) => {
                let row = &forwarder.program;
                let told = self.heard(process.pid);
                let cause = match row.kind {
                    Kind::Runner => Cause::PackageRunner,
                    // Passed on and waited for: not here.
                    _ if told
                        && (row.kills_after.is_none()
                            || below.is_some_and(|b| b.pid == service.pid && !self.was_killed(b.pid))) =>
                    {
                        return None;
                    }
                    _ if is_privilege(row.names.first().map_or("", String::as_str)) => {
                        Cause::PrivilegeWrapper
                    }
                    _ => Cause::SwallowingWrapper,
                };
                let own = self.before.supervised(process.pid).filter(|own| own.pid == process.pid);
                let site = match (cause, below, own) {
                    (Cause::PackageRunner, Some(below), _) => package(below),
                    (_, _, Some(own)) => Site::Supervised { program: Arc::clone(&own.program), wanted: None },
                    // The shell of `su -c`.
                    (Cause::PrivilegeWrapper, Some(Process { role: Role::Shell(shell), .. }), _) => {
                        match &shell.waiting {
                            Waiting::Foreground { node, rest, .. } => foreground(shell, node, *rest),
                            _ => Site::Process,
                        }
                    }
                    _ => Site::Process,
                };
                Some((cause, own_place()?, site))
            }
            Role::Supervisor(supervisor) => {
                if !self.heard(process.pid) {
                    let site = Site::Signal { wanted: preferred(&supervisor.row) };
                    return Some((Cause::StopSignal, own_place()?, site));
                }
                // A program that it has started, or something that has left its parent.
                let below = below?;
                let is_own = supervisor.programs.iter().any(|own| own.pid == below.pid);
                let place = below.identity.place.clone()?;
                match below.started {
                    _ if is_own => None,
                    Started::Forked => {
                        let flaw = SupervisorFlaw::Daemonized;
                        let program = supervisor.programs_by_place(&place);
                        let site = program.map(|program| Site::Supervised { program, wanted: None });
                        Some((Cause::SupervisorConfig(flaw), place, site.unwrap_or(Site::Process)))
                    }
                    _ => Some((Cause::OrphanedBackground, place, Site::Process)),
                }
            }
            Role::Service(_) if process.pid == service.pid => {
                let heard = self.heard(process.pid);
                let Role::Service(program) = &process.role else { return None };
                let none = program.as_ref().is_some_and(|row| row.signals.none);
                let fast = matches!(
                    self.after.process(process.pid).map(|p| p.state),
                    Some(State::Dead(death)) if death.how == Ended::Fast
                );
                // Only where everybody in front has done well is it the service's own fault.
                match (none, fast || !heard) {
                    // A signal that does nothing by default needs no handler to be ignored.
                    (true, _) if !self.signal.ignored_by_default() => {
                        let language = program.as_ref().and_then(|row| row.language);
                        let site = language.map_or(Site::Process, |language| Site::Program { language });
                        Some((Cause::UnhandledStop, own_place()?, site))
                    }
                    (_, true) => {
                        let usual = (self.signal != Signal::TERM).then_some(Signal::TERM);
                        let wanted = program.as_ref().and_then(|row| preferred(row)).or(usual);
                        let Some(own) = self.before.supervised(process.pid) else {
                            return Some((Cause::StopSignal, own_place()?, Site::Signal { wanted }));
                        };
                        let site = Site::Supervised { program: Arc::clone(&own.program), wanted };
                        Some((Cause::SupervisorConfig(SupervisorFlaw::StopSignal), own_place()?, site))
                    }
                    _ => None,
                }
            }
            // A job of the shell that this process replaced: nobody tells it.
            Role::Service(_) => {
                let job = below.unwrap_or(service);
                Some((Cause::OrphanedBackground, job.identity.place.clone()?, Site::Process))
            }
            Role::Helper | Role::Timer(_) | Role::Follower(_) => {
                Some((Cause::KeepAlive, own_place()?, Site::Process))
            }
            Role::Opaque => None,
        }
    }

    /// The signal that a process gets if all goes well.
    fn signal_to(&self, pid: Pid) -> Signal {
        self.before.supervised(pid).map_or(self.signal, Supervised::signal)
    }

    fn was_killed(&self, pid: Pid) -> bool {
        self.after.status_of(pid) == Some(128 + i32::from(Signal::KILL.number())) || self.after.alive(pid)
    }

    fn heard(&self, pid: Pid) -> bool {
        self.after.process(pid).is_some_and(|process| !process.heard.is_empty())
    }

    fn shell(
        &self,
        process: &Process,
        shell: &Shell,
        below: Option<&Process>,
        service: &Process,
    ) -> Option<(Cause, Place, Site)> {
        let signal = self.signal_to(process.pid);
        let handles = shell.traps.contains_key(&signal);
        let through_exit = !handles && shell.catches(signal);
        match &shell.waiting {
            Waiting::Foreground { pids, piped, node, rest } => {
                let in_front: Vec<&Process> =
                    pids.iter().filter_map(|&pid| self.before.process(pid)).collect();
                let place = place_of(node);
                let site = || foreground(shell, node, *rest);
                let leads = below.is_some_and(|below| {
                    pids.contains(&below.pid) || self.before.writes_for(below.pid, piped)
                });
                let only_helpers = in_front
                    .iter()
                    .all(|p| matches!(p.role, Role::Helper | Role::Timer(_) | Role::Follower(_)));
                let pauses = in_front.iter().all(|p| matches!(p.role, Role::Timer(_))) && shell.is_circling();
                if handles || through_exit {
                    if through_exit && !leads {
                        return Some((Cause::IncompleteTrap(self.flaw(process, service)), place, site()));
                    }
                    if pauses || (through_exit && leads) {
                        let trap = self.trap_place(shell).unwrap_or(place);
                        return Some((
                            Cause::IncompleteTrap(self.flaw(process, service)),
                            trap,
                            self.trap(shell),
                        ));
                    }
                    return Some((Cause::DeferredTrap, place, self.deferred(shell, node)));
                }
                if let Some(other) = self.misnamed().or_else(|| self.other_signal(shell)) {
                    return Some(other);
                }
                if let NodeKind::Pipeline(_) = node.kind
                    && leads
                {
                    return Some((Cause::PipedService, place, site()));
                }
                if only_helpers && !pauses {
                    return Some((Cause::KeepAlive, place, self.jobs(shell, node)));
                }
                if self.has_service_jobs(shell) || pauses {
                    let site = self.jobs(shell, node);
                    return Some((Cause::UntrappedBackground, first_job(&site).unwrap_or(place), site));
                }
                if *rest == Rest::Loop {
                    return Some((Cause::RestartLoop, place, site()));
                }
                Some(match &shell.origin {
                    Origin::ShellForm(instruction) => (Cause::ShellForm, instruction.clone(), site()),
                    Origin::Text => (Cause::ShellWrapper, place, site()),
                    Origin::PackageScript => (Cause::PackageRunner, place, site()),
                    Origin::PackageCommand(_) => (Cause::PackageRunner, place, package(process)),
                    Origin::Script | Origin::Fork => (Cause::MissingExec, place, site()),
                })
            }
            Waiting::Wait { node, .. } => {
                let site = self.jobs(shell, node);
                // It has passed the signal on, and waits still for who does not end.
                let waits = self.after.alive(process.pid)
                    && below.is_some_and(|b| {
                        b.pid != service.pid && self.heard(b.pid) && self.after.alive(b.pid)
                    });
                if handles && (waits || below.is_some_and(|below| self.dies_when_told(below))) {
                    return None;
                }
                if handles || through_exit {
                    let place = self.trap_place(shell).unwrap_or_else(|| place_of(node));
                    return Some((
                        Cause::IncompleteTrap(self.flaw(process, service)),
                        place,
                        self.trap(shell),
                    ));
                }
                if let Some(other) = self.misnamed().or_else(|| self.other_signal(shell)) {
                    return Some(other);
                }
                if let Some(trap) = shell.traps.get(&Signal::EXIT) {
                    let cause = Cause::IncompleteTrap(TrapFlaw::ExitOnly);
                    return Some((cause, trap.place.clone(), self.trap(shell)));
                }
                Some((Cause::UntrappedBackground, first_job(&site).unwrap_or_else(|| place_of(node)), site))
            }
            Waiting::None => None,
        }
    }

    /// True for a shell below that a handler has signalled, and that has no handler itself: the signal is lost there.
    fn dies_when_told(&self, below: &Process) -> bool {
        matches!(below.role, Role::Shell(_)) && self.died_when_told(below.pid)
    }

    /// A trap that was never set, because the shell does not know the signal by that name.
    fn misnamed(&self) -> Option<(Cause, Place, Site)> {
        let mishap = self.before.path.mishaps.iter().find(|mishap| mishap.kind == MishapKind::SignalName)?;
        Some((Cause::IncompleteTrap(TrapFlaw::SignalName), mishap.place.clone(), Site::Process))
    }

    /// A trap for SIGTERM in a container that is stopped with another signal.
    fn other_signal(&self, shell: &Shell) -> Option<(Cause, Place, Site)> {
        let trap = shell.traps.get(&Signal::TERM).filter(|_| self.signal != Signal::TERM)?;
        Some((Cause::StopSignal, trap.place.clone(), Site::Signal { wanted: Some(Signal::TERM) }))
    }

    /// True while the shell waits for `sleep` and the like.
    fn is_pause(&self, shell: &Shell) -> bool {
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
        let cut = self.after.processes().find(|process| is_cut(process)).unwrap_or(first);
        // Its handler has not begun yet: what is in the foreground takes the time.
        if let (Role::Shell(shell), Role::Shell(then)) = (&first.role, &after.role)
            && let Waiting::Foreground { node, .. } = &shell.waiting
            && !then.pending.is_empty()
        {
            let site = self.deferred(shell, node);
            return Some(self.fault_of(Cause::DeferredTrap, place_of(node), site, cut));
        }
        let place = first.identity.place.clone()?;
        let fault = self.fault_of(Cause::GracePeriod, place, Site::Period { needed }, cut);
        Some(Fault { hop: first.identity.shown(), chain: Vec::new(), told: true, ..fault })
    }

    /// A fault of one process alone.
    fn fault_of(&self, cause: Cause, place: Place, site: Site, process: &Process) -> Fault {
        let shown = process.identity.shown();
        Fault {
            cause,
            place,
            outcome: self.outcome,
            service: shown.clone(),
            hop: shown.clone(),
            chain: vec![shown],
            hops: Vec::new(),
            site,
            shell: state_of(process),
            default: self.before.path.default,
            known_service: is_known(process),
            told: false,
            last_round: None,
            init: None,
            by_launcher: is_launcher(process),
        }
    }

    /// A trap, and the command in the foreground that it waits for.
    fn deferred(&self, shell: &Shell, node: &Node) -> Site {
        match self.trap(shell) {
            Site::Trap { action, functions, .. } => {
                let pause = self.is_pause(shell);
                Site::Deferred { node: node.clone(), action, functions, pause }
            }
            other => other,
        }
    }

    /// The trap that runs on the stop signal, and the functions that it calls.
    fn trap(&self, shell: &Shell) -> Site {
        let Some(trap) = shell.traps.get(&self.signal).or_else(|| shell.traps.get(&Signal::EXIT)) else {
            return Site::Process;
        };
        let functions = trap.action.iter().filter_map(|node| match &node.kind {
            NodeKind::Command(command) => {
                let name = command.words.first()?.literal()?;
                shell.functions.get(&name).map(|body| Node::clone(body))
            }
            _ => None,
        });
        let alive = shell.jobs.iter().filter(|&&job| self.leads_to_service(job, 0));
        let jobs = alive.filter_map(|&job| self.before.process(job)?.statement.clone());
        Site::Trap {
            action: std::sync::Arc::clone(&trap.action),
            functions: functions.collect(),
            jobs: jobs.collect(),
        }
    }

    fn trap_place(&self, shell: &Shell) -> Option<Place> {
        let trap = shell.traps.get(&self.signal).or_else(|| shell.traps.get(&Signal::EXIT))?;
        Some(trap.place.clone())
    }

    /// What is wrong with a trap that does run.
    fn flaw(&self, process: &Process, service: &Process) -> TrapFlaw {
        let status = self.after.status_of(process.pid);
        let told = self.heard(service.pid);
        match (status, told) {
            (Some(139), _) => TrapFlaw::Recursion,
            (Some(_), true) => TrapFlaw::NotWaited,
            (Some(_), false) => TrapFlaw::ExitsWithoutTelling,
            (None, false) => TrapFlaw::NotTold,
            (None, true) => TrapFlaw::Endless,
        }
    }

    fn has_service_jobs(&self, shell: &Shell) -> bool {
        shell.jobs.iter().any(|&job| self.leads_to_service(job, 0))
    }

    fn leads_to_service(&self, pid: Pid, depth: usize) -> bool {
        if depth > 16 || !self.before.alive(pid) {
            return false;
        }
        let Some(process) = self.before.process(pid) else { return false };
        matches!(process.role, Role::Service(_))
            || self.before.children(pid).into_iter().any(|child| self.leads_to_service(child, depth + 1))
    }

    /// The shell's jobs that live, and where it stays.
    fn jobs(&self, shell: &Shell, at: &Node) -> Site {
        let statements = shell
            .jobs
            .iter()
            .filter(|&&job| self.before.alive(job))
            .filter_map(|&job| self.before.process(job)?.statement.clone())
            .collect();
        Site::Jobs { statements, at: at.clone() }
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
                        Waiting::Foreground { node, rest, .. } => {
                            let place = place_of(node);
                            match handles {
                                true => (Cause::DeferredTrap, place, self.deferred(shell, node), None),
                                false => (Cause::KeepAlive, place, foreground(shell, node, *rest), None),
                            }
                        }
                        Waiting::Wait { node, .. } if handles => {
                            let place = self.trap_place(shell).unwrap_or_else(|| place_of(node));
                            (Cause::IncompleteTrap(TrapFlaw::Endless), place, self.jobs(shell, node), None)
                        }
                        Waiting::Wait { node, .. } => {
                            (Cause::KeepAlive, place_of(node), self.jobs(shell, node), None)
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
                Role::Opaque => return None,
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
                    let fault = self.fault_of(cause, place, site, process);
                    return Some(Fault { known_service: false, by_launcher: false, ..fault });
                }
            }
        }
    }
}

/// True if PID 1 has ended and taken a service with it.
pub(super) fn is_cut_early(world: &World) -> bool {
    world.processes().any(is_cut) || (world.path.default && daemon(world).is_some())
}

/// The server that has sent itself into the background, and that PID 1 has taken along.
pub(super) fn daemon(world: &World) -> Option<Pid> {
    let is_daemon = |process: &&Process| {
        let Role::Service(Some(row)) = &process.role else { return false };
        let is_taken = matches!(process.state, State::Dead(death) if death.how == Ended::Container);
        process.started == Started::Forked && row.daemonizes && is_taken
    };
    world.processes().find(is_daemon).map(|process| process.pid)
}

/// A course in which the container ends although a service runs.
pub(super) fn early(world: &World) -> Option<Fault> {
    let cut = world.processes().find(|process| is_cut(process));
    let cut = cut.or_else(|| daemon(world).and_then(|pid| world.process(pid)));
    // Where a supervisor has left, what it has started is not to blame.
    let cut = cut.map(|process| world.supervisor_of(process.pid).unwrap_or(process));
    let mishap = world.path.mishaps.iter().find_map(|mishap| match mishap.kind {
        MishapKind::WaitNext => Some((Cause::UnsupportedWait, mishap.place.clone())),
        MishapKind::Bashism => Some((Cause::WrongInterpreter, mishap.place.clone())),
        MishapKind::NotPid1 => Some((Cause::NestedInit, mishap.place.clone())),
        _ => None,
    });
    let (cause, place) = match mishap {
        Some(known) => known,
        None if cut?.started == Started::Forked => (Cause::Daemonized, cut?.identity.place.clone()?),
        None => (Cause::EndsInBackground, cut?.identity.place.clone()?),
    };
    let first = world.process(1)?;
    let service = cut.unwrap_or(first);
    let site = match (&service.statement, world.process(1)) {
        (Some(statement), Some(Process { role: Role::Shell(_), .. })) => {
            Site::Jobs { statements: vec![statement.clone()], at: statement.clone() }
        }
        _ => match &service.role {
            Role::Supervisor(supervisor) => Site::Supervisor { foreground: supervisor.foreground.clone() },
            _ => Site::Process,
        },
    };
    Some(Fault {
        cause,
        place,
        outcome: Outcome::ExitsEarly,
        service: service.identity.shown(),
        hop: first.identity.shown(),
        told: false,
        last_round: None,
        chain: vec![first.identity.shown(), service.identity.shown()],
        init: None,
        hops: Vec::new(),
        site,
        shell: state_of(first),
        default: world.path.default,
        known_service: is_known(service),
        by_launcher: is_launcher(service),
    })
}

/// The cause where an init is among the processes in front, and the init's name. A shell of the launch line right behind it is
/// nobody's PID 1.
fn behind_init(cause: Cause, in_front: &[&Process]) -> (Cause, Option<String>) {
    let is_init =
        |process: &Process| matches!(&process.role, Role::Forwarder(f) if f.program.kind == Kind::Init);
    let name = |process: &Process| {
        let path = process.identity.argv.first()?.shown();
        Some(path.rsplit('/').next().unwrap_or(&path).to_owned())
    };
    let init = in_front.iter().find(|process| is_init(process)).and_then(|process| name(process));
    let directly = in_front.last().is_some_and(|process| is_init(process));
    match cause {
        Cause::ShellForm | Cause::ShellWrapper if directly => (Cause::InitWithoutExec, init),
        _ => (cause, init),
    }
}

/// What a process has set, if it is a shell.
fn state_of(process: &Process) -> ShellState {
    let Role::Shell(shell) = &process.role else { return ShellState::default() };
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
        readers: !shell.readers.is_empty(),
        separated: shell.variables.get("IFS").is_some_and(|value| value.scalar().text() != Some(" \t\n")),
    }
}

/// True if the tables know it as a service: an interpreter may run anything.
fn is_known(process: &Process) -> bool {
    matches!(&process.role, Role::Service(Some(_)))
}

/// `service app start`, `pg_ctl start`: what runs is not this, but what it has started.
fn is_launcher(process: &Process) -> bool {
    let starts = |word: &super::field::Field| matches!(word.text(), Some("start" | "restart"));
    process.started == Started::Forked
        && matches!(&process.role, Role::Service(Some(program)) if program.daemonizes)
        && process.identity.argv.iter().any(starts)
}

/// Where the first of several jobs is started.
fn first_job(site: &Site) -> Option<Place> {
    let Site::Jobs { statements, .. } = site else { return None };
    statements.iter().map(place_of).min_by_key(|place| place.span.start)
}

fn foreground(shell: &Shell, node: &Node, rest: Rest) -> Site {
    let calls = shell.frames.iter().filter_map(|frame| match frame {
        Frame::Call { name, .. } => Some(name.to_string()),
        _ => None,
    });
    Site::Foreground { node: node.clone(), rest, dialect: shell.dialect, calls: calls.collect() }
}

/// What a package runner's shell runs: a script of package.json, or a command.
fn package(runner: &Process) -> Site {
    let Role::Shell(shell) = &runner.role else { return Site::Process };
    let directory = shell.directory.as_deref().map(str::to_owned);
    if let Origin::PackageCommand(manifest) = &shell.origin {
        return manifest
            .clone()
            .map_or(Site::Process, |manifest| Site::PackageCommand { manifest, directory });
    }
    match runner.identity.argv.last().and_then(|text| text.excerpt.clone()) {
        Some(text) => {
            let alone = crate::project::package_json::runs_alone(&text);
            Site::Package { text, alone, directory }
        }
        None => Site::Process,
    }
}

/// The signal on which a program ends best.
fn preferred(row: &Program) -> Option<Signal> {
    Signal::parse(row.signals.graceful.first()?)
}

fn is_privilege(name: &str) -> bool {
    matches!(name, "su" | "sudo" | "runuser")
}

/// The line a person would change: the command itself, not what is wrapped around it.
fn place_of(node: &Node) -> Place {
    match &node.kind {
        NodeKind::Redirected(inner, _) | NodeKind::Not(inner) | NodeKind::Background(inner) => {
            place_of(inner)
        }
        _ => node.place(),
    }
}
