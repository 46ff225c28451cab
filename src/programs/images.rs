//! `rules/images.toml`: what base images bring along.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::Tables;
use super::reference::{Reference, glob};
use super::shipped::{IMAGES, Part, Rows};
use crate::source::base_name;

/// The distribution, as far as it decides how packages are installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Family {
    Debian,
    Alpine,
    Rhel,
    Suse,
    Arch,
    Wolfi,
    Busybox,
    /// No distribution inside (scratch, distroless).
    None,
    Windows,
    #[default]
    Unknown,
}

/// Which shell `/bin/sh` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sh {
    /// Debian's and Ubuntu's dash.
    Dash,
    /// busybox ash.
    Ash,
    /// bash.
    Bash,
    /// There is none.
    None,
    /// Not known.
    #[default]
    Unknown,
}

/// What is known about a base image.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// True if a row of the table tells what the image starts: only then does a missing ENTRYPOINT mean that it sets none.
    /// Distribution and shell may be known without.
    pub known: bool,
    /// Distribution.
    pub family: Family,
    /// `/bin/sh`.
    pub sh: Sh,
    /// True if the image has bash besides `/bin/sh`; `None` if not known.
    pub bash: Option<bool>,
    /// The version of its bash (major, minor), where it is known to be an old one.
    pub bash_version: Option<(u8, u8)>,
    /// The release of its distribution, where it is known to be an old one (`jessie`).
    pub release: Option<&'static str>,
    /// ENTRYPOINT, if the image sets one.
    pub entrypoint: Option<Vec<String>>,
    /// CMD, if the image sets one.
    pub cmd: Option<Vec<String>>,
    /// STOPSIGNAL, if the image sets one.
    pub stop_signal: Option<String>,
    /// USER, if the image sets one.
    pub user: Option<String>,
    /// WORKDIR, if the image sets one.
    pub workdir: Option<String>,
    /// What it sets by ENV and scripts make use of (`CATALINA_HOME`); it may set more.
    pub env: BTreeMap<String, String>,
    /// True for a base whose ENTRYPOINT is a script that ends in `exec "$@"`.
    pub entrypoint_execs: bool,
    /// What that script puts in front of a command that begins with an option.
    pub default_program: Option<Vec<String>>,
    /// How a first word ends that counts as an option does (`redis.conf`).
    pub argument_endings: Option<Vec<String>>,
    /// Whether it brings an init (tini and its like); `None` if not known.
    pub init: Option<bool>,
    /// The tool that it brings to become a program as another user (gosu, su-exec), if it is known to bring one.
    pub step_down: Option<String>,
    /// What handlers of programs may rest on, and it does not bring (`pcntl`).
    pub lacks: Vec<String>,
    /// Programs that it brings with a configuration of its own in place of the distribution's.
    pub configures: Vec<String>,
}

/// How a tool is installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    name: &'static str,
    family: Family,
    /// Patterns of the repositories of images that it is for; all of the family if there are none.
    #[serde(default)]
    repositories: Vec<&'static str>,
    /// A command for RUN.
    pub command: &'static str,
    /// Where the program is then.
    pub path: &'static str,
    /// Releases that do not package it, or whose packages are no longer to be had.
    #[serde(default, rename = "absent-on")]
    absent_on: Vec<&'static str>,
    /// The same as patterns of tags.
    #[serde(default)]
    absent: Vec<&'static str>,
    /// Patterns of tags, as in `absent`, of releases that have it at `path` and, as far as that is another one, below `/bin` for
    /// `/usr/bin`, and nowhere else.
    #[serde(default, rename = "only-there")]
    only_there: Vec<&'static str>,
    /// The address of the documentation.
    pub source: &'static str,
}

/// Packages of programs that leave processes behind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Orphans {
    packages: Vec<&'static str>,
    source: &'static str,
}

/// Packages of Alpine that neither are bash nor depend on it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WithoutBash {
    packages: Vec<&'static str>,
    source: &'static str,
}

/// A release of a distribution.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    name: &'static str,
    /// Major and minor of its bash, where that is older than what it is taken for elsewhere.
    bash: Option<(u8, u8)>,
    /// Patterns of tags, with the repository in front where the tag alone does not tell (`centos:7*`).
    images: Vec<&'static str>,
    source: &'static str,
}

/// `rules/images.toml`, with the user's rows in front.
#[derive(Debug, Clone, Default)]
pub(super) struct Images {
    own: Vec<Arc<Image>>,
    shipped: Arc<Rows<Image>>,
    general: Arc<General>,
    /// What was asked for: many Dockerfiles are built on few images, and each repair asks again.
    known: Arc<Mutex<HashMap<String, Base>>>,
}

/// References that are remembered; what was forgotten is looked up again.
const MAX_KNOWN: usize = 1_000;

/// What `rules/images.toml` holds besides images.
#[derive(Debug, Default)]
struct General {
    distribution: Part<Vec<Distribution>>,
    install: Part<Vec<Install>>,
    orphans: Part<Vec<Orphans>>,
    without_bash: Part<Vec<WithoutBash>>,
    release: Part<Vec<Release>>,
}

impl General {
    fn shipped() -> Self {
        Self {
            distribution: IMAGES.part("distribution"),
            install: IMAGES.part("install"),
            orphans: IMAGES.part("orphans"),
            without_bash: IMAGES.part("without-bash"),
            release: IMAGES.part("release"),
        }
    }
}

/// What a distribution's images have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Distribution {
    name: &'static str,
    family: Family,
    sh: Sh,
    #[serde(default)]
    bash: Option<bool>,
    /// Patterns of tags that tell this distribution, whatever the repository; of names of repositories, too, where no row has them.
    #[serde(default)]
    tags: Vec<&'static str>,
    /// Its package managers.
    #[serde(default)]
    managers: Vec<&'static str>,
}

/// A repository, or several of one kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Image {
    /// Patterns of repositories.
    names: Vec<String>,
    /// The distributions it is built on, the one without a word in the tag first. The only one is it whatever the tag.
    #[serde(default)]
    on: Vec<String>,
    /// Whether it has bash, where the distribution does not tell.
    bash: Option<bool>,
    /// Whether it has an init, where that is known.
    init: Option<bool>,
    /// The tool that it brings to start a program as another user, except on Alpine.
    step_down: Option<String>,
    /// What handlers of programs may rest on, and it does not bring.
    #[serde(default)]
    lacks: Vec<String>,
    /// Programs whose configuration is its own.
    #[serde(default)]
    configures: Vec<String>,
    /// What it starts; absent if that is not known (a pattern for many images).
    launch: Option<Launch>,
    /// Tags that differ; the first that matches wins, and what it leaves out is as in the row.
    #[serde(default)]
    variant: Vec<Variant>,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Variant {
    tags: Vec<String>,
    /// True for tags that are no longer built: a reference whose tag is not known is not taken for one of them.
    #[serde(default)]
    old: bool,
    #[serde(default)]
    on: Vec<String>,
    bash: Option<bool>,
    launch: Option<Launch>,
}

/// What a container of the image starts; an empty value of a variant takes the row's away.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Launch {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    stop_signal: Option<String>,
    user: Option<String>,
    workdir: Option<String>,
    env: BTreeMap<String, String>,
    entrypoint_execs: Option<bool>,
    default_program: Option<Vec<String>>,
    argument_endings: Option<Vec<String>>,
}

impl Tables {
    /// What is known about an image's reference (`node:20-slim`, `docker.io/library/node@sha256:...`). Variables that are left in
    /// it stand for anything: `node:${V}-alpine` is on Alpine, of `node:${V}` the shell is not known.
    ///
    /// A repository that no row knows still has the distribution that its tag or its name tells (`team/app:1-alpine`,
    /// `team/ubuntu-java`), but nothing else is known then.
    pub fn base(&self, reference: &str) -> Base {
        let known = || self.images.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = known().get(reference) {
            return base.clone();
        }
        let mut base = self.images.base(&Reference::parse(reference));
        let release = self.images.release(reference);
        base.bash_version = release.and_then(|release| release.bash);
        base.release = release.map(|release| release.name);
        let mut known = known();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(reference.to_owned(), base.clone());
        base
    }

    /// The same base with what package managers tell of its distribution, where nothing else does: `apk add` is Alpine's. Lines that call
    /// those of several distributions are made for any of them, and tell nothing.
    pub fn with_packages(&self, base: Base, lines: &[&str]) -> Base {
        if base.family != Family::Unknown {
            return base;
        }
        let mut found: Option<&Distribution> = None;
        for manager in lines.iter().flat_map(|line| called_managers(line)) {
            let named = |known: &&Distribution| known.managers.contains(&manager);
            match (self.images.general.distribution.iter().find(named), found) {
                (Some(this), Some(other)) if this.family != other.family => return base,
                (Some(this), _) => found = Some(this),
                (None, _) => {}
            }
        }
        let bash = base.bash;
        let base = base.on(found);
        Base { bash: bash.or(base.bash), ..base }
    }

    /// How to install the tool of that name in an image that is built on `reference`, if its distribution packages it.
    pub fn install(&self, name: &str, family: Family, reference: &str) -> Option<&Install> {
        let mut rows = self.images.general.install.iter();
        let repository = Reference::parse(reference).repository;
        let is_for = |install: &Install| {
            let patterns = &install.repositories;
            patterns.is_empty() || patterns.iter().any(|pattern| glob(pattern, &repository))
        };
        let install = rows.find(|row| row.name == name && row.family == family && is_for(row))?;
        let release = self.images.release(reference);
        let is_absent = is_among(&install.absent, reference)
            || release.is_some_and(|release| install.absent_on.contains(&release.name));
        (!is_absent).then_some(install)
    }

    /// Where the package of that name puts the tool, and no other place where programs are.
    pub fn only_place(&self, name: &str, family: Family, reference: &str) -> Option<&str> {
        let install = self.install(name, family, reference)?;
        is_among(&install.only_there, reference).then_some(install.path)
    }

    /// True for a package whose programs leave processes behind that PID 1 has to reap.
    pub fn leaves_orphans(&self, package: &str) -> bool {
        self.images.general.orphans.iter().any(|row| row.packages.contains(&package))
    }

    /// True for a package of Alpine that is known not to bring bash along.
    pub fn is_without_bash(&self, package: &str) -> bool {
        self.images.general.without_bash.iter().any(|row| row.packages.contains(&package))
    }

    /// What is wrong with the table of images: names of distributions that do not exist, rows that another one hides or that have
    /// no source. For tests.
    pub fn image_problems(&self) -> Vec<String> {
        let mut problems = self.images.problems();
        let absent = self.programs().flat_map(|row| &row.absent_on).map(String::as_str);
        problems.extend(self.images.no_releases(absent));
        problems
    }
}

impl Images {
    pub(super) fn shipped() -> Self {
        let (shipped, general) = (Rows::new(&IMAGES), General::shipped());
        Self {
            own: Vec::new(),
            shipped: Arc::new(shipped),
            general: Arc::new(general),
            known: Arc::default(),
        }
    }

    /// The row of a repository.
    fn row(&self, repository: &str) -> Option<&Arc<Image>> {
        let is_of = |row: &&Arc<Image>| row.names.iter().any(|name| glob(name, repository));
        self.own.iter().find(is_of).or_else(|| self.shipped.first(repository))
    }

    /// The release that an image is built on, if it is an old one.
    fn release(&self, reference: &str) -> Option<&Release> {
        self.general.release.iter().find(|release| is_among(&release.images, reference))
    }

    fn base(&self, reference: &Reference) -> Base {
        let tag = reference.tag.as_deref().unwrap_or("\u{0}");
        let hint = self.told_by(tag);
        let Some(image) = self.row(&reference.repository) else {
            let name = base_name(&reference.repository);
            return Base::default().on(hint.or_else(|| self.told_by(name)));
        };
        let variant =
            image.variant.iter().find(|variant| variant.tags.iter().any(|pattern| glob(pattern, tag)));
        let sure = variant.is_some() || reference.has_known_tag();
        let on = variant.map(|variant| &variant.on).filter(|on| !on.is_empty()).unwrap_or(&image.on);
        let distribution = match on.as_slice() {
            [only] => self.named(only),
            [default, ..] => hint.or_else(|| if sure { self.named(default) } else { None }),
            [] => hint,
        };
        let mut base = Base::default().on(distribution);
        base.bash = variant.and_then(|variant| variant.bash).or(base.bash).or(image.bash);
        base.init = image.init;
        // Those on Alpine went from su-exec to gosu, each at another time.
        base.step_down = image.step_down.clone().filter(|_| base.family != Family::Alpine);
        base.lacks.clone_from(&image.lacks);
        base.configures.clone_from(&image.configures);
        let launches = [image.launch.as_ref(), variant.and_then(|variant| variant.launch.as_ref())];
        // Without its tag, an image is known where all its variants start the same.
        base.known = launches.iter().any(Option::is_some)
            && (sure || image.variant.iter().all(|variant| variant.old || variant.launch.is_none()));
        if base.known {
            launches.into_iter().flatten().for_each(|launch| base.start(launch));
        }
        base
    }

    /// The distribution that a tag tells, or a repository's name.
    fn told_by(&self, text: &str) -> Option<&Distribution> {
        self.general.distribution.iter().find(|known| known.tags.iter().any(|pattern| glob(pattern, text)))
    }

    fn named(&self, name: &str) -> Option<&Distribution> {
        self.general.distribution.iter().find(|distribution| distribution.name == name)
    }

    /// The same with rows in front.
    pub(super) fn with(&self, images: Vec<Image>) -> Images {
        let own = images.into_iter().map(Arc::new).chain(self.own.iter().cloned()).collect();
        Images { own, known: Arc::default(), ..self.clone() }
    }

    /// Those of the names that no release has, for people.
    fn no_releases<'n>(&self, names: impl Iterator<Item = &'n str>) -> Vec<String> {
        let is_known = |name: &str| self.general.release.iter().any(|release| release.name == name);
        names.filter(|name| !is_known(name)).map(|name| format!("no release is called {name}")).collect()
    }

    /// What is wrong with a row, for people.
    pub(super) fn problems_of(&self, image: &Image) -> Vec<String> {
        let on = image.on.iter().chain(image.variant.iter().flat_map(|variant| &variant.on));
        let mut problems: Vec<String> = on
            .filter(|name| self.named(name).is_none())
            .map(|name| {
                let known: Vec<&str> = self.general.distribution.iter().map(|known| known.name).collect();
                format!("no distribution is called `{name}`; there are {}", known.join(", "))
            })
            .collect();
        if image.names.is_empty() {
            problems.push("an image needs a name in `names`".to_owned());
        }
        problems
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let no_source = |row: &&Orphans| !row.source.starts_with("https://");
        problems.extend(
            self.general
                .orphans
                .iter()
                .filter(no_source)
                .map(|row| format!("{:?} has no source", row.packages)),
        );
        let unfounded = self.general.without_bash.iter().filter(|row| !row.source.starts_with("https://"));
        problems.extend(unfounded.map(|row| format!("{:?} has no source", row.packages)));
        let unfounded = self.general.release.iter().filter(|row| !row.source.starts_with("https://"));
        problems.extend(unfounded.map(|row| format!("{} has no source", row.name)));
        let absent = self.general.install.iter().flat_map(|row| &row.absent_on);
        problems.extend(self.no_releases(absent.copied()));
        let images: Vec<&Arc<Image>> = self.shipped.all().collect();
        for (index, image) in images.iter().enumerate() {
            problems.extend(self.problems_of(image));
            if !image.source.starts_with("https://") {
                problems.push(format!("{:?} has no source", image.names));
            }
            for name in &image.names {
                if images[..index]
                    .iter()
                    .any(|earlier| earlier.names.iter().any(|pattern| glob(pattern, name)))
                {
                    problems.push(format!("{name} is hidden by an earlier row"));
                }
            }
        }
        problems
    }
}

impl Base {
    fn on(mut self, distribution: Option<&Distribution>) -> Self {
        if let Some(distribution) = distribution {
            self.family = distribution.family;
            self.sh = distribution.sh;
            self.bash = distribution.bash;
        }
        self
    }

    fn start(&mut self, launch: &Launch) {
        for (to, from) in [
            (&mut self.entrypoint, &launch.entrypoint),
            (&mut self.cmd, &launch.cmd),
            (&mut self.default_program, &launch.default_program),
            (&mut self.argument_endings, &launch.argument_endings),
        ] {
            if let Some(words) = from {
                *to = (!words.is_empty()).then(|| words.clone());
            }
        }
        for (to, from) in [
            (&mut self.stop_signal, &launch.stop_signal),
            (&mut self.user, &launch.user),
            (&mut self.workdir, &launch.workdir),
        ] {
            if let Some(text) = from {
                *to = (!text.is_empty()).then(|| text.clone());
            }
        }
        self.env.extend(launch.env.clone());
        self.entrypoint_execs = launch.entrypoint_execs.unwrap_or(self.entrypoint_execs);
    }
}

/// True if one of the patterns is for the tag of an image; with the repository in front where it has one.
fn is_among(patterns: &[&str], reference: &str) -> bool {
    let reference = Reference::parse(reference);
    let tag = reference.tag.as_deref().unwrap_or_default();
    let whole = format!("{}:{tag}", reference.repository);
    patterns.iter().any(|pattern| glob(pattern, if pattern.contains(':') { &whole } else { tag }))
}

/// The words of a command line that are told to install something, or to look for what is new.
fn called_managers(line: &str) -> impl Iterator<Item = &str> {
    const VERBS: [&str; 8] =
        ["add", "install", "update", "upgrade", "dist-upgrade", "groupinstall", "makecache", "in"];
    let is_separator = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    let words = || line.split(is_separator).filter(|word| !word.is_empty());
    let pairs = words().zip(words().skip(1));
    pairs.filter(|(_, next)| next.starts_with('-') || VERBS.contains(next)).map(|(name, _)| base_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_read() {
        let General { distribution, install, orphans, without_bash, release } = General::shipped();
        assert!(!distribution.is_empty() && !install.is_empty() && !orphans.is_empty());
        assert!(!without_bash.is_empty() && !release.is_empty());
        assert_eq!(IMAGES.rest.len(), 5);
    }
}
