//! Files that are no Dockerfile by themselves: what another program fills in first, and languages with instructions of their own.

use crate::source::{Span, base_name};

use super::{Dockerfile, Keyword, StageBase};

/// What the C preprocessor takes out of a file that it reads; to a builder these are comments.
const CONDITIONS: [&str; 3] = ["#if", "#ifdef", "#ifndef"];

impl Dockerfile {
    /// True where `# syntax=` names another frontend than Docker's own: what it reads may have instructions of its own (`INCLUDE`).
    pub fn is_other_language(&self) -> bool {
        let directive = |line: &str| {
            let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
            name.trim().eq_ignore_ascii_case("syntax").then(|| value.trim().to_owned())
        };
        let comments = self.source.text().trim_start_matches('\u{feff}').lines();
        let frontend = comments.take_while(|line| line.trim().starts_with('#')).find_map(directive);
        frontend.is_some_and(|frontend| {
            let image = frontend.split('@').next().unwrap_or_default();
            let name = base_name(image).split(':').next();
            !matches!(name, Some("dockerfile" | "dockerfile-upstream"))
        })
    }

    /// True for input of the C preprocessor: `#include "common.Dockerfile"`, or `#ifdef ARM` and `#endif`.
    pub fn is_preprocessed(&self) -> bool {
        let directives: Vec<&str> = self.comments_between().filter(|line| line.starts_with("#")).collect();
        let is_any = |words: &[&str]| {
            directives
                .iter()
                .any(|line| line.split_whitespace().next().is_some_and(|word| words.contains(&word)))
        };
        directives.iter().any(|line| is_include(line)) || (is_any(&CONDITIONS) && is_any(&["#endif"]))
    }

    /// The comments that stand between instructions: those inside one may be the text of a program that it writes.
    fn comments_between(&self) -> impl Iterator<Item = &str> {
        let is_inside = |comment: &Span| {
            let before =
                self.instructions.partition_point(|instruction| instruction.span.start <= comment.start);
            before.checked_sub(1).is_some_and(|at| comment.start < self.instructions[at].span.end)
        };
        self.comments
            .iter()
            .filter(move |comment| !is_inside(comment))
            .map(|comment| self.source.slice(*comment))
    }

    /// Why the file does not tell what is in its images, if another program adds to it.
    pub(crate) fn unread(&self) -> Option<&str> {
        self.unread.get_or_init(|| self.what_is_unread()).as_deref()
    }

    fn what_is_unread(&self) -> Option<String> {
        if self.is_preprocessed() {
            return Some("the C preprocessor reads the file before it is built".to_owned());
        }
        if !self.is_other_language() {
            return None;
        }
        let mut instructions = self.instructions.iter();
        if let Some(own) = instructions.find(|instruction| instruction.keyword == Keyword::Unknown) {
            return Some(format!("what `{}` brings is not known", own.keyword_text));
        }
        let is_file = |base: &StageBase| matches!(base, StageBase::Image(name) if name.starts_with('.') || name.contains('#'));
        let builds_on_file = self.stages().iter().any(|stage| is_file(&stage.base));
        builds_on_file.then(|| "it builds on a stage of another file".to_owned())
    }
}

/// True for `#include "file"` and `#include <file>`.
fn is_include(line: &str) -> bool {
    let file = line.strip_prefix("#include").map(str::trim).filter(|file| file.len() > 2);
    file.is_some_and(|file| {
        let is_in = |open: char, close: char| file.starts_with(open) && file.ends_with(close);
        is_in('"', '"') || is_in('<', '>')
    })
}

#[cfg(test)]
mod tests {
    use crate::dockerfile::parse;
    use crate::source::Source;

    #[test]
    fn what_does_not_stand_in_the_file() {
        for (text, unread) in [
            ("FROM a\nCMD b\n", None),
            ("# include \"x\" if needed\n#if you like\nFROM a\n", None),
            ("FROM a\nRUN printf '\\\n#include <stdio.h>\n' > a.c\n", None),
            (
                "FROM a\n#include \"common.Dockerfile\"\nCMD b\n",
                Some("the C preprocessor reads the file before it is built"),
            ),
            (
                "FROM a\n#ifdef ARM\nCMD b\n#endif\n",
                Some("the C preprocessor reads the file before it is built"),
            ),
            (
                "# syntax = devthefuture/dockerfile-x\nFROM a\nINCLUDE ./b\n",
                Some("what `INCLUDE` brings is not known"),
            ),
            (
                "# syntax = devthefuture/dockerfile-x\nFROM ./b#c\n",
                Some("it builds on a stage of another file"),
            ),
            ("# syntax = devthefuture/dockerfile-x\nFROM a\nCMD b\n", None),
            ("# syntax=docker/dockerfile:1\nFROM a\nINCLUDE ./b\n", None),
        ] {
            assert_eq!(parse(&Source::new("Dockerfile", text)).unread(), unread, "{text}");
        }
    }
}
