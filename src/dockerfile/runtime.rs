//! How a container is run, beside what its image says.

use std::sync::Arc;

use camino::Utf8PathBuf;

use super::setting::Written;
use crate::source::{Edit, Excerpt, Place};
use crate::yaml::Node;

/// What whoever runs a container sets beside the image.
#[derive(Debug, Clone, Default)]
pub struct Runtime {
    /// How long a stop may take.
    pub period: Period,
    /// Where the engine is told to put its own init in front.
    pub init: Option<Place>,
    /// Where a Pod is told that its containers share their processes, so that its pause is PID 1.
    pub pause: Option<Place>,
    /// True for a container of a Pod.
    pub in_pod: bool,
    /// The part of a command line that whoever reads it throws away: no shell reads it, and an operator of the shell stands there.
    pub dropped: Option<Place>,
    /// Files and folders that are mounted over those of the image, the last one in front.
    pub mounts: Vec<Mount>,
    /// What is run in the container to see whether it is well.
    pub probes: Vec<Probe>,
    /// Where its standard input is kept open, so that somebody may talk to it.
    pub input: Option<Place>,
    /// True if it is a terminal.
    pub terminal: bool,
}

impl Runtime {
    /// True if what is read from standard input does not come to an end by itself.
    pub fn keeps_input_open(&self) -> bool {
        self.terminal || self.input.is_some()
    }
}

/// A command that looks whether a container is well.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its words.
    pub text: String,
    /// Where it is said.
    pub place: Place,
}

/// The time between the order to stop and SIGKILL.
#[derive(Debug, Clone)]
pub struct Period {
    /// Milliseconds.
    pub length: u64,
    /// Where that is set.
    pub place: Option<Place>,
    /// What is run before the stop signal is sent.
    pub hook: Option<Hook>,
    /// The file that starts the container, if there is one.
    pub declared: Option<Declared>,
}

/// What is run in a container before the stop signal is sent.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Milliseconds of the period that it takes at least.
    pub pause: u64,
    /// True if it does more than wait: it may be what stops the program.
    pub acts: bool,
    /// Where it is set.
    pub place: Place,
}

/// Where a container is declared, and how the period is written there.
#[derive(Debug, Clone)]
pub struct Declared {
    /// The container's name.
    pub place: Place,
    /// The key.
    pub key: &'static str,
    /// What follows the number of seconds.
    pub unit: &'static str,
    /// The key of the stop signal, where there is one.
    pub signal: Option<&'static str>,
    /// A setting in whose block it belongs.
    pub beside: Written,
}

/// A file or folder that is mounted over the image's.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// What is to be seen there.
    pub source: MountSource,
    /// Where it is said.
    pub place: Place,
}

/// What a mount shows.
#[derive(Debug, Clone)]
pub enum MountSource {
    /// A file or folder of the project.
    Project(Utf8PathBuf),
    /// A text that stands in the file, and whether it may be executed, if that is known.
    Text(Arc<Excerpt>, Option<bool>),
    /// A volume, which begins as a copy of what the image has there.
    Volume,
    /// Something that cannot be looked at.
    Outside,
}

impl Probe {
    /// The command that a list of words or a line in a YAML file says.
    pub(crate) fn of(node: &Node) -> Self {
        let items = node.items().iter().filter_map(|item| item.text());
        let text = node.text().into_iter().chain(items).collect::<Vec<_>>().join(" ");
        Self { text, place: node.place.clone() }
    }
}

impl Default for Period {
    /// As `docker stop` does it.
    fn default() -> Self {
        Self { length: 10_000, place: None, hook: None, declared: None }
    }
}

/// What a Pod is given at least between the signal and SIGKILL, when a hook has used up all of the period.
const EXTENSION: u64 = 2_000;

impl Period {
    /// Milliseconds between the stop signal and SIGKILL.
    pub fn left(&self) -> u64 {
        match &self.hook {
            Some(hook) => self.length.saturating_sub(hook.pause).max(EXTENSION),
            None => self.length,
        }
    }

    /// As a file writes it that leaves so many seconds: `stop_grace_period: 40s`.
    pub fn written(&self, seconds: u64) -> Option<String> {
        let declared = self.declared.as_ref()?;
        Some(format!("{}: {}{}", declared.key, self.whole(seconds), declared.unit))
    }

    /// The edit that leaves so many seconds. `None` where no file says how the container is started, or it cannot be edited there.
    pub fn set(&self, seconds: u64) -> Option<Edit> {
        let declared = self.declared.as_ref()?;
        let Some(place) = &self.place else { return declared.beside.beside(&self.written(seconds)?) };
        // What stands between quotes may be a variable.
        if place.text().is_empty() || !place.text().chars().all(|c| c.is_ascii_alphanumeric() || c == '.') {
            return None;
        }
        let text = format!("{}{}", self.whole(seconds), declared.unit);
        Some(Edit::new(&place.source, place.span, text))
    }

    /// What sets the stop signal where the container is declared: `stop_signal: SIGQUIT`. `None` where nothing does.
    pub fn signal_line(&self, signal: &str) -> Option<String> {
        self.declared.as_ref()?.signal.map(|key| format!("{key}: {signal}"))
    }

    fn whole(&self, seconds: u64) -> u64 {
        seconds + self.hook.as_ref().map_or(0, |hook| hook.pause.div_ceil(1000))
    }
}
