//! Two launches of an image, before and after a change: which services they run, and how the stop ends for each.

use std::collections::{BTreeMap, BTreeSet};

use super::Launch;
use super::branch::Branch;
use super::view::{Ending, ProcessView};
use crate::diagnostic::Outcome;

impl Launch {
    /// True if it is not known how the stop ends for this reason alone: the signal now gets as far as a script outside the project, which
    /// nobody told before.
    pub(crate) fn hands_over(&self, before: &Launch) -> bool {
        let services = before.services();
        let unknown = self.branches.iter().filter(|branch| branch.outcome == Outcome::Unknown);
        before.is_bad()
            && self.outcome == Outcome::Unknown
            && self.faults.is_empty()
            && unknown.flat_map(|branch| &branch.processes).all(|process| process.hands_over(&services))
    }

    /// How a stop ends for each service, by its words.
    fn endings(&self) -> BTreeMap<String, Ending> {
        let mut found = BTreeMap::new();
        let branches = self.branches.iter().filter(|branch| branch.default);
        branches.flat_map(|branch| &branch.processes).for_each(|process| process.endings(&mut found));
        found
    }

    /// A service that is killed untold.
    pub(crate) fn untold(&self) -> Option<String> {
        self.endings().into_iter().find(|(_, ending)| *ending == Ending::Untold).map(|(service, _)| service)
    }

    /// True if the stop ends better than before for at least one service, and worse for none.
    pub(crate) fn spares_more(&self, before: &Launch) -> bool {
        let (before, after) = (before.endings(), self.endings());
        let pairs = || after.iter().map(|(service, now)| (before.get(service), now));
        before.len() == after.len()
            && pairs().all(|(then, now)| then.is_some_and(|then| now <= then))
            && pairs().any(|(then, now)| then.is_some_and(|then| now < then))
    }

    /// True if the stop ends no worse than before. What was unknown was not well either.
    pub(crate) fn is_no_worse(&self, before: &Launch) -> bool {
        self.outcome <= before.outcome
    }

    /// True if no course comes to its end where all stayed.
    pub(crate) fn stays_as(&self, before: &Launch) -> bool {
        self.ends.is_subset(&before.ends)
    }

    /// True if every service that ran before still does: with whatever arguments, and with the image's own.
    pub(crate) fn keeps_services(&self, before: &Launch) -> bool {
        before.services().is_subset(&self.services()) && before.own_services().is_subset(&self.own_services())
    }

    /// The programs of the services that run in any branch.
    fn services(&self) -> BTreeSet<String> {
        Self::services_of(self.branches.iter())
    }

    /// Those that run with the image's own arguments.
    fn own_services(&self) -> BTreeSet<String> {
        Self::services_of(self.branches.iter().filter(|branch| branch.default))
    }

    fn services_of<'b>(branches: impl Iterator<Item = &'b Branch>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for process in branches.flat_map(|branch| &branch.processes) {
            process.services(&mut found);
        }
        found
    }

    /// The programs through which something is started that `before` did not start through them.
    pub(crate) fn newly_through(&self, before: &Launch) -> BTreeSet<String> {
        let through = |launch: &Launch| {
            let mut found = BTreeSet::new();
            launch
                .branches
                .iter()
                .flat_map(|branch| &branch.processes)
                .for_each(|own| own.through(&mut found));
            found
        };
        &through(self) - &through(before)
    }

    /// A service that is told by a signal of which nothing says that the service handles it, where `before` did not tell it so. What a
    /// caller names in place of the image's own arguments is the caller's to know.
    pub(crate) fn newly_on_faith(&self, before: &Launch) -> Option<String> {
        let known: BTreeSet<&str> = match self.stop_signal == before.stop_signal {
            true => before.on_faith().collect(),
            false => BTreeSet::new(),
        };
        self.on_faith().find(|program| !known.contains(program)).map(str::to_owned)
    }

    /// A script that nobody has read and that is told, where `before` told none, or left it all the time there is. What it makes of that is
    /// not known.
    pub(crate) fn newly_told_unread(&self, before: &Launch) -> Option<String> {
        let told = |launch: &Launch| {
            let mut processes = launch.branches.iter().flat_map(|branch| &branch.processes);
            processes.find_map(ProcessView::told_unread).map(|process| process.argv.join(" "))
        };
        told(self).filter(|_| told(before).is_none() || before.outcome == Outcome::Timeout)
    }

    fn on_faith(&self) -> impl Iterator<Item = &str> {
        self.branches.iter().flat_map(|branch| {
            let mut found = Vec::new();
            branch.processes.iter().for_each(|process| process.on_faith(&mut found));
            let named = found.into_iter().filter(|process| branch.default || !process.overridable);
            named.filter_map(|process| process.argv.first().map(String::as_str))
        })
    }
}
