//! Where the model is known to differ from the kernel. A script that shows one of these is not tried; take an entry out
//! when it is mended, and the seeds will tell whether it is.

use crate::support::Files;

type Shows = fn(&Files) -> bool;

const KNOWN: &[(&str, Shows)] = &[
    ("ash: `wait` in a handler waits for what the job has left behind", |files| {
        has(files, "alpine") && has_any(files, &["; wait", "  wait\n"]) && has(files, "trap ")
    }),
    ("`timeout` leaves the group that `kill 0` is for", |files| {
        has(files, "kill 0") && has(files, "timeout ")
    }),
    // Whoever starts the container is taken to have set what the script needs.
    ("set -u, and a variable that nobody sets", |files| {
        has_any(files, &["set -u", "set -eu"])
            && has_any(files, &["\"$DEBUG\"", "${HOSTNAME}", "\"$1\"", "${1"])
    }),
    ("words that are no programs, started as jobs", |files| {
        lines(files).any(|line| line.starts_with("for s in ") && line.contains(['@', '*']))
    }),
    ("`jobs -p` lists what has ended", |files| {
        has(files, "jobs -p") && has_any(files, &["true &", "date >"])
    }),
    // A server that is asked for its version or settings is what people write there.
    ("what stands in a command substitution is taken to end", |files| {
        has_any(files, &["x=$(", "echo \"$(", "echo \\\"$("])
    }),
    ("pkill of a name that nothing has reaches everything", |files| has(files, "pkill -TERM server")),
    ("ash: `wait -n` returns for a job that has ended", |files| {
        has(files, "FROM alpine") && has(files, "wait -n")
    }),
    ("bash may be missing from an image", |files| {
        has(files, "FROM alpine") && has_any(files, &["exec bash", "\"bash\"", "'bash'"])
    }),
    ("a loop that only sleeps is taken to wait for something, not to start it", |files| {
        lines(files).any(|line| line.trim_start_matches("CMD ").starts_with("until "))
    }),
    ("a command in a loop beside services is taken for a short job", |files| {
        lines(files).any(|line| line.starts_with("while :; do") && line.contains("|| true"))
    }),
    ("a job of no words ends at once", |files| lines(files).any(|line| line.starts_with("\"${@}\" &"))),
    // Not the model's fault: who ends first is a matter of luck.
    ("two services end at the same time", |files| has_any(files, &["\"-g\"", "dumb-init\"", "exec timeout"])),
    ("kill 0 without a reset crashes the shell sooner or later", |files| {
        let reset = ["trap - TERM; kill 0", "trap '' TERM; kill 0", "trap '' TERM; kill -TERM -$$"];
        has_any(files, &["kill 0", "-$$"]) && !has_any(files, &reset)
    }),
    // Its stand-in saves its work on any signal, and gunicorn's own INT does not.
    ("gunicorn ends at once on INT", |files| has(files, "gunicorn") && has(files, "-INT")),
    // The stop comes before the pause is over, and the script would have ended by itself.
    ("a poll that asks for its own pause", |files| has(files, "kill -0 $!")),
];

/// Why this project is not tried, if so.
pub(crate) fn reason(files: &Files) -> Option<&'static str> {
    KNOWN.iter().find(|(_, shows)| shows(files)).map(|(reason, _)| *reason)
}

fn has(files: &Files, text: &str) -> bool {
    files.values().any(|file| file.contains(text))
}

fn has_any(files: &Files, texts: &[&str]) -> bool {
    texts.iter().any(|text| has(files, text))
}

fn lines(files: &Files) -> impl Iterator<Item = &str> {
    files.values().flat_map(|file| file.lines())
}
