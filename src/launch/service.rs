//! Which of a script's commands is the service, where no table knows them.

use std::sync::Arc;

use super::candidates::{Job, Likelihood};
use super::field::Field;
use super::machine::{Frame, Machine, Rest, Shell};
use super::resolve::What;
use super::world::{Millis, Started};
use crate::shell::{Command, Node, NodeKind, Part, Word};

/// A loop that pauses for so long does something from time to time.
const LONG_PAUSE: Millis = 120_000;

impl Machine<'_, '_> {
    /// Whether an unknown foreground command is the service. The first time round it is taken as setup, and remembered: if nothing
    /// after it stays, it was the service after all.
    pub(super) fn stays(&mut self, node: &Node) -> bool {
        if self.world.stop.is_some() {
            return false;
        }
        if std::mem::take(&mut self.world.next_is_service) {
            return true;
        }
        let Some(shell) = self.shell() else { return false };
        // What a handler does is no service.
        if shell.frames.iter().any(|frame| matches!(frame, Frame::Trap { .. } | Frame::Exit(_))) {
            return false;
        }
        if self.is_background() {
            // A job has no steady state of its own to look for: the last command that does something is the service.
            let own = self.world.supervised(self.pid);
            // A supervisor starts again what ends; a loop below it is one over tasks.
            let ends = own.is_some_and(|own| !own.program.stays || shell.is_in_loop());
            return !ends
                && !shell.is_in_condition()
                && self.only_trifles_follow(shell)
                && !self.is_periodic(shell);
        }
        if self.is_periodic(shell) {
            return false;
        }
        if self.is_one_of_two(shell, node) {
            return true;
        }
        let is_condition = shell.is_in_condition() && !shell.is_loop_condition();
        if !is_condition || !shell.is_in_loop() {
            let mut again = self.world.clone();
            if let Some(shell) = again.shell_mut(self.pid) {
                shell.frames.push(Frame::List { list: Arc::from([node.clone()]), next: 0 });
            }
            again.next_is_service = true;
            let job = self.job(node);
            let is_awaited = is_wait(node) && !shell.traps.is_empty();
            let likelihood = match is_condition {
                true => Likelihood::Condition,
                false if is_awaited || shell.keeps_status() => Likelihood::Likely,
                false => Likelihood::Usual,
            };
            self.candidates.add(self.world, again, job, likelihood);
        }
        false
    }

    /// True in a loop that pauses for minutes between two rounds: what it runs is a job that is done again and again, no service that is
    /// started again when it has ended.
    fn is_periodic(&self, shell: &Shell) -> bool {
        let is_long = |node: &Node| {
            let node = match &node.kind {
                NodeKind::Background(inner) => inner,
                _ => node,
            };
            matches!(self.stage_program(node), Some(What::Pause(length)) if length >= LONG_PAUSE)
        };
        for frame in shell.frames.iter().rev() {
            match frame {
                Frame::List { list, .. } if shell.is_in_loop() && list.iter().any(is_long) => return true,
                Frame::Body { .. } | Frame::Endless { .. } => return false,
                _ => {}
            }
        }
        false
    }

    /// True for `server` in `test && server || other` at a script's end: `other` is what is started instead of it, not after it.
    fn is_one_of_two(&self, shell: &Shell, node: &Node) -> bool {
        let Some((Frame::AndOr { right, and: false, whole }, outer)) = shell.frames.split_last() else {
            return false;
        };
        let is_right = whole.span.start < node.span.start;
        let follows = |frame: &Frame| match frame {
            Frame::List { list, next } => *next < list.len(),
            Frame::Call { .. } | Frame::Source { .. } => false,
            _ => true,
        };
        is_right && !self.is_trifle(right) && !outer.iter().any(follows)
    }

    /// A program that no table knows, and its subcommand, as far as they are written out.
    fn job(&self, node: &Node) -> Option<Job> {
        let NodeKind::Command(command) = &node.kind else { return None };
        let words: Vec<Option<String>> = command.words.iter().map(Word::literal).collect();
        let (program, arguments) = words.split_first()?;
        let program = program.clone()?;
        let options: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
        // `tool run name`: what is run is the subcommand.
        let subcommand = (*options.iter().find(|word| !matches!(word, Some("run" | "exec")))?)?;
        let unknown = self.environment.tables.program(&program, &options).is_none();
        (unknown && !subcommand.starts_with('-'))
            .then(|| Job { words: [program, subcommand.to_owned()], place: node.place() })
    }

    /// True if what is left to do is built in, or known to end soon: `echo`, `sleep`, `exit`.
    pub(super) fn only_trifles_follow(&self, shell: &Shell) -> bool {
        shell.frames.iter().all(|frame| match frame {
            Frame::List { list, next } => {
                list[(*next).min(list.len())..].iter().all(|node| self.is_trifle(node))
            }
            Frame::AndOr { right, .. } => self.is_trifle(right),
            _ => true,
        })
    }

    fn is_trifle(&self, node: &Node) -> bool {
        let command = match &node.kind {
            NodeKind::Command(command) => command,
            NodeKind::Background(_) | NodeKind::Error => return false,
            NodeKind::Function(..) => return true,
            _ => return node.children().into_iter().all(|child| self.is_trifle(child)),
        };
        match command.words.first().map(Word::literal) {
            None => true,
            Some(Some(name)) if matches!(name.as_str(), "exec" | "eval" | "." | "source") => false,
            Some(Some(name)) if super::builtins::is_builtin(&name) => true,
            Some(_) => matches!(self.stage_program(node), Some(What::Ends(_) | What::Pause(_))),
        }
    }

    /// True below a `&`, and for what a supervisor starts.
    pub(super) fn is_background(&self) -> bool {
        if self.world.supervisor_of(self.pid).is_some() {
            return true;
        }
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if process.started == Started::Background {
                return true;
            }
            at = process.born_of;
        }
        false
    }

    /// `$CLIENT SET key value` with more to do after it: as likely the client of a service as the service. A variable alone holds the
    /// command line of what is started.
    pub(super) fn may_be_tool(&self, fields: &[Field], command: &Command) -> bool {
        let is_variable =
            matches!(command.words.first().map(|word| &word.parts[..]), Some([Part::Parameter(..)]));
        let rest = self.shell().map(Shell::rest_in_loop);
        let goes_on = matches!(rest, Some(Rest::Loop | Rest::Commands));
        is_variable && fields.len() > 1 && fields[0].text().is_none() && !fields[0].is_rest() && goes_on
    }

    /// True for a bare name that no table knows, once the shell has read a file that nobody has seen.
    pub(super) fn may_be_function(&self, fields: &[Field]) -> bool {
        let words: Vec<Option<&str>> = fields[1..].iter().map(Field::option).collect();
        self.shell().is_some_and(|shell| shell.has_unknown_functions)
            && fields[0].text().is_some_and(|name| {
                !name.contains('/') && self.environment.tables.program(name, &words).is_none()
            })
    }
}

fn is_wait(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Command(command)
        if command.words.first().and_then(Word::literal).as_deref() == Some("wait"))
}
