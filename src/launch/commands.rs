//! Simple commands, pipelines and jobs: what a shell starts, and whether it waits for it.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::field::{Field, UNKNOWN, Value};
use super::inert;
use super::interpreter::Broken;
use super::machine::Machine;
use super::path::{Mishap, MishapKind};
use super::resolve::{Resolved, What};
use super::shell::{Frame, Rest, Shell, Status};
use super::signal::Signal;
use super::start;
use super::world::{Identity, Millis, Pid, Process, Role, Started};
use crate::programs::{Kind, Program, Sound};
use crate::project::ImageFile;
use crate::project::handlers::Entry;
use crate::shell::{AssignedValue, Command, List, Node, NodeKind, Part};
use crate::source::Excerpt;

/// How long what a job does once may take.
const ERRAND: Millis = 1_000;

/// A simple command that is about to run.
#[derive(Clone, Copy)]
struct Statement<'s> {
    fields: &'s [Field],
    command: &'s Arc<Command>,
    node: &'s Node,
    /// True if the program takes the shell's place.
    in_place: bool,
}

impl Machine<'_, '_> {
    /// Runs a simple command.
    pub(super) fn command(&mut self, command: &Arc<Command>, node: &Node) {
        let is_bash = self.shell().is_some_and(|shell| shell.dialect.is_bash());
        let own = command.without_descriptors().filter(|_| is_bash).map(Arc::new);
        let command = own.as_ref().unwrap_or(command);
        self.forget_files(node);
        self.assign_in_words(command);
        let Some(expander) = self.expander() else { return };
        let fields = expander.fields(&command.words, &node.excerpt);
        let values: Vec<(String, Value)> =
            command.assignments.iter().map(|assignment| self.assigned(assignment, node)).collect();
        if self.is_split_by_ampersand(command) {
            return self.background(node);
        }
        if fields.is_empty() {
            let substitutes = command.assignments.iter().any(|assignment| match &assignment.value {
                AssignedValue::Scalar(word) => {
                    word.parts.iter().any(|part| matches!(part, Part::Substitution(..)))
                }
                AssignedValue::Array(_) => false,
            });
            let dynamic = !command.words.is_empty();
            self.with(|shell| {
                for (name, value) in values {
                    shell.set(&name, value);
                }
            });
            let unknown = substitutes || dynamic;
            self.set_status_quietly(if unknown { Status::UNKNOWN } else { Status::known(0) });
            return;
        }
        self.note_numbers(command, &fields);
        self.note_files(&fields, command, node);
        if self.may_talk_to_job(command, &fields) {
            self.world.path.may_have_told = true;
        }
        // An assignment in front of `exec` or a function is the shell's own; for the others it only shows in the child.
        self.invoke(&fields, command, node);
    }

    /// dash reads `server &> log` as `server &` and `> log`.
    fn is_split_by_ampersand(&self, command: &Command) -> bool {
        let is_dash = self.shell().is_some_and(|shell| shell.dialect == Dialect::Dash);
        is_dash
            && self.world.process(self.pid).is_some_and(|own| own.statement.is_none())
            && command.redirects.iter().any(|redirect| redirect.operator.starts_with("&>"))
    }

    pub(super) fn mishap(&mut self, kind: MishapKind, node: &Node) {
        let mishap = Mishap { kind, place: node.place(), by: None };
        if !self.world.path.mishaps.contains(&mishap) {
            self.world.path.mishaps.push(mishap);
        }
    }

    /// A command by its expanded words: a built-in, a function, or a program.
    pub(super) fn invoke(&mut self, fields: &[Field], command: &Arc<Command>, node: &Node) {
        let Some(first) = fields.first() else { return };
        let Some(name) = first.text().map(str::to_owned) else {
            self.program(fields, command, node);
            return;
        };
        let function = self.shell().and_then(|shell| shell.functions.get(&name).cloned());
        if let Some(body) = function {
            self.call(&name, &body, &fields[1..]);
        } else if !self.builtin(&name, fields, command, node) {
            self.program(fields, command, node);
        }
    }

    fn call(&mut self, name: &str, body: &Arc<Node>, arguments: &[Field]) {
        let Some(shell) = self.shell() else { return };
        let positional = Rc::clone(&shell.positional);
        let arguments = Rc::new(arguments.to_vec());
        self.push(Frame::Call { name: name.into(), positional, locals: Vec::new(), overridable: false });
        self.with(|shell| shell.set_arguments(arguments));
        self.run(body);
    }

    pub(super) fn resolve(&self, fields: &[Field], node: &Node) -> Resolved {
        let directory = self.shell().and_then(|shell| shell.directory.as_ref());
        let (place, caller) = (node.place(), self.shell_dialect());
        self.environment.resolutions.get(fields, &place, directory, caller, || {
            self.environment.resolve(fields, &place, directory.map(Rc::as_ref), caller)
        })
    }

    fn shell_dialect(&self) -> Option<Dialect> {
        self.shell().map(|shell| shell.dialect)
    }

    /// A program in the foreground.
    pub(super) fn program(&mut self, fields: &[Field], command: &Arc<Command>, node: &Node) {
        if self.stops_supervised(fields, node) || self.act_on_processes(fields, node) {
            return;
        }
        self.note_beside_services(fields, node);
        if self.may_name_function(&fields[0]) {
            self.pass_or_stay(node, "which function this calls is not known");
            return;
        }
        if let Some((broken, file)) = self.build_argument(command, node) {
            self.find_nothing(broken, &file, self.shell_identity(node));
            return;
        }
        let mut named = Vec::new();
        let fields = match fields[0].text().filter(|name| name.contains(UNKNOWN)).map(Field::sketched) {
            // Its folder alone is not known.
            Some(first) if super::beside::name_of(&first).is_some() => {
                named.push(first);
                named.extend_from_slice(&fields[1..]);
                &named[..]
            }
            _ => fields,
        };
        if fields[0].text().is_some_and(|name| name.contains(UNKNOWN)) {
            self.pass_or_stay(node, "the command is put together from what is not known");
            return;
        }
        let mut resolved = self.resolve(fields, node);
        self.give_script(&mut resolved, command, node);
        let in_place = self
            .shell()
            .is_some_and(|shell| shell.in_place.contains(&Arc::as_ptr(command)) && shell.traps.is_empty());
        let statement = Statement { fields, command, node, in_place };
        match self.unless_passed_over(resolved, &statement) {
            Some(resolved) if in_place => self.replace(&resolved),
            Some(resolved) => self.start_in_front(&resolved, node),
            None => {}
        }
    }

    /// A command of which nothing is known: setup, unless it is to stay.
    fn pass_or_stay(&mut self, node: &Node, doubt: &str) {
        if self.stays(node) {
            self.stay_unknown(node, doubt);
        } else {
            self.set_status(Status::UNKNOWN);
        }
    }

    /// The program, if it is to be started. What ends by itself, cannot be run or is taken for setup only has a status.
    fn unless_passed_over(&mut self, mut resolved: Resolved, statement: &Statement<'_>) -> Option<Resolved> {
        let Statement { fields, command, node, in_place } = *statement;
        if resolved.awaits && !self.shell().is_some_and(Shell::goes_round) {
            // Only the rounds of a loop are told apart by what they wait for. Elsewhere it counts beside a service, if nothing behind it stays.
            let serves = |process: &Process| process.is_service() && self.world.alive(process.pid);
            let is_beside = self.world.processes().any(serves);
            let stays = self.is_background() || (is_beside && (self.kills_next() || self.stays(node)));
            resolved.what = if stays { What::Helper } else { What::Ends(Status::UNKNOWN) };
        }
        // `bash -c 'prepare'` in a script: what becomes of this shell may be setup, as its commands may.
        let waited_for =
            (self.has_caller() && !(self.is_background() && self.is_last_of_job())) || self.is_one_shot();
        match &resolved.what {
            What::Ends(_) if resolved.stays_on_input && self.copies_on(fields, command, node) => None,
            What::Ends(status) => {
                if fields[0].overridable && self.world.stop.is_none() {
                    // The image's CMD is its job, though that ends; nothing before it was.
                    self.candidates.settle(self.world);
                }
                self.set_status(*status);
                None
            }
            What::Interactive => {
                self.converse(command, node);
                None
            }
            // `timeout 15 bash <<EOF`
            _ if resolved.converses && reads_input(command) => {
                self.converse(command, node);
                None
            }
            // `tail --pid=$pid`
            What::Follows(pid) if self.outlast(&[*pid]) => {
                self.set_status(Status::known(0));
                None
            }
            // What it waits for is taken to end, unless nothing else stays.
            What::Helper if resolved.follows_unknown && !self.stays(node) => {
                if self.waits_for_told(node) {
                    return None;
                }
                self.world.path.may_have_waited |= self.world.stop.is_some();
                self.set_status(Status::UNKNOWN);
                None
            }
            What::Broken(broken, file) => {
                let identity = resolved.identities.last().cloned();
                self.find_nothing(*broken, file, identity.unwrap_or_else(|| self.shell_identity(node)));
                None
            }
            _ if in_place && self.world.stop.is_none() && !waited_for && !self.is_errand_beside(node) => {
                Some(resolved)
            }
            _ if resolved.what.is_unseen() => {
                if !self.stays(node) {
                    if self.serves(&resolved) {
                        self.stay_unknown(node, "its own text says that it serves, but more follows");
                        return None;
                    }
                    self.world.path.may_have_told |= self.world.stop.is_some();
                    self.set_status(Status::UNKNOWN);
                    return None;
                }
                if self.may_be_function(fields) {
                    self.stay_unknown(node, "a file that was not found may define this as a function");
                    return None;
                }
                if self.may_be_tool(fields, command) {
                    self.stay_unknown(node, "which program this is, is not known");
                    return None;
                }
                resolved.take_for_service();
                Some(resolved)
            }
            // An init in the middle of a script is in front of the service, whatever that is.
            What::Forward(forward)
                if forward.program.kind == Kind::Init
                    && self.world.stop.is_none()
                    && !self.is_background()
                    && self.sound(node) != Sound::Errand =>
            {
                Some(resolved)
            }
            // What follows runs at all, so that it has left: its configuration says so, or a word that is not known.
            What::Service(Some(row)) if resolved.uncertain && may_leave(row) && self.goes_round_behind() => {
                resolved.what = What::Daemon(Arc::clone(row));
                Some(resolved)
            }
            _ if !resolved.uncertain || self.stays(node) => Some(resolved),
            What::Service(Some(row))
                if may_leave(row)
                    && self.is_followed()
                    && !(leaves_if_told(row) && self.is_last_of_job()) =>
            {
                if leaves_if_told(row) {
                    // Where nothing else stays, it may be what does.
                    self.world.path.may_stay = Some(node.place());
                }
                resolved.what = What::Daemon(Arc::clone(row));
                Some(resolved)
            }
            _ => {
                self.set_status(Status::UNKNOWN);
                None
            }
        }
    }

    /// `python app.py`, whose text says that it serves. With arguments it may do something else.
    fn serves(&self, resolved: &Resolved) -> bool {
        let alone = |entry: &&Entry| {
            let argv = resolved.identities.last().map(|identity| &identity.argv);
            argv.and_then(|argv| argv.last()?.text()).is_some_and(|last| last.ends_with(&entry.name))
        };
        let entry = resolved.entry.as_ref().filter(alone);
        self.world.stop.is_none() && entry.is_some_and(|entry| entry.serves(self.environment.files))
    }

    /// Starts a program as a child, and waits for it.
    fn start_in_front(&mut self, resolved: &Resolved, node: &Node) {
        let ignored = self.ignored();
        let started =
            start::start(self.world, self.environment, self.pid, Started::Foreground, resolved, ignored);
        match started {
            Some(pid) => self.wait_for(vec![pid], node),
            // What goes into the background has started well.
            None if matches!(resolved.what, What::Daemon(_) | What::Detach(..) | What::Supervise(_)) => {
                let last = self.world.processes().len();
                if let (What::Daemon(_), Some(daemon)) = (&resolved.what, self.world.process_mut(last)) {
                    daemon.statement = Some(node.clone());
                    self.world.path.batch = None;
                }
                self.set_status(Status::known(0))
            }
            None => self.set_status(Status::UNKNOWN),
        }
    }

    /// True if the shell has something to do behind what it runs now.
    fn is_followed(&self) -> bool {
        !matches!(self.shell().map(Shell::rest), None | Some(Rest::Nothing | Rest::Exit))
    }

    /// True if it has a loop without end to run.
    fn goes_round_behind(&self) -> bool {
        self.shell().is_some_and(|shell| {
            shell.frames.iter().any(|frame| match frame {
                Frame::List { list, next } => list[(*next).min(list.len())..].iter().any(inert::goes_on),
                _ => false,
            })
        })
    }

    /// There is no such program. Where that was all that the first process had left to do, the container has not started.
    pub(super) fn find_nothing(&mut self, broken: Broken, file: &Rc<ImageFile>, identity: Identity) {
        let rest = self.shell().map(Shell::rest);
        if self.pid == 1 && self.world.stop.is_none() && matches!(rest, Some(Rest::Nothing | Rest::Exit)) {
            self.world.path.broken = Some((broken, identity, Rc::clone(file)));
            self.candidates.settle(self.world);
        }
        self.set_status(Status::known(127));
    }

    /// A shell that is given nothing to run. Somebody may be typing, and the script goes on when they have finished; or its standard
    /// input is a script, which is a command like any other that is not known.
    fn converse(&mut self, command: &Command, node: &Node) {
        if reads_input(command) {
            return self.pass_or_stay(node, "what is run is read from standard input");
        }
        self.world.path.aside = true;
        if !self.is_deaf_to_a_daemons_stop() {
            return self.stay_unknown(node, "an interactive shell is in front");
        }
        self.stay_as_helper(node);
    }

    /// True for PID 1 without a handler beside a daemon: whatever the shell of a terminal does, nobody stops that one.
    pub(super) fn is_deaf_to_a_daemons_stop(&self) -> bool {
        self.pid == 1 && self.shell().is_some_and(|shell| shell.traps.is_empty()) && self.runs_beside_daemon()
    }

    /// True once a server has gone into the background by itself.
    pub(super) fn runs_beside_daemon(&self) -> bool {
        let is_daemon = |process: &Process| {
            process.started == Started::Forked && process.is_service() && self.world.alive(process.pid)
        };
        self.world.processes().any(is_daemon)
    }

    /// Something is started beside the services that are in the background by now.
    pub(super) fn note_beside_services(&mut self, fields: &[Field], node: &Node) {
        let is_behind = |process: &&Process| {
            matches!(process.started, Started::Forked | Started::Background) && self.world.alive(process.pid)
        };
        if self.world.stop.is_some() {
            return;
        }
        let services: Vec<Pid> =
            self.world.processes().filter(is_behind).map(|process| process.pid).collect();
        let words: Vec<&str> = fields.iter().filter_map(Field::text).collect();
        if !services.is_empty() && self.environment.tables.is_batch(&words) {
            self.world.path.batch = Some(node.place());
        }
        for pid in services {
            if let Some(service) = self.world.process_mut(pid) {
                service.followed = true;
            }
        }
    }

    /// The course stays here, and how a stop ends cannot be told.
    pub(super) fn stay_unknown(&mut self, node: &Node, reason: &str) {
        self.doubt(Some(node.place()), reason);
        let identity = self.shell_identity(node);
        let pid = self.world.spawn(self.pid, Started::Foreground, identity, Role::Opaque, Vec::new());
        self.wait_for(vec![pid], node);
    }

    pub(super) fn ignored(&self) -> Vec<Signal> {
        self.world.process(self.pid).map(|process| process.ignored.clone()).unwrap_or_default()
    }

    pub(super) fn wait_for(&mut self, pids: Vec<Pid>, node: &Node) {
        self.wait_for_piped(pids, Vec::new(), node);
    }

    /// exec: the shell becomes the program.
    pub(super) fn replace(&mut self, resolved: &Resolved) {
        start::replace(self.world, self.environment, self.pid, resolved);
    }

    pub(super) fn shell_identity(&self, node: &Node) -> Identity {
        let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("");
        let line = text.lines().next().unwrap_or("").trim();
        Identity {
            argv: Rc::from([Field::known(format!("( {line} )"))]),
            place: Some(node.place()),
            program: None,
        }
    }

    /// Starts a statement in a process of its own; `None` if it has ended at once.
    pub(super) fn fork(&mut self, node: &Node, started: Started, pipeline: Option<&Node>) -> Option<Pid> {
        let mut ignored = self.ignored();
        let monitor = self.shell().is_some_and(|shell| shell.monitor);
        if started == Started::Background && !monitor {
            ignored.extend([Signal::INT, Signal::QUIT]);
        }
        let expanded = match &node.kind {
            NodeKind::Command(command) => self.expanded_first(command, node),
            _ => None,
        };
        if let NodeKind::Command(command) = &node.kind
            && expanded.is_none()
            && let Some(pid) = self.fork_program(command, node, started, pipeline, &ignored)
        {
            return pid;
        }
        let shell = self.shell()?;
        let list: List = match &node.kind {
            NodeKind::Subshell(list) | NodeKind::Group(list) => Arc::clone(list),
            _ => expanded.unwrap_or_else(|| Arc::from([node.clone()])),
        };
        let mut copy: Shell = shell.fork(list);
        if started == Started::Background {
            copy.in_place = copy.dialect.in_place_of_job(node);
            if !monitor && !copy.dialect.traps_interrupt_in_job() {
                copy.fixed.extend([Signal::INT, Signal::QUIT]);
            }
        }
        let identity = self.shell_identity(node);
        Some(self.world.spawn(self.pid, started, identity, Role::Shell(Box::new(copy)), ignored))
    }

    /// A simple command needs no shell in between. `None` if it is a built-in or a function after all.
    fn fork_program(
        &mut self,
        command: &Arc<Command>,
        node: &Node,
        started: Started,
        pipeline: Option<&Node>,
        ignored: &[Signal],
    ) -> Option<Option<Pid>> {
        let expander = self.expander()?;
        let mut fields = expander.fields(&command.words, &node.excerpt);
        while matches!(fields.first().and_then(Field::text), Some("exec" | "command")) && fields.len() > 1 {
            fields.remove(0);
        }
        let known_here = fields.first().and_then(Field::text).is_some_and(|name| {
            expander.shell.functions.contains_key(name) || super::builtins::is_builtin(name)
        });
        if fields.is_empty() || known_here {
            return None;
        }
        if self.stops_in_background(&fields) {
            return Some(None);
        }
        self.note_files(&fields, command, node);
        let mut resolved = self.resolve(&fields, node);
        // `create-topics.sh &`, `timeout 60 check &`: by its name it ends soon, or it is not given longer. The script's last job is what
        // it is for, though.
        let latest = if resolved.limited && !self.is_last_of_job() { Sound::Unclear } else { Sound::Errand };
        let ends = started == Started::Background
            && pipeline.is_none()
            && self.sound(node) <= latest
            && !self.is_all_that_is_waited_for();
        match resolved.what {
            // `bash &`: without job control a job reads nothing, and a shell that does ends at once.
            What::Interactive
                if started == Started::Background
                    && !reads_input(command)
                    && self.shell().is_some_and(|shell| !shell.monitor) =>
            {
                return Some(None);
            }
            _ if resolved.may_be_setup() => {
                // In a pipeline a command is as likely setup as in the foreground.
                if pipeline.is_some_and(|pipeline| !self.stays(pipeline)) {
                    self.world.path.may_have_told |= self.world.stop.is_some();
                    return Some(None);
                }
                if ends {
                    resolved.what = What::Pause(ERRAND);
                }
                resolved.take_for_service();
            }
            What::Ends(_) if started == Started::Background && resolved.stays_on_input => {
                resolved.what = What::Helper;
            }
            What::Pause(_) if started == Started::Background && resolved.awaits => {
                resolved.what = What::Helper;
            }
            _ => {}
        }
        let pid = self.pid;
        Some(start::start(self.world, self.environment, pid, started, &resolved, ignored.to_vec()))
    }

    /// `node &`
    pub(super) fn background(&mut self, node: &Node) {
        self.note_beside_services(&[], node);
        let pid = match &node.kind {
            NodeKind::Pipeline(stages) => self.pipeline_in_background(stages),
            _ => {
                let pid = self.fork(node, Started::Background, None);
                self.with(|shell| shell.jobs.extend(pid));
                pid
            }
        };
        // A job that ended at once still has a number that nobody else has.
        let pid = pid.unwrap_or_else(|| {
            let identity = self.shell_identity(node);
            let pid = self.world.spawn(self.pid, Started::Background, identity, Role::Helper, Vec::new());
            self.world.die(pid, 0, super::world::Ended::Clean);
            self.with(|shell| shell.jobs.push(pid));
            pid
        });
        let monitor = self.shell().is_some_and(|shell| shell.monitor);
        if let Some(process) = self.world.process_mut(pid) {
            process.statement = Some(node.clone());
            if monitor {
                process.group = pid;
            }
        }
        self.with(|shell| {
            shell.last_background = Some(pid);
            shell.status = Status::known(0);
        });
    }

    /// `( list )` in the foreground.
    pub(super) fn subshell(&mut self, list: &List, node: &Node) {
        let Some(shell) = self.shell() else { return };
        let mut copy = shell.fork(Arc::clone(list));
        let here: Vec<&Node> = list.iter().collect();
        // `sh -c '(a)'`: where the shell replaces itself it does so through the parentheses.
        let inherits = shell.rest() == Rest::Nothing
            && shell.traps.is_empty()
            && here.iter().any(|node| in_set(node, shell));
        if inherits {
            copy.in_place = Rc::clone(&shell.in_place);
            copy.origin = shell.origin.clone();
            self.with(|shell| *shell = copy);
            return;
        }
        let identity = self.shell_identity(node);
        let ignored = self.ignored();
        let pid =
            self.world.spawn(self.pid, Started::Foreground, identity, Role::Shell(Box::new(copy)), ignored);
        self.wait_for(vec![pid], node);
    }

    /// Runs more text: `eval`, a sourced file.
    pub(super) fn run_text(&mut self, excerpt: Arc<Excerpt>) {
        let script = self.environment.parse(excerpt);
        self.push_list(&script.statements);
    }
}

/// True for a server that its configuration, or a word that is not known, keeps in front or not.
fn may_leave(row: &Program) -> bool {
    (row.daemonizes || row.options_file.is_some()) && matches!(row.kind, Kind::Server | Kind::Supervisor)
}

/// True for a server that stays in front unless its configuration says otherwise.
fn leaves_if_told(row: &Program) -> bool {
    row.config.as_ref().is_some_and(|config| !config.background.is_empty())
}

fn reads_input(command: &Command) -> bool {
    command.redirects.iter().any(|redirect| redirect.operator.starts_with('<'))
}

fn in_set(node: &Node, shell: &Shell) -> bool {
    match &node.kind {
        NodeKind::Command(command) => shell.in_place.contains(&Arc::as_ptr(command)),
        NodeKind::And(_, right) | NodeKind::Or(_, right) => in_set(right, shell),
        NodeKind::Group(list) | NodeKind::Subshell(list) => {
            list.last().is_some_and(|last| in_set(last, shell))
        }
        _ => false,
    }
}
