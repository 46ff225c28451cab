//! Whether a program of the project is certain to install no handler for the stop signal: its own text, that of all the project's
//! modules that it loads, and packages that are known to install none.

use std::collections::{BTreeSet, VecDeque};

use super::{Found, ImageFiles, path};
use crate::code;
use crate::programs::Language;

/// Files of one program that are read; what is larger is not judged.
const MAX_FILES: usize = 200;

/// True if it is certain that the program at `entry` stays, and installs no handler.
pub fn has_none(files: &dyn ImageFiles, language: Language, entry: &str) -> bool {
    let mut program = Program { files, language, todo: VecDeque::new(), seen: BTreeSet::new() };
    program.add(&candidates(language, entry)) && program.has_none(path::parent(entry).unwrap_or("/"))
}

/// The same for `python -m name`, started in `directory`.
pub fn module_has_none(files: &dyn ImageFiles, directory: &str, name: &str) -> bool {
    let language = Language::Python;
    let mut program = Program { files, language, todo: VecDeque::new(), seen: BTreeSet::new() };
    let entry = path::under(directory, &name.replace('.', "/"));
    program.load_python(name, directory, directory)
        && program.add(&[format!("{entry}/__main__.py"), format!("{entry}.py")])
        && program.has_none(directory)
}

/// A program whose files are being read.
struct Program<'a> {
    files: &'a dyn ImageFiles,
    language: Language,
    todo: VecDeque<(String, String)>,
    seen: BTreeSet<String>,
}

impl Program<'_> {
    /// True if what was added, and all that it loads, stays and installs no handler. `top` is where modules are looked for.
    fn has_none(mut self, top: &str) -> bool {
        let mut stays = false;
        while let Some((place, text)) = self.todo.pop_front() {
            let code = code::read(self.language, &text);
            if code.opaque || code.names_signals {
                return false;
            }
            stays |= code.stays;
            let here = path::parent(&place).unwrap_or("/");
            if !code.modules.iter().all(|module| self.load(module, here, top)) {
                return false;
            }
        }
        stays
    }

    /// Adds the first of these files that is there. False if none is, or it cannot be read.
    fn add(&mut self, candidates: &[String]) -> bool {
        for candidate in candidates {
            match self.files.find(candidate) {
                Found::File(_) if self.seen.len() >= MAX_FILES => return false,
                Found::File(file) => {
                    if self.seen.insert(file.path.clone()) {
                        self.todo.push_back((candidate.clone(), file.text.text().to_owned()));
                    }
                    return true;
                }
                Found::Unreadable(_) | Found::Download(_) => return false,
                Found::Unknown => {}
            }
        }
        false
    }

    /// Follows a module that a file in `here` loads; `top` is where the program itself is. False if it is not known.
    fn load(&mut self, module: &str, here: &str, top: &str) -> bool {
        match self.language {
            Language::JavaScript if module.starts_with(['.', '/']) => {
                // Data holds no code.
                module.ends_with(".json") || self.add(&candidates(self.language, &path::join(here, module)))
            }
            Language::JavaScript => self.language.modules().is_silent(module),
            Language::Python => self.load_python(module, here, top),
        }
    }

    fn load_python(&mut self, module: &str, here: &str, top: &str) -> bool {
        let dots = module.len() - module.trim_start_matches('.').len();
        let name = &module[dots..];
        let mut base = if dots == 0 { top } else { here };
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
