//! The tables that ship with pidone. A check needs a few of hundreds of rows, so each is read when it is first asked for.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::reference::glob;

/// A name, and the rows that have it.
type Name = (&'static str, &'static [usize]);

/// A table as the build script writes it.
#[derive(Debug)]
pub(super) struct Table {
    /// The rows as JSON.
    pub(super) rows: &'static [&'static str],
    /// Every name of a row, sorted, with the rows that have it.
    pub(super) names: &'static [Name],
    /// The same for names with a wildcard.
    pub(super) patterns: &'static [Name],
    /// What is not a row: each part's name, and the part as JSON.
    pub(super) rest: &'static [(&'static str, &'static str)],
}

impl Table {
    /// A part that is not a row.
    pub(super) fn part<T>(&self, name: &str) -> Part<T> {
        let part = self.rest.iter().find(|(own, _)| *own == name);
        Part { text: part.map_or("", |(_, text)| text), read: OnceLock::new() }
    }
}

/// `rules/programs.toml`
pub(super) static PROGRAMS: Table = include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// `rules/images.toml`
pub(super) static IMAGES: Table = include!(concat!(env!("OUT_DIR"), "/images.rs"));

/// No rows.
static NONE: Table = Table { rows: &[], names: &[], patterns: &[], rest: &[] };

/// A part of a table that is not a row, read when it is first asked for.
#[derive(Debug, Clone)]
pub(super) struct Part<T> {
    text: &'static str,
    read: OnceLock<T>,
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        NONE.part("")
    }
}

impl<T: Deserialize<'static> + Default> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // A test reads it, so that the default is never taken.
        self.read.get_or_init(|| serde_json::from_str(self.text).unwrap_or_default())
    }
}

/// The rows of a table.
#[derive(Debug)]
pub(super) struct Rows<T> {
    table: &'static Table,
    read: Vec<OnceLock<Option<Arc<T>>>>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { table: &NONE, read: Vec::new() }
    }
}

impl<T: DeserializeOwned> Rows<T> {
    pub(super) fn new(table: &'static Table) -> Self {
        Self { table, read: table.rows.iter().map(|_| OnceLock::new()).collect() }
    }

    /// A row. The table is part of the program and a test reads all of it, so that there is every row.
    fn row(&self, index: usize) -> Option<&Arc<T>> {
        let read = || serde_json::from_str(self.table.rows[index]).ok().map(Arc::new);
        self.read.get(index)?.get_or_init(read).as_ref()
    }

    /// Every row, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<T>> {
        (0..self.read.len()).filter_map(|index| self.row(index))
    }

    /// The rows of a name, in order.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Arc<T>> {
        self.indices(name).iter().filter_map(|&index| self.row(index))
    }

    /// The first row of a name, or of a pattern that describes it.
    pub(super) fn first(&self, name: &str) -> Option<&Arc<T>> {
        let patterns = self.table.patterns.iter().filter(|(pattern, _)| glob(pattern, name));
        let rows = patterns.map(|(_, rows)| *rows).chain([self.indices(name)]);
        self.row(rows.filter_map(<[usize]>::first).copied().min()?)
    }

    fn indices(&self, name: &str) -> &'static [usize] {
        let found = self.table.names.binary_search_by(|(known, _)| (*known).cmp(name));
        found.map_or(&[], |at| self.table.names[at].1)
    }
}
