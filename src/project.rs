//! The build context: which file is at a path of the image?

use std::sync::{Arc, OnceLock};

use camino::{Utf8Path, Utf8PathBuf};

use crate::dockerfile::{Command, DEFAULT_PATH, Image, MountSource, Stage, StageBase, Step};
use crate::programs::Base;
use crate::source::{Excerpt, Loader, Place, ReadError};

mod build_context;
mod copy;
mod dockerignore;
mod glob;
pub mod handlers;
mod heredoc;
mod ini;
mod installed;
mod layers;
mod listing;
mod lookup;
mod made;
pub mod makefile;
mod mentions;
mod mode;
pub mod options;
pub mod package_json;
mod path;
pub mod procfile;
pub mod ruby;
mod run;
pub mod s6_overlay;
pub mod scandir;
pub mod supervised;
pub mod supervisord;
mod vars;

pub use installed::{Installed, installed_by, may_install};
pub use made::{Deed, Made, Running, Text};

use build_context::BuildContext;
use layers::Layers;
use lookup::Lookup;

/// What the image holds at a path.
#[derive(Debug, Clone)]
pub enum Found {
    /// A text file whose content is known.
    File(ImageFile),
    /// A file that is put there, but whose content cannot be read; the reason is for people.
    Unreadable(String),
    /// A file that ADD downloads and that nobody may execute; in place of its text stands the instruction.
    Download(ImageFile),
    /// Nothing known puts a file there: the base image, a package or a build step may.
    Unknown,
}

/// A text file in the image.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// Absolute, normalised path in the image, symlinks followed.
    pub path: String,
    /// The content as the image has it, with its map to the file a person would edit.
    pub text: Arc<Excerpt>,
    /// Whether it may be executed; `None` where that cannot be known.
    pub executable: Option<bool>,
    /// The instruction that puts it there.
    pub by: Option<Place>,
}

/// Looks up files of one image.
pub trait ImageFiles {
    /// The file at an absolute path of the image.
    fn find(&self, path: &str) -> Found;

    /// The names of what may be in a directory, sorted; [`ImageFiles::find`] says whether they are.
    fn list(&self, directory: &str) -> Vec<String>;

    /// True if a build step changes what the base image or a package puts at a path.
    fn is_changed(&self, path: &str) -> bool;

    /// True for a file that another stage makes, and that is not in this image.
    fn is_made_elsewhere(&self, _path: &str) -> bool {
        false
    }

    /// True for a folder that is known to be there.
    fn is_folder(&self, path: &str) -> bool {
        !self.list(path).is_empty()
    }

    /// False for a file that may be changed, and a folder that may hold more than is known, since something is done to it that is not
    /// followed.
    fn is_all_known(&self, _path: &str) -> bool {
        true
    }

    /// Which programs the image's instructions install.
    fn installed(&self) -> Arc<Installed>;

    /// True if a text of the project, in this folder or below it, may hold one of these words.
    fn mentions(&self, folder: &Utf8Path, words: &[&str]) -> bool;

    /// The file that a bare name means: the first one in the directories of PATH that may be executed, else the first one.
    fn which(&self, name: &str, path_env: Option<&str>) -> Option<ImageFile> {
        if name.is_empty() || name.contains('/') {
            return None;
        }
        let mut first = None;
        for path in paths_of(name, path_env) {
            if let Found::File(file) = self.find(&path) {
                if file.executable != Some(false) {
                    return Some(file);
                }
                first.get_or_insert(file);
            }
        }
        first
    }

    /// The package.json that counts in a directory: its own, or that of the nearest directory above it.
    fn package_json(&self, dir: &str) -> Option<ImageFile> {
        let dir = path::join("/", dir);
        for dir in std::iter::once(dir.as_str()).chain(path::ancestors(&dir)) {
            match self.find(&path::join(dir, "package.json")) {
                Found::File(file) => return Some(file),
                Found::Unreadable(_) | Found::Download(_) => return None,
                Found::Unknown => {}
            }
        }
        None
    }
}

/// Where a bare name is looked for: in the directories of PATH.
pub(crate) fn paths_of(name: &str, path_env: Option<&str>) -> impl Iterator<Item = String> {
    let directories = path_env.unwrap_or(DEFAULT_PATH).split(':').filter(|dir| dir.starts_with('/'));
    directories.map(move |dir| path::join(dir, name))
}

/// The files that a Dockerfile's instructions put into an image.
pub struct Context<'a> {
    image: &'a Image,
    loader: &'a dyn Loader,
    root: Option<Utf8PathBuf>,
    stages: Arc<[Stage]>,
    /// For each stage, when they are first asked for.
    steps: Arc<[OnceLock<Vec<Step<'a>>>]>,
    files: OnceLock<BuildContext<'a>>,
    layers: Vec<OnceLock<Layers>>,
    installed: OnceLock<Arc<Installed>>,
}

impl<'a> Context<'a> {
    /// The files of `image`, read through `loader`. The build context is the Dockerfile's folder, or one above it if the
    /// sources of COPY are found there.
    pub fn new(image: &'a Image, loader: &'a dyn Loader) -> Self {
        Self::build(image, loader, None)
    }

    /// The files of `image`, built with `root` (a folder of the project) as its context.
    pub fn with_root(image: &'a Image, loader: &'a dyn Loader, root: impl Into<Utf8PathBuf>) -> Self {
        Self::build(image, loader, Some(root.into()))
    }

    fn build(image: &'a Image, loader: &'a dyn Loader, root: Option<Utf8PathBuf>) -> Self {
        let stages = Arc::clone(image.dockerfile.stages());
        let steps = stages.iter().map(|_| OnceLock::new()).collect();
        let layers = stages.iter().map(|_| OnceLock::new()).collect();
        let (files, installed) = (OnceLock::new(), OnceLock::new());
        Self { image, loader, root, stages, steps, files, layers, installed }
    }

    /// The same with another folder as the build context.
    fn moved(&self, root: &Utf8Path) -> Self {
        Self {
            root: Some(root.to_owned()),
            stages: Arc::clone(&self.stages),
            steps: Arc::clone(&self.steps),
            files: OnceLock::new(),
            layers: self.stages.iter().map(|_| OnceLock::new()).collect(),
            installed: self.installed.clone(),
            ..*self
        }
    }

    /// The folder of the project that the answers take for the build context; empty for the project's root.
    pub fn context_root(&self) -> &Utf8Path {
        &self.files().root
    }

    fn files(&self) -> &BuildContext<'a> {
        self.files.get_or_init(|| {
            let root = self.root.clone().unwrap_or_else(|| self.choose_root());
            BuildContext::new(&self.image.dockerfile, self.loader, root)
        })
    }

    /// The folder that the sources of COPY point to; where they point nowhere (`COPY . .`) the nearest one that holds a file
    /// which the image starts.
    fn choose_root(&self) -> Utf8PathBuf {
        let dockerfile = &self.image.dockerfile;
        let mut candidates = build_context::candidates(dockerfile);
        let Some(own) = candidates.next().filter(|own| !own.as_str().is_empty()) else {
            return Utf8PathBuf::new();
        };
        build_context::root_of_sources(dockerfile, self.loader)
            .or_else(|| {
                let started = launch_words(self.image);
                let holds = |root: &&Utf8Path| {
                    let context = self.moved(root);
                    started.iter().any(|path| matches!(context.find(path), Found::File(_)))
                };
                std::iter::once(own).chain(candidates).find(holds).map(Utf8Path::to_owned)
            })
            .unwrap_or_else(|| own.to_owned())
    }

    /// What is known of the image that a stage's chain begins with.
    fn base(&self, stage: usize) -> Base {
        let mut base = self.stages.get(stage).map(|stage| &stage.base);
        while let Some(StageBase::Stage(stage)) = base {
            base = self.stages.get(*stage).map(|stage| &stage.base);
        }
        match base {
            Some(StageBase::Image(name)) if *name == self.image.base_name => self.image.base.clone(),
            _ => Base::default(),
        }
    }

    /// The instructions of a stage and of those it builds on; none if there is no such stage.
    fn steps(&self, stage: usize) -> &[Step<'a>] {
        let steps = || self.image.dockerfile.steps(&self.stages, stage, &self.base(stage));
        self.steps.get(stage).map_or(&[], |known| known.get_or_init(steps))
    }

    /// What a stage does to files, followed when it is first asked for.
    fn layers(&self, stage: usize) -> &Layers {
        self.layers[stage].get_or_init(|| Layers::build(self, stage))
    }
}

/// The words of ENTRYPOINT and CMD that look like paths, as absolute ones.
fn launch_words(image: &Image) -> Vec<String> {
    let commands = [&image.entrypoint, &image.cmd].into_iter().flatten();
    let texts = commands.flat_map(|setting| match &setting.value {
        Command::Exec(words) => words.iter().map(|word| word.text()).collect(),
        Command::Shell { text, .. } => text.text().split_ascii_whitespace().collect(),
        Command::Inherited(_) => Vec::new(),
    });
    texts.filter(|text| text.contains(['/', '.'])).map(|text| path::join(&image.workdir, text)).collect()
}

impl Context<'_> {
    /// What is mounted at a path; `None` where the image's own files are to be seen.
    fn mounted(&self, path: &str) -> Option<Found> {
        let mounts = &self.image.runtime.mounts;
        if mounts.is_empty() {
            return None;
        }
        let path = path::join("/", path);
        let over = mounts.iter().filter_map(|mount| Some((mount, path::below(&path, &mount.target)?)));
        // The mount nearest to the file is in front.
        let (mount, rest) = over.max_by_key(|(mount, _)| mount.target.len())?;
        let root = match &mount.source {
            MountSource::Volume => return None,
            MountSource::Outside => {
                return Some(Found::Unreadable(format!(
                    "`{}` is mounted from outside of the project",
                    mount.target
                )));
            }
            MountSource::Text(text, executable) => {
                return rest.is_empty().then(|| {
                    Found::File(ImageFile {
                        path: path.clone(),
                        text: Arc::clone(text),
                        executable: *executable,
                        by: Some(mount.place.clone()),
                    })
                });
            }
            MountSource::Project(root) => root,
        };
        let file = if rest.is_empty() { root.clone() } else { root.join(rest) };
        Some(match self.loader.read(&file) {
            Ok(source) => Found::File(ImageFile {
                path,
                text: Arc::new(Excerpt::whole(&source)),
                executable: self.loader.executable(&file),
                by: Some(mount.place.clone()),
            }),
            Err(ReadError::NotFound) => Found::Unknown,
            Err(error) => Found::Unreadable(format!("`{file}` cannot be read: {error}")),
        })
    }
}

impl ImageFiles for Context<'_> {
    fn installed(&self) -> Arc<Installed> {
        Arc::clone(self.installed.get_or_init(|| Arc::new(Installed::of(self))))
    }

    fn find(&self, path: &str) -> Found {
        if let Some(found) = self.mounted(path) {
            return found;
        }
        if self.image.stage >= self.stages.len() {
            return Found::Unknown;
        }
        Lookup::new(self).find(self.image.stage, path)
    }

    fn mentions(&self, folder: &Utf8Path, words: &[&str]) -> bool {
        mentions::any(self.loader, folder, words)
    }

    fn list(&self, directory: &str) -> Vec<String> {
        listing::names(self, self.image.stage, directory)
    }

    fn is_changed(&self, path: &str) -> bool {
        listing::is_changed(self, self.image.stage, path)
    }

    fn is_made_elsewhere(&self, path: &str) -> bool {
        listing::is_made_elsewhere(self, self.image.stage, path)
    }

    fn is_folder(&self, path: &str) -> bool {
        let is_known =
            self.image.stage < self.stages.len() && self.layers(self.image.stage).tree.is_directory(path);
        is_known || !self.list(path).is_empty()
    }
}
