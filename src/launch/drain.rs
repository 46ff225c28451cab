//! How long a service may take to finish, where the project says so: its own option or setting, or a supervisor's patience with it.

use std::time::Duration;

use super::environment::Environment;
use super::explore::Steady;
use super::world::{Process, Role, World};
use crate::dockerfile::join;
use crate::project::Found;
use crate::source::Place;

/// A service that is told to stop, and may take its time.
#[derive(Debug, Clone)]
pub struct Drain {
    /// The service, for people.
    pub service: String,
    /// Milliseconds that it is given.
    pub time: u64,
    /// Where that is set.
    pub place: Place,
    /// Milliseconds after which its supervisor kills it, and the supervisor's name for it.
    pub supervised: Option<(u64, String)>,
    /// Milliseconds after which a wrapper in front kills it, whatever the grace period, and the wrapper's name (su).
    pub wrapped: Option<(u64, String)>,
}

/// The services of a state that stops well, with the time that each may take.
pub(super) fn drains(environment: &Environment<'_>, steady: &Steady) -> Vec<Drain> {
    let living = steady.before.processes().filter(|process| steady.before.alive(process.pid));
    let mut found = Vec::new();
    for process in living {
        match &process.role {
            Role::Supervisor(supervisor) => {
                let own = supervisor.programs.iter().filter_map(|own| {
                    Some(Drain {
                        service: steady.before.process(own.pid)?.identity.shown(),
                        time: own.program.stop_wait.checked_mul(1000)?,
                        place: own.program.place_of("stopwaitsecs")?,
                        supervised: None,
                        wrapped: None,
                    })
                });
                found.extend(own);
            }
            Role::Service(_) => {
                let patience = steady
                    .before
                    .supervised(process.pid)
                    .map(|own| (own.program.stop_wait.saturating_mul(1000), own.program.name.clone()));
                let own = set(environment, process);
                let wrapped = wrapper(process, &steady.before);
                found.extend(own.map(|drain| Drain { supervised: patience, wrapped, ..drain }));
            }
            _ => {}
        }
    }
    found
}

/// The wrapper right in front of a service that kills it soon after it has passed the signal on.
fn wrapper(service: &Process, world: &World) -> Option<(u64, String)> {
    let Role::Forwarder(forwarder) = &world.process(service.parent)?.role else { return None };
    let name = forwarder.program.names.first()?.clone();
    let seconds = Duration::try_from_secs_f64(forwarder.program.kills_after?).ok()?;
    Some((u64::try_from(seconds.as_millis()).ok()?, name))
}

/// What a service's own arguments or its configuration say.
fn set(environment: &Environment<'_>, process: &Process) -> Option<Drain> {
    let identity = &process.identity;
    let (program, fields) = identity.argv.split_first()?;
    let row = environment.tables.drain(program.text()?)?;
    let arguments: Vec<Option<&str>> = fields.iter().map(|field| field.text()).collect();
    let drain =
        |time, place| Drain { service: identity.shown(), time, place, supervised: None, wrapped: None };
    if let Some((at, time)) = row.in_arguments(&arguments) {
        let own = fields.get(at).and_then(|field| field.excerpt.as_ref()).map(|text| text.whole_place());
        return Some(drain(time, own.or_else(|| identity.place.clone())?));
    }
    let named = row.named_file(&arguments).map(|file| vec![file]);
    let files = named.as_ref().unwrap_or(&row.files);
    files.iter().find_map(|file| {
        let Found::File(file) = environment.find(&join(&environment.image.workdir, file)) else {
            return None;
        };
        let (span, time) = row.in_file(file.text.text())?;
        Some(drain(time, file.text.place(span)))
    })
}
