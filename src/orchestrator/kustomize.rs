//! Kustomize: which files are only parts that it puts over others.

use camino::Utf8Path;

use super::{first_document, paths};
use crate::source::Loader;

/// The names of Kustomize's own file.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// True for a file that the kustomization in its folder, or one above it, names as a patch.
pub(super) fn is_patch(path: &Utf8Path, loader: &dyn Loader) -> bool {
    path.ancestors().skip(1).any(|folder| {
        let own = NAMES.into_iter().map(|name| folder.join(name)).find(|own| loader.kind(own).is_some());
        own.is_some_and(|own| names(&own, folder, path, loader))
    })
}

fn names(own: &Utf8Path, folder: &Utf8Path, path: &Utf8Path, loader: &dyn Loader) -> bool {
    let Some(document) = first_document(own, loader) else { return false };
    let is_meant = |text: &str| paths::join(folder, text).is_some_and(|named| named == path);
    let items = |key: &str| document.get(key).map(|list| list.items()).unwrap_or_default();
    let listed = items("patchesStrategicMerge").iter().filter_map(|item| item.text());
    let patches = items("patches").iter().filter_map(|item| item.get("path")?.text());
    listed.chain(patches).any(is_meant)
}
