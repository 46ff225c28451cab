//! What single commands do to files.

use super::{Arg, Content, Effect, Files, MAX_EXPANSION, Output, Place, Redirect, Runner};
use super::{is_shell_script, output, path};
use crate::source::Excerpt;

/// Commands that leave the files alone which they name.
const READERS: &[&str] = &[
    ".",
    "[",
    "[[",
    "addgroup",
    "adduser",
    "apk",
    "apt",
    "apt-get",
    "basename",
    "chgrp",
    "chown",
    "cksum",
    "cmp",
    "deno",
    "df",
    "diff",
    "dirname",
    "du",
    "egrep",
    "file",
    "grep",
    "groupadd",
    "gunzip",
    "head",
    "jq",
    "ldd",
    "less",
    "ls",
    "md5sum",
    "node",
    "npm",
    "php",
    "pip",
    "pip3",
    "pnpm",
    "readlink",
    "realpath",
    "ruby",
    "setcap",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "shellcheck",
    "sort",
    "source",
    "stat",
    "tail",
    "tar",
    "test",
    "type",
    "uniq",
    "useradd",
    "usermod",
    "wc",
    "which",
    "yarn",
];

/// Commands that write nothing to standard output.
const SILENT: &[&str] = &[
    ":", "alias", "cd", "chmod", "chown", "export", "local", "popd", "pushd", "readonly", "set", "shift",
    "sleep", "touch", "true", "umask", "unset",
];

impl Runner<'_, '_> {
    /// Follows a command, and returns what it writes to standard output, if that is known.
    pub(super) fn dispatch(&mut self, name: &str, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        match name {
            "echo" => return output::echo(args, self.sh).and_then(|text| Output::text(place, text)),
            "printf" => return output::printf(args).and_then(|text| Output::text(place, text)),
            "cat" => return self.cat(args, place),
            "tee" => return self.tee(args, place),
            "tr" => return self.tr(args, place),
            "sed" => return self.sed(args, place),
            "find" => return self.find(args, place),
            "xargs" => self.xargs(args, place),
            "curl" | "wget" => return Some(self.download(name, args, place)),
            "for" => self.bind(args),
            "cd" | "pushd" => self.cd(args),
            "export" | "local" | "readonly" | "declare" => self.export(args),
            "mkdir" => self.mkdir(args),
            "chmod" => self.chmod(args),
            "ln" => self.ln(args, place),
            "cp" | "mv" | "install" => self.copy(name, args, place),
            "rm" | "unlink" => self.rm(args, place),
            "dos2unix" | "fromdos" => self.dos2unix(args),
            "sh" | "bash" | "ash" | "dash" | "su" | "runuser" => self.shell(args, place),
            "python" | "python3" => {}
            "perl" if !args.iter().any(|arg| arg.text.starts_with('-') && arg.text.contains('i')) => {}
            _ if SILENT.contains(&name) => {}
            _ if READERS.binary_search(&name).is_ok() => return None,
            _ => {
                self.others(name, args, place);
                return None;
            }
        }
        if SILENT.contains(&name) || matches!(name, "mkdir" | "ln" | "rm") {
            Output::nothing(place)
        } else {
            None
        }
    }

    /// A command that cannot be followed: what it names is not known afterwards.
    fn others(&mut self, name: &str, args: &[Arg], place: &Place<'_>) {
        for arg in args.iter().filter(|arg| !arg.text.is_empty() || arg.found.is_some()) {
            if let Some((_, value)) = arg.text.split_once('=') {
                self.obscure(Files::One(self.path(value)), "may be changed", name, place);
            }
            if let Some(target) = self.target(arg, false) {
                let reason = self.reason("may be changed", name, place);
                self.effects.push(Effect::Obscure { target, reason });
            }
        }
    }

    fn cat(&mut self, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        let files: Vec<&Arg> = args.iter().filter(|arg| arg.text != "-").collect();
        match (&files[..], self.stdin(place)) {
            ([], stdin) => stdin,
            ([file], _) if file.is_known() && file.pattern.is_none() => {
                Some(Output::File { path: self.path(&file.text), newlines: false })
            }
            _ => None,
        }
    }

    /// What the command reads from standard input.
    fn stdin(&self, place: &Place<'_>) -> Option<Output> {
        match place.command.redirects.iter().rev().find(|r| !matches!(r, Redirect::Out { .. })) {
            Some(Redirect::Heredoc(body)) => Some(Output::Text(self.body(body, place))),
            Some(Redirect::In(file)) => match &self.expand(file)[..] {
                [file] if file.is_known() => {
                    Some(Output::File { path: self.path(&file.text), newlines: false })
                }
                _ => None,
            },
            _ if place.command.piped => self.output.clone(),
            _ => None,
        }
    }

    fn tee(&mut self, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        let output = self.stdin(place);
        let append = args.iter().any(|arg| matches!(arg.text.as_str(), "-a" | "--append"));
        for file in args.iter().filter(|arg| !arg.text.starts_with('-')) {
            self.write(file, output.clone(), "tee", append, place);
        }
        output
    }

    fn tr(&mut self, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        let words: Vec<&str> = args.iter().map(|arg| arg.text.as_str()).collect();
        match (&words[..], self.stdin(place)) {
            (["-d", "\\r" | "\r" | "\\015"], Some(Output::File { path, .. })) => {
                Some(Output::File { path, newlines: true })
            }
            _ => None,
        }
    }

    fn sed(&mut self, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        let mut scripts = Vec::new();
        let mut files = Vec::new();
        let mut in_place = false;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.text.as_str() {
                "-e" | "--expression" => scripts.extend(args.next().map(|arg| arg.text.as_str())),
                "-f" | "--file" => scripts.extend(args.next().map(|_| "a file")),
                text if text.starts_with("--in-place") => in_place = true,
                text if text.starts_with("--") => scripts.extend(text.strip_prefix("--expression=")),
                text if text.starts_with('-') && text.len() > 1 => {
                    // `-i.bak` takes what follows; `-ie` does too, but is meant as `-i -e` with the script behind it.
                    let flags: String = text[1..].chars().take_while(|c| "nrEszu".contains(*c)).collect();
                    let rest = &text[1 + flags.len()..];
                    in_place |= rest.starts_with('i');
                    if let Some(script) = rest.strip_prefix('e') {
                        scripts.push(script);
                    }
                }
                _ => files.push(arg),
            }
        }
        if scripts.iter().all(|script| script.is_empty()) && !files.is_empty() {
            scripts.push(files.remove(0).text.as_str());
        }
        let newlines = scripts.iter().all(|script| script.is_empty() || removes_returns(script));
        if !in_place {
            return match (&files[..], newlines) {
                ([file], true) if file.is_known() => {
                    Some(Output::File { path: self.path(&file.text), newlines })
                }
                _ => None,
            };
        }
        for file in files {
            let Some(target) = self.target(file, false) else { continue };
            let reason = self.reason("is changed", "sed", place);
            let placeholder = |script: &&str| filled_in(script).map(str::to_owned);
            let placeholders: Option<Vec<String>> = scripts.iter().map(placeholder).collect();
            match placeholders {
                _ if newlines => self.effects.push(Effect::Newlines(target)),
                Some(placeholders) => self.effects.push(Effect::Fill { target, placeholders }),
                None => self.effects.push(Effect::Obscure { target, reason }),
            }
        }
        Output::nothing(place)
    }

    /// `find DIR -name PATTERN -exec ...`
    fn find(&mut self, args: &[Arg], place: &Place<'_>) -> Option<Output> {
        let dirs = args.iter().take_while(|arg| !arg.text.starts_with(['-', '(', '!'])).collect::<Vec<_>>();
        let here = Arg::literal(".");
        let dirs = if dirs.is_empty() { vec![&here] } else { dirs };
        let names = found_names(args);
        let found: Vec<Arg> = dirs
            .iter()
            .flat_map(|dir| names.iter().map(|name| Some((dir.text.clone(), name.clone()))))
            .map(|found| Arg { found, ..Arg::default() })
            .collect();
        for (at, _) in args.iter().enumerate().filter(|(_, a)| a.text == "-exec" || a.text == "-execdir") {
            let command = args[at + 1..].iter().take_while(|arg| !matches!(arg.text.as_str(), ";" | "+"));
            let mut words = Vec::new();
            for arg in command {
                if arg.text == "{}" { words.extend(found.iter().cloned()) } else { words.push(arg.clone()) }
            }
            if let Some((program, operands)) = words.split_first() {
                let name = path::base_name(&program.text).to_owned();
                self.dispatch(&name, operands, place);
            }
        }
        if args.iter().any(|arg| arg.text == "-delete") {
            for arg in &found {
                let Some(target) = self.target(arg, true) else { continue };
                self.effects.push(Effect::Remove(target));
            }
        }
        Some(Output::Names(found))
    }

    fn xargs(&mut self, args: &[Arg], place: &Place<'_>) {
        let Some(Output::Names(found)) = self.output.clone() else { return };
        let mut words = args;
        let mut placeholder = None;
        while let [first, rest @ ..] = words
            && first.text.starts_with('-')
        {
            let takes_value = matches!(first.text.as_str(), "-I" | "-n" | "-P" | "-L" | "-d" | "-s");
            if first.text == "-I" {
                placeholder = rest.first().map(|arg| arg.text.clone());
            }
            words = if takes_value { rest.get(1..).unwrap_or_default() } else { rest };
        }
        let Some((program, operands)) = words.split_first() else { return };
        let mut operands = operands.to_vec();
        match placeholder.and_then(|text| operands.iter().position(|arg| arg.text == text)) {
            Some(at) => drop(operands.splice(at..=at, found)),
            None => operands.extend(found),
        }
        let name = path::base_name(&program.text).to_owned();
        self.dispatch(&name, &operands, place);
    }

    fn download(&mut self, name: &str, args: &[Arg], place: &Place<'_>) -> Output {
        let elsewhere = || Some(Output::Text(Content::Elsewhere));
        let url = args.iter().find(|arg| arg.text.contains("://"));
        let remote_name = url.map(|url| {
            let text = url.text.split(['?', '#']).next().unwrap_or("");
            Arg { text: path::base_name(text).to_owned(), ..url.clone() }
        });
        let (to_file, long) = if name == "curl" { ('o', "--output") } else { ('O', "--output-document") };
        let mut file = if name == "wget" { remote_name.clone() } else { None };
        for (at, arg) in args.iter().enumerate() {
            let next = args.get(at + 1).cloned();
            if let Some(value) = arg.text.strip_prefix(long) {
                file = value.strip_prefix('=').map(Arg::literal).or(next);
            } else if arg.text.starts_with('-') && !arg.text.starts_with("--") {
                if let Some((_, value)) = arg.text.split_once(to_file) {
                    file = if value.is_empty() { next } else { Some(Arg::literal(value)) };
                } else if name == "curl" && arg.text.contains('O') {
                    file = remote_name.clone();
                }
            }
        }
        if let Some(file) = file.filter(|file| !matches!(file.text.as_str(), "" | "-")) {
            self.write(&file, elsewhere(), name, false, place);
        }
        Output::Text(Content::Elsewhere)
    }

    /// `for NAME in WORDS`
    fn bind(&mut self, args: &[Arg]) {
        if let [name, keyword, values @ ..] = args
            && keyword.text == "in"
        {
            let values = values.iter().take(MAX_EXPANSION).cloned().collect();
            self.locals.insert(name.text.clone(), values);
        }
    }

    fn export(&mut self, args: &[Arg]) {
        for arg in args {
            if let Some((name, value)) = arg.text.split_once('=') {
                let value = Arg { text: value.to_owned(), pattern: None, ..arg.clone() };
                self.locals.insert(name.to_owned(), vec![value]);
            }
        }
    }

    fn cd(&mut self, args: &[Arg]) {
        if let Some(dir) = args.iter().find(|arg| !arg.text.starts_with('-')) {
            self.cwd = self.path(&dir.text);
        }
    }

    /// `sh -c '...'`, `su -c '...'`, `sh <<EOF`
    fn shell(&mut self, args: &[Arg], place: &Place<'_>) {
        let is_command = |arg: &Arg| {
            arg.text.starts_with('-') && !arg.text.starts_with("--") && arg.text.ends_with('c')
                || arg.text == "--command"
        };
        if let Some(at) = args.iter().position(is_command) {
            if let Some(text) = args.get(at + 1).filter(|text| !text.computed) {
                let span = place.script.to_source(place.command.span);
                let script = Excerpt::derived(place.script.source(), span, text.text.clone());
                self.nested(&script);
            }
        } else if args.iter().all(|arg| arg.text.starts_with('-'))
            && let Some(Output::Text(Content::Known(text))) = self.stdin(place)
            && is_shell_script(text.text())
        {
            self.nested(&text);
        }
    }

    /// A script in a process of its own: what it changes in itself ends with it.
    fn nested(&mut self, script: &Excerpt) {
        let (cwd, locals) = (self.cwd.clone(), self.locals.clone());
        self.script(script, &[]);
        (self.cwd, self.locals) = (cwd, locals);
    }
}

/// The patterns of the names that `find` finds; `None` for all. Empty if its tests say more than that, or exclude files.
fn found_names(args: &[Arg]) -> Vec<Option<String>> {
    let mut names = Vec::new();
    let mut all = true;
    let mut negated = false;
    let mut words = args.iter().map(|arg| arg.text.as_str());
    while let Some(word) = words.next() {
        match word {
            "!" | "-not" => negated = true,
            "-name" | "-iname" if !negated => names.extend(words.next().map(|name| Some(name.to_owned()))),
            "-type" if words.next() == Some("f") => {}
            "-maxdepth" | "-mindepth" => drop(words.next()),
            "-exec" | "-execdir" => drop(words.find(|word| matches!(*word, ";" | "+"))),
            "-a" | "-o" | "-and" | "-or" | "-delete" | "-depth" | "-print" | "-print0" | "-xdev" => {}
            test if test.starts_with('-') => all = false,
            _ => {}
        }
    }
    if names.is_empty() && all && !negated {
        names.push(None);
    }
    names
}

/// Whether a sed script removes carriage returns at the ends of lines, and nothing else.
fn removes_returns(script: &str) -> bool {
    let Some(rest) = script.strip_prefix('s') else { return false };
    let Some(separator) = rest.chars().next() else { return false };
    let parts: Vec<&str> = rest.split(separator).collect();
    let [_, pattern, "", "" | "g"] = parts[..] else { return false };
    let returns = pattern.strip_suffix('$').unwrap_or(pattern);
    let returns = returns.strip_suffix("\\+").or_else(|| returns.strip_suffix(['+', '*'])).unwrap_or(returns);
    let returns = returns.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(returns);
    matches!(returns, "\r" | "\\r" | "\\x0D" | "\\x0d" | "\\o015")
}

/// The placeholder that a sed script replaces (`__HOST__`, `{{HOST}}`, `@HOST@`), if it does nothing else: what it leaves is the same but
/// for a value.
fn filled_in(script: &str) -> Option<&str> {
    let rest = script.strip_prefix('s')?;
    let mut parts = rest.split(rest.chars().next()?).skip(1);
    let pattern = parts.next()?;
    let name = pattern.trim_matches(['_', '{', '}', '@', '%', ' ']);
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_placeholder =
        pattern.len() >= name.len() + 2 && name.len() > 1 && name.chars().all(is_name) && parts.count() == 2;
    is_placeholder.then_some(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_fills_in() {
        for script in ["s/__HOST__/x/", "s|{{ HOST }}|x|g", "s/@HOST@/$HOST/g", "s#%PORT%#80#"] {
            assert!(filled_in(script).is_some(), "{script}");
        }
        for script in [
            "s/HOST/x/",
            "s/__host__/x/",
            "s/a/b/",
            "",
            "s/__HOST__/x/;s/a/b/",
            "/__X__/d",
            "s/__HOST__/a/b/",
        ] {
            assert!(filled_in(script).is_none(), "{script}");
        }
    }

    #[test]
    fn readers_are_sorted() {
        let unsorted = READERS.windows(2).find(|pair| pair[0] > pair[1]);
        assert_eq!(unsorted, None);
    }

    #[test]
    fn knows_what_removes_returns() {
        for script in
            ["s/\\r$//", "s/\\r//g", "s/\\r\\+$//", "s|\\r$||", "s/\r$//", "s/\\x0D$//", "s/\\r*$//"]
        {
            assert!(removes_returns(script), "{script}");
        }
        for script in ["s/a/b/", "s/\\r/x/", "", "s", "/\\r/d", "s/\\r$//;s/a/b/"] {
            assert!(!removes_returns(script), "{script}");
        }
    }
}
