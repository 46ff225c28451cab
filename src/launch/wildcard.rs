//! `for file in /entry.d/*.sh`: which files that finds, where the loop runs or reads what it finds.

use std::sync::Arc;

use super::expand::Expander;
use super::field::{Field, UNKNOWN};
use super::pattern::Pattern;
use crate::project::Found;
use crate::shell::{Command, For, List, Node, NodeKind, Part, Word};
use crate::source::Excerpt;

/// Files found by one wildcard; more of them are no scripts to start with.
const MAX_FILES: usize = 32;

impl Expander<'_> {
    /// What a `for` loop goes through.
    pub(crate) fn items(&self, node: &For, excerpt: &Arc<Excerpt>) -> Vec<Field> {
        let Some(words) = &node.words else { return self.shell.positional.as_ref().clone() };
        if !node.body.iter().any(|inner| starts(inner, &node.variable)) {
            return self.fields(words, excerpt);
        }
        let found = |word: &Word| match word.parts.as_slice() {
            [Part::Substitution(list, false)] => self.printed(list),
            _ => self.files(word),
        };
        let items = |word| found(word).unwrap_or_else(|| self.fields(std::slice::from_ref(word), excerpt));
        words.iter().flat_map(items).collect()
    }

    /// The files that a word with wildcards in its last part finds: an unknown one where the build brings none.
    fn files(&self, word: &Word) -> Option<Vec<Field>> {
        let pattern = self.unquoted(word)?;
        let (folder, name) = pattern.rsplit_once('/').unwrap_or((".", &pattern));
        if folder.contains(WILDCARDS) || !name.contains(WILDCARDS) {
            return None;
        }
        let found = self.matching(if folder.is_empty() { "/" } else { folder }, name);
        let sketch = Some(format!("{folder}/{UNKNOWN}").into());
        Some(found.unwrap_or_else(|| vec![Field { sketch, ..Field::unknown(&pattern) }]))
    }

    /// The files that the build brings to a folder under such names.
    fn matching(&self, folder: &str, name: &str) -> Option<Vec<Field>> {
        let mut pattern = Pattern::default();
        pattern.push(name, false);
        let absolute = self.absolute(folder)?;
        let listed = self.environment.list(&absolute);
        let is_shown = |own: &&String| pattern.matches(own) && own.starts_with('.') == name.starts_with('.');
        let files: Vec<Field> = listed
            .iter()
            .filter(is_shown)
            .map(|own| crate::dockerfile::join(&absolute, own))
            .filter(|path| !matches!(self.environment.find(path), Found::Unknown))
            .map(Field::known)
            .collect();
        (!files.is_empty() && files.len() <= MAX_FILES).then_some(files)
    }

    /// `$(ls folder/*.sh)`, `$(find folder -name '*.sh' | sort)`
    fn printed(&self, list: &List) -> Option<Vec<Field>> {
        let [node] = list.as_ref() else { return None };
        let command = match &node.kind {
            NodeKind::Command(command) => command,
            NodeKind::Pipeline(stages) => match stages.as_ref() {
                [Node { kind: NodeKind::Command(command), .. }, sort] if sort.is_command(&["sort"]) => {
                    command
                }
                _ => return None,
            },
            _ => return None,
        };
        let texts: Vec<String> = command
            .words
            .iter()
            .map(|word| self.string(word).text().map(str::to_owned))
            .collect::<Option<_>>()?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        match texts.as_slice() {
            ["ls", _] => self.files(&command.words[1]),
            ["find", folder, "-name", name] | ["find", folder, _, _, "-name", name] => {
                self.matching(folder, name)
            }
            _ => None,
        }
    }

    /// The word's text, if all of it is known and no wildcard in it is quoted.
    fn unquoted(&self, word: &Word) -> Option<String> {
        let quoted = |part: &Part| matches!(part, Part::Quoted(text) if text.contains(WILDCARDS));
        if word.parts.iter().any(quoted) {
            return None;
        }
        self.string(word).text().map(str::to_owned)
    }
}

const WILDCARDS: [char; 3] = ['*', '?', '['];

/// True if a statement runs or reads what this variable names.
fn starts(node: &Node, variable: &str) -> bool {
    match &node.kind {
        NodeKind::Command(command) => is_started(command, variable),
        _ => node.children().into_iter().any(|child| starts(child, variable)),
    }
}

fn is_started(command: &Command, variable: &str) -> bool {
    let is_variable = |word: &Word| match word.parts.as_slice() {
        [Part::Parameter(parameter, _)] | [Part::Quoted(_), Part::Parameter(parameter, _)] => {
            parameter.name == variable
        }
        _ => false,
    };
    let shells = [".", "source", "exec", "sh", "bash", "ash", "dash", "/bin/sh", "/bin/bash"];
    match command.words.as_slice() {
        [first, ..] if is_variable(first) => true,
        [first, second, ..] => {
            is_variable(second) && first.literal().is_some_and(|name| shells.contains(&name.as_str()))
        }
        _ => false,
    }
}
