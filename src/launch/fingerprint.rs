//! When two courses of events have led to the same state: everything that decides what happens next, and nothing else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::field::{Field, Value};
use super::machine::{Frame, Shell, Waiting};
use super::world::{Ended, Millis, Pid, Process, Role, State, World};

impl World {
    /// Equal for worlds with the same future.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.next_is_service, self.follow_next, self.path.default, self.path.aside).hash(&mut hasher);
        (self.path.doubts.len(), self.path.mishaps.len(), self.path.endless).hash(&mut hasher);
        let known = self.known_to_shells();
        // What has ended well counts only if a shell still knows it: nobody else will ever ask for it again.
        let counts = |process: &&Process| match process.state {
            State::Dead(death) => {
                (process.is_service() && death.how != Ended::Clean)
                    || known.get(process.pid).is_some_and(|&known| known)
            }
            State::Running | State::Finishing { .. } => true,
        };
        for process in self.processes().filter(counts) {
            process.fingerprint(self.now, &mut hasher);
        }
        hasher.finish()
    }

    /// Which processes some shell waits for or has as a job, by their numbers.
    fn known_to_shells(&self) -> Vec<bool> {
        let mut known = vec![false; self.processes().len() + 1];
        for process in self.processes() {
            if let Role::Shell(shell) = &process.role {
                for pid in shell.known() {
                    if let Some(known) = known.get_mut(pid) {
                        *known = true;
                    }
                }
            }
        }
        known
    }
}

impl Process {
    fn fingerprint(&self, now: Millis, hasher: &mut DefaultHasher) {
        (self.pid, self.parent, self.group, self.ignored.as_slice()).hash(hasher);
        match self.state {
            State::Running => 0.hash(hasher),
            State::Finishing { until, fast } => (1, until.saturating_sub(now), fast).hash(hasher),
            State::Dead(death) => (2, death.status, death.how as u8).hash(hasher),
        }
        fields(&self.identity.argv, hasher);
        std::mem::discriminant(&self.role).hash(hasher);
        match &self.role {
            Role::Shell(shell) => shell.fingerprint(now, hasher),
            Role::Timer(until) => until.saturating_sub(now).hash(hasher),
            Role::Follower(pid) => pid.hash(hasher),
            Role::Forwarder(forwarder) => {
                (forwarder.child, forwarder.kills_at.map(|at| at.saturating_sub(now))).hash(hasher);
            }
            Role::Supervisor(supervisor) => {
                for own in &supervisor.programs {
                    (own.pid, own.kills_at.map(|at| at.saturating_sub(now))).hash(hasher);
                }
            }
            Role::Service(_) | Role::Helper | Role::Opaque => {}
        }
    }
}

impl Shell {
    /// The processes that it waits for, and its jobs.
    fn known(&self) -> impl Iterator<Item = Pid> {
        let waited: &[Pid] = match &self.waiting {
            Waiting::Foreground { pids, .. } | Waiting::Wait { targets: pids, .. } => pids,
            Waiting::None => &[],
        };
        waited.iter().chain(&self.jobs).chain(self.pipelines.iter().flatten()).copied()
    }

    fn fingerprint(&self, now: Millis, hasher: &mut DefaultHasher) {
        (self.errexit, self.nounset, self.monitor, self.is_circling(), self.last_background).hash(hasher);
        (self.reads_unknown, self.has_unknown_functions).hash(hasher);
        (self.status.value, self.status.overridable).hash(hasher);
        (&self.aliases, self.hooks.len()).hash(hasher);
        (&self.jobs, &self.pending, &self.directory).hash(hasher);
        for (name, value) in self.variables.iter() {
            name.hash(hasher);
            value_of(value, hasher);
        }
        for (name, body) in self.functions.iter() {
            (name, Arc::as_ptr(body)).hash(hasher);
        }
        for (signal, trap) in self.traps.iter() {
            (signal, Arc::as_ptr(&trap.action).cast::<u8>()).hash(hasher);
        }
        fields(&self.positional, hasher);
        field(&self.zero, hasher);
        (self.arguments_overridable, &self.pipelines).hash(hasher);
        match &self.waiting {
            Waiting::Foreground { pids, piped, .. } => (pids, piped).hash(hasher),
            Waiting::Wait { targets, .. } => targets.hash(hasher),
            Waiting::None => {}
        }
        for frame in &self.frames {
            frame.fingerprint(now, hasher);
        }
    }
}

impl Frame {
    fn fingerprint(&self, now: Millis, hasher: &mut DefaultHasher) {
        std::mem::discriminant(self).hash(hasher);
        match self {
            Frame::List { list, next } => (Arc::as_ptr(list).cast::<u8>(), next).hash(hasher),
            Frame::AndOr { right, and, .. } => (Arc::as_ptr(right), and).hash(hasher),
            Frame::If { node, arm, .. } => (Arc::as_ptr(node), arm).hash(hasher),
            Frame::Case { node, ways, .. } => (Arc::as_ptr(node), ways).hash(hasher),
            Frame::Test { node, lap, .. } | Frame::Body { node, lap, .. } => {
                (Arc::as_ptr(node), lap.rounds, lap.seen, lap.circling, now.saturating_sub(lap.since))
                    .hash(hasher);
            }
            Frame::For { node, items, next } => {
                (Arc::as_ptr(node), next).hash(hasher);
                fields(items, hasher);
            }
            Frame::Endless { body, lap } => {
                (Arc::as_ptr(body).cast::<u8>(), lap.rounds, now.saturating_sub(lap.since)).hash(hasher)
            }
            Frame::Call { name, positional, locals, overridable } => {
                (name, overridable).hash(hasher);
                locals.iter().for_each(|(name, old)| {
                    name.hash(hasher);
                    old.iter().for_each(|value| value_of(value, hasher));
                });
                fields(positional, hasher);
            }
            Frame::Source { positional } => {
                if let Some(positional) = positional {
                    fields(positional, hasher);
                }
            }
            Frame::Trap { status, from_wait } => (status.value, from_wait).hash(hasher),
            Frame::Exit(status) => status.hash(hasher),
            Frame::Weigh { and } => and.hash(hasher),
            Frame::Not => {}
        }
    }
}

fn value_of(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Scalar(one) => field(one, hasher),
        Value::Array(all) => fields(all, hasher),
    }
}

fn fields(fields: &[Field], hasher: &mut DefaultHasher) {
    fields.len().hash(hasher);
    fields.iter().for_each(|one| field(one, hasher));
}

/// How an unknown value was written makes no difference.
fn field(field: &Field, hasher: &mut DefaultHasher) {
    (&field.text, &field.sketch, field.overridable, field.is_rest()).hash(hasher);
    field.excerpt.as_ref().map(|excerpt| excerpt.span()).hash(hasher);
}
