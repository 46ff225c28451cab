//! What `script-not-runnable` says where there is no program of such a name.

use super::{Finding, Repair, words};
use crate::diagnostic::{Outcome, Related};
use crate::launch::{Broken, BrokenScript};
use crate::source::{Edit, Encoding, Excerpt, Span};

/// The finding; `None` where another rule owns the cause.
pub(super) fn finding(script: &BrokenScript) -> Option<Finding> {
    let text = &script.text;
    let is_interpreter = text.text().starts_with("#!");
    let name = words::code(text.text());
    let (label, why, help) = match script.broken {
        Broken::NoSuchProgram if is_interpreter => (
            "all of this is one line",
            "a backslash and an `n` stand in the `#!` line, and no interpreter has that name".to_owned(),
            "make the file with `printf` or `COPY <<'EOF'`: bash's `echo` leaves `\\n` as it is",
        ),
        Broken::NoSuchProgram if text.encoding() == Encoding::Derived => (
            "one word",
            format!("all of {name} is the name of one program, and there is none of that name"),
            "write `\"$@\"` for the arguments, or drop the quotes around the variable",
        ),
        Broken::NoSuchProgram => (
            "one word",
            format!("all of {name} is the name of one program, and there is none of that name"),
            "make each word of the command a string of its own",
        ),
        Broken::AfterExec if text.text().contains('=') => (
            "no program",
            format!("there is no program {name}: a shell reads it as an assignment only in front of the command, `exec` too"),
            "set the variable first: `NAME=value exec ...`",
        ),
        Broken::AfterExec => (
            "no program",
            format!("there is no program {name}: it is a command of the shell itself"),
            "leave `exec` out here, and put it in front of the command that stays",
        ),
        Broken::Empty => (
            "an empty name",
            "the name of the program is empty, because the variable that stood here was replaced when the image was built".to_owned(),
            "quote the delimiter of the here-document (`<<'EOF'`), or write `\\$` for a dollar that the script is to read",
        ),
        Broken::BuildArgument => (
            "empty when the container runs",
            format!("{name} rests on an ARG, which is for the build only: when the container runs, nothing sets it"),
            "set it for the container too, with `ENV`",
        ),
        Broken::NotOnPath => (
            "not on PATH",
            format!("{name} is in the working directory, where nobody looks for a program (\"executable file not found in $PATH\")"),
            "write where it is: `./` in front of the name, or the whole path",
        ),
        _ => return None,
    };
    let place = match is_interpreter {
        true => text.place(Span::new(0, text.text().find('\n').unwrap_or(text.text().len()))),
        false => text.whole_place(),
    };
    let mut finding =
        Finding::at(place, label, format!("The container does not start: {why}.")).with_help(help);
    finding.outcome = Some(Outcome::ExitsEarly);
    let started = &script.started;
    if started.source.path() != finding.place.source.path() || !started.span.overlaps(finding.place.span) {
        let message = "the container starts here";
        finding.related.push(Related::new(started.clone(), message));
    }
    let repair = match script.broken {
        Broken::NotOnPath => text
            .edit(Span::at(0), "./")
            .map(|edit| Repair::safe("Name the script with its folder", vec![edit])),
        Broken::NoSuchProgram => word_by_word(text),
        Broken::AfterExec => assignments_first(text),
        _ => None,
    };
    Some(finding.with_repairs(repair))
}

/// `exec A=1 B=2 server` as `A=1 B=2 exec server`.
fn assignments_first(text: &Excerpt) -> Option<Repair> {
    let (source, word) = (text.source(), text.span());
    let line = source.line_span(source.line(word.start));
    let before = source.slice(Span::new(line.start, word.start));
    let is_in_word = |c: char| c.is_ascii_alphanumeric() || "_-./$\\".contains(c);
    let exec = before.trim_end().strip_suffix("exec").filter(|lead| !lead.ends_with(is_in_word))?;
    let mut at = word.start;
    for assignment in source.slice(Span::new(word.start, line.end)).split_inclusive(' ') {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
        match assignment.strip_suffix(' ') {
            Some(assignment) if assignment.contains('=') && assignment.chars().all(plain) => {}
            // The program.
            Some(_) | None if at > word.start && !assignment.starts_with(['"', '\'', ' ', '\\']) => break,
            _ => return None,
        }
        at += assignment.len();
    }
    let edit = |span, text: &str| Edit::new(source, span, text);
    let exec = Span::new(line.start + exec.len(), word.start);
    Some(Repair::safe(
        "Set the variable in front of `exec`",
        vec![edit(exec, ""), edit(Span::at(at), "exec ")],
    ))
}

/// `"server --port 80"` as `"server", "--port", "80"`, where the words mean the same to everybody.
fn word_by_word(text: &Excerpt) -> Option<Repair> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " -_./:=,@%+".contains(c);
    if text.encoding() != Encoding::Json || !text.text().chars().all(plain) {
        return None;
    }
    let mut edits = Vec::new();
    let mut at = 0;
    for word in text.text().split(' ') {
        let blank = Span::new(at + word.len(), at + word.len() + 1);
        at = blank.end;
        if word.is_empty() {
            return None;
        }
        if at <= text.text().len() {
            edits.push(Edit::new(text.source(), text.to_source(blank), "\", \""));
        }
    }
    Some(Repair::safe("Make each word a string of its own", edits))
}
