//! How long services take to finish, once they are told: who waits for one of them must not be lucky with another.

use super::world::{Death, Millis, Pid, State, World};

/// How long a stand-in for an unknown service takes to finish its work. Longer than any shell built-in, shorter than any grace period.
const CLEAN_UP: Millis = 500;
/// The same of the slowest of several.
const SLOW_CLEAN_UP: Millis = 900;
/// Who is given as long has had its time, whatever the script waits for.
const PATIENCE: Millis = 4_000;
/// A moment.
const MOMENT: Millis = 100;

/// How long each service takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    slowest: Option<Pid>,
    usual: Millis,
    slow: Millis,
}

impl Pace {
    /// All take equally long.
    pub(super) fn even() -> Self {
        Self { slowest: None, usual: CLEAN_UP, slow: SLOW_CLEAN_UP }
    }

    /// This one takes longer than the others.
    pub(super) fn with_slowest(pid: Pid) -> Self {
        Self { slowest: Some(pid), ..Self::even() }
    }

    pub(super) fn of(&self, pid: Pid) -> Millis {
        if self.slowest == Some(pid) { self.slow } else { self.usual }
    }

    /// The slowest takes longer than the container stayed; `None` if it stayed no longer than that, or long enough.
    pub(super) fn outlasting(self, end: &World) -> Option<Self> {
        let process = end.process(self.slowest?)?;
        let State::Dead(Death { at, .. }) = process.state else { return None };
        let left = end.now.saturating_sub(at);
        let slow = self.slow + left + MOMENT;
        (left > 0 && slow < PATIENCE).then_some(Self { slow, ..self })
    }

    /// All take as long as the slowest.
    pub(super) fn of_all(self) -> Self {
        Self { usual: self.slow, ..self }
    }
}
