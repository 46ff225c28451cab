//! The model against the kernel, on entry scripts put together at random: the prediction, what really happens, and the
//! same for what pidone's own fix makes of the script.
//!
//! A case is its seed. `PIDONE_RANDOM=1000..2000` runs other seeds than the usual ones; a mismatch is shrunk to the
//! fewest lines that still show it.

use std::ops::Range;

use camino::Utf8PathBuf;
use pidone::fix::fix_all;
use pidone::source::MemoryLoader;
use pidone::{Settings, diagnostic};

use crate::container::{Container, Measured, Run};
use crate::image::Image;
use crate::programs::{Role, role};
use crate::runner::Case;
use crate::support::{Files, Outcome};

mod known;
mod phrases;
mod script;

/// The seeds of an ordinary run.
const SEEDS: Range<u64> = 0..150;
/// Seconds between the stop signal and SIGKILL: a service takes half a second to save its work.
const GRACE: f64 = 1.3;
/// What is added where one of them takes longer.
const MORE_GRACE: f64 = 0.5;
/// The grace period where it has to be sure.
const LONG_GRACE: f64 = 11.0;
/// A mismatch counts if it shows each time.
const REPEAT: usize = 3;

/// A difference between what the model knows and what the kernel does.
#[derive(Debug, Clone)]
struct Mismatch {
    kind: Kind,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The prediction for the script as it is: predicted, measured.
    Before(Outcome, Outcome),
    /// The prediction for what the fix makes of it.
    After(Outcome, Outcome),
    /// The fix makes it worse.
    Worse(Outcome, Outcome),
    /// Some service does not start any more.
    Lost,
    /// A second fix changes something.
    Again,
}

/// The cases: one for each seed.
pub(crate) fn all() -> Vec<Case> {
    seeds().map(case).collect()
}

fn seeds() -> Range<u64> {
    let given = std::env::var("PIDONE_RANDOM").ok();
    let range = given.and_then(|text| {
        let (from, to) = text.split_once("..")?;
        Some(from.parse().ok()?..to.parse().ok()?)
    });
    range.unwrap_or(SEEDS)
}

/// The script of this seed. One that shows what is known to be wrong gives way to another.
fn project(seed: u64) -> Files {
    (0..64)
        .map(|turn| script::project(seed + (turn << 32)))
        .find(|files| known::reason(files).is_none())
        .unwrap_or_default()
}

fn case(seed: u64) -> Case {
    Case {
        name: format!("random::{seed}"),
        needs: vec!["dash", "busybox", "bash", "tini", "dumb-init"],
        test: Box::new(move || {
            let files = project(seed);
            match judge(&files, REPEAT)? {
                Ok(seen) => Ok(seen),
                Err(mismatch) => {
                    let (files, mismatch) = shrink(files, mismatch);
                    Err(format!("{:?}: {}\n{}", mismatch.kind, mismatch.detail, show(&files)))
                }
            }
        }),
    }
}

/// Compares, for a project and for what the fix makes of it. The outer error is one of the harness.
fn judge(files: &Files, repeat: usize) -> Result<Result<String, Mismatch>, String> {
    let predicted = predict(files);
    let measured = match compare(files, predicted, repeat, Kind::Before)? {
        Ok(measured) => measured,
        Err(mismatch) => return Ok(Err(mismatch)),
    };
    let fixed = fix(files);
    if fixed == *files {
        return Ok(Ok(format!("{predicted}: {measured}")));
    }
    if fix(&fixed) != fixed {
        return Ok(Err(Mismatch { kind: Kind::Again, detail: show(&fix(&fixed)) }));
    }
    let after = match compare(&fixed, predict(&fixed), repeat, Kind::After)? {
        Ok(measured) => measured,
        Err(mismatch) => return Ok(Err(mismatch)),
    };
    let names = |measured: &Measured| measured.services.keys().cloned().collect::<Vec<_>>();
    if badness(after.outcome) > badness(measured.outcome) {
        let kind = Kind::Worse(measured.outcome, after.outcome);
        return Ok(Err(Mismatch { kind, detail: format!("{after}\nfixed:\n{}", show(&fixed)) }));
    }
    if names(&measured).iter().any(|name| !after.services.contains_key(name)) {
        let detail = format!("{measured}\nbut fixed: {after}\n{}", show(&fixed));
        return Ok(Err(Mismatch { kind: Kind::Lost, detail }));
    }
    Ok(Ok(format!("{predicted}: {measured}, fixed: {after}")))
}

/// Measures, and compares with the prediction. What differs from run to run is no mismatch.
fn compare(
    files: &Files,
    predicted: Outcome,
    repeat: usize,
    kind: impl Fn(Outcome, Outcome) -> Kind,
) -> Result<Result<Measured, Mismatch>, String> {
    let agrees = |measured: &Measured| {
        // Where no service runs, a stop in the middle of the preparations looks like one that went well.
        let idle = predicted == Outcome::ExitsEarly && measured.services.is_empty();
        predicted == Outcome::Unknown || measured.outcome == predicted || idle
    };
    let mut measured = measure(files, GRACE)?;
    for _ in 1..repeat {
        if agrees(&measured) {
            return Ok(Ok(measured));
        }
        // Only an end that did not come in time can come later.
        let timeout = measured.outcome == Outcome::Timeout;
        measured = measure(files, if timeout { LONG_GRACE } else { GRACE })?;
    }
    if agrees(&measured) {
        return Ok(Ok(measured));
    }
    let kind = kind(predicted, measured.outcome);
    Ok(Err(Mismatch { kind, detail: format!("predicted {predicted}, measured {measured}") }))
}

/// What happens, whoever of several services takes longest to save its work.
fn measure(files: &Files, grace: f64) -> Result<Measured, String> {
    let image = Image::build(files, "Dockerfile", None)?;
    let run = |container: Container, grace: f64| {
        let run = Run::new(container, image.argv(), &image.stop_signal, grace);
        run.measure().map_err(|failure| failure.to_string())
    };
    let measured = run(image.container.clone(), grace)?;
    if measured.outcome != Outcome::Graceful || measured.services.len() < 2 {
        return Ok(measured);
    }
    let usual = |name: &&String| role(name, &image.container.programs) == Some(Role::Service);
    for name in measured.services.keys().filter(usual) {
        let mut container = image.container.clone();
        container.programs.insert(name.clone(), Role::SlowService);
        let slower = run(container, grace + MORE_GRACE)?;
        if slower.outcome != Outcome::Graceful {
            return Ok(slower);
        }
    }
    Ok(measured)
}

fn loader(files: &Files) -> MemoryLoader {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(true));
    }
    loader
}

fn predict(files: &Files) -> Outcome {
    let report = pidone::check(&Utf8PathBuf::from("Dockerfile"), &loader(files), &Settings::default());
    let Some(image) = report.images.last() else { return Outcome::Unknown };
    match image.outcome {
        // It ends by itself, and no service with it.
        diagnostic::Outcome::Graceful if image.why == "nothing stays running" => Outcome::ExitsEarly,
        diagnostic::Outcome::Graceful => Outcome::Graceful,
        diagnostic::Outcome::Abrupt => Outcome::Abrupt,
        diagnostic::Outcome::Timeout => Outcome::Timeout,
        diagnostic::Outcome::ExitsEarly => Outcome::ExitsEarly,
        diagnostic::Outcome::Unknown => Outcome::Unknown,
    }
}

/// What the safe fixes make of it.
fn fix(files: &Files) -> Files {
    let path = Utf8PathBuf::from("Dockerfile");
    let mut fixed = files.clone();
    for (path, _, text) in fix_all(&[path], &loader(files), &Settings::default()).changed {
        fixed.insert(path.into_string(), text);
    }
    fixed
}

fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Graceful | Outcome::Unknown => 0,
        Outcome::Abrupt => 1,
        Outcome::Timeout => 2,
        Outcome::ExitsEarly => 3,
    }
}

/// The fewest lines that still show the mismatch.
fn shrink(mut files: Files, mut mismatch: Mismatch) -> (Files, Mismatch) {
    let mut size = files.values().map(|text| text.lines().count()).max().unwrap_or(0) / 2;
    loop {
        let mut smaller = false;
        for name in files.keys().filter(|name| *name != "Dockerfile").cloned().collect::<Vec<_>>() {
            let mut at = 1;
            while let Some(text) = without(&files[&name], at, size.max(1)) {
                if text == files[&name] {
                    at += size.max(1);
                    continue;
                }
                let mut candidate = files.clone();
                candidate.insert(name.clone(), text);
                match still_shows(&candidate, &mismatch) {
                    Some(found) => (files, mismatch, smaller) = (candidate, found, true),
                    None => at += size.max(1),
                }
            }
        }
        if size <= 1 && !smaller {
            return (files, mismatch);
        }
        size /= 2;
    }
}

/// The text without `count` lines from line `at` on; unchanged if these remember a process: one that is forgotten is
/// another matter.
fn without(text: &str, at: usize, count: usize) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let end = (at + count).min(lines.len());
    let dropped = lines.get(at..end).filter(|dropped| !dropped.is_empty())?;
    let remembers = |line: &&str| ["=$!", "pids=", "pids+="].iter().any(|text| line.contains(text));
    if dropped.iter().any(remembers) {
        return Some(text.to_owned());
    }
    Some([&lines[..at], &lines[end..]].concat().join("\n") + "\n")
}

fn still_shows(files: &Files, mismatch: &Mismatch) -> Option<Mismatch> {
    // The prediction is quick, and usually enough.
    if let Kind::Before(predicted, _) = mismatch.kind
        && predict(files) != predicted
    {
        return None;
    }
    let found = judge(files, 1).ok()?.err()?;
    let broken = |mismatch: &Mismatch| {
        ["yntax error", "unexpected", "not found", "No such", "not set", "sage"]
            .map(|word| mismatch.detail.contains(word))
    };
    (found.kind == mismatch.kind && broken(&found) == broken(mismatch)).then_some(found)
}

fn show(files: &Files) -> String {
    files.iter().map(|(name, text)| format!("--- {name}\n{text}")).collect()
}
