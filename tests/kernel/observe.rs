//! Looking into a running container: its processes, and what its services have logged.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use crate::container::{Fate, Service};
use crate::programs::{Role, base_name, role};
use crate::starter::LAUNCHER;
use crate::support::Outcome;

#[derive(Debug, PartialEq, Eq)]
struct Process {
    pid: u32,
    state: char,
    argv: Vec<String>,
}

/// The processes of a container.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tree(Vec<Process>);

impl Tree {
    /// Reads the container's own /proc; empty when there is none (any more).
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut processes = Vec::new();
        for entry in fs::read_dir(root.join("proc"))? {
            let entry = entry?;
            let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
            // A process may end while it is being read.
            let (Ok(stat), Ok(argv)) =
                (fs::read_to_string(entry.path().join("stat")), fs::read(entry.path().join("cmdline")))
            else {
                continue;
            };
            let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('?');
            let argv = String::from_utf8_lossy(&argv);
            let argv = argv.trim_end_matches('\0').split('\0').map(str::to_owned).collect();
            processes.push(Process { pid, state, argv });
        }
        processes.sort_by_key(|process| process.pid);
        Ok(Self(processes))
    }

    /// True if something is going on: a process is running, or one is there only to prepare.
    pub(crate) fn is_busy(&self, declared: &BTreeMap<String, Role>) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|process| {
                let name = process.argv.first().map_or("", String::as_str);
                matches!(process.state, 'R' | 'D')
                    || name == LAUNCHER
                    || matches!(role(base_name(name), declared), Some(Role::Setup | Role::SlowSetup))
            })
    }

    /// The command line of PID 1.
    pub(crate) fn pid1(&self) -> Vec<String> {
        self.0.iter().find(|process| process.pid == 1).map(|process| process.argv.clone()).unwrap_or_default()
    }

    /// How many have ended and not been waited for.
    pub(crate) fn zombies(&self) -> usize {
        self.0.iter().filter(|process| process.state == 'Z').count()
    }
}

/// What the services logged.
pub(crate) struct Log {
    /// The services by name.
    pub(crate) services: BTreeMap<String, Service>,
}

impl Log {
    /// Reads the log, of which the first `before` bytes were written before the stop.
    pub(crate) fn parse(text: &str, before: usize) -> Self {
        let mut processes: BTreeMap<(&str, &str), Service> = BTreeMap::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            at += line.len();
            let mut words = line.split_ascii_whitespace();
            let (Some(pid), Some(name), Some(event)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let service = processes
                .entry((name, pid))
                .or_insert_with(|| Service { fate: Fate::Killed, signals: Vec::new() });
            match event {
                "signal" => service.signals.extend(words.next().map(str::to_owned)),
                "fast" => service.fate = Fate::Fast,
                "clean" => service.fate = Fate::Clean,
                "ended" if at <= before => service.fate = Fate::Ended,
                "ended" => service.fate = Fate::Clean,
                _ => {}
            }
        }
        let mut services: BTreeMap<String, Service> = BTreeMap::new();
        for ((name, _), service) in processes {
            match services.get_mut(name) {
                None => drop(services.insert(name.to_owned(), service)),
                Some(known) => {
                    known.fate = known.fate.max(service.fate);
                    known.signals.extend(service.signals);
                }
            }
        }
        Self { services }
    }

    /// How the stop ended.
    pub(crate) fn outcome(&self, early: bool, killed: bool) -> Outcome {
        if early {
            Outcome::ExitsEarly
        } else if killed {
            Outcome::Timeout
        } else if self.services.values().all(|service| matches!(service.fate, Fate::Clean | Fate::Ended)) {
            Outcome::Graceful
        } else {
            Outcome::Abrupt
        }
    }
}
