//! The other readers: shell text, YAML, and code.

use std::sync::Arc;

use pidone::code;
use pidone::programs::Language;
use pidone::shell::{self, Node, NodeKind, Part, Word};
use pidone::source::{Excerpt, Source};
use pidone::yaml::{self, Value};

use super::{in_file, in_text};

/// Holds for every shell text.
pub fn shell(text: &str) {
    let source = Source::new("start.sh", text);
    let excerpt = Arc::new(Excerpt::whole(&source));
    let script = shell::parse(Arc::clone(&excerpt));
    for error in &script.errors {
        in_text(&source, *error);
    }
    let mut open: Vec<&Node> = script.statements.iter().collect();
    while let Some(node) = open.pop() {
        in_file(&node.place());
        if let NodeKind::Command(command) = &node.kind {
            for word in &command.words {
                in_word(&source, word);
            }
            for redirect in &command.redirects {
                in_text(&source, redirect.span);
            }
            for assignment in &command.assignments {
                in_text(&source, assignment.span);
            }
        }
        open.extend(node.children());
    }
    for comment in shell::comments(text) {
        in_text(&source, comment);
    }
    shell::shape(text);
}

fn in_word(source: &Source, word: &Word) {
    in_text(source, word.span);
    for part in &word.parts {
        if let Part::Arithmetic(inner, _) = part {
            in_word(source, inner);
        }
    }
}

/// Holds for every YAML text.
pub fn yaml(text: &str) {
    let source = Source::new("compose.yaml", text);
    let yaml = yaml::parse(&source);
    if let Some((span, _)) = &yaml.problem {
        in_text(&source, *span);
    }
    // An alias is the node of its anchor, so what it leads to is looked at once for each.
    let mut open = yaml.documents.clone();
    for _ in 0..10_000 {
        let Some(node) = open.pop() else { break };
        in_file(&node.place);
        match &node.value {
            Value::Null => {}
            Value::Scalar(excerpt) => in_file(&excerpt.whole_place()),
            Value::Sequence(items) => open.extend(items.iter().cloned()),
            Value::Mapping(entries) => {
                open.extend(entries.iter().flat_map(|(key, value)| [key, value]).cloned());
            }
        }
    }
}

/// Holds for every text of a program.
pub fn code(text: &str) {
    for language in [Language::JavaScript, Language::Python] {
        code::read(language, text);
    }
}
