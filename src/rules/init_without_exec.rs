//! `init-without-exec`: an init in front of a shell of the launch line, which dies of the signal and tells nobody.

use super::{Finding, Subject, repair, words};
use crate::dockerfile::Command;
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::InitWithoutExec)
        .map(|fault| {
            let message = format!(
                "{} An init passes the signal to what it has started, and that is a shell here: the shell dies and tells nobody.",
                words::what_happens(fault, subject.signal())
            );
            // Behind an ENTRYPOINT in exec form, CMD may take either form.
            let cmd = subject.image.cmd.as_ref().and_then(|setting| match &setting.value {
                Command::Shell { text, shell } if *shell == ["/bin/sh", "-c"] => repair::exec_form(text),
                _ => None,
            });
            Finding::of(fault, subject, "a shell between the init and the service", message)
                .with_help("let the init start the program itself, or put `exec` in front of it where it needs the shell")
                .with_repairs(cmd)
                .with_repairs(repair::exec_prefix(fault))
        })
        .collect()
}
