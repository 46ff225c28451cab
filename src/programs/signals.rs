//! What a program does about a signal.

use serde::Deserialize;

use super::{Kind, Program};

/// What a program does about signals. A signal that is in no list is one nothing is known about, unless `none` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handler {
    /// Signals (names without SIG) on which it finishes its work and ends; the first is the one to prefer.
    pub graceful: Vec<String>,
    /// Signals on which it lets its clients stay, and ends when the last of them has left.
    pub waits: Vec<String>,
    /// Signals on which it ends at once, cutting its work; a program with an inner command does not wait for that command.
    pub fast: Vec<String>,
    /// Signals that it catches and does not end on, as PID 1 or not.
    pub ignored: Vec<String>,
    /// Signals for which it installs no handler: ignored as PID 1, killed elsewhere.
    pub unhandled: Vec<String>,
    /// True if it installs no handler (but for signals in the lists): ignored as PID 1, killed elsewhere.
    pub none: bool,
}

/// What happens to a process that gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// It passes the signal to its command and waits for it.
    Forwards,
    /// It finishes its work and ends.
    Finishes,
    /// It ends when its last client has left.
    Waits,
    /// It ends at once: its work is cut, and its command is not waited for.
    Cuts,
    /// Nothing happens.
    Ignores,
    /// Not known.
    Unknown,
}

/// What a program runs on, where that has handlers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Java's: SIGINT and SIGHUP end it as SIGTERM does, SIGQUIT prints what its threads do.
    Jvm,
    /// Go's: SIGQUIT ends it with a stack trace.
    Go,
}

impl Program {
    /// True for a signal that ends the program as SIGTERM does, whatever that is.
    pub fn takes_as_term(&self, signal: &str) -> bool {
        let (runtime, signal) = (self.runtime, canonical(signal));
        signal == "TERM" || (runtime == Some(Runtime::Jvm) && matches!(signal.as_str(), "INT" | "HUP"))
    }

    /// True if it has no handler for a signal, as far as that is told apart.
    pub fn has_no_handler_for(&self, signal: &str) -> bool {
        let signal = canonical(signal);
        let is_in = |list: &[String]| list.iter().any(|name| canonical(name) == signal);
        let Handler { graceful, waits, unhandled, none, .. } = &self.signals;
        // Python's own handler for SIGINT, which cuts, is not there where that is ignored.
        (*none && !is_in(graceful) && !is_in(waits)) || is_in(unhandled)
    }

    /// True for a wrapper that passes on a signal which ends it at once.
    pub fn tells_before_it_ends(&self, signal: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|name| canonical(name) == canonical(signal));
        self.forwards
            && !self.has_no_handler_for(signal)
            && (self.forwarded.is_empty() || is_in(&self.forwarded))
    }

    /// What its runtime does on a signal for which the program has no handler of its own.
    fn runtime_reaction(&self, signal: &str, pid1: bool) -> Option<Reaction> {
        match (self.runtime?, signal) {
            (_, "TERM") => None,
            (Runtime::Jvm, "QUIT") => Some(Reaction::Ignores),
            (Runtime::Go, "QUIT") => Some(Reaction::Cuts),
            _ => self.takes_as_term(signal).then(|| self.reaction("TERM", pid1)),
        }
    }

    /// True if nothing makes it finish its work before it ends: an end on a signal is the best there is.
    pub fn only_ends_fast(&self) -> bool {
        self.signals.graceful.is_empty() && self.graceful_with.is_none() && !self.signals.none
    }

    /// What this program does on a signal (`TERM`, `SIGTERM`), as PID 1 or as another process.
    pub fn reaction(&self, signal: &str, pid1: bool) -> Reaction {
        let signal = canonical(signal);
        let is_in = |list: &[String]| list.iter().any(|name| canonical(name) == signal);
        if self.known_as_pid1 && !pid1 {
            Reaction::Unknown
        } else if is_in(&self.signals.ignored) {
            Reaction::Ignores
        } else if is_in(&self.signals.waits) {
            Reaction::Waits
        } else if is_in(&self.signals.fast) {
            Reaction::Cuts
        } else if is_in(&self.signals.graceful) {
            Reaction::Finishes
        } else if is_in(&self.signals.unhandled) {
            default_action(&signal, pid1)
        } else if let Some(reaction) = self.runtime_reaction(&signal, pid1) {
            reaction
        } else if self.signals.none {
            default_action(&signal, pid1)
        } else if self.forwards && matches!(self.kind, Kind::Init | Kind::Fork | Kind::Runner) {
            match self.forwarded.is_empty() || is_in(&self.forwarded) {
                true if self.waits_as_pid1 && !pid1 => Reaction::Cuts,
                true => Reaction::Forwards,
                false if pid1 => Reaction::Ignores,
                false => Reaction::Unknown,
            }
        } else {
            Reaction::Unknown
        }
    }
}

/// What the kernel does for a process without a handler.
fn default_action(signal: &str, pid1: bool) -> Reaction {
    match signal {
        "CHLD" | "CONT" | "URG" | "WINCH" => Reaction::Ignores,
        "KILL" => Reaction::Cuts,
        _ if pid1 => Reaction::Ignores,
        _ => Reaction::Cuts,
    }
}

/// A signal's name in upper case without SIG; numbers of the signals that images use become names.
fn canonical(signal: &str) -> String {
    let upper = signal.trim().to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    match name {
        "1" => "HUP",
        "2" => "INT",
        "3" => "QUIT",
        "9" => "KILL",
        "10" => "USR1",
        "12" => "USR2",
        "15" => "TERM",
        "17" => "CHLD",
        "18" => "CONT",
        "23" => "URG",
        "28" => "WINCH",
        "37" => "RTMIN+3",
        other => other,
    }
    .to_owned()
}
