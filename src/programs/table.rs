//! `rules/programs.toml`: how programs treat their arguments and the stop signal.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::arguments::{CommandLine, Match};
use super::drain::Drain;
use super::images::{Base, Images};
use super::name;
use super::reference::glob;
use super::shipped::{PROGRAMS, Part, Rows};
use super::signals::{Handler, Runtime};
use super::sound::{Sound, Words};
use crate::source::base_name;

/// What a program is on the way from PID 1 to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Forwards signals to the one command it starts, reaps, and ends when that command ends (tini, dumb-init).
    Init,
    /// Replaces itself by the inner command (env, gosu).
    Exec,
    /// Starts the inner command as a child and waits for it; `forwards` says whether the child is told (timeout, su, flock).
    Fork,
    /// Starts the inner command and ends at once, so that it runs on without its parent (setsid, screen -d).
    Detach,
    /// A shell.
    Shell,
    /// Runs a script of package.json (npm, yarn, pnpm, bun).
    Runner,
    /// Runs somebody's program text; whether that handles signals cannot be known and is assumed (node, python, java).
    Interpreter,
    /// A service that the tables know.
    Server,
    /// Starts and stops services of its own by its own configuration (supervisord, s6, runit, systemd).
    Supervisor,
    /// Ends by itself after its work (mkdir, chown, envsubst).
    Setup,
    /// Stays, but holds no data worth a graceful end (tail, cat, tee, sleep).
    Helper,
}

/// The shell that stands between a program and its inner command or script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerShell {
    /// `/bin/sh -c` (npm, watch).
    Sh,
    /// `bash -c` where the image has bash, else `sh -c` (bun).
    Bash,
    /// One of its own, which passes the stop signal on (yarn 2 and later, deno).
    Own,
}

/// A language whose programs are read for handlers of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// For Node.js.
    JavaScript,
    /// For Python 3.
    Python,
}

/// The form in which a supervisor is told what to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Services {
    /// `supervisord.conf` and what it includes.
    Supervisord,
    /// A directory with a directory for each service: s6-svscan's first argument.
    S6Svscan,
    /// The directories that s6-overlay's `/init` looks into, and its arguments as a command beside them.
    S6Overlay,
    /// runit's `/etc/service`, as phusion's `my_init` starts and stops it, and its arguments as a command beside it.
    MyInit,
    /// A Procfile, as foreman reads it.
    Procfile,
}

/// A configuration file that decides whether a server stays in front.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConfigFile {
    /// Where it may be in an image.
    pub paths: Vec<String>,
    /// Options that name another one (`-c`).
    #[serde(default)]
    pub options: Vec<String>,
    /// An option that names the folder in which files are looked for (`-p`).
    pub prefix_option: Option<String>,
    /// Which of that folder's files it is, where no other is named.
    pub in_prefix: Option<String>,
    /// True if its first argument is one, where that is no option (stunnel).
    #[serde(default)]
    pub argument: bool,
    /// True if only a file of the project says that the server leaves: people mount theirs over the one that is installed.
    #[serde(default)]
    pub own: bool,
    /// Texts of which one keeps the server in front; blanks, comments and capitals do not count.
    #[serde(default)]
    pub foreground: Vec<String>,
    /// Texts of which one sends it into the background, where it stays otherwise, and what decides that is not known without the file.
    #[serde(default)]
    pub background: Vec<String>,
    /// Texts with which the server refuses these arguments, because they say the same, or the opposite (`daemon on;`).
    #[serde(default)]
    pub refuses: Vec<String>,
}

/// Files and variables whose settings are options that the program could also be given as arguments (uwsgi).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OptionsFile {
    /// Options that name the file.
    pub options: Vec<String>,
    /// How the file's name ends; an argument that ends so is one, too.
    pub ending: String,
    /// How the names of files end that say the same in a form that is not read.
    pub unread: Vec<String>,
    /// The section that counts.
    pub section: String,
    /// How the names of variables begin whose values count alike.
    pub variables: String,
    /// How the names of settings begin that bring others, so that nothing is certain.
    pub opaque: Vec<String>,
    /// Settings that decide what the program does: a variable in their value leaves it open.
    pub decisive: Vec<String>,
}

/// One row: a program, or a program with certain arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Program {
    /// Base names and, where the name alone is not sure, absolute paths; a path that ends in `/` stands for all files below it.
    pub names: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// True if the name is distinctive enough to count in any directory (`/tini`, `./gradlew`, `bin/rails`).
    #[serde(default)]
    pub anywhere: bool,
    /// True for a script that projects have a copy of, which does the same everywhere (`./gradlew`).
    #[serde(default)]
    pub copied: bool,
    /// True for an applet of busybox, which is what the name means where busybox is the system's (Alpine).
    #[serde(default)]
    pub busybox: bool,
    /// When the row applies, and where its inner command stands.
    #[serde(default)]
    pub args: CommandLine,
    /// For `fork`, `init` and `runner`: true if the stop signal is passed on to the inner command.
    #[serde(default)]
    pub forwards: bool,
    /// The signals that are passed on (names without SIG), where it is not all of them.
    #[serde(default)]
    pub forwarded: Vec<String>,
    /// The signal that the inner command gets, where it is not the one that came (pm2-runtime: INT).
    #[serde(default)]
    pub sends: Option<String>,
    /// For `fork`: the variable without which it passes nothing on after all (`LAUNCH_JBOSS_IN_BACKGROUND`).
    #[serde(default)]
    pub forwards_with: Option<String>,
    /// True if it waits after a forwarded signal only as PID 1, which is spared the signal that it then sends to itself; elsewhere it
    /// dies of that one (env-cmd).
    #[serde(default)]
    pub waits_as_pid1: bool,
    /// For servers: true if what it does on a signal is known of it as PID 1 only (`postfix start-fg`, which leaves a shell in front of the
    /// server elsewhere).
    #[serde(default)]
    pub known_as_pid1: bool,
    /// For `init`: true if the whole process group gets the signal (dumb-init, `tini -g`).
    #[serde(default)]
    pub broadcast: bool,
    /// For `init`: the variable and value with which it signals its command alone after all (`DUMB_INIT_SETSID=0`).
    #[serde(default)]
    pub broadcast_unless: Option<String>,
    /// For servers: true if its own workers, which are in its process group, die of a signal on which it lets them finish (celery): it must
    /// be the only one that is told.
    #[serde(default)]
    pub told_alone: bool,
    /// Seconds after a forwarded signal when it kills the child (su: 2).
    #[serde(default)]
    pub kills_after: Option<f64>,
    /// True if it forks only where it leads its process group (as PID 1, or right below an init); elsewhere it replaces itself by
    /// the inner command (setsid).
    #[serde(default)]
    pub leader_only: bool,
    /// For `shell`: the shell and options with which it runs a script, where it is not followed by its own name (`bash -eu`).
    #[serde(default)]
    pub runs_as: Option<String>,
    /// The shell through which the inner command or script is run; `None` if there is none.
    #[serde(default)]
    pub shell: Option<InnerShell>,
    /// True if a command in one word is a line, which Ruby splits or gives to `/bin/sh -c` (`bundle exec "server --port 80"`).
    #[serde(default)]
    pub ruby_line: bool,
    /// What the program itself does on signals.
    #[serde(default)]
    pub signals: Handler,
    /// What it runs on, which has handlers where the program has none.
    #[serde(default)]
    pub runtime: Option<Runtime>,
    /// What its handlers rest on, besides the program itself (PHP's `pcntl`): where an image lacks that, it installs none.
    #[serde(default)]
    pub handler_needs: Option<String>,
    /// True if it takes every child that fails for one of its own, and ends the work of all of them then (postgres).
    #[serde(default)]
    pub counts_children: bool,
    /// Whether it reaps orphans as PID 1; `None` if not known.
    #[serde(default)]
    pub reaps: Option<bool>,
    /// For servers and supervisors: true if with these arguments it puts itself into the background.
    #[serde(default)]
    pub daemonizes: bool,
    /// For servers: true if nothing is lost when it is killed beside the container's main service (`sshd`, an exporter of metrics).
    #[serde(default)]
    pub side: bool,
    /// For helpers: true if it stays whatever it is given to read (`pm2 logs`).
    #[serde(default)]
    pub stays: bool,
    /// For helpers: true if it stays until something happens that nobody can foresee (`inotifywait`).
    #[serde(default)]
    pub awaits: bool,
    /// For `setup`: true if it hands its words on to what runs, and returns at once: what they tell to stop is still at work (`rcon stop`).
    #[serde(default)]
    pub only_asks: bool,
    /// For `make`: true if it runs the recipes of a Makefile.
    #[serde(default)]
    pub recipes: bool,
    /// True if a configuration file can turn `daemonizes` round (nginx.conf, supervisord.conf, redis.conf).
    #[serde(default)]
    pub config_may_override: bool,
    /// The variable with which it stays in front after all (`SPARK_NO_DAEMONIZE`).
    #[serde(default)]
    pub stays_with: Option<String>,
    /// Its usual configuration file, and what that says where it keeps the program in front.
    #[serde(default)]
    pub config: Option<ConfigFile>,
    /// Where it reads further options.
    #[serde(default)]
    pub options_file: Option<OptionsFile>,
    /// For a supervisor: where it reads which programs it starts.
    #[serde(default)]
    pub services: Option<Services>,
    /// For supervisors: true if what its programs read is a pipe that nobody writes to or closes.
    #[serde(default)]
    pub keeps_input_open: bool,
    /// For an interpreter without a handler of its own: the language of its programs, whose text decides then. For `exec`: what it runs
    /// is a module of that language, no command (`python -m`).
    #[serde(default)]
    pub language: Option<Language>,
    /// For an init of a whole system: seconds from when it has told everything that is left, in the end, until it kills that.
    #[serde(default)]
    pub last_round: Option<u64>,
    /// True for what cannot run where the init that brings it is not PID 1 (`with-contenv` of s6-overlay).
    #[serde(default)]
    pub below_its_init: bool,
    /// True for an init that refuses to run as another process than PID 1.
    #[serde(default)]
    pub pid1_only: bool,
    /// For servers that daemonise: how to keep it in front, for people (`nginx -g 'daemon off;'`). For a wrapper that is written for one
    /// program: what it starts.
    #[serde(default)]
    pub foreground: Option<String>,
    /// Where that is another program: the options that this one knows, too.
    #[serde(default)]
    pub foreground_takes: Vec<String>,
    /// And those that it does not know, and that make no difference in a container.
    #[serde(default)]
    pub foreground_drops: Vec<String>,
    /// Releases of distributions whose package of it is too old for these arguments (`postfix start-fg`).
    #[serde(default)]
    pub absent_on: Vec<String>,
    /// What makes it end gracefully where no signal does, for people.
    #[serde(default)]
    pub graceful_with: Option<String>,
    /// Versions that the row was measured with or documented for.
    #[serde(default)]
    pub version: String,
    /// `measured`, or the address of the documentation.
    #[serde(default)]
    pub source: String,
}

impl Program {
    /// Whether the row needs certain arguments; a row without conditions is the last of its name.
    pub fn is_conditional(&self) -> bool {
        self.args.is_conditional()
    }

    /// True for a server or supervisor that says something and ends, with these arguments.
    pub fn only_tells(&self, arguments: &[Option<&str>]) -> bool {
        self.args.only_tells(self.kind, arguments)
    }

    /// Whether the package of a base image knows the program with these arguments, as far as that can be told.
    pub fn is_on(&self, base: &Base) -> bool {
        base.release.is_none_or(|release| !self.absent_on.iter().any(|name| name == release))
    }

    /// Whether this row may be taken where an unknown argument could mean the other one: not if it says that nothing is left in front,
    /// or that a server hears other signals.
    fn holds_beside(&self, other: &Program) -> bool {
        let leaves = self.daemonizes || self.kind == Kind::Detach;
        let is_server = |row: &Program| row.kind == Kind::Server;
        // A word that is not known may well hold a text (`TCP-LISTEN:$PORT`), but is hardly ever an option (`nc -z "$HOST"`).
        let ends = is_server(other)
            && !other.args.mentions.is_empty()
            && matches!(self.kind, Kind::Setup | Kind::Helper);
        let stays = |row: &Program| is_server(row) && !row.daemonizes;
        let hears_others = stays(self) && stays(other) && self.signals != other.signals;
        !leaves && !ends && !hears_others
    }
}

/// All rows: those that ship with pidone, and the user's in front of them.
#[derive(Debug, Default, Clone)]
pub struct Tables {
    /// The user's.
    own: Vec<Arc<Program>>,
    shipped: Arc<Rows<Program>>,
    rest: Rest,
    pub(super) images: Images,
}

/// What `rules/programs.toml` holds besides programs.
#[derive(Debug, Default, Clone)]
struct Rest {
    errands: Part<Vec<&'static str>>,
    takes_operators: Part<Vec<&'static str>>,
    speakers: Part<Vec<&'static str>>,
    tidies: Part<Vec<&'static str>>,
    batches: Part<Vec<&'static str>>,
    ending_scripts: Part<Vec<&'static str>>,
    drain: Part<Vec<Drain>>,
    slow: Part<Vec<Slow>>,
    alone: Part<Vec<Alone>>,
    words: Part<Words>,
}

impl Rest {
    fn shipped() -> Self {
        Self {
            errands: PROGRAMS.part("errands"),
            takes_operators: PROGRAMS.part("takes-operators"),
            speakers: PROGRAMS.part("speakers"),
            tidies: PROGRAMS.part("tidies"),
            batches: PROGRAMS.part("batches"),
            ending_scripts: PROGRAMS.part("ending-scripts"),
            drain: PROGRAMS.part("drain"),
            slow: PROGRAMS.part("slow"),
            alone: PROGRAMS.part("alone"),
            words: PROGRAMS.part("words"),
        }
    }
}

/// Programs that need more than a moment to end: they write what they hold, or finish what they have begun.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// Their names.
    pub names: Vec<&'static str>,
    /// Where that is said.
    pub source: &'static str,
}

/// Servers of which no second one can start with the same data.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Alone {
    /// Their names.
    pub names: Vec<&'static str>,
    /// The options that say where the data is.
    pub data_options: Vec<&'static str>,
    /// Where that is said.
    pub source: &'static str,
}

impl Tables {
    /// The tables that ship with pidone.
    pub fn builtin() -> &'static Arc<Tables> {
        static TABLES: OnceLock<Arc<Tables>> = OnceLock::new();
        TABLES.get_or_init(|| {
            let shipped = Arc::new(Rows::new(&PROGRAMS));
            Arc::new(Tables { own: Vec::new(), shipped, rest: Rest::shipped(), images: Images::shipped() })
        })
    }

    /// The same with rows in front.
    pub(super) fn with(&self, programs: Vec<Program>, images: Images) -> Tables {
        let own = programs.into_iter().map(Arc::new).chain(self.own.iter().cloned()).collect();
        Tables { own, images, ..self.clone() }
    }

    /// Every row, in order.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.own.iter().chain(self.shipped.all()).map(Arc::as_ref)
    }

    /// True for a program that is known to need more than a moment to end.
    pub fn is_slow(&self, name: &str) -> bool {
        let is_named = |key: &str| self.slow().iter().any(|row| row.names.contains(&key));
        super::name::keys(name).iter().any(|key| is_named(key.name))
    }

    /// Programs that need more than a moment to end.
    pub fn slow(&self) -> &[Slow] {
        &self.rest.slow
    }

    /// The server of this name, if no second one can start with the same data.
    pub fn alone(&self, name: &str) -> Option<&Alone> {
        let is_named = |row: &&Alone| {
            super::name::keys(name).iter().any(|key| key.installed && row.names.contains(&key.name))
        };
        self.rest.alone.iter().find(is_named)
    }

    /// All of these.
    pub fn alones(&self) -> &[Alone] {
        &self.rest.alone
    }

    /// How servers are told their time to finish.
    pub fn drains(&self) -> &[Drain] {
        &self.rest.drain
    }

    /// True where a program that no row knows is told to do something that ends (`tool migrate`), and not to watch for more of it.
    pub fn is_errand(&self, arguments: &[Option<&str>]) -> bool {
        let Some(Some(first)) = arguments.first() else { return false };
        let is_first = |errand: &&str| glob(errand, first);
        // `--help` means something else in front of arguments.
        let counts = !first.starts_with('-') || arguments.len() == 1;
        counts && !Self::goes_on(arguments) && self.rest.errands.iter().any(is_first)
    }

    /// True for `--watch` and the like: what does it again and again does not end.
    pub fn goes_on(arguments: &[Option<&str>]) -> bool {
        arguments.iter().flatten().any(|word| {
            word.contains("watch")
                || matches!(
                    *word,
                    "-w" | "-f" | "--follow" | "--loop" | "--daemon" | "--serve" | "--interval"
                )
        })
    }

    /// What the name of a program that no row knows, and its first argument, make likely.
    pub fn sound(&self, name: &str, argument: Option<&str>) -> Sound {
        self.rest.words.sound(name, argument)
    }

    /// True for a program that starts something else, by its name.
    pub fn is_starter(&self, name: &str) -> bool {
        self.rest.words.is_starter(name)
    }

    /// True if one of a command's options says what to do once (`--migrate`).
    pub fn has_errand_option(&self, arguments: &[Option<&str>]) -> bool {
        !Self::goes_on(arguments)
            && arguments.iter().flatten().any(|word| self.rest.words.is_errand_option(word))
    }

    /// True for what looks at something, tells somebody or removes what is left, when a service has ended (`rm`, `logger`).
    pub fn tidies(&self, name: &str) -> bool {
        let name = base_name(name);
        self.rest.tidies.contains(&name)
    }

    /// True for a command that does what a container may be there for and ends with, by its words (`pytest`, `go test`).
    pub fn is_batch(&self, words: &[&str]) -> bool {
        /// `bundle exec rspec`
        const FRONT: usize = 3;
        let mut front = words.iter().filter(|word| !word.starts_with('-')).take(FRONT);
        front.any(|word| self.rest.batches.contains(&base_name(word)))
    }

    /// True if a command may read what somebody types while it serves, by its words.
    pub fn may_have_console(&self, words: &[String]) -> bool {
        self.rest.words.may_have_console(words)
    }

    /// The same of the file that an interpreter runs.
    pub fn sound_of_file(&self, name: &str) -> Sound {
        self.rest.words.sound_of_file(name)
    }

    /// The same with the file's first argument: `index.php set-option` is another thing than `index.php`.
    pub fn sound_of_task(&self, file: &str, argument: Option<&str>) -> Sound {
        self.rest.words.sound_of_task(file, argument)
    }

    /// True for a file that a job writes its result to, by its name.
    pub fn is_result(&self, path: &str) -> bool {
        self.rest.words.is_result(path)
    }

    /// The same of the script that a package runner runs: `npm start` and `yarn start:prod` are what the package is for.
    pub fn sound_of_script(&self, name: &str) -> Sound {
        match name.split(':').next() {
            Some("start") => Sound::Service,
            _ => self.rest.words.sound_of_file(name),
        }
    }

    /// True for a program that gives its arguments to a shell, or has operators of its own.
    pub fn takes_operators(&self, name: &str) -> bool {
        let name = base_name(name);
        self.rest.takes_operators.contains(&name)
    }

    /// True for a program that talks to others, by its name or path.
    pub fn is_speaker(&self, name: &str) -> bool {
        let name = base_name(name);
        self.rest.speakers.contains(&name)
    }

    /// True for the usual name of a script of package.json that ends (`build`).
    pub fn is_ending_script(&self, name: &str) -> bool {
        self.rest.ending_scripts.iter().any(|ending| glob(ending, name))
    }

    /// The row for a program called with these arguments: `name` is a base name or a path, `arguments` are the known words after
    /// it (`None` for a word that is not known). The first row whose conditions hold wins.
    ///
    /// A path names the tool only where tools are installed: `/bin`, `/usr/local/bin`, `/opt/x/bin`, a virtual environment,
    /// `node_modules/.bin`. `./server` and `/app/watch` are the project's own, except for rows with `anywhere`.
    ///
    /// Where a word is not known that could keep the program in front, no row is taken that sends it into the background.
    pub fn program(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Arc<Program>> {
        self.look_up(name, arguments, false)
    }

    /// As [`Tables::program`], on a system whose tools are busybox's (Alpine), or after `busybox` itself: an applet's row wins.
    pub fn applet(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Arc<Program>> {
        self.look_up(name, arguments, true).or_else(|| self.program(name, arguments))
    }

    /// The user's row for a program, if there is one.
    pub fn own(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Arc<Program>> {
        Self::first(name, arguments, |name| self.own_named(name).collect())
    }

    /// The row that sends a program into the background, where only a word that is not known could keep it in front.
    pub fn leaving(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Arc<Program>> {
        let named = |name: &str| self.own_named(name).chain(self.shipped.named(name)).collect();
        let (row, _) = Self::applying(name, arguments, named)?;
        (row.daemonizes && !row.busybox && row.kind == Kind::Server).then_some(row)
    }

    fn look_up(&self, name: &str, arguments: &[Option<&str>], busybox: bool) -> Option<&Arc<Program>> {
        Self::first(name, arguments, |name| {
            let shipped = self.shipped.named(name).filter(|row| row.busybox == busybox);
            self.own_named(name).chain(shipped).collect()
        })
    }

    fn own_named(&self, name: &str) -> impl Iterator<Item = &Arc<Program>> {
        self.own.iter().filter(move |row| row.names.iter().any(|known| known == name))
    }

    /// The first row that applies, of those that a name has.
    fn first<'t>(
        name: &str,
        arguments: &[Option<&str>],
        named: impl Fn(&str) -> Vec<&'t Arc<Program>>,
    ) -> Option<&'t Arc<Program>> {
        let (row, doubted) = Self::applying(name, arguments, named)?;
        doubted.iter().all(|other| row.holds_beside(other)).then_some(row)
    }

    /// That row, and those in front of it that would apply if a word that is not known were the right one.
    fn applying<'t>(
        name: &str,
        arguments: &[Option<&str>],
        named: impl Fn(&str) -> Vec<&'t Arc<Program>>,
    ) -> Option<(&'t Arc<Program>, Vec<&'t Program>)> {
        let mut keys = name::keys(name).into_iter().map(|key| (named(key.name), key.installed));
        let (rows, installed) = keys.find(|(rows, _)| !rows.is_empty())?;
        let mut doubted: Vec<&Program> = Vec::new();
        for row in rows.into_iter().filter(|row| installed || row.anywhere) {
            match row.args.matches(row.kind, arguments) {
                Match::Yes => return Some((row, doubted)),
                Match::Maybe => doubted.push(row),
                Match::No => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let Rest {
            errands,
            takes_operators,
            speakers,
            tidies,
            batches,
            ending_scripts,
            drain,
            slow,
            alone,
            words,
        } = Rest::shipped();
        for words in [errands, takes_operators, speakers, tidies, batches, ending_scripts] {
            assert!(!words.is_empty());
        }
        assert!(
            !drain.is_empty()
                && !slow.is_empty()
                && !alone.is_empty()
                && words.sound("server", None) == Sound::Service
        );
        assert_eq!(PROGRAMS.rest.len(), 10);
    }
}
