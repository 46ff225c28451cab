//! Stages to images: what a container made from a stage starts with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::programs::{Base, Tables};
use crate::source::{Excerpt, Place, Span};

use super::{Dockerfile, Instruction};

/// A value with the instruction that sets it; no place if it comes from the base image.
#[derive(Debug, Clone)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// The whole instruction; `None` if inherited from the base image.
    pub place: Option<Place>,
}

/// The value of ENTRYPOINT or CMD.
#[derive(Debug, Clone)]
pub enum Command {
    /// Exec form. Empty: a reset.
    Exec(Vec<Arc<Excerpt>>),
    /// Shell form: run by the SHELL in force where the instruction stands.
    Shell {
        /// The command line.
        text: Arc<Excerpt>,
        /// The SHELL, as argv; `["/bin/sh", "-c"]` unless set.
        shell: Vec<String>,
    },
    /// Exec form, inherited from the base image, of which only the words are known.
    Inherited(Vec<String>),
}

/// What one build stage with a launch makes.
#[derive(Debug, Clone)]
pub struct Image {
    /// The file it is built from.
    pub dockerfile: Arc<Dockerfile>,
    /// Index of the stage.
    pub stage: usize,
    /// The stage's name.
    pub name: Option<String>,
    /// The FROM instruction of the stage.
    pub from: Span,
    /// The reference of the image at the end of the chain of stages, ARG defaults substituted.
    pub base_name: String,
    /// What is known about that image.
    pub base: Base,
    /// ENTRYPOINT in force; `None` if neither the stages nor the base (as far as known) set one.
    pub entrypoint: Option<Setting<Command>>,
    /// CMD in force; a CMD of the base is dropped where a stage sets ENTRYPOINT, as the engine does.
    pub cmd: Option<Setting<Command>>,
    /// STOPSIGNAL as written (`SIGTERM`, `15` ...), ENV and ARG substituted.
    pub stop_signal: Option<Setting<String>>,
    /// Working directory: absolute, normalised; `/` unless set.
    pub workdir: String,
    /// USER in force.
    pub user: Option<String>,
    /// ENV of all stages up to this one, substituted.
    pub env: BTreeMap<String, String>,
    /// True for the file's last stage.
    pub is_final: bool,
}

impl Image {
    /// The instructions of the stage and the stages it builds on, oldest first, each with the index of its stage.
    pub fn instructions(&self) -> Vec<(usize, &Instruction)> {
        Vec::new()
    }
}

/// The images of a Dockerfile: its last stage, and every other stage that sets ENTRYPOINT or CMD itself.
pub fn images(dockerfile: &Arc<Dockerfile>, tables: &Tables) -> Vec<Image> {
    let _ = (dockerfile, tables);
    Vec::new()
}
