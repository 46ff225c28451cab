//! The shells' built-in commands, as far as they matter to processes, signals and the course of a script.

use std::rc::Rc;
use std::sync::Arc;

use super::condition;
use super::dialect::Dialect;
use super::field::{Field, Value};
use super::interpreter::Broken;
use super::machine::Machine;
use super::path::MishapKind;
use super::shell::{Frame, Rest, Shell, Status};
use crate::shell::{Command, Node, NodeKind, Part};

const BUILTINS: [&str; 59] = [
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
    "coproc",
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
            "alias" => {
                let names =
                    arguments.iter().filter_map(|field| Some(field.text()?.split_once('=')?.0.to_owned()));
                self.with(|shell| Rc::make_mut(&mut shell.aliases).extend(names));
                self.set_status_quietly(Status::known(0));
            }
            "shopt" => self.set_long_options(arguments),
            "printf" if arguments.first().and_then(Field::text) == Some("-v") => self.print_into(arguments),
            "echo" | "printf" | "umask" | "ulimit" | "hash" | "times" | "pwd" | "enable" => {
                self.set_status_quietly(Status::known(0));
            }
            // `[ "server", "run" ]`: no JSON, and no test either.
            "[" if arguments.iter().any(|field| field.text().is_some_and(|text| text.ends_with(','))) => {
                let file = super::not_found::written(&node.excerpt);
                self.find_nothing(Broken::Brackets, &file, self.shell_identity(node));
            }
            "[" | "test" => {
                let end = arguments.len() - usize::from(name == "[" && !arguments.is_empty());
                let status = self
                    .expander()
                    .map_or(Status::UNKNOWN, |expander| condition::test(&expander, &arguments[..end]));
                self.set_status(status);
            }
            "exec" => self.exec(arguments, command, node),
            "exit" | "logout" => self.exit(arguments),
            "return" => {
                self.leave(arguments, |frame| matches!(frame, Frame::Call { .. } | Frame::Source { .. }))
            }
            "break" => self.break_out(arguments, true),
            "continue" => self.break_out(arguments, false),
            "set" => self.set_options(arguments, node),
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
            "local" | "export" if self.refuses_declaration(name, arguments) => {
                self.mishap(MishapKind::Bashism, node);
                self.end(Status::known(2));
            }
            "export" | "readonly" => self.declare(arguments, command, false),
            "local" | "declare" | "typeset" => self.declare(arguments, command, true),
            "read" | "mapfile" | "readarray" | "getopts" => {
                // Who writes there may never do so.
                let is_process = |part: &Part| matches!(part, Part::ProcessSubstitution(_));
                let targets = command.redirects.iter().filter_map(|redirect| redirect.target.as_ref());
                if targets.flat_map(|target| &target.parts).any(is_process) {
                    self.world.path.may_stay = Some(node.place());
                }
                let names: Vec<String> =
                    arguments.iter().filter_map(Field::text).map(str::to_owned).collect();
                self.with(|shell| {
                    for name in names.iter().filter(|name| !name.starts_with('-')) {
                        shell.set(name, Value::unknown());
                    }
                });
                match name {
                    "getopts" => self.set_status(Status::UNKNOWN),
                    _ => self.read_lines(arguments, command, node),
                }
            }
            "cd" | "pushd" | "popd" => self.change_directory(arguments),
            "eval" => self.eval(arguments, node),
            "." | "source" => self.source(name, arguments, command, node),
            "command" | "builtin" => self.command_builtin(arguments, command, node),
            "trap" => self.trap(arguments, node),
            "wait" => self.wait(arguments, node),
            "kill" => self.kill(arguments),
            "fg" => self.foreground(arguments, node),
            "jobs" => self.set_status_quietly(Status::known(0)),
            "disown" => self.disown(arguments),
            "coproc" => self.coprocess(command, node),
            "let" => {
                for argument in arguments {
                    let Some(expander) = self.expander() else { break };
                    let evaluation = argument.text().map(|text| expander.calculate(text)).unwrap_or_default();
                    self.take_evaluation(evaluation);
                }
            }
            _ => self.set_status_quietly(Status::UNKNOWN),
        }
        true
    }

    /// `local` outside a function or with an option, `export -f`: bash minds none of them, the others end.
    fn refuses_declaration(&self, name: &str, arguments: &[Field]) -> bool {
        let Some(shell) = self.shell().filter(|shell| !shell.dialect.is_bash()) else { return false };
        let first = arguments.first().and_then(Field::text);
        match name {
            "local" => {
                let is_option = first.is_some_and(|text| text.len() > 1 && text.starts_with('-'));
                is_option || !shell.frames.iter().any(|frame| matches!(frame, Frame::Call { .. }))
            }
            _ => first == Some("-f"),
        }
    }

    fn exit(&mut self, arguments: &[Field]) {
        let stated = arguments.first().and_then(Field::text).and_then(|text| text.trim().parse::<i32>().ok());
        let leaving = self.shell().is_some_and(|shell| matches!(shell.frames.first(), Some(Frame::Exit(_))));
        if !leaving && self.states_failure(arguments.first()) {
            self.world.path.failed = true;
        }
        let status = match (arguments.first(), stated) {
            (None, _) => self.shell().map_or(Status::UNKNOWN, |shell| shell.status),
            (_, Some(stated)) => Status::known(stated & 0xff),
            _ => Status::UNKNOWN,
        };
        if self.shell().is_some_and(|shell| matches!(shell.frames.first(), Some(Frame::Exit(_)))) {
            let pid = self.pid;
            self.world.die(pid, status.value, super::world::Ended::Clean);
            return;
        }
        self.end(status);
    }

    /// True if this shell's end is the end of the container, or of the command that the container runs in front.
    pub(super) fn pid_is_main(&self) -> bool {
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

    /// True if another shell has something left to do when this one has ended.
    pub(super) fn has_caller(&self) -> bool {
        let mut at = self.world.process(self.pid).map_or(0, |process| process.parent);
        while let Some(process) = self.world.process(at) {
            let rest = self.world.shell(at).map(Shell::rest);
            if rest.is_some_and(|rest| !matches!(rest, Rest::Nothing | Rest::Exit)) {
                return true;
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
            // bash says that it can only return from a function, and goes on; as sh, it ends of it.
            match self.shell().map(|shell| shell.dialect) {
                Some(Dialect::Bash) => self.set_status(Status::known(1)),
                Some(Dialect::BashAsSh) => self.end(Status::known(2)),
                _ => self.end(status),
            }
            return;
        }
        self.with(|shell| {
            while shell.frames.last().is_some_and(|frame| !is_target(frame)) {
                shell.frames.pop();
            }
            shell.status = status;
        });
        // `main "$@"` is the last line, and `return 1` in it how the script ends.
        let is_end = self.shell().is_some_and(|shell| shell.rest() == Rest::Nothing && !shell.is_tested());
        if is_end && self.states_failure(arguments.first()) {
            self.world.path.failed = true;
        }
    }

    /// True for a status that the script itself states, and calls a failure, where the container ends with this shell.
    fn states_failure(&self, status: Option<&Field>) -> bool {
        let stated = status.filter(|field| field.excerpt.is_some()).and_then(Field::text);
        self.world.stop.is_none()
            && stated.and_then(|text| text.trim().parse::<i32>().ok()).is_some_and(|status| status != 0)
            && self.pid_is_main()
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

    /// `coproc server`: a job. Only bash has it, and knows it by `COPROC_PID`.
    fn coprocess(&mut self, command: &Command, node: &Node) {
        if !self.shell().is_some_and(|shell| shell.dialect.is_bash()) {
            self.mishap(MishapKind::Bashism, node);
            self.set_status(Status::known(127));
            return;
        }
        let words = command.words.get(1..).unwrap_or_default().to_vec();
        let job = Command { words, redirects: command.redirects.clone(), ..Command::default() };
        self.background(&Node { kind: NodeKind::Command(Arc::new(job)), ..node.clone() });
        self.with(|shell| {
            if let Some(pid) = shell.last_background {
                shell.set("COPROC_PID", Value::Scalar(Field::known(pid.to_string())));
            }
        });
    }

    fn shift(&mut self, arguments: &[Field]) {
        let count = match arguments.first() {
            None => Some(1),
            Some(field) => field.text().and_then(|text| text.parse::<usize>().ok()),
        };
        // There may be more than the image's own.
        self.with(Shell::forget_own_arguments);
        let Some(shell) = self.shell() else { return };
        let mut positional = shell.positional.as_ref().clone();
        match count {
            Some(count) if shell.positional_is_known() && count > positional.len() => {
                match shell.dialect {
                    Dialect::Dash => self.end(Status::known(2)),
                    _ => self.set_status(Status::known(1)),
                }
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
        self.with(|shell| shell.set_arguments(Rc::new(positional)));
        self.set_status_quietly(Status::known(0));
    }

    fn declare(&mut self, arguments: &[Field], command: &Arc<Command>, local: bool) {
        // `declare -F name` asks whether there is such a function.
        if let [Field { text: Some(option), .. }, name] = arguments
            && matches!(&**option, "-F" | "-f")
            && let (Some(name), Some(shell)) = (name.text(), self.shell())
            && !shell.has_unknown_functions
        {
            let is_function = shell.functions.contains_key(name);
            self.set_status(Status { overridable: arguments[1].overridable, ..Status::of(is_function) });
            return;
        }
        let global = arguments.iter().any(|field| field.text() == Some("-g"));
        // `export -n` takes something back.
        let is_reference = local && arguments.iter().any(|field| field.text() == Some("-n"));
        if local && !global {
            for word in &command.words[1..] {
                if let Some(Part::Literal(text)) = word.parts.first().filter(|_| !word.parts.is_empty()) {
                    let name = text.split(['=', '+']).next().unwrap_or(text).to_owned();
                    self.with(|shell| shell.make_local(&name));
                }
            }
        }
        for (index, field) in arguments.iter().enumerate() {
            if let Some((name, value)) = field.text().and_then(|text| text.split_once('=')) {
                let (name, value) = (name.trim_end_matches('+').to_owned(), Field::known(value));
                let value = value.overridable(field.overridable);
                // `local -n ref=name`: whatever is set by the one name, the other has.
                if let Some(named) = value.text().filter(|_| is_reference).map(str::to_owned) {
                    self.with(|shell| shell.set(&named, Value::unknown()));
                }
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
            (Some(path), Some(old)) => Some(crate::dockerfile::join(&old, path)),
            (Some(path), None) if path.starts_with('/') => Some(crate::dockerfile::join("/", path)),
            _ => None,
        };
        self.with(|shell| shell.directory = directory.map(Into::into));
        // A folder that the script changes to is there; if not, the script fails at once.
        self.set_status_quietly(Status::known(0));
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
}
