//! What was passed over on the way, and where courses of events meet again.
//!
//! A command of which nothing is known may be setup or the service. It is taken for setup first and remembered; if nothing after it
//! stays on any course, it was the service, and the model comes back to it. Courses that reach the same state have the same future:
//! only the first of them is followed, and what it comes to counts for the others too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ahead::Mentions;
use super::path::Doubt;
use super::shell::Shell;
use super::world::{Pid, Process, Started, World};
use crate::programs::Sound;
use crate::source::Place;

/// Everything that was passed over, in the order in which it was met.
#[derive(Default)]
pub(crate) struct Candidates {
    items: Vec<Item>,
    /// Where a state was first reached.
    junctions: HashMap<u64, usize>,
    /// True once a course has come to an `exec "$@"` without arguments.
    hands_over: bool,
    /// Where programs are started that a script has told to end by itself, before anybody stops the container.
    pub(super) told: Vec<Place>,
}

/// A command or condition that was passed over, or a state in which courses meet.
struct Item {
    /// The course that comes back to it; `None` for a meeting of courses.
    again: Option<World>,
    /// True for such a meeting.
    is_meeting: bool,
    /// What was passed over before it, on each course that leads here.
    parents: Vec<usize>,
    /// True once something after it stays, so that it was setup.
    settled: bool,
    /// True once what comes behind it shows that it has ended.
    has_ended: bool,
    /// True once it has been come back to.
    tried: bool,
    /// True if a course through it ended without the script itself calling that a failure.
    ended_well: bool,
    /// True if it is done again and again by a loop.
    repeated: bool,
    /// What is known of it by itself.
    what: Passed,
}

/// What is known of a command or condition that is passed over.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    /// How likely it is the service, among others on the same course.
    pub(super) likelihood: Likelihood,
    /// What is run, where running it twice shows that it ends.
    pub(super) job: Option<Job>,
    /// What it is by its name.
    pub(super) sound: Sounds,
    /// Where it stands.
    pub(super) place: Option<Place>,
    /// True if the script keeps its status, or ends behind it: what the script is asked to do instead of serving, maybe.
    pub(super) leaves: bool,
    /// True if the script then stops what it has started in the background.
    pub(super) tidies: bool,
    /// True if nothing but trifles follows it.
    pub(super) is_last: bool,
    /// True if it starts something, by its name, and may stay in front of it or not.
    pub(super) starts: bool,
}

/// What the names of a command or of a condition's ways say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sounds {
    /// What there is on every way.
    pub(super) surely: Sound,
    /// What there is on one of them.
    pub(super) perhaps: Sound,
}

impl From<Sound> for Sounds {
    fn from(sound: Sound) -> Self {
        Self { surely: sound, perhaps: sound }
    }
}

impl Passed {
    /// What says nothing of itself.
    fn silent() -> Self {
        Self {
            likelihood: Likelihood::Usual,
            job: None,
            sound: Sound::Errand.into(),
            place: None,
            leaves: false,
            tidies: false,
            is_last: false,
            starts: false,
        }
    }
}

/// What the names of others say of something that may be come back to.
enum Reading {
    /// It is the service.
    Service,
    /// One before it is.
    Before,
    /// It cannot be told which of them is.
    Unclear,
}

/// How likely something that was passed over is the service. What is less likely is come back to only where nothing else is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likelihood {
    /// The condition of an `if`: most only look at something.
    Condition,
    /// A command like any other.
    Usual,
    /// What a script with a trap waits for, or whose status a script keeps: it is about this.
    Likely,
}

/// A program with its subcommand, and where it is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) words: [String; 2],
    pub(super) place: Place,
}

impl Item {
    /// True if it is likely the service of somebody who asks for nothing else.
    fn is_likely_by_default(&self) -> bool {
        let is_default = self.again.as_ref().is_some_and(|again| again.path.default);
        is_default && self.what.likelihood == Likelihood::Likely
    }

    /// It is not come back to.
    fn forget(&mut self) {
        self.tried = true;
        self.again = None;
    }
}

impl Candidates {
    /// False while the model has been told to follow the next condition.
    pub(super) fn may_skip(&self, world: &World) -> bool {
        !world.follow_next && world.stop.is_none()
    }

    /// `again` is the course in which the command that `world` is about to pass over stays.
    pub(super) fn add(&mut self, world: &mut World, again: World, what: Passed) {
        let repeated = world.processes().any(|process| process.runs_loop());
        let ends = what.job.as_ref().is_some_and(|job| self.was_done(world, job));
        self.push(world, Some(again), repeated);
        if ends {
            // It has ended once, and is run again: neither this nor what came before it is the service.
            self.forget_all(world);
        }
        if let Some(item) = self.items.last_mut() {
            item.what = what;
        }
    }

    /// True if the same was done earlier on this course, elsewhere in the script.
    fn was_done(&self, world: &World, job: &Job) -> bool {
        let mut at = world.path.candidate;
        while let Some(item) = at.and_then(|index| self.items.get(index)) {
            if item
                .what
                .job
                .as_ref()
                .is_some_and(|known| known.words == job.words && known.place != job.place)
            {
                return true;
            }
            at = item.parents.first().copied();
        }
        false
    }

    /// The condition that `world` is about to pass over.
    pub(super) fn add_branches(&mut self, world: &mut World, sound: Sounds) {
        let mut again = world.clone();
        again.follow_next = true;
        self.add(world, again, Passed { sound, ..Passed::silent() });
    }

    fn push(&mut self, world: &mut World, again: Option<World>, repeated: bool) {
        let parents = world.path.candidate.replace(self.items.len()).into_iter().collect();
        let is_meeting = again.is_none();
        let (settled, has_ended, tried, ended_well) = (false, false, is_meeting, false);
        let what = Passed::silent();
        let item = Item { again, is_meeting, parents, settled, has_ended, tried, ended_well, repeated, what };
        self.items.push(item);
    }

    /// True if another course has been in this very state, so that this one need not be followed.
    pub(super) fn joins(&mut self, world: &mut World, mentions: &Mentions) -> bool {
        self.note_told(world);
        let fingerprint = world.fingerprint(mentions);
        match self.junctions.entry(fingerprint) {
            Entry::Vacant(first) => {
                first.insert(self.items.len());
                self.push(world, None, false);
                false
            }
            Entry::Occupied(first) => {
                let junction = *first.get();
                let last = world.path.candidate;
                if let Some(last) =
                    last.filter(|&last| last != junction && !self.items[junction].parents.contains(&last))
                {
                    self.items[junction].parents.push(last);
                    let Item { settled, ended_well, .. } = self.items[junction];
                    self.mark(world, settled, ended_well);
                }
                true
            }
        }
    }

    /// Remembers what a script has told to end.
    pub(super) fn note_told(&mut self, world: &World) {
        let is_told = |process: &&Process| {
            !process.heard.is_empty() && matches!(process.started, Started::Background | Started::Forked)
        };
        for place in world.processes().filter(is_told).filter_map(|process| process.identity.place.as_ref()) {
            if !self.told.contains(place) {
                self.told.push(place.clone());
            }
        }
    }

    /// The last command that was passed over on a course; meetings aside.
    fn last(&self, world: &World) -> Option<&Item> {
        let mut at = world.path.candidate?;
        loop {
            let item = self.items.get(at)?;
            if item.again.is_some() || item.repeated {
                return Some(item);
            }
            at = *item.parents.first()?;
        }
    }

    /// True if a loop's own command was passed over last.
    pub(super) fn is_repeated(&self, world: &World) -> bool {
        self.last(world).is_some_and(|item| item.repeated && !item.settled && !item.has_ended)
    }

    /// True if nothing stays but a pause in a loop whose own command was passed over.
    pub(super) fn is_mere_pause(&self, world: &World) -> bool {
        self.is_repeated(world)
            && !world.processes().any(|process| process.is_service() && world.alive(process.pid))
    }

    /// True if something that was passed over on this course was followed by something that stays on another.
    pub(super) fn is_settled(&self, world: &World) -> bool {
        self.on(world).any(|item| item.settled)
    }

    /// True if nothing was passed over on this course, which only met others.
    pub(super) fn has_passed_nothing(&self, world: &World) -> bool {
        self.on(world).all(|item| item.is_meeting)
    }

    /// True if no program was passed over on this course.
    pub(super) fn has_passed_no_program(&self, world: &World) -> bool {
        self.on(world).all(|item| item.what.place.is_none())
    }

    /// What was passed over on a course, the last first.
    fn on(&self, world: &World) -> impl Iterator<Item = &Item> {
        let last = world.path.candidate.and_then(|index| self.items.get(index));
        std::iter::successors(last, |item| self.items.get(*item.parents.first()?))
    }

    /// Something stays: whatever came before was setup.
    pub(super) fn settle(&mut self, world: &World) {
        self.mark(world, true, false);
    }

    /// The course has ended, and the script does not call that a failure.
    pub(super) fn end_well(&mut self, world: &World) {
        self.mark(world, false, true);
    }

    /// The process `service` is the service of a course that has ended with it: what was passed over before it was setup, unless
    /// something after it is still to be come back to.
    pub(super) fn precede(&mut self, world: &World, service: Pid) {
        let is_before =
            |item: &Item| item.again.as_ref().is_none_or(|again| again.process(service).is_none());
        if self.last(world).is_some_and(is_before) {
            self.forget_all(world);
        }
    }

    /// What was passed over on this course was setup, where it sounds no more like a service than this: what comes now shows that it has
    /// ended. Nothing is shown of what stands at the place `but`.
    pub(super) fn have_ended(&mut self, world: &World, most: Sound, but: Option<&Place>) {
        for index in self.passed_until_now(world) {
            let item = &mut self.items[index];
            let is_left = but.zip(item.what.place.as_ref()).is_some_and(|(but, own)| but.contains(own));
            if item.what.sound.surely <= most && !is_left {
                item.has_ended = true;
                item.forget();
            }
        }
    }

    /// Nothing that was passed over on this course is come back to.
    pub(super) fn forget_all(&mut self, world: &World) {
        self.passed_until_now(world).into_iter().for_each(|index| self.items[index].forget());
    }

    fn passed_until_now(&self, world: &World) -> Vec<usize> {
        let last = world.path.candidate;
        last.into_iter().flat_map(|last| std::iter::once(last).chain(self.earlier(last))).collect()
    }

    fn mark(&mut self, world: &World, settled: bool, ended_well: bool) {
        let mut todo: Vec<usize> = world.path.candidate.into_iter().collect();
        while let Some(index) = todo.pop() {
            let item = &mut self.items[index];
            // What stays only where the caller asks for something else says nothing of it.
            if !world.path.default && item.is_likely_by_default() {
                continue;
            }
            if (!settled || item.settled) && (!ended_well || item.ended_well) {
                continue;
            }
            item.settled |= settled;
            item.ended_well |= ended_well;
            if item.settled && item.again.is_some() {
                // Its world is of no more use.
                item.forget();
            }
            todo.extend_from_slice(&item.parents);
        }
    }

    /// The last passed-over things on courses where nothing stays. Where coming back to these found nothing either, those before
    /// them are next. What is likely comes first, and what follows it is not come back to.
    /// `has_service`: there is a service on another course, so that this is done beside it.
    /// `has_left`: not all courses were followed, so that another service may follow what is not the last.
    pub(super) fn open(&mut self, has_service: bool, has_left: bool) -> Vec<World> {
        let is_mode = has_service || self.hands_over;
        let counts = |item: &Item| {
            item.ended_well
                && (item.what.is_last || !has_left)
                && !(is_mode && item.what.leaves && item.what.sound.surely != Sound::Service)
        };
        let likely = self.open_those(|item| item.what.likelihood == Likelihood::Likely && counts(item));
        if !likely.is_empty() {
            return likely;
        }
        self.open_those(|item| item.what.likelihood == Likelihood::Usual && counts(item))
    }

    /// The script hands over to arguments that it is not given: what it does otherwise is no service, unless it sounds like one.
    pub(super) fn hand_over(&mut self, world: &World) {
        if self.has_passed_service(world) {
            return;
        }
        self.hands_over = true;
        self.settle(world);
    }

    /// The same where nothing stays otherwise: on courses that end in a failure (`server; exit 1`, because a server is not expected to
    /// end), and at last in conditions.
    ///
    /// `beside`: something stays with other arguments than the image's own. The image's own may be there to be refused, so that only what is
    /// a service by its name counts: `case $1 in own) server ;; *) exec "$@" ;; esac; exit 1`.
    pub(super) fn open_unlikely(&mut self, beside: bool) -> Vec<World> {
        if self.hands_over {
            return Vec::new();
        }
        if beside {
            let is_own = |item: &Item| item.again.as_ref().is_some_and(|world| world.path.default);
            return self.open_those(|item| {
                item.what.likelihood == Likelihood::Usual
                    && item.what.sound.surely == Sound::Service
                    && (item.tried || is_own(item))
            });
        }
        let failed = self.open_those(|item| item.what.likelihood != Likelihood::Condition);
        if failed.is_empty() { self.open_those(|_| true) } else { failed }
    }

    fn open_those(&mut self, counts: impl Fn(&Item) -> bool) -> Vec<World> {
        loop {
            let (worlds, passed) = self.open_last(&counts);
            if !worlds.is_empty() || !passed {
                return worlds;
            }
        }
    }

    /// The last ones that count. The second is true if one of them was left for what stands before it.
    fn open_last(&mut self, counts: impl Fn(&Item) -> bool) -> (Vec<World>, bool) {
        let mut later_untried = vec![false; self.items.len()];
        let untried = self.items.iter().filter(|item| counts(item) && !item.tried);
        let mut todo: Vec<usize> = untried.flat_map(|item| item.parents.iter().copied()).collect();
        while let Some(index) = todo.pop() {
            if !std::mem::replace(&mut later_untried[index], true) {
                todo.extend_from_slice(&self.items[index].parents);
            }
        }
        let mut worlds = Vec::new();
        let mut passed = false;
        for (index, later) in later_untried.into_iter().enumerate() {
            let item = &self.items[index];
            if !counts(item) || item.settled || item.tried || later {
                continue;
            }
            let reading = self.reading(index);
            let item = &mut self.items[index];
            item.tried = true;
            match (reading, item.again.take()) {
                (Reading::Before, _) => {
                    passed = true;
                    continue;
                }
                (reading, Some(mut world)) => {
                    world.path.candidate = Some(index);
                    if matches!(reading, Reading::Unclear) {
                        let reason = "which of the script's commands is the service is not known";
                        world.path.doubts.push(Doubt::new(item.what.place.clone(), reason));
                    }
                    worlds.push(world);
                }
                (_, None) => {}
            }
            if self.items[index].what.likelihood == Likelihood::Likely {
                self.forget_after(index);
            }
        }
        (worlds, passed)
    }

    /// Whether this is the service, by its name and by the names of what was passed over before it: `server; cleanup`.
    fn reading(&self, index: usize) -> Reading {
        let own = &self.items[index].what;
        if own.tidies && own.sound.surely != Sound::Service {
            return Reading::Unclear;
        }
        let is_errand = own.leaves && own.sound.surely == Sound::Errand;
        if own.place.is_none() || (own.likelihood != Likelihood::Usual && !is_errand) {
            return Reading::Service;
        }
        let (mut surely, mut perhaps, mut asked) = (Sound::Errand, Sound::Errand, Sound::Errand);
        for item in self.before(index).filter(|item| item.again.is_some() && !item.settled) {
            let sound = item.what.sound;
            if item.what.likelihood == Likelihood::Condition {
                asked = asked.max(sound.perhaps);
            } else {
                surely = surely.max(sound.surely);
                perhaps = perhaps.max(sound.perhaps);
            }
        }
        match own.sound.surely {
            Sound::Errand if perhaps == Sound::Service => Reading::Before,
            // `if server; then cleanup; fi`
            Sound::Errand if perhaps.max(asked) > Sound::Errand => Reading::Unclear,
            // Nothing but errands: the container does them and ends. A name alone does not say so.
            Sound::Errand if own.leaves || self.has_other(own) => Reading::Before,
            Sound::Errand => Reading::Unclear,
            Sound::Unclear if surely == Sound::Service => Reading::Unclear,
            _ => Reading::Service,
        }
    }

    /// True if something else was passed over.
    fn has_other(&self, own: &Passed) -> bool {
        self.items.iter().any(|item| item.what.place.is_some() && item.what.place != own.place)
    }

    /// What was passed over before this, on any course.
    fn before(&self, index: usize) -> impl Iterator<Item = &Item> {
        self.earlier(index).map(|index| &self.items[index])
    }

    /// The same by their numbers.
    fn earlier(&self, index: usize) -> impl Iterator<Item = usize> {
        let mut seen = vec![false; self.items.len()];
        let mut todo = self.items[index].parents.clone();
        std::iter::from_fn(move || {
            while let Some(index) = todo.pop() {
                if !std::mem::replace(&mut seen[index], true) {
                    todo.extend_from_slice(&self.items[index].parents);
                    return Some(index);
                }
            }
            None
        })
    }

    /// True if what sounds like a service was passed over on a course.
    pub(super) fn has_passed_service(&self, world: &World) -> bool {
        self.passed_on(world).any(|item| !item.settled && item.what.sound.surely == Sound::Service)
    }

    /// True if what sounds like a service was passed over at a place that counts. What the script hands over to behind it is no program.
    pub(super) fn serves_for_word(&mut self, world: &World, counts: impl Fn(&Place) -> bool) -> bool {
        let mut serves = false;
        for index in self.passed_until_now(world) {
            let item = &mut self.items[index];
            let is_service = !item.settled && item.what.sound.surely == Sound::Service;
            if !is_service || !item.what.place.as_ref().is_some_and(&counts) {
                continue;
            }
            serves = true;
            if let Some(shell) = item.again.as_mut().and_then(|again| again.shell_mut(1)) {
                shell.hands_over_word = true;
            }
        }
        serves
    }

    /// What was passed over on a course, and on those that it has met.
    fn passed_on(&self, world: &World) -> impl Iterator<Item = &Item> {
        let last = world.path.candidate;
        last.into_iter().flat_map(|last| std::iter::once(&self.items[last]).chain(self.before(last)))
    }

    /// True if what sounds like a service was passed over, and nothing comes after it but what keeps the container alive, a `wait` for
    /// jobs that were started before it, or the pause of its own loop: `server; tail -f /dev/null`, `worker & server; wait`.
    pub(super) fn passed_service(&self, world: &World) -> bool {
        let is_served =
            |world: &World| world.processes().any(|process| process.is_service() && world.alive(process.pid));
        let waits = world.shell(1).is_some_and(Shell::waits_for_jobs);
        let (serves, circles) = (is_served(world), self.is_repeated(world));
        self.passed_on(world).filter(|item| !item.settled && item.what.place.is_some()).any(|item| {
            let may_stay = || waits && item.again.as_ref().is_some_and(is_served);
            let is_last = !serves || (circles && item.repeated && item.again.is_some());
            item.what.sound.surely == Sound::Service && if waits && serves { may_stay() } else { is_last }
        })
    }

    /// True if nothing stays but what keeps the container alive, and something was passed over that starts a service: it may have left that
    /// behind, or it stays in front of it.
    pub(super) fn passed_starter(&self, world: &World) -> bool {
        !world.processes().any(|process| process.is_service() && world.alive(process.pid))
            && self.passed_on(world).any(|item| item.what.starts)
    }

    /// What was passed over after this on every course is not come back to.
    fn forget_after(&mut self, index: usize) {
        let mut after = vec![false; self.items.len()];
        after[index] = true;
        for later in index + 1..self.items.len() {
            let parents = &self.items[later].parents;
            if !parents.is_empty() && parents.iter().all(|&parent| after[parent]) {
                after[later] = true;
                self.items[later].forget();
            }
        }
    }
}
