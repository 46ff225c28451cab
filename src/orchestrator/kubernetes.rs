//! Kubernetes manifests: the containers of Pods, and of what makes Pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8Path;

use super::{Build, Origin, Overrides, Workload, compose, exec_form, first_document, mounts, paths};
use crate::dockerfile::{Declared, Hook, Period, Probe, Runtime, Setting, Written};
use crate::shell::{self, NodeKind};
use crate::source::{Excerpt, Loader, Source, Span, UNKNOWN, base_name};
use crate::yaml::{Node, Yaml};

/// The kinds that hold a Pod, and where.
const KINDS: [(&str, &[&str]); 8] = [
    ("Pod", &["spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("ReplicationController", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

/// Kubernetes' own grace period, in seconds.
const GRACE: u64 = 30;

/// A quick look, for most YAML files are something else.
pub(super) fn may_be(source: &Source) -> bool {
    let has = |key| values(source, key).next().is_some();
    has("apiVersion:") && has("kind:") && source.text().contains("containers:")
}

/// A second look before a manifest is parsed: definitions of resources are large, and start nothing.
pub(super) fn may_start_containers(source: &Source) -> bool {
    values(source, "kind:").any(|value| {
        let kind = value.split_whitespace().next().unwrap_or_default();
        kind.starts_with(['&', '*', '!'])
            || KINDS.iter().any(|(name, _)| *name == kind.trim_matches(['"', '\'']))
    })
}

/// What follows a key in the lines that begin with it.
fn values<'s>(source: &'s Source, key: &str) -> impl Iterator<Item = &'s str> {
    source.text().lines().filter_map(move |line| line.trim_start_matches(['-', ' ']).strip_prefix(key))
}

/// The containers of all documents. Init containers end by themselves and are none, but for those that stay beside the others.
pub(super) fn workloads(yaml: &Yaml, path: &Utf8Path, loader: &dyn Loader) -> Vec<Workload> {
    let mut objects: Vec<&Node> = Vec::new();
    for document in &yaml.documents {
        objects.push(document);
        objects.extend(document.get("items").iter().flat_map(|items| items.items()).map(Arc::as_ref));
    }
    let workloads = objects.iter().flat_map(|object| of_object(object, &objects, path, loader));
    workloads.take(super::MAX_WORKLOADS + 1).collect()
}

fn of_object(object: &Node, objects: &[&Node], path: &Utf8Path, loader: &dyn Loader) -> Vec<Workload> {
    let kind = object.get("kind").and_then(|kind| kind.text()).unwrap_or_default();
    let Some((_, way)) = KINDS.iter().find(|(name, _)| *name == kind) else { return Vec::new() };
    let spec = way.iter().try_fold(object, |node, key| node.get(key).map(Arc::as_ref));
    let Some(spec) = spec else { return Vec::new() };
    let name = object.get("metadata").and_then(|metadata| metadata.get("name")?.text()).unwrap_or("?");
    let items = |key: &str| spec.get(key).map(|containers| containers.items()).unwrap_or_default();
    let stays = |container: &&Arc<Node>| {
        container.get("restartPolicy").is_some_and(|policy| policy.text() == Some("Always"))
    };
    let sidecars = items("initContainers").iter().filter(stays);
    let containers: Vec<&Arc<Node>> = items("containers").iter().chain(sidecars).collect();
    let of_container = |container: &&Arc<Node>| {
        let own = container.get("name").and_then(|name| name.text()).unwrap_or_default();
        let suffix = if containers.len() > 1 { format!(":{own}") } else { String::new() };
        let name = format!("{}/{name}{suffix}", kind.to_lowercase());
        workload(name, spec, container, objects, path, loader)
    };
    containers.iter().filter_map(of_container).take(super::MAX_WORKLOADS + 1).collect()
}

fn workload(
    name: String,
    spec: &Node,
    container: &Node,
    objects: &[&Node],
    path: &Utf8Path,
    loader: &dyn Loader,
) -> Option<Workload> {
    let image = container.get("image")?;
    let reference = image.scalar()?;
    let mut doubt = (!container.is_complete).then(|| "the file cannot be read from there on".to_owned());
    let pause = spec.get("shareProcessNamespace").filter(|share| share.is_true());
    if spec.get("hostPID").is_some_and(|host| host.is_true()) {
        doubt = Some("`hostPID` makes another process PID 1".to_owned());
    }
    let env = environment(container);
    let word = |text: &Arc<Excerpt>| substitute(text, &env);
    let list = |key: &str| container.get(key).and_then(|node| exec_form(None, node, word));
    let declared = Declared {
        place: container.get("name").unwrap_or(image).place.clone(),
        key: "terminationGracePeriodSeconds",
        unit: "",
        signal: None,
        beside: Written::Value { key: spec.entry("containers").map(|(key, _)| key.place.clone()) },
    };
    let mut period = period(spec, container).unwrap_or_else(|reason| {
        doubt.get_or_insert(reason);
        Period::default()
    });
    period.declared = Some(declared);
    let mounts = mounts::of_pod(spec, container, objects);
    let pause = pause.map(|share| share.place.clone());
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"]
        .into_iter()
        .filter_map(|key| Some(Probe::of(container.get(key)?.get("exec")?.get("command")?)))
        .collect();
    let input = container.get("stdin").filter(|node| node.is_true()).map(|node| node.place.clone());
    let terminal = container.get("tty").is_some_and(|node| node.is_true());
    let runtime =
        Runtime { period, mounts, pause, in_pod: true, probes, input, terminal, ..Runtime::default() };
    let stop_signal = container.get("lifecycle").and_then(|lifecycle| {
        let node = lifecycle.get("stopSignal")?;
        Some(Setting {
            value: node.text()?.to_owned(),
            place: Some(node.place.clone()),
            written: Written::Value { key: None },
        })
    });
    let origin = match built(reference.text(), path, loader) {
        Some(build) => Origin::Build(build),
        None => Origin::Reference(Arc::clone(reference)),
    };
    let overrides = Overrides {
        entrypoint: list("command"),
        cmd: list("args"),
        stop_signal,
        workdir: container
            .get("workingDir")
            .and_then(|node| Some((node.text()?.to_owned(), node.place.clone()))),
        user: None,
        env,
        runtime,
    };
    let place = container.get("name").unwrap_or(image).place.clone();
    let is_task = name.starts_with("job/") || name.starts_with("cronjob/");
    Some(Workload { name, place, origin, overrides, is_task, doubt })
}

/// The variables that the manifest sets, with their values where they stand there.
fn environment(container: &Node) -> BTreeMap<String, Option<String>> {
    let items = container.get("env").map(|env| env.items()).unwrap_or_default();
    let value = |item: &Node| item.get("value").and_then(|value| value.text()).map(str::to_owned);
    items.iter().filter_map(|item| Some((item.get("name")?.text()?.to_owned(), value(item)))).collect()
}

/// `$(NAME)` replaced by what is known of it; `$$(NAME)` is no reference.
fn substitute(text: &Arc<Excerpt>, env: &BTreeMap<String, Option<String>>) -> Arc<Excerpt> {
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(start) = text.text()[at..].find("$(").map(|offset| at + offset) {
        let Some(end) = text.text()[start..].find(')').map(|offset| start + offset) else { break };
        at = end + 1;
        if text.text()[..start].ends_with('$') {
            changes.push((Span::new(start - 1, start), String::new()));
        } else if let Some(value) = env.get(&text.text()[start + 2..end]) {
            changes.push((Span::new(start, end + 1), value.clone().unwrap_or_else(|| UNKNOWN.to_owned())));
        }
    }
    if changes.is_empty() { Arc::clone(text) } else { Arc::new(text.with_changes(&changes, text.encoding())) }
}

/// The grace period, and how much of it the preStop hook takes.
fn period(spec: &Node, container: &Node) -> Result<Period, String> {
    let set = spec.get("terminationGracePeriodSeconds");
    let seconds = match set {
        Some(node) => {
            node.text().and_then(|text| text.parse().ok()).ok_or("the grace period is not known")?
        }
        None => GRACE,
    };
    let hook =
        container.get("lifecycle").and_then(|lifecycle| lifecycle.get("preStop")).map(|node| hook(node));
    let length = u64::saturating_mul(seconds, 1000);
    Ok(Period { length, place: set.map(|node| node.place.clone()), hook, declared: None })
}

/// How long a preStop hook takes at least, and whether it does more than wait.
fn hook(hook: &Node) -> Hook {
    let place = hook.place.clone();
    if let Some(sleep) = hook.get("sleep") {
        let seconds = sleep.get("seconds").and_then(|seconds| seconds.text()?.parse().ok());
        return Hook { pause: milliseconds(seconds), acts: seconds.is_none(), place };
    }
    let command = hook.get("exec").and_then(|exec| exec.get("command"));
    let words: Vec<&Arc<Excerpt>> = command
        .map(|node| node.items())
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.scalar())
        .collect();
    let texts: Vec<&str> = words.iter().map(|word| word.text()).collect();
    let is_shell = |name: &str| matches!(base_name(name), "sh" | "bash");
    let pauses: Vec<Option<u64>> = match texts.as_slice() {
        [shell, "-c", ..] if is_shell(shell) && words.len() > 2 => {
            let script = shell::parse(Arc::clone(words[2]));
            script.statements.iter().flat_map(commands).map(|command| pause(&command)).collect()
        }
        words => vec![pause(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())],
    };
    let pause = milliseconds(pauses.iter().flatten().copied().reduce(u64::saturating_add));
    Hook { pause, acts: pauses.iter().any(Option::is_none), place }
}

fn milliseconds(seconds: Option<u64>) -> u64 {
    seconds.unwrap_or(0).saturating_mul(1000)
}

/// The commands of a statement that are run one after the other, each as its words; none where that is not plain.
fn commands(node: &shell::Node) -> Vec<Vec<String>> {
    match &node.kind {
        NodeKind::Command(command) => {
            vec![command.words.iter().map(|word| word.literal().unwrap_or_default()).collect()]
        }
        NodeKind::And(first, second) => [commands(first), commands(second)].concat(),
        _ => vec![Vec::new()],
    }
}

/// How many seconds a command only waits.
fn pause(words: &[String]) -> Option<u64> {
    let [program, seconds] = words else { return None };
    let is_sleep = base_name(program) == "sleep";
    is_sleep.then(|| seconds.trim_end_matches('s').parse().ok()).flatten()
}

/// How the project builds the image of that name, where a file of the project says so: Compose beside or above the manifest, or Skaffold.
fn built(reference: &str, path: &Utf8Path, loader: &dyn Loader) -> Option<Build> {
    let wanted = without_tag(reference);
    for folder in path.ancestors().skip(1) {
        let mut builds = compose::built_images(folder, loader);
        builds.extend(skaffold(folder, loader));
        if let Some((_, build)) = builds.into_iter().find(|(name, _)| without_tag(name) == wanted) {
            return Some(build);
        }
    }
    None
}

fn skaffold(folder: &Utf8Path, loader: &dyn Loader) -> Vec<(String, Build)> {
    let path = folder.join("skaffold.yaml");
    if loader.kind(&path).is_none() {
        return Vec::new();
    }
    let Some(document) = first_document(&path, loader) else { return Vec::new() };
    let artifacts = document.get("build").and_then(|build| build.get("artifacts"));
    let artifact = |node: &Arc<Node>| {
        let context = node.get("context").and_then(|context| context.text()).unwrap_or(".");
        let context = paths::join(folder, context)?;
        let docker = node.get("docker");
        let file = docker.and_then(|docker| docker.get("dockerfile")?.text()).unwrap_or("Dockerfile");
        let target = docker.and_then(|docker| docker.get("target")?.text()).map(str::to_owned);
        // What other builders make of a folder is not a Dockerfile's.
        let others = ["ko", "buildpacks", "jib", "bazel", "custom", "kaniko"];
        if others.iter().any(|other| node.entry(other).is_some()) {
            return None;
        }
        let dockerfile = paths::join(&context, file)?;
        Some((
            node.get("image")?.text()?.to_owned(),
            Build { dockerfile, context, target, ..Build::default() },
        ))
    };
    artifacts.map(|artifacts| artifacts.items().iter().filter_map(artifact).collect()).unwrap_or_default()
}

/// An image's name without tag and digest.
fn without_tag(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or(reference);
    match name.rfind(':') {
        Some(colon) if !name[colon..].contains('/') => &name[..colon],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_tags() {
        for (reference, expected) in [
            ("app", "app"),
            ("app:1", "app"),
            ("localhost:5000/app", "localhost:5000/app"),
            ("localhost:5000/app:1@sha256:0", "localhost:5000/app"),
        ] {
            assert_eq!(without_tag(reference), expected);
        }
    }
}
