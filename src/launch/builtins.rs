//! The shells' built-in commands, as far as they matter to processes, signals and the course of a script.

use std::rc::Rc;
use std::sync::Arc;

use super::condition;
use super::field::{Field, Value};
use super::machine::{Frame, Machine, Status, Trap, Waiting};
use super::signal::Signal;
use super::world::{Mishap, MishapKind, Pid, State};
use crate::shell::{Command, Node, Part};
use crate::source::Excerpt;

const BUILTINS: [&str; 58] = [
    ".",
    ":",
    "[",
    "alias",
    "bg",
    "break",
    "builtin",
    "caller",
    "cd",
    "command",
    "complete",
    "continue",
    "declare",
    "dirs",
    "disown",
    "echo",
    "enable",
    "eval",
    "exec",
    "exit",
    "export",
    "false",
    "fg",
    "getopts",
    "hash",
    "help",
    "history",
    "jobs",
    "kill",
    "let",
    "local",
    "logout",
    "mapfile",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "shopt",
    "source",
    "suspend",
    "test",
    "times",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "unalias",
    "unset",
    "wait",
    "[[",
];

pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

impl Machine<'_, '_> {
    /// Runs a built-in; false if the name is none.
    pub(super) fn builtin(
        &mut self,
        name: &str,
        fields: &[Field],
        command: &Arc<Command>,
        node: &Node,
    ) -> bool {
        if !is_builtin(name) {
            return false;
        }
        let arguments = &fields[1..];
        match name {
            ":" | "true" => self.set_status(Status::known(0)),
            "false" => self.set_status(Status::known(1)),
            "echo" | "printf" | "umask" | "ulimit" | "alias" | "hash" | "times" | "shopt" | "pwd"
            | "enable" => {
                self.set_status_quietly(Status::known(0));
            }
            "[" | "test" => {
                let end = arguments.len() - usize::from(name == "[" && !arguments.is_empty());
                let status = match (self.about_processes(&arguments[..end]), self.expander()) {
                    (Some(status), _) => status,
                    (None, Some(expander)) => condition::test(&expander, &arguments[..end]),
                    (None, None) => Status::UNKNOWN,
                };
                self.set_status(status);
            }
            "exec" => self.exec(arguments, command, node),
            "exit" | "logout" => self.exit(arguments),
            "return" => {
                self.leave(arguments, |frame| matches!(frame, Frame::Call { .. } | Frame::Source { .. }))
            }
            "break" => self.break_out(arguments, true),
            "continue" => self.break_out(arguments, false),
            "set" => self.set_options(arguments),
            "shift" => self.shift(arguments),
            "unset" => {
                let names: Vec<String> =
                    arguments.iter().filter_map(Field::text).map(str::to_owned).collect();
                self.with(|shell| {
                    for name in names {
                        shell.set(&name, Value::Scalar(Field::known("")));
                    }
                });
                self.set_status_quietly(Status::known(0));
            }
            "export" | "local" | "declare" | "readonly" | "typeset" => self.declare(arguments, command),
            "read" | "mapfile" | "readarray" | "getopts" => {
                let names: Vec<String> =
                    arguments.iter().filter_map(Field::text).map(str::to_owned).collect();
                self.with(|shell| {
                    for name in names.iter().filter(|name| !name.starts_with('-')) {
                        shell.set(name, Value::unknown());
                    }
                });
                self.set_status(Status::UNKNOWN);
            }
            "cd" | "pushd" | "popd" => self.change_directory(arguments),
            "eval" => self.eval(arguments, node),
            "." | "source" => self.source(name, arguments, node),
            "command" | "builtin" => self.command_builtin(arguments, command, node),
            "trap" => self.trap(arguments, node),
            "wait" => self.wait(arguments, node),
            "kill" => self.kill(arguments),
            "fg" => self.foreground(arguments, node),
            "jobs" => self.set_status_quietly(Status::known(0)),
            "let" => self.set_status(Status::UNKNOWN),
            _ => self.set_status_quietly(Status::UNKNOWN),
        }
        true
    }

    /// `[ -d /proc/$pid ]` asks whether a process lives.
    fn about_processes(&self, arguments: &[Field]) -> Option<Status> {
        let words: Vec<&str> = arguments.iter().map(Field::text).collect::<Option<_>>()?;
        let (negated, words) = match words.as_slice() {
            ["!", rest @ ..] => (true, rest.to_vec()),
            all => (false, all.to_vec()),
        };
        let [operator, path] = words.as_slice() else { return None };
        if !matches!(*operator, "-d" | "-e" | "-f") {
            return None;
        }
        let pid: Pid = path.strip_prefix("/proc/")?.split('/').next()?.parse().ok()?;
        Some(Status::of(self.world.alive(pid) != negated))
    }

    fn exec(&mut self, arguments: &[Field], command: &Arc<Command>, node: &Node) {
        let mut at = 0;
        while let Some(option) = arguments.get(at).and_then(Field::text) {
            match option {
                "-a" => at += 2,
                "-c" | "-l" | "-cl" | "--" => at += 1,
                _ => break,
            }
        }
        let argv = &arguments[at.min(arguments.len())..];
        if argv.is_empty() {
            // `exec > file`: redirections for the rest of the script.
            self.set_status_quietly(Status::known(0));
            return;
        }
        let _ = command;
        self.note_dropped_trap(node);
        let resolved = self.resolve(argv, node);
        self.replace(&resolved);
    }

    /// exec throws traps away; one whose handler does something was meant to run.
    fn note_dropped_trap(&mut self, node: &Node) {
        let Some(shell) = self.shell() else { return };
        let work = shell.traps.iter().find(|(signal, trap)| {
            !matches!(**signal, Signal::EXIT | Signal::CHLD) && !trap.action.is_empty()
        });
        let Some((_, trap)) = work.filter(|_| self.world.stop.is_none()) else { return };
        let mishap =
            Mishap { kind: MishapKind::TrapDropped, place: trap.place.clone(), by: Some(node.place()) };
        self.world.path.mishaps.push(mishap);
    }

    fn exit(&mut self, arguments: &[Field]) {
        let stated = arguments.first().and_then(Field::text).and_then(|text| text.trim().parse::<i32>().ok());
        let literal = arguments.first().is_some_and(|field| field.excerpt.is_some());
        if self.world.stop.is_none()
            && literal
            && stated.is_some_and(|status| status != 0)
            && self.pid_is_main()
        {
            self.world.path.failed = true;
        }
        let status = match (arguments.first(), stated) {
            (None, _) => self.shell().map_or(Status::UNKNOWN, |shell| shell.status),
            (_, Some(stated)) => Status::known(stated & 0xff),
            _ => Status::UNKNOWN,
        };
        if self.shell().is_some_and(|shell| matches!(shell.frames.first(), Some(Frame::Exit(_)))) {
            let pid = self.pid;
            self.world.die(pid, status.value.unwrap_or(0), super::world::Ended::Clean);
            return;
        }
        self.end(status);
    }

    /// True if this shell's end is the end of the container, or of the command that the container runs in front.
    fn pid_is_main(&self) -> bool {
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if process.pid == 1 {
                return true;
            }
            if process.started == super::world::Started::Background {
                return false;
            }
            at = process.parent;
        }
        false
    }

    /// Drops frames down to, and not including, the first that `is_target`.
    fn leave(&mut self, arguments: &[Field], is_target: impl Fn(&Frame) -> bool) {
        let status = match arguments.first() {
            None => self.shell().map_or(Status::UNKNOWN, |shell| shell.status),
            Some(field) => field.text().and_then(|t| t.parse().ok()).map_or(Status::UNKNOWN, Status::known),
        };
        let found = self.shell().is_some_and(|shell| shell.frames.iter().any(&is_target));
        if !found {
            self.end(status);
            return;
        }
        self.with(|shell| {
            while shell.frames.last().is_some_and(|frame| !is_target(frame)) {
                shell.frames.pop();
            }
            shell.status = status;
        });
    }

    fn break_out(&mut self, arguments: &[Field], out: bool) {
        let mut levels: usize =
            arguments.first().and_then(Field::text).and_then(|text| text.parse().ok()).unwrap_or(1);
        let is_loop = |frame: &Frame| {
            matches!(
                frame,
                Frame::Body { .. } | Frame::Test { .. } | Frame::For { .. } | Frame::Endless { .. }
            )
        };
        self.with(|shell| {
            while let Some(frame) = shell.frames.last() {
                if is_loop(frame) {
                    if levels <= 1 {
                        if out {
                            shell.frames.pop();
                            shell.circling = false;
                        }
                        break;
                    }
                    levels -= 1;
                } else if matches!(frame, Frame::Call { .. } | Frame::Source { .. } | Frame::Trap { .. }) {
                    break;
                }
                shell.frames.pop();
            }
            shell.status = Status::known(0);
        });
    }

    fn set_options(&mut self, arguments: &[Field]) {
        let mut at = 0;
        while let Some(text) = arguments.get(at).and_then(Field::text) {
            let on = text.starts_with('-');
            if text == "--" {
                at += 1;
                let rest = arguments[at..].to_vec();
                self.with(|shell| shell.positional = Rc::new(rest));
                self.set_status_quietly(Status::known(0));
                return;
            }
            if !(on || text.starts_with('+')) || text.len() < 2 {
                break;
            }
            let named = if text.ends_with('o') { arguments.get(at + 1).and_then(Field::text) } else { None };
            let has = |letter: char, name: &str| text[1..].contains(letter) || named == Some(name);
            let (errexit, monitor) = (has('e', "errexit"), has('m', "monitor"));
            self.with(|shell| {
                if errexit {
                    shell.errexit = on;
                }
                if monitor {
                    shell.monitor = on;
                }
            });
            at += 1 + usize::from(named.is_some());
        }
        if at < arguments.len() {
            let rest = arguments[at..].to_vec();
            self.with(|shell| shell.positional = Rc::new(rest));
        }
        self.set_status_quietly(Status::known(0));
    }

    fn shift(&mut self, arguments: &[Field]) {
        let count = match arguments.first() {
            None => Some(1),
            Some(field) => field.text().and_then(|text| text.parse::<usize>().ok()),
        };
        let Some(shell) = self.shell() else { return };
        let mut positional = shell.positional.as_ref().clone();
        match count {
            Some(count) if shell.positional_is_known() && count > positional.len() => {
                self.set_status(Status::known(1));
                return;
            }
            Some(count) => {
                for _ in 0..count {
                    if positional.first().is_some_and(|first| !first.is_rest()) {
                        positional.remove(0);
                    }
                }
            }
            None => positional = vec![Field::rest("\"$@\"")],
        }
        self.with(|shell| shell.positional = Rc::new(positional));
        self.set_status_quietly(Status::known(0));
    }

    fn declare(&mut self, arguments: &[Field], command: &Arc<Command>) {
        for (index, field) in arguments.iter().enumerate() {
            if let Some((name, value)) = field.text().and_then(|text| text.split_once('=')) {
                let (name, value) = (name.trim_end_matches('+').to_owned(), Field::known(value));
                let value = value.overridable(field.overridable);
                self.with(|shell| shell.set(&name, Value::Scalar(value)));
            } else if field.text().is_none()
                && let Some(word) = command.words.get(index + 1)
                && let Some(Part::Literal(text)) = word.parts.first()
                && let Some((name, _)) = text.split_once('=')
            {
                let name = name.to_owned();
                self.with(|shell| shell.set(&name, Value::unknown()));
            }
        }
        self.set_status_quietly(Status::known(0));
    }

    fn change_directory(&mut self, arguments: &[Field]) {
        let target = arguments.iter().find(|field| field.text() != Some("--"));
        let directory = match (target.and_then(Field::text), self.shell().and_then(|s| s.directory.clone())) {
            (Some(path), Some(old)) => Some(super::resolve::join(&old, path)),
            (Some(path), None) if path.starts_with('/') => Some(super::resolve::join("/", path)),
            _ => None,
        };
        self.with(|shell| shell.directory = directory.map(Into::into));
        // A folder that the script changes to is there; if not, the script fails at once.
        self.set_status_quietly(Status::known(0));
    }

    fn eval(&mut self, arguments: &[Field], node: &Node) {
        let text: Option<Vec<&str>> = arguments.iter().map(Field::text).collect();
        match text {
            Some(words) => {
                let excerpt = match arguments {
                    [Field { excerpt: Some(excerpt), .. }] => Arc::clone(excerpt),
                    _ => {
                        Arc::new(Excerpt::derived(node.excerpt.source(), node.place().span, words.join(" ")))
                    }
                };
                self.run_text(excerpt);
            }
            None => {
                // What it runs is unknown, and so is how: it may hold an exec.
                let first = arguments.first().and_then(Field::text);
                if first == Some("exec") {
                    let resolved = self.resolve(&arguments[1..], node);
                    self.replace(&resolved);
                } else {
                    self.set_status_quietly(Status::UNKNOWN);
                }
            }
        }
    }

    fn source(&mut self, name: &str, arguments: &[Field], node: &Node) {
        if name == "source"
            && !self.shell().is_some_and(|shell| shell.dialect != super::dialect::Dialect::Dash)
        {
            self.mishap(MishapKind::Bashism, node);
            self.set_status(Status::known(127));
            return;
        }
        let directory = self.shell().and_then(|shell| shell.directory.clone());
        let path = arguments.first().and_then(Field::text);
        let file = path.and_then(|path| self.environment.script_text(path, directory.as_deref()));
        match file {
            Some(text) if self.shell().is_some_and(|shell| shell.frames.len() < 200) => {
                let positional = (arguments.len() > 1).then(|| {
                    let old = self.shell().map(|shell| Rc::clone(&shell.positional)).unwrap_or_default();
                    let new = Rc::new(arguments[1..].to_vec());
                    self.with(|shell| shell.positional = new);
                    old
                });
                self.push(Frame::Source { positional });
                self.run_text(text);
            }
            // What it sets is not known; variables of its own making are unknown anyway.
            _ => self.set_status_quietly(Status::known(0)),
        }
    }

    fn command_builtin(&mut self, arguments: &[Field], command: &Arc<Command>, node: &Node) {
        let mut rest = arguments;
        while let Some(option) = rest.first().and_then(Field::text).filter(|text| text.starts_with('-')) {
            if option.contains(['v', 'V']) {
                self.set_status(Status::UNKNOWN);
                return;
            }
            rest = &rest[1..];
        }
        if rest.is_empty() {
            self.set_status_quietly(Status::known(0));
            return;
        }
        let name = rest[0].text().map(str::to_owned);
        let own = name.is_some_and(|name| self.builtin(&name, rest, command, node));
        if !own {
            let rest = rest.to_vec();
            self.with(|shell| shell.status = Status::UNKNOWN);
            self.program(&rest, command, node);
        }
    }

    fn trap(&mut self, arguments: &[Field], node: &Node) {
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
        let dialect = self.shell().map(|shell| shell.dialect);
        let mut bad = false;
        let mut signals = Vec::new();
        for name in names {
            let text = name.text().unwrap_or("");
            let prefixed = text.len() > 3 && text.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("SIG"));
            if prefixed && dialect.is_some_and(|dialect| !dialect.knows_sig_names()) {
                self.mishap(MishapKind::SignalName, node);
                bad = true;
                // dash stops at the first name that it does not know.
                break;
            }
            if let Some(signal) = Signal::parse(text) {
                signals.push(signal);
            }
        }
        let action_list = match (reset, action.text()) {
            (true, _) => None,
            (false, Some(text)) => {
                let excerpt = match &action.excerpt {
                    Some(excerpt) => Arc::clone(excerpt),
                    None => Arc::new(Excerpt::derived(node.excerpt.source(), node.place().span, text)),
                };
                Some(Arc::clone(&self.environment.parse(excerpt).statements))
            }
            (false, None) => {
                self.doubt(Some(node.place()), "the trap's command is not known");
                None
            }
        };
        let ignore = action.text() == Some("") && !reset;
        let place = node.place();
        let pid = self.pid;
        if let Some(process) = self.world.process_mut(pid) {
            process.ignored.retain(|signal| !signals.contains(signal));
            if ignore {
                process.ignored.extend(&signals);
            }
        }
        self.with(|shell| {
            let traps = Rc::make_mut(&mut shell.traps);
            for signal in signals {
                match &action_list {
                    Some(action) if !ignore => {
                        traps.insert(signal, Trap { action: Arc::clone(action), place: place.clone() });
                    }
                    _ => {
                        traps.remove(&signal);
                    }
                }
            }
        });
        self.set_status(Status::of(!bad));
    }

    fn wait(&mut self, arguments: &[Field], node: &Node) {
        let Some(shell) = self.shell() else { return };
        let (dialect, jobs) = (shell.dialect, shell.jobs.clone());
        let mut any = false;
        let mut targets = Vec::new();
        let mut named = false;
        for argument in arguments {
            match argument.text() {
                Some("-n") if dialect == super::dialect::Dialect::Dash => {
                    self.mishap(MishapKind::WaitNext, node);
                    self.end(Status::known(2));
                    return;
                }
                // busybox takes the option and waits for all.
                Some("-n") => any = dialect.is_bash(),
                Some("-f" | "--") => {}
                Some("-p") => {}
                Some(text) => {
                    for word in text.split_whitespace() {
                        named = true;
                        let pid = match word.strip_prefix('%') {
                            Some(job) => {
                                job.parse::<usize>().ok().and_then(|n| jobs.get(n.wrapping_sub(1)).copied())
                            }
                            None => word.parse().ok(),
                        };
                        targets.extend(pid.filter(|pid| jobs.contains(pid)));
                    }
                }
                None => {
                    // Some child: any of those that live.
                    named = true;
                    targets.extend(jobs.iter().copied().filter(|&pid| self.world.alive(pid)));
                }
            }
        }
        if !named {
            targets = if any {
                jobs.clone()
            } else {
                jobs.into_iter().filter(|&pid| self.world.alive(pid)).collect()
            };
            if targets.is_empty() {
                self.set_status(Status::known(if any { 127 } else { 0 }));
                return;
            }
        } else if targets.is_empty() {
            self.set_status(Status::known(127));
            return;
        }
        let node = node.clone();
        self.with(|shell| shell.waiting = Waiting::Wait { targets, any, node });
    }

    /// `fg`: the job goes to the foreground, and traps wait for it as for any foreground command.
    fn foreground(&mut self, arguments: &[Field], node: &Node) {
        let Some(shell) = self.shell() else { return };
        let number = arguments
            .first()
            .and_then(Field::text)
            .and_then(|text| text.trim_start_matches('%').parse::<usize>().ok());
        let job = match number {
            Some(number) => shell.jobs.get(number.wrapping_sub(1)).copied(),
            None => shell.jobs.last().copied(),
        };
        match job {
            Some(pid) if shell.dialect.has_fg() && shell.monitor => {
                let node = node.clone();
                let rest = shell.rest();
                self.with(|shell| shell.waiting = Waiting::Foreground { pids: vec![pid], node, rest });
            }
            _ if shell.dialect.is_bash() => self.set_status(Status::known(1)),
            _ => self.end(Status::known(2)),
        }
    }

    pub(super) fn kill(&mut self, arguments: &[Field]) {
        let mut signal = Some(Signal::TERM);
        let mut at = 0;
        while let Some(text) = arguments.get(at).and_then(Field::text) {
            if text == "--" {
                at += 1;
                break;
            }
            if text == "-s" || text == "-n" {
                signal = arguments.get(at + 1).and_then(Field::text).and_then(Signal::parse);
                at += 2;
                continue;
            }
            if text == "-l" {
                self.set_status_quietly(Status::known(0));
                return;
            }
            match text.strip_prefix('-') {
                // After the signal, `-1` and `-123` are targets.
                Some(name) if at == 0 => {
                    signal = Signal::parse(
                        name.strip_prefix('s').filter(|n| Signal::parse(n).is_some()).unwrap_or(name),
                    );
                    at += 1;
                }
                _ => break,
            }
        }
        let Some(signal) = signal else {
            self.set_status(Status::UNKNOWN);
            return;
        };
        let mut sent = false;
        let mut unknown = false;
        for field in &arguments[at.min(arguments.len())..] {
            match field.text() {
                Some(text) => {
                    for target in text.split_whitespace() {
                        sent |= self.kill_target(target, signal);
                    }
                }
                None => unknown = true,
            }
        }
        if unknown {
            // A number from a file or a command: taken to be the right one.
            self.tell_jobs(signal);
            self.set_status(Status::UNKNOWN);
            return;
        }
        self.set_status(Status::of(sent));
    }

    fn kill_target(&mut self, target: &str, signal: Signal) -> bool {
        if let Some(job) = target.strip_prefix('%') {
            let shell = self.shell();
            let jobs = shell.map(|shell| shell.jobs.clone()).unwrap_or_default();
            let pid = job.parse::<usize>().ok().and_then(|number| jobs.get(number.wrapping_sub(1)).copied());
            return pid.is_some_and(|pid| self.world.send(pid, signal));
        }
        let pid = self.pid;
        match target.parse::<i64>() {
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

    /// Every process below this shell gets the signal.
    pub(super) fn tell_jobs(&mut self, signal: Signal) {
        let own = self.pid;
        let below: Vec<Pid> = self
            .world
            .processes()
            .filter(|process| process.pid != own && process.pid != 1 && process.state == State::Running)
            .filter(|process| !matches!(process.role, super::world::Role::Shell(_)))
            .map(|process| process.pid)
            .collect();
        for pid in below {
            self.world.send(pid, signal);
        }
    }
}
