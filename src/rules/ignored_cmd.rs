//! `ignored-cmd`: CMD, or a part of it, is not used, because a shell with a command line stands in front: as ENTRYPOINT, or in the same list.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, words};
use crate::diagnostic::{Outcome, Related, Safety, Severity};
use crate::dockerfile::{Command, Setting};
use crate::programs::{Inner, Kind};
use crate::source::{Excerpt, Place, base_name};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    found(subject)
        .or_else(|| arguments_in_shell_form(subject))
        .or_else(|| behind_own_line(subject))
        .into_iter()
        .collect()
}

/// True for `["sh", "-c", "npm", "start"]`, in one list or in two: what runs is `npm` alone.
pub(super) fn loses_own_words(subject: &Subject<'_>) -> bool {
    let image = subject.image;
    let in_two = match (&image.entrypoint, &image.cmd) {
        (Some(Setting { value: Command::Exec(shell), .. }), Some(Setting { value: Command::Exec(words), .. })) => {
            matches!((call_in(shell, subject), words.as_slice()), (Some(Call::Waits), [line, _, ..]) if is_name(line))
        }
        _ => false,
    };
    in_two
        || own_lines(subject).any(|(setting, at)| {
            matches!(&setting.value, Command::Exec(elements) if is_name(&elements[at]))
        })
}

/// ENTRYPOINT or CMD with words behind its own command line that this does not look at, and where the line stands.
fn own_lines<'s>(subject: &'s Subject<'_>) -> impl Iterator<Item = (&'s Setting<Command>, usize)> {
    let settings = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    settings.filter_map(move |setting| {
        let Command::Exec(elements) = &setting.value else { return None };
        let Call::Line(line) = call_in(elements, subject)? else { return None };
        let at = elements.iter().position(|word| Arc::ptr_eq(word, line))?;
        let is_lost = match &elements[at + 1..] {
            [] => false,
            // Whoever writes a whole line may give it a name, too.
            [name] => is_name(line) && !is_filler(name.text()) && base_name(name.text()) != base_name(line.text()),
            [_, ..] => true,
        };
        (is_lost && !takes_arguments(line)).then_some((setting, at))
    })
}

/// True for the name of a program alone.
fn is_name(line: &Excerpt) -> bool {
    is_plain(line.text()) && !line.text().contains(' ')
}

/// `["sh", "-c", "npm", "start"]`: `start` is `$0` of a shell that runs `npm`.
fn behind_own_line(subject: &Subject<'_>) -> Option<Finding> {
    let (setting, at) = own_lines(subject).next()?;
    let Command::Exec(elements) = &setting.value else { return None };
    let (line, lost) = (&elements[at], &elements[at + 1..]);
    let what = if lost.len() == 1 { "the word behind it is" } else { "the words behind it are" };
    let message = format!("Only {} is run: behind `-c` it is the whole command line, and {what} not looked at.", words::code(line.text()));
    let mut finding = Finding::at(lost.first()?.whole_place(), "has no effect", message)
        .with_help("write the whole command as one word: `[\"sh\", \"-c\", \"exec server --port 80\"]`");
    let ends = subject.launch.is_some_and(|launch| launch.outcome == Outcome::ExitsEarly);
    finding.outcome = ends.then_some(Outcome::ExitsEarly);
    let words: Vec<&str> = elements[at..].iter().map(|word| word.text()).collect();
    let arguments: Vec<Option<&str>> = words[1..].iter().copied().map(Some).collect();
    // Not a built-in, and not a program that is given its own name.
    let row = subject.tables.program(words[0], &arguments).filter(|row| row.kind != Kind::Setup);
    let is_one_command =
        row.is_some() && words[1] != words[0] && elements[at..].iter().all(|word| is_name(word));
    let whole = format!("exec {}", words.join(" "));
    let edit = is_one_command.then(|| setting.replace_words(at..elements.len(), &[whole])).flatten();
    finding.repairs.extend(edit.map(|edit| Repair::unsafe_("Write the command line as one word", vec![edit])));
    Some(finding)
}

/// Words that a shell takes as they stand.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:,@%+=".contains(c))
}

/// `ENTRYPOINT ["gunicorn"]` and `CMD app:app`: the program gets `/bin/sh`, `-c` and the line.
fn arguments_in_shell_form(subject: &Subject<'_>) -> Option<Finding> {
    let words: Vec<&str> = match &subject.image.entrypoint.as_ref()?.value {
        Command::Exec(elements) => elements.iter().map(|element| element.text()).collect(),
        Command::Inherited(words) => words.iter().map(String::as_str).collect(),
        Command::Shell { .. } => return None,
    };
    let cmd = subject.image.cmd.as_ref()?;
    let Command::Shell { text, shell } = &cmd.value else { return None };
    let (program, arguments) = words.split_first()?;
    let arguments: Vec<Option<&str>> = arguments.iter().copied().map(Some).collect();
    let kind = subject.tables.program(program, &arguments)?.kind;
    // What becomes its arguments, or may, gets along with a shell.
    if !matches!(kind, Kind::Server | Kind::Interpreter) {
        return None;
    }
    let name = base_name(program);
    let message = format!("`{name}` gets {} as its arguments: CMD in shell form begins with a shell.", words::code(shell.join(" ")));
    let finding = Finding::at(cmd.place.clone()?, "begins with a shell", message)
        .with_help("write CMD in exec form: its words are then the program's arguments");
    Some(finding.with_repairs(repair::exec_form(text)))
}

fn found(subject: &Subject<'_>) -> Option<Finding> {
    let entrypoint = subject.image.entrypoint.as_ref()?;
    let cmd = subject.image.cmd.as_ref()?;
    let place = cmd.place.clone()?;
    let mut finding = match &entrypoint.value {
        Command::Shell { text, .. } if takes_arguments(text) => zeroth(cmd, place, text, entrypoint),
        Command::Shell { text, .. } => Some(unused(place, text, entrypoint)),
        Command::Exec(elements) => match call_in(elements, subject)? {
            Call::Waits => beyond_the_line(cmd, place),
            Call::Line(text) if !takes_arguments(text) => Some(unused(place, text, entrypoint)),
            Call::Line(text) if elements.last().is_some_and(|last| Arc::ptr_eq(last, text)) => {
                zeroth(cmd, place, text, entrypoint)
            }
            Call::Line(_) => None,
        },
        Command::Inherited(_) => None,
    }?;
    let ends = subject.launch.is_some_and(|launch| launch.outcome == Outcome::ExitsEarly);
    finding.outcome = ends.then_some(Outcome::ExitsEarly);
    finding.related.extend(
        entrypoint.place.clone().map(|place| Related::new(place, "this line is what runs")),
    );
    Some(finding)
}

fn is_shell(word: &Excerpt) -> bool {
    matches!(base_name(word.text()), "sh" | "bash" | "ash" | "dash")
}

/// What fills `$0`, for who means nothing by it.
fn is_filler(word: &str) -> bool {
    matches!(word, "" | "-" | "--" | "_" | "sh" | "bash" | "ash" | "dash")
}

/// A shell that is called with `-c`.
enum Call<'a> {
    /// Its command line.
    Line(&'a Arc<Excerpt>),
    /// The command line is to come from CMD.
    Waits,
}

/// The shell that a list runs, which may stand behind a wrapper (`tini -- sh -c ...`).
fn call_in<'a>(elements: &'a [Arc<Excerpt>], subject: &Subject<'_>) -> Option<Call<'a>> {
    let shell = elements.iter().position(|word| is_shell(word))?;
    if let Some((program, words)) = elements.split_first().filter(|_| shell > 0) {
        let words: Vec<Option<&str>> = words.iter().map(|word| Some(word.text())).collect();
        let inner = subject.tables.program(program.text(), &words)?.inner_command(&words);
        // The options of `su -s /bin/sh -c LINE` are its own.
        if !matches!(inner, Inner::Command { name, .. } if name + 1 == shell) {
            return None;
        }
    }
    let arguments = &elements[shell + 1..];
    let is_option = |word: &Arc<Excerpt>| word.text().starts_with('-');
    let takes_line = |word: &Arc<Excerpt>| !word.text().starts_with("--") && word.text().contains('c');
    let options = arguments.iter().take_while(|word| is_option(word)).count();
    let takes_value = |word: &Arc<Excerpt>| word.text().ends_with(['o', 'O']);
    if arguments[..options].iter().any(takes_value) || !arguments[..options].iter().any(takes_line) {
        return None;
    }
    Some(arguments.get(options).map_or(Call::Waits, Call::Line))
}

/// `$0`, `$1`, `$@`: the line takes its arguments from there.
fn takes_arguments(line: &Excerpt) -> bool {
    parameters(line).any(|name| name.is_ascii_digit() || "@*#".contains(name))
}

/// What stands behind each `$` of a line.
fn parameters(line: &Excerpt) -> impl Iterator<Item = char> {
    let text = line.text();
    text.match_indices('$').filter_map(|(at, _)| text[at + 1..].trim_start_matches('{').chars().next())
}

fn unused(cmd: Place, line: &Excerpt, entrypoint: &Setting<Command>) -> Finding {
    let mut finding = Finding::at(
        cmd,
        "has no effect",
        "CMD has no effect: ENTRYPOINT is a command line for a shell, which does not look at further arguments.",
    )
    .with_help("write ENTRYPOINT in exec form, or put the whole command into it and drop CMD");
    finding.severity = Severity::Warning;
    if let Command::Shell { shell, .. } = &entrypoint.value
        && *shell == ["/bin/sh", "-c"]
        && let Some(mut repair) = repair::exec_form(line)
    {
        repair.safety = Safety::Unsafe;
        repair.message = "Write ENTRYPOINT in exec form; the program then gets the words of CMD as arguments".to_owned();
        finding.repairs.push(repair);
    }
    finding
}

/// `["sh", "-c"]` with a CMD of several words: the first is the command line, the others are not looked at.
fn beyond_the_line(cmd: &Setting<Command>, place: Place) -> Option<Finding> {
    let (message, words): (_, Vec<&str>) = match &cmd.value {
        Command::Shell { text, .. } => (
            "ENTRYPOINT wants a command line, and CMD in shell form begins with `/bin/sh`: an idle shell is all that runs.",
            vec![text.text()],
        ),
        Command::Exec(elements) => match elements.as_slice() {
            [line, _, ..] if !takes_arguments(line) => (
                "Only the first word of CMD is run: behind `-c` it is the whole command line, and the others are not looked at.",
                elements.iter().map(|element| element.text()).collect(),
            ),
            _ => return None,
        },
        Command::Inherited(_) => return None,
    };
    let mut finding = Finding::at(place, "not what is run", message)
        .with_help("write the whole command as the one word of an exec form: `CMD [\"exec server --port 80\"]`");
    let line = match words.as_slice() {
        [line] => Some((*line).to_owned()),
        words => shlex::try_join(words.iter().copied()).ok(),
    };
    finding.repairs.extend(line.and_then(|line| one_word(cmd, &line)));
    Some(finding)
}

/// The whole of CMD as one word.
fn one_word(cmd: &Setting<Command>, line: &str) -> Option<Repair> {
    let is_simple = line.chars().all(|c| c.is_ascii_alphanumeric() || " -_./:,@%+'".contains(c));
    let line = if is_simple && !line.starts_with("exec ") { format!("exec {line}") } else { line.to_owned() };
    let message = "Write the command line as one word".to_owned();
    let edit = match &cmd.value {
        Command::Exec(elements) => cmd.replace_words(0..elements.len(), &[line])?,
        Command::Shell { text, .. } => {
            let word = repair::json(&[line]);
            crate::source::Edit::new(text.source(), text.span(), word)
        }
        Command::Inherited(_) => return None,
    };
    Some(Repair::unsafe_(message, vec![edit]))
}

/// `["sh", "-c", "exec \"$@\""]`: the first word of CMD is `$0`, and `"$@"` begins with the second.
fn zeroth(cmd: &Setting<Command>, place: Place, line: &Excerpt, entrypoint: &Setting<Command>) -> Option<Finding> {
    let Command::Exec(words) = &cmd.value else { return None };
    let first = words.first()?.text();
    if is_filler(first) || parameters(line).any(|name| name == '0') {
        return None;
    }
    let message = format!("The first word of CMD, `{first}`, is lost: behind the command line of `-c` it is `$0`, and `$1` and `\"$@\"` begin with the next.");
    let mut finding = Finding::at(place, "its first word is `$0`", message)
        .with_help("fill `$0`: write `\"--\"` behind the command line in ENTRYPOINT");
    if let Command::Exec(elements) = &entrypoint.value {
        let edit = entrypoint.replace_words(elements.len()..elements.len(), &["--".to_owned()]);
        finding.repairs.extend(edit.map(|edit| Repair::unsafe_("Fill `$0`, so that `\"$@\"` is all of CMD", vec![edit])));
    }
    Some(finding)
}
