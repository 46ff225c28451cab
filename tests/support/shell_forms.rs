//! `tests/data/shell-forms.toml`: what becomes of the services that a shell starts, for each shell.

use std::collections::BTreeMap;
use std::fs;

use serde::Deserialize;

use super::{Files, Outcome, repository};

/// How the text is given to the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Form {
    /// `sh -c TEXT`.
    #[serde(rename = "sh -c")]
    Inline,
    /// A file that starts with the shell's shebang.
    #[serde(rename = "script")]
    Script,
}

/// The shells that the rows are about: Debian's dash, busybox ash, bash.
pub const SHELLS: [&str; 3] = ["dash", "ash", "bash"];

/// One row.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellForm {
    /// What it shows; unique among the rows of its form.
    pub name: String,
    /// How the text is given to the shell.
    pub form: Form,
    /// The text. `srv NAME` is a service of that name.
    pub text: String,
    /// The outcome for each shell.
    pub outcome: BTreeMap<String, Outcome>,
    /// The outcome for bash up to a version (`"4.4"`), where it is not that of bash 5.2.
    #[serde(default)]
    pub older: BTreeMap<String, Outcome>,
    /// Where the outcome is the shell's whim, or rests on a race: those shells are not run, nor those versions (`bash 4.2`).
    #[serde(default)]
    pub unsettled: Vec<String>,
    /// The services: those that are told and finish (`clean`), and those that are not (`killed`), where it matters.
    #[serde(default)]
    pub fates: BTreeMap<String, BTreeMap<String, String>>,
    /// Files besides, under /app, the working directory.
    #[serde(default)]
    pub files: Files,
    /// Arguments of the script.
    #[serde(default)]
    pub args: Vec<String>,
}

impl ShellForm {
    /// True for a shell, or this version of bash, in which the outcome is not settled.
    pub fn is_unsettled(&self, shell: &str, bash: &str) -> bool {
        self.unsettled.iter().any(|own| own == shell || (shell == "bash" && *own == format!("bash {bash}")))
    }

    /// The outcome for a shell; for bash of this version (`5.0`).
    pub fn outcome_of(&self, shell: &str, bash: &str) -> Option<Outcome> {
        let older = self.older.iter().find(|(last, _)| bash <= last.as_str()).filter(|_| shell == "bash");
        older.map(|(_, outcome)| *outcome).or_else(|| self.outcome.get(shell).copied())
    }
}

#[derive(Deserialize)]
struct Table {
    row: Vec<ShellForm>,
}

/// Every row. A table that cannot be read ends the test.
pub fn all() -> Vec<ShellForm> {
    let path = repository("tests/data/shell-forms.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    toml::from_str::<Table>(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display())).row
}
