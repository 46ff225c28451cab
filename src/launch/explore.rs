//! All courses of events: up to the steady states, and from each of them through a stop.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use super::candidates::Candidates;
use super::environment::Environment;
use super::machine::{Flow, Machine};
use super::path::{Choice, Doubt};
use super::signal::Signal;
use super::world::{Next, Pid, Stop, World};
use crate::diagnostic::Outcome;

/// Courses that are followed for one image. What exceeds this is said, not guessed.
const MAX_PATHS: usize = 400;
/// Steps of one course before the stop: more than any script that a person wrote needs.
const MAX_STEPS: u32 = 6_000;
/// Steps of all courses together.
const MAX_TOTAL: u64 = 200_000;
/// Processes of one course, those that have ended among them. Each step looks at all of them.
const MAX_PROCESSES: usize = 1_000;
/// Processes below one another: a script that starts itself goes down for ever.
const MAX_NESTED: usize = 50;
/// Ways that one stop can go.
const MAX_STOPS: usize = 64;
/// A stop that takes longer than this, in milliseconds, is none.
const LONGEST_GRACE: u64 = 15 * 60 * 1000;

/// What exploring found.
pub(crate) struct Exploration {
    /// The states in which the container stays, each with how a stop ends there.
    pub(crate) steady: Vec<Steady>,
    /// The same for loops that only pause, until it is known whether their own command stays.
    pauses: Vec<Steady>,
    /// Courses in which the container ends by itself although a service runs.
    pub(crate) early: Vec<World>,
    /// Courses in which PID 1 ends and nothing was running, or the kernel refused to run it.
    pub(crate) ended: Vec<World>,
    /// True if there was more than could be followed.
    pub(crate) truncated: bool,
    /// Steps of all courses, and of all stops.
    pub(crate) steps: u64,
}

impl Exploration {
    /// True if nothing stays on any course, and nothing that runs is cut short.
    fn is_empty(&self) -> bool {
        self.steady.is_empty() && self.pauses.is_empty() && self.early.is_empty()
    }
}

/// A state in which the container stays.
pub(crate) struct Steady {
    pub(crate) before: World,
    /// The best of the ways the stop can go: what cannot be known is assumed to be well.
    pub(crate) after: World,
    /// How long the stop would take, in milliseconds, where only the grace period keeps it from ending well.
    pub(crate) needed: Option<u64>,
}

impl Steady {
    /// True if a service runs.
    pub(crate) fn has_service(&self) -> bool {
        self.before.processes().any(|process| process.is_service() && self.before.alive(process.pid))
    }
}

/// Follows every course from `start` on, then stops every steady state with `signal`.
pub(crate) fn explore(environment: &Environment<'_>, start: World, signal: Signal) -> Exploration {
    let mut found = Exploration {
        steady: Vec::new(),
        pauses: Vec::new(),
        early: Vec::new(),
        ended: Vec::new(),
        truncated: false,
        steps: 0,
    };
    let mut candidates = Candidates::default();
    let mut work = VecDeque::from([start]);
    let mut total = 0;
    let mut paths = 0;
    loop {
        while let Some(world) = work.pop_front() {
            paths += 1;
            if paths > MAX_PATHS || total > MAX_TOTAL {
                found.truncated |= world.path.default || found.steady.is_empty();
                // Something may stay on it: how courses before it end says nothing.
                candidates.settle(&world);
                continue;
            }
            run(environment, world, &mut candidates, &mut work, &mut total, &mut found, signal);
        }
        // Nothing stayed on some course: its last command was the service after all.
        work.extend(candidates.open());
        if work.is_empty() && found.is_empty() && found.ended.iter().all(|world| world.path.broken.is_none())
        {
            work.extend(candidates.open_unlikely());
        }
        if work.is_empty() {
            // A course in which the service was taken for setup ends early; it is none.
            let pauses = std::mem::take(&mut found.pauses);
            found.steady.extend(pauses.into_iter().filter(|pause| !candidates.is_settled(&pause.before)));
            found.early.retain(|world| !candidates.is_settled(world));
            found.steps = total;
            return found;
        }
    }
}

fn run(
    environment: &Environment<'_>,
    mut world: World,
    candidates: &mut Candidates,
    work: &mut VecDeque<World>,
    total: &mut u64,
    found: &mut Exploration,
    signal: Signal,
) {
    loop {
        match world.advance() {
            Next::Passed => {}
            Next::Step(pid) => {
                world.steps += 1;
                *total += 1;
                if world.steps > MAX_STEPS || world.path.endless {
                    // A loop without end that neither waits nor pauses: nothing stays on this course.
                    candidates.end_well(&world);
                    return;
                }
                if is_overgrown(&world, pid) {
                    found.truncated = true;
                    return;
                }
                let mut machine = Machine { world: &mut world, pid, environment, candidates };
                if let Flow::Ask(alternatives) = machine.step() {
                    if candidates.joins(&mut world) {
                        return;
                    }
                    let mut ways: Vec<World> = alternatives
                        .into_iter()
                        .enumerate()
                        .map(|(index, alternative)| {
                            take(&world, index, alternative.choice, alternative.default)
                        })
                        .collect();
                    // The image's defaults first, so that a limit costs the rest.
                    let first = ways.remove(0);
                    for way in ways {
                        if way.path.default { work.push_front(way) } else { work.push_back(way) }
                    }
                    if first.path.default || !world.path.default {
                        world = first;
                    } else {
                        work.push_back(first);
                        return;
                    }
                }
            }
            Next::Steady => {
                if world.process(1).is_none() || candidates.joins(&mut world) {
                    return;
                }
                let grace = environment.image.runtime.period.left();
                let Stopped { world: after, is_cut } = stop(environment, &world, signal, grace, total);
                let is_timeout = super::verdict::outcome(&after) == Outcome::Timeout;
                let patient = (is_timeout && is_cut)
                    .then(|| stop(environment, &world, signal, LONGEST_GRACE, total).world);
                let is_well = |end: &World| super::verdict::outcome(end) == Outcome::Graceful;
                let needed = patient.filter(is_well).map(|end| end.now - world.now);
                if candidates.is_mere_pause(&world) {
                    // The loop's own command may be what stays; if it is, this is none.
                    candidates.end_well(&world);
                    found.pauses.push(Steady { before: world, after, needed });
                } else {
                    candidates.settle(&world);
                    found.steady.push(Steady { before: world, after, needed });
                }
                return;
            }
            Next::Over => {
                let cut = super::verdict::is_cut_early(&world);
                if !world.path.failed {
                    candidates.end_well(&world);
                }
                let may_stay = cut.then(|| world.path.may_stay.take()).flatten();
                if let Some(place) = may_stay {
                    let reason = "whether the script goes on from here is not known".to_owned();
                    world.path.doubts.push(Doubt { place: Some(place), reason });
                    found.ended.push(world);
                    return;
                }
                if let Some(daemon) = super::verdict::daemon(&world) {
                    candidates.precede(&world, daemon);
                }
                if (cut && !world.path.failed) || world.path.fails_to_run() {
                    found.early.push(world);
                } else {
                    found.ended.push(world);
                }
                return;
            }
        }
    }
}

/// True if there are more processes than are followed, or more above this one.
fn is_overgrown(world: &World, pid: Pid) -> bool {
    let above = std::iter::successors(world.process(pid), |process| world.process(process.parent));
    world.processes().len() > MAX_PROCESSES || above.take(MAX_NESTED + 1).count() > MAX_NESTED
}

fn take(world: &World, index: usize, choice: Choice, default: bool) -> World {
    let mut way = answered(world, index);
    Rc::make_mut(&mut way.path.choices).push(choice);
    way.path.default &= default;
    way
}

fn answered(world: &World, index: usize) -> World {
    let mut way = world.clone();
    way.answer = Some(index);
    way.follow_next = false;
    way
}

/// How a stop ends.
struct Stopped {
    /// The best of the ways it can go.
    world: World,
    /// True if on some way something was still to come when the grace period ended: with more time it may end otherwise.
    is_cut: bool,
}

/// Sends the stop signal to PID 1 and follows every way it can go; the best one is taken.
fn stop(
    environment: &Environment<'_>,
    steady: &World,
    signal: Signal,
    grace: u64,
    total: &mut u64,
) -> Stopped {
    let mut start = steady.clone();
    start.stop = Some(Stop {
        signal,
        at: start.now,
        grace,
        is_known: environment.knows_stop_signal(),
        is_inherited: environment.inherits_stop_signal(),
    });
    start.steps = 0;
    start.send(1, signal);
    let mut candidates = Candidates::default();
    let mut work = vec![start];
    let mut best: Option<World> = None;
    let mut count = 0;
    // Ways that meet go on alike.
    let mut met = HashSet::new();
    let mut is_cut = false;
    'ways: while let Some(mut world) = work.pop() {
        count += 1;
        if count > MAX_STOPS {
            break;
        }
        loop {
            match world.advance() {
                Next::Passed => {}
                Next::Over | Next::Steady => break,
                Next::Step(pid) => {
                    world.steps += 1;
                    *total += 1;
                    if world.steps > MAX_STEPS || world.path.endless || is_overgrown(&world, pid) {
                        // It goes round and round until it is killed.
                        world.now = world.stop.map_or(world.now, |stop| stop.at + stop.grace);
                        break;
                    }
                    let mut machine =
                        Machine { world: &mut world, pid, environment, candidates: &mut candidates };
                    if let Flow::Ask(alternatives) = machine.step() {
                        if !met.insert((world.now, world.fingerprint())) {
                            continue 'ways;
                        }
                        // Only on the way to the steady state does it matter what was chosen.
                        let mut ways = (0..alternatives.len()).map(|index| answered(&world, index));
                        let Some(first) = ways.next() else { break };
                        work.extend(ways);
                        world = first;
                    }
                }
            }
        }
        is_cut |= world.ended.is_none() && world.next_event().is_some();
        let badness = super::verdict::badness(&world);
        if best.as_ref().is_none_or(|best| badness < super::verdict::badness(best)) {
            best = Some(world);
        }
        if badness == super::verdict::WELL {
            break;
        }
    }
    Stopped { world: best.unwrap_or_else(|| steady.clone()), is_cut }
}
