//! A file's images, each with its launch: from text to the model's verdicts.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::{ImageRef, Outcome, Related};
use crate::dockerfile::{self, Image, Runtime};
use crate::launch::{self, Cause, Launch};
use crate::orchestrator::{self, Deployment, Workload};
use crate::programs::Family;
use crate::project::{Context, ImageFiles, Installed};
use crate::rules::{self, Finding, Subject};
use crate::settings::{InitPolicy, Settings};
use crate::source::{self, Loader, Name, OverlayLoader, Place, Source};

use super::recorder::Recorder;

/// Steps that the launches of one file may take together, in which shells are simulated.
const MAX_STEPS: u64 = 400_000;
/// Steps that each of them may take in any case: more than most need.
const LEAST_STEPS: u64 = 500;

/// A Dockerfile or a deployment, and what the model says about each of its images.
#[derive(Default)]
pub(crate) struct Analysis {
    /// What is to be said of the file itself.
    pub(super) of_file: Vec<Finding>,
    pub(crate) images: Vec<Rc<Judged>>,
    /// The files that say which images there are.
    sources: Vec<Arc<Source>>,
}

/// Steps that are left for the launches of a file.
struct Steps(Cell<u64>);

impl Steps {
    fn all() -> Self {
        Self(Cell::new(MAX_STEPS))
    }
}

/// An image with its launch.
pub(crate) struct Judged {
    /// Which of the file's images it is.
    number: usize,
    /// The files that it rests on besides.
    sources: Vec<Arc<Source>>,
    pub(crate) image: Image,
    /// `None` if nothing is known to be started.
    pub(crate) launch: Option<Launch>,
    /// The folder that the answers took for the build context.
    pub(crate) context: Utf8PathBuf,
    /// What its instructions install.
    pub(crate) installed: Arc<Installed>,
    /// True if the engine puts its init in front wherever the project starts the image.
    engine_init: bool,
    /// Who starts it with other words than the image's own.
    pub(super) workload: Option<Workload>,
    /// Why the model cannot tell what is started.
    pub(super) doubt: Option<String>,
}

impl Analysis {
    pub(crate) fn of(path: &Utf8Path, loader: &dyn Loader, settings: &Settings) -> Self {
        Self::keeping(path, loader, settings, |_| None)
    }

    /// The same file once others have changed: an image that reads none of these is as it was.
    pub(crate) fn after(&self, path: &Utf8Path, changed: &OverlayLoader<'_>, settings: &Settings) -> Self {
        let is_as_before =
            |sources: &[Arc<Source>]| sources.iter().all(|source| changed.replaced(source.path()).is_none());
        if !is_as_before(&self.sources) {
            return Self::of(path, changed, settings);
        }
        Self::keeping(path, changed, settings, |number| {
            let known = self.images.iter().find(|judged| judged.number == number)?;
            is_as_before(&known.sources).then(|| Rc::clone(known))
        })
    }

    /// Images that are `known` by their number are taken as they are.
    fn keeping(
        path: &Utf8Path,
        loader: &dyn Loader,
        settings: &Settings,
        known: impl Fn(usize) -> Option<Rc<Judged>>,
    ) -> Self {
        let steps = Steps::all();
        let own = Recorder::new(loader);
        let (of_file, images) = if orchestrator::is_candidate(path) {
            let Some(Deployment { workloads, problem }) = orchestrator::deployment(path, &own) else {
                return Self::default();
            };
            let judge = |(number, declared): (usize, Workload)| {
                let judge = |loader: &dyn Loader| Judged::of_workload(declared, loader, settings, &steps);
                known(number).or_else(|| Judged::recorded(number, loader, judge))
            };
            let problem = problem.map(|(place, message)| rules::invalid_manifest(place, &message));
            (problem.into_iter().collect(), workloads.into_iter().enumerate().filter_map(judge).collect())
        } else {
            let Ok(source) = own.read(path) else { return Self::default() };
            let dockerfile = dockerfile::read(&source);
            let judge = |(number, image): (usize, Image)| {
                let judge = |loader: &dyn Loader| Judged::of_stage(image, loader, settings, &steps);
                known(number).or_else(|| Judged::recorded(number, loader, judge))
            };
            let images = dockerfile::images(&dockerfile, &settings.tables).into_iter().enumerate();
            (rules::file_findings(&dockerfile), images.filter_map(judge).collect())
        };
        Self { of_file, images, sources: own.into_sources() }
    }
}

impl Judged {
    /// Notes what is read for it.
    fn recorded(
        number: usize,
        loader: &dyn Loader,
        judge: impl FnOnce(&dyn Loader) -> Option<Self>,
    ) -> Option<Rc<Self>> {
        let recorder = Recorder::new(loader);
        let judged = judge(&recorder)?;
        Some(Rc::new(Self { number, sources: recorder.into_sources(), ..judged }))
    }

    /// An image of a Dockerfile; `None` for Windows, which has neither signals nor these shells.
    fn of_stage(image: Image, loader: &dyn Loader, settings: &Settings, steps: &Steps) -> Option<Self> {
        if image.base.family == Family::Windows {
            return None;
        }
        let judged = Self::of(image, settings.context.as_deref(), loader, settings, steps);
        Some(judged.beside_deployments(loader, settings, steps))
    }

    /// An image as a deployment starts it.
    fn of_workload(
        declared: Workload,
        loader: &dyn Loader,
        settings: &Settings,
        steps: &Steps,
    ) -> Option<Self> {
        let judged = match declared.started(loader, &settings.tables) {
            Ok(started) if started.image.base.family == Family::Windows => return None,
            Ok(started) => Self::of(started.image, started.context.as_deref(), loader, settings, steps),
            Err(doubt) => Self {
                number: 0,
                sources: Vec::new(),
                image: Image::named("", &declared.place, &settings.tables),
                launch: None,
                context: Utf8PathBuf::new(),
                installed: Arc::default(),
                engine_init: false,
                workload: None,
                doubt: Some(doubt),
            },
        };
        let mut judged = Self { workload: Some(declared), ..judged };
        if judged.workload.as_ref().is_some_and(|declared| declared.is_task)
            && let Some(launch) = &mut judged.launch
        {
            // What a task runs is taken for a service only where that is known.
            launch.faults.retain(|fault| fault.known_service);
        }
        Some(judged)
    }

    fn of(
        image: Image,
        context: Option<&Utf8Path>,
        loader: &dyn Loader,
        settings: &Settings,
        steps: &Steps,
    ) -> Self {
        let files = match context {
            Some(context) => Context::with_root(&image, loader, context),
            None => Context::new(&image, loader),
        };
        let left = steps.0.get().max(LEAST_STEPS);
        let doubt = image.dockerfile.unread().map(str::to_owned);
        let launch = launch::simulate_within(&image, &files, &settings.tables, left);
        let taken = launch.as_ref().map_or(0, |launch| launch.steps);
        steps.0.update(|steps| steps.saturating_sub(taken));
        let context = files.context_root().to_owned();
        let installed = files.installed();
        drop(files);
        Self {
            number: 0,
            sources: Vec::new(),
            image,
            launch,
            context,
            installed,
            engine_init: false,
            workload: None,
            doubt,
        }
    }

    /// Notes what is said of the containers that are started from the image in the Dockerfile's folder, where that matters: whether all
    /// have the engine's init, and time enough to stop; what looks for their processes, or talks to them.
    fn beside_deployments(mut self, loader: &dyn Loader, settings: &Settings, steps: &Steps) -> Self {
        let is_slow = self.launch.as_ref().is_some_and(|launch| {
            !launch.drains.is_empty() || launch.faults.iter().any(|fault| fault.cause == Cause::GracePeriod)
        });
        let orphans = self.installed.package(|package| settings.tables.leaves_orphans(package)).is_some();
        let has_faults =
            |launch: &Launch| launch.faults.iter().any(|fault| fault.cause == Cause::UnhandledStop);
        let is_unhandled = self.launch.as_ref().is_some_and(has_faults);
        let has_script_fault = |launch: &Launch| launch.faults.iter().any(|fault| fault.cause.is_in_script());
        let is_rewritten = self.launch.as_ref().is_some_and(has_script_fault);
        let ends = self.launch.as_ref().is_some_and(|launch| launch.outcome == Outcome::ExitsEarly);
        if !is_slow && !orphans && !is_unhandled && !is_rewritten && !ends {
            return self;
        }
        let dockerfile = self.image.dockerfile.source.path();
        let folder = dockerfile.parent().unwrap_or(Utf8Path::new(""));
        let paths = loader.list(folder).into_iter().map(|name| folder.join(name));
        let deployments = paths
            .filter(|path| orchestrator::is_candidate(path))
            .filter_map(|path| orchestrator::deployment(&path, loader));
        let started: Vec<Runtime> = deployments
            .flat_map(|deployment| deployment.workloads)
            .filter_map(|workload| {
                let is_built = workload.build().is_some_and(|(path, _)| path == dockerfile);
                let started = workload.started(loader, &settings.tables).ok().filter(|_| is_built)?;
                (started.image.stage == self.image.stage).then_some(started.image.runtime)
            })
            .collect();
        self.image.runtime.probes = started.iter().flat_map(|run| run.probes.iter().cloned()).collect();
        self.image.runtime.input = started.iter().find_map(|run| run.input.clone());
        let has_init = !started.is_empty() && started.iter().all(|run| run.init.is_some());
        self.engine_init = orphans && has_init;
        // What reads there does not come to an end.
        self.image.runtime.terminal = started.iter().any(|run| run.terminal);
        if ends && self.image.runtime.keeps_input_open() {
            let context = self.context.clone();
            let engine_init = self.engine_init;
            self = Self { engine_init, ..Self::of(self.image, Some(&context), loader, settings, steps) };
        }
        // How long there is, is theirs to judge.
        if let Some(longest) = started.iter().map(|run| run.period.length).max().filter(|_| is_slow) {
            self.image.runtime.period.length = longest;
            let context = self.context.clone();
            let engine_init = self.engine_init;
            self = Self { engine_init, ..Self::of(self.image, Some(&context), loader, settings, steps) };
            if let Some(launch) = &mut self.launch {
                launch.drains.retain(|drain| drain.supervised.as_ref().is_some_and(|own| own.0 < longest));
                launch.faults.retain(|fault| fault.cause != Cause::GracePeriod);
            }
        }
        // What is still wrong with an init in front is said where that is.
        if let Some(launch) = self.launch.as_mut().filter(|_| has_init) {
            launch.faults.retain(|fault| fault.cause != Cause::UnhandledStop);
        }
        self
    }

    /// True for two readings of the same image.
    pub(crate) fn is_same(&self, other: &Judged) -> bool {
        let name = |judged: &Judged| judged.workload.as_ref().map(|declared| declared.name.clone());
        self.image.stage == other.image.stage && name(self) == name(other)
    }

    /// Rules and places of what is found in the image however it is started: the Dockerfile's to report, not the deployment's.
    pub(super) fn found_in_image(
        &self,
        loader: &dyn Loader,
        settings: &Settings,
    ) -> Vec<(&'static str, Place)> {
        // A file that no name gives away is checked by nobody else.
        let is_checked = |image: &Image| {
            image
                .dockerfile
                .source
                .path()
                .file_name()
                .is_some_and(|name| source::name(name) == Name::Dockerfile)
        };
        let image = self.workload.as_ref().and_then(|declared| declared.image(loader, &settings.tables));
        let Some(image) = image.filter(is_checked) else {
            return Vec::new();
        };
        let judged = Self::of(image, Some(&self.context), loader, settings, &Steps::all());
        judged.findings(settings).into_iter().map(|finding| (finding.rule, finding.place)).collect()
    }

    pub(crate) fn findings(&self, settings: &Settings) -> Vec<Finding> {
        let subject = Subject {
            image: &self.image,
            launch: self.launch.as_ref(),
            tables: &settings.tables,
            installed: &self.installed,
            init: if self.engine_init { InitPolicy::Never } else { settings.init },
            pedantic: settings.pedantic,
            doubt: self.doubt.as_deref(),
        };
        rules::findings(&subject)
    }

    /// Where the verdict rests on a build context that is not the Dockerfile's own folder.
    pub(crate) fn context_note(&self) -> Option<Related> {
        let source = &self.image.dockerfile.source;
        let own = source.path().parent().unwrap_or(Utf8Path::new(""));
        let shown = if self.context.as_str().is_empty() { "." } else { self.context.as_str() };
        (self.context != own && self.workload.is_none()).then(|| {
            let message =
                format!("taken to be built with `{shown}` as its context, where the sources of COPY are");
            Related::new(Place::new(source, self.image.from), message)
        })
    }

    pub(crate) fn reference(&self) -> ImageRef {
        if let Some(Workload { name, place, .. }) = &self.workload {
            let path = place.source.shared_path();
            return ImageRef { path, stage: Some(name.clone()), line: place.line() };
        }
        let source = &self.image.dockerfile.source;
        ImageRef {
            path: source.shared_path(),
            stage: self.image.name.clone(),
            line: source.line(self.image.from.start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryLoader;

    #[test]
    fn many_images_share_the_steps_of_their_file() {
        let stage = |n: usize| format!("FROM debian:12 AS s{n}\nCOPY s /\nCMD [\"/s\"]\n");
        let part = |n: usize| format!("check{n} && server{n} &\n");
        let count = 30;
        let mut loader = MemoryLoader::new();
        loader.insert("Dockerfile", (0..count).map(stage).collect::<String>(), None);
        let script: String = (0..40).map(part).collect();
        loader.insert("s", format!("#!/bin/bash\n{script}wait\n"), Some(true));
        let analysis = Analysis::of("Dockerfile".into(), &loader, &Settings::default());
        let steps = analysis.images.iter().filter_map(|image| Some(image.launch.as_ref()?.steps));
        let steps: Vec<u64> = steps.collect();
        assert_eq!(steps.len(), count);
        assert!(steps[0] > 20_000, "{steps:?}");
        assert!(steps[count - 1] < 4 * LEAST_STEPS, "{steps:?}");
    }

    #[test]
    fn images_that_read_nothing_of_a_change_are_kept() {
        let mut loader = MemoryLoader::new();
        loader.insert("Dockerfile", "FROM a\nCOPY a /\nCMD [\"/a\"]\nFROM b\nCOPY b /\nCMD [\"/b\"]\n", None);
        for script in ["a", "b"] {
            loader.insert(script, "#!/bin/sh\nnginx -g 'daemon off;'\n", Some(true));
        }
        let settings = Settings::default();
        let before = Analysis::of("Dockerfile".into(), &loader, &settings);
        let after = |path: &str, text: &str| {
            let mut changed = OverlayLoader::new(&loader);
            changed.insert(Source::new(path, text));
            let after = before.after("Dockerfile".into(), &changed, &settings);
            let kept = |(old, new)| Rc::ptr_eq(old, new);
            before.images.iter().zip(&after.images).map(kept).collect::<Vec<_>>()
        };
        assert_eq!(after("a", "#!/bin/sh\nexec nginx -g 'daemon off;'\n"), [false, true]);
        assert_eq!(after("Dockerfile", "FROM a\nCMD [\"a\"]\nFROM b\nCMD [\"b\"]\n"), [false, false]);
        assert_eq!(after("c", ""), [true, true]);
    }
}
