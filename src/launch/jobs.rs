//! `wait`, `fg` and `kill`: the built-ins that deal with jobs.

use super::dialect::Dialect;
use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::path::MishapKind;
use super::shell::{Frame, Rest, Shell, Status, Waiting, hands_over};
use super::signal::Signal;
use super::world::{Ended, Pid, Process, Role, Started, State};
use crate::programs::Kind;
use crate::shell::{Command, Node, NodeKind, Redirect};

impl Machine<'_, '_> {
    pub(super) fn wait(&mut self, arguments: &[Field], node: &Node) {
        let Some(shell) = self.shell() else { return };
        let (dialect, jobs) = (shell.dialect, shell.jobs.clone());
        let has_next = shell.dialect.has_wait_next(shell.bash_version);
        let mut any = false;
        let mut targets = Vec::new();
        let (mut named, mut disowned) = (false, false);
        for argument in arguments {
            match argument.text().filter(|_| !is_sketched(argument)) {
                Some("-n") if !has_next => {
                    self.mishap(MishapKind::WaitNext, node);
                    self.set_status(Status::known(2));
                    return;
                }
                // busybox takes the option and waits for all.
                Some("-n") => any = dialect.is_bash(),
                // The others refuse it.
                Some("-f") if !dialect.is_bash() => return self.set_status(Status::known(2)),
                Some("-f" | "--") => {}
                Some("-p") => {}
                // Two numbers in one word are none.
                Some(text) => {
                    named = true;
                    let pid = self.job_of(text);
                    disowned = pid.is_some_and(|pid| self.is_disowned(pid));
                    targets.extend(pid.filter(|pid| jobs.contains(pid)));
                }
                // A variable that nobody sets is no process.
                None if argument.unset => named = true,
                None => {
                    // Some child: any of those that live.
                    named = true;
                    targets.extend(jobs.iter().copied().filter(|&pid| self.world.alive(pid)));
                }
            }
        }
        // A pipeline is one job, by the number of its last part.
        if let Some(shell) = self.shell() {
            let members =
                shell.pipelines.iter().filter(|all| all.last().is_some_and(|last| targets.contains(last)));
            let mut more: Vec<Pid> = members.flat_map(|all| all.iter().copied()).collect();
            more.extend(targets);
            targets = more;
        }
        if !named {
            self.note_slow_jobs(&jobs);
            targets = if any {
                jobs.clone()
            } else {
                let readers = self.shell().map(|shell| shell.readers.clone()).unwrap_or_default();
                jobs.into_iter().chain(readers).filter(|&pid| self.world.alive(pid)).collect()
            };
            if targets.is_empty() {
                match self.waits_for_unread() {
                    true => {
                        self.stay_unknown(node, "what the script waits for was started by what is not known")
                    }
                    false => self.set_status(Status::known(if any { 127 } else { 0 })),
                }
                return;
            }
        } else if targets.is_empty() {
            self.set_status(Status::known(if disowned { 0 } else { 127 }));
            return;
        }
        if self.may_be_setup(&targets) && self.is_any_program(&targets) && self.is_left_to_caller() {
            return self.stay_unknown(node, "which program the script waits for is not known");
        }
        if named && !any && self.outlast(&targets) {
            self.set_status(Status::UNKNOWN);
            return;
        }
        if !any && self.may_be_setup(&targets) && self.more_follows() && !self.stays(node) {
            for pid in targets {
                self.world.die(pid, 0, Ended::Clean);
            }
            self.set_status(Status::UNKNOWN);
            return;
        }
        let node = node.clone();
        self.with(|shell| shell.waiting = Waiting::Wait { targets, any, node });
    }

    /// `(sleep 300; warm-up) &` has ended where the container stays; in the first minutes a `wait` for all in a stop is one for it as well.
    fn note_slow_jobs(&mut self, jobs: &[Pid]) {
        let Some((grace, at)) = self.world.stop.as_ref().map(|stop| (stop.grace, stop.at)) else { return };
        let has_slept = |process: &Process| {
            matches!(process.role, Role::Timer(_)) && process.lived().is_some_and(|lived| lived >= grace)
        };
        let has_ended = |job: &Process| matches!(job.state, State::Dead(death) if death.how == Ended::Clean && death.at <= at);
        let ended = jobs.iter().copied().filter(|&job| self.world.process(job).is_some_and(has_ended));
        let ended: Vec<Pid> = ended.collect();
        let is_below_job = |process: &Process| {
            let parent = |own: &&Process| self.world.process(own.born_of);
            let mut above = std::iter::successors(Some(process), parent);
            above.any(|own| ended.contains(&own.pid))
        };
        if self.world.processes().any(|process| has_slept(process) && is_below_job(process)) {
            let reason = "whether a job that sleeps for long has ended by the time of a stop is not known";
            self.world.path.unsure.get_or_insert_with(|| reason.into());
        }
    }

    /// `task & wait $!`: as in the foreground, a program of which nothing is known is setup if something after it stays.
    fn may_be_setup(&self, targets: &[Pid]) -> bool {
        let is_unknown = |pid: &Pid| {
            self.world.process(*pid).is_some_and(|process| {
                matches!(process.role, Role::Service(None)) && matches!(process.state, State::Running)
            })
        };
        let is_condition = self.shell().is_some_and(Shell::is_in_condition);
        self.world.stop.is_none() && !is_condition && targets.iter().all(is_unknown)
    }

    /// `eval "$commands"; wait; exec "$@"`: nobody waits where there are no jobs.
    fn waits_for_unread(&self) -> bool {
        let reads_unknown = self.shell().is_some_and(|shell| shell.reads_unknown && shell.jobs.is_empty());
        reads_unknown && self.is_left_to_caller()
    }

    /// True where nothing follows but what a caller may ask for: with the image's own arguments, what stands here is what it is for.
    fn is_left_to_caller(&self) -> bool {
        let Some(shell) = self.shell().filter(|shell| shell.rest() == Rest::Remarks) else { return false };
        let is_next = shell.frames.iter().any(|frame| match frame {
            Frame::List { list, next } => list[(*next).min(list.len())..].iter().any(hands_over),
            _ => false,
        });
        is_next && self.world.stop.is_none() && self.world.path.default
    }

    /// True if not even the name of a program is known.
    fn is_any_program(&self, targets: &[Pid]) -> bool {
        let name = |pid: &Pid| self.world.process(*pid)?.identity.argv.first()?.text();
        targets.iter().any(|pid| name(pid).is_none())
    }

    /// `wait $a; wait $b` and an `exit` behind it: nothing is started after which the jobs would have been setup.
    fn more_follows(&self) -> bool {
        self.shell().is_some_and(|shell| !self.only_trifles_follow(shell))
    }

    /// bash forgets the last job, those that are named, or all; with `-h` it only spares them SIGHUP. The others have no such command.
    pub(super) fn disown(&mut self, arguments: &[Field]) {
        let Some(shell) = self.shell().filter(|shell| shell.dialect.is_bash()) else {
            return self.set_status(Status::known(127));
        };
        let jobs = shell.jobs.clone();
        let words: Vec<&str> = arguments.iter().map(|word| word.text().unwrap_or("")).collect();
        let named = words.iter().filter(|word| !word.starts_with('-'));
        let mut named: Vec<Pid> = named.filter_map(|word| self.job_of(word)).collect();
        if words.iter().all(|word| word.starts_with('-')) {
            named = if words.contains(&"-a") { jobs } else { jobs.last().copied().into_iter().collect() };
        }
        if !words.contains(&"-h") {
            self.with(|shell| shell.jobs.retain(|job| !named.contains(job)));
        }
        self.set_status(Status::known(0));
    }

    /// `%2`, or the number of a process.
    fn job_of(&self, word: &str) -> Option<Pid> {
        match word.strip_prefix('%') {
            Some(job) => self.named_job(job),
            None => self.shell()?.dialect.number_for_wait(word).parse().ok(),
        }
    }

    /// True for a child of bash's that it has been told to forget: `wait` does not wait for it, and finds no fault.
    fn is_disowned(&self, pid: Pid) -> bool {
        let is_child =
            |process: &Process| process.parent == self.pid && process.started == Started::Background;
        self.shell().is_some_and(|shell| shell.dialect.is_bash() && !shell.jobs.contains(&pid))
            && self.world.alive(pid)
            && self.world.process(pid).is_some_and(is_child)
    }

    /// `fg`: the job goes to the foreground, and traps wait for it as for any foreground command.
    pub(super) fn foreground(&mut self, arguments: &[Field], node: &Node) {
        let Some(shell) = self.shell() else { return };
        let name = arguments.first().and_then(Field::text).unwrap_or("");
        match self.named_job(name.trim_start_matches('%')) {
            Some(pid) if shell.dialect.has_fg() && shell.monitor => {
                let node = node.clone();
                let rest = shell.rest();
                let (pids, piped) = (vec![pid], Vec::new());
                self.with(|shell| shell.waiting = Waiting::Foreground { pids, piped, node, rest });
            }
            // "No job control": the script goes on.
            _ if shell.dialect.is_bash() => self.set_status(Status::known(1)),
            _ => self.set_status(Status::known(2)),
        }
    }

    pub(super) fn kill(&mut self, arguments: &[Field]) {
        let Some(dialect) = self.shell().map(|shell| shell.dialect) else { return };
        let (signal, targets) = match kill_options(arguments, dialect) {
            Options::Send(signal, targets) => (signal, targets),
            Options::List => return self.set_status_quietly(Status::known(0)),
            Options::Refused => return self.set_status(Status::known(1)),
            Options::Unclear => return self.set_status(Status::UNKNOWN),
        };
        let (mut sent, mut missed, mut unknown) = (false, false, false);
        for field in targets {
            if is_sketched(field) {
                unknown = true;
                continue;
            }
            if dialect.kill_stops_at_others() && is_no_target(field) {
                self.set_status(Status::known(2));
                return;
            }
            // bash alone goes on behind a job that it does not have.
            if !dialect.is_bash() && self.is_missing_job(field) {
                self.set_status(Status::known(2));
                return;
            }
            match field.text() {
                Some(text) if dialect.kill_splits_words() => {
                    for target in text.split_whitespace() {
                        let there = self.kill_target(target, signal);
                        (sent, missed) = (sent || there, missed || !there);
                    }
                }
                Some(text) => {
                    let there = self.kill_target(text, signal);
                    (sent, missed) = (sent || there, missed || !there);
                }
                // A variable that nobody sets is no process.
                None if field.unset => missed = true,
                None => unknown = true,
            }
        }
        if unknown {
            // A number from a file or a command: taken to be the right one.
            self.tell_jobs(signal);
            self.set_status(Status::UNKNOWN);
            return;
        }
        let sent = sent && !(missed && dialect.kill_needs_all());
        self.set_status(Status::of(sent));
    }

    /// True in a handler for a program that talks to others (`curl`), and for `echo stop > console` where something that runs reads from
    /// `console`, or it is a descriptor that is kept open: who hears it may do as it is told.
    pub(super) fn may_talk_to_job(&self, command: &Command, fields: &[Field]) -> bool {
        let handles = |process: &Process| {
            let shell = self.world.shell(process.pid);
            shell.is_some_and(|shell| shell.frames.iter().any(|frame| matches!(frame, Frame::Trap { .. })))
        };
        if self.world.stop.is_none() || !self.world.processes().any(handles) {
            return false;
        }
        let Some(expander) = self.expander() else { return false };
        let name = fields.first().and_then(Field::text);
        if name.is_some_and(|name| self.environment.tables.is_speaker(name)) {
            return true;
        }
        let writes = command.redirects.iter().filter(|redirect| redirect.operator.starts_with('>'));
        writes.filter_map(|redirect| redirect.target.as_ref()).any(|target| {
            let Field { text: Some(path), .. } = expander.string(target) else { return false };
            let is_kept_open = path.parse().is_ok_and(|descriptor: u32| descriptor > 2);
            is_kept_open
                || path.starts_with("/proc/")
                || path.starts_with('/') && !path.starts_with("/dev/") && self.is_read(&path)
        })
    }

    /// True if a process that runs was started with this path as an argument or as its standard input.
    fn is_read(&self, path: &str) -> bool {
        let Some(expander) = self.expander() else { return false };
        let is_input = |redirect: &Redirect| {
            let target = redirect.target.as_ref().filter(|_| redirect.operator == "<");
            target.is_some_and(|target| expander.string(target).text() == Some(path))
        };
        self.world.processes().filter(|process| self.world.alive(process.pid)).any(|process| {
            let input = process.statement.as_ref().is_some_and(|job| match &job.kind {
                NodeKind::Command(command) => command.redirects.iter().any(is_input),
                _ => false,
            });
            input || process.identity.argv.iter().any(|word| word.text() == Some(path))
        })
    }

    /// True for `%2` where there is one job.
    fn is_missing_job(&self, field: &Field) -> bool {
        let number = field.text().and_then(|text| text.strip_prefix('%')?.parse::<usize>().ok());
        number.is_some_and(|number| number > self.job_numbers().len())
    }

    /// The shell's jobs, each by the number of its process; a pipeline by that of its last part.
    fn job_numbers(&self) -> Vec<Pid> {
        let Some(shell) = self.shell() else { return Vec::new() };
        let is_inner =
            |pid: &Pid| shell.pipelines.iter().any(|all| all[..all.len().max(1) - 1].contains(pid));
        shell.jobs.iter().copied().filter(|pid| !is_inner(pid)).collect()
    }

    /// The job with this name behind its `%` (POSIX, Job Control Job ID; measured without job control, where only bash knows what a job
    /// was started with): `%1`, `%%`, `%-`, `%server`, `%?erv`.
    fn named_job(&self, name: &str) -> Option<Pid> {
        let jobs = self.job_numbers();
        let knows_texts = self.shell()?.dialect.is_bash();
        let text = |pid: &Pid| {
            let statement = self.world.process(*pid)?.statement.as_ref()?;
            statement.excerpt.text().get(statement.span.start..statement.span.end)
        };
        let mut current = jobs.iter().rev().copied().filter(|&pid| self.world.alive(pid));
        match name {
            "" | "%" | "+" => current.next(),
            // With one job, bash takes that for the one before it, too.
            "-" => {
                let only = current.next();
                current.next().or(only.filter(|_| knows_texts))
            }
            _ if name.bytes().all(|byte| byte.is_ascii_digit()) => {
                jobs.get(name.parse::<usize>().ok()?.checked_sub(1)?).copied()
            }
            _ if !knows_texts => None,
            _ => {
                let is_named = |pid: &&Pid| match name.strip_prefix('?') {
                    Some(part) => text(pid).is_some_and(|text| text.contains(part)),
                    None => text(pid).is_some_and(|text| text.starts_with(name)),
                };
                // A name that fits two jobs is none.
                let mut named = jobs.iter().filter(is_named);
                named.next().copied().filter(|_| named.next().is_none())
            }
        }
    }

    fn kill_target(&mut self, target: &str, signal: Signal) -> bool {
        if let Some(job) = target.strip_prefix('%') {
            let knows = self.shell().is_some_and(|shell| shell.monitor || shell.dialect.kill_knows_jobs());
            let Some(pid) = self.named_job(job).filter(|_| knows) else { return false };
            let pipelines = self.shell().map_or(&[][..], |shell| &shell.pipelines);
            let parts =
                pipelines.iter().find(|all| all.last() == Some(&pid)).cloned().unwrap_or_else(|| vec![pid]);
            return self.send_all(parts, signal);
        }
        let pid = self.pid;
        // Blanks around a number are skipped: `pids="$pids $!"`.
        match target.trim().parse::<i64>() {
            Ok(0) => self.send_all(self.world.group_of(pid), signal),
            Ok(-1) => {
                let others: Vec<Pid> = self
                    .world
                    .processes()
                    .map(|p| p.pid)
                    .filter(|&other| other != pid && other != 1)
                    .collect();
                self.send_all(others, signal)
            }
            Ok(negative) if negative < 0 => {
                let group = usize::try_from(-negative).unwrap_or(0);
                let members: Vec<Pid> =
                    self.world.processes().filter(|p| p.group == group).map(|p| p.pid).collect();
                self.send_all(members, signal)
            }
            Ok(number) => usize::try_from(number).is_ok_and(|pid| self.world.send(pid, signal)),
            Err(_) => false,
        }
    }

    /// Others first, the sender itself last, as it sees it: its own handler runs when `kill` has returned.
    fn send_all(&mut self, mut pids: Vec<Pid>, signal: Signal) -> bool {
        let own = self.pid;
        pids.sort_by_key(|&pid| pid == own);
        let mut sent = false;
        for pid in pids {
            sent |= self.world.send(pid, signal);
        }
        sent
    }

    /// The shell's own jobs get the signal, and daemons and orphans, which are nobody's. Who looks for the number of a process means the service, not
    /// the script or the wrapper in front of it.
    pub(super) fn tell_jobs(&mut self, signal: Signal) {
        for pid in self.meant_by_number() {
            self.tell_job(pid, signal);
        }
    }

    /// The shell's own jobs, and daemons and orphans, which are nobody's: whom a number that is not known may mean.
    pub(super) fn meant_by_number(&self) -> Vec<Pid> {
        let own = self.pid;
        let jobs = self.nearest_jobs();
        self.world
            .processes()
            .filter(|process| process.pid != own && process.pid != 1 && process.state == State::Running)
            .filter(|process| {
                let is_orphan = process.started == Started::Forked || process.born_of != process.parent;
                let daemon = is_orphan && process.parent == 1;
                let serves = matches!(process.role, Role::Service(_));
                jobs.contains(&process.pid) || (daemon && serves)
            })
            .map(|process| process.pid)
            .collect()
    }

    fn tell_job(&mut self, pid: Pid, signal: Signal) {
        let mut meant = Vec::new();
        let role = self.world.process(pid).map(|process| &process.role);
        let wraps = matches!(role, Some(Role::Forwarder(wrapper)) if wrapper.program.kind != Kind::Init);
        if wraps || matches!(role, Some(Role::Shell(shell)) if !shell.catches(signal)) {
            self.services_below(pid, &mut meant);
        }
        if wraps && !meant.is_empty() {
            let reason = "whether the trap tells a program or the wrapper in front of it is not known";
            self.world.path.unsure.get_or_insert_with(|| reason.into());
        }
        if meant.is_empty() {
            meant.push(pid);
        }
        for pid in meant {
            self.world.send(pid, signal);
        }
    }

    /// The shell's jobs; those of the next shell above it where it has none itself: `jobs -p | while read pid; do kill $pid; done`.
    fn nearest_jobs(&self) -> Vec<Pid> {
        let mut above = Vec::new();
        let mut pid = self.pid;
        while let Some(process) = self.world.process(pid).filter(|_| !above.contains(&pid)) {
            let shell = self.world.shell(pid);
            let jobs = shell.into_iter().flat_map(|shell| shell.jobs.iter().copied());
            let jobs: Vec<Pid> = jobs.filter(|job| !above.contains(job)).collect();
            if !jobs.is_empty() {
                return jobs;
            }
            above.push(pid);
            pid = process.parent;
        }
        Vec::new()
    }

    fn services_below(&self, pid: Pid, found: &mut Vec<Pid>) {
        for child in
            self.world.children(pid).into_iter().filter(|&child| child != pid && self.world.alive(child))
        {
            match self.world.process(child) {
                Some(process) if process.is_service() => found.push(child),
                _ => self.services_below(child, found),
            }
        }
    }
}

/// What `kill` is told to do.
pub(super) enum Options<'a> {
    /// This signal, to these.
    Send(Signal, &'a [Field]),
    /// `-l`
    List,
    /// An option that this shell does not take.
    Refused,
    /// A signal that is not known.
    Unclear,
}

pub(super) fn kill_options(arguments: &[Field], dialect: Dialect) -> Options<'_> {
    let has_prefix = |name: &str| name.get(..3).is_some_and(|prefix| prefix.eq_ignore_ascii_case("SIG"));
    let refuses = |name: &str| has_prefix(name) && !dialect.kill_knows_sig_names();
    let text = |at: usize| arguments.get(at).and_then(Field::text);
    let (name, mut at) = match text(0) {
        Some("--") => ("TERM", 0),
        Some("-l") => return Options::List,
        Some("-n") if !dialect.is_bash() => return Options::Refused,
        Some("-s" | "-n") => (text(1).unwrap_or(""), 2),
        Some(word) => match word.strip_prefix('-') {
            // `-sTERM`: busybox takes that for a name.
            Some(name) if dialect == Dialect::Ash && Signal::parse(name).is_none() => {
                return Options::Refused;
            }
            Some(name) => (name.strip_prefix('s').filter(|n| Signal::parse(n).is_some()).unwrap_or(name), 1),
            None => ("TERM", 0),
        },
        None => ("TERM", 0),
    };
    if refuses(name) {
        return Options::Refused;
    }
    let is_option = at == 0 || dialect.is_bash() || (at == 2 && dialect == Dialect::Dash);
    if text(at) == Some("--") && is_option {
        at += 1;
    }
    match Signal::parse(name) {
        Some(signal) => Options::Send(signal, &arguments[at.min(arguments.len())..]),
        None => Options::Unclear,
    }
}

/// True for what was put into a handler when that was set, and is not known: `trap "kill $(jobs -p | tr '\\n' ' ')" TERM`.
fn is_sketched(field: &Field) -> bool {
    field.text().is_some_and(|text| text.contains(UNKNOWN))
}

/// True for what is neither a number nor a job, nor unknown.
fn is_no_target(field: &Field) -> bool {
    let is_quoted = field.written.as_deref().is_some_and(|written| written.starts_with('"'));
    match field.text() {
        Some(text) => !text.starts_with('%') && text.trim().parse::<i64>().is_err(),
        None => field.unset && is_quoted,
    }
}
