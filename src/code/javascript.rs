//! JavaScript: `require` and `import` in their forms, and what touches `process`.

use tree_sitter::Node;

use super::{Code, names_signal, text_of};

/// How a listener is added.
const LISTEN: [&str; 5] = ["on", "once", "addListener", "prependListener", "prependOnceListener"];

pub(super) fn visit(node: Node<'_>, text: &str, code: &mut Code) {
    match node.kind() {
        "string" | "template_string" => {
            let text = text_of(node, text);
            code.names_signals |= names_signal(text);
            code.reads_input |= text.contains("/dev/stdin");
        }
        "import_statement" | "export_statement" => {
            if let Some(source) = node.child_by_field_name("source") {
                load(Some(source), text, code);
            }
        }
        "call_expression" => call(node, text, code),
        "new_expression" => {
            let constructor = node.child_by_field_name("constructor").map(|node| text_of(node, text));
            code.opaque |= constructor == Some("Function");
        }
        "property_identifier" | "shorthand_property_identifier" => {
            code.names_signals |= names_signal(text_of(node, text));
        }
        // `import { stdin } from "process"`, `const { stdin } = require("process")`
        "import_specifier" | "shorthand_property_identifier_pattern" => {
            let is_loaded = code.modules.iter().any(|name| name.trim_start_matches("node:") == "process");
            code.reads_input |= is_loaded && text_of(node, text).starts_with("stdin");
        }
        "member_expression" => {
            code.reads_input |= text_of(node, text) == "process.stdin" && !asks_for_terminal(node, text);
        }
        "identifier" => identifier(node, text, code),
        _ => {}
    }
}

/// A module, by its name; anything else cannot be told.
fn load(source: Option<Node<'_>>, text: &str, code: &mut Code) {
    let name = source.filter(|node| node.kind() == "string").map(|node| text_of(node, text));
    match name.and_then(|quoted| quoted.get(1..quoted.len().checked_sub(1)?)) {
        Some(name) if !name.contains('\\') => code.modules.push(name.to_owned()),
        _ => code.opaque = true,
    }
}

fn call(node: Node<'_>, text: &str, code: &mut Code) {
    let Some(function) = node.child_by_field_name("function") else { return };
    let first = || node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
    match (function.kind(), text_of(function, text)) {
        ("import", _) | ("identifier", "require") => load(first(), text, code),
        ("identifier", "eval") => code.opaque = true,
        ("identifier", "setInterval") => code.stays = true,
        ("member_expression", _) => {
            let field = |name: &str| function.child_by_field_name(name).map(|node| text_of(node, text));
            let method = field("property").unwrap_or("");
            code.stays |= method == "listen";
            if field("object") == Some("process") && LISTEN.contains(&method) {
                code.opaque |= first().is_none_or(|event| event.kind() != "string");
            }
        }
        _ => {}
    }
}

/// `process.stdin.isTTY`
fn asks_for_terminal(node: Node<'_>, text: &str) -> bool {
    let property = node.parent().and_then(|parent| parent.child_by_field_name("property"));
    property.is_some_and(|property| text_of(property, text) == "isTTY")
}

/// `require` and `process` that are handed on may do anything.
fn identifier(node: Node<'_>, text: &str, code: &mut Code) {
    let name = text_of(node, text);
    code.names_signals |= names_signal(name);
    let Some(parent) = node.parent() else { return };
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    let is_object = parent.kind() == "member_expression" && is("object");
    code.opaque |= match name {
        "require" if is_object => {
            let property = parent.child_by_field_name("property").map(|node| text_of(node, text));
            !matches!(property, Some("main" | "resolve" | "cache"))
        }
        "require" => parent.kind() != "call_expression" || !is("function"),
        "process" => !is_object,
        _ => false,
    };
}
