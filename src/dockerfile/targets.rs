//! Which stages are images of their own, and which only serve others.

use super::stages::stage_named;
use super::{Command, Dockerfile, Image, Instruction, Keyword, Setting, StageBase};

/// Parts of the names of stages that others only take files from. A convention.
const WORKSHOPS: [&str; 9] =
    ["build", "compil", "deps", "dependen", "vendor", "asset", "download", "fetch", "install"];

impl Dockerfile {
    /// The earlier stage that `--from=NAME` means in a stage, variables substituted.
    pub fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        stage_named(self.stages(), name, before)
    }

    /// True if `stage` copies files from the stage `from`.
    pub fn copies(&self, stage: usize, from: usize) -> bool {
        let is_copy = |instruction: &&Instruction| instruction.keyword == Keyword::Copy;
        let own = self.instructions[self.stages()[stage].instructions.clone()].iter().filter(is_copy);
        own.filter_map(|copy| copy.flag("from")).any(|name| self.stage_named(name, stage) == Some(from))
    }

    /// True for a stage whose name is one for an image of its own (`--target`).
    pub fn may_be_target(&self, stage: usize) -> bool {
        !is_named_as_workshop(self.stages()[stage].name.as_deref())
    }
}

/// True for the name of a stage that is there for others, or none.
fn is_named_as_workshop(name: Option<&str>) -> bool {
    name.is_none_or(|name| WORKSHOPS.iter().any(|part| name.contains(part)))
}

/// Those of the images that somebody may start: not what is only a part of another one, or where another one is made.
pub(super) fn started(dockerfile: &Dockerfile, images: Vec<Image>) -> Vec<Image> {
    let serves = |image: &Image| {
        let later: Vec<&Image> = images.iter().filter(|other| other.stage > image.stage).collect();
        is_part(dockerfile, image, &later) || is_workshop(dockerfile, image, &later)
    };
    let serving: Vec<usize> = images.iter().filter(|image| serves(image)).map(|image| image.stage).collect();
    images.into_iter().filter(|image| !serving.contains(&image.stage)).collect()
}

/// True if a later image is made of this one and starts the same, or if all that build on it bring the CMD that it waits for.
fn is_part(dockerfile: &Dockerfile, image: &Image, later: &[&Image]) -> bool {
    let uses = users(dockerfile, image.stage);
    if later.iter().any(|other| uses[other.stage] && is_same_launch(image, other)) {
        return true;
    }
    let stages = dockerfile.stages();
    let direct = (0..stages.len()).filter(|stage| stages[*stage].base == StageBase::Stage(image.stage));
    let sets_cmd = |stage: usize| {
        let own = &dockerfile.instructions[stages[stage].instructions.clone()];
        own.iter().any(|instruction| instruction.keyword == Keyword::Cmd)
    };
    let mut direct = direct.peekable();
    image.cmd.is_none() && direct.peek().is_some() && direct.all(sets_cmd)
}

/// True for a stage that by its name, or having none, is there to make what another image, with a launch of its own, takes from it.
fn is_workshop(dockerfile: &Dockerfile, image: &Image, later: &[&Image]) -> bool {
    let is_taken_from =
        || (image.stage + 1..dockerfile.stages().len()).any(|stage| dockerfile.copies(stage, image.stage));
    let starts = |other: &&Image| other.is_final && (other.entrypoint.is_some() || other.cmd.is_some());
    is_named_as_workshop(image.name.as_deref()) && is_taken_from() && later.iter().any(starts)
}

/// Which stages are made of this one, by FROM or COPY, directly or not.
fn users(dockerfile: &Dockerfile, stage: usize) -> Vec<bool> {
    let stages = dockerfile.stages();
    let mut uses = vec![false; stages.len()];
    uses[stage] = true;
    for at in stage + 1..stages.len() {
        uses[at] = (stage..at).any(|earlier| {
            uses[earlier] && (stages[at].base == StageBase::Stage(earlier) || dockerfile.copies(at, earlier))
        });
    }
    uses
}

/// True if both start the same command.
fn is_same_launch(one: &Image, other: &Image) -> bool {
    let is_same = |one: &Option<Setting<Command>>, other: &Option<Setting<Command>>| match (one, other) {
        (Some(one), Some(other)) => one.value.words() == other.value.words(),
        (None, None) => true,
        _ => false,
    };
    is_same(&one.entrypoint, &other.entrypoint) && is_same(&one.cmd, &other.cmd)
}
