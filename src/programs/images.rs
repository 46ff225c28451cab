//! `rules/images.toml`: what base images bring along.

use serde::Deserialize;

use super::Tables;

/// The distribution, as far as it decides how packages are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Family {
    Debian,
    Alpine,
    Rhel,
    Suse,
    Arch,
    Wolfi,
    Busybox,
    /// No distribution inside (scratch, distroless).
    None,
    Windows,
    #[default]
    Unknown,
}

/// Which shell `/bin/sh` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sh {
    /// Debian's and Ubuntu's dash.
    Dash,
    /// busybox ash.
    Ash,
    /// bash.
    Bash,
    /// There is none.
    None,
    /// Not known.
    #[default]
    Unknown,
}

/// What is known about a base image.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// True if a row of the table matched.
    pub known: bool,
    /// Distribution.
    pub family: Family,
    /// `/bin/sh`.
    pub sh: Sh,
    /// True if the image has bash besides `/bin/sh`; `None` if not known.
    pub bash: Option<bool>,
    /// ENTRYPOINT, if the image sets one.
    pub entrypoint: Option<Vec<String>>,
    /// CMD, if the image sets one.
    pub cmd: Option<Vec<String>>,
    /// STOPSIGNAL, if the image sets one.
    pub stop_signal: Option<String>,
    /// USER, if the image sets one.
    pub user: Option<String>,
    /// WORKDIR, if the image sets one.
    pub workdir: Option<String>,
    /// True for a base whose ENTRYPOINT is a script that ends in `exec "$@"`.
    pub entrypoint_execs: bool,
}

impl Tables {
    /// What is known about an image's reference (`node:20-slim`, `docker.io/library/node@sha256:...`).
    pub fn base(&self, reference: &str) -> Base {
        let _ = reference;
        Base::default()
    }
}
