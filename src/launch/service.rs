//! Which of a script's commands is the service, where no table knows them.

use std::sync::Arc;

use super::candidates::{Job, Likelihood, Passed};
use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::pattern::Pattern;
use super::resolve::{Child, What};
use super::shell::{Frame, Origin, Rest, Shell, Waiting};
use super::signal::Signal;
use super::world::{Millis, Role, Started};
use crate::programs::Sound;
use crate::shell::{Command, Node, NodeKind, Part, Word};

/// A loop that pauses for so long does something from time to time.
pub(super) const PERIODIC_PAUSE: Millis = 60_000;
/// The same where it does several things, none of which sounds like a service: what crashes is started again sooner.
const TASKS_PAUSE: Millis = 30_000;
/// The same of what ends, by its name.
const ERRAND_PAUSE: Millis = 10_000;

impl Machine<'_, '_> {
    /// Whether an unknown foreground command is the service. The first time round it is taken as setup, and remembered: if nothing
    /// after it stays, it was the service after all.
    pub(super) fn stays(&mut self, node: &Node) -> bool {
        if self.world.stop.is_some() {
            return false;
        }
        if std::mem::take(&mut self.world.next_is_service) {
            if self.sound(node) != Sound::Service && !self.runs_arguments(node) && self.ends_most_likely(node)
            {
                self.doubt(Some(node.place()), "whether this ends before the script goes on is not known");
            }
            return true;
        }
        let Some(shell) = self.shell() else { return false };
        // What a handler does is no service.
        if shell.frames.iter().any(|frame| matches!(frame, Frame::Trap { .. } | Frame::Exit(_))) {
            return false;
        }
        if self.is_background() {
            return self.stays_in_job(shell, node);
        }
        if self.is_periodic(node) {
            return false;
        }
        if self.is_done_again(node) {
            if self.sound(node) != Sound::Errand && self.runs_beside_daemon() {
                // A batch beside a daemon takes its time.
                self.world.path.may_stay = Some(node.place());
            }
            // What has such work behind it has ended, too.
            self.candidates.have_ended(self.world, Sound::Unclear, None);
            return false;
        }
        if self.is_for_errand(node) && self.sound(node) != Sound::Service {
            return false;
        }
        let Some(shell) = self.shell() else { return false };
        if self.is_one_of_two(shell, node) || self.is_kept_alive(shell, node) {
            return true;
        }
        let is_asked = is_condition(shell) && shell.is_in_loop();
        if !is_asked && !self.is_question(shell, node) {
            self.pass_over(node);
        }
        false
    }

    /// A job has no steady state of its own to look for: the last command that does something is the service.
    fn stays_in_job(&self, shell: &Shell, node: &Node) -> bool {
        // A supervisor starts again what ends; a loop below it is one over tasks.
        let is_over_tasks = || self.world.supervised(self.pid).is_some() && shell.is_in_loop();
        !self.is_one_shot()
            && !is_over_tasks()
            && !shell.is_in_condition()
            && self.is_last_of_job()
            && !self.is_periodic(node)
            && !self.is_errand_beside(node)
            && !self.has_run_before(node)
    }

    /// True for what is asked for its status alone.
    fn is_question(&self, shell: &Shell, node: &Node) -> bool {
        let is_beside = matches!(shell.frames.last(), Some(Frame::AndOr { .. })) || self.is_left(shell);
        let discards = node.discards_output() || statement_of(shell, node).is_some_and(Node::discards_output);
        discards && (is_condition(shell) || (is_beside && self.sound(node) != Sound::Service))
    }

    /// Takes the command for setup for now; the course can come back to it.
    fn pass_over(&mut self, node: &Node) {
        let Some(shell) = self.shell() else { return };
        let mut again = self.world.clone();
        if let Some(shell) = again.shell_mut(self.pid) {
            shell.frames.push(Frame::List { list: Arc::from([node.clone()]), next: 0 });
        }
        again.next_is_service = true;
        let is_awaited = node.is_command(&["wait"]) && !shell.traps.is_empty();
        // The name of a built-in says nothing of what is waited for.
        let is_builtin = matches!(&node.kind, NodeKind::Command(command)
            if command.name().is_some_and(|name| name != "exec" && super::builtins::is_builtin(&name)));
        // Nobody traps the stop for an errand.
        let leaves = !is_awaited && (shell.keeps_status() || self.is_left(shell));
        let passed = Passed {
            likelihood: self.likelihood(shell, node, is_awaited),
            job: self.job(node),
            sound: self.sound(node).into(),
            place: (!is_builtin).then(|| node.place()),
            leaves,
            tidies: leaves && self.stops_jobs_later(shell),
            is_last: self.is_last_of_job(),
            starts: self.is_starter(node),
        };
        self.candidates.add(self.world, again, passed);
    }

    fn likelihood(&self, shell: &Shell, node: &Node, is_awaited: bool) -> Likelihood {
        // `( exec server )`
        let is_replaced = || matches!(shell.origin, Origin::Fork) && node.is_command(&["exec"]);
        if is_condition(shell) {
            Likelihood::Condition
        } else if is_replaced()
            // The image's own arguments are what it is for.
            || self.runs_arguments(node)
            || is_awaited
            || shell.keeps_status()
        {
            Likelihood::Likely
        } else {
            Likelihood::Usual
        }
    }

    /// True below a program that its supervisor does not start again when it has ended.
    pub(super) fn is_one_shot(&self) -> bool {
        self.world.supervised(self.pid).is_some_and(|own| !own.program.stays)
    }

    pub(super) fn runs_arguments(&self, node: &Node) -> bool {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return false;
        };
        let is_own = |part: &Part| matches!(part, Part::Parameter(parameter, _) if parameter.is_arguments());
        let first = command.words.first().filter(|word| word.parts.iter().any(is_own));
        first.is_some_and(|word| {
            expander
                .word(word, &node.excerpt)
                .first()
                .is_some_and(|field| field.overridable && field.text.is_some())
        })
    }

    /// `for item in a b; do process "$item"; done`: what the next turn does again ends, and so does what it starts in turn.
    fn is_done_again(&mut self, node: &Node) -> bool {
        let mut place = node.place();
        let mut at = self.pid;
        let mut is_again = false;
        while let Some(process) =
            self.world.process(at).filter(|process| process.started != Started::Background)
        {
            let parent = process.parent;
            if let Some(shell) = self.world.shell(at) {
                if let Waiting::Foreground { node, .. } = &shell.waiting {
                    place = node.place();
                }
                let is_known = self.world.path.repeated.contains(&place);
                let turns = shell.turns();
                is_again |= turns == Some(true) || (turns.is_some() && is_known);
                if turns == Some(true) && !is_known {
                    self.world.path.repeated.push(place.clone());
                }
            }
            at = parent;
        }
        is_again
    }

    /// True in a loop that pauses for long between two rounds: what it runs is a job that is done again and again, no service that is
    /// started again when it has ended. So it is with what a script runs that such a loop has started.
    fn is_periodic(&self, node: &Node) -> bool {
        let sound = self.sound(node);
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if self.world.shell(at).is_some_and(|shell| self.pauses(shell, node, sound)) {
                return true;
            }
            if process.started == Started::Background {
                break;
            }
            at = process.parent;
        }
        false
    }

    /// True in a loop with a pause that is long for what it runs. Any pause is where a trap is there to end the loop, unless a server runs in it.
    fn pauses(&self, shell: &Shell, node: &Node, sound: Sound) -> bool {
        let pause = |node: &Node| {
            let node = match &node.kind {
                NodeKind::Background(inner) => inner,
                _ => node,
            };
            match self.stage_program(node) {
                Some(What::Pause(length)) => Some(length),
                _ => None,
            }
        };
        for frame in shell.frames.iter().rev() {
            match frame {
                Frame::List { list, .. } if shell.is_in_loop() => {
                    let jobs = list.iter().filter(|node| pause(node).is_none() && !self.is_trifle(node));
                    let least = match sound {
                        Sound::Errand | Sound::Unclear if shell.traps.contains_key(&Signal::TERM) => 0,
                        Sound::Errand => ERRAND_PAUSE,
                        Sound::Unclear if jobs.count() > 1 && self.is_named(node) => TASKS_PAUSE,
                        _ => PERIODIC_PAUSE,
                    };
                    if list.iter().filter_map(pause).any(|length| length >= least) {
                        return true;
                    }
                }
                Frame::Body { node, .. } => return node.condition.iter().any(waits_for_event),
                Frame::Endless { .. } => return false,
                _ => {}
            }
        }
        false
    }

    /// True for `server` in `test && server || other` at a script's end: `other` is what is started instead of it, not after it.
    fn is_one_of_two(&self, shell: &Shell, node: &Node) -> bool {
        let Some((Frame::AndOr { whole, .. }, _)) = shell.frames.split_last() else { return false };
        whole.span.start < node.span.start && self.is_alternative(&shell.frames)
    }

    /// True for `server` in `server || tail -f /dev/null` at a script's end: what keeps the container alive when it has failed. So it is with
    /// `server || server --repair`.
    fn is_kept_alive(&self, shell: &Shell, node: &Node) -> bool {
        let Some((Frame::AndOr { right, and: false, .. }, outer)) = shell.frames.split_last() else {
            return false;
        };
        let is_repeated = || is_begun_by(right, node) && self.sound(node) != Sound::Errand;
        (matches!(self.stage_program(right), Some(What::Helper | What::Pause(_))) || is_repeated())
            && !outer.iter().any(follows)
    }

    /// The same of `node`, while the `&&` in front of it is being decided.
    pub(super) fn is_first_of_two(&self, node: &Node) -> bool {
        let Some((_, outer)) = self.shell().and_then(|shell| shell.frames.split_last()) else { return false };
        !self.is_trifle(node) && self.is_alternative(outer)
    }

    /// True if the last frame has an `||` with a service behind it, and nothing follows.
    fn is_alternative(&self, frames: &[Frame]) -> bool {
        let Some((Frame::AndOr { right, and: false, .. }, outer)) = frames.split_last() else {
            return false;
        };
        !self.is_trifle(right) && !outer.iter().any(follows)
    }

    /// A program that no table knows, and its subcommand, as far as they are written out.
    fn job(&self, node: &Node) -> Option<Job> {
        let NodeKind::Command(command) = &node.kind else { return None };
        let words: Vec<Option<String>> = command.words.iter().map(Word::literal).collect();
        let (program, arguments) = words.split_first()?;
        let program = program.clone()?;
        let options: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
        // `tool run name`: what is run is the subcommand.
        let first = (*options.iter().find(|word| !matches!(word, Some("run" | "exec")))?)?;
        if self.environment.tables.program(&program, &options).is_some() {
            return None;
        }
        // `client -C file --exec one`: with the same options it does the same to something else.
        let subcommand = if first.starts_with('-') {
            let names = options.iter().flatten().filter(|word| word.starts_with('-'));
            names.map(|word| word.split('=').next().unwrap_or(word)).collect::<Vec<_>>().join(" ")
        } else {
            first.to_owned()
        };
        Some(Job { words: [program, subcommand], place: node.place() })
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

    /// True if only trifles are left to do in this job, by this shell and by those that wait for it. A shell that goes on to wait for what
    /// it has started in the background is about that.
    pub(super) fn is_last_of_job(&self) -> bool {
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            match &process.role {
                Role::Shell(shell) if !self.only_trifles_follow(shell) || self.waits_for_service(shell) => {
                    return false;
                }
                Role::Supervisor(_) => return true,
                _ if process.started == Started::Background => return true,
                _ => at = process.parent,
            }
        }
        true
    }

    /// True if the script ends behind the statement that runs now, once it has said so and tidied up.
    fn is_left(&self, shell: &Shell) -> bool {
        // `prog --generate || exit 1; exit`
        let or_exit = |frame: &&Frame| matches!(frame, Frame::AndOr { right, and: false, .. } if super::inert::is_exit(right));
        let around = shell.frames.iter().rev().find(|frame| !or_exit(frame));
        let Some(Frame::List { list, next }) = around else { return false };
        let rest = &list[(*next).min(list.len())..];
        match rest.iter().position(super::inert::is_exit) {
            Some(exit) => rest[..exit].iter().all(|node| self.is_trifle(node)),
            // `su -c command user; exit`
            None => {
                shell.rest() == Rest::Nothing
                    && self.caller_of(shell).is_some_and(|caller| self.is_left(caller))
            }
        }
    }

    /// The shell that waits for what this one runs.
    fn caller_of(&self, shell: &Shell) -> Option<&Shell> {
        let own = self
            .world
            .processes()
            .find(|process| matches!(&process.role, Role::Shell(other) if std::ptr::eq(&**other, shell)))?;
        let mut at = own;
        while at.started != Started::Background {
            at = self.world.process(at.parent)?;
            if let Role::Shell(caller) = &at.role {
                return Some(caller);
            }
        }
        None
    }

    /// `server & run-tests; status=$?; kill $!; exit $status`: what runs in the background may be there for this.
    fn stops_jobs_later(&self, shell: &Shell) -> bool {
        let is_ahead = |frame: &Frame| match frame {
            Frame::List { list, next } => list[(*next).min(list.len())..]
                .iter()
                .any(|node| node.is_command(&["kill", "pkill", "killall"])),
            _ => false,
        };
        shell.jobs.iter().any(|&job| self.world.alive(job)) && shell.frames.iter().any(is_ahead)
    }

    /// `server & inotifywait file && kill $!; wait $!`: what comes before that is no setup, but how long the service is to run.
    pub(super) fn kills_next(&self) -> bool {
        let kills = |node: &Node| node.is_command(&["kill", "pkill", "killall"]);
        let Some(shell) = self.shell().filter(|_| self.world.stop.is_none()) else { return false };
        match shell.frames.last() {
            Some(Frame::AndOr { right, and: true, .. }) => kills(right),
            Some(Frame::List { list, next }) => list.get(*next).is_some_and(kills),
            _ => false,
        }
    }

    /// True in `client & wait; exit`, with no service beside it: what goes to the background now is what the container is for.
    pub(super) fn is_all_that_is_waited_for(&self) -> bool {
        let waits = |frame: &Frame| match frame {
            Frame::List { list, next } => {
                list[(*next).min(list.len())..].iter().any(|node| node.is_command(&["wait"]))
            }
            _ => false,
        };
        self.shell().is_some_and(|shell| shell.frames.iter().any(waits))
            && self.is_last_of_job()
            && !self.world.processes().any(|other| other.is_service() && self.world.alive(other.pid))
    }

    /// `server & pid=$!; job; wait "$pid"`
    fn waits_for_service(&self, shell: &Shell) -> bool {
        let waits = |node: &Node| {
            node.is_command(&["wait"])
                && matches!(&node.kind, NodeKind::Command(command) if command.words.len() > 1)
        };
        let has_service = || {
            shell.jobs.iter().any(|&job| {
                self.world.process(job).is_some_and(|job| job.is_service() && self.world.alive(job.pid))
            })
        };
        let is_ahead = |frame: &Frame| match frame {
            Frame::List { list, next } => list[(*next).min(list.len())..].iter().any(waits),
            _ => false,
        };
        shell.frames.iter().any(is_ahead) && has_service()
    }

    pub(super) fn is_trifle(&self, node: &Node) -> bool {
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
            Some(_) => match self.stage_program(node) {
                Some(What::Forward(forward)) => self.forwards_trifle(&forward.child, node),
                program => matches!(program, Some(What::Ends(_) | What::Pause(_))),
            },
        }
    }

    /// `su -c "pg_ctl stop" postgres`
    fn forwards_trifle(&self, child: &Child, node: &Node) -> bool {
        let Child::Line(text, ..) = child else { return false };
        let script = self.environment.parse(Arc::clone(text));
        script.errors.is_empty()
            && script.statements.iter().all(|inner| inner.span != node.span && self.is_trifle(inner))
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
        let goes_on = matches!(rest, Some(Rest::Loop | Rest::Remarks | Rest::Commands));
        is_variable && fields.len() > 1 && fields[0].text().is_none() && !fields[0].is_rest() && goes_on
    }

    /// `run_$1`: part of the name is written out, and functions have such names.
    pub(super) fn may_name_function(&self, field: &Field) -> bool {
        let Some(sketch) = field.sketch.as_deref().filter(|sketch| *sketch != UNKNOWN) else { return false };
        let mut pattern = Pattern::default();
        for (index, known) in sketch.split(UNKNOWN).enumerate() {
            if index > 0 {
                pattern.push("*", false);
            }
            pattern.push(known, true);
        }
        field.text.is_none()
            && self.shell().is_some_and(|shell| shell.functions.keys().any(|name| pattern.matches(name)))
    }

    /// True for `bashio::log.info`, and for a bare name that no table knows once the shell has read a file that nobody has seen. The
    /// image's own arguments name a program.
    pub(super) fn may_be_function(&self, fields: &[Field]) -> bool {
        let words: Vec<Option<&str>> = fields[1..].iter().map(Field::option).collect();
        let reads_unknown = || self.shell().is_some_and(|shell| shell.has_unknown_functions);
        !fields[0].overridable
            && fields[0].text().is_some_and(|name| {
                let is_bare =
                    || !name.contains('/') && self.environment.tables.program(name, &words).is_none();
                name.contains("::") || (reads_unknown() && is_bare())
            })
    }
}

fn is_condition(shell: &Shell) -> bool {
    shell.is_in_condition() && !shell.is_loop_condition()
}

/// `while inotifywait ...`, `while read line`: what the loop does is done for each of the things that come.
fn waits_for_event(condition: &Node) -> bool {
    match &condition.kind {
        NodeKind::Command(_) => condition.is_command(&["read", "inotifywait", "fswatch", "sleep"]),
        _ => condition.children().into_iter().any(waits_for_event),
    }
}

/// The statement of a list that a command is, with the redirections around it.
pub(super) fn statement_of<'s>(shell: &'s Shell, node: &Node) -> Option<&'s Node> {
    let Some(Frame::List { list, next }) = shell.frames.last() else { return None };
    let covers = |whole: &&Node| whole.span.contains(node.span);
    list.get(next.checked_sub(1)?).filter(covers)
}

/// True if a command is another one with more words.
fn is_begun_by(node: &Node, other: &Node) -> bool {
    let (NodeKind::Command(long), NodeKind::Command(short)) = (&node.kind, &other.kind) else { return false };
    let words = |command: &Command| command.words.iter().map(Word::literal).collect::<Option<Vec<String>>>();
    let (Some(long), Some(short)) = (words(long), words(short)) else { return false };
    !short.is_empty() && long.len() > short.len() && long.starts_with(&short)
}

/// True if something is left to do.
fn follows(frame: &Frame) -> bool {
    match frame {
        Frame::List { list, next } => *next < list.len(),
        Frame::Call { .. } | Frame::Source { .. } => false,
        _ => true,
    }
}
