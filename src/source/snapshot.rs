//! A [`Loader`] that asks another one everything once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;

use super::{EntryKind, Loader, ReadError, Source};

/// What is remembered at most, in bytes. Files are asked for folder by folder, so what was forgotten is seldom asked for again.
const MAX_SIZE: usize = 8 * 1024 * 1024;
/// What an answer takes besides its text.
const ANSWER: usize = 200;
/// Folders above a file that are listed before it is asked for.
const MAX_DEPTH: usize = 64;

/// Files as they were when they were first asked for: each is read once, whatever number of images has it, and what its folder's list
/// does not name is not asked for at all.
pub struct Snapshot<'a> {
    under: &'a dyn Loader,
    known: Mutex<Known>,
}

/// The answers so far.
#[derive(Default)]
struct Known {
    /// By path. Paths are normalised, so that they are compared as texts, not part by part.
    paths: HashMap<String, Answers>,
    size: usize,
}

/// The answers for one path.
#[derive(Default, Clone)]
struct Answers {
    source: Option<Arc<Source>>,
    kind: Option<Option<EntryKind>>,
    executable: Option<Option<bool>>,
    names: Option<Arc<[String]>>,
}

impl Known {
    fn answers(&mut self, path: &Utf8Path, size: usize) -> &mut Answers {
        self.size += ANSWER + size;
        if self.size > MAX_SIZE {
            *self = Self::default();
        }
        self.paths.entry(path.as_str().to_owned()).or_default()
    }
}

impl<'a> Snapshot<'a> {
    /// Everything as in `under`.
    pub fn new(under: &'a dyn Loader) -> Self {
        Self { under, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer, if it is known. The lock is not held while another loader is asked.
    fn get<T>(&self, path: &Utf8Path, answer: impl FnOnce(&Answers) -> Option<T>) -> Option<T> {
        self.known().paths.get(path.as_str()).and_then(answer)
    }

    fn names(&self, folder: &Utf8Path) -> Arc<[String]> {
        if let Some(names) = self.get(folder, |answers| answers.names.clone()) {
            return names;
        }
        let names: Arc<[String]> = self.under.list(folder).into();
        let size = names.iter().map(|name| name.len() + size_of::<String>()).sum();
        self.known().answers(folder, size).names = Some(Arc::clone(&names));
        names
    }

    /// False if a folder on the way to the path is known not to have it.
    fn may_exist(&self, path: &Utf8Path) -> bool {
        let mut parts = path.as_str().split('/');
        if parts.any(|part| matches!(part, "" | "." | "..")) || path.as_str().matches('/').count() > MAX_DEPTH
        {
            return true;
        }
        let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
        let folder = Utf8Path::new(folder);
        // Where a list names something, all folders above are there.
        let listed = self.get(folder, |answers| answers.names.clone()).filter(|names| !names.is_empty());
        let names = match listed {
            Some(names) => names,
            None if self.may_exist(folder) => self.names(folder),
            None => return false,
        };
        // An empty list may be that of a folder that cannot be listed.
        names.is_empty() || names.binary_search_by(|known| known.as_str().cmp(name)).is_ok()
    }
}

impl Loader for Snapshot<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        if let Some(source) = self.get(path, |answers| answers.source.clone()) {
            return Ok(source);
        }
        if !self.may_exist(path) {
            return Err(ReadError::NotFound);
        }
        let source = self.under.read(path)?;
        // Two threads may have read it at once; there is one text all the same.
        Ok(Arc::clone(self.known().answers(path, source.text().len()).source.get_or_insert(source)))
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        if let Some(kind) = self.get(path, |answers| answers.kind) {
            return kind;
        }
        let kind = if self.may_exist(path) { self.under.kind(path) } else { None };
        self.known().answers(path, 0).kind = Some(kind);
        kind
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        if self.may_exist(path) { self.names(path).to_vec() } else { Vec::new() }
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        if let Some(executable) = self.get(path, |answers| answers.executable) {
            return executable;
        }
        let executable = if self.may_exist(path) { self.under.executable(path) } else { None };
        self.known().answers(path, 0).executable = Some(executable);
        executable
    }
}
