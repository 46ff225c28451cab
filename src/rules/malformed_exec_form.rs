//! `malformed-exec-form`: brackets that are no JSON, so that a shell runs them as a command.

use super::{Finding, Repair, Subject};
use crate::diagnostic::Outcome;
use crate::dockerfile::{Command, Setting};
use crate::source::{Edit, Excerpt, Place};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let problems = &subject.image.dockerfile.problems;
    let is_refused = |place: &Place| {
        place.source.path() == subject.image.dockerfile.source.path()
            && problems.iter().any(|problem| problem.span.overlaps(place.span))
    };
    let outcome = subject.launch.map(|launch| launch.outcome).filter(|outcome| *outcome == Outcome::ExitsEarly);
    [&subject.image.entrypoint, &subject.image.cmd]
        .into_iter()
        .flatten()
        // What the builder refuses runs nowhere.
        .filter(|setting| !setting.place.as_ref().is_some_and(is_refused))
        .filter_map(malformed)
        .map(|finding| Finding { outcome, ..finding })
        .collect()
}

fn malformed(setting: &Setting<Command>) -> Option<Finding> {
    let place = setting.place.clone()?;
    let Command::Shell { text, .. } = &setting.value else { return None };
    let inner = text.text().trim().strip_prefix('[')?;
    let (inner, closed) = match inner.strip_suffix(']') {
        Some(inner) => (inner.trim(), true),
        None => (inner.trim(), false),
    };
    // `[ -f x ]` is a test that a shell understands.
    let looks_like_a_list = inner.starts_with(['"', '\'', '\u{201c}', '\u{2018}']) || (closed && inner.contains(','));
    if !looks_like_a_list {
        return None;
    }
    let finding = Finding::at(
        place,
        "no JSON array of strings",
        "This is no valid JSON, so that it counts as shell form: a shell looks for a program named like the bracket and its first word, and the container does not start.",
    )
    .with_help("write a JSON array: double quotes around every word, commas between, none after the last");
    Some(finding.with_repairs(corrected(text, inner)))
}

/// Double quotes for single ones and no comma at the end, where that makes it JSON.
fn corrected(text: &Excerpt, inner: &str) -> Option<Repair> {
    let quotes = ['\'', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
    let mixed = inner.contains('"') && inner.contains(quotes);
    let inner = inner.trim_end().trim_end_matches(',').trim_end();
    let inner = if mixed { inner.to_owned() } else { inner.replace(quotes, "\"") };
    let array = format!("[{inner}]");
    serde_json::from_str::<Vec<String>>(&array).ok()?;
    let edit = Edit::new(text.source(), text.span(), array);
    Some(Repair::safe("Write a JSON array", vec![edit]))
}
