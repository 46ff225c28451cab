//! What a script goes on with behind a command: work on what it has made, or no more than cleaning up.

use super::machine::Machine;
use super::resolve::{Resolved, What};
use super::shell::{Frame, Shell};
use super::world::Started;
use crate::shell::{Node, NodeKind, Word};

/// Functions that call functions are looked into this deep.
const MAX_CALLS: usize = 3;

impl Machine<'_, '_> {
    /// True for `report "$DIR"` in `report "$DIR"; aws s3 cp "$DIR" s3://bucket`: what the script goes on with is no clean-up, so that this
    /// ends by itself, most likely.
    pub(super) fn is_built_on(&self) -> bool {
        let mut at = self.pid;
        while let Some(process) = self.world.process(at) {
            if self.world.shell(at).is_some_and(|shell| self.has_work_left(shell)) {
                return true;
            }
            if process.started == Started::Background {
                break;
            }
            at = process.parent;
        }
        false
    }

    fn has_work_left(&self, shell: &Shell) -> bool {
        for frame in shell.frames.iter().rev() {
            match frame {
                Frame::List { list, next } => {
                    let rest = &list[(*next).min(list.len())..];
                    let reached = rest.iter().position(super::inert::is_exit).unwrap_or(rest.len());
                    if self.holds_work(&rest[..reached], 0) {
                        return true;
                    }
                    if reached < rest.len() {
                        return false;
                    }
                }
                Frame::AndOr { right, and: true, .. }
                    if self.holds_work(std::slice::from_ref(right.as_ref()), 0) =>
                {
                    return true;
                }
                // `if report; then cp report /out; fi`
                Frame::If { node, arm, .. }
                    if node.arms.get(*arm).is_some_and(|(_, body)| self.holds_work(body, 0)) =>
                {
                    return true;
                }
                // What is started again after a crash may have something put away before.
                Frame::Body { .. } | Frame::Endless { .. } => return false,
                _ => {}
            }
        }
        false
    }

    fn holds_work(&self, list: &[Node], calls: usize) -> bool {
        list.iter().any(|node| match &node.kind {
            NodeKind::Command(command) => match command.words.first().and_then(Word::literal) {
                Some(name) => self.is_work(&name, node, calls),
                None => false,
            },
            NodeKind::Function(..) | NodeKind::Background(_) => false,
            _ => node.children().into_iter().any(|child| self.holds_work(std::slice::from_ref(child), calls)),
        })
    }

    /// True for a program that ends by itself, and that no clean-up needs.
    fn is_work(&self, name: &str, node: &Node, calls: usize) -> bool {
        if let Some(body) = self.shell().and_then(|shell| shell.functions.get(name)) {
            return calls < MAX_CALLS && self.holds_work(std::slice::from_ref(body.as_ref()), calls + 1);
        }
        if super::builtins::is_builtin(name) {
            return false;
        }
        let Some(Resolved { what: What::Ends(_), identities, .. }) = self.stage(node) else { return false };
        let program = identities.last().and_then(|identity| identity.argv.first()?.text().map(str::to_owned));
        program.is_some_and(|program| !self.environment.tables.tidies(&program))
    }
}
