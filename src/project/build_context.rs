//! The folder that is sent to the build, without what `.dockerignore` leaves out.

use camino::{Utf8Path, Utf8PathBuf};

use crate::dockerfile::{Dockerfile, Keyword};
use crate::source::{EntryKind, Loader};

use super::copy;
use super::dockerignore::Patterns;
use super::glob::{self, Glob};
use super::path;

/// How many entries of the context one wildcard may name; a pattern that names more is a pattern for data.
const MAX_MATCHES: usize = 4096;

/// The build context. Its paths are relative to its root, normalised; the root itself is empty.
pub(super) struct BuildContext<'a> {
    pub(super) loader: &'a dyn Loader,
    pub(super) root: Utf8PathBuf,
    ignore: Patterns,
}

/// What the context holds at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    File,
    Directory,
    /// It is there, but `.dockerignore` leaves it out.
    Ignored,
    Missing,
}

impl<'a> BuildContext<'a> {
    /// The folder `root` as the context of a Dockerfile.
    pub(super) fn new(dockerfile: &Dockerfile, loader: &'a dyn Loader, root: Utf8PathBuf) -> Self {
        let file = dockerfile.source.path();
        let ignore = [Utf8PathBuf::from(format!("{file}.dockerignore")), root.join(".dockerignore")]
            .iter()
            .find_map(|path| loader.read(path).ok())
            .map(|source| Patterns::parse(source.text()))
            .unwrap_or_default();
        Self { loader, root, ignore }
    }

    /// A path of the context as a path of the project.
    pub(super) fn project_path(&self, file: &str) -> Utf8PathBuf {
        in_root(&self.root, file)
    }

    /// What is at a path.
    pub(super) fn entry(&self, file: &str) -> Entry {
        match self.loader.kind(&self.project_path(file)) {
            None => Entry::Missing,
            // Files below an ignored directory may be taken back by an exception.
            Some(EntryKind::Directory) => Entry::Directory,
            Some(EntryKind::File) if self.ignore.exclude(file) => Entry::Ignored,
            Some(EntryKind::File) => Entry::File,
        }
    }

    /// The files and directories that a source with wildcards names.
    pub(super) fn matches(&self, pattern: &str) -> Vec<(String, Entry)> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            if !glob::has_wildcards(part) {
                next.extend(found.iter().map(|dir| path::under(dir, part)).map(relative));
            } else if let Some(glob) = Glob::new(part) {
                for dir in &found {
                    let names = self.loader.list(&self.project_path(dir));
                    let names = names.iter().filter(|name| glob.matches(name));
                    next.extend(names.map(|name| path::under(dir, name)).map(relative));
                    if next.len() > MAX_MATCHES {
                        return Vec::new();
                    }
                }
            }
            found = next;
        }
        let entries = found.into_iter().map(|file| (self.entry(&file), file));
        let there = entries.filter(|(entry, _)| matches!(entry, Entry::File | Entry::Directory));
        there.map(|(entry, file)| (file, entry)).collect()
    }
}

/// Without the slash that stems from the empty root.
fn relative(path: String) -> String {
    path.strip_prefix('/').map(str::to_owned).unwrap_or(path)
}

fn in_root(root: &Utf8Path, file: &str) -> Utf8PathBuf {
    if file.is_empty() { root.to_owned() } else { root.join(file) }
}

/// The folders that may be the context of a Dockerfile: its own, and those above it.
pub(super) fn candidates(dockerfile: &Dockerfile) -> impl Iterator<Item = &Utf8Path> {
    dockerfile.source.path().ancestors().skip(1)
}

/// The nearest candidate in which most of the sources exist that are named without wildcards; `None` if none exists in any.
pub(super) fn root_of_sources(dockerfile: &Dockerfile, loader: &dyn Loader) -> Option<Utf8PathBuf> {
    let copies = dockerfile.instructions.iter().filter(|i| matches!(i.keyword, Keyword::Copy | Keyword::Add));
    let mut sources: Vec<String> =
        copies.filter(|copy| copy.flag("from").is_none()).flat_map(copy::literal_sources).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut best = (None, 0);
    for root in candidates(dockerfile) {
        if best.1 == sources.len() {
            break;
        }
        let there = |source: &&String| loader.kind(&in_root(root, source)).is_some();
        let count = sources.iter().filter(there).count();
        if count > best.1 {
            best = (Some(root.to_owned()), count);
        }
    }
    best.0
}
