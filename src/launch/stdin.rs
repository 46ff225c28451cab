//! The standard input of a command: whether what reads it comes to an end.

use super::field::Field;
use super::machine::Machine;
use super::shell::{Frame, Shell, Status};
use super::world::{Process, Role, Started};
use crate::shell::{Command, Node, NodeKind, Redirect};
use crate::source::Place;

/// What a command reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// A file, what another program writes, or nothing.
    Ends,
    /// A terminal or a named pipe: whether anybody is at its other end is not known.
    MayStay,
    /// A terminal or a pipe that is kept open.
    Stays,
}

impl Machine<'_, '_> {
    /// `read` and its like: the script goes on once somebody has written a line, and nobody may ever do so.
    pub(super) fn read_lines(&mut self, arguments: &[Field], command: &Command, node: &Node) {
        let mut options = arguments.iter().filter_map(Field::text).filter(|word| word.starts_with('-'));
        // `read -t 5`, `read -u 3`
        let is_other = options.any(|word| word.contains(['t', 'u']));
        let input = if is_other { Input::Ends } else { self.standard_input(command, node) };
        if input == Input::Ends || !self.stays(node) {
            self.set_status(Status::UNKNOWN);
        } else if input == Input::Stays && self.is_deaf_to_a_daemons_stop() {
            self.stay_as_helper(node);
        } else {
            self.stay_unknown(node, "whether what the script reads ever comes is not known");
        }
    }

    /// `cat` without a file, or with a named pipe, as the last thing. False if it comes to an end.
    pub(super) fn copies_on(&mut self, fields: &[Field], command: &Command, node: &Node) -> bool {
        let mut files =
            fields[1..].iter().filter(|field| field.text().is_none_or(|text| !text.starts_with('-')));
        let input = match files.next() {
            Some(file) => self.kind_of(file),
            None => self.standard_input(command, node),
        };
        if input == Input::Ends || !self.stays(node) {
            return false;
        }
        match input {
            Input::Stays => self.stay_as_helper(node),
            _ => self.stay_unknown(node, "whether anybody writes what is read here is not known"),
        }
        true
    }

    /// What stays in front here has no handler, and nothing to lose.
    pub(super) fn stay_as_helper(&mut self, node: &Node) {
        let identity = self.shell_identity(node);
        let pid = self.world.spawn(self.pid, Started::Foreground, identity, Role::Helper, Vec::new());
        self.wait_for(vec![pid], node);
    }

    fn standard_input(&self, command: &Command, node: &Node) -> Input {
        let own = command.redirects.iter().rfind(|redirect| is_input(redirect));
        match own {
            Some(Redirect { operator, target: Some(target), .. }) if operator == "<" => {
                let words = self.expander().map(|expander| expander.word(target, &node.excerpt));
                words.unwrap_or_default().first().map_or(Input::Ends, |file| self.kind_of(file))
            }
            Some(_) => Input::Ends,
            None if self.inherits_open_input(node) => Input::Stays,
            None => Input::Ends,
        }
    }

    fn kind_of(&self, file: &Field) -> Input {
        let path = file.text().and_then(|text| self.expander()?.absolute(text));
        // What goes round reads from whoever comes.
        let goes_round = self.shell().is_some_and(Shell::goes_round);
        let may_stay =
            path.is_some_and(|path| path == "/dev/tty" || self.world.made.is_pipe(&path)) && !goes_round;
        if may_stay { Input::MayStay } else { Input::Ends }
    }

    /// True if what a command reads is what the container was given, and that is kept open; or what a supervisor gave its program.
    fn inherits_open_input(&self, node: &Node) -> bool {
        let mut place = Some(node.place());
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if self.world.shell(at).is_some_and(|shell| feeds(shell, place.as_ref())) {
                return false;
            }
            if let Some(Process { role: Role::Supervisor(supervisor), .. }) =
                self.world.process(process.born_of)
            {
                return supervisor.row.keeps_input_open;
            }
            if process.started == Started::Background {
                return false;
            }
            if at == 1 {
                return self.environment.image.runtime.keeps_input_open();
            }
            place.clone_from(&process.identity.place);
            at = process.born_of;
        }
        false
    }
}

/// True if a shell gives what stands at `place` another standard input than its own.
fn feeds(shell: &Shell, place: Option<&Place>) -> bool {
    shell.frames.iter().any(|frame| {
        let Frame::List { list, next } = frame else { return false };
        let current = next.checked_sub(1).and_then(|index| list.get(index));
        current.is_some_and(|current| match place.filter(|place| current.place().contains(place)) {
            Some(place) => feeds_at(current, place),
            None => may_feed(current),
        })
    })
}

fn feeds_at(node: &Node, place: &Place) -> bool {
    let holds = |node: &&Node| node.place().contains(place);
    match &node.kind {
        NodeKind::Command(command) => command.redirects.iter().any(is_input),
        NodeKind::Redirected(_, redirects) if redirects.iter().any(is_input) => true,
        NodeKind::Pipeline(stages) if stages.iter().skip(1).any(|stage| holds(&stage)) => true,
        _ => node.children().into_iter().find(holds).is_some_and(|child| feeds_at(child, place)),
    }
}

/// The same of a statement that calls what is asked about: which part of it does so is not known.
fn may_feed(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Command(command) => command.redirects.iter().any(is_input),
        NodeKind::Redirected(_, redirects) if redirects.iter().any(is_input) => true,
        NodeKind::Pipeline(_) => true,
        _ => node.children().into_iter().any(may_feed),
    }
}

fn is_input(redirect: &Redirect) -> bool {
    redirect.operator.starts_with('<')
}
