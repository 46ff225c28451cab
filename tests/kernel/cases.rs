//! The cases: every fixture, every verified row of the reported cases, every shell form.

use std::collections::BTreeMap;
use std::process::Command;

use camino::Utf8PathBuf;
use pidone::fix::fix_all;
use pidone::source::MemoryLoader;
use pidone::{Settings, diagnostic};

use crate::container::{Container, File, Measured, Run, Shell, Stop};
use crate::image::Image;
use crate::programs::Role;
use crate::random;
use crate::runner::Case;
use crate::support::fixture::{self, Fixture, Stress};
use crate::support::launch_cases::{self, LaunchCase};
use crate::support::shell_forms::{self, Form, SHELLS, ShellForm};
use crate::support::{Files, Outcome};

/// Seconds between the stop signal and SIGKILL.
const GRACE: f64 = 3.0;
/// The same for shell forms, of which there are many: a service saves its work in half a second.
const SHORT_GRACE: f64 = 2.0;

/// Every case, the slow ones first.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    fixture::all().into_iter().for_each(|fixture| cases.extend(of_fixture(fixture)));
    for row in launch_cases::all() {
        if row.verified.is_some() {
            cases.extend(of_repair(&format!("launch::{}", row.id), &row.before, "Dockerfile"));
        }
        cases.extend(of_launch_case(row));
    }
    let bash = bash_version();
    for row in shell_forms::all() {
        for (shell, base) in [("dash", "debian:bookworm-slim"), ("ash", "alpine:3.20"), ("bash", "fedora:40")]
        {
            // What a service does by itself, the linter cannot know.
            let plain = row.files.is_empty() && !row.text.contains("life=");
            if row.form == Form::Script && plain && !row.is_unsettled(shell, &bash) {
                cases.extend(of_repair(
                    &format!("shell::{}::{shell}", row.name),
                    &script_project(&row, shell, base),
                    "Dockerfile",
                ));
            }
        }
        let shells = SHELLS.into_iter().filter(|shell| !row.is_unsettled(shell, &bash));
        cases.extend(shells.map(|shell| of_shell_form(&row, shell, &bash)));
    }
    cases.extend(random::all());
    cases
}

/// What pidone's own fix makes of a project: the container ends as pidone then says it does.
fn of_repair(name: &str, files: &Files, dockerfile: &str) -> Option<Case> {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(true));
    }
    let settings = Settings { unsafe_fixes: true, ..Settings::default() };
    let path = Utf8PathBuf::from(dockerfile);
    let outcome = fix_all(std::slice::from_ref(&path), &loader, &settings);
    if outcome.changed.is_empty() {
        return None;
    }
    let mut fixed = files.clone();
    for (path, _, text) in outcome.changed {
        loader.insert(path.as_str(), text.as_str(), Some(true));
        fixed.insert(path.into_string(), text);
    }
    let report = pidone::check(&path, &loader, &settings);
    let predicted = match report.images.last()?.outcome {
        diagnostic::Outcome::Graceful => Outcome::Graceful,
        diagnostic::Outcome::Abrupt => Outcome::Abrupt,
        diagnostic::Outcome::Timeout => Outcome::Timeout,
        diagnostic::Outcome::ExitsEarly => Outcome::ExitsEarly,
        diagnostic::Outcome::Unknown => return None,
    };
    let dockerfile = dockerfile.to_owned();
    Some(Case {
        name: format!("repair::{name}"),
        needs: needs(&fixed),
        test: Box::new(move || {
            let image = Image::build(&fixed, &dockerfile, None)?;
            let mut run = Run::new(image.container.clone(), image.argv(), &image.stop_signal, GRACE);
            run.container.programs.insert("/app/bin/app".to_owned(), Role::Service);
            let nothing = File { text: String::new(), mode: 0o644 };
            run.container.files.insert("/usr/local/bin/activate-env".to_owned(), nothing);
            check(&run, predicted, &BTreeMap::new())
        }),
    })
}

fn of_fixture(fixture: Fixture) -> Vec<Case> {
    let expect = &fixture.expect;
    if !expect.run {
        return Vec::new();
    }
    let mut cases = Vec::new();
    let before = expect.kernel.unwrap_or(expect.outcome);
    cases.push(project_case(&fixture, "before", &fixture.before, before, |_| {}));
    if let (Some(after), Some(outcome)) = (&fixture.after, expect.kernel_after.or(expect.outcome_after)) {
        cases.push(project_case(&fixture, "after", after, outcome, |_| {}));
        let own = expect.stress.iter().copied();
        for (index, stress) in own.chain(stress_of_traps(after)).enumerate() {
            for turn in 0..stress.repeat {
                let (delay, again) = (stress.delay_ms, stress.again_ms);
                let when = format!("stress {}.{}", index + 1, turn + 1);
                cases.push(project_case(&fixture, &when, after, outcome, move |run| {
                    let seconds = |ms: u64| ms as f64 / 1000.0;
                    run.stop = delay.map_or(Stop::Settled, |ms| Stop::AfterStart(seconds(ms)));
                    run.again = again.map(seconds);
                    run.grace = 2.0 * GRACE;
                }));
            }
        }
    }
    cases
}

/// With `PIDONE_STRESS=50`, so many further runs of what sets a trap: an early stop, a late one, and two signals one after the other.
/// A stop in the very moment in which a job starts is left out: the compact form of the trap may lose it.
fn stress_of_traps(after: &Files) -> Vec<Stress> {
    let repeat = std::env::var("PIDONE_STRESS").ok().and_then(|given| given.parse().ok()).unwrap_or(0);
    if repeat == 0 || !after.values().any(|text| text.contains("trap '")) {
        return Vec::new();
    }
    let run = |delay_ms, again_ms| Stress { repeat, delay_ms, again_ms };
    vec![run(Some(200), None), run(Some(1500), None), run(None, Some(40)), run(Some(200), Some(5))]
}

fn project_case(
    fixture: &Fixture,
    when: &str,
    files: &Files,
    outcome: Outcome,
    change: impl Fn(&mut Run) + Send + Sync + 'static,
) -> Case {
    let (name, needs) = (format!("fixture::{}::{when}", fixture.name), needs(files));
    let (files, expect) = (files.clone(), fixture.expect.clone());
    let which = if when == "before" { when } else { "after" };
    let engine = expect.engine.get(which).or_else(|| expect.engine.get("before")).cloned();
    let test = move || {
        let mut image = Image::build(&files, &expect.dockerfile, expect.stage.as_deref())?;
        if let Some(args) = &expect.args {
            image.set_cmd(args.clone());
        }
        if let Some(engine) = &engine {
            image.run_by(engine, &files)?;
        }
        let mut run = Run::new(image.container.clone(), image.argv(), &image.stop_signal, GRACE);
        let container = &mut run.container;
        container.env.extend(expect.env.clone());
        for (program, role) in &expect.programs {
            let role =
                serde_json::from_value::<Role>(role.clone().into()).map_err(|error| error.to_string())?;
            container.programs.insert(program.clone(), role);
        }
        // A mode in the project counts where the Dockerfile sets no other.
        let sets_modes = files.get(&expect.dockerfile).is_some_and(|text| text.contains("--chmod"));
        for (path, mode) in expect.modes.iter().filter(|_| !sets_modes) {
            let mode = u32::from_str_radix(mode, 8).map_err(|error| error.to_string())?;
            let text = files.get(path).ok_or_else(|| format!("there is no {path}"))?;
            container.files.values_mut().filter(|file| file.text == *text).for_each(|file| file.mode = mode);
        }
        for (path, text) in &expect.files {
            container.files.insert(path.clone(), File { text: text.clone(), mode: 0o755 });
        }
        change(&mut run);
        check(&run, outcome, &BTreeMap::new())
    };
    Case { name, needs, test: Box::new(test) }
}

fn of_launch_case(row: LaunchCase) -> Vec<Case> {
    let Some(verified) = &row.verified else { return Vec::new() };
    [
        ("before", row.before.clone(), verified.before.clone()),
        ("after", row.repaired(), verified.after.clone()),
    ]
    .map(|(when, files, word)| Case {
        name: format!("launch::{}::{when}", row.id),
        needs: needs(&files),
        test: Box::new(move || {
            let outcome = launch_cases::outcome(&word).ok_or_else(|| format!("what is {word}?"))?;
            let image = Image::build(&files, "Dockerfile", None)?;
            let mut run = Run::new(image.container.clone(), image.argv(), &image.stop_signal, GRACE);
            // What the rows take for granted.
            run.container.programs.insert("/app/bin/app".to_owned(), Role::Service);
            let nothing = File { text: String::new(), mode: 0o644 };
            run.container.files.insert("/usr/local/bin/activate-env".to_owned(), nothing);
            check(&run, outcome, &BTreeMap::new())
        }),
    })
    .into()
}

/// A script of the rows as a project.
fn script_project(row: &ShellForm, shell: &str, base: &str) -> Files {
    let path = if shell == "bash" { "/bin/bash" } else { "/bin/sh" };
    let mut argv = vec!["/app/run.sh".to_owned()];
    argv.extend(row.args.clone());
    let words: Vec<String> = argv.iter().map(|word| format!("{word:?}")).collect();
    let dockerfile = format!(
        "FROM {base}\nWORKDIR /app\nCOPY run.sh /app/run.sh\nENTRYPOINT [{}]\nCMD []\n",
        words.join(", ")
    );
    Files::from([
        ("Dockerfile".to_owned(), dockerfile),
        ("run.sh".to_owned(), format!("#!{path}\n{}", row.text)),
    ])
}

fn of_shell_form(row: &ShellForm, shell: &'static str, bash: &str) -> Case {
    let form = match row.form {
        Form::Inline => "sh -c",
        Form::Script => "script",
    };
    let (row, bash) = (row.clone(), bash.to_owned());
    let name = format!("shell::{form}::{}::{shell}", row.name);
    let needs = vec![if shell == "ash" { "busybox" } else { shell }];
    let test = move || {
        let outcome =
            row.outcome_of(shell, &bash).ok_or_else(|| format!("the row has no outcome for {shell}"))?;
        let kind = match shell {
            "dash" => Shell::Dash,
            "ash" => Shell::Ash,
            _ => Shell::Bash,
        };
        let mut container = Container::new(kind);
        container.workdir = "/app".to_owned();
        // bash is tested under its own name: as sh it minds POSIX.
        let path = if shell == "bash" { "/bin/bash" } else { "/bin/sh" };
        let with_shebang = |text: &str| format!("#!{path}\n{text}");
        for (name, text) in &row.files {
            container.files.insert(format!("/app/{name}"), File { text: with_shebang(text), mode: 0o755 });
        }
        let mut argv = match row.form {
            Form::Inline => vec![path.to_owned(), "-c".to_owned(), row.text.clone()],
            Form::Script => {
                let script = File { text: with_shebang(&row.text), mode: 0o755 };
                container.files.insert("/app/script".to_owned(), script);
                vec!["/app/script".to_owned()]
            }
        };
        argv.extend(row.args.clone());
        let run = Run::new(container, argv, "SIGTERM", SHORT_GRACE);
        check(&run, outcome, row.fates.get(shell).unwrap_or(&BTreeMap::new()))
    };
    Case { name, needs, test: Box::new(test) }
}

/// Major and minor version of the host's bash; empty where it has none, and its cases are not run.
fn bash_version() -> String {
    let echo = ["-c", "echo ${BASH_VERSINFO[0]}.${BASH_VERSINFO[1]}"];
    let output = Command::new("bash").args(echo).output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}

/// Runs it and compares.
fn check(run: &Run, outcome: Outcome, fates: &BTreeMap<String, String>) -> Result<String, String> {
    let measured: Measured = run.measure().map_err(|failure| failure.to_string())?;
    let fate = |name: &str| measured.services.get(name).map_or("absent".to_owned(), |s| s.fate.to_string());
    if measured.outcome != outcome || fates.iter().any(|(name, expected)| fate(name) != *expected) {
        let fates: Vec<String> = fates.iter().map(|(name, fate)| format!("{name} {fate}")).collect();
        return Err(format!("expected {outcome} {}, measured {measured}", fates.join(", ")));
    }
    Ok(measured.to_string())
}

/// The programs that a project needs from the host.
fn needs(files: &Files) -> Vec<&'static str> {
    let mut needs = Vec::new();
    for (word, program) in [("tini", "tini"), ("dumb-init", "dumb-init"), ("bash", "bash")] {
        if files.values().any(|text| text.contains(word)) {
            needs.push(program);
        }
    }
    // Which one the base image has is not known here; nearly every Linux has or can have both.
    needs.extend(["dash", "busybox"]);
    needs
}
