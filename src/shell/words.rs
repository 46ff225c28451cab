//! Words and their expansions.

use std::sync::Arc;

use tree_sitter::Node as Tree;

use super::branches::{children, span};
use super::{Operation, Parameter, Part, Word};
use crate::source::{Excerpt, Span};

/// Reads words out of the tree.
pub(super) struct Words<'a, 'e> {
    pub(super) excerpt: &'a Arc<Excerpt>,
    pub(super) errors: &'e mut Vec<Span>,
    pub(super) depth: usize,
}

/// Expansions nested deeper than this are opaque.
const MAX_DEPTH: usize = 260;

impl<'a> Words<'a, '_> {
    fn text(&self, span: Span) -> &'a str {
        self.excerpt.text().get(span.start..span.end).unwrap_or("")
    }

    /// Any node that stands for a word.
    pub(super) fn word(&mut self, tree: Tree<'_>) -> Word {
        let mut parts = Vec::new();
        self.parts(tree, false, &mut parts);
        Word { span: span(tree), parts }
    }

    /// `NAME=value` as an argument of `export` and the like.
    pub(super) fn assignment_word(&mut self, tree: Tree<'_>) -> Word {
        let mut parts = Vec::new();
        match tree.child_by_field_name("value") {
            Some(value) if value.kind() == "array" => {
                parts.push(Part::Literal(
                    self.text(Span::new(tree.start_byte(), value.start_byte())).to_owned(),
                ));
                parts.push(Part::Opaque);
            }
            Some(value) => {
                parts.push(Part::Literal(
                    self.text(Span::new(tree.start_byte(), value.start_byte())).to_owned(),
                ));
                let mut inner = Vec::new();
                self.parts(value, false, &mut inner);
                // An assignment's value is not split into fields.
                parts.extend(inner.into_iter().map(quote));
            }
            None => parts.push(Part::Literal(self.text(span(tree)).to_owned())),
        }
        Word { span: span(tree), parts }
    }

    /// The operators and words between `[[` and `]]`, or `[` and `]` with both brackets, flat.
    pub(super) fn test(&mut self, tree: Tree<'_>) -> Vec<Word> {
        let mut words = Vec::new();
        for child in children(tree) {
            self.flatten(child, &mut words);
        }
        if words.first().and_then(Word::literal).as_deref() == Some("[[") {
            words.remove(0);
            words.pop();
        }
        words
    }

    fn flatten(&mut self, tree: Tree<'_>, words: &mut Vec<Word>) {
        if self.is_too_deep(tree) {
            return;
        }
        self.depth += 1;
        match tree.kind() {
            "binary_expression"
            | "unary_expression"
            | "parenthesized_expression"
            | "redirected_statement"
            | "negated_command" => {
                for child in children(tree) {
                    self.flatten(child, words);
                }
            }
            "ERROR" => self.errors.push(span(tree)),
            "regex" | "extglob_pattern" => {
                let word = self.raw(tree, span(tree));
                words.push(word);
            }
            _ if !tree.is_named() || tree.kind() == "test_operator" => {
                let text = self.text(span(tree)).to_owned();
                words.push(Word { span: span(tree), parts: vec![Part::Literal(text)] });
            }
            _ => {
                let word = self.word(tree);
                words.push(word);
            }
        }
        self.depth -= 1;
    }

    /// The text of `inner` as it stands, with the expansions found below `tree`.
    pub(super) fn raw(&mut self, tree: Tree<'_>, inner: Span) -> Word {
        let mut parts = Vec::new();
        let mut at = inner.start;
        self.raw_parts(tree, inner, &mut at, &mut parts);
        if at < inner.end {
            parts.push(Part::Literal(self.text(Span::new(at, inner.end)).to_owned()));
        }
        Word { span: inner, parts }
    }

    fn raw_parts(&mut self, tree: Tree<'_>, inner: Span, at: &mut usize, parts: &mut Vec<Part>) {
        if self.is_too_deep(tree) {
            return;
        }
        self.depth += 1;
        for child in children(tree) {
            let here = span(child);
            if here.start < *at || here.end > inner.end {
                continue;
            }
            match child.kind() {
                "simple_expansion"
                | "expansion"
                | "command_substitution"
                | "arithmetic_expansion"
                | "string"
                | "raw_string" => {
                    if *at < here.start {
                        parts.push(Part::Literal(self.text(Span::new(*at, here.start)).to_owned()));
                    }
                    self.parts(child, true, parts);
                    *at = here.end;
                }
                _ => self.raw_parts(child, inner, at, parts),
            }
        }
        self.depth -= 1;
    }

    /// True where nesting goes on beyond all reason, which is an error then.
    fn is_too_deep(&mut self, tree: Tree<'_>) -> bool {
        let too_deep = self.depth >= MAX_DEPTH;
        if too_deep {
            self.errors.push(span(tree));
        }
        too_deep
    }

    fn parts(&mut self, tree: Tree<'_>, quoted: bool, out: &mut Vec<Part>) {
        if self.is_too_deep(tree) {
            out.push(Part::Opaque);
            return;
        }
        self.depth += 1;
        let text = self.text(span(tree));
        match tree.kind() {
            "word"
            | "number"
            | "regex"
            | "extglob_pattern"
            | "variable_name"
            | "special_variable_name"
            | "test_operator"
                if tree.child_count() == 0 =>
            {
                literal(text, quoted, out);
            }
            "number" => out.push(Part::Opaque),
            "command_name" | "concatenation" => self.side_by_side(tree, quoted, out),
            "string" => self.double_quoted(tree, out),
            "translated_string" => {
                if let Some(inner) = children(tree).find(Tree::is_named) {
                    self.parts(inner, quoted, out);
                }
            }
            "raw_string" => {
                out.push(Part::Quoted(text.trim_start_matches('\'').trim_end_matches('\'').to_owned()));
            }
            "ansi_c_string" => out.push(match ansi_c(text) {
                Some(text) => Part::Quoted(text),
                None => Part::Opaque,
            }),
            "simple_expansion" => {
                let text = text.trim_start();
                let name = text.strip_prefix('$').unwrap_or(text);
                // A digit is a whole name: `$1_mode` is `${1}_mode`.
                let length = if name.starts_with(|c: char| c.is_ascii_digit()) { 1 } else { name.len() };
                let (name, rest) = name.split_at(length);
                let parameter = Parameter { name: name.to_owned(), index: None, operation: Operation::Plain };
                out.push(Part::Parameter(parameter, quoted));
                if !rest.is_empty() {
                    out.push(if quoted {
                        Part::Quoted(rest.to_owned())
                    } else {
                        Part::Literal(rest.to_owned())
                    });
                }
            }
            "expansion" => {
                let part = self.parameter(tree, quoted);
                out.push(part);
            }
            "command_substitution" => {
                let list = self.inner_statements(tree);
                out.push(Part::Substitution(list, quoted));
            }
            "process_substitution" => {
                let list = self.inner_statements(tree);
                out.push(Part::ProcessSubstitution(list));
            }
            "arithmetic_expansion" => {
                // The grammar counts blanks before it as part of it.
                let text = text.trim_start();
                let (open, close) = if text.starts_with("$((") { (3, "))") } else { (2, "]") };
                let inside = text.get(open..).unwrap_or("");
                // A text may end before it is closed.
                let length = inside.strip_suffix(close).unwrap_or(inside).len();
                // `$((a)*b)` is no arithmetic to a shell: the grammar goes on to the next `))`, wherever that is.
                if closes_more_than_it_opens(&inside[..length]) {
                    self.errors.push(span(tree));
                }
                let start = tree.end_byte() - inside.len();
                let inner = Span::new(start, start + length);
                let word = self.raw(tree, inner);
                out.push(Part::Arithmetic(Box::new(word), quoted));
            }
            "ERROR" => {
                self.errors.push(span(tree));
                out.push(Part::Opaque);
            }
            _ if !tree.is_named() => literal(text, quoted, out),
            _ => out.push(Part::Opaque),
        }
        self.depth -= 1;
    }

    /// Children that touch; what lies between them belongs to the word too.
    fn side_by_side(&mut self, tree: Tree<'_>, quoted: bool, out: &mut Vec<Part>) {
        let mut at = tree.start_byte();
        for child in children(tree) {
            if at < child.start_byte() {
                literal(self.text(Span::new(at, child.start_byte())), quoted, out);
            }
            self.parts(child, quoted, out);
            at = child.end_byte();
        }
        if at < tree.end_byte() {
            literal(self.text(Span::new(at, tree.end_byte())), quoted, out);
        }
    }

    /// Inside double quotes everything that is no expansion is text, also where the tree has a gap.
    fn double_quoted(&mut self, tree: Tree<'_>, out: &mut Vec<Part>) {
        let end = tree.end_byte().saturating_sub(1);
        let mut at = tree.start_byte() + 1;
        out.push(Part::Quoted(String::new()));
        for child in children(tree) {
            if !matches!(
                child.kind(),
                "simple_expansion" | "expansion" | "command_substitution" | "arithmetic_expansion"
            ) {
                continue;
            }
            // The grammar counts blanks before the `$` as part of it.
            let blanks = self.text(span(child)).find(['$', '`']).unwrap_or(0);
            let start = child.start_byte() + blanks;
            if at < start {
                out.push(Part::Quoted(unescape_double(self.text(Span::new(at, start)))));
            }
            self.parts(child, true, out);
            at = child.end_byte();
        }
        if at < end {
            out.push(Part::Quoted(unescape_double(self.text(Span::new(at, end)))));
        }
    }

    fn inner_statements(&mut self, tree: Tree<'_>) -> super::List {
        let (list, errors) = super::convert::inner(self.excerpt, tree, self.depth);
        self.errors.extend(errors);
        list
    }

    /// `${...}`
    fn parameter(&mut self, tree: Tree<'_>, quoted: bool) -> Part {
        let (mut name, mut index, mut operator) = (None, None, String::new());
        let mut length = false;
        let mut indirect = false;
        let mut operand_start = None;
        for child in children(tree).skip(1) {
            let text = self.text(span(child)).to_owned();
            match child.kind() {
                "}" => break,
                "variable_name" | "special_variable_name" if name.is_none() => name = Some(text),
                "subscript" if name.is_none() => {
                    name = child.child_by_field_name("name").map(|name| self.text(span(name)).to_owned());
                    index = child.child_by_field_name("index").map(|index| self.text(span(index)).to_owned());
                }
                "#" if name.is_none() => length = true,
                "!" if name.is_none() => indirect = true,
                _ if name.is_none() && !child.is_named() => name = Some(text),
                _ if name.is_none() => return Part::Opaque,
                _ if operator.is_empty() && !child.is_named() => {
                    operator = text;
                    operand_start = Some(child.end_byte());
                }
                _ => {}
            }
        }
        let name = match name {
            Some(name) => name,
            None if length => "#".to_owned(),
            None if indirect => {
                let parameter = Parameter { name: "!".to_owned(), index: None, operation: Operation::Plain };
                return Part::Parameter(parameter, quoted);
            }
            None => return Part::Opaque,
        };
        let operation = if length {
            Operation::Length
        } else if indirect {
            Operation::Indirect
        } else if let Some(start) = operand_start {
            let inner = Span::new(start, tree.end_byte().saturating_sub(1));
            let word = self.operand(tree, inner);
            Operation::Operator(operator, Box::new(word))
        } else {
            Operation::Plain
        };
        Part::Parameter(Parameter { name, index, operation }, quoted)
    }

    /// What follows the operator inside `${...}`: quotes are syntax there too.
    fn operand(&mut self, tree: Tree<'_>, inner: Span) -> Word {
        let mut parts = Vec::new();
        let mut at = inner.start;
        for child in children(tree) {
            let here = span(child);
            if here.start < inner.start || here.end > inner.end || here.is_empty() {
                continue;
            }
            if at < here.start {
                literal(self.text(Span::new(at, here.start)), true, &mut parts);
            }
            self.parts(child, false, &mut parts);
            at = here.end;
        }
        if at < inner.end {
            literal(self.text(Span::new(at, inner.end)), true, &mut parts);
        }
        Word { span: inner, parts }
    }
}

fn quote(part: Part) -> Part {
    match part {
        Part::Literal(text) => Part::Quoted(text),
        Part::Parameter(parameter, _) => Part::Parameter(parameter, true),
        Part::Substitution(list, _) => Part::Substitution(list, true),
        Part::Arithmetic(word, _) => Part::Arithmetic(word, true),
        other => other,
    }
}

fn literal(text: &str, quoted: bool, out: &mut Vec<Part>) {
    let mut rest = text;
    // The grammar gives `$$` no node where it ends a word.
    while let Some((before, after)) = rest.split_once("$$").filter(|(before, _)| !before.ends_with('\\')) {
        if !before.is_empty() {
            text_without_parameters(before, quoted, out);
        }
        let parameter = Parameter { name: "$".to_owned(), index: None, operation: Operation::Plain };
        out.push(Part::Parameter(parameter, quoted));
        if after.is_empty() {
            return;
        }
        rest = after;
    }
    text_without_parameters(rest, quoted, out);
}

fn text_without_parameters(text: &str, quoted: bool, out: &mut Vec<Part>) {
    if quoted {
        out.push(Part::Quoted(text.to_owned()));
        return;
    }
    // A backslash quotes the next character, and joins lines.
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') => {}
                Some('\r') if chars.as_str().starts_with('\n') => {
                    chars.next();
                }
                Some(escaped) => {
                    if !plain.is_empty() {
                        out.push(Part::Literal(std::mem::take(&mut plain)));
                    }
                    out.push(Part::Quoted(escaped.to_string()));
                }
                None => plain.push('\\'),
            },
            _ => plain.push(c),
        }
    }
    if !plain.is_empty() {
        out.push(Part::Literal(plain));
    }
}

fn unescape_double(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => {
                chars.next();
            }
            ('\\', Some(&next)) if matches!(next, '$' | '`' | '"' | '\\') => {
                plain.push(next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// The common escapes of `$'...'`; `None` if there are others.
fn ansi_c(text: &str) -> Option<String> {
    let inner = text.strip_prefix("$'")?.strip_suffix('\'')?;
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            c @ ('\\' | '\'' | '"') => c,
            _ => return None,
        });
    }
    Some(plain)
}
fn closes_more_than_it_opens(text: &str) -> bool {
    let mut open = 0_usize;
    text.bytes().any(|byte| match byte {
        b'(' => {
            open += 1;
            false
        }
        b')' if open == 0 => true,
        b')' => {
            open -= 1;
            false
        }
        _ => false,
    })
}
