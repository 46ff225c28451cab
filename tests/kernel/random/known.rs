//! Where the model is known to differ from the kernel. A script that shows one of these is not tried; take an entry out
//! when it is mended, and the seeds will tell whether it is.

use crate::support::Files;

type Shows = fn(&Files) -> bool;

const KNOWN: &[(&str, Shows)] = &[
    ("a pause below an init counts as the steady state", |files| {
        has_any(files, &["[\"tini\"", "exec tini"]) && has(files, "sleep ")
    }),
    ("dash, and bash as sh, know no `kill -SIGTERM`", |files| {
        runs_as_sh(files) && has_any(files, &["kill -SIG", "kill -s SIG"])
    }),
    ("dash has no `kill %1` without job control", |files| runs_as_sh(files) && has(files, "kill %")),
    ("a variable that nobody has set counts as the right process", |files| {
        has(files, "pids=\"$pids") && !has_any(files, &["pids=\n", "pids=;"])
            || ["1", "2", "3"].iter().any(|n| has(files, &format!("$p{n}")) && !has(files, &format!("p{n}=")))
    }),
    ("`$$` at the end of a line is misread", |files| has(files, "$$\n")),
    ("`wait -n` forgets the jobs that live, and does not end dash", |files| has(files, "wait -n")),
    ("an unknown command in a background loop or list is taken for setup", |files| {
        has_any(files, &["; done &", "; done) &", "over) &"])
            || lines(files).any(|line| line.contains("migrate && ") && line.contains(" &"))
    }),
    ("ash: `wait` in a handler waits for what the job has left behind", |files| {
        has(files, "alpine") && has_any(files, &["; wait", "  wait\n"]) && has(files, "trap ")
    }),
    ("an unknown command as the condition of a loop is taken for setup", |files| {
        lines(files).any(|line| {
            ["until ", "while "].iter().any(|word| line.contains(word))
                && ["; do sleep 1; done", "; do :; done", "echo again"].iter().any(|word| line.contains(word))
        })
    }),
    ("a `wait` for one process of a pipeline waits for all of it", |files| {
        has_any(files, &["| cat &", "| tee /tmp/log &"])
    }),
    ("`{ server & } | tee` stays as long as the server", |files| has(files, "} 2>&1 | tee")),
    ("a `kill` of two numbers in one word fails", |files| {
        has_any(files, &["kill \"$p1 $p2", "kill \"$pids\"", "kill \\\"$p"])
    }),
    ("`\"...${pids[@]}...\"` is several words", |files| {
        has_any(files, &["pids[@]"]) && lines(files).any(|line| line.contains("trap \""))
    }),
    ("an init reaches the jobs that an exec has left behind", |files| has(files, "exec dumb-init")),
    ("an unknown command before `||` is setup once and for all", |files| {
        has(files, "|| echo failed") && has(files, " &")
    }),
    ("`bash -c 'a; b && c'` stays in front of c", |files| {
        let launch = |line: &&str| line.starts_with("CMD ") || line.starts_with("ENTRYPOINT ");
        lines(files).filter(launch).any(|line| line.contains("; ") && line.contains(" && "))
    }),
    ("coproc is not followed", |files| has(files, "coproc")),
    ("`timeout` leaves the group that `kill 0` is for", |files| {
        has(files, "kill 0") && has(files, "timeout ")
    }),
    ("`${pids[-1]}` is not known", |files| has(files, "pids[-1]")),
    ("bash: a handler cannot `return`", |files| has(files, "return 0")),
    ("dash: a `shift` of nothing ends the shell", |files| {
        runs_as_sh(files) && has(files, "shift;") || has(files, "shift\n")
    }),
    ("dash and ash have no `|&`", |files| runs_as_sh(files) && has(files, "|&")),
    ("set -u is not followed", |files| has_any(files, &["set -u", "set -eu"])),
    ("dash has no pipefail", |files| runs_as_sh(files) && has(files, "pipefail")),
    ("dash has no `[[`, no `((` and no `function`", |files| {
        runs_as_sh(files) && has_any(files, &["[[ ", "((1))", "function "])
    }),
    ("dash has no `exec --`", |files| runs_as_sh(files) && has(files, "exec -- ")),
    ("set -e in handlers: what `kill` returns, and what a tested `wait` means for it", |files| {
        has_any(files, &["-e\n", "-ex\n", "-ec\"", "errexit", "-eo "]) && has_any(files, &["kill", "return"])
    }),
    ("an `exit 1` in an EXIT trap counts as a failed start", |files| {
        has(files, "exit") && lines(files).any(|line| line.contains("EXIT") || ends_in_zero(line))
    }),
    ("bash with an EXIT trap ends by its own `kill 0`", |files| {
        has_any(files, &["kill 0", "kill -- -1"])
            && lines(files).any(|line| line.contains("EXIT") || ends_in_zero(line))
    }),
    ("`jobs -p | xargs kill` is not followed", |files| has(files, "xargs kill")),
    ("`jobs -p` lists what has ended", |files| {
        has(files, "jobs -p") && has_any(files, &["true &", "date >"])
    }),
    ("disown is not followed", |files| has(files, "disown")),
    ("a command substitution that stays is not followed", |files| has_any(files, &["x=$(", "echo \"$("])),
    ("pkill of a name that nothing has reaches everything", |files| has(files, "pkill -TERM server")),
    // Not the model's fault: who ends first is a matter of luck.
    ("two services end at the same time", |files| has_any(files, &["\"-g\"", "dumb-init\"", "exec timeout"])),
    ("kill 0 without a reset crashes the shell sooner or later", |files| {
        has_any(files, &["kill 0", "-$$"]) && !has_any(files, &["trap - TERM; kill", "trap '' TERM; kill"])
    }),
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

/// `trap ... 0`
fn ends_in_zero(line: &str) -> bool {
    line.contains("trap ") && (line.ends_with(" 0") || line.contains("' 0;") || line.contains("\\\" 0;"))
}

/// True unless bash, by its own name, reads every script.
fn runs_as_sh(files: &Files) -> bool {
    let own = has_any(files, &["#!/bin/bash", "#!/usr/bin/env bash", "[\"bash\""]);
    !own || has_any(files, &["[\"sh\"", "sh /app", "sh -c", "#!/bin/sh", "env sh"])
}
