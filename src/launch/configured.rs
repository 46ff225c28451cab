//! What decides about a program beside its arguments: configuration files and variables, and what else is in the image.

use std::sync::Arc;

use super::resolve::Resolver;
use crate::dockerfile::{Instruction, Keyword, join};
use crate::programs::{ConfigFile, Handler, Program, Sh};
use crate::project::{Found, options};
use crate::source::base_name;

/// What a server's configuration says.
enum Configuration {
    /// This, without blanks, comments and capitals.
    Says(String),
    /// It cannot be read.
    Unread,
    /// The project has none at these places.
    Absent(Vec<String>),
}

/// A text without blanks and capitals.
fn bare(text: &str) -> String {
    text.split_whitespace().collect::<String>().to_ascii_lowercase()
}

fn says_one(text: &str, signs: &[String]) -> bool {
    signs.iter().any(|sign| text.contains(&bare(sign)))
}

impl Resolver<'_, '_> {
    /// True if the server puts itself into the background, by its arguments and by its configuration.
    pub(super) fn daemonizes(&self, row: &Program, arguments: &[Option<&str>]) -> bool {
        let is_kept = |variable: &String| {
            let image = self.environment.image;
            image.env.contains_key(variable) || self.environment.scripts().mentions(variable)
        };
        if row.stays_with.as_ref().is_some_and(is_kept) {
            return false;
        }
        if !row.daemonizes || !row.config_may_override {
            return row.daemonizes;
        }
        let Some(config) = &row.config else { return false };
        let base = &self.environment.image.base;
        let brings_own = row.names.iter().any(|name| base.configures.contains(name));
        match self.configuration(row, config, arguments) {
            Configuration::Says(text) if !config.background.is_empty() => says_one(&text, &config.background),
            // A file that includes others leaves that to the base image's, where it brings some.
            Configuration::Says(text) if brings_own && text.contains("include") => false,
            Configuration::Says(text) => !says_one(&text, &config.foreground),
            Configuration::Unread => false,
            // What an official image brings is its distribution's own, unless a build step changes it, or a script does when it starts.
            Configuration::Absent(paths) => {
                config.background.is_empty()
                    && base.known
                    && !brings_own
                    && !config.own
                    && !says_one(&bare(self.environment.image.dockerfile.source.text()), &config.foreground)
                    && paths.iter().all(|path| config.paths.contains(path) && !self.may_be_written(path))
            }
        }
    }

    /// True where nobody can tell whether the server puts itself into the background: its configuration decides, and is not known.
    pub(super) fn may_daemonize(&self, row: &Program, arguments: &[Option<&str>]) -> bool {
        let decides = |config: &ConfigFile| !config.background.is_empty();
        row.daemonizes
            && !row.config.as_ref().is_some_and(|config| {
                decides(config)
                    && matches!(self.configuration(row, config, arguments), Configuration::Says(_))
            })
    }

    /// True where a server refuses to run because its configuration speaks of what its arguments say.
    pub(super) fn is_refused(&self, row: &Program, arguments: &[Option<&str>]) -> bool {
        let config = row.config.as_ref().filter(|config| !config.refuses.is_empty());
        config.is_some_and(|config| match self.configuration(row, config, arguments) {
            Configuration::Says(text) => says_one(&text, &config.refuses),
            Configuration::Unread | Configuration::Absent(_) => false,
        })
    }

    /// The configuration that a server reads with these arguments.
    fn configuration(&self, row: &Program, config: &ConfigFile, arguments: &[Option<&str>]) -> Configuration {
        let options: Vec<&str> = config.options.iter().map(String::as_str).collect();
        let first =
            arguments.first().copied().flatten().filter(|word| config.argument && !word.starts_with('-'));
        let mut named = row.option_value(arguments, &options).or(first);
        let mut folder = self.working_directory();
        let prefix = config.prefix_option.as_deref().filter(|option| arguments.contains(&Some(option)));
        if let Some(option) = prefix {
            let Some(prefix) = row.option_value(arguments, &[option]) else { return Configuration::Unread };
            folder = prefix;
            named = named.or(config.in_prefix.as_deref());
        }
        let named = named.map(|named| vec![join(&join(self.working_directory(), folder), named)]);
        let built = || self.built_with(row, config);
        let paths = named.or_else(built).unwrap_or_else(|| config.paths.clone());
        for path in &paths {
            match self.environment.find(path) {
                Found::File(file) => {
                    let is_comment = |line: &&str| line.trim_start().starts_with(['#', ';']);
                    let lines = file.text.text().lines().filter(|line| !is_comment(line));
                    return Configuration::Says(lines.map(bare).collect());
                }
                Found::Unreadable(_) | Found::Download(_) => return Configuration::Unread,
                Found::Unknown => {}
            }
        }
        Configuration::Absent(paths)
    }

    /// Where a server looks that a step of the build compiles (`./configure --prefix=/nginx`).
    fn built_with(&self, row: &Program, config: &ConfigFile) -> Option<Vec<String>> {
        let in_prefix = config.in_prefix.as_deref()?;
        let dockerfile = &self.environment.image.dockerfile;
        let is_run = |step: &&Instruction| step.keyword == Keyword::Run;
        let texts =
            dockerfile.instructions.iter().filter(is_run).map(|step| dockerfile.source.slice(step.span));
        let mut texts = texts.filter(|text| row.names.iter().any(|name| text.contains(name.as_str())));
        texts.find_map(|text| {
            let value = |option: &str| {
                let words = text.split_whitespace().rev().map(|word| word.trim_matches(['"', '\'']));
                words.filter_map(|word| word.strip_prefix(option)).find(|value| value.starts_with('/'))
            };
            let own = value("--conf-path=").map(str::to_owned);
            Some(vec![own.or_else(|| value("--prefix=").map(|prefix| join(prefix, in_prefix)))?])
        })
    }

    /// True if a step of the build touches a file, brings a template for it (`nginx.conf.template`), or a script names it.
    fn may_be_written(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        let is_template = |other: &String| other != name && other.starts_with(name);
        self.environment.files.is_changed(path)
            || self.environment.list(folder).iter().any(is_template)
            || self.environment.scripts().mentions(path)
    }

    /// The arguments with what a file of options and variables add; `None` where they add nothing, or may add what is not known.
    pub(super) fn options_of(
        &self,
        row: &Program,
        arguments: &[Option<&str>],
    ) -> Option<Vec<Option<String>>> {
        let rules = row.options_file.as_ref()?;
        let reading = options::Reading { opaque: &rules.opaque, decisive: &rules.decisive };
        let mut all = Vec::new();
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            let given = word.unwrap_or_default();
            let (option, attached) =
                given.split_once('=').map_or((given, None), |(option, value)| (option, Some(value)));
            let file = if rules.options.iter().any(|known| known == option) {
                Some(attached.or_else(|| words.next().flatten())?)
            } else {
                Some(given).filter(|given| given.ends_with(&rules.ending) && !given.starts_with('-'))
            };
            match file {
                Some(path) => {
                    let file = match self.environment.find(&join(self.working_directory(), path)) {
                        Found::File(file) => file.text,
                        _ => return None,
                    };
                    all.extend(options::of_file(&file, &rules.section, reading)?.into_iter().map(Some));
                }
                None => all.push(word.map(str::to_owned)),
            }
        }
        for (name, value) in &self.environment.image.env {
            let Some(name) = name.strip_prefix(&rules.variables) else { continue };
            all.extend(
                options::option(&name.to_lowercase().replace('_', "-"), value, reading)?
                    .into_iter()
                    .map(Some),
            );
        }
        Some(all)
    }

    /// True if an argument names a file of options that is not the project's, or cannot be read.
    pub(super) fn reads_unseen_options(&self, row: &Program, arguments: &[Option<&str>]) -> bool {
        let Some(rules) = &row.options_file else { return false };
        arguments.iter().flatten().any(|word| {
            let path = word.rsplit_once('=').map_or(*word, |(_, path)| path);
            let found = || self.environment.find(&join(self.working_directory(), path));
            rules.unread.iter().any(|ending| path.ends_with(ending))
                || path.ends_with(&rules.ending) && !matches!(found(), Found::File(_))
        })
    }

    /// The row of a program whose handlers rest on what the image does not have.
    pub(super) fn without_extension(&self, row: &Program) -> Option<Arc<Program>> {
        let needed = row.handler_needs.as_ref()?;
        let is_missing = self.environment.image.base.lacks.contains(needed)
            && self.environment.files.installed().lacks(needed);
        let signals = Handler { none: true, ..Handler::default() };
        is_missing.then(|| Arc::new(Program { signals, handler_needs: None, ..row.clone() }))
    }

    /// False where `/init` is the project's own program: an instruction brings it, and nothing speaks of s6-overlay.
    pub(super) fn may_be_s6_overlay(&self) -> bool {
        let image = self.environment.image;
        let mut started = [&image.base.entrypoint, &image.base.cmd].into_iter().flatten().flatten();
        let is_of_base = started.any(|word| word == "/init");
        let is_brought = self.brings(|text| text.contains("/init"));
        is_of_base || !image.base.known || !is_brought || image.dockerfile.source.text().contains("s6")
    }

    /// False where an instruction puts a file where the system's own init is: `ADD .../dumb-init /usr/sbin/init`; and for an `init` of a
    /// base image of which nothing is known, unless the Dockerfile speaks of systemd.
    pub(super) fn may_be_system_init(&self, name: &str) -> bool {
        if base_name(name) != "init" {
            return true;
        }
        let image = self.environment.image;
        let is_it = |word: &str| word.trim_matches(['"', '\'', '[', ']', ',']) == name;
        ((image.base.known && image.base.sh != Sh::None)
            || image.dockerfile.source.text().contains("systemd"))
            && !self.brings(|text| text.split_whitespace().any(is_it))
    }

    /// True if an instruction that brings files speaks of it.
    fn brings(&self, speaks: impl Fn(&str) -> bool) -> bool {
        let dockerfile = &self.environment.image.dockerfile;
        let brings = |step: &Instruction| {
            matches!(step.keyword, Keyword::Copy | Keyword::Add) && speaks(dockerfile.source.slice(step.span))
        };
        dockerfile.instructions.iter().any(brings)
    }

    /// True where the image's environment keeps an init from signalling a whole group.
    pub(super) fn signals_alone(&self, row: &Program) -> bool {
        let setting = row.broadcast_unless.as_deref().and_then(|setting| setting.split_once('='));
        let env = &self.environment.image.env;
        setting.is_some_and(|(name, value)| env.get(name).is_some_and(|own| own == value))
    }

    /// True where nothing sets a variable without which a wrapper passes nothing on: neither the image nor a script. A base image that is not
    /// known may.
    pub(super) fn lacks_variable(&self, variable: &str) -> bool {
        let image = self.environment.image;
        match image.env.get(variable) {
            Some(value) => value.is_empty(),
            None => image.base.known && !self.environment.scripts().mentions(variable),
        }
    }

    /// True for the scripts that start the server in WildFly, JBoss EAP and the first Keycloak.
    pub(super) fn is_jboss(&self, name: &str) -> bool {
        let text = self.environment.image.dockerfile.source.text().to_ascii_lowercase();
        let path = name.to_ascii_lowercase();
        ["bin/standalone.sh", "bin/domain.sh"].iter().any(|script| name.ends_with(script))
            && ["wildfly", "jboss", "keycloak"].iter().any(|word| text.contains(word) || path.contains(word))
            && self.file(name).is_none()
    }

    fn working_directory(&self) -> &str {
        self.directory.as_deref().unwrap_or(&self.environment.image.workdir)
    }
}
