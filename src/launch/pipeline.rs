//! Pipelines: which of their stages is the service, and whom the shell waits for.

use super::field::Field;
use super::machine::Machine;
use super::resolve::{Resolved, What};
use super::shell::{Status, Waiting};
use super::world::{Ended, Pid, Role, Started};
use crate::programs::{Family, Sound};
use crate::shell::{List, Node, NodeKind, Word};

impl Machine<'_, '_> {
    pub(super) fn wait_for_piped(&mut self, pids: Vec<Pid>, piped: Vec<Pid>, node: &Node) {
        let node = node.clone();
        self.with(|shell| {
            let rest = shell.rest_in_loop();
            shell.waiting = Waiting::Foreground { pids, piped, node, rest };
        });
    }

    /// `a | b`: every stage in a process of its own; the shell waits for all of them.
    pub(super) fn pipeline(&mut self, stages: &List, node: &Node) {
        if self.lists_no_jobs(stages) {
            self.set_status(Status::UNKNOWN);
            return;
        }
        if self.kills_read(stages) {
            return;
        }
        if self.reads_script(stages) {
            if self.stays(node) {
                self.stay_unknown(node, "what is run is read from a pipe");
            } else {
                self.set_status(Status::UNKNOWN);
            }
            return;
        }
        let ends_early = self.ends_early(stages);
        // Unknown commands in a pipeline feed or filter; the first of them is the one that may stay.
        let fed = self.fed_service(stages).filter(|_| self.world.stop.is_none());
        let main = fed.or_else(|| stages.iter().position(|stage| self.may_be_main(stage)));
        let mut pids = Vec::new();
        let mut piped = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let filter = main.is_some_and(|main| index > main) && matches!(stage.kind, NodeKind::Command(_));
            if ends_early && !self.is_known_to_stay(stage) {
                continue;
            }
            if !filter || self.is_known_to_stay(stage) {
                self.world.next_is_service |= fed == Some(index);
                let pid = self.fork(stage, Started::Foreground, Some(node));
                self.world.next_is_service &= fed != Some(index);
                pids.extend(pid);
                piped.extend(pid.filter(|_| index + 1 < stages.len() && !ends_early));
            }
        }
        if pids.is_empty() {
            self.set_status(Status::UNKNOWN);
        } else {
            // `echo "$1" | grep x`: the status is that of the last stage, which nobody knows.
            if let Some(last) = stages.last().filter(|_| main.is_none()) {
                pids.push(self.ended_unseen(last));
            }
            self.wait_for_piped(pids, piped, node);
        }
    }

    /// `tail -f /dev/null | server`: what only keeps the standard input open is not what the pipeline is about. A log that is followed may
    /// have a filter behind it, unless that sounds like a service.
    fn fed_service(&self, stages: &List) -> Option<usize> {
        let feeds = |stage: &&Node| matches!(self.stage_program(stage), Some(What::Helper));
        let is_silent = |stage: &Node| {
            let NodeKind::Command(command) = &stage.kind else { return false };
            let last = command.words.last().and_then(Word::literal);
            stage.is_command(&["sleep"]) || last.is_some_and(|file| file == "/dev/null")
        };
        let feeders = stages.iter().take_while(feeds).count();
        let service = stages.get(feeders).filter(|_| feeders > 0)?;
        let is_unknown = self.stage_program(service).is_some_and(|program| program.is_unseen());
        let serves = self.sound(service) == Sound::Service || stages[..feeders].iter().all(is_silent);
        (is_unknown && serves).then_some(feeders)
    }

    /// A process that has ended by now, nobody knows how.
    fn ended_unseen(&mut self, stage: &Node) -> Pid {
        let (identity, ignored) = (self.shell_identity(stage), self.ignored());
        let pid = self.world.spawn(self.pid, Started::Foreground, identity, Role::Helper, ignored);
        self.world.die(pid, None, Ended::Clean);
        pid
    }

    /// `a | b &`. A filter lives as long as what it reads from, and the job has its number. GNU tail ends when nobody reads from it any
    /// more (coreutils 8.28), busybox's does not (measured).
    pub(super) fn pipeline_in_background(&mut self, stages: &List) -> Option<Pid> {
        let ends_early = self.ends_early(stages);
        let is_gnu = self.environment.image.base.family != Family::Alpine;
        let mut pids: Vec<Pid> = Vec::new();
        for (index, stage) in stages.iter().enumerate() {
            let before = pids.last().copied().filter(|&pid| self.world.alive(pid) && !ends_early);
            let pid = match before {
                Some(writer) if self.is_trifle(stage) => {
                    let identity = self.shell_identity(stage);
                    let (parent, role) = (self.pid, Role::Follower(writer));
                    Some(self.world.spawn(parent, Started::Background, identity, role, self.ignored()))
                }
                _ => self.fork(stage, Started::Background, None),
            };
            let fed = before.filter(|_| is_gnu && index > 0 && stages[index - 1].is_command(&["tail"]));
            if let (Some(reader), Some(tail)) = (pid, fed.and_then(|tail| self.world.process_mut(tail)))
                && matches!(tail.role, Role::Helper)
            {
                tail.role = Role::Follower(reader);
            }
            pids.extend(pid);
        }
        let last = pids.last().copied();
        self.with(|shell| {
            shell.jobs.extend(&pids);
            shell.pipelines.push(pids);
        });
        last
    }

    /// `jobs -p | while read pid`: dash has no jobs to list in a part of a pipeline, and nothing is read.
    fn lists_no_jobs(&self, stages: &List) -> bool {
        let lists = self.shell().is_none_or(|shell| shell.dialect.lists_jobs_in_substitution());
        let is_loop = |stage: &Node| matches!(stage.kind, NodeKind::Loop(_));
        !lists && matches!(&stages[..], [jobs, reader] if jobs.is_command(&["jobs"]) && is_loop(reader))
    }

    /// `jobs -p | xargs kill`
    fn kills_read(&mut self, stages: &List) -> bool {
        let Some((last, feeding)) = stages.split_last() else { return false };
        let (NodeKind::Command(command), Some(expander)) = (&last.kind, self.expander()) else {
            return false;
        };
        let fields = expander.fields(&command.words, &last.excerpt);
        let Some(kill) = self.wrapped_kill(&fields).filter(|kill| kill.reads) else { return false };
        let read = expander.output(feeding);
        self.kill_wrapped(kill, read);
        true
    }

    /// `... | bash`, `... | xargs su`
    fn reads_script(&self, stages: &List) -> bool {
        stages.iter().skip(1).any(|stage| {
            self.stage(stage)
                .is_some_and(|program| matches!(program.what, What::Interactive) || program.converses)
        })
    }

    /// `echo "$MESSAGE" | send`, `cat file | load`: what the last stage reads ends.
    pub(super) fn is_fed(&self, stages: &List) -> bool {
        let is_builtin = |stage: &Node| stage.is_command(&["echo", "printf"]);
        let ends = |stage: &Node| match self.stage(stage) {
            Some(Resolved { what: What::Ends(_), stays_on_input, .. }) => {
                let reads_file =
                    || matches!(&stage.kind, NodeKind::Command(command) if command.words.len() > 1);
                !stays_on_input || reads_file()
            }
            _ => is_builtin(stage),
        };
        let Some((last, feeding)) = stages.split_last() else { return false };
        // xargs starts others with what it reads.
        let reads = |program: What| program.is_unseen();
        !feeding.is_empty() && feeding.iter().all(ends) && self.stage_program(last).is_some_and(reads)
    }

    /// `tail -F log | grep -q started`: the last stage ends at what it waits for, and the others with it.
    fn ends_early(&self, stages: &List) -> bool {
        let Some(NodeKind::Command(command)) = stages.last().map(|stage| &stage.kind) else { return false };
        let words: Vec<String> = command.words.iter().filter_map(Word::literal).collect();
        let short = |letter: char| {
            words
                .iter()
                .skip(1)
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains(letter))
        };
        match words.first().map(String::as_str) {
            Some("grep" | "egrep" | "fgrep") => {
                short('q') || short('m') || words.iter().any(|word| word == "--quiet")
            }
            Some("head") => true,
            _ => false,
        }
    }

    /// What a stage that is a simple command runs; `None` for compound commands, functions and built-ins.
    pub(super) fn stage_program(&self, stage: &Node) -> Option<What> {
        self.stage(stage).map(|resolved| resolved.what)
    }

    /// The same, with all that is known of it.
    pub(super) fn stage(&self, stage: &Node) -> Option<Resolved> {
        let (NodeKind::Command(command), Some(expander)) = (&stage.kind, self.expander()) else {
            return None;
        };
        let mut fields = expander.fields(&command.words, &stage.excerpt);
        if fields.first().and_then(Field::text) == Some("exec") {
            fields.remove(0);
        }
        let own = fields.first().and_then(Field::text).is_some_and(|name| {
            expander.shell.functions.contains_key(name) || super::builtins::is_builtin(name)
        });
        (!own && !fields.is_empty()).then(|| self.resolve(&fields, stage))
    }

    fn may_be_main(&self, stage: &Node) -> bool {
        match self.stage_program(stage) {
            Some(what) => !matches!(what, What::Ends(_)),
            None => !matches!(stage.kind, NodeKind::Command(_)),
        }
    }

    fn is_known_to_stay(&self, stage: &Node) -> bool {
        matches!(
            self.stage_program(stage),
            Some(What::Service(_) | What::Supervise(_) | What::Forward(_) | What::Shell(_))
        )
    }
}
