//! s6-overlay's services: those below `/etc/services.d`, and those of `/etc/s6-overlay/s6-rc.d` that its bundles lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::scandir::{FOREVER, Scan, below, text};
use super::supervised::Program;
use super::{ImageFiles, path};
use crate::programs::Services;
use crate::source::base_name;

/// Where services are defined that s6-rc starts.
const SOURCES: &str = "/etc/s6-overlay/s6-rc.d";
/// What it starts: all that these bundles contain, and what that depends on.
const BUNDLES: [&str; 4] = [
    "/etc/s6-overlay/s6-rc.d/user/contents.d",
    "/etc/s6-overlay/s6-rc.d/user2/contents.d",
    "/etc/s6-overlay/user-bundles.d/user/contents.d",
    "/etc/s6-overlay/user-bundles.d/user2/contents.d",
];
/// Where versions 1 and 2 had all services.
const LEGACY: &str = "/etc/services.d";
/// Scripts that run before them.
const INIT_SCRIPTS: &str = "/etc/cont-init.d";

/// How the names of its files begin.
const FILES: &str = "s6-overlay";

/// Milliseconds for the services of [`LEGACY`], and in the end for everything that is left, unless the environment says otherwise.
const GRACE: u64 = 3000;

/// What counts of s6-overlay's version: the third has another program as PID 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 1 and 2.
    Before3,
    /// 3 and later.
    Since3,
}

/// The version that a Dockerfile downloads, by how the names of its files end. `None` if it names none, or several.
pub fn version(dockerfile: &str) -> Option<Version> {
    if !dockerfile.contains(FILES) {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | ')');
    let files = dockerfile.split(is_end).map(base_name);
    let mut versions = files.filter(|file| file.starts_with(FILES)).filter_map(|file| match file {
        _ if file.ends_with(".tar.gz") || file.ends_with("-installer") => Some(Version::Before3),
        _ if file.ends_with(".tar.xz") => Some(Version::Since3),
        _ => None,
    });
    let first = versions.next()?;
    versions.all(|other| other == first).then_some(first)
}

/// The services that s6-overlay's `/init` starts, as far as they are known.
pub fn services(files: &dyn ImageFiles, env: &BTreeMap<String, String>) -> Vec<Arc<Program>> {
    let patience = milliseconds(env, "S6_SERVICES_GRACETIME").div_ceil(1000);
    let legacy = Scan { files, services: Services::S6Overlay, patience };
    let rc = Scan { patience: FOREVER, ..legacy };
    let old = below(files, LEGACY)
        .into_iter()
        .filter(|at| legacy.file(at, "down").is_none())
        .map(|at| (&legacy, at));
    let new = started(&rc).into_iter().map(|at| (&rc, at));
    old.chain(new)
        .filter(|(scan, at)| !scan.finish_may_kill(at))
        .filter_map(|(scan, at)| scan.service(&at))
        .collect()
}

/// True if a script that runs before the services names a place where they are defined: it may write, or remove, some.
pub fn are_made_at_start(files: &dyn ImageFiles) -> bool {
    let names_place = |line: &str| [LEGACY, SOURCES].iter().any(|place| line.contains(place));
    let texts = below(files, INIT_SCRIPTS).into_iter().filter_map(|script| text(&files.find(&script)));
    texts
        .into_iter()
        .any(|text| text.lines().any(|line| !line.trim_start().starts_with('#') && names_place(line)))
}

/// Milliseconds between the last signal to everything that is left and SIGKILL.
pub fn last_round(env: &BTreeMap<String, String>) -> u64 {
    milliseconds(env, "S6_KILL_GRACETIME")
}

/// True for a service whose script can be executed, whatever its mode: s6-rc makes a copy, and before version 3, which has s6-rc, all
/// scripts get their modes first.
pub fn is_made_executable(service: &Program, dockerfile: &str) -> bool {
    let is_below = |place| service.directory.as_deref().is_some_and(|directory| directory.starts_with(place));
    is_below(SOURCES) || (is_below(LEGACY) && version(dockerfile) == Some(Version::Before3))
}

fn milliseconds(env: &BTreeMap<String, String>, name: &str) -> u64 {
    env.get(name).and_then(|value| value.parse().ok()).unwrap_or(GRACE)
}

/// The directories of the longruns that s6-rc starts.
fn started(scan: &Scan<'_>) -> Vec<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut todo: Vec<String> = BUNDLES.iter().flat_map(|bundle| scan.files.list(bundle)).collect();
    while let Some(name) = todo.pop() {
        let at = path::under(SOURCES, &name);
        if !name.is_empty() && names.insert(name) {
            for list in ["contents.d", "dependencies.d"] {
                todo.extend(scan.files.list(&path::under(&at, list)));
            }
            for list in ["contents", "dependencies"] {
                let text = scan.file(&at, list).and_then(|found| text(&found)).unwrap_or_default();
                todo.extend(text.lines().map(|line| line.trim().to_owned()));
            }
        }
    }
    let directories = names.iter().map(|name| path::under(SOURCES, name));
    let is_longrun =
        |at: &String| scan.file(at, "type").and_then(|found| text(&found)).as_deref() == Some("longrun");
    directories.filter(is_longrun).collect()
}
