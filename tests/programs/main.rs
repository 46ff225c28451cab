//! The programs test: real programs from Debian, PyPI and npm run as PID 1 and behind an init, are stopped, and what they do is
//! compared with what their rows in `rules/programs.toml` say. `tests/data/programs.toml` lists them.
//!
//! Usage: `PIDONE_PROGRAMS=1 cargo test --test programs [-- [--list] [--nocapture] [FILTER]...]`, as root, with debootstrap and network. The
//! programs are installed once, into a root filesystem of their own below target/; nothing is installed on the host. Without
//! PIDONE_PROGRAMS nothing is run, and a message says so. `PIDONE_SIGNALS="INT QUIT HUP"` tries further signals, to see what a row could say.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]
#![allow(dead_code, reason = "the kernel test needs more of what they share")]

use std::path::Path;
use std::process::ExitCode;

#[path = "../kernel/container.rs"]
mod container;
mod entry;
mod install;
#[path = "../kernel/observe.rs"]
mod observe;
#[path = "../kernel/programs.rs"]
mod programs;
#[path = "../kernel/root.rs"]
mod root;
mod row;
#[path = "../kernel/runner.rs"]
mod runner;
#[path = "../kernel/stand_in.rs"]
mod stand_in;
#[path = "../kernel/starter.rs"]
mod starter;
#[path = "../support/mod.rs"]
mod support;

/// How many programs run at the same time: some of them are busy while they start.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut args = std::env::args();
    let argv0 = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    // The same program plays every part; the name it is called by says which.
    let code = match argv0.as_str() {
        starter::STARTER => starter::start(),
        starter::LAUNCHER => starter::become_command(&args),
        _ if Path::new(stand_in::LOG).exists() => stand_in::play(&argv0, &args).unwrap_or(127),
        _ => return test(&args),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn test(args: &[String]) -> ExitCode {
    let entries = match entry::all() {
        Ok(entries) => entries,
        Err(error) => {
            eprintln!("tests/data/programs.toml: {error}");
            return ExitCode::FAILURE;
        }
    };
    let listing = args.iter().any(|arg| arg == "--list" || arg == "--ignored");
    if std::env::var_os("PIDONE_PROGRAMS").is_none_or(|value| value != "1") && !listing {
        eprintln!(
            "\n!!! THE PROGRAMS TEST DID NOT RUN: none of its {} programs was started\n\
             !!! It installs them first; as root, with debootstrap and network: PIDONE_PROGRAMS=1 cargo test --test programs\n",
            entries.len()
        );
        return ExitCode::SUCCESS;
    }
    if !listing && let Err(error) = install::install(&entries) {
        eprintln!("the programs could not be installed: {error}");
        return ExitCode::FAILURE;
    }
    runner::main(args, THREADS, || {
        entries.iter().flat_map(|entry| row::cases(entry, &install::root(entry))).collect()
    })
}
