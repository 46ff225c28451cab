//! Finding what to check: the Dockerfiles and deployments under a folder, and the project that a file belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{Config, Configs};
use crate::dockerfile::{self, Keyword};
use crate::orchestrator;
use crate::source::{DiskLoader, EntryKind, Lists, Loader, Name, Source, name};

mod ignored;
mod walk;

/// A path as it was given.
#[derive(Debug, Clone)]
pub struct Given {
    /// The path.
    pub path: PathBuf,
    /// The text to take instead of what is on disk (standard input).
    pub text: Option<String>,
}

/// Files that are checked together: what they copy and start is looked up below the same root.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// The git top level; without git, the folder given, or the common parent. Absolute.
    pub root: Utf8PathBuf,
    /// The Dockerfiles and deployments to check, relative to the root, sorted.
    pub files: Vec<Arc<Utf8Path>>,
    /// Those of them that were named themselves.
    pub named: BTreeSet<Utf8PathBuf>,
    /// Scripts that were named: what is found in them counts, whichever Dockerfile starts them.
    pub scripts: BTreeSet<Utf8PathBuf>,
    /// Where there are scripts: the project's other files of these kinds, which may start them.
    pub candidates: Vec<Arc<Utf8Path>>,
    /// True if these are all Dockerfiles of the project.
    pub is_whole: bool,
    /// Files whose text is given rather than on disk.
    pub texts: BTreeMap<Utf8PathBuf, String>,
    /// What a search has seen of its folders.
    pub lists: Lists,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The projects, in the order in which they were first named.
    pub projects: Vec<Project>,
    /// What was left out, and why; interesting to those who ask.
    pub notes: Vec<String>,
    /// What could not be looked at; interesting to everybody.
    pub warnings: Vec<String>,
    /// Named paths that cannot be read.
    pub errors: Vec<String>,
}

/// One path after it was looked at.
struct Resolved {
    path: Utf8PathBuf,
    is_folder: bool,
    root: Utf8PathBuf,
    in_git: bool,
    text: Option<String>,
}

/// Sorts what was given into projects and searches the folders. `cwd` is absolute.
///
/// What the configuration excludes is left out where it is found in a folder; with `force_exclude` also where it is named.
pub fn find(given: Vec<Given>, cwd: &Utf8Path, configs: &Configs, force_exclude: bool) -> Found {
    let mut found = Found::default();
    let mut resolved = Vec::new();
    for given in given {
        let shown = given.path.to_string_lossy().into_owned();
        match resolve(given, cwd) {
            Ok(path) => resolved.push(path),
            Err(reason) => found.errors.push(format!("{shown}: {reason}")),
        }
    }
    // Without git there is nothing but the paths themselves to say what belongs together.
    let common = resolved
        .iter()
        .filter(|path| !path.in_git)
        .map(|path| path.root.clone())
        .reduce(|left, right| common_parent(&left, &right));
    for path in &mut resolved {
        if let Some(common) = common.as_ref().filter(|_| !path.in_git) {
            path.root.clone_from(common);
        }
    }
    for path in resolved {
        let index =
            found.projects.iter().position(|project| project.root == path.root).unwrap_or_else(|| {
                found.projects.push(Project { root: path.root.clone(), ..Project::default() });
                found.projects.len() - 1
            });
        if force_exclude && !path.is_folder && excludes(configs, &path.path) {
            found.notes.push(format!("{}: skipped, the configuration excludes it", path.path));
            continue;
        }
        add(path, index, configs, force_exclude, &mut found);
    }
    for index in 0..found.projects.len() {
        finish(index, configs, &mut found);
    }
    found
}

fn resolve(given: Given, cwd: &Utf8Path) -> Result<Resolved, String> {
    let relative = given.path.is_relative();
    let full = cwd.as_std_path().join(&given.path);
    let (full, is_folder) = match std::fs::metadata(&full) {
        Ok(meta) => (settle(&full, meta.is_dir()), meta.is_dir()),
        Err(_) if given.text.is_some() => (settle(&full, false), false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err("not found".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let path = Utf8PathBuf::from_path_buf(full).map_err(|_| "its name is not UTF-8".to_owned())?;
    let folder = if is_folder { path.as_path() } else { path.parent().unwrap_or(&path) };
    let (root, in_git) = match git_top_level(folder) {
        Some(root) => (root, true),
        // `pidone check docker/Dockerfile` is most often called where `docker build -f docker/Dockerfile .` is.
        None if !is_folder && relative && path.starts_with(cwd) => (cwd, false),
        None => (folder, false),
    };
    let root = root.to_owned();
    Ok(Resolved { path, is_folder, root, in_git, text: given.text })
}

/// The path without `..` and symlinks in its folder; a file keeps its own name.
fn settle(path: &Path, is_folder: bool) -> PathBuf {
    let canonical = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !is_folder => canonical(folder).join(name),
        _ => canonical(path),
    }
}

/// The nearest folder above that is under git.
pub fn git_top_level(folder: &Utf8Path) -> Option<&Utf8Path> {
    folder.ancestors().find(|folder| folder.join(".git").exists())
}

fn common_parent(left: &Utf8Path, right: &Utf8Path) -> Utf8PathBuf {
    let same = left.components().zip(right.components()).take_while(|(left, right)| left == right);
    same.map(|(part, _)| part).collect()
}

fn add(path: Resolved, index: usize, configs: &Configs, force_exclude: bool, found: &mut Found) {
    if path.is_folder {
        let (files, lists) = walk(&path.path, &path.root, configs, found);
        let project = &mut found.projects[index];
        project.files.extend(files);
        project.lists.append(lists);
        project.is_whole |= path.path == path.root;
        return;
    }
    let project = &mut found.projects[index];
    let Ok(relative) = path.path.strip_prefix(&project.root) else { return };
    let relative = relative.to_owned();
    match kind(&path, configs) {
        Ok(Kind::Launch) => {
            project.named.insert(relative.clone());
            project.files.push(relative.as_path().into());
        }
        Ok(Kind::Script) => {
            project.scripts.insert(relative.clone());
        }
        // A hook names every file that has changed.
        Ok(Kind::Nothing(reason)) if force_exclude => {
            found.notes.push(format!("{}: skipped, {reason}", path.path));
            return;
        }
        Ok(Kind::Nothing(TEMPLATE)) => {
            found.warnings.push(format!("{}: skipped, {TEMPLATE}", path.path));
            return;
        }
        Ok(Kind::Nothing(reason)) => {
            found.errors.push(format!("{}: {reason}", path.path));
            return;
        }
        Err(reason) => {
            found.errors.push(format!("{}: {reason}", path.path));
            return;
        }
    }
    if let Some(text) = path.text {
        project.texts.insert(relative, text);
    }
}

/// The configuration of a file; a broken one is reported when the settings are asked for.
fn config(configs: &Configs, path: &Utf8Path) -> Option<Arc<Config>> {
    configs.of(path.parent()?).ok().flatten()
}

/// True if the configuration says that the file is a Dockerfile.
fn is_named(configs: &Configs, path: &Utf8Path) -> bool {
    config(configs, path).is_some_and(|config| config.is_dockerfile(path))
}

fn excludes(configs: &Configs, path: &Utf8Path) -> bool {
    config(configs, path).is_some_and(|config| config.excludes(path))
}

enum Kind {
    /// A Dockerfile or a deployment.
    Launch,
    Script,
    /// Nothing that can be checked, and why.
    Nothing(&'static str),
}

/// What a named file is: its name tells, or else its content does.
fn kind(file: &Resolved, configs: &Configs) -> Result<Kind, String> {
    let by_name = file.path.file_name().map_or(Name::Other, name);
    if by_name == Name::Dockerfile || is_named(configs, &file.path) {
        return Ok(Kind::Launch);
    }
    let source = match &file.text {
        Some(text) => Source::new(file.path.file_name().unwrap_or_default(), text.as_str()),
        None => read(&file.path)?,
    };
    if by_name == Name::Yaml {
        return Ok(match orchestrator::is_deployment(&source) {
            false => Kind::Nothing("neither a Compose file nor a Kubernetes manifest"),
            true if orchestrator::is_template(&source) => Kind::Nothing(TEMPLATE),
            true => Kind::Launch,
        });
    }
    if by_name == Name::Script || source.text().trim_start_matches('\u{feff}').starts_with("#!") {
        return Ok(Kind::Script);
    }
    let has_from = |source| {
        dockerfile::parse(source).instructions.iter().any(|instruction| instruction.keyword == Keyword::From)
    };
    Ok(if by_name == Name::Template || has_from(&source) { Kind::Launch } else { Kind::Script })
}

fn read(path: &Utf8Path) -> Result<Arc<Source>, String> {
    // Whether a symlink leaves the project is seen where the project is known.
    let path = path.canonicalize_utf8().map_err(|error| error.to_string())?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err("not a regular file".to_owned());
    };
    let loader = DiskLoader::new(folder).map_err(|error| error.to_string())?;
    loader.read(Utf8Path::new(name)).map_err(|error| error.to_string())
}

/// Sorts the lists, adds the Dockerfiles of deployments that were named, and looks for what may start the scripts.
fn finish(index: usize, configs: &Configs, found: &mut Found) {
    let root = found.projects[index].root.clone();
    let (all, lists) = if found.projects[index].scripts.is_empty() {
        Default::default()
    } else {
        walk(&root, &root, configs, found)
    };
    let project = &mut found.projects[index];
    project.lists.append(lists);
    if let Ok(disk) = DiskLoader::new(&root) {
        let named = project.named.iter().filter_map(|path| orchestrator::deployment(path, &disk));
        let built = named.flat_map(|deployment| deployment.workloads);
        let dockerfiles =
            built.filter_map(|workload| workload.build().map(|(dockerfile, _)| dockerfile.to_owned()));
        let dockerfiles = dockerfiles.filter(|path| disk.kind(path) == Some(EntryKind::File));
        project.files.extend(dockerfiles.map(Arc::from));
    }
    project.files.sort();
    project.files.dedup();
    project.is_whole |= !project.scripts.is_empty();
    project.candidates = all;
    project.candidates.retain(|path| project.files.binary_search(path).is_err());
}

/// What is below `folder`; what the walk has to say is told, and what it has seen is remembered.
fn walk(
    folder: &Utf8Path,
    root: &Utf8Path,
    configs: &Configs,
    found: &mut Found,
) -> (Vec<Arc<Utf8Path>>, Lists) {
    let walk::Seen { files, mut notes, mut warnings, lists, .. } = walk::walk(folder, root, configs);
    found.notes.append(&mut notes);
    found.warnings.append(&mut warnings);
    (files, lists)
}

const TEMPLATE: &str = "a template is no manifest yet";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paths_have_in_common() {
        let common = |left: &str, right: &str| common_parent(left.into(), right.into());
        assert_eq!(common("/a/b/c", "/a/b/d/e"), "/a/b");
        assert_eq!(common("/a/b", "/a/b"), "/a/b");
        assert_eq!(common("/a", "/b"), "/");
    }
}
