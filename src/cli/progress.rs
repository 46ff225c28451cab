//! A line on the terminal that says how far a long run has come.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs that take less show nothing.
const DELAY: Duration = Duration::from_secs(1);
/// Between two lines.
const INTERVAL: Duration = Duration::from_millis(100);

/// Counts files. The line is taken back when the counting ends.
pub(super) struct Progress<W: Write> {
    total: usize,
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    done: usize,
    /// When the next line is due; `None` if nobody would see it.
    due: Option<Instant>,
    is_shown: bool,
}

impl Progress<io::Stderr> {
    /// For people at a terminal, unless they want it quiet.
    pub(super) fn new(total: usize, quiet: bool) -> Self {
        let out = io::stderr();
        let is_seen = !quiet && out.is_terminal();
        Self::on(out, total, is_seen.then(|| Instant::now() + DELAY))
    }
}

impl<W: Write> Progress<W> {
    fn on(out: W, total: usize, due: Option<Instant>) -> Self {
        Self { total, state: Mutex::new(State { out, done: 0, due, is_shown: false }) }
    }

    /// One more file is done.
    pub(super) fn tick(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        let now = Instant::now();
        if state.due.is_some_and(|due| due <= now) {
            let line = format!("\r\x1b[KChecking: {} of {} files", state.done, self.total);
            // It is for the eye only.
            let _ = state.out.write_all(line.as_bytes()).and_then(|()| state.out.flush());
            state.is_shown = true;
            state.due = Some(now + INTERVAL);
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.is_shown {
            let _ = state.out.write_all(b"\r\x1b[K").and_then(|()| state.out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(due: Option<Instant>) -> String {
        let mut out = Vec::new();
        let progress = Progress::on(&mut out, 2, due);
        progress.tick();
        drop(progress);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_line_is_taken_back() {
        assert_eq!(written(Some(Instant::now())), "\r\x1b[KChecking: 1 of 2 files\r\x1b[K");
        assert_eq!(written(Some(Instant::now() + Duration::from_secs(600))), "", "too early");
        assert_eq!(written(None), "", "nobody sees it");
    }
}
