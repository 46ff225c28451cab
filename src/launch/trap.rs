//! `trap`: handlers for signals, and what they are made of.

use std::rc::Rc;
use std::sync::Arc;

use super::expand::Expander;
use super::field::{Field, Value};
use super::machine::Machine;
use super::path::MishapKind;
use super::shell::{Hook, Shell, Status, Trap};
use super::signal::Signal;
use crate::programs::Sound;
use crate::shell::{List, Node, NodeKind, Part};
use crate::source::Excerpt;

/// Functions in handlers are looked into this deep.
const MAX_CALLS: usize = 6;

/// What a handler that only stops others is made of.
const STOPPING: [&str; 17] = [
    "kill", "killall", "pkill", "wait", "exit", "return", "trap", "echo", "printf", "sleep", "true", ":",
    "[", "test", "local", "date", "logger",
];

impl Machine<'_, '_> {
    pub(super) fn trap(&mut self, arguments: &[Field], node: &Node) {
        let arguments = match arguments.first().and_then(Field::text) {
            Some("--") => &arguments[1..],
            Some("-l" | "-p") | None if arguments.len() < 2 => {
                self.set_status_quietly(Status::known(0));
                return;
            }
            _ => arguments,
        };
        let Some((action, names)) = arguments.split_first() else { return };
        let (reset, names) = match (action.text(), names.is_empty()) {
            // `trap TERM` is `trap - TERM`.
            (_, true) => (true, arguments),
            (Some("-"), _) => (true, names),
            _ => (false, names),
        };
        let (mut signals, is_bad) = self.signals_to_trap(names, reset, node);
        signals.retain(|signal| self.shell().is_none_or(|shell| !shell.fixed.contains(signal)));
        if is_bad && self.shell().is_some_and(|shell| shell.errexit && !shell.is_tested()) {
            self.mishap(MishapKind::BadTrap, node);
        }
        let handler = if reset { None } else { self.handler(action, node) };
        let ignores = action.text() == Some("") && !reset;
        self.set_trap(signals, handler.filter(|_| !ignores), ignores, node);
        self.set_status(Status::of(!is_bad));
    }

    /// The signals that `trap` names; true beside them if the shell does not know one of the names.
    fn signals_to_trap(&mut self, names: &[Field], reset: bool, node: &Node) -> (Vec<Signal>, bool) {
        let knows_sig_names = self.shell().is_none_or(|shell| shell.dialect.knows_sig_names());
        let mut signals = Vec::new();
        if !reset && names.iter().any(|name| name.text().is_none()) {
            self.with(|shell| shell.may_trap = true);
        }
        for text in names.iter().map(|name| name.text().unwrap_or("")) {
            let prefixed = text.len() > 3 && text.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("SIG"));
            if prefixed && !knows_sig_names {
                self.mishap(MishapKind::SignalName, node);
                // dash stops at the first name that it does not know.
                return (signals, true);
            }
            if let Some(hook) = Hook::parse(text) {
                self.with(|shell| {
                    shell.hooks.retain(|known| *known != hook);
                    shell.hooks.extend((!reset).then_some(hook));
                });
            }
            signals.extend(Signal::parse(text));
        }
        (signals, false)
    }

    /// The statements of a handler, if its text is known. Only arguments in it may not be: `trap "rm -f $file" EXIT`.
    fn handler(&mut self, action: &Field, node: &Node) -> Option<List> {
        let early = self.expanded_early(node);
        let Some(text) = early.as_deref().or(action.text()).or(action.sketch()) else {
            self.doubt(Some(node.place()), "the trap's command is not known");
            return None;
        };
        let excerpt = match &action.excerpt {
            Some(excerpt) => Arc::clone(excerpt),
            None => Arc::new(Excerpt::derived(node.excerpt.source(), node.place().span, text)),
        };
        Some(Arc::clone(&self.environment.parse(excerpt).statements))
    }

    /// The signals get this handler, or none.
    fn set_trap(&mut self, signals: Vec<Signal>, handler: Option<List>, ignores: bool, node: &Node) {
        let is_first = self.world.stop.is_none() && self.shell().is_some_and(|shell| shell.jobs.is_empty());
        if handler.is_some() && is_first && signals.contains(&Signal::TERM) {
            // What the trap is for starts behind it.
            self.candidates.have_ended(self.world, Sound::Unclear, None);
        }
        if let Some(process) = self.world.process_mut(self.pid) {
            process.ignored.retain(|signal| !signals.contains(signal));
            if ignores {
                process.ignored.extend(&signals);
            }
        }
        let trap = handler.map(|action| Trap { action, place: node.place() });
        self.with(|shell| {
            let traps = Rc::make_mut(&mut shell.traps);
            for signal in signals {
                match &trap {
                    Some(trap) => traps.insert(signal, trap.clone()),
                    None => traps.remove(&signal),
                };
            }
        });
    }

    /// `trap "kill $pid" TERM` in front of `pid=$!`: the text of the handler, with nothing for numbers that the script has not taken yet.
    fn expanded_early(&self, node: &Node) -> Option<String> {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else { return None };
        let action = command.words.get(1)?;
        let is_later = |name: &str| {
            let taken = [format!("{name}=$!"), format!("{name}=\"$!\""), format!("{name}=${{!}}")];
            taken.iter().any(|taken| node.excerpt.text().contains(taken.as_str()))
        };
        let later = action.parts.iter().filter_map(|part| match part {
            Part::Parameter(parameter, _) => Some(&parameter.name),
            _ => None,
        });
        let later: Vec<&String> =
            later.filter(|name| expander.variable(name).unset && is_later(name)).collect();
        if later.is_empty() {
            return None;
        }
        let mut shell = expander.shell.clone();
        for name in later {
            shell.set(name, Value::Scalar(Field::known("")));
        }
        let early = Expander { shell: &shell, ..expander };
        early.string(action).text().map(str::to_owned)
    }
}

/// True for a part of a handler that only tells processes to end, and says so: after an exec nothing is left for it to do.
pub(super) fn only_stops(node: &Node, shell: &Shell) -> bool {
    only_stops_in(node, shell, 0)
}

fn only_stops_in(node: &Node, shell: &Shell, calls: usize) -> bool {
    let all = |list: &[Node]| list.iter().all(|node| only_stops_in(node, shell, calls));
    match &node.kind {
        NodeKind::Command(command) => match command.name() {
            None => command.words.is_empty(),
            Some(name) => match shell.functions.get(&*name) {
                Some(body) => calls < MAX_CALLS && only_stops_in(body, shell, calls + 1),
                None => STOPPING.contains(&&*name),
            },
        },
        NodeKind::Group(list) | NodeKind::Subshell(list) => all(list),
        NodeKind::Not(inner) | NodeKind::Redirected(inner, _) => only_stops_in(inner, shell, calls),
        NodeKind::And(left, right) | NodeKind::Or(left, right) => {
            only_stops_in(left, shell, calls) && only_stops_in(right, shell, calls)
        }
        NodeKind::If(node) => {
            node.arms.iter().all(|(_, body)| all(body))
                && node.otherwise.as_ref().is_none_or(|body| all(body))
        }
        NodeKind::Test(_) | NodeKind::Arithmetic(_) => true,
        _ => false,
    }
}
