//! `rules/modules.toml`: which modules install no handler for the stop signal.

use std::sync::OnceLock;

use serde::Deserialize;

use super::Language;
use super::signals::Handler;

/// What is known of the modules of one language.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modules {
    /// What comes with the interpreter.
    pub builtin: Vec<String>,
    /// What is installed.
    pub packages: Vec<String>,
    /// Variables that make the interpreter load more.
    pub environment: Vec<String>,
    /// Signals that the interpreter itself ends on.
    #[serde(default)]
    pub graceful: Vec<String>,
    /// What this was seen with.
    pub version: String,
    /// `measured`, or an address.
    pub source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    javascript: Modules,
    python: Modules,
}

impl Language {
    /// The modules of the language.
    pub fn modules(self) -> &'static Modules {
        static FILE: OnceLock<File> = OnceLock::new();
        // The file is part of the program and a test reads it, so that the default is never taken.
        let json = include_str!(concat!(env!("OUT_DIR"), "/modules.json"));
        let file = FILE.get_or_init(|| serde_json::from_str(json).unwrap_or_default());
        match self {
            Self::JavaScript => &file.javascript,
            Self::Python => &file.python,
        }
    }
}

impl Modules {
    /// True if a module, by the name that a program loads it by, installs no handler.
    pub fn is_silent(&self, name: &str) -> bool {
        let name = name.strip_prefix("node:").unwrap_or(name);
        self.builtin.iter().chain(&self.packages).any(|known| {
            name.strip_prefix(known.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
        })
    }

    /// What a program does that installs no handler of its own.
    pub fn without_handler(&self) -> Handler {
        Handler { graceful: self.graceful.clone(), none: true, ..Handler::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_known_by_their_names() {
        let (javascript, python) = (Language::JavaScript.modules(), Language::Python.modules());
        for name in ["express", "node:http", "fs/promises", "@koa/router", "socket.io", "lodash/get"] {
            assert!(javascript.is_silent(name), "{name}");
        }
        for name in ["express-graceful", "process", "node:process", "@koa", "next", "module"] {
            assert!(!javascript.is_silent(name), "{name}");
        }
        assert!(python.is_silent("os.path") && python.is_silent("flask.Flask"));
        assert!(!python.is_silent("signal") && !python.is_silent("osx"));
    }
}
