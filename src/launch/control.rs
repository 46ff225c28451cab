//! Conditions, loops and cases: which way a script goes, or both ways where that cannot be known.

use std::rc::Rc;
use std::sync::Arc;

use super::field::{Field, Value};
use super::inert;
use super::machine::{Alternative, Flow, Frame, Machine, Status};
use super::path::Choice;
use super::world::Millis;
use crate::shell::{Case, For, If, Loop, Node};
use crate::source::Place;

/// A loop whose condition holds goes round this often before it counts as endless.
const ROUNDS: u32 = 3;
/// A `for` loop over known words is followed this far.
const MAX_ITEMS: usize = 64;

/// What a condition comes to.
enum Decision {
    Holds(bool),
    /// Not known, and it makes no difference to processes or signals.
    Skip,
    Ask(Vec<Alternative>),
}

impl Machine<'_, '_> {
    /// What the last status decides. `labels`: what to call success and failure.
    fn decide(&mut self, place: &Place, labels: [&str; 2], inert: impl FnOnce(&Self) -> bool) -> Decision {
        let status = self.status();
        let stopping = self.world.stop.is_some();
        if let Some(value) = status.value
            && (!status.overridable || stopping)
        {
            return Decision::Holds(value == 0);
        }
        if let Some(answer) = self.world.answer.take() {
            return Decision::Holds((answer == 0) == status.value.is_none_or(|value| value == 0));
        }
        if self.candidates.may_skip(self.world) && !self.is_background() && inert(self) {
            if let Some(value) = status.value {
                return Decision::Holds(value == 0);
            }
            return Decision::Skip;
        }
        let likely = status.value.is_none_or(|value| value == 0);
        let alternative = |holds: bool, default: bool| Alternative {
            choice: Choice { place: place.clone(), taken: labels[usize::from(!holds)].to_owned() },
            default,
        };
        Decision::Ask(vec![alternative(likely, true), alternative(!likely, status.value.is_none())])
    }

    pub(super) fn and_or(&mut self, right: &Arc<Node>, and: bool, whole: &Place) -> Flow {
        if self.status().value.is_none() && self.world.answer.is_none() && inert::is_test(right) {
            self.pop();
            self.push(Frame::Weigh { and });
            self.run(right);
            return Flow::Done;
        }
        let decision = self.decide(whole, ["success", "failure"], |machine| machine.is_inert_node(right));
        match decision {
            Decision::Ask(alternatives) => return Flow::Ask(alternatives),
            Decision::Skip => {
                self.remember_branches();
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
        let decision = self.decide(&place, ["then", "else"], |machine| machine.is_inert_if(node, arm));
        match decision {
            Decision::Ask(alternatives) => return Flow::Ask(alternatives),
            Decision::Skip => {
                self.remember_branches();
                self.pop();
                for (_, body) in &node.arms[arm..] {
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

    pub(super) fn test_loop(&mut self, node: &Arc<Loop>, rounds: u32, place: &Place, since: Millis) -> Flow {
        let mut status = self.status();
        // Arguments are walked as given: an option loop over CMD has one course.
        status.overridable = false;
        if status.value.is_none() && rounds > 0 && self.world.stop.is_none() {
            // Once round is enough to see what the body does.
            status = Status::of(node.until);
        }
        self.set_status_quietly(status);
        let decision = self.decide(place, ["again", "done"], |machine| machine.is_inert_list(&node.body));
        match decision {
            Decision::Ask(alternatives) => return Flow::Ask(alternatives),
            Decision::Skip => {
                self.pop();
                self.forget_assigned(&node.body);
            }
            Decision::Holds(holds) if holds != node.until => {
                self.pop();
                self.come_round(rounds, since);
                self.push(Frame::Body { node: Arc::clone(node), rounds, place: place.clone(), since });
                self.push_list(&node.body);
            }
            Decision::Holds(_) => {
                self.pop();
                self.set_status_quietly(Status::known(0));
            }
        }
        Flow::Done
    }

    /// A loop begins its next round.
    pub(super) fn come_round(&mut self, rounds: u32, since: Millis) {
        if rounds >= ROUNDS {
            self.with(|shell| shell.circling = true);
        }
        if rounds > 4 * ROUNDS && self.world.now == since {
            self.world.path.endless = true;
        }
    }

    pub(super) fn next_item(&mut self, node: &Arc<For>, items: &Rc<[Field]>, next: usize) {
        match items.get(next) {
            Some(item) if next < MAX_ITEMS => {
                let item = item.clone();
                self.with(|shell| {
                    if let Some(Frame::For { next, .. }) = shell.frames.last_mut() {
                        *next += 1;
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
        let subject = expander.string(&case.subject);
        let overridable = subject.overridable && self.world.stop.is_none();
        let mut ways = Vec::new();
        let mut likely = None;
        let mut exhausted = false;
        for (index, arm) in case.arms.iter().enumerate() {
            let patterns: Option<Vec<_>> = arm.patterns.iter().map(|word| expander.pattern(word)).collect();
            let catch_all =
                patterns.as_ref().is_some_and(|all| all.iter().any(super::pattern::Pattern::matches_all));
            let matches = match (&patterns, subject.text()) {
                _ if catch_all => Some(true),
                (Some(patterns), Some(text)) => Some(patterns.iter().any(|pattern| pattern.matches(text))),
                _ => None,
            };
            if matches == Some(true) && likely.is_none() {
                likely = Some(ways.len());
            }
            if overridable || matches != Some(false) {
                ways.push(Some(index));
            }
            if catch_all || (matches == Some(true) && !overridable) {
                exhausted = true;
                break;
            }
        }
        if !exhausted {
            ways.push(None);
        }
        let likely = if overridable { Some(likely.unwrap_or(ways.len() - 1)) } else { None };
        self.push(Frame::Case { node: Arc::clone(case), ways: ways.into(), likely, place: node.place() });
    }

    pub(super) fn choose_item(
        &mut self,
        case: &Arc<Case>,
        ways: &Rc<[Option<usize>]>,
        likely: Option<usize>,
        place: &Place,
    ) -> Flow {
        let way = if ways.len() == 1 {
            0
        } else if let Some(answer) = self.world.answer.take() {
            answer
        } else if self.candidates.may_skip(self.world)
            && !self.is_background()
            && case.arms.iter().all(|arm| self.is_inert_list(&arm.body))
        {
            match likely {
                Some(likely) => likely,
                None => {
                    self.remember_branches();
                    self.pop();
                    for arm in &case.arms {
                        self.forget_assigned(&arm.body);
                    }
                    self.set_status_quietly(Status::UNKNOWN);
                    return Flow::Done;
                }
            }
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
            return Flow::Ask(ways.iter().enumerate().map(alternative).collect());
        };
        self.pop();
        self.set_status_quietly(Status::known(0));
        if let Some(Some(arm)) = ways.get(way) {
            self.run_arm(case, *arm);
        }
        Flow::Done
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
