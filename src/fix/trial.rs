//! A repair that is being tried: the images of a file before it and after it.

use std::rc::Rc;

use camino::Utf8PathBuf;

use crate::check::{Analysis, Judged};
use crate::diagnostic::{Fix, Outcome, Safety};
use crate::launch::{Launch, Signal};
use crate::rules::Finding;

/// What a repair makes of a file.
pub(super) struct Trial<'t> {
    /// What is to be repaired, and in which image.
    pub(super) finding: &'t Finding,
    pub(super) judged: &'t Judged,
    /// The file's images before the repair, and what is found in all of them.
    pub(super) before: &'t Analysis,
    pub(super) old: &'t [Key],
    /// The same after it.
    pub(super) after: Rc<After>,
}

/// What edits make of a file: its images, and what is found in all of them.
pub(super) struct After {
    pub(super) analysis: Analysis,
    pub(super) findings: Vec<Finding>,
}

impl Trial<'_> {
    /// What was found before may stay. What was not, or is the finding itself, still there: the last one first.
    pub(super) fn fresh(&self) -> impl Iterator<Item = &Finding> {
        let own = Key::of(self.finding);
        let mut left: Vec<&Key> = self.old.iter().collect();
        // Another may look the same: only one of them is to go.
        if let Some(at) = left.iter().position(|key| **key == own) {
            left.remove(at);
        }
        self.after.findings.iter().rev().filter(move |candidate| {
            let key = Key::of(candidate);
            let known = left.iter().position(|known| **known == key);
            known.map(|at| left.remove(at)).is_none()
        })
    }

    /// The launch of the image in question, before and after.
    fn launches(&self) -> Option<(&Launch, &Launch)> {
        let image = self.after.analysis.images.iter().find(|image| image.is_same(self.judged))?;
        self.judged.launch.as_ref().zip(image.launch.as_ref())
    }

    /// The stop must end better. Where other findings remain it must at least end no worse, on any course, with one finding less; where
    /// one has come to light that nobody can repair here (and that is no graver), well, with none more. What a script outside the project
    /// makes of a signal that now gets there is its own business.
    pub(super) fn improves(&self, came_to_light: bool) -> bool {
        let Some((before, after)) = self.launches() else { return false };
        // What keeps the container alive may do so on ways where no service runs, or where another one does.
        if self.finding.rule == "keep-alive" && !after.stays_as(before) {
            return false;
        }
        let (found, fewer) = (self.after.findings.len(), self.after.findings.len() < self.old.len());
        if fewer && after.hands_over(before) {
            return true;
        }
        if came_to_light {
            return after.outcome == Outcome::Graceful && found <= self.old.len();
        }
        let no_darker = before.has_unknown_course() || !after.has_unknown_course();
        let no_worse = after.outcome <= before.outcome && after.outcome != Outcome::Unknown && no_darker;
        // Whose course becomes unknown may not be helped at all.
        let shows_all = no_darker || after.known_ways() >= before.known_ways();
        (after.outcome == Outcome::Graceful && shows_all)
            || (fewer && (no_worse || before.outcome == Outcome::Unknown))
    }

    /// True if the stop ends better for some service and worse for none, though it may not end well yet, and something may have come to
    /// light that has to be mended on its own.
    pub(super) fn is_step(&self) -> bool {
        let own = Key::of(self.finding);
        let about_stop = |fresh: &Finding| fresh.outcome.is_some() && Key::of(fresh) != own;
        let is_better = |(before, after): (&Launch, &Launch)| {
            after.outcome <= before.outcome && !after.has_unknown_course() && after.spares_more(before)
        };
        self.launches().is_some_and(is_better)
            && self.after.findings.len() <= self.old.len()
            && self.fresh().all(about_stop)
            && self.on_faith().is_none()
            && self.spares_all()
    }

    /// A service that is killed untold, and sooner than before.
    pub(super) fn left_untold(&self) -> Option<String> {
        let (before, after) = self.launches()?;
        after.untold().filter(|_| after.outcome < before.outcome)
    }

    /// Another stop signal, on which the container ends at once though not well: what had the grace period to go on with is cut then.
    pub(super) fn heeding_cut(&self, mut fix: Fix) -> Fix {
        let is_cut = self.launches().is_some_and(|(before, after)| {
            before.outcome == Outcome::Timeout && after.outcome == Outcome::Abrupt
        });
        if is_cut && self.finding.rule == "stop-signal" && fix.safety == Safety::Safe {
            fix.safety = Safety::Unsafe;
            fix.message = format!("{}; what does not end gracefully on it is then cut at once", fix.message);
        }
        fix
    }

    /// As [`on_faith`].
    pub(super) fn on_faith(&self) -> Option<(String, Signal)> {
        on_faith(&self.before.images, &self.after.analysis.images)
    }

    /// A script that nobody has read and that is told after this repair, not before.
    pub(super) fn told_unread(&self) -> Option<String> {
        let (before, after) = self.launches()?;
        after.newly_told_unread(before)
    }

    /// True if every image of the file runs the same services as before, and the stop of none ends worse: stages may share an instruction.
    pub(super) fn spares_all(&self) -> bool {
        spares(&self.before.images, &self.after.analysis.images)
    }
}

/// True if each of these images runs the services that it ran before, and ends no worse.
pub(super) fn spares(before: &[Rc<Judged>], after: &[Rc<Judged>]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| match (&before.launch, &after.launch) {
            (Some(before), Some(after)) => after.is_no_worse(before) && after.keeps_services(before),
            (before, after) => before.is_some() == after.is_some(),
        })
}

/// A service of these images that would be told by another signal than before, where nothing says that it handles that one.
pub(super) fn on_faith(before: &[Rc<Judged>], after: &[Rc<Judged>]) -> Option<(String, Signal)> {
    before.iter().zip(after).find_map(|(before, after)| {
        let (before, after) = (before.launch.as_ref()?, after.launch.as_ref()?);
        Some((after.newly_on_faith(before)?, after.stop_signal))
    })
}

/// What makes a finding the same after the text around it has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    rule: &'static str,
    path: Utf8PathBuf,
    text: String,
}

impl Key {
    pub(super) fn of(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            path: finding.place.source.path().to_owned(),
            text: finding.place.text().to_owned(),
        }
    }
}
