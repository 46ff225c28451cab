//! `ignored-cmd`: CMD is not used, because ENTRYPOINT is a shell with a command line.

use super::{Finding, Subject, repair};
use crate::diagnostic::{Related, Safety, Severity};
use crate::dockerfile::Command;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    found(subject).into_iter().collect()
}

fn found(subject: &Subject<'_>) -> Option<Finding> {
    let entrypoint = subject.image.entrypoint.as_ref()?;
    let cmd = subject.image.cmd.as_ref()?.place.clone()?;
    let text = match &entrypoint.value {
        Command::Shell { text, .. } => text,
        // ["sh", "-c", "..."]: what follows is $0, $1 ...
        Command::Exec(elements) => match elements.as_slice() {
            [shell, option, text]
                if option.text() == "-c" && matches!(shell.text().rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")) =>
            {
                text
            }
            _ => return None,
        },
        Command::Inherited(_) => return None,
    };
    // `$0`, `$1`, `$@`: the line takes its arguments from there.
    let takes_arguments = text
        .text()
        .match_indices('$')
        .any(|(at, _)| text.text()[at + 1..].trim_start_matches('{').starts_with(|c: char| c.is_ascii_digit() || "@*#".contains(c)));
    if takes_arguments {
        return None;
    }
    let mut finding = Finding::at(
        cmd,
        "has no effect",
        "CMD has no effect: ENTRYPOINT is a command line for a shell, which does not look at further arguments.",
    )
    .with_help("write ENTRYPOINT in exec form, or put the whole command into it and drop CMD");
    finding.severity = Severity::Warning;
    if let Command::Shell { text, shell } = &entrypoint.value
        && *shell == ["/bin/sh", "-c"]
        && let Some(mut repair) = repair::exec_form(text)
    {
        repair.safety = Safety::Unsafe;
        repair.message = "Write ENTRYPOINT in exec form; the program then gets the words of CMD as arguments".to_owned();
        finding.repairs.push(repair);
    }
    finding.related.extend(
        entrypoint.place.clone().map(|place| Related { place, message: "this line alone is what runs".to_owned() }),
    );
    Some(finding)
}
