//! A stage as a list of what its instructions do to files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dockerfile::{Keyword, Step};
use crate::programs::Sh;
use crate::source::{Excerpt, Span};

use super::Context;
use super::copy::{Candidate, Copy, Origin};
use super::glob::Glob;
use super::path;
use super::run;

/// Symlinks followed before a path counts as a loop, as in the kernel.
pub(super) const MAX_LINKS: usize = 40;

/// Longer paths do not exist: PATH_MAX of Linux.
pub(super) const MAX_PATH: usize = 4096;

/// How many directories above a path are noted.
const MAX_PARENTS: usize = 64;

/// Directories that every base image has, as far as people copy files into them.
const DIRECTORIES: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/etc/cron.d",
    "/etc/init.d",
    "/etc/profile.d",
    "/home",
    "/lib",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/local/share",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/lib",
    "/var/log",
    "/var/run",
    "/var/tmp",
];

/// What a stage and the stages it builds on do to files, oldest first.
#[derive(Debug)]
pub(super) struct Layers {
    pub(super) changes: Vec<Change>,
    /// How things stand after the last one.
    pub(super) tree: Tree,
}

/// One effect and the instruction that has it.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) effect: Effect,
    pub(super) by: Span,
}

/// What an instruction does to files. Paths are absolute, normalised, symlinks resolved.
#[derive(Debug)]
pub(super) enum Effect {
    Copy(Box<Copy>),
    /// `> path`, `>> path`
    Write {
        path: String,
        content: Content,
        append: bool,
    },
    /// `chmod`; `None`: it may have become executable.
    Mode {
        target: Target,
        executable: Option<bool>,
    },
    /// `dos2unix`
    Newlines(Target),
    /// `sed -i s/__HOST__/$HOST/`: values that are not known stand in place of these texts.
    Fill {
        target: Target,
        placeholders: Vec<String>,
    },
    /// `cp`, `mv`, `install`, `ln`
    Duplicate(Duplicate),
    /// `ln -s`
    Link {
        link: String,
        target: String,
    },
    Remove(Target),
    /// Something that cannot be followed, and why the content is not known afterwards.
    Obscure {
        target: Target,
        reason: String,
    },
}

/// What is written to a file.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Known(Arc<Excerpt>),
    /// For this reason it is not known.
    Unreadable(String),
    /// It comes from outside of the project.
    Elsewhere,
}

/// A file or directory that is put at a second path.
#[derive(Debug)]
pub(super) struct Duplicate {
    pub(super) from: String,
    /// The wildcard in the last part of `from`.
    pub(super) glob: Option<Glob>,
    pub(super) to: String,
    /// `to` is a directory that receives it.
    pub(super) into: bool,
    /// `mv`: it is gone from the first path.
    pub(super) moves: bool,
    /// `install -m`
    pub(super) executable: Option<Option<bool>>,
}

/// The files that a command names.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) files: Files,
    /// What is below them too.
    pub(super) tree: bool,
    /// `find -name`
    pub(super) name: Option<Glob>,
}

#[derive(Debug)]
pub(super) enum Files {
    One(String),
    Matching(Glob),
    /// The command's operand cannot be known.
    Any,
}

impl Target {
    /// Whether the path is meant.
    pub(super) fn covers(&self, path: &str) -> bool {
        let named = |path: &str| match &self.files {
            Files::One(file) => file == path,
            Files::Matching(glob) => glob.matches(path),
            Files::Any => true,
        };
        (named(path) || self.tree && path::ancestors(path).any(named))
            && self.name.as_ref().is_none_or(|glob| glob.matches(path::base_name(path)))
    }
}

impl Duplicate {
    /// Where the file at `path` was before; `exact` if the command names it, and not a directory above it.
    pub(super) fn origin(&self, path: &str) -> Option<(String, bool)> {
        if let Some(glob) = &self.glob {
            let rest = path::below(path, &self.to)?;
            let first = rest.split('/').next()?;
            let dir = path::parent(&self.from)?;
            return (!rest.is_empty() && glob.matches(first))
                .then(|| (path::under(dir, rest), first == rest));
        }
        let name = path::base_name(&self.from);
        let to = if self.into { path::under(&self.to, name) } else { self.to.clone() };
        let rest = path::below(path, &to)?;
        Some((path::under(&self.from, rest), rest.is_empty()))
    }

    /// Whether the file was moved away from `path`.
    pub(super) fn takes_away(&self, path: &str) -> bool {
        let taken = |path: &str| match &self.glob {
            Some(glob) => {
                path::parent(path) == path::parent(&self.from) && glob.matches(path::base_name(path))
            }
            None => path == self.from,
        };
        self.moves && (taken(path) || path::ancestors(path).any(taken))
    }
}

/// The directories and symlinks that are known at one point of a build.
#[derive(Debug, Default)]
pub(super) struct Tree {
    directories: BTreeSet<String>,
    links: BTreeMap<String, String>,
}

impl Tree {
    /// Whether a directory is known to be there.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        path == "/" || DIRECTORIES.binary_search(&path).is_ok() || self.directories.contains(path)
    }

    /// Notes a directory and those above it.
    pub(super) fn make_directory(&mut self, path: &str) {
        let missing = |path: &&str| !self.directories.contains(*path);
        if path.len() > MAX_PATH {
            return;
        }
        let new: Vec<String> = std::iter::once(path)
            .chain(path::ancestors(path))
            .take_while(missing)
            .take(MAX_PARENTS)
            .map(str::to_owned)
            .collect();
        self.directories.extend(new);
    }

    /// Notes a symlink.
    pub(super) fn link(&mut self, link: &str, target: &str) {
        self.links.insert(link.to_owned(), target.to_owned());
    }

    /// Notes that a path is gone.
    pub(super) fn remove(&mut self, path: &str) {
        self.links.remove(path);
        self.directories.retain(|dir| path::below(dir, path).is_none());
    }

    /// The path with the known symlinks on it followed.
    pub(super) fn resolve(&self, mut path: String) -> String {
        for _ in 0..MAX_LINKS {
            if self.links.is_empty() || path.len() > MAX_PATH {
                break;
            }
            let on_path = std::iter::once(path.as_str()).chain(path::ancestors(&path));
            let found = on_path.filter_map(|at| Some((at, self.links.get(at)?))).last();
            let Some((link, target)) = found else { break };
            path = path::under(target, path::below(&path, link).unwrap_or(""));
        }
        path
    }
}

impl Layers {
    /// Follows the instructions of a stage and of those it builds on.
    pub(super) fn build(context: &Context<'_>, stage: usize) -> Self {
        let sh = context.base(stage).sh;
        let mut layers = Self { changes: Vec::new(), tree: Tree::default() };
        for step in context.steps(stage) {
            layers.follow(context, step, sh);
        }
        layers
    }

    fn follow(&mut self, context: &Context<'_>, step: &Step<'_>, sh: Sh) {
        let by = step.instruction.span;
        let tree = &mut self.tree;
        tree.make_directory(&tree.resolve(step.workdir.to_string()));
        match step.instruction.keyword {
            Keyword::Copy | Keyword::Add => {
                let Some(copy) = Copy::read(step, origin(context, step), tree) else { return };
                tree.make_directory(copy.directory(context.files()));
                self.changes.push(Change { effect: Effect::Copy(Box::new(copy)), by });
            }
            Keyword::Run => {
                let before = &self.changes;
                let is_own = |name: &str| is_brought(context, before, name);
                let effects = run::effects(step, sh, tree, &is_own);
                self.changes.extend(effects.into_iter().map(|effect| Change { effect, by }));
            }
            _ => {}
        }
    }
}

/// True for a program by a name or path that a COPY has brought from the project.
fn is_brought(context: &Context<'_>, changes: &[Change], name: &str) -> bool {
    let folders = crate::dockerfile::DEFAULT_PATH.split(':').filter(|_| !name.contains('/'));
    let paths: Vec<String> = match name.contains('/') {
        true => vec![path::join("/", name)],
        false => folders.map(|folder| path::join(folder, name)).collect(),
    };
    let copies = changes.iter().filter_map(|change| match &change.effect {
        Effect::Copy(copy) => Some(copy),
        _ => None,
    });
    let files = context.files();
    let is_there = |candidate: Candidate| match candidate {
        Candidate::Context(file) => files.loader.read(&files.project_path(&file)).is_ok(),
        Candidate::Text(_) => true,
        _ => false,
    };
    copies
        .into_iter()
        .any(|copy| paths.iter().any(|path| copy.candidates(path, files).into_iter().any(is_there)))
}

fn origin(context: &Context<'_>, step: &Step<'_>) -> Origin {
    let Some(from) = step.instruction.flag("from") else { return Origin::Context };
    let from = step.expand(from);
    context.image.dockerfile.stage_named(&from, step.stage).map_or(Origin::Elsewhere, Origin::Stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_sorted() {
        assert!(DIRECTORIES.is_sorted());
    }
}
