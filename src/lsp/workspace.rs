//! The projects that the client works in: which Dockerfiles there are, what each result rests on, and which of them is to be made anew.
//!
//! A Dockerfile concerns the session if it, or a file that it leads to, is open. Those are checked; of all others it is only remembered
//! what they read, so that it is known which of them start a script that is opened later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types::Uri;
use rayon::prelude::*;

use crate::check::Analysis;
use crate::config::{self, ConfigError, Configs};
use crate::diagnostic::Diagnostic;
use crate::discover::{self, Given, Project as Discovered};
use crate::guard::{Defect, guarded};
use crate::orchestrator;
use crate::settings::Settings;
use crate::source::{self, DiskLoader, Name};
use crate::{FileReport, check, unused_ignores};

use super::documents::{Document, Documents};
use super::loader::{Asked, EditorLoader};
use super::{held, uri};

/// What is known of one Dockerfile.
#[derive(Default)]
pub(super) struct Entry {
    asked: Asked,
    is_stale: bool,
    /// True if it, or a file that it leads to, is open.
    concerns: bool,
    /// What it is to be checked for; `None` until it has been.
    pub(super) settings: Option<Arc<Settings>>,
    /// Its build context, as deployments name it.
    context: Option<Utf8PathBuf>,
    /// Why it cannot be told what it is to be checked for.
    pub(super) refused: Option<ConfigError>,
    report: Option<Arc<FileReport>>,
    /// The latest report on texts that could be read without an error.
    readable: Option<Arc<FileReport>>,
    /// What it said, and what the text as it is now, half typed, says nothing about.
    pub(super) held: Vec<Diagnostic>,
}

impl Entry {
    fn new() -> Self {
        Self { is_stale: true, ..Self::default() }
    }

    /// The report, if the Dockerfile concerns the session.
    pub(super) fn report(&self) -> Option<&Arc<FileReport>> {
        self.report.as_ref().filter(|_| self.concerns)
    }

    /// True if the file at this path was read for it.
    pub(super) fn reads(&self, path: &Utf8Path) -> bool {
        self.asked.files.contains(path)
    }
}

/// Files below one root.
pub(super) struct Project {
    /// Absolute, without symlinks.
    pub(super) root: Utf8PathBuf,
    pub(super) disk: DiskLoader,
    discovered: BTreeSet<Utf8PathBuf>,
    /// True if that is all there is.
    is_whole: bool,
    /// The build contexts that deployments name, by Dockerfile; `None` if they are to be looked up again.
    contexts: Option<BTreeMap<Utf8PathBuf, Utf8PathBuf>>,
    /// By the path of the Dockerfile or deployment, relative to the root.
    pub(super) entries: BTreeMap<Utf8PathBuf, Entry>,
    /// Comments that silence nothing, which only all Dockerfiles together can tell.
    pub(super) unused_ignores: Vec<Diagnostic>,
}

impl Project {
    fn new(root: Utf8PathBuf) -> Option<Self> {
        let disk = DiskLoader::new(&root).ok()?;
        Some(Self {
            root,
            disk,
            discovered: BTreeSet::new(),
            is_whole: false,
            contexts: None,
            entries: BTreeMap::new(),
            unused_ignores: Vec::new(),
        })
    }

    /// The project's files, as the editor has them.
    pub(super) fn loader<'a>(&'a self, documents: &'a Documents) -> EditorLoader<'a> {
        EditorLoader::new(&self.root, &self.disk, documents)
    }

    /// Where a file of the project really is.
    pub(super) fn real(&self, path: &Utf8Path) -> Utf8PathBuf {
        let real = self.disk.resolve(path).ok().and_then(|real| Utf8PathBuf::from_path_buf(real).ok());
        real.unwrap_or_else(|| self.root.join(path))
    }

    /// The Dockerfiles that read one of these files, with what they are checked for.
    pub(super) fn readers<'a>(
        &'a self,
        files: &'a [Utf8PathBuf],
    ) -> impl Iterator<Item = (&'a Utf8Path, &'a Settings)> {
        let reads = move |entry: &Entry| files.iter().any(|file| entry.reads(file));
        let readers = self.entries.iter().filter(move |(_, entry)| reads(entry));
        readers.filter_map(|(path, entry)| Some((path.as_path(), entry.settings.as_deref()?)))
    }

    fn set_discovered(
        &mut self,
        dockerfiles: BTreeSet<Utf8PathBuf>,
        documents: &Documents,
        configs: &Configs,
    ) {
        self.discovered.extend(dockerfiles);
        let open: Vec<_> = documents.iter().filter_map(|document| self.opened(document, configs)).collect();
        let known = self.entries.len();
        self.entries.retain(|path, _| self.discovered.contains(path) || open.contains(path));
        let mut changed = self.entries.len() != known;
        for path in self.discovered.iter().chain(&open) {
            if !self.entries.contains_key(path) {
                self.entries.insert(path.clone(), Entry::new());
                changed = true;
            }
        }
        if changed {
            self.contexts = None;
        }
    }

    /// A file has changed: what deployments say may have, too.
    fn forget_contexts(&mut self, path: &Utf8Path) {
        if orchestrator::is_candidate(path) && path.starts_with(&self.root) {
            self.contexts = None;
        }
    }

    /// Looks up the build contexts, if need be; a Dockerfile that has another one is stale.
    fn look_up_contexts(&mut self, documents: &Documents) {
        if self.contexts.is_some() {
            return;
        }
        let deployments = self.entries.keys().filter(|path| orchestrator::is_candidate(path));
        let contexts = orchestrator::contexts(deployments, &self.loader(documents));
        for (path, entry) in &mut self.entries {
            let context = contexts.get(path);
            entry.is_stale |= entry.context.as_ref() != context;
            entry.context = context.cloned();
        }
        self.contexts = Some(contexts);
    }

    /// Looks for comments that silence nothing, in scripts of which everything is known.
    fn look_for_unused_ignores(&mut self) {
        self.unused_ignores.clear();
        if self.is_whole && !self.entries.values().any(|entry| entry.is_stale) {
            let unused =
                unused_ignores(self.entries.values().filter_map(|entry| entry.report().map(Arc::as_ref)));
            let is_known = |diagnostic: &Diagnostic| {
                let file = self.real(diagnostic.place.source.path());
                self.entries.values().filter(|entry| entry.reads(&file)).all(|entry| entry.report().is_some())
            };
            self.unused_ignores = unused.into_iter().filter(is_known).collect();
        }
    }

    /// The path of an open Dockerfile of this project.
    fn opened(&self, document: &Document, configs: &Configs) -> Option<Utf8PathBuf> {
        let path = document.path.as_deref()?;
        let inside = path.strip_prefix(&self.root).ok()?;
        let config = configs.of(path.parent()?).ok().flatten();
        let is_dockerfile =
            document.is_checked() || config.as_ref().is_some_and(|config| config.is_dockerfile(path));
        let is_wanted = is_dockerfile && !config.is_some_and(|config| config.excludes(path));
        is_wanted.then(|| inside.to_owned())
    }

    fn concerns(&self, path: &Utf8Path, entry: &Entry, documents: &Documents) -> bool {
        let is_open = documents.at(&self.root.join(path)).is_some();
        is_open
            || documents.iter().any(|document| document.path.as_deref().is_some_and(|path| entry.reads(path)))
    }
}

/// A folder of the client.
struct Folder {
    /// As the client names it.
    given: Utf8PathBuf,
    /// Without symlinks.
    real: Utf8PathBuf,
}

/// The Dockerfiles and deployments below a folder.
pub(super) type Discovery = Vec<Discovered>;

/// Searches a folder. It may take long, where somebody has opened their home.
pub(super) fn discover(folder: &Utf8Path, configs: &Configs) -> Discovery {
    discover::find(vec![Given { path: folder.into(), text: None }], folder, configs, false).projects
}

/// What one step of work came to.
#[derive(Default)]
pub(super) struct Step {
    /// True if something that concerns the session was checked.
    pub(super) shown: bool,
    /// Files at which the program failed.
    pub(super) failed: Vec<(Utf8PathBuf, Defect)>,
}

/// All projects.
#[derive(Default)]
pub(super) struct Workspace {
    folders: Vec<Folder>,
    pub(super) configs: Arc<Configs>,
    pub(super) projects: Vec<Project>,
}

impl Workspace {
    /// Adds a folder of the client; what is to be searched for Dockerfiles is returned.
    pub(super) fn add_folder(&mut self, given: Utf8PathBuf) -> Utf8PathBuf {
        let real = uri::settle(&given);
        self.folders.retain(|folder| folder.real != real);
        self.folders.push(Folder { given, real: real.clone() });
        real
    }

    /// Forgets a folder, and what only it led to.
    pub(super) fn remove_folder(&mut self, given: &Utf8Path, documents: &Documents) {
        let real = uri::settle(given);
        self.folders.retain(|folder| folder.real != real);
        for project in &mut self.projects {
            let Project { root, discovered, .. } = project;
            discovered
                .retain(|path| self.folders.iter().any(|folder| root.join(path).starts_with(&folder.real)));
            project.set_discovered(BTreeSet::new(), documents, &self.configs);
        }
        self.projects.retain(|project| !project.entries.is_empty());
    }

    /// The folders to search again.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Utf8Path> {
        self.folders.iter().map(|folder| folder.real.as_path())
    }

    /// Takes in what a search of a folder has found.
    pub(super) fn discovered(&mut self, folder: &Utf8Path, found: Discovery, documents: &Documents) {
        for Discovered { root, files, is_whole, .. } in found {
            let Some(index) = self.project(root) else { continue };
            let project = &mut self.projects[index];
            let Project { root, discovered, .. } = project;
            discovered.retain(|path| !root.join(path).starts_with(folder));
            project.is_whole |= is_whole;
            let files = files.iter().map(|path| path.to_path_buf()).collect();
            project.set_discovered(files, documents, &self.configs);
        }
        self.sort_out(documents);
    }

    /// The project with a root, which may be new.
    fn project(&mut self, root: Utf8PathBuf) -> Option<usize> {
        let known = self.projects.iter().position(|project| project.root == root);
        known.or_else(|| {
            self.projects.push(Project::new(root)?);
            Some(self.projects.len() - 1)
        })
    }

    /// The project that a file belongs to: the innermost one around it.
    pub(super) fn around(&self, path: &Utf8Path) -> Option<&Project> {
        let around = self.projects.iter().filter(|project| path.starts_with(&project.root));
        around.max_by_key(|project| project.root.as_str().len())
    }

    /// A document was opened. Where it belongs to none of the client's folders, the folder to search is returned.
    pub(super) fn opened(&mut self, document: &Document, documents: &Documents) -> Option<Utf8PathBuf> {
        let path = document.path.as_deref()?;
        let mut to_search = None;
        if self.around(path).is_none() {
            let folder = path.parent()?;
            let git = discover::git_top_level(folder);
            to_search = git.map(Utf8Path::to_owned);
            // Without git there is nothing to say how far the project reaches. What lies beside the file belongs to it.
            let index = self.project(git.unwrap_or(folder).to_owned())?;
            let project = &mut self.projects[index];
            if git.is_none() {
                let names = crate::source::Loader::list(&project.disk, Utf8Path::new(""));
                let dockerfiles = names.into_iter().filter(|name| source::name(name) == Name::Dockerfile);
                project.set_discovered(
                    dockerfiles.map(Utf8PathBuf::from).collect(),
                    documents,
                    &self.configs,
                );
            }
        }
        self.sort_out(documents);
        to_search
    }

    /// Which Dockerfiles there are, and which of them concern the session, after documents were opened, closed or found.
    pub(super) fn sort_out(&mut self, documents: &Documents) {
        for project in &mut self.projects {
            project.set_discovered(BTreeSet::new(), documents, &self.configs);
            let mut entries = std::mem::take(&mut project.entries);
            for (path, entry) in &mut entries {
                entry.concerns = project.concerns(path, entry, documents);
                if entry.concerns {
                    entry.is_stale |= entry.report.is_none();
                } else {
                    (entry.report, entry.readable, entry.held) = (None, None, Vec::new());
                }
            }
            project.entries = entries;
        }
    }

    /// The text of an open document has changed.
    pub(super) fn edited(&mut self, path: &Utf8Path) {
        self.projects.iter_mut().for_each(|project| project.forget_contexts(path));
        for entry in self.projects.iter_mut().flat_map(|project| project.entries.values_mut()) {
            entry.is_stale |= entry.concerns && entry.reads(path);
        }
    }

    /// A file has changed, come or gone.
    pub(super) fn touched(&mut self, path: &Utf8Path, came_or_went: bool) {
        for project in &mut self.projects {
            project.forget_contexts(path);
            for entry in project.entries.values_mut() {
                entry.is_stale |= entry.asked.depends_on(path, &project.root, came_or_went);
            }
        }
    }

    /// Everything that is shown is made anew: something may have happened that nobody told us of.
    pub(super) fn doubt(&mut self) {
        for entry in self.projects.iter_mut().flat_map(|project| project.entries.values_mut()) {
            entry.is_stale |= entry.concerns;
        }
    }

    /// True if a file is configuration that has been read, or would be.
    pub(super) fn is_configuration(&self, path: &Utf8Path) -> bool {
        let configured = self.projects.iter().flat_map(|project| {
            project
                .entries
                .keys()
                .filter_map(|path| self.configs.of(project.root.join(path).parent()?).ok()?)
        });
        path.file_name().is_some_and(|name| config::FILE_NAMES.contains(&name))
            || (path.extension() == Some("toml")
                && configured.into_iter().any(|config| config.paths().any(|file| file == path)))
    }

    /// The configuration has changed, and with it everything.
    pub(super) fn configure(&mut self) {
        self.configs = Arc::default();
        for entry in self.projects.iter_mut().flat_map(|project| project.entries.values_mut()) {
            entry.is_stale = true;
        }
    }

    /// True if what is to be shown is as new as the documents.
    pub(super) fn is_settled(&self) -> bool {
        let mut entries = self.projects.iter().flat_map(|project| project.entries.values());
        !entries.any(|entry| entry.concerns && entry.is_stale)
    }

    /// Finds out what is stale because of what other files say of it.
    pub(super) fn prepare(&mut self, documents: &Documents) {
        self.projects.iter_mut().for_each(|project| project.look_up_contexts(documents));
    }

    /// Does a part of what there is to do, what is to be shown before all else. `None` if there is nothing to do.
    pub(super) fn work(&mut self, documents: &Documents) -> Option<Step> {
        let mut todo: Vec<(usize, Utf8PathBuf, bool)> = Vec::new();
        for urgent in [true, false] {
            let waiting = self.projects.iter().enumerate().flat_map(|(index, project)| {
                let stale =
                    project.entries.iter().filter(|(_, entry)| entry.is_stale && entry.concerns == urgent);
                stale.map(move |(path, _)| (index, path.clone(), urgent))
            });
            if todo.is_empty() {
                todo.extend(waiting.take(rayon::current_num_threads()));
            }
        }
        if todo.is_empty() {
            return None;
        }
        let results: Vec<_> = todo
            .into_par_iter()
            .map(|(index, path, urgent)| {
                let project = &self.projects[index];
                let loader = project.loader(documents);
                // A defect in the analysis of one file is no reason to leave the others alone.
                let settings = self.settings(project, &path).map(Arc::new);
                let report = guarded(|| {
                    let settings = settings.as_ref().ok()?;
                    if urgent {
                        return Some(Arc::new(check(&path, &loader, settings)));
                    }
                    Analysis::of(&path, &loader, settings);
                    None
                });
                (index, path, report, loader.into_asked(), settings)
            })
            .collect();
        let mut step = Step::default();
        for (index, path, report, asked, settings) in results {
            let project = &mut self.projects[index];
            let Some(mut entry) = project.entries.remove(&path) else { continue };
            entry.is_stale = false;
            let defect = match &report {
                Ok(report) => report.as_ref().and_then(|report| report.defect.clone()),
                Err(defect) => Some(defect.clone()),
            };
            let has_failed = defect.is_some() || settings.is_err();
            step.failed.extend(defect.map(|defect| (project.root.join(&path), defect)));
            (entry.settings, entry.refused) = match settings {
                Ok(settings) => (Some(settings), None),
                Err(error) => (None, Some(error)),
            };
            if has_failed {
                // What it rests on is known from before, if it ever was.
                (entry.report, entry.readable, entry.held) = (None, None, Vec::new());
                entry.asked.extend(asked);
            } else {
                entry.asked = asked;
            }
            entry.concerns = project.concerns(&path, &entry, documents);
            match report.ok().flatten() {
                Some(report) => entry.take(report, project, documents),
                // It was only looked at, to see what it reads.
                None => entry.is_stale = entry.concerns && !has_failed,
            }
            step.shown |= entry.concerns;
            project.entries.insert(path, entry);
        }
        self.projects.iter_mut().for_each(Project::look_for_unused_ignores);
        Some(step)
    }

    /// What a file is to be checked for.
    fn settings(&self, project: &Project, path: &Utf8Path) -> Result<Settings, ConfigError> {
        let mut settings = self.configs.settings(&project.root, path)?;
        let of_deployments = project.entries.get(path).and_then(|entry| entry.context.clone());
        settings.context = settings.context.or(of_deployments);
        Ok(settings)
    }

    /// The URI of a file, as the client would write it.
    pub(super) fn uri(&self, real: &Utf8Path, documents: &Documents) -> Uri {
        if let Some(document) = documents.at(real) {
            return document.uri.clone();
        }
        let around =
            self.folders.iter().find_map(|folder| Some((folder, real.strip_prefix(&folder.real).ok()?)));
        around.map_or_else(|| uri::of_path(real), |(folder, inside)| uri::of_path(&folder.given.join(inside)))
    }
}

impl Entry {
    /// A new report. What is being typed cannot be read half of the time, and then what was said of the rest still holds.
    fn take(&mut self, report: Arc<FileReport>, project: &Project, documents: &Documents) {
        let typed =
            |path: &Utf8Path| documents.at(&project.real(path)).is_some_and(|document| document.edited);
        let mut typed = report.sources.iter().filter(|source| typed(source.path())).peekable();
        let is_lost = self.readable.as_ref().is_some_and(|before| held::is_lost(before, &report));
        let broken = (is_lost && typed.peek().is_some())
            || typed.any(|source| held::is_broken(source, *source.path() == *report.path));
        self.held = match &self.readable {
            Some(before) if broken => held::hold(before, &report),
            _ => Vec::new(),
        };
        if !broken {
            self.readable = Some(Arc::clone(&report));
        }
        self.report = Some(report);
    }
}
