//! Whether a program of the project is certain to install no handler for the stop signal, and whether it reads its standard input: its own
//! text, that of all the project's modules that it loads, and packages that are known to install none.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::{Found, ImageFiles, path};
use crate::code;
use crate::programs::Language;
use crate::source::Excerpt;

/// Files of one program that are read; what is larger is not judged.
const MAX_FILES: usize = 200;

/// A program of the project, as an interpreter is told to run it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is written in.
    pub language: Language,
    /// Its file, or the module of `python -m name`.
    pub name: String,
    /// True for a module.
    pub is_module: bool,
    /// Where it is started.
    pub directory: String,
}

impl Entry {
    /// True if it is certain that it stays, and installs no handler.
    pub fn has_no_handler(&self, files: &dyn ImageFiles) -> bool {
        Program::new(files, self).is_some_and(Program::has_no_handler)
    }

    /// True if its own file tells a server to serve.
    pub fn serves(&self, files: &dyn ImageFiles) -> bool {
        Program::new(files, self).is_some_and(|program| {
            program.todo.iter().any(|(_, text)| code::read(program.language, text.text()).serves)
        })
    }

    /// True if it reads its standard input, as far as its files are there.
    pub fn reads_input(&self, files: &dyn ImageFiles) -> bool {
        Program::new(files, self).is_some_and(Program::reads_input)
    }
}

/// A program whose files are being read.
struct Program<'a> {
    files: &'a dyn ImageFiles,
    language: Language,
    /// Where modules are looked for.
    top: String,
    todo: VecDeque<(String, Arc<Excerpt>)>,
    seen: BTreeSet<String>,
}

impl<'a> Program<'a> {
    /// `None` if its file is not known.
    fn new(files: &'a dyn ImageFiles, entry: &Entry) -> Option<Self> {
        let Entry { language, name, directory, .. } = entry;
        let (todo, seen) = (VecDeque::new(), BTreeSet::new());
        let mut program = Self { files, language: *language, top: directory.clone(), todo, seen };
        let is_known = if entry.is_module {
            let path = path::under(directory, &name.replace('.', "/"));
            program.load_python(name, directory)
                && program.add(&[format!("{path}/__main__.py"), format!("{path}.py")])
        } else {
            let path = path::join(directory, name);
            path::parent(&path).unwrap_or("/").clone_into(&mut program.top);
            program.add(&candidates(*language, &path))
        };
        is_known.then_some(program)
    }

    /// True if what was added, and all that it loads, stays and installs no handler.
    fn has_no_handler(mut self) -> bool {
        let mut stays = false;
        while let Some((place, text)) = self.todo.pop_front() {
            let code = code::read(self.language, text.text());
            if code.opaque || code.names_signals {
                return false;
            }
            stays |= code.stays;
            let here = path::parent(&place).unwrap_or("/");
            if !code.modules.iter().all(|module| self.load(module, here)) {
                return false;
            }
        }
        stays
    }

    /// True if something of it reads the standard input.
    fn reads_input(mut self) -> bool {
        while let Some((place, text)) = self.todo.pop_front() {
            let code = code::read(self.language, text.text());
            if code.reads_input {
                return true;
            }
            let here = path::parent(&place).unwrap_or("/");
            for module in &code.modules {
                self.load(module, here);
            }
        }
        false
    }

    /// Adds the first of these files that is there. False if none is, or it cannot be read.
    fn add(&mut self, candidates: &[String]) -> bool {
        for candidate in candidates {
            match self.files.find(candidate) {
                Found::File(_) if self.seen.len() >= MAX_FILES => return false,
                Found::File(file) => {
                    if self.seen.insert(file.path.clone()) {
                        self.todo.push_back((candidate.clone(), file.text));
                    }
                    return true;
                }
                Found::Unreadable(_) | Found::Download(_) => return false,
                Found::Unknown => {}
            }
        }
        false
    }

    /// Follows a module that a file in `here` loads. False if it is not known.
    fn load(&mut self, module: &str, here: &str) -> bool {
        match self.language {
            Language::JavaScript if module.starts_with(['.', '/']) => {
                // Data holds no code.
                module.ends_with(".json") || self.add(&candidates(self.language, &path::join(here, module)))
            }
            Language::JavaScript => self.language.modules().is_silent(module),
            Language::Python => self.load_python(module, here),
        }
    }

    fn load_python(&mut self, module: &str, here: &str) -> bool {
        let dots = module.len() - module.trim_start_matches('.').len();
        let name = &module[dots..];
        let top = self.top.clone();
        let mut base = if dots == 0 { &top } else { here };
        for _ in 1..dots {
            base = path::parent(base).unwrap_or("/");
        }
        // `a.b.c`: the packages on the way are loaded as well; the last part may be a name in a module.
        let (mut at, mut is_own) = (base.to_owned(), dots > 0);
        for part in name.split('.').filter(|part| !part.is_empty()) {
            at = path::under(&at, part);
            if self.add(&candidates(self.language, &at)) {
                is_own = true;
            } else if !self.files.list(&at).is_empty() {
                // A package without `__init__.py`.
                is_own = true;
            } else {
                break;
            }
        }
        is_own || self.language.modules().is_silent(module)
    }
}

/// The files that a path may mean.
fn candidates(language: Language, path: &str) -> Vec<String> {
    let endings: &[&str] = match language {
        Language::JavaScript => &["", ".js", ".mjs", ".cjs", "/index.js", "/index.mjs", "/index.cjs"],
        Language::Python => &["", ".py", "/__init__.py"],
    };
    endings.iter().map(|ending| format!("{path}{ending}")).collect()
}
