//! What scripts do to files while the container starts: `cp`, `mv`, `ln -s`, `mkdir`, `rm`, and what is written by redirections;
//! and which packages they install.

use std::rc::Rc;
use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::pattern::Pattern;
use crate::project::{Deed, ImageFiles, Text, installed_by, may_install};
use crate::shell::{Command, Node, NodeKind, Redirect, Word};
use crate::source::{Excerpt, Place, base_name};

/// What a command does to the files that are its operands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Making {
    Copies,
    Moves,
    Links,
    Folders,
    Pipes,
    Removes,
    /// `tee`
    Writes,
}

impl Making {
    fn of(name: &str) -> Option<Self> {
        Some(match base_name(name) {
            "cp" => Self::Copies,
            "mv" => Self::Moves,
            "ln" => Self::Links,
            "mkdir" => Self::Folders,
            "mkfifo" => Self::Pipes,
            "rm" => Self::Removes,
            "tee" => Self::Writes,
            _ => return None,
        })
    }
}

/// A command's words, apart.
struct Operands<'f> {
    paths: Vec<&'f Field>,
    /// Letters of short options, and long ones.
    options: String,
    /// `-t FOLDER`
    into: Option<&'f Field>,
}

impl Machine<'_, '_> {
    /// What a command that runs now does to files.
    pub(super) fn note_files(&mut self, fields: &[Field], command: &Command, node: &Node) {
        self.note_deeds(self.made_by(fields, command, node));
    }

    /// True for `rm lock` in a trap that guards what the script does before it gives way: behind the trap it removes the same itself.
    pub(super) fn is_removed_later(&self, part: &Node, trap: &Place, exec: &Node) -> bool {
        let script = self.environment.parse(Arc::clone(&exec.excerpt));
        let mut removed = Vec::new();
        collect_removed(&script.statements, &mut |node| {
            let place = node.place();
            if place.source.path() == trap.source.path() && place.span.start >= trap.span.end {
                removed.extend(removed_by(node));
            }
        });
        let own = removed_by(part);
        !own.is_empty() && own.iter().all(|word| removed.contains(word))
    }

    fn made_by(&self, fields: &[Field], command: &Command, node: &Node) -> Vec<Deed> {
        let redirects = command.redirects.iter();
        let written = redirects.filter_map(|redirect| self.written(redirect, fields, command, node));
        self.deeds(fields).into_iter().chain(written).collect()
    }

    /// What a statement does to files that is not followed, whichever way it goes.
    pub(super) fn doubt_files(&mut self, node: &Node) {
        if let NodeKind::Command(command) = &node.kind
            && may_make(command)
        {
            let Some(expander) = self.expander() else { return };
            let fields = expander.fields(&command.words, &node.excerpt);
            let perhaps = self.made_by(&fields, command, node).into_iter().filter_map(|deed| match deed {
                Deed::Copy { to, .. } => Some(Deed::Perhaps(to)),
                Deed::Link { link, .. } => Some(Deed::Perhaps(link)),
                Deed::Write(path, _) | Deed::Perhaps(path) => Some(Deed::Perhaps(path)),
                Deed::Install(package) => Some(Deed::Install(package)),
                Deed::Pipe(path) => Some(Deed::Pipe(path)),
                Deed::Remove(_) | Deed::Folder(_) => None,
            });
            let perhaps = perhaps.collect();
            self.note_deeds(perhaps);
        }
        node.children().into_iter().for_each(|child| self.doubt_files(child));
    }

    fn note_deeds(&mut self, deeds: Vec<Deed>) {
        if !deeds.is_empty() && self.world.stop.is_none() {
            let made = Rc::make_mut(&mut self.world.made);
            deeds.into_iter().for_each(|deed| made.note(deed));
            self.environment.see(&self.world.made);
        }
    }

    fn deeds(&self, fields: &[Field]) -> Vec<Deed> {
        let Some((name, arguments)) = fields.split_first() else { return Vec::new() };
        match name.text().and_then(Making::of) {
            Some(Making::Folders) => {
                let folders = operands(arguments).paths;
                folders.into_iter().filter_map(|folder| self.path(folder).map(Deed::Folder)).collect()
            }
            Some(Making::Pipes) => {
                let pipes = operands(arguments).paths;
                pipes.into_iter().filter_map(|pipe| self.path(pipe).map(Deed::Pipe)).collect()
            }
            Some(Making::Removes) => {
                let gone = operands(arguments).paths;
                gone.into_iter().flat_map(|gone| self.meant(gone)).map(Deed::Remove).collect()
            }
            Some(Making::Writes) => {
                let Operands { paths, options, .. } = operands(arguments);
                let written = paths.into_iter().filter_map(|path| self.path(path));
                let deed = |path| match options.contains('a') {
                    true => Deed::Perhaps(path),
                    false => Deed::Write(path, None),
                };
                written.map(deed).collect()
            }
            Some(making) => self.put(making, operands(arguments)),
            None => {
                let installed = installed_by(fields.iter().map(Field::text));
                installed.into_iter().map(Deed::Install).collect()
            }
        }
    }

    /// `cp A B FOLDER`
    fn put(&self, making: Making, operands: Operands<'_>) -> Vec<Deed> {
        let Operands { mut paths, options, into } = operands;
        let Some(target) = into.or_else(|| paths.pop()) else { return Vec::new() };
        let Some(to) = self.path(target) else {
            return folder_of(target).map(Deed::Perhaps).into_iter().collect();
        };
        let text = target.text().unwrap_or_default();
        let is_folder = into.is_some()
            || paths.len() > 1
            || text.ends_with(['/', '.'])
            || self.environment.running().is_folder(&to);
        let is_folder =
            is_folder && !options.contains('T') && !(making == Making::Links && options.contains('n'));
        let mut deeds = Vec::new();
        for from in paths {
            let written = from.text().unwrap_or_default();
            let sources = self.meant(from);
            if sources.is_empty() {
                deeds.push(if is_folder { Deed::Perhaps(to.clone()) } else { Deed::Write(to.clone(), None) });
            }
            for from in sources {
                let name = base_name(&from);
                // `cp -a folder/. target`
                let whole = written.ends_with("/.") || written == ".";
                let to = if is_folder && !whole { crate::dockerfile::join(&to, name) } else { to.clone() };
                let is_link = making == Making::Links && options.contains('s');
                if is_link {
                    // A link that is not absolute leads on from where it is.
                    let folder = to.rsplit_once('/').map_or("/", |(folder, _)| folder);
                    let target = if written.starts_with('/') {
                        from
                    } else {
                        crate::dockerfile::join(folder, written)
                    };
                    deeds.push(Deed::Link { link: to, target });
                } else {
                    let keeps = options.contains('n');
                    deeds.push(Deed::Copy { from: from.clone(), to, keeps });
                    deeds.extend((making == Making::Moves).then_some(Deed::Remove(from)));
                }
            }
        }
        deeds
    }

    /// The paths that an operand means; none if that is not known.
    fn meant(&self, operand: &Field) -> Vec<String> {
        let Some(path) = self.path(operand) else { return Vec::new() };
        let Some((folder, pattern)) = path.rsplit_once('/').filter(|_| path.contains(['*', '?', '['])) else {
            return vec![path];
        };
        if folder.contains(['*', '?', '[']) {
            return Vec::new();
        }
        let mut wanted = Pattern::default();
        wanted.push(pattern, false);
        let folder = if folder.is_empty() { "/" } else { folder };
        let names = self.environment.running().list(folder).into_iter();
        names
            .filter(|name| wanted.matches(name) && !name.starts_with('.'))
            .map(|name| crate::dockerfile::join(folder, &name))
            .collect()
    }

    fn path(&self, field: &Field) -> Option<String> {
        self.expander()?.absolute(field.text()?)
    }

    /// The file that a redirection writes.
    fn written(&self, redirect: &Redirect, fields: &[Field], command: &Command, node: &Node) -> Option<Deed> {
        let target = redirect.target.as_ref()?;
        let writes = matches!(redirect.operator.as_str(), ">" | ">|" | ">>" | "&>" | "&>>");
        let field = self.expander()?.string(target);
        let Some(path) = self.path(&field).filter(|_| writes) else {
            return folder_of(&field).filter(|_| writes).map(Deed::Perhaps);
        };
        match redirect.operator.as_str() {
            _ if path.starts_with("/dev/") || path.starts_with("/proc/") => None,
            ">>" | "&>>" => Some(Deed::Perhaps(path)),
            _ => Some(Deed::Write(path, self.text(fields, command, node).map(|text| Text(Arc::new(text))))),
        }
    }

    /// What a command prints, where that is easily told: `cat <<EOF`, `echo words`.
    fn text(&self, fields: &[Field], command: &Command, node: &Node) -> Option<Excerpt> {
        let words: Vec<&str> = fields.iter().map(Field::text).collect::<Option<_>>()?;
        match words.as_slice() {
            ["cat"] => self.heredoc(command, node),
            ["echo", words @ ..]
                if !words.iter().any(|word| word.starts_with('-') || word.contains('\\')) =>
            {
                Some(Excerpt::derived(node.excerpt.source(), node.place().span, words.join(" ") + "\n"))
            }
            _ => None,
        }
    }
}

/// False for a command that makes no file, whatever its other words are: most make none.
fn may_make(command: &Command) -> bool {
    let makes = |name: String| Making::of(&name).is_some() || may_install(&name);
    !command.redirects.is_empty()
        || command.words.first().is_some_and(|word| word.literal().is_none_or(makes))
}

/// The folder of a path whose end is not known.
fn folder_of(field: &Field) -> Option<String> {
    let known = field.sketch()?.split(UNKNOWN).next()?;
    let folder = known.rsplit_once('/')?.0;
    folder.starts_with('/').then(|| crate::dockerfile::join("/", folder))
}

fn operands(arguments: &[Field]) -> Operands<'_> {
    let mut operands = Operands { paths: Vec::new(), options: String::new(), into: None };
    let mut arguments = arguments.iter();
    while let Some(field) = arguments.next() {
        match field.text() {
            Some("-t" | "--target-directory") => operands.into = arguments.next(),
            Some("-m" | "--mode" | "-S" | "--suffix") => drop(arguments.next()),
            Some("--symbolic") => operands.options.push('s'),
            Some("--no-clobber") => operands.options.push('n'),
            Some("--no-target-directory") => operands.options.push('T'),
            Some(long) if long.starts_with("--") => {}
            Some(short) if short.starts_with('-') && short.len() > 1 => {
                operands.options.push_str(&short[1..])
            }
            _ => operands.paths.push(field),
        }
    }
    operands
}

/// What `rm` removes, as it is written; quotes and braces around names aside.
fn removed_by(node: &Node) -> Vec<String> {
    let NodeKind::Command(command) = &node.kind else { return Vec::new() };
    let text = |word: &Word| node.excerpt.text().get(word.span.start..word.span.end).unwrap_or("").to_owned();
    let words = command.words.iter().skip(1).map(text).filter(|word| !word.starts_with('-'));
    match node.is_command(&["rm"]) {
        true => words.map(|word| word.replace(['"', '{', '}'], "")).collect(),
        false => Vec::new(),
    }
}

fn collect_removed(list: &[Node], take: &mut dyn FnMut(&Node)) {
    for node in list {
        take(node);
        for child in node.children() {
            collect_removed(std::slice::from_ref(child), take);
        }
    }
}
