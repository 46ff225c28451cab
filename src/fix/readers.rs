//! Scripts that read another one as their own text: what that one does, they do.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::shell::{self, Node, NodeKind, Part, Word};
use crate::source::{EntryKind, Excerpt, Loader};

/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 500;

/// A script beside this one, or in the folder above it, that reads it and that is not among those that are `known`.
pub(super) fn reader(
    script: &Utf8Path,
    known: &BTreeSet<&Utf8Path>,
    loader: &dyn Loader,
) -> Option<Utf8PathBuf> {
    let name = script.file_name()?;
    let own = script.parent().unwrap_or(Utf8Path::new(""));
    let folders = [Some(own), own.parent()];
    let beside = folders.into_iter().flatten().flat_map(|folder| {
        let names = loader.list(folder);
        names.into_iter().take(MAX_ENTRIES).map(|name| folder.join(name))
    });
    let mut readers = beside.filter(|path| path != script && !known.contains(path.as_path()));
    readers.find(|path| is_script_name(path) && reads(path, name, loader))
}

fn is_script_name(path: &Utf8Path) -> bool {
    path.extension().is_none_or(|extension| matches!(extension, "sh" | "bash" | "ash"))
}

fn reads(path: &Utf8Path, name: &str, loader: &dyn Loader) -> bool {
    if loader.kind(path) != Some(EntryKind::File) {
        return false;
    }
    let Ok(source) = loader.read(path) else { return false };
    let mentions = source.text().contains(name) && source.text().starts_with("#!");
    mentions
        && shell::parse(Arc::new(Excerpt::whole(&source))).statements.iter().any(|node| sources(node, name))
}

/// `. ./name`, `source "$DIR/name"`
fn sources(node: &Node, name: &str) -> bool {
    let NodeKind::Command(command) = &node.kind else {
        return node.children().into_iter().any(|child| sources(child, name));
    };
    let ends = |word: &Word| match word.parts.last() {
        Some(Part::Literal(text) | Part::Quoted(text)) => {
            text.strip_suffix(name).is_some_and(|folder| folder.is_empty() || folder.ends_with('/'))
        }
        _ => false,
    };
    node.is_command(&[".", "source"]) && command.words.get(1).is_some_and(ends)
}
