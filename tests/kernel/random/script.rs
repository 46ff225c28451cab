//! Entry scripts as people write them, put together at random: how services are started, told and waited for.

use super::phrases::{
    BACKGROUND, BASH_FOREGROUND, BASH_OPTIONS, FOREGROUND, HANDLER_HEADS, HANDLER_TAILS, KILLS, OPTIONS,
    SERVICES, SETUP, STAY, TRAPPED,
};
use crate::support::Files;

/// A small generator of random numbers (SplitMix64): the same seed gives the same script everywhere.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap_or(0)
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts.get(self.below(texts.len())).copied().unwrap_or_default()
    }
}

/// The shell that reads the entry script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    Dash,
    Ash,
    Bash,
    BashAsSh,
}

/// How a script remembers what it has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pids {
    /// Not at all.
    None,
    /// `p1=$!`
    Variables,
    /// `pids="$pids $!"`
    List,
    /// `pids+=($!)`
    Array,
}

/// An entry script with its Dockerfile, for this seed.
pub(crate) fn project(seed: u64) -> Files {
    Writer::new(seed).write()
}

struct Writer {
    random: Random,
    shell: Shell,
    pids: Pids,
    /// How many services have been started in the background.
    started: usize,
    /// The arguments that CMD gives, where the script uses them.
    cmd: Option<Vec<String>>,
    files: Files,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let shell = match random.below(10) {
            0..=3 => Shell::Dash,
            4..=5 => Shell::Ash,
            6..=8 => Shell::Bash,
            _ => Shell::BashAsSh,
        };
        let pids = match random.below(10) {
            0..=2 => Pids::None,
            3..=6 => Pids::Variables,
            7..=8 => Pids::List,
            _ if matches!(shell, Shell::Bash | Shell::BashAsSh) => Pids::Array,
            _ => Pids::List,
        };
        Self { random, shell, pids, started: 0, cmd: None, files: Files::new() }
    }

    fn has_bash(&self) -> bool {
        matches!(self.shell, Shell::Bash | Shell::BashAsSh)
    }

    /// One of `texts`, or of `bash` where that is what the shell is (and, rarely, where it is not).
    fn choose<'t>(&mut self, texts: &[&'t str], bash: &[&'t str]) -> &'t str {
        let chance = if self.has_bash() { 20 } else { 1 };
        if self.random.percent(chance) { self.random.pick(bash) } else { self.random.pick(texts) }
    }

    fn write(mut self) -> Files {
        if self.random.percent(12) {
            self.write_text()
        } else {
            self.write_script()
        }
        self.files
    }

    /// `CMD text` or `CMD ["sh", "-c", "text"]`.
    fn write_text(&mut self) {
        let mut statements = Vec::new();
        if self.random.percent(40) {
            statements.push(self.random.pick(SETUP).to_owned());
        }
        statements.extend(self.body());
        let mut text = String::new();
        for statement in statements.iter().filter(|statement| !statement.is_empty()) {
            if !text.is_empty() {
                text.push_str(if text.ends_with('&') { " " } else { "; " });
            }
            text.push_str(&statement.replace('\n', "; ").replace("&;", "&").replace("{;", "{"));
        }
        let shell = match (self.shell, self.random.below(6)) {
            (Shell::Bash, 0) => "bash -ec",
            (Shell::Bash, _) => "bash -c",
            (_, 0) => "/bin/sh -ec",
            (_, 1 | 2) => "sh -c",
            _ => "",
        };
        let words: Vec<&str> = shell.split_whitespace().chain([text.as_str()]).collect();
        let command = if shell.is_empty() { text.clone() } else { json(&words) };
        let keyword = if self.random.percent(70) { "CMD" } else { "ENTRYPOINT" };
        self.dockerfile(&format!("{keyword} {command}\n"));
    }

    fn write_script(&mut self) {
        let mut lines = Vec::new();
        if self.random.percent(35) {
            lines.push(self.choose(OPTIONS, BASH_OPTIONS).to_owned());
        }
        for _ in 0..self.random.below(4) {
            lines.push(self.random.pick(SETUP).to_owned());
        }
        let body = self.body();
        lines.extend(self.wrap(body));
        let shebang = match (self.shell, self.random.below(8)) {
            (Shell::Bash, 0) => "#!/usr/bin/env bash",
            (Shell::Bash, 1) => "#!/bin/bash -e",
            (Shell::Bash, _) => "#!/bin/bash",
            (_, 0) => "#!/bin/sh -e",
            (_, 1) => "#!/usr/bin/env sh",
            _ => "#!/bin/sh",
        };
        self.files.insert("run.sh".to_owned(), format!("{shebang}\n{}\n", lines.join("\n")));
        let launch = match self.random.below(30) {
            0..=1 => json(&["tini", "--", "/app/run.sh"]),
            2 => json(&["dumb-init", "--", "/app/run.sh"]),
            3 => json(&["tini", "-g", "--", "/app/run.sh"]),
            4..=5 => json(&["sh", "/app/run.sh"]),
            6 => "/app/run.sh".to_owned(),
            7 => "exec /app/run.sh".to_owned(),
            8 => json(&["sh", "-c", "/app/run.sh"]),
            9 if matches!(self.shell, Shell::Bash | Shell::Dash) => json(&["bash", "/app/run.sh"]),
            _ => json(&["/app/run.sh"]),
        };
        let mut end = format!("ENTRYPOINT {launch}\n");
        match &self.cmd {
            Some(words) => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                end.push_str(&format!("CMD {}\n", json(&words)));
            }
            None if self.random.percent(50) => end.push_str("CMD []\n"),
            None if self.random.percent(60) => end = format!("CMD {launch}\n"),
            None => {}
        }
        self.dockerfile(&end);
    }

    fn dockerfile(&mut self, end: &str) {
        let mut text = match self.shell {
            Shell::Dash => {
                "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y tini dumb-init\n"
            }
            Shell::Ash => "FROM alpine:3.20\nRUN apk add --no-cache tini dumb-init\n",
            Shell::BashAsSh => "FROM fedora:40\nRUN dnf install -y tini dumb-init\n",
            Shell::Bash => *[
                "FROM debian:bookworm-slim\nRUN apt-get update && apt-get install -y tini dumb-init\n",
                "FROM fedora:40\nRUN dnf install -y tini dumb-init\n",
                "FROM alpine:3.20\nRUN apk add --no-cache tini dumb-init bash\n",
            ]
            .get(self.random.below(3))
            .unwrap_or(&""),
        }
        .to_owned();
        text.push_str("ENV MODE=prod\nWORKDIR /app\n");
        for name in self.files.keys() {
            text.push_str(&format!("COPY {name} /app/{name}\n"));
        }
        text.push_str(end);
        self.files.insert("Dockerfile".to_owned(), text);
    }

    /// Puts statements where people put them: into a function, a branch, a script of their own.
    fn wrap(&mut self, body: Vec<String>) -> Vec<String> {
        let text = body.join("\n");
        let block = |before: &str, after: &str| vec![format!("{before}\n{text}\n{after}")];
        match self.random.below(40) {
            0..=2 => block("main() {", "}\nmain \"$@\""),
            3 => block("if [ \"$MODE\" = prod ]; then", "else\nexec \"$@\"\nfi"),
            4 => block("(", ")"),
            5 => block("{", "} 2>&1 | tee /tmp/all"),
            6 => block("{", "} > /tmp/all 2>&1"),
            7 => block("case \"$MODE\" in\nprod)", ";;\n*) exec \"$@\" ;;\nesac"),
            8 => block("case \"$1\" in\nbash|sh) exec \"$@\" ;;\n*)", ";;\nesac"),
            9 => block("if [ \"$1\" = bash ]; then exec \"$@\"; fi", ""),
            10..=12 => {
                let shebang = if self.shell == Shell::Bash { "#!/bin/bash" } else { "#!/bin/sh" };
                self.files.insert("start.sh".to_owned(), format!("{shebang}\n{text}\n"));
                let call = [
                    "exec /app/start.sh \"$@\"",
                    "/app/start.sh \"$@\"",
                    ". /app/start.sh",
                    "sh /app/start.sh",
                ];
                vec![self.random.pick(&call).to_owned()]
            }
            _ => body,
        }
    }

    fn body(&mut self) -> Vec<String> {
        let count = [1, 1, 1, 1, 2, 2, 2, 2, 2, 3][self.random.below(10)];
        let mut services: Vec<String> = Vec::new();
        while services.len() < count {
            let service = self.random.pick(SERVICES);
            let same = |known: &String| known.split(' ').next() == service.split(' ').next();
            if !services.iter().any(same) {
                services.push(service.to_owned());
            }
        }
        let mut lines = Vec::new();
        if self.pids == Pids::List && count > 1 {
            lines.push("pids=".to_owned());
        }
        if self.random.percent(22) {
            self.arguments(&mut services, &mut lines);
        }
        if count == 1 && self.random.percent(55) {
            lines.push(self.foreground(&services[0]));
            return lines;
        }
        let last = if count > 1 && self.random.percent(30) { services.pop() } else { None };
        if count > 1 && self.random.percent(8) {
            lines.extend(self.started_by_loop(&services));
        } else {
            for (index, service) in services.iter().enumerate() {
                let start = self.background(service, index + 1);
                lines.extend(start);
            }
        }
        let tail = match last {
            Some(last) => self.foreground(&last),
            None if self.random.percent(40) => "wait".to_owned(),
            None => {
                let stay = self.random.pick(STAY);
                self.targets(stay)
            }
        };
        let with_trap = self.random.percent(75);
        if !with_trap {
            lines.push(tail);
            return lines;
        }
        let trap = self.trap();
        match self.random.below(10) {
            0..=3 => lines = [trap, lines].concat(),
            9 => {
                lines.push(tail);
                return [lines, trap].concat();
            }
            _ => lines.extend(trap),
        }
        lines.push(tail);
        lines
    }

    /// One service is what the arguments say.
    fn arguments(&mut self, services: &mut [String], lines: &mut Vec<String>) {
        let index = self.random.below(services.len());
        let Some(service) = services.get_mut(index) else { return };
        let words: Vec<String> = service.split(' ').map(str::to_owned).collect();
        let name = words.first().cloned().unwrap_or_default();
        let (setup, cmd): (String, Vec<String>) = match self.random.below(12) {
            0 => (format!("set -- {service} \"$@\""), Vec::new()),
            1 => (
                format!("if [ \"${{1#-}}\" != \"$1\" ]; then set -- {name} \"$@\"; fi"),
                vec!["--flag".to_owned()],
            ),
            2 => (format!("[ $# -gt 0 ] || set -- {service}"), Vec::new()),
            3 => (format!("if [ \"$1\" = {name} ]; then set -- \"$@\" --foreground; fi"), words),
            4 => ("shift".to_owned(), [vec!["run".to_owned()], words].concat()),
            5 => ("set -- gosu app \"$@\"".to_owned(), words),
            6 => (format!("if [ \"$1\" = {name} ]; then migrate; shift; set -- {name} \"$@\"; fi"), words),
            _ => (String::new(), words),
        };
        if !setup.is_empty() {
            lines.push(setup);
        }
        let forms = ["\"$@\"", "\"$@\"", "\"$@\"", "$@", "${@}", "\"${@}\"", "$*"];
        *service = self.random.pick(&forms).to_owned();
        if words_only_first(&cmd) && self.random.percent(20) {
            *service = format!("${{1:-{name}}}");
        }
        self.cmd = Some(cmd);
    }

    fn foreground(&mut self, service: &str) -> String {
        let template = match self.random.below(10) {
            0..=1 => "SVC",
            2 => "exec SVC",
            _ => self.choose(FOREGROUND, BASH_FOREGROUND),
        };
        self.fill(template, service)
    }

    fn background(&mut self, service: &str, index: usize) -> Vec<String> {
        let template = if self.random.percent(60) { "SVC &" } else { self.random.pick(BACKGROUND) };
        let mut lines = vec![self.fill(template, service)];
        self.started += 1;
        lines.extend(match self.pids {
            Pids::None => None,
            Pids::Variables => Some(format!("p{index}=$!")),
            Pids::List => Some("pids=\"$pids $!\"".to_owned()),
            Pids::Array => Some("pids+=($!)".to_owned()),
        });
        lines
    }

    fn started_by_loop(&mut self, services: &[String]) -> Vec<String> {
        if self.pids == Pids::Variables {
            self.pids = Pids::List;
        }
        self.started = services.len();
        let names: Vec<&str> = services.iter().filter_map(|service| service.split(' ').next()).collect();
        let remember = match self.pids {
            Pids::None => "",
            Pids::Array => " pids+=($!);",
            _ => " pids=\"$pids $!\";",
        };
        vec![format!("for s in {}; do $s &{remember} done", names.join(" "))]
    }

    fn fill(&mut self, template: &str, service: &str) -> String {
        if template.contains("CHILD") {
            let shebang = if self.shell == Shell::Bash { "#!/bin/bash" } else { "#!/bin/sh" };
            let body =
                self.random.pick(&["SVC", "exec SVC", "echo hi\nexec SVC", "set -e\nSVC", "SVC &\nwait"]);
            let name = format!("child{}.sh", self.files.len());
            self.files.insert(name.clone(), format!("{shebang}\n{}\n", body.replace("SVC", service)));
            let pass = if service.contains('@') || service.contains('*') { " \"$@\"" } else { "" };
            return template.replace("CHILD", &format!("/app/{name}{pass}"));
        }
        // An inner shell has no arguments.
        let template =
            if template.contains("sh -c") && service.contains('$') { "exec SVC" } else { template };
        template.replace("SVC", service)
    }

    /// The placeholders for what has been started.
    fn targets(&mut self, template: &str) -> String {
        let all = match self.pids {
            Pids::None => "$!".to_owned(),
            Pids::Variables => (1..=self.started).map(|n| format!("$p{n}")).collect::<Vec<_>>().join(" "),
            Pids::List => "$pids".to_owned(),
            Pids::Array => self.random.pick(&["\"${pids[@]}\"", "${pids[@]}", "${pids[*]}"]).to_owned(),
        };
        let (first, last) = match self.pids {
            Pids::Variables => ("$p1".to_owned(), format!("$p{}", self.started.max(1))),
            Pids::Array => ("${pids[0]}".to_owned(), "${pids[-1]}".to_owned()),
            _ => ("$!".to_owned(), "$!".to_owned()),
        };
        // Quotes in quotes end them.
        let text = if template.contains("\"ALL\"") {
            template.replace("\"ALL\"", "ALL")
        } else {
            template.to_owned()
        };
        let quoted = if all.contains('"') { all.clone() } else { format!("\"{all}\"") };
        let all = if template.contains("\"ALL\"") { quoted } else { all };
        let each = match self.pids {
            Pids::Variables => {
                (1..=self.started).map(|n| format!("$p{n}")).collect::<Vec<_>>().join("; wait ")
            }
            _ => all.clone(),
        };
        text.replace("ALL", &all).replace("EACH", &each).replace("LAST", &last).replace("FIRST", &first)
    }

    /// A trap, and the function that it calls if there is one.
    fn trap(&mut self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.random.percent(25) {
            parts.push(self.random.pick(HANDLER_HEADS).to_owned());
        }
        let kill = if self.random.percent(45) { "kill ALL" } else { self.random.pick(KILLS) };
        if self.random.percent(92) {
            parts.push(self.targets(kill));
        }
        if self.random.percent(60) || parts.is_empty() {
            let tail = self.random.pick(HANDLER_TAILS);
            parts.push(self.targets(tail));
        }
        let signals = self.random.pick(TRAPPED);
        let action = parts.join("; ");
        if self.random.percent(45) || (action.contains('\'') && action.contains('"')) {
            let name = self.random.pick(&["shutdown", "cleanup", "term_handler", "_term", "on_exit"]);
            let head = if self.shell == Shell::Bash && self.random.percent(10) { "function " } else { "" };
            let function = format!("{head}{name}() {{\n  {}\n}}", parts.join("\n  "));
            let call = self.random.pick(&["NAME", "'NAME'", "\"NAME\""]).replace("NAME", name);
            return vec![function, format!("trap {call} {signals}")];
        }
        let quote = if action.contains('\'') {
            '"'
        } else if action.contains('"') || self.random.percent(65) {
            '\''
        } else {
            '"'
        };
        vec![format!("trap {quote}{action}{quote} {signals}")]
    }
}

fn words_only_first(words: &[String]) -> bool {
    words.len() == 1
}

fn json(words: &[&str]) -> String {
    serde_json::to_string(words).unwrap_or_default()
}
