//! What the parts of the harness tell one another: a container, one run of it, and what was measured.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::programs::Role;
use crate::starter::STARTER;
use crate::support::Outcome;

/// The shells that a base image can have as `/bin/sh`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shell {
    /// Debian and Ubuntu.
    Dash,
    /// busybox: Alpine.
    Ash,
    /// Fedora, RHEL, SUSE, Arch and their kin.
    Bash,
    /// There is no shell: scratch, distroless.
    None,
}

/// One file in the container's root filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File {
    /// Its bytes.
    pub(crate) text: String,
    /// Its permission bits.
    pub(crate) mode: u32,
}

/// A command that makes files before the container starts: what a RUN line leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What is executed.
    pub(crate) argv: Vec<String>,
    /// Where.
    pub(crate) workdir: String,
}

/// A container: a root filesystem, and how a process in it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    /// A root filesystem with real programs, to which the container adds; without one, it has stand-ins and the host's tools.
    pub(crate) base: Option<PathBuf>,
    /// `/bin/sh`.
    pub(crate) shell: Shell,
    /// True if there is a bash as well.
    pub(crate) bash: bool,
    /// Files by absolute path.
    pub(crate) files: BTreeMap<String, File>,
    /// What runs before the start.
    pub(crate) steps: Vec<Step>,
    /// The environment.
    pub(crate) env: BTreeMap<String, String>,
    /// The working directory.
    pub(crate) workdir: String,
    /// Stand-ins besides the usual ones: a name, or an absolute path.
    pub(crate) programs: BTreeMap<String, Role>,
    /// True if standard input is a pipe that nobody closes.
    pub(crate) stdin_open: bool,
}

impl Container {
    /// A container with nothing of its own inside.
    pub(crate) fn new(shell: Shell) -> Self {
        Self {
            base: None,
            shell,
            bash: matches!(shell, Shell::Dash | Shell::Bash),
            files: BTreeMap::new(),
            steps: Vec::new(),
            env: BTreeMap::new(),
            workdir: "/".to_owned(),
            programs: BTreeMap::new(),
            stdin_open: false,
        }
    }
}

/// One start and stop of a container.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    /// The container.
    pub(crate) container: Container,
    /// What PID 1 executes.
    pub(crate) argv: Vec<String>,
    /// The stop signal, as STOPSIGNAL spells it: `SIGTERM`, `TERM` or `15`.
    pub(crate) stop_signal: String,
    /// Seconds between the stop signal and SIGKILL.
    pub(crate) grace: f64,
    /// When the stop comes.
    pub(crate) stop: Stop,
    /// Seconds after the stop signal at which it is sent once more.
    pub(crate) again: Option<f64>,
    /// What the output says when it has started, where a silence is not enough to tell.
    pub(crate) ready: Option<String>,
    /// True to wait until a service has started, as long as that may take.
    pub(crate) waits: bool,
    /// True to leave PID 1 an orphan that ends before the stop.
    pub(crate) orphan: bool,
}

/// When the stop signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stop {
    /// When nothing in the container has changed for a while.
    Settled,
    /// That many seconds after the first service has started.
    AfterStart(f64),
}

impl Run {
    /// A start of `argv` in `container`, stopped by `stop_signal` when it has settled.
    pub(crate) fn new(container: Container, argv: Vec<String>, stop_signal: &str, grace: f64) -> Self {
        Self {
            container,
            argv,
            stop_signal: stop_signal.to_owned(),
            grace,
            stop: Stop::Settled,
            again: None,
            ready: None,
            waits: false,
            orphan: false,
        }
    }

    /// Does it, in a process of its own that takes everything with it when it ends.
    pub(crate) fn measure(&self) -> Result<Measured, Failure> {
        let other = |error: io::Error| Failure::Broken(error.to_string());
        let mut starter = Command::new(std::env::current_exe().map_err(other)?);
        std::os::unix::process::CommandExt::arg0(&mut starter, STARTER);
        let mut child = starter
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(other)?;
        if let Some(stdin) = child.stdin.take() {
            serde_json::to_writer(stdin, self).map_err(|error| Failure::Broken(error.to_string()))?;
        }
        let output = child.wait_with_output().map_err(other)?;
        serde_json::from_slice::<Result<Measured, Failure>>(&output.stdout).unwrap_or_else(|error| {
            Err(Failure::Broken(format!(
                "the starter said nothing that can be read ({error}): {}",
                String::from_utf8_lossy(&output.stderr)
            )))
        })
    }
}

/// Why a run could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// This machine lacks something.
    Unsupported(String),
    /// Something went wrong.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(why) => write!(f, "not possible here: {why}"),
            Self::Broken(why) => write!(f, "the harness failed: {why}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What became of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fate {
    /// It ended by itself before the stop.
    Ended,
    /// It finished its work.
    Clean,
    /// It was told to drop its work.
    Fast,
    /// It was killed in the middle of its work.
    Killed,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended => "ended",
            Self::Clean => "clean",
            Self::Fast => "fast",
            Self::Killed => "killed",
        })
    }
}

/// A service as it was seen; several processes of one name are one service, with the worst of their fates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    /// What became of it.
    pub(crate) fate: Fate,
    /// The signals it received, in order.
    pub(crate) signals: Vec<String>,
}

/// What one run showed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// How the stop ended.
    pub(crate) outcome: Outcome,
    /// The services.
    pub(crate) services: BTreeMap<String, Service>,
    /// Exit status of PID 1; 128 + n if signal n ended it.
    pub(crate) exit: i32,
    /// Seconds from the stop signal to the end.
    pub(crate) seconds: f64,
    /// The command line of PID 1 just before the stop.
    pub(crate) pid1: Vec<String>,
    /// Zombies just before the stop.
    pub(crate) zombies: usize,
    /// The end of what was written to standard output and standard error.
    pub(crate) output: String,
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid 1: {}; ", self.outcome, self.pid1.join(" "))?;
        for (name, service) in &self.services {
            let signals =
                if service.signals.is_empty() { "no signal".into() } else { service.signals.join("+") };
            write!(f, "{name}: {signals}, {}; ", service.fate)?;
        }
        if self.zombies > 0 {
            write!(f, "zombies: {}; ", self.zombies)?;
        }
        write!(f, "exit {} after {:.1} s)", self.exit, self.seconds)?;
        match self.output.trim_end() {
            "" => Ok(()),
            output => write!(f, "\n    output: {}", output.replace('\n', "\n            ")),
        }
    }
}
