//! What git leaves out: `.gitignore`, `.git/info/exclude`, the user's own file, and `.ignore`, which other tools read as well.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, gitconfig_excludes_path};

/// The patterns of a folder, and of those above it.
#[derive(Default)]
pub(super) struct Ignored {
    above: Option<Arc<Ignored>>,
    /// Those of the folder itself.
    own: Vec<(Source, Gitignore)>,
}

/// Where patterns stand; what comes first counts more, wherever the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Ignore,
    Gitignore,
    Exclude,
    User,
}

const SOURCES: [Source; 4] = [Source::Ignore, Source::Gitignore, Source::Exclude, Source::User];

impl Ignored {
    /// The patterns that the user has for all repositories.
    pub(super) fn of_user(root: &Path) -> Arc<Self> {
        let own = excludes_file().and_then(|file| patterns(root, &file));
        Arc::new(Self { above: None, own: own.map(|own| (Source::User, own)).into_iter().collect() })
    }

    /// These patterns and those of a folder below.
    pub(super) fn and_in(self: &Arc<Self>, folder: &Path, has: impl Fn(&str) -> bool) -> Arc<Self> {
        let in_git = || git_folder(&folder.join(".git")).map(|git| git.join("info/exclude"));
        let files = [
            (Source::Ignore, has(".ignore").then(|| folder.join(".ignore"))),
            (Source::Gitignore, has(".gitignore").then(|| folder.join(".gitignore"))),
            (Source::Exclude, has(".git").then(in_git).flatten()),
        ];
        let own = files.into_iter().filter_map(|(source, file)| Some((source, patterns(folder, &file?)?)));
        let own: Vec<_> = own.collect();
        if own.is_empty() {
            return Arc::clone(self);
        }
        Arc::new(Self { above: Some(Arc::clone(self)), own })
    }

    /// Whether the patterns leave something out, or name it as an exception; `None` if they say nothing of it.
    pub(super) fn says(&self, path: &Path, is_folder: bool) -> Option<bool> {
        SOURCES.into_iter().find_map(|source| {
            let chain = std::iter::successors(Some(self), |patterns| patterns.above.as_deref());
            let mut own = chain.flat_map(|patterns| &patterns.own).filter(|(known, _)| *known == source);
            own.find_map(|(_, patterns)| match patterns.matched(path, is_folder) {
                Match::None => None,
                Match::Ignore(_) => Some(true),
                Match::Whitelist(_) => Some(false),
            })
        })
    }
}

/// The patterns of a file, from `folder` on; `None` if there are none.
fn patterns(folder: &Path, file: &Path) -> Option<Gitignore> {
    // A FIFO has no end.
    if !file.is_file() {
        return None;
    }
    let mut patterns = GitignoreBuilder::new(folder);
    // Lines that are no pattern are passed over, as git does.
    patterns.add(file);
    patterns.build().ok().filter(|patterns| !patterns.is_empty())
}

/// Where a repository keeps what its working trees share, given what is named `.git` in one of them.
fn git_folder(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let text = fs::read_to_string(git).ok()?;
    let own = PathBuf::from(text.lines().next()?.strip_prefix("gitdir: ")?);
    let shared = fs::read_to_string(own.join("commondir")).ok()?;
    Some(own.join(shared.lines().next()?))
}

/// The file that the user's configuration of git names, or the one that git takes without.
fn excludes_file() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = std::env::home_dir();
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(home.as_ref()?.join(".config")));
    let folder = folder.map(|folder| folder.join("git"));
    let configurations = [
        set("GIT_CONFIG_GLOBAL"),
        home.map(|home| home.join(".gitconfig")),
        folder.as_ref().map(|folder| folder.join("config")),
        Some(set("GIT_CONFIG_SYSTEM").unwrap_or_else(|| "/etc/gitconfig".into())),
    ];
    let names_one = |file: PathBuf| {
        fs::read(file)
            .is_ok_and(|text| String::from_utf8_lossy(&text).to_lowercase().contains("excludesfile"))
    };
    // The crate compiles an expression to read one, which takes a sixth of a start.
    if configurations.into_iter().flatten().any(names_one) {
        return gitconfig_excludes_path();
    }
    folder.map(|folder| folder.join("ignore"))
}
