//! The fixtures: small projects with what is expected of them. `fixtures/README.md` describes the format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Files, Outcome, repository};

/// A finding, as far as a fixture pins it down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// The file, relative to the project's root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

/// Whether a fix is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Every finding has a safe fix.
    Safe,
    /// There is a fix, but it may change something else.
    Unsafe,
    /// There is none.
    #[default]
    None,
}

/// More runs of the repaired project, at awkward moments.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stress {
    /// How many.
    pub repeat: usize,
    /// Milliseconds between the start of the first service and the stop; when all is quiet, if not given.
    pub delay_ms: Option<u64>,
    /// Milliseconds between the stop and a second signal.
    pub again_ms: Option<u64>,
}

/// How the engine is told to start a container.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// Instead of ENTRYPOINT; then CMD counts no more.
    pub entrypoint: Option<Vec<String>>,
    /// Instead of CMD.
    pub command: Option<Vec<String>>,
    /// Its own init in front.
    #[serde(default)]
    pub init: bool,
    /// Instead of STOPSIGNAL.
    pub stop_signal: Option<String>,
    /// Standard input is kept open.
    #[serde(default)]
    pub stdin_open: bool,
    /// Files of the project over those of the image: path in the container -> path in the project.
    #[serde(default)]
    pub mounts: BTreeMap<String, String>,
}

/// `expect.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What the case shows, in a sentence.
    pub why: String,
    /// The Dockerfile.
    #[serde(default = "dockerfile")]
    pub dockerfile: String,
    /// The stage; the last one if not given.
    pub stage: Option<String>,
    /// What the model says.
    pub outcome: Outcome,
    /// What the kernel does, where that is not what the model says.
    pub kernel: Option<Outcome>,
    /// What model and kernel say of the repaired project.
    pub outcome_after: Option<Outcome>,
    /// What the kernel says of it, where that is not what the model says.
    pub kernel_after: Option<Outcome>,
    /// What is reported, and nothing else.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Whether `--fix` makes `before` into `after`.
    #[serde(default)]
    pub fix: Fix,
    /// False if the kernel test leaves it out, because the stand-ins cannot play it.
    #[serde(default = "yes")]
    pub run: bool,
    /// Arguments that replace CMD, as in `docker run IMAGE ARGS`.
    pub args: Option<Vec<String>>,
    /// The file that says how the container is started, if it is what is checked.
    pub deployment: Option<String>,
    /// What the engine is told because of it, for `before` and `after`: the kernel test reads no YAML.
    #[serde(default)]
    pub engine: BTreeMap<String, Engine>,
    /// Stand-ins besides the usual ones: name or absolute path -> role.
    #[serde(default)]
    pub programs: BTreeMap<String, String>,
    /// Environment besides the image's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Files inside the container that no COPY brings: absolute path -> text.
    #[serde(default)]
    pub files: Files,
    /// Permission bits of project files, in octal; 755 unless given.
    #[serde(default)]
    pub modes: BTreeMap<String, String>,
    /// More runs of `after`.
    #[serde(default)]
    pub stress: Vec<Stress>,
}

fn dockerfile() -> String {
    "Dockerfile".to_owned()
}

fn yes() -> bool {
    true
}

/// One folder under `fixtures/`.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub dir: PathBuf,
    /// The project.
    pub before: Files,
    /// The repaired project: `before` with what `after/` changes; `None` if there is no `after/`.
    pub after: Option<Files>,
    /// What is expected.
    pub expect: Expect,
}

impl Fixture {
    /// The file that is checked.
    pub fn checked(&self) -> &str {
        self.expect.deployment.as_deref().unwrap_or(&self.expect.dockerfile)
    }

    /// True unless the fixture says that nobody may execute the file.
    pub fn is_executable(&self, path: &str) -> bool {
        let mode = self.expect.modes.get(path).and_then(|mode| u32::from_str_radix(mode, 8).ok());
        mode.is_none_or(|mode| mode & 0o111 != 0)
    }

    /// Reads one folder.
    pub fn read(dir: &Path) -> Result<Self, String> {
        let at = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let path = dir.join("expect.toml");
        let text = fs::read_to_string(&path).map_err(|why| at(&path, &why))?;
        let expect: Expect = toml::from_str(&text).map_err(|why| at(&path, &why))?;
        let before = files(&dir.join("before"))?;
        let after = dir.join("after");
        let after = if after.is_dir() {
            let mut all = before.clone();
            all.extend(files(&after)?);
            Some(all)
        } else {
            None
        };
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if after.is_some() != expect.outcome_after.is_some() {
            return Err(at(&path, &"after/ and outcome_after belong together"));
        }
        if !before.contains_key(&expect.dockerfile) {
            return Err(at(&path, &"before/ lacks the Dockerfile"));
        }
        for finding in &expect.findings {
            let line =
                before.get(&finding.path).and_then(|text| text.lines().nth(finding.line.checked_sub(1)?));
            if line.is_none_or(|line| line.trim().is_empty()) {
                return Err(at(&path, &format!("{} has nothing at line {}", finding.path, finding.line)));
            }
        }
        Ok(Self { name, dir: dir.to_owned(), before, after, expect })
    }
}

/// Every fixture, in the order of their names. A fixture that cannot be read ends the test.
pub fn all() -> Vec<Fixture> {
    let mut dirs: Vec<PathBuf> = fs::read_dir(repository("fixtures"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|dir| dir.join("expect.toml").is_file())
        .collect();
    dirs.sort();
    assert!(!dirs.is_empty(), "there are no fixtures");
    dirs.iter().map(|dir| Fixture::read(dir).unwrap_or_else(|why| panic!("{why}"))).collect()
}

/// Every file under `dir`, by its path relative to it.
fn files(dir: &Path) -> Result<Files, String> {
    let mut found = Files::new();
    let mut todo = vec![dir.to_owned()];
    while let Some(next) = todo.pop() {
        let entries = fs::read_dir(&next).map_err(|why| format!("{}: {why}", next.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
            let inside = path.strip_prefix(dir).unwrap_or(&path);
            found.insert(inside.to_string_lossy().replace('\\', "/"), text);
        }
    }
    Ok(found)
}
