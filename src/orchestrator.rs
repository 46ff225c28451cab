//! What really starts in production: containers as Compose and Kubernetes files declare them, as images with overrides.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::dockerfile::{self, Command, Image, Runtime, Setting, Written};
use crate::programs::Tables;
use crate::source::{Excerpt, Loader, Place, Source, Span};
use crate::yaml::{self, Node};

mod builds;
mod compose;
mod inline;
mod interpolate;
mod kubernetes;
mod kustomize;
mod mounts;
mod paths;
mod shell_words;

pub use builds::contexts;
pub(crate) use kustomize::NAMES as KUSTOMIZATIONS;

/// A file that says which containers are started.
#[derive(Debug)]
pub struct Deployment {
    /// The containers, in the order of the file.
    pub workloads: Vec<Workload>,
    /// What of the file cannot be read, and where.
    pub problem: Option<(Place, String)>,
}

/// One container as an orchestrator starts it.
#[derive(Debug)]
pub struct Workload {
    /// What the file calls it: `web`, `deployment/web`.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// What its image is made from.
    origin: Origin,
    /// What it is started with.
    overrides: Overrides,
    /// True for a task: it is expected to end by itself.
    pub is_task: bool,
    /// Why the model cannot tell what is started.
    doubt: Option<String>,
}

/// Where an image comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// A Dockerfile of the project.
    Build(Build),
    /// A registry.
    Reference(Arc<Excerpt>),
}

/// How an image is built.
#[derive(Debug, Clone, Default)]
struct Build {
    dockerfile: Utf8PathBuf,
    context: Utf8PathBuf,
    /// The stage; the last one if there is no name.
    target: Option<String>,
    arguments: BTreeMap<String, String>,
    /// The text of the Dockerfile, where it stands in the file itself.
    inline: Option<Inline>,
}

/// A Dockerfile inside a Compose file.
#[derive(Debug, Clone)]
struct Inline {
    /// It as the file has it.
    text: Arc<Excerpt>,
    /// It as it is built; `None` where it cannot be followed.
    source: Option<Arc<Source>>,
}

/// What is set beside the image.
#[derive(Debug, Default)]
struct Overrides {
    entrypoint: Option<Setting<Command>>,
    cmd: Option<Setting<Command>>,
    stop_signal: Option<Setting<String>>,
    workdir: Option<(String, Place)>,
    user: Option<String>,
    /// Variables with their values as far as these are known.
    env: BTreeMap<String, Option<String>>,
    runtime: Runtime,
}

/// An image as it is started, and the folder that it is built from.
pub struct Started {
    /// The image, with what the file overrides.
    pub image: Image,
    /// Its build context; `None` if it comes from a registry.
    pub context: Option<Utf8PathBuf>,
}

/// Containers of one file that are looked at.
const MAX_WORKLOADS: usize = 500;

/// True for the names of files that may declare containers.
pub fn is_candidate(path: &Utf8Path) -> bool {
    matches!(path.extension(), Some("yaml" | "yml"))
}

/// True for a file that may declare containers: by the name that Compose looks for, or by what a manifest holds.
pub fn is_deployment(source: &Source) -> bool {
    is_candidate(source.path()) && (compose::is_name(source.path()) || kubernetes::may_be(source))
}

/// What the engine fills in itself, in a Compose file: names in labels and variables, tags of logs.
const PLACEHOLDERS: [&str; 8] =
    [".Service.", ".Node.", ".Task.", ".Name", ".ID", ".FullID", ".Image", ".DaemonName"];

/// True for a text that Helm, Jinja, ERB, ytt or the like has yet to fill in.
pub fn is_template(source: &Source) -> bool {
    let text = source.text();
    let is_compose = compose::is_name(source.path());
    let is_placeholder =
        |at: usize| PLACEHOLDERS.iter().any(|start| text[at + 2..].trim_start().starts_with(start));
    text.match_indices("{{").any(|(at, _)| !is_compose || !is_placeholder(at))
        || text.contains("{%")
        || text.contains("<%")
        || text.lines().any(|line| line.trim_start().starts_with("#@"))
}

/// True for a part of a manifest that Kustomize puts over another: what starts is not known before that.
pub fn is_patch(path: &Utf8Path, loader: &dyn Loader) -> bool {
    kustomize::is_patch(path, loader)
}

/// The containers that a file declares; `None` if it is no such file, or one that a template engine has yet to write.
pub fn deployment(path: &Utf8Path, loader: &dyn Loader) -> Option<Deployment> {
    let source = loader.read(path).ok()?;
    if !is_deployment(&source) || is_template(&source) || is_patch(path, loader) {
        return None;
    }
    let is_compose = compose::is_name(path);
    if !is_compose && !kubernetes::may_start_containers(&source) {
        return None;
    }
    let yaml = yaml::parse(&source);
    let mut workloads = if is_compose {
        compose::workloads(path, &yaml, loader)
    } else {
        kubernetes::workloads(&yaml, path, loader)
    };
    let place = |span: &Span| Place::new(&source, *span);
    let mut problem = yaml.problem.as_ref().map(|(span, message)| (place(span), message.clone()));
    if workloads.len() > MAX_WORKLOADS {
        let message = format!("there are more than {MAX_WORKLOADS} containers; the others are not looked at");
        problem.get_or_insert((workloads[MAX_WORKLOADS].place.clone(), message));
        workloads.truncate(MAX_WORKLOADS);
    }
    (!workloads.is_empty() || (problem.is_some() && is_compose)).then_some(Deployment { workloads, problem })
}

impl Workload {
    /// The image as it is started.
    ///
    /// # Errors
    /// Why it is not known, for people.
    pub fn started(&self, loader: &dyn Loader, tables: &Tables) -> Result<Started, String> {
        if let Some(doubt) = &self.doubt {
            return Err(doubt.clone());
        }
        let (mut image, context) = match &self.origin {
            Origin::Reference(reference) => {
                (Image::named(reference.text(), &reference.whole_place(), tables), None)
            }
            Origin::Build(build) => {
                let arguments = build.arguments.clone();
                (build.image(arguments, loader, tables)?, Some(build.context.clone()))
            }
        };
        self.overrides.apply(&mut image);
        Ok(Started { image, context })
    }

    /// The image without what the file overrides, and without its build arguments, where a check of its Dockerfile judges it too.
    pub fn image(&self, loader: &dyn Loader, tables: &Tables) -> Option<Image> {
        let Origin::Build(build) = &self.origin else { return None };
        let image = build.image(BTreeMap::new(), loader, tables).ok().filter(|_| build.inline.is_none())?;
        let judged = dockerfile::images(&image.dockerfile, tables);
        judged.iter().any(|judged| judged.stage == image.stage).then_some(image)
    }

    /// The Dockerfile of the project that it is built from, and the build context.
    pub fn build(&self) -> Option<(&Utf8Path, &Utf8Path)> {
        match &self.origin {
            Origin::Build(build) if build.inline.is_none() => Some((&build.dockerfile, &build.context)),
            _ => None,
        }
    }
}

impl Build {
    fn image(
        &self,
        arguments: BTreeMap<String, String>,
        loader: &dyn Loader,
        tables: &Tables,
    ) -> Result<Image, String> {
        const INLINE: &str = "the Dockerfile inside the file cannot be followed";
        let source = match &self.inline {
            Some(inline) => inline.source.clone().ok_or(INLINE)?,
            None => loader
                .read(&self.dockerfile)
                .map_err(|error| format!("`{}` cannot be read: {error}", self.dockerfile))?,
        };
        let parsed = dockerfile::parse(&source);
        if self.inline.as_ref().is_some_and(|own| inline::is_shifted(&parsed, own.text.source().text())) {
            return Err(INLINE.to_owned());
        }
        let dockerfile = Arc::new(parsed.built_with(arguments));
        let stages = dockerfile.stages();
        let stage = match &self.target {
            Some(target) => stages.iter().position(|stage| {
                stage.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(target))
            }),
            None => stages.len().checked_sub(1),
        };
        let image = stage.and_then(|stage| dockerfile::image(&dockerfile, stage, tables));
        image.ok_or_else(|| format!("`{}` has no such stage", self.dockerfile))
    }
}

impl Overrides {
    fn apply(&self, image: &mut Image) {
        if let Some(entrypoint) = &self.entrypoint {
            let is_reset = matches!(&entrypoint.value, Command::Exec(words) if matches!(words.as_slice(), [word] if word.text().is_empty()));
            let value = if is_reset { Command::Exec(Vec::new()) } else { entrypoint.value.clone() };
            image.entrypoint = Some(Setting { value, ..entrypoint.clone() });
            // The image's own CMD belongs to the image's own ENTRYPOINT.
            image.cmd = None;
        }
        if let Some(cmd) = &self.cmd {
            image.cmd = Some(cmd.clone());
        }
        if let Some(signal) = &self.stop_signal {
            image.stop_signal = Some(signal.clone());
        }
        if let Some((workdir, place)) = &self.workdir {
            image.workdir = dockerfile::join(&image.workdir, workdir);
            image.workdir_place = Some(place.clone());
        }
        if let Some(user) = &self.user {
            image.user = Some(user.clone());
        }
        for (name, value) in &self.env {
            match value {
                Some(value) => {
                    image.unknown_env.remove(name);
                    image.env.insert(name.clone(), value.clone());
                }
                None => {
                    image.env.remove(name);
                    image.unknown_env.insert(name.clone());
                }
            }
        }
        image.runtime = self.runtime.clone();
    }
}

/// The words of a list as a command; `None` if one of them is no text.
fn exec_form(
    key: Option<Place>,
    node: &Node,
    word: impl Fn(&Arc<Excerpt>) -> Arc<Excerpt>,
) -> Option<Setting<Command>> {
    let words: Option<Vec<_>> = node.items().iter().map(|item| item.scalar().map(&word)).collect();
    Some(Setting {
        value: Command::Exec(words?),
        place: Some(node.place.clone()),
        written: Written::Value { key },
    })
}

/// The first document of a file of the project.
fn first_document(path: &Utf8Path, loader: &dyn Loader) -> Option<Arc<Node>> {
    let source = loader.read(path).ok().filter(|source| !is_template(source))?;
    yaml::parse(&source).documents.first().cloned()
}
