//! Text that a shell reads as commands: `eval`, and files that it sources.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::field::{Field, UNKNOWN};
use super::inert;
use super::machine::{Machine, words_of};
use super::path::MishapKind;
use super::shell::{Frame, Status};
use crate::shell::{Command, List, Node, NodeKind, Part, Word};
use crate::source::{Excerpt, base_name};

/// Ends of the names of files that set variables: they define no functions that a script calls, and start nothing.
const SETTINGS: [&str; 12] = [
    "/activate",
    "/profile",
    "/.profile",
    "/.bash_profile",
    "bashrc",
    "env",
    "env.sh",
    "envvars",
    "environment",
    "os-release",
    "/setup.bash",
    "/setvars.sh",
];

fn is_settings(path: &str) -> bool {
    SETTINGS.iter().any(|end| path.ends_with(end))
}

/// True for a file of settings, and for the hooks of a folder like `/entrypoint.d`: a script calls no function that only these define.
pub(super) fn defines_no_functions(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    // What `profile.d` holds is there to define something for whoever reads it: `module`, `nvm`.
    is_settings(path) || (folder.ends_with(".d") && !folder.ends_with("/profile.d"))
}

impl Machine<'_, '_> {
    pub(super) fn eval(&mut self, arguments: &[Field], node: &Node) {
        let text: Option<Vec<&str>> = arguments.iter().map(Field::text).collect();
        self.world.path.evaluates |= arguments.iter().any(|field| field.overridable);
        match text {
            Some(words) => {
                let excerpt = match arguments {
                    [Field { excerpt: Some(excerpt), .. }] => Arc::clone(excerpt),
                    _ => {
                        Arc::new(Excerpt::derived(node.excerpt.source(), node.place().span, words.join(" ")))
                    }
                };
                self.run_text(excerpt);
            }
            None => {
                // What it runs is unknown, and so is how: it may hold an exec.
                let first = arguments.first().and_then(Field::text);
                if first == Some("exec") {
                    let resolved = self.resolve(&arguments[1..], node);
                    self.replace(&resolved);
                } else if let Some(line) = self.known_program(arguments, node) {
                    self.run_text(line);
                } else {
                    let sketch = arguments.first().and_then(|field| field.text().or(field.sketch()));
                    let sets_trap = sketch.is_some_and(|text| text.split_whitespace().next() == Some("trap"));
                    self.with(|shell| shell.may_trap |= sets_trap);
                    self.read_unknown(node, "what eval runs is not known", Status::UNKNOWN);
                }
            }
        }
    }

    /// `CMD="gunicorn --bind :$PORT app"; eval "$CMD"`: a program of the tables, of which some arguments are not known.
    fn known_program(&self, arguments: &[Field], node: &Node) -> Option<Arc<Excerpt>> {
        // Only what stands in front has to be known as a command's name.
        arguments.first().filter(|first| first.text().is_some() || first.sketch().is_some())?;
        let words = arguments.iter().map(|word| word.text().or(word.sketch.as_deref()).unwrap_or(UNKNOWN));
        let line = words.collect::<Vec<_>>().join(" ");
        let line = Arc::new(Excerpt::derived(node.excerpt.source(), node.place().span, line));
        let script = self.environment.parse(Arc::clone(&line));
        let [Node { kind: NodeKind::Command(command), .. }] = script.statements.as_ref() else { return None };
        let is_whole = script.errors.is_empty() && command.assignments.is_empty();
        let words = command.words.iter().map(|word| word.literal().filter(|word| !word.contains(UNKNOWN)));
        let words: Vec<Option<String>> = words.skip_while(|word| word.as_deref() == Some("exec")).collect();
        let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
        let (name, arguments) = words.split_first().filter(|_| is_whole)?;
        self.environment.tables.program((*name)?, arguments).map(|_| line)
    }

    pub(super) fn source(&mut self, name: &str, arguments: &[Field], command: &Command, node: &Node) {
        if name == "source" && !self.shell().is_some_and(|shell| shell.dialect != Dialect::Dash) {
            self.mishap(MishapKind::Bashism, node);
            self.set_status(Status::known(127));
            return;
        }
        let directory = self.shell().and_then(|shell| shell.directory.clone());
        let shown = command.words.get(1).and_then(|word| self.shown_by_cat(word, node));
        let path = shown.as_deref().or_else(|| arguments.first().and_then(Field::text));
        let file = path.and_then(|path| self.environment.script_file(path, directory.as_deref()));
        match file {
            Some(file) if self.shell().is_some_and(|shell| shell.frames.len() < 200) => {
                let old = self.shell().map(|shell| Rc::clone(&shell.positional));
                let positional = old.filter(|_| arguments.len() > 1);
                let has_own = positional.is_some();
                // What is found on PATH goes by where it was found.
                let given = path.filter(|path| path.contains('/')).unwrap_or(&file.path);
                let path = Field::known(given);
                self.push(Frame::Source { positional, path });
                if has_own {
                    let own = Rc::new(arguments[1..].to_vec());
                    self.with(|shell| shell.set_arguments(own));
                }
                self.run_text(file.text);
            }
            _ => {
                let path = path.or_else(|| arguments.first().and_then(|field| field.sketch.as_deref()));
                if path.is_some_and(is_settings) {
                    self.with(|shell| shell.reads_unknown = true);
                    self.set_status_quietly(Status::known(0));
                    return;
                }
                if !path.is_some_and(defines_no_functions) {
                    // What a folder holds, or the caller may name, is there to add to the script, not to stop it.
                    let name = path.map(base_name);
                    let is_named = name.is_some_and(|name| !name.contains('*') && !name.contains(UNKNOWN));
                    self.with(|shell| {
                        shell.has_unknown_functions = true;
                        shell.may_trap |= is_named;
                    });
                }
                self.read_unknown(
                    node,
                    "the content of a file that the script reads is not known",
                    Status::known(0),
                );
            }
        }
    }

    /// `$(while true; do renew; sleep 1d; done) &`: what a job expands before it has a command to run, as the subshell that it waits for,
    /// where that has a loop without end. What begins with a pause, and is all of it, is not there to print a command.
    pub(super) fn expanded_first(&self, command: &Command, node: &Node) -> Option<List> {
        let subshell = |list: &List| Node { kind: NodeKind::Subshell(Arc::clone(list)), ..node.clone() };
        let pauses = |list: &List| list.first().is_some_and(|first| first.is_command(&["sleep"]));
        if let [word] = command.words.as_slice()
            && let Some(Part::Substitution(list, _)) = word.only_part()
            && pauses(list)
        {
            return Some(Arc::from([subshell(list)]));
        }
        let mut parts = words_of(node).into_iter().flat_map(|word| &word.parts);
        parts.find_map(|part| match part {
            Part::Substitution(list, _) if list.iter().any(inert::goes_on) => {
                Some(Arc::from([subshell(list), node.clone()]))
            }
            _ => None,
        })
    }

    /// `source <(cat file)`
    fn shown_by_cat(&self, word: &Word, node: &Node) -> Option<String> {
        let [Part::ProcessSubstitution(list)] = word.parts.as_slice() else { return None };
        let [Node { kind: NodeKind::Command(command), .. }] = list.as_ref() else { return None };
        match self.expander()?.fields(&command.words, &node.excerpt).as_slice() {
            [cat, file] if cat.text() == Some("cat") => file.text().map(str::to_owned),
            _ => None,
        }
    }

    /// Text that nobody has seen sets variables, as a rule; where nothing else is the service, it may start that.
    pub(super) fn read_unknown(&mut self, node: &Node, reason: &str, status: Status) {
        if self.stays(node) {
            self.stay_unknown(node, reason);
        } else {
            self.with(|shell| {
                shell.reads_unknown = true;
                shell.may_start = true;
                shell.claims = Rc::default();
            });
            self.set_status_quietly(status);
        }
    }
}
