//! From a Dockerfile to a container. A small reading of its own, on purpose: it shares nothing with the linter's, so
//! that the two can disagree.

use std::collections::BTreeMap;

use globset::Glob;

use crate::container::{Container, File, Shell, Step};
use crate::support::fixture::Engine;

/// An image: the container it makes, and what starts in it.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    name: Option<String>,
    /// Files, environment, working directory.
    pub(crate) container: Container,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    /// True if this stage has set CMD itself.
    own_cmd: bool,
    shell: Vec<String>,
    /// STOPSIGNAL.
    pub(crate) stop_signal: String,
}

impl Image {
    /// What PID 1 executes.
    pub(crate) fn argv(&self) -> Vec<String> {
        let mut argv = self.entrypoint.clone().unwrap_or_default();
        argv.extend(self.cmd.clone().unwrap_or_default());
        argv
    }

    /// Replaces CMD, as the arguments of `docker run` do.
    pub(crate) fn set_cmd(&mut self, words: Vec<String>) {
        self.cmd = Some(words);
    }

    /// Starts it as an engine does that is told so.
    pub(crate) fn run_by(
        &mut self,
        engine: &Engine,
        project: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        if let Some(words) = &engine.entrypoint {
            self.entrypoint = Some(words.clone());
            self.cmd = None;
        }
        if let Some(words) = &engine.command {
            self.cmd = Some(words.clone());
        }
        if engine.init {
            // Docker's own init is tini.
            let rest = self.entrypoint.take().unwrap_or_default();
            self.entrypoint = Some(["tini", "--"].map(str::to_owned).into_iter().chain(rest).collect());
        }
        if let Some(signal) = &engine.stop_signal {
            self.stop_signal.clone_from(signal);
        }
        self.container.stdin_open = engine.stdin_open;
        for (path, file) in &engine.mounts {
            let text = project.get(file).ok_or_else(|| format!("there is no {file}"))?;
            self.container.files.insert(path.clone(), File { text: text.clone(), mode: 0o755 });
        }
        Ok(())
    }

    /// Reads `dockerfile` out of the build context `context` (path -> text) and builds `stage`, or the last one.
    pub(crate) fn build(
        context: &BTreeMap<String, String>,
        dockerfile: &str,
        stage: Option<&str>,
    ) -> Result<Self, String> {
        let text = context.get(dockerfile).ok_or_else(|| format!("there is no {dockerfile}"))?;
        let mut stages: Vec<Image> = Vec::new();
        let mut args = BTreeMap::from([("TARGETARCH".to_owned(), "amd64".to_owned())]);
        for instruction in instructions(text) {
            let done = match instruction.keyword.as_str() {
                "ARG" => {
                    if let Some((name, value)) = instruction.text.split_once('=') {
                        args.insert(name.trim().to_owned(), value.trim_matches(['"', '\'', ' ']).to_owned());
                    }
                    Ok(())
                }
                "FROM" => {
                    let from = Image::from(&substitute(&instruction.text, &args), &stages);
                    from.map(|image| stages.push(image))
                }
                _ => match stages.split_last_mut() {
                    Some((image, earlier)) => image.apply(&instruction, context, earlier, &args),
                    None => Err("an instruction before FROM".to_owned()),
                },
            };
            done.map_err(|why| format!("{} {}: {why}", instruction.keyword, instruction.text))?;
        }
        let wanted = stages.into_iter().rfind(|image| stage.is_none() || image.name.as_deref() == stage);
        wanted.ok_or_else(|| "there is no such stage".to_owned())
    }

    fn from(text: &str, stages: &[Image]) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        let base = *words.first().ok_or("no image")?;
        let name = match words.get(1..3) {
            Some([keyword, name]) if keyword.eq_ignore_ascii_case("as") => Some((*name).to_owned()),
            _ => None,
        };
        let mut image = match stages.iter().rfind(|stage| stage.name.as_deref() == Some(base)) {
            Some(stage) => stage.clone(),
            None => Self::of_base(base),
        };
        image.name = name;
        image.own_cmd = false;
        image.shell = vec!["/bin/sh".to_owned(), "-c".to_owned()];
        Ok(image)
    }

    /// What a published image brings along, as far as the tests depend on it. The entrypoint scripts of official
    /// images end in `exec "$@"`: they are left out.
    fn of_base(name: &str) -> Self {
        let path = name.split(['@']).next().unwrap_or(name);
        let (repository, tag) = path.rsplit_once(':').unwrap_or((path, ""));
        let short = repository.rsplit('/').next().unwrap_or(repository);
        let bash_families = [
            "fedora",
            "rhel",
            "ubi",
            "rocky",
            "alma",
            "amazonlinux",
            "archlinux",
            "opensuse",
            "sle",
            "bci",
            "centos",
        ];
        let shell = if short == "scratch" || repository.contains("distroless") {
            Shell::None
        } else if tag.contains("alpine") || short.contains("alpine") || short == "busybox" {
            Shell::Ash
        } else if bash_families.iter().any(|family| short.starts_with(family)) {
            Shell::Bash
        } else {
            Shell::Dash
        };
        let stop_signal = match short {
            "nginx" if tag.starts_with("1.17") => "SIGTERM",
            "nginx" => "SIGQUIT",
            "php" if tag.starts_with("7.0") => "SIGTERM",
            "php" if tag.contains("fpm") => "SIGQUIT",
            "php" if tag.contains("apache") => "SIGWINCH",
            "httpd" => "SIGWINCH",
            "postgres" => "SIGINT",
            "haproxy" => "SIGUSR1",
            _ => "SIGTERM",
        };
        let cmd: Option<&[&str]> = match short {
            "nginx" => Some(&["nginx", "-g", "daemon off;"]),
            "httpd" => Some(&["httpd-foreground"]),
            "php" if tag.contains("fpm") => Some(&["php-fpm"]),
            "php" if tag.contains("apache") => Some(&["apache2-foreground"]),
            "postgres" => Some(&["postgres"]),
            "haproxy" => Some(&["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]),
            "redis" => Some(&["redis-server"]),
            _ => None,
        };
        Self {
            name: None,
            container: Container::new(shell),
            entrypoint: None,
            cmd: cmd.map(|words| words.iter().map(|&word| word.to_owned()).collect()),
            own_cmd: false,
            shell: Vec::new(),
            stop_signal: stop_signal.to_owned(),
        }
    }

    fn apply(
        &mut self,
        instruction: &Instruction,
        context: &BTreeMap<String, String>,
        earlier: &[Image],
        args: &BTreeMap<String, String>,
    ) -> Result<(), String> {
        let mut variables = args.clone();
        variables.extend(self.container.env.clone());
        let text = instruction.text.trim();
        match instruction.keyword.as_str() {
            "ENTRYPOINT" => {
                let words = self.command(text);
                // Docker's engine takes the empty name as a reset.
                let reset = words.is_empty() || words == [""];
                self.entrypoint = (!reset).then_some(words);
                if !self.own_cmd {
                    self.cmd = None;
                }
            }
            "CMD" => {
                self.cmd = Some(self.command(text));
                self.own_cmd = true;
            }
            "SHELL" => self.shell = text.parse_words().ok_or("not a JSON array")?,
            "STOPSIGNAL" => self.stop_signal = substitute(text, &variables),
            "WORKDIR" => {
                self.container.workdir = absolute(&self.container.workdir, &substitute(text, &variables))
            }
            "ENV" => {
                let words = shlex::split(&substitute(text, &variables)).ok_or("bad quoting")?;
                let legacy = words.first().is_some_and(|word| !word.contains('='));
                let pairs = if legacy { vec![text.replacen(char::is_whitespace, "=", 1)] } else { words };
                let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
                self.container.env.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            "COPY" | "ADD" => self.copy(instruction, &substitute(text, &variables), context, earlier)?,
            "RUN" => self.run(instruction),
            _ => {}
        }
        Ok(())
    }

    fn command(&self, text: &str) -> Vec<String> {
        text.parse_words().unwrap_or_else(|| self.shell.iter().cloned().chain([text.to_owned()]).collect())
    }

    fn copy(
        &mut self,
        instruction: &Instruction,
        text: &str,
        context: &BTreeMap<String, String>,
        earlier: &[Image],
    ) -> Result<(), String> {
        let mut text = text;
        let is_download = text.contains("://") && instruction.heredoc.is_none();
        let (mut from, mut mode) = (None, if is_download { 0o600 } else { 0o755 });
        while let Some(flag) = text.strip_prefix("--") {
            let (flag, rest) = flag.split_once(char::is_whitespace).ok_or("nothing to copy")?;
            text = rest.trim_start();
            match flag.split_once('=') {
                Some(("from", stage)) => from = Some(stage),
                // The tests' own files have no modes: what is copied can be executed, unless --chmod says otherwise.
                Some(("chmod", bits)) => mode = u32::from_str_radix(bits, 8).unwrap_or(mode),
                _ => {}
            }
        }
        let words =
            text.parse_words().unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
        let (to, sources) = words.split_last().ok_or("nothing to copy")?;
        let target = absolute(&self.container.workdir, to);
        let into =
            to.ends_with('/') || sources.len() > 1 || target == self.container.workdir || target == "/";
        let place = |name: &str| if into { absolute(&target, name) } else { target.clone() };

        if let Some(body) = &instruction.heredoc {
            let name = sources
                .first()
                .map_or("", |word| word.trim_start_matches("<<").trim_matches(['-', '"', '\'']));
            self.container.files.insert(place(name), File { text: body.clone(), mode });
            return Ok(());
        }
        // What is downloaded becomes the command behind it, unless it is an archive, which some RUN unpacks.
        let name = sources.first().map_or("", |url| crate::programs::base_name(url));
        let is_archive = [".tar", ".tgz", ".gz", ".xz", ".zip"].iter().any(|end| name.contains(end));
        if is_download && !is_archive {
            let text = "#!/bin/sh\n[ \"$1\" = -- ] && shift\nexec \"$@\"\n".to_owned();
            self.container.files.insert(place(name), File { text, mode });
            return Ok(());
        }
        let named = |name: &str| {
            let mut stages = earlier.iter().enumerate();
            stages.rfind(|(index, image)| image.name.as_deref() == Some(name) || index.to_string() == name)
        };
        // All that is in another stage: its programs, too.
        if let Some((_, image)) = from.and_then(named).filter(|_| words == ["/", "/"]) {
            self.container.shell = image.container.shell;
            self.container.bash = image.container.bash;
        }
        // Another stage, an image from elsewhere (of which nothing is known), or the context.
        let files: BTreeMap<String, File> = match from {
            Some(stage) => named(stage).map(|(_, image)| image.container.files.clone()).unwrap_or_default(),
            None => context
                .iter()
                .map(|(path, text)| (format!("/{path}"), File { text: text.clone(), mode }))
                .collect(),
        };
        for source in sources {
            let source = absolute("/", source);
            let whole = source.trim_end_matches('/');
            let glob = Glob::new(&source).map_err(|error| error.to_string())?.compile_matcher();
            for (path, file) in &files {
                let inside = match path.strip_prefix(whole).and_then(|rest| rest.strip_prefix('/')) {
                    // The contents of a directory.
                    Some(rest) => absolute(&target, rest),
                    None if *path == source || glob.is_match(path) => place(crate::programs::base_name(path)),
                    None => continue,
                };
                self.container.files.insert(inside, file.clone());
            }
        }
        Ok(())
    }

    /// Of a RUN line, the commands that only make or change files; and whether it installs a bash.
    fn run(&mut self, instruction: &Instruction) {
        if self.container.shell == Shell::None {
            return;
        }
        let text = instruction.text.as_str();
        let body = instruction.heredoc.as_deref();
        let words: Vec<&str> = text.split_whitespace().collect();
        if self.container.shell == Shell::Ash
            && words.windows(2).any(|pair| pair == ["apk", "add"])
            && words.contains(&"bash")
        {
            self.container.bash = true;
        }
        let workdir = self.container.workdir.clone();
        let mut step = |line: String| {
            let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), line];
            self.container.steps.push(Step { argv, workdir: workdir.clone() });
        };
        match body {
            // `RUN <<EOF` is a script of its own, `RUN cat <<EOF > file` a command with input.
            Some(body) if text.starts_with("<<") => file_commands(body).into_iter().for_each(step),
            Some(body) if makes_files(text) => {
                let end =
                    text.split("<<").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or("");
                step(format!("{text}\n{body}{}\n", end.trim_matches(['-', '"', '\''])));
            }
            Some(_) => {}
            None => file_commands(text).into_iter().for_each(step),
        }
    }
}

/// Commands whose only effect is on files.
fn makes_files(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or("");
    matches!(
        first,
        "cat" | "chmod" | "cp" | "echo" | "install" | "ln" | "mkdir" | "mv" | "printf" | "sed" | "touch"
    )
}

/// The commands of a list that only make or change files; the others are left out.
fn file_commands(text: &str) -> Vec<String> {
    let (mut commands, mut current, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, ';' | '\n') => {
                commands.push(std::mem::take(&mut current));
                continue;
            }
            (None, '&') if chars.peek() == Some(&'&') => {
                chars.next();
                commands.push(std::mem::take(&mut current));
                continue;
            }
            _ => {}
        }
        current.push(c);
    }
    commands.push(current);
    commands
        .into_iter()
        .map(|command| command.trim().to_owned())
        .filter(|command| makes_files(command))
        .collect()
}

/// One instruction: its keyword in capitals, its logical line, the body of its heredoc.
struct Instruction {
    keyword: String,
    text: String,
    heredoc: Option<String>,
}

fn instructions(text: &str) -> Vec<Instruction> {
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut logical = line.trim_start().to_owned();
        while let Some(kept) = logical.trim_end().strip_suffix('\\') {
            let kept = kept.to_owned();
            let Some(next) =
                lines.find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
            else {
                logical = kept;
                break;
            };
            logical = kept + next;
        }
        let (keyword, text) = logical.split_once(char::is_whitespace).unwrap_or((&logical, ""));
        let keyword = keyword.to_ascii_uppercase();
        let mut heredoc = None;
        let word = text.split_whitespace().find(|word| word.starts_with("<<") && !word.starts_with("<<<"));
        if let (Some(word), "RUN" | "COPY" | "ADD") = (word, keyword.as_str()) {
            let end = word.trim_start_matches('<').trim_matches(['-', '"', '\'']);
            let body = lines.by_ref().take_while(|line| line.trim_start_matches('\t') != end);
            heredoc = Some(body.map(|line| format!("{line}\n")).collect());
        }
        found.push(Instruction { keyword, text: text.trim().to_owned(), heredoc });
    }
    found
}

/// Exec form, if it is one.
trait ParseWords {
    fn parse_words(&self) -> Option<Vec<String>>;
}

impl ParseWords for str {
    fn parse_words(&self) -> Option<Vec<String>> {
        serde_json::from_str(self).ok()
    }
}

/// Replaces `$NAME` and `${NAME}`; what is not known becomes empty.
fn substitute(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        result.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let braced = rest.starts_with('{');
        let start = usize::from(braced);
        let length = rest[start..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len() - start);
        let name = &rest[start..start + length];
        if name.is_empty() {
            result.push('$');
            continue;
        }
        result.push_str(variables.get(name).map_or("", String::as_str));
        rest = &rest[start + length..];
        if braced {
            rest = rest.split_once('}').map_or("", |(_, rest)| rest);
        }
    }
    result + rest
}

/// `path` as seen from `dir`: absolute, without `.` and `..`.
fn absolute(dir: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{dir}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
