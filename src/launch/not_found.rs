//! Names under which no program can be found: whole command lines, text that nothing expanded, scripts that are not on PATH.

use std::rc::Rc;
use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::interpreter::Broken;
use super::machine::Machine;
use super::resolve::{Resolver, is_script_name};
use super::shell::Origin;
use crate::dockerfile::{Keyword, join};
use crate::programs::{Kind, Program};
use crate::project::{Found, ImageFile};
use crate::shell::{Command, Node, Operation, Part};
use crate::source::{Encoding, Excerpt};

impl Resolver<'_, '_> {
    /// Why no program can have this name, and the word that asks for it; `None` where one may.
    pub(super) fn not_found(&self, field: &Field, name: &str) -> Option<(Broken, Rc<ImageFile>)> {
        if name.starts_with('[') {
            let whole = Excerpt::derived(&self.place.source, self.place.span, name);
            return Some((Broken::Brackets, written(&Arc::new(whole))));
        }
        // What a shell has put together in quotes (`exec "$*"`) has no place of its own.
        if field.excerpt.is_none() && self.caller.is_some() && self.is_command_line(name) {
            let whole = Excerpt::derived(&self.place.source, self.place.span, name);
            return Some((Broken::NoSuchProgram, written(&Arc::new(whole))));
        }
        // What the model itself calls a command is written nowhere.
        let text = field.excerpt.as_ref().filter(|_| !name.contains(UNKNOWN))?;
        let is_written = text.encoding() != Encoding::Derived;
        let by_kernel = self.caller.is_none();
        // Of a base that is not known, it may be an argument of its ENTRYPOINT.
        let image = self.environment.image;
        if by_kernel && image.entrypoint.is_none() && !image.base.known {
            return None;
        }
        let broken = if by_kernel && is_variable(name) {
            Broken::Variable
        } else if is_for_shells(name) {
            if by_kernel { Broken::ShellOnly } else { Broken::AfterExec }
        } else if name.is_empty() && !by_kernel && !field.overridable {
            Broken::Empty
        } else if (is_written && self.is_command_line(name)) || name.contains("\\n") {
            Broken::NoSuchProgram
        } else if self.lies_in_directory(name) {
            Broken::NotOnPath
        } else {
            return None;
        };
        Some((broken, written(text)))
    }

    /// Why the engine does not find an init: another stage installs it, or its package puts it elsewhere.
    pub(super) fn missing_init(
        &self,
        row: &Program,
        field: &Field,
        name: &str,
    ) -> Option<(Broken, Rc<ImageFile>)> {
        let text = field.excerpt.as_ref().filter(|_| row.kind == Kind::Init)?;
        Some((self.environment.missing_init(text, name)?, written(text)))
    }

    /// `python3 app.py` as one word. A program may have blanks in its name (`Plex Media Server`), but then no option follows it.
    fn is_command_line(&self, name: &str) -> bool {
        let Some((program, rest)) = name.split_once(|c: char| c.is_ascii_whitespace()) else { return false };
        let is_file = || !matches!(self.environment.find(&self.absolute(program)), Found::Unknown);
        let is_known = || {
            self.environment.tables.program(program, &[]).is_some()
                || self.environment.which(program).is_some()
        };
        rest.starts_with('-') || rest.contains(" -") || is_file() || (!program.contains('/') && is_known())
    }

    /// A script by its bare name, which COPY puts into the working directory: nobody looks for programs there.
    fn lies_in_directory(&self, name: &str) -> bool {
        let image = self.environment.image;
        let path = image.env.get("PATH").map(String::as_str).unwrap_or_default();
        let is_named = |keyword: Keyword, text: &str| keyword == Keyword::Run && text.contains(name);
        let mut instructions = image.dockerfile.instructions.iter();
        let own = Arc::ptr_eq(&self.place.source, &image.dockerfile.source);
        own && is_script_name(name)
            && !name.contains('/')
            && image.base.known
            && !path.contains('$')
            // What the base image itself has on PATH is not known.
            && !image.workdir.ends_with("bin")
            && path.split(':').all(|folder| path.is_empty() || folder.starts_with('/'))
            && !path.contains(UNKNOWN)
            && !instructions.any(|step| is_named(step.keyword, step.body.text()))
            && matches!(self.environment.find(&self.absolute(name)), Found::File(_))
    }

    fn absolute(&self, path: &str) -> String {
        join(self.directory.as_deref().unwrap_or(&self.environment.image.workdir), path)
    }
}

impl Machine<'_, '_> {
    /// `CMD $APP --port 80` where only an ARG gives `$APP`: that is for the build.
    pub(super) fn build_argument(&self, command: &Command, node: &Node) -> Option<(Broken, Rc<ImageFile>)> {
        let shell = self.shell()?;
        let is_own = matches!(shell.origin, Origin::ShellForm(_)) && self.world.stop.is_none();
        let word = command.words.first().filter(|_| is_own)?;
        let is_for_build = |part: &Part| match part {
            Part::Parameter(parameter, _) if matches!(parameter.operation, Operation::Plain) => {
                !shell.variables.contains_key(&parameter.name)
                    && self.environment.image.build_arguments().contains(&parameter.name.as_str())
            }
            _ => false,
        };
        let text = || Arc::new(node.excerpt.sub(word.span));
        word.parts.iter().any(is_for_build).then(|| (Broken::BuildArgument, written(&text())))
    }
}

/// The word that asks for it, in a file's place.
pub(super) fn written(text: &Arc<Excerpt>) -> Rc<ImageFile> {
    let path = text.text().to_owned();
    Rc::new(ImageFile { path, text: Arc::clone(text), executable: None, by: None })
}

/// What no distribution has a program for, and `NAME=value`.
fn is_for_shells(name: &str) -> bool {
    let is_name = |text: &str| {
        !text.starts_with(|c: char| c.is_ascii_digit())
            && !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    matches!(name, "exec" | "source" | "." | "export" | "eval" | "set" | "trap")
        || name.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// `$APP_HOME/start.sh`
fn is_variable(name: &str) -> bool {
    let rest = name.split_once('$').map_or("", |(_, rest)| rest).trim_start_matches('{');
    rest.starts_with(|c: char| c.is_ascii_uppercase())
}
