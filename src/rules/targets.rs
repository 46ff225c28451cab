//! Whom a new handler tells, and by which variables it knows them.

use super::trap::{number, or_not};
use crate::launch::{Job, ShellState, Signal};

/// What a service is told by: SIGTERM, unless it is known to want another one.
pub(super) fn told_by(job: &Job) -> Signal {
    job.wants.unwrap_or(Signal::TERM)
}

/// The services that a handler tells, by the signals for them.
pub(super) struct Targets {
    /// A variable that the script does not use.
    free_name: &'static str,
    /// In the order in which the first service of each signal is started.
    groups: Vec<Group>,
}

/// Those that are told by one signal.
struct Group {
    signal: Signal,
    /// Variables that hold the number of one service each.
    numbers: Vec<String>,
    /// The variable that holds the numbers of the others.
    list: Option<String>,
}

impl Targets {
    pub(super) fn new(free_name: &'static str) -> Self {
        Self { free_name, groups: Vec::new() }
    }

    /// A service whose number a variable holds.
    pub(super) fn add(&mut self, signal: Signal, variable: String) {
        self.group(signal).numbers.push(variable);
    }

    /// What puts the last job's number on the list for a signal.
    pub(super) fn collect(&mut self, signal: Signal) -> String {
        let name = match self.lists().next() {
            None => self.free_name.to_owned(),
            Some(_) => format!("{}_{}", self.free_name, signal.name().to_lowercase()),
        };
        let list = self.group(signal).list.get_or_insert(name);
        format!("{list}=\"${list} $!\"")
    }

    fn group(&mut self, signal: Signal) -> &mut Group {
        let at = self.groups.iter().position(|group| group.signal == signal).unwrap_or_else(|| {
            self.groups.push(Group { signal, numbers: Vec::new(), list: None });
            self.groups.len() - 1
        });
        &mut self.groups[at]
    }

    /// The variables that hold lists.
    pub(super) fn lists(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().filter_map(|group| group.list.as_deref())
    }

    /// All of them as words of a command.
    pub(super) fn all(&self, shell: &ShellState) -> Vec<String> {
        self.groups.iter().flat_map(|group| group.words(shell)).collect()
    }

    /// The commands that tell all of them.
    pub(super) fn told(&self, shell: &ShellState) -> String {
        let kill = |group: &Group| {
            let words: Vec<String> = group.words(shell).collect();
            format!("kill -{} {} 2>/dev/null{}; ", group.signal.name(), words.join(" "), or_not(shell))
        };
        self.groups.iter().map(kill).collect()
    }
}

impl Group {
    fn words(&self, shell: &ShellState) -> impl Iterator<Item = String> {
        let list = self.list.iter().map(|list| format!("${list}"));
        self.numbers.iter().map(|name| number(name, shell)).chain(list)
    }
}
