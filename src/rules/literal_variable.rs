//! `literal-variable`: `$NAME` in exec form, which nobody replaces.

use super::{Finding, Repair, Subject, words};
use crate::diagnostic::{Outcome, Severity};
use crate::dockerfile::{Command, Instruction, Keyword};
use crate::launch::{Broken, BrokenScript};
use crate::source::{Edit, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    as_written(subject).into_iter().chain(for_the_build(subject)).collect()
}

/// `CMD server --port $PORT` where only an ARG gives the variable: that is gone when the container runs.
fn for_the_build(subject: &Subject<'_>) -> Option<Finding> {
    let image = subject.image;
    let is_told = |script: &BrokenScript| script.broken == Broken::BuildArgument;
    if subject.launch.and_then(|launch| launch.broken.as_ref()).is_some_and(is_told) {
        return None;
    }
    let texts = [&image.entrypoint, &image.cmd].into_iter().flatten().filter_map(|setting| match &setting.value {
        Command::Shell { text, .. } => Some((setting.place.as_ref()?, text)),
        _ => None,
    });
    let arguments = image.build_arguments();
    let (place, name) = texts.into_iter().find_map(|(place, text)| {
        Some((place, *arguments.iter().find(|name| expands(text.text(), name))?))
    })?;
    let message = format!("{} rests on an ARG, which is for the build only: when the container runs, it is empty unless its environment sets it.", words::code(format!("${name}")));
    let mut finding = Finding::at(place.clone(), "empty when the container runs", message)
        .with_help("set it for the container too, with `ENV`");
    finding.severity = Severity::Warning;
    // An ARG of another stage, or in front of the first one, is not there for ENV.
    let is_own = |(stage, instruction): &(usize, &Instruction)| {
        *stage == image.stage && instruction.keyword == Keyword::Arg && instruction.body.text().contains(name)
    };
    if !image.instructions().iter().any(is_own) {
        return Some(finding);
    }
    let source = &place.source;
    let line = source.line_span(source.line(place.span.start));
    let text = format!("ENV {name}=${{{name}}}{}", source.newline());
    let edit = Edit::new(source, Span::at(line.start), text);
    Some(finding.with_repairs([Repair::unsafe_(format!("Keep `{name}` for the container with ENV"), vec![edit])]))
}

/// `$NAME` or `${NAME}` outside single quotes, in a line that does not set it itself.
fn expands(line: &str, name: &str) -> bool {
    let quoted = |at: usize| line[..at].matches('\'').count() % 2 == 1;
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let plain = line.match_indices(&format!("${name}")).any(|(at, found)| !quoted(at) && ends(&line[at + found.len()..]));
    let braces = line.match_indices(&format!("${{{name}}}")).any(|(at, _)| !quoted(at));
    (plain || braces) && !line.contains(&format!("{name}="))
}

fn as_written(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let elements: Vec<_> = settings
        .filter(|setting| setting.place.is_some())
        .filter_map(|setting| match &setting.value {
            Command::Exec(elements) => Some(elements),
            _ => None,
        })
        .flatten()
        .collect();
    // A command line for a shell is replaced by that shell.
    if elements.iter().any(|element| is_command_option(element.text())) {
        return Vec::new();
    }
    let passes_on = |word: &str| subject.launch.is_none_or(|launch| launch.passes_on(word));
    elements
        .into_iter()
        .filter(|element| has_variable(element.text()) && passes_on(element.text()))
        .map(|element| {
            let mut finding = Finding::at(
                element.whole_place(),
                "passed on as it stands",
                format!(
                    "No shell reads the exec form: the program gets {} as it stands, not the variable's value.",
                    words::code(element.text())
                ),
            )
            .with_help("use `[\"sh\", \"-c\", \"exec ...\"]`, or let the program read its environment");
            finding.severity = Severity::Warning;
            finding.outcome = is_program(subject, element).then_some(Outcome::ExitsEarly);
            finding
        })
        .collect()
}

/// True for the name of the program that the container starts, which is nowhere.
fn is_program(subject: &Subject<'_>, element: &Excerpt) -> bool {
    subject.launch.and_then(|launch| launch.broken.as_ref()).is_some_and(|script| {
        script.broken == Broken::Variable && script.text.whole_place() == element.whole_place()
    })
}

/// `-c`, also in a bundle: `-euc`, `-lc`.
fn is_command_option(text: &str) -> bool {
    let letters = text.split(' ').next().and_then(|word| word.strip_prefix('-')).unwrap_or_default();
    letters.contains('c') && letters.len() < 6 && letters.chars().all(|c| c.is_ascii_alphabetic())
}

/// `$NAME` or `${NAME...}`, with an upper-case name as environment variables have.
fn has_variable(text: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let rest = text[at + 1..].trim_start_matches('{');
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        name.len() > 1 && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}
