//! Playing supervisors that read which programs they start: supervisord, s6-overlay, my_init.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, getpid};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{DAEMON, PROGRAM, TICK, missing};

/// The sections of an INI file, by name: one setting a line, comments behind ` ;`.
type Sections = BTreeMap<String, BTreeMap<String, String>>;

fn read_sections(path: &Path, sections: &mut Sections) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let mut section = String::new();
    for line in text.lines() {
        let line = line.split(" ;").next().unwrap_or("").trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with([';', '#'])) {
            let expand = |value: String, (name, text): (String, String)| {
                value.replace(&format!("%(ENV_{name})s"), &text)
            };
            let value = env::vars().fold(value.trim().to_owned(), expand);
            sections.entry(section.clone()).or_default().insert(name.trim().to_owned(), value);
        }
    }
    Ok(())
}

/// The programs of the configuration; without `-n` and `nodaemon=true` it goes to the background.
pub(super) fn supervisord(args: &[String]) -> io::Result<i32> {
    let usual = ["supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"];
    let mut config = usual.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned);
    let mut foreground = env::var_os(DAEMON).is_some();
    for (at, arg) in args.iter().enumerate() {
        match arg.as_str() {
            "-c" | "--configuration" => config = args.get(at + 1).map(PathBuf::from),
            "-n" | "--nodaemon" => foreground = true,
            _ => {}
        }
    }
    let config = config.ok_or_else(|| missing("a configuration"))?;
    let mut sections = Sections::new();
    read_sections(&config, &mut sections)?;
    let include = sections.get("include").and_then(|include| include.get("files")).cloned();
    for pattern in include.iter().flat_map(|files| files.split_whitespace()) {
        let pattern = config.parent().unwrap_or(Path::new("/")).join(pattern);
        let directory = fs::read_dir(pattern.parent().unwrap_or(Path::new("/")));
        let extension = pattern.extension().map(std::ffi::OsStr::to_owned);
        let mut files: Vec<PathBuf> = directory.into_iter().flatten().flatten().map(|e| e.path()).collect();
        files.retain(|path| path.extension().map(std::ffi::OsStr::to_owned) == extension);
        files.sort();
        files.iter().try_for_each(|file| read_sections(file, &mut sections))?;
    }
    let is_true = |settings: &BTreeMap<String, String>, name: &str| {
        settings.get(name).is_some_and(|value| matches!(value.as_str(), "true" | "yes" | "on" | "1"))
    };
    foreground |= sections.get("supervisord").is_some_and(|own| is_true(own, "nodaemon"));
    if !foreground {
        Command::new(PROGRAM).arg0("supervisord").args(args).env(DAEMON, "1").spawn()?;
        return Ok(0);
    }
    let mut programs = Vec::new();
    for settings in sections.iter().filter(|(name, _)| name.starts_with("program:")).map(|(_, own)| own) {
        if settings.get("autostart").is_some_and(|value| value == "false") {
            continue;
        }
        let words =
            settings.get("command").and_then(|line| shlex::split(line)).ok_or_else(|| missing("command"))?;
        let mut command = Command::new(words.first().map_or("", String::as_str));
        command.args(words.iter().skip(1)).process_group(0).stdin(Stdio::piped());
        if let Some(directory) = settings.get("directory") {
            command.current_dir(directory);
        }
        let name = settings.get("stopsignal").map_or("TERM", String::as_str).trim_start_matches("SIG");
        programs.push(Supervised {
            child: command.spawn()?,
            signal: format!("SIG{name}").parse()?,
            patience: settings.get("stopwaitsecs").and_then(|value| value.parse().ok()).unwrap_or(10),
            stops_group: is_true(settings, "stopasgroup"),
            kills_group: is_true(settings, "killasgroup") || is_true(settings, "stopasgroup"),
        });
    }
    stop_programs(programs)
}

/// A program of supervisord.
struct Supervised {
    child: Child,
    signal: Signal,
    patience: u64,
    stops_group: bool,
    kills_group: bool,
}

/// Waits for TERM, INT or QUIT, then stops one program after the other, and leaves when the processes that it has started itself have
/// ended. (The real one notices that within a second; what they have started in turn has so long at best.)
fn stop_programs(programs: Vec<Supervised>) -> io::Result<i32> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGQUIT])?;
    signals.forever().next();
    for mut program in programs.into_iter().rev() {
        program.send(program.signal, program.stops_group);
        let deadline = Instant::now() + Duration::from_secs(program.patience);
        let mut killed = false;
        while program.child.try_wait()?.is_none() {
            if !killed && Instant::now() > deadline {
                program.send(Signal::SIGKILL, program.kills_group);
                killed = true;
            }
            thread::sleep(TICK);
        }
    }
    Ok(0)
}

impl Supervised {
    fn send(&self, signal: Signal, group: bool) {
        let pid = self.child.id() as i32;
        // One that has ended in the meantime needs no signal.
        let _ = kill(Pid::from_raw(if group { -pid } else { pid }), signal);
    }
}

/// s6-overlay's `/init`: the services' run scripts and the container's command, if it has one.
pub(super) fn s6(args: &[String]) -> io::Result<i32> {
    if getpid().as_raw() != 1 {
        eprintln!("s6-overlay-suexec: fatal: can only run as pid 1");
        return Ok(100);
    }
    let mut commands = services("/etc/services.d");
    commands.extend(services("/etc/s6-overlay/s6-rc.d"));
    let services = commands.into_iter().map(start_service).collect::<io::Result<_>>()?;
    if let Some((program, args)) = args.split_first() {
        Command::new(program).args(args).spawn()?;
    }
    stop_all(services, Duration::from_secs(3))
}

/// phusion's `my_init`: runit's services, and a command, which it stops first.
pub(super) fn my_init(args: &[String]) -> io::Result<i32> {
    let mut all = Vec::new();
    let mut words = args.iter().skip_while(|word| word.starts_with('-'));
    if let Some(program) = words.next() {
        let mut command = Command::new(program);
        command.args(words);
        all.push(start_service(command)?);
    }
    for command in services("/etc/service") {
        all.push(start_service(command)?);
    }
    stop_all(all, Duration::from_secs(30))
}

fn start_service(mut command: Command) -> io::Result<Supervised> {
    let signal = command.get_current_dir().and_then(|own| fs::read_to_string(own.join("down-signal")).ok());
    let signal = signal.as_deref().unwrap_or("TERM").trim().trim_start_matches("SIG").to_owned();
    Ok(Supervised {
        child: command.spawn()?,
        signal: format!("SIG{signal}").parse()?,
        patience: 0,
        stops_group: false,
        kills_group: false,
    })
}

/// Waits for TERM, tells the processes that it has started and waits for them, then tells all that is left and waits for that.
fn stop_all(mut services: Vec<Supervised>, patience: Duration) -> io::Result<i32> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    signals.forever().next();
    services.iter().for_each(|service| service.send(service.signal, false));
    let deadline = Instant::now() + patience;
    for service in &mut services {
        while service.child.try_wait()?.is_none() && Instant::now() < deadline {
            thread::sleep(TICK);
        }
    }
    // Nobody may be left to be told.
    let _ = kill(Pid::from_raw(-1), Signal::SIGTERM);
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline
        && !matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD))
    {
        thread::sleep(TICK);
    }
    Ok(0)
}

/// The services with a `run` script below a directory.
pub(super) fn services(directory: &str) -> Vec<Command> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let services = entries.map(|entry| entry.path()).filter(|service| service.join("run").is_file());
    services
        .map(|service| {
            let mut command = Command::new(service.join("run"));
            command.current_dir(service);
            command
        })
        .collect()
}
