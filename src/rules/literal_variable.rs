//! `literal-variable`: `$NAME` in exec form, which nobody replaces.

use super::{Finding, Subject, words};
use crate::diagnostic::Severity;
use crate::dockerfile::Command;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let settings = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let elements: Vec<_> = settings
        .filter(|setting| setting.place.is_some())
        .filter_map(|setting| match &setting.value {
            Command::Exec(elements) => Some(elements),
            _ => None,
        })
        .flatten()
        .collect();
    // A command line for a shell is replaced by that shell; a script of the project may do as it likes.
    if elements.iter().any(|element| is_command_option(element.text())) {
        return Vec::new();
    }
    elements
        .into_iter()
        .filter(|element| has_variable(element.text()))
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
            finding
        })
        .collect()
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
