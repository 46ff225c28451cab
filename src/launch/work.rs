//! Which services have something to lose, and whether a stop has cut it.

use super::signal::Signal;
use super::world::{Ended, Process, Role, Started, State, World};
use crate::programs::{Kind, Program};

/// A service that has something to finish: not one beside the main one with which nothing is lost. Where there are only such, the
/// last one in the foreground is the main one.
pub(super) fn is_at_work(world: &World, process: &Process) -> bool {
    let is_side = |process: &Process| row_of(process).is_some_and(|row| row.side);
    let main = |process: &&Process| has_work(process) && !is_side(process);
    let in_front = |process: &&Process| !matches!(process.started, Started::Background | Started::Forked);
    let workers = || world.processes().filter(|process| has_work(process));
    let last = || workers().filter(in_front).last().or_else(|| workers().next());
    has_work(process)
        && (!is_side(process)
            || (world.processes().find(main).is_none() && last().is_some_and(|last| last.pid == process.pid)))
}

/// A service, but for one that is known to have no handler, unless it has started others that may have.
fn has_work(process: &Process) -> bool {
    let row = row_of(process);
    matches!(process.role, Role::Service(_))
        && row.is_none_or(|row| !has_no_handler(row) || row.kind == Kind::Supervisor)
}

/// True for a program that has no handler, not even for another signal. Python's own for INT is none.
pub(super) fn has_no_handler(row: &Program) -> bool {
    row.signals.none && row.signals.graceful.iter().all(|signal| signal == "INT")
}

fn row_of(process: &Process) -> Option<&Program> {
    match &process.role {
        Role::Service(program) => program.as_deref(),
        _ => None,
    }
}

/// A service that did not end in good order.
pub(super) fn is_cut(world: &World, process: &Process) -> bool {
    if !is_at_work(world, process) {
        return false;
    }
    match process.state {
        State::Dead(death) => death.how != Ended::Clean,
        State::Running | State::Finishing { .. } => true,
    }
}

/// True for a program that puts itself into the background unless it is told otherwise, and stays as far as is known.
pub(super) fn may_leave(process: &Process) -> bool {
    matches!(&process.role, Role::Service(Some(program)) if program.daemonizes)
}

/// The signal on which a program ends best.
pub(super) fn preferred(row: &Program) -> Option<Signal> {
    Signal::parse(row.signals.graceful.first()?)
}

/// True for a service whose own workers must not get the signal that it gets.
pub(super) fn is_told_alone(process: &Process) -> bool {
    row_of(process).is_some_and(|row| row.told_alone)
}
