//! When two courses of events have led to the same state: everything that decides what happens next, and nothing else.

use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use super::ahead::{Ahead, Mentions, words};
use super::field::{Field, Value};
use super::shell::{Frame, Lap, Shell, Waiting};
use super::world::{Ended, Millis, Pid, Process, Role, State, World};

/// Folds the product of each eight bytes and what was before them. Nobody gains from states that seem equal, so that a hasher made against
/// that is not needed; the standard library's took most of the time of scripts with many branches.
struct Folding(u64);

impl Folding {
    /// Digits of the golden ratio and of pi: odd numbers without a pattern.
    const START: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0x2437_54a8_885a_308d;
}

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|&word| self.write_u64(u64::from_le_bytes(word)));
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * u128::from(Self::FACTOR);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is put together of a state.
struct Print<'a> {
    hasher: Folding,
    mentions: &'a Mentions,
    now: Millis,
    /// The last process whose number a script may know.
    named: Pid,
    /// The others that have been met, in order: what number they have makes no difference.
    numbers: Vec<Pid>,
    /// The last variables that were met, and what they come to: many jobs share those of the shell that started them.
    shared: Option<((*const Variables, *const Ahead), u64)>,
}

type Variables = BTreeMap<String, Value>;

/// What something comes to as a number.
pub(super) fn fold(what: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = Folding(Folding::START);
    what.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// Equal for worlds with the same future.
    pub(super) fn fingerprint(&self, mentions: &Mentions) -> u64 {
        let shells = || {
            self.processes().filter_map(|process| match &process.role {
                Role::Shell(shell) if self.alive(process.pid) => Some(shell),
                _ => None,
            })
        };
        let noted = self.notes.values().filter_map(|number| number.parse().ok());
        let named = shells().map(|shell| shell.last_named()).chain(noted).max().unwrap_or(0);
        let mut print = Print {
            hasher: Folding(Folding::START),
            mentions,
            now: self.now,
            named,
            numbers: Vec::new(),
            shared: None,
        };
        print.add((
            self.next_is_service,
            self.follow_next,
            self.path.default,
            self.path.by_caller,
            self.path.given,
            self.path.aside,
        ));
        print.add(&self.notes);
        print.add(&self.made);
        print.add((
            self.path.doubts.len(),
            self.path.mishaps.len(),
            self.path.endless,
            self.path.batch.is_some(),
        ));
        let mut known = vec![false; self.processes().len() + 1];
        for pid in shells().flat_map(|shell| shell.known()) {
            if let Some(known) = known.get_mut(pid) {
                *known = true;
            }
        }
        // What has ended well counts only if a shell still knows it: nobody else will ever ask for it again.
        let counts = |process: &&Process| match process.state {
            State::Dead(death) => {
                (process.is_service() && death.how != Ended::Clean)
                    || known.get(process.pid).is_some_and(|&known| known)
            }
            State::Running | State::Finishing { .. } => true,
        };
        for process in self.processes().filter(counts) {
            process.fingerprint(&mut print);
        }
        print.hasher.finish()
    }
}

impl Print<'_> {
    fn add(&mut self, what: impl Hash) {
        what.hash(&mut self.hasher);
    }

    fn pid(&mut self, pid: Pid) {
        if pid <= self.named {
            return self.add((true, pid));
        }
        let number = self.numbers.iter().position(|&known| known == pid).unwrap_or_else(|| {
            self.numbers.push(pid);
            self.numbers.len() - 1
        });
        self.add((false, number));
    }

    fn pids(&mut self, pids: &[Pid]) {
        self.add(pids.len());
        pids.iter().for_each(|&pid| self.pid(pid));
    }

    /// A moment to come.
    fn moment(&mut self, at: Option<Millis>) {
        self.add(at.map(|at| at.saturating_sub(self.now)));
    }

    /// Once a loop counts as endless, and time has passed in it, it does not matter how far it has come.
    fn lap(&mut self, lap: &Lap) {
        let is_new = self.now == lap.since;
        self.add((is_new, self.now == lap.last, lap.circling, lap.seen));
        if is_new || !lap.circling {
            self.add(lap.rounds);
        }
    }

    /// Those that may still be asked for, and those that are named in others' values.
    fn variables(&mut self, variables: &Rc<Variables>, ahead: &Ahead) {
        let own = (Rc::as_ptr(variables), std::ptr::from_ref(ahead));
        let known = self.shared.filter(|(known, _)| *known == own).map(|(_, print)| print);
        let print = known.unwrap_or_else(|| {
            let before = std::mem::replace(&mut self.hasher, Folding(Folding::START));
            let is_expanded = |text: &&str| text.contains(['$', '`']);
            let texts = variables.values().flat_map(Value::texts).filter(is_expanded);
            let named: HashSet<&str> = texts.flat_map(words).map(|(_, word)| word).collect();
            let counts = |name: &str| ahead.mentions(name) || named.contains(name);
            for (name, value) in variables.iter().filter(|(name, _)| counts(name)) {
                self.add(name);
                self.value(value);
            }
            std::mem::replace(&mut self.hasher, before).finish()
        });
        self.shared = Some((own, print));
        self.add(print);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Scalar(one) => self.field(one),
            Value::Array(all) => self.fields(all),
        }
    }

    fn fields(&mut self, fields: &[Field]) {
        self.add(fields.len());
        fields.iter().for_each(|one| self.field(one));
    }

    /// How an unknown value was written makes no difference.
    fn field(&mut self, field: &Field) {
        self.add((&field.text, &field.sketch, field.overridable, field.is_rest()));
        self.add(field.excerpt.as_ref().map(|excerpt| excerpt.span()));
    }
}

impl Process {
    fn fingerprint(&self, print: &mut Print<'_>) {
        print.pids(&[self.pid, self.parent, self.group]);
        print.add(self.ignored.as_slice());
        match self.state {
            State::Running => print.add(0),
            State::Finishing { until, fast } => {
                print.add((1, fast));
                print.moment(Some(until));
            }
            State::Dead(death) => print.add((2, death.status, death.how as u8)),
        }
        print.fields(&self.identity.argv);
        print.add(std::mem::discriminant(&self.role));
        match &self.role {
            Role::Shell(shell) => shell.fingerprint(print),
            Role::Timer(until) => print.moment(Some(*until)),
            Role::Follower(pid) => print.pid(*pid),
            Role::Forwarder(forwarder) => {
                print.pid(forwarder.child);
                print.moment(forwarder.kills_at);
            }
            Role::Supervisor(supervisor) => {
                for own in &supervisor.programs {
                    print.pid(own.pid);
                    print.moment(own.kills_at);
                }
            }
            Role::Service(_) | Role::Helper | Role::Opaque | Role::Unread => {}
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

    /// The last process whose number its script may have: `$$`, `$!` and `jobs -p`.
    fn last_named(&self) -> Pid {
        let jobs = self.jobs.iter().chain(self.pipelines.iter().flatten());
        jobs.chain(&self.last_background).copied().fold(self.dollar, Pid::max)
    }

    fn fingerprint(&self, print: &mut Print<'_>) {
        print.add((self.errexit, self.nounset, self.monitor, self.is_circling(), self.last_background));
        print.add((self.reads_unknown, self.may_start, self.has_unknown_functions, self.may_trap));
        print.add((self.status.value, self.status.overridable));
        print.add((&self.aliases, self.hooks.len(), &self.fixed));
        print.add((&self.jobs, &self.pending, &self.directory));
        let ahead = print.mentions.ahead(self);
        print.variables(&self.variables, &ahead);
        for (name, body) in self.functions.iter() {
            print.add((name, Arc::as_ptr(body)));
        }
        for (signal, trap) in self.traps.iter() {
            print.add((signal, Arc::as_ptr(&trap.action).cast::<u8>()));
        }
        self.claims.iter().filter(|known| ahead.asks(known)).for_each(|known| print.add(known));
        print.fields(&self.positional);
        print.field(&self.zero);
        print.add((self.arguments_overridable, &self.pipelines));
        match &self.waiting {
            Waiting::Foreground { pids, piped, .. } => {
                print.pids(pids);
                print.pids(piped);
            }
            Waiting::Wait { targets, .. } => print.pids(targets),
            Waiting::None => {}
        }
        for frame in &self.frames {
            frame.fingerprint(print, &ahead);
        }
    }
}

impl Frame {
    fn fingerprint(&self, print: &mut Print<'_>, ahead: &Ahead) {
        print.add(std::mem::discriminant(self));
        match self {
            Frame::List { list, next } => print.add((Arc::as_ptr(list).cast::<u8>(), next)),
            Frame::AndOr { right, and, .. } => print.add((Arc::as_ptr(right), and)),
            Frame::If { node, arm, .. } => print.add((Arc::as_ptr(node), arm)),
            Frame::Case { node, ways, .. } => print.add((Arc::as_ptr(node), ways)),
            Frame::Test { node, lap, .. } | Frame::Body { node, lap, .. } => {
                print.add(Arc::as_ptr(node));
                print.lap(lap);
            }
            Frame::For { node, items, next, before } => {
                print.add((Arc::as_ptr(node), next, before));
                print.fields(items);
            }
            Frame::Endless { body, lap } => {
                print.add(Arc::as_ptr(body).cast::<u8>());
                print.lap(lap);
            }
            Frame::Call { name, positional, locals, overridable } => {
                print.add((name, overridable));
                for (name, old) in locals.iter().filter(|(name, _)| ahead.mentions(name)) {
                    print.add(name);
                    old.iter().for_each(|value| print.value(value));
                }
                print.fields(positional);
            }
            Frame::Source { positional, .. } => {
                positional.iter().for_each(|positional| print.fields(positional));
            }
            Frame::Trap { status, from_wait } => print.add((status.value, from_wait)),
            Frame::Exit(status) => print.add(status),
            Frame::Weigh { and } => print.add(and),
            Frame::Not => {}
        }
    }
}
