//! Stages to images: what a container made from a stage starts with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::programs::{Base, Family, Tables};
use crate::source::{Excerpt, Place, Span};

use super::expand::{Unset, expand};
use super::stages::chain;
use super::state::State;
use super::{Dockerfile, Instruction, Keyword, Runtime, Setting, Stage, StageBase, targets, windows};

/// What the engine sets in a container (TERM with a terminal only), and PWD, which the shell sets.
const OF_ENGINE: [&str; 5] = ["HOME", "HOSTNAME", "PATH", "PWD", "TERM"];

/// The value of ENTRYPOINT or CMD.
#[derive(Debug, Clone)]
pub enum Command {
    /// Exec form. Empty: a reset (`ENTRYPOINT [""]` is one too).
    Exec(Vec<Arc<Excerpt>>),
    /// Shell form: run by the SHELL in force where the instruction stands.
    Shell {
        /// The command line.
        text: Arc<Excerpt>,
        /// The SHELL, as argv; `["/bin/sh", "-c"]` unless set.
        shell: Vec<String>,
    },
    /// Exec form, inherited from the base image, of which only the words are known.
    Inherited(Vec<String>),
}

impl Command {
    /// Its words; a command line for a shell is one.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::Exec(elements) => elements.iter().map(|element| element.text()).collect(),
            Self::Shell { text, .. } => vec![text.text()],
            Self::Inherited(words) => words.iter().map(String::as_str).collect(),
        }
    }
}

/// What one build stage with a launch makes.
#[derive(Debug, Clone)]
pub struct Image {
    /// The file it is built from.
    pub dockerfile: Arc<Dockerfile>,
    /// Index of the stage.
    pub stage: usize,
    /// The stage's name.
    pub name: Option<String>,
    /// The FROM instruction of the stage.
    pub from: Span,
    /// The reference of the image at the end of the chain of stages, ARG defaults substituted.
    pub base_name: String,
    /// What is known about that image.
    pub base: Base,
    /// ENTRYPOINT in force; `None` if neither the stages nor the base (as far as known) set one.
    pub entrypoint: Option<Setting<Command>>,
    /// CMD in force; a CMD of the base is dropped where a stage sets ENTRYPOINT, as the engine does.
    pub cmd: Option<Setting<Command>>,
    /// STOPSIGNAL as written (`SIGTERM`, `15` ...), ENV and ARG substituted; a variable that nothing sets stays as `${NAME}`.
    pub stop_signal: Option<Setting<String>>,
    /// Working directory: absolute, normalised; `/` unless set.
    pub workdir: String,
    /// Where it is set last; `None` if the base image sets it, or nobody.
    pub workdir_place: Option<Place>,
    /// USER in force.
    pub user: Option<String>,
    /// ENV of all stages up to this one, substituted.
    pub env: BTreeMap<String, String>,
    /// Variables that a container has, whose values nobody knows: `ENV NAME=$NAME` behind `ARG NAME`.
    pub unknown_env: BTreeSet<String>,
    /// True for the file's last stage.
    pub is_final: bool,
    /// How a container of it is run.
    pub runtime: Runtime,
}

impl Image {
    /// An image of which only the reference is known, named in a file at `place`.
    pub fn named(reference: &str, place: &Place, tables: &Tables) -> Self {
        let dockerfile = Dockerfile {
            source: Arc::clone(&place.source),
            escape: '\\',
            instructions: Vec::new(),
            comments: Vec::new(),
            problems: Vec::new(),
            build_arguments: BTreeMap::new(),
            stages: OnceLock::new(),
            unread: OnceLock::new(),
        };
        let base = tables.base(reference);
        let state = State::new(&base, base.family == Family::Windows);
        let stage = Stage {
            name: None,
            base: StageBase::Image(reference.to_owned()),
            from: place.span,
            platform: None,
            instructions: 0..0,
        };
        let built = Built { base_name: reference.to_owned(), base, state };
        built.into_image(&Arc::new(dockerfile), 0, &stage, true)
    }
}

/// One instruction of an image, and what is in force where it stands.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// Index of its stage.
    pub stage: usize,
    /// The instruction; for an ONBUILD of the stage before, the one inside it.
    pub instruction: &'a Instruction,
    /// Working directory before it.
    pub workdir: Arc<str>,
    /// SHELL before it.
    pub shell: Arc<[String]>,
    /// ENV and ARG before it.
    pub variables: Arc<BTreeMap<String, String>>,
    escape: char,
}

impl Step<'_> {
    /// A word of the instruction with its variables substituted and its quotes removed, as COPY and WORKDIR do; what nothing
    /// sets stays as `${NAME}`.
    pub fn expand(&self, word: &str) -> String {
        let lookup = |name: &str| self.variables.get(name).map(String::as_str);
        expand(word, self.escape, Unset::Keep, lookup).unwrap_or_else(|| word.to_owned())
    }
}

impl Image {
    /// The instructions of the stage and the stages it builds on, oldest first, each with the index of its stage.
    pub fn instructions(&self) -> Vec<(usize, &Instruction)> {
        let stages = self.dockerfile.stages();
        let of_stage = |stage| self.dockerfile.stage_instructions(stages, stage).map(move |i| (stage, i));
        chain(stages, self.stage).into_iter().flat_map(of_stage).collect()
    }

    /// Variables that only an ARG sets, so that they are gone when a container runs.
    pub fn build_arguments(&self) -> Vec<&str> {
        let arguments = self.dockerfile.instructions.iter().filter(|arg| arg.keyword == Keyword::Arg);
        arguments
            .flat_map(|argument| argument.body.text().split_ascii_whitespace())
            .filter_map(|word| word.split('=').next())
            .filter(|name| !self.sets(name) && !OF_ENGINE.contains(name))
            .collect()
    }

    /// Whether a container of it has a variable of that name.
    pub fn sets(&self, name: &str) -> bool {
        self.env.contains_key(name) || self.unknown_env.contains(name)
    }

    /// The texts of its RUN instructions, here-documents included.
    fn commands(&self) -> Vec<&str> {
        let dockerfile = &self.dockerfile;
        let chains = dockerfile.stages_of_files(self.stage).into_iter();
        chains
            .flat_map(|stage| chain(dockerfile.stages(), stage))
            .flat_map(|stage| dockerfile.stage_instructions(dockerfile.stages(), stage))
            .filter(|instruction| instruction.keyword == Keyword::Run)
            .flat_map(|run| {
                std::iter::once(run.body.text()).chain(run.heredocs.iter().map(|doc| doc.body.text()))
            })
            .collect()
    }
}

impl Dockerfile {
    /// The instructions of a stage and those it builds on, oldest first, each with what is in force where it stands. `base` is the image
    /// that they begin with.
    pub fn steps(&self, stages: &[Stage], stage: usize, base: &Base) -> Vec<Step<'_>> {
        let globals = self.global_arguments();
        let chain = chain(stages, stage);
        let mut steps = Vec::new();
        let Some(first) = chain.first().and_then(|&stage| stages.get(stage)) else { return steps };
        let mut state = State::new(base, windows::is_base(base, first));
        for stage in chain {
            state.enter_stage();
            for instruction in self.stage_instructions(stages, stage) {
                steps.push(Step {
                    stage,
                    instruction,
                    workdir: Arc::clone(&state.workdir),
                    shell: Arc::clone(&state.shell),
                    variables: Arc::clone(&state.variables),
                    escape: self.escape,
                });
                state.apply(self, &globals, instruction);
            }
        }
        steps
    }
}

/// The images of a Dockerfile: its last stage, and every other stage that sets ENTRYPOINT or CMD itself and does not only serve others.
pub fn images(dockerfile: &Arc<Dockerfile>, tables: &Tables) -> Vec<Image> {
    let stages = dockerfile.stages();
    let is_launch = |i: &Instruction| matches!(i.keyword, Keyword::Entrypoint | Keyword::Cmd);
    let wanted = |stage: usize| {
        stage + 1 == stages.len()
            || dockerfile.instructions[stages[stage].instructions.clone()].iter().any(is_launch)
    };
    targets::started(dockerfile, build(dockerfile, stages, tables, wanted))
}

/// The image of one stage, whether it has a launch or not; `None` if there is no such stage.
pub fn image(dockerfile: &Arc<Dockerfile>, stage: usize, tables: &Tables) -> Option<Image> {
    let stages = dockerfile.stages();
    build(dockerfile, stages, tables, |candidate| candidate == stage).pop()
}

/// Builds every stage once, and keeps the wanted ones.
fn build(
    dockerfile: &Arc<Dockerfile>,
    stages: &[Stage],
    tables: &Tables,
    wanted: impl Fn(usize) -> bool,
) -> Vec<Image> {
    let globals = dockerfile.global_arguments();
    let mut built: Vec<Built> = Vec::with_capacity(stages.len());
    let mut images = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        let mut this = match &stage.base {
            StageBase::Stage(base) => built[*base].clone(),
            StageBase::Image(reference) => {
                let mut base = tables.base(reference);
                if windows::is_base(&base, stage) {
                    base.family = Family::Windows;
                }
                let state = State::new(&base, base.family == Family::Windows);
                Built { base_name: reference.clone(), base, state }
            }
        };
        match dockerfile.files_of(stages, index) {
            Some(StageBase::Stage(from)) => this.take_files_of(&built[from].base_name, &built[from].base),
            Some(StageBase::Image(from)) => this.take_files_of(&from, &tables.base(&from)),
            None => {}
        }
        this.state.enter_stage();
        for instruction in dockerfile.stage_instructions(stages, index) {
            this.state.apply(dockerfile, &globals, instruction);
        }
        if wanted(index) {
            let mut image = this.clone().into_image(dockerfile, index, stage, index + 1 == stages.len());
            image.base = tables.with_packages(image.base.clone(), &image.commands());
            if windows::is_meant(&image.base, &this.state) {
                image.base.family = Family::Windows;
            }
            images.push(image);
        }
        built.push(this);
    }
    images
}

#[derive(Clone)]
struct Built {
    base_name: String,
    base: Base,
    state: State,
}

impl Built {
    /// The base image is what its files are; what it starts is in none of them.
    fn take_files_of(&mut self, name: &str, base: &Base) {
        name.clone_into(&mut self.base_name);
        self.base = base.clone();
    }

    fn into_image(self, dockerfile: &Arc<Dockerfile>, index: usize, stage: &Stage, is_final: bool) -> Image {
        let Self { base_name, base, state } = self;
        Image {
            dockerfile: Arc::clone(dockerfile),
            stage: index,
            name: stage.name.clone(),
            from: stage.from,
            base_name,
            base,
            entrypoint: state.entrypoint,
            cmd: state.cmd,
            stop_signal: state.stop_signal,
            workdir: state.workdir.to_string(),
            workdir_place: state.workdir_place,
            user: state.user,
            env: Arc::unwrap_or_clone(state.env),
            unknown_env: Arc::unwrap_or_clone(state.unknown_env),
            is_final,
            runtime: Runtime::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dockerfile::DEFAULT_PATH;
    use crate::dockerfile::parse;
    use crate::source::Source;

    fn all(text: &str) -> Vec<Image> {
        images(&Arc::new(parse(&Source::new("Dockerfile", text))), &Tables::default())
    }

    fn last(text: &str) -> Image {
        all(text).pop().unwrap()
    }

    /// The words of a command; a shell form as the argv that it makes.
    fn argv(setting: Option<&Setting<Command>>) -> Option<Vec<String>> {
        setting.map(|setting| match &setting.value {
            Command::Exec(words) => words.iter().map(|word| word.text().to_owned()).collect(),
            Command::Shell { text, shell } => shell.iter().cloned().chain([text.text().to_owned()]).collect(),
            Command::Inherited(words) => words.clone(),
        })
    }

    fn launch(text: &str) -> [Option<String>; 2] {
        let image = last(text);
        [image.entrypoint.as_ref(), image.cmd.as_ref()].map(|s| argv(s).map(|words| words.join(" ")))
    }

    #[test]
    fn entrypoint_and_cmd() {
        let some = |text: &str| Some(text.to_owned());
        for (text, entrypoint, cmd) in [
            ("FROM a", None, None),
            ("FROM a\nCMD [\"x\"]", None, some("x")),
            ("FROM a\nCMD x y", None, some("/bin/sh -c x y")),
            ("FROM a\nCMD x\nENTRYPOINT [\"y\"]", some("y"), some("/bin/sh -c x")),
            ("FROM a\nCMD x\nCMD [\"z\"]", None, some("z")),
            ("FROM a\nENTRYPOINT x\nENTRYPOINT []", some(""), None),
            ("FROM a\nENTRYPOINT [\"\"]\nCMD [\"x\"]", some(""), some("x")),
            ("FROM a\nCMD []", None, some("")),
            // ENTRYPOINT drops a CMD that was not set in the same stage.
            ("FROM a AS b\nCMD [\"x\"]\nFROM b\nENTRYPOINT [\"y\"]", some("y"), None),
            ("FROM a AS b\nCMD [\"x\"]\nFROM b\nCMD [\"z\"]\nENTRYPOINT [\"y\"]", some("y"), some("z")),
            ("FROM a AS b\nENTRYPOINT [\"y\"]\nCMD [\"x\"]\nFROM b\nCMD [\"z\"]", some("y"), some("z")),
            ("FROM a AS b\nENTRYPOINT [\"y\"]\nCMD [\"x\"]\nFROM b", some("y"), some("x")),
            ("FROM a AS b\nCMD [\"x\"]\nFROM c", None, None),
            // SHELL counts from where it stands, and is inherited.
            (
                "FROM a\nCMD x\nSHELL [\"bash\", \"-c\"]\nENTRYPOINT y",
                some("bash -c y"),
                some("/bin/sh -c x"),
            ),
            ("FROM a AS b\nSHELL [\"bash\", \"-c\"]\nFROM b\nCMD y", None, some("bash -c y")),
            ("FROM --platform=windows/amd64 a\nCMD y", None, some("cmd /S /C y")),
            // ONBUILD counts in a stage that builds on this one.
            ("FROM a AS b\nONBUILD ENTRYPOINT [\"x\"]\nFROM b", some("x"), None),
            ("FROM a AS b\nONBUILD ENTRYPOINT [\"x\"]", None, None),
            ("FROM a AS b\nONBUILD CMD [\"x\"]\nFROM b AS c\nCMD [\"y\"]\nFROM c", None, some("y")),
        ] {
            assert_eq!(launch(text), [entrypoint, cmd], "{text}");
        }
    }

    #[test]
    fn the_base_image_s_own() {
        let words = |text: &str| Some(vec![text.to_owned()]);
        let base = Base {
            entrypoint: words("e"),
            cmd: words("c"),
            stop_signal: Some("SIGQUIT".to_owned()),
            user: Some("app".to_owned()),
            workdir: Some("/srv".to_owned()),
            ..Base::default()
        };
        for (line, entrypoint, cmd) in [
            ("RUN x", words("e"), words("c")),
            ("CMD [\"d\"]", words("e"), words("d")),
            ("ENTRYPOINT [\"d\"]", words("d"), None),
            ("ENTRYPOINT [\"\"]", Some(vec![]), None),
        ] {
            let dockerfile = parse(&Source::new("Dockerfile", format!("FROM a\nWORKDIR x\n{line}\n")));
            let mut state = State::new(&base, false);
            dockerfile.instructions.iter().for_each(|i| state.apply(&dockerfile, &BTreeMap::new(), i));
            assert_eq!(
                (argv(state.entrypoint.as_ref()), argv(state.cmd.as_ref())),
                (entrypoint, cmd),
                "{line}"
            );
            assert_eq!((&*state.workdir, state.user.as_deref()), ("/srv/x", Some("app")));
            let signal = state.stop_signal.unwrap();
            assert!(signal.value == "SIGQUIT" && signal.place.is_none());
        }
    }

    #[test]
    fn which_stages_are_images() {
        let text = "FROM a AS one\nCMD x\nFROM a AS two\nRUN y\nFROM one AS three\nUSER z\nFROM two\nUSER z";
        let found: Vec<_> = all(text).iter().map(|i| (i.stage, i.name.clone(), i.is_final)).collect();
        assert_eq!(found, [(0, Some("one".to_owned()), false), (3, None, true)]);
        assert!(all("ARG X\n").is_empty());
        let dockerfile = Arc::new(parse(&Source::new("Dockerfile", text)));
        assert_eq!(image(&dockerfile, 1, &Tables::default()).unwrap().base_name, "a");
        assert!(image(&dockerfile, 4, &Tables::default()).is_none());
    }

    #[test]
    fn places() {
        let text = "FROM a\nENTRYPOINT [ \\\n \"x\", \"y\"]\nSTOPSIGNAL 15\n";
        let image = last(text);
        let entrypoint = image.entrypoint.unwrap();
        assert_eq!(entrypoint.place.unwrap().text(), "ENTRYPOINT [ \\\n \"x\", \"y\"]");
        let Command::Exec(words) = entrypoint.value else { panic!() };
        assert_eq!(words[1].whole_place().text(), "y");
        assert_eq!(image.stop_signal.unwrap().place.unwrap().line(), 4);
    }

    #[test]
    fn working_directory() {
        for (text, expected) in [
            ("", "/"),
            ("WORKDIR /a/../b//c/", "/b/c"),
            ("WORKDIR /a\nWORKDIR b\nWORKDIR ./c/..", "/a/b"),
            ("WORKDIR a", "/a"),
            ("ENV D=/x\nWORKDIR $D/y", "/x/y"),
            ("ARG D\nWORKDIR /$D/y", "/${D}/y"),
            ("ARG D=x\nWORKDIR /$D\nFROM a\nWORKDIR /${D:-z}", "/z"),
            ("WORKDIR \"/a b\"", "/a b"),
            ("WORKDIR ../..", "/"),
        ] {
            assert_eq!(last(&format!("FROM a\n{text}")).workdir, expected, "{text}");
        }
    }

    #[test]
    fn environment() {
        let env = |text: &str, name: &str| last(text).env.get(name).cloned();
        for (text, expected) in [
            ("FROM a\nENV A=1 B=2\nENV A=3 X=$A$B", "12"),
            ("FROM a\nENV X y  z", "y  z"),
            ("FROM a\nENV X=\"a b\"\\ c", "a b c"),
            ("FROM a\nENV X=$NONE.", "."),
            ("FROM a\nENV X=/app:$PATH", &format!("/app:{DEFAULT_PATH}")),
            ("ARG V=1\nFROM a\nENV X=$V", ""),
            ("ARG V=1\nFROM a\nARG V\nENV X=$V", "1"),
            ("ARG V=1\nFROM a\nARG V=2\nENV X=$V", "2"),
            ("FROM a\nARG V=1\nENV V=2\nENV X=$V", "2"),
            ("FROM a AS b\nENV V=2\nARG V=1\nFROM b\nENV X=$V", "2"),
            ("FROM a AS b\nARG V=1\nFROM b\nENV X=$V", "1"),
            ("FROM a AS b\nARG V=1\nFROM a\nENV X=$V", ""),
            ("# escape=`\nFROM a\nENV X=C:\\a` b", "C:\\a b"),
        ] {
            assert_eq!(env(text, "X").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_only_the_builder_knows() {
        for (text, known, unknown) in [
            ("ARG V\nENV X=$V", None, true),
            ("ARG V\nENV W=$V\nENV X=/a/$W", None, true),
            ("ARG V\nENV W=$V\nENV W=1\nENV X=$W", Some("1"), false),
            ("ARG V\nENV X=${V:-80}", Some("80"), false),
            ("ARG V\nENV X=\"\\$V\"", Some("$V"), false),
            ("ARG V\nARG V=1\nENV X=$V", Some("1"), false),
            ("ENV V=1\nARG V\nENV X=$V", Some("1"), false),
            ("ARG X", None, false),
        ] {
            let image = last(&format!("FROM a\n{text}"));
            assert_eq!(image.env.get("X").map(String::as_str), known, "{text}");
            assert_eq!(image.unknown_env.contains("X"), unknown, "{text}");
        }
    }

    #[test]
    fn signal_and_user() {
        let image = last(
            "ARG S=SIGINT\nFROM a AS b\nARG S\nSTOPSIGNAL $S\nUSER app\nFROM b\nARG U\nUSER ${U:-web}:web\n",
        );
        assert_eq!(image.stop_signal.unwrap().value, "SIGINT");
        assert_eq!(image.user.as_deref(), Some("web:web"));
        assert_eq!(last("FROM a\nARG S\nSTOPSIGNAL $S").stop_signal.unwrap().value, "${S}");
    }

    #[test]
    fn steps_know_what_is_in_force() {
        let image = last("FROM a AS b\nWORKDIR /app\nARG F=x\nFROM b\nENV G=y\nCOPY $F $G$H ./\n");
        let steps = image.dockerfile.steps(image.dockerfile.stages(), image.stage, &image.base);
        assert_eq!(steps.len(), image.instructions().len());
        let copy = steps.last().unwrap();
        assert_eq!((copy.stage, &*copy.workdir), (1, "/app"));
        let words: Vec<_> = copy.instruction.words().into_iter().map(|word| copy.expand(word)).collect();
        assert_eq!(words, ["x", "y${H}", "./"]);
    }

    #[test]
    fn values_cannot_explode() {
        let text = format!("FROM a\nENV A=aaaaaaaa\n{}", "ENV A=$A$A\n".repeat(200));
        assert!(last(&text).env["A"].len() < 10_000);
    }
}
