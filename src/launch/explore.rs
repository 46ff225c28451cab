//! All courses of events: up to the steady states, and from each of them through a stop.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use super::candidates::Candidates;
use super::clock::Next;
use super::control::coverage;
use super::environment::Environment;
use super::field::Field;
use super::machine::{Alternative, Flow, Machine};
use super::path::{Choice, Doubt};
use super::shell::Origin;
use super::signal::Signal;
use super::world::{Death, FOREVER, Pid, Process, Role, Started, State, World};
use super::{early, verdict};
use crate::diagnostic::Outcome;
use crate::programs::Sound;
use crate::source::Place;

mod stop;

use stop::Stopped;

/// Courses that are followed for one image. What exceeds this is said, not guessed.
const MAX_PATHS: usize = 400;
/// Steps of one course before the stop: more than any script that a person wrote needs.
const MAX_STEPS: u32 = 6_000;
/// Steps of all courses together, and of their stops.
const MAX_TOTAL: u64 = 200_000;
/// This share of them is kept for what is come back to: the service behind a script with more branches than are followed.
const KEPT_SHARE: u64 = 4;
/// The courses that are followed from there, each time.
const KEPT_PATHS: usize = 50;
/// Processes of one course, those that have ended among them. Each step looks at all of them.
const MAX_PROCESSES: usize = 1_000;
/// Processes below one another: a script that starts itself goes down for ever.
const MAX_NESTED: usize = 50;
/// Steps of all these ways.
const MAX_STOP: u64 = 20_000;
/// A stop that takes longer than this, in milliseconds, is none.
const LONGEST_GRACE: u64 = 15 * 60 * 1000;

/// What exploring found.
#[derive(Default)]
pub(crate) struct Exploration {
    /// The states in which the container stays, each with how a stop ends there.
    pub(crate) steady: Vec<Steady>,
    /// The same for loops that only pause, until it is known whether their own command stays.
    pauses: Vec<Steady>,
    /// Courses in which the container ends by itself although a service runs.
    pub(crate) early: Vec<World>,
    /// Courses in which PID 1 ends and nothing was running, or the kernel refused to run it.
    pub(crate) ended: Vec<World>,
    /// Whether there are such courses, also those that nothing is said of, with the image's own arguments (`true`) and with others.
    pub(crate) ends: BTreeSet<bool>,
    /// Where programs are started that a script has told to end by itself, before anybody stops the container.
    pub(crate) told: Vec<Place>,
    /// True if there was more than could be followed.
    pub(crate) truncated: bool,
    /// True if courses were left.
    has_left: bool,
    /// Steps of all courses, and of all stops.
    pub(crate) steps: u64,
}

/// What shells do is counted, lest a script take for ever.
struct Steps {
    taken: u64,
    limit: u64,
    /// What the limit grows by once.
    kept: u64,
}

impl Steps {
    fn up_to(limit: u64) -> Self {
        let kept = limit / KEPT_SHARE;
        Self { taken: 0, limit: limit - kept, kept }
    }

    fn are_over(&self) -> bool {
        self.taken > self.limit
    }
}

impl Exploration {
    /// This course is not followed any further.
    fn leave(&mut self, world: &World, candidates: &mut Candidates) {
        self.truncated |= world.path.default;
        self.has_left = true;
        // Something may stay on it: how courses before it end says nothing.
        candidates.settle(world);
    }

    /// All courses, each up to where it stays or ends.
    pub(crate) fn worlds(&self) -> impl Iterator<Item = &World> {
        self.steady.iter().map(|steady| &steady.before).chain(&self.early).chain(&self.ended)
    }

    /// True if the script refuses what the image's own ENV says: with that, nobody runs it.
    pub(crate) fn refuses_defaults(&self) -> bool {
        let is_own = |world: &&World| world.path.default;
        let mut ended = self.ended.iter().filter(is_own).peekable();
        !self.steady.iter().any(|steady| steady.before.path.default)
            && !self.early.iter().any(|world| world.path.default)
            && ended.peek().is_some()
            && ended.all(|world| world.path.failed)
    }

    /// True if the script stays without arguments and runs no service then, and otherwise does nothing but hand over to those that a caller
    /// gives: to nobody, in an image that has none of its own.
    pub(crate) fn stays_bare(&self) -> bool {
        let own = || self.steady.iter().filter(|steady| steady.before.path.default);
        let given = |given: bool| own().filter(move |steady| steady.before.path.given == Some(given));
        let only_stays = |steady: &Steady| {
            let path = &steady.before.path;
            !steady.has_service() && !path.aside && path.doubts.is_empty()
        };
        let hands_over = |steady: &Steady| {
            let mut services = steady.before.processes().filter(|process| process.is_service());
            services.all(|process| process.identity.argv.first().is_some_and(Field::is_rest))
        };
        given(false).next().is_some()
            && given(false).all(only_stays)
            && given(true).all(hands_over)
            && own().all(|steady| steady.before.path.given.is_some())
    }

    /// `while true; do if ready; then break; fi; sleep 1; done`: where a service is what comes behind such a loop, a state inside it is the
    /// start, not what stays.
    fn forget_waits(&mut self) {
        let asked: Vec<Vec<&Choice>> =
            self.steady.iter().map(|steady| steady.before.asked_in_loop()).collect();
        let others =
            self.steady.iter().zip(&asked).filter(|(other, asked)| asked.is_empty() && other.has_service());
        let others: Vec<&Steady> = others.map(|(other, _)| other).collect();
        let goes_past = |own: &&Choice, other: &Steady| {
            let mut choices = other.before.path.choices.iter();
            choices.any(|choice| own.place == choice.place && own.taken != choice.taken)
        };
        let is_wait =
            |asked: &Vec<&Choice>| asked.iter().any(|own| others.iter().any(|other| goes_past(own, other)));
        let mut waits = asked.iter().map(is_wait).collect::<Vec<bool>>().into_iter();
        self.steady.retain(|_| !waits.next().unwrap_or_default());
    }

    /// True for a way that ends with a program which runs on none of those that stay, of which there are some without a caller's word.
    fn serves_elsewhere(&self, world: &World) -> bool {
        let name = |process: &Process| process.identity.argv.first()?.text().map(str::to_owned);
        let is_same = |own: &Process, other: &Process| {
            own.identity.place == other.identity.place || name(own) == name(other)
        };
        let services = || world.processes().filter(|process| process.is_service());
        let runs = |own: &Process| {
            self.steady.iter().any(|steady| steady.before.processes().any(|other| is_same(own, other)))
        };
        world.path.default
            && self.steady.iter().any(|steady| steady.before.path.default && steady.has_service())
            && !services().any(runs)
    }

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

/// Follows every course from `start` on, then stops every steady state with `signal`: as far as so many steps lead.
pub(crate) fn explore(
    environment: &Environment<'_>,
    start: World,
    signal: Signal,
    steps_left: u64,
) -> Exploration {
    let explorer = Explorer {
        environment,
        signal,
        candidates: Candidates::default(),
        work: VecDeque::from([start]),
        steps: Steps::up_to(steps_left.min(MAX_TOTAL)),
        paths_left: MAX_PATHS,
        found: Exploration::default(),
    };
    explorer.explore()
}

/// What is still to be followed of a launch, and what was found.
struct Explorer<'a> {
    environment: &'a Environment<'a>,
    signal: Signal,
    candidates: Candidates,
    work: VecDeque<World>,
    steps: Steps,
    paths_left: usize,
    found: Exploration,
}

impl Explorer<'_> {
    fn explore(mut self) -> Exploration {
        loop {
            while let Some(world) = self.work.pop_front() {
                if self.paths_left == 0 || self.steps.are_over() {
                    self.found.leave(&world, &mut self.candidates);
                } else {
                    self.paths_left -= 1;
                    self.follow(world);
                }
            }
            self.come_back();
            if self.work.is_empty() {
                return self.finish();
            }
            self.steps.limit += std::mem::take(&mut self.steps.kept);
            self.paths_left = self.paths_left.max(KEPT_PATHS);
        }
    }

    /// Nothing stayed on some course: its last command was the service after all.
    fn come_back(&mut self) {
        let Self { found, candidates, work, .. } = self;
        let has_service = found.steady.iter().any(|steady| steady.has_service() || steady.before.path.aside);
        work.extend(candidates.open(has_service, found.has_left));
        let is_missing = !found.steady.iter().any(|steady| steady.before.path.default);
        if work.is_empty() && is_missing && found.ended.iter().all(|world| world.path.broken.is_none()) {
            work.extend(candidates.open_unlikely(!found.is_empty()));
        }
    }

    fn finish(self) -> Exploration {
        let Self { candidates, steps, mut found, .. } = self;
        // A course in which the service was taken for setup ends early; it is none.
        let pauses = std::mem::take(&mut found.pauses);
        found.steady.extend(pauses.into_iter().filter(|pause| !candidates.is_settled(&pause.before)));
        let over = found.early.iter().chain(&found.ended).filter(|world| !world.path.failed);
        found.ends = over.map(|world| world.path.default).collect();
        let is_way = |world: &World| candidates.has_passed_nothing(world) && found.serves_elsewhere(world);
        let ways: Vec<bool> = found.early.iter().map(is_way).collect();
        let mut ways = ways.into_iter();
        found.early.retain(|world| ways.next().unwrap_or_default() || !candidates.is_settled(world));
        found.forget_waits();
        found.steps = steps.taken;
        found.told = candidates.told;
        found.truncated |= found.has_left && found.steady.is_empty();
        found
    }

    /// A course up to where it stays, ends, meets another or is left to one that is followed later.
    fn follow(&mut self, mut world: World) {
        loop {
            match world.advance() {
                Next::Passed => {}
                Next::Step(pid) if self.step(&mut world, pid) => {}
                Next::Step(_) => return,
                Next::Steady => return self.stay(world),
                Next::Over => return self.end(world),
            }
        }
    }

    /// A step of a shell. False if the course is not followed any further now.
    fn step(&mut self, world: &mut World, pid: Pid) -> bool {
        world.steps += 1;
        self.steps.taken += world.effort();
        if self.steps.are_over() {
            self.found.leave(world, &mut self.candidates);
            return false;
        }
        if world.steps > MAX_STEPS || world.path.endless {
            // A loop without end that neither waits nor pauses: nothing stays on this course.
            self.candidates.end_well(world);
            return false;
        }
        if is_overgrown(world, pid) {
            self.found.truncated = true;
            return false;
        }
        if starts_itself(world, pid) {
            self.found.has_left = true;
            self.candidates.settle(world);
            return false;
        }
        let (environment, candidates) = (self.environment, &mut self.candidates);
        match (Machine { world, pid, environment, candidates }).step() {
            Flow::Ask(_) if self.candidates.joins(world, &environment.mentions) => false,
            Flow::Ask(alternatives) => self.choose(world, alternatives),
            Flow::Done => true,
        }
    }

    /// Goes the first way, and leaves the others for later. The image's defaults come first, so that a limit costs the rest.
    fn choose(&mut self, world: &mut World, alternatives: Vec<Alternative>) -> bool {
        let alternatives = alternatives.into_iter().enumerate();
        let mut ways = alternatives.map(|(index, alternative)| take(world, index, alternative));
        let Some(first) = ways.next() else { return false };
        for way in ways {
            if way.path.default {
                self.work.push_front(way);
            } else {
                self.work.push_back(way);
            }
            // No more of them are followed.
            if self.work.len() > MAX_PATHS
                && let Some(last) = self.work.pop_back()
            {
                self.found.leave(&last, &mut self.candidates);
            }
        }
        let goes_on = first.path.default || !world.path.default;
        if goes_on {
            *world = first;
        } else {
            self.work.push_back(first);
        }
        goes_on
    }

    /// The scripts that nobody has read and that a stop does not reach: whatever they do, they are killed in the middle of it. A job, by
    /// its name, may end before that.
    fn untold(&self, before: &World, after: &World) -> Vec<Pid> {
        let is_unread = |process: &&Process| matches!(process.role, Role::Unread) && process.pid != 1;
        let has_heard = |pid| after.process(pid).is_some_and(|process| !process.heard.is_empty());
        let is_untold = |process: &&Process| {
            before.alive(process.pid) && after.alive(process.pid) && !has_heard(process.pid)
        };
        let is_job = |process: &&Process| {
            let name = process.identity.argv.first().and_then(Field::text);
            name.is_some_and(|name| self.environment.tables.sound_of_file(name) == Sound::Errand)
        };
        let unread = before.processes().filter(is_unread).filter(|process| !is_job(process));
        unread.filter(is_untold).map(|process| process.pid).collect()
    }

    /// True if a script waits for nothing that it has done itself: what it is for is in files that nobody has seen.
    fn waits_for_unseen(&self, world: &World) -> bool {
        let waits =
            |process: &Process| matches!(&process.role, Role::Shell(shell) if shell.waits_for_unseen());
        let living = || world.processes().filter(|process| world.alive(process.pid));
        living().any(waits)
            && living().all(|process| !process.is_service() && !process.is_supervisor())
            && self.candidates.has_passed_no_program(world)
    }

    /// Nothing moves any more: the container is stopped.
    fn stay(&mut self, mut world: World) {
        if world.process(1).is_none() || self.candidates.joins(&mut world, &self.environment.mentions) {
            return;
        }
        self.steps.taken += world.weight();
        let grace = self.environment.image.runtime.period.left();
        let Stopped { world: mut after, is_cut, is_truncated } = self.stop(&world, grace);
        if verdict::outcome(&after) == Outcome::Timeout {
            for pid in self.untold(&world, &after) {
                [&mut world, &mut after].into_iter().for_each(|world| world.serves_unread(pid));
            }
        }
        if is_truncated {
            world.path.doubts.push(Doubt::new(None, "a stop can go more ways than are followed"));
        }
        let may_catch =
            |process: &Process| matches!(&process.role, Role::Shell(shell) if shell.may_catch(self.signal));
        let may_be_caught = world.processes().any(|process| world.alive(process.pid) && may_catch(process));
        if may_be_caught && verdict::outcome(&after) != Outcome::Graceful {
            let reason = "whether the script sets a trap for the stop signal is not known";
            world.path.doubts.push(Doubt::new(None, reason));
        }
        if self.waits_for_unseen(&world) {
            let reason = "what the files start that the script reads is not known";
            world.path.doubts.push(Doubt::new(None, reason));
        }
        let is_timeout = verdict::outcome(&after) == Outcome::Timeout;
        let patient = (is_timeout && is_cut).then(|| self.stop(&world, LONGEST_GRACE).world);
        // What ends by itself because nobody has told it to, does not stop.
        let is_told = |end: &World| {
            let first = end.process(1).filter(|first| !matches!(first.role, Role::Timer(_)));
            first.is_some_and(|first| !first.heard.is_empty())
        };
        let is_well =
            |end: &World| verdict::outcome(end) == Outcome::Graceful && is_told(end) && !gives_up(end);
        let needed = patient.filter(is_well).map(|end| end.now - world.now);
        let Self { candidates, found, .. } = self;
        let passed_service = candidates.passed_service(&world);
        // A script that would end well where it is has done so with what is in front of that in mind: it may have left.
        let may_have_left = passed_service && verdict::outcome(&after) == Outcome::Graceful;
        if candidates.passed_starter(&world) || may_have_left {
            let reason = "whether a program that the script starts stays in front is not known";
            after.path.unsure.get_or_insert_with(|| reason.into());
        }
        if candidates.is_mere_pause(&world) || (passed_service && !may_have_left) {
            // The loop's own command may be what stays, or what sounds like a service; if it is, this is none.
            candidates.end_well(&world);
            found.pauses.push(Steady { before: world, after, needed });
        } else {
            candidates.settle(&world);
            found.steady.push(Steady { before: world, after, needed });
        }
    }

    /// PID 1 has ended.
    fn end(&mut self, mut world: World) {
        let Self { candidates, found, .. } = self;
        let cut = early::is_cut_early(&world);
        let may_stay =
            world.path.may_stay.take().map(|at| (at, "whether the script goes on from here is not known"));
        let batch =
            world.path.batch.take().map(|at| (at, "whether the container is there for this is not known"));
        if let Some((place, reason)) = may_stay.or(batch).filter(|_| cut) {
            // It may be what stays: nothing before it has to be.
            candidates.settle(&world);
            world.path.doubts.push(Doubt::new(Some(place), reason));
            found.ended.push(world);
            return;
        }
        if !world.path.failed {
            candidates.end_well(&world);
        }
        if let Some(service) = early::daemon(&world).or(early::last_job(&world)) {
            candidates.precede(&world, service);
        }
        // Where something was not followed, the script may go on.
        let is_followed = world.path.doubts.is_empty();
        if (cut && is_followed && !world.path.failed) || world.path.fails_to_run() {
            found.early.push(world);
        } else {
            found.ended.push(world);
        }
    }
}

/// True if a script has started itself twice with the same arguments, each below the one before: it would go on for ever, so that on this
/// course something is otherwise than it seems.
fn starts_itself(world: &World, pid: Pid) -> bool {
    let above = std::iter::successors(world.process(pid), |process| world.process(process.parent));
    let is_own = |process: &&Process| matches!(&process.role, Role::Shell(shell) if !matches!(shell.origin, Origin::Fork));
    let mut shells = above.filter(is_own).map(|process| &process.identity.argv[..]);
    let Some(first) = shells.next() else { return false };
    let is_same = |argv: &&[Field]| argv.iter().map(Field::text).eq(first.iter().map(Field::text));
    shells.filter(is_same).nth(1).is_some()
}

/// True if there are more processes than are followed, or more above this one.
fn is_overgrown(world: &World, pid: Pid) -> bool {
    let above = std::iter::successors(world.process(pid), |process| world.process(process.parent));
    world.processes().len() > MAX_PROCESSES || above.take(MAX_NESTED + 1).count() > MAX_NESTED
}

impl World {
    /// What a step costs, as each looks at all processes.
    fn effort(&self) -> u64 {
        1 + self.processes().len() as u64 / 8
    }

    /// What it costs to say who is told in a steady state, in such steps: of each process that is asked of all others.
    fn weight(&self) -> u64 {
        (self.processes().len() as u64).pow(2) / 8
    }
}

impl World {
    /// What was chosen in the loop in which PID 1, or what it runs in front, pauses for a moment.
    fn asked_in_loop(&self) -> Vec<&Choice> {
        let pauses = |process: &&Process| {
            matches!(process.role, Role::Timer(until) if until.saturating_sub(self.now) < FOREVER)
                && process.started == Started::Foreground
                && self.alive(process.pid)
        };
        let is_in_front = |pause: &&Process| {
            let mut above =
                std::iter::successors(self.process(pause.parent), |process| self.process(process.parent));
            above.all(|process| !matches!(process.started, Started::Background | Started::Forked))
        };
        let pause = self.processes().filter(pauses).find(is_in_front);
        let Some(shell) = pause.and_then(|pause| self.shell(pause.parent)) else { return Vec::new() };
        let Some(covers) = shell.loop_body().and_then(coverage) else { return Vec::new() };
        self.path.choices.iter().filter(|choice| covers(&choice.place)).collect()
    }
}

fn take(world: &World, index: usize, alternative: Alternative) -> World {
    let mut way = answered(world, index);
    Rc::make_mut(&mut way.path.choices).push(alternative.choice);
    way.path.default &= alternative.default;
    way
}

fn answered(world: &World, index: usize) -> World {
    let mut way = world.clone();
    way.answer = Some(index);
    way.follow_next = false;
    way
}

/// True where PID 1 has ended in failure, and not because it was told: a loop that looks after processes, say, and misses one.
fn gives_up(end: &World) -> bool {
    let failed = |process: &Process| matches!(process.state, State::Dead(Death { status: Some(status), .. }) if status != 0);
    end.process(1).is_some_and(|first| first.heard.is_empty() && failed(first))
}
