//! What an argument vector runs: wrappers that replace themselves are seen through, scripts are found and read, shells are recognised.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::environment::Environment;
use super::field::Field;
use super::interpreter::{Broken, ShellStart};
use super::runner;
use super::shell::{Origin, Status};
use super::signal::Signal;
use super::supervise::{self, Supervise};
use super::world::{Identity, Millis, Pid, Rewrites};
use crate::dockerfile::join;
use crate::programs::{Base, Inner, Kind, Program, Services, Tables};
use crate::project::{Found, ImageFile, handlers, makefile};
use crate::source::{Excerpt, Place, Span};

/// Wrappers in front of wrappers, scripts that start scripts: deeper than this is not followed.
pub(super) const MAX_DEPTH: usize = 16;

/// What a program is, and how to start it.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// It ends by itself, with this status as far as it is known.
    Ends(Status),
    /// Nothing is known: setup or service.
    Unknown,
    /// A service; with its row if the tables have one.
    Service(Option<Arc<Program>>),
    /// Stays without holding data.
    Helper,
    /// `sleep`
    Pause(Millis),
    /// `tail --pid`: stays as long as another process.
    Follows(Pid),
    /// A server that goes into the background.
    Daemon(Arc<Program>),
    /// A supervisor whose programs are known.
    Supervise(Rc<Supervise>),
    /// A shell with something to run.
    Shell(Box<ShellStart>),
    /// Starts a command and waits for it.
    Forward(Box<Forward>),
    /// Starts a command and leaves.
    Detach(Arc<Program>, Vec<Field>),
    /// A shell that is given nothing to run: somebody types, or its standard input holds a script. So it is with `xargs su`.
    Interactive,
    /// Cannot be followed.
    Opaque(String),
    /// A script that is not there to be read.
    Unread(String),
    /// The kernel refuses to run it.
    Broken(Broken, Rc<ImageFile>),
}

/// A forwarding program about to start.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub(crate) program: Arc<Program>,
    pub(crate) child: Child,
    pub(crate) rewrites: Rewrites,
}

/// What a forwarding program starts.
#[derive(Debug, Clone)]
pub(crate) enum Child {
    Command(Vec<Field>),
    /// A command line for a shell.
    Line(Arc<Excerpt>, Origin, Dialect),
    /// A command line that the program runs itself.
    Own(Arc<Excerpt>),
}

/// An argument vector, seen through.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) what: What,
    /// What the process is, one after the other: wrappers that replace themselves first.
    pub(crate) identities: Vec<Identity>,
    /// True for a wrapper whose inner command may be setup as well as a service.
    pub(crate) uncertain: bool,
    /// True for a program that would stay on with an open standard input or output (cat, tee).
    pub(crate) stays_on_input: bool,
    /// For a program of the project that is certain to install no handler: its interpreter's row, saying so.
    pub(crate) unhandled: Option<Arc<Program>>,
    /// True for a wrapper around a shell that is given nothing to run.
    pub(crate) converses: bool,
    /// True for `tail --pid` of a process that is not known.
    pub(crate) follows_unknown: bool,
    /// Set by a working directory option; otherwise the caller's.
    pub(crate) directory: Option<Rc<str>>,
}

impl Environment<'_> {
    /// Works out what an argument vector runs. `caller` is the shell that runs it, if one does: a shell runs a script without `#!`
    /// itself, the kernel does not.
    pub(crate) fn resolve(
        &self,
        argv: &[Field],
        place: &Place,
        directory: Option<&str>,
        caller: Option<Dialect>,
    ) -> Resolved {
        let mut resolved = Resolved {
            what: What::Unknown,
            identities: Vec::new(),
            uncertain: false,
            stays_on_input: false,
            unhandled: None,
            converses: false,
            follows_unknown: false,
            directory: None,
        };
        let mut resolver = Resolver { environment: self, place, directory: directory.map(Rc::from), caller };
        let what = resolver.step(argv, &mut resolved, 0);
        resolved.what = what;
        resolved
    }
}

/// Works out one argument vector.
pub(super) struct Resolver<'e, 'a> {
    pub(super) environment: &'e Environment<'a>,
    pub(super) place: &'e Place,
    pub(super) directory: Option<Rc<str>>,
    pub(super) caller: Option<Dialect>,
}

impl Resolver<'_, '_> {
    pub(super) fn step(&mut self, argv: &[Field], resolved: &mut Resolved, depth: usize) -> What {
        let program = argv.first().and_then(Field::text).map(str::to_owned);
        let identity = |program: Option<&Program>| Identity {
            argv: argv.into(),
            place: Some(self.place.clone()),
            program: program.and_then(|row| row.names.first()).map(|name| Rc::from(name.as_str())),
        };
        let Some(name) = program else {
            if let Some((row, arguments)) = self.wherever_it_is(argv) {
                resolved.identities.push(identity(Some(&row)));
                return self.known(&row, argv, &arguments, resolved, depth);
            }
            resolved.identities.push(identity(None));
            // `/run-$ROLE.sh`
            if argv.first().and_then(|field| field.sketch.as_deref()).is_some_and(is_script_name) {
                return What::Opaque(format!("which script {} is, is not known", argv[0].shown()));
            }
            return What::Unknown;
        };
        if name.starts_with('-') {
            resolved.identities.push(identity(None));
            return What::Opaque(format!("{name} is an option of a program that is not known"));
        }
        if depth > MAX_DEPTH {
            return What::Opaque("too many programs start each other".to_owned());
        }
        if let Some(dialect) = self.environment.dialect_of(&name) {
            resolved.identities.push(identity(None));
            return match self.missing_shell(dialect, &argv[0]) {
                Some((broken, missing)) => What::Broken(broken, Rc::new(missing)),
                None => self.shell(dialect, argv),
            };
        }
        let name = match name.as_str() {
            "yarn" if runner::is_hadoops(self.environment, self.directory.as_deref()) => {
                "yarn@hadoop".to_owned()
            }
            "yarn" if runner::is_berry(self.environment, self.directory.as_deref()) => {
                "yarn@berry".to_owned()
            }
            _ => name,
        };
        let arguments: Vec<Option<&str>> = argv[1..].iter().map(Field::option).collect();
        let own = self.file(&name);
        // The base's script puts its program in front of options, which no row for a script of its name knows.
        let completes = own.is_none()
            && self.is_base_entrypoint(&name)
            && self.environment.image.base.default_program.is_some();
        let row = match own {
            // What the user says of a file counts more than what is in it.
            Some(_) => self.environment.tables.own(&name, &arguments),
            None if completes => None,
            None if self.environment.sh == Dialect::Ash => self.environment.tables.applet(&name, &arguments),
            None => self.environment.tables.program(&name, &arguments),
        };
        let row = row.filter(|row| match row.services {
            Some(Services::S6Overlay) => self.may_be_s6_overlay(),
            _ => !row.pid1_only || self.may_be_system_init(&name),
        });
        if let Some(row) = row {
            resolved.identities.push(identity(Some(row)));
            if own.is_none()
                && let Some((broken, file)) = self.missing_init(row, &argv[0], &name)
            {
                return What::Broken(broken, file);
            }
            return self.known(row, argv, &arguments, resolved, depth);
        }
        match own {
            Some(Found::File(file)) => return self.project_file(&file, argv, &arguments, resolved, depth),
            Some(Found::Download(file)) => {
                return self.without_interpreter(&file, Broken::NotExecutable, argv, resolved);
            }
            Some(Found::Unreadable(reason)) if is_script_name(&name) => {
                resolved.identities.push(identity(None));
                return What::Unread(reason);
            }
            // A binary, or a file that a build step makes: a program like any other.
            Some(Found::Unreadable(_) | Found::Unknown) | None => {}
        }
        resolved.identities.push(identity(None));
        if let Some((broken, file)) = self.not_found(&argv[0], &name) {
            return What::Broken(broken, file);
        }
        let base = &self.environment.image.base;
        let is_base_entrypoint = self.is_base_entrypoint(&name);
        if is_base_entrypoint && base.entrypoint_execs {
            let command = completed(&argv[1..], base);
            let what =
                if command.is_empty() { What::Unknown } else { self.step(&command, resolved, depth + 1) };
            // `redis.conf`: the base's script puts its server in front of what is no program.
            return match what {
                What::Broken(broken, _) if !broken.is_for_init() => {
                    What::Opaque(format!("what {name} makes of its arguments is not known"))
                }
                what => what,
            };
        }
        if self.environment.tables.is_errand(&arguments) {
            return What::Ends(Status::UNKNOWN);
        }
        if is_script_name(&name) || is_base_entrypoint {
            return What::Unread(format!("the content of {name} is not known"));
        }
        What::Unknown
    }

    /// True for the script that the base image brings as its ENTRYPOINT.
    fn is_base_entrypoint(&self, name: &str) -> bool {
        let base = &self.environment.image.base;
        base.entrypoint
            .as_ref()
            .is_some_and(|words| words.iter().any(|word| word.rsplit('/').next() == name.rsplit('/').next()))
    }

    /// A file of the project by that name. Tools by their bare names come from the tables first; a project that replaces one does so
    /// by path.
    fn file(&self, name: &str) -> Option<Found> {
        let environment = self.environment;
        let found = if name.contains('/') {
            let directory = self.directory.as_deref().unwrap_or(&environment.image.workdir);
            environment.find(&join(directory, name))
        } else {
            environment.which(name).map_or(Found::Unknown, Found::File)
        };
        (!matches!(found, Found::Unknown)).then_some(found)
    }

    /// A program of the tables.
    pub(super) fn known(
        &mut self,
        row: &Arc<Program>,
        argv: &[Field],
        arguments: &[Option<&str>],
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        if let Some(options) = self.options_of(row, arguments) {
            let all: Vec<Option<&str>> = options.iter().map(|word| word.as_deref()).collect();
            let told =
                self.environment.tables.program(&row.names[0], &all).filter(|told| !Arc::ptr_eq(told, row));
            if let Some(told) = told {
                let told = Arc::clone(told);
                return self.known(&told, argv, &all, resolved, depth);
            }
        }
        if let Some(bare) = self.without_extension(row) {
            return self.known(&bare, argv, arguments, resolved, depth);
        }
        // What a file says that nobody has seen may send it into the background.
        resolved.uncertain |= self.reads_unseen_options(row, arguments);
        match row.kind {
            Kind::Server | Kind::Supervisor if Tables::only_tells(arguments) => What::Ends(Status::UNKNOWN),
            Kind::Exec => match self.inner(row, argv, arguments).or_else(|| started_by(row)) {
                Some(Child::Command(inner)) => self.step(&inner, resolved, depth + 1),
                Some(Child::Line(text, origin, dialect)) => What::Shell(Box::new(ShellStart {
                    dialect,
                    origin,
                    script: self.environment.parse(text),
                    zero: Field::known("sh"),
                    positional: Vec::new(),
                    errexit: false,
                    nounset: false,
                    evaluates: false,
                })),
                _ => nothing_to_start(argv),
            },
            Kind::Init | Kind::Fork => match self.inner(row, argv, arguments).or_else(|| started_by(row)) {
                Some(child) => self.forward(row, child, arguments, resolved, depth),
                None => nothing_to_start(argv),
            },
            Kind::Detach => match self.inner(row, argv, arguments) {
                Some(Child::Command(inner)) => What::Detach(Arc::clone(row), inner),
                _ => nothing_to_start(argv),
            },
            Kind::Shell => match &row.runs_as {
                Some(words) => {
                    let shell = words.split_whitespace().map(Field::known);
                    let own: Vec<Field> = shell.chain(argv[1..].iter().cloned()).collect();
                    self.step(&own, resolved, depth + 1)
                }
                None if arguments.is_empty() => What::Interactive,
                None => What::Opaque(format!("{} is a shell that is not followed", argv[0].shown())),
            },
            Kind::Runner => {
                let directory = self.directory.as_deref();
                match runner::child(self.environment, row, argv, arguments, self.place, directory) {
                    Some((child, directory)) => {
                        resolved.uncertain = true;
                        resolved.directory = directory.map(Rc::from).or(resolved.directory.take());
                        What::Forward(Box::new(Forward {
                            program: Arc::clone(row),
                            child,
                            rewrites: Rewrites::default(),
                        }))
                    }
                    None => What::Unknown,
                }
            }
            Kind::Interpreter if row.recipes && self.keeps_shell(row, arguments) => What::Opaque(format!(
                "{} runs its recipe through a shell, which is not followed",
                base_name(argv)
            )),
            Kind::Interpreter => {
                resolved.unhandled = self.unhandled(row, arguments);
                What::Unknown
            }
            Kind::Supervisor if row.services.is_some() => {
                let directory = self.directory.as_deref();
                match supervise::configuration(self.environment, row, argv, arguments, self.place, directory)
                {
                    Some(found) => {
                        resolved.uncertain |= found.stays.is_none();
                        What::Supervise(Rc::new(found))
                    }
                    None => {
                        resolved.uncertain |= row.daemonizes;
                        What::Service(Some(Arc::clone(row)))
                    }
                }
            }
            Kind::Server | Kind::Supervisor if self.daemonizes(row, arguments) => {
                What::Daemon(Arc::clone(row))
            }
            Kind::Server | Kind::Supervisor => {
                // Its configuration decides whether it stays in front, and is not known.
                resolved.uncertain |= row.daemonizes;
                What::Service(Some(Arc::clone(row)))
            }
            Kind::Setup => What::Ends(match base_name(argv) {
                "true" => Status::known(0),
                "false" => Status::known(1),
                _ => Status::UNKNOWN,
            }),
            Kind::Helper => self.helper(row, argv, arguments, resolved),
        }
    }

    /// True for make with a recipe whose shell stays in front: it tells that shell alone.
    fn keeps_shell(&self, row: &Program, arguments: &[Option<&str>]) -> bool {
        let directory = self.directory.as_deref().unwrap_or(&self.environment.image.workdir);
        let target = match row.inner_command(arguments) {
            Inner::Command { name, .. } => arguments.get(name).copied().flatten(),
            _ => None,
        };
        makefile::keeps_shell(self.environment.files, directory, target) == Some(true)
    }

    /// What an interpreter does on signals, where it is certain that the program it runs installs no handler.
    fn unhandled(&self, row: &Program, arguments: &[Option<&str>]) -> Option<Arc<Program>> {
        let language = row.language?;
        let Inner::Command { name, .. } = row.inner_command(arguments) else { return None };
        // An option that loads something may bring a handler.
        let options: Vec<&str> = row.args.value_options.iter().map(String::as_str).collect();
        let image = self.environment.image;
        if row.option_value(arguments, &options).is_some()
            || language.modules().environment.iter().any(|name| image.env.contains_key(name))
        {
            return None;
        }
        let entry = join(self.directory.as_deref().unwrap_or(&image.workdir), arguments.get(name).copied()??);
        let signals = language.modules().without_handler();
        let mut read = self.environment.without_handler.borrow_mut();
        let has_none = *read
            .entry(entry)
            .or_insert_with_key(|entry| handlers::has_none(self.environment.files, language, entry));
        has_none.then(|| Arc::new(Program { signals, ..row.clone() }))
    }

    /// A wrapper that waits is setup, service or unknown as its inner command is.
    fn forward(
        &mut self,
        row: &Arc<Program>,
        child: Child,
        arguments: &[Option<&str>],
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        if let Child::Command(inner) = &child {
            let mut below = resolved.clone();
            let limited = row.names.iter().any(|name| name == "timeout");
            let what = self.step(inner, &mut below, depth + 1);
            if row.args.from_input && !tells_program(&what, &below) {
                return What::Interactive;
            }
            match what {
                What::Interactive => resolved.converses = true,
                What::Ends(status) if row.kind == Kind::Fork => return What::Ends(status),
                What::Helper | What::Pause(_) if limited => {
                    return What::Ends(Status::UNKNOWN);
                }
                What::Unknown | What::Opaque(_) | What::Unread(_) => resolved.uncertain = true,
                _ => resolved.uncertain |= below.uncertain,
            }
        }
        let rewrites = rewrites(row, arguments);
        let program = if self.signals_alone(row) {
            Arc::new(Program { broadcast: false, ..row.as_ref().clone() })
        } else {
            Arc::clone(row)
        };
        What::Forward(Box::new(Forward { program, child, rewrites }))
    }

    /// Helpers: `sleep` pauses, `tail -f` stays, and what copies its input ends with it.
    fn helper(
        &self,
        row: &Program,
        argv: &[Field],
        arguments: &[Option<&str>],
        resolved: &mut Resolved,
    ) -> What {
        match base_name(argv) {
            _ if row.stays => What::Helper,
            "sleep" => match arguments.first().copied().flatten() {
                Some("infinity" | "inf") => What::Helper,
                Some(text) => pause(text).map_or(What::Ends(Status::UNKNOWN), What::Pause),
                None => What::Pause(1000),
            },
            "tail" => {
                let follows = arguments.iter().flatten().any(|argument| {
                    argument.starts_with("--follow")
                        || (argument.starts_with('-')
                            && !argument.starts_with("--")
                            && argument.contains(['f', 'F']))
                });
                let pid = arguments.iter().flatten().find_map(|argument| argument.strip_prefix("--pid="));
                match (follows, pid.map(str::parse)) {
                    (true, Some(Ok(pid))) => What::Follows(pid),
                    (true, None) => What::Helper,
                    (true, Some(Err(_))) => {
                        resolved.follows_unknown = true;
                        What::Helper
                    }
                    (false, _) => What::Ends(Status::UNKNOWN),
                }
            }
            _ => {
                resolved.stays_on_input = true;
                What::Ends(Status::UNKNOWN)
            }
        }
    }

    /// The package.json of the directory itself.
    fn manifest(&self) -> Option<Arc<Excerpt>> {
        let directory = self.directory.as_deref().unwrap_or(&self.environment.image.workdir);
        match self.environment.find(&join(directory, "package.json")) {
            Found::File(file) => Some(file.text),
            _ => None,
        }
    }

    /// The inner command of a wrapper.
    fn inner(&mut self, row: &Program, argv: &[Field], arguments: &[Option<&str>]) -> Option<Child> {
        let inner = match row.inner_command(arguments) {
            Inner::Command { name, arguments } => {
                let mut inner = vec![argv.get(name + 1)?.clone()];
                inner.extend_from_slice(argv.get(arguments + 1..).unwrap_or_default());
                inner.extend(row.args.from_input.then(|| Field::rest("...")));
                inner
            }
            Inner::Line { argument, offset } => {
                let field = argv.get(argument + 1)?;
                // Where only arguments are not known, the words that are decide.
                let Some(text) = field.text().or(field.sketch()) else {
                    return Some(Child::Command(vec![Field::unknown(&field.shown())]));
                };
                let text = text.get(offset..)?;
                let excerpt = match &field.excerpt {
                    Some(excerpt) => Arc::new(excerpt.sub(Span::new(offset, excerpt.text().len()))),
                    None => Arc::new(Excerpt::derived(&self.place.source, self.place.span, text)),
                };
                return Some(Child::Line(excerpt, Origin::Text, self.environment.sh()));
            }
            Inner::None => return None,
            Inner::Unknown => vec![Field::unknown("...")],
        };
        if row.shell.is_some() {
            let words: Vec<String> = inner.iter().map(Field::shown).collect();
            let text = Arc::new(Excerpt::derived(&self.place.source, self.place.span, words.join(" ")));
            let origin = Origin::PackageCommand(self.manifest());
            return Some(Child::Line(text, origin, self.environment.sh()));
        }
        Some(Child::Command(inner))
    }
}

/// A command as the base's script completes it: its program in front of what is no program.
fn completed(argv: &[Field], base: &Base) -> Vec<Field> {
    let endings = base.argument_endings.as_deref().unwrap_or_default();
    let is_argument =
        |word: &str| word.starts_with('-') || endings.iter().any(|ending| word.ends_with(ending));
    let program =
        base.default_program.as_ref().filter(|_| argv.first().and_then(Field::text).is_some_and(is_argument));
    let program = program.into_iter().flatten().map(|word| Field::known(word.as_str()));
    program.chain(argv.iter().cloned()).collect()
}

/// The signals that an init passes on in place of others.
fn rewrites(row: &Program, arguments: &[Option<&str>]) -> Rewrites {
    let signals = row.rewrites(arguments).into_iter();
    signals.filter_map(|(from, to)| Some((Signal::parse(from)?, Signal::parse(to)?))).collect()
}

/// What a wrapper that is written for one program starts.
fn started_by(row: &Program) -> Option<Child> {
    let words: Vec<Field> = row.foreground.as_deref()?.split_whitespace().map(Field::known).collect();
    matches!(row.kind, Kind::Fork | Kind::Exec).then_some(Child::Command(words))
}

/// A wrapper without a command ends; it may have one among words that are not known.
fn nothing_to_start(argv: &[Field]) -> What {
    match argv.iter().all(|word| word.text().is_some()) {
        true => What::Ends(Status::UNKNOWN),
        false => What::Opaque(format!("what {} starts is not known", base_name(argv))),
    }
}

/// Whether the words that are known tell what runs in the end (`xargs su` does not).
fn tells_program(what: &What, resolved: &Resolved) -> bool {
    let is_known = |argv: &[Field]| argv.first().is_some_and(|name| name.text().is_some());
    match what {
        What::Opaque(_) | What::Unread(_) => false,
        What::Forward(forward) => match &forward.child {
            Child::Command(inner) => is_known(inner),
            Child::Line(..) | Child::Own(_) => true,
        },
        _ => resolved.identities.last().is_some_and(|identity| is_known(&identity.argv)),
    }
}

/// The name that a program is called by, without its folder.
fn base_name(argv: &[Field]) -> &str {
    argv.first().and_then(Field::text).and_then(|name| name.rsplit('/').next()).unwrap_or("")
}

pub(super) fn is_script_name(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "sh" || extension == "bash")
}

fn pause(text: &str) -> Option<Millis> {
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds: f64 = number.parse().ok()?;
    let factor = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    let millis = seconds * factor * 1000.0;
    // A number so large that it is "for ever".
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (millis.is_finite() && millis >= 0.0).then(|| millis.min(1e15) as Millis)
}
