//! Comments that silence findings: `# pidone: ignore[rule, rule] reason` and `# pidone: ignore-file[rule] reason`.

use std::sync::Arc;

use camino::Utf8Path;

use crate::dockerfile;
use crate::shell;
use crate::source::{Excerpt, Place, Source, Span};

/// What such a comment begins with.
const MARK: &str = "pidone:";

/// A comment for pidone.
#[derive(Debug, Clone)]
pub struct Suppression {
    /// The comment, from its `#`.
    pub comment: Place,
    /// The names between the brackets.
    pub rules: Vec<Place>,
    /// Why it cannot be read, for people.
    pub problem: Option<&'static str>,
    scope: Scope,
}

/// Which findings of its file a comment is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// All.
    File,
    /// Those that start on one of these lines.
    Start(usize, usize),
    /// Those that start or end on this line, at the end of which the comment stands.
    Line(usize),
}

/// How comments are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Whole lines; here-documents may be scripts.
    Dockerfile,
    /// Whole lines, and ends of lines.
    Shell,
    /// Whole lines (YAML, ini files, Python).
    Lines,
    /// Not at all, or not after `#`.
    Json,
}

impl Language {
    /// The language of a file that a Dockerfile's verdict rests on.
    pub fn of(source: &Source, dockerfile: &Utf8Path) -> Self {
        match source.path().extension() {
            Some("yaml" | "yml") => Self::Lines,
            _ if source.path() == dockerfile || is_dockerfile(source) => Self::Dockerfile,
            Some("json" | "js" | "cjs" | "mjs" | "ts") => Self::Json,
            Some("toml" | "conf" | "cfg" | "ini" | "py") => Self::Lines,
            _ => Self::Shell,
        }
    }
}

/// A deployment's verdict rests on the Dockerfiles of its images.
fn is_dockerfile(source: &Source) -> bool {
    let name = source.path().file_name().unwrap_or_default().to_lowercase();
    name.contains("dockerfile") || name.contains("containerfile")
}

impl Suppression {
    /// True if the comment is about findings at a place.
    pub fn covers(&self, place: &Place) -> bool {
        let source = &self.comment.source;
        if place.source.path() != source.path() {
            return false;
        }
        let last = place.span.end.max(place.span.start + 1) - 1;
        let (start, end) = (place.source.line(place.span.start), place.source.line(last));
        match self.scope {
            Scope::File => true,
            Scope::Start(first, last) => (first..=last).contains(&start),
            Scope::Line(line) => line == start || line == end,
        }
    }

    /// True if the comment silences findings of a rule at a place.
    pub fn silences(&self, rule: &str, place: &Place) -> bool {
        self.rules.iter().any(|name| name.text() == rule) && self.covers(place)
    }
}

/// The comments for pidone in all files that a Dockerfile's verdict rests on.
#[derive(Debug)]
pub struct Suppressions(Vec<Suppression>);

impl Suppressions {
    /// The comments in these files.
    pub fn of(sources: &[Arc<Source>], dockerfile: &Utf8Path, findings: &[Place]) -> Self {
        let read = |source| suppressions(source, Language::of(source, dockerfile), findings);
        Self(sources.iter().flat_map(read).collect())
    }

    /// Each of them.
    pub fn all(&self) -> &[Suppression] {
        &self.0
    }

    /// True if one of them silences findings of a rule at a place.
    pub fn silence(&self, rule: &str, place: &Place) -> bool {
        self.0.iter().any(|suppression| suppression.silences(rule, place))
    }
}

/// The comments for pidone in a file. `findings` tells which here-documents of a Dockerfile are scripts, besides those that begin with
/// the line of a shell.
fn suppressions(source: &Arc<Source>, language: Language, findings: &[Place]) -> Vec<Suppression> {
    if !source.text().contains(MARK) {
        return Vec::new();
    }
    match language {
        Language::Dockerfile => in_dockerfile(source, findings),
        Language::Shell => in_shell(&Excerpt::whole(source)),
        Language::Lines => in_lines(source),
        Language::Json => Vec::new(),
    }
}

fn in_dockerfile(source: &Arc<Source>, findings: &[Place]) -> Vec<Suppression> {
    let dockerfile = dockerfile::read(source);
    let mut found = Vec::new();
    for &comment in &dockerfile.comments {
        // Above an instruction or between its lines, it is about the instruction. Its here-documents have comments of their own.
        let instruction =
            dockerfile.instructions.iter().find(|instruction| instruction.span.end > comment.end);
        let scope = instruction.map(|instruction| {
            let first_body = instruction.heredocs.iter().map(|heredoc| heredoc.body.span().start).min();
            let end = first_body.map_or(instruction.span.end, |start| start - 1);
            Scope::Start(source.line(instruction.span.start), source.line(end))
        });
        found.extend(read(source, comment, scope));
    }
    for heredoc in dockerfile.instructions.iter().flat_map(|instruction| &instruction.heredocs) {
        let is_started =
            |place: &Place| place.source.path() == source.path() && place.span.overlaps(heredoc.body.span());
        let first = heredoc.body.text().lines().next().unwrap_or_default();
        if (first.starts_with("#!") && first.contains("sh")) || findings.iter().any(is_started) {
            found.extend(in_shell(&heredoc.body));
        }
    }
    found.sort_by_key(|suppression| suppression.comment.span);
    found
}

fn in_shell(script: &Excerpt) -> Vec<Suppression> {
    let source = script.source();
    let comments = shell::comments(script.text()).into_iter().map(|span| script.to_source(span));
    let read = comments.filter_map(|comment| {
        let line = source.line(comment.start);
        let before = source.slice(Span::new(source.line_span(line).start, comment.start));
        let scope = if before.trim().is_empty() { below(source, line) } else { Some(Scope::Line(line)) };
        read(source, comment, scope)
    });
    read.collect()
}

fn in_lines(source: &Arc<Source>) -> Vec<Suppression> {
    let lines = 1..=source.line(source.text().len());
    let read = lines.filter_map(|line| {
        let span = source.line_span(line);
        let indent = source.slice(span).find(|c: char| !c.is_whitespace())?;
        read(source, Span::new(span.start + indent, span.end), below(source, line))
    });
    read.collect()
}

/// The first line below that is neither blank nor a comment.
fn below(source: &Source, line: usize) -> Option<Scope> {
    let last = source.line(source.text().len());
    let counts = |line: &usize| {
        let text = source.slice(source.line_span(*line)).trim_start();
        !text.is_empty() && !text.starts_with('#')
    };
    (line + 1..=last).find(counts).map(|line| Scope::Start(line, line))
}

/// A comment, if it is for pidone. `scope` is what it is about unless it is about the file.
fn read(source: &Arc<Source>, comment: Span, scope: Option<Scope>) -> Option<Suppression> {
    let text = source.slice(comment).trim_end();
    let words = text.trim_start_matches('#').trim_start().strip_prefix(MARK)?.trim_start();
    let comment = Span::new(comment.start, comment.start + text.len());
    let at = |rest: &str| comment.end - rest.len();
    let problem = |problem| {
        let (comment, scope) = (Place::new(source, comment), Scope::File);
        Some(Suppression { comment, rules: Vec::new(), problem: Some(problem), scope })
    };
    let name = words.split(|c: char| !c.is_ascii_alphabetic() && c != '-').next().unwrap_or_default();
    let scope = match name {
        "ignore" => scope,
        "ignore-file" => Some(Scope::File),
        _ => return problem("only `ignore[rule]` and `ignore-file[rule]` can follow"),
    };
    let Some(list) = words[name.len()..].strip_prefix('[') else {
        return problem("the rules stand in brackets: `ignore[missing-exec]`");
    };
    let Some((list, rest)) = list.split_once(']') else { return problem("the bracket is not closed") };
    let mut rules = Vec::new();
    let mut start = at(rest) - 1 - list.len();
    for part in list.split(',') {
        let name = part.trim();
        if !name.is_empty() {
            let first = start + (part.len() - part.trim_start().len());
            rules.push(Place::new(source, Span::new(first, first + name.len())));
        }
        start += part.len() + 1;
    }
    if rules.is_empty() {
        return problem("no rule stands in the brackets");
    }
    let Some(scope) = scope else { return problem("nothing follows that it could be about") };
    Some(Suppression { comment: Place::new(source, comment), rules, problem: None, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(language: Language, text: &str) -> Vec<(Vec<String>, Scope, Option<&'static str>)> {
        let source = Source::new("f", text);
        let found = suppressions(&source, language, &[]).into_iter();
        let names = |rules: Vec<Place>| rules.iter().map(|rule| rule.text().to_owned()).collect();
        found.map(|found| (names(found.rules), found.scope, found.problem)).collect()
    }

    fn scopes(language: Language, text: &str) -> Vec<Scope> {
        read_all(language, text).into_iter().map(|(_, scope, _)| scope).collect()
    }

    #[test]
    fn scripts() {
        let text = "#!/bin/sh\na # pidone: ignore[x] why\n  # pidone: ignore[x , y]\n# more\n\nb '# pidone: ignore[z]'\n# pidone: ignore-file[x]\n";
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            read_all(Language::Shell, text),
            [
                (names(&["x"]), Scope::Line(2), None),
                (names(&["x", "y"]), Scope::Start(6, 6), None),
                (names(&["x"]), Scope::File, None),
            ]
        );
        assert_eq!(scopes(Language::Shell, "a\r\n# pidone: ignore[x] why\r\nb\r\n"), [Scope::Start(3, 3)]);
    }

    #[test]
    fn dockerfiles() {
        let text = "FROM a\nCMD a \\\n # pidone: ignore[x]\n  b # pidone: ignore[y]\n";
        assert_eq!(scopes(Language::Dockerfile, text), [Scope::Start(2, 4)]);
        let text = "# pidone: ignore[x]\nCOPY <<E <<F /\n#!/bin/sh\na # pidone: ignore[x]\nE\n# pidone: ignore[x]\nF\n";
        assert_eq!(scopes(Language::Dockerfile, text), [Scope::Start(2, 2), Scope::Line(4)]);
    }

    #[test]
    fn lines() {
        assert_eq!(
            scopes(Language::Lines, "a: # pidone: ignore[x]\n  # pidone: ignore[x]\n  b: c\n"),
            [Scope::Start(3, 3)]
        );
        assert_eq!(scopes(Language::Json, "# pidone: ignore[x]\n{}\n"), []);
    }

    #[test]
    fn what_cannot_be_read() {
        for text in [
            "disable",
            "",
            "ignore",
            "ignore x",
            "ignore[x",
            "ignore[ , ]",
            "ignore[x]",
            "Ignore[x]",
            "ignore-line[x]",
        ] {
            let found = read_all(Language::Shell, &format!("a\n#pidone: {text}"));
            assert!(matches!(&found[..], [(rules, _, Some(_))] if rules.is_empty()), "{text}: {found:?}");
        }
        assert_eq!(read_all(Language::Shell, "# pidone is a tool\n# see pidone: x\na\n"), []);
    }
}
