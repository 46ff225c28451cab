//! Every file that was read in a run.

use std::collections::BTreeMap;

use camino::Utf8Path;

use crate::source::Source;

use super::{Finding, Results};

/// The files, by project and path.
pub(super) struct Files<'a> {
    sources: BTreeMap<(&'a Utf8Path, &'a Utf8Path), &'a Source>,
}

impl<'a> Files<'a> {
    pub(super) fn new(results: &'a Results) -> Self {
        let mut sources = BTreeMap::new();
        for project in &results.projects {
            for source in project.files.iter().flat_map(|file| &file.sources) {
                sources.insert((project.root.as_path(), source.path()), source.as_ref());
            }
        }
        Self { sources }
    }

    /// A file of the finding's project.
    pub(super) fn get(&self, finding: &Finding<'a>, path: &Utf8Path) -> Option<&'a Source> {
        let own: &'a Source = &finding.diagnostic.place.source;
        if own.path() == path {
            return Some(own);
        }
        self.sources.get(&(finding.root, path)).copied()
    }
}
