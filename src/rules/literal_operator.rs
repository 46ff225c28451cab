//! `literal-operator`: `&&`, `|`, `>` and the like where no shell reads them.

use super::{Finding, Repair, Subject, words};
use crate::diagnostic::{Outcome, Severity};
use crate::dockerfile::{Command, Setting};
use crate::launch::Broken;
use crate::project::supervised::Program;
use crate::source::{Edit, Place};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let image = subject.image;
    let dropped = image.runtime.dropped.as_ref().map(|place| dropped(place, subject));
    let settings = [&image.entrypoint, &image.cmd].into_iter().flatten();
    let settings = settings.filter_map(|setting| shell_only(setting, subject).or_else(|| passed_on(setting, subject)));
    let programs = subject.launch.map_or(&[][..], |launch| &launch.supervised);
    dropped.into_iter().chain(settings).chain(programs.iter().filter_map(|program| supervised(program))).collect()
}

/// True where ENTRYPOINT or CMD holds a second command that no shell reads.
pub(super) fn is_misread(subject: &Subject<'_>) -> bool {
    let image = subject.image;
    let settings = [&image.entrypoint, &image.cmd].into_iter().flatten();
    let dropped = image.runtime.dropped.iter().map(|place| dropped(place, subject));
    dropped
        .chain(settings.filter_map(|setting| passed_on(setting, subject)))
        .any(|finding| finding.severity == Severity::Error)
}

/// Compose reads a command line up to the first operator.
fn dropped(place: &Place, subject: &Subject<'_>) -> Finding {
    let message = format!("Compose runs no shell: it throws {} away, and starts what stands in front of it.", words::code(place.text()));
    let mut finding = Finding::at(place.clone(), "thrown away", message)
        .with_help("write `sh -c '...'` around the whole line, with `exec` in front of its last command");
    if place.text().starts_with(['>', '<']) {
        finding.severity = Severity::Warning;
    }
    let ends = subject.launch.is_some_and(|launch| launch.outcome == Outcome::ExitsEarly);
    finding.outcome = ends.then_some(Outcome::ExitsEarly);
    let settings = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let whole = settings.filter_map(|setting| setting.place.as_ref()).find(|whole| whole.span.end == place.span.end);
    finding.with_repairs(whole.and_then(in_a_shell))
}

/// `a && b` as `sh -c 'a && exec b'`.
fn in_a_shell(line: &Place) -> Option<Repair> {
    let text = line.text();
    let (before, last) = text.rsplit_once("&& ")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -_./:=,@%+".contains(c);
    let starts_a_program = |c: char| c.is_ascii_alphanumeric() || "./".contains(c);
    let program = last.split(' ').next().filter(|name| !name.contains('='))?;
    if !before.replace("&&", "").chars().chain(last.chars()).all(is_plain) || !program.starts_with(starts_a_program) {
        return None;
    }
    let edit = Edit::new(&line.source, line.span, format!("sh -c '{before}&& exec {last}'"));
    Some(Repair::unsafe_(format!("Let a shell read the line; `{program}` is started then"), vec![edit]))
}

/// `["exec", "server"]`, `["LEVEL=debug", "server"]`: what only a shell understands, in the program's place.
fn shell_only(setting: &Setting<Command>, subject: &Subject<'_>) -> Option<Finding> {
    let Command::Exec(elements) = &setting.value else { return None };
    let script = subject.launch?.broken.as_ref().filter(|script| script.broken == Broken::ShellOnly)?;
    let at = elements.iter().position(|element| element.whole_place() == script.text.whole_place())?;
    let name = elements[at].text();
    let message = format!("The container does not start: no shell reads the exec form, and there is no program `{name}`.");
    let mut finding = Finding::at(elements[at].whole_place(), "only a shell knows this", message)
        .with_help("use `[\"sh\", \"-c\", \"...\"]` with the whole line as one word, and `exec` in front of its last command");
    finding.outcome = Some(Outcome::ExitsEarly);
    let has_operator = elements.iter().any(|element| is_operator(element.text()));
    let repair = match name {
        _ if has_operator => None,
        // Without a shell the program would have no name.
        "exec" if elements[at + 1..].iter().any(|word| word.text().contains('$')) => with_a_shell(setting, at, subject),
        "exec" => elements
            .get(at + 1)
            .and_then(|next| setting.replace_words(at..at + 2, &[next.text().to_owned()]))
            .map(|edit| Repair::safe("Leave `exec` out", vec![edit])),
        _ if name.contains('=') => {
            let words = ["env".to_owned(), name.to_owned()];
            setting.replace_words(at..at + 1, &words).map(|edit| Repair::safe("Let `env` set the variable", vec![edit]))
        }
        _ => None,
    };
    Some(finding.with_repairs(repair))
}

/// `["exec", "$DIR/server"]` as `["sh", "-c", "exec \"$DIR/server\""]`: each element is still one word.
fn with_a_shell(setting: &Setting<Command>, at: usize, subject: &Subject<'_>) -> Option<Repair> {
    let Command::Exec(elements) = &setting.value else { return None };
    let is_plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:=,@%+${}".contains(c));
    // What CMD adds would be the shell's arguments.
    let is_last = subject.image.cmd.as_ref().is_none_or(|cmd| cmd.place == setting.place);
    let words = elements[at + 1..].iter().map(|word| word.text());
    if !is_last || !words.clone().all(is_plain) {
        return None;
    }
    let quoted = words.map(|word| if word.contains('$') { format!("\"{word}\"") } else { word.to_owned() });
    let line = format!("exec {}", quoted.collect::<Vec<_>>().join(" "));
    let edit = setting.replace_words(at..elements.len(), &["sh".to_owned(), "-c".to_owned(), line])?;
    Some(Repair::safe("Let a shell replace the variables", vec![edit]))
}

/// An operator as a word of an exec form.
fn passed_on(setting: &Setting<Command>, subject: &Subject<'_>) -> Option<Finding> {
    let Command::Exec(elements) = &setting.value else { return None };
    // A script hands them to a shell, or a program joins its arguments to a line.
    let evaluates = subject.launch.is_some_and(|launch| launch.evaluates);
    if evaluates || elements.iter().any(|element| subject.tables.takes_operators(element.text())) {
        return None;
    }
    // `find -exec ... ;` wants its semicolon.
    let is_find = elements.iter().any(|element| element.text().ends_with("exec"));
    let found = elements.iter().find(|element| is_operator(element.text()) && !(is_find && element.text() == ";"))?;
    setting.place.as_ref()?;
    let message = format!(
        "No shell reads the exec form: {} and what follows are arguments of the program in front.",
        words::code(found.text())
    );
    let help = "use `[\"sh\", \"-c\", \"...\"]` with the whole line as one word, and `exec` in front of its last command";
    let mut finding = Finding::at(found.whole_place(), "passed on as it stands", message).with_help(help);
    if found.text().contains(['>', '<']) {
        finding.severity = Severity::Warning;
    }
    Some(finding)
}

/// supervisord splits a command into words, and runs the first.
fn supervised(program: &Program) -> Option<Finding> {
    let first = program.command.first()?.text.text();
    let operator = program.command.iter().find(|word| is_operator(word.text.text()));
    let (place, message) = match (first, operator) {
        ("exec" | "cd" | "source" | "export", _) => {
            let place = program.command.first()?.text.whole_place();
            (place, format!("supervisord runs no shell: there is no program `{first}`, and `{}` does not start.", program.name))
        }
        (_, Some(operator)) => {
            let operator = &operator.text;
            let message = format!(
                "supervisord runs no shell: {} and what follows are arguments of the program in front.",
                words::code(operator.text())
            );
            (operator.whole_place(), message)
        }
        _ => return None,
    };
    let help = "set `directory` and `environment` for the program, or write `bash -c \"... && exec ...\"`";
    Some(Finding::at(place, "no shell reads this", message).with_help(help))
}

/// True for a word that means something to a shell alone.
pub(super) fn is_operator(word: &str) -> bool {
    matches!(word, "&&" | "||" | ";" | "|" | "&" | ">" | ">>" | "<" | "2>&1" | "2>" | "&>" | "|&")
}
