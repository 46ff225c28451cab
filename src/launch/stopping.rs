//! Programs that look at processes or stop them: pkill, pgrep, `nginx -s quit`, `pg_ctl stop` and the like.

use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::resolve::What;
use super::shell::{Origin, Status};
use super::signal::Signal;
use super::supervise;
use super::world::{Ended, Pid, Process, Role, Started, State, World};
use crate::programs::{Inner, Kind, parts_of};
use crate::shell::{Node, NodeKind, Part, Redirect, Word};
use crate::source::base_name;

/// A service and its program have as many letters in common, at least.
const ALIKE: usize = 3;

/// A `kill` that a wrapper runs.
pub(super) struct WrappedKill {
    /// Its arguments.
    pub(super) arguments: Vec<Field>,
    /// True if the wrapper adds what it reads.
    pub(super) reads: bool,
    /// True if it takes what it reads in another way than word by word.
    pub(super) is_odd: bool,
    /// True if it runs as a child of the wrapper, which may have put it into a group of its own.
    pub(super) is_child: bool,
}

impl Machine<'_, '_> {
    /// `service app stop &` in a handler: true if it is such a command, and it is done.
    pub(super) fn stops_in_background(&mut self, fields: &[Field]) -> bool {
        let words: Vec<&str> = fields.iter().map(|field| field.text().unwrap_or("")).collect();
        let stops = self.world.stop.is_some()
            && words.split_first().is_some_and(|(name, arguments)| self.says_stop(name, arguments));
        if stops {
            self.stop_services(words.first().and_then(|name| named_service(name, &words[1..])));
        }
        stops
    }

    /// `supervisorctl stop all` in a handler: the supervisor tells its programs, and the command returns when they have ended. False if
    /// it is something else.
    pub(super) fn stops_supervised(&mut self, fields: &[Field], node: &Node) -> bool {
        let words: Vec<&str> = fields.iter().map(|field| field.text().unwrap_or("")).collect();
        let Some((name, arguments)) = words.split_first() else { return false };
        let stop = arguments.iter().position(|argument| *argument == "stop");
        let (Some(stop), true) = (stop, name.ends_with("supervisorctl") && self.world.stop.is_some()) else {
            return false;
        };
        let told = self.world.stop_supervised(&arguments[stop + 1..]);
        if !self.follow(told, node) {
            self.set_status_quietly(Status::known(0));
        }
        true
    }

    /// `tail --pid=$(pgrep server)` in a stop: a number from a command or a file is taken for that of a service which has been told. False if
    /// there is none.
    pub(super) fn waits_for_told(&mut self, node: &Node) -> bool {
        let is_told = |process: &&Process| process.is_service() && !process.heard.is_empty();
        let told = self.world.processes().filter(is_told).map(|process| process.pid);
        let told = told.filter(|&pid| self.world.alive(pid)).collect();
        self.world.stop.is_some() && self.follow(told, node)
    }

    /// Stays until these processes have ended; false if there are none.
    fn follow(&mut self, pids: Vec<Pid>, node: &Node) -> bool {
        let identity = self.shell_identity(node);
        let ignored = self.ignored();
        let waiting: Vec<Pid> = pids
            .into_iter()
            .map(|pid| {
                let (identity, role) = (identity.clone(), Role::Follower(pid));
                self.world.spawn(self.pid, Started::Foreground, identity, role, ignored.clone())
            })
            .collect();
        let waits = !waiting.is_empty();
        if waits {
            self.wait_for(waiting, node);
        }
        waits
    }

    /// Runs a program that acts on processes; false if it is none.
    pub(super) fn act_on_processes(&mut self, fields: &[Field], node: &Node) -> bool {
        let words: Vec<&str> = fields.iter().map(|field| field.text().unwrap_or("")).collect();
        let Some((name, arguments)) = words.split_first() else { return false };
        if let Some(kill) = self.wrapped_kill(fields) {
            let read = if kill.reads { self.input_of(node) } else { Vec::new() };
            self.kill_wrapped(kill, read);
            return true;
        }
        if let Some(inner) = self.wrapped(fields)
            && self.act_on_processes(inner, node)
        {
            return true;
        }
        let service = named_service(name, arguments);
        let name = base_name(name);
        match name {
            "kill" => {
                self.kill(&fields[1..]);
            }
            "pgrep" | "pidof" => {
                let found = !self.looked_for(arguments).is_empty();
                // A process that the model does not know by that name may still be there.
                self.set_status(if found { Status::known(0) } else { Status::UNKNOWN });
            }
            "ps" => match pid_option(arguments) {
                Some(pid) => self.set_status(Status::of(self.world.alive(pid))),
                None => self.set_status_quietly(Status::UNKNOWN),
            },
            "pkill" | "killall" | "killall5" => {
                let signal = sent_by(arguments).unwrap_or(Signal::TERM);
                let found = self.looked_for(arguments);
                if found.is_empty() {
                    self.tell_jobs(signal);
                } else {
                    for pid in found {
                        self.world.send(pid, signal);
                    }
                }
                self.set_status(Status::UNKNOWN);
            }
            // Whoever holds a file or a port open; `skill` names a terminal or a user.
            "fuser" if arguments.iter().any(|word| is_flag(word, 'k')) => {
                self.kill_somebody(sent_by(arguments).unwrap_or(Signal::KILL));
            }
            "skill" => self.kill_somebody(sent_by(arguments).unwrap_or(Signal::TERM)),
            "supervisorctl" if self.world.stop.is_none() && arguments.contains(&"start") => {
                let names = arguments.iter().skip_while(|word| **word != "start").skip(1).copied();
                supervise::start_waiting(self.world, self.environment, &names.collect::<Vec<_>>());
                self.set_status(Status::UNKNOWN);
            }
            _ if self.signals_its_like(name, arguments) => self.set_status_quietly(Status::known(0)),
            _ if self.asks_to_stop(name, fields) => {
                self.ask_services();
                self.set_status_quietly(Status::known(0));
            }
            _ if self.says_stop(name, arguments) && !self.reads_how_to_stop(fields, node) => {
                self.stop_services(service);
                self.set_status_quietly(Status::UNKNOWN);
            }
            _ => return false,
        }
        true
    }

    /// `timeout 5 pkill server`, `busybox killall server`: what the wrapper is given to run.
    fn wrapped<'f>(&self, fields: &'f [Field]) -> Option<&'f [Field]> {
        let (name, words) = fields.split_first()?;
        let arguments: Vec<Option<&str>> = words.iter().map(Field::option).collect();
        let row = self.environment.tables.program(name.text()?, &arguments)?;
        let wraps = matches!(row.kind, Kind::Exec | Kind::Fork | Kind::Detach) && row.language.is_none();
        match row.inner_command(&arguments) {
            Inner::Command { name, .. } if wraps => words.get(name..),
            _ => None,
        }
    }

    /// Before the stop, somebody who is told to end is a temporary server, by the number that is looked up. In a handler it may be anybody.
    fn kill_somebody(&mut self, signal: Signal) {
        match self.world.stop.is_some() {
            true => self.world.path.may_have_told = true,
            false => self.tell_jobs(signal),
        }
        self.set_status(Status::UNKNOWN);
    }

    /// `nohup kill`, `timeout 5 kill`, `xargs -r kill -TERM`
    pub(super) fn wrapped_kill(&self, fields: &[Field]) -> Option<WrappedKill> {
        let is_kill = |field: &Field| field.text().is_some_and(|name| base_name(name) == "kill");
        if !fields.iter().skip(1).any(is_kill) {
            return None;
        }
        let (name, words) = fields.split_first()?;
        let arguments: Vec<Option<&str>> = words.iter().map(Field::option).collect();
        let row = self.environment.tables.program(name.text()?, &arguments)?;
        let Inner::Command { name, .. } = row.inner_command(&arguments) else { return None };
        let (command, reads, is_child) = (words.get(name..)?, row.args.from_input, row.kind != Kind::Exec);
        let Some((_, arguments)) = command.split_first().filter(|(name, _)| is_kill(name)) else {
            let inner = self.wrapped_kill(command)?;
            let (reads, is_child) = (reads || inner.reads, is_child || inner.is_child);
            return Some(WrappedKill { reads, is_child, ..inner });
        };
        let is_hole = |word: &&Field| word.text() == Some("{}");
        let is_odd = |word: &Field| {
            let is_one_of = |options: [&str; 7]| {
                options.iter().any(|option| word.text().is_some_and(|text| text.starts_with(option)))
            };
            is_one_of(["-0", "--null", "-d", "--delim", "-a", "--arg-file", "-L"])
        };
        // `xargs -I{} kill {}` takes a line as one word.
        let is_odd =
            reads && (arguments.iter().any(|word| is_hole(&word)) || words[..name].iter().any(is_odd));
        // A program of its own knows nothing of the shell's jobs.
        let is_job = |word: &&Field| word.text().is_some_and(|text| text.starts_with('%'));
        let arguments = arguments.iter().filter(|word| !is_hole(word) && !is_job(word)).cloned().collect();
        Some(WrappedKill { arguments, reads, is_odd, is_child })
    }

    /// Kills what is named, and what was read; where that is not known, it may be anybody.
    pub(super) fn kill_wrapped(&mut self, kill: WrappedKill, read: Vec<Field>) {
        let WrappedKill { mut arguments, is_odd, is_child, .. } = kill;
        let is_group = |word: &Field| word.text() == Some("0");
        if is_child && arguments.iter().any(is_group) {
            self.world.path.may_have_told = true;
            self.set_status(Status::UNKNOWN);
            return;
        }
        if read.iter().any(|word| word.text().is_none()) || (is_odd && read.len() > 1) {
            let words: Vec<&str> = arguments.iter().filter_map(Field::text).collect();
            return self.kill_somebody(sent_by(&words).unwrap_or(Signal::TERM));
        }
        arguments.extend(read);
        self.kill(&arguments);
    }

    /// What a command reads from `<<< words` and `< file`.
    fn input_of(&self, node: &Node) -> Vec<Field> {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return vec![Field::default()];
        };
        let input = command.redirects.iter().rfind(|redirect| redirect.operator.starts_with('<'));
        let target = |redirect: &Redirect| Some(expander.string(redirect.target.as_ref()?));
        let text = input.and_then(|redirect| match (redirect.operator.as_str(), target(redirect)?.text()?) {
            ("<<<", words) => Some(words.to_owned()),
            ("<", path) => expander.noted(path),
            _ => None,
        });
        Field::words(text.as_deref())
    }

    /// `while pgrep job; do sleep 1; done` in a handler waits for what ends by itself: jobs of the shell that nobody has told. A server
    /// that the tables know does not.
    pub(super) fn await_jobs(&mut self, condition: &[Node]) {
        if self.world.stop.is_none() || !looks_for_processes(condition) {
            return;
        }
        let jobs = self.shell().map(|shell| shell.jobs.clone()).unwrap_or_default();
        for pid in jobs {
            let is_alive = self.world.alive(pid);
            let Some(process) = self.world.process_mut(pid) else { continue };
            if is_alive && matches!(process.role, Role::Service(None)) && process.heard.is_empty() {
                process.heard.push(Signal::TERM);
                self.world.die(pid, 0, Ended::Clean);
            }
        }
    }

    /// `nginx -s quit`: it signals the one that runs, and does not wait for it.
    fn signals_its_like(&mut self, name: &str, arguments: &[&str]) -> bool {
        let Some(signal) = sent(arguments) else { return false };
        let running = self.looked_for(&[name]);
        for &pid in &running {
            self.world.send(pid, signal);
        }
        !running.is_empty()
    }

    /// `nginx -s quit`, `pg_ctl stop`, `mysqladmin shutdown`, `/stop.sh`: in the words people use for it. Where a stop is what is asked for,
    /// parts of words will do: `agentstop.sh`, `manager StopAll`, `wlst.sh stop-server.py`.
    fn says_stop(&self, name: &str, arguments: &[&str]) -> bool {
        says_stop(name, arguments)
            || (self.world.stop.is_some()
                && (is_named_for_stop(name)
                    || (!self.environment.tables.is_speaker(name)
                        && arguments.iter().any(|argument| begins_with_stop(argument)))))
    }

    /// True for a handler's stop script that can be read: what it does is followed, whatever its name says.
    fn reads_how_to_stop(&self, fields: &[Field], node: &Node) -> bool {
        self.world.stop.is_some() && matches!(self.resolve(fields, node).what, What::Shell(_))
    }

    /// The other processes that `pkill` and the like mean.
    fn looked_for(&self, arguments: &[&str]) -> Vec<Pid> {
        self.world.looked_for(arguments).filter(|&pid| pid != self.pid).collect()
    }

    /// `rcon stop`, `screen -X stuff "stop\n"` in a handler: a word for it, which is handed on to what runs.
    fn asks_to_stop(&self, name: &str, fields: &[Field]) -> bool {
        let arguments: Vec<Option<&str>> = fields[1..].iter().map(Field::option).collect();
        let only_asks = || self.environment.tables.program(name, &arguments).is_some_and(|row| row.only_asks);
        let texts = || fields[1..].iter().filter_map(|field| field.text().or(field.sketch.as_deref()));
        self.world.stop.is_some() && texts().any(is_typed_stop) && only_asks()
    }

    /// The services begin to end, without a signal; whether anybody waits for them is another matter.
    fn ask_services(&mut self) {
        let running = |process: &&Process| process.state == State::Running && process.is_service();
        let asked: Vec<Pid> = self.world.processes().filter(running).map(|process| process.pid).collect();
        for pid in asked {
            let until = self.world.finished_at(pid);
            if let Some(process) = self.world.process_mut(pid) {
                process.state = State::Finishing { until, fast: false };
            }
        }
    }

    /// A program's own stop command: the services end in good order, and the command returns when they have. `named`: the one that it
    /// names; before the stop it ends no other.
    fn stop_services(&mut self, named: Option<&str>) {
        let running = |process: &&Process| {
            process.state == State::Running && process.pid != 1 && matches!(process.role, Role::Service(_))
        };
        let services = || self.world.processes().filter(running);
        let is_it = |process: &Process| named.is_none_or(|name| goes_by(process, name));
        let is_open = self.world.stop.is_some() && !services().any(is_it);
        let ended: Vec<Pid> =
            services().filter(|process| is_open || is_it(process)).map(|process| process.pid).collect();
        if self.world.stop.is_some() && named.is_none() && ended.len() > 1 {
            let reason = "which of the services a stop command ends is not known";
            self.world.path.unsure.get_or_insert_with(|| reason.into());
        }
        for pid in ended {
            if let Some(process) = self.world.process_mut(pid) {
                process.heard.push(Signal::TERM);
            }
            self.world.die(pid, 0, Ended::Clean);
        }
    }
}

impl World {
    /// Living processes whose program has one of these names; with `-f` those in whose command line it stands, and with `-P $$` all children
    /// of a process, whatever they run.
    pub(super) fn looked_for(&self, arguments: &[&str]) -> impl Iterator<Item = Pid> {
        let (parent, text) = (parent_option(arguments), text_option(arguments));
        let is_meant = move |process: &&Process| match (parent, text) {
            (Some(parent), _) => process.parent == parent,
            (None, Some(text)) => self.command_line(process).contains(text),
            (None, None) => {
                let own = base_name(process.identity.argv.first().and_then(Field::text).unwrap_or(""));
                !own.is_empty() && !own.starts_with('-') && arguments.contains(&own)
            }
        };
        self.processes().filter(|process| self.alive(process.pid)).filter(is_meant).map(|process| process.pid)
    }

    /// The words that a process was started with; a subshell has those of its shell.
    pub(super) fn command_line(&self, process: &Process) -> String {
        let is_fork =
            |own: &&Process| matches!(&own.role, Role::Shell(shell) if matches!(shell.origin, Origin::Fork));
        let mut own = process;
        while let Some(parent) = self.process(own.born_of).filter(|_| is_fork(&own)) {
            own = parent;
        }
        let words = own.identity.argv.iter().map(|word| word.text().unwrap_or(UNKNOWN));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// `pkill -f "server --port"`: what stands in the command line; `None` where that is a pattern.
fn text_option<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let is_flag = |word: &&str| word.strip_prefix('-').is_some_and(|letters| letters.contains('f'));
    let at = arguments.iter().position(is_flag)?;
    let text = arguments[at..].iter().find(|word| !word.starts_with('-'))?;
    (!text.is_empty() && !text.contains(|c| "*+?[](){}|^$\\".contains(c))).then_some(text)
}

/// `service app stop`, `/etc/init.d/app stop`, `systemctl stop app`: the name of the service.
fn named_service<'a>(name: &'a str, arguments: &[&'a str]) -> Option<&'a str> {
    let base = base_name(name);
    match (base, arguments) {
        ("service" | "rc-service" | "invoke-rc.d", [service, ..]) => Some(service),
        ("systemctl", [.., service]) => Some(service),
        (script, [_]) if name.contains("/init.d/") => Some(script),
        _ => None,
    }
}

/// True if a word of a process's command line begins like the name of a service: `mysqld_safe` for `mysql`.
fn goes_by(process: &Process, service: &str) -> bool {
    let alike = |word: &str| {
        let base = base_name(word);
        base.bytes().zip(service.bytes()).take_while(|(one, other)| one == other).count() >= ALIKE
    };
    process.identity.argv.iter().filter_map(Field::text).any(alike)
}

/// True for `pgrep name`, `[ -n "$(pidof name)" ]`, `ps | grep name`.
pub(super) fn looks_for_processes(list: &[Node]) -> bool {
    let in_word = |word: &Word| {
        word.parts
            .iter()
            .any(|part| matches!(part, Part::Substitution(inner, _) if looks_for_processes(inner)))
    };
    list.iter().any(|node| match &node.kind {
        NodeKind::Command(command) => {
            node.is_command(&["pgrep", "pidof", "ps"]) || command.words.iter().any(in_word)
        }
        NodeKind::Test(words) => words.iter().any(in_word),
        _ => node.children().into_iter().any(|child| looks_for_processes(std::slice::from_ref(child))),
    })
}

/// `-9`, `-TERM`, `-SIGTERM`
fn sent_by(arguments: &[&str]) -> Option<Signal> {
    arguments.iter().find_map(|argument| argument.strip_prefix('-').and_then(Signal::parse))
}

/// True for `-k` and `-sk`.
fn is_flag(word: &str, letter: char) -> bool {
    word.strip_prefix('-').is_some_and(|letters| {
        letters.contains(letter) && letters.bytes().all(|byte| byte.is_ascii_lowercase())
    })
}

/// The signal that `-s stop` and `-s quit` stand for.
fn sent(arguments: &[&str]) -> Option<Signal> {
    let at = arguments.iter().position(|argument| *argument == "-s")?;
    match *arguments.get(at + 1)? {
        "quit" => Some(Signal::QUIT),
        "stop" => Some(Signal::TERM),
        _ => None,
    }
}

/// `-P $$` with nothing beside it but a signal.
fn parent_option(arguments: &[&str]) -> Option<Pid> {
    let is_signal = |word: &str| word.strip_prefix('-').is_some_and(|name| Signal::parse(name).is_some());
    let words: Vec<&str> = arguments.iter().copied().filter(|word| !is_signal(word)).collect();
    match words.as_slice() {
        ["-P" | "--parent", parent] => parent.parse().ok(),
        _ => None,
    }
}

pub(super) fn pid_option(arguments: &[&str]) -> Option<Pid> {
    arguments.iter().find_map(|argument| argument.trim_start_matches("-p").parse().ok())
}

/// The same of whole words.
fn says_stop(name: &str, arguments: &[&str]) -> bool {
    let name = base_name(name);
    // It stops single programs; the supervisor stays.
    if name == "supervisorctl" {
        return arguments.contains(&"shutdown");
    }
    // Its name says both.
    if name == "start-stop-daemon" {
        return arguments.iter().any(|argument| matches!(*argument, "--stop" | "-K"));
    }
    // `db.shutdownServer()`
    if matches!(name, "mongo" | "mongosh") {
        return arguments.iter().any(|argument| argument.contains("shutdownServer("));
    }
    parts_of(stem_of(name)).iter().any(|part| is_verb(part))
        || arguments.iter().any(|argument| is_verb(argument) || matches!(*argument, "--stop" | "--shutdown"))
}

fn is_verb(word: &str) -> bool {
    matches!(word, "stop" | "force-stop" | "quit" | "shutdown" | "kill")
}

/// `stop`, `/stop`, `stop^M`, or the key that interrupts, as they are typed.
fn is_typed_stop(text: &str) -> bool {
    let word = text.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next();
    word.is_some_and(is_verb) || matches!(text, "C-c" | "^C")
}

/// `agentstop.sh`
fn is_named_for_stop(name: &str) -> bool {
    let stem = stem_of(base_name(name)).to_ascii_lowercase();
    !matches!(stem.as_str(), "supervisorctl" | "start-stop-daemon")
        && ["stop", "shutdown"].iter().any(|verb| stem.ends_with(verb))
}

/// `StopAll`, `/opt/stop-server.py`
fn begins_with_stop(argument: &str) -> bool {
    !argument.starts_with('-')
        && parts_of(stem_of(base_name(argument))).first().is_some_and(|part| is_verb(part))
}

fn stem_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
