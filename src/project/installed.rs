//! Which programs an image's instructions install, as far as their text tells.

use super::Context;
use super::path;
use super::run::Installs;
use crate::dockerfile::{Keyword, Step, join};
use crate::source::Place;

/// Directories that hold programs, and those above them.
const SYSTEM: &[&str] = &[
    "/",
    "/bin",
    "/sbin",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local",
    "/usr/local/bin",
    "/usr/local/sbin",
];

/// False for a command that installs nothing, whatever its other words are: it is asked of every command that runs.
pub fn may_install(name: &str) -> bool {
    Installs::may_begin(name)
}

/// The packages that a command of a package manager installs; `None` for one whose name is not known.
pub fn installed_by<'w>(mut words: impl Iterator<Item = Option<&'w str>>) -> Vec<Option<String>> {
    match words.next() {
        Some(Some(name)) if may_install(name) => {
            let words: Vec<_> =
                [Some(name)].into_iter().chain(words).map(|word| word.map(str::to_owned)).collect();
            Installs::by_manager(&words)
        }
        _ => Vec::new(),
    }
}

/// What the instructions of an image and of the stages it builds on install.
#[derive(Debug, Default)]
pub struct Installed {
    packages: Vec<(String, Place)>,
    /// The text of the instructions that bring files.
    texts: Vec<String>,
    /// True if one of them may bring what its text does not name.
    opaque: bool,
}

impl Installed {
    /// Reads the instructions of an image.
    pub(super) fn of(context: &Context<'_>) -> Self {
        let mut installed = Self::default();
        let dockerfile = &context.image.dockerfile;
        let source = &dockerfile.source;
        let stages = dockerfile.stages_of_files(context.image.stage);
        let has_next = |stage: usize| dockerfile.stages_of_files(stage).len() > 1;
        for step in stages.into_iter().rev().flat_map(|stage| context.steps(stage)) {
            let instruction = step.instruction;
            match instruction.keyword {
                Keyword::Run => {
                    let installs = Installs::of(step);
                    let place = Place::new(source, instruction.span);
                    let packages = installs.packages.into_iter().map(|name| (name, place.clone()));
                    installed.packages.extend(packages);
                    installed.opaque |= installs.opaque;
                    if installs.python_list {
                        installed.texts.push("dumb-init".to_owned());
                    }
                }
                // What is in all of another stage, its own instructions tell.
                Keyword::Copy if instruction.copies_everything() && has_next(step.stage) => continue,
                Keyword::Copy | Keyword::Add => installed.opaque |= may_bring_programs(step),
                Keyword::Arg | Keyword::Env => {}
                _ => continue,
            }
            installed.texts.push(source.slice(instruction.span).to_owned());
        }
        installed
    }

    /// The instruction that installs a package which `is_wanted`, and its name.
    pub fn package(&self, is_wanted: impl Fn(&str) -> bool) -> Option<(&str, &Place)> {
        self.packages.iter().find(|(name, _)| is_wanted(name)).map(|(name, place)| (name.as_str(), place))
    }

    /// True if an instruction installs this package, and none may do what its text does not tell.
    pub fn brings(&self, package: &str) -> bool {
        !self.opaque && self.package(|name| name == package).is_some()
    }

    /// True if no instruction brings a program of this name: none mentions it, and none may bring what it does not mention.
    pub fn lacks(&self, program: &str) -> bool {
        let mentions = |text: &String| text.match_indices(program).any(|(at, _)| !is_asked_for(&text[..at]));
        !self.opaque && !self.texts.iter().any(mentions)
    }
}

/// True behind the `#!/bin/` of a script that an instruction writes: who asks for a program does not bring it.
fn is_asked_for(before: &str) -> bool {
    let folder = before.rsplit_once("#!").map(|(_, folder)| folder.trim_start());
    folder.is_some_and(|folder| matches!(folder, "/bin/" | "/usr/bin/" | "/usr/bin/env "))
}

/// COPY and ADD of whole trees to where programs are.
fn may_bring_programs(step: &Step<'_>) -> bool {
    let words: Vec<String> = step.instruction.words().into_iter().map(|word| step.expand(word)).collect();
    let Some((to, from)) = words.split_last() else { return false };
    let is_file =
        |from: &String| path::base_name(from).trim_start_matches('.').contains('.') && !from.contains('*');
    let is_archive =
        |from: &String| [".tar", ".tgz", ".gz", ".xz", ".bz2", ".zst"].iter().any(|end| from.ends_with(end));
    let to = join(&step.workdir, to);
    SYSTEM.contains(&to.as_str()) && !from.iter().all(|from| is_file(from) && !is_archive(from))
}
