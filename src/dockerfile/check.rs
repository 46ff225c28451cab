//! What BuildKit refuses in instructions that could be read.
//!
//! Flags that an instruction does not know are let pass where it takes flags at all: newer syntaxes add some.

use crate::source::Span;

use super::words::{arguments, assignments, words};
use super::{Dockerfile, Form, Instruction, Keyword, Problem};

/// The problems of all instructions, and of the file as a whole.
pub(super) fn problems(dockerfile: &Dockerfile) -> Vec<Problem> {
    let mut problems = Vec::new();
    let has_stage = dockerfile.instructions.iter().any(|i| i.keyword == Keyword::From);
    // Without any FROM one problem says it all.
    let mut in_stage = !has_stage;
    for instruction in &dockerfile.instructions {
        in_stage |= instruction.keyword == Keyword::From;
        let refusal = misplaced(instruction, in_stage)
            .or_else(|| flags(instruction))
            .or_else(|| arguments_of(instruction, dockerfile.escape));
        if let Some(message) = refusal {
            let span = match instruction.keyword {
                Keyword::Unknown => instruction.keyword_span,
                _ => line_span(instruction),
            };
            problems.push(Problem { span, message });
        }
    }
    if !has_stage {
        let message = "there is no FROM, so there is nothing to build".to_owned();
        problems.push(Problem { span: Span::at(dockerfile.source.text().len()), message });
    }
    problems
}

/// The instruction without its heredocs.
fn line_span(instruction: &Instruction) -> Span {
    Span::new(instruction.span.start, instruction.body.span().end.max(instruction.keyword_span.end))
}

fn misplaced(instruction: &Instruction, in_stage: bool) -> Option<String> {
    match instruction.keyword {
        Keyword::Unknown => Some(format!("unknown instruction: {}", instruction.keyword_text)),
        Keyword::Arg => None,
        _ if !in_stage => Some(format!("{} stands before the first FROM", instruction.keyword_text)),
        _ => None,
    }
}

fn flags(instruction: &Instruction) -> Option<String> {
    let takes_none = matches!(
        instruction.keyword,
        Keyword::Cmd
            | Keyword::Entrypoint
            | Keyword::Env
            | Keyword::Expose
            | Keyword::Label
            | Keyword::Maintainer
            | Keyword::Onbuild
            | Keyword::Shell
            | Keyword::User
            | Keyword::Volume
            | Keyword::Workdir
    );
    let flag = instruction.flags.first().filter(|_| takes_none)?;
    Some(format!("{} takes no flags, not even `--{}`", instruction.keyword_text, flag.name))
}

fn arguments_of(instruction: &Instruction, escape: char) -> Option<String> {
    let keyword = instruction.keyword_text.as_str();
    let body = instruction.body.text();
    let at_least = |least: usize| {
        let count = instruction.exec_form().map_or_else(|| words(body).take(least).count(), <[_]>::len);
        let plural = if least == 1 { "" } else { "s" };
        (count < least).then(|| format!("{keyword} needs at least {least} argument{plural}"))
    };
    match instruction.keyword {
        Keyword::From => from(body),
        Keyword::Add | Keyword::Copy => at_least(2),
        Keyword::Expose | Keyword::Volume => at_least(1),
        Keyword::Maintainer | Keyword::Stopsignal | Keyword::User | Keyword::Workdir => {
            body.is_empty().then(|| format!("{keyword} needs an argument"))
        }
        Keyword::Env | Keyword::Label => assignments(keyword, body, escape).err(),
        Keyword::Arg if arguments(body, escape).iter().any(|(name, _)| name.is_empty()) => {
            Some("a name in ARG cannot be blank".to_owned())
        }
        Keyword::Arg => at_least(1),
        Keyword::Shell => match &instruction.form {
            Form::Exec(_) => at_least(1),
            Form::Shell => Some("SHELL needs a JSON array".to_owned()),
        },
        Keyword::Onbuild => onbuild(instruction),
        Keyword::Healthcheck => healthcheck(instruction),
        Keyword::Cmd | Keyword::Entrypoint | Keyword::Run | Keyword::Unknown => None,
    }
}

fn from(body: &str) -> Option<String> {
    let words: Vec<&str> = words(body).take(4).collect();
    match words[..] {
        [_] => None,
        [_, keyword, name] if keyword.eq_ignore_ascii_case("as") => {
            (!is_stage_name(&name.to_lowercase())).then(|| format!("`{name}` cannot be the name of a stage"))
        }
        _ => Some("FROM needs an image, or an image, AS and a name".to_owned()),
    }
}

fn is_stage_name(name: &str) -> bool {
    let tail = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(tail)
}

fn onbuild(instruction: &Instruction) -> Option<String> {
    let Some(inner) = &instruction.inner else { return Some("ONBUILD needs an instruction".to_owned()) };
    matches!(inner.keyword, Keyword::Onbuild | Keyword::From | Keyword::Maintainer)
        .then(|| format!("{} is not allowed in ONBUILD", inner.keyword_text))
}

fn healthcheck(instruction: &Instruction) -> Option<String> {
    if let Some(command) = &instruction.inner {
        let elements = command.exec_form().map_or(command.body.text().len(), <[_]>::len);
        return (elements == 0).then(|| "HEALTHCHECK CMD needs a command".to_owned());
    }
    let mut words = words(instruction.body.text());
    match words.next() {
        None => Some("HEALTHCHECK needs CMD or NONE".to_owned()),
        Some(kind) if !kind.eq_ignore_ascii_case("none") => {
            Some(format!("HEALTHCHECK needs CMD or NONE, not `{kind}`"))
        }
        Some(_) => words.next().map(|_| "HEALTHCHECK NONE takes no arguments".to_owned()),
    }
}
