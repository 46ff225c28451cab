//! The directory that s6-svscan scans: below it one directory a service, with the script that starts it and how it is stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::supervisord::{Program, Word};
use super::{Found, ImageFile, ImageFiles, path};
use crate::programs::Services;
use crate::source::{Excerpt, Place, Span};

/// Seconds until SIGKILL where no `timeout-kill` sets any: s6-supervise waits for ever.
const FOREVER: u64 = u32::MAX as u64;

/// The services that s6-svscan starts. `None` where more than its usual stop may happen, or nothing is known of the directory.
pub fn read(files: &dyn ImageFiles, directory: &str) -> Option<Vec<Arc<Program>>> {
    // What it does on a signal, and what follows it in the end, may be scripts.
    if !files.list(&path::under(directory, ".s6-svscan")).is_empty() {
        return None;
    }
    let names = files.list(directory).into_iter().filter(|name| !name.starts_with('.'));
    let directories: Vec<(String, String)> =
        names.map(|name| (path::under(directory, &name), name)).collect();
    // A logger goes on for as long as anybody can write to it.
    if directories.iter().any(|(at, _)| !files.list(&path::under(at, "log")).is_empty()) {
        return None;
    }
    let services = directories.iter().filter_map(|(at, name)| service(files, at, name));
    let services: Vec<Arc<Program>> = services.map(Arc::new).collect();
    (!services.is_empty()).then_some(services)
}

/// A service, if it is started and nothing but its own process decides when it is stopped.
fn service(files: &dyn ImageFiles, directory: &str, name: &str) -> Option<Program> {
    let file = |name: &str| match files.find(&path::under(directory, name)) {
        Found::File(file) => Ok(Some(file)),
        Found::Unreadable(reason) => Err(reason),
        Found::Unknown => Ok(None),
    };
    let text = |name: &str| Some(file(name).ok()?.map(|file| file.text.text().trim().to_owned()));
    // `finish` may tell and wait for what `run` has left behind.
    if text("down")?.is_some() || text("finish")?.is_some() {
        return None;
    }
    let run = file("run").ok()?.filter(|run| run.executable != Some(false))?;
    let milliseconds: u64 = text("timeout-kill")?.map_or(Some(0), |text| text.parse().ok())?;
    Some(Program {
        services: Services::S6Svscan,
        name: name.to_owned(),
        command: vec![Word { text: Arc::new(path_of(&run)) }],
        place: first_line(&run.text),
        directory: Some(directory.to_owned()),
        stop_wait: if milliseconds == 0 { FOREVER } else { milliseconds.div_ceil(1000) },
        stop_signal: text("down-signal")?,
        stops_group: false,
        kills_group: false,
        stays: true,
        file: run.text,
        settings: BTreeMap::new(),
    })
}

/// The path of a file as a word that nobody wrote.
fn path_of(file: &ImageFile) -> Excerpt {
    Excerpt::derived(file.text.source(), file.text.span(), file.path.as_str())
}

fn first_line(text: &Excerpt) -> Place {
    text.place(Span::new(0, text.text().find(['\r', '\n']).unwrap_or(text.text().len())))
}
