//! Whether the init that a launch names is in the image.

use std::sync::Arc;

use super::environment::Environment;
use super::interpreter::Broken;
use crate::dockerfile::{Command, Keyword};
use crate::programs::Kind;
use crate::source::{Excerpt, base_name};

/// Whether the container finds the init that it is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    /// It is there, or may be.
    There,
    /// No instruction says anything of it, and some install other packages. It is taken for being there: what is written in a hurry, or
    /// cut out of something larger, is more frequent than an image that never started.
    Assumed,
    /// Another stage brings it, and this one does not.
    Elsewhere,
    /// Its package puts it at another path.
    OtherPath,
}

impl Environment<'_> {
    /// The word that names an init which nothing brings, and which is taken for being there.
    pub(super) fn assumed_init(&self) -> Option<Arc<Excerpt>> {
        let word = self.first_word().filter(|word| {
            let row = self.tables.program(word.text(), &[]);
            row.is_some_and(|row| row.kind == Kind::Init)
        })?;
        (self.presence(word.text()) == Presence::Assumed).then(|| Arc::clone(word))
    }

    /// Why the engine does not find the init that this word names.
    pub(super) fn missing_init(&self, word: &Excerpt, name: &str) -> Option<Broken> {
        let first = self.first_word()?;
        if first.whole_place() != word.whole_place() {
            return None;
        }
        match self.presence(name) {
            Presence::Elsewhere => Some(Broken::NoInit),
            Presence::OtherPath => Some(Broken::InitElsewhere),
            Presence::There | Presence::Assumed => None,
        }
    }

    /// The first word that the image itself gives to the engine. The script that a base image brings execs what it is given.
    fn first_word(&self) -> Option<&Arc<Excerpt>> {
        let mut own = [&self.image.entrypoint, &self.image.cmd].into_iter().flatten();
        match &own.find(|setting| !matches!(setting.value, Command::Inherited(_)))?.value {
            Command::Exec(elements) => elements.first(),
            _ => None,
        }
    }

    fn presence(&self, name: &str) -> Presence {
        let (image, tool) = (self.image, base_name(name));
        // A base of which nothing is known may bring it.
        if image.base.init != Some(false) {
            return Presence::There;
        }
        let instructions = &image.dockerfile.instructions;
        let elsewhere = || {
            instructions.iter().any(|instruction| {
                let brings = matches!(instruction.keyword, Keyword::Run | Keyword::Copy | Keyword::Add);
                brings && image.dockerfile.source.slice(instruction.span).contains(tool)
            })
        };
        let installed = self.files.installed();
        if installed.lacks(tool) {
            // A deployment may mount it where its path says.
            let may_be_mounted = name.contains('/') && instructions.is_empty();
            return match () {
                () if elsewhere() => Presence::Elsewhere,
                // Where none installs anything, what is in the image may come from elsewhere.
                () if installed.package(|_| true).is_some() && !may_be_mounted => Presence::Assumed,
                () => Presence::There,
            };
        }
        let only_place = || self.tables.only_place(tool, image.base.family, &image.base_name);
        let is_elsewhere = installed.brings(tool)
            && installed.lacks(&format!("/{tool}"))
            && is_where_programs_are(name)
            && only_place().is_some_and(|place| unmerged(place) != unmerged(name));
        if is_elsewhere { Presence::OtherPath } else { Presence::There }
    }
}

/// A path in a directory of the system's programs.
fn is_where_programs_are(path: &str) -> bool {
    let folder = path.rsplit_once('/').map(|(folder, _)| folder);
    matches!(folder, Some("/bin" | "/sbin" | "/usr/bin" | "/usr/sbin" | "/usr/local/bin" | "/usr/local/sbin"))
}

/// `/usr/bin/tini` as `/bin/tini`: one of them may be a link to the other.
fn unmerged(path: &str) -> &str {
    path.strip_prefix("/usr")
        .filter(|rest| rest.starts_with("/bin/") || rest.starts_with("/sbin/"))
        .unwrap_or(path)
}
