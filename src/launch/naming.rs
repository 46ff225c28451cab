//! What the names of commands say of them, where no table knows these programs.

use std::collections::HashSet;
use std::sync::Arc;

use super::beside::name_of;
use super::candidates::Sounds;
use super::field::{Field, UNKNOWN};
use super::machine::Machine;
use super::resolve::{Child, Resolver, What};
use super::service::statement_of;
use super::shell::Frame;
use crate::programs::{Inner, Kind, Program, Sound, Tables};
use crate::shell::{Command, List, Node, NodeKind, Part, Word};

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 3;
/// More wrappers than these are not seen through.
const MAX_WRAPPERS: usize = 4;

impl Machine<'_, '_> {
    /// What the command line of a statement that is about to run says; wrappers are seen through.
    pub(super) fn sound(&self, node: &Node) -> Sound {
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return self.loudest(std::slice::from_ref(node)).max(Sound::Unclear);
        };
        let words = expander.fields(&command.words, &node.excerpt);
        let fields = behind_exec(&words);
        if fields.is_empty() {
            return Sound::Unclear;
        }
        let mut resolved = self.resolve(fields, node);
        let mut loudest = Sound::Errand;
        for _ in 0..MAX_WRAPPERS {
            let argv: &[Field] = resolved.identities.last().map_or(fields, |identity| &identity.argv);
            loudest = loudest.max(self.own_sound(argv, node));
            // `dumb-init -- server`
            let What::Forward(forward) = &resolved.what else { break };
            let Child::Command(inner) = &forward.child else { break };
            resolved = self.resolve(inner, node);
        }
        loudest
    }

    fn own_sound(&self, argv: &[Field], node: &Node) -> Sound {
        let arguments: Vec<Option<&str>> = argv[1..].iter().map(Field::text).collect();
        let tables = &self.environment.tables;
        let Some(name) = argv.first().and_then(name_of) else {
            // `$PRISMA migrate deploy`
            return if tables.is_errand(&arguments) { Sound::Errand } else { Sound::Unclear };
        };
        let row = tables.program(name, &arguments);
        let sound = match row.map(|row| (row.kind, row.inner_command(&arguments))) {
            Some((Kind::Interpreter, Inner::Command { name, arguments: behind })) => {
                // `java -jar $OPTIONS $HOME/app.jar`
                let words = || argv.iter().filter_map(|word| word.text().or(word.sketch()));
                let archive = || words().find(|word| word.ends_with(".jar"));
                let file = arguments[name].filter(|word| !word.starts_with('-'));
                let task = arguments.get(behind).copied().flatten();
                file.or_else(archive).map_or(Sound::Unclear, |file| tables.sound_of_task(file, task))
            }
            // `python -m app.init_db`
            Some((Kind::Exec, Inner::Command { name, .. }))
                if row.is_some_and(|row| row.language.is_some()) =>
            {
                let module = arguments[name].and_then(|module| module.rsplit('.').next());
                module.map_or(Sound::Unclear, |module| tables.sound_of_file(module))
            }
            Some((kind @ (Kind::Interpreter | Kind::Runner), _)) => {
                let is_word = |word: &&&str| !word.starts_with('-') && !matches!(**word, "run" | "exec");
                let named = arguments.iter().flatten().find(is_word);
                named.map_or(Sound::Unclear, |name| match kind {
                    Kind::Runner => tables.sound_of_script(name),
                    _ => tables.sound_of_file(name),
                })
            }
            _ => match tables.sound(name, arguments.first().copied().flatten()) {
                sound if row.is_some() || !tables.has_errand_option(&arguments) => sound,
                Sound::Service => Sound::Unclear,
                _ => Sound::Errand,
            },
        };
        let statement = self.shell().and_then(|shell| statement_of(shell, node));
        let made = node.made().or_else(|| statement?.made());
        if sound != Sound::Service && made.is_some_and(|path| tables.is_result(&path)) {
            return Sound::Errand;
        }
        if Tables::goes_on(&arguments) { sound.max(Sound::Unclear) } else { sound }
    }

    /// True for `/opt/app/startServer.sh`, which may stay in front of what it starts, or leave it behind; and for a script that nobody
    /// has read, unless it says that it does something once.
    pub(super) fn is_starter(&self, node: &Node) -> bool {
        if matches!(self.stage_program(node), Some(What::Unread(_))) && self.sound(node) != Sound::Errand {
            return true;
        }
        let (NodeKind::Command(command), Some(expander)) = (&node.kind, self.expander()) else {
            return false;
        };
        let fields = expander.fields(&command.words, &node.excerpt);
        let name = fields.first().and_then(name_of);
        name.is_some_and(|name| self.environment.tables.is_starter(name)) && self.is_unknown(node)
    }

    /// The same of the ways of the condition that is about to be passed over.
    pub(super) fn sounds_of_ways(&self) -> Sounds {
        let shell = self.shell();
        let Some(frame) = shell.and_then(|shell| shell.frames.last()) else { return Sound::Errand.into() };
        let (ways, is_all): (Vec<&List>, bool) = match frame {
            Frame::If { node, arm, .. } => {
                let arms = node.arms[*arm..].iter().map(|(_, body)| body);
                (arms.chain(&node.otherwise).collect(), node.otherwise.is_some())
            }
            Frame::Case { node, .. } => {
                let is_any = |word: &Word| matches!(&word.parts[..], [Part::Literal(text)] if text == "*");
                let is_all = node.arms.iter().any(|arm| arm.patterns.iter().any(is_any));
                (node.arms.iter().map(|arm| &arm.body).collect(), is_all)
            }
            Frame::AndOr { right, .. } => {
                let sound = self.loudest(std::slice::from_ref(right.as_ref()));
                return Sounds { surely: Sound::Errand, perhaps: sound };
            }
            Frame::Test { node, .. } => (vec![&node.body], false),
            _ => return Sound::Errand.into(),
        };
        let sounds: Vec<Sound> = ways.into_iter().map(|list| self.loudest(list)).collect();
        let least = sounds.iter().min().copied().filter(|_| is_all);
        Sounds {
            surely: least.unwrap_or(Sound::Errand),
            perhaps: sounds.iter().max().copied().unwrap_or(Sound::Errand),
        }
    }

    /// What sounds most like a service among programs that no table knows.
    pub(super) fn loudest(&self, list: &[Node]) -> Sound {
        self.loudest_within(list, 0, &mut HashSet::new())
    }

    /// `called`: functions that have been heard, and how deep; they are no louder when they are called again.
    fn loudest_within(
        &self,
        list: &[Node],
        calls: usize,
        called: &mut HashSet<(*const Node, usize)>,
    ) -> Sound {
        let mut loudest = Sound::Errand;
        for node in list {
            let NodeKind::Command(command) = &node.kind else {
                for child in node.children() {
                    loudest = loudest.max(self.loudest_within(std::slice::from_ref(child), calls, called));
                }
                continue;
            };
            loudest = loudest.max(self.sound_of(command, calls, called));
        }
        loudest
    }

    fn sound_of(&self, command: &Command, calls: usize, called: &mut HashSet<(*const Node, usize)>) -> Sound {
        let mut words = command.words.iter().map(Word::literal);
        let Some(name) = words.next() else { return Sound::Errand };
        let Some(name) = name else { return Sound::Unclear };
        let body = self.shell().and_then(|shell| shell.functions.get(&name));
        if let Some(body) = body.filter(|_| calls < MAX_CALLS) {
            let is_new = called.insert((Arc::as_ptr(body), calls));
            let body = std::slice::from_ref(body.as_ref());
            return if is_new { self.loudest_within(body, calls + 1, called) } else { Sound::Errand };
        }
        let arguments: Vec<Option<String>> = words.collect();
        let arguments: Vec<Option<&str>> = arguments.iter().map(Option::as_deref).collect();
        let tables = &self.environment.tables;
        if super::builtins::is_builtin(&name)
            || tables.is_errand(&arguments)
            || tables.program(&name, &arguments).is_some()
        {
            return Sound::Errand;
        }
        tables.sound(&name, arguments.first().copied().flatten())
    }
}

/// `exec server` says what `server` says.
fn behind_exec(fields: &[Field]) -> &[Field] {
    match fields {
        [exec, argv @ ..] if exec.text() == Some("exec") => argv,
        _ => fields,
    }
}

impl Resolver<'_, '_> {
    /// `$KAFKA_HOME/bin/kafka-server-start.sh`: a name that is known in any folder, and the arguments.
    pub(super) fn wherever_it_is<'f>(
        &self,
        argv: &'f [Field],
    ) -> Option<(Arc<Program>, Vec<Option<&'f str>>)> {
        let (folder, name) = argv.first()?.sketch.as_deref()?.rsplit_once('/')?;
        let arguments: Vec<Option<&str>> = argv[1..].iter().map(Field::option).collect();
        let is_known = folder.contains(UNKNOWN) && !name.contains(UNKNOWN);
        // `/usr/lib/postgresql/$VERSION/bin/psql` is where it is installed.
        let place = if folder.ends_with("/bin") || folder.ends_with("/sbin") { "/usr/bin" } else { "." };
        let row =
            self.environment.tables.program(&format!("{place}/{name}"), &arguments).filter(|_| is_known)?;
        Some((Arc::clone(row), arguments))
    }
}
