//! The states in which a container stays: which of them look alike, and what to call each.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::rc::Rc;

use camino::Utf8Path;

use super::path::Choice;
use super::view::{ProcessView, Receives};
use crate::diagnostic::Outcome;
use crate::source::Span;

/// Choices that a label names at most; the last ones, which are nearest to where the container stays.
const SHOWN_CHOICES: usize = 3;

/// A state in which the container stays.
#[derive(Debug)]
pub struct Branch {
    /// False if it takes other arguments than the image's defaults to get there.
    pub default: bool,
    /// How a stop ends there.
    pub outcome: Outcome,
    /// Why, in a sentence.
    pub why: String,
    /// The processes.
    pub processes: Vec<ProcessView>,
    /// True where no service runs, or somebody talks to a shell.
    pub aside: bool,
    pub(super) choices: Rc<Vec<Choice>>,
}

/// The branches of a launch, as they are found.
#[derive(Default)]
pub(super) struct Branches {
    found: Vec<Branch>,
    /// What each of them looks like, as a hash.
    looks: HashSet<u64>,
}

impl Branches {
    /// Branches that look alike are one: the first.
    pub(super) fn add(&mut self, branch: Branch) {
        let look = hash(&(branch.outcome, branch.default, shape(&branch.processes)));
        if self.looks.insert(look) {
            self.found.push(branch);
        }
    }

    /// All of them, the worst first.
    pub(super) fn sorted(mut self) -> Vec<Branch> {
        let rank = |branch: &Branch| (!branch.default, branch.aside, std::cmp::Reverse(branch.outcome));
        self.found.sort_by_key(rank);
        self.found
    }
}

/// A place where there was a choice, and the way that was taken.
type Way<'b> = ((&'b Utf8Path, Span), &'b str);

/// Which way the scripts went to each branch, for people: the choices that set it apart from the others. Empty where there was no
/// choice.
pub(crate) fn labels(branches: &[Branch]) -> Vec<String> {
    let ways: Vec<HashSet<Way<'_>>> = branches.iter().map(Branch::ways).collect();
    // Branches of the same programs, arguments aside.
    let kinds: Vec<u64> = branches.iter().map(|own| hash(&(own.outcome, programs(&own.processes)))).collect();
    let mut sizes: HashMap<u64, usize> = HashMap::new();
    let mut all: HashMap<Way<'_>, usize> = HashMap::new();
    let mut alike: HashMap<(u64, Way<'_>), usize> = HashMap::new();
    for (&kind, ways) in kinds.iter().zip(&ways) {
        *sizes.entry(kind).or_default() += 1;
        for &way in ways {
            *all.entry(way).or_default() += 1;
            *alike.entry((kind, way)).or_default() += 1;
        }
    }
    let name = |own: usize| {
        let (kind, kin) = (kinds[own], sizes[&kinds[own]]);
        let count = |way: &Way<'_>| all.get(way).copied().unwrap_or(0);
        // What sets branches of the same programs apart is of no interest, where others are different.
        let choices = branches[own].choices.iter().filter(|choice| {
            let way = choice.way();
            alike.get(&(kind, way)) == Some(&kin) && count(&way) < branches.len()
        });
        let name = label(choices);
        if !name.is_empty() || kin == 1 {
            return name;
        }
        label(branches[own].choices.iter().filter(|choice| {
            let way = choice.way();
            count(&way) - usize::from(ways[own].contains(&way)) < branches.len() - 1
        }))
    };
    (0..branches.len()).map(name).collect()
}

fn label<'b>(choices: impl DoubleEndedIterator<Item = &'b Choice>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for choice in choices.rev() {
        let text = choice.place.text().lines().next().unwrap_or("").trim();
        let short: String = text.chars().take(50).collect();
        let dots = if short.len() < text.len() { "..." } else { "" };
        let name = choice.place.source.path().file_name().unwrap_or_default();
        let line = format!("{name}:{}: {} ({short}{dots})", choice.place.line(), choice.taken);
        if !shown.contains(&line) {
            shown.push(line);
        }
        if shown.len() == SHOWN_CHOICES {
            break;
        }
    }
    shown.reverse();
    shown.join("; ")
}

impl Branch {
    /// The ways that were taken, but for places where now this, now that way was taken.
    fn ways(&self) -> HashSet<Way<'_>> {
        let mut taken: HashMap<_, Option<&str>> = HashMap::new();
        for choice in self.choices.iter() {
            let (place, way) = choice.way();
            let known = taken.entry(place).or_insert(Some(way));
            *known = known.filter(|&known| known == way);
        }
        taken.into_iter().filter_map(|(place, way)| Some((place, way?))).collect()
    }
}

impl Choice {
    fn way(&self) -> Way<'_> {
        (self.place.key(), &self.taken)
    }
}

/// What makes two branches alike.
fn shape(processes: &[ProcessView]) -> Vec<(&[String], Receives, usize)> {
    let mut rows = Vec::new();
    let mut todo: Vec<(&ProcessView, usize)> = processes.iter().map(|process| (process, 0)).collect();
    while let Some((process, depth)) = todo.pop() {
        rows.push((process.argv.as_slice(), process.receives, depth));
        todo.extend(process.children.iter().map(|child| (child, depth + 1)));
    }
    rows
}

/// What runs, arguments aside.
fn programs(processes: &[ProcessView]) -> Vec<(&str, Receives, usize)> {
    let rows = shape(processes).into_iter();
    rows.map(|(argv, receives, depth)| (argv.first().map_or("", String::as_str), receives, depth)).collect()
}

fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
