//! Whether a process loses the stop signal on its way to a service, and why.

use std::sync::Arc;

use super::fault::{Cause, PipeEnd, Site, SupervisorFlaw, TrapFlaw};
use super::path::MishapKind;
use super::shell::{Origin, Rest, Shell, Waiting};
use super::signal::Signal;
use super::site::{foreground, package, place_of};
use super::supervise::{Supervised, Supervisor};
use super::verdict::View;
use super::work::{has_no_handler, is_told_alone, preferred};
use super::world::{Ended, Forwarder, Pid, Process, Role, Started, State};
use crate::programs::{Kind, Program, Reaction};
use crate::shell::{Node, NodeKind};
use crate::source::Place;

/// Why a signal is lost, where, and what a repair needs to know.
pub(super) type Loss = (Cause, Place, Site);

/// A process on the way to a service.
#[derive(Clone, Copy)]
pub(super) struct OnTheWay<'p> {
    pub(super) process: &'p Process,
    /// The next one, which this one waits for.
    pub(super) below: Option<&'p Process>,
    pub(super) service: &'p Process,
}

impl View<'_> {
    /// Whether this process loses the signal, and why.
    pub(super) fn hop(&self, way: OnTheWay<'_>) -> Option<Loss> {
        let OnTheWay { process, below, service } = way;
        match &process.role {
            Role::Shell(shell) => self.shell(way, shell),
            // A job of the shell that this process replaced: nobody tells it.
            Role::Forwarder(forwarder)
                if below.is_some_and(|below| {
                    below.pid != forwarder.child && !(forwarder.program.broadcast && self.heard(below.pid))
                }) =>
            {
                self.orphaned(below.unwrap_or(service))
            }
            Role::Forwarder(forwarder) => self.forwarder(way, forwarder),
            Role::Supervisor(supervisor) => self.supervisor(way, supervisor),
            Role::Service(row) if process.pid == service.pid => self.service(process, row.as_deref()),
            // A job of the shell that this process replaced: nobody tells it.
            Role::Service(_) => self.orphaned(below.unwrap_or(service)),
            Role::Helper | Role::Timer(_) | Role::Follower(_) => {
                Some((Cause::KeepAlive, process.identity.place.clone()?, Site::Process))
            }
            Role::Opaque | Role::Unread => None,
        }
    }

    /// A wrapper, an init or a runner.
    fn forwarder(&self, way: OnTheWay<'_>, forwarder: &Forwarder) -> Option<Loss> {
        let OnTheWay { process, below, service } = way;
        let row = &forwarder.program;
        let told = self.heard(process.pid);
        let privilege = is_privilege(row.names.first().map_or("", String::as_str));
        let is_last = below.is_none_or(|below| below.pid == service.pid);
        let dies = below.is_some_and(|below| self.dies_when_told(below));
        let in_time =
            || row.kills_after.is_none() || (is_last && below.is_some_and(|b| !self.was_killed(b.pid)));
        let traps = || {
            let shell = below.and_then(|below| self.before.shell(below.pid));
            let end = self.after.process(service.pid).map(|service| service.state);
            let is_fast = matches!(end, Some(State::Dead(death)) if death.how == Ended::Fast);
            is_fast && shell.is_some_and(|shell| shell.catches(self.signal))
        };
        let cause = match row.kind {
            Kind::Runner => Cause::PackageRunner,
            // It has told a shell, where the signal is lost.
            _ if told && !privilege && dies => return None,
            // What stands in between loses the signal first, unless it has a trap: the workers are gone before that can do anything.
            Kind::Init if told && row.broadcast && is_told_alone(service) && !is_last && !traps() => {
                return None;
            }
            Kind::Init if told && row.broadcast && is_told_alone(service) => Cause::Broadcast,
            // Passed on and waited for: not here.
            _ if told && in_time() => return None,
            _ if privilege => Cause::PrivilegeWrapper,
            _ => Cause::SwallowingWrapper,
        };
        let own = self.before.supervised(process.pid).filter(|own| own.pid == process.pid);
        let site = match (cause, below, own) {
            (Cause::PackageRunner, Some(below), _) => package(below, forwarder.directory.as_deref()),
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
        Some((cause, process.identity.place.clone()?, site))
    }

    fn supervisor(&self, way: OnTheWay<'_>, supervisor: &Supervisor) -> Option<Loss> {
        if !self.heard(way.process.pid) {
            let site = Site::Signal { wanted: preferred(&supervisor.row) };
            return Some((Cause::StopSignal, way.process.identity.place.clone()?, site));
        }
        // A program that it has started, or something that has left its parent.
        let below = way.below?;
        let is_own = supervisor.programs.iter().any(|own| own.pid == below.pid);
        let place = below.identity.place.clone()?;
        match below.started {
            _ if is_own => None,
            Started::Forked => {
                let program = supervisor.programs_by_place(&place);
                // What was started in front of the supervisor is none of its programs, and what one of them has started beside itself.
                let is_beside = |own: &Supervised| own.pid != below.pid && self.before.alive(own.pid);
                if program.is_none() && self.before.supervised(below.pid).is_none_or(is_beside) {
                    return Some((Cause::OrphanedBackground, place, Site::Daemon));
                }
                let site = program.map(|program| Site::Supervised { program, wanted: None });
                let cause = Cause::SupervisorConfig(SupervisorFlaw::Daemonized);
                Some((cause, place, site.unwrap_or(Site::Process)))
            }
            _ => self.orphaned(below),
        }
    }

    /// The service itself, where everybody in front has done well.
    fn service(&self, process: &Process, row: Option<&Program>) -> Option<Loss> {
        let place = || process.identity.place.clone();
        // A signal that does nothing by default needs no handler to be ignored.
        if row.is_some_and(has_no_handler) && !self.signal.ignored_by_default() {
            let language = row.and_then(|row| row.language);
            let site = language.map_or(Site::Process, |language| Site::Program { language });
            return Some((Cause::UnhandledStop, place()?, site));
        }
        let end = self.after.process(process.pid).map(|process| process.state);
        let is_fast = matches!(end, Some(State::Dead(death)) if death.how == Ended::Fast);
        if !is_fast && self.heard(process.pid) {
            return None;
        }
        let may_take = |row: &Program| {
            let reaction = row.reaction(&Signal::TERM.name(), process.pid == 1);
            row.graceful_with.is_none()
                && (row.signals.none || matches!(reaction, Reaction::Unknown | Reaction::Finishes))
        };
        let usual = Some(Signal::TERM).filter(|term| self.signal != *term && row.is_none_or(may_take));
        let wanted = row.and_then(preferred).or(usual);
        let Some(own) = self.before.supervised(process.pid) else {
            return Some((Cause::StopSignal, place()?, Site::Signal { wanted }));
        };
        let site = Site::Supervised { program: Arc::clone(&own.program), wanted };
        Some((Cause::SupervisorConfig(SupervisorFlaw::StopSignal), place()?, site))
    }

    fn shell(&self, way: OnTheWay<'_>, shell: &Shell) -> Option<Loss> {
        match &shell.waiting {
            Waiting::Foreground { pids, piped, node, rest } => {
                let in_front = InFront { pids, piped, node, rest: *rest };
                self.in_front(way, shell, &in_front)
            }
            Waiting::Wait { node, .. } => self.in_wait(way, shell, node),
            Waiting::None => None,
        }
    }

    /// A shell that waits for what it has in the foreground.
    fn in_front(&self, way: OnTheWay<'_>, shell: &Shell, front: &InFront<'_>) -> Option<Loss> {
        let OnTheWay { process, below, service } = way;
        let InFront { pids, piped, node, rest } = *front;
        let signal = self.signal_to(process.pid);
        let place = place_of(node);
        let site = || foreground(shell, node, rest);
        let leads =
            below.is_some_and(|below| pids.contains(&below.pid) || self.before.writes_for(below.pid, piped));
        let all = |is: fn(&Role) -> bool| {
            pids.iter().filter_map(|&pid| self.before.process(pid)).all(|process| is(&process.role))
        };
        let pauses = all(|role| matches!(role, Role::Timer(_))) && shell.is_circling();
        if shell.catches(signal) {
            let through_exit = !shell.traps.contains_key(&signal);
            let flaw = || Cause::IncompleteTrap(self.flaw(process, service));
            return Some(match () {
                () if through_exit && !leads => (flaw(), place, site()),
                () if (pauses && !self.is_put_off(process)) || through_exit => {
                    (flaw(), self.trap_place(shell).unwrap_or(place), self.trap(shell, service))
                }
                () => (Cause::DeferredTrap, place, self.deferred(shell, node)),
            });
        }
        if let Some(other) = self.misnamed().or_else(|| self.other_signal(shell)) {
            return Some(other);
        }
        let is_helper = |role: &Role| matches!(role, Role::Helper | Role::Timer(_) | Role::Follower(_));
        let is_held = all(is_helper);
        // A daemon that was started before is kept from the signal by the same line.
        if matches!(node.kind, NodeKind::Pipeline(_))
            && (leads || !(is_held || pauses || self.has_service_jobs(shell)))
        {
            let reads = below.is_some_and(|below| pids.contains(&below.pid) && !piped.contains(&below.pid));
            let end = if reads { PipeEnd::Reader } else { PipeEnd::Writer };
            return Some((Cause::PipedService(end), place, site()));
        }
        if is_held && !pauses {
            return Some((Cause::KeepAlive, place, self.jobs(process, shell, node)));
        }
        if self.has_service_jobs(shell) || pauses {
            let first = self.first_job(process, shell, below).unwrap_or(place);
            return Some((Cause::UntrappedBackground, first, self.jobs(process, shell, node)));
        }
        if rest == Rest::Loop {
            return Some((Cause::RestartLoop, place, site()));
        }
        Some(match &shell.origin {
            Origin::ShellForm(instruction) => (Cause::ShellForm, instruction.clone(), site()),
            Origin::Text => (Cause::ShellWrapper, place, site()),
            Origin::PackageScript => (Cause::PackageRunner, place, site()),
            Origin::PackageCommand(_) => (Cause::PackageRunner, place, package(process, None)),
            Origin::Script | Origin::Fork => (Cause::MissingExec, place, site()),
        })
    }

    /// True if a handler has not begun when the time is over: what is in the foreground takes it.
    pub(super) fn is_put_off(&self, process: &Process) -> bool {
        self.after.shell(process.pid).is_some_and(|then| !then.pending.is_empty())
    }

    /// A shell that waits for its jobs.
    fn in_wait(&self, way: OnTheWay<'_>, shell: &Shell, node: &Node) -> Option<Loss> {
        let OnTheWay { process, below, service } = way;
        let signal = self.signal_to(process.pid);
        if shell.catches(signal) {
            // It has passed the signal on, and waits still for who does not end.
            let waits = |below: &Process| {
                self.after.alive(process.pid)
                    && below.pid != service.pid
                    && self.heard(below.pid)
                    && self.after.alive(below.pid)
            };
            // Or it has ended behind one that has come to its own end.
            let has_outlived = |below: &Process| {
                let end = self.after.process(below.pid).map(|below| below.state);
                below.pid != service.pid
                    && matches!(end, Some(State::Dead(death)) if death.how == Ended::Clean)
            };
            let has_passed_on =
                |below: &Process| waits(below) || has_outlived(below) || self.dies_when_told(below);
            if shell.traps.contains_key(&signal) && below.is_some_and(has_passed_on) {
                return None;
            }
            let place = self.trap_place(shell).unwrap_or_else(|| place_of(node));
            return Some((
                Cause::IncompleteTrap(self.flaw(process, service)),
                place,
                self.trap(shell, service),
            ));
        }
        if let Some(other) = self.misnamed().or_else(|| self.other_signal(shell)) {
            return Some(other);
        }
        if let Some(trap) = shell.traps.get(&Signal::EXIT) {
            let cause = Cause::IncompleteTrap(TrapFlaw::ExitOnly);
            return Some((cause, trap.place.clone(), self.trap(shell, service)));
        }
        let first = self.first_job(process, shell, below).unwrap_or_else(|| place_of(node));
        Some((Cause::UntrappedBackground, first, self.jobs(process, shell, node)))
    }

    /// The signal that a process gets if all goes well.
    fn signal_to(&self, pid: Pid) -> Signal {
        self.before.supervised(pid).map_or(self.signal, Supervised::signal)
    }

    fn was_killed(&self, pid: Pid) -> bool {
        self.after.status_of(pid).and_then(|status| status.value)
            == Some(128 + i32::from(Signal::KILL.number()))
            || self.after.alive(pid)
    }

    pub(super) fn heard(&self, pid: Pid) -> bool {
        self.heard_first(pid).is_some()
    }

    /// The signal that a process hears on the stop, or the first of them.
    pub(super) fn heard_first(&self, pid: Pid) -> Option<Signal> {
        self.after.process(pid)?.heard.first().copied()
    }

    /// True for a process that the stop has killed, for want of a handler.
    pub(super) fn died_when_told(&self, pid: Pid) -> bool {
        let killed = 128 + i32::from(Signal::KILL.number());
        matches!(
            self.after.process(pid).map(|process| process.state),
            Some(State::Dead(death)) if death.how == Ended::Signal && death.status != Some(killed)
        )
    }

    /// True for a shell or wrapper below that a handler has signalled, and that has no handler itself: the signal is lost there.
    fn dies_when_told(&self, below: &Process) -> bool {
        matches!(below.role, Role::Shell(_) | Role::Forwarder(_)) && self.died_when_told(below.pid)
    }

    /// A trap that was never set, because the shell does not know the signal by that name.
    fn misnamed(&self) -> Option<Loss> {
        let mishap = self.before.path.mishaps.iter().find(|mishap| mishap.kind == MishapKind::SignalName)?;
        Some((Cause::IncompleteTrap(TrapFlaw::SignalName), mishap.place.clone(), Site::Process))
    }

    /// A trap for SIGTERM in a container that is stopped with another signal.
    fn other_signal(&self, shell: &Shell) -> Option<Loss> {
        let trap = shell.traps.get(&Signal::TERM).filter(|_| self.signal != Signal::TERM)?;
        Some((Cause::StopSignal, trap.place.clone(), Site::Signal { wanted: Some(Signal::TERM) }))
    }
}

/// What a shell has in the foreground.
#[derive(Clone, Copy)]
struct InFront<'s> {
    pids: &'s [Pid],
    /// The stages of a pipeline whose output is read to its end.
    piped: &'s [Pid],
    node: &'s Node,
    rest: Rest,
}

pub(super) fn is_privilege(name: &str) -> bool {
    matches!(name, "su" | "sudo" | "runuser")
}
