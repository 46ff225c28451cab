//! What a program does, next to what its row says.

use std::fmt;
use std::path::Path;

use pidone::programs::{Kind, Program, Reaction, Tables};

use crate::container::{Container, Fate, File, Measured, Run, Shell, Step};
use crate::entry::Entry;
use crate::runner::{Case, Test};
use crate::support::Outcome;

/// What a program was seen to do on a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It had ended before.
    Leaves,
    /// It went on, and so did its command.
    Ignores,
    /// It passed the signal to its command, and waited until that had finished.
    Forwards,
    /// It ended its command, started it again, and went on.
    Restarts,
    /// It ended, and its command was killed.
    Cuts,
    /// It ended; it has no command.
    Ends,
    /// Its command finished, but it went on.
    Lingers,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaves => "it leaves",
            Self::Ignores => "it ignores the signal",
            Self::Forwards => "it passes the signal on and waits",
            Self::Restarts => "it starts its command again",
            Self::Cuts => "it ends and its command is killed",
            Self::Ends => "it ends",
            Self::Lingers => "it stays when its command has finished",
        })
    }
}

impl Seen {
    fn of(measured: &Measured) -> Self {
        let inner = measured.services.get("inner");
        let told = inner.is_some_and(|inner| !inner.signals.is_empty());
        let ends = |signal: &String| matches!(signal.as_str(), "TERM" | "INT");
        let is_started_again = inner.is_some_and(|inner| inner.signals.iter().any(ends));
        match (measured.outcome, inner) {
            (Outcome::ExitsEarly, _) => Self::Leaves,
            (Outcome::Timeout, Some(inner)) if told && inner.fate == Fate::Clean => Self::Lingers,
            (Outcome::Timeout, Some(_)) if is_started_again => Self::Restarts,
            // The service hears signals that it does not end on.
            (Outcome::Timeout, Some(_)) if told => Self::Forwards,
            (Outcome::Timeout, _) => Self::Ignores,
            (_, None) => Self::Ends,
            (_, Some(inner)) if told && inner.fate == Fate::Clean => Self::Forwards,
            (_, Some(_)) => Self::Cuts,
        }
    }

    /// Whether a row that says `reaction` says this. How well a server ends is not seen here, only that it does.
    fn is(self, reaction: Reaction) -> bool {
        match reaction {
            Reaction::Forwards => matches!(self, Self::Forwards | Self::Ends),
            Reaction::Finishes => matches!(self, Self::Ends | Self::Forwards),
            Reaction::Cuts => matches!(self, Self::Ends | Self::Cuts),
            // Its entry has a client.
            Reaction::Ignores | Reaction::Waits => matches!(self, Self::Ignores | Self::Restarts),
            Reaction::Unknown => true,
        }
    }
}

/// One start and stop, and what is expected of it.
struct Trial {
    entry: Entry,
    row: Program,
    signal: String,
    /// True to put tini in front.
    behind_init: bool,
    orphan: bool,
    expects: Expects,
}

enum Expects {
    /// What the row says of the signal.
    Reaction,
    /// It ends by itself before the stop.
    Leaves,
    /// It is no longer there: the inner service is in its place.
    Replaced,
    /// It reaps what others leave to it, or not.
    Reaps(bool),
    /// The inner service is killed although it was told.
    Killed,
    /// The signal reaches the inner service behind a shell that ignores it, or not.
    Reaches(bool),
}

/// Everything that an entry's row says and a kernel can show.
pub(crate) fn cases(entry: &Entry, base: &Path) -> Vec<Case> {
    let Some(row) = row(entry) else { return vec![without_row(entry, base)] };
    let trial = |signal: &str, expects| Trial {
        entry: entry.clone(),
        row: row.clone(),
        signal: signal.to_owned(),
        behind_init: false,
        orphan: false,
        expects,
    };
    let mut trials = Vec::new();
    if row.daemonizes || matches!(row.kind, Kind::Detach | Kind::Setup) {
        trials.push((String::from("leaves"), trial("TERM", Expects::Leaves)));
    } else if row.kind == Kind::Exec {
        trials.push(("is replaced".to_owned(), trial("TERM", Expects::Replaced)));
    } else {
        for signal in signals(&row, entry) {
            trials.push((signal.clone(), trial(&signal, Expects::Reaction)));
        }
        if !row.pid1_only && row.kind != Kind::Init {
            for signal in signals_behind_init(&row) {
                let behind = Trial { behind_init: true, ..trial(&signal, Expects::Reaction) };
                trials.push((format!("{signal} behind tini"), behind));
            }
        }
    }
    if let Some(reaps) = row.reaps.filter(|_| !row.daemonizes) {
        trials.push(("reaps".to_owned(), Trial { orphan: true, ..trial("KILL", Expects::Reaps(reaps)) }));
    }
    if let Some(limit) = row.kills_after {
        let slow = entry.with_inner(&format!("srv inner flush={}", limit + 1.5));
        let slow = Entry { grace: limit + 4.0, ..slow };
        trials.push(("kills".to_owned(), Trial { entry: slow, ..trial("TERM", Expects::Killed) }));
    }
    if row.kind == Kind::Init {
        let deep = entry.with_inner("sh -c 'trap \"\" TERM; srv inner; true'");
        trials.push((
            "group".to_owned(),
            Trial { entry: deep, ..trial("TERM", Expects::Reaches(row.broadcast)) },
        ));
    }
    trials.into_iter().map(|(name, trial)| case(format!("{}::{name}", entry.run), trial, base)).collect()
}

fn case(name: String, trial: Trial, base: &Path) -> Case {
    let base = base.to_owned();
    let test: Test = Box::new(move || {
        let measured = run(&trial.entry, &base, &trial.signal, trial.behind_init, trial.orphan)?;
        match trial.disagreement(&measured) {
            None => Ok(measured.to_string()),
            Some(why) => Err(format!("{why}\n    measured {measured}")),
        }
    });
    Case { name, needs: Vec::new(), test }
}

/// The row that applies to an entry. An applet of busybox is written `busybox APPLET`.
pub(crate) fn row(entry: &Entry) -> Option<Program> {
    let argv = entry.row.as_ref().map_or_else(|| entry.argv(), |row| shlex::split(row).unwrap_or_default());
    let busybox = argv.first().is_some_and(|name| name == "busybox") && argv.len() > 1;
    let words: Vec<Option<&str>> =
        argv.iter().skip(usize::from(busybox)).map(|word| Some(word.as_str())).collect();
    let (name, arguments) = words.split_first()?;
    let tables = Tables::builtin();
    let found =
        if busybox { tables.applet((*name)?, arguments) } else { tables.program((*name)?, arguments) };
    found.map(|row| Program::clone(row))
}

/// Signals that whoever runs the test wants to see.
fn asked_for() -> Vec<String> {
    let asked = std::env::var("PIDONE_SIGNALS").unwrap_or_default();
    asked.split_whitespace().map(str::to_owned).collect()
}

/// TERM, and the signals that do nothing to PID 1: only as another process it shows whether they are caught.
fn signals_behind_init(row: &Program) -> Vec<String> {
    let mut signals = vec!["TERM".to_owned()];
    for signal in [&row.signals.ignored, &row.signals.unhandled, &asked_for()].into_iter().flatten() {
        if !signals.contains(signal) {
            signals.push(signal.clone());
        }
    }
    signals
}

/// TERM, every signal that the row says something of, and those that the entry and PIDONE_SIGNALS ask for.
fn signals(row: &Program, entry: &Entry) -> Vec<String> {
    let own = &row.signals;
    let mut signals = vec!["TERM".to_owned()];
    for signal in [&own.graceful, &own.waits, &own.fast, &own.ignored, &own.unhandled]
        .into_iter()
        .chain([&row.forwarded, &entry.signals, &asked_for()])
        .flatten()
    {
        // Real-time signals cannot be sent by name.
        if !signals.contains(signal) && !signal.starts_with("RT") {
            signals.push(signal.clone());
        }
    }
    signals
}

fn run(
    entry: &Entry,
    base: &Path,
    signal: &str,
    behind_init: bool,
    orphan: bool,
) -> Result<Measured, String> {
    let mut container = Container::new(Shell::Dash);
    container.base = Some(base.to_owned());
    container.workdir = "/app".to_owned();
    container.env.clone_from(&entry.env);
    let loopback = ["ip", "link", "set", "lo", "up"].map(str::to_owned).to_vec();
    container.steps.push(Step { argv: loopback, workdir: "/".to_owned() });
    for (path, text) in &entry.files {
        container.files.insert(path.clone(), File { text: text.clone(), mode: 0o755 });
    }
    let mut argv = entry.argv();
    if behind_init {
        argv.splice(0..0, ["tini", "--"].map(str::to_owned));
    }
    let run = Run {
        ready: entry.ready.clone(),
        orphan,
        waits: entry.has_inner(),
        ..Run::new(container, argv, signal, entry.grace)
    };
    run.measure().map_err(|failure| failure.to_string())
}

impl Trial {
    /// How the row and the kernel disagree.
    fn disagreement(&self, measured: &Measured) -> Option<String> {
        if self.row.source != "measured" {
            return Some("its row is not marked as measured".to_owned());
        }
        let seen = Seen::of(measured);
        let leaves = measured.outcome == Outcome::ExitsEarly;
        let told = measured.services.get("inner").map(|inner| (inner.fate, inner.signals.as_slice()));
        match self.expects {
            Expects::Leaves => (!leaves).then(|| "the row says that it leaves at once".to_owned()),
            _ if leaves => Some("it ended before the stop".to_owned()),
            Expects::Replaced => {
                let replaced =
                    measured.pid1.first().is_some_and(|name| name.rsplit('/').next() == Some("srv"));
                (!replaced || seen != Seen::Forwards)
                    .then(|| format!("the row says that the command takes its place, but {seen}"))
            }
            Expects::Reaps(reaps) => {
                (reaps == (measured.zombies > 0)).then(|| format!("the row says reaps = {reaps}"))
            }
            Expects::Killed => (!matches!(told, Some((Fate::Killed, [_, ..])))).then(|| {
                format!("the row says that it kills its command after {:?} s", self.row.kills_after)
            }),
            Expects::Reaches(reaches) => (reaches != matches!(told, Some((_, [_, ..]))))
                .then(|| format!("the row says broadcast = {}", self.row.broadcast)),
            Expects::Reaction => {
                let reaction = self.row.reaction(&self.signal, !self.behind_init);
                let sends = self.row.sends.as_ref().unwrap_or(&self.signal);
                if !seen.is(reaction) {
                    return Some(format!("the row says {reaction:?}, but {seen}"));
                }
                let other = matches!(told, Some((_, [first, ..])) if first != sends)
                    && reaction == Reaction::Forwards;
                other.then(|| format!("the row says that the command gets {sends}"))
            }
        }
    }
}

/// A program that the table does not have: what there is to say of it.
fn without_row(entry: &Entry, base: &Path) -> Case {
    let (entry, base) = (entry.clone(), base.to_owned());
    let test: Test = {
        let entry = entry.clone();
        Box::new(move || {
            let mut seen = String::from("no row in rules/programs.toml; measured");
            for (signal, behind_init, orphan) in [
                ("TERM", false, false),
                ("TERM", true, false),
                ("INT", false, false),
                ("QUIT", false, false),
                ("HUP", false, false),
                ("KILL", false, true),
            ] {
                let measured = run(&entry, &base, signal, behind_init, orphan)?;
                let place = if behind_init { " behind tini" } else { "" };
                seen += &format!("\n    {signal}{place}: {} {measured}", Seen::of(&measured));
            }
            Err(seen)
        })
    };
    Case { name: entry.run.clone(), needs: Vec::new(), test }
}
