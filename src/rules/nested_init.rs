//! `nested-init`: an init that must be PID 1 is started behind another one.

use super::{Finding, Subject, words};
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::NestedInit)
        .map(|fault| {
            let message = format!("{} It refuses to run as another process than PID 1.", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "must be PID 1", message)
                .with_help("start it as PID 1, without another init in front")
        })
        .collect()
}
