//! The model: which processes a launch becomes, which of them get the stop signal, and how the stop ends.
//!
//! A container is simulated, not pattern-matched: shells run their scripts statement by statement over every branch
//! ([`machine`]), programs react to signals as the tables say ([`world`]), until nothing moves any more. Then the stop signal is
//! sent, and what happens is the verdict ([`verdict`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Outcome;
use crate::dockerfile::{Command, Image, Setting};
use crate::programs::{Sh, Tables};
use crate::project::{ImageFiles, supervised};
use crate::source::{Excerpt, Place};

mod ahead;
mod arithmetic;
mod assembly;
mod assign;
mod assigned;
mod awaited;
mod beside;
mod branch;
mod builtins;
mod candidates;
mod claims;
mod clock;
mod commands;
mod comparison;
mod condition;
mod configured;
mod control;
mod dialect;
mod drain;
mod early;
mod environment;
mod exec;
mod execline;
mod expand;
mod explore;
mod fault;
mod field;
mod fingerprint;
mod given;
mod hearing;
mod hop;
mod inert;
mod input;
mod interpreter;
mod jobs;
mod known;
mod listed;
mod lists;
mod machine;
mod making;
mod naming;
mod not_found;
mod notes;
mod options;
mod pace;
mod path;
mod pattern;
mod pipeline;
mod presence;
mod question;
mod reading;
mod refused;
mod resolutions;
mod resolve;
mod runner;
mod scripts;
mod sequel;
mod service;
mod shell;
mod signal;
mod site;
mod start;
mod stdin;
mod stopping;
mod supervise;
mod trap;
mod typed;
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
pub use fault::{
    Cause, CommandLine, Fault, Hop, Hurry, Job, Jobs, PipeEnd, ShellState, Site, SupervisorFlaw, TrapFlaw,
};
pub use interpreter::{Broken, BrokenScript};
pub use shell::Rest;
pub use signal::Signal;
pub use view::{ProcessView, Receives};
pub use world::Started;

use assembly::Start;
use environment::Environment;
use explore::explore;
use field::Field;
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
    /// True if shells run on the way to the services.
    scripted: bool,
    /// The words that programs get which are no shells.
    given: BTreeSet<String>,
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
    /// Whether with the image's own arguments, with others, or with both there is a course on which it comes to its end.
    ends: BTreeSet<bool>,
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
            Some(known) if launch.is_wrong_in(known) => *known = launch,
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
    if let Some((launch, reason)) = result.as_mut().zip(image.dockerfile.unread()) {
        launch.give_up(reason);
    }
    result.map(|launch| Launch { steps, ..launch })
}

impl Launch {
    /// True if it is not known how the stop ends on some course.
    pub fn has_unknown_course(&self) -> bool {
        self.branches.iter().any(|branch| branch.outcome == Outcome::Unknown)
    }

    /// How many courses are known on which a service runs.
    pub(crate) fn known_ways(&self) -> usize {
        let is_known = |branch: &&Branch| !branch.aside && branch.outcome != Outcome::Unknown;
        self.branches.iter().filter(is_known).count()
    }

    /// True if all that the image starts is a program that it does not name: `exec "$@"` without a CMD.
    pub fn waits_for_caller(&self) -> bool {
        let waits = |branch: &Branch| branch.processes.iter().any(ProcessView::waits_for_caller);
        !self.branches.is_empty() && self.branches.iter().all(waits)
    }

    /// True for a word of the image that a program gets as it stands: no script has it expanded.
    pub fn passes_on(&self, word: &str) -> bool {
        !self.scripted || self.given.contains(word)
    }

    /// True if all that is wrong here is wrong in the other as well, where one more shell stands in front: that of the shell form does not
    /// replace itself.
    fn is_wrong_in(&self, other: &Launch) -> bool {
        let covers = |fault: &Fault, behind: &Fault| {
            fault.cause == Cause::ShellForm
                && fault.service == behind.service
                && fault.hops.iter().any(|hop| hop.place == behind.place)
        };
        self.outcome == other.outcome
            && self.is_bad()
            && self.faults.len() == other.faults.len()
            && other.faults.iter().zip(&self.faults).all(|(fault, behind)| covers(fault, behind))
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
    let signal = match &image.stop_signal {
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
    let exploration = explore(environment, world, signal.0, steps_left);
    Some(assembly::assemble(environment, &Start { argv: &argv, place: &place, signal }, &exploration))
}
