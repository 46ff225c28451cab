//! Repairs: checked by the model before they are shown, applied until nothing changes.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::Diagnostic;
use crate::edit;
use crate::orchestrator;
use crate::settings::Settings;
use crate::source::{Edit, Loader};

mod bench;
mod ignore;
mod readers;
mod session;
mod shared;
mod trial;

pub(crate) use bench::Bench;
pub use ignore::ignore;
pub use session::{Applied, Change, Obstacle, Session, Target, Texts};
pub(crate) use shared::{FileHash, reads, spares, take_back};

/// Rounds of [`fix_all`].
const MAX_ROUNDS: usize = 12;

/// What fixing came to.
#[derive(Debug, Default)]
pub struct FixOutcome {
    /// Files that change.
    pub changed: Vec<Change>,
    /// What was repaired, in order.
    pub applied: Vec<Applied>,
    /// What is left to report, and why it was not repaired.
    pub remaining: Vec<(Diagnostic, Obstacle)>,
}

/// Applies fixes to these Dockerfiles and what they start, in memory, until nothing changes.
pub fn fix_all(paths: &[Utf8PathBuf], loader: &dyn Loader, settings: &Settings) -> FixOutcome {
    let targets: Vec<_> = paths.iter().map(|path| (path.clone(), settings.clone())).collect();
    fix_each(&targets, loader)
}

/// As [`fix_all`], where each Dockerfile has settings of its own.
pub fn fix_each(targets: &[Target], loader: &dyn Loader) -> FixOutcome {
    let mut session = Session::new(targets, loader);
    let mut outcome = FixOutcome::default();
    // Images come before what deploys them: what is mended there need not be replaced here.
    let deploys = |target: &&Target| orchestrator::is_candidate(&target.0);
    let (deployments, images): (Vec<&Target>, Vec<&Target>) = targets.iter().partition(deploys);
    // What repairs one target may open a repair in a target before it.
    for _ in 0..MAX_ROUNDS {
        for &target in images.iter().chain(&deployments) {
            repair_one_by_one(&mut session, target, &mut outcome.applied);
        }
        outcome.remaining = targets.iter().flat_map(|target| remaining(&session, target)).collect();
        if !outcome.remaining.iter().any(|(_, why)| matches!(why, Obstacle::Endless)) {
            break;
        }
    }
    outcome.changed = session.changes();
    outcome
}

/// Makes the repairs of a target, each on what the one before it left.
fn repair_one_by_one(session: &mut Session, target: &Target, applied: &mut Vec<Applied>) {
    for _ in 0..MAX_ROUNDS {
        let found = session.check(target);
        let repaired = found.into_iter().find_map(|found| {
            let (found, texts) = session.best_repair(target, found);
            Some((texts.ok()?, found))
        });
        let Some((texts, diagnostic)) = repaired else { break };
        applied.push(Applied { diagnostic, changes: session.apply(texts) });
    }
}

/// What is left of a target, and why.
fn remaining(session: &Session, target: &Target) -> Vec<(Diagnostic, Obstacle)> {
    let with_reason = |found: Diagnostic| {
        let (found, texts) = session.best_repair(target, found);
        (found, texts.err().unwrap_or(Obstacle::Endless))
    };
    session.check(target).into_iter().map(with_reason).collect()
}

/// The files that edits change, as they are afterwards. `None` if the edits do not fit.
fn texts_after(edits: &[Edit], loader: &dyn Loader) -> Option<Texts> {
    let mut by_file: BTreeMap<&Utf8Path, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.path).or_default().push(edit);
    }
    by_file
        .into_iter()
        .map(|(path, edits)| {
            let source = loader.read(path).ok()?;
            Some((path.to_owned(), edit::apply(source.text(), edits).ok()?))
        })
        .collect()
}
