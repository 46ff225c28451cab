//! Rows from TOML text, which a user adds in front of those that ship with pidone.

use serde::Deserialize;
use toml::Spanned;

use super::images::Image;
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

/// The rows in a user's file, whatever else is in it.
#[derive(Deserialize)]
struct UserRows {
    #[serde(default)]
    program: Vec<Spanned<Program>>,
    #[serde(default)]
    image: Vec<Spanned<Image>>,
}

impl Tables {
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
        let images = self.images.with(rows.image.into_iter().map(Spanned::into_inner).collect());
        Ok(self.with(own, images))
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
        let reactions =
            [&signals.graceful, &signals.waits, &signals.fast, &signals.ignored, &signals.unhandled];
        let mut problems: Vec<String> = [
            (self.names.is_empty(), "a program needs a name in `names`"),
            (
                self.daemonizes && self.foreground.is_none(),
                "`daemonizes` needs `foreground`: how to keep it in front",
            ),
            (self.side && self.kind != Kind::Server, "`side` is for the kind `server`"),
            (self.recipes && self.kind != Kind::Interpreter, "`recipes` is for the kind `interpreter`"),
            (self.stays && self.kind != Kind::Helper, "`stays` is for the kind `helper`"),
            (self.awaits && self.kind != Kind::Helper, "`awaits` is for the kind `helper`"),
            (self.config_may_override && !self.daemonizes, "`config-may-override` needs `daemonizes`"),
            (self.forwards && signals.none, "a program cannot have `forwards` and `signals.none`"),
            (self.forwards_with.is_some() && !self.forwards, "`forwards-with` needs `forwards`"),
            (self.waits_as_pid1 && !self.forwards, "`waits-as-pid1` needs `forwards`"),
            (!self.forwarded.is_empty() && !self.forwards, "`forwarded` needs `forwards`"),
            (self.broadcast && self.kind != Kind::Init, "`broadcast` is for the kind `init`"),
            (self.broadcast_unless.is_some() && !self.broadcast, "`broadcast-unless` needs `broadcast`"),
            (self.only_asks && self.kind != Kind::Setup, "`only-asks` is for the kind `setup`"),
            (self.told_alone && self.kind != Kind::Server, "`told-alone` is for the kind `server`"),
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
    use crate::programs::shipped::{IMAGES, PROGRAMS, Rows};

    #[derive(Deserialize)]
    struct Table<T> {
        #[serde(alias = "program", alias = "image")]
        rows: Vec<T>,
    }

    #[test]
    fn the_build_script_changes_nothing() {
        let text = include_str!("../../rules/programs.toml");
        let programs: Table<Program> = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            format!("{:?}", programs.rows),
            format!("{:?}", Vec::from_iter(Rows::<Program>::new(&PROGRAMS).all()))
        );
        let text = include_str!("../../rules/images.toml");
        let images: Table<Image> = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            format!("{:?}", images.rows),
            format!("{:?}", Vec::from_iter(Rows::<Image>::new(&IMAGES).all()))
        );
    }
}
