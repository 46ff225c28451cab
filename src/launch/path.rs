//! What is remembered of a course of events: its choices, and what went wrong or could not be followed.

use std::rc::Rc;

use super::interpreter::Broken;
use super::world::{Identity, Pid};
use crate::project::ImageFile;
use crate::source::Place;

/// Which way the course of events took.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// Choices in scripts, in order: where, and which way.
    pub(crate) choices: Rc<Vec<Choice>>,
    /// True while nothing contradicts the image's own defaults (CMD, ENV).
    pub(crate) default: bool,
    /// True once something else than the image's ENV is not what the image says: its arguments, say.
    pub(crate) by_caller: bool,
    /// Where the image has no arguments of its own: whether the caller gives any, once a script has asked.
    pub(crate) given: Option<bool>,
    /// The last command that was taken as setup but may be the service.
    pub(crate) candidate: Option<usize>,
    /// True if the path ended by `exit` with a failure that the script itself states.
    pub(crate) failed: bool,
    /// What could not be followed.
    pub(crate) doubts: Vec<Doubt>,
    /// Commands that failed at once because the shell does not know them so (`wait -n` in dash), traps never set, and the like.
    pub(crate) mishaps: Vec<Mishap>,
    /// True where somebody talks to a shell: not what the image is for, unless nothing else is.
    pub(crate) aside: bool,
    /// True once a handler has run a program of which nothing is known: it may have asked the service to end.
    pub(crate) may_have_told: bool,
    /// Why it is not known how the stop ends: somebody got a signal, and what it does about that is not known. The best is assumed.
    pub(crate) unsure: Option<Rc<str>>,
    /// True once a handler has waited for a process that is not known (`tail --pid="$(pidof java)"`): it may have been the service.
    pub(crate) may_have_waited: bool,
    /// Where a loop was left whose condition may hold for as long as the container runs, or a `read` that may wait as long.
    pub(crate) may_stay: Option<Place>,
    /// What was done while a service was in the background, and that the container may be there for (`pytest`).
    pub(crate) batch: Option<Place>,
    /// True once a shell has read the image's own arguments as commands (`eval "$@"`).
    pub(crate) evaluates: bool,
    /// True once a shell has run: what it makes of its arguments is for it to say.
    pub(crate) scripted: bool,
    /// What a `for` loop has done, and does again in its next turn.
    pub(crate) repeated: Vec<Place>,
    /// True once a loop goes round and round, of whose own command it is not known whether it stays.
    pub(crate) endless: bool,
    /// A script that the kernel refused to run.
    pub(crate) broken: Option<(Broken, Identity, Rc<ImageFile>)>,
    /// The same for the first script that a supervisor cannot start.
    pub(crate) unstarted: Option<(Broken, Identity, Rc<ImageFile>)>,
}

impl Path {
    pub(crate) fn new() -> Self {
        Self {
            choices: Rc::default(),
            default: true,
            by_caller: false,
            given: None,
            candidate: None,
            failed: false,
            doubts: Vec::new(),
            mishaps: Vec::new(),
            aside: false,
            may_have_told: false,
            unsure: None,
            may_have_waited: false,
            may_stay: None,
            batch: None,
            evaluates: false,
            scripted: false,
            repeated: Vec::new(),
            endless: false,
            broken: None,
            unstarted: None,
        }
    }

    /// True if the shell could not run a part of the script.
    pub(crate) fn fails_to_run(&self) -> bool {
        self.mishaps
            .iter()
            .any(|mishap| mishap.kind != MishapKind::SignalName && mishap.kind != MishapKind::TrapDropped)
    }
}

/// One choice.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) place: Place,
    pub(crate) taken: String,
}

/// Something that the model does not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    pub(crate) place: Option<Place>,
    pub(crate) reason: String,
    /// The process of which it is not known what it does, where that is all.
    pub(crate) unread: Option<Pid>,
}

impl Doubt {
    pub(super) fn new(place: Option<Place>, reason: impl Into<String>) -> Self {
        Self { place, reason: reason.into(), unread: None }
    }
}

/// A command that does not do what it seems to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mishap {
    pub(crate) kind: MishapKind,
    pub(crate) place: Place,
    /// What makes it fail, where that stands elsewhere.
    pub(crate) by: Option<Place>,
}

/// The kinds of [`Mishap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MishapKind {
    /// `wait -n` where the shell has no such option.
    WaitNext,
    /// `trap ... SIGTERM` where the shell knows names without SIG only.
    SignalName,
    /// The same under `set -e`, which ends the script there.
    BadTrap,
    /// Bash syntax run by another shell.
    Bashism,
    /// An init that runs as PID 1 only is started as another process.
    NotPid1,
    /// exec after a trap whose handler does work.
    TrapDropped,
}

/// Why nobody knows what a shell does at a place.
pub(super) fn unread(place: &Place) -> String {
    let file = place.source.path().file_name().unwrap_or_default();
    format!("{file}:{} could not be read as shell", place.line())
}
