//! What the simulation reads: the image, its files, the scripts among them, and what is known of programs.

use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::ahead::Mentions;
use super::dialect::{BashVersion, Dialect};
use super::refused::Refused;
use super::resolutions::Resolutions;
use super::scripts::Scripts;
use super::shell::Origin;
use crate::dockerfile::{Command, Image, Instruction, Keyword, join};
use crate::programs::{Kind, Sh, Tables};
use crate::project::{Found, ImageFile, ImageFiles, Made, Running, handlers, paths_of};
use crate::shell::Script;
use crate::source::{Excerpt, base_name};

/// What the simulation reads: the image, its files, and what is known of programs.
pub(crate) struct Environment<'a> {
    pub(crate) image: &'a Image,
    pub(crate) files: &'a dyn ImageFiles,
    pub(crate) tables: &'a Tables,
    /// What `/bin/sh` is, or is taken to be.
    pub(crate) sh: Dialect,
    /// Set where `/bin/sh` was needed.
    pub(crate) used_sh: Cell<bool>,
    /// How many programs are being started, each by the one before.
    pub(crate) starting: Cell<usize>,
    /// False until the engine's own command has started: its arguments are the caller's to replace.
    pub(crate) started: Cell<bool>,
    lacks_bash: OnceCell<bool>,
    scripts: RefCell<Scripts>,
    found: RefCell<HashMap<String, Found>>,
    /// What the scripts of the course that is followed now have made.
    made: RefCell<Rc<Made>>,
    /// What command lines run, as long as nothing else is made and no other script is read.
    pub(super) resolutions: Resolutions,
    /// Names of programs, and whether none of them was made.
    left: RefCell<HashMap<String, bool>>,
    /// What directories hold that a wildcard stands for.
    listed: RefCell<HashMap<String, Rc<[String]>>>,
    /// The names that the scripts mention.
    pub(super) mentions: Mentions,
    /// Programs that were read for handlers.
    pub(super) without_handler: RefCell<HashMap<handlers::Entry, bool>>,
    /// Command lines that were asked whether they read what somebody types, with the directories where they are started.
    pub(super) readers: RefCell<HashMap<(String, Option<String>), bool>>,
}

impl<'a> Environment<'a> {
    pub(crate) fn new(image: &'a Image, files: &'a dyn ImageFiles, tables: &'a Tables, sh: Dialect) -> Self {
        Self {
            image,
            files,
            tables,
            sh,
            used_sh: Cell::new(false),
            starting: Cell::new(0),
            started: Cell::new(false),
            lacks_bash: OnceCell::new(),
            scripts: RefCell::default(),
            found: RefCell::default(),
            made: RefCell::default(),
            resolutions: Resolutions::default(),
            left: RefCell::default(),
            listed: RefCell::default(),
            mentions: Mentions::default(),
            without_handler: RefCell::default(),
            readers: RefCell::default(),
        }
    }

    /// The base image's bash; the newest where that is not known.
    pub(crate) fn bash_version(&self) -> BashVersion {
        self.image
            .base
            .bash_version
            .map_or_else(BashVersion::default, |(major, minor)| BashVersion(major, minor))
    }

    /// False where the image inherits whatever STOPSIGNAL an unknown base sets.
    pub(crate) fn knows_stop_signal(&self) -> bool {
        self.image.base.known || self.image.stop_signal.is_some()
    }

    /// Where the base image sets the stop signal: the stems of the names of what it starts itself, and its own.
    pub(crate) fn stop_signal_is_for(&self) -> Option<Rc<[String]>> {
        let image = self.image;
        image.stop_signal.as_ref().filter(|setting| setting.place.is_none())?;
        let of_base =
            [&image.base.entrypoint, &image.base.cmd].into_iter().flatten().filter_map(|words| words.first());
        let repository = image.base_name.split([':', '@']).next().unwrap_or_default();
        // What an interpreter runs is a program of its own, whatever the image is named after.
        let is_interpreter =
            |name: &&str| self.tables.program(name, &[]).is_some_and(|row| row.kind == Kind::Interpreter);
        let repository = Some(repository).filter(|name| !is_interpreter(name));
        let names = of_base.map(String::as_str).chain(repository);
        let stem = |name: &str| {
            let name = base_name(name);
            name.split(|c: char| !c.is_ascii_alphabetic()).find(|part| part.len() > 2).map(str::to_owned)
        };
        Some(names.filter_map(stem).filter(|stem| stem != "docker").collect())
    }

    /// Reads shell text; the same excerpt is read once, so that a statement keeps its identity.
    pub(crate) fn parse(&self, excerpt: Arc<Excerpt>) -> Arc<Script> {
        let known = self.scripts.borrow().known(&excerpt);
        known.unwrap_or_else(|| {
            self.resolutions.forget();
            self.scripts.borrow_mut().read(excerpt)
        })
    }

    /// What other shells than bash refuse to read in a text.
    pub(super) fn refused(&self, excerpt: &Arc<Excerpt>) -> Rc<[Refused]> {
        let script = self.parse(Arc::clone(excerpt));
        self.scripts.borrow_mut().refused(&script)
    }

    /// What the scripts say that were read so far.
    pub(super) fn scripts(&self) -> Ref<'_, Scripts> {
        self.scripts.borrow()
    }

    /// True if the image has a script of the project at this path.
    pub(crate) fn is_script(&self, path: &str) -> bool {
        matches!(self.find(&join(&self.image.workdir, path)), Found::File(_))
    }

    /// The file that a shell reads, by its argument.
    pub(super) fn script_file(&self, path: &str, directory: Option<&str>) -> Option<ImageFile> {
        let here = || self.find(&join(directory.unwrap_or(&self.image.workdir), path));
        let found = if path.contains('/') { here() } else { self.which(path).map_or_else(here, Found::File) };
        match found {
            Found::File(file) => Some(file),
            _ => None,
        }
    }

    /// From now on the files are there that a course has made so far.
    pub(super) fn see(&self, made: &Rc<Made>) {
        if !Rc::ptr_eq(&self.made.borrow(), made) {
            self.made.replace(Rc::clone(made));
            self.left.borrow_mut().clear();
            self.resolutions.forget();
        }
    }

    /// The files of the image, and those that the course has made.
    pub(super) fn running(&self) -> Running<'a> {
        Running { files: self.files, made: Rc::clone(&self.made.borrow()) }
    }

    /// The file at a path, as it is while the container runs.
    pub(crate) fn find(&self, path: &str) -> Found {
        if self.made.borrow().leaves(path) { self.find_in_image(path) } else { self.running().find(path) }
    }

    /// The file at a path of the image. Asked again and again while scripts run; looked up once.
    fn find_in_image(&self, path: &str) -> Found {
        if let Some(found) = self.found.borrow().get(path) {
            return found.clone();
        }
        let found = self.files.find(path);
        self.found.borrow_mut().insert(path.to_owned(), found.clone());
        found
    }

    /// True for a file that only another stage makes. One that a script makes is there.
    pub(super) fn lacks(&self, path: &str) -> bool {
        self.image.base.known && self.files.is_made_elsewhere(path) && !self.running().is_changed(path)
    }

    /// The names of what may be in a directory of the image.
    pub(super) fn list(&self, directory: &str) -> Rc<[String]> {
        if !self.made.borrow().is_empty() {
            return self.running().list(directory).into();
        }
        if let Some(names) = self.listed.borrow().get(directory) {
            return Rc::clone(names);
        }
        let names: Rc<[String]> = self.files.list(directory).into();
        self.listed.borrow_mut().insert(directory.to_owned(), Rc::clone(&names));
        names
    }

    /// True for a file that a wildcard has found.
    pub(super) fn has_listed(&self, path: &str) -> bool {
        let Some((directory, name)) = path.rsplit_once('/') else { return false };
        let directory = if directory.is_empty() { "/" } else { directory };
        let listed = self.listed.borrow();
        listed.get(directory).is_some_and(|names| names.iter().any(|known| known == name))
    }

    pub(super) fn which(&self, name: &str) -> Option<ImageFile> {
        let path = self.image.env.get("PATH").map(String::as_str);
        if !self.is_left(name, path) {
            return self.running().which(name, path);
        }
        // A bare name is a key of its own: it holds no `/`.
        if let Some(found) = self.found.borrow().get(name) {
            return match found {
                Found::File(file) => Some(file.clone()),
                _ => None,
            };
        }
        let file = self.files.which(name, path);
        let found = file.clone().map_or(Found::Unknown, Found::File);
        self.found.borrow_mut().insert(name.to_owned(), found);
        file
    }

    /// True if the scripts have made nothing on PATH by this name.
    fn is_left(&self, name: &str, path: Option<&str>) -> bool {
        let made = self.made.borrow();
        if made.is_empty() {
            return true;
        }
        if let Some(known) = self.left.borrow().get(name) {
            return *known;
        }
        let is_left = paths_of(name, path).all(|path| made.leaves(&path));
        self.left.borrow_mut().insert(name.to_owned(), is_left);
        is_left
    }

    /// Whether a command line is the image's own shell form, or somebody's `sh -c`.
    /// A script that forgets quotes may have cut the shell form's text into pieces.
    pub(super) fn origin_of(&self, text: &Arc<Excerpt>, is_whole: bool) -> Origin {
        let own = [&self.image.entrypoint, &self.image.cmd].into_iter().flatten().find(|setting| {
            let Command::Shell { text: own, .. } = &setting.value else { return false };
            Arc::ptr_eq(own, text) || (!is_whole && own.text().starts_with(text.text()))
        });
        own.and_then(|setting| setting.place.clone()).map_or(Origin::Text, Origin::ShellForm)
    }

    /// True if it is certain that there is no bash: the base brings none, and nothing that is installed does, also while the container
    /// starts.
    pub(crate) fn lacks_bash(&self) -> bool {
        let brings_bash = |name: &str| !self.tables.is_without_bash(name);
        let of_image = *self.lacks_bash.get_or_init(|| {
            self.image.base.bash == Some(false) && {
                let installed = self.files.installed();
                installed.lacks("bash") && installed.package(brings_bash).is_none()
            }
        });
        of_image && !self.made.borrow().may_install(brings_bash)
    }

    /// True for an image without any shell: its base has none, and no instruction can bring one.
    pub(crate) fn lacks_shell(&self) -> bool {
        let brings_none = |instruction: &Instruction| match instruction.keyword {
            Keyword::Run | Keyword::Add | Keyword::Onbuild => false,
            Keyword::Copy => brings_no_shell(instruction.body.text(), &self.image.workdir),
            _ => true,
        };
        let image = self.image;
        image.base.sh == Sh::None
            && image.runtime.mounts.is_empty()
            && image.instructions().into_iter().all(|(_, instruction)| brings_none(instruction))
    }

    /// `/bin/sh`, as the base has it.
    pub(crate) fn sh(&self) -> Dialect {
        self.used_sh.set(true);
        self.sh
    }
}

/// True if no source of a COPY can be a shell, or a folder with one.
fn brings_no_shell(arguments: &str, workdir: &str) -> bool {
    const SHELLS: [&str; 10] = ["sh", "bash", "ash", "dash", "busybox", "bin", "sbin", "usr", "rootfs", ""];
    let mut words: Vec<&str> = arguments.split_ascii_whitespace().collect();
    let Some(target) = words.pop().filter(|_| !arguments.starts_with('[')) else { return false };
    let name = |path: &str| base_name(path.trim_end_matches(['/', '.', '*'])).to_owned();
    // A folder that becomes the root may hold anything; a file has an ending, or goes by a path of its own.
    let is_root = matches!(join(workdir, target).as_str(), "/");
    let may_bring = |path: &str| SHELLS.contains(&name(path).as_str());
    !words.iter().any(|source| may_bring(source) || (is_root && !name(source).contains('.')))
        && (is_root || !may_bring(target))
}
