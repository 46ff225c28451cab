//! Files and folders that are mounted over those of an image: volumes, configs and secrets of Compose, ConfigMaps of Kubernetes.

use std::sync::Arc;

use camino::Utf8Path;

use super::paths;
use crate::dockerfile::{Mount, MountSource};
use crate::source::Excerpt;
use crate::yaml::Node;

/// What an entry of `volumes` mounts, in its short form (`./run.sh:/run.sh:ro`) or its long one.
pub(super) fn volume(
    item: &Node,
    folder: &Utf8Path,
    known: impl Fn(&Node) -> Option<String>,
) -> Option<Mount> {
    let (source, target) = match known(item) {
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
            let source = item.get("source").and_then(|source| known(source));
            (source.filter(|_| is_bind), known(item.get("target")?)?)
        }
    };
    let is_path = |source: &String| source.starts_with(['.', '/', '~']) || item.scalar().is_none();
    let source = match source.filter(is_path) {
        None => MountSource::Volume,
        Some(source) => in_project(folder, &source),
    };
    let target = target.strip_suffix('/').filter(|target| !target.is_empty()).unwrap_or(&target).to_owned();
    Some(Mount { target, source, place: item.place.clone() })
}

/// What an entry of `configs` or `secrets` mounts: `name`, or a mapping with `source` and `target`. `definition` finds what the file
/// says of the name, and the folder that its paths start from.
pub(super) fn definition<'n>(
    item: &Node,
    default_folder: &str,
    known: impl Fn(&Node) -> Option<String>,
    definition: impl Fn(&str) -> Option<(&'n Node, &'n Utf8Path)>,
) -> Option<Mount> {
    let name = known(item).or_else(|| known(item.get("source")?))?;
    let target = item.get("target").and_then(|target| known(target)).unwrap_or_else(|| name.clone());
    let target = if target.starts_with('/') { target } else { format!("{default_folder}/{target}") };
    let source = definition(&name).and_then(|(node, folder)| {
        if let Some(content) = node.get("content").and_then(|content| content.scalar()) {
            // Compose replaces variables in it.
            let text = Arc::new(Excerpt::clone(content).with_doubled_dollars());
            return (!content.text().contains('$')).then_some(MountSource::Text(text, None));
        }
        Some(in_project(folder, &known(node.get("file")?)?))
    });
    Some(Mount { target, source: source.unwrap_or(MountSource::Outside), place: item.place.clone() })
}

fn in_project(folder: &Utf8Path, path: &str) -> MountSource {
    paths::join(folder, path).map_or(MountSource::Outside, MountSource::Project)
}

/// What a container of a Pod mounts. Only ConfigMaps of the same file can be looked at.
pub(super) fn of_pod(spec: &Node, container: &Node, objects: &[&Node]) -> Vec<Mount> {
    let mounts = container.get("volumeMounts").map(|mounts| mounts.items()).unwrap_or_default();
    let volumes = spec.get("volumes").map(|volumes| volumes.items()).unwrap_or_default();
    let mut found = Vec::new();
    for mount in mounts {
        let text = |key: &str| mount.get(key).and_then(|value| value.text());
        let (Some(name), Some(target)) = (text("name"), text("mountPath")) else { continue };
        let target = target.trim_end_matches('/');
        let at = |target: String, source| Mount { target, source, place: mount.place.clone() };
        let volume =
            volumes.iter().find(|volume| volume.get("name").and_then(|own| own.text()) == Some(name));
        let config = volume.and_then(|volume| volume.get("configMap"));
        let files = config.map(|config| files(config, objects)).unwrap_or_default();
        match text("subPath") {
            Some(wanted) => {
                let file = files.into_iter().find(|(path, _)| path == wanted);
                found.push(at(target.to_owned(), file.map_or(MountSource::Outside, |(_, source)| source)));
            }
            None => {
                found.push(at(target.to_owned(), MountSource::Outside));
                let below = files.into_iter().map(|(path, source)| at(format!("{target}/{path}"), source));
                found.extend(below);
            }
        }
    }
    found
}

/// The files of a ConfigMap's volume, by their paths in it.
fn files(config: &Node, objects: &[&Node]) -> Vec<(String, MountSource)> {
    let name = config.get("name").and_then(|name| name.text());
    let is_meant = |object: &&&Node| {
        object.get("kind").and_then(|kind| kind.text()) == Some("ConfigMap")
            && object.get("metadata").and_then(|metadata| metadata.get("name")?.text()) == name
    };
    let data = objects.iter().find(is_meant).and_then(|object| object.get("data"));
    // Whether a file may be executed that nobody has given a mode to, the node's own settings decide.
    let mode = config.get("defaultMode").and_then(|mode| mode.text()).map(is_executable);
    let entries = data.map(|data| data.entries()).unwrap_or_default();
    let items = config.get("items").map(|items| items.items());
    let path = |key: &str| match items {
        None => Some(key.to_owned()),
        Some(items) => items.iter().find_map(|item| {
            let is_key = item.get("key").and_then(|own| own.text()) == Some(key);
            item.get("path").filter(|_| is_key)?.text().map(str::to_owned)
        }),
    };
    entries
        .iter()
        .filter_map(|(key, value)| {
            Some((path(key.text()?)?, MountSource::Text(value.scalar()?.clone(), mode)))
        })
        .collect()
}

/// Whether a mode lets anybody execute: `0755`, `0o755`, or the same as a decimal number.
fn is_executable(mode: &str) -> bool {
    let octal = mode.strip_prefix("0o").or_else(|| mode.strip_prefix('0'));
    let mode = octal.map_or_else(|| mode.parse().ok(), |digits| u32::from_str_radix(digits, 8).ok());
    mode.is_some_and(|mode| mode & 0o111 != 0)
}
