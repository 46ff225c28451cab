//! `rules/programs.toml`: how programs treat their arguments and the stop signal.

use std::collections::BTreeMap;

use serde::Deserialize;

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

/// How the inner command is found among a program's arguments.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandLine {
    /// Options whose value is the next argument (`-u`, `--user`); `--name=value` needs no entry.
    pub value_options: Vec<String>,
    /// Options after which the program does not run an inner command as usual (`-h`, `start-stop-daemon -b`).
    pub stop_options: Vec<String>,
    /// How many positional arguments stand before the inner command (`gosu USER cmd`: 1).
    pub positionals: usize,
    /// True if `NAME=value` arguments before the command are assignments (env).
    pub assignments: bool,
    /// The option whose value is a command line for `sh -c` (`su -c`).
    pub command_option: Option<String>,
    /// Words that must follow the name for this row to apply (`poetry run`: ["run"]).
    pub subcommand: Vec<String>,
    /// An option that must be present for this row to apply (`setsid -w`).
    pub requires: Vec<String>,
    /// An option that must be absent for this row to apply.
    pub forbids: Vec<String>,
}

/// What a program does about a signal.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handler {
    /// Signals (names without SIG) on which it finishes its work and ends. Empty: see `unknown`.
    pub graceful: Vec<String>,
    /// Signals on which it ends at once, cutting its work.
    pub fast: Vec<String>,
    /// True if it installs no handler at all: ignored as PID 1, killed elsewhere.
    pub none: bool,
}

/// One row: a program, or a program with certain arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Program {
    /// Base names and, where the name alone is not sure, absolute paths.
    pub names: Vec<String>,
    /// What it is.
    pub kind: Kind,
    /// Where its inner command stands.
    #[serde(default)]
    pub args: CommandLine,
    /// For `fork` and `init`: true if the stop signal is passed on to the inner command.
    #[serde(default)]
    pub forwards: bool,
    /// For `init`: true if the whole process group gets the signal (dumb-init, `tini -g`).
    #[serde(default)]
    pub broadcast: bool,
    /// For `fork`: seconds after a forwarded signal when it kills the child (su: 2).
    #[serde(default)]
    pub kills_after: Option<f64>,
    /// For services: what it does on signals.
    #[serde(default)]
    pub signals: Handler,
    /// True if as PID 1 it reaps orphans.
    #[serde(default)]
    pub reaps: Option<bool>,
    /// For servers: true if with these arguments it puts itself into the background.
    #[serde(default)]
    pub daemonizes: bool,
    /// For servers that daemonise: how to keep it in front, for people (`nginx -g 'daemon off;'`).
    #[serde(default)]
    pub foreground: Option<String>,
    /// Versions that the row was measured with or documented for.
    #[serde(default)]
    pub version: String,
    /// `measured`, or the address of the documentation.
    #[serde(default)]
    pub source: String,
}

/// All rows, by name.
#[derive(Debug, Default)]
pub struct Tables {
    /// Rows by name, in the file's order.
    #[allow(dead_code)]
    programs: BTreeMap<String, Vec<Program>>,
}

impl Tables {
    /// The tables that ship with pidone.
    pub fn builtin() -> &'static Tables {
        static TABLES: std::sync::OnceLock<Tables> = std::sync::OnceLock::new();
        TABLES.get_or_init(Tables::default)
    }

    /// The row for a program called with these arguments: `name` is a base name or a path, `arguments` are the known words after
    /// it (`None` for a word that is not known). The first row whose conditions hold wins.
    pub fn program(&self, name: &str, arguments: &[Option<&str>]) -> Option<&Program> {
        let _ = (name, arguments);
        None
    }
}
