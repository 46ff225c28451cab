//! Repairs of a project, one after the other, in memory.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::shared::{is_spared, with_safe_repair};
use super::texts_after;
use crate::check::{FileReport, check};
use crate::diagnostic::{Diagnostic, Safety};
use crate::guard::{self, Defect, guarded};
use crate::settings::Settings;
use crate::source::{Loader, OverlayLoader, Source};

/// Files as they are after a fix.
pub type Texts = BTreeMap<Utf8PathBuf, String>;

/// A file that changes: path, text before, text after.
pub type Change = (Utf8PathBuf, String, String);

/// A Dockerfile with its settings.
pub type Target = (Utf8PathBuf, Settings);

/// A repair that was made.
#[derive(Debug, Clone)]
pub struct Applied {
    /// What was found.
    pub diagnostic: Diagnostic,
    /// What changed.
    pub changes: Vec<Change>,
}

/// Why a finding was not repaired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no repair after which the model finds the stop good.
    NoRepair,
    /// Something else may change, and unsafe repairs were not asked for.
    Unsafe,
    /// It would harm what this other Dockerfile starts.
    Harms(Utf8PathBuf),
    /// It is in files that were not asked for.
    NotAsked,
    /// It came back after each repair.
    Endless,
    /// pidone itself failed when it looked at what else the repair changes.
    Defect(Defect),
}

impl Obstacle {
    /// In a few words.
    pub fn text(&self) -> String {
        match self {
            Self::NoRepair => "no repair is known that ends well".to_owned(),
            Self::Unsafe => "something else may change; --unsafe-fixes repairs it".to_owned(),
            Self::Harms(other) => format!("the repair would harm what {other} starts"),
            Self::NotAsked => "it is in a file that was not named".to_owned(),
            Self::Endless => "it came back after each repair".to_owned(),
            Self::Defect(defect) => format!("{defect}; {}", guard::ADVICE),
        }
    }
}

/// Dockerfiles, what they start, and the repairs made so far.
pub struct Session<'a> {
    targets: &'a [Target],
    /// Which files each Dockerfile's verdict rests on: a script may serve several.
    reads: Vec<Vec<Utf8PathBuf>>,
    /// What is found in each, where nothing has changed since it was checked.
    found: Vec<Option<Vec<Diagnostic>>>,
    loader: &'a dyn Loader,
    overlay: OverlayLoader<'a>,
    changed: Texts,
}

impl<'a> Session<'a> {
    /// Nothing is repaired yet.
    pub fn new(targets: &'a [Target], loader: &'a dyn Loader) -> Self {
        let check = |(path, settings): &Target| {
            let FileReport { sources, diagnostics, .. } = check(path, loader, settings);
            (sources.iter().map(|source| source.path().to_owned()).collect(), Some(diagnostics))
        };
        let (reads, found) = targets.par_iter().map(check).unzip();
        let overlay = OverlayLoader::new(loader);
        Self { targets, reads, found, loader, overlay, changed: Texts::new() }
    }

    /// What is found in a Dockerfile as it is now.
    pub fn check(&self, target: &Target) -> Vec<Diagnostic> {
        let index = self.targets.iter().position(|own| std::ptr::eq(own, target));
        let known = index.and_then(|index| self.found[index].clone());
        known.unwrap_or_else(|| check(&target.0, &self.overlay, &target.1).diagnostics)
    }

    /// The same with some files replaced.
    pub fn check_with(&self, (path, settings): &Target, texts: &Texts) -> Vec<Diagnostic> {
        let mut overlay = OverlayLoader::new(&self.overlay);
        for (path, text) in texts {
            overlay.insert(Source::new(path.clone(), text.as_str()));
        }
        check(path, &overlay, settings).diagnostics
    }

    /// The files as they are after the repair of a finding, or why it is not made.
    pub fn repair(&self, (path, settings): &Target, diagnostic: &Diagnostic) -> Result<Texts, Obstacle> {
        let fix = diagnostic.fix.as_ref().ok_or(Obstacle::NoRepair)?;
        let touches =
            |path: &Utf8Path| settings.only.is_empty() || settings.only.iter().any(|only| only == path);
        if !touches(diagnostic.place.source.path()) && !fix.edits.iter().any(|edit| touches(&edit.path)) {
            return Err(Obstacle::NotAsked);
        }
        if fix.safety == Safety::Unsafe && !settings.unsafe_fixes {
            return Err(Obstacle::Unsafe);
        }
        let texts = texts_after(&fix.edits, &self.overlay).ok_or(Obstacle::NoRepair)?;
        match guarded(|| self.harmed(path, &texts)) {
            Err(defect) => Err(Obstacle::Defect(defect)),
            Ok(Some(other)) => Err(Obstacle::Harms(other.to_owned())),
            Ok(None) => Ok(texts),
        }
    }

    /// A finding with its repair. What an unsafe one would do to another Dockerfile, a safe one may not.
    pub fn best_repair(&self, target: &Target, found: Diagnostic) -> (Diagnostic, Result<Texts, Obstacle>) {
        let repair = self.repair(target, &found);
        if let Err(Obstacle::Harms(_)) = repair
            && let Some(safer) = with_safe_repair(target, &found, &self.overlay)
            && let Ok(texts) = self.repair(target, &safer)
        {
            return (safer, Ok(texts));
        }
        (found, repair)
    }

    /// Another Dockerfile whose images would end worse with these files.
    fn harmed(&self, path: &Utf8Path, texts: &Texts) -> Option<&Utf8Path> {
        let others =
            self.targets.iter().zip(&self.reads).filter(|((other, _), reads)| {
                other != path && reads.iter().any(|file| texts.contains_key(file))
            });
        let mut harmed =
            others.filter(|((other, settings), _)| !is_spared(other, texts, &self.overlay, settings));
        harmed.next().map(|((other, _), _)| other.as_path())
    }

    /// What these files change.
    pub fn changes_by(&self, texts: &Texts) -> Vec<Change> {
        let change = |(path, after): (&Utf8PathBuf, &String)| {
            let before = self.overlay.read(path).ok()?;
            Some((path.clone(), before.text().to_owned(), after.clone()))
        };
        texts.iter().filter_map(change).collect()
    }

    /// Takes these files from now on.
    pub fn apply(&mut self, texts: Texts) -> Vec<Change> {
        let changes = self.changes_by(&texts);
        for (reads, found) in self.reads.iter().zip(&mut self.found) {
            if reads.iter().any(|file| texts.contains_key(file)) {
                *found = None;
            }
        }
        for (path, after) in texts {
            self.changed.insert(path.clone(), after.clone());
            self.overlay.insert(Source::new(path, after));
        }
        changes
    }

    /// The files that are not as they were.
    pub fn changes(&self) -> Vec<Change> {
        let changes = self.changed.iter().filter_map(|(path, after)| {
            let before = self.loader.read(path).ok()?;
            Some((path.clone(), before.text().to_owned(), after.clone()))
        });
        changes.filter(|(_, before, after)| before != after).collect()
    }
}
