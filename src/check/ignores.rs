//! Whether the comments that silence findings are of use.

use super::{FileReport, Ignore};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rules::{self, Finding};
use crate::settings::Settings;
use crate::source::Place;
use crate::suppress::Suppressions;

/// Which rules are named in comments that silence findings, and whether there is anything to silence.
pub(super) fn ignores(suppressions: &Suppressions, found: &[&Finding], settings: &Settings) -> Vec<Ignore> {
    let mut ignores = Vec::new();
    for suppression in suppressions.all() {
        for name in &suppression.rules {
            let Ok(rule) = rules::named(name.text()) else { continue };
            // What is not looked for cannot be missed, nor what hides behind another finding.
            let is_sought = settings.rules.is_on(rule.name, name.source.path())
                && (settings.pedantic || rule.severity > Severity::Info);
            let used = found.iter().any(|finding| {
                (finding.rule == rule.name && suppression.covers(&finding.place))
                    || finding.related.iter().any(|related| suppression.covers(&related.place))
            });
            ignores.push(Ignore { place: name.clone(), used: used || !is_sought });
        }
    }
    ignores
}

/// What there is to say about comments in scripts once every Dockerfile that may start them has been checked.
pub fn unused_ignores<'r>(reports: impl IntoIterator<Item = &'r FileReport>) -> Vec<Diagnostic> {
    let in_scripts = |report: &'r FileReport| {
        report.ignores.iter().filter(|ignore| *ignore.place.source.path() != *report.path)
    };
    let all: Vec<&Ignore> = reports.into_iter().flat_map(in_scripts).collect();
    let mut unused: Vec<&Place> = Vec::new();
    for ignore in &all {
        let is_used = all.iter().any(|other| other.used && other.place == ignore.place);
        if !is_used && !unused.contains(&&ignore.place) {
            unused.push(&ignore.place);
        }
    }
    unused.into_iter().map(|place| rules::unused_ignore(place).into_diagnostic()).collect()
}
