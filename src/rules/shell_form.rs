//! `shell-form`: the shell of a shell-form ENTRYPOINT or CMD stays in front of the service.

use super::{Finding, Subject, repair, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::ShellForm)
        .map(|fault| {
            let signal = subject.signal();
            let message = format!(
                "{} The shell form makes `/bin/sh` PID 1, and it passes no signal on.",
                words::what_happens(fault, signal)
            );
            let mut finding = Finding::of(fault, subject, "a shell becomes PID 1", message)
                .with_help("write the command in exec form, or put `exec` in front of it where it needs the shell");
            if let Some((text, shell, is_entrypoint)) = repair::shell_form(subject.image) {
                // Exec form appends CMD to ENTRYPOINT, which the shell form does not; another SHELL may do more than run the line.
                let same_without_shell =
                    shell == ["/bin/sh", "-c"] && !(is_entrypoint && subject.image.cmd.is_some());
                if same_without_shell {
                    finding = finding.with_repairs(repair::exec_form(text));
                }
            }
            finding.with_repairs(repair::exec_prefix(fault))
        })
        .collect()
}
