//! What there is to say about a finding, in the same words for every format.

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Fix, Outcome, Safety};

use super::{Finding, View, escape};

/// What a rule says, as one line that is safe to show.
pub(super) fn sentence(text: &str) -> String {
    escape::line(&text.replace(['\n', '\r'], " "))
}

/// What an outcome means to somebody who runs `docker stop`.
pub(super) fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Graceful => "every service is told, and the container waits for it",
        Outcome::Unknown => "cannot be told from the files",
        Outcome::Abrupt => "the container ends at once and kills a service in the middle of its work",
        Outcome::Timeout => "nothing happens until the grace period is over, then SIGKILL",
        Outcome::ExitsEarly => "the container ends although a service should run",
    }
}

/// How the stop ends because of a finding, where that is not well.
pub(super) fn stop(diagnostic: &Diagnostic) -> Option<String> {
    let outcome = diagnostic.outcome.filter(|outcome| *outcome != Outcome::Graceful)?;
    Some(format!("{} ({})", meaning(outcome), outcome.name()))
}

/// What a fix does, and the options that make it.
pub(super) fn fix(fix: &Fix) -> String {
    let flags = match fix.safety {
        Safety::Safe => "--fix",
        Safety::Unsafe => "--fix --unsafe-fixes",
    };
    format!("{} ({flags})", fix.message.trim_end_matches('.'))
}

/// The word that stands for a fix beside a finding.
pub(super) fn fix_mark(fix: &Fix) -> &'static str {
    match fix.safety {
        Safety::Safe => "[fix]",
        Safety::Unsafe => "[unsafe fix]",
    }
}

/// The further images that a finding is about; empty if there is none.
pub(super) fn also(finding: &Finding<'_>, view: &View) -> String {
    let mut images: Vec<String> = finding
        .also
        .iter()
        .map(|image| format!("{}:{}", view.path(finding.root, &image.path), image.line))
        .collect();
    images.sort();
    images.dedup();
    images.join(", ")
}

/// What other tools recognise each finding by, when lines move; no two are equal: of findings that look the same, the second one has
/// another fingerprint than the first.
pub(super) fn fingerprints(findings: &[Finding<'_>]) -> Vec<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    findings
        .iter()
        .map(|finding| {
            let fingerprint = finding.diagnostic.fingerprint();
            let alike = seen.entry(fingerprint.clone()).or_default();
            *alike += 1;
            if *alike == 1 { fingerprint } else { format!("{fingerprint}-{alike}") }
        })
        .collect()
}

/// All of it, a line each: the message, the end of the stop, the processes, what to do, the repair. For formats that have one text.
pub(super) fn lines(finding: &Finding<'_>, view: &View) -> Vec<String> {
    let diagnostic = finding.diagnostic;
    let mut lines = vec![sentence(&diagnostic.message)];
    lines.extend(stop(diagnostic).map(|stop| format!("Stop: {stop}")));
    if let Some((first, rest)) = diagnostic.chain.split_first() {
        let first = first.strip_prefix("PID 1").unwrap_or(first).trim_start();
        let processes: Vec<String> =
            std::iter::once(first).chain(rest.iter().map(String::as_str)).map(sentence).collect();
        lines.push(format!("PID 1: {}", processes.join(" → ")));
    }
    lines.extend(diagnostic.help.iter().map(|help| format!("Help: {}", sentence(help))));
    lines.extend(diagnostic.fix.iter().map(|repair| format!("Fix: {}", sentence(&fix(repair)))));
    let also = also(finding, view);
    if !also.is_empty() {
        lines.push(format!("Also in the image of {also}"));
    }
    lines
}
