//! What stands behind a statement: redirections, and the words of a command that stand between and behind them.

use std::sync::Arc;

use super::{Command, Node, NodeKind, Redirect, Word};
use crate::source::Span;

/// `2>&1 -g "daemon off;"`
#[derive(Debug, Clone, Default)]
pub(super) struct Trailing {
    pub(super) redirects: Vec<Redirect>,
    pub(super) words: Vec<Word>,
}

impl Trailing {
    /// The command with what stands behind it.
    pub(super) fn of(&self, mut command: Command) -> Command {
        command.redirects.extend_from_slice(&self.redirects);
        command.words.extend_from_slice(&self.words);
        command
    }

    /// Where a statement ends with this. A here-document's redirection reaches to the end of its body.
    pub(super) fn end_of(&self, at: Span) -> Span {
        let redirects = self.redirects.iter().filter(|redirect| redirect.heredoc.is_none());
        let spans = redirects.map(|redirect| redirect.span).chain(self.words.iter().map(|word| word.span));
        spans.fold(at, Span::to)
    }

    /// `a && b > f`, `! b > f`: it is the last command's.
    pub(super) fn behind(&self, mut node: Node) -> Node {
        node.span = self.end_of(node.span);
        let last = |inner: &Node| Arc::new(self.behind(inner.clone()));
        node.kind = match node.kind {
            NodeKind::And(left, right) => NodeKind::And(left, last(&right)),
            NodeKind::Or(left, right) => NodeKind::Or(left, last(&right)),
            NodeKind::Not(inner) => NodeKind::Not(last(&inner)),
            NodeKind::Pipeline(stages) => {
                let mut stages = stages.to_vec();
                if let Some(stage) = stages.pop() {
                    stages.push(self.behind(stage));
                }
                NodeKind::Pipeline(stages.into())
            }
            NodeKind::Command(command) => NodeKind::Command(Arc::new(self.of(Command::clone(&command)))),
            // No words stand behind a group.
            _ if !self.words.is_empty() => NodeKind::Error,
            other => other,
        };
        node
    }
}
