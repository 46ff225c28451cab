//! What sets the shells apart, as far as it decides a stop. All of it is measured: `tests/data/shell-forms.toml`.

use super::signal::Signal;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use crate::shell::{Command, List, Node, NodeKind, Operation, Parameter};

/// A shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Debian's and Ubuntu's dash.
    Dash,
    /// busybox ash.
    Ash,
    /// bash called by its own name.
    Bash,
    /// bash called as sh.
    BashAsSh,
}

/// A version of bash: major and minor. What sets older ones apart is measured with 4.2, 4.3, 4.4 and 5.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BashVersion(pub(crate) u8, pub(crate) u8);

impl BashVersion {
    /// `wait -n`
    pub(crate) fn waits_for_next(self) -> bool {
        self >= Self(4, 3)
    }

    /// `bash -c "a && b"` replaces itself with `b`.
    fn replaces_in_chains(self) -> bool {
        self >= Self(4, 4)
    }

    /// A signal that comes while a command runs in the foreground ends bash through its EXIT trap.
    pub(crate) fn hears_for_exit_trap(self) -> bool {
        self >= Self(5, 0)
    }

    /// `bash -c "a; b"` replaces itself with `b`, and `bash -c "command a"` with `a`.
    fn replaces_behind_others(self) -> bool {
        self >= Self(5, 1)
    }
}

impl Default for BashVersion {
    /// The newest, where nothing tells which it is.
    fn default() -> Self {
        Self(5, 2)
    }
}

/// The simple commands that a shell replaces itself with instead of starting them, by address.
pub(crate) type InPlace = Rc<HashSet<*const Command>>;

impl Dialect {
    /// A number without the blanks around it that `wait` skips.
    pub(crate) fn number_for_wait(self, word: &str) -> &str {
        match self {
            Dialect::Dash => word.trim(),
            Dialect::Bash | Dialect::BashAsSh => word.trim_end(),
            Dialect::Ash => word,
        }
    }

    pub(crate) fn is_bash(self) -> bool {
        matches!(self, Dialect::Bash | Dialect::BashAsSh)
    }

    /// False where `wait -n` is an error. busybox takes the option, and waits for all.
    pub(crate) fn has_wait_next(self, bash: BashVersion) -> bool {
        match self {
            Self::Dash => false,
            Self::Ash => true,
            Self::Bash | Self::BashAsSh => bash.waits_for_next(),
        }
    }

    /// `trap ... SIGTERM`: dash knows names without SIG only.
    pub(crate) fn knows_sig_names(self) -> bool {
        self != Dialect::Dash
    }

    /// A job begins with SIGINT and SIGQUIT ignored; where the same shell runs it, bash alone lets it trap them.
    pub(crate) fn traps_interrupt_in_job(self) -> bool {
        self.is_bash()
    }

    /// `kill -SIGTERM`: dash, and bash where it minds POSIX, know names without SIG only.
    pub(crate) fn kill_knows_sig_names(self) -> bool {
        matches!(self, Dialect::Ash | Dialect::Bash)
    }

    /// `kill` fails if one of several processes is gone; for bash it is enough that one is there.
    pub(crate) fn kill_needs_all(self) -> bool {
        !self.is_bash()
    }

    /// `kill "$a $b"`: ash splits the word, the others refuse it.
    pub(crate) fn kill_splits_words(self) -> bool {
        self == Dialect::Ash
    }

    /// `kill TERM 7`, `kill -TERM -- 7`, `kill "" 7`: what is no number ends it for dash, the others go on to the next.
    pub(crate) fn kill_stops_at_others(self) -> bool {
        self == Dialect::Dash
    }

    /// `kill %1` without job control.
    pub(crate) fn kill_knows_jobs(self) -> bool {
        self != Dialect::Dash
    }

    /// `[[ ... ]]`, `set -o pipefail`: dash has neither.
    pub(crate) fn has_double_brackets(self) -> bool {
        self != Dialect::Dash
    }

    /// bash runs an EXIT trap when a signal ends it; the others do not.
    pub(crate) fn exit_trap_runs_on_signals(self) -> bool {
        self.is_bash()
    }

    /// bash and busybox ash ignore QUIT, as PID 1 and elsewhere, unless they have a trap for it.
    pub(crate) fn ignores(self, signal: Signal) -> bool {
        self != Dialect::Dash && signal == Signal::QUIT
    }

    /// A trap on CHLD makes `wait` return when a child ends.
    pub(crate) fn child_trap_interrupts_wait(self) -> bool {
        self != Dialect::Bash
    }

    /// `$(jobs -p)` prints the jobs; in dash a substitution has none.
    pub(crate) fn lists_jobs_in_substitution(self) -> bool {
        self != Dialect::Dash
    }

    /// A job that has ended and was waited for is still listed.
    pub(crate) fn keeps_dead_jobs(self) -> bool {
        self == Dialect::Ash
    }

    /// `set -m` works without a terminal, which a container has by request only.
    pub(crate) fn has_job_control(self) -> bool {
        self.is_bash()
    }

    /// `fg` works in a script with `set -m`, without a terminal.
    pub(crate) fn has_fg(self) -> bool {
        self.is_bash()
    }

    /// `{1..30}`
    pub(crate) fn expands_braces(self) -> bool {
        self.is_bash()
    }

    /// False for an expansion that is a bad substitution: dash has those of POSIX only, ash has some of bash.
    pub(crate) fn expands(self, parameter: &Parameter) -> bool {
        let plain = parameter.index.is_none();
        match (self, &parameter.operation) {
            (Self::Bash | Self::BashAsSh, _) => true,
            (_, Operation::Indirect) => false,
            (Self::Dash, Operation::Operator(operator, _)) => {
                plain && operator != ":" && !operator.starts_with(['/', '^', ',', '@'])
            }
            (Self::Ash, Operation::Operator(operator, _)) => plain && !operator.starts_with(['^', ',', '@']),
            (_, Operation::Plain | Operation::Length) => plain,
        }
    }

    /// The commands of a `sh -c` text that replace the shell.
    pub(crate) fn in_place_of_text(self, bash: BashVersion, text: &str, statements: &List) -> InPlace {
        let mut found = HashSet::new();
        let newlines = text.len() - text.trim_end_matches('\n').len();
        match self {
            Dialect::Dash => {}
            Dialect::Ash if newlines > 0 => {}
            Dialect::Ash => last_of_list(statements, &mut found),
            Dialect::Bash | Dialect::BashAsSh => in_place_of_lines(bash, text, statements, &mut found),
        }
        Rc::new(found)
    }

    /// The commands of a background job that replace the forked shell.
    pub(crate) fn in_place_of_job(self, node: &Node) -> InPlace {
        let mut found = HashSet::new();
        match (self, &node.kind) {
            (Dialect::Dash | Dialect::Ash, _) => last_of(node, &mut found),
            (_, NodeKind::Subshell(list)) => {
                if let Some(last) = list.last() {
                    last_of_chain(last, &mut found);
                }
            }
            _ => {}
        }
        Rc::new(found)
    }
}

/// bash reads line by line: what counts is the last line, and that nothing but its end follows it. A comment line does.
fn in_place_of_lines(bash: BashVersion, text: &str, statements: &List, found: &mut HashSet<*const Command>) {
    let Some((last, others)) = statements.split_last() else { return };
    let is_last_line = text
        .get(last.span.end..)
        .and_then(|rest| rest.split_once('\n'))
        .is_none_or(|(_, following)| following.is_empty());
    if !is_last_line {
        return;
    }
    let beside = others.last().filter(|node| {
        text.get(node.span.end..last.span.start).is_some_and(|between| !between.contains('\n'))
    });
    let is_simple = matches!(last.kind, NodeKind::Command(_));
    let through_builtin = || last.is_command(&["command"]);
    match (beside, &last.kind) {
        (None, _) if !is_simple && !bash.replaces_in_chains() => {}
        (_, _) if (beside.is_some() || through_builtin()) && !bash.replaces_behind_others() => {}
        (None, _) => last_of_chain(last, found),
        // `a & b` is one connection, and not one that bash looks into.
        (Some(Node { kind: NodeKind::Background(_), .. }), _) => {}
        // Behind a `;` bash looks at a simple command only.
        (Some(_), NodeKind::Command(command)) if command.redirects.is_empty() => {
            found.insert(Arc::as_ptr(command));
        }
        _ => {}
    }
}

fn last_of_list(list: &List, found: &mut HashSet<*const Command>) {
    if let Some(last) = list.last() {
        last_of(last, found);
    }
}

/// ash (and dash for jobs) hands "nothing follows" down into every kind of compound command but loops and functions.
fn last_of(node: &Node, found: &mut HashSet<*const Command>) {
    match &node.kind {
        NodeKind::Command(command) => {
            found.insert(Arc::as_ptr(command));
        }
        NodeKind::And(_, right) | NodeKind::Or(_, right) => last_of(right, found),
        NodeKind::Group(list) | NodeKind::Subshell(list) => last_of_list(list, found),
        NodeKind::Redirected(inner, _) => last_of(inner, found),
        NodeKind::If(branches) => {
            for (_, body) in &branches.arms {
                last_of_list(body, found);
            }
            if let Some(otherwise) = &branches.otherwise {
                last_of_list(otherwise, found);
            }
        }
        NodeKind::Case(case) => {
            for arm in case.arms.iter().filter(|arm| !arm.falls_through) {
                last_of_list(&arm.body, found);
            }
        }
        _ => {}
    }
}

/// bash looks through `;`, `&&` and `||` to a simple command without redirections.
fn last_of_chain(node: &Node, found: &mut HashSet<*const Command>) {
    match &node.kind {
        NodeKind::Command(command) if command.redirects.is_empty() => {
            found.insert(Arc::as_ptr(command));
        }
        NodeKind::And(_, right) | NodeKind::Or(_, right) => last_of_chain(right, found),
        _ => {}
    }
}
