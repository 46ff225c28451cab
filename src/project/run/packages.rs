//! Which packages the commands of RUN install.

use super::path;
use super::words::{self, Item, Part, Redirect, Simple, Word};
use crate::dockerfile::{Heredoc, Step};
use crate::source::Excerpt;

/// Package managers, with the words that make them install.
const MANAGERS: &[(&str, &[&str])] = &[
    ("apk", &["add"]),
    ("apt", &["install"]),
    ("apt-get", &["install"]),
    ("aptitude", &["install"]),
    ("dnf", &["install"]),
    ("microdnf", &["install"]),
    ("pacman", &["-S", "-Sy", "-Syu", "-Syyu"]),
    ("tdnf", &["install"]),
    ("yum", &["install"]),
    ("zypper", &["install", "in"]),
];

/// Package managers of Python.
const PYTHON: &[&str] = &["pip", "pip3", "pipenv", "pipx", "poetry", "pdm", "uv"];

/// Programs that stand in front of others.
const WRAPPERS: &[&str] = &["sudo", "env", "exec", "command", "eatmydata", "nice"];

/// Programs that may install anything.
const OPAQUE: &[&str] = &[
    ".",
    "ansible-playbook",
    "ash",
    "bash",
    "conda",
    "dash",
    "dpkg",
    "eval",
    "make",
    "mamba",
    "micromamba",
    "nix",
    "nix-env",
    "rpm",
    "sh",
    "source",
    "zsh",
];

/// What one RUN installs.
#[derive(Debug, Default)]
pub(in crate::project) struct Installs {
    /// Names of packages, without version.
    pub(in crate::project) packages: Vec<String>,
    /// True if it installs a list of Python packages, which may hold dumb-init.
    pub(in crate::project) python_list: bool,
    /// True if it may install more than that.
    pub(in crate::project) opaque: bool,
}

impl Installs {
    pub(in crate::project) fn of(step: &Step<'_>) -> Self {
        let mut installs = Self::default();
        match step.instruction.exec_form() {
            Some(words) => {
                installs.command(&words.iter().map(|word| Some(word.text().to_owned())).collect::<Vec<_>>())
            }
            None => installs.script(&step.instruction.body, &step.instruction.heredocs, 0),
        }
        installs
    }

    fn script(&mut self, script: &Excerpt, heredocs: &[Heredoc], depth: usize) {
        for item in words::split(script, heredocs) {
            let (Item::Command(command) | Item::Close(command)) = item else { continue };
            self.simple(&command, depth);
        }
    }

    fn simple(&mut self, command: &Simple, depth: usize) {
        let words: Vec<Option<String>> = command.words.iter().map(literal).collect();
        self.command(&words);
        for redirect in &command.redirects {
            let Redirect::Heredoc(body) = redirect else { continue };
            // `RUN <<EOF` is a script.
            match depth == 0 && command.words.is_empty() {
                true => self.script(&body.text, &[], depth + 1),
                false => self.opaque |= !command.words.is_empty() && is_opaque(&words),
            }
        }
    }

    fn command(&mut self, words: &[Option<String>]) {
        let words = without_wrappers(words);
        let names: Vec<&str> =
            words.iter().map(|word| word.as_deref().map_or("", |word| path::base_name(word))).collect();
        // `npx playwright install` brings browsers.
        if names.windows(2).any(|pair| pair == ["playwright", "install"]) {
            self.packages.push("playwright".to_owned());
        }
        self.python_list |= names.iter().any(|name| PYTHON.contains(name));
        match words.first().and_then(manager) {
            Some(_) => {
                let installed = Self::by_manager(words);
                self.opaque |= installed.contains(&None);
                self.packages.extend(installed.into_iter().flatten());
            }
            None => self.opaque |= !words.is_empty() && is_opaque(words),
        }
    }

    /// True for the name of a package manager, or of what may stand in front of one.
    pub(in crate::project) fn may_begin(name: &str) -> bool {
        let name = path::base_name(name);
        WRAPPERS.contains(&name) || MANAGERS.iter().any(|(manager, _)| *manager == name)
    }

    /// What a command of a package manager installs; `None` for a word that is not known.
    pub(in crate::project) fn by_manager(words: &[Option<String>]) -> Vec<Option<String>> {
        let Some((program, arguments)) = without_wrappers(words).split_first() else { return Vec::new() };
        let Some(installs) = manager(program) else { return Vec::new() };
        let mut known = arguments.iter().map(Option::as_deref);
        if !known.by_ref().any(|word| word.is_some_and(|word| installs.contains(&word))) {
            return Vec::new();
        }
        let packages = known.filter(|word| word.is_none_or(|word| !word.starts_with('-')));
        packages.map(|word| word.map(|word| without_version(word).to_owned())).collect()
    }
}

/// The words that make this program install, if it is a package manager.
fn manager(program: &Option<String>) -> Option<&'static [&'static str]> {
    let name = path::base_name(program.as_deref()?);
    MANAGERS.iter().find(|(manager, _)| *manager == name).map(|(_, installs)| *installs)
}

fn without_wrappers(words: &[Option<String>]) -> &[Option<String>] {
    let in_front = |word: &&Option<String>| {
        word.as_deref().is_some_and(|word| WRAPPERS.contains(&path::base_name(word)) || word.contains('='))
    };
    &words[words.iter().take_while(in_front).count()..]
}

/// True for a program that may install what its words do not tell: a script, say.
fn is_opaque(words: &[Option<String>]) -> bool {
    let Some(program) = words.first().and_then(Option::as_deref) else { return true };
    let is_tool = !program.contains('/')
        || program.starts_with("/usr/")
        || program.starts_with("/bin/")
        || program.starts_with("/sbin/");
    !is_tool || OPAQUE.contains(&path::base_name(program))
}

fn literal(word: &Word) -> Option<String> {
    word.parts
        .iter()
        .map(|part| match part {
            Part::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// `tini=0.19.0-r3`, `tini~=0.19`, `tini@edge`, `tini/bookworm`, `tini:amd64`
fn without_version(word: &str) -> &str {
    word.split(['=', '~', '<', '>', '@', '/', ':']).next().unwrap_or(word)
}
