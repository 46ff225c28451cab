//! Repairs: checked by the model before they are shown, applied until nothing changes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::check::{Analysis, Judged};
use crate::diagnostic::{Diagnostic, Fix, Outcome, Safety};
use crate::dockerfile;
use crate::edit;
use crate::launch::{Launch, Signal};
use crate::orchestrator;
use crate::rules::{Finding, Repair};
use crate::settings::Settings;
use crate::shell;
use crate::source::{Edit, Excerpt, Loader, OverlayLoader, Source};
use crate::suppress::Suppressions;
use crate::yaml;

mod ignore;
mod readers;
mod session;

pub use ignore::ignore;
pub use session::{Applied, Change, Obstacle, Session, Target, Texts};
pub(crate) use session::{spares, take_back};

/// A defect may hide others behind it; so many repairs at once are one fix at most.
const MAX_HOPS: usize = 8;
/// Work that the repairs of one file may take, in steps of its shells: to try one means to start all images again.
const MAX_WORK: u64 = 500_000;
/// What a launch takes besides, in such steps.
const LAUNCH: u64 = 200;
/// What reading a changed file takes: so many bytes for each of them.
const BYTES: u64 = 4;
/// Rules whose repairs take one hop out of the way and add nothing, so that they are right whatever else is wrong.
const ONE_HOP: [&str; 5] =
    ["shell-form", "shell-wrapper", "init-without-exec", "missing-exec", "stop-signal"];
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
    // What repairs one target may open a repair in a target before it.
    for _ in 0..MAX_ROUNDS {
        for target in targets {
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
        let repaired =
            found.into_iter().find_map(|found| Some((session.repair(target, &found).ok()?, found)));
        let Some((texts, diagnostic)) = repaired else { break };
        applied.push(Applied { diagnostic, changes: session.apply(texts) });
    }
}

/// What is left of a target, and why.
fn remaining(session: &Session, target: &Target) -> Vec<(Diagnostic, Obstacle)> {
    let with_reason = |found: Diagnostic| {
        let why = session.repair(target, &found).err().unwrap_or(Obstacle::Endless);
        (found, why)
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

/// A Dockerfile as it is, against which repairs are checked.
pub(crate) struct Bench<'a> {
    path: &'a Utf8Path,
    loader: &'a dyn Loader,
    settings: &'a Settings,
    analysis: &'a Analysis,
    /// The files that this rests on.
    sources: &'a [Arc<Source>],
    /// What is found in all its images.
    old: Vec<Key>,
    /// What trying repairs has taken so far.
    work: Cell<u64>,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        path: &'a Utf8Path,
        loader: &'a dyn Loader,
        settings: &'a Settings,
        analysis: &'a Analysis,
        sources: &'a [Arc<Source>],
        findings: &[Finding],
    ) -> Self {
        let old = findings.iter().map(Key::of).collect();
        Self { path, loader, settings, analysis, sources, old, work: Cell::new(0) }
    }

    /// A finding as a diagnostic, with the first of its repairs that the model finds good.
    pub(crate) fn diagnose(&self, finding: Finding, judged: &Judged) -> Diagnostic {
        let repairs = self.in_order(&finding);
        let whole = repairs.iter().find_map(|repair| self.verified(&finding, repair, judged));
        let fix = whole.or_else(|| repairs.iter().find_map(|repair| self.step(&finding, repair, judged)));
        let fix = fix.map(|fix| self.heeding_readers(fix));
        let mut related = finding.related.clone();
        related.extend(judged.context_note().filter(|_| self.settings.context.is_none()));
        let image = Some(judged.reference());
        Diagnostic { image, related, fix, ..Finding { related: Vec::new(), ..finding }.into_diagnostic() }
    }

    /// The repairs of a finding, the best first: what is safe, unless the others were asked for.
    fn in_order<'f>(&self, finding: &'f Finding) -> Vec<&'f Repair> {
        let unsafe_fixes = self.settings.unsafe_fixes;
        let mut repairs: Vec<&Repair> = finding.repairs.iter().collect();
        repairs.sort_by_key(|repair| if unsafe_fixes { Safety::Safe } else { repair.safety });
        repairs
    }

    /// The repair as a fix, if it makes things better: the finding is gone, no other has come, every file still parses, and the same
    /// services run. A finding that only now comes to light is repaired along with it, as one fix.
    fn verified(&self, finding: &Finding, repair: &Repair, judged: &Judged) -> Option<Fix> {
        let mut edits = repair.edits.clone();
        let mut safety = repair.safety;
        let mut messages = vec![repair.message.clone()];
        let mut rules = vec![finding.rule];
        for _ in 0..MAX_HOPS {
            if self.work.get() > MAX_WORK {
                return None;
            }
            let (analysis, now) = self.after(&edits)?;
            let fresh = self.fresh(finding, &now).next();
            // What only an unsafe repair would mend is left to its own finding, if the stop ends well without it.
            let needed = |further: &&Repair| {
                further.safety <= safety || !self.improves(judged, &analysis, now.len(), true)
            };
            let further = fresh
                .filter(|fresh| self.may_repair(fresh))
                .and_then(|fresh| self.in_order(fresh).first().copied())
                .filter(needed);
            let Some(further) = further else {
                let good = fresh.is_none_or(|fresh| fresh.severity <= finding.severity)
                    && self.keeps_services(&analysis)
                    && self.worsens_none(&analysis)
                    && self.improves(judged, &analysis, now.len(), fresh.is_some());
                if let Some((program, signal)) = self.on_faith(&analysis) {
                    safety = Safety::Unsafe;
                    messages
                        .push(format!("`{program}` then gets {signal}, too, and may have no handler for it"));
                }
                return good.then(|| Fix { safety, message: sentence(&messages), edits });
            };
            // Two repairs of one rule that undo each other.
            if fresh.is_some_and(|fresh| rules.contains(&fresh.rule)) && undo(&edits, &further.edits) {
                return None;
            }
            rules.extend(fresh.map(|fresh| fresh.rule));
            edits = compose(edits, &further.edits, self.loader)?;
            safety = safety.max(further.safety);
            if !messages.contains(&further.message) {
                messages.push(further.message.clone());
            }
        }
        None
    }

    /// A script that nothing here starts may read a repaired one: it has not been tried, and would end with it, say.
    fn heeding_readers(&self, mut fix: Fix) -> Fix {
        let known: BTreeSet<&Utf8Path> = self.sources.iter().map(|source| source.path()).collect();
        let is_script = |path: &&Utf8PathBuf| **path != self.path && !orchestrator::is_candidate(path);
        let scripts: BTreeSet<_> = fix.edits.iter().map(|edit| &edit.path).filter(is_script).collect();
        let reader = scripts.into_iter().find_map(|script| readers::reader(script, &known, self.loader));
        if let Some(reader) = reader.filter(|_| fix.safety == Safety::Safe) {
            fix.safety = Safety::Unsafe;
            fix.message = format!("{}; {reader} reads this script, too, and does the same then", fix.message);
        }
        fix
    }

    /// The project as edits leave it, and what is found there. `None` if a file no longer parses.
    fn after(&self, edits: &[Edit]) -> Option<(Analysis, Vec<Finding>)> {
        let mut overlay = OverlayLoader::new(self.loader);
        for (path, text) in texts_after(edits, self.loader)? {
            self.work.update(|work| work + text.len() as u64 / BYTES);
            let fixed = Source::new(path, text);
            if !self.still_parses(&fixed) {
                return None;
            }
            overlay.insert(fixed);
        }
        let analysis = Analysis::of(self.path, &overlay, self.settings);
        self.work.update(|work| work + analysis.images.iter().map(work_of).sum::<u64>());
        let now = analysis.images.iter().flat_map(|image| image.findings(self.settings)).collect();
        Some((analysis, now))
    }

    /// The repair as a fix, if it is a step: the finding is gone, and the stop ends better for some service and worse for none, though
    /// what was hidden behind it comes to light and has to be mended on its own.
    fn step(&self, finding: &Finding, repair: &Repair, judged: &Judged) -> Option<Fix> {
        if self.work.get() > MAX_WORK || !ONE_HOP.contains(&finding.rule) {
            return None;
        }
        let (analysis, now) = self.after(&repair.edits)?;
        let image = analysis.images.iter().find(|image| image.is_same(judged))?;
        let (before, after) = (judged.launch.as_ref()?, image.launch.as_ref()?);
        let about_stop = |fresh: &Finding| fresh.outcome.is_some() && Key::of(fresh) != Key::of(finding);
        let is_step = after.outcome <= before.outcome
            && !after.has_unknown_course()
            && after.spares_more(before)
            && now.len() <= self.old.len()
            && self.fresh(finding, &now).all(about_stop)
            && self.on_faith(&analysis).is_none()
            && self.keeps_services(&analysis)
            && self.worsens_none(&analysis);
        let left = after.untold().filter(|_| after.outcome < before.outcome);
        let (safety, message) = match left {
            None => (repair.safety, repair.message.clone()),
            Some(left) => {
                (Safety::Unsafe, format!("{}; `{left}` is still killed untold, and sooner", repair.message))
            }
        };
        is_step.then(|| Fix { safety, message, edits: repair.edits.clone() })
    }

    /// True if a changed file reads as well as before.
    fn still_parses(&self, fixed: &Arc<Source>) -> bool {
        let (path, text) = (fixed.path(), fixed.text());
        let Ok(original) = self.loader.read(path) else { return false };
        if path.extension() == Some("json") {
            return serde_json::from_str::<serde_json::Value>(text).is_ok()
                || serde_json::from_str::<serde_json::Value>(original.text()).is_err();
        }
        if orchestrator::is_candidate(path) {
            return yaml::parse(fixed).problem.is_none() || yaml::parse(&original).problem.is_some();
        }
        if self.analysis.images.iter().any(|judged| judged.image.dockerfile.source.path() == path) {
            let problems = |source: &Arc<Source>| dockerfile::read(source).problems.len();
            let before = problems(&original);
            return problems(fixed) <= before;
        }
        let errors = |source: &Arc<Source>| shell::parse(Arc::new(Excerpt::whole(source))).errors.len();
        errors(fixed) <= errors(&original)
    }

    /// What nobody wants to hear of is not repaired along with something else either.
    fn may_repair(&self, finding: &Finding) -> bool {
        let place = &finding.place;
        let suppressions =
            Suppressions::of(&[Arc::clone(&place.source)], self.path, std::slice::from_ref(place));
        self.settings.rules.is_on(finding.rule, place.source.path())
            && !suppressions.silence(finding.rule, place)
    }

    /// What was found before may stay. What was not, or is the finding itself, still there: the last one first.
    fn fresh<'f>(&self, finding: &Finding, now: &'f [Finding]) -> impl Iterator<Item = &'f Finding> {
        let own = Key::of(finding);
        let mut left: Vec<&Key> = self.old.iter().collect();
        // Another may look the same: only one of them is to go.
        if let Some(at) = left.iter().position(|key| **key == own) {
            left.remove(at);
        }
        now.iter().rev().filter(move |candidate| {
            let key = Key::of(candidate);
            let known = left.iter().position(|known| **known == key);
            known.map(|at| left.remove(at)).is_none()
        })
    }

    /// The stop must end better. Where other findings remain it must at least end no worse, on any course, with one finding less; where
    /// one has come to light that nobody can repair here (and that is no graver), well, with none more. What a script outside the project
    /// makes of a signal that now gets there is its own business.
    fn improves(&self, judged: &Judged, after: &Analysis, findings: usize, came_to_light: bool) -> bool {
        let outcome = |judged: &Judged| judged.launch.as_ref().map(|launch| launch.outcome);
        let unknown = |judged: &Judged| judged.launch.as_ref().is_some_and(Launch::has_unknown_course);
        let Some(image) = after.images.iter().find(|image| image.is_same(judged)) else { return false };
        let (Some(before), Some(after)) = (outcome(judged), outcome(image)) else { return false };
        let fewer = findings < self.old.len();
        let launches = judged.launch.as_ref().zip(image.launch.as_ref());
        if fewer && launches.is_some_and(|(before, after)| after.hands_over(before)) {
            return true;
        }
        if came_to_light {
            return after == Outcome::Graceful && findings <= self.old.len();
        }
        let no_worse = after <= before && after != Outcome::Unknown && (unknown(judged) || !unknown(image));
        after == Outcome::Graceful || (fewer && (no_worse || before == Outcome::Unknown))
    }

    /// A service that would be told by another signal than before, where nothing says that it handles that one.
    fn on_faith(&self, after: &Analysis) -> Option<(String, Signal)> {
        self.analysis.images.iter().zip(&after.images).find_map(|(before, after)| {
            let (before, after) = (before.launch.as_ref()?, after.launch.as_ref()?);
            Some((after.newly_on_faith(before)?, after.stop_signal))
        })
    }

    /// True if the stop of no image of the file ends worse than before: stages may share an instruction.
    fn worsens_none(&self, after: &Analysis) -> bool {
        let mut images = self.analysis.images.iter().zip(&after.images);
        images.all(|(before, after)| {
            let outcomes = before.launch.as_ref().zip(after.launch.as_ref());
            outcomes.is_none_or(|(before, after)| {
                after.outcome <= before.outcome || before.outcome == Outcome::Unknown
            })
        })
    }

    /// True unless an image of the file runs other services than before, with whatever arguments or with its own.
    fn keeps_services(&self, after: &Analysis) -> bool {
        let keeps = |services: fn(&Launch) -> BTreeSet<String>, before: &Judged, after: &Judged| {
            let of = |judged: &Judged| judged.launch.as_ref().map(services).unwrap_or_default();
            of(before).is_subset(&of(after))
        };
        let mut images = self.analysis.images.iter().zip(&after.images);
        self.analysis.images.len() == after.images.len()
            && images.all(|(before, after)| {
                keeps(Launch::services, before, after) && keeps(Launch::default_services, before, after)
            })
    }
}

fn work_of(judged: &Judged) -> u64 {
    LAUNCH + judged.launch.as_ref().map_or(0, |launch| launch.steps)
}

/// What makes a finding the same after the text around it has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    rule: &'static str,
    path: Utf8PathBuf,
    text: String,
}

impl Key {
    fn of(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            path: finding.place.source.path().to_owned(),
            text: finding.place.text().to_owned(),
        }
    }
}

/// True if the later edits, which are in the text after the first, take away something that those have put there.
fn undo(first: &[Edit], later: &[Edit]) -> bool {
    later.iter().filter(|edit| edit.span.start < edit.span.end).any(|taken| {
        let mut own: Vec<&Edit> = first.iter().filter(|edit| edit.path == taken.path).collect();
        own.sort_by_key(|edit| edit.span.start);
        let (mut added, mut removed) = (0, 0);
        own.into_iter().any(|edit| {
            let start = edit.span.start + added - removed;
            added += edit.text.len();
            removed += edit.span.end - edit.span.start;
            start < taken.span.end && taken.span.start < start + edit.text.len()
        })
    })
}

fn sentence(messages: &[String]) -> String {
    let mut parts = messages.iter();
    let first = parts.next().cloned().unwrap_or_default();
    parts.fold(first, |sentence, part| {
        let mut letters = part.chars();
        let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
        format!("{sentence}; {first}{}", letters.as_str())
    })
}

/// Edits of the original texts that do what `first` does, and then `second` (whose places are in the texts after `first`).
fn compose(first: Vec<Edit>, second: &[Edit], loader: &dyn Loader) -> Option<Vec<Edit>> {
    let mut by_file: BTreeMap<Utf8PathBuf, (Vec<Edit>, Vec<Edit>)> = BTreeMap::new();
    for edit in first {
        by_file.entry(edit.path.clone()).or_default().0.push(edit);
    }
    for edit in second {
        by_file.entry(edit.path.clone()).or_default().1.push(edit.clone());
    }
    let mut result = Vec::new();
    for (path, (first, second)) in by_file {
        let source = loader.read(&path).ok()?;
        result.extend(edit::compose(source.text(), first, second).ok()?);
    }
    Some(result)
}
