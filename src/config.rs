//! `pidone.toml`: what a project wants checked, and how.
//!
//! The nearest file upwards of a Dockerfile counts, for the Dockerfile and for what it starts. What the command line says counts more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::Gitignore;

use crate::baseline::Baseline;
use crate::diagnostic::Severity;
use crate::programs::Tables;
use crate::rules;
use crate::settings::{Layer, PathFilter, RuleSettings, Settings};
use crate::source::{Place, Span};

mod error;
mod file;
mod load;

pub use error::ConfigError;
pub use file::schema;

use file::ConfigFile;
use load::Loaded;

/// The names of configuration files; the first that exists in a folder counts.
pub const FILE_NAMES: [&str; 2] = ["pidone.toml", ".pidone.toml"];

/// What the command line says. It counts more than any file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// These rules and no others.
    pub select: Option<Vec<String>>,
    /// Not these rules.
    pub ignore: Vec<String>,
    /// Also say what the model could not tell.
    pub pedantic: bool,
    /// Apply fixes that may change something else, too.
    pub unsafe_fixes: bool,
    /// The least severity that fails a run.
    pub fail_on: Option<Severity>,
    /// Findings that are known.
    pub baseline: Option<Arc<Baseline>>,
}

/// Where configuration comes from.
#[derive(Debug, Clone, Default)]
pub enum Origin {
    /// The nearest file upwards.
    #[default]
    Nearest,
    /// This file, whatever else there is; its patterns count from `folder`.
    File {
        /// The file.
        path: Utf8PathBuf,
        /// The working folder.
        folder: Utf8PathBuf,
    },
    /// Nowhere.
    Isolated,
}

/// What says that a folder may have a configuration of its own, or none from above.
pub(crate) const MARKS: [&str; 3] = [FILE_NAMES[0], FILE_NAMES[1], ".git"];

/// Folders whose configuration is remembered; what was forgotten is looked for again.
const MAX_FOLDERS: usize = 10_000;

/// What a search upwards ends with.
pub(crate) type Nearest = Result<Option<Arc<Config>>, Box<ConfigError>>;

/// All configuration of a run: the nearest files upwards, by default. Files are read once.
#[derive(Debug, Default)]
pub struct Configs {
    options: Options,
    /// The one for all files, unless it is the nearest.
    fixed: Option<Option<Arc<Config>>>,
    /// By folder.
    nearest: Mutex<HashMap<String, Nearest>>,
}

/// A configuration file with all that it extends.
#[derive(Debug)]
pub struct Config {
    /// What it extends comes first.
    files: Vec<Loaded>,
    /// The folder from which its patterns count.
    folder: Utf8PathBuf,
    tables: Arc<Tables>,
    exclude: Gitignore,
    dockerfiles: Gitignore,
}

impl Configs {
    /// Reads the file that `origin` names, if it names one.
    pub fn new(origin: &Origin, options: Options) -> Result<Self, ConfigError> {
        let fixed = match origin {
            Origin::Nearest => None,
            Origin::Isolated => Some(None),
            Origin::File { path, folder } => Some(Some(Arc::new(Config::read(path, folder)?))),
        };
        Ok(Self { options, fixed, nearest: Mutex::default() })
    }

    /// The configuration for files in a folder, which is an absolute path. A search ends at the top of a git repository.
    pub fn of(&self, folder: &Utf8Path) -> Nearest {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        if let Some(known) = self.known(folder) {
            return known;
        }
        let found = match load::file_in(folder) {
            Some(path) => Config::read(&path, folder).map(Arc::new).map(Some).map_err(Box::new),
            None if folder.join(".git").exists() => Ok(None),
            None => folder.parent().map_or(Ok(None), |parent| self.of(parent)),
        };
        self.remember(folder, &found);
        found
    }

    /// Remembers what counts in a folder, for whoever asks for it.
    pub(crate) fn remember(&self, folder: &Utf8Path, found: &Nearest) {
        let mut nearest = self.nearest.lock().unwrap_or_else(PoisonError::into_inner);
        if nearest.len() >= MAX_FOLDERS {
            nearest.clear();
        }
        nearest.insert(folder.as_str().to_owned(), found.clone());
    }

    fn known(&self, folder: &Utf8Path) -> Option<Nearest> {
        self.nearest.lock().unwrap_or_else(PoisonError::into_inner).get(folder.as_str()).cloned()
    }

    /// The settings for a Dockerfile of the project at `root`.
    pub fn settings(&self, root: &Utf8Path, dockerfile: &Utf8Path) -> Result<Settings, ConfigError> {
        let path = root.join(dockerfile);
        let config = self.of(path.parent().unwrap_or(root)).map_err(|error| *error)?;
        let mut settings = Settings::default();
        let mut layers = Vec::new();
        if let Some(config) = &config {
            config.apply(root, &path, &mut settings, &mut layers)?;
        }
        let Options { select, ignore, pedantic, unsafe_fixes, fail_on, baseline } = self.options.clone();
        layers.push(Layer { select, ignore, ..Layer::default() });
        settings.fail_on = fail_on.unwrap_or(settings.fail_on);
        settings.unsafe_fixes = unsafe_fixes;
        settings.baseline = baseline;
        // Who names a rule wants to hear of it.
        let mut infos = rules::all().iter().filter(|rule| rule.severity == Severity::Info);
        settings.pedantic = pedantic || infos.any(|rule| layers.iter().any(|layer| layer.names(rule.name)));
        settings.rules = RuleSettings::new(layers);
        Ok(settings)
    }
}

impl Config {
    fn read(path: &Utf8Path, folder: &Utf8Path) -> Result<Self, ConfigError> {
        let files = load::chain(path)?;
        let mut tables = Arc::clone(Tables::builtin());
        for loaded in files.iter().filter(|loaded| loaded.file.has_rows()) {
            let rows = tables.with_rows(loaded.source.text());
            tables = Arc::new(rows.map_err(|error| ConfigError::row(&loaded.source, &error))?);
        }
        let all = |patterns: fn(&ConfigFile) -> &[file::Pattern]| {
            file::matcher(files.iter().flat_map(|loaded| patterns(&loaded.file)))
        };
        let (exclude, dockerfiles) = (all(|file| &file.exclude), all(|file| &file.dockerfiles));
        Ok(Self { files, folder: folder.to_owned(), tables, exclude, dockerfiles })
    }

    /// The files that it is made of; what is extended comes first.
    pub fn paths(&self) -> impl Iterator<Item = &Utf8Path> {
        self.files.iter().map(|loaded| loaded.source.path())
    }

    /// True if a file, given by its absolute path, is not to be checked.
    pub fn excludes(&self, path: &Utf8Path) -> bool {
        is_below(&self.exclude, &self.folder, path)
    }

    /// True if a file, given by its absolute path, is a Dockerfile whatever its name.
    pub fn is_dockerfile(&self, path: &Utf8Path) -> bool {
        is_below(&self.dockerfiles, &self.folder, path)
    }

    fn apply(
        &self,
        root: &Utf8Path,
        dockerfile: &Utf8Path,
        settings: &mut Settings,
        layers: &mut Vec<Layer>,
    ) -> Result<(), ConfigError> {
        settings.tables = Arc::clone(&self.tables);
        for Loaded { file, .. } in &self.files {
            settings.init = file.init.unwrap_or(settings.init);
            settings.fail_on = file.fail_on.unwrap_or(settings.fail_on);
            layers.push(file.layer());
        }
        for Loaded { file, source } in &self.files {
            for part in &file.overrides {
                let matcher = file::matcher(&part.paths);
                if let Some(context) =
                    part.context.as_ref().filter(|_| is_below(&matcher, &self.folder, dockerfile))
                {
                    let span = Span::from(context.span());
                    settings.context = Some(self.context(root, context.get_ref()).ok_or_else(|| {
                        let message = format!("the build context is not below {root}");
                        ConfigError::at(Place::new(source, span), message, "leads out of the project")
                    })?);
                }
                let (root, folder) = (root.to_owned(), self.folder.clone());
                let filter: PathFilter =
                    Arc::new(move |path: &Utf8Path| is_below(&matcher, &folder, &root.join(path)));
                layers.push(part.layer(filter));
            }
        }
        Ok(())
    }

    /// A folder, as written in the file, relative to the project's root.
    fn context(&self, root: &Utf8Path, written: &str) -> Option<Utf8PathBuf> {
        let full = crate::dockerfile::join(self.folder.as_str(), written);
        Utf8Path::new(&full).strip_prefix(root).ok().map(Utf8Path::to_owned)
    }
}

/// Whether patterns that count from `folder` name the file, or a folder that it is in.
fn is_below(patterns: &Gitignore, folder: &Utf8Path, path: &Utf8Path) -> bool {
    path.strip_prefix(folder).is_ok_and(|path| patterns.matched_path_or_any_parents(path, false).is_ignore())
}
