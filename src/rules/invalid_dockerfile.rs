//! `invalid-dockerfile`: lines that the builder refuses.

use super::{Finding, Subject};
use crate::dockerfile::{Dockerfile, Keyword};
use crate::source::{Place, Span};

/// Said once for the file, by [`of_file`], not once for each of its images.
pub(super) fn check(_subject: &Subject<'_>) -> Vec<Finding> {
    Vec::new()
}

/// What could not be read, in order, up to the first word that is no instruction: the builder stops there too, and what follows is
/// likely no Dockerfile. A template becomes one only when it is filled in.
pub(super) fn of_file(dockerfile: &Dockerfile) -> Vec<Finding> {
    if dockerfile.is_other_language() || dockerfile.is_preprocessed() {
        return Vec::new();
    }
    let unknown = dockerfile.instructions.iter().find(|i| i.keyword == Keyword::Unknown);
    let end = unknown.map_or(usize::MAX, |instruction| instruction.span.start);
    if unknown.is_some_and(|instruction| is_template(dockerfile.source.slice(instruction.span))) {
        return Vec::new();
    }
    // A placeholder, a part that other files include, or something that only has the word in its name: `dockerfile_test.dart`.
    let has_stage = dockerfile.instructions.iter().any(|i| i.keyword == Keyword::From);
    let is_placeholder = dockerfile.instructions.is_empty() && !dockerfile.comments.is_empty();
    if is_placeholder || (!has_stage && !is_built_by_its_name(dockerfile)) {
        return Vec::new();
    }
    let is_real = |span: Span| {
        let (first, last) = (dockerfile.source.line(span.start), dockerfile.source.line(span.end));
        let mut lines = (first..=last).map(|line| dockerfile.source.slice(dockerfile.source.line_span(line)));
        !lines.any(|line| ["{{", "{%", "<%"].iter().any(|mark| line.contains(mark)) || has_placeholder(line))
    };
    let problems = dockerfile.problems.iter().filter(|problem| problem.span.start <= end && is_real(problem.span));
    let problems = problems.map(|problem| {
        let place = Place::new(&dockerfile.source, problem.span);
        Finding::at(place, "refused by the builder", format!("This cannot be built: {}.", problem.message))
    });
    problems.collect()
}

/// `Dockerfile`, which a build takes unasked. `common.Dockerfile` may be a part that others include.
fn is_built_by_its_name(dockerfile: &Dockerfile) -> bool {
    let name = dockerfile.source.path().file_name().unwrap_or_default();
    ["dockerfile", "containerfile"].iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// True for a line with a name that Maven, Ant or configure puts something in place of: `@version@`.
fn has_placeholder(line: &str) -> bool {
    let is_name = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        !part.is_empty() && part.chars().all(inner)
    };
    // What stands before the first `@` and behind the last one is no name.
    let parts: Vec<&str> = line.split('@').collect();
    parts.len() > 2 && parts[1..parts.len() - 1].iter().any(|part| is_name(part))
}

/// True for a line of a template language (Jinja, Go, jq, ERB, Mako), or for a placeholder (`@@STAGES@@`, `__STAGES__`, `${STAGES}`).
fn is_template(line: &str) -> bool {
    ["{{", "{%", "{#", "<%", "%", "@", "__", "$"].iter().any(|mark| line.starts_with(mark))
}
