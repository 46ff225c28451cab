//! Which hop loses the signal, and what a repair needs to know of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::{Dialect, Rest, Signal};
use crate::diagnostic::Outcome;
use crate::programs::Language;
use crate::project::supervised;
use crate::shell::{List, Node};
use crate::source::{Edit, Excerpt, Place, base_name};

/// The first hop that loses the signal on its way to a service.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind of hop.
    pub cause: Cause,
    /// The line a person would change.
    pub place: Place,
    /// How the stop ends because of it.
    pub outcome: Outcome,
    /// The service.
    pub service: CommandLine,
    /// The process that loses the signal.
    pub hop: CommandLine,
    /// The signal that the service hears, so that it is only not waited for.
    pub told: Option<Signal>,
    /// Why a service that is told and ends well if it is quick has less time than the grace period.
    pub hurry: Option<Hurry>,
    /// The processes from PID 1 to the service.
    pub chain: Vec<String>,
    /// The init in front of the hop, which passes the signal on and does not help all the same.
    pub init: Option<String>,
    /// Further hops on the way that would lose the signal too.
    pub hops: Vec<Hop>,
    /// What a repair needs to know of the place.
    pub site: Site,
    /// Where `exec` is no cure for a shell that loses the signal: it would not tell servers that have put themselves into the
    /// background, or a program that wants another signal, and would cut off what follows, a
    /// trap for EXIT included.
    pub beyond_exec: Option<Jobs>,
    /// What the shell that loses the signal has set by then; nothing if it is no shell.
    pub shell: ShellState,
    /// False if it takes other arguments than the image's defaults to get there.
    pub default: bool,
    /// True if the tables know the service.
    pub known_service: bool,
    /// True if what stays in front of the shell that loses the signal reads its standard input.
    pub reads_input: bool,
    /// True for a server that has put itself into the background, and behind which something else is started: in front, it would keep
    /// that from being done.
    pub followed: bool,
    /// True if it is what the caller names (`"$@"`).
    pub by_caller: bool,
    /// True if the service is known only by the command that started it and ended (`service app start`).
    pub by_launcher: bool,
    /// True if a configuration that is not known decides whether the service stays in front or puts itself into the background.
    pub may_leave: bool,
}

/// What gives a service less time than the grace period, with its milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurry {
    /// Its supervisor tells it only in the end, with everything that is left.
    LastRound(u64),
    /// What is in front of it kills it so long after it has passed the signal on.
    Wrapper {
        /// How long.
        patience: u64,
        /// True if a supervisor has to stop its programs in that time.
        supervises: bool,
    },
}

/// What a process was started with, for people: what is not known of it is as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine(pub(super) Vec<String>);

impl CommandLine {
    /// The program as it is called; empty if there is none.
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The program's name, without the folder in front of it.
    pub fn name(&self) -> &str {
        base_name(self.program())
    }

    /// The words behind the program.
    pub fn arguments(&self) -> Vec<Option<&str>> {
        self.0.iter().skip(1).map(|word| Some(word.as_str())).collect()
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.join(" "))
    }
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
    PipedService(PipeEnd),
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
    /// An init signals the service's own workers, too.
    Broadcast,
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
    /// The service is told and waited for, but by a signal on which it drops its work.
    OtherSignal {
        /// The one that the handler sends.
        got: Signal,
        /// The one on which it would end gracefully.
        wanted: Signal,
    },
    /// The handler kills the service before it has finished.
    Kills,
    /// The handler signals itself until the shell crashes.
    Recursion,
    /// The shell does not end after it.
    Endless,
    /// The shell does not know the signal by that name, so that the trap is never set.
    SignalName,
    /// It is for EXIT only, and this shell does not run it when a signal comes.
    ExitOnly,
}

/// Where in a pipeline a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PipeEnd {
    /// In front of others, which read what it writes.
    Writer,
    /// At the end: it only reads.
    Reader,
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
    /// True if it may have set traps that nobody has seen.
    pub may_trap: bool,
    /// True if it has started something in the background, which may have ended.
    pub has_jobs: bool,
    /// True if a daemon is its child, for want of a parent: as PID 1.
    pub has_daemons: bool,
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
    /// A server that has put itself into the background.
    Daemon,
    /// A job of a script that has ended.
    Outlives,
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
        /// The other texts that run on the way there: where these functions may be called from.
        callers: Vec<Arc<Excerpt>>,
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
        /// True if the service is one of the shell's jobs, or below one: `wait` can wait for it.
        is_job: bool,
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
        /// True if the package may need what its runner adds to the environment.
        needs_runner: bool,
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
    Jobs(Jobs),
}

/// What runs beside a shell.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// What it has started, in the order of the text.
    pub jobs: Vec<Job>,
    /// The statement at which it stays.
    pub at: Job,
}

/// A statement that starts a program which stays.
#[derive(Debug, Clone)]
pub struct Job {
    /// The statement.
    pub node: Node,
    /// The signal on which the program ends best, if that is known.
    pub wants: Option<Signal>,
    /// True for a server that puts itself into the background there.
    pub leaves: bool,
    /// True for a program that others rest on and that loses nothing (a display): it is best told last.
    pub side: bool,
}

impl Fault {
    pub(super) fn is_same(&self, other: &Fault) -> bool {
        self.cause == other.cause && self.place == other.place
    }

    /// True if both are missed by one `wait` without a trap: on one course other jobs run than on the other.
    pub(super) fn shares_wait(&self, other: &Fault) -> bool {
        let (Site::Jobs(own), Site::Jobs(others)) = (&self.site, &other.site) else { return false };
        self.cause == Cause::UntrappedBackground
            && other.cause == self.cause
            && own.at.node.place() == others.at.node.place()
    }

    /// Takes in the jobs of the other, too.
    pub(super) fn add_jobs(&mut self, other: &Fault) {
        let (Site::Jobs(own), Site::Jobs(others)) = (&mut self.site, &other.site) else { return };
        for job in &others.jobs {
            if !own.jobs.iter().any(|mine| mine.node.place() == job.node.place()) {
                own.jobs.push(job.clone());
            }
        }
        own.jobs.sort_by_key(|job| job.node.span.start);
    }

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
                TrapFlaw::OtherSignal { got, wanted } => {
                    format!("the trap sends {got} to {service}, which ends gracefully on {wanted}")
                }
                TrapFlaw::Kills => format!("the trap kills {service} before it has finished"),
                TrapFlaw::Recursion => "the trap signals its own shell until it crashes".to_owned(),
                TrapFlaw::Endless => "the trap does not end the shell".to_owned(),
                TrapFlaw::ExitOnly => "this shell does not run an EXIT trap when a signal comes".to_owned(),
                TrapFlaw::SignalName => "the shell does not know the signal by that name".to_owned(),
            },
            Cause::DeferredTrap => "the trap cannot run while a command is in the foreground".to_owned(),
            Cause::PipedService(_) => {
                format!("the shell waits for the pipeline of {service} and passes nothing on")
            }
            Cause::KeepAlive => format!("{service} does not react to the stop signal"),
            Cause::RestartLoop => format!("the loop around {service} passes nothing on"),
            Cause::OrphanedBackground => format!("nobody tells {service}, which was left behind"),
            Cause::EndsInBackground => format!("PID 1 ends at once, and {service} with it"),
            Cause::PackageRunner => format!("a package runner and its shell stand in front of {service}"),
            Cause::SwallowingWrapper if self.told.is_some() => {
                format!("a wrapper in front of {service} passes the signal on, and does not wait")
            }
            Cause::PrivilegeWrapper | Cause::SwallowingWrapper => {
                format!("a wrapper in front of {service} does not pass the signal on")
            }
            Cause::UnhandledStop if self.outcome == Outcome::Abrupt => {
                format!("{service} installs no handler, and the signal ends it at once")
            }
            Cause::UnhandledStop => {
                format!("{service} installs no handler, and PID 1 without a handler hears nothing")
            }
            Cause::StopSignal => format!("{service} does not end gracefully on this signal"),
            Cause::Daemonized => format!("{service} goes into the background, and PID 1 ends"),
            Cause::UnsupportedWait => "the shell has no wait -n, and the script ends".to_owned(),
            Cause::GracePeriod => "the stop takes longer than the grace period".to_owned(),
            Cause::Broadcast => format!("the init signals the workers of {service}, too, and they die of it"),
            Cause::NestedInit => format!("{service} is not PID 1, and refuses to run"),
            Cause::SupervisorConfig(SupervisorFlaw::StopSignal) => {
                format!("{service} does not end gracefully on the signal that its supervisor sends")
            }
            Cause::SupervisorConfig(SupervisorFlaw::Daemonized) => {
                format!("{service} goes into the background, where its supervisor does not find it")
            }
            Cause::WrongInterpreter => "the shell cannot read the script, and it ends".to_owned(),
        }
    }
}

impl Cause {
    /// True where a repair rewrites how a script starts its service.
    pub(crate) fn is_in_script(self) -> bool {
        matches!(self, Self::MissingExec | Self::RestartLoop | Self::DeferredTrap | Self::UntrappedBackground)
    }

    /// True where a repair may send what is in the foreground to the background.
    pub(super) fn may_move(self) -> bool {
        self.is_in_script() || matches!(self, Self::OrphanedBackground | Self::KeepAlive)
    }

    /// As a further hop: what is wrong there too.
    pub(super) fn hop_message(self) -> &'static str {
        match self {
            Self::ShellForm | Self::ShellWrapper | Self::InitWithoutExec => "a shell stays in front here too",
            Self::MissingExec => "started without exec here too",
            Self::PackageRunner => "a package runner stands here too",
            Self::PrivilegeWrapper | Self::SwallowingWrapper => {
                "this wrapper does not pass the signal on either"
            }
            Self::KeepAlive => "this only keeps the container alive",
            Self::PipedService(_) => "part of a pipeline here",
            _ => "the signal would be lost here too",
        }
    }
}
