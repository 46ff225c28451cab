//! Compose files: services, with the files that are merged over them and the services that they extend.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::interpolate::{self, Variables};
use super::{Build, Origin, Overrides, Workload, exec_form, first_document, paths, shell_words};
use crate::dockerfile::{Command, Declared, Mount, MountSource, Runtime, Setting, Written};
use crate::source::{Excerpt, Loader, UNKNOWN};
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
    let mut files = vec![Arc::clone(own)];
    if base == Some(name) {
        let over = OVERRIDES.into_iter().find(|over| loader.kind(&folder.join(over)).is_some());
        files.splice(0..0, over.and_then(|over| first_document(&folder.join(over), loader)));
    } else if !stands_alone(own) {
        files.extend(base.and_then(|base| first_document(&folder.join(base), loader)));
    }
    let variables = loader.read(&folder.join(".env")).map(|source| interpolate::env_file(source.text()));
    let project =
        Project { files, folder: folder.to_owned(), variables: variables.unwrap_or_default(), loader };
    project.workloads(own)
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

/// The files that make up a project, the one that wins first.
struct Project<'a> {
    files: Vec<Arc<Node>>,
    folder: Utf8PathBuf,
    variables: Variables,
    loader: &'a dyn Loader,
}

/// One mapping that says something about a service, and the folder that its paths start from.
#[derive(Clone)]
struct Layer {
    node: Arc<Node>,
    folder: Utf8PathBuf,
}

/// All that is said about a service, what wins first.
struct Service<'a> {
    project: &'a Project<'a>,
    layers: Vec<Layer>,
}

impl Project<'_> {
    fn workloads(&self, own: &Node) -> Vec<Workload> {
        let mut names: Vec<&(Arc<Node>, Arc<Node>)> = Vec::new();
        for file in &self.files {
            for entry in file.get("services").map(|services| services.entries()).unwrap_or_default() {
                // What another file alone declares is that file's to judge.
                let is_own = own.get("services").is_some_and(|services| {
                    entry.0.text().is_some_and(|name| services.entry(name).is_some())
                });
                if is_own && !names.iter().any(|known| known.0.text() == entry.0.text()) {
                    names.push(entry);
                }
            }
        }
        names.sort_by_key(|(key, _)| key.place.span.start);
        names.into_iter().filter_map(|(key, _)| self.workload(key)).collect()
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
        Some(Workload { name: name.to_owned(), place: key.place.clone(), origin, overrides, doubt })
    }

    /// What all files say about a service, and then what those that it extends say.
    fn layers(&self, name: &str) -> Option<Vec<Layer>> {
        let mut layers = Vec::new();
        for file in &self.files {
            let Some(node) = file.get("services").and_then(|services| services.get(name)) else { continue };
            layers.push(Layer { node: Arc::clone(node), folder: self.folder.clone() });
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
                let node = self
                    .files
                    .iter()
                    .find_map(|file| find(file).filter(|node| !Arc::ptr_eq(node, &layer.node)))?;
                Some(Layer { node, folder: layer.folder.clone() })
            }
            Some(file) => {
                let path = paths::join(&layer.folder, file)?;
                let node = find(first_document(&path, self.loader)?.as_ref())?;
                Some(Layer { node, folder: path.parent().unwrap_or(Utf8Path::new("")).to_owned() })
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
        for (layer, node) in self.all("build") {
            if node.scalar().is_some() {
                context = Some((layer, node));
            }
            for (key, value) in node.entries() {
                match key.text() {
                    Some("context") => context = Some((layer, value)),
                    Some("dockerfile") => dockerfile = Some(value),
                    Some("dockerfile_inline") => build.inline = value.scalar().cloned(),
                    Some("target") => {
                        build.target = Some(self.known(value).ok_or("the build target is not known")?)
                    }
                    Some("args") => build.arguments.extend(self.pairs(value)),
                    _ => {}
                }
            }
        }
        let (folder, context) = match context {
            Some((layer, node)) => (&layer.folder, self.known(node).ok_or("the build context is not known")?),
            None => (&self.project.folder, ".".to_owned()),
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

    /// `NAME: value` or `- NAME=value`, as far as the values are known.
    fn pairs(&self, node: &Node) -> BTreeMap<String, String> {
        let entries = node
            .entries()
            .iter()
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), self.known(value)?)));
        let items = node.items().iter().filter_map(|item| {
            let text = self.known(item)?;
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        });
        entries.chain(items).collect()
    }

    fn overrides(&self) -> Result<Overrides, String> {
        let mut env = BTreeMap::new();
        for (_, node) in self.all("environment") {
            env.extend(self.pairs(node));
        }
        let stop_signal = self.entry("stop_signal").and_then(|(key, node)| {
            let written = Written::Value { key: Some(key.place.clone()) };
            Some(Setting { value: self.known(node)?, place: Some(node.place.clone()), written })
        });
        Ok(Overrides {
            entrypoint: self.command("entrypoint")?,
            cmd: self.command("command")?,
            stop_signal,
            workdir: self.get("working_dir").and_then(|node| self.known(node)),
            user: self.get("user").and_then(|node| self.known(node)),
            env,
            runtime: self.runtime()?,
        })
    }

    fn command(&self, name: &str) -> Result<Option<Setting<Command>>, String> {
        let Some((key, node)) = self.entry(name) else { return Ok(None) };
        let key = Some(key.place.clone());
        let unreadable = || format!("`{name}` cannot be read as Compose reads it");
        let Some(line) = self.excerpt(node) else {
            let list = exec_form(key, node, |word| interpolate::excerpt(word, &self.project.variables));
            return list.map(Some).ok_or_else(unreadable);
        };
        let words = shell_words::split(&line).ok_or_else(unreadable)?;
        let written = Written::Value { key };
        Ok(Some(Setting { value: Command::Exec(words), place: Some(node.place.clone()), written }))
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
        for (layer, node) in self.all("volumes") {
            runtime.mounts.extend(node.items().iter().filter_map(|item| self.mount(layer, item)));
        }
        for (_, node) in self.all("configs") {
            runtime.mounts.extend(node.items().iter().filter_map(|item| {
                let target = self.known(item.get("target")?)?;
                Some(Mount { target, source: MountSource::Outside, place: item.place.clone() })
            }));
        }
        Ok(runtime)
    }

    fn mount(&self, layer: &Layer, item: &Node) -> Option<Mount> {
        let (source, target) = match self.known(item) {
            Some(text) => {
                let mut parts = text.split(':').map(str::to_owned);
                match (parts.next()?, parts.next()) {
                    (target, None) => (None, target),
                    (source, Some(target)) => (Some(source), target),
                }
            }
            None if item.scalar().is_some() => return None,
            None => {
                let is_bind = item.get("type").and_then(|kind| kind.text()) == Some("bind");
                let source = item.get("source").and_then(|source| self.known(source));
                (source.filter(|_| is_bind), self.known(item.get("target")?)?)
            }
        };
        let is_path = |source: &String| source.starts_with(['.', '/', '~']) || item.scalar().is_none();
        let source = match source.filter(is_path) {
            None => MountSource::Volume,
            Some(source) => match paths::join(&layer.folder, &source) {
                Some(path) => MountSource::Project(path),
                None => MountSource::Outside,
            },
        };
        let target =
            target.strip_suffix('/').filter(|target| !target.is_empty()).unwrap_or(&target).to_owned();
        Some(Mount { target, source, place: item.place.clone() })
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
    let project =
        Project { files: vec![document], folder: folder.to_owned(), variables: Variables::new(), loader };
    let services = project.files[0].get("services").map(|services| services.entries()).unwrap_or_default();
    services
        .iter()
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
