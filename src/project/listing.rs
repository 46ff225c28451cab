//! Which files a directory of the image may hold, and which of the base image's are changed: what each step of a stage does.

use std::collections::BTreeSet;

use super::Context;
use super::layers::Effect;
use super::path;
use crate::dockerfile::{Instruction, Keyword, Step};

/// Copies of copies that are followed.
const MAX_DEPTH: usize = 8;

/// The names of files and directories in a directory when a stage is finished. Some of them may be gone again.
pub(super) fn names(context: &Context<'_>, stage: usize, directory: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    collect(context, stage, &path::join("/", directory), 0, &mut found);
    found.into_iter().collect()
}

/// True if a step writes to a file of which nothing else is known, or changes it.
pub(super) fn is_changed(context: &Context<'_>, stage: usize, path: &str) -> bool {
    let Some(_) = context.stages.get(stage) else { return false };
    let layers = context.layers(stage);
    let asked = path::join("/", path);
    let path = layers.tree.resolve(asked.clone());
    // A link leads to another file than the base image's.
    path != asked
        || layers.changes.iter().any(|change| match &change.effect {
            Effect::Write { path: written, .. } => *written == path,
            Effect::Obscure { target, .. } => target.covers(&path),
            _ => false,
        })
}

/// True for a file at the root that a stage makes (`RUN touch /is-apache`) on which this one does not build, and of which no step of this
/// one speaks. Base images have no such file.
pub(super) fn is_made_elsewhere(context: &Context<'_>, stage: usize, path: &str) -> bool {
    if path::parent(path) != Some("/")
        || stage >= context.stages.len()
        || !context.image.runtime.mounts.is_empty()
    {
        return false;
    }
    let dockerfile = &context.image.dockerfile;
    let text = |instruction: &Instruction| dockerfile.source.slice(instruction.span);
    let touches = |text: &str| {
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ';').collect();
        words.windows(2).any(|pair| *pair == ["touch", path])
    };
    let makes = |instruction: &Instruction| {
        let text = text(instruction);
        // Scripts ask again and again: the words are looked at where they can be there only.
        instruction.keyword == Keyword::Run && text.contains(path) && touches(text)
    };
    let own = context.steps(stage);
    let speaks = |step: &Step<'_>| {
        let copies = matches!(step.instruction.keyword, Keyword::Copy | Keyword::Add);
        let to_root = || text(step.instruction).split_whitespace().next_back() == Some("/");
        text(step.instruction).contains(path::base_name(path)) || (copies && to_root())
    };
    dockerfile.instructions.iter().any(makes) && !own.iter().any(speaks)
}

fn collect(context: &Context<'_>, stage: usize, directory: &str, depth: usize, found: &mut BTreeSet<String>) {
    if depth > MAX_DEPTH || stage >= context.stages.len() {
        return;
    }
    let layers = context.layers(stage);
    let directory = layers.tree.resolve(directory.to_owned());
    let mut file = |at: &str| {
        let name = path::below(at, &directory).and_then(|rest| rest.split('/').next());
        found.extend(name.filter(|name| !name.is_empty()).map(str::to_owned));
    };
    // Directories that were copied here, in this stage and in others.
    let mut further = Vec::new();
    for change in &layers.changes {
        match &change.effect {
            Effect::Copy(copy) => copy.names(&directory, context.files(), &mut file, &mut further),
            Effect::Write { path, .. } => file(path),
            Effect::Link { link, .. } => file(link),
            Effect::Duplicate(duplicate) if duplicate.glob.is_none() => {
                let to = match duplicate.into {
                    true => path::under(&duplicate.to, path::base_name(&duplicate.from)),
                    false => duplicate.to.clone(),
                };
                file(&to);
                if let Some(rest) = path::below(&directory, &to) {
                    further.push((stage, path::under(&duplicate.from, rest)));
                }
            }
            Effect::Duplicate(duplicate) if duplicate.to == directory => {
                further.extend(path::parent(&duplicate.from).map(|from| (stage, from.to_owned())));
            }
            _ => {}
        }
    }
    for (other, from) in further {
        if (other, from.as_str()) != (stage, directory.as_str()) {
            collect(context, other, &from, depth + 1, found);
        }
    }
}
