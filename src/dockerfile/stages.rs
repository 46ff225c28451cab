//! Instructions to stages: FROM, its name, and what it builds on.

use std::ops::Range;

use crate::source::Span;

use super::Dockerfile;

/// One build stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// `AS name`, in lower case.
    pub name: Option<String>,
    /// What FROM names.
    pub base: StageBase,
    /// The FROM instruction.
    pub from: Span,
    /// The value of `--platform`, variables substituted where they can be.
    pub platform: Option<String>,
    /// The stage's instructions, FROM excluded: indices into [`Dockerfile::instructions`].
    pub instructions: Range<usize>,
}

/// What a stage builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageBase {
    /// An earlier stage, by index.
    Stage(usize),
    /// An image's reference, ARG defaults substituted; what cannot be substituted stays as `${NAME}`.
    Image(String),
}

impl Dockerfile {
    /// The stages, in order.
    pub fn stages(&self) -> Vec<Stage> {
        Vec::new()
    }
}
