//! COPY and ADD: from a path of the image back to what was copied there.

use std::sync::{Arc, OnceLock};

use crate::dockerfile::{Instruction, Keyword, Step};
use crate::source::{Excerpt, Span};

use super::build_context::{BuildContext, Entry};
use super::dockerignore::Patterns;
use super::glob::{self, Glob};
use super::heredoc::{self, Expander};
use super::layers::Tree;
use super::mode;
use super::path;
use super::vars;

/// One COPY or ADD instruction, ready to be asked.
#[derive(Debug)]
pub(super) struct Copy {
    sources: Vec<Source>,
    /// Absolute, normalised.
    dest: String,
    /// The destination is known to be a directory. Where it is not, a file may land on it or in it.
    into: bool,
    origin: Origin,
    /// What `--chmod` says: `Some(None)` if it says something unknown.
    pub(super) executable: Option<Option<bool>>,
    exclude: Patterns,
    /// `--parents`
    parents: bool,
    /// ADD unpacks archives.
    unpacks: bool,
}

#[derive(Debug)]
enum Source {
    /// A path relative to the context or to the root of a stage, as written but for its variables.
    Path {
        path: String,
        /// What the context holds there.
        entry: OnceLock<Entry>,
    },
    Wildcards {
        pattern: String,
        matches: OnceLock<Vec<(String, Entry)>>,
    },
    Heredoc {
        name: String,
        body: Arc<Excerpt>,
    },
    Url(String),
    /// It depends on something unknown.
    Unknown(String),
}

/// Where COPY takes its files from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The build context.
    Context,
    /// An earlier stage.
    Stage(usize),
    /// Another image, or a build context with a name.
    Elsewhere,
}

/// What may have been copied to a path.
#[derive(Debug)]
pub(super) enum Candidate {
    /// A file of the context, which is there.
    Context(String),
    /// A path of an earlier stage. `exact`: the instruction names it, so if it is not found, it is there all the same.
    Stage { stage: usize, path: String, exact: bool },
    /// A heredoc's body.
    Text(Arc<Excerpt>),
    /// Something from outside of the project.
    Elsewhere,
    /// A file that ADD downloads.
    Download,
    /// A file that should be there, but cannot be read for this reason.
    Missing(String),
}

/// A word of a COPY instruction; where it opens a heredoc, which one.
struct Word {
    text: String,
    opener: Option<usize>,
}

fn words(instruction: &Instruction) -> Vec<Word> {
    if let Some(elements) = instruction.exec_form() {
        return elements.iter().map(|e| Word { text: e.text().to_owned(), opener: None }).collect();
    }
    let body = instruction.body.text();
    let mut words = Vec::new();
    let mut next = 0;
    for text in body.split(|c: char| c.is_ascii_whitespace()) {
        let start = next;
        next += text.len() + 1;
        if text.is_empty() {
            continue;
        }
        let place = instruction.body.to_source(Span::new(start, start + text.len()));
        let opener = instruction.heredocs.iter().position(|heredoc| heredoc.opener.overlaps(place));
        words.push(Word { text: text.to_owned(), opener });
    }
    words
}

/// The sources that are plain paths of the context, normalised.
pub(super) fn literal_sources(instruction: &Instruction) -> Vec<String> {
    let mut words = words(instruction);
    words.pop();
    let literal =
        |text: &str| !glob::has_wildcards(text) && !text.contains(['$', '"', '\'', '\\']) && !is_url(text);
    let plain = words.into_iter().filter(|word| word.opener.is_none() && literal(&word.text));
    plain.map(|word| path::join("/", &word.text)[1..].to_owned()).filter(|path| !path.is_empty()).collect()
}

fn is_url(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|scheme| source.starts_with(scheme))
}

fn is_archive(name: &str) -> bool {
    [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

impl Copy {
    /// Reads a COPY or ADD. `None` if it has no source or no destination.
    pub(super) fn read(step: &Step<'_>, origin: Origin, tree: &Tree) -> Option<Self> {
        let instruction = step.instruction;
        let mut words = words(instruction);
        let dest = step.expand(&words.pop().filter(|word| word.opener.is_none())?.text);
        if words.is_empty() {
            return None;
        }
        let sources: Vec<Source> = words
            .into_iter()
            .map(|word| match word.opener.and_then(|index| instruction.heredocs.get(index)) {
                Some(heredoc) => {
                    let get = |name: &str| step.variables.get(name).cloned();
                    let expanded = || heredoc::expand(&heredoc.body, Expander::BuildKit, &get).map(Arc::new);
                    let body = if heredoc.expand { expanded() } else { None };
                    let body = body.unwrap_or_else(|| Arc::clone(&heredoc.body));
                    Source::Heredoc { name: heredoc.delimiter.clone(), body }
                }
                None => Source::read(step.expand(&word.text)),
            })
            .collect();
        let absolute = tree.resolve(path::join(&step.workdir, &dest));
        let into = path::says_directory(&dest) || sources.len() > 1 || tree.is_directory(&absolute);
        let unpack = instruction.flags.iter().find(|flag| flag.name == "unpack");
        let excludes = instruction.flags.iter().filter(|flag| flag.name == "exclude");
        let is_set = |name: &str| {
            let flag = instruction.flags.iter().find(|flag| flag.name == name);
            flag.is_some_and(|flag| flag.value.as_deref() != Some("false"))
        };
        Some(Self {
            into,
            dest: absolute,
            sources,
            origin,
            executable: instruction.flag("chmod").and_then(|mode| mode::executable(&step.expand(mode))),
            exclude: Patterns::new(excludes.filter_map(|flag| flag.value.as_deref())),
            parents: is_set("parents"),
            unpacks: instruction.keyword == Keyword::Add && (unpack.is_none() || is_set("unpack")),
        })
    }

    /// The directory that the instruction makes if it is not there yet.
    pub(super) fn directory(&self, files: &BuildContext<'_>) -> &str {
        let holds_files = self.into
            || self.sources.iter().any(|source| match source {
                Source::Path { path, entry } if self.origin == Origin::Context => {
                    *entry.get_or_init(|| files.entry(&clean(path))) == Entry::Directory
                }
                _ => false,
            });
        if holds_files { &self.dest } else { path::parent(&self.dest).unwrap_or("/") }
    }

    /// What the instruction may have put at a path, the best guess first.
    pub(super) fn candidates(&self, path: &str, files: &BuildContext<'_>) -> Vec<Candidate> {
        let Some(rest) = path::below(path, &self.dest) else { return Vec::new() };
        let mut found = Vec::new();
        for source in self.sources.iter().rev() {
            match source {
                Source::Heredoc { name, body } if self.lands(rest, name) => {
                    found.push(Candidate::Text(Arc::clone(body)));
                }
                Source::Url(url) if self.lands(rest, url_name(url)) => {
                    // A repository is cloned, and an archive may be unpacked.
                    let name = url_name(url);
                    let is_file = url.starts_with("http") && !name.ends_with(".git") && !is_archive(name);
                    found.push(if is_file { Candidate::Download } else { Candidate::Elsewhere });
                }
                Source::Unknown(text) if self.lands(rest, path::base_name(text)) => {
                    found.push(Candidate::Missing(format!("its source `{text}` depends on the build")));
                }
                Source::Path { path, .. } if self.parents => self.with_parents(path, rest, files, &mut found),
                Source::Wildcards { pattern, .. } if self.parents => {
                    self.with_parents(pattern, rest, files, &mut found);
                }
                Source::Path { path, entry } => self.of_path(&clean(path), entry, rest, files, &mut found),
                Source::Wildcards { pattern, matches } => {
                    self.of_wildcards(pattern, matches, rest, files, &mut found);
                }
                Source::Heredoc { .. } | Source::Url(_) | Source::Unknown(_) => {}
            }
        }
        found
    }

    /// Calls `file` with every path in `directory` at which this may have put a file, and notes in `further` the directories of
    /// stages whose files it may have put there.
    pub(super) fn names(
        &self,
        directory: &str,
        files: &BuildContext<'_>,
        file: &mut dyn FnMut(&str),
        further: &mut Vec<(usize, String)>,
    ) {
        let mut one = |name: &str| {
            file(&self.dest);
            file(&path::under(&self.dest, name));
        };
        let mut below: Vec<String> = Vec::new();
        for source in &self.sources {
            match source {
                Source::Heredoc { name, .. } => one(name),
                Source::Path { path: source, .. } if self.origin == Origin::Context => {
                    let source = clean(source);
                    one(path::base_name(&source));
                    below.push(source);
                }
                Source::Wildcards { pattern, matches } if self.origin == Origin::Context => {
                    for (source, entry) in matches.get_or_init(|| files.matches(&clean(pattern))) {
                        match entry {
                            Entry::Directory => below.push(source.clone()),
                            _ => one(path::base_name(source)),
                        }
                    }
                }
                Source::Path { path: source, .. } => {
                    if let Origin::Stage(stage) = self.origin {
                        one(path::base_name(source));
                        let rest = path::below(directory, &self.dest);
                        further.extend(rest.map(|rest| (stage, path::under(&path::join("/", source), rest))));
                    }
                }
                Source::Wildcards { pattern, .. } => {
                    if let (Origin::Stage(stage), Some("")) =
                        (self.origin, path::below(directory, &self.dest))
                    {
                        let dir = path::parent(&path::join("/", pattern)).unwrap_or("/").to_owned();
                        further.push((stage, dir));
                    }
                }
                Source::Url(_) | Source::Unknown(_) => {}
            }
        }
        let Some(rest) = path::below(directory, &self.dest) else { return };
        for source in below {
            let folder = path::under(&source, rest);
            for name in files.loader.list(&files.project_path(&folder)) {
                file(&path::under(directory, &name));
            }
        }
    }

    /// Whether a file called `name` is copied to `rest` under the destination.
    fn lands(&self, rest: &str, name: &str) -> bool {
        if rest.is_empty() { !self.into } else { rest == name }
    }

    fn of_path(
        &self,
        source: &str,
        entry: &OnceLock<Entry>,
        rest: &str,
        files: &BuildContext<'_>,
        found: &mut Vec<Candidate>,
    ) {
        let name = path::base_name(source);
        match self.origin {
            Origin::Elsewhere if self.lands(rest, name) => found.push(Candidate::Elsewhere),
            Origin::Elsewhere => {}
            Origin::Stage(stage) => {
                let source = path::join("/", source);
                if !rest.is_empty() && !self.exclude.exclude(rest) {
                    found.push(Candidate::Stage { stage, path: path::under(&source, rest), exact: false });
                }
                if !name.is_empty() && self.lands(rest, name) {
                    found.push(Candidate::Stage { stage, path: source, exact: true });
                }
            }
            Origin::Context => {
                let entry = *entry.get_or_init(|| files.entry(source));
                self.of_entry(source, entry, rest, files, found);
            }
        }
    }

    fn of_entry(
        &self,
        source: &str,
        entry: Entry,
        rest: &str,
        files: &BuildContext<'_>,
        found: &mut Vec<Candidate>,
    ) {
        let name = path::base_name(source);
        match entry {
            Entry::Directory => {
                let file = path::under(source, rest);
                if !rest.is_empty() && files.entry(&file) == Entry::File && !self.exclude.exclude(rest) {
                    found.push(Candidate::Context(file));
                }
            }
            _ if !self.lands(rest, name) || self.exclude.exclude(name) => {}
            Entry::File if self.unpacks && is_archive(name) => {}
            Entry::File => found.push(Candidate::Context(source.to_owned())),
            Entry::Ignored => {
                found.push(Candidate::Missing(format!("`.dockerignore` leaves `{source}` out")));
            }
            Entry::Missing => {
                let root = if files.root.as_str().is_empty() { "." } else { files.root.as_str() };
                found.push(Candidate::Missing(format!("`{source}` is not in the build context `{root}`")));
            }
        }
    }

    fn of_wildcards(
        &self,
        pattern: &str,
        matches: &OnceLock<Vec<(String, Entry)>>,
        rest: &str,
        files: &BuildContext<'_>,
        found: &mut Vec<Candidate>,
    ) {
        match self.origin {
            Origin::Elsewhere => {}
            Origin::Context => {
                for (file, entry) in matches.get_or_init(|| files.matches(&clean(pattern))).iter().rev() {
                    self.of_entry(file, *entry, rest, files, found);
                }
            }
            // The names in a stage are not known, but a file that is asked for has one.
            Origin::Stage(stage) => {
                let pattern = path::join("/", pattern);
                let dir = path::parent(&pattern).unwrap_or("/");
                let fits = Glob::new(path::base_name(&pattern)).is_some_and(|glob| glob.matches(rest));
                if fits && !rest.is_empty() && !glob::has_wildcards(dir) && !self.exclude.exclude(rest) {
                    found.push(Candidate::Stage { stage, path: path::under(dir, rest), exact: false });
                }
            }
        }
    }

    /// `--parents`: the source's own folders are kept, from the `./` in its middle on.
    fn with_parents(&self, source: &str, rest: &str, files: &BuildContext<'_>, found: &mut Vec<Candidate>) {
        let (base, kept) = source.rsplit_once("/./").unwrap_or(("", source));
        let (base, kept) = (clean(base), clean(kept));
        let absolute = path::join("/", rest);
        let names = |glob: &Glob| {
            let above = path::ancestors(&absolute).map(|dir| &dir[1..]).filter(|dir| !dir.is_empty());
            above.chain([rest]).any(|path| glob.matches(path))
        };
        let fits = kept.is_empty() || Glob::deep(&kept).is_some_and(|glob| names(&glob));
        if rest.is_empty() || !fits || self.exclude.exclude(rest) {
            return;
        }
        let file = path::under(&base, rest);
        let file = file.trim_start_matches('/');
        match self.origin {
            Origin::Context if files.entry(file) == Entry::File => {
                found.push(Candidate::Context(file.to_owned()));
            }
            Origin::Stage(stage) => {
                found.push(Candidate::Stage { stage, path: path::join("/", file), exact: false });
            }
            Origin::Context | Origin::Elsewhere => {}
        }
    }
}

impl Source {
    fn read(text: String) -> Self {
        if is_url(&text) {
            Self::Url(text)
        } else if vars::has_unknown(&text) {
            Self::Unknown(text)
        } else if glob::has_wildcards(&text) {
            Self::Wildcards { pattern: text, matches: OnceLock::new() }
        } else {
            Self::Path { path: text, entry: OnceLock::new() }
        }
    }
}

/// A source as a path of the context.
fn clean(source: &str) -> String {
    path::join("/", source)[1..].to_owned()
}

fn url_name(url: &str) -> &str {
    path::base_name(url.split(['?', '#']).next().unwrap_or(url))
}
