//! Instructions to stages: FROM, its name, and what it builds on.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::source::{Place, Span};

use super::expand::{Unset, expand};
use super::words::arguments;
use super::{Dockerfile, Image, Instruction, Keyword};

/// What images are built for. A stage for each differs in where its files come from, and hardly ever in what they are.
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// One build stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// `AS name`, in lower case.
    pub name: Option<String>,
    /// What FROM names.
    pub base: StageBase,
    /// The FROM instruction.
    pub from: Span,
    /// The value of `--platform`, variables substituted where they can be.
    pub platform: Option<String>,
    /// The stage's instructions, FROM excluded: indices into [`Dockerfile::instructions`].
    pub instructions: Range<usize>,
}

/// What a stage builds on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageBase {
    /// An earlier stage, by index.
    Stage(usize),
    /// An image's reference, ARG defaults substituted; what cannot be substituted stays as `${NAME}`.
    Image(String),
}

impl Dockerfile {
    /// The same file, built with these values for its ARGs.
    pub fn built_with(self, build_arguments: BTreeMap<String, String>) -> Self {
        Self { build_arguments, stages: OnceLock::new(), ..self }
    }

    /// The stages, in order.
    pub fn stages(&self) -> &Arc<[Stage]> {
        self.stages.get_or_init(|| self.read_stages().into())
    }

    fn read_stages(&self) -> Vec<Stage> {
        let globals = self.global_arguments();
        let substitute = |text: &str| {
            expand(text, self.escape, Unset::Keep, |name| globals.get(name).map(String::as_str))
                .unwrap_or_else(|| text.to_owned())
        };
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut stages: Vec<Stage> = Vec::new();
        for (index, instruction) in self.instructions.iter().enumerate() {
            if instruction.keyword != Keyword::From {
                continue;
            }
            if let Some(previous) = stages.last_mut() {
                previous.instructions.end = index;
            }
            let words = instruction.words();
            let text = words.first().copied().unwrap_or_default();
            let reference = substitute(text);
            // BuildKit looks for a name only; a number in FROM is the name of an image.
            let mut named = std::iter::once(reference.clone()).chain(self.on_platforms(text, &globals));
            let base = match named.find_map(|name| by_name.get(&name.to_lowercase())) {
                Some(&stage) => StageBase::Stage(stage),
                None => StageBase::Image(reference),
            };
            let name = stage_name(&words);
            if let Some(name) = &name {
                by_name.insert(name.clone(), stages.len());
            }
            let platform = instruction.flag("platform").map(substitute);
            let instructions = index + 1..self.instructions.len();
            stages.push(Stage { name, base, from: instruction.span, platform, instructions });
        }
        stages
    }

    /// `build-${TARGETARCH}`, for one platform after the other.
    fn on_platforms<'a>(
        &'a self,
        text: &'a str,
        globals: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = String> + 'a {
        let platforms = PLATFORMS.iter().filter(|_| text.contains('$'));
        platforms.filter_map(move |platform| {
            let (system, architecture) = platform.split_once('/')?;
            let of_platform = |name: &str| match name {
                "TARGETARCH" | "BUILDARCH" => Some(architecture),
                "TARGETOS" | "BUILDOS" => Some(system),
                "TARGETPLATFORM" | "BUILDPLATFORM" => Some(*platform),
                "TARGETVARIANT" | "BUILDVARIANT" => Some(""),
                _ => None,
            };
            let lookup = |name: &str| globals.get(name).map(String::as_str).or_else(|| of_platform(name));
            expand(text, self.escape, Unset::Keep, lookup)
        })
    }

    /// What a stage takes its files from, all of them: `COPY --from=build / /` into nothing.
    pub(super) fn files_of(&self, stages: &[Stage], stage: usize) -> Option<StageBase> {
        let own = &stages[stage];
        let from_nothing = matches!(&own.base, StageBase::Image(name) if name == "scratch");
        let copies = self.instructions[own.instructions.clone()].iter().filter(|_| from_nothing);
        let all = copies.filter(|copy| copy.copies_everything());
        let from = all.filter_map(|copy| copy.flag("from")).next()?;
        Some(match stage_named(stages, from, stage) {
            Some(stage) => StageBase::Stage(stage),
            None => StageBase::Image(from.to_owned()),
        })
    }

    /// The stages that the files of one come from, itself first: each with what it builds on begins with all the files of the next.
    pub fn stages_of_files(&self, stage: usize) -> Vec<usize> {
        let stages = self.stages();
        let next = |stage: &usize| {
            let first = chain(stages, *stage).first().copied()?;
            match self.files_of(stages, first)? {
                StageBase::Stage(from) => Some(from),
                StageBase::Image(_) => None,
            }
        };
        std::iter::successors(Some(stage), next).collect()
    }

    /// The ARGs before the first FROM that have a value.
    pub(super) fn global_arguments(&self) -> BTreeMap<String, String> {
        let mut globals: BTreeMap<String, String> = BTreeMap::new();
        let heading = self.instructions.iter().take_while(|i| i.keyword != Keyword::From);
        for instruction in heading.filter(|i| i.keyword == Keyword::Arg) {
            for (name, default) in arguments(instruction.body.text(), self.escape) {
                if let Some(given) = self.build_arguments.get(name) {
                    globals.insert(name.to_owned(), given.clone());
                    continue;
                }
                let Some(default) = default else { continue };
                let lookup = |name: &str| globals.get(name).map(String::as_str);
                let value = expand(default, self.escape, Unset::Keep, lookup);
                globals.insert(name.to_owned(), value.unwrap_or_else(|| default.to_owned()));
            }
        }
        globals
    }

    /// The instructions of a stage, those that the ONBUILD of the stage it builds on adds in front.
    pub(super) fn stage_instructions<'a>(
        &'a self,
        stages: &[Stage],
        stage: usize,
    ) -> impl Iterator<Item = &'a Instruction> {
        let triggers = match stages[stage].base {
            StageBase::Stage(parent) => stages[parent].instructions.clone(),
            StageBase::Image(_) => 0..0,
        };
        let triggers = self.instructions[triggers].iter().filter(|i| i.keyword == Keyword::Onbuild);
        let triggered = triggers.filter_map(|i| i.inner.as_deref());
        triggered.chain(&self.instructions[stages[stage].instructions.clone()])
    }
}

/// The earlier stage that `--from=NAME` means in a stage.
pub(super) fn stage_named(stages: &[Stage], name: &str, before: usize) -> Option<usize> {
    let earlier = stages.get(..before).unwrap_or_default();
    let is_named = |stage: &Stage| stage.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let by_index = || name.parse().ok().filter(|index| *index < earlier.len());
    earlier.iter().rposition(is_named).or_else(by_index)
}

/// `/ /`
pub(super) fn is_everything(words: &[&str]) -> bool {
    matches!(words, ["/" | "/.", "/" | "/."])
}

/// The name after AS.
fn stage_name(words: &[&str]) -> Option<String> {
    match words {
        [_, keyword, name, ..] if keyword.eq_ignore_ascii_case("as") => Some(name.to_lowercase()),
        _ => None,
    }
}

impl Image {
    /// True if what stands at this place counts in other stages, too: in a stage that these and this one build on.
    pub fn is_shared(&self, place: &Place) -> bool {
        let stages = self.dockerfile.stages();
        let holder = stages.iter().rposition(|stage| stage.from.start <= place.span.start);
        let Some(holder) = holder.filter(|_| place.source.path() == self.dockerfile.source.path()) else {
            return false;
        };
        let own = chain(stages, self.stage);
        let mut others = (0..stages.len()).filter(|stage| !own.contains(stage));
        own.contains(&holder) && others.any(|stage| chain(stages, stage).contains(&holder))
    }
}

/// The stages that `stage` builds on and itself, oldest first; none if there is no such stage.
pub(super) fn chain(stages: &[Stage], stage: usize) -> Vec<usize> {
    let base = |&stage: &usize| match stages[stage].base {
        StageBase::Stage(base) => Some(base),
        StageBase::Image(_) => None,
    };
    let own = Some(stage).filter(|&stage| stage < stages.len());
    let mut chain: Vec<usize> = std::iter::successors(own, base).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::parse;
    use crate::source::Source;

    fn stages(text: &str) -> Vec<Stage> {
        parse(&Source::new("Dockerfile", text)).stages().to_vec()
    }

    fn bases(text: &str) -> Vec<StageBase> {
        stages(text).into_iter().map(|stage| stage.base).collect()
    }

    fn image(reference: &str) -> StageBase {
        StageBase::Image(reference.to_owned())
    }

    #[test]
    fn references() {
        for (text, expected) in [
            ("FROM a", "a"),
            ("ARG V=1\nFROM \"a:${V}\"", "a:1"),
            ("ARG V=1\nARG B=a:$V\nFROM $B", "a:1"),
            ("ARG V\nFROM a:$V-slim", "a:${V}-slim"),
            ("ARG V\nFROM a:${V:-2}", "a:2"),
            ("ARG V=x\nFROM a${V:+:$V}", "a:x"),
            ("ARG V=3.12.1\nFROM a:${V%.*}", "a:3.12"),
            ("FROM --platform=$BUILDPLATFORM a AS b", "a"),
            ("FROM ${broken", "${broken"),
            ("FROM", ""),
            ("ARG V=1\nFROM a\nARG V=2\nFROM a:$V", "a"),
        ] {
            assert_eq!(bases(text)[0], image(expected), "{text}");
        }
        assert_eq!(bases("ARG V=1\nFROM a\nARG V=2\nFROM a:$V")[1], image("a:1"));
    }

    #[test]
    fn earlier_stages() {
        let text = "FROM a AS Build\nFROM build as two\nFROM BUILD\nFROM three\nFROM a AS three\nFROM three as three";
        let expected = [
            image("a"),
            StageBase::Stage(0),
            StageBase::Stage(0),
            image("three"),
            image("a"),
            StageBase::Stage(4),
        ];
        assert_eq!(bases(text), expected);
    }

    #[test]
    fn stages_for_platforms() {
        for (from, expected) in [
            ("build-${TARGETARCH}", StageBase::Stage(0)),
            ("build-$TARGETARCH$TARGETVARIANT", StageBase::Stage(0)),
            ("build-$OTHER", image("build-${OTHER}")),
            ("a:$TARGETARCH", image("a:${TARGETARCH}")),
        ] {
            let text = format!("ARG TARGETARCH\nFROM a AS build-amd64\nFROM b AS build-arm64\nFROM {from}\n");
            assert_eq!(bases(&text)[2], expected, "{from}");
        }
    }

    #[test]
    fn all_files_of_another() {
        let files = |text: &str| {
            let dockerfile = parse(&Source::new("Dockerfile", text));
            dockerfile.files_of(dockerfile.stages(), dockerfile.stages().len() - 1)
        };
        let text = "FROM a AS b\nFROM scratch\nCOPY --from=";
        assert_eq!(files(&format!("{text}b / /\n")), Some(StageBase::Stage(0)));
        assert_eq!(files(&format!("{text}0 /. /\n")), Some(StageBase::Stage(0)));
        assert_eq!(files(&format!("{text}debian:13 / /\n")), Some(image("debian:13")));
        assert_eq!(files(&format!("{text}b /app /\n")), None);
        assert_eq!(files("FROM a AS b\nFROM a\nCOPY --from=b / /\n"), None);
        let dockerfile = parse(&Source::new("Dockerfile", format!("{text}b / /\nFROM 1 AS c\n")));
        assert_eq!(dockerfile.stages_of_files(1), [1, 0]);
    }

    #[test]
    fn names_and_instructions() {
        let stages = stages("ARG X\nFROM --platform=linux/amd64 a AS B\nRUN x\nFROM c\n");
        assert_eq!(stages[0].name.as_deref(), Some("b"));
        assert_eq!(stages[0].platform.as_deref(), Some("linux/amd64"));
        assert_eq!((stages[0].instructions.clone(), stages[1].instructions.clone()), (2..3, 4..4));
    }
}
