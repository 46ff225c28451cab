//! The configuration of an image while its instructions are applied.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::programs::Base;
use crate::source::{Excerpt, Place};

use super::expand::{Unset, expand};
use super::image::Command;
use super::words::{arguments, assignments};
use super::{DEFAULT_PATH, Dockerfile, Form, Instruction, Keyword, Setting, join};

/// Bytes of all variables together: with more than this, no kernel starts a program. What is set beyond it is not known.
const MAX_VARIABLES: usize = 128 * 1024;

/// The image's configuration while its instructions are applied. Cheap to clone, for there may be many stages.
#[derive(Clone)]
pub(super) struct State {
    pub(super) entrypoint: Option<Setting<Command>>,
    pub(super) cmd: Option<Setting<Command>>,
    /// True if CMD was set in the stage at hand: only then an ENTRYPOINT leaves it alone.
    cmd_is_own: bool,
    pub(super) stop_signal: Option<Setting<String>>,
    pub(super) shell: Arc<[String]>,
    pub(super) workdir: Arc<str>,
    pub(super) workdir_place: Option<Place>,
    pub(super) user: Option<String>,
    pub(super) env: Arc<BTreeMap<String, String>>,
    /// Names that ENV sets to values that nobody knows who does not build the image.
    pub(super) unknown_env: Arc<BTreeSet<String>>,
    /// Names that only who builds the image sets: `ARG NAME`.
    given: Arc<BTreeSet<String>>,
    /// What `$NAME` stands for: ENV, ARG, and the default PATH.
    pub(super) variables: Arc<BTreeMap<String, String>>,
    /// Bytes of `variables`.
    size: usize,
    windows: bool,
}

impl State {
    /// That of `base`, or of an empty image.
    pub(super) fn new(base: &Base, windows: bool) -> Self {
        let inherited = |words: &Option<Vec<String>>| {
            words.clone().map(|words| Setting::new(Command::Inherited(words), None))
        };
        let shell: &[&str] = if windows { &["cmd", "/S", "/C"] } else { &["/bin/sh", "-c"] };
        let mut variables = BTreeMap::new();
        if !windows {
            variables.insert("PATH".to_owned(), DEFAULT_PATH.to_owned());
        }
        variables.extend(base.env.clone());
        let mut state = Self {
            entrypoint: inherited(&base.entrypoint),
            cmd: inherited(&base.cmd),
            cmd_is_own: false,
            stop_signal: base.stop_signal.clone().map(|value| Setting::new(value, None)),
            shell: shell.iter().map(|&word| word.to_owned()).collect(),
            workdir: "/".into(),
            workdir_place: None,
            user: base.user.clone(),
            env: Arc::new(base.env.clone()),
            unknown_env: Arc::default(),
            given: Arc::default(),
            variables: Arc::new(variables),
            size: 0,
            windows,
        };
        state.change_directory(base.workdir.as_deref().unwrap_or_default());
        state
    }

    /// A stage that builds on another starts with its image; there ENV hides an ARG that came after it.
    pub(super) fn enter_stage(&mut self) {
        self.cmd_is_own = false;
        let hidden = self.env.iter().any(|(name, value)| self.variables.get(name) != Some(value));
        if hidden {
            let env = self.env.iter().map(|(name, value)| (name.clone(), value.clone()));
            Arc::make_mut(&mut self.variables).extend(env);
        }
    }

    /// What `instruction` changes; `globals` are the ARGs before the first FROM.
    pub(super) fn apply(
        &mut self,
        dockerfile: &Dockerfile,
        globals: &BTreeMap<String, String>,
        instruction: &Instruction,
    ) {
        let body = instruction.body.text();
        let escape = dockerfile.escape;
        let place = || Some(Place::new(&dockerfile.source, instruction.span));
        match instruction.keyword {
            Keyword::Entrypoint => {
                self.entrypoint = Some(Setting::new(self.command(instruction), place()));
                if !self.cmd_is_own {
                    self.cmd = None;
                }
            }
            Keyword::Cmd => {
                self.cmd = Some(Setting::new(self.command(instruction), place()));
                self.cmd_is_own = true;
            }
            Keyword::Shell => {
                if let Some(words) = instruction.exec_form().filter(|words| !words.is_empty()) {
                    self.shell = words.iter().map(|word| word.text().to_owned()).collect();
                }
            }
            Keyword::Stopsignal => {
                self.stop_signal = Some(Setting::new(self.expand(body, escape, Unset::Keep), place()));
            }
            Keyword::Workdir => {
                let path = self.expand(body, escape, Unset::Keep);
                self.change_directory(&path);
                self.workdir_place = place();
            }
            Keyword::User => self.user = Some(self.expand(body, escape, Unset::Keep)),
            Keyword::Env => {
                let assignments = assignments("ENV", body, escape).unwrap_or_default();
                // All values of one ENV see the variables from before it.
                let values: Vec<_> = assignments
                    .iter()
                    .map(|(name, value)| {
                        let name = self.expand(name, escape, Unset::Empty);
                        // What is looked for in PATH is looked for in those of its folders that are known.
                        let is_known = name == "PATH" || !self.asks_builder(value, escape);
                        let value = is_known.then(|| self.expand(value, escape, Unset::Empty));
                        (name, value)
                    })
                    .collect();
                values.into_iter().for_each(|(name, value)| self.set_for_container(name, value));
            }
            Keyword::Arg => {
                for (name, default) in arguments(body, escape) {
                    let value = match default {
                        _ if dockerfile.build_arguments.contains_key(name) => {
                            dockerfile.build_arguments.get(name).cloned()
                        }
                        Some(default) => Some(self.expand(default, escape, Unset::Empty)),
                        None => globals.get(name).cloned(),
                    };
                    match value {
                        Some(value) => drop(self.set(name.to_owned(), value)),
                        None if !self.variables.contains_key(name) => {
                            Arc::make_mut(&mut self.given).insert(name.to_owned());
                        }
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Sets a variable of the container; none if nobody knows its value.
    fn set_for_container(&mut self, name: String, value: Option<String>) {
        let fits = value.clone().is_some_and(|value| self.set(name.clone(), value));
        match value.filter(|_| fits) {
            Some(value) => {
                if self.unknown_env.contains(&name) {
                    Arc::make_mut(&mut self.unknown_env).remove(&name);
                }
                Arc::make_mut(&mut self.env).insert(name, value);
            }
            None => {
                Arc::make_mut(&mut self.env).remove(&name);
                Arc::make_mut(&mut self.variables).remove(&name);
                Arc::make_mut(&mut self.unknown_env).insert(name);
            }
        }
    }

    /// Whether a text rests on what nobody knows who does not build the image. A default (`${NAME:-80}`) counts as that of ARG does.
    fn asks_builder(&self, text: &str, escape: char) -> bool {
        let asks = Cell::new(false);
        let lookup = |name: &str| {
            asks.set(asks.get() || self.given.contains(name) || self.unknown_env.contains(name));
            self.variables.get(name).map(String::as_str)
        };
        let kept = expand(text, escape, Unset::Keep, lookup);
        asks.get() && kept != expand(text, escape, Unset::Empty, lookup)
    }

    /// Sets what `$NAME` stands for. False if there is no room for it: then nothing is known of it.
    fn set(&mut self, name: String, value: String) -> bool {
        let variables = Arc::make_mut(&mut self.variables);
        let old = variables.remove(&name).map_or(0, |old| name.len() + old.len());
        self.size -= old.min(self.size);
        let size = name.len() + value.len();
        let fits = self.size + size <= MAX_VARIABLES;
        if fits {
            self.size += size;
            if self.given.contains(&name) {
                Arc::make_mut(&mut self.given).remove(&name);
            }
            variables.insert(name, value);
        }
        fits
    }

    /// What BuildKit cannot expand stays as it is written.
    fn expand(&self, text: &str, escape: char, unset: Unset) -> String {
        let lookup = |name: &str| self.variables.get(name).map(String::as_str);
        expand(text, escape, unset, lookup).unwrap_or_else(|| text.to_owned())
    }

    fn command(&self, instruction: &Instruction) -> Command {
        match &instruction.form {
            // The engine drops an ENTRYPOINT of one empty word.
            Form::Exec(words) if instruction.keyword == Keyword::Entrypoint && is_one_empty_word(words) => {
                Command::Exec(Vec::new())
            }
            Form::Exec(words) => Command::Exec(words.clone()),
            Form::Shell => {
                Command::Shell { text: Arc::new(instruction.body.clone()), shell: self.shell.to_vec() }
            }
        }
    }

    fn change_directory(&mut self, path: &str) {
        if self.windows && path.contains(['\\', ':']) {
            self.workdir = path.into();
        } else if !path.is_empty() {
            self.workdir = join(&self.workdir, path).into();
        }
    }
}

fn is_one_empty_word(words: &[Arc<Excerpt>]) -> bool {
    matches!(words, [word] if word.text().is_empty())
}
