//! How a container is run, beside what its image says.

use camino::Utf8PathBuf;

use crate::source::Place;

/// What whoever runs a container sets beside the image.
#[derive(Debug, Clone)]
pub struct Runtime {
    /// Milliseconds between the stop signal and SIGKILL.
    pub grace: u64,
    /// Where that is set.
    pub period: Option<Place>,
    /// Where the engine is told to put its own init in front.
    pub init: Option<Place>,
    /// Files and folders that are mounted over those of the image, the last one in front.
    pub mounts: Vec<Mount>,
}

/// A file or folder that is mounted over the image's.
#[derive(Debug, Clone)]
pub struct Mount {
    /// Absolute path in the container.
    pub target: String,
    /// What is to be seen there.
    pub source: MountSource,
    /// Where it is said.
    pub place: Place,
}

/// What a mount shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MountSource {
    /// A file or folder of the project.
    Project(Utf8PathBuf),
    /// A volume, which begins as a copy of what the image has there.
    Volume,
    /// Something that cannot be looked at.
    Outside,
}

impl Default for Runtime {
    /// As `docker run` does it.
    fn default() -> Self {
        Self { grace: 10_000, period: None, init: None, mounts: Vec::new() }
    }
}
