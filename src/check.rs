//! One file from text to findings: read it, find its images, simulate each launch, ask the rules, check the repairs.

use std::ops::AddAssign;
use std::sync::Arc;

use camino::Utf8Path;

use crate::baseline;
use crate::diagnostic::{Diagnostic, ImageRef, Outcome, Severity};
use crate::fix;
use crate::guard::{self, Defect, guarded};
use crate::launch::{Receives, Started};
use crate::rules::{self, Finding};
use crate::settings::Settings;
use crate::source::{Loader, Place, Source, Span};
use crate::suppress::Suppressions;

mod analysis;
mod ignores;
mod images;
mod parts;
mod recorder;

pub(crate) use analysis::{Analysis, Judged};
pub use ignores::unused_ignores;

use recorder::Recorder;

/// Everything pidone has to say about one Dockerfile, or one file that says how containers are started.
#[derive(Debug, Clone)]
pub struct FileReport {
    /// The file.
    pub path: Arc<Utf8Path>,
    /// The findings, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Its images, in order.
    pub images: Vec<ImageReport>,
    /// What is counted.
    pub counts: Counts,
    /// Every file that was read.
    pub sources: Vec<Arc<Source>>,
    /// Why the file itself could not be read.
    pub unreadable: Option<String>,
    /// What went wrong in pidone itself; the only diagnostic says so.
    pub defect: Option<Defect>,
    /// The rules named in comments that silence findings.
    pub ignores: Vec<Ignore>,
    /// Findings that the baseline knows.
    pub known: Vec<baseline::Key>,
}

impl FileReport {
    /// Forgets the texts that nothing is said of: a report on a large project would hold all of it. No repair can be shown as a whole then.
    pub fn drop_texts(&mut self) {
        let ignored = self.ignores.iter().map(|ignore| ignore.place.key());
        let said: Vec<_> = self.diagnostics.iter().flat_map(Diagnostic::keys).chain(ignored).collect();
        let part = |source: &Arc<Source>| {
            let spans = said.iter().filter(|(path, _)| *path == source.path()).map(|(_, span)| *span);
            Some(source.around(spans.reduce(Span::to)?))
        };
        self.sources = self.sources.iter().filter_map(part).collect();
        let places = self.diagnostics.iter_mut().flat_map(Diagnostic::places_mut);
        for place in places.chain(self.ignores.iter_mut().map(|ignore| &mut ignore.place)) {
            let part = self.sources.iter().find(|part| part.path() == place.source.path());
            place.source = Arc::clone(part.unwrap_or(&place.source));
        }
    }

    /// True if nothing but numbers is to be told of the file.
    pub fn is_quiet(&self) -> bool {
        let Self { diagnostics, images, sources, ignores, known, .. } = self;
        let has_nothing = diagnostics.is_empty() && images.is_empty() && sources.is_empty();
        has_nothing && ignores.is_empty() && known.is_empty() && self.unreadable.is_none()
    }

    /// Forgets what only pictures of the images need.
    pub fn drop_pictures(&mut self) {
        self.images = Vec::new();
        self.diagnostics.shrink_to_fit();
        self.diagnostics.iter_mut().for_each(|diagnostic| diagnostic.message.shrink_to_fit());
    }

    /// A file of which nothing is known because pidone failed on it.
    fn failed(path: &Utf8Path, loader: &dyn Loader, defect: Defect) -> Self {
        let source = guarded(|| loader.read(path)).ok().and_then(Result::ok);
        let source = source.unwrap_or_else(|| Source::new(path, ""));
        let internal_error = Diagnostic {
            rule: "internal-error",
            severity: Severity::Error,
            message: format!("pidone failed on this file, and nothing else is said of it: {defect}"),
            help: Some(guard::ADVICE.into()),
            chain: Vec::new(),
            place: Place::new(&source, Span::new(0, 0)),
            label: "not checked".into(),
            outcome: None,
            image: None,
            related: Vec::new(),
            fix: None,
        };
        Self {
            path: source.shared_path(),
            diagnostics: vec![internal_error],
            images: Vec::new(),
            counts: Counts::default(),
            sources: vec![source],
            unreadable: None,
            defect: Some(defect),
            ignores: Vec::new(),
            known: Vec::new(),
        }
    }
}

/// What is counted of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Its images.
    pub images: usize,
    /// Those of which the model cannot tell how a stop ends.
    pub unknown: usize,
    /// Findings that comments silence.
    pub silenced: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.images += other.images;
        self.unknown += other.unknown;
        self.silenced += other.silenced;
    }
}

impl Counts {
    pub(crate) fn of(images: &[ImageReport], silenced: usize) -> Self {
        let unknown = images.iter().filter(|image| image.outcome == Outcome::Unknown);
        Self { images: images.len(), unknown: unknown.count(), silenced }
    }
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
    /// Where each part of the launch comes from.
    pub parts: Vec<LaunchPart>,
    /// True if it is a container that a deployment declares.
    pub is_deployed: bool,
    /// How a stop ends.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The processes of the worst branch.
    pub processes: Vec<ProcessNode>,
    /// The steady states, the worst first.
    pub branches: Vec<Branch>,
}

/// A part of what the engine is told when it starts and stops a container.
#[derive(Debug, Clone)]
pub struct LaunchPart {
    /// `entrypoint`, `cmd`, `workdir`, `stop-signal`, `grace-period`, `pre-stop` or `init`.
    pub name: &'static str,
    /// Its words.
    pub value: Vec<String>,
    /// Where it comes from.
    pub source: PartSource,
}

/// Where a part of a launch comes from.
#[derive(Debug, Clone)]
pub enum PartSource {
    /// A file of the project.
    File(Place),
    /// The base image.
    BaseImage,
    /// Nobody sets it.
    Default,
}

/// A state in which the container stays.
#[derive(Debug, Clone)]
pub struct Branch {
    /// Which way the scripts went to get there; empty if there was no choice.
    pub label: String,
    /// False if it takes other arguments than the image's defaults to get there.
    pub default: bool,
    /// True where no service runs, or somebody talks to a shell: not what the image is for, if there is another branch.
    pub aside: bool,
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
    /// True if it hears the stop signal and dies of it.
    pub dies: bool,
    /// The names of the programs that it was before, oldest first.
    pub was: Vec<String>,
    /// Where it is started.
    pub place: Option<Place>,
    /// Its children.
    pub children: Vec<ProcessNode>,
}

/// Checks a Dockerfile, a Compose file or a Kubernetes manifest. A file that cannot be read gives an empty report; whoever names
/// files checks that they can be. Where pidone itself fails, that is what is reported.
pub fn check(path: &Utf8Path, loader: &dyn Loader, settings: &Settings) -> FileReport {
    guarded(|| report(path, loader, settings))
        .unwrap_or_else(|defect| FileReport::failed(path, loader, defect))
}

fn report(path: &Utf8Path, loader: &dyn Loader, settings: &Settings) -> FileReport {
    let recorder = Recorder::new(loader);
    let analysis = Analysis::of(path, &recorder, settings);
    let findings: Vec<(&Judged, Vec<Finding>)> =
        analysis.images.iter().map(|judged| (&**judged, judged.findings(settings))).collect();
    // Asked only where it matters: it means to start the image once more.
    let in_image: Vec<_> = findings
        .iter()
        .map(
            |(judged, own)| {
                if own.is_empty() { Vec::new() } else { judged.found_in_image(&recorder, settings) }
            },
        )
        .collect();
    let sources = recorder.into_sources();
    let own = sources.iter().find(|source| source.path() == path);
    let shared = own.map_or_else(|| path.into(), |source| source.shared_path());
    let unreadable = if own.is_none() { loader.read(path).err() } else { None };
    let unreadable = unreadable.map(|error| error.to_string());
    let mut images = Vec::new();
    let all: Vec<Finding> = findings.iter().flat_map(|(_, findings)| findings.iter().cloned()).collect();

    let found: Vec<&Finding> = analysis.of_file.iter().chain(&all).collect();
    let places: Vec<Place> = found.iter().map(|finding| finding.place.clone()).collect();
    let suppressions = Suppressions::of(&sources, path, &places);
    let ignores = ignores::ignores(&suppressions, &found, settings);
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
    let bench = fix::Bench::new(path, loader, settings, &analysis, &sources, &all);
    for ((judged, findings), in_image) in findings.into_iter().zip(in_image) {
        images.push(judged.report());
        let is_of_image = |finding: &Finding| {
            in_image.iter().any(|(rule, place)| *rule == finding.rule && *place == finding.place)
        };
        for finding in findings.into_iter().filter(|finding| counts(finding) && !is_of_image(finding)) {
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
        path: shared,
        diagnostics,
        counts: Counts::of(&images, silenced.len()),
        images,
        sources,
        unreadable,
        defect: None,
        ignores,
        known,
    }
}
