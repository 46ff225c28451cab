//! Repairs are tried on a copy in memory: only what makes the stop better is offered.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use camino::Utf8Path;

use super::trial::{After, Key, Trial};
use super::{readers, texts_after};
use crate::check::{Analysis, Judged};
use crate::diagnostic::{Diagnostic, Fix, Safety};
use crate::dockerfile;
use crate::edit;
use crate::orchestrator;
use crate::recent::Recent;
use crate::rules::{Finding, Repair};
use crate::settings::Settings;
use crate::shell;
use crate::source::{Edit, Excerpt, Loader, OverlayLoader, Source};
use crate::suppress::Suppressions;
use crate::yaml;

/// A defect may hide others behind it; so many repairs at once are one fix at most.
const MAX_HOPS: usize = 8;
/// Work that the repairs of one file may take, in steps of its shells: to try one means to start all images again.
const MAX_WORK: u64 = 500_000;
/// What a launch takes besides, in such steps.
const LAUNCH: u64 = 200;
/// What reading a changed file takes: so many bytes for each of them.
const BYTES: u64 = 4;
/// The last trials are kept: what is no repair as a whole is looked at again as a step, and findings may share a repair.
const KEPT: usize = 8;
/// Rules whose repairs take one hop out of the way and add nothing, so that they are right whatever else is wrong.
const ONE_HOP: [&str; 5] =
    ["shell-form", "shell-wrapper", "init-without-exec", "missing-exec", "stop-signal"];

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
    tried: Recent<Tried>,
}

/// Edits, and what they make of the file; `None` if it no longer parses.
type Tried = (Rc<[Edit]>, Option<Rc<After>>);

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
        let (work, tried) = (Cell::new(0), Recent::new(KEPT));
        Self { path, loader, settings, analysis, sources, old, work, tried }
    }

    /// A finding as a diagnostic, with the first of its repairs that the model finds good.
    pub(crate) fn diagnose(&self, finding: Finding, judged: &Judged) -> Diagnostic {
        let repairs = self.in_order(&finding);
        let whole = repairs.iter().find_map(|repair| self.verified(&finding, repair, judged));
        let step = || repairs.iter().find_map(|repair| self.step(&finding, repair, judged));
        let fix = match whole {
            None => step(),
            // A safe step is offered in front of an unsafe way to the end.
            Some(whole) if whole.safety == Safety::Unsafe && !self.settings.unsafe_fixes => {
                step().filter(|step| step.safety == Safety::Safe).or(Some(whole))
            }
            whole => whole,
        };
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
        let mut draft = Draft::new(finding, repair);
        for _ in 0..MAX_HOPS {
            if self.work.get() > MAX_WORK {
                return None;
            }
            let trial = self.attempt(finding, judged, &draft.edits)?;
            let fresh = trial.fresh().next();
            // What only an unsafe repair would mend is left to its own finding, if the stop ends well without it.
            let needed = |further: &&Repair| further.safety <= draft.safety || !trial.improves(true);
            let further = fresh.filter(|fresh| self.may_repair(fresh)).and_then(|fresh| {
                let first = self.in_order(fresh).first().copied().filter(needed)?;
                Some((fresh, first))
            });
            let Some((fresh, further)) = further else {
                let is_good = fresh.is_none_or(|fresh| fresh.severity <= finding.severity)
                    && trial.spares_all()
                    && trial.improves(fresh.is_some());
                return is_good.then(|| draft.into_fix(&trial));
            };
            // Two repairs of one rule that undo each other, or one that takes back all of another.
            let is_same_rule = draft.rules.contains(&fresh.rule);
            if undo(&draft.edits, &further.edits, is_same_rule) {
                return None;
            }
            draft.add(fresh, further, self.loader)?;
        }
        None
    }

    /// A script that nothing here starts may read a repaired one: it has not been tried, and would end with it, say.
    fn heeding_readers(&self, mut fix: Fix) -> Fix {
        let known: BTreeSet<&Utf8Path> = self.sources.iter().map(|source| source.path()).collect();
        let is_script = |path: &&Utf8Path| *path != self.path && !orchestrator::is_candidate(path);
        let scripts: BTreeSet<_> = fix.edits.iter().map(|edit| &*edit.path).filter(is_script).collect();
        let reader = scripts.into_iter().find_map(|script| readers::reader(script, &known, self.loader));
        if let Some(reader) = reader.filter(|_| fix.safety == Safety::Safe) {
            fix.safety = Safety::Unsafe;
            fix.message = format!("{}; {reader} reads this script, too, and does the same then", fix.message);
        }
        fix
    }

    /// The project as edits leave it, and what is found there. `None` if a file no longer parses.
    fn attempt<'t>(&'t self, finding: &'t Finding, judged: &'t Judged, edits: &[Edit]) -> Option<Trial<'t>> {
        let try_them = || (Rc::from(edits), self.after(edits).map(Rc::new));
        let (_, after) = self.tried.get(|(known, _)| **known == *edits, try_them);
        Some(Trial { finding, judged, before: self.analysis, old: &self.old, after: after? })
    }

    fn after(&self, edits: &[Edit]) -> Option<After> {
        let mut overlay = OverlayLoader::new(self.loader);
        for (path, text) in texts_after(edits, self.loader)? {
            self.work.update(|work| work + text.len() as u64 / BYTES);
            let fixed = Source::new(path, text);
            if !self.still_parses(&fixed) {
                return None;
            }
            overlay.insert(fixed);
        }
        let analysis = self.analysis.after(self.path, &overlay, self.settings);
        let is_known = |image: &Rc<Judged>| self.analysis.images.iter().any(|known| Rc::ptr_eq(known, image));
        let started = analysis.images.iter().filter(|image| !is_known(image));
        self.work.update(|work| work + started.map(|image| work_of(image)).sum::<u64>());
        let findings = analysis.images.iter().flat_map(|image| image.findings(self.settings)).collect();
        Some(After { analysis, findings })
    }

    /// The repair as a fix, if it is a step: the finding is gone, and the stop ends better for some service and worse for none, though
    /// what was hidden behind it comes to light and has to be mended on its own.
    fn step(&self, finding: &Finding, repair: &Repair, judged: &Judged) -> Option<Fix> {
        if self.work.get() > MAX_WORK || !ONE_HOP.contains(&finding.rule) {
            return None;
        }
        let trial = self.attempt(finding, judged, &repair.edits).filter(Trial::is_step)?;
        let (safety, message) = match trial.left_untold() {
            None => (repair.safety, repair.message.clone()),
            Some(left) => {
                (Safety::Unsafe, format!("{}; `{left}` is still killed untold, and sooner", repair.message))
            }
        };
        Some(trial.heeding_cut(Fix { safety, message, edits: repair.edits.clone() }))
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
}

/// A repair, with those of what has come to light behind it.
struct Draft {
    edits: Vec<Edit>,
    safety: Safety,
    messages: Vec<String>,
    rules: Vec<&'static str>,
}

impl Draft {
    fn new(finding: &Finding, repair: &Repair) -> Self {
        let Repair { safety, message, edits } = repair.clone();
        Self { edits, safety, messages: vec![message], rules: vec![finding.rule] }
    }

    /// `None` if the edits do not fit together.
    fn add(&mut self, finding: &Finding, repair: &Repair, loader: &dyn Loader) -> Option<()> {
        self.edits = compose(std::mem::take(&mut self.edits), &repair.edits, loader)?;
        self.safety = self.safety.max(repair.safety);
        self.rules.push(finding.rule);
        if !self.messages.contains(&repair.message) {
            self.messages.push(repair.message.clone());
        }
        Some(())
    }

    fn into_fix(mut self, trial: &Trial<'_>) -> Fix {
        if let Some((program, signal)) = trial.on_faith() {
            self.safety = Safety::Unsafe;
            self.messages
                .push(format!("`{program}` then gets {signal}, too, and may have no handler for it"));
        }
        if let Some(script) = trial.told_unread() {
            self.safety = Safety::Unsafe;
            self.messages.push(format!("`{script}` is told, and may not pass it on to what it starts"));
        }
        let fix = Fix { safety: self.safety, message: sentence(&self.messages), edits: self.edits };
        trial.heeding_cut(fix)
    }
}

fn work_of(judged: &Judged) -> u64 {
    LAUNCH + judged.launch.as_ref().map_or(0, |launch| launch.steps)
}

/// True if the later edits, which are in the text after the first, take back what one of those has put there, or as much as a `part` of it.
fn undo(first: &[Edit], later: &[Edit], part: bool) -> bool {
    later.iter().filter(|edit| edit.span.start < edit.span.end).any(|taken| {
        let mut own: Vec<&Edit> = first.iter().filter(|edit| edit.path == taken.path).collect();
        own.sort_by_key(|edit| edit.span.start);
        let (mut added, mut removed) = (0, 0);
        own.into_iter().any(|edit| {
            let start = edit.span.start + added - removed;
            let end = start + edit.text.len();
            added += edit.text.len();
            removed += edit.span.end - edit.span.start;
            let meets = start < taken.span.end && taken.span.start < end;
            let covers = taken.span.start <= start && end <= taken.span.end && taken.text.is_empty();
            meets && (part || covers)
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
    let mut by_file: BTreeMap<Arc<Utf8Path>, (Vec<Edit>, Vec<Edit>)> = BTreeMap::new();
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
