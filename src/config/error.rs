//! What is wrong with a configuration file, and where.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::programs::RowError;
use crate::rules;
use crate::source::{Place, Source, Span};

/// A configuration file that cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigError {
    /// The file, absolute.
    pub path: Utf8PathBuf,
    /// What is wrong.
    pub message: String,
    /// Where in the file; `None` if it could not be read.
    pub place: Option<Place>,
    /// A few words for the label under the place.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ConfigError {
    pub(super) fn unreadable(path: &Utf8Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), place: None, label: String::new(), help: None }
    }

    pub(super) fn at(place: Place, message: impl Into<String>, label: impl Into<String>) -> Self {
        let path = place.source.path().to_owned();
        Self { path, message: message.into(), place: Some(place), label: label.into(), help: None }
    }

    /// What the TOML parser says, in our words where it says it in Rust's.
    pub(super) fn toml(source: &Arc<Source>, error: &toml::de::Error) -> Self {
        Self::said(source, error.message(), error.span().map(Span::from).unwrap_or_default())
    }

    pub(super) fn row(source: &Arc<Source>, error: &RowError) -> Self {
        Self::said(source, &error.message, error.span)
    }

    fn said(source: &Arc<Source>, message: &str, span: Span) -> Self {
        let place = Place::new(source, span);
        for (prefix, kind) in [("unknown field `", "key"), ("unknown variant `", "value")] {
            let Some((name, rest)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`'))
            else {
                continue;
            };
            let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
            let mut error =
                Self::at(place, format!("there is no {kind} `{name}` here"), format!("unknown {kind}"));
            error.help = Some(match rules::nearest(name, &known) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known here: {}", known.join(", ")),
            });
            return error;
        }
        let first = message.lines().next().unwrap_or_default();
        Self::at(place, first, "here")
    }
}
