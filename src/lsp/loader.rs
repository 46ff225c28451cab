//! A project's files as the editor has them: open documents before the disk; and a record of what was asked for.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};

use crate::source::{DiskLoader, EntryKind, Loader, MAX_FILE_SIZE, ReadError, Source};

use super::documents::{Document, Documents};

/// Reads one project.
pub(super) struct EditorLoader<'a> {
    root: &'a Utf8Path,
    disk: &'a DiskLoader,
    documents: &'a Documents,
    asked: Mutex<Asked>,
}

/// What a result rests on.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Every path of the project that was asked for, whether there was something or not.
    pub(super) paths: BTreeSet<Utf8PathBuf>,
    /// The files that were read, absolute and without symlinks.
    pub(super) files: BTreeSet<Utf8PathBuf>,
}

impl Asked {
    pub(super) fn extend(&mut self, more: Asked) {
        self.paths.extend(more.paths);
        self.files.extend(more.files);
    }

    /// True if a change of the file at `path` may change the result; for one that `came_or_went` also if a folder around it was looked at.
    pub(super) fn depends_on(&self, path: &Utf8Path, root: &Utf8Path, came_or_went: bool) -> bool {
        if self.files.contains(path) {
            return true;
        }
        let Ok(inside) = path.strip_prefix(root) else { return false };
        if !came_or_went {
            return self.paths.contains(inside);
        }
        // A folder goes with all that is below it.
        let next = self.paths.range::<Utf8Path, _>((Bound::Included(inside), Bound::Unbounded)).next();
        let below = next.is_some_and(|next| next.starts_with(inside));
        below || inside.ancestors().any(|folder| self.paths.contains(folder))
    }
}

impl<'a> EditorLoader<'a> {
    /// The files of the project at `root`, which is absolute and without symlinks.
    pub(super) fn new(root: &'a Utf8Path, disk: &'a DiskLoader, documents: &'a Documents) -> Self {
        Self { root, disk, documents, asked: Mutex::default() }
    }

    pub(super) fn into_asked(self) -> Asked {
        self.asked.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &Utf8Path) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.paths.contains(path) {
            asked.paths.insert(path.to_owned());
        }
    }

    /// The open document at a path, and where the file really is. What the disk does not let out of the project stays there.
    fn document(&self, path: &Utf8Path) -> Result<(Option<&'a Document>, Utf8PathBuf), ReadError> {
        let real = match self.disk.resolve(path) {
            Ok(real) => Utf8PathBuf::from_path_buf(real).map_err(|_| ReadError::NotText)?,
            Err(ReadError::NotFound) => self.root.join(path),
            Err(error) => return Err(error),
        };
        Ok((self.documents.at(&real), real))
    }

    /// The open documents below a folder that are not on disk, relative to it.
    fn unsaved_below(&self, folder: &Utf8Path) -> impl Iterator<Item = &Utf8Path> {
        let folder = self.root.join(folder);
        self.documents.iter().filter_map(move |document| {
            document.path.as_deref()?.strip_prefix(&folder).ok().filter(|rest| !rest.as_str().is_empty())
        })
    }
}

impl Loader for EditorLoader<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        self.note(path);
        let (document, real) = self.document(path)?;
        let source = match document {
            Some(document) if document.source.text().len() as u64 > MAX_FILE_SIZE => {
                return Err(ReadError::TooLarge(MAX_FILE_SIZE));
            }
            Some(document) => Source::new(path, document.source.text()),
            None => self.disk.read(path)?,
        };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).files.insert(real);
        Ok(source)
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        self.note(path);
        if let Ok((Some(_), _)) = self.document(path) {
            return Some(EntryKind::File);
        }
        let on_disk = self.disk.kind(path);
        on_disk.or_else(|| self.unsaved_below(path).next().map(|_| EntryKind::Directory))
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.note(path);
        let mut names = self.disk.list(path);
        let unsaved = self.unsaved_below(path).filter_map(|below| below.components().next());
        names.extend(unsaved.map(|part| part.as_str().to_owned()));
        names.sort_unstable();
        names.dedup();
        names
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.note(path);
        // Whether its mode says anything depends on its neighbours.
        self.note(path.parent().unwrap_or(Utf8Path::new("")));
        self.disk.executable(path)
    }
}
