//! What a program of the tables does with its arguments: what it starts, and whether it stays.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::environment::Environment;
use super::field::Field;
use super::interpreter::ShellStart;
use super::resolve::{Child, Forward, Resolved, Resolver, What};
use super::runner;
use super::shell::{Origin, Status};
use super::signal::Signal;
use super::supervise::{self, Supervise};
use super::world::{FOREVER, Millis, Rewrites};
use crate::dockerfile::join;
use crate::programs::{Handler, Inner, Kind, Program, Services};
use crate::project::{Found, handlers, makefile, ruby, s6_overlay};
use crate::source::{Excerpt, Span, base_name};

/// A program of the tables, and the words that it is called with.
#[derive(Clone, Copy)]
pub(super) struct Call<'c> {
    pub(super) row: &'c Arc<Program>,
    pub(super) argv: &'c [Field],
    /// The words behind the program, as far as they are known.
    pub(super) arguments: &'c [Option<&'c str>],
}

/// How long it is until something happens that nobody can foresee: longer than a stop may take, and no way to keep a container alive.
const UNFORESEEN: Millis = 5 * 60 * 1000;

/// `timeout 60 job`, `timeout "$LIMIT" job`; `timeout 0 server` has no limit.
fn is_limited(arguments: &[Option<&str>]) -> bool {
    arguments.first().is_none_or(|time| time.is_none_or(|time| time != "0"))
}

impl Resolver<'_, '_> {
    /// A program of the tables.
    pub(super) fn known(&mut self, call: Call<'_>, resolved: &mut Resolved, depth: usize) -> What {
        let Call { row, argv, arguments } = call;
        if let Some(options) = self.options_of(row, arguments) {
            let all: Vec<Option<&str>> = options.iter().map(|word| word.as_deref()).collect();
            let told =
                self.environment.tables.program(&row.names[0], &all).filter(|told| !Arc::ptr_eq(told, row));
            if let Some(told) = told {
                let told = Arc::clone(told);
                return self.known(Call { row: &told, argv, arguments: &all }, resolved, depth);
            }
        }
        if let Some(bare) = self.without_extension(row) {
            return self.known(Call { row: &bare, ..call }, resolved, depth);
        }
        if row.below_its_init && self.may_be_given_to_entrypoint() {
            return What::Opaque(format!("the init that {} needs is not known", name_of(argv)));
        }
        resolved.limited |= row.names.iter().any(|name| name == "timeout") && is_limited(arguments);
        // What a file says that nobody has seen may send it into the background.
        resolved.uncertain |= self.reads_unseen_options(row, arguments);
        match row.kind {
            Kind::Server | Kind::Supervisor if row.only_tells(arguments) => What::Ends(Status::UNKNOWN),
            Kind::Exec if row.language.is_some() => self.module(call, resolved, depth),
            Kind::Exec => match self.inner(row, argv, arguments).or_else(|| started_by(row)) {
                Some(Child::Command(inner)) => self.step(&inner, resolved, depth + 1),
                Some(Child::Line(text, origin, dialect)) => self.line(text, origin, dialect),
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
            Kind::Runner => self.runner(call, resolved),
            Kind::Interpreter if row.recipes && self.keeps_shell(row, arguments) => What::Opaque(format!(
                "{} runs its recipe through a shell, which is not followed",
                name_of(argv)
            )),
            Kind::Interpreter => {
                self.interpret(row, arguments, resolved);
                What::Unknown
            }
            Kind::Server if self.is_refused(row, arguments) => What::Opaque(format!(
                "the configuration of {} says what its arguments say as well, and is refused",
                name_of(argv)
            )),
            Kind::Supervisor if row.services.is_some() => self.supervisor(call, resolved),
            Kind::Supervisor if row.last_round.is_some() => What::Supervise(Rc::new(Supervise::of(row))),
            Kind::Server | Kind::Supervisor if self.daemonizes(row, arguments) => {
                What::Daemon(Arc::clone(row))
            }
            Kind::Server | Kind::Supervisor => {
                resolved.uncertain |= self.may_daemonize(row, arguments);
                What::Service(Some(Arc::clone(row)))
            }
            Kind::Setup => What::Ends(match name_of(argv) {
                "true" => Status::known(0),
                "false" => Status::known(1),
                _ => Status::UNKNOWN,
            }),
            Kind::Helper => self.helper(call, resolved),
        }
    }

    /// True where an ENTRYPOINT of a base image of which nothing is known may start the CMD.
    fn may_be_given_to_entrypoint(&self) -> bool {
        let image = self.environment.image;
        !image.base.known && image.entrypoint.is_none()
    }

    /// A line of the launch that a wrapper gives to a shell in its own place.
    fn line(&self, text: Arc<Excerpt>, origin: Origin, dialect: Dialect) -> What {
        let script = self.environment.parse(text);
        What::Shell(Box::new(ShellStart::plain(dialect, origin, script, Field::known("sh"))))
    }

    /// A runner of package scripts.
    fn runner(&self, Call { row, argv, arguments }: Call<'_>, resolved: &mut Resolved) -> What {
        let directory = self.directory.as_deref();
        let found = runner::child(self.environment, row, argv, arguments, self.place, directory);
        let Some((child, directory)) = found else { return What::Unknown };
        resolved.uncertain = true;
        resolved.directory = directory.map(Rc::from).or(resolved.directory.take());
        let rewrites = Rewrites::default();
        What::Forward(Box::new(Forward { program: Arc::clone(row), child, rewrites }))
    }

    /// A supervisor with the programs of its configuration, where that is found.
    fn supervisor(&self, Call { row, argv, arguments }: Call<'_>, resolved: &mut Resolved) -> What {
        let directory = self.directory.as_deref();
        match supervise::configuration(self.environment, row, argv, arguments, self.place, directory) {
            Some(found) => {
                resolved.uncertain |= found.stays.is_none();
                What::Supervise(Rc::new(found))
            }
            None if row.services == Some(Services::S6Overlay)
                && s6_overlay::are_made_at_start(&self.environment.running()) =>
            {
                What::Opaque("a script defines the services when the container starts".to_owned())
            }
            None => {
                resolved.uncertain |= row.daemonizes;
                What::Service(Some(Arc::clone(row)))
            }
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

    /// `python -m gunicorn`: a module is a program of the tables, or one of the project's; it is no file on the image's PATH.
    fn module(
        &mut self,
        Call { row, argv, arguments }: Call<'_>,
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        let Some(Child::Command(inner)) = self.inner(row, argv, arguments) else {
            return nothing_to_start(argv);
        };
        let Some(name) = inner[0].text() else { return self.step(&inner, resolved, depth + 1) };
        let words: Vec<Option<&str>> = inner[1..].iter().map(Field::option).collect();
        if let Some(known) = self.environment.tables.program(name, &words).cloned() {
            resolved.identities.push(self.identity(&inner, Some(&known)));
            return self.known(Call { row: &known, argv: &inner, arguments: &words }, resolved, depth + 1);
        }
        self.interpret(row, arguments, resolved);
        What::Unknown
    }

    /// What an interpreter runs, and what it does on signals: its runtime, or it alone where it is certain that the program it runs
    /// installs no handler.
    fn interpret(&self, row: &Arc<Program>, arguments: &[Option<&str>], resolved: &mut Resolved) {
        let Some(language) = row.language else {
            resolved.row = row.runtime.is_some().then(|| Arc::clone(row));
            return;
        };
        let Inner::Command { name, .. } = row.inner_command(arguments) else { return };
        let Some(name) = arguments.get(name).copied().flatten() else { return };
        let Environment { image, files, without_handler, .. } = self.environment;
        let entry = handlers::Entry {
            language,
            name: name.to_owned(),
            is_module: row.kind == Kind::Exec,
            directory: self.directory.as_deref().unwrap_or(&image.workdir).to_owned(),
        };
        // An option that loads something may bring a handler.
        let options: Vec<&str> = row.args.value_options.iter().map(String::as_str).collect();
        let loads_more = row.option_value(arguments, &options).is_some()
            || language.modules().environment.iter().any(|name| image.env.contains_key(name));
        let signals = language.modules().without_handler();
        let mut read = without_handler.borrow_mut();
        let has_none = !loads_more
            && *read.entry(entry.clone()).or_insert_with_key(|entry| entry.has_no_handler(*files));
        let own = || Program { signals, kind: Kind::Interpreter, ..row.as_ref().clone() };
        resolved.row = has_none.then(|| Arc::new(own()));
        resolved.entry = Some(entry);
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
            let what = self.step(inner, &mut below, depth + 1);
            if row.args.from_input && !tells_program(&what, &below) {
                return What::Interactive;
            }
            match what {
                What::Interactive => resolved.converses = true,
                What::Ends(status) if row.kind == Kind::Fork => return What::Ends(status),
                What::Pause(length) if resolved.limited && length < FOREVER => return What::Pause(length),
                What::Helper | What::Pause(_) if resolved.limited => {
                    return What::Ends(Status::UNKNOWN);
                }
                what if what.is_unseen() => resolved.uncertain = true,
                _ => resolved.uncertain |= below.uncertain,
            }
        }
        let rewrites = rewrites(row, arguments);
        let lacks = |variable: &String| self.lacks_variable(variable);
        let program = match () {
            () if row.forwards_with.as_ref().is_some_and(lacks) => {
                let signals = Handler { none: true, ..Handler::default() };
                Arc::new(Program { forwards: false, signals, ..row.as_ref().clone() })
            }
            () if self.signals_alone(row) => Arc::new(Program { broadcast: false, ..row.as_ref().clone() }),
            () => Arc::clone(row),
        };
        What::Forward(Box::new(Forward { program, child, rewrites }))
    }

    /// Helpers: `sleep` pauses, `tail -f` stays, and what copies its input ends with it.
    fn helper(&self, Call { row, argv, arguments }: Call<'_>, resolved: &mut Resolved) -> What {
        match name_of(argv) {
            _ if row.stays => What::Helper,
            _ if row.awaits => {
                resolved.awaits = true;
                What::Pause(UNFORESEEN)
            }
            "sleep" if arguments.iter().flatten().any(|time| matches!(*time, "infinity" | "inf")) => {
                What::Helper
            }
            // One length behind the other; a second for one that is not known.
            "sleep" => {
                let lengths = arguments.iter().map(|time| time.map_or(Some(1000), pause));
                let whole = lengths.sum::<Option<Millis>>();
                whole.map_or(What::Ends(Status::UNKNOWN), What::Pause)
            }
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
                let (line, shell) = (argv.get(argument + 1)?, row.named_shell(arguments, argument));
                let Some(first) = row.words_behind_line(arguments) else {
                    return self.shell_line(line, offset, shell);
                };
                let line = match offset {
                    0 => line.clone(),
                    _ => Field::known(line.text()?.get(offset..)?),
                };
                let words = argv.get(first + 1..).unwrap_or_default();
                let shell = [named(shell), Field::known("-c"), line].into_iter();
                shell.chain(words.iter().cloned()).collect()
            }
            Inner::ForShell { arguments: first } => {
                let words = argv.get(first + 1..).unwrap_or_default();
                let shell = named(row.named_shell(arguments, first));
                std::iter::once(shell).chain(words.iter().cloned()).collect()
            }
            // `su user -s /deploy.sh`
            Inner::None => vec![named(Some(row.named_shell(arguments, arguments.len())?))],
            Inner::Unknown => vec![Field::unknown("...")],
        };
        if let ([line], true) = (inner.as_slice(), row.ruby_line) {
            return self.ruby_line(line);
        }
        Some(if row.shell.is_some() { self.joined_line(&inner) } else { Child::Command(inner) })
    }

    /// `su -c LINE`: what stands in a word from a byte on is a command line, for `/bin/sh` or for the shell that an option names.
    fn shell_line(&self, word: &Field, offset: usize, shell: Option<Option<&str>>) -> Option<Child> {
        // Where only arguments are not known, the words that are decide.
        let Some(text) = word.text().or(word.sketch()) else {
            return Some(Child::Command(vec![Field::unknown(&word.shown())]));
        };
        let text = text.get(offset..)?;
        let excerpt = match &word.excerpt {
            Some(excerpt) => Arc::new(excerpt.sub(Span::new(offset, excerpt.text().len()))),
            None => Arc::new(Excerpt::derived(&self.place.source, self.place.span, text)),
        };
        Some(match shell {
            Some(Some(shell)) => match self.environment.dialect_of(shell) {
                Some(dialect) => Child::Line(excerpt, Origin::Text, dialect),
                None => Child::Command(vec![Field::known(shell), Field::known("-c"), word.clone()]),
            },
            _ => Child::Line(excerpt, Origin::Text, self.environment.sh()),
        })
    }

    /// `bundle exec "server --port 80"`: one word that holds a command line.
    fn ruby_line(&self, line: &Field) -> Option<Child> {
        match line.text() {
            Some(text) if ruby::takes_shell(text) => self.shell_line(line, 0, None),
            Some(text) => Some(Child::Command(text.split_whitespace().map(Field::known).collect())),
            None => Some(Child::Command(vec![line.clone()])),
        }
    }

    /// `npx next start`: a shell gets the words as one line.
    fn joined_line(&self, words: &[Field]) -> Child {
        // A first word of which nothing is known may be a whole command line.
        if words[0].text().is_none() && words[0].sketch().is_none() {
            return Child::Command(vec![Field::unknown(&words[0].shown())]);
        }
        let written = |word: &Field| word.sketch().map_or_else(|| word.shown(), str::to_owned);
        let line = words.iter().map(written).collect::<Vec<_>>().join(" ");
        let text = Arc::new(Excerpt::derived(&self.place.source, self.place.span, line));
        Child::Line(text, Origin::PackageCommand(self.manifest()), self.environment.sh())
    }
}

/// The shell that an option names, or the usual one.
fn named(shell: Option<Option<&str>>) -> Field {
    shell.map_or_else(
        || Field::known("/bin/sh"),
        |shell| shell.map_or_else(|| Field::unknown("..."), Field::known),
    )
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
        false => What::Opaque(format!("what {} starts is not known", name_of(argv))),
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
fn name_of(argv: &[Field]) -> &str {
    argv.first().and_then(Field::text).map_or("", base_name)
}

/// How long `sleep` sleeps.
fn pause(text: &str) -> Option<Millis> {
    let number = text.trim_end_matches(['s', 'm', 'h', 'd']);
    let factor = match &text[number.len()..] {
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => return None,
    };
    let seconds: f64 = number.parse().ok()?;
    let millis = seconds * factor * 1000.0;
    // A number so large that it is "for ever".
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (millis.is_finite() && millis >= 0.0).then(|| millis.min(1e15) as Millis)
}
