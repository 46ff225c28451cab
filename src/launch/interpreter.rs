//! Scripts and the shells that run them: options of a shell, `#!` lines.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::environment::Environment;
use super::execline;
use super::field::Field;
use super::known::Call;
use super::resolve::{Resolved, Resolver, What, is_script_name};
use super::shell::Origin;
use super::world::Identity;
use crate::project::ImageFile;
use crate::shell::{NodeKind, Script};
use crate::source::{Excerpt, Place, base_name};

/// Why the kernel refuses to run a script, or finds no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// No `#!` in the first line.
    NoShebang,
    /// A byte-order mark before the `#!`.
    ByteOrderMark,
    /// A carriage return at the end of the `#!` line.
    CarriageReturn,
    /// `env` is to look for a program with a blank in its name, because the kernel gives it everything behind as one word.
    EnvArguments,
    /// Nobody may execute it.
    NotExecutable,
    /// It needs bash, and the image has none.
    NoBash,
    /// It needs a shell, and the image has none at all.
    NoShell,
    /// `$NAME` in the program's name, which nobody replaces.
    Variable,
    /// `$NAME` of an ARG, which nothing sets when the container runs.
    BuildArgument,
    /// Brackets that are no JSON, which a shell takes for a name.
    Brackets,
    /// A command of the shell itself, or an assignment, where no shell reads it.
    ShellOnly,
    /// The same where a program's name follows: behind `exec`, or behind a wrapper.
    AfterExec,
    /// The name is empty: what stood there was replaced by nothing.
    Empty,
    /// No program has such a name: a command line as one word, say.
    NoSuchProgram,
    /// A script in the working directory, where nobody looks for a bare name.
    NotOnPath,
    /// An init that only another stage installs.
    NoInit,
    /// An init that is installed at another path.
    InitElsewhere,
}

impl Broken {
    /// True if the program that is not there is an init.
    pub(super) fn is_for_init(self) -> bool {
        matches!(self, Self::NoInit | Self::InitElsewhere)
    }

    /// True if there is no such program, rather than one that the kernel refuses.
    pub fn is_not_found(self) -> bool {
        matches!(
            self,
            Self::Variable
                | Self::ShellOnly
                | Self::AfterExec
                | Self::BuildArgument
                | Self::Brackets
                | Self::Empty
                | Self::NoSuchProgram
                | Self::NotOnPath
                | Self::NoInit
                | Self::InitElsewhere
        )
    }
}

/// A script that the kernel refuses to run.
#[derive(Debug, Clone)]
pub struct BrokenScript {
    /// Why.
    pub broken: Broken,
    /// Where it is started.
    pub started: Place,
    /// Its text.
    pub text: Arc<Excerpt>,
    /// The instruction that puts it into the image.
    pub by: Option<Place>,
    /// True where a supervisor is to start it: the container goes on.
    pub supervised: bool,
}

/// A shell about to start.
#[derive(Debug, Clone)]
pub(crate) struct ShellStart {
    pub(crate) dialect: Dialect,
    pub(crate) origin: Origin,
    pub(crate) script: Arc<Script>,
    pub(crate) zero: Field,
    pub(crate) positional: Vec<Field>,
    pub(crate) errexit: bool,
    pub(crate) nounset: bool,
    /// True if the text comes from the image's own arguments, which a script has given to this shell (`sh -c "$*"`).
    pub(crate) evaluates: bool,
}

impl ShellStart {
    /// A shell without options and arguments.
    pub(super) fn plain(dialect: Dialect, origin: Origin, script: Arc<Script>, zero: Field) -> Self {
        let (errexit, nounset, evaluates) = (false, false, false);
        Self { dialect, origin, script, zero, positional: Vec::new(), errexit, nounset, evaluates }
    }
}

/// A script as an argument of the interpreter that its first line names.
pub(super) fn through_interpreter(file: &ImageFile) -> Option<Vec<Field>> {
    let words = interpreter(file.text.text()).ok()?;
    let argv = words.iter().chain([&file.path]);
    Some(argv.map(|word| Field::known(word.as_str())).collect())
}

/// The words of a script's `#!` line; `env -S` is seen through by its row in the tables.
pub(super) fn interpreter(text: &str) -> Result<Vec<String>, Broken> {
    let bare = text.strip_prefix('\u{feff}');
    let Some(line) = bare.unwrap_or(text).strip_prefix("#!").and_then(|rest| rest.split('\n').next()) else {
        return Err(Broken::NoShebang);
    };
    if bare.is_some() {
        return Err(Broken::ByteOrderMark);
    }
    if line.ends_with('\r') {
        return Err(Broken::CarriageReturn);
    }
    let line = line.trim();
    // The kernel gives everything after the interpreter as one argument.
    Ok(match line.split_once([' ', '\t']) {
        Some((interpreter, argument)) => {
            let argument = argument.trim();
            match argument.strip_prefix("-S") {
                Some(rest) if interpreter.ends_with("/env") => {
                    rest.split_whitespace().map(str::to_owned).collect()
                }
                None if interpreter.ends_with("/env")
                    && argument.contains([' ', '\t'])
                    && !argument.starts_with('-') =>
                {
                    return Err(Broken::EnvArguments);
                }
                _ => vec![interpreter.to_owned(), argument.to_owned()],
            }
        }
        None => vec![line.to_owned()],
    })
}

/// Endings of files that nobody runs.
const CONFIGURATIONS: [&str; 10] =
    ["cfg", "cnf", "conf", "config", "ini", "json", "properties", "toml", "yaml", "yml"];

impl Environment<'_> {
    /// The shell of this name.
    pub(super) fn dialect_of(&self, name: &str) -> Option<Dialect> {
        let (folder, base) = name.rsplit_once('/').unwrap_or(("/bin", name));
        if !folder.starts_with('/') && !folder.ends_with("bin") {
            return None;
        }
        Some(match base {
            "sh" if folder == "/busybox" => Dialect::Ash,
            "sh" => self.sh(),
            "dash" => Dialect::Dash,
            "ash" => Dialect::Ash,
            "bash" => Dialect::Bash,
            _ => return None,
        })
    }
}

impl Resolver<'_, '_> {
    /// A file of the project: a script, or one's copy of a tool that the tables know.
    pub(super) fn project_file(
        &mut self,
        file: &ImageFile,
        argv: &[Field],
        arguments: &[Option<&str>],
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        let words = match (file.executable, interpreter(file.text.text())) {
            // What may not be executed and names no interpreter is no script at all, maybe.
            (Some(false), Err(Broken::NoShebang)) if self.is_no_script(file) => Err(Broken::NoShebang),
            (Some(false), _) => Err(Broken::NotExecutable),
            (_, words) => words,
        };
        let name = argv[0].text().unwrap_or_default();
        let row = self.environment.tables.program(name, arguments).filter(|row| row.copied);
        match (words, row) {
            (Ok(_), Some(row)) => {
                let program = row.names.first().map(|name| Rc::from(name.as_str()));
                let place = Some(self.place.clone());
                resolved.identities.push(Identity { argv: argv.into(), place, program });
                self.known(Call { row, argv, arguments }, resolved, depth)
            }
            (Ok(words), None) => self.script(file, &words, argv, resolved, depth),
            (Err(broken), _) => self.without_interpreter(file, broken, argv, resolved),
        }
    }

    /// Where the kernel is told to run a shell that is not there: the word that asks for it.
    pub(super) fn missing_shell(&self, dialect: Dialect, name: &Field) -> Option<(Broken, ImageFile)> {
        let is_installed = name.text().is_some_and(|name| !name.contains('/') || name.contains("bin/"));
        let broken = match dialect {
            // What lies elsewhere, somebody has put there.
            _ if !is_installed => return None,
            _ if self.environment.lacks_shell() => Broken::NoShell,
            Dialect::Bash if self.environment.lacks_bash() => Broken::NoBash,
            _ => return None,
        };
        let derived = || Arc::new(Excerpt::derived(&self.place.source, self.place.span, name.shown()));
        let path = name.text().unwrap_or_default().to_owned();
        let text = name.excerpt.clone().unwrap_or_else(derived);
        Some((broken, ImageFile { path, text, executable: None, by: None }))
    }

    /// `sh [options] -c text`, `sh [options] file`.
    pub(super) fn shell(&mut self, dialect: Dialect, argv: &[Field]) -> What {
        let mut at = 1;
        let (mut command, mut standard_input) = (false, false);
        let (mut errexit, mut nounset) = (false, false);
        while let Some(field) = argv.get(at) {
            let Some(text) = field.text() else { break };
            if text == "--" || text == "-" {
                at += 1;
                break;
            }
            if !(text.starts_with('-') || text.starts_with('+')) || text.len() < 2 {
                break;
            }
            at += 1;
            if let Some(long) = text.strip_prefix("--") {
                at += usize::from(matches!(long, "rcfile" | "init-file"));
                continue;
            }
            for letter in text[1..].chars() {
                match letter {
                    'c' => command = true,
                    'e' => errexit = true,
                    'u' => nounset = true,
                    's' => standard_input = true,
                    'o' | 'O' => at += 1,
                    _ => {}
                }
            }
        }
        let rest = &argv[at.min(argv.len())..];
        let Some(first) = rest.first().filter(|_| !standard_input) else { return What::Interactive };
        if command {
            // Where only arguments are not known, the words that are decide.
            let Some(text) = first.text().or(first.sketch()) else {
                return What::Opaque(format!("the command line {} is not known", first.shown()));
            };
            let excerpt = match &first.excerpt {
                Some(excerpt) => Arc::clone(excerpt),
                None => Arc::new(Excerpt::derived(&self.place.source, self.place.span, text)),
            };
            return What::Shell(Box::new(ShellStart {
                dialect,
                origin: self.environment.origin_of(&excerpt, first.excerpt.is_some()),
                script: self.environment.parse(excerpt),
                zero: rest.get(1).cloned().unwrap_or_else(|| argv[0].clone()),
                positional: rest.get(2..).unwrap_or_default().to_vec(),
                errexit,
                nounset,
                evaluates: first.overridable && self.caller.is_some(),
            }));
        }
        let Some(path) = first.text() else {
            return What::Opaque(format!("which script {} is, is not known", first.shown()));
        };
        let Some(file) = self.environment.script_file(path, self.directory.as_deref()) else {
            return What::Unread(format!("the content of {path} is not known"));
        };
        let text = file.text.text();
        if text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r')) {
            // The last line is the service's as a rule. Where it is not ended at all, that one can be read.
            return match text.ends_with('\n') {
                true => What::Broken(Broken::CarriageReturn, Rc::new(file)),
                false => {
                    What::Opaque(format!("the lines of {path} end in carriage returns, but for the last"))
                }
            };
        }
        What::Shell(Box::new(ShellStart {
            dialect,
            origin: Origin::Script,
            script: self.environment.parse(file.text),
            zero: first.clone(),
            positional: rest[1..].to_vec(),
            errexit,
            nounset,
            evaluates: false,
        }))
    }

    /// A script whose first line names its interpreter.
    pub(super) fn script(
        &mut self,
        file: &ImageFile,
        words: &[String],
        argv: &[Field],
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        if words.first().is_some_and(|word| word.contains('\\')) {
            let identity = Identity { argv: argv.into(), place: Some(self.place.clone()), program: None };
            resolved.identities.push(identity);
            return What::Broken(Broken::NoSuchProgram, Rc::new(file.clone()));
        }
        if words.iter().any(|word| base_name(word) == "execlineb")
            && let Some(chain) = execline::chain(&file.text, self.environment.tables)
        {
            let program = Some(Rc::from("execlineb"));
            resolved.identities.push(Identity {
                argv: argv.into(),
                place: Some(self.place.clone()),
                program,
            });
            let place = file.text.place(chain.span);
            let directory = chain.directory.map(Rc::from).or_else(|| self.directory.clone());
            resolved.directory.clone_from(&directory);
            let mut further = Resolver { place: &place, directory, caller: None, ..*self };
            return further.step(&chain.command, resolved, depth + 1);
        }
        let mut own: Vec<Field> = words.iter().map(|word| Field::known(word.as_str())).collect();
        own.push(Field { text: Some(file.path.as_str().into()), ..Field::default() });
        own.extend_from_slice(&argv[1..]);
        let before = resolved.identities.len();
        // The interpreter reads the file that was found, whatever its path looks like from here.
        let what = self.step(&own, resolved, depth + 1);
        let shown = Identity {
            argv: argv.into(),
            place: Some(self.place.clone()),
            program: resolved.identities.get(before).and_then(|identity| identity.program.clone()),
        };
        match what {
            What::Broken(broken @ (Broken::NoBash | Broken::NoShell), _) => {
                resolved.identities.truncate(before);
                resolved.identities.push(shown);
                What::Broken(broken, Rc::new(file.clone()))
            }
            What::Shell(mut start) => {
                start.script = self.environment.parse(Arc::clone(&file.text));
                resolved.identities.truncate(before);
                resolved.identities.push(shown);
                What::Shell(start)
            }
            other => other,
        }
    }

    pub(super) fn without_interpreter(
        &mut self,
        file: &ImageFile,
        broken: Broken,
        argv: &[Field],
        resolved: &mut Resolved,
    ) -> What {
        resolved.identities.push(Identity {
            argv: argv.into(),
            place: Some(self.place.clone()),
            program: None,
        });
        let looks_like_shell = !file.text.text().starts_with('\u{7f}');
        if broken == Broken::NoShebang && looks_like_shell && self.is_no_script(file) {
            return What::Opaque(format!(
                "{} is no script: how it comes to be started is not known",
                file.path
            ));
        }
        match (self.caller, broken) {
            // A shell that gets "exec format error" runs the file itself.
            (Some(dialect), Broken::NoShebang | Broken::ByteOrderMark) if looks_like_shell => {
                let script = self.environment.parse(Arc::clone(&file.text));
                let start = ShellStart::plain(dialect, Origin::Script, script, argv[0].clone());
                What::Shell(Box::new(ShellStart { positional: argv[1..].to_vec(), ..start }))
            }
            _ => What::Broken(broken, Rc::new(file.clone())),
        }
    }

    /// A file of data, by its name or its mode, or because no shell could read it: an argument that was taken for a program.
    fn is_no_script(&self, file: &ImageFile) -> bool {
        let name = base_name(&file.path);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        // `Caddyfile`, `Procfile`
        let is_recipe = name.starts_with(|c: char| c.is_ascii_uppercase()) && name.ends_with("file");
        let is_data = file.executable == Some(false) && !is_script_name(&file.path);
        let script = || self.environment.parse(Arc::clone(&file.text));
        is_data
            || is_recipe
            || CONFIGURATIONS.contains(&ending)
            || !script().errors.is_empty()
            || !begins_with_command(&script())
    }
}

/// False for `* * * * * root job`: no program has such a name.
fn begins_with_command(script: &Script) -> bool {
    let first = script.statements.first().map(|statement| &statement.kind);
    let Some(NodeKind::Command(command)) = first else { return true };
    let name = command.words.first().map_or_else(String::new, |word| word.literal().unwrap_or_default());
    name.is_empty() || name.contains(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | ':' | '['))
}
