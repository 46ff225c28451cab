//! RUN: what its commands do to files, as far as that can be followed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dockerfile::{Heredoc, Step};
use crate::programs::Sh;
use crate::source::{Excerpt, Span};

use super::glob::Glob;
use super::heredoc::{self, Expander};
use super::layers::{Content, Duplicate, Effect, Files, Target, Tree};
use super::path;
use super::vars::Reference;

mod commands;
mod files;
mod output;
mod packages;
mod words;

pub(super) use packages::Installs;

use words::{Body, Item, Part, Redirect, Simple, Word};

/// How deep `sh -c "sh -c ..."` is followed.
const MAX_DEPTH: usize = 4;

/// How many words one word may become.
const MAX_EXPANSION: usize = 64;

/// How much variables may add to a script, in bytes and in multiples of its length: `a=$a$a` doubles a value each time.
const MAX_ADDED: (usize, usize) = (1 << 12, 16);

/// What a RUN instruction does to files, in order. `sh` is the image's `/bin/sh`; `is_own` tells programs that the project brings.
pub(super) fn effects(
    step: &Step<'_>,
    sh: Sh,
    tree: &mut Tree,
    is_own: &dyn Fn(&str) -> bool,
) -> Vec<Effect> {
    let program = step.shell.first().map_or("", |word| path::base_name(word));
    let sh = match program {
        "sh" => sh,
        "bash" => Sh::Bash,
        "dash" => Sh::Dash,
        "ash" | "busybox" => Sh::Ash,
        "ksh" | "mksh" | "zsh" => Sh::Unknown,
        // PowerShell and the like.
        _ => return Vec::new(),
    };
    let instruction = step.instruction;
    let mut runner = Runner {
        step,
        sh,
        tree,
        is_own,
        effects: Vec::new(),
        cwd: step.workdir.to_string(),
        locals: BTreeMap::new(),
        groups: Vec::new(),
        output: None,
        depth: 0,
        room: Cell::new(MAX_ADDED.0 + MAX_ADDED.1 * (instruction.span.end - instruction.span.start)),
    };
    match instruction.exec_form() {
        None => runner.script(&instruction.body, &instruction.heredocs),
        Some(words) => {
            let args = words.iter().map(|word| Arg::literal(word.text())).collect();
            runner.command(args, &Place { script: &instruction.body, command: &Simple::default() });
        }
    }
    runner.effects
}

/// What a command writes to its standard output.
#[derive(Debug, Clone)]
enum Output {
    /// This text.
    Text(Content),
    /// The content of a file, maybe without carriage returns.
    File { path: String, newlines: bool },
    /// The names of files: what `find` prints.
    Names(Vec<Arg>),
}

impl Output {
    fn nothing(place: &Place<'_>) -> Option<Self> {
        Self::text(place, String::new())
    }

    fn text(place: &Place<'_>, text: String) -> Option<Self> {
        let source = place.script.source();
        let excerpt = Excerpt::derived(source, place.script.to_source(place.command.span), text);
        Some(Self::Text(Content::Known(Arc::new(excerpt))))
    }
}

/// A command and where it stands.
#[derive(Clone, Copy)]
struct Place<'s> {
    script: &'s Excerpt,
    command: &'s Simple,
}

/// A word after its expansion.
#[derive(Debug, Clone, Default)]
struct Arg {
    /// What is not known stands as `${NAME}` in it.
    text: String,
    /// The text as a pattern, if it has a wildcard outside of quotes.
    pattern: Option<String>,
    /// A variable that is not known is part of it.
    unknown: bool,
    /// A command's output is part of it.
    computed: bool,
    /// Instead of a word: the files that `find` finds below a directory, with the pattern of their names.
    found: Option<(String, Option<String>)>,
}

impl Arg {
    fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    fn is_known(&self) -> bool {
        !self.unknown && !self.computed && self.found.is_none()
    }
}

/// `(` or `{` that is still open.
struct Group {
    /// Where to return to behind a subshell.
    cwd: Option<String>,
    outputs: Vec<Option<Output>>,
}

/// Follows the commands of one RUN.
struct Runner<'r, 's> {
    step: &'r Step<'s>,
    sh: Sh,
    tree: &'r mut Tree,
    is_own: &'r dyn Fn(&str) -> bool,
    effects: Vec<Effect>,
    cwd: String,
    /// Variables of the script; those of `for` have several values.
    locals: BTreeMap<String, Vec<Arg>>,
    groups: Vec<Group>,
    /// What the command before wrote.
    output: Option<Output>,
    depth: usize,
    /// Bytes that variables may still add.
    room: Cell<usize>,
}

impl Runner<'_, '_> {
    fn script(&mut self, script: &Excerpt, heredocs: &[Heredoc]) {
        if self.depth >= MAX_DEPTH {
            return;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.groups);
        for item in words::split(script, heredocs) {
            match &item {
                Item::Command(command) => self.simple(&Place { script, command }),
                Item::Open { subshell } => {
                    let cwd = subshell.then(|| self.cwd.clone());
                    self.groups.push(Group { cwd, outputs: Vec::new() });
                }
                Item::Close(command) => {
                    let Some(group) = self.groups.pop() else { continue };
                    if let Some(cwd) = group.cwd {
                        self.cwd = cwd;
                    }
                    let place = Place { script, command };
                    let output = output::concatenate(group.outputs, &place);
                    self.redirect(output, "a group of commands", &place);
                }
            }
        }
        self.groups = outer;
        self.depth -= 1;
    }

    fn simple(&mut self, place: &Place<'_>) {
        let mut words = &place.command.words[..];
        while let [first, rest @ ..] = words
            && let Some((name, value)) = assignment(first)
        {
            let value = self.expand(&value);
            self.locals.insert(name, value);
            words = rest;
        }
        if words.is_empty() && place.command.words.is_empty() {
            return self.bare_redirects(place);
        }
        let args: Vec<Arg> = words.iter().flat_map(|word| self.expand(word)).collect();
        if !place.command.piped {
            self.output = None;
        }
        self.command(args, place);
    }

    /// `RUN <<EOF` runs the body; `> file` makes it empty.
    fn bare_redirects(&mut self, place: &Place<'_>) {
        for redirect in &place.command.redirects {
            if let Redirect::Heredoc(body) = redirect
                && self.depth == 1
                && is_shell_script(body.text.text())
            {
                self.script(&body.text, &[]);
            }
        }
        self.redirect(Output::nothing(place), ":", place);
    }

    /// Runs one command and applies its redirects.
    fn command(&mut self, args: Vec<Arg>, place: &Place<'_>) {
        let mut args = &args[..];
        while let [first, rest @ ..] = args
            && matches!(first.text.as_str(), "sudo" | "command" | "exec" | "builtin" | "env" | "nice")
            && rest.first().is_some_and(|next| !next.text.starts_with('-') && !next.text.contains('='))
        {
            args = rest;
        }
        let Some((program, operands)) = args.split_first() else {
            return self.redirect(Output::nothing(place), ":", place);
        };
        let name = path::base_name(&program.text).to_owned();
        if may_change_modes(program, operands) || (program.is_known() && (self.is_own)(&program.text)) {
            let target = Target { files: Files::Any, tree: false, name: None };
            self.effects.push(Effect::Mode { target, executable: None });
        }
        let output = self.dispatch(&name, operands, place);
        self.redirect(output, &name, place);
    }

    fn redirect(&mut self, output: Option<Output>, name: &str, place: &Place<'_>) {
        let mut shown = true;
        for redirect in &place.command.redirects {
            let Redirect::Out { to, append, other } = redirect else { continue };
            shown &= *other;
            for to in self.expand(to) {
                if *other {
                    let reason = self.reason("is written", name, place);
                    self.write(&to, Some(Output::Text(Content::Unreadable(reason))), name, *append, place);
                } else {
                    self.write(&to, output.clone(), name, *append, place);
                }
            }
        }
        let output = if shown { output } else { Output::nothing(place) };
        if let Some(group) = self.groups.last_mut() {
            group.outputs.push(output.clone());
        }
        self.output = output;
    }

    /// Writes an output to a file.
    fn write(&mut self, to: &Arg, output: Option<Output>, name: &str, append: bool, place: &Place<'_>) {
        if !to.is_known() || to.text.starts_with("/dev/") {
            return;
        }
        let path = self.path(&to.text);
        if place.command.conditional {
            return self.obscure(Files::One(path), "may be written", name, place);
        }
        let content = match output {
            Some(Output::Text(content)) => content,
            Some(Output::File { path: from, newlines }) if !append => {
                let executable = Some(Some(false));
                self.duplicate(Duplicate {
                    from,
                    glob: None,
                    to: path.clone(),
                    into: false,
                    moves: false,
                    executable,
                });
                if newlines {
                    self.effects.push(Effect::Newlines(one(path)));
                }
                return;
            }
            _ => Content::Unreadable(self.reason("is written", name, place)),
        };
        self.make_parent(&path);
        self.effects.push(Effect::Write { path, content, append });
    }

    fn duplicate(&mut self, duplicate: Duplicate) {
        self.make_parent(&duplicate.to);
        self.effects.push(Effect::Duplicate(duplicate));
    }

    fn make_parent(&mut self, path: &str) {
        if let Some(parent) = path::parent(path) {
            self.tree.make_directory(parent);
        }
    }

    fn obscure(&mut self, files: Files, verb: &str, name: &str, place: &Place<'_>) {
        let target = Target { files, tree: false, name: None };
        self.effects.push(Effect::Obscure { target, reason: self.reason(verb, name, place) });
    }

    fn reason(&self, verb: &str, name: &str, place: &Place<'_>) -> String {
        let span = place.script.to_source(Span::at(place.command.span.start));
        let line = place.script.source().line(span.start);
        format!("it {verb} by `{name}` in the RUN on line {line}")
    }

    /// A path as the script writes it.
    fn path(&self, text: &str) -> String {
        self.tree.resolve(path::join(&self.cwd, text))
    }

    /// The files that an operand means. `None` if that cannot be known.
    fn target(&self, arg: &Arg, tree: bool) -> Option<Target> {
        if let Some((dir, name)) = &arg.found {
            let name = name.as_deref().map(Glob::new);
            let files = Files::One(self.path(dir));
            // A malformed pattern matches nothing.
            return Some(match name {
                None => Target { files, tree: true, name: None },
                Some(name) => Target { files, tree: true, name: Some(name?) },
            });
        }
        if arg.computed {
            return None;
        }
        let files = match &arg.pattern {
            Some(pattern) => Files::Matching(Glob::new(&path::join(&self.cwd, pattern))?),
            None => Files::One(self.path(&arg.text)),
        };
        Some(Target { files, tree, name: None })
    }

    fn expand(&self, word: &Word) -> Vec<Arg> {
        // As most words are.
        if let [Part::Text { text, quoted }] = &word.parts[..]
            && (*quoted || !super::glob::has_wildcards(text))
        {
            return vec![Arg::literal(text)];
        }
        let mut args = vec![(Arg::default(), String::new(), false)];
        for part in &word.parts {
            let values: Vec<Arg> = match part {
                Part::Text { text, quoted } => {
                    for (arg, pattern, wild) in &mut args {
                        arg.text.push_str(text);
                        *wild |= !quoted && super::glob::has_wildcards(text);
                        push_pattern(pattern, text, *quoted);
                    }
                    continue;
                }
                Part::Unknown => vec![Arg { computed: true, ..Arg::default() }],
                Part::Variable { reference, quoted: true } => self.variable(reference),
                Part::Variable { reference, quoted: false } => {
                    let values = self.variable(reference).into_iter().map(as_pattern);
                    // A shell splits what no quotes hold together.
                    if word.parts.len() > 1 { values.collect() } else { values.flat_map(split).collect() }
                }
            };
            let mut next = Vec::new();
            for (arg, pattern, wild) in &args {
                for value in values.iter().take(MAX_EXPANSION / args.len().max(1)) {
                    let added = arg.text.len() + value.text.len();
                    let Some(room) = self.room.get().checked_sub(added) else {
                        next.push((Arg { computed: true, ..Arg::default() }, String::new(), false));
                        continue;
                    };
                    self.room.set(room);
                    let (mut arg, mut pattern) = (arg.clone(), pattern.clone());
                    arg.text.push_str(&value.text);
                    arg.unknown |= value.unknown;
                    arg.computed |= value.computed;
                    arg.found = arg.found.or_else(|| value.found.clone());
                    match &value.pattern {
                        Some(value) => pattern.push_str(value),
                        None => push_pattern(&mut pattern, &value.text, true),
                    }
                    next.push((arg, pattern, *wild || value.pattern.is_some()));
                }
            }
            args = next;
        }
        let done =
            args.into_iter().map(|(arg, pattern, wild)| Arg { pattern: wild.then_some(pattern), ..arg });
        done.collect()
    }

    fn variable(&self, text: &str) -> Vec<Arg> {
        let Some((reference, _)) = Reference::parse(text) else { return vec![Arg::literal("$")] };
        if let Some(values) = self.locals.get(reference.name) {
            return values.clone();
        }
        let value = reference.value(&|name| {
            if reference.is_special() {
                heredoc::special(name)
            } else {
                self.step.variables.get(name).cloned()
            }
        });
        match value {
            Some(value) => vec![Arg::literal(&value)],
            None => vec![Arg { text: format!("${{{}}}", reference.name), unknown: true, ..Arg::default() }],
        }
    }

    /// The content that a heredoc feeds to a command.
    fn body(&self, body: &Body, place: &Place<'_>) -> Content {
        if !body.expand {
            return Content::Known(Arc::clone(&body.text));
        }
        let get = |name: &str| match self.locals.get(name).map(Vec::as_slice) {
            Some([value]) if value.is_known() => Some(value.text.clone()),
            Some(_) => None,
            None => self.step.variables.get(name).cloned(),
        };
        match heredoc::expand(&body.text, Expander::Shell, &get) {
            Some(text) => Content::Known(Arc::new(text)),
            None => {
                Content::Unreadable(self.reason("holds what a command printed; it is written", "<<", place))
            }
        }
    }
}

/// Exactly one path.
fn one(path: String) -> Target {
    Target { files: Files::One(path), tree: false, name: None }
}

/// The value of a variable outside of quotes, whose wildcards count.
fn as_pattern(value: Arg) -> Arg {
    let wild = value.is_known() && value.pattern.is_none() && super::glob::has_wildcards(&value.text);
    Arg { pattern: if wild { Some(value.text.clone()) } else { value.pattern }, ..value }
}

/// The words of such a value.
fn split(value: Arg) -> Vec<Arg> {
    if !value.is_known() || !value.text.contains(char::is_whitespace) {
        return vec![value];
    }
    value.text.split_whitespace().map(|word| as_pattern(Arg::literal(word))).collect()
}

fn push_pattern(pattern: &mut String, text: &str, quoted: bool) {
    for c in text.chars() {
        if quoted && matches!(c, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
}

/// `NAME=value`
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (Part::Text { text, quoted: false }, rest) = word.parts.split_first()? else { return None };
    let (name, value) = text.split_once('=')?;
    let is_name = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let first = Part::Text { text: value.to_owned(), quoted: false };
    let parts = std::iter::once(first).chain(rest.iter().cloned()).collect();
    is_name.then(|| (name.to_owned(), Word { parts }))
}

/// Whether a shell reads the body of `RUN <<EOF`: it has no `#!`, or that of a shell.
fn is_shell_script(text: &str) -> bool {
    match text.strip_prefix("#!") {
        None => true,
        Some(rest) => {
            let line = rest.lines().next().unwrap_or("");
            line.split_ascii_whitespace().any(|word| path::base_name(word).ends_with("sh"))
        }
    }
}

/// True for a script of the project, and for make: there may be a `chmod` in it.
fn may_change_modes(program: &Arg, operands: &[Arg]) -> bool {
    let runs_script = || operands.first().is_some_and(|first| !first.text.starts_with('-'));
    match path::base_name(&program.text) {
        "make" => true,
        "sh" | "bash" | "ash" | "dash" | "." | "source" => runs_script(),
        name => name.ends_with(".sh") || program.text.starts_with("./"),
    }
}
