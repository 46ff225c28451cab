//! What supervisors are told to start: by a configuration file, a directory of services, a Procfile, their own arguments.

use std::sync::Arc;

use super::{Beside, Supervise};
use crate::dockerfile::join;
use crate::launch::environment::Environment;
use crate::launch::field::Field;
use crate::programs::{Inner, Program, Services};
use crate::project::{procfile, s6_overlay, scandir, supervised, supervisord};
use crate::source::Place;

/// Seconds that `my_init` gives a service, and in the end everything that is left, unless the environment says otherwise.
const MY_INIT_WAIT: u64 = 30;

/// Seconds that foreman gives its processes.
const FOREMAN_WAIT: u64 = 5;

/// Reads what a supervisor is told to start. `None` if that is not known.
pub(in crate::launch) fn configuration(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    argv: &[Field],
    arguments: &[Option<&str>],
    place: &Place,
    directory: Option<&str>,
) -> Option<Supervise> {
    match row.services? {
        Services::Supervisord => configured(environment, row, arguments, directory),
        Services::S6Svscan => scanned(environment, row, arguments, directory),
        Services::S6Overlay => overlay(environment, row, argv, arguments),
        Services::MyInit => my_init(environment, row, argv, arguments, place),
        Services::Procfile => procfile(environment, row, arguments, directory),
    }
}

/// supervisord, by its configuration.
fn configured(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    let options = ["-c", "--configuration"];
    let named = row.option_value(arguments, &options);
    // An argument that is not known may name another file.
    if named.is_none() && arguments.iter().any(|argument| argument.is_none_or(|text| text.starts_with("-c")))
    {
        return None;
    }
    let image = environment.image;
    let directory = directory.unwrap_or(&image.workdir);
    let config = supervisord::read(&environment.running(), named, directory, &image.env, image.base.known)?;
    let stays = if row.daemonizes { config.nodaemon } else { Some(true) };
    let supervisord::Supervisord { programs, is_all, foreground, watched, .. } = config;
    let (waiting, programs) = programs.into_iter().partition(|program| program.waits);
    Some(Supervise { programs, waiting, watched, is_all, foreground, stays, ..Supervise::of(row) })
}

/// s6-svscan, by the directory that it is given.
fn scanned(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    let Inner::Command { name, .. } = row.inner_command(arguments) else { return None };
    let image = environment.image;
    // A base image may bring what is run in the end.
    if !image.base.known {
        return None;
    }
    let directory = join(directory.unwrap_or(&image.workdir), arguments.get(name).copied()??);
    let programs = scandir::s6(&environment.running(), &directory)?;
    Some(Supervise { programs, ..Supervise::of(row) })
}

/// s6-overlay's `/init`, by its directories. It tells the command only in the end, with everything that is left.
fn overlay(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    argv: &[Field],
    arguments: &[Option<&str>],
) -> Option<Supervise> {
    let env = &environment.image.env;
    let programs = s6_overlay::services(&environment.running(), env);
    let beside = inner(row, argv, arguments).map(|argv| Beside { argv, program: None });
    if programs.is_empty() {
        return None;
    }
    Some(Supervise { programs, beside, last_round: Some(s6_overlay::last_round(env)), ..Supervise::of(row) })
}

/// phusion's `my_init`, by runit's directory. It stops the command as it stops a service.
fn my_init(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    argv: &[Field],
    arguments: &[Option<&str>],
    place: &Place,
) -> Option<Supervise> {
    let seconds = |name: &str| {
        environment.image.env.get(name).and_then(|text| text.parse().ok()).unwrap_or(MY_INIT_WAIT)
    };
    let wait = seconds("KILL_PROCESS_TIMEOUT");
    let programs = scandir::runit(&environment.running(), "/etc/service", wait);
    if programs.is_empty() {
        return None;
    }
    let program = Arc::new(supervised::Program::command(Services::MyInit, place, wait));
    let beside = inner(row, argv, arguments).map(|argv| Beside { argv, program: Some(program) });
    let last_round = Some(seconds("KILL_ALL_PROCESSES_TIMEOUT").saturating_mul(1000));
    Some(Supervise { programs, beside, last_round, ..Supervise::of(row) })
}

/// foreman, by its Procfile. It ends all that it has started when one of them ends.
fn procfile(
    environment: &Environment<'_>,
    row: &Arc<Program>,
    arguments: &[Option<&str>],
    directory: Option<&str>,
) -> Option<Supervise> {
    let value = |options: &[&str]| row.option_value(arguments, options);
    // How many of each process it starts may be none.
    if value(&["-m", "--formation", "-c", "--concurrency"]).is_some() || arguments.contains(&None) {
        return None;
    }
    let directory = directory.unwrap_or(&environment.image.workdir);
    let patience = value(&["-t", "--timeout"]).and_then(|text| text.parse().ok()).unwrap_or(FOREMAN_WAIT);
    let path = join(directory, value(&["-f", "--procfile"]).unwrap_or("Procfile"));
    let root = match (value(&["-d", "--root"]), path.rsplit_once('/')) {
        (Some(root), _) => join(directory, root),
        (None, Some((folder, _))) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    };
    let mut programs = procfile::read(&environment.running(), &path, &root, patience)?;
    if let Some(wanted) = named_process(row, arguments) {
        programs.retain(|program| program.name == wanted);
    }
    (!programs.is_empty()).then(|| Supervise { programs, ..Supervise::of(row) })
}

/// `foreman start web`
fn named_process<'a>(row: &Program, arguments: &[Option<&'a str>]) -> Option<&'a str> {
    let takes_value = |word: &str| row.args.value_options.iter().any(|option| option == word);
    let mut words = arguments.iter().copied().flatten().skip_while(|word| *word != "start").skip(1);
    while let Some(word) = words.next() {
        match word {
            option if takes_value(option) => drop(words.next()),
            option if option.starts_with('-') => {}
            name => return Some(name),
        }
    }
    None
}

/// The command among a supervisor's arguments.
fn inner(row: &Program, argv: &[Field], arguments: &[Option<&str>]) -> Option<Vec<Field>> {
    let Inner::Command { name, .. } = row.inner_command(arguments) else { return None };
    Some(argv.get(name + 1..)?.to_vec())
}

impl Supervise {
    /// A supervisor that starts nothing, or nothing that is known.
    pub(in crate::launch) fn of(row: &Arc<Program>) -> Self {
        Self {
            row: Arc::clone(row),
            programs: Vec::new(),
            waiting: Vec::new(),
            beside: None,
            last_round: row.last_round.map(|seconds| seconds * 1000),
            watched: true,
            is_all: true,
            foreground: None,
            stays: Some(true),
        }
    }
}
