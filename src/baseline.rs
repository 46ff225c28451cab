//! Findings that are known and not to be reported again, as a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;

/// The form of the file; another one is refused.
const VERSION: u32 = 1;

/// Findings that are known. Lines may move: a finding is known by its fingerprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<Key, usize>,
}

/// What findings have in common that look the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The file.
    pub path: String,
    /// The rule.
    pub rule: String,
    /// See [`Diagnostic::fingerprint`].
    pub fingerprint: String,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not JSON, or not of this form.
    #[error("not a baseline of pidone: {0}")]
    Form(#[from] serde_json::Error),
    /// It has another version.
    #[error(
        "a baseline of version {0}, and this pidone reads version {VERSION}; `--write-baseline` writes it anew"
    )]
    Version(u64),
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    rule: String,
    fingerprint: String,
    count: usize,
}

impl Baseline {
    /// These findings, known from now on.
    pub fn of<'d>(diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> Self {
        let mut entries = BTreeMap::new();
        for diagnostic in diagnostics {
            *entries.entry(Key::of(diagnostic)).or_default() += 1;
        }
        Self { entries }
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        // Whatever else another version has, it has a version.
        let value: serde_json::Value = serde_json::from_str(text)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(VERSION) => return Err(BaselineError::Version(version)),
            _ => {}
        }
        let file: File = serde_json::from_str(text)?;
        let entries = file.findings.into_iter().map(|entry| {
            (Key { path: entry.path, rule: entry.rule, fingerprint: entry.fingerprint }, entry.count)
        });
        Ok(Self { entries: entries.collect() })
    }

    /// The text of a file: the same for the same findings.
    pub fn text(&self) -> String {
        let entry = |(key, count): (&Key, &usize)| {
            let Key { path, rule, fingerprint } = key.clone();
            Entry { path, rule, fingerprint, count: *count }
        };
        let file = File { version: VERSION, findings: self.entries.iter().map(entry).collect() };
        let mut text = serde_json::to_string_pretty(&file).unwrap_or_default();
        text.push('\n');
        text
    }

    /// How many findings are known.
    pub fn len(&self) -> usize {
        self.entries.values().sum()
    }

    /// True if none is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes known findings out of those of one Dockerfile, and returns what they are known by.
    pub fn take_known(&self, diagnostics: &mut Vec<Diagnostic>) -> Vec<Key> {
        let mut known: Vec<Key> = Vec::new();
        diagnostics.retain(|diagnostic| {
            let key = Key::of(diagnostic);
            let seen = known.iter().filter(|known| **known == key).count();
            let is_new = self.entries.get(&key).is_none_or(|count| seen >= *count);
            if !is_new {
                known.push(key);
            }
            is_new
        });
        known
    }

    /// What is left of it without findings that were seen: they are gone.
    pub fn without<'k>(&self, seen: impl IntoIterator<Item = &'k Key>) -> Vec<Key> {
        let mut left = self.entries.clone();
        for key in seen {
            if let Some(count) = left.get_mut(key) {
                *count = count.saturating_sub(1);
            }
        }
        left.into_iter().flat_map(|(key, count)| std::iter::repeat_n(key, count)).collect()
    }
}

impl Key {
    fn of(diagnostic: &Diagnostic) -> Self {
        Self {
            path: diagnostic.place.source.path().as_str().to_owned(),
            rule: diagnostic.rule.to_owned(),
            fingerprint: diagnostic.fingerprint(),
        }
    }
}
