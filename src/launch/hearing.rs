//! What a service does about a signal, as far as its row tells.

use std::sync::Arc;

use super::signal::Signal;
use super::world::{Ended, Pid, World};
use crate::programs::{Program, Reaction};

impl World {
    /// A service gets a signal, for which it may have a handler.
    pub(super) fn signal_service(&mut self, pid: Pid, program: Option<Arc<Program>>, signal: Signal) {
        let stop_signal = self.stop.as_ref().map(|stop| stop.signal);
        let made_for = self.stop.as_ref().and_then(|stop| stop.made_for.clone());
        // What a supervisor sends is its own.
        let may_be_other = self.supervised(pid).is_none()
            && self.stop.as_ref().is_some_and(|stop| !stop.is_known && stop.signal == signal);
        let (now, finished_at) = (self.now, self.finished_at(pid));
        let Some(process) = self.process_mut(pid) else { return };
        let knows_others = program.as_ref().is_some_and(|row| !row.signals.graceful.is_empty());
        // Nor what another program's base image hands down.
        let is_foreign = made_for.is_some_and(|names| process.identity.is_foreign(&names));
        let as_term =
            signal == Signal::TERM || program.as_ref().is_some_and(|row| row.takes_as_term(&signal.name()));
        let usual = as_term
            || match signal {
                Signal::INT => true,
                // Some runtimes bring a handler for it, few programs do.
                Signal::QUIT => !is_foreign || program.as_ref().is_some_and(|row| row.language.is_none()),
                _ => false,
            };
        // What somebody sets for a program of which the tables do not say everything is neither right nor wrong.
        let is_set = stop_signal == Some(signal) && !is_foreign;
        let assumed = usual || is_set;
        let reaction =
            program.as_ref().map_or(Reaction::Unknown, |row| row.reaction(&signal.name(), pid == 1));
        match reaction {
            // Whose clients are in the same container loses them on a stop.
            Reaction::Waits if pid == 1 && !may_be_other => {}
            // Assume the best of what is not known.
            Reaction::Unknown | Reaction::Forwards if !assumed => {}
            Reaction::Unknown | Reaction::Forwards | Reaction::Finishes | Reaction::Waits => {
                process.hears(signal, finished_at, false);
                let unread = process.unread.clone();
                // There are few that do not take SIGTERM, many that take nothing else. Of some it depends on options that nobody has seen.
                let is_unsure =
                    |row: &Arc<Program>| !as_term || row.options_file.is_some() || row.known_as_pid1;
                if let Some(row) = program.filter(|row| reaction == Reaction::Unknown && is_unsure(row)) {
                    self.doubt_reaction(&row, signal);
                }
                // It may stand in front of the service, and pass nothing on.
                if let Some(reason) = unread {
                    self.path.unsure.get_or_insert(reason);
                }
            }
            Reaction::Cuts if program.as_ref().is_some_and(|row| row.has_no_handler_for(&signal.name())) => {
                self.die(pid, 128 + i32::from(signal.number()), Ended::Signal);
            }
            // A base image made for this program sets the signal that it wants.
            Reaction::Cuts if may_be_other && knows_others => process.hears(signal, finished_at, false),
            Reaction::Cuts => {
                let is_best = program.is_some_and(|row| row.only_ends_fast());
                process.hears(signal, now, !is_best);
            }
            Reaction::Ignores => {}
        }
    }

    /// A program has got a signal of which its row says nothing.
    pub(super) fn doubt_reaction(&mut self, row: &Program, signal: Signal) {
        let name = row.names.first().map_or("", String::as_str);
        self.path.unsure.get_or_insert_with(|| format!("what {name} does on {signal} is not known").into());
    }
}
