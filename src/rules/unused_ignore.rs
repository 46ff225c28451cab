//! `unused-ignore`: comments that silence nothing.

use super::{Finding, Subject, named};
use crate::source::Place;
use crate::suppress::Suppression;

/// Said once for each comment, by what is below, not once for each image.
pub(super) fn check(_subject: &Subject<'_>) -> Vec<Finding> {
    Vec::new()
}

/// What cannot be read of a comment: its form, or the name of a rule.
pub(super) fn of_comment(suppression: &Suppression) -> Vec<Finding> {
    if let Some(problem) = suppression.problem {
        let message = format!("This comment silences nothing: {problem}.");
        let finding = at(suppression.comment.clone(), "not understood", message);
        return vec![finding.with_help("write `# pidone: ignore[rule] reason`")];
    }
    let unknown = suppression.rules.iter().filter_map(|name| Some((name, named(name.text()).err()?)));
    unknown
        .map(|(name, why)| {
            let message = format!("This comment silences nothing: `{}` is no rule.", name.text());
            at(name.clone(), "unknown rule", message).with_help(why)
        })
        .collect()
}

/// A rule that finds nothing where the comment stands.
pub(super) fn of_name(name: &Place) -> Finding {
    let message = format!("`{}` finds nothing here that this comment could silence.", name.text());
    at(name.clone(), "not needed", message).with_help("take it out; if the finding comes back, it will be seen")
}

fn at(place: Place, label: &'static str, message: String) -> Finding {
    let finding = Finding::at(place, label, message);
    Finding { rule: "unused-ignore", severity: crate::diagnostic::Severity::Warning, ..finding }
}
