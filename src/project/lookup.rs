//! From a path backwards through the steps of a stage to what was put there.

use std::sync::Arc;

use camino::Utf8Path;

use crate::source::{Excerpt, Place, ReadError, Span};

use super::copy::{Candidate, Copy};
use super::layers::{Change, Content, Effect, Files, MAX_LINKS, MAX_PATH};
use super::path;
use super::{Context, Found, ImageFile};

/// Changes looked at before a question is given up: stages can copy from each other in ways that take exponential time.
const BUDGET: usize = 100_000;

/// Copies of copies that are followed.
const MAX_DEPTH: usize = 64;

/// One question and the effort spent on it.
pub(super) struct Lookup<'c, 'a> {
    context: &'c Context<'a>,
    budget: usize,
    depth: usize,
}

/// What later steps did to the file that is still looked for.
#[derive(Default)]
struct Pending {
    executable: Option<Option<bool>>,
    /// A chmod of files that are not known came after all that is known of its mode.
    perhaps_executable: bool,
    newlines: bool,
    /// What stands for values that are not known.
    placeholders: Vec<String>,
    /// The latest first.
    appended: Vec<(Content, Span)>,
    changed: Option<String>,
    /// The content, where it was written over a file that keeps its mode.
    written: Option<(Content, Span)>,
}

impl<'c, 'a> Lookup<'c, 'a> {
    pub(super) fn new(context: &'c Context<'a>) -> Self {
        Self { context, budget: BUDGET, depth: 0 }
    }

    /// What is at a path when a stage is finished.
    pub(super) fn find(&mut self, stage: usize, path: &str) -> Found {
        let layers = self.context.layers(stage);
        self.budget = self.budget.saturating_sub(layers.changes.len());
        let path = path::join("/", path);
        if path.len() > MAX_PATH {
            return Found::Unknown;
        }
        let path = layers.tree.resolve(path);
        self.find_in(&layers.changes, path)
    }

    /// What is at a path after some changes.
    fn find_in(&mut self, changes: &'c [Change], path: String) -> Found {
        if self.depth >= MAX_DEPTH {
            return Found::Unreadable("it is copied too many times".to_owned());
        }
        self.depth += 1;
        let found = self.walk(changes, path);
        self.depth -= 1;
        found
    }

    fn walk(&mut self, changes: &'c [Change], mut path: String) -> Found {
        let mut links = 0;
        let mut pending = Pending::default();
        let mut rest = changes;
        while let [before @ .., Change { effect, by }] = rest {
            rest = before;
            if self.budget == 0 {
                return Found::Unreadable("too many instructions copy from each other".to_owned());
            }
            self.budget -= 1;
            match effect {
                Effect::Copy(copy) => {
                    if let Some(found) = self.copied(copy, &path, *by) {
                        return self.finish(pending, found, &path, copy.executable);
                    }
                }
                Effect::Duplicate(duplicate) => {
                    if let Some((origin, exact)) = duplicate.origin(&path) {
                        let found = self.find_in(before, origin);
                        if exact || !matches!(found, Found::Unknown) {
                            return self.finish(pending, found, &path, duplicate.executable);
                        }
                    }
                    if duplicate.takes_away(&path) {
                        return self.finish(pending, Found::Unknown, &path, None);
                    }
                }
                Effect::Remove(target) if target.covers(&path) => {
                    return self.finish(pending, Found::Unknown, &path, None);
                }
                Effect::Link { link, target } => {
                    if let Some(below) = path::below(&path, link) {
                        links += 1;
                        if links > MAX_LINKS {
                            return Found::Unreadable("its symlinks form a loop".to_owned());
                        }
                        path = path::under(target, below);
                        // The target may have been put there later than the link.
                        rest = changes;
                    }
                }
                Effect::Mode { target, .. } if matches!(target.files, Files::Any) => {
                    pending.perhaps_executable |= pending.executable.is_none();
                }
                Effect::Mode { target, executable } if target.covers(&path) => {
                    pending.executable.get_or_insert(*executable);
                }
                effect if pending.written.is_none() => pending.note(effect, &path, *by),
                _ => {}
            }
        }
        self.finish(pending, Found::Unknown, &path, None)
    }

    /// What a COPY put at the path; `None` if nothing.
    fn copied(&mut self, copy: &Copy, path: &str, by: Span) -> Option<Found> {
        let files = self.context.files();
        for candidate in copy.candidates(path, files) {
            match candidate {
                Candidate::Context(file) => return Some(self.read(&files.project_path(&file), path, by)),
                Candidate::Text(text) => return Some(self.file(path, text, Some(false), by)),
                Candidate::Elsewhere => return Some(Found::Unknown),
                Candidate::Download => return Some(self.download(path, by)),
                Candidate::Missing(reason) => return Some(Found::Unreadable(reason)),
                Candidate::Stage { stage, path: source, exact } => match self.find(stage, &source) {
                    Found::Unknown if exact => return Some(Found::Unknown),
                    Found::Unknown => {}
                    found => return Some(found),
                },
            }
        }
        None
    }

    fn read(&self, file: &Utf8Path, path: &str, by: Span) -> Found {
        let loader = self.context.files().loader;
        match loader.read(file) {
            Ok(source) => {
                let text = Arc::new(Excerpt::whole(&source));
                self.file(path, text, loader.executable(file), by)
            }
            Err(ReadError::NotFound) => Found::Unknown,
            Err(error) => Found::Unreadable(format!("`{file}` cannot be read: {error}")),
        }
    }

    /// ADD gives what it downloads the mode 600.
    fn download(&self, path: &str, by: Span) -> Found {
        let text = Arc::new(Excerpt::verbatim(&self.context.image.dockerfile.source, by));
        match self.file(path, text, Some(false), by) {
            Found::File(file) => Found::Download(file),
            found => found,
        }
    }

    fn file(&self, path: &str, text: Arc<Excerpt>, executable: Option<bool>, by: Span) -> Found {
        let by = Some(Place::new(&self.context.image.dockerfile.source, by));
        Found::File(ImageFile { path: path.to_owned(), text, executable, by })
    }

    /// The answer: what was found, and then all that later steps did to it.
    fn finish(&self, pending: Pending, found: Found, path: &str, mode: Option<Option<bool>>) -> Found {
        let executable = match &found {
            Found::File(file) => pending.executable.or(mode).unwrap_or(file.executable),
            // A new file that a shell writes may not be executed.
            _ => pending.executable.or(mode).unwrap_or(Some(false)),
        };
        let executable = if pending.perhaps_executable { executable.filter(|is| *is) } else { executable };
        let found = match pending.written {
            Some((Content::Known(text), by)) => self.file(path, text, executable, by),
            Some((Content::Unreadable(reason), _)) => return Found::Unreadable(reason),
            Some((Content::Elsewhere, _)) => return Found::Unknown,
            None => found,
        };
        let mut file = match found {
            Found::File(file) => file,
            Found::Download(file) => {
                let is_as_it_was = executable == Some(false) && pending.changed.is_none();
                return if is_as_it_was { Found::Download(file) } else { Found::Unknown };
            }
            Found::Unknown => match self.begun(&pending.appended, path, executable) {
                Some(file) => return Found::File(file),
                None => return Found::Unknown,
            },
            found => return found,
        };
        if let Some(reason) = pending.changed {
            return Found::Unreadable(reason);
        }
        if pending.newlines {
            file.text = Arc::new(file.text.without_carriage_returns());
        }
        for placeholder in &pending.placeholders {
            file.text = Arc::new(file.text.without_value(placeholder));
        }
        match append(Some(Arc::clone(&file.text)), &pending.appended) {
            Ok(text) => file.text = text,
            Err(reason) => return Found::Unreadable(reason),
        }
        Found::File(ImageFile { path: path.to_owned(), executable, ..file })
    }

    /// A file that `>>` makes: nothing else puts one there, and the first line is that of a script.
    fn begun(&self, appended: &[(Content, Span)], path: &str, executable: Option<bool>) -> Option<ImageFile> {
        let (Content::Known(first), by) = appended.last()? else { return None };
        if !first.text().starts_with("#!") {
            return None;
        }
        let text = append(None, appended).ok()?;
        match self.file(path, text, executable, *by) {
            Found::File(file) => Some(file),
            _ => None,
        }
    }
}

impl Pending {
    /// Notes an effect on the content, which is still to be found.
    fn note(&mut self, effect: &Effect, path: &str, by: Span) {
        match effect {
            Effect::Write { path: written, content, append } if written == path => {
                if *append {
                    self.appended.push((content.clone(), by));
                } else {
                    self.written = Some((content.clone(), by));
                }
            }
            Effect::Newlines(target) if target.covers(path) => self.newlines = true,
            Effect::Fill { target, placeholders } if target.covers(path) => {
                self.placeholders.extend_from_slice(placeholders);
            }
            Effect::Obscure { target, reason } if target.covers(path) => {
                self.changed.get_or_insert_with(|| reason.clone());
            }
            _ => {}
        }
    }
}

/// A text and what was appended to it, the latest first.
fn append(begin: Option<Arc<Excerpt>>, appended: &[(Content, Span)]) -> Result<Arc<Excerpt>, String> {
    let mut parts: Vec<Arc<Excerpt>> = begin.into_iter().collect();
    for (content, _) in appended.iter().rev() {
        match content {
            Content::Known(text) => parts.push(Arc::clone(text)),
            Content::Unreadable(reason) => return Err(reason.clone()),
            Content::Elsewhere => return Err("something unknown is appended to it".to_owned()),
        }
    }
    match &parts[..] {
        [] => Err("nothing is known of it".to_owned()),
        [only] => Ok(Arc::clone(only)),
        [first, ..] => {
            let text: String = parts.iter().map(|part| part.text()).collect();
            Ok(Arc::new(Excerpt::derived(first.source(), first.span(), text)))
        }
    }
}
