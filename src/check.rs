//! One file from text to findings: read it, find its images, simulate each launch, ask the rules, check the repairs.

use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};

use crate::baseline;
use crate::diagnostic::{Diagnostic, ImageRef, Outcome, Related, Severity};
use crate::dockerfile::{self, Dockerfile, Image};
use crate::launch::{self, Launch, ProcessView, Receives, Started};
use crate::orchestrator::{self, Deployment};
use crate::project::{Context, Installed};
use crate::rules::{self, Finding, Subject};
use crate::settings::{InitPolicy, Settings};
use crate::source::{EntryKind, Loader, Place, ReadError, Source};
use crate::suppress::Suppressions;
use crate::{fix, programs::Family};

/// Everything pidone has to say about one Dockerfile, or one file that says how containers are started.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The file.
    pub path: Utf8PathBuf,
    /// The findings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Its images, in order.
    pub images: Vec<ImageReport>,
    /// Every file that was read.
    pub sources: Vec<Arc<Source>>,
    /// The rules named in comments that silence findings.
    pub ignores: Vec<Ignore>,
    /// How many findings such comments silence.
    pub silenced: usize,
    /// Findings that the baseline knows.
    pub known: Vec<baseline::Key>,
}

/// A rule named in a comment that silences findings.
#[derive(Debug, Clone)]
pub struct Ignore {
    /// The name.
    pub place: Place,
    /// False if the Dockerfile's images have no such finding there.
    pub used: bool,
}

/// What becomes of one image.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// Which image.
    pub image: ImageRef,
    /// The image it is built on.
    pub base: String,
    /// The words that the engine executes; empty if nothing is known to be started.
    pub argv: Vec<String>,
    /// The stop signal, as `SIGTERM`.
    pub stop_signal: String,
    /// `default`, `base image` or `STOPSIGNAL`.
    pub stop_signal_source: String,
    /// How a stop ends.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The processes of the worst branch.
    pub processes: Vec<ProcessNode>,
    /// The steady states, the worst first.
    pub branches: Vec<Branch>,
}

/// A state in which the container stays.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Which way the scripts went to get there; empty if there was no choice.
    pub label: String,
    /// How a stop ends there.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The processes.
    pub processes: Vec<ProcessNode>,
}

/// A process, for reports.
#[derive(Debug, Clone)]
pub struct ProcessNode {
    /// The words it was started with.
    pub argv: Vec<String>,
    /// How it came to be.
    pub started: Started,
    /// True if it does the container's work.
    pub service: bool,
    /// Whether it hears the stop signal.
    pub receives: Receives,
    /// What else there is to know; may be empty.
    pub note: String,
    /// Where it is started.
    pub place: Option<Place>,
    /// Its children.
    pub children: Vec<ProcessNode>,
}

/// Checks a Dockerfile, a Compose file or a Kubernetes manifest. A file that cannot be read gives an empty report; whoever names files checks that they can be.
pub fn check(path: &Utf8Path, loader: &dyn Loader, settings: &Settings) -> FileReport {
    let recorder = Recorder::new(loader);
    let analysis = Analysis::of(path, &recorder, settings);
    let sources = recorder.into_sources();
    let mut images = Vec::new();
    let findings: Vec<(&Judged, Vec<Finding>)> =
        analysis.images.iter().map(|judged| (judged, judged.findings(settings))).collect();
    let all: Vec<Finding> = findings.iter().flat_map(|(_, findings)| findings.iter().cloned()).collect();

    let found: Vec<&Finding> = analysis.of_file.iter().chain(&all).collect();
    let places: Vec<Place> = found.iter().map(|finding| finding.place.clone()).collect();
    let suppressions = Suppressions::of(&sources, path, &places);
    let ignores = ignores(&suppressions, &found, settings);
    let counts = |finding: &Finding| {
        settings.rules.is_on(finding.rule, finding.place.source.path())
            && !suppressions.silence(finding.rule, &finding.place)
    };
    let mut silenced: Vec<_> = found
        .iter()
        .filter(|finding| suppressions.silence(finding.rule, &finding.place))
        .map(|finding| (finding.rule, finding.place.key()))
        .collect();
    silenced.sort_unstable();
    silenced.dedup();
    // Whether a comment in a script is of use, its other Dockerfiles decide as well.
    let unused = ignores.iter().filter(|ignore| !ignore.used && ignore.place.source.path() == path);
    let of_comments = rules::ignore_findings(suppressions.all()).into_iter();
    let of_comments = of_comments.chain(unused.map(|ignore| rules::unused_ignore(&ignore.place)));
    let mut diagnostics: Vec<Diagnostic> = analysis
        .of_file
        .iter()
        .cloned()
        .chain(of_comments)
        .filter(&counts)
        .map(Finding::into_diagnostic)
        .collect();
    let bench = fix::Bench::new(path, loader, settings, &analysis, &all);
    for (judged, findings) in findings {
        images.push(judged.report());
        for finding in findings.into_iter().filter(|finding| counts(finding) && !judged.is_of_image(finding))
        {
            // A defect that several images share is one defect.
            let known =
                diagnostics.iter().any(|known| known.rule == finding.rule && known.place == finding.place);
            if !known {
                diagnostics.push(bench.diagnose(finding, judged));
            }
        }
    }
    for diagnostic in &mut diagnostics {
        let path = diagnostic.place.source.path();
        diagnostic.severity = settings.rules.severity(diagnostic.rule, path).unwrap_or(diagnostic.severity);
    }
    diagnostics.sort_by(|a, b| (a.place.key(), a.rule).cmp(&(b.place.key(), b.rule)));
    let known =
        settings.baseline.as_ref().map(|baseline| baseline.take_known(&mut diagnostics)).unwrap_or_default();
    FileReport {
        path: path.to_owned(),
        diagnostics,
        images,
        sources,
        ignores,
        silenced: silenced.len(),
        known,
    }
}

/// Which rules are named in comments that silence findings, and whether there is anything to silence.
fn ignores(suppressions: &Suppressions, found: &[&Finding], settings: &Settings) -> Vec<Ignore> {
    let mut ignores = Vec::new();
    for suppression in suppressions.all() {
        for name in &suppression.rules {
            let Ok(rule) = rules::named(name.text()) else { continue };
            // What is not looked for cannot be missed, nor what hides behind another finding.
            let is_sought = settings.rules.is_on(rule.name, name.source.path())
                && (settings.pedantic || rule.severity > Severity::Info);
            let used = found.iter().any(|finding| {
                (finding.rule == rule.name && suppression.covers(&finding.place))
                    || finding.related.iter().any(|related| suppression.covers(&related.place))
            });
            ignores.push(Ignore { place: name.clone(), used: used || !is_sought });
        }
    }
    ignores
}

/// What there is to say about comments in scripts once every Dockerfile that may start them has been checked.
pub fn unused_ignores<'r>(reports: impl IntoIterator<Item = &'r FileReport>) -> Vec<Diagnostic> {
    let in_scripts = |report: &FileReport| {
        let path = report.path.clone();
        report.ignores.clone().into_iter().filter(move |ignore| ignore.place.source.path() != path)
    };
    let all: Vec<Ignore> = reports.into_iter().flat_map(in_scripts).collect();
    let mut unused: Vec<&Place> = Vec::new();
    for ignore in &all {
        let is_used = all.iter().any(|other| other.used && other.place == ignore.place);
        if !is_used && !unused.contains(&&ignore.place) {
            unused.push(&ignore.place);
        }
    }
    unused.into_iter().map(|place| rules::unused_ignore(place).into_diagnostic()).collect()
}

/// A Dockerfile or a deployment, and what the model says about each of its images.
#[derive(Default)]
pub(crate) struct Analysis {
    /// What is to be said of the file itself.
    of_file: Vec<Finding>,
    pub(crate) images: Vec<Judged>,
}

/// An image with its launch.
pub(crate) struct Judged {
    pub(crate) image: Image,
    /// `None` if nothing is known to be started.
    pub(crate) launch: Option<Launch>,
    /// The folder that the answers took for the build context.
    pub(crate) context: Utf8PathBuf,
    /// What its instructions install.
    pub(crate) installed: Installed,
    /// True if the engine puts its init in front wherever the project starts the image.
    engine_init: bool,
    /// Who starts it with other words than the image's own.
    workload: Option<Workload>,
    /// Rules and places of what is found in the image without those words: the Dockerfile's to report.
    of_image: Vec<(&'static str, Place)>,
}

/// A container that a deployment declares.
struct Workload {
    name: String,
    place: Place,
    /// Why the model cannot tell what is started.
    doubt: Option<String>,
}

impl Analysis {
    pub(crate) fn of(path: &Utf8Path, loader: &dyn Loader, settings: &Settings) -> Self {
        if orchestrator::is_candidate(path) {
            return orchestrator::deployment(path, loader)
                .map(|deployment| Self::of_deployment(deployment, loader, settings))
                .unwrap_or_default();
        }
        let Ok(source) = loader.read(path) else { return Self::default() };
        let dockerfile: Arc<Dockerfile> = Arc::new(dockerfile::parse(&source));
        let images = dockerfile::images(&dockerfile, &settings.tables)
            .into_iter()
            // Windows has neither signals nor these shells.
            .filter(|image| image.base.family != Family::Windows)
            .map(|image| Judged::of(image, settings.context.as_deref(), loader, settings))
            .map(|judged| judged.beside_deployments(loader, settings))
            .collect();
        Self { of_file: rules::file_findings(&dockerfile), images }
    }

    fn of_deployment(deployment: Deployment, loader: &dyn Loader, settings: &Settings) -> Self {
        let of_file =
            deployment.problem.into_iter().map(|(place, message)| rules::invalid_manifest(place, &message));
        let images = deployment.workloads.iter().filter_map(|workload| {
            let is_linux = |image: &Image| image.base.family != Family::Windows;
            let described =
                |doubt| Workload { name: workload.name.clone(), place: workload.place.clone(), doubt };
            match workload.started(loader, &settings.tables) {
                Ok(started) if is_linux(&started.image) => {
                    let mut judged = Judged::of(started.image, started.context.as_deref(), loader, settings);
                    judged.of_image = workload
                        .image(loader, &settings.tables)
                        .map(|image| {
                            Judged::of(image, started.context.as_deref(), loader, settings).found(settings)
                        })
                        .unwrap_or_default();
                    judged.workload = Some(described(None));
                    Some(judged)
                }
                Ok(_) => None,
                Err(doubt) => Some(Judged {
                    image: Image::named("", &workload.place, &settings.tables),
                    launch: None,
                    context: Utf8PathBuf::new(),
                    installed: Installed::default(),
                    engine_init: false,
                    workload: Some(described(Some(doubt))),
                    of_image: Vec::new(),
                }),
            }
        });
        Self { images: images.collect(), of_file: of_file.collect() }
    }
}

impl Judged {
    fn of(image: Image, context: Option<&Utf8Path>, loader: &dyn Loader, settings: &Settings) -> Self {
        let files = match context {
            Some(context) => Context::with_root(&image, loader, context),
            None => Context::new(&image, loader),
        };
        let launch = launch::simulate(&image, &files, &settings.tables);
        let context = files.context_root().to_owned();
        drop(files);
        let installed = Installed::of(&image);
        Self { image, launch, context, installed, engine_init: false, workload: None, of_image: Vec::new() }
    }

    /// Notes whether all that is started from the image in the Dockerfile's folder gets the engine's init, where that matters.
    fn beside_deployments(mut self, loader: &dyn Loader, settings: &Settings) -> Self {
        if self.installed.package(|package| settings.tables.leaves_orphans(package)).is_none() {
            return self;
        }
        let dockerfile = self.image.dockerfile.source.path();
        let folder = dockerfile.parent().unwrap_or(Utf8Path::new(""));
        let paths = loader.list(folder).into_iter().map(|name| folder.join(name));
        let deployments = paths
            .filter(|path| orchestrator::is_candidate(path))
            .filter_map(|path| orchestrator::deployment(&path, loader));
        let mut started = deployments.flat_map(|deployment| deployment.workloads).filter_map(|workload| {
            let is_built = workload.build().is_some_and(|(path, _)| path == dockerfile);
            let started = workload.started(loader, &settings.tables).ok().filter(|_| is_built)?;
            (started.image.stage == self.image.stage).then_some(started.image.runtime.init.is_some())
        });
        self.engine_init = started.next().is_some_and(|first| first && started.all(|init| init));
        self
    }

    /// True for two readings of the same image.
    pub(crate) fn is_same(&self, other: &Judged) -> bool {
        let name = |judged: &Judged| judged.workload.as_ref().map(|workload| workload.name.clone());
        self.image.stage == other.image.stage && name(self) == name(other)
    }

    /// True for what is wrong with the image, however it is started.
    fn is_of_image(&self, finding: &Finding) -> bool {
        self.of_image.iter().any(|(rule, place)| *rule == finding.rule && *place == finding.place)
    }

    /// Rules and places of the findings.
    fn found(&self, settings: &Settings) -> Vec<(&'static str, Place)> {
        self.findings(settings).into_iter().map(|finding| (finding.rule, finding.place)).collect()
    }

    pub(crate) fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let subject = Subject {
            image: &self.image,
            launch: self.launch.as_ref(),
            tables: &settings.tables,
            installed: &self.installed,
            init: if self.engine_init { InitPolicy::Never } else { settings.init },
            pedantic: settings.pedantic,
        };
        rules::findings(&subject)
    }

    /// Where the verdict rests on a build context that is not the Dockerfile's own folder.
    pub(crate) fn context_note(&self) -> Option<Related> {
        let source = &self.image.dockerfile.source;
        let own = source.path().parent().unwrap_or(Utf8Path::new(""));
        let shown = if self.context.as_str().is_empty() { "." } else { self.context.as_str() };
        (self.context != own && self.workload.is_none()).then(|| Related {
            place: Place::new(source, self.image.from),
            message: format!(
                "taken to be built with `{shown}` as its context, where the sources of COPY are"
            ),
        })
    }

    pub(crate) fn reference(&self) -> ImageRef {
        if let Some(Workload { name, place, .. }) = &self.workload {
            let path = place.source.path().to_owned();
            return ImageRef { path, stage: Some(name.clone()), line: place.line() };
        }
        let source = &self.image.dockerfile.source;
        ImageRef {
            path: source.path().to_owned(),
            stage: self.image.name.clone(),
            line: source.line(self.image.from.start),
        }
    }

    fn report(&self) -> ImageReport {
        let mut report = ImageReport {
            image: self.reference(),
            base: self.image.base_name.clone(),
            argv: Vec::new(),
            stop_signal: "SIGTERM".to_owned(),
            stop_signal_source: "default".to_owned(),
            outcome: Outcome::Unknown,
            why: self
                .workload
                .as_ref()
                .and_then(|workload| workload.doubt.clone())
                .unwrap_or_else(|| "what the image starts is not known".to_owned()),
            processes: Vec::new(),
            branches: Vec::new(),
        };
        if let Some(launch) = &self.launch {
            report.argv.clone_from(&launch.argv);
            report.stop_signal = launch.stop_signal.to_string();
            report.stop_signal_source = launch.stop_signal_source.to_owned();
            report.outcome = launch.outcome;
            report.why.clone_from(&launch.why);
            report.branches = launch
                .branches
                .iter()
                .map(|branch| Branch {
                    label: branch.label.clone(),
                    outcome: branch.outcome,
                    why: branch.why.clone(),
                    processes: branch.processes.iter().map(node).collect(),
                })
                .collect();
            report.processes =
                report.branches.first().map(|worst| worst.processes.clone()).unwrap_or_default();
        }
        report
    }
}

fn node(view: &ProcessView) -> ProcessNode {
    let replaced = match view.replaced.as_slice() {
        [] => None,
        before => Some(format!("replaced {}", before.join(", then "))),
    };
    let note: Vec<String> =
        view.dies_of_it.then(|| "dies of it".to_owned()).into_iter().chain(replaced).collect();
    let started =
        if view.replaced.is_empty() || view.started == Started::Pid1 { view.started } else { Started::Exec };
    ProcessNode {
        argv: view.argv.clone(),
        started,
        service: view.service,
        receives: view.receives,
        note: note.join(", "),
        place: view.place.clone(),
        children: view.children.iter().map(node).collect(),
    }
}

/// Remembers what was read.
struct Recorder<'a> {
    under: &'a dyn Loader,
    sources: Mutex<Vec<Arc<Source>>>,
}

impl<'a> Recorder<'a> {
    fn new(under: &'a dyn Loader) -> Self {
        Self { under, sources: Mutex::default() }
    }

    fn into_sources(self) -> Vec<Arc<Source>> {
        let mut sources = self.sources.into_inner().unwrap_or_default();
        sources.sort_by(|a, b| a.path().cmp(b.path()));
        sources
    }
}

impl Loader for Recorder<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let source = self.under.read(path)?;
        if let Ok(mut sources) = self.sources.lock()
            && !sources.iter().any(|known| known.path() == source.path())
        {
            sources.push(Arc::clone(&source));
        }
        Ok(source)
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        self.under.kind(path)
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.under.list(path)
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.under.executable(path)
    }
}
