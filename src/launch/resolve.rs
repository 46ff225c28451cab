//! What an argument vector runs: wrappers that replace themselves are seen through, scripts are found and read, shells are recognised.

use std::rc::Rc;
use std::sync::Arc;

use super::dialect::Dialect;
use super::environment::Environment;
use super::field::{Field, UNKNOWN};
use super::interpreter::{Broken, ShellStart};
use super::known::Call;
use super::runner;
use super::shell::{Origin, Status};
use super::supervise::Supervise;
use super::world::{Identity, Millis, Pid, Rewrites};
use crate::dockerfile::{Command, Setting, join};
use crate::programs::{Base, Kind, Program, Services};
use crate::project::s6_overlay::{self, Version};
use crate::project::{Found, ImageFile, handlers};
use crate::source::{Excerpt, Place, base_name};

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

impl What {
    /// True for a program that nobody has seen: setup as well as service.
    pub(crate) fn is_unseen(&self) -> bool {
        matches!(self, What::Unknown | What::Opaque(_) | What::Unread(_))
    }
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
    /// True for a program that ends when something happens that nobody can foresee (inotifywait).
    pub(crate) awaits: bool,
    /// For a program of the project, what its interpreter does on signals, as far as that does not depend on the program.
    pub(crate) row: Option<Arc<Program>>,
    /// That program, in a language that is read.
    pub(crate) entry: Option<handlers::Entry>,
    /// Why nobody knows what a script does that is taken for a service all the same.
    pub(crate) unread: Option<Rc<str>>,
    /// True for what is given only so long (`timeout 60 job`).
    pub(crate) limited: bool,
    /// True for a wrapper around a shell that is given nothing to run.
    pub(crate) converses: bool,
    /// True for `tail --pid` of a process that is not known.
    pub(crate) follows_unknown: bool,
    /// Set by a working directory option; otherwise the caller's.
    pub(crate) directory: Option<Rc<str>>,
}

impl Resolved {
    pub(super) fn new(what: What) -> Self {
        Self {
            what,
            identities: Vec::new(),
            uncertain: false,
            stays_on_input: false,
            awaits: false,
            row: None,
            entry: None,
            unread: None,
            limited: false,
            converses: false,
            follows_unknown: false,
            directory: None,
        }
    }

    /// True for what may end before anything else starts, as well as be a service.
    pub(super) fn may_be_setup(&self) -> bool {
        self.what.is_unseen() || self.uncertain
    }

    /// What nobody has seen is a service like any other.
    pub(super) fn take_for_service(&mut self) {
        if self.what.is_unseen()
            && let What::Opaque(reason) | What::Unread(reason) =
                std::mem::replace(&mut self.what, What::Unknown)
        {
            self.unread = Some(reason.into());
        }
    }
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
        let mut resolved = Resolved::new(What::Unknown);
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
    /// `sh /etc/init.d/nginx start`: a script that nobody has read, but that the tables know.
    fn known_script(&mut self, argv: &[Field], resolved: &mut Resolved, depth: usize) -> Option<What> {
        let (script, words) = argv.get(1..)?.split_first()?;
        let arguments: Vec<Option<&str>> = words.iter().map(Field::option).collect();
        self.environment.tables.program(script.text()?, &arguments)?;
        Some(self.step(&argv[1..], resolved, depth + 1))
    }

    pub(super) fn step(&mut self, argv: &[Field], resolved: &mut Resolved, depth: usize) -> What {
        let program = argv.first().and_then(Field::text).map(str::to_owned);
        let Some(name) = program else {
            if let Some((row, arguments)) = self.wherever_it_is(argv) {
                resolved.identities.push(self.identity(argv, Some(&row)));
                return self.known(Call { row: &row, argv, arguments: &arguments }, resolved, depth);
            }
            if let Some(what) = self.behind_prefix(argv, resolved, depth) {
                return what;
            }
            resolved.identities.push(self.identity(argv, None));
            // `/run-$ROLE.sh`
            if argv.first().and_then(|field| field.sketch.as_deref()).is_some_and(is_script_name) {
                return What::Opaque(format!("which script {} is, is not known", argv[0].shown()));
            }
            return What::Unknown;
        };
        if name.starts_with('-') {
            resolved.identities.push(self.identity(argv, None));
            return What::Opaque(format!("{name} is an option of a program that is not known"));
        }
        if depth > MAX_DEPTH {
            return What::Opaque("too many programs start each other".to_owned());
        }
        if let Some(dialect) = self.environment.dialect_of(&name) {
            resolved.identities.push(self.identity(argv, None));
            return match self.missing_shell(dialect, &argv[0]) {
                Some((broken, missing)) => What::Broken(broken, Rc::new(missing)),
                None => match self.shell(dialect, argv) {
                    What::Unread(reason) => {
                        self.known_script(argv, resolved, depth).unwrap_or(What::Unread(reason))
                    }
                    what => what,
                },
            };
        }
        let name = self.own_name(name);
        let arguments: Vec<Option<&str>> = argv[1..].iter().map(Field::option).collect();
        let own = self.file(&name);
        let row = self.row(&name, &arguments, own.is_some()).filter(|_| !self.may_be_word(argv, &name));
        if let Some(row) = row {
            resolved.identities.push(self.identity(argv, Some(&row)));
            if own.is_none()
                && let Some((broken, file)) = self.missing_init(&row, &argv[0], &name)
            {
                return What::Broken(broken, file);
            }
            return self.known(Call { row: &row, argv, arguments: &arguments }, resolved, depth);
        }
        match own {
            Some(Found::File(file)) => return self.project_file(&file, argv, &arguments, resolved, depth),
            Some(Found::Download(file)) => {
                return self.without_interpreter(&file, Broken::NotExecutable, argv, resolved);
            }
            Some(Found::Unreadable(reason)) if is_script_name(&name) => {
                resolved.identities.push(self.identity(argv, None));
                return What::Unread(reason);
            }
            // A binary, or a file that a build step makes: a program like any other.
            Some(Found::Unreadable(_) | Found::Unknown) | None => {}
        }
        resolved.identities.push(self.identity(argv, None));
        self.unseen(&name, argv, &arguments, resolved, depth)
    }

    /// `$(run_as_user) tail -F log`, `$DRY_RUN sleep 5`: what is not known in front of what holds no data is a prefix, which changes
    /// nothing on that.
    fn behind_prefix(&mut self, argv: &[Field], resolved: &mut Resolved, depth: usize) -> Option<What> {
        let (prefix, command) = argv.split_first()?;
        let is_bare = prefix.sketch.as_deref().is_none_or(|text| text.replace(UNKNOWN, "").is_empty())
            && !prefix.overridable;
        let arguments: Vec<Option<&str>> = command.get(1..)?.iter().map(Field::option).collect();
        let row = self.environment.tables.program(command[0].text()?, &arguments)?;
        let is_helper = is_bare && !arguments.is_empty() && row.kind == Kind::Helper;
        is_helper.then(|| self.step(command, resolved, depth + 1))
    }

    pub(super) fn identity(&self, argv: &[Field], program: Option<&Program>) -> Identity {
        Identity {
            argv: argv.into(),
            place: Some(self.place.clone()),
            program: program.and_then(|row| row.names.first()).map(|name| Rc::from(name.as_str())),
        }
    }

    /// There are several programs of the names `yarn`, `/init` and `standalone.sh`; the tables know them by others.
    fn own_name(&self, name: String) -> String {
        let directory = self.directory.as_deref();
        let text = self.environment.image.dockerfile.source.text();
        match name.as_str() {
            "/init" if s6_overlay::version(text) == Some(Version::Before3) => "/init@2".to_owned(),
            "yarn" if runner::is_hadoops(self.environment, directory) => "yarn@hadoop".to_owned(),
            "yarn" if runner::is_berry(self.environment, directory) => "yarn@berry".to_owned(),
            _ if self.is_jboss(&name) => {
                format!("{}@jboss", base_name(&name))
            }
            _ => name,
        }
    }

    /// What the tables know of a program, if it is that one. `is_file`: the image has a file of that name, which a build step put there.
    fn row(&self, name: &str, arguments: &[Option<&str>], is_file: bool) -> Option<Arc<Program>> {
        let tables = &self.environment.tables;
        // The base's script puts its program in front of options, which no row for a script of its name knows.
        let completes =
            || self.is_base_entrypoint(name) && self.environment.image.base.default_program.is_some();
        let row = match is_file {
            // What the user says of a file counts more than what is in it.
            true => tables.own(name, arguments),
            false if completes() => None,
            false if self.environment.sh == Dialect::Ash => tables.applet(name, arguments),
            false => tables.program(name, arguments),
        };
        let is_it = |row: &&Arc<Program>| match row.services {
            Some(Services::S6Overlay) => self.may_be_s6_overlay(),
            _ => !row.pid1_only || self.may_be_system_init(name),
        };
        row.filter(is_it).cloned()
    }

    /// A program that neither the tables know nor the project holds.
    fn unseen(
        &mut self,
        name: &str,
        argv: &[Field],
        arguments: &[Option<&str>],
        resolved: &mut Resolved,
        depth: usize,
    ) -> What {
        if let Some((broken, file)) = self.not_found(&argv[0], name) {
            return What::Broken(broken, file);
        }
        if let Some(row) = self.environment.tables.leaving(name, arguments) {
            resolved.uncertain = true;
            return What::Service(Some(Arc::clone(row)));
        }
        if self.may_be_argument(name) {
            return What::Opaque(format!(
                "whether {name} is a program or an argument of the base image's is not known"
            ));
        }
        let base = &self.environment.image.base;
        let is_base_entrypoint = self.is_base_entrypoint(name);
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
        if self.environment.tables.is_errand(arguments) {
            return What::Ends(Status::UNKNOWN);
        }
        if is_script_name(name) || is_base_entrypoint {
            return What::Unread(format!("the content of {name} is not known"));
        }
        What::Unknown
    }

    /// `command: haproxy` of an image of which nothing is known: its ENTRYPOINT may have a meaning of its own for a word.
    fn may_be_word(&self, argv: &[Field], name: &str) -> bool {
        argv.len() == 1
            && self.may_be_argument(name)
            && self.environment.image.dockerfile.instructions.is_empty()
    }

    /// True for the first word of a CMD of which no program is known: the base image, of which nothing is known, may have an ENTRYPOINT.
    fn may_be_argument(&self, name: &str) -> bool {
        let image = self.environment.image;
        let is_first = |setting: &Setting<Command>| match &setting.value {
            Command::Exec(words) => words.first().is_some_and(|word| word.text() == name),
            Command::Shell { .. } | Command::Inherited(_) => false,
        };
        !self.environment.started.get()
            && !name.contains('/')
            && !image.base.known
            && image.entrypoint.is_none()
            && image.cmd.as_ref().is_some_and(is_first)
    }

    /// True for the script that the base image brings as its ENTRYPOINT, by its name or by a path where such scripts are.
    fn is_base_entrypoint(&self, name: &str) -> bool {
        const FOLDERS: [&str; 4] = ["", "/bin", "/usr/bin", "/usr/local/bin"];
        let Environment { image, tables, .. } = self.environment;
        let parts = |path: &str| {
            path.rsplit_once('/')
                .map_or((None, path.to_owned()), |(folder, base)| (Some(folder.to_owned()), base.to_owned()))
        };
        let (folder, base) = parts(name);
        let is_usual = |folder: &String| FOLDERS.contains(&folder.as_str());
        // An init in front of it is one for other scripts, too.
        let is_init = |word: &str| tables.program(word, &[]).is_some_and(|row| row.kind == Kind::Init);
        let is_script = |word: &String| {
            let (own, known) = parts(word);
            base == known && !is_init(word) && (own == folder || folder.as_ref().is_none_or(is_usual))
        };
        image.base.entrypoint.as_ref().is_some_and(|words| words.iter().any(is_script))
    }

    /// A file of the project by that name. Tools by their bare names come from the tables first; a project that replaces one does so
    /// by path.
    pub(super) fn file(&self, name: &str) -> Option<Found> {
        let environment = self.environment;
        let found = if name.contains('/') {
            let directory = self.directory.as_deref().unwrap_or(&environment.image.workdir);
            environment.find(&join(directory, name))
        } else {
            environment.which(name).map_or(Found::Unknown, Found::File)
        };
        (!matches!(found, Found::Unknown)).then_some(found)
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

pub(super) fn is_script_name(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "sh" || extension == "bash")
}
