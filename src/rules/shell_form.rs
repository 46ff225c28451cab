//! `shell-form`: the shell of a shell-form ENTRYPOINT or CMD stays in front of the service.

use super::{Finding, Subject, repair, trap, words};
use crate::dockerfile::Command;
use crate::launch::Cause;
use crate::programs::Kind;
use crate::source::Excerpt;

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
                let same_without_shell = shell == ["/bin/sh", "-c"]
                    && !(is_entrypoint && subject.image.cmd.is_some())
                    && !is_for_entry_script(text, subject);
                if same_without_shell {
                    finding = finding.with_repairs(repair::exec_form(text));
                    finding = finding.with_repairs(repair::without_second_shell(text));
                }
                finding = finding.with_repairs(repair::exec_through_second_shell(text));
            }
            finding.with_repairs(repair::exec_prefix(fault)).with_repairs(trap::in_place_of_exec(fault, subject))
        })
        .collect()
}

/// True for a server that its own image's entry script would recognise without the shell, and prepare for: with another owner of the data,
/// a step down to another user.
fn is_for_entry_script(text: &Excerpt, subject: &Subject<'_>) -> bool {
    let base = &subject.image.base;
    let is_inherited =
        subject.image.entrypoint.as_ref().is_some_and(|own| matches!(own.value, Command::Inherited(_)));
    let Some(name) = text.text().split_whitespace().next().filter(|_| is_inherited) else { return false };
    let is_own = [&base.cmd, &base.default_program].into_iter().flatten().any(|own| own.first().is_some_and(|own| own == name));
    is_own && subject.tables.program(name, &[]).is_some_and(|row| row.kind == Kind::Server)
}
