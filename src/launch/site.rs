//! The place in a script where a repair begins.

use std::sync::Arc;

use super::fault::{Cause, Job, Jobs, Site, TrapFlaw};
use super::hop::Loss;
use super::shell::{Frame, Origin, Rest, Shell, Trap, Waiting};
use super::signal::Signal;
use super::verdict::View;
use super::work::{is_at_work, preferred};
use super::world::{Death, Ended, Pid, Process, Role, Started, State};
use crate::programs::Reaction;
use crate::shell::{Node, NodeKind};
use crate::source::{Excerpt, Place};

impl View<'_> {
    /// The processes from PID 1 down to `pid`, by who waits for whom.
    pub(super) fn chain(&self, pid: Pid) -> Vec<&Process> {
        let mut chain = Vec::new();
        let mut at = pid;
        while let Some(process) = self.before.process(at) {
            chain.push(process);
            at = if process.pid == 1 { 0 } else { self.in_front_of(process) };
        }
        chain.reverse();
        chain
    }

    /// Who waits for a process, or keeps the container alive for what has left its parent: the script that started it, behind an init or
    /// another shell.
    fn in_front_of(&self, process: &Process) -> Pid {
        let parent = self.before.process(process.parent).map(|parent| &parent.role);
        let waits = matches!(parent, Some(Role::Forwarder(_) | Role::Shell(_)));
        if process.started != Started::Forked || !waits {
            return process.parent;
        }
        let from = |pid: Pid| self.before.process(pid).filter(|own| own.pid != process.parent);
        let mut scripts = std::iter::successors(from(process.born_of), |own| from(own.born_of));
        let stays = |own: &&Process| matches!(own.role, Role::Shell(_)) && self.before.alive(own.pid);
        scripts.find(stays).map_or(process.parent, |script| script.pid)
    }

    /// A job of a shell that is gone: nobody tells it.
    pub(super) fn orphaned(&self, job: &Process) -> Option<Loss> {
        let site = match job.started {
            Started::Forked => Site::Daemon,
            _ if !self.before.alive(job.born_of) => Site::Outlives,
            _ => self.left_by_exec(job).unwrap_or(Site::Process),
        };
        Some((Cause::OrphanedBackground, job.identity.place.clone()?, site))
    }

    /// The jobs of a shell that has replaced itself with a service, and the `exec` by which it did.
    fn left_by_exec(&self, job: &Process) -> Option<Site> {
        let process = self.before.process(job.born_of)?;
        let (shell, exec) = process.handed_over.as_deref()?;
        let wants = self.wanted(process.pid);
        let at = Job { node: exec.clone(), wants, leaves: false, side: false };
        matches!(process.role, Role::Service(_)).then(|| self.jobs_at(process, shell, at))
    }

    /// A trap, and the command in the foreground that it waits for.
    pub(super) fn deferred(&self, shell: &Shell, node: &Node) -> Site {
        let Some(trap) = self.stop_trap(shell) else { return Site::Process };
        Site::Deferred {
            node: node.clone(),
            action: Arc::clone(&trap.action),
            functions: called_by(trap, shell),
            pause: self.is_pause(shell),
        }
    }

    /// The trap that runs on the stop signal, and the jobs that it is to tell.
    pub(super) fn trap(&self, shell: &Shell, service: &Process) -> Site {
        let Some(trap) = self.stop_trap(shell) else { return Site::Process };
        let alive = shell.jobs.iter().filter(|&&job| self.leads_to_service(job, 0));
        let jobs = alive.filter_map(|&job| self.before.process(job)?.statement.clone());
        let mut above = std::iter::successors(Some(service), |process| self.before.process(process.parent));
        Site::Trap {
            action: Arc::clone(&trap.action),
            functions: called_by(trap, shell),
            jobs: jobs.collect(),
            is_job: above.any(|process| shell.jobs.contains(&process.pid)),
        }
    }

    pub(super) fn trap_place(&self, shell: &Shell) -> Option<Place> {
        Some(self.stop_trap(shell)?.place.clone())
    }

    fn stop_trap<'s>(&self, shell: &'s Shell) -> Option<&'s Trap> {
        shell.traps.get(&self.signal).or_else(|| shell.traps.get(&Signal::EXIT))
    }

    /// What is wrong with a trap that does run.
    pub(super) fn flaw(&self, process: &Process, service: &Process) -> TrapFlaw {
        let status = self.after.status_of(process.pid).map(|status| status.value);
        let told = self.heard(service.pid);
        match (status, told) {
            (Some(Some(139)), _) => TrapFlaw::Recursion,
            _ if self.is_killed(service) => TrapFlaw::Kills,
            (Some(_), true) => self.cut_short(service).unwrap_or(TrapFlaw::NotWaited),
            (Some(_), false) => TrapFlaw::ExitsWithoutTelling,
            (None, false) => TrapFlaw::NotTold,
            (None, true) => TrapFlaw::Endless,
        }
    }

    /// True for what a SIGKILL has ended while the container was still there.
    fn is_killed(&self, service: &Process) -> bool {
        let killed = Some(128 + i32::from(Signal::KILL.number()));
        let end = self.after.process(service.pid).map(|after| after.state);
        matches!(end, Some(State::Dead(death)) if death.how == Ended::Signal && death.status == killed)
    }

    /// The service was waited for, but the signal that the handler sent made it drop its work.
    fn cut_short(&self, service: &Process) -> Option<TrapFlaw> {
        let after = self.after.process(service.pid)?;
        let State::Dead(Death { how: Ended::Fast, .. }) = after.state else { return None };
        let Role::Service(Some(row)) = &service.role else { return None };
        let wanted = preferred(row)?;
        // What comes behind it comes too late.
        let got = *after.heard.iter().find(|heard| **heard != wanted)?;
        Some(TrapFlaw::OtherSignal { got, wanted })
    }

    pub(super) fn has_service_jobs(&self, shell: &Shell) -> bool {
        shell.jobs.iter().any(|&job| self.leads_to_service(job, 0))
    }

    fn leads_to_service(&self, pid: Pid, depth: usize) -> bool {
        if depth > 16 || !self.before.alive(pid) {
            return false;
        }
        let Some(process) = self.before.process(pid) else { return false };
        is_at_work(self.before, process)
            || self.before.children(pid).into_iter().any(|child| self.leads_to_service(child, depth + 1))
    }

    /// The shell's jobs that live, the servers that have left it, and where it stays.
    pub(super) fn jobs(&self, process: &Process, shell: &Shell, at: &Node) -> Site {
        self.jobs_at(process, shell, self.stays_at(shell, at))
    }

    fn jobs_at(&self, process: &Process, shell: &Shell, at: Job) -> Site {
        let own = self.statements(shell);
        let own = own.map(|(job, node)| {
            let (wants, side) = (self.wanted(job), self.is_side(job));
            Job { node: node.clone(), wants, leaves: false, side }
        });
        let mut jobs: Vec<Job> = own.chain(self.daemons(process)).collect();
        jobs.sort_by_key(|job| job.node.span.start);
        Site::Jobs(Jobs { jobs, at })
    }

    /// Where `exec` is no cure: it cannot tell servers that have put themselves into the background in front of the statement at which a
    /// shell stays, nor a program there that wants another signal than comes, and it cuts off what follows, a trap for EXIT included.
    pub(super) fn beyond_exec(&self, process: &Process) -> Option<Jobs> {
        let Role::Shell(shell) = &process.role else { return None };
        let Waiting::Foreground { node, pids, .. } = &shell.waiting else { return None };
        let jobs = self.daemons(process);
        let at = self.stays_at(shell, node);
        let wants_other = pids.first().is_some_and(|&pid| self.wants_other(pid));
        let cuts_off = shell.rest() == Rest::Commands || shell.traps.contains_key(&Signal::EXIT);
        (!jobs.is_empty() || wants_other || cuts_off).then_some(Jobs { jobs, at })
    }

    fn daemons(&self, shell: &Process) -> Vec<Job> {
        let left = |process: &&Process| {
            process.born_of == shell.pid
                && process.started == Started::Forked
                && self.before.alive(process.pid)
        };
        let job = |process: &Process| {
            let node = process.statement.clone()?;
            let (wants, side) = (self.wanted(process.pid), self.is_side(process.pid));
            Some(Job { node, wants, leaves: true, side })
        };
        self.before.processes().filter(left).filter_map(job).collect()
    }

    /// The statement at which a shell stays.
    fn stays_at(&self, shell: &Shell, node: &Node) -> Job {
        let wants = match &shell.waiting {
            Waiting::Foreground { pids, .. } => pids.first().and_then(|&pid| self.wanted(pid)),
            _ => None,
        };
        Job { node: node.clone(), wants, leaves: false, side: false }
    }

    fn is_side(&self, pid: Pid) -> bool {
        let process = self.before.process(pid);
        matches!(process.map(|process| &process.role), Some(Role::Service(Some(row))) if row.side)
    }

    /// The signal that a service is to be told by: SIGTERM or the stop signal, if it finishes on them, or else the one that it names.
    fn wanted(&self, pid: Pid) -> Option<Signal> {
        let Role::Service(row) = &self.before.process(pid)?.role else { return None };
        let row = row.as_ref()?;
        let finishes = |signal: &Signal| row.reaction(&signal.name(), false) == Reaction::Finishes;
        [Signal::TERM, self.signal].into_iter().find(finishes).or_else(|| preferred(row))
    }

    /// True for a service that is known to finish on another signal than the one that comes.
    fn wants_other(&self, pid: Pid) -> bool {
        let Some(Process { role: Role::Service(Some(row)), .. }) = self.before.process(pid) else {
            return false;
        };
        preferred(row).is_some_and(|wanted| wanted != self.signal)
    }

    /// Where the first of the jobs is started that have something to lose, or the first of all if none has. What a loop starts again and
    /// again is beside the others. Without jobs, where what is `below` is started if a shell that has ended has left it behind, or where
    /// the first server is that has put itself into the background.
    pub(super) fn first_job(
        &self,
        process: &Process,
        shell: &Shell,
        below: Option<&Process>,
    ) -> Option<Place> {
        let is_left = |below: &&Process| {
            below.started == Started::Background
                && below.born_of != process.pid
                && !self.has_service_jobs(shell)
        };
        if let Some(left) = below.filter(is_left) {
            return left.identity.place.clone();
        }
        let loops = |job: Pid| self.before.shell(job).is_some_and(Shell::is_in_loop);
        let rank = |job: Pid| match self.leads_to_service(job, 0) {
            true if !loops(job) => 0,
            true => 1,
            false => 2,
        };
        self.statements(shell)
            .map(|(job, statement)| (rank(job), place_of(statement)))
            .min_by_key(|(rank, place)| (*rank, place.span.start))
            .map(|(_, place)| place)
            .or_else(|| self.daemons(process).first().map(|job| place_of(&job.node)))
    }

    /// The statements that have started the shell's jobs, as far as these live.
    fn statements<'s>(&'s self, shell: &'s Shell) -> impl Iterator<Item = (Pid, &'s Node)> {
        shell
            .jobs
            .iter()
            .filter(|&&job| self.before.alive(job))
            .filter_map(|&job| Some((job, self.before.process(job)?.statement.as_ref()?)))
    }
}

/// The bodies of the functions that a trap calls.
fn called_by(trap: &Trap, shell: &Shell) -> Vec<Node> {
    let body = |node: &Node| match &node.kind {
        NodeKind::Command(command) => {
            let name = command.words.first()?.literal()?;
            shell.functions.get(&name).map(|body| Node::clone(body))
        }
        _ => None,
    };
    trap.action.iter().filter_map(body).collect()
}

pub(super) fn foreground(shell: &Shell, node: &Node, rest: Rest) -> Site {
    let calls = shell.frames.iter().filter_map(|frame| match frame {
        Frame::Call { name, .. } => Some(name.to_string()),
        _ => None,
    });
    let calls = calls.collect();
    Site::Foreground {
        node: node.clone(),
        rest,
        dialect: shell.dialect,
        calls,
        callers: callers(shell, node),
    }
}

/// The texts of the lists that a shell is in, but for the one that a statement stands in.
fn callers(shell: &Shell, node: &Node) -> Vec<Arc<Excerpt>> {
    let mut texts: Vec<Arc<Excerpt>> = Vec::new();
    for frame in &shell.frames {
        let Frame::List { list, .. } = frame else { continue };
        let Some(text) = list.first().map(|first| &first.excerpt) else { continue };
        if !texts.iter().any(|other| is_same(other, text)) && !is_same(text, &node.excerpt) {
            texts.push(Arc::clone(text));
        }
    }
    texts
}

fn is_same(one: &Excerpt, other: &Excerpt) -> bool {
    one.whole_place() == other.whole_place()
}

/// What a package runner's shell runs: a script of package.json, or a command. The shell may have given its place to the command; then
/// the runner knows where it has started it.
pub(super) fn package(below: &Process, started_in: Option<&str>) -> Site {
    let (own, directory) = match &below.role {
        Role::Shell(shell) => {
            let directory = shell.directory.as_deref();
            if let Origin::PackageCommand(manifest) = &shell.origin {
                let directory = directory.map(str::to_owned);
                let command = |manifest| Site::PackageCommand { manifest, directory };
                return manifest.clone().map_or(Site::Process, command);
            }
            (&below.identity, directory)
        }
        _ => match below.before.first() {
            Some(first) => (first, started_in),
            None => return Site::Process,
        },
    };
    let text = own.argv.last().and_then(|text| text.excerpt.clone());
    let is_script = |text: &Arc<Excerpt>| text.source().path().ends_with("package.json");
    match text.filter(|text| matches!(below.role, Role::Shell(_)) || is_script(text)) {
        Some(text) => {
            let alone = crate::project::package_json::runs_alone(&text);
            // Only the project's other files tell.
            Site::Package { text, alone, needs_runner: true, directory: directory.map(str::to_owned) }
        }
        None => Site::Process,
    }
}

/// The line a person would change: the command itself, not what is wrapped around it.
pub(super) fn place_of(node: &Node) -> Place {
    match &node.kind {
        NodeKind::Redirected(inner, _) | NodeKind::Not(inner) | NodeKind::Background(inner) => {
            place_of(inner)
        }
        _ => node.place(),
    }
}
