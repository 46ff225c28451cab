//! Compose files: services, with the files that are merged over them and the services that they extend.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::interpolate::{self, Variables};
use super::{
    Build, Inline, Origin, Overrides, Workload, exec_form, first_document, inline, mounts, paths, shell_words,
};
use crate::dockerfile::{Command, Declared, Probe, Runtime, Setting, Written};
use crate::source::{Excerpt, Loader, Place, UNKNOWN};
use crate::yaml::{Node, Value, Yaml};

/// The names that Compose looks for by itself, in its order.
const BASES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The files that it merges over one of those by itself, in its order.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// Files that include files: more than this are not followed.
const MAX_INCLUDED: usize = 64;
/// Services that extend services that extend others: deeper than this is not followed.
const MAX_EXTENDS: usize = 8;

/// The file that Compose takes by itself, of the names in a folder.
pub(super) fn base_in(names: &[String]) -> Option<&'static str> {
    BASES.into_iter().find(|base| names.iter().any(|name| name == base))
}

/// True for the names of Compose files.
pub(super) fn is_name(path: &Utf8Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_ascii_lowercase();
    let starts = ["compose.", "docker-compose.", "compose-", "docker-compose-", "podman-compose."];
    let has_ending = name.ends_with(".yaml") || name.ends_with(".yml");
    has_ending && starts.iter().any(|start| name.starts_with(start))
}

/// The services of a file. One that is merged over another (`compose.override.yaml`) has none of its own: they are the other's.
pub(super) fn workloads(path: &Utf8Path, yaml: &Yaml, loader: &dyn Loader) -> Vec<Workload> {
    let Some(own) = yaml.documents.first() else { return Vec::new() };
    let name = path.file_name().unwrap_or_default();
    let folder = path.parent().unwrap_or(Utf8Path::new(""));
    let base = BASES.into_iter().find(|base| loader.kind(&folder.join(base)).is_some());
    if OVERRIDES.contains(&name) && base.is_some() {
        return Vec::new();
    }
    let read = |name: &str| {
        let document = first_document(&folder.join(name), loader)?;
        Some(File { document, folder: folder.to_owned(), is_own: false })
    };
    let mut files = vec![File { document: Arc::clone(own), folder: folder.to_owned(), is_own: true }];
    if base == Some(name) {
        let over = OVERRIDES.into_iter().find(|over| loader.kind(&folder.join(over)).is_some());
        files.splice(0..0, over.and_then(read));
    } else if !stands_alone(own) {
        files.extend(base.and_then(read));
    }
    Project::new(files, loader).workloads()
}

/// False for a file that makes sense on top of another only.
fn stands_alone(document: &Node) -> bool {
    let services = document.get("services");
    services.is_none_or(|services| {
        services.entries().iter().all(|(_, service)| {
            ["image", "build", "extends", "provider"].iter().any(|key| service.entry(key).is_some())
        })
    })
}

/// A file of a project.
struct File {
    document: Arc<Node>,
    /// The folder that its paths start from.
    folder: Utf8PathBuf,
    /// True where its services are to be judged here: what another file declares, and is checked by itself, is that file's.
    is_own: bool,
}

impl File {
    fn service(&self, name: &str) -> Option<&(Arc<Node>, Arc<Node>)> {
        self.document.get("services")?.entry(name)
    }
}

/// The files that make up a project, the one that wins first.
struct Project<'a> {
    files: Vec<File>,
    variables: Variables,
    loader: &'a dyn Loader,
}

/// One mapping that says something about a service, and the folder that its paths start from.
#[derive(Clone)]
struct Layer {
    node: Arc<Node>,
    /// The file that it stands in.
    document: Arc<Node>,
    folder: Utf8PathBuf,
}

/// All that is said about a service, what wins first.
struct Service<'a> {
    project: &'a Project<'a>,
    layers: Vec<Layer>,
}

impl<'a> Project<'a> {
    /// A project of these files and those that they include. What the own .env files say wins over the others'.
    fn new(mut files: Vec<File>, loader: &'a dyn Loader) -> Self {
        let mut project = Self { files: Vec::new(), variables: Variables::new(), loader };
        let mut next = 0;
        while let Some(File { document, folder, .. }) = files.get(next) {
            if let Ok(source) = loader.read(&folder.join(".env")) {
                for (name, value) in interpolate::env_file(source.text()) {
                    project.variables.entry(name).or_insert(value);
                }
            }
            let includes = document.get("include").map(|include| include.items()).unwrap_or_default();
            let included: Vec<File> =
                includes.iter().flat_map(|include| project.included(include, folder)).collect();
            files.extend(included);
            next += 1;
            if next > MAX_INCLUDED {
                break;
            }
        }
        Self { files, ..project }
    }

    /// The files of one entry of `include`: a path, or a mapping with one or several, of which the last wins.
    fn included(&self, include: &Node, folder: &Utf8Path) -> Vec<File> {
        let known = |node: &Node| interpolate::text(node.scalar()?, &self.variables);
        let path = include.get("path").map_or(include, |path| path.as_ref());
        let paths: Vec<Utf8PathBuf> = known(path)
            .into_iter()
            .chain(path.items().iter().filter_map(|item| known(item)))
            .filter_map(|path| paths::join(folder, &path))
            .collect();
        let Some(first) = paths.first() else { return Vec::new() };
        let base = match include.get("project_directory") {
            Some(directory) => known(directory).and_then(|directory| paths::join(folder, &directory)),
            None => first.parent().map(Utf8Path::to_owned),
        };
        let Some(base) = base else { return Vec::new() };
        let file = |path: &Utf8PathBuf| {
            let document = first_document(path, self.loader)?;
            Some(File { document, folder: base.clone(), is_own: !is_name(path) })
        };
        paths.iter().rev().filter_map(file).collect()
    }

    /// What the top of the files says of a config or a secret, and the folder that its paths start from.
    fn definition(&self, key: &str, name: &str) -> Option<(&Node, &Utf8Path)> {
        self.files.iter().find_map(|file| {
            let node = file.document.get(key)?.get(name)?;
            Some((node.as_ref(), file.folder.as_path()))
        })
    }

    fn workloads(&self) -> Vec<Workload> {
        let mut names: Vec<&Arc<Node>> = Vec::new();
        for file in self.files.iter().filter(|file| file.is_own) {
            for (key, _) in
                file.document.get("services").map(|services| services.entries()).unwrap_or_default()
            {
                if names.iter().any(|known| known.text() == key.text()) {
                    continue;
                }
                // Shown where what wins stands.
                let first = key.text().and_then(|name| self.files.iter().find_map(|file| file.service(name)));
                names.push(first.map_or(key, |(key, _)| key));
            }
        }
        names.sort_by_key(|key| (key.place.source.path().to_owned(), key.place.span.start));
        names.into_iter().filter_map(|key| self.workload(key)).take(super::MAX_WORKLOADS + 1).collect()
    }

    fn workload(&self, key: &Node) -> Option<Workload> {
        let name = key.text()?;
        let service = Service { project: self, layers: self.layers(name)? };
        if service.get("provider").is_some() {
            return None;
        }
        let mut doubt = service.doubt();
        let origin = match service.origin() {
            Ok(origin) => origin,
            Err(reason) => {
                doubt.get_or_insert(reason);
                Origin::Build(Build::default())
            }
        };
        let mut overrides = service.overrides().unwrap_or_else(|reason| {
            doubt.get_or_insert(reason);
            Overrides::default()
        });
        overrides.runtime.period.declared = Some(service.declared(key));
        let place = key.place.clone();
        let is_task = self.is_awaited(name);
        Some(Workload { name: name.to_owned(), place, origin, overrides, is_task, doubt })
    }

    /// True for a service that another one waits for until it has ended well.
    fn is_awaited(&self, name: &str) -> bool {
        let awaits = |service: &Node| {
            let condition = service.get("depends_on").and_then(|depends| depends.get(name)?.get("condition"));
            condition.is_some_and(|condition| condition.text() == Some("service_completed_successfully"))
        };
        let services = self.files.iter().filter_map(|file| file.document.get("services"));
        services.flat_map(|services| services.entries()).any(|(_, service)| awaits(service))
    }

    /// What all files say about a service, and then what those that it extends say.
    fn layers(&self, name: &str) -> Option<Vec<Layer>> {
        let mut layers = Vec::new();
        for file in &self.files {
            let node = file.service(name).map(|(_, node)| node);
            let node = node.filter(|node| !matches!(node.value, Value::Null));
            layers.extend(node.map(|node| Layer {
                node: Arc::clone(node),
                document: Arc::clone(&file.document),
                folder: file.folder.clone(),
            }));
        }
        let mut next = 0;
        while let Some(layer) = layers.get(next).cloned() {
            next += 1;
            if next > MAX_EXTENDS {
                return None;
            }
            layers.extend(self.extended(&layer));
        }
        (!layers.is_empty()).then_some(layers)
    }

    /// The service that a layer extends.
    fn extended(&self, layer: &Layer) -> Option<Layer> {
        let extends = layer.node.get("extends")?;
        let name = extends.text().or_else(|| extends.get("service")?.text())?;
        let find = |document: &Node| document.get("services")?.get(name).cloned();
        match extends.get("file").and_then(|file| file.text()) {
            None => {
                let own = (&layer.document, &layer.folder);
                let files = self.files.iter().map(|file| (&file.document, &file.folder));
                std::iter::once(own).chain(files).find_map(|(document, folder)| {
                    let node = find(document).filter(|node| !Arc::ptr_eq(node, &layer.node))?;
                    Some(Layer { node, document: Arc::clone(document), folder: folder.clone() })
                })
            }
            Some(file) => {
                let path = paths::join(&layer.folder, file)?;
                let document = first_document(&path, self.loader)?;
                let folder = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
                Some(Layer { node: find(&document)?, document, folder })
            }
        }
    }
}

impl Service<'_> {
    /// The value that wins; none where the winner takes it back (`!reset`, `null`).
    fn get(&self, key: &str) -> Option<&Arc<Node>> {
        self.entry(key).map(|(_, value)| value)
    }

    fn entry(&self, key: &str) -> Option<&(Arc<Node>, Arc<Node>)> {
        let entry = self.layers.iter().find_map(|layer| layer.node.entry(key))?;
        let is_reset = entry.1.tag.as_deref() == Some("!reset") || matches!(entry.1.value, Value::Null);
        (!is_reset).then_some(entry)
    }

    /// The values of all layers, what wins last.
    fn all(&self, key: &str) -> Vec<(&Layer, &Arc<Node>)> {
        let mut found = Vec::new();
        for layer in &self.layers {
            let Some((_, value)) = layer.node.entry(key) else { continue };
            if value.tag.as_deref() != Some("!reset") {
                found.push((layer, value));
            }
            if matches!(value.tag.as_deref(), Some("!reset" | "!override")) {
                break;
            }
        }
        found.reverse();
        found
    }

    fn excerpt(&self, node: &Node) -> Option<Arc<Excerpt>> {
        node.scalar().map(|text| interpolate::excerpt(text, &self.project.variables))
    }

    /// A text without the references that nobody knows.
    fn known(&self, node: &Node) -> Option<String> {
        interpolate::text(node.scalar()?, &self.project.variables)
    }

    /// Where the service is declared. What is to be said beside its own keys, not those that it shares with others.
    fn declared(&self, name: &Node) -> Declared {
        let is_own = |key: &Node, node: &Node| {
            let span = node.place.span;
            key.place.source.path() == node.place.source.path()
                && (span.start..span.end).contains(&key.place.span.start)
        };
        let own = self.layers.first().and_then(|layer| {
            let (key, _) = layer.node.entries().iter().find(|(key, _)| is_own(key, &layer.node))?;
            Some(key.place.clone())
        });
        Declared {
            place: name.place.clone(),
            key: "stop_grace_period",
            unit: "s",
            signal: Some("stop_signal"),
            beside: Written::Value { key: own },
        }
    }

    /// What keeps the model from telling how the service stops.
    fn doubt(&self) -> Option<String> {
        if self.layers.iter().any(|layer| !layer.node.is_complete) {
            return Some("the file cannot be read from there on".to_owned());
        }
        let pid = self.get("pid").and_then(|pid| pid.text());
        pid.map(|pid| format!("`pid: {pid}` makes another process PID 1"))
    }

    fn origin(&self) -> Result<Origin, String> {
        if self.get("build").is_some() {
            return self.build().map(Origin::Build);
        }
        let image = self.get("image").ok_or("neither `image` nor `build` is set")?;
        let reference = self.excerpt(image).filter(|text| !text.text().contains(UNKNOWN));
        reference.map(Origin::Reference).ok_or_else(|| "the name of the image is not known".to_owned())
    }

    fn build(&self) -> Result<Build, String> {
        let mut build = Build::default();
        let mut context = None;
        let mut dockerfile = None;
        let mut folder = None;
        for (layer, node) in self.all("build") {
            folder.get_or_insert(&layer.folder);
            if node.scalar().is_some() {
                context = Some((layer, node));
            }
            for (key, value) in node.entries() {
                match key.text() {
                    Some("context") => context = Some((layer, value)),
                    Some("dockerfile") => dockerfile = Some(value),
                    Some("dockerfile_inline") => build.inline = value.scalar().map(|text| self.inline(text)),
                    Some("target") => {
                        build.target = Some(self.known(value).ok_or("the build target is not known")?)
                    }
                    Some("args") => {
                        let known = self.pairs(value).into_iter();
                        build.arguments.extend(known.filter_map(|(name, value)| Some((name, value?))));
                    }
                    _ => {}
                }
            }
        }
        let (folder, context) = match context {
            Some((layer, node)) => (&layer.folder, self.known(node).ok_or("the build context is not known")?),
            None => (folder.ok_or("nothing is said of the build")?, ".".to_owned()),
        };
        let is_remote =
            context.contains("://") || context.starts_with("git@") || context.starts_with("github.com/");
        build.context = paths::join(folder, &context)
            .filter(|_| !is_remote)
            .ok_or_else(|| format!("the build context `{context}` is not in the project"))?;
        let dockerfile = match dockerfile {
            Some(node) => self.known(node).ok_or("the name of the Dockerfile is not known")?,
            None => "Dockerfile".to_owned(),
        };
        build.dockerfile = paths::join(&build.context, &dockerfile)
            .ok_or_else(|| format!("the Dockerfile `{dockerfile}` is not in the project"))?;
        Ok(build)
    }

    fn inline(&self, text: &Arc<Excerpt>) -> Inline {
        Inline { text: Arc::clone(text), source: inline::source(text, &self.project.variables) }
    }

    /// `NAME: value` or `- NAME=value`, with the values as far as they are known. A name alone stands for whoever calls Compose.
    fn pairs(&self, node: &Node) -> BTreeMap<String, Option<String>> {
        let entries = node
            .entries()
            .iter()
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), self.known(value))));
        let items = node.items().iter().filter_map(|item| {
            let name = item.text()?.split('=').next()?.to_owned();
            let value = self.known(item).and_then(|text| Some(text.split_once('=')?.1.to_owned()));
            Some((name, value))
        });
        entries.chain(items).collect()
    }

    /// The variables of `env_file`, and over them those of `environment`.
    fn environment(&self) -> BTreeMap<String, Option<String>> {
        let mut env = BTreeMap::new();
        for (layer, node) in self.all("env_file") {
            for item in node.items().iter().map(Arc::as_ref).chain(node.scalar().map(|_| node.as_ref())) {
                let path = self.known(item).or_else(|| self.known(item.get("path")?));
                let path = path.and_then(|path| paths::join(&layer.folder, &path));
                let Some(Ok(file)) = path.map(|path| self.project.loader.read(&path)) else { continue };
                let variables = interpolate::env_file(file.text()).into_iter();
                env.extend(variables.map(|(name, value)| (name, Some(value))));
            }
        }
        for (_, node) in self.all("environment") {
            env.extend(self.pairs(node));
        }
        env
    }

    fn overrides(&self) -> Result<Overrides, String> {
        let stop_signal = self.entry("stop_signal").and_then(|(key, node)| {
            let written = Written::Value { key: Some(key.place.clone()) };
            Some(Setting { value: self.known(node)?, place: Some(node.place.clone()), written })
        });
        let mut runtime = self.runtime()?;
        Ok(Overrides {
            entrypoint: self.command("entrypoint", &mut runtime)?,
            cmd: self.command("command", &mut runtime)?,
            stop_signal,
            workdir: self.get("working_dir").and_then(|node| Some((self.known(node)?, node.place.clone()))),
            user: self.get("user").and_then(|node| self.known(node)),
            env: self.environment(),
            runtime,
        })
    }

    fn command(&self, name: &str, runtime: &mut Runtime) -> Result<Option<Setting<Command>>, String> {
        let Some((key, node)) = self.entry(name) else { return Ok(None) };
        let key = Some(key.place.clone());
        let unreadable = || format!("`{name}` cannot be read as Compose reads it");
        let Some(line) = self.excerpt(node) else {
            let list = exec_form(key, node, |word| interpolate::excerpt(word, &self.project.variables));
            return list.map(Some).ok_or_else(unreadable);
        };
        let line = shell_words::split(&line).ok_or_else(unreadable)?;
        runtime.dropped =
            line.dropped.map(|span| Place::new(&node.place.source, span)).or(runtime.dropped.take());
        let written = Written::Value { key };
        Ok(Some(Setting { value: Command::Exec(line.words), place: Some(node.place.clone()), written }))
    }

    fn runtime(&self) -> Result<Runtime, String> {
        let mut runtime = Runtime::default();
        if let Some(node) = self.get("stop_grace_period") {
            let text = self.known(node).ok_or("`stop_grace_period` is not known")?;
            runtime.period.place = Some(node.place.clone());
            runtime.period.length =
                milliseconds(&text).ok_or_else(|| format!("`stop_grace_period: {text}` is no duration"))?;
        }
        runtime.init = self.get("init").filter(|node| node.is_true()).map(|node| node.place.clone());
        runtime.input = self.get("stdin_open").filter(|node| node.is_true()).map(|node| node.place.clone());
        runtime.terminal = self.get("tty").is_some_and(|node| node.is_true());
        let test = self.get("healthcheck").and_then(|check| check.get("test"));
        runtime.probes.extend(test.map(|test| Probe::of(test)));
        let known = |node: &Node| self.known(node);
        for (layer, node) in self.all("volumes") {
            let mounts = node.items().iter().filter_map(|item| mounts::volume(item, &layer.folder, known));
            runtime.mounts.extend(mounts);
        }
        for (key, folder) in [("configs", ""), ("secrets", "/run/secrets")] {
            let definition = |name: &str| self.project.definition(key, name);
            for item in self.all(key).into_iter().flat_map(|(_, node)| node.items()) {
                runtime.mounts.extend(mounts::definition(item, folder, known, definition));
            }
        }
        Ok(runtime)
    }
}

/// A duration as Go writes it: `1m30s`, `500ms`.
fn milliseconds(text: &str) -> Option<u64> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end =
            rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                "us" => 0.001,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    // Durations of more than centuries are nobody's.
    (total < 1e15).then_some(total as u64)
}

/// The image names of a project's services that are built from it, each with how: what other files refer to by name.
pub(super) fn built_images(folder: &Utf8Path, loader: &dyn Loader) -> Vec<(String, Build)> {
    let Some(path) = BASES.into_iter().map(|base| folder.join(base)).find(|path| loader.kind(path).is_some())
    else {
        return Vec::new();
    };
    let Some(document) = first_document(&path, loader) else { return Vec::new() };
    let file = File { document: Arc::clone(&document), folder: folder.to_owned(), is_own: true };
    let project = Project::new(vec![file], loader);
    let services = project.files.iter().filter_map(|file| file.document.get("services"));
    services
        .flat_map(|services| services.entries())
        .filter_map(|(key, _)| {
            let service = Service { project: &project, layers: project.layers(key.text()?)? };
            Some((
                service.known(service.get("image")?)?,
                service.build().ok().filter(|_| service.get("build").is_some())?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("10s", Some(10_000)),
            ("1m30s", Some(90_000)),
            ("500ms", Some(500)),
            ("1.5s", Some(1_500)),
            ("10", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn names() {
        for name in [
            "compose.yaml",
            "docker-compose.yml",
            "docker-compose.prod.yml",
            "compose.dev.yaml",
            "docker-compose-ci.yml",
        ] {
            assert!(is_name(name.into()), "{name}");
        }
        for name in ["compose.json", "my-compose.txt", "composer.yaml", "values.yaml"] {
            assert!(!is_name(name.into()), "{name}");
        }
    }
}
