//! A program's own arguments, and where its inner command begins.

use serde::Deserialize;

use super::reference::glob;
use super::{Kind, Program};
use crate::source::{UNKNOWN, base_name};

/// How a program's arguments are read: when its row applies, and how the inner command is found.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandLine {
    /// Options whose value is the next argument (`-u`, `--user`); `--name=value` and `-uvalue` need no entry of their own.
    pub value_options: Vec<String>,
    /// Options after which the program does not run an inner command as usual (`-h`, `taskset -p`): what it does is not known.
    pub stop_options: Vec<String>,
    /// How many positional arguments stand before the inner command (`gosu USER cmd`: 1).
    pub positionals: usize,
    /// True if `NAME=value` arguments before the command are assignments (env).
    pub assignments: bool,
    /// Options whose value is a command line for `sh -c` (`su -c`).
    pub command_options: Vec<String>,
    /// Options whose value is the shell that gets this line, and the words behind the positional arguments (`su -s /bin/bash`).
    pub shell_options: Vec<String>,
    /// For `init`: options whose value says which signal the inner command gets in place of another (`15:3`), or that it gets none (`15:0`).
    pub rewrite_options: Vec<String>,
    /// Options whose value is the inner command's name; its arguments follow `--` (`start-stop-daemon --exec`).
    pub program_options: Vec<String>,
    /// Words after which the inner command stands, and only there (`wait-for-it ... --`, `find -exec`, `python -m`).
    pub after: Vec<String>,
    /// True if an option with one dash is a word, and no bundle of letters (`solr start -force`).
    pub words: bool,
    /// True if the inner command gets more words, which are read from standard input (xargs).
    pub from_input: bool,
    /// True if options may follow the positional arguments (`su USER -c cmd`), or the script's name, up to `--` (`npm start -w api`).
    pub permute: bool,
    /// For programs without an inner command: true if options end at the first positional argument (`node app.js -v`).
    pub options_first: bool,
    /// For `runner`: options whose value is the directory with package.json.
    pub directory_options: Vec<String>,
    /// For `runner`: options whose value is a package of the workspace; a positional argument before the script is one, too.
    pub workspace_options: Vec<String>,
    /// Words that must follow the name for this row to apply, options between them aside (`poetry run`: ["run"]). A word may have
    /// alternatives (`run|run-script`) and stand for any text with `*` (`db:*`).
    pub subcommand: Vec<String>,
    /// For `runner`: true if the last word of the subcommand is itself the script's name (`npm start`).
    pub subcommand_is_script: bool,
    /// Options of which one must be present for this row to apply (`setsid -w`).
    pub requires: Vec<String>,
    /// Options that make others tell something and end, and with which it serves (`beanstalkd -V`).
    pub serves_with: Vec<String>,
    /// Options behind which the required ones count for nothing (`php-fpm -F -D`).
    pub overridden_by: Vec<String>,
    /// Options of which none may be present for this row to apply.
    pub forbids: Vec<String>,
    /// True if the row does not apply where an option stands first: that is for a program which it puts in front (`docker-php-entrypoint -v`).
    pub optionless: bool,
    /// Texts of which one must occur in the arguments, joined by blanks, for this row to apply (`daemon off`). One that begins as an option
    /// does stands at the beginning of an argument.
    pub mentions: Vec<String>,
}

/// Where a program's inner command is, as indices of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inner {
    /// A command of words: the argument with its name, and the first of its own arguments (they follow directly, but for
    /// `start-stop-daemon`).
    Command {
        /// The argument that names the program.
        name: usize,
        /// The first argument of that program; may be the number of arguments.
        arguments: usize,
    },
    /// A command line for `sh -c`.
    Line {
        /// The argument that holds it.
        argument: usize,
        /// The byte of that argument where it begins (`--command=...`: behind the `=`).
        offset: usize,
    },
    /// Words for a shell, or for what is named in place of one (`su USER -s PROGRAM -- WORDS`).
    ForShell {
        /// The first of them.
        arguments: usize,
    },
    /// There is none: the arguments end before it.
    None,
    /// Whether there is one, or where it is, cannot be told.
    Unknown,
}

/// A script that a package runner is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script<'a> {
    /// Its name in package.json.
    pub name: &'a str,
    /// The first argument for the script.
    pub arguments: usize,
    /// The directory of package.json, where an option names it.
    pub directory: Option<&'a str>,
    /// The package of the workspace whose script it is, where an option names it.
    pub workspace: Option<&'a str>,
}

/// Whether a row applies to certain arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    /// It would if a word that is not known were the right one.
    Maybe,
    No,
}

impl Program {
    /// Where the inner command is among the arguments. For an interpreter, the script; for a runner, the script's name.
    pub fn inner_command(&self, arguments: &[Option<&str>]) -> Inner {
        Walk::new(&self.args, self.kind, arguments).inner
    }

    /// For a runner: the script it is asked for, if that is known.
    pub fn script<'a>(&self, arguments: &[Option<&'a str>]) -> Option<Script<'a>> {
        if self.kind != Kind::Runner {
            return None;
        }
        let walk = Walk::new(&self.args, self.kind, arguments);
        let at = match (self.args.subcommand_is_script, walk.inner) {
            (true, _) => walk.subcommand_at?,
            // `yarn workspace api run start`
            (false, Inner::Command { name, .. })
                if walk.positional.is_some() && arguments[name] == Some("run") =>
            {
                name + 1
            }
            (false, Inner::Command { name, .. }) => name,
            _ => return None,
        };
        let script = Script {
            name: (*arguments.get(at)?)?,
            arguments: at + 1,
            directory: walk.value_of(&self.args.directory_options),
            workspace: walk.value_of(&self.args.workspace_options).or(walk.positional),
        };
        if self.args.permute { self.behind(script, arguments) } else { Some(script) }
    }

    /// A script with the runner's own options behind its name taken into account: only what follows `--` is the script's, and what is
    /// no option.
    fn behind<'a>(&self, script: Script<'a>, arguments: &[Option<&'a str>]) -> Option<Script<'a>> {
        let rest = &arguments[script.arguments..];
        let dashes = rest.iter().position(|word| *word == Some("--"));
        let rules = CommandLine { subcommand: Vec::new(), permute: false, ..self.args.clone() };
        let walk = Walk::new(&rules, Kind::Exec, &rest[..dashes.unwrap_or(rest.len())]);
        if self.args.stop_options.iter().any(|option| walk.has(option)) {
            return None;
        }
        let first = match (dashes, walk.inner) {
            (Some(dashes), _) => dashes + 1,
            (None, Inner::Command { name, .. }) => name,
            (None, _) => rest.len(),
        };
        Some(Script {
            arguments: script.arguments + first,
            directory: walk.value_of(&self.args.directory_options).or(script.directory),
            workspace: walk.value_of(&self.args.workspace_options).or(script.workspace),
            ..script
        })
    }

    /// The value of the program's own option of one of these names (`-s`, `--shell`), if it is there and known.
    pub fn option_value<'a>(&self, arguments: &[Option<&'a str>], names: &[&str]) -> Option<&'a str> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Walk::new(&self.args, self.kind, arguments).value_of(&names)
    }

    /// The shell that an option names, in front of the inner command line or behind it; `Some(None)` if that is not known.
    pub fn named_shell<'a>(&self, arguments: &[Option<&'a str>], inner: usize) -> Option<Option<&'a str>> {
        let is_named = |word: &str| CommandLine::names(&self.args.shell_options, word);
        let mut at = 0;
        while let Some(word) = arguments.get(at).filter(|word| **word != Some("--")) {
            match word.filter(|_| at != inner).map(|word| (word, word.split_once('='))) {
                Some((word, _)) if is_named(word) => return arguments.get(at + 1).copied(),
                Some((_, Some((name, value)))) if is_named(name) => return Some(Some(value)),
                _ => at += 1,
            }
        }
        None
    }

    /// `su -c LINE user -- words`: the first of the words that the shell gets besides the line, as `$0` and so on.
    pub fn words_behind_line(&self, arguments: &[Option<&str>]) -> Option<usize> {
        let mut rules = self.args.clone();
        rules.value_options.append(&mut rules.command_options);
        match Walk::new(&rules, self.kind, arguments).inner {
            Inner::ForShell { arguments } => Some(arguments),
            _ => None,
        }
    }

    /// The signals that its options put in place of others, as they stand there (`15` and `3`).
    pub fn rewrites<'a>(&self, arguments: &[Option<&'a str>]) -> Vec<(&'a str, &'a str)> {
        let walk = Walk::new(&self.args, self.kind, arguments);
        walk.values_of(&self.args.rewrite_options).filter_map(|value| value.split_once(':')).collect()
    }
}

impl CommandLine {
    /// `server start --help`, `server -V`: whatever it is, it says something and ends. Behind `--` it would be meant for somebody else, as
    /// it may be behind what a supervisor starts.
    pub(super) fn only_tells(&self, kind: Kind, arguments: &[Option<&str>]) -> bool {
        let is_server = kind == Kind::Server;
        let counted = if is_server { arguments.len() } else { 3 };
        let mut own = arguments.iter().take(counted).take_while(|word| **word != Some("--")).flatten();
        own.any(|word| matches!(*word, "--help" | "--version"))
            // Beside others these may have a value, or another meaning (`slapd -h ldap:///`).
            || is_server
                && matches!(arguments, [Some(alone)] if !Self::names(&self.serves_with, alone)
                    && matches!(*alone, "-h" | "-help" | "help" | "-V" | "-version" | "version"))
    }

    /// Whether the row needs certain arguments.
    pub(super) fn is_conditional(&self) -> bool {
        let conditions = [&self.subcommand, &self.requires, &self.forbids, &self.mentions];
        self.optionless || !conditions.iter().all(|words| words.is_empty())
    }

    pub(super) fn matches(&self, kind: Kind, arguments: &[Option<&str>]) -> Match {
        if !self.is_conditional() {
            return Match::Yes;
        }
        let is_option = |first: &Option<&str>| first.is_some_and(|first| first.starts_with('-'));
        if self.optionless && arguments.first().is_some_and(is_option) {
            return Match::No;
        }
        let walk = Walk::new(self, kind, arguments);
        if walk.subcommand_left > 0 || self.forbids.iter().any(|option| walk.has(option)) {
            return Match::No;
        }
        let required = self.requires.is_empty()
            || (self.requires.iter().any(|option| walk.has(option))
                && walk.last(&self.overridden_by) <= walk.last(&self.requires));
        let mentioned = self.mentions.is_empty() || walk.mentions(&self.mentions, arguments);
        // Any word may hold such a text, in front of an inner command, too.
        let is_whole = |argument: &Option<&str>| argument.is_some_and(|text| !text.contains(UNKNOWN));
        let hides_text = !mentioned && !arguments.iter().all(is_whole);
        match (required && mentioned, walk.unknown || hides_text) {
            (true, unknown) if self.forbids.is_empty() || !unknown => Match::Yes,
            (false, false) => Match::No,
            _ => Match::Maybe,
        }
    }

    fn names(list: &[String], word: &str) -> bool {
        list.iter().any(|name| name == word)
    }
}

/// An option that was met, and its value if it has one that is known.
struct Met<'a> {
    /// As written, or one letter of a bundle.
    name: &'a str,
    /// True for a letter of a bundle: `name` has no dash then.
    letter: bool,
    value: Option<&'a str>,
}

impl Met<'_> {
    fn is(&self, option: &str) -> bool {
        let letter = || option.strip_prefix('-').filter(|rest| rest.chars().count() == 1);
        if self.letter { letter() == Some(self.name) } else { self.name == option }
    }
}

/// One pass over a program's own arguments.
struct Walk<'a> {
    met: Vec<Met<'a>>,
    inner: Inner,
    /// How many words of the subcommand were not found.
    subcommand_left: usize,
    /// The argument that was the subcommand's last word.
    subcommand_at: Option<usize>,
    /// Number of arguments that are the program's own, the inner command's name included.
    own: usize,
    /// True if a word that is not known might be an option. In front of an inner command it counts as a positional argument.
    unknown: bool,
    /// The last positional argument before the inner command.
    positional: Option<&'a str>,
    /// The word after which the inner command stands.
    after: &'a str,
    /// True after a shell's `-c`: the first positional argument is the command line.
    line: bool,
}

impl<'a> Walk<'a> {
    fn new(rules: &CommandLine, kind: Kind, arguments: &[Option<&'a str>]) -> Self {
        let mut walk = Walk {
            met: Vec::new(),
            inner: Inner::None,
            subcommand_left: rules.subcommand.len(),
            subcommand_at: None,
            own: arguments.len(),
            unknown: false,
            positional: None,
            after: "",
            line: false,
        };
        walk.run(rules, kind, arguments);
        walk
    }

    fn run(&mut self, rules: &CommandLine, kind: Kind, arguments: &[Option<&'a str>]) {
        let has_inner = rules.options_first
            || !matches!(kind, Kind::Server | Kind::Supervisor | Kind::Setup | Kind::Helper);
        let mut positionals = rules.positionals;
        let mut options_end = false;
        let mut program = None;
        let mut extra = None;
        let mut at = 0;
        while let Some(&argument) = arguments.get(at) {
            let word = argument.unwrap_or_default();
            let is_option =
                word.len() > 1 && (word.starts_with('-') || (kind == Kind::Shell && word.starts_with('+')));
            if self.subcommand_left == 0
                && !options_end
                && rules.after.iter().any(|after| ends_in_option(word, after))
            {
                self.after = word;
                return self.finish(command_at(at + 1, arguments.len()), at + 1);
            } else if !options_end && word == "--" {
                options_end = true;
                if let Some(name) = program {
                    return self.finish(Inner::Command { name, arguments: at + 1 }, at);
                }
            } else if !options_end && is_option {
                match self.option(rules, kind, arguments, at) {
                    Step::Next(used) => at += used - 1,
                    Step::Program => {
                        program = (at + 1 < arguments.len()).then_some(at + 1);
                        at += 1;
                    }
                    Step::Inner(inner) => return self.finish(inner, at),
                }
            } else if word == "-" || (rules.assignments && is_assignment(word)) {
                // A login (su), standard input, or `NAME=value`: part of the program's own arguments.
            } else if self.subcommand_left > 0 {
                let expected = &rules.subcommand[rules.subcommand.len() - self.subcommand_left];
                if argument.is_none() || !is_subcommand(expected, word) {
                    return;
                }
                self.subcommand_left -= 1;
                self.subcommand_at = Some(at);
            } else if !has_inner {
                self.unknown |= argument.is_none();
            } else if positionals > 0 {
                positionals -= 1;
                self.positional = argument;
            } else if rules.permute && kind != Kind::Runner {
                extra = extra.or(Some(at));
            } else if !rules.after.is_empty() || !rules.program_options.is_empty() {
                return self.finish(Inner::None, at);
            } else if self.line {
                return self.finish(Inner::Line { argument: at, offset: 0 }, at);
            } else {
                return self.finish(command_at(at, arguments.len()), at);
            }
            at += 1;
        }
        self.inner = match program {
            Some(name) => Inner::Command { name, arguments: arguments.len() },
            None => match extra {
                Some(arguments) if !rules.shell_options.is_empty() => Inner::ForShell { arguments },
                Some(_) => Inner::Unknown,
                None => Inner::None,
            },
        };
    }

    fn finish(&mut self, inner: Inner, at: usize) {
        self.inner = inner;
        self.own = at + 1;
    }

    /// One option, with what it takes.
    fn option(&mut self, rules: &CommandLine, kind: Kind, arguments: &[Option<&'a str>], at: usize) -> Step {
        let Some(word) = arguments[at] else { return Step::Next(1) };
        let next = arguments.get(at + 1).copied().flatten();
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let takes_value = attached.is_none() && CommandLine::names(&rules.value_options, name);
        self.met.push(Met { name, letter: false, value: if takes_value { next } else { attached } });
        if CommandLine::names(&rules.stop_options, name) {
            Step::Inner(Inner::Unknown)
        } else if CommandLine::names(&rules.command_options, name) && kind != Kind::Shell {
            match attached {
                Some(_) => Step::Inner(Inner::Line { argument: at, offset: name.len() + 1 }),
                None => Step::Inner(line_at(at + 1, arguments.len())),
            }
        } else if attached.is_none() && CommandLine::names(&rules.program_options, name) {
            Step::Program
        } else if takes_value {
            Step::Next(2)
        } else if word.starts_with("--") || rules.words {
            Step::Next(1)
        } else {
            self.bundle(rules, kind, arguments, at, word)
        }
    }

    /// `-Eu user`: single letters, of which the last may take a value.
    fn bundle(
        &mut self,
        rules: &CommandLine,
        kind: Kind,
        arguments: &[Option<&'a str>],
        at: usize,
        word: &'a str,
    ) -> Step {
        let is_in = |list: &[String], letter: &str| {
            list.iter().any(|name| name.strip_prefix('-').is_some_and(|rest| rest == letter))
        };
        let mut used = 1;
        for (start, character) in word.char_indices().skip(1) {
            let end = start + character.len_utf8();
            let letter = &word[start..end];
            let is_last = end == word.len();
            if is_in(&rules.value_options, letter) && kind == Kind::Shell {
                used += 1;
            } else if is_in(&rules.value_options, letter) {
                let value = if is_last { arguments.get(at + 1).copied().flatten() } else { word.get(end..) };
                self.met.push(Met { name: letter, letter: true, value });
                return Step::Next(if is_last { 2 } else { 1 });
            }
            self.met.push(Met { name: letter, letter: true, value: None });
            if is_in(&rules.stop_options, letter) && word.len() > 2 {
                return Step::Inner(Inner::Unknown);
            }
            if is_in(&rules.command_options, letter) {
                match kind == Kind::Shell {
                    true => self.line = true,
                    false if is_last => return Step::Inner(line_at(at + 1, arguments.len())),
                    false => return Step::Inner(Inner::Line { argument: at, offset: end }),
                }
            }
        }
        Step::Next(used)
    }

    fn has(&self, option: &str) -> bool {
        ends_in_option(self.after, option) || self.met.iter().any(|met| met.is(option))
    }

    /// Where the last option of one of these names stands among all options.
    fn last(&self, names: &[String]) -> Option<usize> {
        self.met.iter().rposition(|met| names.iter().any(|name| met.is(name)))
    }

    fn value_of(&self, names: &[String]) -> Option<&'a str> {
        self.values_of(names).next_back()
    }

    /// The values of all options of these names that are known, in order.
    fn values_of(&self, names: &[String]) -> impl DoubleEndedIterator<Item = &'a str> {
        let named = |met: &&Met| match met.letter {
            true => names.iter().any(|name| name.strip_prefix('-') == Some(met.name)),
            false => names.iter().any(|name| name == met.name),
        };
        self.met.iter().filter(named).filter_map(|met| met.value)
    }

    /// True if one of these texts is among the program's own arguments, joined with runs of blanks as one. An option begins a word: what
    /// stands inside of one is another program's (`--attach-daemon "memcached -d"`).
    fn mentions(&self, texts: &[String], arguments: &[Option<&str>]) -> bool {
        let (mut text, mut begins) = (String::new(), Vec::new());
        for word in arguments.iter().take(self.own) {
            begins.push(text.len());
            for part in word.unwrap_or("\0").split_whitespace() {
                text.push_str(part);
                text.push(' ');
            }
        }
        let text = text.trim_end();
        texts.iter().any(|wanted| {
            let may_be_at = |at: usize| !wanted.starts_with('-') || begins.contains(&at);
            text.match_indices(wanted.as_str()).any(|(at, _)| may_be_at(at))
        })
    }
}

/// What an option leads to.
enum Step {
    /// So many arguments are used.
    Next(usize),
    /// The next argument is the inner command's name.
    Program,
    /// The inner command is settled.
    Inner(Inner),
}

fn command_at(at: usize, count: usize) -> Inner {
    if at < count { Inner::Command { name: at, arguments: at + 1 } } else { Inner::None }
}

fn line_at(at: usize, count: usize) -> Inner {
    if at < count { Inner::Line { argument: at, offset: 0 } } else { Inner::None }
}

/// Whether a word is the option, or a bundle that ends in it (`-um` for `-m`).
fn ends_in_option(word: &str, option: &str) -> bool {
    let letter = option.strip_prefix('-').filter(|rest| rest.chars().count() == 1 && *rest != "-");
    let is_bundle = word.starts_with('-') && !word.starts_with("--");
    word == option || (is_bundle && letter.is_some_and(|letter| word.ends_with(letter)))
}

/// Whether a word is the expected one, as it stands or as a file's base name.
fn is_subcommand(expected: &str, word: &str) -> bool {
    let base = base_name(word);
    expected.split('|').any(|choice| glob(choice, word) || choice == base)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}
