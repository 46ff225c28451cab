//! `privilege-wrapper`: su, sudo or runuser in front of the service.

use super::{Finding, Subject, repair, words};
use crate::launch::Cause;
use crate::programs::Family;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PrivilegeWrapper)
        .map(|fault| {
            let message = format!("{} It stays in front of what it starts; `su` and `runuser` kill it two seconds after they have passed the signal on.", words::what_happens(fault, subject.signal()));
            let help = format!("use `{}`, which gives way to the program and sets no limit; in `-c`, `exec` in front of the program is the least", tool(subject));
            Finding::of(fault, subject, "stays in front of the service", message)
                .with_help(help)
                .with_repairs(repair::exec_prefix(fault))
        })
        .collect()
}

/// What the image has, or can have, instead.
fn tool(subject: &Subject<'_>) -> &'static str {
    let has_gosu = subject.installed.package(|package| package == "gosu").is_some();
    match subject.image.base.family {
        Family::Alpine | Family::Wolfi if !has_gosu => "exec su-exec USER PROGRAM",
        // Part of util-linux, which every image has.
        Family::Debian if !has_gosu => "exec setpriv --reuid=USER --regid=GROUP --init-groups PROGRAM",
        _ => "exec gosu USER PROGRAM",
    }
}
