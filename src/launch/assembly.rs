//! From all that exploring has found to one `Launch`: its branches, its faults, and the worst outcome.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use super::branch::{Branch, Branches};
use super::drain::{self, Drain};
use super::environment::Environment;
use super::explore::{Exploration, Steady};
use super::fault::{Cause, Fault, Site};
use super::field::Field;
use super::interpreter::{Broken, BrokenScript};
use super::path::{MishapKind, unread};
use super::signal::Signal;
use super::world::{Process, Role, World};
use super::{Launch, early, verdict, view};
use crate::diagnostic::Outcome;
use crate::programs::Sound;
use crate::project::{ImageFile, package_json, supervised};
use crate::source::Place;

const UNSEEN: &str = "which programs the supervisor starts is not known";
const MAY_HAVE_TOLD: &str = "whether a program that the trap runs ends the service is not known";
const TOO_MANY_BRANCHES: &str = "the script has more branches than are followed";

/// What is started, and what it is stopped with.
pub(super) struct Start<'s> {
    /// The words that the engine executes.
    pub(super) argv: &'s [Field],
    /// Where they are written.
    pub(super) place: &'s Place,
    /// The stop signal, and where it comes from.
    pub(super) signal: (Signal, &'static str),
}

/// Puts together what was found of a launch.
pub(super) fn assemble(
    environment: &Environment<'_>,
    start: &Start<'_>,
    exploration: &Exploration,
) -> Launch {
    let mut assembly = Assembly::new(environment, start);
    assembly.refuses_defaults = exploration.refuses_defaults();
    assembly.stays_bare = exploration.stays_bare();
    assembly.kept_traps = kept_traps(exploration);
    exploration
        .worlds()
        .filter(|world| world.path.default)
        .for_each(|world| assembly.launch.note_given(world));
    for steady in &exploration.steady {
        assembly.add_steady(steady, &exploration.told);
    }
    let Assembly { launch, unlikely, .. } = &mut assembly;
    unlikely.iter().for_each(|fault| launch.add_jobs(fault));
    exploration.early.iter().for_each(|world| assembly.add_early(world));
    for world in exploration.ended.iter().filter(|world| world.path.default) {
        assembly.add_end(world);
    }
    assembly.finish(exploration)
}

/// The traps of shells that stay.
fn kept_traps(exploration: &Exploration) -> Vec<&Place> {
    let own = exploration.steady.iter().map(|steady| &steady.before).filter(|world| world.path.default);
    let alive = own.flat_map(|world| world.processes().filter(|process| world.alive(process.pid)));
    let shells = alive.filter_map(|process| match &process.role {
        Role::Shell(shell) => Some(shell),
        _ => None,
    });
    shells.flat_map(|shell| shell.traps.values()).map(|trap| &trap.place).collect()
}

/// A launch that is being put together.
struct Assembly<'a> {
    environment: &'a Environment<'a>,
    start: &'a Start<'a>,
    launch: Launch,
    branches: Branches,
    /// What is wrong where no service runs.
    beside: Vec<Fault>,
    /// What may be wrong with other arguments.
    unlikely: Vec<Fault>,
    /// True if the image ends with a failure unless its ENV is set otherwise.
    refuses_defaults: bool,
    /// True if what it does without arguments is what the image is for.
    stays_bare: bool,
    /// The traps of shells that stay.
    kept_traps: Vec<&'a Place>,
}

impl<'a> Assembly<'a> {
    fn new(environment: &'a Environment<'_>, start: &'a Start<'_>) -> Self {
        let (stop_signal, stop_signal_source) = start.signal;
        let launch = Launch {
            argv: start.argv.iter().map(Field::shown).collect(),
            stop_signal,
            stop_signal_source,
            outcome: Outcome::Graceful,
            why: String::new(),
            branches: Vec::new(),
            faults: Vec::new(),
            drains: Vec::new(),
            evaluates: false,
            scripted: false,
            given: BTreeSet::new(),
            dropped_traps: Vec::new(),
            supervised: Vec::new(),
            given_up: Vec::new(),
            broken: None,
            assumed_init: environment.assumed_init(),
            doubts: Vec::new(),
            ends: BTreeSet::new(),
            steps: 0,
        };
        Self {
            environment,
            start,
            launch,
            branches: Branches::default(),
            beside: Vec::new(),
            unlikely: Vec::new(),
            refuses_defaults: false,
            stays_bare: false,
            kept_traps: Vec::new(),
        }
    }

    /// A state in which the container stays, and its stop. `told`: where programs are started that the script stops on another way.
    fn add_steady(&mut self, steady: &Steady, told: &[Place]) {
        let (path, after) = (&steady.before.path, &steady.after);
        let is_own = path.default && !(self.stays_bare && path.given == Some(true));
        let default = is_own || (self.refuses_defaults && !path.by_caller);
        for doubt in path.doubts.iter().chain(&after.path.doubts) {
            self.launch.doubt(doubt.place.clone(), &doubt.reason);
        }
        if default {
            // In front of somebody's own command it is not missed.
            self.note_dropped_traps(steady);
            self.note_supervised(steady);
        }
        let outcome = verdict::outcome(after);
        // Whom a handler has waited for is not known: it may be what is cut here.
        let may_have_told = match outcome {
            Outcome::Timeout => after.path.may_have_told,
            Outcome::Abrupt => after.path.may_have_waited,
            _ => false,
        };
        if may_have_told {
            self.launch.doubt(None, MAY_HAVE_TOLD);
        }
        let mut faults = verdict::faults(self.environment, steady, self.launch.stop_signal);
        faults.iter_mut().for_each(|fault| fault.default = default);
        // What the script stops on another way is temporary: that it is left on this one is for want of better knowledge.
        let before = faults.len();
        faults.retain(|fault| fault.cause != Cause::OrphanedBackground || !told.contains(&fault.place));
        let doubtful = may_have_told || !path.doubts.is_empty() || (faults.is_empty() && before > 0);
        let ends_well = !doubtful && outcome == Outcome::Graceful;
        let unseen = Some(UNSEEN).filter(|_| ends_well && steady.before.has_unseen_programs());
        let guess = unseen.or(after.path.unsure.as_deref().filter(|_| ends_well));
        if let Some(reason) = guess {
            self.launch.doubt(None, reason);
        }
        let outcome = if doubtful || guess.is_some() { Outcome::Unknown } else { outcome };
        // What a supervisor does to one of its programs does not depend on the others.
        faults.retain(|fault| !doubtful || matches!(fault.cause, Cause::SupervisorConfig(_)));
        // With other arguments than the image's own, only what is surely a service counts.
        let (mut faults, unsure): (Vec<Fault>, Vec<Fault>) = faults.into_iter().partition(|fault| {
            fault.default || fault.known_service || sounds_like_service(fault, self.environment)
        });
        for fault in &mut faults {
            if let Site::Package { text, alone: true, needs_runner, .. } = &mut fault.site {
                *needs_runner = package_json::needs_runner(self.environment.files, text);
            }
        }
        let why = match (path.doubts.first(), faults.first().or(unsure.first())) {
            (Some(doubt), _) => doubt.reason.clone(),
            (None, _) if may_have_told => MAY_HAVE_TOLD.to_owned(),
            (None, Some(fault)) if fault.hurry.is_none() => fault.why(),
            (None, _) => guess.map_or_else(|| why_graceful(steady, outcome), str::to_owned),
        };
        self.unlikely.extend(unsure);
        let aside = path.aside || !steady.has_service();
        self.branches.add(Branch {
            default,
            outcome,
            why,
            processes: view::tree(steady, self.launch.stop_signal),
            choices: Rc::clone(&path.choices),
            aside,
        });
        if outcome == Outcome::Graceful && default && !aside {
            let drains = drain::drains(self.environment, steady);
            drains.into_iter().for_each(|drain| self.launch.add_drain(drain));
        }
        if aside {
            self.beside.extend(faults);
        } else {
            faults.into_iter().for_each(|fault| self.launch.add_fault(fault));
        }
    }

    /// Traps that an exec throws away; not those that the script keeps for a service of its own, and has no use for where the caller
    /// names the program.
    fn note_dropped_traps(&mut self, steady: &Steady) {
        let names_it = |own: &Process| own.identity.argv.first().is_some_and(Field::is_rest);
        let is_callers = steady.before.processes().any(names_it);
        for mishap in steady.before.path.mishaps.iter().filter(|own| own.kind == MishapKind::TrapDropped) {
            let known = &mut self.launch.dropped_traps;
            let is_known = known.iter().any(|(trap, _)| *trap == mishap.place);
            let is_kept = is_callers && self.kept_traps.contains(&&mishap.place);
            if !is_known && !is_kept {
                let exec = mishap.by.clone().unwrap_or_else(|| mishap.place.clone());
                known.push((mishap.place.clone(), exec));
            }
        }
    }

    /// What supervisors start, and what they cannot.
    fn note_supervised(&mut self, steady: &Steady) {
        let world = &steady.before;
        if let Some((broken, identity, file)) = &world.path.unstarted {
            self.launch.refuse(*broken, identity.place.as_ref().unwrap_or(self.start.place), file, true);
        }
        let add = |known: &mut Vec<Arc<supervised::Program>>, found: Vec<Arc<supervised::Program>>| {
            for program in found {
                if !known.iter().any(|known| known.place == program.place) {
                    known.push(program);
                }
            }
        };
        add(&mut self.launch.supervised, world.supervised_programs());
        add(&mut self.launch.given_up, world.given_up());
    }

    /// A course on which the container ends although a service runs.
    fn add_early(&mut self, world: &World) {
        let Some(fault) = early::early(world).filter(|fault| fault.default || fault.known_service) else {
            return;
        };
        self.branches.add(Branch {
            default: world.path.default,
            outcome: Outcome::ExitsEarly,
            why: fault.why(),
            processes: Vec::new(),
            choices: Rc::clone(&world.path.choices),
            aside: false,
        });
        self.launch.add_fault(fault);
    }

    /// A course on which PID 1 ends and nothing was running, or on which the kernel refuses to run it.
    fn add_end(&mut self, world: &World) {
        if let Some((broken, identity, file)) = &world.path.broken {
            self.launch.refuse(*broken, identity.place.as_ref().unwrap_or(self.start.place), file, false);
            let why = match broken.is_not_found() {
                true => "no program of that name is there",
                false => "the kernel refuses to run the script",
            };
            self.launch.end(Outcome::ExitsEarly, why);
        }
        for doubt in &world.path.doubts {
            self.launch.doubt(doubt.place.clone(), &doubt.reason);
        }
    }

    fn finish(self, exploration: &Exploration) -> Launch {
        let Self { environment, start, mut launch, branches, beside, .. } = self;
        launch.evaluates = exploration.steady.iter().any(|steady| steady.before.path.evaluates);
        launch.steps = exploration.steps;
        launch.ends.clone_from(&exploration.ends);
        if exploration.truncated {
            launch.doubt(None, TOO_MANY_BRANCHES);
        }
        launch.branches = branches.sorted();
        // Where nothing stays, the service may stand where nobody has come, because the text in front was misread.
        if launch.branches.is_empty()
            && let Some(place) = environment.scripts().unread()
        {
            let reason = unread(&place);
            launch.doubt(Some(place), &reason);
        }
        // An installation that waits for somebody, say, is not what an image is for that runs a service otherwise.
        if launch.branches.iter().all(|branch| branch.aside || !branch.default) {
            beside.into_iter().for_each(|fault| launch.add_fault(fault));
        }
        launch.conclude();
        // What was not followed to its end may hold the service.
        let is_served = launch.branches.iter().any(|branch| branch.default && !branch.aside);
        if exploration.truncated && !is_served && launch.outcome == Outcome::Graceful {
            launch.end(Outcome::Unknown, TOO_MANY_BRANCHES);
        }
        let nothing_stays = launch.broken.is_none() && launch.branches.is_empty() && launch.doubts.is_empty();
        if nothing_stays && environment.image.runtime.dropped.is_some() {
            let why = "the rest of the command line, which may hold the service, is thrown away";
            launch.end(Outcome::ExitsEarly, why);
        } else if nothing_stays && loses_first_word(start.argv) {
            launch.end(Outcome::ExitsEarly, "the first word of CMD is `$0`, and not looked at");
        }
        launch
    }
}

impl Launch {
    fn end(&mut self, outcome: Outcome, why: &str) {
        self.outcome = outcome;
        why.clone_into(&mut self.why);
    }

    fn doubt(&mut self, place: Option<Place>, reason: &str) {
        if !self.doubts.iter().any(|(_, known)| known == reason) {
            self.doubts.push((place, reason.to_owned()));
        }
    }

    /// What programs get as it stands: a shell may expand it, and a wrapper passes it on.
    fn note_given(&mut self, world: &World) {
        self.scripted |= world.path.scripted;
        let programs =
            world.processes().filter(|own| !matches!(own.role, Role::Shell(_) | Role::Forwarder(_)));
        let broken = world.path.broken.as_ref().map(|(_, identity, _)| identity);
        let words = programs.map(|own| &own.identity).chain(broken).flat_map(|identity| identity.argv.iter());
        self.given.extend(words.filter_map(Field::text).map(str::to_owned));
    }

    /// The kernel refuses to run a script.
    fn refuse(&mut self, broken: Broken, started: &Place, file: &ImageFile, supervised: bool) {
        self.broken.get_or_insert_with(|| BrokenScript {
            broken,
            started: started.clone(),
            text: Arc::clone(&file.text),
            by: file.by.clone(),
            supervised,
        });
    }

    fn add_fault(&mut self, fault: Fault) {
        let is_worse =
            |fault: &Fault, known: &Fault| (fault.default, fault.outcome) > (known.default, known.outcome);
        match self.faults.iter_mut().find(|known| known.is_same(&fault) || known.shares_wait(&fault)) {
            // The worse of two outcomes with one cause, and all the jobs that one `wait` stands for.
            Some(known) => {
                let mut other = fault;
                if is_worse(&other, known) {
                    std::mem::swap(known, &mut other);
                }
                known.reads_input |= other.reads_input;
                if known.shares_wait(&other) {
                    known.add_jobs(&other);
                }
            }
            None => self.faults.push(fault),
        }
    }

    /// The jobs of a way on which nothing is surely a fault: a repair of the others must not leave them out.
    fn add_jobs(&mut self, fault: &Fault) {
        for known in self.faults.iter_mut().filter(|known| known.shares_wait(fault)) {
            known.add_jobs(fault);
        }
    }

    fn add_drain(&mut self, drain: Drain) {
        if !self.drains.iter().any(|known| known.place == drain.place) {
            self.drains.push(drain);
        }
    }

    fn conclude(&mut self) {
        if self.broken.as_ref().is_some_and(|script| !script.supervised) {
            return;
        }
        let mine = |branch: &&Branch| branch.default && !branch.aside;
        let main = self.branches.iter().filter(mine).max_by_key(|branch| branch.outcome);
        let any = || self.branches.iter().filter(|branch| branch.default).max_by_key(|branch| branch.outcome);
        match main.or_else(any) {
            Some(worst) => {
                self.outcome = worst.outcome;
                self.why.clone_from(&worst.why);
            }
            None => match self.doubts.first() {
                Some((_, reason)) => {
                    self.outcome = Outcome::Unknown;
                    self.why.clone_from(reason);
                }
                None => "nothing stays running".clone_into(&mut self.why),
            },
        }
    }
}

/// A program that no table knows, with the name of a service.
fn sounds_like_service(fault: &Fault, environment: &Environment<'_>) -> bool {
    let argument = fault.service.arguments().first().copied().flatten();
    !fault.by_caller && environment.tables.sound(fault.service.program(), argument) == Sound::Service
}

fn why_graceful(steady: &Steady, outcome: Outcome) -> String {
    if outcome != Outcome::Graceful {
        return "it cannot be told which process loses the signal".to_owned();
    }
    let services: Vec<&Process> =
        steady.before.processes().filter(|process| matches!(process.role, Role::Service(_))).collect();
    let is_told =
        |process: &&Process| steady.after.process(process.pid).is_some_and(|after| !after.heard.is_empty());
    match services.len() {
        0 => "nothing that holds data runs, and it ends when told".to_owned(),
        1 => "the signal reaches the service".to_owned(),
        _ if !services.iter().all(is_told) => {
            "the signal reaches every service that has something to finish".to_owned()
        }
        _ => "the signal reaches every service, and PID 1 waits for them".to_owned(),
    }
}
/// `["sh", "-c", "exec \"$@\""]` with a CMD: its first word is `$0`.
fn loses_first_word(argv: &[Field]) -> bool {
    let zero = argv.iter().position(|word| word.overridable);
    let option = zero.and_then(|zero| argv.get(zero.checked_sub(2)?)).and_then(Field::text);
    option.is_some_and(|option| option.starts_with('-') && option.ends_with('c'))
}
