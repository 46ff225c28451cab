//! Supervisors: what their configuration makes them start, and what they do to it on stop.
//!
//! supervisord and s6 tell each program's own process, not what that has started in turn; they wait for that process, kill it when
//! their patience is over, and end when all of them have.

use std::rc::Rc;
use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::resolve::{Environment, What};
use super::signal::Signal;
use super::start;
use super::world::{Ended, Millis, Pid, Process, Role, Started, World};
use crate::dockerfile::join;
use crate::programs::{Inner, Program, Reaction, Services};
use crate::project::{scandir, supervisord};
use crate::source::{Edit, Excerpt, Place};

/// How often supervisord looks after its programs, at the longest.
const TICK: Millis = 500;

/// A supervisor about to start.
#[derive(Debug)]
pub(crate) struct Supervise {
    pub(crate) row: Rc<Program>,
    programs: Vec<Arc<supervisord::Program>>,
    foreground: Option<Edit>,
    /// False if it puts itself into the background; `None` if that is not known.
    pub(crate) stays: Option<bool>,
}

/// A supervisor that runs.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    pub(crate) row: Rc<Program>,
    /// Those that run.
    pub(crate) programs: Vec<Supervised>,
    /// All that were started.
    started: Rc<[Arc<supervisord::Program>]>,
    /// The edit of its configuration that keeps it in front.
    pub(super) foreground: Option<Edit>,
    stopping: bool,
}

/// A program of a supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Supervised {
    pub(crate) pid: Pid,
    pub(crate) program: Arc<supervisord::Program>,
    /// When it is killed, once it has been told to stop.
    pub(super) kills_at: Option<Millis>,
}

impl Supervisor {
    /// The program whose command stands at a place.
    pub(super) fn programs_by_place(&self, place: &Place) -> Option<Arc<supervisord::Program>> {
        self.started.iter().find(|program| program.place == *place).cloned()
    }
}

impl Supervised {
    /// The signal that it gets on stop.
    pub(super) fn signal(&self) -> Signal {
        self.program.stop_signal.as_deref().and_then(Signal::parse).unwrap_or(Signal::TERM)
    }
}

/// Reads what a supervisor is told to start. `None` if that is not known.
pub(super) fn configuration(
    environment: &Environment<'_>,
    row: &Rc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    match row.services? {
        Services::Supervisord => configured(environment, row, arguments, directory),
        Services::S6Svscan => scanned(environment, row, arguments, directory),
    }
}

/// supervisord, by its configuration.
fn configured(
    environment: &Environment<'_>,
    row: &Rc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    let options = ["-c", "--configuration"];
    let named = row.option_value(arguments, &options);
    // An argument that is not known may name another file.
    if named.is_none() && arguments.iter().any(|argument| argument.is_none_or(|text| text.starts_with("-c")))
    {
        return None;
    }
    let image = environment.image;
    let config =
        supervisord::read(environment.files, named, directory.unwrap_or(&image.workdir), &image.env)?;
    let stays = if row.daemonizes { config.nodaemon } else { Some(true) };
    let supervisord::Supervisord { programs, foreground, .. } = config;
    Some(Supervise { row: Rc::clone(row), programs, foreground, stays })
}

/// s6-svscan, by the directory that it is given.
fn scanned(
    environment: &Environment<'_>,
    row: &Rc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    let Inner::Command { name, .. } = row.inner_command(arguments) else { return None };
    let image = environment.image;
    // A base image may bring what is run in the end.
    if !image.base.known {
        return None;
    }
    let directory = join(directory.unwrap_or(&image.workdir), arguments.get(name).copied()??);
    let programs = scandir::read(environment.files, &directory)?;
    Some(Supervise { row: Rc::clone(row), programs, foreground: None, stays: Some(true) })
}

/// A process becomes the supervisor and starts its programs.
pub(super) fn take_role(world: &mut World, environment: &Environment<'_>, pid: Pid, supervise: &Supervise) {
    let supervisor = Supervisor {
        row: Rc::clone(&supervise.row),
        programs: Vec::new(),
        started: supervise.programs.clone().into(),
        foreground: supervise.foreground.clone(),
        stopping: false,
    };
    if let Some(process) = world.process_mut(pid) {
        process.role = Role::Supervisor(supervisor);
    }
    for program in &supervise.programs {
        let argv: Vec<Field> = program.command.iter().map(|word| field(&word.text)).collect();
        let directory = program.directory.as_deref();
        let mut resolved = environment.resolve(&argv, &program.place, directory, None);
        match resolved.what {
            // What ends by itself is nothing to be stopped.
            What::Unknown | What::Opaque(_) if !program.stays => continue,
            _ if resolved.uncertain && !program.stays => continue,
            What::Opaque(_) => resolved.what = What::Unknown,
            _ => {}
        }
        resolved.directory = resolved.directory.or(directory.map(Rc::from));
        let Some(child) = start::start(world, environment, pid, Started::Forked, &resolved, Vec::new())
        else {
            continue;
        };
        world.lead_group(child);
        if let Some(Role::Supervisor(own)) = world.process_mut(pid).map(|process| &mut process.role) {
            own.programs.push(Supervised { pid: child, program: Arc::clone(program), kills_at: None });
        }
    }
}

/// A word of a command, as far as it is known.
fn field(text: &Arc<Excerpt>) -> Field {
    if !text.text().contains(supervisord::UNKNOWN) {
        return Field::written(text);
    }
    let sketch = text.text().replace(supervisord::UNKNOWN, UNKNOWN);
    let excerpt = Some(Arc::clone(text));
    Field { sketch: Some(sketch.into()), excerpt, ..Field::unknown(text.whole_place().text()) }
}

impl World {
    /// The process leads a group of its own, together with what it has started.
    fn lead_group(&mut self, leader: Pid) {
        let old = self.process(leader).map(|process| process.group);
        let members: Vec<Pid> =
            self.processes().filter(|p| p.pid >= leader && Some(p.group) == old).map(|p| p.pid).collect();
        for pid in members {
            if let Some(process) = self.process_mut(pid) {
                process.group = leader;
            }
        }
    }

    /// A supervisor gets a signal.
    pub(super) fn signal_supervisor(&mut self, pid: Pid, row: &Program, signal: Signal) {
        match row.reaction(&signal.name(), pid == 1) {
            Reaction::Finishes => {
                if let Some(process) = self.process_mut(pid) {
                    process.heard.push(signal);
                }
                self.stop_programs(pid);
            }
            Reaction::Cuts => self.die(pid, 128 + i32::from(signal.number()), Ended::Signal),
            _ => {}
        }
    }

    fn stop_programs(&mut self, pid: Pid) {
        let now = self.now;
        let Some(Role::Supervisor(supervisor)) = self.process_mut(pid).map(|process| &mut process.role)
        else {
            return;
        };
        if supervisor.stopping {
            return;
        }
        for own in &mut supervisor.programs {
            own.kills_at = Some(now + own.program.stop_wait.saturating_mul(1000).saturating_add(TICK));
        }
        for own in supervisor.programs.clone() {
            let told = if own.program.stops_group { self.group_of(own.pid) } else { vec![own.pid] };
            for other in told {
                self.send(other, own.signal());
            }
        }
        if let Some(Role::Supervisor(supervisor)) = self.process_mut(pid).map(|process| &mut process.role) {
            supervisor.stopping = true;
        }
        self.end_supervisor(pid);
    }

    /// A supervisor that stops ends with the last of its programs.
    pub(super) fn end_supervisor(&mut self, pid: Pid) {
        let Some(Process { role: Role::Supervisor(supervisor), .. }) = self.process(pid) else { return };
        if supervisor.stopping && supervisor.programs.iter().all(|own| !self.alive(own.pid)) {
            self.die(pid, 0, Ended::Clean);
        }
    }

    /// When the supervisor next kills a program.
    pub(super) fn next_kill(&self, supervisor: &Supervisor) -> Option<Millis> {
        let alive = supervisor.programs.iter().filter(|own| self.alive(own.pid));
        alive.filter_map(|own| own.kills_at).min()
    }

    /// The supervisor's patience is over.
    pub(super) fn kill_programs(&mut self, pid: Pid) {
        let now = self.now;
        let Some(Role::Supervisor(supervisor)) = self.process_mut(pid).map(|process| &mut process.role)
        else {
            return;
        };
        let due = |own: &&mut Supervised| own.kills_at.is_some_and(|at| at <= now);
        let mut killed = Vec::new();
        for own in supervisor.programs.iter_mut().filter(due) {
            own.kills_at = None;
            killed.push((own.pid, own.program.kills_group));
        }
        for (child, group) in killed {
            let all = if group { self.group_of(child) } else { vec![child] };
            for other in all {
                self.send(other, Signal::KILL);
            }
        }
    }

    /// The program of a supervisor that a process belongs to: it, or what it descends from.
    pub(super) fn supervised(&self, pid: Pid) -> Option<&Supervised> {
        let mut at = pid;
        while let Some(process) = self.process(at) {
            if let Some(Process { role: Role::Supervisor(supervisor), .. }) = self.process(process.born_of) {
                return supervisor.programs.iter().find(|own| own.pid == at);
            }
            at = process.born_of;
        }
        None
    }

    /// The supervisor that a process descends from.
    pub(super) fn supervisor_of(&self, pid: Pid) -> Option<&Process> {
        let mut process = self.process(pid)?;
        loop {
            process = self.process(process.born_of)?;
            if matches!(process.role, Role::Supervisor(_)) {
                return Some(process);
            }
        }
    }
}
