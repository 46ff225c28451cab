//! The model's predictions next to what was measured: the same rows and fixtures that the kernel test runs.
#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs, unreachable_pub)]

mod support;

use std::sync::Arc;

use pidone::Settings;
use pidone::dockerfile;
use pidone::launch::simulate;
use pidone::programs::Tables;
use pidone::project::Context;
use pidone::source::{MemoryLoader, Source};
use support::shell_forms::Form;
use support::{Files, Outcome, fixture, launch_cases, shell_forms};

/// The stand-ins whose behaviour no table of the product knows.
const STAND_INS: &str = r#"
[[program]]
names = ["rawserver", "srv-raw"]
kind = "server"
anywhere = true
signals = { none = true }

[[program]]
names = ["intserver"]
kind = "server"
signals = { graceful = ["INT"], ignored = ["TERM", "QUIT"] }

[[program]]
names = ["srv"]
kind = "setup"
args = { mentions = ["life="] }

[[program]]
names = ["helper", "cron-helper", "relayd"]
kind = "helper"
"#;

fn tables() -> Tables {
    Tables::builtin().with_rows(STAND_INS).unwrap()
}

/// What the model says about the last stage, or the named one.
fn predict(files: &Files, dockerfile: &str, stage: Option<&str>, tables: &Tables) -> Option<Outcome> {
    predict_with(files, |_| true, dockerfile, stage, tables)
}

/// What the model says about the first container of a deployment.
fn predict_deployment(files: &Files, path: &str, tables: &Tables) -> Option<Outcome> {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(true));
    }
    let settings = Settings { tables: Arc::new(tables.clone()), ..Settings::default() };
    let report = pidone::check(path.into(), &loader, &settings);
    report.images.first().map(|image| named(image.outcome))
}

fn predict_with(
    files: &Files,
    executable: impl Fn(&str) -> bool,
    dockerfile: &str,
    stage: Option<&str>,
    tables: &Tables,
) -> Option<Outcome> {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(executable(path)));
    }
    let parsed = Arc::new(dockerfile::parse(&Source::new(dockerfile, files.get(dockerfile)?.as_str())));
    let images = dockerfile::images(&parsed, tables);
    let image =
        images.iter().rfind(|image| stage.is_none_or(|stage| image.name.as_deref() == Some(stage)))?;
    let context = Context::new(image, &loader);
    let launch = simulate(image, &context, tables)?;
    if std::env::var_os("SHOW").is_some() {
        eprintln!("{launch:#?}");
    }
    // A verdict over some of the branches only is none that a fixture may rest on.
    if launch.doubts.iter().any(|(_, reason)| reason.contains("more branches")) {
        return Some(Outcome::Unknown);
    }
    Some(named(launch.outcome))
}

fn named(outcome: pidone::diagnostic::Outcome) -> Outcome {
    match outcome.name() {
        "graceful" => Outcome::Graceful,
        "abrupt" => Outcome::Abrupt,
        "timeout" => Outcome::Timeout,
        "exits-early" => Outcome::ExitsEarly,
        _ => Outcome::Unknown,
    }
}

fn json(words: &[&str]) -> String {
    serde_json::to_string(words).unwrap()
}

/// Runs only the rows that the environment variable ROW names, if it is set.
fn wanted(name: &str) -> bool {
    std::env::var("ROW").map_or(true, |only| only == name)
}

fn report(wrong: &[String], count: usize) {
    assert!(count > 0, "nothing was compared");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A base image for each version of bash that the rows were measured with.
const BASES: [(&str, &str); 5] = [
    ("debian:bookworm", "5.2"),
    ("debian:10", "5.0"),
    ("rockylinux:8", "4.4"),
    ("ubuntu:16.04", "4.3"),
    ("centos:7", "4.2"),
];

#[test]
fn shell_forms_end_as_measured() {
    let tables = tables();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in shell_forms::all().iter().filter(|row| wanted(&row.name)) {
        let each = row.outcome.keys().flat_map(|shell| BASES.map(|(base, version)| (shell, base, version)));
        let each = each.filter(|(shell, base, _)| *shell == "bash" || *base == BASES[0].0);
        for (shell, base, version) in each.filter(|(shell, _, version)| !row.is_unsettled(shell, version)) {
            let mut files = row.files.clone();
            let mut words: Vec<&str> = match row.form {
                Form::Inline => vec![shell.as_str(), "-c", &row.text],
                Form::Script => vec!["/app/run.sh"],
            };
            words.extend(row.args.iter().map(String::as_str));
            let command = match row.form {
                Form::Inline => format!("CMD {}", json(&words)),
                Form::Script => {
                    files.insert("run.sh".into(), format!("#!/bin/{shell}\n{}", row.text));
                    format!("ENTRYPOINT {}\nCMD []", json(&words))
                }
            };
            files
                .insert("Dockerfile".into(), format!("FROM {base}\nWORKDIR /app\nCOPY . /app/\n{command}\n"));
            count += 1;
            let expected = row.outcome_of(shell, version).unwrap();
            let predicted = predict(&files, "Dockerfile", None, &tables);
            if predicted != Some(expected) {
                wrong.push(format!(
                    "{} ({shell} {version}): {predicted:?}, measured {expected}\n{}",
                    row.name, row.text
                ));
            }
        }
    }
    report(&wrong, count);
}

/// Where the stand-in does something else than the real program, with the reason.
const STAND_IN_DIFFERS: [(&str, &str, &str); 1] = [(
    "sne-035",
    "after",
    "Debian's cron installs no handler (measured), so that as PID 1 it hears nothing; the stand-in has one",
)];

#[test]
fn reported_cases_end_as_measured() {
    let tables = tables();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for case in launch_cases::all().iter().filter(|case| wanted(&case.id)) {
        let Some(verified) = &case.verified else { continue };
        for (which, files, word) in
            [("before", case.before.clone(), &verified.before), ("after", case.repaired(), &verified.after)]
        {
            if STAND_IN_DIFFERS.iter().any(|(id, when, _)| *id == case.id && *when == which) {
                continue;
            }
            count += 1;
            let expected = launch_cases::outcome(word).unwrap();
            let predicted = predict(&files, "Dockerfile", None, &tables);
            if predicted != Some(expected) {
                wrong.push(format!(
                    "{} {which} [{}]: {predicted:?}, measured {expected}\n{files:#?}",
                    case.id, case.category
                ));
            }
        }
    }
    report(&wrong, count);
}

#[test]
fn fixtures_end_as_they_say() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    let tables = tables();
    for fixture in fixture::all().iter().filter(|fixture| wanted(&fixture.name)) {
        let expect = &fixture.expect;
        if expect.args.is_some() {
            continue;
        }
        let stage = expect.stage.as_deref();
        let after = fixture
            .after
            .as_ref()
            .zip(expect.outcome_after)
            .map(|(files, outcome)| ("after", files, outcome));
        for (which, files, expected) in
            [Some(("before", &fixture.before, expect.outcome)), after].into_iter().flatten()
        {
            count += 1;
            let predicted = match &expect.deployment {
                Some(deployment) => predict_deployment(files, deployment, &tables),
                None => predict_with(
                    files,
                    |path| fixture.is_executable(path),
                    &expect.dockerfile,
                    stage,
                    &tables,
                ),
            };
            if predicted != Some(expected) {
                wrong.push(format!(
                    "{} {which}: {predicted:?}, expected {expected}; {}",
                    fixture.name, expect.why
                ));
            }
        }
    }
    report(&wrong, count);
}
