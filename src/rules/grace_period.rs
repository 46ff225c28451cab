//! `grace-period`: everybody is told and waited for, but it takes longer than there is time.

use super::{Finding, Repair, Subject, words};
use crate::diagnostic::{Related, Severity};
use crate::launch::{Cause, Drain, Fault, Site};

/// What the advice leaves for everything else.
const MARGIN: u64 = 10;

/// The longest grace period, in seconds, that a safe repair sets: with more, who redeploys would wait long for what hangs.
const LONGEST: u64 = 120;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    // Who gives no time at all wants no graceful stop.
    let period = &subject.image.runtime.period;
    if period.length < 1000 || period.left() < 1000 {
        return Vec::new();
    }
    let drains = subject.launch.map(|launch| launch.drains.as_slice()).unwrap_or_default();
    let drains = drains.iter().filter_map(|drain| longest(drain, subject));
    pauses(subject).into_iter().chain(drains).chain(hook(subject)).collect()
}

/// A stop that is certain to take too long.
fn pauses(subject: &Subject<'_>) -> Vec<Finding> {
    let pause = |fault: &Fault| {
        let Site::Period { needed } = fault.site else { return None };
        let (needed, given) = (needed.div_ceil(1000), given(subject));
        let message = format!(
            "The stop takes at least {needed} s, but {given} s after the signal everything is killed, {} too.",
            words::code(&fault.service)
        );
        let finding = Finding::of(fault, subject, format!("stops in {needed} s at best"), message);
        Some(with_time(finding, needed, subject, "shorten the pause in the handler, or give more time"))
    };
    subject.faults(|cause| cause == Cause::GracePeriod).filter_map(pause).collect()
}

/// A service that may take longer than it has.
fn longest(drain: &Drain, subject: &Subject<'_>) -> Option<Finding> {
    let (time, given) = (drain.time / 1000, given(subject));
    let service = words::code(&drain.service);
    if let Some((patience, name)) = drain.supervised.as_ref().filter(|(patience, _)| patience / 1000 <= given) {
        let patience = patience / 1000;
        let message =
            format!("{service} may take {time} s to finish, but its supervisor kills `{name}` after {patience} s.");
        let finding = Finding { severity: Severity::Info, ..Finding::at(drain.place.clone(), format!("takes up to {time} s"), message) };
        return (patience < time).then(|| finding.with_help(format!("give it more time there: `stopwaitsecs={}`", time + MARGIN)));
    }
    if let Some((patience, name)) = drain.wrapped.as_ref().filter(|(patience, _)| patience / 1000 < given.min(time)) {
        let message = format!(
            "{service} may take {time} s to finish, but `{name}` kills it {} s after it has passed the signal on.",
            patience / 1000
        );
        let finding = Finding { severity: Severity::Info, ..Finding::at(drain.place.clone(), format!("takes up to {time} s"), message) };
        let help = "no grace period changes that: start it through what gives way to it (`gosu`, `setpriv`), or with USER";
        return Some(finding.with_help(help));
    }
    // More than its supervisor gives it, it cannot take.
    let time = drain.supervised.as_ref().map_or(time, |(patience, _)| time.min(patience / 1000));
    let message = format!(
        "{service} may take {time} s to finish, but {given} s after the stop signal everything is killed."
    );
    let finding = Finding::at(drain.place.clone(), format!("takes up to {time} s"), message);
    (given < time).then(|| with_time(finding, time, subject, "give it more time"))
}

/// A preStop hook that leaves nothing.
fn hook(subject: &Subject<'_>) -> Option<Finding> {
    let period = &subject.image.runtime.period;
    let hook = period.hook.as_ref().filter(|hook| hook.pause >= period.length)?;
    let (pause, length) = (hook.pause.div_ceil(1000), period.length / 1000);
    let message = format!(
        "The hook alone takes {pause} s of the grace period of {length} s: the stop signal comes when it is over, and SIGKILL right after it."
    );
    let finding = Finding::at(hook.place.clone(), format!("takes {pause} s"), message);
    Some(with_time(finding, 0, subject, "shorten the hook, or give more time"))
}

/// Seconds between the stop signal and SIGKILL.
fn given(subject: &Subject<'_>) -> u64 {
    subject.image.runtime.period.left() / 1000
}

/// The finding at the line that gives the time, and how to give more.
fn with_time(mut finding: Finding, needed: u64, subject: &Subject<'_>, help: &str) -> Finding {
    let period = &subject.image.runtime.period;
    let seconds = needed + MARGIN;
    let written = period.written(seconds);
    let help = match &written {
        Some(written) => format!("{help}: `{written}`"),
        None => format!("{help}: `docker stop --time {seconds}`, `stop_grace_period: {seconds}s` in Compose"),
    };
    let Some(declared) = &period.declared else {
        // How long there is, whoever starts the image decides.
        finding.severity = if finding.outcome.is_some() { Severity::Warning } else { Severity::Info };
        return finding.with_help(help);
    };
    let label = format!("leaves {} s", given(subject));
    let place = period.place.clone().unwrap_or_else(|| declared.place.clone());
    let cause = Related::new(std::mem::replace(&mut finding.place, place), finding.label);
    finding.related.insert(0, cause);
    finding.label = label.into();
    let offer = if seconds > LONGEST { Repair::unsafe_ } else { Repair::safe };
    let repair = period.set(seconds).zip(written);
    finding.with_help(help).with_repairs(
        repair.map(|(edit, written)| offer(format!("Set `{written}`"), vec![edit])),
    )
}
