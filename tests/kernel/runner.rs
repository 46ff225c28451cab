//! A small test runner: many cases side by side, since they mostly sleep.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::container::{Container, Run, Shell};
use crate::support::Outcome;

/// One test.
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    /// The programs that the host must have.
    pub(crate) needs: Vec<&'static str>,
    /// What it does.
    pub(crate) test: Test,
}

impl Case {
    /// Whether a second look may answer. Stress asks whether anything is ever lost: there, once is enough.
    fn repeatable(&self) -> bool {
        !self.name.contains("::stress")
    }
}

/// Says what it saw, or what is wrong.
pub(crate) type Test = Box<dyn Fn() -> Result<String, String> + Send + Sync>;

struct Options {
    list: bool,
    exact: bool,
    ignored: bool,
    nocapture: bool,
    threads: usize,
    filters: Vec<String>,
    skip: Vec<String>,
}

impl Options {
    /// The options of Rust's own runner that mean something here; others are accepted.
    fn parse(args: &[String], threads: usize) -> Self {
        let mut options = Self {
            list: false,
            exact: false,
            ignored: false,
            nocapture: false,
            threads,
            filters: Vec::new(),
            skip: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => options.list = true,
                "--exact" => options.exact = true,
                "--ignored" => options.ignored = true,
                "--nocapture" | "--no-capture" => options.nocapture = true,
                "--test-threads" => {
                    options.threads = args.next().and_then(|n| n.parse().ok()).unwrap_or(threads)
                }
                "--skip" => options.skip.extend(args.next().cloned()),
                "--format" | "--color" | "--logfile" | "-Z" => drop(args.next()),
                _ if arg.starts_with('-') => {}
                _ => options.filters.push(arg.clone()),
            }
        }
        options
    }

    fn wants(&self, name: &str) -> bool {
        let hits = |filter: &String| if self.exact { name == filter } else { name.contains(filter.as_str()) };
        (self.filters.is_empty() || self.filters.iter().any(hits)) && !self.skip.iter().any(hits)
    }
}

/// Runs what `args` ask for, `threads` at the same time unless they say otherwise.
pub(crate) fn main(args: &[String], threads: usize, cases: impl Fn() -> Vec<Case>) -> ExitCode {
    let options = Options::parse(args, threads);
    // No case is ignored.
    let cases: Vec<Case> = if options.ignored {
        Vec::new()
    } else {
        cases().into_iter().filter(|c| options.wants(&c.name)).collect()
    };
    if options.list {
        cases.iter().for_each(|case| println!("{}: test", case.name));
        return ExitCode::SUCCESS;
    }
    if cases.is_empty() {
        println!("0 cases");
        return ExitCode::SUCCESS;
    }
    let required = std::env::var_os("PIDONE_REQUIRE_KERNEL").is_some_and(|value| value == "1");
    if let Some(why) = obstacle() {
        eprintln!("\n!!! THE KERNEL TEST DID NOT RUN: none of its {} cases\n!!! {why}\n", cases.len());
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }

    let start = Instant::now();
    let next = AtomicUsize::new(0);
    let (differing, skipped) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    let differ = |case, why| differing.lock().unwrap_or_else(PoisonError::into_inner).push((case, why));
    thread::scope(|scope| {
        for _ in 0..options.threads.clamp(1, cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let missing = case.needs.iter().find(|program| !crate::root::host_has(program));
                    match missing {
                        Some(program) => {
                            eprintln!("skipped {}: no {program} here", case.name);
                            skipped.fetch_add(1, Ordering::Relaxed);
                        }
                        None => match (case.test)() {
                            Ok(seen) if options.nocapture => println!("{}\n    {seen}", case.name),
                            Ok(_) => {}
                            Err(why) => differ(case, why),
                        },
                    }
                }
            });
        }
    });
    let differing = differing.into_inner().unwrap_or_else(PoisonError::into_inner);
    let again = differing.iter().filter(|(case, _)| case.repeatable()).count();
    let failed = differing.into_iter().filter(|(case, why)| holds_again(case, why)).count();
    let skipped = skipped.into_inner();
    println!(
        "\n{} cases, {failed} failed, {skipped} skipped, {again} measured again, {:.1} s",
        cases.len(),
        start.elapsed().as_secs_f64()
    );
    if failed > 0 || (skipped > 0 && required) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether what differed does so when nothing else runs: on a busy machine a start or a clean-up may take longer than was allowed.
fn holds_again(case: &Case, why: &str) -> bool {
    match case.repeatable().then(|| (case.test)()) {
        Some(Ok(_)) => {
            eprintln!("differed only beside others: {}\n    {why}", case.name);
            false
        }
        Some(Err(_)) | None => {
            eprintln!("FAILED {}\n    {why}", case.name);
            true
        }
    }
}

/// Why nothing can be run here, if so.
fn obstacle() -> Option<String> {
    let shells = [(Shell::Dash, "dash"), (Shell::Ash, "busybox"), (Shell::Bash, "bash")];
    let Some((shell, _)) = shells.into_iter().find(|(_, program)| crate::root::host_has(program)) else {
        return Some("no shell (dash, busybox, bash) was found".to_owned());
    };
    let argv = ["/bin/sh", "-c", "exec srv probe"].map(str::to_owned).to_vec();
    match Run::new(Container::new(shell), argv, "SIGTERM", 5.0).measure() {
        Ok(measured) if measured.outcome == Outcome::Graceful => None,
        Ok(measured) => Some(format!("a container with one well-behaved service: {measured}")),
        Err(failure) => Some(failure.to_string()),
    }
}
