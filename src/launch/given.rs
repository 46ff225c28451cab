//! Whether the caller gives arguments, where the image has none of its own: which way a script goes without any.

use super::condition;
use super::field::Field;
use super::machine::Machine;
use super::shell::Shell;
use crate::shell::{Case, Node, NodeKind, Word};

impl Machine<'_, '_> {
    /// A test that is not known by itself is taken to hold, or not to: with arguments, or without.
    pub(super) fn note_given(&mut self, test: &Node, holds: bool) {
        if let Some(bare) = self.bare_shell().and_then(|shell| self.holds_in(&shell, test)) {
            self.is_given(bare != holds);
        }
    }

    /// The same of an arm of a `case`, or of none of them.
    pub(super) fn note_given_arm(&mut self, case: &Case, taken: Option<usize>) {
        let Some(shell) = self.bare_shell() else { return };
        let expander = self.expander_of(&shell);
        let Some(subject) = expander.string(&case.subject).text().map(str::to_owned) else { return };
        let matches = |pattern: &Word| expander.pattern(pattern).map(|pattern| pattern.matches(&subject));
        for (index, arm) in case.arms.iter().enumerate() {
            let each: Vec<Option<bool>> = arm.patterns.iter().map(matches).collect();
            if each.contains(&Some(true)) {
                return self.is_given(taken != Some(index));
            }
            if each.contains(&None) {
                return;
            }
        }
        self.is_given(taken.is_some());
    }

    fn is_given(&mut self, given: bool) {
        let known = &mut self.world.path.given;
        *known = Some(given || known.unwrap_or(false));
    }

    /// The shell as it is without arguments of the caller; `None` where there are none that it could do without.
    fn bare_shell(&self) -> Option<Shell> {
        let mut shell = self.shell().filter(|shell| !shell.positional_is_known())?.clone();
        let own = shell.positional.iter().filter(|field| !field.is_rest()).cloned();
        shell.positional = own.collect::<Vec<Field>>().into();
        Some(shell)
    }

    fn holds_in(&self, shell: &Shell, test: &Node) -> Option<bool> {
        let expander = self.expander_of(shell);
        let status = match &test.kind {
            NodeKind::Not(inner) => return Some(!self.holds_in(shell, inner)?),
            NodeKind::Redirected(inner, _) => return self.holds_in(shell, inner),
            NodeKind::And(left, right) => {
                return Some(self.holds_in(shell, left)? && self.holds_in(shell, right)?);
            }
            NodeKind::Or(left, right) => {
                return Some(self.holds_in(shell, left)? || self.holds_in(shell, right)?);
            }
            NodeKind::Test(words) => condition::double_bracket(&expander, words),
            NodeKind::Command(command) if test.is_command(&["[", "test"]) => {
                let fields = expander.fields(&command.words, &test.excerpt);
                let end = fields.len() - usize::from(test.is_command(&["["]));
                condition::test(&expander, fields.get(1..end)?)
            }
            _ => return None,
        };
        status.value.map(|value| value == 0)
    }
}
