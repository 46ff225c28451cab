//! Conditions, loops and cases: which way a script goes, or both ways where that cannot be known.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use super::field::{Field, Value};
use super::inert::{self, Inside, Weight};
use super::machine::{Alternative, Flow, Machine};
use super::path::Choice;
use super::reading::defines_no_functions;
use super::shell::{Frame, Lap, Status, is_several};
use super::stopping::looks_for_processes;
use super::world::{Millis, Pid, Process, Role, Started};
use crate::programs::Sound;
use crate::shell::{Case, For, If, List, Loop, Node, NodeKind};
use crate::source::{Excerpt, Place, Span};

/// A loop whose condition holds goes round this often before it counts as endless.
const ROUNDS: u32 = 3;
/// How long a round of it takes.
const ROUND: Millis = 1_000;
/// The same of a loop that counts.
const COUNTED_ROUNDS: u32 = 200;
/// A `for` loop over known words is followed this far.
const MAX_ITEMS: usize = 64;

/// What a condition comes to.
enum Decision {
    Holds(bool),
    /// Not known, and it makes no difference to processes or signals, or hardly any.
    Skip(Weight),
    /// The same of all that the function has left to do.
    Leave,
    Ask(Vec<Alternative>),
}

impl Machine<'_, '_> {
    /// What the last status, which is that of `test` if there is one, decides. `labels`: what to call success and failure; `weight`: that of what depends on it.
    fn decide(
        &mut self,
        place: &Place,
        test: Option<&Node>,
        labels: [&str; 2],
        weight: impl FnOnce(&Self, Inside) -> Weight,
    ) -> Decision {
        let status = self.status();
        let stopping = self.world.stop.is_some();
        if let Some(value) = status.value
            && (!status.overridable || stopping)
        {
            return Decision::Holds(value == 0);
        }
        if let Some(answer) = self.world.answer.take() {
            let holds = (answer == 0) == status.value.is_none_or(|value| value == 0);
            self.take_for(test, holds);
            if let Some(test) = test.filter(|_| status.value.is_none()) {
                self.note_given(test, holds);
            }
            self.world.path.aside |= holds && test.is_some_and(asks_for_terminal);
            if let Some(test) = test.filter(|_| status.value.is_some_and(|value| (value == 0) != holds)) {
                self.leave_own_arguments(&test.excerpt, test.span);
            }
            return Decision::Holds(holds);
        }
        if let Some(holds) = self.recalls(test) {
            return Decision::Holds(holds);
        }
        if self.candidates.may_skip(self.world) {
            let weight = weight(self, Inside::choice(status.value.is_none()));
            if self.may_pass(weight) {
                return match status.value {
                    Some(value) => Decision::Holds(value == 0),
                    None => Decision::Skip(weight),
                };
            }
            match status.value {
                Some(value) if self.stay_likely() => return Decision::Holds(value == 0),
                None if self.leave_call() => return Decision::Leave,
                _ => {}
            }
        }
        let likely = status.value.is_none_or(|value| value == 0);
        let alternative = |holds: bool, default: bool| Alternative {
            choice: Choice { place: place.clone(), taken: labels[usize::from(!holds)].to_owned() },
            default,
        };
        Decision::Ask(vec![alternative(likely, true), alternative(!likely, status.value.is_none())])
    }

    /// True if something of this weight is stepped over.
    fn may_pass(&self, weight: Weight) -> bool {
        // A job has no steady state of its own to look for, and is not come back to.
        weight == Weight::Idle || (weight == Weight::Setup && !self.is_background())
    }

    /// Steps over the rest of the function or sourced file that runs now, if nothing in it matters. How it ends is not known then.
    fn leave_call(&mut self) -> bool {
        let Some((weight, lists)) = self.rest_of_call(true) else { return false };
        if !self.may_pass(weight) {
            return false;
        }
        self.remember_branches(weight);
        for list in lists {
            self.forget_assigned(&list);
        }
        self.with(|shell| {
            while !matches!(shell.frames.last(), None | Some(Frame::Call { .. } | Frame::Source { .. })) {
                shell.frames.pop();
            }
            shell.status = Status::UNKNOWN;
        });
        true
    }

    /// Goes the way of the image's defaults through the rest of a function, if nothing in it matters but how it ends. That rests on the
    /// defaults then.
    fn stay_likely(&mut self) -> bool {
        let weight = self.rest_of_call(false).map(|(weight, _)| weight);
        if !weight.is_some_and(|weight| self.may_pass(weight)) {
            return false;
        }
        let mut found = false;
        self.with(|shell| {
            let call = shell.frames.iter_mut().rev().find_map(|frame| match frame {
                Frame::Call { overridable, .. } => Some(overridable),
                _ => None,
            });
            if let Some(overridable) = call {
                *overridable = true;
                found = true;
            }
        });
        found
    }

    pub(super) fn and_or(&mut self, left: &Arc<Node>, right: &Arc<Node>, and: bool, whole: &Place) -> Flow {
        if self.status().value.is_none() && self.world.answer.is_none() && inert::is_test(right) {
            self.pop();
            self.push(Frame::Weigh { and });
            self.run(right);
            return Flow::Done;
        }
        // A stop finds the container as well as it was before.
        let fails = |node: &Node| inert::is_exit(node) && !and;
        if self.world.stop.is_some() && self.status().value.is_none() && fails(right) {
            self.pop();
            self.set_status_quietly(Status::known(0));
            return Flow::Done;
        }
        if self.sees_end_by_break(
            std::slice::from_ref(left.as_ref()),
            std::slice::from_ref(right.as_ref()),
            and,
        ) {
            self.set_status_quietly(Status::of(and));
        }
        let is_choice = and && self.is_first_of_two(right);
        let decision =
            self.decide(whole, Some(left), ["success", "failure"], |machine, inside| match is_choice {
                true => Weight::Counts,
                false => machine.weight_of(std::slice::from_ref(right.as_ref()), inside),
            });
        match decision {
            Decision::Ask(alternatives) => {
                self.note_unseen(std::slice::from_ref(right.as_ref()));
                return Flow::Ask(alternatives);
            }
            Decision::Leave => {}
            Decision::Skip(weight) => {
                self.note_unseen(std::slice::from_ref(right.as_ref()));
                self.remember_branches(weight);
                self.pop();
                self.forget_assigned(std::slice::from_ref(right.as_ref()));
                self.set_status_quietly(Status::UNKNOWN);
            }
            Decision::Holds(holds) => {
                self.pop();
                if holds == and {
                    self.run(right);
                } else if self.status().value.is_none() {
                    self.set_status_quietly(Status::of(holds));
                }
            }
        }
        Flow::Done
    }

    pub(super) fn choose_arm(&mut self, node: &Arc<If>, arm: usize, place: &Place) -> Flow {
        let (condition, body) = &node.arms[arm];
        let place = condition.first().map_or_else(|| place.clone(), Node::place);
        if self.ends_waiting(condition, body) || self.sees_end_by_break(condition, body, true) {
            self.set_status_quietly(Status::known(0));
        }
        if let (1, Some(otherwise)) = (node.arms.len(), &node.otherwise)
            && self.sees_end_by_break(condition, otherwise, false)
        {
            self.set_status_quietly(Status::known(1));
        }
        let test = match condition.as_ref() {
            [test] => Some(test),
            _ => None,
        };
        let decision = self.decide(&place, test, ["then", "else"], |machine, inside| {
            machine.weight_of_arms(node, arm, inside)
        });
        match decision {
            Decision::Ask(alternatives) => {
                self.note_unseen(body);
                return Flow::Ask(alternatives);
            }
            Decision::Leave => {}
            Decision::Skip(weight) => {
                self.remember_branches(weight);
                self.pop();
                for (_, body) in &node.arms[arm..] {
                    self.note_unseen(body);
                    self.forget_assigned(body);
                }
                if let Some(body) = &node.otherwise {
                    self.forget_assigned(body);
                }
                self.set_status_quietly(Status::UNKNOWN);
            }
            Decision::Holds(true) => {
                self.pop();
                self.push_list(body);
            }
            Decision::Holds(false) => {
                self.pop();
                self.set_status_quietly(Status::known(0));
                if let Some((condition, _)) = node.arms.get(arm + 1) {
                    self.push(Frame::If { node: Arc::clone(node), arm: arm + 1, place });
                    self.push_list(condition);
                } else if let Some(otherwise) = &node.otherwise {
                    self.push_list(otherwise);
                }
            }
        }
        Flow::Done
    }

    /// `while true; do if ready; then break; fi; sleep 1; done`: it waits for something, and once round is enough.
    fn ends_waiting(&self, condition: &[Node], body: &[Node]) -> bool {
        let Some(shell) = self.shell() else { return false };
        let asks =
            matches!(condition, [Node { kind: NodeKind::Command(_), .. }] if !inert::is_test(&condition[0]));
        let leaves = |node: &Node| node.is_command(&["break"]);
        asks && shell.status.value.is_none()
            && self.world.stop.is_none()
            && body.iter().any(leaves)
            && shell.has_come_round()
    }

    pub(super) fn test_loop(&mut self, node: &Arc<Loop>, lap: Lap, place: &Place) -> Flow {
        let rounds = lap.rounds;
        self.await_jobs(&node.condition);
        let mut status = self.status();
        // Arguments are walked as given: an option loop over CMD has one course.
        status.overridable = false;
        let is_open = status.value.is_none() || self.rests_on_a_choice(&node.condition);
        if is_open && self.polls_to_the_end(node) {
            status = Status::known(0);
        }
        if self.sees_end(&node.condition, !node.until) {
            status = Status::of(node.until);
        }
        let may_stay =
            || status.value.is_none() && may_hold(node) || self.sets_back(&node.condition, &node.body);
        if (rounds == 0 && may_stay()) || (status.value.is_none() && self.is_last_of_all()) {
            self.world.path.may_stay = node.condition.first().map(Node::place);
        }
        if status.value.is_none() && rounds > 0 && self.world.stop.is_none() {
            // Once round is enough to see what the body does; of jobs there are several.
            let is_enough = rounds > 1 || !reads(node) || self.last_job() == lap.before;
            status = Status::of(node.until == is_enough);
        }
        if !lap.circling && self.has_tried(rounds, &node.body) {
            self.pop();
            self.forget_assigned(&node.body);
            self.set_status_quietly(Status::known(0));
            return Flow::Done;
        }
        self.set_status_quietly(status);
        if status.value.is_none() && self.world.stop.is_none() && inert::only_sleeps(&node.body) {
            // `starter; until test -f pid; do sleep 1; done`: nothing is waited for that stands in front. What is tried in the end, with
            // nothing behind it, may be the service itself.
            let tried = self.is_last_of_all().then_some(place);
            self.candidates.have_ended(self.world, Sound::Service, tried);
        }
        let decision = self.decide(place, None, ["again", "done"], |machine, inside| {
            machine.weight_of_body(&node.body, inside)
        });
        match decision {
            Decision::Ask(alternatives) => return Flow::Ask(alternatives),
            Decision::Leave => {}
            Decision::Skip(weight) => {
                // What reads comes to an end of it.
                if !reads(node) && !inert::only_sleeps(&node.body) {
                    self.remember_branches(weight);
                }
                self.pop();
                self.forget_assigned(&node.body);
            }
            Decision::Holds(holds) if holds != node.until => {
                self.pop();
                let seen = self.seen_by(&node.condition);
                let lap =
                    Lap { seen, ..self.come_round(lap, seen.is_some() && seen != lap.seen, &node.body) };
                self.push(Frame::Body { node: Arc::clone(node), place: place.clone(), lap });
                self.push_list(&node.body);
            }
            Decision::Holds(_) => {
                self.pop();
                self.set_status_quietly(Status::known(0));
            }
        }
        Flow::Done
    }

    /// True where nothing comes behind what the first script does now: a wait for something would make no sense there.
    fn is_last_of_all(&self) -> bool {
        let mut above = std::iter::successors(Some(self.pid), |&pid| match pid {
            1 => None,
            _ => self.world.process(pid).map(|process| process.parent),
        });
        self.pid_is_main()
            && above.all(|pid| self.world.shell(pid).is_none_or(|shell| self.only_trifles_follow(shell)))
    }

    /// `while pgrep server; do sleep 5; done` as the last thing that the first script does: whatever the answer is one day, a stop finds
    /// the shell asking.
    fn polls_to_the_end(&self, node: &Loop) -> bool {
        let is_left = |other: &Process| {
            other.started == Started::Forked && other.is_service() && self.world.alive(other.pid)
        };
        self.world.stop.is_none()
            && may_hold(node)
            && inert::only_sleeps(&node.body)
            && self.is_last_of_all()
            && (looks_for_processes(&node.condition) || self.world.processes().any(is_left))
    }

    /// `while [ -f server.pid ] && kill -0 "$pid"`: the course in which one part fails knows no more of the whole than one that asks it at once.
    fn rests_on_a_choice(&self, condition: &[Node]) -> bool {
        coverage(condition)
            .is_some_and(|covers| self.world.path.choices.iter().any(|choice| covers(&choice.place)))
    }

    /// `while [ $i -lt 300 ]; do if ready; then break; fi; sleep 1; i=$((i + 1)); done`: true once some rounds of a loop that counts have gone
    /// both ways. The others tell nothing new; at last it gives up.
    fn has_tried(&self, rounds: u32, body: &[Node]) -> bool {
        rounds > ROUNDS
            && self.world.stop.is_none()
            && coverage(body)
                .is_some_and(|covers| self.world.path.choices.iter().any(|choice| covers(&choice.place)))
    }

    /// A loop begins its next round. `counts`: what its condition looks at has changed since the last one.
    #[must_use]
    pub(super) fn come_round(&mut self, lap: Lap, counts: bool, body: &List) -> Lap {
        let limit = if counts { COUNTED_ROUNDS } else { ROUNDS };
        if lap.rounds > 4 * limit && self.world.now == lap.last {
            match self.candidates.is_repeated(self.world) {
                true => self.world.path.endless = true,
                false => self.take_time(body),
            }
        }
        Lap { circling: lap.circling || lap.rounds >= limit, last: self.world.now, ..lap }
    }

    /// What goes round and round does not do so in no time, whatever its commands are.
    fn take_time(&mut self, body: &List) {
        let (Some(first), Some(last)) = (body.first(), body.last()) else { return };
        let span = Span::new(first.span.start, last.span.end);
        let round = Node { span, kind: NodeKind::Group(Arc::clone(body)), ..first.clone() };
        let (identity, ignored) = (self.shell_identity(&round), self.ignored());
        let role = Role::Timer(self.world.now + ROUND);
        let pid = self.world.spawn(self.pid, Started::Foreground, identity, role, ignored);
        self.wait_for(vec![pid], &round);
    }

    /// The values of the variables that a condition names, as far as they are known; `None` if it names none.
    fn seen_by(&self, condition: &[Node]) -> Option<u64> {
        let shell = self.shell()?;
        let mut hasher = DefaultHasher::new();
        let mut names_any = false;
        for node in condition {
            let text = node.excerpt.text().get(node.span.start..node.span.end)?;
            for name in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                if let Some(Value::Scalar(field)) = shell.variables.get(name) {
                    names_any = true;
                    (name, field.text()).hash(&mut hasher);
                }
            }
        }
        names_any.then(|| hasher.finish())
    }

    pub(super) fn next_item(
        &mut self,
        node: &Arc<For>,
        items: &Rc<[Field]>,
        next: usize,
        before: Option<Pid>,
    ) {
        // Who knows how many items are more than one, and each has a job of its own.
        let own = self.last_job();
        let more = items.last().filter(|last| next == items.len() && own != before && is_several(last));
        match items.get(next).or(more) {
            Some(item) if next < MAX_ITEMS || self.world.stop.is_some() => {
                // Of the numbers that are left only the last can make a difference.
                let skips = items.iter().all(is_number) && self.has_tried(next as u32, &node.body);
                let (item, following) =
                    if skips { (&items[items.len() - 1], items.len()) } else { (item, next + 1) };
                let item = item.clone();
                self.with(|shell| {
                    if let Some(Frame::For { next, before, .. }) = shell.frames.last_mut() {
                        (*next, *before) = (following, own);
                    }
                    shell.set(&node.variable, Value::Scalar(item));
                });
                self.push_list(&node.body);
            }
            _ => self.pop(),
        }
    }

    /// Works out which items of a `case` can match. Where the subject is only a default, every item can, but one is likely.
    pub(super) fn case(&mut self, case: &Arc<Case>, node: &Node) {
        let Some(expander) = self.expander() else { return };
        let mut subject = expander.string(&case.subject);
        if let Some(value) =
            self.recalled_value(&case.subject, &node.excerpt).filter(|_| self.world.stop.is_none())
        {
            subject = Field::known(value);
        }
        let overridable = subject.overridable && self.world.stop.is_none();
        let is_open = self.world.stop.is_none() && (overridable || subject.text().is_none());
        let mut ways = Vec::new();
        let mut likely = None;
        let mut exhausted = false;
        for (index, arm) in case.arms.iter().enumerate() {
            // What has been passed by before does not match now.
            let told = self.recalls_arm(case, arm, &node.excerpt).filter(|_| is_open);
            if told == Some(false) {
                continue;
            }
            let patterns: Option<Vec<_>> = arm.patterns.iter().map(|word| expander.pattern(word)).collect();
            let catch_all =
                patterns.as_ref().is_some_and(|all| all.iter().any(super::pattern::Pattern::matches_all));
            let matches = match (&patterns, subject.text()) {
                _ if catch_all || told == Some(true) => Some(true),
                (Some(patterns), Some(text)) => Some(patterns.iter().any(|pattern| pattern.matches(text))),
                _ => None,
            };
            if matches == Some(true) && likely.is_none() {
                likely = Some(ways.len());
            }
            if overridable || matches != Some(false) {
                ways.push(Some(index));
            }
            if catch_all || told == Some(true) || (matches == Some(true) && !overridable) {
                exhausted = true;
                break;
            }
        }
        if !exhausted {
            ways.push(None);
        }
        let likely = if overridable { Some(likely.unwrap_or(ways.len() - 1)) } else { None };
        let (place, excerpt) = (node.place(), Arc::clone(&node.excerpt));
        self.push(Frame::Case { node: Arc::clone(case), ways: ways.into(), likely, place, excerpt });
    }

    pub(super) fn choose_item(
        &mut self,
        case: &Arc<Case>,
        ways: &Rc<[Option<usize>]>,
        likely: Option<usize>,
        place: &Place,
        excerpt: &Excerpt,
    ) -> Flow {
        let way = if ways.len() == 1 {
            0
        } else if let Some(answer) = self.world.answer.take() {
            if let Some(&taken) = ways.get(answer) {
                self.take_arm(case, taken, excerpt);
                self.note_given_arm(case, taken);
            }
            if likely.is_some_and(|likely| likely != answer) {
                self.leave_own_arguments(excerpt, case.subject.span);
            }
            answer
        } else if let Some(weight) = self.passable(case, Inside::choice(likely.is_none())) {
            match likely {
                Some(likely) => likely,
                None => {
                    self.remember_branches(weight);
                    self.pop();
                    for arm in &case.arms {
                        self.note_unseen(&arm.body);
                        self.forget_assigned(&arm.body);
                    }
                    self.set_status_quietly(Status::UNKNOWN);
                    return Flow::Done;
                }
            }
        } else if likely.is_none() && self.candidates.may_skip(self.world) && self.leave_call() {
            return Flow::Done;
        } else if let Some(likely) = likely
            && self.candidates.may_skip(self.world)
            && self.stay_likely()
        {
            likely
        } else {
            let alternative = |(index, way): (usize, &Option<usize>)| {
                let taken = match way.and_then(|arm| case.arms.get(arm)) {
                    Some(arm) => {
                        let texts = arm
                            .patterns
                            .iter()
                            .map(|word| word.literal().unwrap_or_else(|| "...".to_owned()));
                        format!("{})", texts.collect::<Vec<_>>().join("|"))
                    }
                    None => "no match".to_owned(),
                };
                let default = likely.is_none_or(|likely| likely == index);
                Alternative { choice: Choice { place: place.clone(), taken }, default }
            };
            let alternatives = ways.iter().enumerate().map(alternative).collect();
            for arm in ways.iter().flatten().filter_map(|arm| case.arms.get(*arm)) {
                self.note_unseen(&arm.body);
            }
            return Flow::Ask(alternatives);
        };
        self.pop();
        self.set_status_quietly(Status::known(0));
        if let Some(Some(arm)) = ways.get(way) {
            self.run_arm(case, *arm);
        }
        Flow::Done
    }

    /// Of what may be read, here or on another course, nobody knows what it defines.
    fn note_unseen(&mut self, body: &[Node]) {
        if body.iter().any(|node| self.reads_unseen(node)) {
            self.with(|shell| shell.has_unknown_functions = true);
        }
    }

    /// `. "$file"`: what it defines is not known, whether it is read or, for the model, passed over because it may not be there.
    fn reads_unseen(&self, node: &Node) -> bool {
        let NodeKind::Command(command) = &node.kind else {
            return node.children().into_iter().any(|child| self.reads_unseen(child));
        };
        let reads = node.is_command(&[".", "source"]);
        let Some(word) = command.words.get(1).filter(|word| reads && word.literal().is_none()) else {
            return false;
        };
        let fields = self.expander().map(|expander| expander.word(word, &node.excerpt)).unwrap_or_default();
        let path = fields.first().and_then(|field| field.text().or(field.sketch.as_deref()));
        !path.is_some_and(defines_no_functions)
    }

    /// The weight of a `case` that is stepped over.
    fn passable(&self, case: &Case, inside: Inside) -> Option<Weight> {
        let weights = case.arms.iter().map(|arm| self.weight_of(&arm.body, inside));
        let weight = weights.max().unwrap_or(Weight::Idle);
        (self.candidates.may_skip(self.world) && self.may_pass(weight)).then_some(weight)
    }

    pub(super) fn run_arm(&mut self, case: &Arc<Case>, index: usize) {
        let mut end = index;
        while case.arms.get(end).is_some_and(|arm| arm.falls_through) && end + 1 < case.arms.len() {
            end += 1;
        }
        for arm in case.arms[index..=end].iter().rev() {
            self.push_list(&arm.body);
        }
    }
}

/// `[ -t 0 ]`, `tty -s`: what is done then is done for somebody who sits in front of it.
fn asks_for_terminal(test: &Node) -> bool {
    let text = test.excerpt.text().get(test.span.start..test.span.end).unwrap_or("");
    test.is_command(&["tty"])
        || (inert::is_test(test) && (text.contains("-t 0") || text.contains("-t 1")) && !text.contains('!'))
}

/// True for `while condition`: it may hold for long. `until ready`, `while ! ready` and `while read line` wait for something, or come to
/// an end of it.
fn may_hold(node: &Loop) -> bool {
    let [condition] = node.condition.as_ref() else { return false };
    match &condition.kind {
        NodeKind::Not(_) | NodeKind::Test(_) | NodeKind::Arithmetic(_) => false,
        _ => !node.until && !reads(node),
    }
}

/// True for `while read line`.
fn reads(node: &Loop) -> bool {
    node.condition.iter().any(|condition| condition.is_command(&["read", "getopts"]))
}

/// Tells which places are inside these statements; `None` if there are none.
pub(super) fn coverage(list: &[Node]) -> Option<impl Fn(&Place) -> bool> {
    let (first, last) = (list.first()?.place(), list.last()?.place());
    let inside = first.span.start..last.span.end;
    Some(move |place: &Place| Arc::ptr_eq(&place.source, &first.source) && inside.contains(&place.span.start))
}

fn is_number(field: &Field) -> bool {
    field.text().is_some_and(|text| text.parse::<u32>().is_ok())
}
