//! What a program needs to be run: `tests/data/programs.toml`.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use crate::support::repository;

/// One program, with certain arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The command line, quoted as in a shell. `srv inner` is a service that finishes its work on TERM and INT.
    pub(crate) run: String,
    /// What is looked up in the table, where it is not that command line (`http.server` for `python3 -m http.server`).
    pub(crate) row: Option<String>,
    /// Signals to try besides TERM and those that the row names.
    #[serde(default)]
    pub(crate) signals: Vec<String>,
    /// The root filesystem that it is installed in, where its packages exclude those of others.
    pub(crate) root: Option<String>,
    /// Debian packages.
    #[serde(default)]
    pub(crate) apt: Vec<String>,
    /// A package of PyPI, and packages to put beside it.
    #[serde(default)]
    pub(crate) pip: Vec<String>,
    /// Packages of npm.
    #[serde(default)]
    pub(crate) npm: Vec<String>,
    /// What else is done once, after the packages: lines for a shell.
    #[serde(default)]
    pub(crate) install: Vec<String>,
    /// Files to write before the start, by path; all may be executed.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// The environment.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// What it prints when it has started, where a silence does not tell.
    pub(crate) ready: Option<String>,
    /// Seconds between the stop signal and SIGKILL.
    #[serde(default = "grace")]
    pub(crate) grace: f64,
}

fn grace() -> f64 {
    4.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    program: Vec<Entry>,
}

/// All of them.
pub(crate) fn all() -> Result<Vec<Entry>, String> {
    let text =
        fs::read_to_string(repository("tests/data/programs.toml")).map_err(|error| error.to_string())?;
    let file: File = toml::from_str(&text).map_err(|error| error.to_string())?;
    Ok(file.program)
}

impl Entry {
    /// The words of the command line.
    pub(crate) fn argv(&self) -> Vec<String> {
        shlex::split(&self.run).unwrap_or_default()
    }

    /// True if it starts the inner service.
    pub(crate) fn has_inner(&self) -> bool {
        self.run.contains("srv") || self.files.values().any(|text| text.contains("srv inner"))
    }

    /// The same, with the inner service's words replaced, in its files, too.
    pub(crate) fn with_inner(&self, inner: &str) -> Entry {
        let replace = |text: &String| text.replace("srv inner", inner);
        Entry {
            run: replace(&self.run),
            files: self.files.iter().map(|(path, text)| (path.clone(), replace(text))).collect(),
            ..self.clone()
        }
    }
}
