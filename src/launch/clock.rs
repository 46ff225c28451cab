//! Who is next: the process that can run, or the event that time brings.

use super::service::PERIODIC_PAUSE;
use super::shell::{Shell, Waiting};
use super::signal::Signal;
use super::world::{Ended, FOREVER, Millis, Pid, Process, Role, Started, State, World};
use crate::shell::Node;

/// What [`World::advance`] came to.
pub(crate) enum Next {
    /// This shell can take a step.
    Step(Pid),
    /// Time went on.
    Passed,
    /// Nothing will happen until somebody sends a signal.
    Steady,
    /// PID 1 has ended, or the grace period has.
    Over,
}

impl World {
    /// Lets the container go on: the next shell that can take a step, or the next moment at which something happens.
    pub(crate) fn advance(&mut self) -> Next {
        if self.ended.is_some() {
            return Next::Over;
        }
        if let Some(pid) = self.ready() {
            return Next::Step(pid);
        }
        if self.stop.is_none() && self.is_steady() {
            return Next::Steady;
        }
        let deadline = self.stop.as_ref().map(|stop| stop.at + stop.grace);
        match (self.next_event(), deadline) {
            (Some(at), Some(deadline)) if at > deadline => self.now = deadline,
            (Some(at), _) => {
                self.now = at;
                self.fire();
                return Next::Passed;
            }
            (None, Some(deadline)) => self.now = deadline,
            (None, None) => return Next::Steady,
        }
        Next::Over
    }

    /// The first shell that is not blocked.
    pub(super) fn ready(&self) -> Option<Pid> {
        self.processes()
            .find(|process| {
                process.state == State::Running
                    && matches!(&process.role, Role::Shell(shell) if self.can_step(shell))
            })
            .map(|process| process.pid)
    }

    fn can_step(&self, shell: &Shell) -> bool {
        match &shell.waiting {
            Waiting::None => true,
            Waiting::Foreground { pids, piped, .. } => {
                let over = pids.iter().all(|&pid| !self.alive(pid)) && !self.is_open(piped);
                shell.must_end() || over
            }
            Waiting::Wait { targets, any, .. } => {
                !shell.pending.is_empty()
                    || if *any {
                        targets.is_empty() || targets.iter().any(|&pid| !self.alive(pid))
                    } else {
                        targets.iter().all(|&pid| !self.alive(pid))
                    }
            }
        }
    }

    /// True if something that these stages of a pipeline have left behind may still write into it.
    fn is_open(&self, piped: &[Pid]) -> bool {
        !piped.is_empty()
            && self.processes().any(|process| self.alive(process.pid) && self.writes_for(process.pid, piped))
    }

    /// True for what one of these stages has started, if its output goes where that of the stage does.
    pub(crate) fn writes_for(&self, pid: Pid, piped: &[Pid]) -> bool {
        let mut at = pid;
        while let Some(process) = self.process(at) {
            if piped.contains(&at) {
                return true;
            }
            // A daemon closes what it has inherited.
            let elsewhere = process.statement.as_ref().is_some_and(Node::redirects_output);
            if elsewhere || process.started == Started::Forked {
                return false;
            }
            at = process.born_of;
        }
        false
    }

    /// Steady: everybody waits, and those who only pause go round in circles.
    fn is_steady(&self) -> bool {
        self.processes().all(|process| match (&process.role, &process.state) {
            (_, State::Dead(_)) => true,
            (_, State::Finishing { .. }) => false,
            (Role::Timer(until), _) => {
                let left = until.saturating_sub(self.now);
                left >= FOREVER || self.in_circles(process.parent, left) || process.parent == 0
            }
            _ => true,
        })
    }

    /// True if a pause holds nothing up: nobody waits for it, or only a loop without end. What a supervisor starts again and again with a
    /// long pause is such a loop, with a short one it waits for something.
    fn in_circles(&self, pid: Pid, left: Millis) -> bool {
        let mut at = pid;
        while let Some(process) = self.process(at) {
            match &process.role {
                Role::Shell(shell) if !shell.is_circling() => at = process.parent,
                Role::Forwarder(_) => at = process.parent,
                Role::Supervisor(_) => return left >= PERIODIC_PAUSE,
                _ => return true,
            }
        }
        false
    }

    /// When something happens next by itself.
    pub(crate) fn next_event(&self) -> Option<Millis> {
        self.processes()
            .filter_map(|process| match (&process.state, &process.role) {
                (State::Finishing { until, .. }, _) => Some(*until),
                (State::Running, Role::Timer(until)) => Some(*until),
                (State::Running, Role::Forwarder(forwarder)) => forwarder.kills_at,
                (State::Running, Role::Supervisor(supervisor)) => self.next_kill(supervisor),
                _ => None,
            })
            .min()
    }

    /// Ends what is due now.
    fn fire(&mut self) {
        let due: Vec<(Pid, Option<bool>)> = self
            .processes()
            .filter_map(|process| match (&process.state, &process.role) {
                (State::Finishing { until, fast }, _) if *until <= self.now => {
                    Some((process.pid, Some(*fast)))
                }
                (State::Running, Role::Timer(until)) if *until <= self.now => {
                    Some((process.pid, Some(false)))
                }
                (State::Running, Role::Supervisor(supervisor)) => {
                    self.next_kill(supervisor).filter(|at| *at <= self.now).map(|_| (process.pid, None))
                }
                (State::Running, Role::Forwarder(forwarder)) => {
                    forwarder.kills_at.filter(|at| *at <= self.now).map(|_| (process.pid, None))
                }
                _ => None,
            })
            .collect();
        for (pid, end) in due {
            match end {
                Some(fast) => self.die(pid, 0, if fast { Ended::Fast } else { Ended::Clean }),
                None if matches!(self.process(pid), Some(Process { role: Role::Supervisor(_), .. })) => {
                    self.kill_programs(pid);
                }
                None => {
                    let child = match self.process_mut(pid).map(|process| &mut process.role) {
                        Some(Role::Forwarder(forwarder)) => {
                            forwarder.kills_at = None;
                            forwarder.child
                        }
                        _ => continue,
                    };
                    self.send(child, Signal::KILL);
                }
            }
        }
    }
}
