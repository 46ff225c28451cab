//! What a course of events has found out: a test that held once holds again, until what it looks at changes.

use std::rc::Rc;

use super::builtins::is_builtin;
use super::field::{Field, Value};
use super::inert::{Inside, Weight, is_test};
use super::machine::Machine;
use super::question::{Asked, claims_of};
use super::shell::{Frame, Shell};
use crate::shell::{Case, CaseArm, Node, NodeKind, Word};
use crate::source::{Excerpt, Span};

/// So many are remembered.
const MAX_CLAIMS: usize = 64;

/// `"$MODE" = worker`, or `-n "$MODE"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Claim {
    /// What is asked about.
    pub(super) subject: Subject,
    /// What a variable is compared with; nothing if it is asked whether it is empty.
    pub(super) value: Option<Rc<str>>,
}

/// What a test looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// The value of a variable or argument.
    Variable {
        name: Rc<str>,
        /// What it is if it is empty (`${MODE:-web}`).
        default: Rc<str>,
        /// For an argument: those of which function.
        depth: Option<usize>,
    },
    /// What is known again by how it is written: `-f /etc/app.conf`, `$# -gt 1`.
    Written {
        text: Rc<str>,
        /// The file or program that is looked for.
        file: Option<Rc<str>>,
        depth: Option<usize>,
    },
}

/// A claim, and whether it holds.
pub(crate) type Known = (Claim, bool);

impl Claim {
    /// What is known of this, given that something else holds or does not.
    fn follows_from(&self, other: &Claim, holds: bool) -> Option<bool> {
        if self == other {
            return Some(holds);
        }
        match (&self.value, &other.value) {
            _ if self.subject != other.subject || !holds => None,
            (Some(own), Some(value)) => Some(own == value),
            (None, Some(value)) => Some(!value.is_empty()),
            _ => None,
        }
    }

    /// True if a variable is part of it.
    fn names(&self, variable: &str) -> bool {
        match &self.subject {
            Subject::Variable { name, .. } => &**name == variable,
            Subject::Written { text, .. } => text.split('$').skip(1).any(|rest| {
                rest.strip_prefix(variable)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
            }),
        }
    }

    /// What it names: a variable, or the words of a test without its operator.
    pub(super) fn named(&self) -> &str {
        match &self.subject {
            Subject::Variable { name, .. } => name,
            Subject::Written { text, .. } => text.split_once(' ').map_or(text, |(_, words)| words),
        }
    }

    fn depth(&self) -> Option<usize> {
        match &self.subject {
            Subject::Variable { depth, .. } | Subject::Written { depth, .. } => *depth,
        }
    }

    /// The last part of the path that is looked for.
    fn file(&self) -> Option<&str> {
        match &self.subject {
            Subject::Written { file: Some(file), .. } => file.trim_end_matches('/').rsplit(['/', '$']).next(),
            _ => None,
        }
    }
}

impl Shell {
    fn knows(&self, claim: &Claim) -> Option<bool> {
        self.claims.iter().rev().find_map(|(other, holds)| claim.follows_from(other, *holds))
    }

    /// What is known of all these together.
    fn knows_all(&self, claims: &[Known]) -> Option<bool> {
        let each: Vec<Option<bool>> =
            claims.iter().map(|(claim, wanted)| Some(self.knows(claim)? == *wanted)).collect();
        if each.contains(&Some(false)) {
            return Some(false);
        }
        (!each.is_empty() && each.iter().all(Option::is_some)).then_some(true)
    }

    fn forget_those(&mut self, is_over: impl Fn(&Known) -> bool) {
        if self.claims.iter().any(&is_over) {
            Rc::make_mut(&mut self.claims).retain(|known| !is_over(known));
        }
    }

    /// A variable has changed.
    pub(super) fn forget_claims(&mut self, name: &str) {
        self.forget_those(|(claim, _)| claim.names(name));
    }

    /// How many functions and files with arguments of their own run inside one another.
    fn argument_depth(&self) -> usize {
        let has_own =
            |frame: &&Frame| matches!(frame, Frame::Call { .. } | Frame::Source { positional: Some(_), .. });
        self.frames.iter().filter(has_own).count()
    }

    /// The function or script that runs has other arguments from now on.
    pub(super) fn set_arguments(&mut self, arguments: Rc<Vec<Field>>) {
        self.positional = arguments;
        self.forget_own_arguments();
    }

    /// The same, though it is not known which.
    pub(super) fn forget_own_arguments(&mut self) {
        let depth = self.argument_depth();
        self.forget_those(|(claim, _)| claim.depth() == Some(depth));
    }

    /// In a shell of its own functions are counted anew.
    pub(super) fn forget_arguments(&mut self) {
        self.forget_those(|(claim, _)| claim.depth().is_some());
    }

    fn claim(&mut self, known: Known) {
        if self.claims.len() < MAX_CLAIMS && !self.claims.contains(&known) {
            Rc::make_mut(&mut self.claims).push(known);
        }
    }
}

/// True if a test looks at the image's own arguments, or at a variable that holds one of them.
fn asks_for_arguments(text: &str, shell: &Shell) -> bool {
    let own: Vec<&str> =
        shell.positional.iter().filter(|field| field.overridable).filter_map(Field::text).collect();
    let holds_one = |name: &str| {
        let value = shell.variables.get(name).map(Value::scalar);
        value.is_some_and(|value| value.overridable && value.text().is_some_and(|text| own.contains(&text)))
    };
    let is_one = |name: &str| name.starts_with(|c: char| c.is_ascii_digit() || "@*#".contains(c));
    !own.is_empty() && parameters(text).any(|name| is_one(name) || holds_one(name))
}

/// The names behind `$` in a text.
fn parameters(text: &str) -> impl Iterator<Item = &str> {
    text.split('$').skip(1).map(|rest| {
        let rest = rest.trim_start_matches('{');
        let length = rest.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count();
        &rest[..length.max(rest.chars().next().map_or(0, char::len_utf8))]
    })
}

impl Machine<'_, '_> {
    /// Whether a test that is not known in itself has been answered on this course before.
    pub(super) fn recalls(&self, test: Option<&Node>) -> Option<bool> {
        let shell = self.shell().filter(|shell| !shell.claims.is_empty())?;
        shell.knows_all(&claims_of(test?, shell.argument_depth()))
    }

    /// The course goes on as if the test held, or did not.
    pub(super) fn take_for(&mut self, test: Option<&Node>, holds: bool) {
        let (Some(test), Some(depth)) = (test, self.shell().map(Shell::argument_depth)) else { return };
        let mut claims = claims_of(test, depth);
        if !holds {
            // Which of several does not hold is not known.
            if claims.len() != 1 {
                return;
            }
            claims[0].1 = !claims[0].1;
        }
        self.with(|shell| claims.into_iter().for_each(|known| shell.claim(known)));
    }

    /// The course goes another way than the image's own arguments lead, where something asks for them: what they are then is not known.
    pub(super) fn leave_own_arguments(&mut self, excerpt: &Excerpt, asked: Span) {
        let text = excerpt.text().get(asked.start..asked.end).unwrap_or("").to_owned();
        self.world.path.by_caller |= !self.asks_for_settings(&text);
        let Some(shell) = self.shell().filter(|shell| asks_for_arguments(&text, shell)) else { return };
        let other = |fields: &Rc<Vec<Field>>| {
            let mut fields: Vec<Field> = fields.as_ref().clone();
            let own = fields.iter().position(|field| field.overridable);
            fields.retain(|field| !field.overridable);
            if let Some(at) = own {
                fields.insert(at, Field::rest("\"$@\""));
            }
            Rc::new(fields)
        };
        let positional = other(&shell.positional);
        let frames = shell.frames.iter().cloned().map(|frame| match frame {
            Frame::Call { name, positional, locals, overridable } => {
                Frame::Call { name, positional: other(&positional), locals, overridable }
            }
            frame => frame,
        });
        let frames = frames.collect();
        self.with(|shell| {
            shell.positional = positional;
            shell.frames = frames;
        });
        self.world.leave_own_arguments();
    }

    /// True if a test looks at nothing but what the image's ENV sets: somebody has to set it otherwise, where the script refuses that.
    fn asks_for_settings(&self, text: &str) -> bool {
        let is_setting = |name: &str| {
            let is_own = self.shell().is_some_and(|shell| shell.variables.contains_key(name));
            !is_own && self.environment.image.sets(name)
        };
        parameters(text).next().is_some() && parameters(text).all(is_setting)
    }

    /// The word that a `case` compares, where a test has told what it is.
    pub(super) fn recalled_value(&self, subject: &Word, excerpt: &Excerpt) -> Option<Rc<str>> {
        let shell = self.shell()?;
        let variable = Asked { excerpt, depth: shell.argument_depth() }.variable(subject)?;
        let is_it = |claim: &Claim| claim.subject == variable && claim.value.is_some();
        let known = shell.claims.iter().find(|(claim, holds)| *holds && is_it(claim));
        known.and_then(|(claim, _)| claim.value.clone())
    }

    /// Whether an arm of a `case` has been taken, or passed by, before.
    pub(super) fn recalls_arm(&self, case: &Case, arm: &CaseArm, excerpt: &Excerpt) -> Option<bool> {
        let shell = self.shell().filter(|shell| !shell.claims.is_empty())?;
        let asked = Asked { excerpt, depth: shell.argument_depth() };
        let of = |patterns: &[Word]| shell.knows(&asked.arm(&case.subject, patterns)?);
        of(&arm.patterns).or_else(|| {
            let each = arm.patterns.iter().map(|pattern| of(std::slice::from_ref(pattern)));
            each.clone().all(|known| known == Some(false)).then_some(false)
        })
    }

    /// An arm of a `case` is taken, or none; those before it do not match.
    pub(super) fn take_arm(&mut self, case: &Case, taken: Option<usize>, excerpt: &Excerpt) {
        let Some(depth) = self.shell().map(Shell::argument_depth) else { return };
        let asked = Asked { excerpt, depth };
        let mut claims: Vec<Known> = Vec::new();
        for (index, arm) in
            case.arms.iter().enumerate().take(taken.map_or(case.arms.len(), |taken| taken + 1))
        {
            let is_taken = taken == Some(index);
            claims.extend(asked.arm(&case.subject, &arm.patterns).map(|claim| (claim, is_taken)));
            if !is_taken && arm.patterns.len() > 1 {
                let each =
                    arm.patterns.iter().filter_map(|one| asked.arm(&case.subject, std::slice::from_ref(one)));
                claims.extend(each.map(|claim| (claim, false)));
            }
        }
        self.with(|shell| claims.into_iter().for_each(|known| shell.claim(known)));
    }

    /// A statement runs, or is stepped over: what files there are may be otherwise afterwards.
    pub(super) fn forget_files(&mut self, node: &Node) {
        let Some(shell) = self.shell() else { return };
        if !shell.claims.iter().any(|(claim, _)| claim.file().is_some()) {
            return;
        }
        if is_test(node) || node.is_command(&["command", "type", "which", "hash"]) {
            return;
        }
        let text = node.excerpt.text().get(node.span.start..node.span.end).unwrap_or("").to_owned();
        let is_inside = matches!(&node.kind, NodeKind::Command(command)
            if command.name().is_some_and(|name| is_builtin(&name) || shell.functions.contains_key(&*name)));
        let may_make =
            !is_inside && self.weight_of(std::slice::from_ref(node), Inside::default()) > Weight::Idle;
        self.with(|shell| {
            shell.forget_those(|(claim, holds)| {
                claim.file().is_some_and(|file| text.contains(file) || (may_make && !holds))
            });
        });
    }
}
