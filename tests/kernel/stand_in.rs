//! Playing a stand-in: what a program inside the container does, decided by the name it is called by.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, setsid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::programs::{Role, base_name, daemonises, role};

// Named, as other tests take this file by its path.
#[path = "stand_in/supervisors.rs"]
mod supervisors;

use supervisors::{my_init, s6, services, supervisord};

/// The program itself, inside the container: every stand-in's name is a link to it.
pub(crate) const PROGRAM: &str = "/.pidone/program";
/// What the container declares about its programs.
pub(crate) const DECLARED: &str = "/.pidone/programs.json";
/// Where the services write what happens to them.
pub(crate) const LOG: &str = "/.pidone/log";

/// How long a service takes to save its work.
const FLUSH: Duration = Duration::from_millis(500);
/// The same of a slow one.
const SLOW_FLUSH: Duration = Duration::from_millis(700);
/// How often a parent looks after its children and its signals.
const TICK: Duration = Duration::from_millis(20);
/// Set for the process that a daemon leaves behind.
const DAEMON: &str = "PIDONE_DAEMON";

/// Plays the program called as `argv0`, and says how it exits; `None` if no stand-in has that name.
pub(crate) fn play(argv0: &str, args: &[String]) -> Option<i32> {
    let declared: BTreeMap<String, Role> =
        fs::read(DECLARED).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let role = role(argv0, &declared)?;
    let name = base_name(argv0);
    Some(act(role, name, args).unwrap_or_else(|error| {
        eprintln!("{name}: {error}");
        127
    }))
}

fn act(role: Role, name: &str, args: &[String]) -> io::Result<i32> {
    if daemonises(name, args) {
        return daemonise(role, name, args);
    }
    match role {
        Role::Setup => Ok(0),
        Role::SlowSetup => {
            thread::sleep(Duration::from_secs(2));
            Ok(0)
        }
        Role::Helper => stay(),
        Role::PreforkJob => job(),
        Role::Prefork => prefork(),
        Role::Exec => Err(wrapped(name, args)?.exec()),
        Role::Forwarder => supervise(vec![wrapped(name, args)?], OnStop::Forward),
        Role::Su => supervise(vec![wrapped(name, args)?], OnStop::ForwardThenKill),
        Role::Swallower => supervise(vec![wrapped(name, args)?], OnStop::Swallow),
        Role::Multirun => {
            supervise(args.iter().map(|line| shell(&format!("exec {line}"))).collect(), OnStop::Forward)
        }
        Role::Procfile => {
            let text = fs::read_to_string("Procfile")?;
            let lines = text.lines().filter_map(|line| line.split_once(':'));
            supervise(lines.map(|(_, line)| process(line.trim())).collect(), OnStop::Forward)
        }
        Role::Supervisord => supervisord(args),
        Role::S6 => s6(args),
        Role::MyInit => my_init(args),
        Role::S6Svscan => supervise(services(args.last().map_or("", String::as_str)), OnStop::Forward),
        Role::Runner => run_script(name, args, OnStop::Forward),
        Role::LeavingRunner => run_script(name, args, OnStop::ForwardAndLeave),
        _ => serve(role, name, args),
    }
}

/// Writes one line to the log: time, process, name, event, detail.
fn log(name: &str, event: &str, detail: &str) -> io::Result<()> {
    let mut log = fs::OpenOptions::new().append(true).open(LOG)?;
    log.write_all(format!("{} {name} {event} {detail}\n", getpid()).as_bytes())
}

/// A service. `srv NAME` takes its name from its first argument, so that a script can run several; `flush=SECONDS` says
/// how long it takes to save its work, `life=SECONDS` and `rc=N` when it ends by itself, and how.
fn serve(role: Role, name: &str, args: &[String]) -> io::Result<i32> {
    let name = match args.first() {
        Some(first) if name == "srv" => first.as_str(),
        _ => name,
    };
    let option =
        |key: &str| args.iter().find_map(|arg| arg.strip_prefix(key)?.strip_prefix('=')?.parse::<f64>().ok());
    let usual = if role == Role::SlowService { SLOW_FLUSH } else { FLUSH };
    let flush = option("flush").map_or(usual, Duration::from_secs_f64);
    let (graceful, fast) = (role.graceful().unwrap_or_default(), role.fast());
    let heard = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGWINCH, SIGUSR1].into_iter().filter(|&signal| {
        // One that hears INT only is one that leaves every other signal at its default.
        role != Role::IntService || signal == SIGINT
    });
    let mut signals = Signals::new(heard)?;
    log(name, "start", "")?;
    let deadline = option("life").map(|life| Instant::now() + Duration::from_secs_f64(life));
    while let Some(signal) = next_signal(&mut signals, deadline) {
        log(name, "signal", signal)?;
        if fast.contains(&signal) {
            log(name, "fast", "")?;
            return Ok(0);
        }
        if graceful.contains(&signal) {
            thread::sleep(flush);
            for signal in signals.pending() {
                log(name, "signal", signal_name(signal))?;
            }
            log(name, "clean", "")?;
            return Ok(0);
        }
    }
    log(name, "ended", "")?;
    Ok(option("rc").unwrap_or_default() as i32)
}

/// The next signal; none if the deadline passes first.
fn next_signal(signals: &mut Signals, deadline: Option<Instant>) -> Option<&'static str> {
    let Some(deadline) = deadline else {
        return signals.forever().next().map(signal_name);
    };
    while Instant::now() < deadline {
        if let Some(signal) = signals.pending().next() {
            return Some(signal_name(signal));
        }
        thread::sleep(TICK);
    }
    None
}

fn signal_name(signal: i32) -> &'static str {
    Signal::try_from(signal).map_or("?", |signal| signal.as_str().trim_start_matches("SIG"))
}

fn stay() -> io::Result<i32> {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// A service whose work is in the hands of a forked job: on TERM it closes the job's input and waits for it.
fn prefork() -> io::Result<i32> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let mut child = Command::new(PROGRAM).arg0("prefork-job").stdin(Stdio::piped()).spawn()?;
    log("prefork", "start", "")?;
    if let Some(signal) = signals.forever().next() {
        log("prefork", "signal", signal_name(signal))?;
    }
    drop(child.stdin.take());
    child.wait()?;
    log("prefork", "clean", "")?;
    Ok(0)
}

/// The job: it finishes its work when its input is closed.
fn job() -> io::Result<i32> {
    log("prefork-job", "start", "")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    thread::sleep(FLUSH);
    log("prefork-job", "clean", "")?;
    Ok(0)
}

/// Leaves a process behind in a session of its own, and exits 0. A cron left behind has nothing to lose.
fn daemonise(role: Role, name: &str, args: &[String]) -> io::Result<i32> {
    if env::var_os(DAEMON).is_none() {
        Command::new(PROGRAM).arg0(name).args(args).env(DAEMON, "1").stdin(Stdio::null()).spawn()?;
        return Ok(0);
    }
    setsid()?;
    if name.starts_with("cron") { stay() } else { serve(role, name, args) }
}

/// `sh -c line`.
/// A line of a Procfile: one with nothing in it for a shell is run without any, as Ruby does it.
fn process(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let first = words.next().unwrap_or_default();
    if line.contains(|c| "*?{}[]<>()~&|\\$;'`\"#".contains(c)) || first.contains('=') || first == "exec" {
        return shell(line);
    }
    let mut command = Command::new(first);
    command.args(words);
    command
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", line]);
    command
}

/// The command that a wrapper runs: its arguments without the wrapper's own.
fn wrapped(name: &str, args: &[String]) -> io::Result<Command> {
    let mut rest = args;
    let mut variables = Vec::new();
    let mut line = None;
    let mut shell_path = "/bin/sh".to_owned();
    let mut user_named = false;
    while let Some((first, tail)) = rest.split_first() {
        let takes_value = match name {
            "setpriv" => !first.contains('=') && matches!(first.as_str(), "--reuid" | "--regid" | "--groups"),
            "sudo" => matches!(first.as_str(), "-u" | "-g" | "--user"),
            "su" | "runuser" => matches!(first.as_str(), "-s" | "-c" | "--shell" | "--command" | "-u"),
            "conda" => matches!(first.as_str(), "-n" | "-p" | "--name" | "--prefix"),
            "chpst" => matches!(first.as_str(), "-u" | "-U" | "-e"),
            _ => false,
        };
        if name == "cross-env" && first.contains('=') {
            variables.extend(first.split_once('='));
            rest = tail;
        } else if takes_value {
            let (value, tail) = tail.split_first().ok_or_else(|| missing(first))?;
            match first.as_str() {
                "-s" | "--shell" => shell_path.clone_from(value),
                "-c" | "--command" => line = Some(value.clone()),
                "-u" => user_named = true,
                _ => {}
            }
            rest = tail;
        } else if first.starts_with('-') {
            rest = tail;
            if first == "--" {
                break;
            }
        } else if matches!(first.as_str(), "run" | "exec")
            && matches!(name, "poetry" | "pipenv" | "bundle" | "uv" | "pdm" | "conda" | "pnpm")
        {
            rest = tail;
        } else {
            break;
        }
    }
    // The user comes before the program.
    if matches!(name, "su-exec" | "gosu" | "s6-setuidgid" | "su") || (name == "runuser" && !user_named) {
        rest = rest.get(1..).unwrap_or_default();
    }
    // `su -c line user -- words`: the words are the line's arguments.
    let words = if line.is_some() { rest } else { &[] };
    // `su user -c line` has its options behind the user.
    if matches!(name, "su" | "runuser") && line.is_none() {
        line = rest.iter().position(|arg| arg == "-c").and_then(|at| rest.get(at + 1)).cloned();
    }
    let mut command = match line {
        Some(line) => {
            let mut command = Command::new(shell_path);
            command.args(["-c", &line]).args(words.iter().skip_while(|word| *word == "--"));
            command
        }
        // The shell reads what it is given as standard input.
        None if matches!(name, "su" | "runuser") && rest.is_empty() => Command::new(shell_path),
        // `su user -s program -- words`
        None if matches!(name, "su" | "runuser") && rest[0] == "-s" && rest.len() > 1 => {
            let mut command = Command::new(&rest[1]);
            command.args(rest[2..].iter().skip_while(|word| *word == "--"));
            command
        }
        // mysqld_safe starts one program, whatever its own options say.
        None if name == "mysqld_safe" => Command::new("mysqld"),
        None => {
            let (program, args) = rest.split_first().ok_or_else(|| missing("a program to run"))?;
            // pm2-runtime and pm2 are given the file that node runs.
            let mut command =
                if name.starts_with("pm2") { Command::new("node") } else { Command::new(program) };
            if name.starts_with("pm2") {
                command.arg(program);
            }
            command.args(args);
            command
        }
    };
    command.envs(variables);
    Ok(command)
}

fn missing(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("missing: {what}"))
}

/// What a parent does with TERM and INT.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnStop {
    /// Pass it on, wait.
    Forward,
    /// Pass it on as TERM, wait two seconds, kill.
    ForwardThenKill,
    /// Pass it on, exit.
    ForwardAndLeave,
    /// Nothing.
    Swallow,
}

/// Runs the commands side by side until all have ended; exits as the last one did.
fn supervise(commands: Vec<Command>, on_stop: OnStop) -> io::Result<i32> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let mut children = Vec::new();
    for mut command in commands {
        children.push(command.spawn()?);
    }
    let mut deadline = None;
    let mut status = 0;
    while !children.is_empty() {
        for signal in signals.pending() {
            if on_stop != OnStop::Swallow {
                let sent = if on_stop == OnStop::ForwardThenKill { SIGTERM } else { signal };
                send(&children, Signal::try_from(sent)?);
            }
            if on_stop == OnStop::ForwardAndLeave {
                return Ok(1);
            }
            if on_stop == OnStop::ForwardThenKill {
                deadline.get_or_insert(Instant::now() + Duration::from_secs(2));
            }
        }
        if deadline.is_some_and(|at| Instant::now() > at) {
            send(&children, Signal::SIGKILL);
        }
        let mut alive = Vec::new();
        for mut child in children {
            match child.try_wait()? {
                Some(ended) => status = code(ended),
                None => alive.push(child),
            }
        }
        children = alive;
        thread::sleep(TICK);
    }
    Ok(status)
}

fn send(children: &[Child], signal: Signal) {
    for child in children {
        // One that has ended in the meantime needs no signal.
        let _ = kill(Pid::from_raw(child.id() as i32), signal);
    }
}

/// An exit status as a shell reports it.
pub(crate) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// `npm start`, `npm run NAME`, `pnpm --filter X NAME`, `npx COMMAND`: the script and its pre and post steps, each by sh.
fn run_script(name: &str, args: &[String], on_stop: OnStop) -> io::Result<i32> {
    let mut words = args.iter().map(String::as_str);
    let mut dir = PathBuf::from(".");
    let mut script = None;
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        match word {
            "--prefix" | "-C" | "--cwd" | "--dir" => dir = words.next().unwrap_or(".").into(),
            "--filter" | "-F" | "-w" | "--workspace" => dir = package(words.next()),
            "workspace" if script.is_none() => dir = package(words.next()),
            "--" => {}
            "run" | "run-script" if script.is_none() => {}
            "exec" if script.is_none() && name != "npx" => {}
            _ if word.starts_with('-') && script.is_none() => {}
            _ if script.is_none() => script = Some(word),
            _ => rest.push(word),
        }
    }
    let script = script.ok_or_else(|| missing("a script"))?;
    if matches!(script, "ci" | "install" | "i" | "build" | "version") {
        return Ok(0);
    }
    // package.json may be in a directory above.
    let dir = env::current_dir()?.join(dir);
    let dir = dir.ancestors().find(|dir| dir.join("package.json").is_file()).unwrap_or(&dir).to_owned();
    let path = format!("node_modules/.bin:{}", env::var("PATH").unwrap_or_default());
    let run = |line: String| {
        let mut command = shell(&line);
        command.current_dir(&dir).env("PATH", &path);
        // A script that a signal ended is a failure like any other.
        supervise(vec![command], on_stop).map(|status| if status > 128 { 1 } else { status })
    };
    let with_args =
        |line: &str| std::iter::once(line).chain(rest.iter().copied()).collect::<Vec<_>>().join(" ");
    let scripts = scripts(&dir.join("package.json"));
    let Some(line) = scripts.get(script) else {
        return run(with_args(script));
    };
    for (prefix, line) in [("pre", None), ("", Some(line)), ("post", None)] {
        let line = match line {
            Some(line) => with_args(line),
            None => match scripts.get(&format!("{prefix}{script}")) {
                Some(line) => line.clone(),
                None => continue,
            },
        };
        match run(line)? {
            0 => {}
            failed => return Ok(failed),
        }
    }
    Ok(0)
}

/// The directory of a package in a workspace, two levels down.
fn package(name: Option<&str>) -> PathBuf {
    let below = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let has_name = |dir: &PathBuf| {
        let text = fs::read_to_string(dir.join("package.json")).unwrap_or_default();
        let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        package.get("name").and_then(|own| own.as_str()) == name
    };
    below(".".into()).flat_map(below).find(has_name).unwrap_or(".".into())
}

fn scripts(path: &Path) -> BTreeMap<String, String> {
    let read = || serde_json::from_str::<serde_json::Value>(&fs::read_to_string(path).ok()?).ok();
    read()
        .and_then(|package| serde_json::from_value(package.get("scripts")?.clone()).ok())
        .unwrap_or_default()
}
