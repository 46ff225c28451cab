//! Containers that end before they are told to.

use super::fault::{Cause, Fault, Job, Jobs, Site, TrapFlaw};
use super::path::MishapKind;
use super::verdict::{fault_of, state_of};
use super::work::is_cut;
use super::world::{Ended, Pid, Process, Role, Started, State, World};
use crate::diagnostic::Outcome;

/// True if PID 1 has ended and taken a service with it that the script had not told to end.
pub(super) fn is_cut_early(world: &World) -> bool {
    world.processes().any(|process| is_taken(world, process))
        || (world.path.default && daemon(world).is_some())
}

fn is_taken(world: &World, process: &Process) -> bool {
    process.heard.is_empty() && is_cut(world, process)
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

/// The last job that was put into the background and that the container's end has taken along.
pub(super) fn last_job(world: &World) -> Option<Pid> {
    let is_job = |process: &&Process| process.started == Started::Background && is_taken(world, process);
    world.processes().filter(is_job).last().map(|process| process.pid)
}

/// A course in which the container ends although a service runs.
pub(super) fn early(world: &World) -> Option<Fault> {
    let cut = world.processes().find(|process| is_taken(world, process));
    let cut = cut.or_else(|| daemon(world).and_then(|pid| world.process(pid)));
    // Where a supervisor has left, what it has started is not to blame.
    let cut = cut.map(|process| world.supervisor_of(process.pid).unwrap_or(process));
    let mishap = world.path.mishaps.iter().find_map(|mishap| match mishap.kind {
        MishapKind::WaitNext => Some((Cause::UnsupportedWait, mishap.place.clone())),
        MishapKind::Bashism => Some((Cause::WrongInterpreter, mishap.place.clone())),
        MishapKind::BadTrap => Some((Cause::IncompleteTrap(TrapFlaw::SignalName), mishap.place.clone())),
        MishapKind::NotPid1 => Some((Cause::NestedInit, mishap.place.clone())),
        _ => None,
    });
    let (cause, place) = match mishap {
        Some(known) => known,
        None if cut?.started == Started::Forked => (Cause::Daemonized, cut?.identity.place.clone()?),
        None => (Cause::EndsInBackground, cut?.identity.place.clone()?),
    };
    let first = world.process(1)?;
    // An init that refuses to run is what the container is for.
    let refuses = |process: &&Process| process.identity.place.as_ref() == Some(&place);
    let refusing = || world.processes().find(refuses).filter(|_| cause == Cause::NestedInit);
    let service = refusing().or(cut).unwrap_or(first);
    let site = match (&service.statement, world.process(1)) {
        (Some(statement), Some(Process { role: Role::Shell(_), .. })) if cause != Cause::Daemonized => {
            let at = Job { node: statement.clone(), wants: None, leaves: false, side: false };
            Site::Jobs(Jobs { jobs: vec![at.clone()], at })
        }
        _ => match &service.role {
            Role::Supervisor(supervisor) => Site::Supervisor { foreground: supervisor.foreground.clone() },
            _ => Site::Process,
        },
    };
    Some(Fault {
        hop: first.identity.command_line(),
        chain: vec![first.identity.shown(), service.identity.shown()],
        shell: state_of(world, first),
        ..fault_of((cause, place, site), service, world, Outcome::ExitsEarly)
    })
}
