//! `exec-drops-trap`: a trap was set, and then the shell gives way to a program.

use super::{Finding, Subject};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let dropped = subject.launch.into_iter().flat_map(|launch| &launch.dropped_traps);
    dropped
        .map(|place| {
            Finding::at(
                place.clone(),
                "throws the trap away",
                "The trap set before never runs: `exec` replaces the shell, and its traps with it.",
            )
            .with_help("start the program with `&`, pass the signal on in the trap, and `wait` for it; or drop the trap")
        })
        .collect()
}
