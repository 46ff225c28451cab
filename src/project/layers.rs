//! A stage as a list of what its instructions do to files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dockerfile::{Instruction, Keyword, StageBase};
use crate::programs::Sh;
use crate::source::{Excerpt, Span};

use super::Context;
use super::copy::{Copy, Origin};
use super::glob::Glob;
use super::path;
use super::run;
use super::vars::{self, Variables};

/// Symlinks followed before a path counts as a loop, as in the kernel.
pub(super) const MAX_LINKS: usize = 40;

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

/// What a stage does to files, oldest first.
#[derive(Debug)]
pub(super) struct Layers {
    /// The stage that it builds on.
    pub(super) parent: Option<usize>,
    pub(super) steps: Vec<Step>,
    /// How things stand after the last step.
    pub(super) end: State,
}

/// One effect and the instruction that has it.
#[derive(Debug)]
pub(super) struct Step {
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
    /// `cp`, `mv`, `install`, `ln`
    Duplicate(Duplicate),
    /// `ln -s`
    Link {
        link: String,
        target: String,
    },
    Remove(Target),
    /// Something that cannot be followed, and why the content is not known afterwards.
    Change {
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
            && self.name.as_ref().is_none_or(|glob| glob.matches(path::name(path)))
    }
}

impl Duplicate {
    /// Where the file at `path` was before; `exact` if the command names it, and not a directory above it.
    pub(super) fn origin(&self, path: &str) -> Option<(String, bool)> {
        if let Some(glob) = &self.glob {
            let rest = path::below(path, &self.to)?;
            let first = rest.split('/').next()?;
            let dir = path::parent(&self.from)?;
            return (!rest.is_empty() && glob.matches(first)).then(|| (path::under(dir, rest), first == rest));
        }
        let name = path::name(&self.from);
        let to = if self.into { path::under(&self.to, name) } else { self.to.clone() };
        let rest = path::below(path, &to)?;
        Some((path::under(&self.from, rest), rest.is_empty()))
    }

    /// Whether the file was moved away from `path`.
    pub(super) fn takes_away(&self, path: &str) -> bool {
        let taken = |path: &str| match &self.glob {
            Some(glob) => path::parent(path) == path::parent(&self.from) && glob.matches(path::name(path)),
            None => path == self.from,
        };
        self.moves && (taken(path) || path::ancestors(path).any(taken))
    }
}

/// What is known at one point of a build.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) workdir: String,
    pub(super) variables: Variables,
    /// Which shell RUN uses; `None` if it is no POSIX shell.
    pub(super) shell: Option<Sh>,
    directories: BTreeSet<String>,
    links: BTreeMap<String, String>,
}

impl State {
    fn new(workdir: &str, sh: Sh) -> Self {
        let mut state = Self {
            workdir: path::join("/", workdir),
            variables: Variables::default(),
            shell: Some(sh),
            directories: BTreeSet::new(),
            links: BTreeMap::new(),
        };
        state.make_directory(workdir);
        state
    }

    /// Whether a directory is known to be there.
    pub(super) fn is_directory(&self, path: &str) -> bool {
        path == "/" || DIRECTORIES.binary_search(&path).is_ok() || self.directories.contains(path)
    }

    /// Notes a directory and those above it.
    pub(super) fn make_directory(&mut self, path: &str) {
        let missing = |path: &&str| !self.directories.contains(*path);
        let new: Vec<String> =
            std::iter::once(path).chain(path::ancestors(path)).take_while(missing).map(str::to_owned).collect();
        self.directories.extend(new);
    }

    /// Notes a symlink.
    pub(super) fn link(&mut self, link: &str, target: &str) {
        self.links.insert(link.to_owned(), target.to_owned());
    }

    /// The path with the known symlinks on it followed.
    pub(super) fn resolve(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..MAX_LINKS {
            if self.links.is_empty() {
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
    /// Follows the instructions of one stage. The stage it builds on comes as `parent`.
    pub(super) fn build(context: &Context<'_>, stage: usize, parent: Option<(usize, &Layers)>) -> Self {
        let dockerfile = &context.image.dockerfile;
        let (state, parent) = match parent {
            Some((index, layers)) => (layers.end.clone(), Some(index)),
            None => (first_state(context, stage), None),
        };
        let mut builder = Builder { context, stage, state, steps: Vec::new() };
        builder.state.variables.leave_stage();
        let instructions = |stage: usize| {
            let range = context.stages.get(stage).map_or(0..0, |stage| stage.instructions.clone());
            dockerfile.instructions.get(range).unwrap_or_default()
        };
        // What the parent's ONBUILD asks for runs first.
        for instruction in parent.map_or(&[][..], instructions) {
            if let (Keyword::Onbuild, Some(inner)) = (instruction.keyword, &instruction.inner) {
                builder.follow(inner);
            }
        }
        for instruction in instructions(stage) {
            builder.follow(instruction);
        }
        Self { parent, steps: builder.steps, end: builder.state }
    }
}

fn first_state(context: &Context<'_>, stage: usize) -> State {
    let base = &context.image.base;
    let known = context.stages.get(stage).is_some_and(|stage| match &stage.base {
        StageBase::Image(name) => *name == context.image.base_name,
        StageBase::Stage(_) => false,
    });
    if known {
        State::new(base.workdir.as_deref().unwrap_or("/"), base.sh)
    } else {
        State::new("/", Sh::Unknown)
    }
}

struct Builder<'c, 'a> {
    context: &'c Context<'a>,
    stage: usize,
    state: State,
    steps: Vec<Step>,
}

impl Builder<'_, '_> {
    fn follow(&mut self, instruction: &Instruction) {
        let escape = self.context.image.dockerfile.escape;
        let body = instruction.body.text();
        match instruction.keyword {
            Keyword::Arg => self.state.variables.arg(body, escape, Some(&self.context.global_args)),
            Keyword::Env => self.state.variables.env(body, escape),
            Keyword::Workdir => {
                let dir = vars::expand(body, escape, &self.state.variables);
                self.state.workdir = path::join(&self.state.workdir, &dir);
                let dir = self.state.resolve(&self.state.workdir);
                self.state.make_directory(&dir);
            }
            Keyword::Shell => {
                let program = instruction.exec_form().and_then(|words| words.first());
                let name = program.map_or("", |word| path::name(word.text()));
                self.state.shell = match name {
                    "bash" => Some(Sh::Bash),
                    "dash" => Some(Sh::Dash),
                    "ash" | "busybox" => Some(Sh::Ash),
                    "sh" => first_state(self.context, self.stage).shell,
                    "ksh" | "mksh" | "zsh" => Some(Sh::Unknown),
                    _ => None,
                };
            }
            Keyword::Copy | Keyword::Add => {
                let origin = self.origin(instruction);
                let Some(copy) = Copy::read(instruction, escape, origin, &self.state) else { return };
                self.state.make_directory(copy.directory(self.context.files()));
                self.steps.push(Step { effect: Effect::Copy(Box::new(copy)), by: instruction.span });
            }
            Keyword::Run => {
                let effects = run::effects(instruction, &mut self.state);
                let steps = effects.into_iter().map(|effect| Step { effect, by: instruction.span });
                self.steps.extend(steps);
            }
            _ => {}
        }
    }

    fn origin(&self, instruction: &Instruction) -> Origin {
        let Some(from) = instruction.flag("from") else { return Origin::Context };
        let from = vars::expand(from, self.context.image.dockerfile.escape, &self.state.variables);
        let earlier = self.context.stages.get(..self.stage).unwrap_or_default();
        let named = |name: &str| name.eq_ignore_ascii_case(&from);
        let index = match earlier.iter().rposition(|stage| stage.name.as_deref().is_some_and(named)) {
            Some(index) => Some(index),
            None => from.parse().ok().filter(|index| *index < earlier.len()),
        };
        index.map_or(Origin::Elsewhere, Origin::Stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_sorted() {
        assert!(DIRECTORIES.is_sorted());
    }
}
