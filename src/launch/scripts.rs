//! The scripts that were read, and what they say of variables and functions wherever in them the shell is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::assigned::note_own_variables;
use super::refused::{Refused, refused};
use crate::shell::{self, Node, NodeKind, Part, Script, Word};
use crate::source::{Excerpt, Place};

/// What was read so far.
#[derive(Default)]
pub(super) struct Scripts {
    /// By their excerpts, which are kept so that their addresses stay theirs.
    read: HashMap<*const Excerpt, (Arc<Excerpt>, Arc<Script>)>,
    /// What other shells refuse in those that another shell runs.
    refused: HashMap<*const Script, Rc<[Refused]>>,
    /// Variables that stand where the name of a command does.
    command_variables: BTreeSet<String>,
    /// Variables that are given values, other than a default for the one from outside.
    own_variables: BTreeSet<String>,
    /// Functions that bash gives to every bash below (`export -f name`).
    exported: Rc<BTreeMap<String, Arc<Node>>>,
}

impl Scripts {
    /// A text that was read before: its statements are the same ones then.
    pub(super) fn known(&self, excerpt: &Arc<Excerpt>) -> Option<Arc<Script>> {
        self.read.get(&Arc::as_ptr(excerpt)).map(|(_, script)| Arc::clone(script))
    }

    /// Reads a text, and takes down what it says.
    pub(super) fn read(&mut self, excerpt: Arc<Excerpt>) -> Arc<Script> {
        let script = shell::parse(Arc::clone(&excerpt));
        note_command_variables(&script.statements, &mut self.command_variables);
        note_own_variables(&script.statements, &mut self.own_variables);
        self.read.insert(Arc::as_ptr(&excerpt), (excerpt, Arc::clone(&script)));
        let mut exported = BTreeSet::new();
        note_exported(&script.statements, &mut exported);
        if !exported.is_empty() {
            let functions = Rc::make_mut(&mut self.exported);
            for (_, script) in self.read.values() {
                note_functions(&script.statements, &exported, functions);
            }
        }
        script
    }

    /// What other shells than bash refuse to read in a script that was read here.
    pub(super) fn refused(&mut self, script: &Arc<Script>) -> Rc<[Refused]> {
        Rc::clone(self.refused.entry(Arc::as_ptr(script)).or_insert_with(|| refused(&script.statements)))
    }

    /// The first place in them that could not be read.
    pub(super) fn unread(&self) -> Option<Place> {
        let errors = |(excerpt, script): &(Arc<Excerpt>, Arc<Script>)| {
            script.errors.first().map(|span| excerpt.place(*span))
        };
        self.read.values().filter_map(errors).min_by(|one, other| one.key().cmp(&other.key()))
    }

    /// The functions that a bash has from the one that started it.
    pub(super) fn exported_functions(&self) -> Rc<BTreeMap<String, Arc<Node>>> {
        Rc::clone(&self.exported)
    }

    /// True if this variable stands somewhere where the name of a command does.
    pub(super) fn runs_variable(&self, variable: &str) -> bool {
        self.command_variables.contains(variable)
    }

    /// True if this variable is given a value of its own somewhere.
    pub(super) fn sets(&self, variable: &str) -> bool {
        self.own_variables.contains(variable)
    }

    /// True if this stands somewhere in them.
    pub(super) fn mentions(&self, text: &str) -> bool {
        self.read.values().any(|(excerpt, _)| excerpt.text().contains(text))
    }
}

/// `export -f name`, `declare -fx name`
fn note_exported(list: &[Node], names: &mut BTreeSet<String>) {
    for node in list {
        if let NodeKind::Command(command) = &node.kind
            && node.is_command(&["export", "declare", "typeset"])
        {
            let words: Vec<String> = command.words[1..].iter().filter_map(Word::literal).collect();
            let is_option = |word: &String| word.starts_with('-') && word.contains('f');
            let exports = node.is_command(&["export"]) || words.iter().any(|word| word.contains('x'));
            if words.first().is_some_and(is_option) && exports {
                names.extend(words.into_iter().skip(1));
            }
        }
        node.children().into_iter().for_each(|child| note_exported(std::slice::from_ref(child), names));
    }
}

/// The functions of these names.
fn note_functions(list: &[Node], names: &BTreeSet<String>, functions: &mut BTreeMap<String, Arc<Node>>) {
    for node in list {
        if let NodeKind::Function(name, body) = &node.kind
            && names.contains(&**name)
        {
            functions.insert(name.to_string(), Arc::clone(body));
        }
        node.children()
            .into_iter()
            .for_each(|child| note_functions(std::slice::from_ref(child), names, functions));
    }
}

/// `$RUN args` and `exec $RUN args`: what such a variable holds decides what runs.
fn note_command_variables(list: &[Node], names: &mut BTreeSet<String>) {
    for node in list {
        if let NodeKind::Command(command) = &node.kind {
            let is_exec = command.name().is_some_and(|name| name == "exec");
            if let Some(word) = command.words.get(usize::from(is_exec))
                && let Some(Part::Parameter(parameter, _)) = word.parts.first()
            {
                names.insert(parameter.name.clone());
            }
        }
        for child in node.children() {
            note_command_variables(std::slice::from_ref(child), names);
        }
    }
}
