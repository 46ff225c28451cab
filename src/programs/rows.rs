//! Rows from TOML text: those that ship with pidone, and those that a user adds in front of them.

use serde::Deserialize;
use toml::Spanned;

use super::drain::Drain;
use super::images::{Image, Images};
use super::{Kind, Program, Tables};
use crate::source::Span;

/// Why rows cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RowError {
    /// What is wrong, for people.
    pub message: String,
    /// Where in the text.
    pub span: Span,
}

impl From<toml::de::Error> for RowError {
    fn from(error: toml::de::Error) -> Self {
        RowError {
            message: error.message().to_owned(),
            span: error.span().map(Span::from).unwrap_or_default(),
        }
    }
}

/// The rows that ship with pidone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgramFile {
    program: Vec<Program>,
    drain: Vec<Drain>,
}

/// The rows in a user's file, whatever else is in it.
#[derive(Deserialize)]
struct UserRows {
    #[serde(default)]
    program: Vec<Spanned<Program>>,
    #[serde(default)]
    image: Vec<Spanned<Image>>,
}

impl Tables {
    /// The tables that ship with pidone, as the build script has written them.
    pub(super) fn read_builtin() -> serde_json::Result<Tables> {
        let file: ProgramFile =
            serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/programs.json")))?;
        let images: Images = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/images.json")))?;
        Ok(Self::assemble(file.program, file.drain, images, 0))
    }

    /// Parses the tables that ship with pidone. [`Tables::builtin`] is what to use; this one tells what is wrong with them.
    pub fn parse_builtin() -> Result<Tables, RowError> {
        let file: ProgramFile = toml::from_str(include_str!("../../rules/programs.toml"))?;
        let images: Images = toml::from_str(include_str!("../../rules/images.toml"))?;
        Ok(Self::assemble(file.program, file.drain, images, 0))
    }

    /// These tables with the `[[program]]` and `[[image]]` of a TOML text in front, so that they win. What else the text holds is not
    /// looked at. Rows have the form of `rules/programs.toml` and `rules/images.toml`, but need no version and no source.
    pub fn with_rows(&self, text: &str) -> Result<Tables, RowError> {
        let rows: UserRows = toml::from_str(text)?;
        for row in &rows.program {
            refuse(row.get_ref().problems(), row.span().into())?;
        }
        for row in &rows.image {
            refuse(self.images.problems_of(row.get_ref()), row.span().into())?;
        }
        let own: Vec<Program> = rows.program.into_iter().map(Spanned::into_inner).collect();
        let count = own.len() + self.own;
        let programs = own.into_iter().chain(self.programs().iter().cloned()).collect();
        let images = self.images.with(rows.image.into_iter().map(Spanned::into_inner).collect());
        Ok(Self::assemble(programs, self.drains.clone(), images, count))
    }
}

fn refuse(problems: Vec<String>, span: Span) -> Result<(), RowError> {
    match problems.into_iter().next() {
        Some(message) => Err(RowError { message, span }),
        None => Ok(()),
    }
}

impl Program {
    /// Where the row contradicts itself, for people.
    pub fn problems(&self) -> Vec<String> {
        let signals = &self.signals;
        let reactions = [&signals.graceful, &signals.fast, &signals.ignored];
        let mut problems: Vec<String> = [
            (self.names.is_empty(), "a program needs a name in `names`"),
            (
                self.daemonizes && self.foreground.is_none(),
                "`daemonizes` needs `foreground`: how to keep it in front",
            ),
            (self.config_may_override && !self.daemonizes, "`config-may-override` needs `daemonizes`"),
            (self.forwards && signals.none, "a program cannot have `forwards` and `signals.none`"),
            (self.waits_as_pid1 && !self.forwards, "`waits-as-pid1` needs `forwards`"),
            (!self.forwarded.is_empty() && !self.forwards, "`forwarded` needs `forwards`"),
            (self.broadcast && self.kind != Kind::Init, "`broadcast` is for the kind `init`"),
        ]
        .into_iter()
        .filter(|(wrong, _)| *wrong)
        .map(|(_, message)| message.to_owned())
        .collect();
        for signal in reactions.into_iter().chain([&self.forwarded]).flatten().chain(&self.sends) {
            if signal.is_empty() || signal.starts_with("SIG") || *signal != signal.to_uppercase() {
                problems
                    .push(format!("`{signal}`: signals are written in upper case and without SIG (`TERM`)"));
            }
            if reactions.iter().filter(|list| list.contains(signal)).count() > 1 {
                problems.push(format!("{signal} is in two lists of `signals`"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_script_changes_nothing() {
        let rows =
            |tables: &Tables| format!("{:?} {:?} {:?}", tables.programs(), tables.drains, tables.images);
        assert!(rows(&Tables::read_builtin().unwrap()) == rows(&Tables::parse_builtin().unwrap()));
    }
}
