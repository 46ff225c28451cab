//! Files that scripts make while the container starts: what they copy, link and write, over the files of the image.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use super::{Found, ImageFile, ImageFiles, path};
use crate::source::Excerpt;

/// Copies of copies, and links to links, that are followed.
const MAX_DEPTH: usize = 16;

/// So much is remembered; what is made after that is not known.
const MAX_DEEDS: usize = 64;

/// What scripts have done to files so far, the latest last.
#[derive(Debug, Default, Clone)]
pub struct Made {
    deeds: Vec<Deed>,
    /// True once more was made than is remembered.
    overflows: bool,
}

/// What is done once more makes no other state: a script that starts itself again, or a loop, comes back to where it was.
impl Hash for Made {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let latest = |at: &usize| !self.deeds[at + 1..].contains(&self.deeds[*at]);
        (0..self.deeds.len()).filter(latest).for_each(|at| self.deeds[at].hash(state));
        self.overflows.hash(state);
    }
}

/// What a script does to files. Paths are absolute and normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Deed {
    /// What is at `from`, and below it, is at `to` as well; `keeps`: but for what is there already.
    Copy {
        #[allow(missing_docs)]
        from: String,
        #[allow(missing_docs)]
        to: String,
        #[allow(missing_docs)]
        keeps: bool,
    },
    /// `ln -s`
    Link {
        #[allow(missing_docs)]
        link: String,
        #[allow(missing_docs)]
        target: String,
    },
    /// A file with this text, as far as that is known.
    Write(String, Option<Text>),
    /// A file or folder is gone, with all that is below it.
    Remove(String),
    /// A folder is there.
    Folder(String),
    /// A named pipe is there.
    Pipe(String),
    /// This file, or something in this folder, may be made or changed.
    Perhaps(String),
    /// A package is installed; `None`: one whose name is not known.
    Install(Option<String>),
}

/// What is written to a file.
#[derive(Debug, Clone)]
pub struct Text(pub Arc<Excerpt>);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0.text() == other.0.text()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text().hash(state);
    }
}

impl Made {
    /// True while nothing is made.
    pub fn is_empty(&self) -> bool {
        self.deeds.is_empty()
    }

    /// True if nothing that is made is at this path.
    pub fn leaves(&self, path: &str) -> bool {
        !self.deeds.iter().any(|deed| match deed {
            Deed::Write(written, _) => written == path,
            Deed::Copy { to: place, .. } | Deed::Link { link: place, .. } | Deed::Remove(place) => {
                path::below(path, place).is_some()
            }
            Deed::Folder(_) | Deed::Pipe(_) | Deed::Perhaps(_) | Deed::Install(_) => false,
        })
    }

    /// True if a package may be installed by now that `is_wanted`.
    pub fn may_install(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        let may_be =
            |deed: &Deed| matches!(deed, Deed::Install(name) if name.as_deref().is_none_or(&is_wanted));
        self.overflows || self.deeds.iter().any(may_be)
    }

    /// True if a script has made a named pipe of this path.
    pub fn is_pipe(&self, path: &str) -> bool {
        self.deeds.iter().any(|deed| matches!(deed, Deed::Pipe(made) if made == path))
    }

    /// Notes what a script does.
    pub fn note(&mut self, deed: Deed) {
        if self.deeds.len() < MAX_DEEDS {
            self.deeds.push(deed);
        } else {
            self.overflows = true;
        }
    }

    fn find(&self, files: &dyn ImageFiles, deeds: &[Deed], path: &str, depth: usize) -> Found {
        if depth > MAX_DEPTH {
            return Found::Unreadable("it is copied too many times".to_owned());
        }
        for (at, deed) in deeds.iter().enumerate().rev() {
            let before = || self.find(files, &deeds[..at], path, depth + 1);
            let found = match deed {
                Deed::Write(written, text) if written == path => {
                    return match text {
                        Some(text) => written_file(path, text),
                        None => Found::Unreadable("it is written when the container starts".to_owned()),
                    };
                }
                Deed::Remove(gone) if path::below(path, gone).is_some() => return Found::Unknown,
                Deed::Copy { from, to, keeps } => {
                    let Some(rest) = path::below(path, to) else { continue };
                    if *keeps && !matches!(before(), Found::Unknown) {
                        continue;
                    }
                    match self.find(files, &deeds[..at], &path::under(from, rest), depth + 1) {
                        // A copy of what nobody knows is in the place of what was there.
                        Found::Unknown if rest.is_empty() && !matches!(before(), Found::Unknown) => {
                            Found::Unreadable("it is copied when the container starts".to_owned())
                        }
                        Found::Unknown => continue,
                        found => found,
                    }
                }
                Deed::Link { link, target } => {
                    let Some(rest) = path::below(path, link) else { continue };
                    self.find(files, &self.deeds, &path::under(target, rest), depth + 1)
                }
                _ => continue,
            };
            return renamed(found, path);
        }
        files.find(path)
    }

    fn list(&self, files: &dyn ImageFiles, deeds: &[Deed], folder: &str, depth: usize) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = files.list(folder).into_iter().collect();
        if depth > MAX_DEPTH {
            return names;
        }
        for (at, deed) in deeds.iter().enumerate() {
            let (from, known, made) = match deed {
                Deed::Copy { from, to, .. } => (from, &deeds[..at], to),
                Deed::Link { link, target } => (target, &self.deeds[..], link),
                Deed::Write(written, _) | Deed::Folder(written) | Deed::Pipe(written) => {
                    (written, &deeds[..0], written)
                }
                Deed::Remove(gone) => {
                    match path::below(gone, folder) {
                        Some(name) => drop(names.remove(name)),
                        None if path::below(folder, gone).is_some() => names.clear(),
                        None => {}
                    }
                    continue;
                }
                Deed::Perhaps(_) | Deed::Install(_) => continue,
            };
            if let Some(rest) = path::below(folder, made)
                && from != made
            {
                names.extend(self.list(files, known, &path::under(from, rest), depth + 1));
            } else if let Some(name) = path::below(made, folder).and_then(|rest| rest.split('/').next()) {
                names.insert(name.to_owned());
            }
        }
        names.retain(|name| !name.is_empty());
        names
    }
}

/// The files of an image, and over them those that scripts have made.
#[derive(Clone)]
pub struct Running<'a> {
    /// Those of the image.
    pub files: &'a dyn ImageFiles,
    /// Those that are made.
    pub made: Rc<Made>,
}

impl ImageFiles for Running<'_> {
    fn find(&self, path: &str) -> Found {
        self.made.find(self.files, &self.made.deeds, &path::join("/", path), 0)
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let directory = path::join("/", directory);
        self.made.list(self.files, &self.made.deeds, &directory, 0).into_iter().collect()
    }

    fn is_changed(&self, path: &str) -> bool {
        let changes = |deed: &Deed| match deed {
            Deed::Copy { to, .. } => path::below(path, to).is_some(),
            Deed::Link { link, .. } => path::below(path, link).is_some(),
            Deed::Write(written, _) | Deed::Pipe(written) | Deed::Perhaps(written) => written == path,
            Deed::Remove(gone) => path::below(path, gone).is_some(),
            Deed::Folder(_) | Deed::Install(_) => false,
        };
        self.made.deeds.iter().any(changes) || self.files.is_changed(path)
    }

    fn is_folder(&self, path: &str) -> bool {
        let is_made =
            |deed: &Deed| matches!(deed, Deed::Folder(folder) if path::below(folder, path).is_some());
        self.made.deeds.iter().any(is_made)
            || self.files.is_folder(path)
            || !self.made.list(self.files, &self.made.deeds, path, 0).is_empty()
    }

    fn is_all_known(&self, path: &str) -> bool {
        let may_change = |deed: &Deed| matches!(deed, Deed::Perhaps(own) if own == path || path::parent(own) == Some(path));
        !self.made.overflows && !self.made.deeds.iter().any(may_change)
    }

    fn installed(&self) -> Arc<super::Installed> {
        self.files.installed()
    }

    fn mentions(&self, folder: &camino::Utf8Path, words: &[&str]) -> bool {
        self.files.mentions(folder, words)
    }
}

fn written_file(path: &str, Text(text): &Text) -> Found {
    Found::File(ImageFile { path: path.to_owned(), text: Arc::clone(text), executable: None, by: None })
}

fn renamed(found: Found, path: &str) -> Found {
    match found {
        Found::File(file) => Found::File(ImageFile { path: path.to_owned(), ..file }),
        found => found,
    }
}
