//! A stand-in for the analysis, behind the names that the real one will have: knows `CMD word ...` in shell form, and a last
//! line of an ENTRYPOINT script that starts `node` without exec. Replaced when the analysis is merged.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::*;
use crate::source::*;

#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub pedantic: bool,
    pub unsafe_fixes: bool,
    /// Only findings that touch one of these files are fixed; empty: all.
    pub only: Vec<Utf8PathBuf>,
}

/// Everything pidone has to say about one Dockerfile.
#[derive(Debug, Clone)]
pub struct FileReport {
    pub path: Utf8PathBuf,
    pub diagnostics: Vec<Diagnostic>,
    pub images: Vec<ImageReport>,
    pub sources: Vec<Arc<Source>>,
}

#[derive(Debug, Clone)]
pub struct ImageReport {
    pub image: ImageRef,
    pub base: String,
    pub argv: Vec<String>,
    pub stop_signal: String,
    pub stop_signal_source: String,
    pub outcome: Outcome,
    pub why: String,
    pub processes: Vec<ProcessNode>,
    pub branches: Vec<Branch>,
}

#[derive(Debug, Clone)]
pub struct Branch {
    pub label: String,
    pub outcome: Outcome,
    pub why: String,
    pub processes: Vec<ProcessNode>,
}

#[derive(Debug, Clone)]
pub struct ProcessNode {
    pub argv: Vec<String>,
    pub started: Started,
    pub service: bool,
    pub receives: Receives,
    pub note: String,
    pub place: Option<Place>,
    pub children: Vec<ProcessNode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Started {
    Pid1,
    Exec,
    Foreground,
    Background,
    Forked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Receives {
    Yes,
    No,
    Unknown,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn node(argv: Vec<String>, started: Started, receives: Receives) -> ProcessNode {
    ProcessNode {
        argv,
        started,
        service: false,
        receives,
        note: String::new(),
        place: None,
        children: vec![],
    }
}

pub fn check(dockerfile: &Utf8Path, loader: &dyn Loader, _settings: &Settings) -> FileReport {
    let mut report =
        FileReport { path: dockerfile.to_owned(), diagnostics: vec![], images: vec![], sources: vec![] };
    let Ok(source) = loader.read(dockerfile) else { return report };
    report.sources.push(Arc::clone(&source));
    let mut at = 0;
    let (mut base, mut from) = (String::new(), 1);
    for (number, line) in source.text().split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let text = line.trim_end();
        if let Some(rest) = text.strip_prefix("FROM ") {
            base = rest.to_owned();
            from = number + 1;
        }
        let image = ImageRef { path: dockerfile.to_owned(), stage: None, line: from };
        let mut picture = ImageReport {
            image: image.clone(),
            base: base.clone(),
            argv: vec![],
            stop_signal: "SIGTERM".into(),
            stop_signal_source: "default".into(),
            outcome: Outcome::Graceful,
            why: "the service is PID 1".into(),
            processes: vec![],
            branches: vec![],
        };
        if let Some(rest) = text.strip_prefix("CMD ").filter(|rest| !rest.starts_with('[')) {
            let span = Span::new(start + 4, start + 4 + rest.len());
            let fixed = serde_json::to_string(&words(rest)).unwrap().replace("\",\"", "\", \"");
            report.diagnostics.push(Diagnostic {
                rule: "shell-form",
                severity: Severity::Error,
                message: format!("`{rest}` is not told to stop: /bin/sh stays PID 1 and ignores SIGTERM."),
                help: Some("write the command as a JSON array".into()),
                chain: vec![format!("/bin/sh -c '{rest}'"), rest.to_owned()],
                place: Place::new(&source, span),
                label: "runs as a child of /bin/sh".into(),
                outcome: Some(Outcome::Timeout),
                image: Some(image),
                related: vec![],
                fix: Some(Fix {
                    safety: Safety::Safe,
                    message: "Write the command in exec form".into(),
                    edits: vec![Edit { path: dockerfile.to_owned(), span, text: fixed }],
                }),
            });
            picture.argv = vec!["/bin/sh".into(), "-c".into(), rest.into()];
            picture.outcome = Outcome::Timeout;
            picture.why = "dash stays PID 1 and ignores SIGTERM".into();
            let mut shell = node(picture.argv.clone(), Started::Pid1, Receives::Yes);
            shell.children.push(node(words(rest), Started::Foreground, Receives::No));
            picture.processes = vec![shell];
            report.images.push(picture);
        } else if let Some(rest) = text.strip_prefix("CMD ") {
            picture.argv = serde_json::from_str(rest).unwrap_or_default();
            picture.processes = vec![node(picture.argv.clone(), Started::Pid1, Receives::Yes)];
            report.images.push(picture);
        } else if let Some(rest) = text.strip_prefix("ENTRYPOINT [\"/").and_then(|r| r.strip_suffix("\"]")) {
            let Ok(script) = loader.read(Utf8Path::new(rest)) else { continue };
            report.sources.push(Arc::clone(&script));
            if let Some(at) = script.text().find("\nnode ") {
                let span = Span::new(at + 1, script.line_span(script.line(at + 1)).end);
                report.diagnostics.push(Diagnostic {
                    rule: "missing-exec",
                    severity: Severity::Error,
                    message: "node is not told to stop: the script stays PID 1 and ignores SIGTERM.".into(),
                    help: None,
                    chain: vec![],
                    place: Place::new(&script, span),
                    label: "runs as a child of the script".into(),
                    outcome: Some(Outcome::Timeout),
                    image: Some(image),
                    related: vec![Related {
                        place: Place::new(&source, Span::new(start, start + text.len())),
                        message: "starts the script".into(),
                    }],
                    fix: Some(Fix {
                        safety: Safety::Safe,
                        message: "Put `exec` in front of it".into(),
                        edits: vec![Edit { path: rest.into(), span: Span::at(at + 1), text: "exec ".into() }],
                    }),
                });
                picture.outcome = Outcome::Timeout;
            }
            picture.argv = vec![format!("/{rest}")];
            picture.processes = vec![node(picture.argv.clone(), Started::Pid1, Receives::Yes)];
            report.images.push(picture);
        }
    }
    report
}

pub mod rules {
    use crate::diagnostic::Severity;

    #[derive(Debug, Clone, Copy)]
    pub struct RuleInfo {
        pub name: &'static str,
        pub summary: &'static str,
        pub severity: Severity,
        /// `always`, `sometimes` or `never`.
        pub fix: &'static str,
        pub since: &'static str,
        pub document: &'static str,
    }

    pub fn all() -> &'static [RuleInfo] {
        &[
            RuleInfo {
                name: "missing-exec",
                summary: "A script starts its service without `exec`",
                severity: Severity::Error,
                fix: "sometimes",
                since: "0.1.0",
                document: "## What it finds\n\nA script that starts `node` as a **child**.\n\n```sh\nnode server.js\n```\n",
            },
            RuleInfo {
                name: "shell-form",
                summary: "A shell is PID 1 because CMD is in shell form",
                severity: Severity::Error,
                fix: "sometimes",
                since: "0.1.0",
                document: "## What it finds\n\nShell form.\n",
            },
        ]
    }
}

pub mod fix {
    use super::*;

    #[derive(Debug, Default)]
    pub struct FixOutcome {
        pub changed: Vec<(Utf8PathBuf, String, String)>,
        pub applied: Vec<(&'static str, Utf8PathBuf, String)>,
        pub remaining: Vec<Diagnostic>,
    }

    pub fn fix_all(paths: &[Utf8PathBuf], loader: &dyn Loader, settings: &Settings) -> FixOutcome {
        let mut outcome = FixOutcome::default();
        let mut texts: BTreeMap<Utf8PathBuf, Vec<Edit>> = BTreeMap::new();
        for path in paths {
            for diagnostic in check(path, loader, settings).diagnostics {
                let touches = |path| settings.only.is_empty() || settings.only.contains(path);
                match diagnostic.fix {
                    Some(fix) if fix.edits.iter().any(|edit| touches(&edit.path)) => {
                        outcome.applied.push((
                            diagnostic.rule,
                            fix.edits[0].path.clone(),
                            fix.message.clone(),
                        ));
                        for edit in fix.edits {
                            let edits = texts.entry(edit.path.clone()).or_default();
                            if !edits.contains(&edit) {
                                edits.push(edit);
                            }
                        }
                    }
                    _ => outcome.remaining.push(diagnostic),
                }
            }
        }
        for (path, edits) in texts {
            let original = loader.read(&path).unwrap().text().to_owned();
            let fixed = crate::edit::apply(&original, &edits).unwrap();
            outcome.changed.push((path, original, fixed));
        }
        outcome
    }
}

pub struct DiskLoader {
    root: Utf8PathBuf,
}

impl DiskLoader {
    pub fn new(root: impl AsRef<std::path::Path>) -> std::io::Result<Self> {
        Ok(Self { root: Utf8PathBuf::from_path_buf(root.as_ref().to_owned()).unwrap() })
    }
}

impl Loader for DiskLoader {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let full = self.root.join(path);
        let meta = std::fs::metadata(&full).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ReadError::NotFound,
            _ => ReadError::Io(error),
        })?;
        if !meta.is_file() {
            return Err(ReadError::NotAFile);
        }
        let bytes = std::fs::read(full)?;
        Ok(Source::new(path, String::from_utf8(bytes).map_err(|_| ReadError::NotText)?))
    }
    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        let meta = std::fs::metadata(self.root.join(path)).ok()?;
        Some(if meta.is_dir() { EntryKind::Directory } else { EntryKind::File })
    }
    fn list(&self, _path: &Utf8Path) -> Vec<String> {
        Vec::new()
    }
    fn executable(&self, _path: &Utf8Path) -> Option<bool> {
        None
    }
}

pub struct OverlayLoader<'a> {
    under: &'a dyn Loader,
    files: BTreeMap<Utf8PathBuf, Arc<Source>>,
}

impl<'a> OverlayLoader<'a> {
    pub fn new(under: &'a dyn Loader) -> Self {
        Self { under, files: BTreeMap::new() }
    }
    pub fn insert(&mut self, source: Arc<Source>) {
        self.files.insert(source.path().to_owned(), source);
    }
}

impl Loader for OverlayLoader<'_> {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        self.files.get(path).map_or_else(|| self.under.read(path), |source| Ok(Arc::clone(source)))
    }
    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        if self.files.contains_key(path) { Some(EntryKind::File) } else { self.under.kind(path) }
    }
    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.under.list(path)
    }
    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.under.executable(path)
    }
}
