//! Directories of services: below one that is scanned (s6-svscan, runsvdir) a directory for each service, with the script that starts it
//! and files that say how it is stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::supervised::{Program, Word};
use super::{Found, ImageFile, ImageFiles, path};
use crate::programs::Services;
use crate::shell::{self, NodeKind};
use crate::source::{Excerpt, Place, Span};

/// Seconds until SIGKILL where nothing sets any: s6-supervise waits for ever.
pub(super) const FOREVER: u64 = u32::MAX as u64;

/// The services that s6-svscan starts. `None` where more than its usual stop may happen, or nothing is known of the directory.
pub fn s6(files: &dyn ImageFiles, directory: &str) -> Option<Vec<Arc<Program>>> {
    // What it does on a signal, and what follows it in the end, may be scripts.
    let control = path::under(directory, ".s6-svscan");
    let own = files.list(&control);
    let may_do_more = |name: &String| name != "crash" && name != "finish";
    // What it becomes in the end is of no interest any more: its services have ended.
    let ends = || matches!(files.find(&path::under(&control, "finish")), Found::Unknown | Found::File(_));
    if own.iter().any(may_do_more) || !ends() {
        return None;
    }
    let directories = below(files, directory);
    let scan = Scan { files, services: Services::S6Svscan, patience: FOREVER };
    let is_plain = |at: &&String| scan.file(at, "down").is_none() && !scan.finish_may_kill(at);
    some(directories.iter().filter(is_plain).filter_map(|at| scan.service(at)).collect())
}

/// The services that runsvdir starts, each of which is killed after `patience` seconds.
pub fn runit(files: &dyn ImageFiles, directory: &str, patience: u64) -> Vec<Arc<Program>> {
    let scan = Scan { files, services: Services::MyInit, patience };
    // Scripts below `control` take the place of signals, and `finish` may tell what `run` has left behind.
    let is_plain = |at: &&String| {
        scan.file(at, "down").is_none()
            && !scan.finish_may_kill(at)
            && files.list(&path::under(at, "control")).is_empty()
    };
    below(files, directory).iter().filter(is_plain).filter_map(|at| scan.service(at)).collect()
}

/// The directories of services in one that is scanned.
pub(super) fn below(files: &dyn ImageFiles, directory: &str) -> Vec<String> {
    let names = files.list(directory).into_iter().filter(|name| !name.starts_with('.'));
    names.map(|name| path::under(directory, &name)).collect()
}

fn some(services: Vec<Arc<Program>>) -> Option<Vec<Arc<Program>>> {
    (!services.is_empty()).then_some(services)
}

/// How the directories of services are read.
pub(super) struct Scan<'a> {
    pub(super) files: &'a dyn ImageFiles,
    pub(super) services: Services,
    /// Seconds that a service gets, unless it says otherwise itself.
    pub(super) patience: u64,
}

impl Scan<'_> {
    /// A service, if it is known what starts it and how it is stopped.
    pub(super) fn service(&self, directory: &str) -> Option<Arc<Program>> {
        let Some(Found::File(run)) = self.file(directory, "run") else { return None };
        Some(Arc::new(Program {
            services: self.services,
            name: path::base_name(directory).to_owned(),
            command: vec![Word { text: Arc::new(path_of(&run)) }],
            place: first_line(&run.text),
            directory: Some(directory.to_owned()),
            stop_wait: self.patience(directory)?,
            stop_signal: match self.file(directory, "down-signal") {
                Some(found) => Some(text(&found)?),
                None => None,
            },
            stops_group: false,
            kills_group: false,
            logged: self.services == Services::S6Svscan
                && self.file(&path::under(directory, "log"), "run").is_some(),
            waits: false,
            group: None,
            stays: true,
            given_up: false,
            file: run.text,
            settings: BTreeMap::new(),
        }))
    }

    /// Seconds until it is killed or given up. Both files hold milliseconds, of which none means for ever.
    fn patience(&self, directory: &str) -> Option<u64> {
        let mut patience = self.patience;
        for name in ["timeout-kill", "timeout-down"] {
            if let Some(found) = self.file(directory, name) {
                let milliseconds: u64 = text(&found)?.parse().ok()?;
                let seconds = if milliseconds == 0 { FOREVER } else { milliseconds.div_ceil(1000) };
                patience = patience.min(seconds);
            }
        }
        Some(patience)
    }

    /// What is at a service's file; `None` if nothing puts one there.
    pub(super) fn file(&self, directory: &str, name: &str) -> Option<Found> {
        match self.files.find(&path::under(directory, name)) {
            Found::Unknown => None,
            found => Some(found),
        }
    }

    /// True if a `finish` script may tell what `run` has left behind.
    pub(super) fn finish_may_kill(&self, directory: &str) -> bool {
        if matches!(self.file(directory, "run"), Some(Found::File(run)) if becomes_service(&run)) {
            return false;
        }
        self.file(directory, "finish")
            .is_some_and(|found| text(&found).is_none_or(|text| text.contains("kill")))
    }
}

/// A file's text without the line's end.
pub(super) fn text(found: &Found) -> Option<String> {
    match found {
        Found::File(file) => Some(file.text.text().trim().to_owned()),
        _ => None,
    }
}

/// True for a script whose last statement is `exec`: what `run` has become is all that there is.
fn becomes_service(file: &ImageFile) -> bool {
    let script = shell::parse(Arc::clone(&file.text));
    script.statements.last().is_some_and(|last| match &last.kind {
        NodeKind::Redirected(inner, _) => inner.is_command(&["exec"]),
        _ => last.is_command(&["exec"]),
    })
}

/// The path of a file as a word that nobody wrote.
fn path_of(file: &ImageFile) -> Excerpt {
    Excerpt::derived(file.text.source(), file.text.span(), file.path.as_str())
}

fn first_line(text: &Excerpt) -> Place {
    text.place(Span::new(0, text.text().find(['\r', '\n']).unwrap_or(text.text().len())))
}
