//! Starting what was resolved: as a new process, or in place of one.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::InPlace;
use super::environment::Environment;
use super::field::Field;
use super::interpreter::ShellStart;
use super::path::{Doubt, Mishap, MishapKind};
use super::resolve::{Child, Forward, MAX_DEPTH, Resolved, What};
use super::shell::{Frame, Origin, Shell, Status, Waiting};
use super::signal::Signal;
use super::supervise;
use super::world::{Ended, Forwarder, Identity, Pid, Role, Started, World};
use crate::programs::{Kind, Program};
use crate::source::Place;

/// A process that has replaced itself so often is not followed further: a script may start itself with ever more arguments.
const MAX_REPLACED: usize = 16;

/// Starts a process; `None` if it has ended at once.
pub(super) fn start(
    world: &mut World,
    environment: &Environment<'_>,
    parent: Pid,
    started: Started,
    resolved: &Resolved,
    ignored: Vec<Signal>,
) -> Option<Pid> {
    let within = enter(world, environment, resolved);
    let pid = within.then(|| start_process(world, environment, parent, started, resolved, ignored)).flatten();
    go_back(environment);
    pid
}

/// Counts the programs that start each other: the interpreter of a script may start that script again (`#!/usr/bin/setsid`). False where
/// there are too many to follow.
fn enter(world: &mut World, environment: &Environment<'_>, resolved: &Resolved) -> bool {
    environment.starting.set(environment.starting.get() + 1);
    let within = environment.starting.get() <= MAX_DEPTH;
    if !within {
        let place = last_identity(resolved).place;
        world.path.doubts.push(Doubt::new(place, "too many programs start each other"));
    }
    within
}

fn go_back(environment: &Environment<'_>) {
    environment.starting.set(environment.starting.get() - 1);
}

fn start_process(
    world: &mut World,
    environment: &Environment<'_>,
    parent: Pid,
    started: Started,
    resolved: &Resolved,
    ignored: Vec<Signal>,
) -> Option<Pid> {
    match &resolved.what {
        What::Ends(_) | What::Broken(..) => return None,
        // `tail --pid` of what has ended already.
        What::Follows(other) if !world.alive(*other) => return None,
        What::Daemon(program) => {
            // The daemon's own parent leaves at once; the daemon is nobody's child.
            let identity = last_identity(resolved);
            let pid = world.spawn(
                parent,
                Started::Forked,
                identity,
                Role::Service(Some(Arc::clone(program))),
                ignored,
            );
            leave_session(world, pid);
            world.make_room(pid, environment.tables);
            return None;
        }
        What::Supervise(supervise) if supervise.stays == Some(false) => {
            let pid = world.spawn(parent, Started::Forked, last_identity(resolved), Role::Helper, ignored);
            leave_session(world, pid);
            let place = last_identity(resolved).place;
            supervise::take_role(world, environment, pid, supervise, place.as_ref());
            return None;
        }
        What::Detach(program, inner) => {
            let place = last_identity(resolved).place?;
            let directory = resolved.directory.clone();
            let resolved = environment.resolve(inner, &place, directory.as_deref(), None);
            let by_monitor = world.shell(parent).is_some_and(|shell| shell.monitor);
            if program.leader_only && started != Started::Forked && !by_monitor {
                // What a shell starts without job control leads no process group, so that it stays the same process.
                let pid = start(world, environment, parent, started, &resolved, ignored)?;
                if let Some(process) = world.process_mut(pid) {
                    process.group = pid;
                }
                return Some(pid);
            }
            let pid = start(world, environment, parent, Started::Forked, &resolved, ignored)?;
            if let Some(process) = world.process_mut(pid) {
                process.parent = 1;
                process.group = pid;
            }
            return None;
        }
        _ => {}
    }
    let (first, rest) = resolved.identities.split_first()?;
    let pid = world.spawn(parent, started, first.clone(), Role::Helper, ignored);
    for identity in rest {
        world.become_role(pid, identity.clone(), Role::Helper);
    }
    take_role(world, environment, pid, resolved);
    Some(pid)
}

/// What daemonises has a session of its own: what signals the group that it was started in does not reach it.
fn leave_session(world: &mut World, pid: Pid) {
    if let Some(process) = world.process_mut(pid) {
        process.parent = 1;
        process.group = pid;
    }
}

/// The process becomes what was resolved, as by exec.
pub(super) fn replace(world: &mut World, environment: &Environment<'_>, pid: Pid, resolved: &Resolved) {
    let replaced = world.process(pid).map_or(0, |process| process.before.len());
    if replaced > MAX_REPLACED {
        let reason = "a program replaces itself again and again";
        world.path.doubts.push(Doubt::new(last_identity(resolved).place, reason));
        return world.become_role(pid, last_identity(resolved), Role::Opaque);
    }
    if !enter(world, environment, resolved) {
        world.die(pid, 0, Ended::Clean);
        return go_back(environment);
    }
    for identity in &resolved.identities {
        world.become_role(pid, identity.clone(), Role::Helper);
    }
    begin(world, environment, pid, resolved);
    go_back(environment);
}

/// The engine starts PID 1.
pub(super) fn first(world: &mut World, environment: &Environment<'_>, resolved: &Resolved) {
    let Some((first, rest)) = resolved.identities.split_first() else { return };
    let pid = world.spawn(0, Started::Pid1, first.clone(), Role::Helper, Vec::new());
    for identity in rest {
        world.become_role(pid, identity.clone(), Role::Helper);
    }
    begin(world, environment, pid, resolved);
}

/// A process that has its name begins its work.
fn begin(world: &mut World, environment: &Environment<'_>, pid: Pid, resolved: &Resolved) {
    match &resolved.what {
        What::Ends(status) => world.die(pid, status.value, Ended::Clean),
        What::Follows(other) if !world.alive(*other) => world.die(pid, 0, Ended::Clean),
        What::Broken(broken, file) => {
            world.path.broken = Some((*broken, last_identity(resolved), Rc::clone(file)));
            world.die(pid, 126, Ended::Clean);
        }
        What::Detach(program, inner) if program.leader_only && !leads_group(world, pid) => {
            let Some(place) = last_identity(resolved).place else { return };
            let inner = environment.resolve(inner, &place, resolved.directory.as_deref(), None);
            replace(world, environment, pid, &inner);
        }
        What::Daemon(_) | What::Detach(..) => leave(world, environment, pid, resolved),
        What::Supervise(supervise) if supervise.stays == Some(false) => {
            leave(world, environment, pid, resolved);
        }
        _ => take_role(world, environment, pid, resolved),
    }
}

fn leads_group(world: &World, pid: Pid) -> bool {
    world.process(pid).is_some_and(|process| process.group == pid)
}

/// A process that puts something into the background and ends.
fn leave(world: &mut World, environment: &Environment<'_>, pid: Pid, resolved: &Resolved) {
    let ignored = world.process(pid).map(|process| process.ignored.clone()).unwrap_or_default();
    start(world, environment, pid, Started::Forked, resolved, ignored);
    world.die(pid, 0, Ended::Clean);
}

fn last_identity(resolved: &Resolved) -> Identity {
    resolved.identities.last().cloned().unwrap_or_else(|| Identity {
        argv: Rc::from([]),
        place: None,
        program: None,
    })
}

fn take_role(world: &mut World, environment: &Environment<'_>, pid: Pid, resolved: &Resolved) {
    let row = match &resolved.what {
        What::Service(program) => program.as_ref(),
        What::Supervise(found) => Some(&found.row),
        _ => None,
    };
    if row.is_some_and(|row| row.pid1_only) && pid != 1 {
        if let Some(place) = last_identity(resolved).place {
            world.path.mishaps.push(Mishap { kind: MishapKind::NotPid1, place, by: None });
        }
        world.die(pid, 100, Ended::Clean);
        return;
    }
    let role = match &resolved.what {
        What::Unknown => Role::Service(resolved.row.clone()),
        What::Service(program) => Role::Service(program.clone()),
        What::Pause(length) => Role::Timer(world.now + length),
        What::Follows(other) => Role::Follower(*other),
        What::Shell(start) => {
            world.path.evaluates |= start.evaluates;
            world.path.scripted = true;
            let fixed = world.process(pid).map(|process| process.ignored.clone()).unwrap_or_default();
            Role::Shell(Box::new(Shell { fixed, ..shell(environment, start, pid, resolved) }))
        }
        What::Supervise(found) => {
            let place = last_identity(resolved).place;
            return supervise::take_role(world, environment, pid, found, place.as_ref());
        }
        What::Forward(forward) => return take_forwarder(world, environment, pid, forward, resolved),
        What::Interactive => {
            let place = last_identity(resolved).place;
            world.path.aside = true;
            world.path.doubts.push(Doubt::new(place, "an interactive shell is in front"));
            Role::Opaque
        }
        What::Opaque(reason) | What::Unread(reason) => {
            let place = last_identity(resolved).place;
            let is_unread = matches!(resolved.what, What::Unread(_));
            let unread = is_unread.then_some(pid);
            world.path.doubts.push(Doubt { place, reason: reason.clone(), unread });
            if is_unread { Role::Unread } else { Role::Opaque }
        }
        What::Helper | What::Ends(_) | What::Daemon(_) | What::Detach(..) | What::Broken(..) => Role::Helper,
    };
    if let Some(process) = world.process_mut(pid) {
        process.role = role;
        process.unread = resolved.unread.clone();
    }
    world.make_room(pid, environment.tables);
}

fn shell(environment: &Environment<'_>, start: &ShellStart, pid: Pid, resolved: &Resolved) -> Shell {
    let statements = &start.script.statements;
    let in_place: InPlace = match start.origin {
        Origin::ShellForm(_) | Origin::Text | Origin::PackageScript | Origin::PackageCommand(_) => start
            .dialect
            .in_place_of_text(environment.bash_version(), start.script.excerpt.text(), statements),
        Origin::Script | Origin::Fork => InPlace::default(),
    };
    Shell {
        dialect: start.dialect,
        bash_version: environment.bash_version(),
        origin: start.origin.clone(),
        frames: vec![Frame::List { list: Arc::clone(statements), next: 0 }],
        status: Status::known(0),
        variables: Rc::default(),
        functions: if start.dialect.is_bash() {
            environment.scripts().exported_functions()
        } else {
            Rc::default()
        },
        claims: Rc::default(),
        zero: start.zero.clone(),
        positional: Rc::new(positional(environment, start)),
        arguments_overridable: !environment.started.get(),
        traps: Rc::default(),
        fixed: Vec::new(),
        hooks: Vec::new(),
        aliases: Rc::default(),
        errexit: start.errexit,
        nounset: start.nounset,
        monitor: false,
        reads_unknown: false,
        may_start: false,
        has_unknown_functions: false,
        may_trap: false,
        hands_over_word: false,
        pipelines: Vec::new(),
        readers: Vec::new(),
        last_background: None,
        dollar: pid,
        jobs: Vec::new(),
        pending: Vec::new(),
        waiting: Waiting::None,
        in_place,
        directory: resolved.directory.clone().or_else(|| Some(environment.image.workdir.as_str().into())),
    }
}

/// Without a CMD, the caller gives an entry script its arguments.
fn positional(environment: &Environment<'_>, start: &ShellStart) -> Vec<Field> {
    let given_by_caller = matches!(start.origin, Origin::Script)
        && start.positional.is_empty()
        && !environment.started.get()
        && environment.image.cmd.is_none();
    if given_by_caller { vec![Field::rest("\"$@\"")] } else { start.positional.clone() }
}

/// A forwarding program: itself, and its child.
fn take_forwarder(
    world: &mut World,
    environment: &Environment<'_>,
    pid: Pid,
    forward: &Forward,
    resolved: &Resolved,
) {
    let place = last_identity(resolved).place;
    let ignored = world.process(pid).map(|process| process.ignored.clone()).unwrap_or_default();
    let leads = pid == 1
        || world
            .process(world.process(pid).map_or(0, |p| p.parent))
            .is_some_and(|p| matches!(&p.role, Role::Forwarder(f) if f.program.kind == Kind::Init));
    if forward.program.leader_only
        && !leads
        && let Child::Command(inner) = &forward.child
        && let Some(place) = &place
    {
        let inner = environment.resolve(inner, place, resolved.directory.as_deref(), None);
        replace(world, environment, pid, &inner);
        return;
    }
    // The child does not exist yet; until then the forwarder waits for nobody.
    let role = |child: Pid, program: &Arc<Program>| {
        let rewrites = Rc::clone(&forward.rewrites);
        let directory = resolved.directory.clone();
        Role::Forwarder(Forwarder {
            child,
            program: Arc::clone(program),
            rewrites,
            kills_at: None,
            directory,
        })
    };
    if let Some(process) = world.process_mut(pid) {
        process.role = role(usize::MAX, &forward.program);
    }
    let child = start_child(world, environment, pid, forward, place.as_ref(), resolved, ignored);
    match child.filter(|&child| world.alive(child)) {
        Some(child) => {
            if let Some(process) = world.process_mut(pid) {
                process.role = role(child, &forward.program);
            }
            if forward.program.kind == Kind::Init
                && let Some(process) = world.process_mut(child)
            {
                process.group = child;
            }
        }
        None => world.die(pid, 0, Ended::Clean),
    }
}

fn start_child(
    world: &mut World,
    environment: &Environment<'_>,
    pid: Pid,
    forward: &Forward,
    place: Option<&Place>,
    resolved: &Resolved,
    ignored: Vec<Signal>,
) -> Option<Pid> {
    let directory = resolved.directory.as_deref();
    match &forward.child {
        Child::Command(argv) => {
            let mut inner = environment.resolve(argv, place?, directory, None);
            if !forward.program.forwards {
                // It will not hear a signal, whatever it is.
                inner.take_for_service();
            }
            start(world, environment, pid, Started::Forked, &inner, ignored)
        }
        Child::Line(text, origin, dialect) => {
            let script = environment.parse(Arc::clone(text));
            let start_of_shell = ShellStart::plain(*dialect, origin.clone(), script, Field::known("sh"));
            let argv = [Field::known("sh"), Field::known("-c"), Field::written(text)];
            let identity = Identity { argv: Rc::from(argv), place: Some(text.whole_place()), program: None };
            let inner = Resolved {
                identities: vec![identity],
                directory: resolved.directory.clone(),
                ..Resolved::new(What::Shell(Box::new(start_of_shell)))
            };
            start(world, environment, pid, Started::Forked, &inner, ignored)
        }
        Child::Own(text) => {
            let identity = Identity {
                argv: Rc::from([Field::written(text)]),
                place: Some(text.whole_place()),
                program: None,
            };
            Some(world.spawn(pid, Started::Forked, identity, Role::Service(None), ignored))
        }
    }
}
