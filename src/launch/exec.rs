//! `exec`: a shell becomes a program, and what that throws away.

use std::rc::Rc;

use super::dialect::Dialect;
use super::field::Field;
use super::inert::{Inside, Weight};
use super::machine::Machine;
use super::path::{Mishap, MishapKind};
use super::resolve::{Resolved, What};
use super::shell::{Frame, Origin, Status};
use super::signal::Signal;
use super::trap::only_stops;
use super::world::{Ended, Role, Started};
use crate::programs::Sound;
use crate::shell::{Command, List, Node, Part, Word};

impl Machine<'_, '_> {
    pub(super) fn exec(&mut self, arguments: &[Field], command: &Command, node: &Node) {
        let argv = self.words_of_exec(arguments, command);
        if argv.is_empty() {
            return self.exec_nothing(command, node);
        }
        if self.fails_on_option(&argv[0], node) {
            return;
        }
        let mut resolved = self.resolve(argv, node);
        self.give_script(&mut resolved, command, node);
        if self.is_setup_of_caller(&resolved, node) {
            self.world.die(self.pid, 0, Ended::Clean);
            return;
        }
        if matches!(resolved.what, What::Unknown) && self.world.stop.is_some() {
            // What a handler hands over to does its work and ends.
            self.world.path.may_have_told = true;
            self.world.die(self.pid, 0, Ended::Clean);
            return;
        }
        let is_program = matches!(resolved.what, What::Unknown | What::Service(_));
        if is_program
            && argv.len() == 1
            && self.world.stop.is_none()
            && self.is_name_of_service(&argv[0], node)
        {
            return self.end(Status::known(127));
        }
        self.note_dropped_trap(node);
        self.note_beside_services(argv, node);
        let is_missing = matches!(resolved.what, What::Broken(..)) && self.pid == 1;
        let is_script = matches!(&resolved.what, What::Shell(start) if matches!(start.origin, Origin::Script))
            && !self.candidates.has_passed_service(self.world);
        if (is_missing || matches!(resolved.what, What::Ends(_))) && self.world.stop.is_none() {
            // What the script hands over to is its job, though that ends; nothing before it was.
            self.candidates.settle(self.world);
        } else if is_script && self.world.stop.is_none() {
            self.candidates.forget_all(self.world);
        }
        self.keep_jobs(node);
        self.replace(&resolved);
    }

    /// The shell is gone then, but not what it has started.
    fn keep_jobs(&mut self, node: &Node) {
        let Some(shell) = self.shell().filter(|shell| !shell.jobs.is_empty()) else { return };
        let handed_over = Rc::new((shell.clone(), node.clone()));
        if let Some(process) = self.world.process_mut(self.pid) {
            process.handed_over = Some(handed_over);
        }
    }

    /// The words behind exec's own options.
    fn words_of_exec<'f>(&self, arguments: &'f [Field], command: &Command) -> &'f [Field] {
        let mut at = 0;
        // dash takes no options, and no `--` either.
        let takes_options = self.shell().is_some_and(|shell| shell.dialect != Dialect::Dash);
        while let Some(option) = arguments.get(at).and_then(Field::text).filter(|_| takes_options) {
            match option {
                "-a" => at += 2,
                "-c" | "-l" | "-cl" | "--" => at += 1,
                _ => break,
            }
        }
        let argv = &arguments[at.min(arguments.len())..];
        let is_rest = |word: &Word| {
            word.parts.iter().any(|part| matches!(part, Part::Parameter(own, _) if own.name == "@"))
        };
        // `server; exec "$@"`: without arguments, which is how the image is started, nothing follows.
        let is_over = matches!(command.words.as_slice(), [_, all] if is_rest(all))
            && argv.iter().any(Field::is_rest)
            && self.world.stop.is_none()
            && self.candidates.has_passed_service(self.world);
        if is_over { &[] } else { argv }
    }

    /// `exec > file`: redirections for the rest of the script.
    fn exec_nothing(&mut self, command: &Command, node: &Node) {
        let is_empty = command.words.len() > 1 && command.redirects.is_empty();
        if is_empty && !self.has_shifted_command() && self.world.path.default && self.world.stop.is_none() {
            // `exec "$@"` in a function that is given nothing: what the script was to hand over to is not run.
            self.candidates.hand_over(self.world);
        }
        self.redirect(command, node);
        self.set_status_quietly(Status::known(0));
    }

    /// There is no program of that name: the shell ends.
    fn fails_on_option(&mut self, name: &Field, node: &Node) -> bool {
        let is_stopped = self.world.stop.is_some();
        if matches!(name.text(), Some("--" | "-a" | "-c" | "-l")) && !name.overridable && !is_stopped {
            // It would have been an option in bash.
            self.mishap(MishapKind::Bashism, node);
        } else if self.shell().is_some_and(|shell| !shell.dialect.is_bash()) && names_descriptor(name) {
            self.mishap(MishapKind::Bashism, node);
        } else if name.text().is_some_and(|name| name.starts_with('-')) {
            // Who gets here has given other arguments, or lost one on the way.
            self.world.path.failed = true;
            if self.world.path.default && !is_stopped {
                self.candidates.settle(self.world);
            }
        } else {
            return false;
        }
        self.end(Status::known(127));
        true
    }

    /// `wait-for host -- command`: what another script starts may be setup, however it is started.
    fn is_setup_of_caller(&mut self, resolved: &Resolved, node: &Node) -> bool {
        let is_wrapper = matches!(resolved.what, What::Forward(_)) && resolved.uncertain;
        (resolved.what.is_unseen() || is_wrapper)
            && self.world.stop.is_none()
            && self.has_caller()
            && !self.is_background()
            && !self.stays(node)
    }

    /// `exec > >(tee log)`: a `wait` for everything waits for what reads the output, too, which ends when nobody holds it open.
    fn redirect(&mut self, command: &Command, node: &Node) {
        let is_bash = self.shell().is_some_and(|shell| shell.dialect.is_bash());
        let lists = |sign: char| {
            let redirects =
                command.redirects.iter().filter(move |redirect| redirect.operator.starts_with(sign));
            let parts =
                redirects.filter_map(|redirect| redirect.target.as_ref()).flat_map(|target| &target.parts);
            parts.filter_map(|part| match part {
                Part::ProcessSubstitution(list) => Some(list),
                _ => None,
            })
        };
        let may_serve = |list: &List| {
            self.weight_of(list, Inside::choice(true)) == Weight::Counts
                || self.loudest(list) == Sound::Service
        };
        if lists('<').any(may_serve) {
            // `exec 3< <(server)`
            self.doubt(Some(node.place()), "what the script reads from a command is not followed");
        }
        let readers: Vec<Node> = lists('>')
            .filter_map(|list| list.first().cloned())
            .filter(|_| is_bash && self.world.stop.is_none())
            .collect();
        for reader in readers {
            let identity = self.shell_identity(&reader);
            let pid = self.world.spawn(self.pid, Started::Background, identity, Role::Helper, Vec::new());
            self.with(|shell| shell.readers.push(pid));
        }
    }

    /// True if the script was given a command, and has taken all of it with `shift`: what that asked for has been done.
    fn has_shifted_command(&self) -> bool {
        let is_call = |frame: &Frame| matches!(frame, Frame::Call { .. });
        let has_command = self.environment.image.cmd.is_some();
        has_command && self.pid == 1 && self.shell().is_some_and(|shell| !shell.frames.iter().any(is_call))
    }

    /// exec throws traps away; one whose handler does something was meant to run.
    fn note_dropped_trap(&mut self, node: &Node) {
        let Some(shell) = self.shell() else { return };
        let work = shell.traps.iter().find(|(signal, trap)| {
            matches!(**signal, Signal::TERM | Signal::INT | Signal::QUIT)
                && !trap
                    .action
                    .iter()
                    .all(|part| only_stops(part, shell) || self.is_removed_later(part, &trap.place, node))
        });
        let Some((_, trap)) = work.filter(|_| self.world.stop.is_none()) else { return };
        let mishap =
            Mishap { kind: MishapKind::TrapDropped, place: trap.place.clone(), by: Some(node.place()) };
        self.world.path.mishaps.push(mishap);
    }
}

/// `exec {log}> file`: to bash the name of a variable, to the others that of a program.
fn names_descriptor(name: &Field) -> bool {
    let inner = name.text().and_then(|name| name.strip_prefix('{')?.strip_suffix('}'));
    inner.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}
