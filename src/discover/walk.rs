//! A walk over the folders of a project: what is checked there, and what is seen on the way. Hidden files, `node_modules` and what git
//! ignores are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::TEMPLATE;
use super::ignored::Ignored;
use crate::config::{self, Config, Configs, Nearest};
use crate::orchestrator;
use crate::source::{DiskLoader, EntryKind, Listed, Lists, Loader, Name, name};
use crate::threads;

/// So many folders are looked at before those below them are.
const BATCH: usize = 1_000;
/// So few are before threads have started.
const FEW: usize = 16;

const PATCH: &str = "a patch is no manifest by itself";

/// What a walk came across.
#[derive(Default)]
pub(super) struct Seen {
    /// The Dockerfiles and deployments, relative to the root, sorted.
    pub(super) files: Vec<Arc<Utf8Path>>,
    /// Symlinks to such, by what they lead to.
    links: BTreeMap<Utf8PathBuf, BTreeSet<Arc<Utf8Path>>>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// What is in the folders.
    pub(super) lists: Lists,
}

/// A folder on the way.
struct Ahead {
    path: PathBuf,
    ignored: Arc<Ignored>,
    config: Nearest,
    /// True unless no folder above is known to have a kustomization.
    may_be_kustomized: bool,
}

/// The Dockerfiles and deployments below `top`, which is `root` or below it.
pub(super) fn walk(top: &Utf8Path, root: &Utf8Path, configs: &Configs) -> Seen {
    let mut ignored = Ignored::of_user(root.as_std_path());
    // A .gitignore above a folder that is not under git is about something else.
    if root.join(".git").exists() {
        let above: Vec<_> = top.ancestors().skip(1).take_while(|folder| folder.starts_with(root)).collect();
        for folder in above.into_iter().rev() {
            ignored = ignored.and_in(folder.as_std_path(), |name| folder.join(name).exists());
        }
    }
    let config = configs.of(top);
    let walk = Walk { root, configs, disk: DiskLoader::new(root).ok() };
    let mut seen = Seen::default();
    let mut ahead = vec![Ahead { path: top.into(), ignored, config, may_be_kustomized: top != root }];
    while !ahead.is_empty() {
        // The last ones, so that few are waiting at any time.
        let batch = ahead.split_off(ahead.len().saturating_sub(BATCH));
        for (here, below) in threads::each(&batch, FEW, |folder| walk.look(folder)) {
            seen.append(here);
            ahead.extend(below);
        }
    }
    seen.settle();
    seen
}

struct Walk<'w> {
    root: &'w Utf8Path,
    configs: &'w Configs,
    disk: Option<DiskLoader>,
}

impl Walk<'_> {
    /// What is in a folder, and the folders to look at next.
    fn look(&self, folder: &Ahead) -> (Seen, Vec<Ahead>) {
        let (mut seen, mut below) = (Seen::default(), Vec::new());
        let entries = match entries(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                seen.warnings.push(format!("{}: {error}", folder.path.display()));
                return (seen, below);
            }
        };
        let has =
            |name: &str| entries.binary_search_by(|(known, _)| known.as_os_str().cmp(name.as_ref())).is_ok();
        let ignored = folder.ignored.and_in(&folder.path, has);
        let utf8 = Utf8Path::from_path(&folder.path);
        let config = match utf8 {
            Some(path) if config::MARKS.into_iter().any(has) => self.configs.of(path),
            _ => folder.config.clone(),
        };
        let may_be_kustomized = folder.may_be_kustomized || orchestrator::KUSTOMIZATIONS.into_iter().any(has);
        let is_left_out = |name: &OsString, path: &Path, is_folder: bool| {
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            name == "node_modules" || ignored.says(path, is_folder).unwrap_or(is_hidden)
        };
        let here = Here { config: config.as_ref().ok().and_then(Option::as_deref), may_be_kustomized };
        for (name, kind) in &entries {
            if kind.is_dir() {
                let path = folder.path.join(name);
                if !is_left_out(name, &path, true) {
                    let (ignored, config) = (Arc::clone(&ignored), config.clone());
                    below.push(Ahead { path, ignored, config, may_be_kustomized });
                }
            } else if (kind.is_file() || kind.is_symlink()) && here.may_be_checked(name) {
                let path = folder.path.join(name);
                if !is_left_out(name, &path, false) {
                    self.add(&path, kind.is_symlink(), &here, &mut seen);
                }
            }
        }
        if let Some(path) = utf8 {
            if !seen.is_empty() {
                self.configs.remember(path, &config);
            }
            if let Ok(relative) = path.strip_prefix(self.root) {
                seen.lists.insert(relative, entries.into_iter().filter_map(listed).collect());
            }
        }
        (seen, below)
    }

    /// Notes a file that may be one to check.
    fn add(&self, path: &Path, is_link: bool, here: &Here<'_>, seen: &mut Seen) {
        let by_name = path.file_name().map_or(Name::Other, |own| name(&own.to_string_lossy()));
        match by_name {
            Name::Dockerfile => {}
            _ if here.is_named(path) => {}
            Name::Template => {
                seen.notes.push(format!("{}: skipped, a template is no Dockerfile yet", path.display()));
                return;
            }
            Name::Yaml => match self.manifest(path, here) {
                Manifest::Yes => {}
                Manifest::No => return,
                Manifest::NotYet(reason) => {
                    seen.notes.push(format!("{}: skipped, {reason}", path.display()));
                    return;
                }
            },
            Name::Script | Name::Other => return,
        }
        let Some(path) = Utf8Path::from_path(path) else {
            seen.warnings.push(format!("{}: skipped, its name is not UTF-8", path.display()));
            return;
        };
        let Ok(relative) = path.strip_prefix(self.root) else { return };
        if here.config.is_some_and(|config| config.excludes(path)) {
            seen.notes.push(format!("{path}: skipped, the configuration excludes it"));
            return;
        }
        if !is_link {
            seen.files.push(relative.into());
            return;
        }
        let target = path.canonicalize_utf8().ok().filter(|target| target.is_file());
        match target.as_ref().and_then(|target| target.strip_prefix(self.root).ok()) {
            Some(target) => {
                seen.links.entry(target.to_owned()).or_default().insert(relative.into());
            }
            None => seen.notes.push(format!("{path}: skipped, the symlink leads to no file of the project")),
        }
    }

    /// What a YAML file is.
    fn manifest(&self, path: &Path, here: &Here<'_>) -> Manifest {
        let relative = Utf8Path::from_path(path).and_then(|path| path.strip_prefix(self.root).ok());
        let Some((path, disk)) = relative.zip(self.disk.as_ref()) else { return Manifest::No };
        match disk.read(path) {
            Ok(source) if !orchestrator::is_deployment(&source) => Manifest::No,
            Ok(source) if orchestrator::is_template(&source) => Manifest::NotYet(TEMPLATE),
            Ok(_) if here.may_be_kustomized && orchestrator::is_patch(path, disk) => Manifest::NotYet(PATCH),
            Ok(_) => Manifest::Yes,
            Err(_) => Manifest::No,
        }
    }
}

/// What is known of the files of a folder.
struct Here<'h> {
    config: Option<&'h Config>,
    may_be_kustomized: bool,
}

impl Here<'_> {
    /// True if the configuration says that the file is a Dockerfile.
    fn is_named(&self, path: &Path) -> bool {
        let named = self.config.zip(Utf8Path::from_path(path));
        named.is_some_and(|(config, path)| config.is_dockerfile(path))
    }

    /// False for what is of no interest by its name alone.
    fn may_be_checked(&self, file_name: &OsString) -> bool {
        self.config.is_some() || !matches!(name(&file_name.to_string_lossy()), Name::Script | Name::Other)
    }
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.file_name(), entry.file_type()?))
    };
    let mut entries: Vec<_> = fs::read_dir(folder)?.map(read).collect::<io::Result<_>>()?;
    entries.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

/// The same for those who look for files of the project; where a symlink leads, they ask the disk.
fn listed((name, kind): (OsString, FileType)) -> Option<Listed> {
    let name = name.into_string().ok()?.into_boxed_str();
    let kind = match kind {
        kind if kind.is_file() => Some(EntryKind::File),
        kind if kind.is_dir() => Some(EntryKind::Directory),
        _ => None,
    };
    Some(Listed { name, kind })
}

/// What a YAML file is.
enum Manifest {
    No,
    Yes,
    /// Not yet, and why.
    NotYet(&'static str),
}

impl Seen {
    /// True if there is nothing to check.
    fn is_empty(&self) -> bool {
        self.files.is_empty() && self.links.is_empty()
    }

    fn append(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
        for (target, links) in other.links {
            self.links.entry(target).or_default().extend(links);
        }
        self.notes.append(&mut other.notes);
        self.warnings.append(&mut other.warnings);
        self.lists.append(other.lists);
    }

    /// Puts all in order, whatever the order of the walk was.
    fn settle(&mut self) {
        self.files.sort_unstable();
        // A symlink to a file that is checked under its own name says nothing new.
        let links = std::mem::take(&mut self.links).into_iter();
        let links =
            links.filter(|(target, _)| self.files.binary_search_by(|path| (**path).cmp(target)).is_err());
        let links: Vec<_> = links.filter_map(|(_, links)| links.into_iter().next()).collect();
        self.files.extend(links);
        self.files.sort_unstable();
        self.notes.sort();
        self.warnings.sort();
    }
}
