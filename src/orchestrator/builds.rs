//! How Dockerfiles are built, as far as files of the project name it plainly: Compose, Bake and development containers.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

use super::{compose, deployment, is_candidate, paths};
use crate::guard::guarded;
use crate::source::Loader;
use crate::threads;

/// Bake's own file names.
const BAKE: [&str; 4] =
    ["docker-bake.hcl", "docker-bake.json", "docker-bake.override.hcl", "docker-bake.override.json"];
/// Where a development container is described.
const DEVCONTAINERS: [&str; 2] = [".devcontainer/devcontainer.json", ".devcontainer.json"];
/// Targets that inherit from others: deeper than this is not followed.
const MAX_INHERITED: usize = 8;

/// So few folders are listed, or manifests read, before threads have started.
const FEW: usize = 16;

/// A Dockerfile and the folder that is sent to its build.
type Pair = (Utf8PathBuf, Utf8PathBuf);

/// The build contexts of Dockerfiles, where all that is said of one agrees: by these deployments, and by files beside or above the
/// Dockerfiles.
pub fn contexts<'a, P: AsRef<Utf8Path> + 'a>(
    files: impl IntoIterator<Item = &'a P>,
    loader: &dyn Loader,
) -> BTreeMap<Utf8PathBuf, Utf8PathBuf> {
    let (mut deployments, mut dockerfiles, mut folders) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for path in files.into_iter().map(P::as_ref) {
        if is_candidate(path) {
            deployments.insert(path.to_path_buf());
        } else {
            dockerfiles.insert(path);
            // Compared as texts, not part by part.
            folders.extend(path.ancestors().skip(1).map(Utf8Path::as_str));
        }
    }
    let mut said: Vec<Pair> = Vec::new();
    let folders: Vec<&str> = folders.into_iter().collect();
    // Where reading one fails, it is told when that file is checked.
    let in_folder = |folder: &&str| guarded(|| in_folder(Utf8Path::new(folder), loader)).unwrap_or_default();
    for (composed, pairs) in threads::each(&folders, FEW, in_folder) {
        deployments.extend(composed);
        said.extend(pairs);
    }
    let deployments: Vec<Utf8PathBuf> = deployments.into_iter().collect();
    let builds = |path: &Utf8PathBuf| -> Vec<Pair> {
        let deployment = guarded(|| deployment(path, loader)).ok().flatten();
        let workloads = deployment.into_iter().flat_map(|deployment| deployment.workloads);
        let pair =
            |(dockerfile, context): (&Utf8Path, &Utf8Path)| (dockerfile.to_owned(), context.to_owned());
        workloads.filter_map(|workload| workload.build().map(pair)).collect()
    };
    said.extend(threads::each(&deployments, FEW, builds).into_iter().flatten());
    let mut agreed: BTreeMap<Utf8PathBuf, Option<Utf8PathBuf>> = BTreeMap::new();
    for (dockerfile, context) in
        said.into_iter().filter(|(dockerfile, _)| dockerfiles.contains(&**dockerfile))
    {
        let known = agreed.entry(dockerfile).or_insert_with(|| Some(context.clone()));
        if known.as_ref() != Some(&context) {
            *known = None;
        }
    }
    agreed.into_iter().filter_map(|(dockerfile, context)| Some((dockerfile, context?))).collect()
}

/// A folder's Compose file, and what its other files say.
fn in_folder(folder: &Utf8Path, loader: &dyn Loader) -> (Option<Utf8PathBuf>, Vec<Pair>) {
    let names = loader.list(folder);
    let is_there = |name: &&str| names.iter().any(|known| known == name.split('/').next().unwrap_or(name));
    let baked = BAKE.into_iter().filter(is_there).flat_map(|name| bake(folder, &folder.join(name), loader));
    let containers = DEVCONTAINERS.into_iter().filter(is_there);
    let containers = containers.filter_map(|name| devcontainer(&folder.join(name), loader));
    (compose::base_in(&names).map(|name| folder.join(name)), baked.chain(containers).collect())
}

/// The targets of a Bake file. Paths start where Bake is called, which is taken to be the file's folder.
fn bake(folder: &Utf8Path, path: &Utf8Path, loader: &dyn Loader) -> Vec<Pair> {
    let Ok(source) = loader.read(path) else { return Vec::new() };
    let read: Option<Value> = match path.extension() {
        Some("hcl") => hcl::from_str(source.text()).ok(),
        _ => serde_json::from_str(source.text()).ok(),
    };
    let targets = read.as_ref().and_then(|file| file.get("target")?.as_object());
    let Some(targets) = targets else { return Vec::new() };
    let attribute = |name: &str, key: &str| inherited(targets, name, key, 0);
    let pair = |name: &String| {
        let context = attribute(name, "context").unwrap_or(Some("."))?;
        let dockerfile = attribute(name, "dockerfile").unwrap_or(Some("Dockerfile"))?;
        let context = paths::join(folder, context)?;
        Some((paths::join(&context, dockerfile)?, context))
    };
    targets.keys().filter_map(pair).collect()
}

/// An attribute of a target, or of those that it inherits from, the last of which wins; `Some(None)` if it is no plain text.
fn inherited<'v>(
    targets: &'v serde_json::Map<String, Value>,
    name: &str,
    key: &str,
    depth: usize,
) -> Option<Option<&'v str>> {
    let target = targets.get(name)?;
    if let Some(value) = target.get(key) {
        return Some(value.as_str().filter(|text| !text.contains("${") && !text.contains("://")));
    }
    let parents = target.get("inherits").and_then(Value::as_array).filter(|_| depth < MAX_INHERITED)?;
    parents
        .iter()
        .rev()
        .filter_map(Value::as_str)
        .find_map(|parent| inherited(targets, parent, key, depth + 1))
}

/// The Dockerfile of a development container. Paths start at its own file; without a context, the Dockerfile's folder is sent
/// (`getDockerContextPath` in the devcontainers CLI).
fn devcontainer(path: &Utf8Path, loader: &dyn Loader) -> Option<Pair> {
    let source = loader.read(path).ok()?;
    let file: Value = jsonc_parser::parse_to_serde_value(source.text(), &Default::default()).ok()?;
    let folder = path.parent()?;
    let build = file.get("build").unwrap_or(&Value::Null);
    let text = |value: Option<&'_ Value>| value.and_then(Value::as_str).map(str::to_owned);
    let dockerfile = text(build.get("dockerfile")).or_else(|| text(file.get("dockerFile")))?;
    let dockerfile = paths::join(folder, &dockerfile)?;
    let context = match text(build.get("context")).or_else(|| text(file.get("context"))) {
        Some(context) => paths::join(folder, &context)?,
        None => dockerfile.parent()?.to_owned(),
    };
    Some((dockerfile, context))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryLoader;

    fn learnt(files: &[(&str, &str)]) -> Vec<String> {
        let loader: MemoryLoader = files.iter().copied().collect();
        let paths: Vec<Utf8PathBuf> = files
            .iter()
            .map(|(path, _)| Utf8PathBuf::from(*path))
            .filter(|path| path.as_str().contains("Dockerfile"))
            .collect();
        contexts(&paths, &loader)
            .into_iter()
            .map(|(file, context)| format!("{file} in `{context}`"))
            .collect()
    }

    #[test]
    fn who_says_what() {
        let hcl = r#"
            variable "TAG" { default = "latest" }
            group "default" { targets = ["web"] }
            target "base" { context = "." }
            target "web" {
              inherits = ["base"]
              dockerfile = "web/Dockerfile"
              tags = ["app:${TAG}"]
            }
            target "other" {
              context = "${TAG}"
              dockerfile = "other/Dockerfile"
            }
        "#;
        assert_eq!(
            learnt(&[("docker-bake.hcl", hcl), ("web/Dockerfile", ""), ("other/Dockerfile", "")]),
            ["web/Dockerfile in ``"]
        );
        let json = r#"{"target": {"web": {"context": "web", "dockerfile": "../Dockerfile"}}}"#;
        assert_eq!(learnt(&[("docker-bake.json", json), ("Dockerfile", "")]), ["Dockerfile in `web`"]);
        let devcontainer =
            "{ // for VS Code\n \"build\": {\"dockerfile\": \"Dockerfile\", \"context\": \"..\"},\n}";
        assert_eq!(
            learnt(&[(".devcontainer/devcontainer.json", devcontainer), (".devcontainer/Dockerfile", "")]),
            [".devcontainer/Dockerfile in ``"]
        );
        let elsewhere = r#"{"build": {"dockerfile": "../image/Dockerfile"}}"#;
        assert_eq!(
            learnt(&[(".devcontainer/devcontainer.json", elsewhere), ("image/Dockerfile", "")]),
            ["image/Dockerfile in `image`"]
        );
        let compose = "services:\n  web: {build: {context: ., dockerfile: web/Dockerfile}}\n";
        assert_eq!(learnt(&[("compose.yaml", compose), ("web/Dockerfile", "")]), ["web/Dockerfile in ``"]);
    }

    #[test]
    fn who_disagrees_says_nothing() {
        let compose =
            "services:\n  a: {build: {context: ., dockerfile: web/Dockerfile}}\n  b: {build: web}\n";
        assert!(learnt(&[("compose.yaml", compose), ("web/Dockerfile", "")]).is_empty());
        let circle = r#"{"target": {"a": {"inherits": ["b"]}, "b": {"inherits": ["a"]}}}"#;
        assert_eq!(learnt(&[("docker-bake.json", circle), ("Dockerfile", "")]), ["Dockerfile in ``"]);
    }
}
