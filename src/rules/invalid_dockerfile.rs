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
    if is_other_language(dockerfile) {
        return Vec::new();
    }
    let unknown = dockerfile.instructions.iter().find(|i| i.keyword == Keyword::Unknown);
    let end = unknown.map_or(usize::MAX, |instruction| instruction.span.start);
    if unknown.is_some_and(|instruction| is_template(dockerfile.source.slice(instruction.span))) {
        return Vec::new();
    }
    // A placeholder, or something else that only has the word in its name: `Dockerfile.part`, `dockerfile_test.dart`.
    let has_stage = dockerfile.instructions.iter().any(|i| i.keyword == Keyword::From);
    let is_placeholder = dockerfile.instructions.is_empty() && !dockerfile.comments.is_empty();
    if is_placeholder || (!has_stage && !is_named_for_sure(dockerfile)) {
        return Vec::new();
    }
    let is_real = |span: Span| {
        let line = dockerfile.source.slice(dockerfile.source.line_span(dockerfile.source.line(span.start)));
        !line.contains("{{") && !line.contains("{%")
    };
    let problems = dockerfile.problems.iter().filter(|problem| problem.span.start <= end && is_real(problem.span));
    let problems = problems.map(|problem| {
        let place = Place::new(&dockerfile.source, problem.span);
        Finding::at(place, "refused by the builder", format!("This cannot be built: {}.", problem.message))
    });
    problems.collect()
}

/// True where `# syntax=` names another frontend than Docker's own: what it reads may have instructions of its own (`INCLUDE`).
fn is_other_language(dockerfile: &Dockerfile) -> bool {
    let directive = |line: &str| {
        let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("syntax").then(|| value.trim().to_owned())
    };
    let comments = dockerfile.source.text().trim_start_matches('\u{feff}').lines();
    let frontend = comments.take_while(|line| line.trim().starts_with('#')).find_map(directive);
    frontend.is_some_and(|frontend| {
        let image = frontend.split('@').next().unwrap_or_default();
        let name = image.rsplit('/').next().and_then(|name| name.split(':').next());
        !matches!(name, Some("dockerfile" | "dockerfile-upstream"))
    })
}

/// `Dockerfile`, `web.Dockerfile`: the name of nothing else.
fn is_named_for_sure(dockerfile: &Dockerfile) -> bool {
    let name = dockerfile.source.path().file_name().unwrap_or_default().to_lowercase();
    ["dockerfile", "containerfile"].iter().any(|word| name.ends_with(word))
}

/// True for a line of a template language (Jinja, Go, jq, ERB, Mako), or for a placeholder (`@@STAGES@@`, `__STAGES__`).
fn is_template(line: &str) -> bool {
    ["{{", "{%", "{#", "<%", "%", "@", "__"].iter().any(|mark| line.starts_with(mark))
}
