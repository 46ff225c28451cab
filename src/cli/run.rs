//! From paths to results: what `check` and `tree` have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{Configs, Options, Origin};
use crate::diagnostic::Diagnostic;
use crate::discover::{self, Given, Project};
use crate::fix::{self, FileHash, take_back};
use crate::orchestrator;
use crate::report::Checked;
use crate::rules::RuleInfo;
use crate::source::{DiskLoader, Loader, MAX_FILE_SIZE, OverlayLoader, Place, ReadError, Snapshot, Source};
use crate::{Counts, FileReport, Settings, threads, unused_ignores};

use super::progress::Progress;
use super::terminal::Terminal;
use super::{ConfigArguments, Failure, FileArguments, RuleArguments};

/// What was asked for.
pub(super) struct Request {
    pub(super) configs: Configs,
    pub(super) projects: Vec<Project>,
    /// The file whose text came from standard input, with the index of its project.
    pub(super) stdin: Option<(usize, Utf8PathBuf)>,
    /// True if something named could not be read.
    pub(super) failed: bool,
}

/// Finds what the arguments name, and says what cannot be read.
pub(super) fn request(
    arguments: &FileArguments,
    options: Options,
    cwd: &Utf8Path,
    terminal: &Terminal,
) -> Result<Request, Failure> {
    let configs = configs(&arguments.config, options, cwd)?;
    let found = discover::find(given(arguments)?, cwd, &configs, arguments.force_exclude);
    for note in &found.notes {
        terminal.note(note);
    }
    for warning in &found.warnings {
        terminal.warning(warning);
    }
    for error in &found.errors {
        terminal.error(error);
    }
    let mut projects = found.projects;
    let mut failed = !found.errors.is_empty();
    for project in &mut projects {
        failed |= !drop_unreadable(project, terminal)?;
        // Before anything is checked, printed or written.
        for paths in [&project.files, &project.candidates] {
            each(paths, |path| Ok(configs.settings(&project.root, path).map(drop).map_err(Box::new)?))?;
        }
    }
    let nothing = projects.iter().all(|project| project.files.is_empty() && project.scripts.is_empty());
    if nothing && !failed {
        terminal.warning("nothing to check: no Dockerfile, Compose file or manifest found");
    }
    let stdin = projects
        .iter()
        .enumerate()
        .find_map(|(index, project)| Some((index, project.texts.keys().next()?.clone())));
    Ok(Request { configs, projects, stdin, failed })
}

/// Which rules the command line chooses.
pub(super) fn options(arguments: &RuleArguments) -> Options {
    let names = |rules: &[&RuleInfo]| rules.iter().map(|rule| rule.name.to_owned()).collect();
    Options {
        select: arguments.select.as_deref().map(names),
        ignore: names(&arguments.ignore),
        ..Options::default()
    }
}

fn configs(arguments: &ConfigArguments, options: Options, cwd: &Utf8Path) -> Result<Configs, Failure> {
    let origin = match &arguments.config {
        _ if arguments.isolated => Origin::Isolated,
        None => Origin::Nearest,
        Some(path) => Origin::File {
            path: Utf8PathBuf::from_path_buf(cwd.as_std_path().join(path))
                .map_err(|path| Failure::Message(format!("{}: its name is not UTF-8", path.display())))?,
            folder: cwd.to_owned(),
        },
    };
    Ok(Configs::new(&origin, options).map_err(Box::new)?)
}

fn given(arguments: &FileArguments) -> Result<Vec<Given>, Failure> {
    let mut given: Vec<Given> = Vec::new();
    let from_stdin =
        arguments.stdin_filename.is_some() || arguments.paths.iter().any(|path| path.as_os_str() == "-");
    if from_stdin {
        let path = arguments.stdin_filename.clone().unwrap_or_else(|| "Dockerfile".into());
        let mut bytes = Vec::new();
        std::io::stdin()
            .lock()
            .take(MAX_FILE_SIZE + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Failure::Message(format!("cannot read standard input: {error}")))?;
        if bytes.len() as u64 > MAX_FILE_SIZE {
            let error = ReadError::TooLarge(MAX_FILE_SIZE);
            return Err(Failure::Message(format!("standard input: {error}")));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| Failure::Message("standard input: not UTF-8 text".to_owned()))?;
        given.push(Given { path, text: Some(text) });
    }
    let paths = arguments.paths.iter().filter(|path| path.as_os_str() != "-");
    given.extend(paths.map(|path| Given { path: path.clone(), text: None }));
    if given.is_empty() {
        given.push(Given { path: ".".into(), text: None });
    }
    Ok(given)
}

/// The project's files on disk.
pub(super) fn disk(project: &Project) -> Result<DiskLoader, Failure> {
    DiskLoader::new(&project.root).map_err(|error| Failure::Message(format!("{}: {error}", project.root)))
}

/// The same with the texts that were given.
pub(super) fn overlay<'a>(project: &Project, under: &'a dyn Loader) -> OverlayLoader<'a> {
    let mut overlay = OverlayLoader::new(under);
    for (path, text) in &project.texts {
        overlay.insert(Source::new(path.clone(), text.as_str()));
    }
    overlay
}

/// Takes out what was named and cannot be read; false if there is any.
fn drop_unreadable(project: &mut Project, terminal: &Terminal) -> Result<bool, Failure> {
    let disk = disk(project)?;
    let loader = overlay(project, &disk);
    let Project { root, files, named, scripts, .. } = project;
    let mut fine = true;
    let mut can_be_read = |path: &Utf8Path| {
        let error = loader.read(path).err();
        if let Some(error) = &error {
            terminal.error(&format!("{}: {error}", root.join(path)));
        }
        fine &= error.is_none();
        error.is_none()
    };
    files.retain(|path| !named.contains(&**path) || can_be_read(path));
    scripts.retain(|path| can_be_read(path));
    Ok(fine)
}

/// The files with what is set for each; a build context that the configuration does not name is the one that a deployment names.
pub(super) fn targets<'a>(
    project: &Project,
    paths: impl IntoIterator<Item = &'a Arc<Utf8Path>>,
    configs: &Configs,
    loader: &dyn Loader,
) -> Result<Vec<(Utf8PathBuf, Settings)>, Failure> {
    let contexts = orchestrator::contexts(project.files.iter().chain(&project.candidates), loader);
    let target =
        |path: &Arc<Utf8Path>| Ok((path.to_path_buf(), settings(project, path, configs, &contexts)?));
    paths.into_iter().map(target).collect()
}

fn settings(
    project: &Project,
    path: &Utf8Path,
    configs: &Configs,
    contexts: &BTreeMap<Utf8PathBuf, Utf8PathBuf>,
) -> Result<Settings, Failure> {
    let mut settings = configs.settings(&project.root, path).map_err(Box::new)?;
    settings.context = settings.context.or_else(|| contexts.get(path).cloned());
    Ok(settings)
}

/// So few files are done before threads have started.
const FEW: usize = 3;

/// Something of each file, in order.
fn each<T: Send>(
    paths: &[Arc<Utf8Path>],
    of: impl Fn(&Utf8Path) -> Result<T, Failure> + Send + Sync,
) -> Result<Vec<T>, Failure> {
    threads::each(paths, FEW, |path| of(path)).into_iter().collect()
}

/// What is to be shown of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Findings,
    /// The same with what their repairs change.
    Repairs,
    Trees,
}

/// Checks a project. Of Dockerfiles that were not asked for, only what touches a script that was asked for is kept.
pub(super) fn check(
    project: &Project,
    wanted: Wanted,
    configs: &Configs,
    terminal: &Terminal,
) -> Result<Checked, Failure> {
    let disk = disk(project)?;
    let snapshot = Snapshot::with_lists(&disk, &project.lists);
    let loader = overlay(project, &snapshot);
    let contexts = orchestrator::contexts(project.files.iter().chain(&project.candidates), &loader);
    let settings = |path: &Utf8Path| settings(project, path, configs, &contexts);
    let Reported { mut files, reads, quiet, counts } =
        reported(project, wanted, settings, &loader, terminal)?;
    take_back(&mut files, reads, |path| settings(path).ok(), &loader);
    let is_candidate = |report: &FileReport| project.candidates.binary_search(&report.path).is_ok();
    let candidates: Vec<_> = files.extract_if(.., |report| is_candidate(report)).collect();
    drop_unread(&mut files, project, terminal);
    let unused = if project.is_whole { unused_ignores(files.iter().chain(&candidates)) } else { Vec::new() };
    drop_needed_ignores(&mut files, &candidates);
    let scripts = names_of_scripts(project, files.iter().chain(&candidates), &disk);
    files.extend(candidates.into_iter().filter_map(|report| about(report, &scripts)));
    warn_of_unstarted(project, &files, &disk, terminal);
    let wanted = |found: &Diagnostic| project.scripts.is_empty() || touches(found, &scripts);
    add_to_readers(&mut files, unused.into_iter().filter(wanted));
    files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    Ok(Checked::with_quiet(&project.root, files, quiet, counts))
}

/// So many files are checked before what is said of them is put to the rest: what is kept of a large project is large enough once.
const BATCH: usize = 1_000;

/// What there is of a project when each of its files has been checked.
#[derive(Default)]
struct Reported<'p> {
    files: Vec<FileReport>,
    /// What the verdicts rest on: a file, and for which of the project's it was read.
    reads: Vec<(FileHash, &'p Arc<Utf8Path>)>,
    /// Files of which there is nothing to say, and their numbers.
    quiet: Vec<Arc<Utf8Path>>,
    counts: Counts,
}

fn reported<'p>(
    project: &'p Project,
    wanted: Wanted,
    settings: impl Fn(&Utf8Path) -> Result<Settings, Failure> + Send + Sync,
    loader: &dyn Loader,
    terminal: &Terminal,
) -> Result<Reported<'p>, Failure> {
    let progress = Progress::new(project.files.len() + project.candidates.len(), terminal.quiet);
    let report = |path: &Utf8Path| {
        let mut report = crate::check(path, loader, &settings(path)?);
        progress.tick();
        let reads = fix::reads(&report);
        if wanted != Wanted::Trees {
            report.drop_pictures();
        }
        // Who names a script wants to know who reads it.
        if wanted == Wanted::Findings && project.scripts.is_empty() {
            report.drop_texts();
        }
        Ok((report, reads))
    };
    let mut all = Reported::default();
    for batch in project.files.chunks(BATCH).chain(project.candidates.chunks(BATCH)) {
        for (path, (report, reads)) in batch.iter().zip(each(batch, report)?) {
            all.reads.extend(reads.into_iter().map(|file| (file, path)));
            if report.is_quiet() {
                all.quiet.push(Arc::clone(path));
                all.counts += report.counts;
            } else {
                all.files.push(report);
            }
        }
    }
    Ok(all)
}

/// Says which files cannot be read, and forgets them.
fn drop_unread(files: &mut Vec<FileReport>, project: &Project, terminal: &Terminal) {
    files.retain(|report| {
        if let Some(error) = &report.unreadable {
            terminal.warning(&format!("{}: {error}", project.root.join(&report.path)));
        }
        report.unreadable.is_none()
    });
}

/// What one image needs is not without use in another file's view.
fn drop_needed_ignores(files: &mut [FileReport], others: &[FileReport]) {
    let ignores = files.iter().chain(others).flat_map(|report| &report.ignores);
    let needed: Vec<Place> =
        ignores.filter(|ignore| ignore.used).map(|ignore| ignore.place.clone()).collect();
    for report in files {
        report.diagnostics.retain(|found| found.rule != "unused-ignore" || !needed.contains(&found.place));
    }
}

/// What a report says of these scripts, if they were read for it.
fn about(mut report: FileReport, scripts: &BTreeSet<Utf8PathBuf>) -> Option<FileReport> {
    report.diagnostics.retain(|diagnostic| touches(diagnostic, scripts));
    report.sources.iter().any(|source| scripts.contains(source.path())).then_some(report)
}

fn warn_of_unstarted(project: &Project, files: &[FileReport], disk: &DiskLoader, terminal: &Terminal) {
    for script in &project.scripts {
        let mut sources = files.iter().flat_map(|report| &report.sources);
        if !sources.any(|source| is_same_file(source.path(), script, disk)) {
            terminal.warning(&format!(
                "{}: no Dockerfile or deployment of the project starts this script",
                project.root.join(script)
            ));
        }
    }
}

/// Adds findings to the first of the reports for which their file was read.
fn add_to_readers(files: &mut [FileReport], findings: impl Iterator<Item = Diagnostic>) {
    for found in findings {
        let is_own = |source: &Arc<Source>| source.path() == found.place.source.path();
        if let Some(report) = files.iter_mut().find(|report| report.sources.iter().any(is_own)) {
            report.diagnostics.push(found);
        }
    }
}

/// The scripts that were named, under all names by which Dockerfiles know them: one may copy a symlink to another.
pub(super) fn names_of_scripts<'r>(
    project: &Project,
    reports: impl Iterator<Item = &'r FileReport>,
    disk: &DiskLoader,
) -> BTreeSet<Utf8PathBuf> {
    let mut names = project.scripts.clone();
    for source in reports.flat_map(|report| &report.sources) {
        if project.scripts.iter().any(|script| is_same_file(source.path(), script, disk)) {
            names.insert(source.path().to_owned());
        }
    }
    names
}

fn is_same_file(one: &Utf8Path, other: &Utf8Path, disk: &DiskLoader) -> bool {
    one == other
        || disk.resolve(one).ok().zip(disk.resolve(other).ok()).is_some_and(|(one, other)| one == other)
}

fn touches(diagnostic: &Diagnostic, scripts: &BTreeSet<Utf8PathBuf>) -> bool {
    diagnostic.keys().any(|(path, _)| scripts.contains(path))
}
