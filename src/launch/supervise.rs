//! Supervisors: what their configuration makes them start, and what they do to it on stop.
//!
//! They tell each program's own process, not what that has started in turn; they wait for that process, kill it when their patience is
//! over, and end when all of them have. s6-overlay and `my_init` then tell everything that is left, and wait for it a little longer.

use std::rc::Rc;
use std::sync::Arc;

use super::environment::Environment;
use super::field::{Field, UNKNOWN};
use super::interpreter::Broken;
use super::resolve::{Resolved, What};
use super::signal::Signal;
use super::start;
use super::world::{Ended, Millis, Pid, Process, Role, Started, World};
use crate::programs::{Program, Reaction, Services};
use crate::project::{s6_overlay, supervised};
use crate::source::{Edit, Excerpt, Place};

mod configuration;

pub(super) use configuration::configuration;

/// How often supervisord looks after its programs, at the longest.
const TICK: Millis = 500;

/// A supervisor about to start.
#[derive(Debug)]
pub(crate) struct Supervise {
    pub(crate) row: Arc<Program>,
    programs: Vec<Arc<supervised::Program>>,
    /// Those that it starts when somebody asks for them.
    waiting: Vec<Arc<supervised::Program>>,
    /// A command of its own arguments, which runs beside the programs.
    beside: Option<Beside>,
    /// How long everything that is left gets in the end, if that is told.
    last_round: Option<Millis>,
    /// True if something looks after programs that are dead.
    watched: bool,
    /// False if it may start more than is known.
    is_all: bool,
    foreground: Option<Edit>,
    /// False if it puts itself into the background; `None` if that is not known.
    pub(crate) stays: Option<bool>,
}

/// A command that a supervisor starts beside its programs.
#[derive(Debug)]
struct Beside {
    argv: Vec<Field>,
    /// How it is stopped; `None` where it is told only with everything that is left.
    program: Option<Arc<supervised::Program>>,
}

/// A supervisor that runs.
#[derive(Debug, Clone)]
pub(crate) struct Supervisor {
    pub(crate) row: Arc<Program>,
    /// Those that run.
    pub(crate) programs: Vec<Supervised>,
    /// All that were started.
    started: Vec<Arc<supervised::Program>>,
    /// Those that are started when somebody asks for them.
    waiting: Vec<Arc<supervised::Program>>,
    /// The edit of its configuration that keeps it in front.
    pub(super) foreground: Option<Edit>,
    /// How long everything that is left gets, when the programs have ended, if that is told.
    pub(super) last_round: Option<Millis>,
    /// True if something looks after programs that are dead.
    watched: bool,
    is_all: bool,
    phase: Phase,
}

/// How far a supervisor is with its stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Working,
    /// Its programs have been told.
    Stopping,
    /// Everything that is left has been told, and is killed then.
    LastRound(Millis),
}

/// A program of a supervisor.
#[derive(Debug, Clone)]
pub(crate) struct Supervised {
    pub(crate) pid: Pid,
    pub(crate) program: Arc<supervised::Program>,
    /// When it is killed, once it has been told to stop.
    pub(super) kills_at: Option<Millis>,
}

impl Supervisor {
    /// The program whose command stands at a place.
    pub(super) fn programs_by_place(&self, place: &Place) -> Option<Arc<supervised::Program>> {
        self.started.iter().find(|program| program.place == *place).cloned()
    }
}

impl Supervised {
    /// It is told to stop now, and killed when it takes too long.
    fn patience_from(&mut self, now: Millis) {
        let patience = self.program.stop_wait.saturating_mul(1000);
        self.kills_at = Some(now.saturating_add(patience).saturating_add(TICK));
    }

    /// The signal that it gets on stop.
    pub(super) fn signal(&self) -> Signal {
        self.program.stop_signal.as_deref().and_then(Signal::parse).unwrap_or(Signal::TERM)
    }
}

/// A process becomes the supervisor and starts its programs.
pub(super) fn take_role(
    world: &mut World,
    environment: &Environment<'_>,
    pid: Pid,
    supervise: &Supervise,
    place: Option<&Place>,
) {
    let supervisor = Supervisor {
        row: Arc::clone(&supervise.row),
        programs: Vec::new(),
        started: Vec::new(),
        waiting: supervise.waiting.clone(),
        foreground: supervise.foreground.clone(),
        last_round: supervise.last_round,
        watched: supervise.watched,
        is_all: supervise.is_all,
        phase: Phase::Working,
    };
    if let Some(process) = world.process_mut(pid) {
        process.role = Role::Supervisor(supervisor);
    }
    for program in &supervise.programs {
        start_program(world, environment, pid, program);
    }
    if let (Some(beside), Some(place)) = (&supervise.beside, place) {
        let resolved = environment.resolve(&beside.argv, place, None, None);
        let child = start_one(world, environment, pid, resolved, None, true);
        world.supervise(pid, child, beside.program.as_ref());
    }
}

/// A supervisor starts one of its programs.
fn start_program(
    world: &mut World,
    environment: &Environment<'_>,
    pid: Pid,
    program: &Arc<supervised::Program>,
) {
    if let Some(supervisor) = world.supervisor_mut(pid) {
        supervisor.started.push(Arc::clone(program));
    }
    let argv: Vec<Field> = program.command.iter().map(|word| field(&word.text)).collect();
    let resolved = resolve(environment, &argv, program);
    if let (What::Broken(broken, file), Some(identity)) = (&resolved.what, resolved.identities.last()) {
        world.path.unstarted.get_or_insert_with(|| (*broken, identity.clone(), Rc::clone(file)));
    }
    let child = start_one(world, environment, pid, resolved, program.directory.as_deref(), program.stays);
    world.supervise(pid, child, Some(program));
}

/// `supervisorctl start web`: somebody asks for programs that wait.
pub(super) fn start_waiting(world: &mut World, environment: &Environment<'_>, names: &[&str]) {
    let alive: Vec<Pid> =
        world.processes().filter(|process| world.alive(process.pid)).map(|process| process.pid).collect();
    for pid in alive {
        let Some(supervisor) = world.supervisor_mut(pid) else { continue };
        let is_meant = |program: &Arc<supervised::Program>| names.iter().any(|name| program.goes_by(name));
        let waiting = std::mem::take(&mut supervisor.waiting);
        let (meant, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_meant);
        supervisor.waiting = waiting;
        for program in &meant {
            start_program(world, environment, pid, program);
        }
    }
}

/// What a program's command runs. s6-overlay makes most scripts executable.
fn resolve(environment: &Environment<'_>, argv: &[Field], program: &supervised::Program) -> Resolved {
    let directory = program.directory.as_deref();
    let resolved = environment.resolve(argv, &program.place, directory, None);
    let dockerfile = environment.image.dockerfile.source.text();
    if s6_overlay::is_made_executable(program, dockerfile)
        && let What::Broken(Broken::NotExecutable, file) = &resolved.what
        && let Some(argv) = super::interpreter::through_interpreter(file)
    {
        return environment.resolve(&argv, &program.place, directory, None);
    }
    resolved
}

/// Starts something of which it is known whether it is expected to stay.
fn start_one(
    world: &mut World,
    environment: &Environment<'_>,
    pid: Pid,
    mut resolved: Resolved,
    directory: Option<&str>,
    stays: bool,
) -> Option<Pid> {
    // What ends by itself is nothing to be stopped.
    if resolved.may_be_setup() && !stays {
        return None;
    }
    resolved.take_for_service();
    resolved.directory = resolved.directory.or(directory.map(Rc::from));
    let child = start::start(world, environment, pid, Started::Forked, &resolved, Vec::new())?;
    world.lead_group(child);
    Some(child)
}

/// A word of a command, as far as it is known.
fn field(text: &Arc<Excerpt>) -> Field {
    if !text.text().contains(supervised::UNKNOWN) {
        return Field::written(text);
    }
    let sketch = text.text().replace(supervised::UNKNOWN, UNKNOWN);
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

    /// The supervisor looks after a child that has started.
    fn supervise(&mut self, pid: Pid, child: Option<Pid>, program: Option<&Arc<supervised::Program>>) {
        if let (Some(pid_of_child), Some(program)) = (child, program)
            && let Some(Role::Supervisor(own)) = self.process_mut(pid).map(|process| &mut process.role)
        {
            own.programs.push(Supervised { pid: pid_of_child, program: Arc::clone(program), kills_at: None });
        }
    }

    /// A supervisor gets a signal.
    pub(super) fn signal_supervisor(&mut self, pid: Pid, row: &Program, signal: Signal) {
        match row.reaction(&signal.name(), pid == 1) {
            reaction @ (Reaction::Finishes | Reaction::Unknown) => {
                if let Some(process) = self.process_mut(pid) {
                    process.heard.push(signal);
                }
                self.stop_programs(pid);
                if reaction == Reaction::Unknown {
                    self.doubt_reaction(row, signal);
                }
            }
            Reaction::Cuts => self.die(pid, 128 + i32::from(signal.number()), Ended::Signal),
            _ => {}
        }
    }

    fn stop_programs(&mut self, pid: Pid) {
        let now = self.now;
        let Some(supervisor) = self.supervisor_mut(pid).filter(|own| own.phase == Phase::Working) else {
            return;
        };
        for own in &mut supervisor.programs {
            own.patience_from(now);
        }
        let programs = supervisor.programs.clone();
        self.tell(&programs);
        if let Some(supervisor) = self.supervisor_mut(pid) {
            supervisor.phase = Phase::Stopping;
        }
        self.end_supervisor(pid);
    }

    /// `supervisorctl stop NAME...`: these programs of the supervisors that run are told, and all of them by `all`. Those that still run.
    pub(super) fn stop_supervised(&mut self, names: &[&str]) -> Vec<Pid> {
        let now = self.now;
        let is_meant = |own: &&mut Supervised| names.iter().any(|name| own.program.goes_by(name));
        let mut told = Vec::new();
        let pids: Vec<Pid> = self.processes().map(|process| process.pid).collect();
        for pid in pids {
            let Some(supervisor) = self.supervisor_mut(pid) else { continue };
            for own in supervisor.programs.iter_mut().filter(is_meant) {
                own.patience_from(now);
                told.push(own.clone());
            }
        }
        self.tell(&told);
        told.iter().map(|own| own.pid).filter(|&pid| self.alive(pid)).collect()
    }

    /// Each gets the signal that stops it, and its group where that is asked for.
    fn tell(&mut self, programs: &[Supervised]) {
        for own in programs {
            let told = if own.program.stops_group { self.group_of(own.pid) } else { vec![own.pid] };
            for other in told {
                self.send(other, own.signal());
            }
        }
    }

    fn supervisor_mut(&mut self, pid: Pid) -> Option<&mut Supervisor> {
        match self.process_mut(pid).map(|process| &mut process.role) {
            Some(Role::Supervisor(supervisor)) => Some(supervisor),
            _ => None,
        }
    }

    /// A supervisor that stops ends with the last of its programs, or with the last of all.
    pub(super) fn end_supervisor(&mut self, pid: Pid) {
        let Some(Process { role: Role::Supervisor(supervisor), .. }) = self.process(pid) else { return };
        match supervisor.phase {
            Phase::Working => {}
            Phase::Stopping if supervisor.programs.iter().any(|own| self.is_waited_for(own)) => {}
            Phase::Stopping => self.begin_last_round(pid),
            Phase::LastRound(_) if self.others(pid).is_empty() => self.die(pid, 0, Ended::Clean),
            Phase::LastRound(_) => {}
        }
    }

    /// True while a program runs, or where a logger reads what it writes, anything that it has started.
    fn is_waited_for(&self, own: &Supervised) -> bool {
        let writes = |process: &Process| {
            self.alive(process.pid) && self.supervised(process.pid).is_some_and(|other| other.pid == own.pid)
        };
        self.alive(own.pid) || (own.program.logged && self.processes().any(writes))
    }

    /// Everything that is left is told, if this supervisor does that; then it ends.
    fn begin_last_round(&mut self, pid: Pid) {
        let now = self.now;
        let Some(supervisor) = self.supervisor_mut(pid) else { return };
        let Some(patience) = supervisor.last_round else { return self.die(pid, 0, Ended::Clean) };
        supervisor.phase = Phase::LastRound(now.saturating_add(patience));
        for other in self.others(pid) {
            self.send(other, Signal::TERM);
        }
        self.end_supervisor(pid);
    }

    /// All that live, but for PID 1 and one more.
    fn others(&self, pid: Pid) -> Vec<Pid> {
        let pids = self.processes().map(|process| process.pid);
        pids.filter(|&other| other != pid && other != 1 && self.alive(other)).collect()
    }

    /// When the supervisor next kills something.
    pub(super) fn next_kill(&self, supervisor: &Supervisor) -> Option<Millis> {
        if let Phase::LastRound(at) = supervisor.phase {
            return Some(at);
        }
        let alive = supervisor.programs.iter().filter(|own| self.alive(own.pid));
        alive.filter_map(|own| own.kills_at).min()
    }

    /// The supervisor's patience is over.
    pub(super) fn kill_programs(&mut self, pid: Pid) {
        let now = self.now;
        let Some(supervisor) = self.supervisor_mut(pid) else { return };
        if let Phase::LastRound(_) = supervisor.phase {
            for other in self.others(pid) {
                self.send(other, Signal::KILL);
            }
            return self.end_supervisor(pid);
        }
        // s6-overlay does not kill a service that takes its time, but goes on.
        if supervisor.row.services == Some(Services::S6Overlay) {
            return self.begin_last_round(pid);
        }
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

    /// What supervisors were told to start.
    pub(super) fn supervised_programs(&self) -> Vec<Arc<supervised::Program>> {
        let supervisors = self.processes().filter_map(|process| match &process.role {
            Role::Supervisor(supervisor) => Some(supervisor),
            _ => None,
        });
        supervisors.flat_map(|supervisor| supervisor.started.iter().cloned()).collect()
    }

    /// Servers without which the container goes on: when one has ended, it is not started again, and nobody is told.
    pub(super) fn given_up(&self) -> Vec<Arc<supervised::Program>> {
        let supervisors = self.processes().filter_map(|process| match &process.role {
            Role::Supervisor(supervisor) if !supervisor.watched => Some(supervisor),
            _ => None,
        });
        let is_server =
            |pid: Pid| matches!(self.process(pid), Some(Process { role: Role::Service(Some(_)), .. }));
        let programs = supervisors.flat_map(|supervisor| &supervisor.programs);
        programs
            .filter(|own| own.program.given_up && is_server(own.pid))
            .map(|own| Arc::clone(&own.program))
            .collect()
    }

    /// True for a supervisor that may start programs of which nothing is known.
    pub(super) fn supervises_unseen(process: &Process) -> bool {
        match &process.role {
            // An init of a whole system stops its services, whatever they are.
            Role::Supervisor(supervisor) if supervisor.row.services.is_none() => false,
            Role::Supervisor(supervisor) => supervisor.started.is_empty() || !supervisor.is_all,
            Role::Service(Some(row)) => {
                matches!(row.services, Some(Services::Supervisord | Services::S6Svscan))
            }
            _ => false,
        }
    }

    pub(super) fn has_unseen_programs(&self) -> bool {
        self.processes().any(|process| self.alive(process.pid) && Self::supervises_unseen(process))
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
