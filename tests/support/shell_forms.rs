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
    /// Where the outcome is the shell's whim, or rests on a race: those shells are not run.
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
