//! `privilege-wrapper`: su, sudo or runuser in front of the service.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PrivilegeWrapper)
        .map(|fault| {
            let message = format!("{} It stays in front of what it starts; `su` and `runuser` kill it two seconds after they have passed the signal on.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "stays in front of the service", message)
                .with_help("use `exec gosu`, `exec su-exec` or `exec setpriv`, which give way to the service")
        })
        .collect()
}
