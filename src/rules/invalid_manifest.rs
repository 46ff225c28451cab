//! `invalid-manifest`: a Compose file that is no YAML.

use super::{Finding, Subject};
use crate::source::Place;

/// Said once for the file, by [`of_file`], not once for each of its containers.
pub(super) fn check(_subject: &Subject<'_>) -> Vec<Finding> {
    Vec::new()
}

/// What the parser refuses.
pub(super) fn of_file(place: Place, message: &str) -> Finding {
    Finding::at(place, "no YAML from here on", format!("This file cannot be read: {message}."))
}
