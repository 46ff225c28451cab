//! Files that several Dockerfiles read: no repair of one may harm what another starts.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use camino::Utf8Path;
use rayon::prelude::*;

use super::session::{Target, Texts};
use super::{texts_after, trial};
use crate::check::{Analysis, FileReport, Judged, check};
use crate::diagnostic::{Diagnostic, Fix, Safety};
use crate::guard::guarded;
use crate::rules::step_down;
use crate::settings::Settings;
use crate::source::{Edit, Loader, OverlayLoader, Source};

/// A file that verdicts rest on, as a hash of its path: a large project has many. Where two have the same, a Dockerfile is looked at once
/// more than needed.
pub(crate) type FileHash = u64;

/// The files that a verdict rests on, besides the Dockerfile itself.
pub(crate) fn reads(report: &FileReport) -> Vec<FileHash> {
    let others = report.sources.iter().map(|source| source.path()).filter(|path| **path != *report.path);
    others.map(hash).collect()
}

fn hash(path: &Utf8Path) -> FileHash {
    let mut hasher = DefaultHasher::new();
    path.as_str().hash(&mut hasher);
    hasher.finish()
}

/// Takes back the repairs that would harm what another Dockerfile starts, as a [`Session`](super::Session) does not make them; `reads` says who reads what.
pub(crate) fn take_back(
    reports: &mut [FileReport],
    mut reads: Vec<(FileHash, &Arc<Utf8Path>)>,
    settings: impl Fn(&Utf8Path) -> Option<Settings> + Sync,
    loader: &dyn Loader,
) {
    reads.sort_unstable_by_key(|(file, _)| *file);
    // Several files may lead to one repair, and each of its readers is to be asked once.
    let mut asked: BTreeMap<&Utf8Path, Vec<Vec<&Edit>>> = BTreeMap::new();
    for report in &*reports {
        for edits in report.diagnostics.iter().filter_map(|found| Some(&found.fix.as_ref()?.edits)) {
            for (reader, seen) in seen_by_others(&report.path, edits, &reads) {
                let known = asked.entry(reader).or_default();
                if !known.contains(&seen) {
                    known.push(seen);
                }
            }
        }
    }
    let harmful: HashMap<&Utf8Path, Vec<Vec<&Edit>>> = asked
        .into_par_iter()
        .map(|(reader, asked)| {
            (reader, settings(reader).map_or_else(Vec::new, |own| harmful(reader, asked, loader, &own)))
        })
        .collect();
    if harmful.values().all(Vec::is_empty) {
        return;
    }
    let harms = |report: &FileReport, edits: &[Edit]| {
        let mut seen = seen_by_others(&report.path, edits, &reads).into_iter();
        seen.any(|(reader, seen)| harmful[reader].contains(&seen))
    };
    let is_taken = |report: &FileReport| -> Vec<bool> {
        let fixes = report.diagnostics.iter().map(|found| found.fix.as_ref());
        fixes.map(|fix| fix.is_some_and(|fix| harms(report, &fix.edits))).collect()
    };
    let taken: Vec<Vec<bool>> = reports.iter().map(is_taken).collect();
    // A safe repair in place of an unsafe one, if that harms nobody.
    let safer = |report: &FileReport, found: &Diagnostic| -> Option<Fix> {
        let target = (report.path.to_path_buf(), settings(&report.path)?);
        let fix = with_safe_repair(&target, found, loader)?.fix?;
        let seen = seen_by_others(&report.path, &fix.edits, &reads);
        let spares = |(reader, seen): (&Utf8Path, Vec<&Edit>)| {
            settings(reader).is_some_and(|own| self::harmful(reader, vec![seen], loader, &own).is_empty())
        };
        let spares_all = seen.into_iter().all(spares);
        spares_all.then_some(fix)
    };
    let others: Vec<Vec<Option<Fix>>> = reports
        .iter()
        .zip(&taken)
        .map(|(report, taken)| {
            let found = report.diagnostics.iter().zip(taken);
            found.map(|(found, is_taken)| is_taken.then(|| safer(report, found)).flatten()).collect()
        })
        .collect();
    for ((report, taken), others) in reports.iter_mut().zip(taken).zip(others) {
        let found = report.diagnostics.iter_mut().zip(taken).zip(others);
        for ((found, _), other) in found.filter(|((_, is_taken), _)| *is_taken) {
            found.fix = other;
        }
    }
}

/// The same finding with a safe repair, where its own is unsafe and there is one.
pub(super) fn with_safe_repair(
    (path, settings): &Target,
    diagnostic: &Diagnostic,
    loader: &dyn Loader,
) -> Option<Diagnostic> {
    let is_unsafe = |found: &Diagnostic| found.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Unsafe);
    let safe = Settings { unsafe_fixes: false, ..settings.clone() };
    let found = is_unsafe(diagnostic).then(|| check(path, loader, &safe).diagnostics)?;
    let is_it = |found: &Diagnostic| {
        let (own, other) = (&found.place, &diagnostic.place);
        found.rule == diagnostic.rule && own.source.path() == other.source.path() && own.span == other.span
    };
    found.into_iter().find(|found| is_it(found) && found.fix.is_some() && !is_unsafe(found))
}

/// What other Dockerfiles see of the repair of one: all of it, but for the Dockerfile itself where they do not read that. `reads` is sorted.
fn seen_by_others<'r, 'e>(
    own: &Utf8Path,
    edits: &'e [Edit],
    reads: &[(FileHash, &'r Arc<Utf8Path>)],
) -> BTreeMap<&'r Utf8Path, Vec<&'e Edit>> {
    let readers_of = |path: &Utf8Path| {
        let file = hash(path);
        let first = reads.partition_point(|(known, _)| *known < file);
        reads[first..].iter().take_while(move |(known, _)| *known == file).map(|(_, reader)| &***reader)
    };
    let others = edits.iter().flat_map(|edit| readers_of(&edit.path)).filter(|reader| *reader != own);
    let seen = |reader: &'r Utf8Path| {
        let is_seen = |edit: &&Edit| *edit.path != *own || readers_of(own).any(|other| other == reader);
        (reader, edits.iter().filter(is_seen).collect())
    };
    others.map(seen).collect()
}

/// Those of these repairs that harm what a Dockerfile starts; where pidone fails on it, nobody knows, and they all may.
fn harmful<'e>(
    path: &Utf8Path,
    mut repairs: Vec<Vec<&'e Edit>>,
    loader: &dyn Loader,
    settings: &Settings,
) -> Vec<Vec<&'e Edit>> {
    let spared = guarded(|| {
        let before = Analysis::of(path, loader, settings);
        let is_spared = |edits: &Vec<&Edit>| {
            let edits: Vec<Edit> = edits.iter().copied().cloned().collect();
            texts_after(&edits, loader).is_some_and(|texts| goes_on(&before, path, &texts, loader, settings))
        };
        repairs.iter().map(is_spared).collect::<Vec<bool>>()
    });
    let mut spared = spared.unwrap_or_default().into_iter();
    repairs.retain(|_| !spared.next().unwrap_or(false));
    repairs
}

/// True if with these edits no image of these Dockerfiles ends worse, or runs other services.
pub(crate) fn spares(edits: &[Edit], others: &[(&Utf8Path, &Settings)], loader: &dyn Loader) -> bool {
    let spared = |texts: &Texts| others.par_iter().all(|(other, own)| is_spared(other, texts, loader, own));
    texts_after(edits, loader).is_some_and(|texts| spared(&texts))
}

/// True if with these files changed no image of another Dockerfile ends worse, or runs other services.
pub(super) fn is_spared(path: &Utf8Path, texts: &Texts, loader: &dyn Loader, settings: &Settings) -> bool {
    let before = Analysis::of(path, loader, settings);
    goes_on(&before, path, texts, loader, settings)
}

/// As [`is_spared`], where the file is known as it is before.
fn goes_on(
    before: &Analysis,
    path: &Utf8Path,
    texts: &Texts,
    loader: &dyn Loader,
    settings: &Settings,
) -> bool {
    let mut changed = OverlayLoader::new(loader);
    for (path, text) in texts {
        changed.insert(Source::new(path.clone(), text.as_str()));
    }
    let after = before.after(path, &changed, settings);
    trial::spares(&before.images, &after.images)
        && trial::on_faith(&before.images, &after.images).is_none()
        && has_tools(&before.images, &after.images)
}

/// True if none of these images needs what the repair has installed in another.
fn has_tools(before: &[Rc<Judged>], after: &[Rc<Judged>]) -> bool {
    before.iter().zip(after).all(|(before, after)| {
        let (Some(then), Some(now)) = (&before.launch, &after.launch) else { return true };
        let is_missing = |name: &String| step_down::is_missing(name, &after.image.base, &after.installed);
        !now.newly_through(then).iter().any(is_missing)
    })
}
