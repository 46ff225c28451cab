//! The kernel test: fixtures, reported cases and shell forms run as PID 1 of a real PID namespace, are stopped, and
//! the outcome is compared with what the data says. No code of the linter takes part, but for the `repair` and
//! `random` cases: there what it says, and what its fix makes of the files, is compared with what happens.
//!
//! Usage: `cargo test --test kernel [-- [--list] [--nocapture] [FILTER]...]`; `--nocapture` shows every measurement. Where the kernel refuses namespaces
//! nothing is run, and a message says so; with PIDONE_REQUIRE_KERNEL=1 that is a failure.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::path::Path;
use std::process::ExitCode;

mod cases;
mod container;
mod image;
mod observe;
mod programs;
mod random;
mod root;
mod runner;
mod stand_in;
mod starter;
#[path = "../support/mod.rs"]
mod support;

/// How many cases run at the same time: they mostly sleep.
const THREADS: usize = 16;

fn main() -> ExitCode {
    let mut args = std::env::args();
    let argv0 = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    // The same program plays every part; the name it is called by says which.
    let code = match argv0.as_str() {
        starter::STARTER => Some(starter::start()),
        starter::LAUNCHER => Some(starter::become_command(&args)),
        _ if Path::new(stand_in::LOG).exists() => Some(stand_in::play(&argv0, &args).unwrap_or_else(|| {
            eprintln!("{argv0}: no such stand-in");
            127
        })),
        _ => None,
    };
    match code {
        Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        None => runner::main(&args, THREADS, cases::all),
    }
}
