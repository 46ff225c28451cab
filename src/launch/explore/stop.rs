//! A stop: on every way it can go, and whoever of several services takes longest.

use std::collections::HashMap;

use super::{Explorer, MAX_STEPS, MAX_STOP, answered, is_overgrown};
use crate::diagnostic::Outcome;
use crate::launch::ahead::Mentions;
use crate::launch::candidates::Candidates;
use crate::launch::clock::Next;
use crate::launch::field::Field;
use crate::launch::machine::{Flow, Machine};
use crate::launch::pace::Pace;
use crate::launch::shell::Shell;
use crate::launch::verdict;
use crate::launch::world::{Millis, Pid, Process, Role, Started, Stop, World};

/// Services of which each is once the slowest.
const MAX_SLOW: usize = 8;
/// Ways that one stop can go.
const MAX_STOPS: usize = 64;

impl Explorer<'_> {
    /// The stop, whoever of several services takes longest to finish.
    pub(super) fn stop(&mut self, steady: &World, grace: u64) -> Stopped {
        let stopped = self.stop_with(Pace::even(), steady, grace);
        let is_good = |stopped: &Stopped| verdict::outcome(&stopped.world) == Outcome::Graceful;
        let services = steady.processes().filter(|process| process.is_service() && steady.alive(process.pid));
        let services: Vec<Pid> = services.map(|process| process.pid).take(MAX_SLOW).collect();
        if services.len() < 2 {
            return stopped;
        }
        match verdict::outcome(&stopped.world) {
            Outcome::Abrupt => return self.hardest(stopped, &services, steady, grace),
            Outcome::Timeout => return stopped,
            _ => {}
        }
        for slowest in services {
            let pace = Pace::with_slowest(slowest);
            let other = self.stop_with(pace, steady, grace);
            if !is_good(&other) {
                return other;
            }
            let Some(late) = pace.outlasting(&other.world) else { continue };
            // A mere pause lasts as long for everybody; who stays for one of them must stay for this one, too.
            let follows = self.stop_with(late.of_all(), steady, grace).world.now > other.world.now;
            let late = follows.then(|| self.stop_with(late, steady, grace));
            if let Some(cut) = late.filter(|late| !is_good(late)) {
                return cut;
            }
        }
        stopped
    }

    /// The stop that cuts the most services: what befalls one of them must not come to light only when the fault of another is mended.
    fn hardest(&mut self, even: Stopped, services: &[Pid], steady: &World, grace: u64) -> Stopped {
        let mut hardest = even;
        for slowest in services {
            let other = self.stop_with(Pace::with_slowest(*slowest), steady, grace);
            let is_as_early = verdict::outcome(&other.world) == Outcome::Abrupt;
            if is_as_early && verdict::badness(&other.world) > verdict::badness(&hardest.world) {
                hardest = other;
            }
        }
        hardest
    }

    /// Sends the stop signal to PID 1 and follows every way it can go; the best one is taken.
    fn stop_with(&mut self, pace: Pace, steady: &World, grace: u64) -> Stopped {
        let mut start = steady.clone();
        start.stop = Some(Stop {
            signal: self.signal,
            at: start.now,
            grace,
            pace,
            is_known: self.environment.knows_stop_signal(),
            made_for: self.environment.stop_signal_is_for(),
        });
        start.steps = 0;
        start.send(1, self.signal);
        let serves = || start.processes().any(|process| process.is_service() && start.alive(process.pid));
        // A loop that asks for something may end whenever that is there.
        let circles = || start.shell(1).is_some_and(Shell::is_circling) && start.asked_in_loop().is_empty();
        if !start.is_told_to_stop() && (serves() || circles()) {
            // All goes on as before, until it is killed; only what waits for something may see that come.
            start.now += grace;
            return Stopped { world: start, is_cut: false, is_truncated: false };
        }
        if start.is_held_up() {
            let reason = "how long the script pauses before its trap can run is not known";
            start.path.unsure.get_or_insert_with(|| reason.into());
        }
        let limit = self.steps.taken + MAX_STOP.min(self.steps.limit);
        let (candidates, met) = (Candidates::default(), Met::default());
        let mut stopping = Stopping { limit, ways: vec![start], met, candidates };
        let mut best: Option<World> = None;
        let (mut count, mut is_cut, mut is_truncated) = (0, false, false);
        while let Some(mut world) = stopping.ways.pop() {
            count += 1;
            if count > MAX_STOPS || self.steps.taken > limit {
                is_truncated = true;
                break;
            }
            let circles = self.circles(&mut world, &mut stopping);
            if circles {
                // Until it is killed.
                world.now = steady.now + grace;
            }
            is_truncated |= self.steps.taken > limit;
            is_cut |= !circles && world.ended.is_none() && world.next_event().is_some();
            let badness = verdict::badness(&world);
            if best.as_ref().is_none_or(|best| badness < verdict::badness(best)) {
                best = Some(world);
            }
            if badness == verdict::WELL {
                is_truncated = false;
                break;
            }
        }
        Stopped { world: best.unwrap_or_else(|| steady.clone()), is_cut, is_truncated }
    }

    /// Follows one way of a stop. True if it comes back to where it was, or to where another way has been: nothing new comes of it.
    fn circles(&mut self, world: &mut World, stopping: &mut Stopping) -> bool {
        loop {
            match world.advance() {
                Next::Over | Next::Steady => return false,
                Next::Passed if stopping.met.comes_back(world, &self.environment.mentions, false) => {
                    return true;
                }
                Next::Passed => {}
                Next::Step(pid) => {
                    world.steps += 1;
                    self.steps.taken += world.effort();
                    if world.steps > MAX_STEPS
                        || self.steps.taken > stopping.limit
                        || is_overgrown(world, pid)
                    {
                        return true;
                    }
                    let (environment, candidates) = (self.environment, &mut stopping.candidates);
                    let Flow::Ask(alternatives) = (Machine { world, pid, environment, candidates }).step()
                    else {
                        continue;
                    };
                    if stopping.met.comes_back(world, &environment.mentions, true) {
                        return true;
                    }
                    // Only on the way to the steady state does it matter what was chosen.
                    let mut ways = (0..alternatives.len()).map(|index| answered(world, index));
                    let Some(first) = ways.next() else { return false };
                    stopping.ways.extend(ways);
                    *world = first;
                }
            }
        }
    }
}

/// The ways of a stop that are still to be followed.
struct Stopping {
    /// The number of steps at which it is given up.
    limit: u64,
    ways: Vec<World>,
    met: Met,
    candidates: Candidates,
}

/// How a stop ends.
pub(super) struct Stopped {
    /// The best of the ways it can go.
    pub(super) world: World,
    /// True if on some way something was still to come when the grace period ended: with more time it may end otherwise.
    pub(super) is_cut: bool,
    /// True if there were more ways than are followed.
    pub(super) is_truncated: bool,
}

/// When each state was first met on the ways that a stop can go.
#[derive(Default)]
struct Met(HashMap<(bool, u64), Millis>);

impl Met {
    /// True if the state has been met before, with as much time left: another way goes on from there, or this one goes round in circles.
    /// `asks`: before a choice, or after time has passed.
    fn comes_back(&mut self, world: &World, mentions: &Mentions, asks: bool) -> bool {
        let first = self.0.entry((asks, world.fingerprint(mentions))).or_insert(Millis::MAX);
        let known = *first <= world.now;
        *first = world.now.min(*first);
        known
    }
}

impl World {
    /// True where the first process has heard a signal, and waits for the end of a pause whose length is not known.
    fn is_held_up(&self) -> bool {
        let has_heard = self.shell(1).is_some_and(|shell| !shell.pending.is_empty());
        let is_unknown = |pause: &&Process| {
            let times = pause.identity.argv.iter().skip(1);
            matches!(pause.role, Role::Timer(_)) && times.map(Field::text).any(|time| time.is_none())
        };
        let is_in_front = |pause: &Process| {
            let parent = |process: &&Process| self.process(process.parent);
            let mut above = std::iter::successors(Some(pause), parent).filter(|process| process.pid != 1);
            self.alive(pause.pid) && above.all(|process| process.started == Started::Foreground)
        };
        has_heard && self.processes().filter(is_unknown).any(is_in_front)
    }
}
