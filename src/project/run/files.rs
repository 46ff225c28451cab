//! Commands whose purpose is to make, move and mark files.

use super::{Arg, Duplicate, Effect, Files, Place, Runner, Target, one, path};
use crate::project::glob::Glob;
use crate::project::mode;

/// The arguments of `cp`, `mv`, `install` and `ln`.
struct CopyArgs<'a> {
    sources: Vec<&'a Arg>,
    dest: &'a Arg,
    /// The destination is a directory by the way the command is written.
    into: bool,
    /// `install -m`
    executable: Option<Option<bool>>,
}

impl<'a> CopyArgs<'a> {
    fn read(name: &str, args: &'a [Arg]) -> Option<Self> {
        let installs = name == "install";
        let mut sources = Vec::new();
        let mut executable = installs.then_some(Some(true));
        let mut dir = None;
        let mut words = args.iter();
        while let Some(arg) = words.next() {
            match arg.text.strip_prefix('-') {
                None | Some("") => sources.push(arg),
                Some("t" | "-target-directory") => dir = words.next(),
                Some("o" | "g") if installs => drop(words.next()),
                Some(long) if installs && long.starts_with("-mode=") => {
                    executable = mode::executable(&long["-mode=".len()..]);
                }
                // `-m 755`, `-m755`, `-Dm755`
                Some(flags) if installs && !flags.starts_with('-') => {
                    if let Some((_, joined)) = flags.split_once('m') {
                        let mode = if joined.is_empty() { words.next()?.text.as_str() } else { joined };
                        executable = mode::executable(mode);
                    }
                }
                Some(_) => {}
            }
        }
        let into = dir.is_some() || sources.len() > 2;
        let dest = dir.or_else(|| sources.pop())?;
        Some(Self { sources, dest, into: into || path::says_directory(&dest.text), executable })
    }
}

impl Runner<'_, '_> {
    pub(super) fn mkdir(&mut self, args: &[Arg]) {
        for arg in args.iter().filter(|arg| !arg.text.starts_with('-') && !arg.computed) {
            let path = self.path(&arg.text);
            self.tree.make_directory(&path);
        }
    }

    pub(super) fn chmod(&mut self, args: &[Arg]) {
        let is_flag = |arg: &Arg| {
            arg.text.strip_prefix('-').is_some_and(|rest| {
                rest.starts_with('-') || !rest.is_empty() && rest.chars().all(|c| "Rvfc".contains(c))
            })
        };
        let recursive = args.iter().any(|arg| {
            arg.text == "--recursive" || is_flag(arg) && !arg.text.starts_with("--") && arg.text.contains('R')
        });
        let mut operands = args.iter().filter(|arg| !is_flag(arg));
        let Some(mode) = operands.next() else { return };
        let executable = if mode.is_known() { mode::executable(&mode.text) } else { Some(None) };
        let Some(executable) = executable else { return };
        for arg in operands {
            let guess = !arg.is_known() && arg.found.is_none();
            if guess && executable != Some(false) {
                let target = Target { files: Files::Any, tree: false, name: None };
                self.effects.push(Effect::Mode { target, executable: None });
            }
            if let Some(target) = self.target(arg, recursive) {
                self.effects.push(Effect::Mode { target, executable });
            }
        }
    }

    pub(super) fn ln(&mut self, args: &[Arg], place: &Place<'_>) {
        let flags: String =
            args.iter().filter(|arg| arg.text.starts_with('-')).map(|arg| &*arg.text).collect();
        if !flags.contains("-symbolic") && !flags.replace("--", "").contains('s') {
            return self.copy("ln", args, place);
        }
        let operands: Vec<&Arg> = args.iter().filter(|arg| !arg.text.starts_with('-')).collect();
        let (targets, last) = match &operands[..] {
            [] => return,
            [only] => (vec![*only], "."),
            [targets @ .., last] => (targets.to_vec(), last.text.as_str()),
        };
        let to = self.path(last);
        let into = targets.len() > 1
            || path::says_directory(last)
            || self.tree.is_directory(&to) && !flags.contains(['n', 'T']);
        for target in targets {
            let link = if into { path::under(&to, path::base_name(&target.text)) } else { to.clone() };
            let target = path::join(path::parent(&link).unwrap_or("/"), &target.text);
            if link != target {
                self.tree.link(&link, &target);
                self.effects.push(Effect::Link { link, target });
            }
        }
    }

    pub(super) fn copy(&mut self, name: &str, args: &[Arg], place: &Place<'_>) {
        if name == "install" && args.iter().any(|arg| matches!(arg.text.as_str(), "-d" | "--directory")) {
            return self.mkdir(args);
        }
        let Some(CopyArgs { sources, dest, into, executable }) = CopyArgs::read(name, args) else { return };
        if !dest.is_known() {
            return;
        }
        let to = self.path(&dest.text);
        let into = into || self.tree.is_directory(&to);
        let moves = name == "mv";
        for source in sources.into_iter().filter(|source| source.is_known()) {
            // `cp -r dir/. to` copies what is in the directory.
            let into = into && !source.text.ends_with("/.") && source.text != ".";
            let from = self.path(source.pattern.as_deref().unwrap_or(&source.text));
            let glob = source.pattern.is_some().then(|| Glob::new(path::base_name(&from))).flatten();
            let made = if into { path::under(&to, path::base_name(&from)) } else { to.clone() };
            if place.command.conditional {
                self.obscure(Files::One(made), "may be replaced", name, place);
                continue;
            }
            if self.tree.is_directory(&from) {
                self.tree.make_directory(&made);
            } else if into {
                self.tree.make_directory(&to);
            }
            if moves && glob.is_none() {
                self.tree.remove(&from);
            }
            self.duplicate(Duplicate { from, glob, to: to.clone(), into, moves, executable });
        }
    }

    pub(super) fn rm(&mut self, args: &[Arg], place: &Place<'_>) {
        let flags = args.iter().filter(|arg| arg.text.starts_with('-'));
        let tree = flags.clone().any(|arg| arg.text == "--recursive" || arg.text.contains(['r', 'R']));
        for arg in args.iter().filter(|arg| !arg.text.starts_with('-')) {
            let Some(target) = self.target(arg, tree) else { continue };
            if place.command.conditional {
                let reason = self.reason("may be removed", "rm", place);
                self.effects.push(Effect::Obscure { target, reason });
                continue;
            }
            if let Files::One(_) = &target.files
                && arg.found.is_none()
            {
                // The link itself goes, not what it points to.
                let path = path::join(&self.cwd, &arg.text);
                self.tree.remove(&path);
                self.effects.push(Effect::Remove(Target { files: Files::One(path), ..target }));
            } else {
                self.effects.push(Effect::Remove(target));
            }
        }
    }

    pub(super) fn dos2unix(&mut self, args: &[Arg]) {
        let files: Vec<&Arg> = args.iter().filter(|arg| !arg.text.starts_with('-')).collect();
        if args.iter().any(|arg| matches!(arg.text.as_str(), "-n" | "--newfile")) {
            for pair in files.chunks_exact(2).filter(|pair| pair.iter().all(|arg| arg.is_known())) {
                let (from, to) = (self.path(&pair[0].text), self.path(&pair[1].text));
                self.duplicate(Duplicate {
                    from,
                    glob: None,
                    to: to.clone(),
                    into: false,
                    moves: false,
                    executable: None,
                });
                self.effects.push(Effect::Newlines(one(to)));
            }
            return;
        }
        for file in files {
            let Some(target) = self.target(file, false) else { continue };
            self.effects.push(Effect::Newlines(target));
        }
    }
}
