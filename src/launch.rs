//! The model: which processes a launch becomes, which of them get the stop signal, and how the stop ends.
//!
//! A container is simulated, not pattern-matched: shells run their scripts statement by statement over every branch
//! ([`machine`]), programs react to signals as the tables say ([`world`]), until nothing moves any more. Then the stop signal is
//! sent, and what happens is the verdict ([`verdict`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Outcome;
use crate::dockerfile::{Command, Image, Setting};
use crate::programs::{Language, Sh, Tables};
use crate::project::{ImageFile, ImageFiles, supervised};
use crate::shell::{List, Node};
use crate::source::{Edit, Excerpt, Place};

mod arithmetic;
mod builtins;
mod candidates;
mod commands;
mod condition;
mod control;
mod dialect;
mod drain;
mod environment;
mod execline;
mod expand;
mod explore;
mod field;
mod fingerprint;
mod inert;
mod jobs;
mod lists;
mod machine;
mod path;
mod pattern;
mod resolve;
mod runner;
mod service;
mod signal;
mod start;
mod stopping;
mod supervise;
mod verdict;
mod view;
mod world;

pub use dialect::Dialect;
pub use drain::Drain;
pub use machine::Rest;
pub use resolve::Broken;
pub use signal::Signal;
pub use view::{ProcessView, Receives};
pub use world::Started;

use environment::Environment;
use explore::{Exploration, explore};
use field::Field;
use path::{Choice, MishapKind};
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
    /// Traps with work to do that an exec throws away: the trap, and the exec.
    pub dropped_traps: Vec<(Place, Place)>,
    /// Servers of a supervisor without which the container goes on when they have ended.
    pub given_up: Vec<Arc<supervised::Program>>,
    /// A script that the kernel refuses to run.
    pub broken: Option<BrokenScript>,
    /// What the model could not follow.
    pub doubts: Vec<(Option<Place>, String)>,
    /// Steps that its shells took, on all courses: what it cost to find out.
    pub steps: u64,
}

/// A script that the kernel refuses to run.
#[derive(Debug, Clone)]
pub struct BrokenScript {
    /// Why.
    pub broken: Broken,
    /// Where it is started.
    pub started: Place,
    /// Its text.
    pub text: Arc<Excerpt>,
    /// The instruction that puts it into the image.
    pub by: Option<Place>,
    /// True where a supervisor is to start it: the container goes on.
    pub supervised: bool,
}

/// A state in which the container stays.
#[derive(Debug)]
pub struct Branch {
    /// Which way the scripts went to get there; empty if there was no choice.
    pub label: String,
    /// False if it takes other arguments than the image's defaults to get there.
    pub default: bool,
    /// How a stop ends there.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The processes.
    pub processes: Vec<ProcessView>,
    choices: Vec<Choice>,
    /// True where no service runs, or somebody talks to a shell.
    pub aside: bool,
}

/// The first hop that loses the signal on its way to a service.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind of hop.
    pub cause: Cause,
    /// The line a person would change.
    pub place: Place,
    /// How the stop ends because of it.
    pub outcome: Outcome,
    /// The service, for people.
    pub service: String,
    /// The process that loses the signal, for people.
    pub hop: String,
    /// True if the service is told, so that it is only not waited for.
    pub told: bool,
    /// Milliseconds that it gets where its supervisor tells it only in the end, with everything that is left.
    pub last_round: Option<u64>,
    /// The processes from PID 1 to the service.
    pub chain: Vec<String>,
    /// The init in front of the hop, which passes the signal on and does not help all the same.
    pub init: Option<String>,
    /// Further hops on the way that would lose the signal too.
    pub hops: Vec<Hop>,
    /// What a repair needs to know of the place.
    pub site: Site,
    /// What the shell that loses the signal has set by then; nothing if it is no shell.
    pub shell: ShellState,
    /// False if it takes other arguments than the image's defaults to get there.
    pub default: bool,
    /// True if the tables know the service.
    pub known_service: bool,
    /// True if the service is known only by the command that started it and ended (`service app start`).
    pub by_launcher: bool,
}

/// A further hop.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub message: &'static str,
}

/// The kinds of hops that lose a signal. Each belongs to one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The shell of a shell-form ENTRYPOINT or CMD stays.
    ShellForm,
    /// The shell of `sh -c` stays.
    ShellWrapper,
    /// One of these two right behind an init: it is not PID 1, and dies of the signal.
    InitWithoutExec,
    /// A script starts the service without exec.
    MissingExec,
    /// Services in the background, and no trap.
    UntrappedBackground,
    /// A trap that does not do all of it.
    IncompleteTrap(TrapFlaw),
    /// A trap that cannot run, because a command is in the foreground.
    DeferredTrap,
    /// The service is part of a pipeline.
    PipedService,
    /// Something that only keeps the container alive is in front.
    KeepAlive,
    /// A loop starts the service again and again.
    RestartLoop,
    /// A job left behind by exec.
    OrphanedBackground,
    /// The script ends, and the service in the background with it.
    EndsInBackground,
    /// npm, yarn and the like.
    PackageRunner,
    /// su, sudo, runuser.
    PrivilegeWrapper,
    /// Another wrapper that does not pass the signal on.
    SwallowingWrapper,
    /// The service installs no handler.
    UnhandledStop,
    /// The service ends gracefully on another signal only.
    StopSignal,
    /// A server puts itself into the background.
    Daemonized,
    /// `wait -n` where the shell does not have it.
    UnsupportedWait,
    /// Bash syntax run by another shell.
    WrongInterpreter,
    /// An init that must be PID 1 is not.
    NestedInit,
    /// The configuration of a supervisor.
    SupervisorConfig(SupervisorFlaw),
    /// All are told and waited for, but it takes longer than there is time.
    GracePeriod,
}

/// What is wrong with a program's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SupervisorFlaw {
    /// The program ends gracefully on another signal than the one that it is sent.
    StopSignal,
    /// The program goes into the background, where the supervisor does not find it.
    Daemonized,
}

/// What is wrong with a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrapFlaw {
    /// The service is not told.
    NotTold,
    /// The shell ends without telling the service.
    ExitsWithoutTelling,
    /// The service is told, but the shell does not wait until it has finished.
    NotWaited,
    /// The handler signals itself until the shell crashes.
    Recursion,
    /// The shell does not end after it.
    Endless,
    /// The shell does not know the signal by that name, so that the trap is never set.
    SignalName,
    /// It is for EXIT only, and this shell does not run it when a signal comes.
    ExitOnly,
}

/// What a shell has set, as far as a repair must heed it.
#[derive(Debug, Clone, Default)]
pub struct ShellState {
    /// `set -e`: a command that fails ends it.
    pub errexit: bool,
    /// `set -u`: a name that is not set ends it.
    pub nounset: bool,
    /// The signals, and EXIT, that it has a handler with work to do for.
    pub traps: Vec<Signal>,
    /// The signals that it ignores.
    pub ignored: Vec<Signal>,
    /// True if something is done when a command fails, or before each.
    pub hooks: bool,
    /// The names of its aliases.
    pub aliases: BTreeSet<String>,
    /// The names of its functions.
    pub functions: Vec<String>,
    /// True if it may have others, from a file that nobody has seen.
    pub unknown_functions: bool,
    /// True if `wait` alone waits for what reads its output, too (`exec > >(tee log)`).
    pub readers: bool,
    /// True if words are not split at blanks (IFS).
    pub separated: bool,
}

/// What a repair needs to know of a place.
#[derive(Debug, Clone)]
pub enum Site {
    /// Nothing but the place.
    Process,
    /// A statement in the foreground.
    Foreground {
        /// The statement.
        node: Node,
        /// What follows it.
        rest: Rest,
        /// The shell.
        dialect: Dialect,
        /// The functions that it is inside of, outermost first.
        calls: Vec<String>,
    },
    /// A statement in the foreground, and the trap that it keeps from running.
    Deferred {
        /// The statement.
        node: Node,
        /// What the trap does.
        action: List,
        /// The bodies of the functions that it calls.
        functions: Vec<Node>,
        /// True for `sleep` and the like.
        pause: bool,
    },
    /// A trap.
    Trap {
        /// What it does.
        action: List,
        /// The bodies of the functions that it calls.
        functions: Vec<Node>,
        /// The statements that start the services.
        jobs: Vec<Node>,
    },
    /// A process that would end gracefully on another signal.
    Signal {
        /// Which, if that is known.
        wanted: Option<Signal>,
    },
    /// A program of the project that installs no handler.
    Program {
        /// What it is written in.
        language: Language,
    },
    /// A program of a supervisor.
    Supervised {
        /// What the configuration says of it.
        program: Arc<supervised::Program>,
        /// The signal on which it would end gracefully, if that is known.
        wanted: Option<Signal>,
    },
    /// A supervisor that puts itself into the background.
    Supervisor {
        /// The edit of its configuration that keeps it in front.
        foreground: Option<Edit>,
    },
    /// A script of package.json.
    Package {
        /// Its text.
        text: Arc<Excerpt>,
        /// True if running it runs no other script before or after it.
        alone: bool,
        /// The directory of package.json in the image, where the script runs.
        directory: Option<String>,
    },
    /// A command that a package runner was given.
    PackageCommand {
        /// The package.json of the directory where it runs.
        manifest: Arc<Excerpt>,
        /// That directory in the image.
        directory: Option<String>,
    },
    /// A stop that takes its time.
    Period {
        /// How long, in milliseconds.
        needed: u64,
    },
    /// Jobs in the background.
    Jobs {
        /// The statements that start them.
        statements: Vec<Node>,
        /// The statement at which the shell stays.
        at: Node,
    },
}

impl Fault {
    fn is_same(&self, other: &Fault) -> bool {
        self.cause == other.cause && self.place == other.place
    }
}

impl Cause {
    /// As a further hop: what is wrong there too.
    fn hop_message(self) -> &'static str {
        match self {
            Self::ShellForm | Self::ShellWrapper | Self::InitWithoutExec => "a shell stays in front here too",
            Self::MissingExec => "started without exec here too",
            Self::PackageRunner => "a package runner stands here too",
            Self::PrivilegeWrapper | Self::SwallowingWrapper => {
                "this wrapper does not pass the signal on either"
            }
            Self::KeepAlive => "this only keeps the container alive",
            Self::PipedService => "part of a pipeline here",
            _ => "the signal would be lost here too",
        }
    }
}

/// Simulates the launch of an image. `None` if nothing is known to be started.
pub fn simulate(image: &Image, files: &dyn ImageFiles, tables: &Tables) -> Option<Launch> {
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
        let launch = simulate_with(&environment)?;
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
    result.map(|launch| Launch { steps, ..launch })
}

impl Launch {
    /// True if it is not known how the stop ends on some course.
    pub fn has_unknown_course(&self) -> bool {
        self.branches.iter().any(|branch| branch.outcome == Outcome::Unknown)
    }

    /// The programs of the services that run in any branch.
    pub fn services(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for process in self.branches.iter().flat_map(|branch| &branch.processes) {
            process.services(&mut found);
        }
        found
    }

    /// True if the image starts a program that it does not name: `exec "$@"` without a CMD.
    pub fn waits_for_caller(&self) -> bool {
        self.branches.iter().flat_map(|branch| &branch.processes).any(ProcessView::waits_for_caller)
    }

    fn agrees(&self, other: &Launch) -> bool {
        self.outcome == other.outcome
            && self.faults.len() == other.faults.len()
            && self.faults.iter().zip(&other.faults).all(|(a, b)| a.is_same(b) && a.outcome == b.outcome)
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

fn simulate_with(environment: &Environment<'_>) -> Option<Launch> {
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
    let exploration = explore(environment, world, stop_signal);
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
        dropped_traps: Vec::new(),
        given_up: Vec::new(),
        broken: None,
        doubts: Vec::new(),
        steps: exploration.steps,
    };
    // What is wrong where no service runs.
    let mut beside: Vec<Fault> = Vec::new();
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
        let mut faults = if doubtful { Vec::new() } else { verdict::faults(steady, stop_signal) };
        // With other arguments than the image's own, only what is surely a service counts.
        faults.retain(|fault| fault.default || fault.known_service);
        let why = match (&path.doubts.first(), faults.first()) {
            (Some(doubt), _) => doubt.reason.clone(),
            (None, _) if told => MAY_HAVE_TOLD.to_owned(),
            (None, Some(fault)) if fault.last_round.is_none() => fault.why(),
            (None, _) => why_graceful(steady, outcome),
        };
        launch.add_branch(
            &path.choices,
            Branch {
                label: String::new(),
                default: path.default,
                outcome,
                why,
                processes: view::tree(steady, stop_signal),
                choices: Vec::new(),
                aside: path.aside || !steady.has_service(),
            },
        );
        let aside = path.aside || !steady.has_service();
        if outcome == Outcome::Graceful && path.default && !aside {
            drain::drains(environment, steady).into_iter().for_each(|drain| launch.add_drain(drain));
        }
        for fault in faults {
            if aside { beside.push(fault) } else { launch.add_fault(fault) }
        }
    }
    for world in &exploration.early {
        if let Some(fault) = verdict::early(world).filter(|fault| fault.default || fault.known_service) {
            launch.add_branch(
                &world.path.choices,
                Branch {
                    label: String::new(),
                    default: world.path.default,
                    outcome: Outcome::ExitsEarly,
                    why: fault.why(),
                    processes: Vec::new(),
                    choices: Vec::new(),
                    aside: false,
                },
            );
            launch.add_fault(fault);
        }
    }
    for world in exploration.ended.iter().filter(|world| world.path.default) {
        if let Some((broken, identity, file)) = &world.path.broken {
            launch.refuse(*broken, identity.place.as_ref().unwrap_or(place), file, false);
            launch.outcome = Outcome::ExitsEarly;
            launch.why = "the kernel refuses to run the script".to_owned();
        }
        for doubt in &world.path.doubts {
            launch.doubt(doubt.place.clone(), &doubt.reason);
        }
    }
    if exploration.truncated {
        launch.doubt(None, "the script has more branches than are followed");
    }
    // An installation that waits for somebody, say, is not what an image is for that runs a service otherwise.
    if launch.branches.iter().all(|branch| branch.aside || !branch.default) {
        beside.into_iter().for_each(|fault| launch.add_fault(fault));
    }
    launch.conclude();
    launch
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

    /// Branches that look alike are one.
    fn add_branch(&mut self, choices: &[Choice], mut branch: Branch) {
        let same = |known: &&mut Branch| {
            known.outcome == branch.outcome
                && known.default == branch.default
                && shape(&known.processes) == shape(&branch.processes)
        };
        if self.branches.iter_mut().find(same).is_none() {
            branch.choices = choices.to_vec();
            self.branches.push(branch);
        }
    }

    fn add_fault(&mut self, fault: Fault) {
        match self.faults.iter_mut().find(|known| known.is_same(&fault)) {
            // The worse of two outcomes with one cause.
            Some(known) if (fault.default, fault.outcome) > (known.default, known.outcome) => *known = fault,
            Some(_) => {}
            None => self.faults.push(fault),
        }
    }

    fn add_drain(&mut self, drain: Drain) {
        if !self.drains.iter().any(|known| known.place == drain.place) {
            self.drains.push(drain);
        }
    }

    fn conclude(&mut self) {
        let labels: Vec<String> = (0..self.branches.len())
            .map(|own| {
                let own = &self.branches[own];
                let alike = |other: &&Branch| {
                    other.outcome == own.outcome && programs(&other.processes) == programs(&own.processes)
                };
                let (kin, others): (Vec<&Branch>, Vec<&Branch>) = self.branches.iter().partition(alike);
                // What sets branches of the same programs apart is of no interest, where others are different.
                let shared = |choice: &&Choice| kin.iter().all(|branch| branch.chose(choice));
                let choices: Vec<&Choice> = own.choices.iter().filter(shared).collect();
                let name = label(&choices, &others);
                if name.is_empty() && kin.len() > 1 {
                    let rest: Vec<&Branch> =
                        self.branches.iter().filter(|other| !std::ptr::eq(*other, own)).collect();
                    return label(&own.choices.iter().collect::<Vec<_>>(), &rest);
                }
                name
            })
            .collect();
        for (branch, label) in self.branches.iter_mut().zip(labels) {
            branch.label = label;
        }
        self.branches
            .sort_by_key(|branch| (!branch.default, branch.aside, std::cmp::Reverse(branch.outcome)));
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

impl Branch {
    /// True if this choice was made on the way, and no other at the same place.
    fn chose(&self, choice: &Choice) -> bool {
        let mut here = self.choices.iter().filter(|known| known.place == choice.place).peekable();
        here.peek().is_some() && here.all(|known| known.taken == choice.taken)
    }
}

/// Choices that a label names at most; the last ones, which are nearest to where the container stays.
const SHOWN_CHOICES: usize = 3;

/// Which way the scripts went, for people: the choices that set this branch apart from the others.
fn label(own: &[&Choice], others: &[&Branch]) -> String {
    let sets_apart = |choice: &&&Choice| others.iter().any(|other| !other.chose(choice));
    let mut shown: Vec<String> = Vec::new();
    for choice in own.iter().filter(sets_apart).rev() {
        let text = choice.place.text().lines().next().unwrap_or("").trim();
        let short: String = text.chars().take(50).collect();
        let dots = if short.len() < text.len() { "..." } else { "" };
        let name = choice.place.source.path().file_name().unwrap_or_default();
        let line = format!("{name}:{}: {} ({short}{dots})", choice.place.line(), choice.taken);
        if !shown.contains(&line) {
            shown.push(line);
        }
        if shown.len() == SHOWN_CHOICES {
            break;
        }
    }
    shown.reverse();
    shown.join("; ")
}

/// What makes two branches alike.
fn shape(processes: &[ProcessView]) -> Vec<(Vec<String>, Receives, usize)> {
    let mut rows = Vec::new();
    let mut todo: Vec<(&ProcessView, usize)> = processes.iter().map(|process| (process, 0)).collect();
    while let Some((process, depth)) = todo.pop() {
        rows.push((process.argv.clone(), process.receives, depth));
        todo.extend(process.children.iter().map(|child| (child, depth + 1)));
    }
    rows
}

/// What runs, arguments aside.
fn programs(processes: &[ProcessView]) -> Vec<(String, Receives, usize)> {
    let rows = shape(processes).into_iter();
    rows.map(|(argv, receives, depth)| (argv.into_iter().next().unwrap_or_default(), receives, depth))
        .collect()
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

impl Fault {
    /// In a sentence, without the place.
    pub fn why(&self) -> String {
        let hop = &self.hop;
        let service = &self.service;
        match self.cause {
            Cause::ShellForm | Cause::ShellWrapper | Cause::InitWithoutExec | Cause::MissingExec => {
                format!("{hop} stays in front of {service} and does not pass the signal on")
            }
            Cause::UntrappedBackground => format!("no trap tells {service}, which runs in the background"),
            Cause::IncompleteTrap(flaw) => match flaw {
                TrapFlaw::NotTold => format!("the trap does not tell {service}"),
                TrapFlaw::ExitsWithoutTelling => format!("the trap ends the shell without telling {service}"),
                TrapFlaw::NotWaited => format!("{service} is told, but nobody waits until it has finished"),
                TrapFlaw::Recursion => "the trap signals its own shell until it crashes".to_owned(),
                TrapFlaw::Endless => "the trap does not end the shell".to_owned(),
                TrapFlaw::ExitOnly => "this shell does not run an EXIT trap when a signal comes".to_owned(),
                TrapFlaw::SignalName => "the shell does not know the signal by that name".to_owned(),
            },
            Cause::DeferredTrap => "the trap cannot run while a command is in the foreground".to_owned(),
            Cause::PipedService => {
                format!("the shell waits for the pipeline of {service} and passes nothing on")
            }
            Cause::KeepAlive => format!("{service} does not react to the stop signal"),
            Cause::RestartLoop => format!("the loop around {service} passes nothing on"),
            Cause::OrphanedBackground => format!("nobody tells {service}, which exec left behind"),
            Cause::EndsInBackground => format!("PID 1 ends at once, and {service} with it"),
            Cause::PackageRunner => format!("a package runner and its shell stand in front of {service}"),
            Cause::PrivilegeWrapper | Cause::SwallowingWrapper => {
                format!("a wrapper in front of {service} does not pass the signal on")
            }
            Cause::UnhandledStop => {
                format!("{service} installs no handler, and PID 1 without a handler hears nothing")
            }
            Cause::StopSignal => format!("{service} does not end gracefully on this signal"),
            Cause::Daemonized => format!("{service} puts itself into the background, and PID 1 ends"),
            Cause::UnsupportedWait => "the shell has no wait -n, and the script ends".to_owned(),
            Cause::GracePeriod => "the stop takes longer than the grace period".to_owned(),
            Cause::NestedInit => format!("{service} is not PID 1, and refuses to run"),
            Cause::SupervisorConfig(SupervisorFlaw::StopSignal) => {
                format!("{service} does not end gracefully on the signal that its supervisor sends")
            }
            Cause::SupervisorConfig(SupervisorFlaw::Daemonized) => {
                format!("{service} puts itself into the background, where its supervisor does not find it")
            }
            Cause::WrongInterpreter => "the shell cannot read the script, and it ends".to_owned(),
        }
    }
}
