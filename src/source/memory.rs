//! A map as a [`Loader`]: for tests, standard input and editors.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{EntryKind, Loader, ReadError, Source};

/// Files held in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryLoader {
    files: BTreeMap<Utf8PathBuf, (Arc<Source>, Option<bool>)>,
}

impl MemoryLoader {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file of which it is not known whether it may be executed.
    #[must_use]
    pub fn with(mut self, path: impl Into<Utf8PathBuf>, text: impl Into<String>) -> Self {
        self.insert(path, text, None);
        self
    }

    /// Adds or replaces a file.
    pub fn insert(
        &mut self,
        path: impl Into<Utf8PathBuf>,
        text: impl Into<String>,
        executable: Option<bool>,
    ) {
        let path = path.into();
        let source = Source::new(path.clone(), text);
        self.files.insert(path, (source, executable));
    }

    /// The paths of all files, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &Utf8Path> {
        self.files.keys().map(Utf8PathBuf::as_path)
    }
}

impl<P: Into<Utf8PathBuf>, T: Into<String>> FromIterator<(P, T)> for MemoryLoader {
    fn from_iter<I: IntoIterator<Item = (P, T)>>(files: I) -> Self {
        files.into_iter().fold(Self::new(), |loader, (path, text)| loader.with(path, text))
    }
}

impl Loader for MemoryLoader {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        match self.kind(path) {
            Some(EntryKind::Directory) => Err(ReadError::NotAFile),
            _ => self.files.get(path).map(|(source, _)| Arc::clone(source)).ok_or(ReadError::NotFound),
        }
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        kind_in(&self.files, path)
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        names_in(&self.files, path)
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.files.get(path).and_then(|(_, executable)| *executable)
    }
}

/// What is at `path` if `files` are all there is.
pub(super) fn kind_in<T>(files: &BTreeMap<Utf8PathBuf, T>, path: &Utf8Path) -> Option<EntryKind> {
    if files.contains_key(path) {
        return Some(EntryKind::File);
    }
    // Utf8Path sorts by components, so whatever is below a directory follows it at once.
    let below = files.range::<Utf8Path, _>((Bound::Included(path), Bound::Unbounded)).next();
    below.is_some_and(|(next, _)| next.starts_with(path)).then_some(EntryKind::Directory)
}

/// The names in the directory `path` if `files` are all there is.
pub(super) fn names_in<T>(files: &BTreeMap<Utf8PathBuf, T>, path: &Utf8Path) -> Vec<String> {
    let below = files.range::<Utf8Path, _>((Bound::Included(path), Bound::Unbounded)).map(|(file, _)| file);
    let mut names: Vec<String> = below
        .map_while(|file| file.strip_prefix(path).ok())
        .filter_map(|rest| rest.components().next())
        .map(|part| part.as_str().to_owned())
        .collect();
    names.dedup();
    names
}
