//! `rules/programs.toml`: how programs treat their arguments and the stop signal.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::arguments::{CommandLine, Match};
use super::drain::Drain;
use super::images::Images;
use super::name;
use super::signals::Handler;

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
    /// The text that keeps the server in front.
    pub foreground: String,
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
    /// True if it waits after a forwarded signal only as PID 1, which is spared the signal that it then sends to itself; elsewhere it
    /// dies of that one (env-cmd).
    #[serde(default)]
    pub waits_as_pid1: bool,
    /// For `init`: true if the whole process group gets the signal (dumb-init, `tini -g`).
    #[serde(default)]
    pub broadcast: bool,
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
    /// What the program itself does on signals.
    #[serde(default)]
    pub signals: Handler,
    /// Whether it reaps orphans as PID 1; `None` if not known.
    #[serde(default)]
    pub reaps: Option<bool>,
    /// For servers and supervisors: true if with these arguments it puts itself into the background.
    #[serde(default)]
    pub daemonizes: bool,
    /// True if a configuration file can turn `daemonizes` round (nginx.conf, supervisord.conf, redis.conf).
    #[serde(default)]
    pub config_may_override: bool,
    /// Its usual configuration file, and what that says where it keeps the program in front.
    #[serde(default)]
    pub config: Option<ConfigFile>,
    /// For a supervisor: where it reads which programs it starts.
    #[serde(default)]
    pub services: Option<Services>,
    /// For an interpreter without a handler of its own: the language of its programs, whose text decides then.
    #[serde(default)]
    pub language: Option<Language>,
    /// True for an init that refuses to run as another process than PID 1.
    #[serde(default)]
    pub pid1_only: bool,
    /// For servers that daemonise: how to keep it in front, for people (`nginx -g 'daemon off;'`). For a wrapper that is written for one
    /// program: what it starts.
    #[serde(default)]
    pub foreground: Option<String>,
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

    /// Whether the row says that nothing is left in front: what must not be said when an unknown argument could change it.
    fn leaves(&self) -> bool {
        self.daemonizes || self.kind == Kind::Detach
    }
}

/// All rows, by name.
#[derive(Debug, Default, Clone)]
pub struct Tables {
    programs: Vec<Program>,
    /// Indices of `programs` by name, in order.
    by_name: HashMap<String, Vec<usize>>,
    /// How many of them, from the front, are the user's.
    pub(super) own: usize,
    pub(super) drains: Vec<Drain>,
    pub(super) images: Images,
}

impl Tables {
    /// The tables that ship with pidone.
    pub fn builtin() -> &'static Arc<Tables> {
        static TABLES: OnceLock<Arc<Tables>> = OnceLock::new();
        // The files are part of the program and a test parses them, so that the default is never taken.
        TABLES.get_or_init(|| Arc::new(Self::read_builtin().unwrap_or_default()))
    }

    pub(super) fn assemble(programs: Vec<Program>, drains: Vec<Drain>, images: Images, own: usize) -> Tables {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, program) in programs.iter().enumerate() {
            for name in &program.names {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Tables { programs, by_name, own, drains, images }
    }

    /// Every row, in order.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The row for a program called with these arguments: `name` is a base name or a path, `arguments` are the known words after
    /// it (`None` for a word that is not known). The first row whose conditions hold wins.
    ///
    /// A path names the tool only where tools are installed: `/bin`, `/usr/local/bin`, `/opt/x/bin`, a virtual environment,
    /// `node_modules/.bin`. `./server` and `/app/watch` are the project's own, except for rows with `anywhere`.
    ///
    /// Where a word is not known that could keep the program in front, no row is taken that sends it into the background.
    pub fn program(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Program> {
        self.look_up(name, arguments, false)
    }

    /// As [`Tables::program`], on a system whose tools are busybox's (Alpine), or after `busybox` itself: an applet's row wins.
    pub fn applet(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Program> {
        self.look_up(name, arguments, true).or_else(|| self.program(name, arguments))
    }

    /// The user's row for a program, if there is one.
    pub fn own(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Program> {
        self.first(name, arguments, &|index, _| index < self.own)
    }

    fn look_up(&self, name: &str, arguments: &[Option<&str>], busybox: bool) -> Option<&Program> {
        self.first(name, arguments, &|index, row| index < self.own || row.busybox == busybox)
    }

    /// The first row that applies, of those that are `wanted`.
    fn first(
        &self,
        name: &str,
        arguments: &[Option<&str>],
        wanted: &dyn Fn(usize, &Program) -> bool,
    ) -> Option<&Program> {
        let wanted = |index: &usize| wanted(*index, &self.programs[*index]);
        let (indices, installed) = name::keys(name).into_iter().find_map(|key| {
            let indices = self.by_name.get(key.name)?;
            indices.iter().any(wanted).then_some((indices, key.installed))
        })?;
        let rows = indices.iter().filter(|index| wanted(index)).map(|&index| &self.programs[index]);
        let mut doubt = false;
        for row in rows.filter(|row| installed || row.anywhere) {
            match row.args.matches(row.kind, arguments) {
                Match::Yes => return (!doubt || !row.leaves()).then_some(row),
                Match::Maybe => doubt = true,
                Match::No => {}
            }
        }
        None
    }
}
