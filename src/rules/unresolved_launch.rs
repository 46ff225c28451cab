//! `unresolved-launch`: the model cannot tell how a stop ends. Said only when asked.

use super::{Finding, Subject, words};
use crate::diagnostic::Outcome;
use crate::source::Place;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.pedantic {
        return Vec::new();
    }
    let start = words::launch_place(subject.image)
        .unwrap_or_else(|| Place::new(&subject.image.dockerfile.source, subject.image.from));
    let Some(launch) = subject.launch else {
        let message = match subject.doubt {
            Some(reason) => format!("How a stop ends cannot be told: {reason}."),
            None => "What this image starts is not known: neither it nor what is known of its base sets ENTRYPOINT or CMD."
                .to_owned(),
        };
        return vec![Finding::at(start, "nothing known to start", message)];
    };
    if launch.outcome != Outcome::Unknown {
        return Vec::new();
    }
    let doubts = launch.doubts.iter().map(|(place, reason)| {
        let place = place.clone().unwrap_or_else(|| start.clone());
        let message = format!("How a stop ends cannot be told: {reason}.");
        let mut finding = Finding::at(place, "not followed any further", message);
        finding.outcome = Some(Outcome::Unknown);
        finding
    });
    doubts.collect()
}
