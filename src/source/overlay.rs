//! A [`Loader`] over another one, with some files replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::memory::{kind_in, names_in};
use super::{EntryKind, Loader, ReadError, Source};

/// Some files replaced in memory over another loader: an editor's buffers, or a fix before it is shown.
pub struct OverlayLoader<'a> {
    under: &'a dyn Loader,
    files: BTreeMap<Utf8PathBuf, Arc<Source>>,
}

impl<'a> OverlayLoader<'a> {
    /// Everything as in `under`, so far.
    pub fn new(under: &'a dyn Loader) -> Self {
        Self { under, files: BTreeMap::new() }
    }

    /// Replaces or adds the file at the source's path.
    pub fn insert(&mut self, source: Arc<Source>) {
        self.files.insert(source.path().to_owned(), source);
    }

    /// The replaced file at `path`, if it is one.
    pub fn replaced(&self, path: &Utf8Path) -> Option<&Arc<Source>> {
        self.files.get(path)
    }
}

impl Loader for OverlayLoader<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        self.files.get(path).map_or_else(|| self.under.read(path), |source| Ok(Arc::clone(source)))
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        kind_in(&self.files, path).or_else(|| self.under.kind(path))
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        let mut names = names_in(&self.files, path);
        names.extend(self.under.list(path));
        names.sort_unstable();
        names.dedup();
        names
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.under.executable(path)
    }
}
