//! A [`Loader`] that asks another one everything once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use camino::Utf8Path;

use super::{EntryKind, Loader, ReadError, Source};

/// What is remembered at most of what was asked for, and of what a walk has seen, in bytes. Files are asked for folder by folder, so what
/// was forgotten is seldom asked for again.
const MAX_SIZE: usize = 2 * 1024 * 1024;
/// What an answer takes besides its text.
const ANSWER: usize = 200;
/// Folders above a file that are listed before it is asked for.
const MAX_DEPTH: usize = 64;

/// Something in a folder.
#[derive(Debug)]
pub struct Listed {
    /// Its name.
    pub name: Box<str>,
    /// What it is; `None` where that is to be asked.
    pub kind: Option<EntryKind>,
}

/// What a walk has seen of the folders of a project, as far as there is room to remember it.
#[derive(Debug, Default, Clone)]
pub struct Lists {
    folders: HashMap<String, Arc<[Listed]>>,
    size: usize,
}

impl Lists {
    /// Notes what is in a folder, by name.
    pub fn insert(&mut self, folder: &Utf8Path, entries: Vec<Listed>) {
        self.add(folder.as_str().to_owned(), entries.into());
    }

    /// Takes in the others, too.
    pub fn append(&mut self, others: Self) {
        for (folder, entries) in others.folders {
            self.add(folder, entries);
        }
    }

    fn add(&mut self, folder: String, entries: Arc<[Listed]>) {
        self.size += ANSWER + size_of_names(&entries);
        if self.size <= MAX_SIZE {
            self.folders.insert(folder, entries);
        }
    }
}

fn size_of_names(entries: &[Listed]) -> usize {
    entries.iter().map(|entry| entry.name.len() + size_of::<Listed>()).sum()
}

/// Files as they were when they were first asked for: each is read once, whatever number of images has it, and what its folder's list
/// does not name is not asked for at all.
pub struct Snapshot<'a> {
    under: &'a dyn Loader,
    /// What was known before.
    lists: Option<&'a Lists>,
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
    names: Option<Arc<[Listed]>>,
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
        Self { under, lists: None, known: Mutex::default() }
    }

    /// The same where some folders have been listed.
    pub fn with_lists(under: &'a dyn Loader, lists: &'a Lists) -> Self {
        Self { lists: Some(lists), ..Self::new(under) }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer, if it is known. The lock is not held while another loader is asked.
    fn get<T>(&self, path: &Utf8Path, answer: impl FnOnce(&Answers) -> Option<T>) -> Option<T> {
        self.known().paths.get(path.as_str()).and_then(answer)
    }

    /// What is in a folder, if that is known.
    fn listed(&self, folder: &Utf8Path) -> Option<Arc<[Listed]>> {
        let before = self.lists.and_then(|lists| lists.folders.get(folder.as_str()).cloned());
        before.or_else(|| self.get(folder, |answers| answers.names.clone()))
    }

    fn names(&self, folder: &Utf8Path) -> Arc<[Listed]> {
        self.listed(folder).unwrap_or_else(|| {
            let names = self.under.list(folder).into_iter();
            let names: Arc<[Listed]> = names.map(|name| Listed { name: name.into(), kind: None }).collect();
            self.known().answers(folder, size_of_names(&names)).names = Some(Arc::clone(&names));
            names
        })
    }

    /// What is at a path, as far as its folder's list tells.
    fn kind_in_list(&self, path: &Utf8Path) -> Option<EntryKind> {
        let (folder, name) = split(path);
        let entries = self.lists?.folders.get(folder.as_str())?;
        entries[find(entries, name)?].kind
    }

    /// False if a folder on the way to the path is known not to have it.
    fn may_exist(&self, path: &Utf8Path) -> bool {
        let mut parts = path.as_str().split('/');
        if parts.any(|part| matches!(part, "" | "." | "..")) || path.as_str().matches('/').count() > MAX_DEPTH
        {
            return true;
        }
        let (folder, name) = split(path);
        // Where a list names something, all folders above are there.
        let listed = self.listed(folder).filter(|names| !names.is_empty());
        let names = match listed {
            Some(names) => names,
            None if self.may_exist(folder) => self.names(folder),
            None => return false,
        };
        // An empty list may be that of a folder that cannot be listed.
        names.is_empty() || find(&names, name).is_some()
    }
}

/// A path's folder, and its name there.
fn split(path: &Utf8Path) -> (&Utf8Path, &str) {
    let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    (Utf8Path::new(folder), name)
}

/// Where a list has a name.
fn find(entries: &[Listed], name: &str) -> Option<usize> {
    entries.binary_search_by(|entry| (*entry.name).cmp(name)).ok()
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
        if let Some(kind) = self.kind_in_list(path) {
            return Some(kind);
        }
        let kind = if self.may_exist(path) { self.under.kind(path) } else { None };
        self.known().answers(path, 0).kind = Some(kind);
        kind
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        if !self.may_exist(path) {
            return Vec::new();
        }
        self.names(path).iter().map(|entry| entry.name.to_string()).collect()
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
