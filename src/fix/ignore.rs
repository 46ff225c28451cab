//! Writing comments that silence findings, where they change nothing else.

use std::sync::Arc;

use super::session::{Session, Target, Texts};
use crate::diagnostic::Diagnostic;
use crate::dockerfile::{self, Heredoc};
use crate::edit;
use crate::orchestrator;
use crate::shell;
use crate::source::{Edit, Excerpt, Place, Source, Span};
use crate::suppress::Language;
use crate::yaml::{self, Node, Value};

/// The files with a comment that silences the finding, or why there can be none.
pub fn ignore(
    session: &Session<'_>,
    target: &Target,
    diagnostic: &Diagnostic,
    reason: &str,
) -> Result<Texts, &'static str> {
    let (place, language) = (&diagnostic.place, Language::of(&diagnostic.place.source, &target.0));
    if language == Language::Json {
        return Err(
            "the file has no such comments; an [[override]] in pidone.toml can ignore the rule there",
        );
    }
    if diagnostic.rule == "unused-ignore" {
        return Err("it is about a comment, which can be taken out");
    }
    let comment = comment("ignore", diagnostic.rule, reason);
    let before = session.check(target);
    for edit in candidates(place, language, &comment, &self::comment("ignore-file", diagnostic.rule, reason))
    {
        let Ok(text) = edit::apply(place.source.text(), [&edit]) else { continue };
        if !says_the_same(&place.source, &text, language) {
            continue;
        }
        let texts = Texts::from([(edit.path.to_path_buf(), text)]);
        if is_silenced(diagnostic, &before, &session.check_with(target, &texts)) {
            return Ok(texts);
        }
    }
    Err("no comment can stand here without changing what the file does")
}

fn comment(word: &str, rule: &str, reason: &str) -> String {
    // A line end would end the comment, and a control character is nothing to read.
    let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("# pidone: {word}[{rule}] {}", reason.trim()).trim_end().to_owned()
}

/// Where the comment may stand, the best first: above the line, at its end, and for the first line of a script below it.
fn candidates(place: &Place, language: Language, comment: &str, of_file: &str) -> Vec<Edit> {
    let source = &place.source;
    let newline = source.newline();
    let insert = |at: usize, text: String| Edit::new(source, Span::at(at), text);
    let above = |line: usize, comment: &str| {
        let span = source.line_span(line);
        let text = source.slice(span).trim_start_matches('\u{feff}');
        let indent = &text[..text.len() - text.trim_start().len()];
        insert(span.end - text.len(), format!("{indent}{comment}{newline}"))
    };
    let (first, last) = (place.line(), source.line(place.span.end.max(place.span.start + 1) - 1));
    let at_end = |comment: &str| insert(source.line_span(last).end, format!(" {comment}"));
    match (language, heredoc(place)) {
        (Language::Dockerfile, None) => {
            let instructions = dockerfile::parse(source).instructions;
            let own = instructions.iter().find(|instruction| instruction.span.end > place.span.start);
            vec![above(own.map_or(first, |own| source.line(own.span.start)), comment)]
        }
        (Language::Dockerfile, Some(heredoc)) => {
            // What the builder expands, it must find as it was meant.
            let [comment, of_file] = [comment, of_file].map(|text| match heredoc.expand {
                true => text.replace('\\', "\\\\").replace('$', "\\$"),
                false => text.to_owned(),
            });
            let start = source.line(heredoc.body.span().start);
            let near = [above(first, &comment), at_end(&comment)];
            in_script(source, first, near).chain([above(start + 1, &of_file)]).collect()
        }
        (Language::Shell, _) => {
            let near = [above(first, comment), at_end(comment)];
            in_script(source, first, near).chain([above(2, of_file)]).collect()
        }
        // An indented line of an ini file may continue the one above it.
        (Language::Lines, _) if !orchestrator::is_candidate(source.path()) && is_indented(source, first) => {
            Vec::new()
        }
        (Language::Lines, _) => vec![above(first, comment)],
        (Language::Json, _) => Vec::new(),
    }
}

/// Above the line comes first, unless the line continues another one: even where a comment is allowed between them, nobody expects it.
fn in_script(source: &Source, line: usize, [above, at_end]: [Edit; 2]) -> impl Iterator<Item = Edit> {
    let continues = line > 1 && source.slice(source.line_span(line - 1)).ends_with('\\');
    if continues { vec![at_end] } else { vec![above, at_end] }.into_iter()
}

/// The here-document of a Dockerfile in which the place is.
fn heredoc(place: &Place) -> Option<Heredoc> {
    let heredocs = dockerfile::parse(&place.source).instructions.into_iter().flat_map(|own| own.heredocs);
    heredocs.into_iter().find(|heredoc| heredoc.body.span().overlaps(place.span))
}

/// True if the text differs from that of the file in comments only.
fn says_the_same(source: &Arc<Source>, text: &str, language: Language) -> bool {
    let changed = Source::new(source.path(), text);
    match language {
        Language::Shell => is_same_script(&Excerpt::whole(source), &Excerpt::whole(&changed)),
        Language::Dockerfile => {
            let (before, after) = (dockerfile::parse(source), dockerfile::parse(&changed));
            let mut pairs = before.instructions.iter().zip(&after.instructions);
            before.escape == after.escape
                && before.problems.len() == after.problems.len()
                && before.instructions.len() == after.instructions.len()
                && pairs.all(|(before, after)| {
                    let mut bodies = before.heredocs.iter().zip(&after.heredocs);
                    before.keyword_text == after.keyword_text
                        && before.body.text() == after.body.text()
                        && before.heredocs.len() == after.heredocs.len()
                        && bodies.all(|(before, after)| {
                            before.body.text() == after.body.text()
                                || is_same_script(&before.body, &after.body)
                        })
                })
        }
        Language::Lines if orchestrator::is_candidate(source.path()) => {
            let (before, after) = (yaml::parse(source), yaml::parse(&changed));
            let (before, after) = (&before.documents, &after.documents);
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| is_same_node(before, after))
        }
        Language::Lines => true,
        Language::Json => false,
    }
}

fn is_indented(source: &Source, line: usize) -> bool {
    source.slice(source.line_span(line)).starts_with(char::is_whitespace)
}

/// A script in a block of its own may have a comment more.
fn is_same_node(before: &Node, after: &Node) -> bool {
    match (&before.value, &after.value) {
        (Value::Null, Value::Null) => true,
        (Value::Scalar(before), Value::Scalar(after)) => {
            before.text() == after.text() || (before.text().contains('\n') && is_same_script(before, after))
        }
        (Value::Sequence(before), Value::Sequence(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| is_same_node(before, after))
        }
        (Value::Mapping(before), Value::Mapping(after)) => {
            let mut pairs = before.iter().zip(after);
            before.len() == after.len()
                && pairs.all(|(before, after)| {
                    is_same_node(&before.0, &after.0) && is_same_node(&before.1, &after.1)
                })
        }
        _ => false,
    }
}

fn is_same_script(before: &Excerpt, after: &Excerpt) -> bool {
    let shebang = |script: &Excerpt| {
        script.text().lines().next().filter(|line| line.starts_with("#!")).map(str::to_owned)
    };
    shebang(before) == shebang(after) && shell::shape(before.text()) == shell::shape(after.text())
}

/// True if the finding is gone, and nothing has come or gone besides.
fn is_silenced(diagnostic: &Diagnostic, before: &[Diagnostic], after: &[Diagnostic]) -> bool {
    let key = |found: &Diagnostic| {
        (found.rule, found.place.source.path().to_owned(), found.place.text().to_owned())
    };
    let keys = |found: &[Diagnostic]| {
        let mut keys: Vec<_> = found.iter().map(key).collect();
        keys.sort_unstable();
        keys
    };
    let own = key(diagnostic);
    let (before, after) = (keys(before), keys(after));
    let count = |keys: &[_]| keys.iter().filter(|key| **key == own).count();
    let others = |keys: &[_]| keys.iter().filter(|key| **key != own).cloned().collect::<Vec<_>>();
    count(&after) < count(&before) && others(&after) == others(&before)
}
