//! A loader that remembers what was read.

use std::sync::{Arc, Mutex};

use camino::Utf8Path;

use crate::source::{EntryKind, Loader, ReadError, Source};

/// Remembers what was read.
pub(super) struct Recorder<'a> {
    under: &'a dyn Loader,
    sources: Mutex<Vec<Arc<Source>>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(under: &'a dyn Loader) -> Self {
        Self { under, sources: Mutex::default() }
    }

    pub(super) fn into_sources(self) -> Vec<Arc<Source>> {
        let mut sources = self.sources.into_inner().unwrap_or_default();
        sources.sort_by(|a, b| a.path().cmp(b.path()));
        sources
    }
}

impl Loader for Recorder<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let source = self.under.read(path)?;
        if let Ok(mut sources) = self.sources.lock()
            && !sources.iter().any(|known| Arc::ptr_eq(known, &source) || known.path() == source.path())
        {
            sources.push(Arc::clone(&source));
        }
        Ok(source)
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        self.under.kind(path)
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.under.list(path)
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.under.executable(path)
    }
}
