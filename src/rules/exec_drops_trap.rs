//! `exec-drops-trap`: a trap was set, and then the shell gives way to a program.

use super::{Finding, Subject};
use crate::diagnostic::Related;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let dropped = subject.launch.into_iter().flat_map(|launch| &launch.dropped_traps);
    dropped
        .map(|(trap, exec)| {
            let mut finding = Finding::at(
                trap.clone(),
                "gone once the program runs",
                "On stop, this trap does not run: by then `exec` has replaced the shell, and its traps with it.",
            )
            .with_help("start the program with `&`, pass the signal on in the trap, and `wait` for it; or drop the trap");
            finding.related.push(Related::new(exec.clone(), "replaces the shell"));
            finding
        })
        .collect()
}
