//! What pidone says: a [`Diagnostic`] at a place, with related places and, where there is one, a [`Fix`].

use std::borrow::Cow;
use std::sync::Arc;

use camino::Utf8Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{Edit, Place, Span};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never fails a run by default.
    Info,
    /// The stop is not as good as it should be, or a setting does not do what it seems to.
    Warning,
    /// A service is not stopped properly.
    Error,
}

impl Severity {
    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How a stop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every service is told, and the container waits until it has finished.
    Graceful,
    /// The model cannot tell.
    Unknown,
    /// The container stops at once, and a service is killed in the middle of its work.
    Abrupt,
    /// Nobody reacts; SIGKILL after the grace period.
    Timeout,
    /// PID 1 ends although a service should run.
    ExitsEarly,
}

impl Outcome {
    /// The name used in reports and fixtures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graceful => "graceful",
            Self::Unknown => "unknown",
            Self::Abrupt => "abrupt",
            Self::Timeout => "timeout",
            Self::ExitsEarly => "exits-early",
        }
    }
}

/// Whether a fix changes anything besides signal delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// Nothing but signal delivery changes.
    Safe,
    /// Something else may change; the fix's message says what.
    Unsafe,
}

/// Edits that repair a finding, applied together or not at all.
#[derive(Debug, Clone)]
pub struct Fix {
    /// Whether it needs `--unsafe-fixes`.
    pub safety: Safety,
    /// What it does, in the imperative; for an unsafe fix also what else may change.
    pub message: String,
    /// The edits, in any number of files; they do not overlap.
    pub edits: Vec<Edit>,
}

/// A second place that explains the finding.
#[derive(Debug, Clone)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is to be seen there.
    pub message: Cow<'static, str>,
}

impl Related {
    /// What is to be seen at a place.
    pub fn new(place: Place, message: impl Into<Cow<'static, str>>) -> Self {
        Self { place, message: message.into() }
    }
}

/// Which image a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageRef {
    /// The Dockerfile.
    pub path: Arc<Utf8Path>,
    /// The stage's name, if it has one.
    pub stage: Option<String>,
    /// The line (from 1) of the stage's FROM.
    pub line: usize,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What happens on stop and why, in one or two sentences.
    pub message: String,
    /// What to do about it.
    pub help: Option<Cow<'static, str>>,
    /// The processes from PID 1 to the service, as a person would draw them; empty where there is no such chain.
    pub chain: Vec<String>,
    /// The line a person would change.
    pub place: Place,
    /// A few words for the label under the place.
    pub label: Cow<'static, str>,
    /// How the stop ends because of this.
    pub outcome: Option<Outcome>,
    /// The image it is about.
    pub image: Option<ImageRef>,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// The repair, if there is one that the model has checked.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// What it is about, as [`Place::key`]s: where it was found, what explains it, what its repair changes.
    pub fn keys(&self) -> impl Iterator<Item = (&Utf8Path, Span)> {
        let related = self.related.iter().map(|related| related.place.key());
        let edits = self.fix.iter().flat_map(|fix| &fix.edits).map(|edit| (&*edit.path, edit.span));
        std::iter::once(self.place.key()).chain(related).chain(edits)
    }

    /// Where it was found, and what explains it.
    pub(crate) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        std::iter::once(&mut self.place).chain(self.related.iter_mut().map(|related| &mut related.place))
    }

    /// What stays the same of a finding when lines move: a hash of rule, file, the text of the line, and image, in hexadecimal digits.
    /// Two findings of one rule on lines that read the same have the same one.
    pub fn fingerprint(&self) -> String {
        let line = self.place.source.line_span(self.place.line());
        let (image, stage) =
            self.image.as_ref().map_or(("", None), |image| (image.path.as_str(), image.stage.as_deref()));
        let path = self.place.source.path().as_str();
        let parts = [self.rule, path, self.place.source.slice(line).trim(), image, stage.unwrap_or_default()];
        // FNV-1a. It is written to files, so it must be the same on every machine and in every version.
        let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn fingerprint(text: &str, stage: Option<&str>) -> String {
        let start = text.find("CMD").unwrap_or_default();
        let place = Place::new(&Source::new("Dockerfile", text), Span::new(start, text.len()));
        let stage = stage.map(str::to_owned);
        let diagnostic = Diagnostic {
            rule: "shell-form",
            severity: Severity::Error,
            message: String::new(),
            help: None,
            chain: Vec::new(),
            place,
            label: "".into(),
            outcome: None,
            image: Some(ImageRef { path: Utf8Path::new("Dockerfile").into(), stage, line: 1 }),
            related: Vec::new(),
            fix: None,
        };
        diagnostic.fingerprint()
    }

    #[test]
    fn fingerprints_stay_when_lines_move() {
        let first = fingerprint("FROM a\nCMD b\n", None);
        assert_eq!(first, "4c41bdce1d6afe44", "it stands in files: a change breaks them");
        assert_eq!(fingerprint("# c\nFROM x\n\n  CMD b \n", None), first);
        assert_ne!(fingerprint("FROM a\nCMD c\n", None), first);
        assert_ne!(fingerprint("FROM a\nCMD b\n", Some("web")), first);
    }
}
