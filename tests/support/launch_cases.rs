//! `tests/data/launch.jsonl`: reported faults, refused fixes and false alarms, each as a minimal project.

use std::fs;

use serde::Deserialize;

use super::{Files, Outcome, repository};

/// One row.
#[derive(Debug, Clone, Deserialize)]
pub struct LaunchCase {
    /// Its name.
    pub id: String,
    /// Where it was reported.
    pub url: String,
    /// The kind of fault.
    pub category: String,
    /// `positive`, `negative` or `hazard`.
    pub kind: String,
    /// True if the files alone show it.
    pub lintable: bool,
    /// The project as reported.
    pub before: Files,
    /// The project as people settled on; only files that are there.
    pub after: Files,
    /// What a kernel did; `None` where it was not run.
    pub verified: Option<Verified>,
}

/// What a kernel did, in the words of the data.
#[derive(Debug, Clone, Deserialize)]
pub struct Verified {
    /// With the project as reported.
    pub before: String,
    /// With the repaired one.
    pub after: String,
}

impl LaunchCase {
    /// The project as repaired: `after` laid over `before`.
    pub fn repaired(&self) -> Files {
        let mut files = self.before.clone();
        files.extend(self.after.clone());
        files
    }
}

/// The data's word as an outcome: `fast` drops work, `stopped` had none; what follows a `+` is beside the point.
pub fn outcome(word: &str) -> Option<Outcome> {
    match word.split('+').next()? {
        "graceful" | "stopped" => Some(Outcome::Graceful),
        "abrupt" | "fast" => Some(Outcome::Abrupt),
        "timeout" => Some(Outcome::Timeout),
        "exits-early" => Some(Outcome::ExitsEarly),
        _ => None,
    }
}

/// Every row. A row that cannot be read ends the test.
pub fn all() -> Vec<LaunchCase> {
    let path = repository("tests/data/launch.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}
