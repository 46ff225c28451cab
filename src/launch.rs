//! The model: which processes a launch becomes, which of them get the stop signal, and how the stop ends.
//!
//! A container is simulated, not pattern-matched: shells run their scripts statement by statement over every branch
//! ([`machine`]), programs react to signals as the tables say ([`world`]), until nothing moves any more. Then the stop signal is
//! sent, and what happens is the verdict ([`verdict`]).

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::diagnostic::Outcome;
use crate::dockerfile::{Command, Image, Setting};
use crate::programs::{Sh, Sound, Tables};
use crate::project::{ImageFile, ImageFiles, package_json, supervised};
use crate::source::{Excerpt, Place};

mod arithmetic;
mod beside;
mod branch;
mod builtins;
mod candidates;
mod claims;
mod clock;
mod commands;
mod condition;
mod configured;
mod control;
mod dialect;
mod drain;
mod early;
mod environment;
mod execline;
mod expand;
mod explore;
mod fault;
mod field;
mod fingerprint;
mod inert;
mod interpreter;
mod jobs;
mod lists;
mod machine;
mod naming;
mod not_found;
mod notes;
mod options;
mod path;
mod pattern;
mod pipeline;
mod presence;
mod question;
mod reading;
mod resolve;
mod runner;
mod service;
mod shell;
mod signal;
mod site;
mod start;
mod stopping;
mod supervise;
mod verdict;
mod view;
mod wildcard;
mod work;
mod world;

pub use branch::Branch;
pub(crate) use branch::labels;
pub(crate) use builtins::is_builtin;
pub use dialect::Dialect;
pub use drain::Drain;
pub use fault::{Cause, Fault, Hop, Job, Jobs, ShellState, Site, SupervisorFlaw, TrapFlaw};
pub use interpreter::{Broken, BrokenScript};
pub use shell::Rest;
pub use signal::Signal;
pub use view::{ProcessView, Receives};
pub use world::Started;

use branch::Branches;
use environment::Environment;
use explore::{Exploration, explore};
use field::Field;
use path::MishapKind;
use view::Ending;
use world::World;

/// What the model says about the launch of an image.
#[derive(Debug)]
pub struct Launch {
    /// The words that the engine executes.
    pub argv: Vec<String>,
    /// The stop signal.
    pub stop_signal: Signal,
    /// Where it comes from: `default`, `base image` or `STOPSIGNAL`.
    pub stop_signal_source: &'static str,
    /// The worst over the branches that can be the steady state.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The steady states, the worst first.
    pub branches: Vec<Branch>,
    /// What loses the signal, one entry per place.
    pub faults: Vec<Fault>,
    /// How long services may take that are told to stop, as the project says.
    pub drains: Vec<Drain>,
    /// True if a shell reads the image's own arguments as commands (`eval "$@"`).
    pub evaluates: bool,
    /// Traps with work to do that an exec throws away: the trap, and the exec.
    pub dropped_traps: Vec<(Place, Place)>,
    /// What supervisors start.
    pub supervised: Vec<Arc<supervised::Program>>,
    /// Servers of a supervisor without which the container goes on when they have ended.
    pub given_up: Vec<Arc<supervised::Program>>,
    /// A script that the kernel refuses to run.
    pub broken: Option<BrokenScript>,
    /// The word that names an init which no instruction brings: it is taken for being there.
    pub assumed_init: Option<Arc<Excerpt>>,
    /// What the model could not follow.
    pub doubts: Vec<(Option<Place>, String)>,
    /// Steps that its shells took, on all courses: what it cost to find out.
    pub steps: u64,
}

/// Simulates the launch of an image. `None` if nothing is known to be started.
pub fn simulate(image: &Image, files: &dyn ImageFiles, tables: &Tables) -> Option<Launch> {
    simulate_within(image, files, tables, u64::MAX)
}

/// The same with so many steps at most, or a few more.
pub(crate) fn simulate_within(
    image: &Image,
    files: &dyn ImageFiles,
    tables: &Tables,
    steps_left: u64,
) -> Option<Launch> {
    let dialects: &[Dialect] = match image.base.sh {
        Sh::Dash => &[Dialect::Dash],
        Sh::Ash => &[Dialect::Ash],
        Sh::Bash => &[Dialect::BashAsSh],
        Sh::Unknown | Sh::None => &[Dialect::Dash, Dialect::Ash, Dialect::BashAsSh],
    };
    let mut result: Option<Launch> = None;
    let mut steps = 0;
    for &dialect in dialects {
        let environment = Environment::new(image, files, tables, dialect);
        let launch = simulate_with(&environment, steps_left)?;
        steps += launch.steps;
        let used_sh = environment.used_sh.get();
        match &mut result {
            Some(known) if known.agrees(&launch) => {}
            // What /bin/sh is decides, and it is not known.
            Some(known) => {
                known.give_up("what /bin/sh is in the base image is not known, and it decides");
                break;
            }
            None => result = Some(launch),
        }
        if !used_sh {
            break;
        }
    }
    let acts = image.runtime.period.hook.as_ref().is_some_and(|hook| hook.acts);
    if let Some(launch) = result.as_mut().filter(|launch| acts && launch.is_bad()) {
        launch.give_up("a preStop hook is run before the stop signal comes, and may end the program");
    }
    result.map(|launch| Launch { steps, ..launch })
}

impl Launch {
    /// True if it is not known how the stop ends on some course.
    pub fn has_unknown_course(&self) -> bool {
        self.branches.iter().any(|branch| branch.outcome == Outcome::Unknown)
    }

    /// True if it is not known how the stop ends for this reason alone: the signal now gets as far as a script outside the project, which
    /// nobody told before.
    pub(crate) fn hands_over(&self, before: &Launch) -> bool {
        let services = before.services();
        let unknown = self.branches.iter().filter(|branch| branch.outcome == Outcome::Unknown);
        before.is_bad()
            && self.outcome == Outcome::Unknown
            && self.faults.is_empty()
            && unknown.flat_map(|branch| &branch.processes).all(|process| process.hands_over(&services))
    }

    /// How a stop ends for each service, by its words.
    fn endings(&self) -> BTreeMap<String, Ending> {
        let mut found = BTreeMap::new();
        let branches = self.branches.iter().filter(|branch| branch.default);
        branches.flat_map(|branch| &branch.processes).for_each(|process| process.endings(&mut found));
        found
    }

    /// A service that is killed untold.
    pub(crate) fn untold(&self) -> Option<String> {
        self.endings().into_iter().find(|(_, ending)| *ending == Ending::Untold).map(|(service, _)| service)
    }

    /// True if the stop ends better than before for at least one service, and worse for none.
    pub(crate) fn spares_more(&self, before: &Launch) -> bool {
        let (before, after) = (before.endings(), self.endings());
        let pairs = || after.iter().map(|(service, now)| (before.get(service), now));
        before.len() == after.len()
            && pairs().all(|(then, now)| then.is_some_and(|then| now <= then))
            && pairs().any(|(then, now)| then.is_some_and(|then| now < then))
    }

    /// The programs of the services that run in any branch.
    pub fn services(&self) -> BTreeSet<String> {
        Self::services_of(self.branches.iter())
    }

    /// Those that run with the image's own arguments.
    pub fn default_services(&self) -> BTreeSet<String> {
        Self::services_of(self.branches.iter().filter(|branch| branch.default))
    }

    fn services_of<'b>(branches: impl Iterator<Item = &'b Branch>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for process in branches.flat_map(|branch| &branch.processes) {
            process.services(&mut found);
        }
        found
    }

    /// A service that hears the stop signal, where that is not what `before` was stopped with and nothing says that the service handles
    /// it. What a caller names in place of the image's own arguments is the caller's to know.
    pub(crate) fn newly_on_faith(&self, before: &Launch) -> Option<String> {
        if self.stop_signal == before.stop_signal {
            return None;
        }
        let of_branch = |branch: &'_ Branch| {
            let mut found = Vec::new();
            branch.processes.iter().for_each(|process| process.on_faith(&mut found));
            let named = found.into_iter().find(|process| branch.default || !process.overridable);
            named.and_then(|process| process.argv.first().cloned())
        };
        self.branches.iter().find_map(of_branch)
    }

    /// True if all that the image starts is a program that it does not name: `exec "$@"` without a CMD.
    pub fn waits_for_caller(&self) -> bool {
        let waits = |branch: &Branch| branch.processes.iter().any(ProcessView::waits_for_caller);
        !self.branches.is_empty() && self.branches.iter().all(waits)
    }

    fn agrees(&self, other: &Launch) -> bool {
        self.outcome == other.outcome
            && self.faults.len() == other.faults.len()
            && self.faults.iter().zip(&other.faults).all(|(a, b)| a.is_same(b) && a.outcome == b.outcome)
    }

    fn is_bad(&self) -> bool {
        matches!(self.outcome, Outcome::Abrupt | Outcome::Timeout)
    }

    fn give_up(&mut self, reason: &str) {
        self.outcome = Outcome::Unknown;
        self.why = reason.to_owned();
        for branch in &mut self.branches {
            branch.outcome = Outcome::Unknown;
            reason.clone_into(&mut branch.why);
        }
        self.doubts.push((None, reason.to_owned()));
        self.faults.clear();
    }
}

/// What `docker run --init` puts in front.
const ENGINE_INIT: [&str; 2] = ["/sbin/docker-init", "--"];

/// PID 1 of a Pod whose containers share their processes. It is not what gets the stop signal, but as it dies of none and waits for
/// the container's own process, an init that passes the signal on comes to the same.
const PAUSE: &str = "/pause";

/// The words of ENTRYPOINT and CMD, put together as the engine does.
fn compose(image: &Image) -> Option<(Vec<Field>, Option<Place>)> {
    let words = |setting: &Setting<Command>, overridable: bool| -> Vec<Field> {
        match &setting.value {
            Command::Exec(elements) => {
                elements.iter().map(|element| Field::written(element).overridable(overridable)).collect()
            }
            Command::Shell { text, shell } => shell
                .iter()
                .map(|word| Field::known(word.as_str()))
                .chain([Field::written(text)])
                .map(|field| field.overridable(overridable))
                .collect(),
            Command::Inherited(words) => {
                words.iter().map(|word| Field::known(word.as_str()).overridable(overridable)).collect()
            }
        }
    };
    let entrypoint = image.entrypoint.as_ref().map(|setting| words(setting, false)).unwrap_or_default();
    let alone = entrypoint.is_empty();
    let cmd = image.cmd.as_ref().map(|setting| words(setting, !alone)).unwrap_or_default();
    let place =
        [&image.entrypoint, &image.cmd].into_iter().flatten().find_map(|setting| setting.place.clone());
    let argv: Vec<Field> = entrypoint.into_iter().chain(cmd).collect();
    if argv.is_empty() {
        return None;
    }
    let init: &[&str] = match &image.runtime {
        runtime if runtime.pause.is_some() => &[PAUSE],
        runtime if runtime.init.is_some() => &ENGINE_INIT,
        _ => &[],
    };
    Some((init.iter().map(|&word| Field::known(word)).chain(argv).collect(), place))
}

fn simulate_with(environment: &Environment<'_>, steps_left: u64) -> Option<Launch> {
    let image = environment.image;
    let (argv, place) = compose(image)?;
    let place = place.unwrap_or_else(|| Place::new(&image.dockerfile.source, image.from));
    let (stop_signal, stop_signal_source) = match &image.stop_signal {
        Some(setting) => match Signal::parse(&setting.value) {
            Some(signal) if setting.place.is_some() => (signal, "STOPSIGNAL"),
            Some(signal) => (signal, "base image"),
            None => (Signal::TERM, "default"),
        },
        None => (Signal::TERM, "default"),
    };
    let resolved = environment.resolve(&argv, &place, Some(&image.workdir), None);
    let mut world = World::new();
    start::first(&mut world, environment, &resolved);
    environment.started.set(true);
    let exploration = explore(environment, world, stop_signal, steps_left);
    Some(assemble(environment, &argv, stop_signal, stop_signal_source, exploration, &place))
}

fn assemble(
    environment: &Environment<'_>,
    argv: &[Field],
    stop_signal: Signal,
    stop_signal_source: &'static str,
    exploration: Exploration,
    place: &Place,
) -> Launch {
    let mut launch = Launch {
        argv: argv.iter().map(Field::shown).collect(),
        stop_signal,
        stop_signal_source,
        outcome: Outcome::Graceful,
        why: String::new(),
        branches: Vec::new(),
        faults: Vec::new(),
        drains: Vec::new(),
        evaluates: exploration.steady.iter().any(|steady| steady.before.path.evaluates),
        dropped_traps: Vec::new(),
        supervised: Vec::new(),
        given_up: Vec::new(),
        broken: None,
        assumed_init: environment.assumed_init(),
        doubts: Vec::new(),
        steps: exploration.steps,
    };
    let mut branches = Branches::default();
    // What is wrong where no service runs.
    let mut beside: Vec<Fault> = Vec::new();
    // What may be wrong with other arguments.
    let mut unlikely: Vec<Fault> = Vec::new();
    for steady in &exploration.steady {
        let path = &steady.before.path;
        for doubt in path.doubts.iter().chain(&steady.after.path.doubts) {
            launch.doubt(doubt.place.clone(), &doubt.reason);
        }
        for mishap in path.mishaps.iter().filter(|mishap| mishap.kind == MishapKind::TrapDropped) {
            let exec = mishap.by.clone().unwrap_or_else(|| mishap.place.clone());
            if !launch.dropped_traps.iter().any(|(trap, _)| *trap == mishap.place) {
                launch.dropped_traps.push((mishap.place.clone(), exec));
            }
        }
        if let Some((broken, identity, file)) = path.unstarted.as_ref().filter(|_| path.default) {
            launch.refuse(*broken, identity.place.as_ref().unwrap_or(place), file, true);
        }
        for program in steady.before.supervised_programs() {
            if path.default && !launch.supervised.iter().any(|known| known.place == program.place) {
                launch.supervised.push(program);
            }
        }
        for program in steady.before.given_up() {
            if path.default && !launch.given_up.iter().any(|known| known.place == program.place) {
                launch.given_up.push(program);
            }
        }
        let outcome = verdict::outcome(&steady.after);
        let told = outcome == Outcome::Timeout && steady.after.path.may_have_told;
        if told {
            launch.doubt(None, MAY_HAVE_TOLD);
        }
        let doubtful = told || !path.doubts.is_empty();
        let outcome = if doubtful { Outcome::Unknown } else { outcome };
        let mut faults = verdict::faults(steady, stop_signal);
        // What the script stops on another way is temporary: that it is left on this one is for want of better knowledge.
        let before = faults.len();
        faults.retain(|fault| {
            fault.cause != Cause::OrphanedBackground || !exploration.told.contains(&fault.place)
        });
        let doubtful = doubtful || (faults.is_empty() && before > 0);
        let outcome = if doubtful { Outcome::Unknown } else { outcome };
        // What a supervisor does to one of its programs does not depend on the others.
        faults.retain(|fault| !doubtful || matches!(fault.cause, Cause::SupervisorConfig(_)));
        // With other arguments than the image's own, only what is surely a service counts.
        let (mut faults, unsure): (Vec<Fault>, Vec<Fault>) = faults.into_iter().partition(|fault| {
            fault.default || fault.known_service || sounds_like_service(fault, environment)
        });
        unlikely.extend(unsure);
        for fault in &mut faults {
            if let Site::Package { text, alone: true, needs_runner, .. } = &mut fault.site {
                *needs_runner = package_json::needs_runner(environment.files, text);
            }
        }
        let why = match (&path.doubts.first(), faults.first()) {
            (Some(doubt), _) => doubt.reason.clone(),
            (None, _) if told => MAY_HAVE_TOLD.to_owned(),
            (None, Some(fault)) if fault.last_round.is_none() => fault.why(),
            (None, _) => why_graceful(steady, outcome),
        };
        branches.add(Branch {
            default: path.default,
            outcome,
            why,
            processes: view::tree(steady, stop_signal),
            choices: Rc::clone(&path.choices),
            aside: path.aside || !steady.has_service(),
        });
        let aside = path.aside || !steady.has_service();
        if outcome == Outcome::Graceful && path.default && !aside {
            drain::drains(environment, steady).into_iter().for_each(|drain| launch.add_drain(drain));
        }
        for fault in faults {
            if aside { beside.push(fault) } else { launch.add_fault(fault) }
        }
    }
    unlikely.iter().for_each(|fault| launch.add_jobs(fault));
    for world in &exploration.early {
        if let Some(fault) = early::early(world).filter(|fault| fault.default || fault.known_service) {
            branches.add(Branch {
                default: world.path.default,
                outcome: Outcome::ExitsEarly,
                why: fault.why(),
                processes: Vec::new(),
                choices: Rc::clone(&world.path.choices),
                aside: false,
            });
            launch.add_fault(fault);
        }
    }
    for world in exploration.ended.iter().filter(|world| world.path.default) {
        if let Some((broken, identity, file)) = &world.path.broken {
            launch.refuse(*broken, identity.place.as_ref().unwrap_or(place), file, false);
            launch.outcome = Outcome::ExitsEarly;
            launch.why = match broken.is_not_found() {
                true => "no program of that name is there",
                false => "the kernel refuses to run the script",
            }
            .to_owned();
        }
        for doubt in &world.path.doubts {
            launch.doubt(doubt.place.clone(), &doubt.reason);
        }
    }
    if exploration.truncated {
        launch.doubt(None, "the script has more branches than are followed");
    }
    launch.branches = branches.sorted();
    // An installation that waits for somebody, say, is not what an image is for that runs a service otherwise.
    if launch.branches.iter().all(|branch| branch.aside || !branch.default) {
        beside.into_iter().for_each(|fault| launch.add_fault(fault));
    }
    launch.conclude();
    // What was not followed to its end may hold the service.
    let is_served = launch.branches.iter().any(|branch| branch.default && !branch.aside);
    if exploration.truncated && !is_served && launch.outcome == Outcome::Graceful {
        launch.outcome = Outcome::Unknown;
        launch.why = "the script has more branches than are followed".to_owned();
    }
    let nothing_stays = launch.broken.is_none() && launch.branches.is_empty() && launch.doubts.is_empty();
    if nothing_stays && environment.image.runtime.dropped.is_some() {
        launch.outcome = Outcome::ExitsEarly;
        launch.why = "the rest of the command line, which may hold the service, is thrown away".to_owned();
    } else if nothing_stays && loses_first_word(argv) {
        launch.outcome = Outcome::ExitsEarly;
        launch.why = "the first word of CMD is `$0`, and not looked at".to_owned();
    }
    launch
}

/// `["sh", "-c", "exec \"$@\""]` with a CMD: its first word is `$0`.
fn loses_first_word(argv: &[Field]) -> bool {
    let zero = argv.iter().position(|word| word.overridable);
    let option = zero.and_then(|zero| argv.get(zero.checked_sub(2)?)).and_then(Field::text);
    option.is_some_and(|option| option.starts_with('-') && option.ends_with('c'))
}

impl Launch {
    fn doubt(&mut self, place: Option<Place>, reason: &str) {
        if !self.doubts.iter().any(|(_, known)| known == reason) {
            self.doubts.push((place, reason.to_owned()));
        }
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

const MAY_HAVE_TOLD: &str = "whether a program that the trap runs ends the service is not known";

/// A program that no table knows, with the name of a service.
fn sounds_like_service(fault: &Fault, environment: &Environment<'_>) -> bool {
    let mut words = fault.service.split(' ');
    let name = words.next().unwrap_or("");
    !fault.by_caller && environment.tables.sound(name, words.next()) == Sound::Service
}

fn why_graceful(steady: &explore::Steady, outcome: Outcome) -> String {
    if outcome != Outcome::Graceful {
        return "it cannot be told which process loses the signal".to_owned();
    }
    let services = steady.before.processes().filter(|p| matches!(p.role, world::Role::Service(_))).count();
    match services {
        0 => "nothing that holds data runs, and it ends when told".to_owned(),
        1 => "the signal reaches the service".to_owned(),
        _ => "the signal reaches every service, and PID 1 waits for them".to_owned(),
    }
}
