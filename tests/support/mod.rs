//! Reading the test data, for every test that needs it.
#![allow(dead_code, reason = "no test uses everything")]
#![allow(unreachable_pub, reason = "a module of several test programs")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub mod fixture;
pub mod launch_cases;
pub mod shell_forms;

/// The files of a project: path -> text.
pub type Files = BTreeMap<String, String>;

/// How a stop ends, in the words of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every service is told, and the container waits until it has finished.
    Graceful,
    /// The container stops, and a service is killed in the middle of its work.
    Abrupt,
    /// SIGKILL at the end of the grace period.
    Timeout,
    /// PID 1 ends before the stop.
    ExitsEarly,
    /// The model cannot tell. Never measured.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Graceful => "graceful",
            Self::Abrupt => "abrupt",
            Self::Timeout => "timeout",
            Self::ExitsEarly => "exits-early",
            Self::Unknown => "unknown",
        })
    }
}

/// A path inside the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
