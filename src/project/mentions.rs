//! Whether the texts of a package name something: what its runner adds to the environment, say.

use camino::{Utf8Path, Utf8PathBuf};

use crate::source::{EntryKind, Loader};

/// Files and folders that are looked at; of a package with more, nothing is certain.
const MAX_ENTRIES: usize = 2_000;
/// Bytes that are read.
const MAX_SIZE: usize = 4 * 1024 * 1024;

/// How texts end that become part of a program, or are read by one.
const ENDINGS: &[&str] =
    &["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "yml", "yaml", "toml", "py", "sh"];
/// What package managers write for themselves.
const MANIFESTS: &[&str] =
    &["package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];

/// True if a text in a folder of the project, other packages' aside, holds one of these words, or if there is more than is read.
pub(super) fn any(loader: &dyn Loader, folder: &Utf8Path, words: &[&str]) -> bool {
    let mut todo = vec![folder.to_owned()];
    let (mut entries, mut size) = (0, 0);
    while let Some(folder) = todo.pop() {
        for name in loader.list(&folder) {
            entries += 1;
            let path = if folder.as_str().is_empty() { Utf8PathBuf::from(&name) } else { folder.join(&name) };
            let is_folder = loader.kind(&path) == Some(EntryKind::Directory);
            if is_folder && !name.starts_with('.') && name != "node_modules" {
                todo.push(path);
            } else if !is_folder && is_text(&name) {
                // What cannot be read may hold anything.
                let Ok(source) = loader.read(&path) else { return true };
                size += source.text().len();
                if words.iter().any(|word| source.text().contains(word)) {
                    return true;
                }
            }
            if entries > MAX_ENTRIES || size > MAX_SIZE {
                return true;
            }
        }
    }
    false
}

fn is_text(name: &str) -> bool {
    let ending = Utf8Path::new(name).extension();
    name.starts_with(".env")
        || (ending.is_some_and(|own| ENDINGS.contains(&own)) && !MANIFESTS.contains(&name))
}
