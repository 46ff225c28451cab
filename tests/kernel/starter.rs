//! Starting and stopping a container, as a container engine does. Two processes, both this program called by another
//! name: the starter makes the namespaces and the root filesystem, measures, and reports; the launcher is the first
//! process of the PID namespace and becomes the container's command.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, chdir, chroot, execve, getgid, getuid, setsid};

use crate::container::{Failure, Measured, Run, Stop};
use crate::observe::{Log, Tree};
use crate::root::{self, inside};
use crate::stand_in::{LOG, code};

/// The name by which the harness calls the starter.
pub(crate) const STARTER: &str = "pidone-starter";
/// The name by which the starter calls the launcher.
pub(crate) const LAUNCHER: &str = "pidone-launcher";

/// Where the root filesystem is put; nothing is written to the directory itself.
const ROOT: &str = env!("CARGO_TARGET_TMPDIR");
/// Where the container's output goes.
const OUTPUT: &str = "/.pidone/output";
/// How long a program may take to reap what is left to it: supervisors look once in a while.
const REAPING: Duration = Duration::from_secs(6);
/// How long a real program may take until it says that it is ready, or its service has started.
const BEGINNING: Duration = Duration::from_secs(60);
/// A container has settled when it has not changed for so long ...
const QUIET: Duration = Duration::from_millis(250);
/// ... or after so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often is looked.
const TICK: Duration = Duration::from_millis(5);

/// The starter: reads a run from standard input, does it, writes what was measured to standard output.
pub(crate) fn start() -> i32 {
    let report = serde_json::from_reader::<_, Run>(io::stdin())
        .map_err(|error| Failure::Broken(error.to_string()))
        .and_then(|run| perform(&run));
    match serde_json::to_writer(io::stdout(), &report) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn perform(run: &Run) -> Result<Measured, Failure> {
    let signal = signal(&run.stop_signal)?;
    // If the harness dies, so does this process, and with it the container.
    set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from)?;
    umask(Mode::from_bits_truncate(0o022));
    own_namespace()?;
    if run.container.base.is_some() {
        // Real servers bind ports: each container has its own.
        unshare(CloneFlags::CLONE_NEWNET).map_err(unsupported("a network namespace"))?;
    }
    let root = root::build(Path::new(ROOT), &run.container)?;
    fs::write(inside(&root, OUTPUT), "")?;
    for step in &run.container.steps {
        let done = launch(&root, &step.workdir, &step.argv, run)?.wait()?;
        if !done.success() {
            let said = fs::read_to_string(inside(&root, OUTPUT))?;
            return Err(Failure::Broken(format!("the build step {:?} failed: {said}", step.argv)));
        }
    }
    unshare(CloneFlags::CLONE_NEWPID).map_err(unsupported("a PID namespace"))?;
    let mut pid1 = launch(&root, &run.container.workdir, &run.argv, run)?;
    let measured = stop(&root, &mut pid1, signal, run);
    // Whatever went wrong: the namespace ends with its PID 1.
    let _ = pid1.kill();
    let _ = pid1.wait();
    measured
}

/// A mount namespace, if need be in a user namespace where this user is root.
fn own_namespace() -> Result<(), Failure> {
    let (uid, gid) = (getuid(), getgid());
    match unshare(CloneFlags::CLONE_NEWNS) {
        Ok(()) => Ok(()),
        Err(Errno::EPERM) => {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
                .map_err(unsupported("a user namespace"))?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
            fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
            Ok(())
        }
        Err(error) => Err(unsupported("a mount namespace")(error)),
    }
}

fn unsupported(what: &str) -> impl Fn(Errno) -> Failure {
    move |error| Failure::Unsupported(format!("the kernel refuses {what}: {error}"))
}

/// `SIGTERM`, `TERM` or `15`.
fn signal(name: &str) -> Result<Signal, Failure> {
    let parsed = match name.parse::<i32>() {
        Ok(number) => Signal::try_from(number).ok(),
        Err(_) => format!("SIG{}", name.trim_start_matches("SIG")).parse().ok(),
    };
    parsed.ok_or_else(|| Failure::Broken(format!("no such signal: {name}")))
}

fn launch(root: &Path, workdir: &str, argv: &[String], run: &Run) -> io::Result<Child> {
    let output = fs::OpenOptions::new().append(true).open(inside(root, OUTPUT))?;
    Command::new(std::env::current_exe()?)
        .arg0(LAUNCHER)
        .arg(root)
        .arg(workdir)
        .args(argv)
        .env_clear()
        .envs([
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("HOSTNAME", "pidone"),
        ])
        .envs(&run.container.env)
        .stdin(if run.container.stdin_open { Stdio::piped() } else { Stdio::null() })
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
}

/// The launcher: becomes `args[2..]` in the root filesystem `args[0]`, in the directory `args[1]`.
pub(crate) fn become_command(args: &[String]) -> i32 {
    let [root, workdir, argv @ ..] = args else { return 125 };
    let ready =
        enter(Path::new(root), workdir).and_then(|()| resolve(argv.first().map_or("", String::as_str)));
    let path = match ready {
        Ok(path) => path,
        Err(error) => {
            eprintln!("cannot start {argv:?}: {error}");
            return 127;
        }
    };
    let words = |words: Vec<Vec<u8>>| words.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        [name.as_bytes(), b"=", value.as_bytes()].concat()
    };
    let ready = CString::new(path.as_os_str().as_bytes()).and_then(|path| {
        let argv = words(argv.iter().map(|word| word.clone().into_bytes()).collect())?;
        Ok((path, argv, words(std::env::vars_os().map(variable).collect())?))
    });
    // Not the execvp of Command: that gives a file without a shebang to sh, which an engine does not do.
    match ready.map(|(path, argv, env)| execve(&path, &argv, &env)) {
        Ok(Err(error)) => {
            eprintln!("cannot execute {argv:?}: {error}");
            126
        }
        _ => 125,
    }
}

fn enter(root: &Path, workdir: &str) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    // A build step runs outside the PID namespace and needs no /proc of its own.
    if nix::unistd::getpid().as_raw() == 1 {
        mount(Some("proc"), &root.join("proc"), Some("proc"), flags, None::<&str>)?;
    }
    chroot(root)?;
    chdir(workdir)?;
    umask(Mode::from_bits_truncate(0o022));
    setsid()?;
    // Without unsafe code there is no way to reset a disposition; but the kernel resets caught signals on exec.
    let ignored = Arc::new(AtomicBool::new(false));
    for signal in
        Signal::iterator().filter(|&signal| !signal_hook::consts::FORBIDDEN.contains(&(signal as i32)))
    {
        signal_hook::flag::register(signal as i32, Arc::clone(&ignored))?;
    }
    SigSet::empty().thread_set_mask()?;
    Ok(())
}

/// The file that `name` means: itself if it has a slash, else the first in PATH.
fn resolve(name: &str) -> io::Result<PathBuf> {
    if name.contains('/') {
        return Ok(name.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| !name.is_empty() && file.is_file())
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "executable file not found in $PATH"))
}

/// Waits until it is time, sends the stop signal, watches the end.
fn stop(root: &Path, pid1: &mut Child, signal: Signal, run: &Run) -> Result<Measured, Failure> {
    let mut exited = match run.stop {
        Stop::Settled => settle(root, pid1, run)?,
        Stop::AfterStart(delay) => wait_for_start(root, pid1, Duration::from_secs_f64(delay))?,
    };
    if run.orphan && exited.is_none() {
        exited = leave_orphan(root, pid1, run)?;
    }
    let before = Tree::read(root)?;
    let log_before = fs::metadata(inside(root, LOG))?.len() as usize;
    let early = exited.is_some();
    let pid = Pid::from_raw(pid1.id() as i32);
    let start = Instant::now();
    let grace = start + Duration::from_secs_f64(run.grace);
    let mut again = run.again.map(|after| start + Duration::from_secs_f64(after));
    let mut killed = false;
    if !early {
        kill(pid, signal).map_err(io::Error::from)?;
    }
    while exited.is_none() {
        let now = Instant::now();
        if again.is_some_and(|at| now >= at) {
            again = None;
            kill(pid, signal).map_err(io::Error::from)?;
        }
        if now >= grace && !killed {
            killed = true;
            pid1.kill()?;
        }
        thread::sleep(TICK);
        exited = pid1.try_wait()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let log = Log::parse(&fs::read_to_string(inside(root, LOG))?, log_before);
    let output = fs::read(inside(root, OUTPUT))?;
    let output = String::from_utf8_lossy(&output[output.len().saturating_sub(2000)..]).into_owned();
    Ok(Measured {
        outcome: log.outcome(early, killed),
        services: log.services,
        exit: exited.map_or(-1, code),
        seconds,
        pid1: before.pid1(),
        zombies: before.zombies(),
        output,
    })
}

type Exited = Option<std::process::ExitStatus>;

/// Leaves a process to PID 1 that soon ends, and waits until it has been reaped, or long enough to see that it is not.
fn leave_orphan(root: &Path, pid1: &mut Child, run: &Run) -> Result<Exited, Failure> {
    let zombies = Tree::read(root)?.zombies();
    launch(root, "/", &["/bin/sh", "-c", "sleep 0.1 & exit 0"].map(str::to_owned), run)?.wait()?;
    thread::sleep(Duration::from_millis(500));
    let start = Instant::now();
    while Tree::read(root)?.zombies() > zombies && start.elapsed() < REAPING {
        thread::sleep(TICK);
    }
    Ok(pid1.try_wait()?)
}

/// True if it has said that it is ready, and its service has started, if there are to be such signs.
fn has_begun(root: &Path, run: &Run) -> io::Result<bool> {
    let started = !run.waits || fs::metadata(inside(root, LOG))?.len() > 0;
    let is_ready = |ready: &String| {
        fs::read(inside(root, OUTPUT)).map(|output| String::from_utf8_lossy(&output).contains(ready.as_str()))
    };
    Ok(started && run.ready.as_ref().map_or(Ok(true), is_ready)?)
}

/// Waits until nothing has changed for a while: the same processes, none of them running, no setup under way.
fn settle(root: &Path, pid1: &mut Child, run: &Run) -> Result<Exited, Failure> {
    let begun = Instant::now();
    while !has_begun(root, run)? && begun.elapsed() < BEGINNING {
        if let Some(status) = pid1.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(TICK);
    }
    let (start, mut since, mut last) = (Instant::now(), Instant::now(), None);
    loop {
        if let Some(status) = pid1.try_wait()? {
            return Ok(Some(status));
        }
        let tree = Tree::read(root)?;
        if !tree.is_busy(&run.container.programs) && last.as_ref() == Some(&tree) {
            if since.elapsed() > QUIET {
                return Ok(None);
            }
        } else {
            since = Instant::now();
        }
        if start.elapsed() > PATIENCE {
            return Ok(None);
        }
        last = Some(tree);
        thread::sleep(TICK * 2);
    }
}

/// Waits until a service has logged its start, and a little more. Where none does, patience ends the wait.
fn wait_for_start(root: &Path, pid1: &mut Child, delay: Duration) -> Result<Exited, Failure> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = pid1.try_wait()? {
            return Ok(Some(status));
        }
        if fs::metadata(inside(root, LOG))?.len() > 0 {
            thread::sleep(delay);
            return Ok(pid1.try_wait()?);
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(None)
}
