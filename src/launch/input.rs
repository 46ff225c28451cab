//! Whether what a shell has in the foreground reads its standard input: as a job it would read nothing.

use std::sync::Arc;

use super::environment::Environment;
use super::field::Field;
use super::resolve::{Child, MAX_DEPTH, Resolved, What};
use super::shell::Waiting;
use super::world::{Pid, Process, Role, World};
use crate::shell::{Command, Node, NodeKind, Redirect, Word};
use crate::source::{Excerpt, Place};

/// Built-ins that read the standard input.
const READERS: [&str; 3] = ["mapfile", "read", "readarray"];

/// True if a program in front of a shell, or what the shell has become, or a script of theirs, reads what somebody types.
pub(super) fn is_read(environment: &Environment<'_>, world: &World, pid: Pid) -> bool {
    environment.see(&world.made);
    let Some(process) = world.process(pid) else { return false };
    let reader = Reader { environment, directory: None, depth: 0 };
    match &process.role {
        Role::Shell(shell) => {
            let Waiting::Foreground { node, pids, .. } = &shell.waiting else { return false };
            let reader = Reader { directory: shell.directory.as_deref(), ..reader };
            reader.statement(node) || pids.iter().any(|&pid| is_read_below(&reader, world, pid))
        }
        _ => {
            process.identity.place.as_ref().is_some_and(|place| reader.program(&process.identity.argv, place))
        }
    }
}

fn is_read_below(reader: &Reader<'_, '_>, world: &World, pid: Pid) -> bool {
    let Some(process) = world.process(pid).filter(|process| world.alive(process.pid)) else { return false };
    reader.process(process)
        || world.children(pid).into_iter().any(|child| is_read_below(reader, world, child))
}

/// Looks for what reads the standard input of a shell.
#[derive(Clone, Copy)]
struct Reader<'r, 'e> {
    environment: &'r Environment<'e>,
    directory: Option<&'r str>,
    /// How many scripts start one another.
    depth: usize,
}

impl Reader<'_, '_> {
    /// A process, and what it was before.
    fn process(&self, process: &Process) -> bool {
        let directory = match &process.role {
            Role::Shell(shell) => shell.directory.as_deref(),
            _ => self.directory,
        };
        let reader = Reader { directory: directory.or(self.directory), ..*self };
        let identities = process.before.iter().chain([&process.identity]);
        identities.into_iter().any(|own| own.place.as_ref().is_some_and(|at| reader.program(&own.argv, at)))
    }

    /// A program, by its command line.
    fn program(&self, argv: &[Field], place: &Place) -> bool {
        let shown: Vec<String> = argv.iter().map(Field::shown).collect();
        let key = (shown.join("\0"), self.directory.map(str::to_owned));
        if self.depth > MAX_DEPTH {
            return false;
        }
        if let Some(&known) = self.environment.readers.borrow().get(&key) {
            return known;
        }
        // What starts itself is asked once.
        self.environment.readers.borrow_mut().insert(key.clone(), false);
        let resolved = self.environment.resolve(argv, place, self.directory, None);
        let reads = self.resolved(&resolved, place);
        self.environment.readers.borrow_mut().insert(key, reads);
        reads
    }

    fn resolved(&self, resolved: &Resolved, place: &Place) -> bool {
        let directory = resolved.directory.as_deref().or(self.directory);
        let inner = Reader { directory, depth: self.depth + 1, ..*self };
        let is_program =
            resolved.entry.as_ref().is_some_and(|entry| entry.reads_input(self.environment.files));
        is_program
            || match &resolved.what {
                What::Shell(start) => start.script.statements.iter().any(|node| inner.statement(node)),
                What::Forward(forward) => match &forward.child {
                    Child::Command(argv) => inner.program(argv, place),
                    Child::Line(text, ..) => inner.text(Arc::clone(text)),
                    Child::Own(_) => false,
                },
                // What nobody has seen may as well be a menu.
                What::Unread(_) => true,
                _ => false,
            }
    }

    fn text(&self, text: Arc<Excerpt>) -> bool {
        self.environment.parse(text).statements.iter().any(|node| self.statement(node))
    }

    /// A statement, and what it holds, unless it has another standard input.
    fn statement(&self, node: &Node) -> bool {
        match &node.kind {
            NodeKind::Command(command) => !has_input(&command.redirects) && self.command(command, node),
            NodeKind::Redirected(_, redirects) if has_input(redirects) => false,
            NodeKind::Background(_) => false,
            NodeKind::Pipeline(stages) => stages.first().is_some_and(|first| self.statement(first)),
            _ => node.children().into_iter().any(|child| self.statement(child)),
        }
    }

    fn command(&self, command: &Command, node: &Node) -> bool {
        let words: Vec<Option<String>> = command.words.iter().map(Word::literal).collect();
        let mut known = words.iter().map(Option::as_deref);
        let name = known.next().flatten();
        match (name, known.next().flatten()) {
            (Some(name), _) if READERS.contains(&name) => !known_descriptor(&words),
            (Some("." | "source"), Some(file)) => {
                let file = self.environment.script_file(file, self.directory);
                let inner = Self { depth: self.depth + 1, ..*self };
                self.depth <= MAX_DEPTH && file.is_some_and(|file| inner.text(file.text))
            }
            (Some("exec" | "command"), Some(_)) => self.words(&words[1..], node),
            _ => self.words(&words, node),
        }
    }

    /// A program of the project, or a wrapper around one, as far as its words are written out.
    fn words(&self, words: &[Option<String>], node: &Node) -> bool {
        let field = |word: &Option<String>| word.as_deref().map_or_else(|| Field::unknown(""), Field::known);
        let argv: Vec<Field> = words.iter().map(field).collect();
        let name = argv.first().and_then(Field::text);
        name.is_some_and(|name| !super::is_builtin(name)) && self.program(&argv, &node.place())
    }
}

/// True where the standard input comes from elsewhere.
fn has_input(redirects: &[Redirect]) -> bool {
    redirects.iter().any(|redirect| redirect.operator.starts_with('<'))
}

/// `read -u 3`
fn known_descriptor(words: &[Option<String>]) -> bool {
    words.iter().flatten().any(|word| word.starts_with("-u"))
}
