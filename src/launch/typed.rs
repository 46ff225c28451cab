//! What a shell reads from a here-document: `su app <<EOF`.

use std::sync::Arc;

use super::field::{Field, UNKNOWN};
use super::interpreter::ShellStart;
use super::machine::Machine;
use super::resolve::{Child, Resolved, What};
use super::shell::Origin;
use crate::shell::{Command, Node};
use crate::source::{Encoding, Excerpt, Span};

impl Machine<'_, '_> {
    /// Where a shell is given nothing to run but a here-document, that is its script.
    pub(super) fn give_script(&self, resolved: &mut Resolved, command: &Command, node: &Node) {
        let words = match &resolved.what {
            What::Interactive => resolved.identities.last().map(|identity| identity.argv.to_vec()),
            What::Forward(forward) if resolved.converses => match &forward.child {
                Child::Command(words) => Some(words.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(words) = words else { return };
        let is_option = |word: &Field| word.text().is_some_and(|text| text.starts_with('-'));
        let shell = words.first().and_then(Field::text).filter(|_| words[1..].iter().all(is_option));
        let dialect = shell.and_then(|name| self.environment.dialect_of(name));
        let (Some(dialect), Some(text)) = (dialect, self.heredoc(command, node)) else { return };
        let text = Arc::new(text);
        match &mut resolved.what {
            What::Forward(forward) => {
                forward.child = Child::Line(text, Origin::Script, dialect);
                resolved.converses = false;
            }
            what => {
                let script = self.environment.parse(text);
                let start = ShellStart::plain(dialect, Origin::Script, script, words[0].clone());
                *what = What::Shell(Box::new(start));
            }
        }
    }

    /// The body of the here-document that is a command's standard input, as the command reads it.
    pub(super) fn heredoc(&self, command: &Command, node: &Node) -> Option<Excerpt> {
        let input = command.redirects.iter().rev().find(|redirect| redirect.operator.starts_with('<'))?;
        let opening =
            node.excerpt.text().get(input.span.start..)?.trim_start_matches(|c: char| c.is_ascii_digit());
        let delimiter = opening.strip_prefix("<<")?.trim_start_matches(['-', ' ', '\t']);
        let body = node.excerpt.sub(input.heredoc.filter(|_| input.operator.starts_with("<<"))?);
        match delimiter.starts_with(['\'', '"', '\\']) {
            true => Some(body),
            false => self.expanded(&body),
        }
    }

    /// The text with its variables replaced; `None` where it asks commands for parts of itself.
    fn expanded(&self, body: &Excerpt) -> Option<Excerpt> {
        let text = body.text();
        let expander = self.expander()?;
        let mut changes = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['$', '`', '\\']) {
            let start = at + found;
            let rest = &text[start + 1..];
            at = start + 1;
            if text[start..].starts_with('`') || rest.starts_with('(') {
                return None;
            }
            if text[start..].starts_with('\\') {
                if rest.starts_with(['$', '`', '\\', '\n']) {
                    at += 1;
                    let kept = rest[..1].replace('\n', "");
                    changes.push((Span::new(start, at), kept));
                }
                continue;
            }
            let inner = rest.strip_prefix('{').unwrap_or(rest);
            let name_end =
                inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let name = &inner[..name_end];
            let is_braced = rest.starts_with('{');
            if is_braced && !inner[name_end..].starts_with('}') {
                return None;
            }
            if name.is_empty() {
                continue;
            }
            at += name_end + if is_braced { 2 } else { 0 };
            let value = expander.variable(name);
            changes.push((Span::new(start, at), value.text().map_or(UNKNOWN.to_owned(), str::to_owned)));
        }
        Some(body.with_changes(&changes, Encoding::Expanded))
    }
}
