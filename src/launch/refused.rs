//! Syntax of bash that other shells refuse to read: the script ends where they come to the statement that it is in, in a function that
//! nobody calls, too.

use std::rc::Rc;

use super::dialect::Dialect;
use super::machine::{Machine, words_of};
use super::path::{Mishap, MishapKind};
use super::shell::Status;
use crate::shell::{AssignedValue, Command, List, Node, NodeKind, Part, Redirect, Word};
use crate::source::Span;

/// A place that a shell cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    span: Span,
    /// True if busybox ash refuses it as well as dash (1.35 and 0.5.12, measured).
    by_ash: bool,
}

impl Machine<'_, '_> {
    /// Syntax that this shell does not have ends the script where it is read; the model lets it end at the statement that holds it.
    pub(super) fn fails_to_read(&mut self, node: &Node) -> bool {
        let Some(dialect) = self.shell().map(|shell| shell.dialect).filter(|dialect| !dialect.is_bash())
        else {
            return false;
        };
        let refused = self.environment.refused(&node.excerpt);
        let counts = |refused: &&Refused| refused.by_ash || dialect == Dialect::Dash;
        let Some(first) = refused.iter().filter(counts).find(|refused| node.span.contains(refused.span))
        else {
            return false;
        };
        let mishap = Mishap { kind: MishapKind::Bashism, place: node.excerpt.place(first.span), by: None };
        if !self.world.path.mishaps.contains(&mishap) {
            self.world.path.mishaps.push(mishap);
        }
        self.end(Status::known(2));
        true
    }
}

/// What other shells than bash refuse in these statements.
pub(super) fn refused(list: &List) -> Rc<[Refused]> {
    let mut found = Vec::new();
    list.iter().for_each(|node| collect(node, &mut found));
    found.into()
}

fn collect(node: &Node, found: &mut Vec<Refused>) {
    if let Some(by_ash) = refuses(node) {
        found.push(Refused { span: node.span, by_ash });
    }
    if let NodeKind::Redirected(_, redirects) = &node.kind {
        for redirect in redirects.iter() {
            found.extend(refuses_redirect(redirect).map(|by_ash| Refused { span: redirect.span, by_ash }));
        }
    }
    for part in words_of(node).into_iter().flat_map(|word| &word.parts) {
        if let Part::Substitution(list, _) | Part::ProcessSubstitution(list) = part {
            list.iter().for_each(|inner| collect(inner, found));
        }
    }
    node.children().into_iter().for_each(|child| collect(child, found));
}

/// Whether ash refuses what dash refuses in the statement itself; `None` if nothing is wrong with it.
fn refuses(node: &Node) -> Option<bool> {
    let text = |span: Span| node.excerpt.text().get(span.start..span.end).unwrap_or("");
    match &node.kind {
        NodeKind::Command(command) => refuses_command(command),
        NodeKind::ArithmeticFor(..) => Some(true),
        NodeKind::Case(case) => case.arms.iter().any(|arm| arm.falls_through).then_some(true),
        NodeKind::Pipeline(stages) => {
            let is_joined =
                |pair: &[Node]| text(Span::new(pair[0].span.end, pair[1].span.start)).contains("|&");
            stages.windows(2).any(is_joined).then_some(true)
        }
        NodeKind::Test(_) => has_bare_bracket(text(node.span)).then_some(true),
        NodeKind::Function(..) => text(node.span).starts_with("function ").then_some(false),
        _ => None,
    }
}

fn refuses_command(command: &Command) -> Option<bool> {
    let is_array = command.assignments.iter().any(|own| matches!(own.value, AssignedValue::Array(_)));
    let redirects = command.redirects.iter().filter_map(refuses_redirect);
    let words = command.words.iter().any(substitutes).then_some(false);
    redirects.chain(words).chain(is_array.then_some(true)).max()
}

fn refuses_redirect(redirect: &Redirect) -> Option<bool> {
    let target = redirect.target.as_ref();
    match redirect.operator.as_str() {
        "<<<" => Some(true),
        // `>& file`
        ">&" if target.and_then(Word::literal).is_some_and(|name| names_file(&name)) => Some(false),
        _ => target.is_some_and(substitutes).then_some(false),
    }
}

fn names_file(target: &str) -> bool {
    !target.is_empty() && target != "-" && !target.chars().all(|c| c.is_ascii_digit())
}

/// `[[ $a =~ ^(b|c) ]]`: to the others a command, in which no `(` can stand.
fn has_bare_bracket(test: &str) -> bool {
    let (mut quote, mut before) = (None, ['\0'; 2]);
    for c in test.chars() {
        match (quote, c) {
            (None, '(') if !matches!(before, [_, '$' | '\\'] | ['$', '(']) => return true,
            (None, '\'' | '"') if before[1] != '\\' => quote = Some(c),
            (Some(open), c) if c == open && before[1] != '\\' => quote = None,
            _ => {}
        }
        before = [before[1], c];
    }
    false
}

/// `<(list)`
fn substitutes(word: &Word) -> bool {
    word.parts.iter().any(|part| matches!(part, Part::ProcessSubstitution(_)))
}

/// `x++`, `x--`, `2**3`: dash ends with an error where it evaluates this.
pub(super) fn is_beyond_dash(arithmetic: &str) -> bool {
    let begins_operand = |rest: &str| {
        rest.trim_start().starts_with(|c: char| c.is_ascii_alphanumeric() || "_$(+-~!".contains(c))
    };
    let is_postfix = |operator: &str| {
        arithmetic.match_indices(operator).any(|(at, _)| !begins_operand(&arithmetic[at + operator.len()..]))
    };
    arithmetic.contains("**") || is_postfix("++") || is_postfix("--")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::shell;
    use crate::source::{Excerpt, Source};

    #[test]
    fn what_other_shells_refuse() {
        for (text, dash, ash) in [
            ("cat <<< x", true, true),
            ("if a; then cat <<< x; fi", true, true),
            ("f() { cat <<< x; }", true, true),
            ("while read x; do a; done <<< \"$y\"", true, true),
            ("while read x; do a; done < <(b)", true, false),
            ("x=$(cat <<< y)", true, true),
            ("cat <(a)", true, false),
            ("echo > >(tee log)", true, false),
            ("for ((i = 0; i < 3; i++)); do a; done", true, true),
            ("a |& b", true, true),
            ("case x in x) a ;& y) b ;; esac", true, true),
            ("if false; then a=(1 2); fi", true, true),
            ("function f { a; }", true, false),
            ("echo >& /log", true, false),
            ("echo >&2", false, false),
            ("exec 3>&-", false, false),
            ("f() { a; } >&\"$fd\"", false, false),
            ("[[ a ]] && ((1)); let x++", false, false),
            ("if [[ $a =~ ^(b|c)$ ]]; then a; fi", true, true),
            ("[[ ( $a ) ]]", true, true),
            ("[[ $(a) = $((1 + 2)) && \"(\" = \\( && $b =~ ^c ]]", false, false),
            ("cat <<E\n<(a) <<< x\nE", false, false),
        ] {
            let source = Source::new("x.sh", text);
            let script = shell::parse(Arc::new(Excerpt::whole(&source)));
            let found = refused(&script.statements);
            assert_eq!(!found.is_empty(), dash, "{text}");
            assert_eq!(found.iter().any(|refused| refused.by_ash), ash, "{text}");
        }
    }

    #[test]
    fn arithmetic() {
        for text in ["x++", "x--", " x-- ", "2**3", "x++, y", "(x++)"] {
            assert!(is_beyond_dash(text), "{text}");
        }
        for text in ["++x", "--x", "a++b", "a--b", "a - -b", "x += 1", "-x", "a*b"] {
            assert!(!is_beyond_dash(text), "{text}");
        }
    }
}
