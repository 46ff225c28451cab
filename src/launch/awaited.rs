//! Waits for the end of a process: `while kill -0 $pid; do sleep 1; done`, `tail --pid=$pid`, `wait $pid`.
//!
//! Where a service follows, the process was there for the setup: whoever has told it to end, it has ended once the script goes on.

use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::jobs::{Options, kill_options};
use super::machine::Machine;
use super::resolve::What;
use super::shell::Frame;
use super::signal::Signal;
use super::stopping::{looks_for_processes, pid_option};
use super::world::{Ended, Pid, Process, World};
use crate::programs::{Alone, Sound, Tables};
use crate::shell::{Node, NodeKind, Word};
use crate::source::base_name;

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 3;

impl World {
    /// A server of which no second one can start with the same data: the one that runs has ended by now, whoever told it to.
    pub(super) fn make_room(&mut self, own: Pid, tables: &Tables) {
        let is_starting = |process: &&Process| process.is_service() && self.stop.is_none();
        let Some(process) = self.process(own).filter(is_starting) else { return };
        let Some(alone) =
            process.identity.argv.first().and_then(Field::text).and_then(|name| tables.alone(name))
        else {
            return;
        };
        let is_other = |other: &&Process| {
            let name = other.identity.argv.first().and_then(Field::text);
            other.pid != own
                && other.is_service()
                && self.alive(other.pid)
                && name.and_then(|name| tables.alone(name)).is_some_and(|row| std::ptr::eq(row, alone))
                && data_of(&other.identity.argv, alone) == data_of(&process.identity.argv, alone)
        };
        let others: Vec<Pid> = self.processes().filter(is_other).map(|other| other.pid).collect();
        others.into_iter().for_each(|pid| self.end_with_all_below(pid));
    }

    fn end_with_all_below(&mut self, pid: Pid) {
        for child in self.children(pid) {
            self.end_with_all_below(child);
        }
        if let Some(process) = self.process_mut(pid) {
            process.heard.push(Signal::TERM);
        }
        self.die(pid, 0, Ended::Clean);
    }
}

/// The words that say where a server's data is, or may do so: one that is not known, behind no option.
fn data_of(argv: &[Field], alone: &Alone) -> Vec<String> {
    let mut found = Vec::new();
    let mut before = "";
    for word in argv {
        let text = word.option().unwrap_or("");
        let is_data = alone.data_options.iter().any(|option| text.starts_with(option));
        let is_value = alone.data_options.contains(&before);
        let is_loose = word.option().is_none() && !before.starts_with('-');
        if is_data || is_value || is_loose {
            found.push(word.shown());
        }
        before = text;
    }
    found
}

/// What a condition asks of processes.
struct Watch {
    pids: Vec<Pid>,
    /// True if it holds while they live.
    is_alive: bool,
}

impl Machine<'_, '_> {
    /// True for a loop that goes on while a process lives, where that process has ended by the time the loop is left.
    /// `holds`: the loop goes on while its condition holds.
    pub(super) fn sees_end(&mut self, condition: &[Node], holds: bool) -> bool {
        let [condition] = condition else { return false };
        let goes_on = self.status().value.is_none_or(|status| (status == 0) == holds);
        if self.world.stop.is_some() || !goes_on {
            return false;
        }
        let watch = self.watch(condition).filter(|watch| watch.is_alive == holds);
        watch.is_some_and(|watch| self.outlast(&watch.pids))
    }

    /// `if ! kill -0 $pid; then break; fi`, `kill -0 $pid || break` in a loop: the same.
    pub(super) fn sees_end_by_break(&mut self, condition: &[Node], body: &[Node], runs_on: bool) -> bool {
        let leaves = |node: &Node| node.is_command(&["break"]);
        body.iter().any(leaves) && self.sees_end(condition, !runs_on)
    }

    /// Takes processes for ended that the script waits for, where it goes on to a service; false if that is not so.
    pub(super) fn outlast(&mut self, awaited: &[Pid]) -> bool {
        let lives = |&pid: &Pid| pid != 1 && pid != self.pid && self.world.alive(pid);
        let expects = self.world.stop.is_none()
            && !awaited.is_empty()
            && awaited.iter().all(lives)
            && self.pid_is_main()
            && self.goes_on_to_service()
            && awaited.iter().all(|&pid| self.may_have_been_told(pid));
        if expects {
            awaited.iter().for_each(|&pid| self.world.end_with_all_below(pid));
        }
        expects
    }

    fn watch(&self, node: &Node) -> Option<Watch> {
        match &node.kind {
            NodeKind::Not(inner) => {
                self.watch(inner).map(|watch| Watch { is_alive: !watch.is_alive, ..watch })
            }
            NodeKind::Redirected(inner, _) => self.watch(inner),
            NodeKind::Group(list) | NodeKind::Subshell(list) => match list.as_ref() {
                [inner] => self.watch(inner),
                _ => None,
            },
            // `[ -s app.pid ] && kill -0 $(cat app.pid)`
            NodeKind::And(left, right) => match (self.watch(left), self.watch(right)) {
                (Some(left), Some(right)) => {
                    (left.pids == right.pids && left.is_alive && right.is_alive).then_some(left)
                }
                (left, right) => left.or(right).filter(|watch| watch.is_alive),
            },
            NodeKind::Test(words) => {
                let fields: Vec<Field> =
                    words.iter().map(|word| Some(self.expander()?.string(word))).collect::<Option<_>>()?;
                self.watch_of_test(&fields, node)
            }
            NodeKind::Command(command) => {
                let fields = self.expander()?.fields(&command.words, &node.excerpt);
                let (name, arguments) = fields.split_first()?;
                let pids = match base_name(name.text()?) {
                    "kill" => self.probed(arguments)?,
                    "pgrep" | "pidof" => {
                        let words: Vec<&str> = arguments.iter().filter_map(Field::text).collect();
                        self.world.looked_for(&words).collect()
                    }
                    "ps" => self.listed_by_number(arguments)?,
                    "[" => return self.watch_of_test(arguments.split_last()?.1, node),
                    "test" => return self.watch_of_test(arguments, node),
                    _ => return None,
                };
                Some(Watch { pids, is_alive: true })
            }
            _ => None,
        }
    }

    /// `kill -0 $pid`
    fn probed(&self, arguments: &[Field]) -> Option<Vec<Pid>> {
        let Options::Send(Signal::EXIT, targets) = kill_options(arguments, self.shell()?.dialect) else {
            return None;
        };
        let numbers: Option<Vec<Pid>> =
            targets.iter().map(|target| target.text()?.trim().parse().ok()).collect();
        numbers.or_else(|| targets.iter().any(is_unknown).then(|| self.meant_by_number()))
    }

    /// `ps -p $pid`
    fn listed_by_number(&self, arguments: &[Field]) -> Option<Vec<Pid>> {
        let words: Vec<&str> = arguments.iter().filter_map(Field::text).collect();
        let number = pid_option(&words).map(|pid| vec![pid]);
        number.or_else(|| arguments.iter().any(is_unknown).then(|| self.meant_by_number()))
    }

    /// `[ -e /proc/$pid ]`, `[ -n "$(pgrep server)" ]`
    fn watch_of_test(&self, words: &[Field], node: &Node) -> Option<Watch> {
        if let Some((_, rest)) = words.split_first().filter(|(not, _)| not.text() == Some("!")) {
            return self.watch_of_test(rest, node).map(|watch| Watch { is_alive: !watch.is_alive, ..watch });
        }
        let (operator, operand) = match words {
            [operand] => ("-n", operand),
            [operator, operand] => (operator.text()?, operand),
            _ => return None,
        };
        let pids = match operator {
            "-n" | "-z" if looks_for_processes(std::slice::from_ref(node)) => {
                operand.text()?.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?
            }
            "-d" | "-e" | "-f" | "-s" => self.behind_path(operand)?,
            _ => return None,
        };
        Some(Watch { pids, is_alive: operator != "-z" })
    }

    /// `/proc/$pid`, or a file that a program keeps its number in while it lives.
    fn behind_path(&self, operand: &Field) -> Option<Vec<Pid>> {
        let path = operand.text().or(operand.sketch.as_deref())?;
        match path.strip_prefix("/proc/") {
            Some(UNKNOWN) => Some(self.meant_by_number()),
            Some(number) => Some(vec![number.parse().ok()?]),
            None => Some(vec![self.expander()?.keeper_of(path)?]),
        }
    }

    /// True if a service comes behind the innermost loop, or behind what runs now; what an outer loop starts again is no other one.
    fn goes_on_to_service(&self) -> bool {
        // Who traps the stop here is about what is waited for.
        let Some(shell) = self.shell().filter(|shell| !shell.traps.contains_key(&Signal::TERM)) else {
            return false;
        };
        let is_loop = |frame: &Frame| {
            matches!(
                frame,
                Frame::Test { .. } | Frame::Body { .. } | Frame::Endless { .. } | Frame::For { .. }
            )
        };
        let behind = shell.frames.iter().rposition(is_loop).unwrap_or(shell.frames.len());
        let outer = &shell.frames[..behind];
        !outer.iter().any(is_loop)
            && outer.iter().any(|frame| match frame {
                Frame::List { list, next } => {
                    list[(*next).min(list.len())..].iter().any(|node| self.starts_service(node, 0))
                }
                Frame::AndOr { right, .. } => self.starts_service(right, 0),
                _ => false,
            })
    }

    fn starts_service(&self, node: &Node, calls: usize) -> bool {
        let NodeKind::Command(command) = &node.kind else {
            return !matches!(node.kind, NodeKind::Function(..))
                && node.children().into_iter().any(|child| self.starts_service(child, calls));
        };
        let name = command.words.first().and_then(Word::literal);
        let function = name.as_deref().and_then(|name| self.shell()?.functions.get(name));
        if let Some(body) = function {
            return calls < MAX_CALLS && self.starts_service(body, calls + 1);
        }
        match self.stage_program(node) {
            Some(What::Service(_) | What::Supervise(_) | What::Daemon(_)) => true,
            Some(what) if what.is_unseen() => {
                name.as_deref() == Some("exec") && !self.hands_over_nothing(command.words.get(1), node)
                    || self.sound(node) == Sound::Service
            }
            Some(What::Forward(_)) => !self.is_trifle(node) && self.sound(node) == Sound::Service,
            _ => false,
        }
    }

    /// `exec "$@"` without arguments.
    fn hands_over_nothing(&self, first: Option<&Word>, node: &Node) -> bool {
        let fields = first.and_then(|word| Some(self.expander()?.word(word, &node.excerpt)));
        fields.is_none_or(|fields| fields.iter().all(Field::is_rest))
    }

    /// True if something has run beside a process that may have told it to end, or if it is no service by its name.
    fn may_have_been_told(&self, pid: Pid) -> bool {
        let (Some(process), Some(shell)) = (self.world.process(pid), self.shell()) else { return false };
        let Some(place) = &process.identity.place else { return true };
        let is_later = |node: &&Node| {
            let own = node.place();
            let is_elsewhere = !Arc::ptr_eq(&own.source, &place.source);
            !own.contains(place) && (is_elsewhere || own.span.start > place.span.start)
        };
        shell.frames.iter().any(|frame| match frame {
            Frame::List { list, next } => {
                let done = (*next).min(list.len()).saturating_sub(1);
                list[..done].iter().filter(is_later).any(|node| self.acts(node, 0))
            }
            _ => false,
        })
    }

    /// True for a program that does more than to pass the time.
    fn acts(&self, node: &Node, calls: usize) -> bool {
        let NodeKind::Command(command) = &node.kind else {
            return !matches!(node.kind, NodeKind::Function(..))
                && node.children().into_iter().any(|child| self.acts(child, calls));
        };
        let Some(name) = command.words.first().map(Word::literal) else { return false };
        match name.as_deref() {
            Some(name) if super::builtins::is_builtin(name) => false,
            Some(name) => match self.shell().and_then(|shell| shell.functions.get(name)) {
                Some(body) => calls < MAX_CALLS && self.acts(body, calls + 1),
                None => !matches!(self.stage_program(node), Some(What::Pause(_))),
            },
            None => true,
        }
    }
}

fn is_unknown(field: &Field) -> bool {
    field.text().is_none() && !field.unset
}
