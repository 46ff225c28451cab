//! `invalid-dockerfile`: lines that the builder refuses.

use super::{Finding, Subject};
use crate::dockerfile::Dockerfile;
use crate::source::Place;

/// Said once for the file, by [`of_file`], not once for each of its images.
pub(super) fn check(_subject: &Subject<'_>) -> Vec<Finding> {
    Vec::new()
}

/// What could not be read, in order.
pub(super) fn of_file(dockerfile: &Dockerfile) -> Vec<Finding> {
    let problems = dockerfile.problems.iter().map(|problem| {
        let place = Place::new(&dockerfile.source, problem.span);
        Finding::at(place, "refused by the builder", format!("This cannot be built: {}.", problem.message))
    });
    problems.collect()
}
