//! Our reading against two other parsers', on every Dockerfile in the repository: instruction keywords, forms and exec values.
//! Where they disagree the cause must stand in [`CAUSES`]; a cause that no file shows any more must go.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use pidone::dockerfile::{Dockerfile, Form, Instruction, Keyword, parse};
use pidone::source::Source;
use serde_json::Value;

/// An instruction: its keyword, and for RUN, CMD and ENTRYPOINT the values of its exec form or `None` for the shell form.
type Reading = Vec<(String, Option<Vec<String>>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Other {
    DockerfileParser,
    ParseDockerfile,
}

use Other::{DockerfileParser, ParseDockerfile};

type Cause = (Other, &'static str, fn(&Dockerfile) -> bool);

/// Why a parser reads a file otherwise, or not at all, and how such a file is told. BuildKit is on our side in all of them.
const CAUSES: &[Cause] = &[
    (DockerfileParser, "reads no heredocs", |d| any(d, |i| !i.heredocs.is_empty())),
    (DockerfileParser, "reads no JSON form of COPY", |d| {
        any(d, |i| is(i, Keyword::Copy) && i.exec_form().is_some())
    }),
    (DockerfileParser, "does not read JSON as strictly", |d| any(d, |i| is_launch(i) && almost_json(i))),
    (DockerfileParser, "reads not all escapes of JSON", |d| {
        any(d, |i| is_launch(i) && i.body.text().contains('\\'))
    }),
    (DockerfileParser, "does not strip flags before it looks for JSON", |d| {
        any(d, |i| is(i, Keyword::Run) && !i.flags.is_empty() && i.exec_form().is_some())
    }),
    (DockerfileParser, "stumbles over blank lines and comments in a continuation", |d| {
        any(d, has_vanishing_lines)
    }),
    (DockerfileParser, "stumbles over a continuation that ends the file", |d| {
        d.source.text().ends_with("\\\n")
    }),
    (DockerfileParser, "stumbles over a keyword in two lines", |d| {
        any(d, |i| d.source.slice(i.keyword_span).contains('\n'))
    }),
    (DockerfileParser, "ignores the escape directive", |d| d.escape == '`'),
    (DockerfileParser, "takes an escaped escape for a continuation", has_escaped_escape),
    (DockerfileParser, "stumbles over a byte-order mark", |d| d.source.text().starts_with('\u{feff}')),
    (DockerfileParser, "reads no ARG with several names or an empty value", |d| {
        any(d, |i| is(i, Keyword::Arg) && (i.words().len() > 1 || i.body.text().ends_with('=')))
    }),
    (DockerfileParser, "reads no ENV with an empty value, an escaped blank or a dot in the name", |d| {
        any(d, |i| {
            is(i, Keyword::Env) && i.words().iter().any(|w| w.ends_with(['=', '\\']) || w.starts_with("a.b="))
        })
    }),
    (DockerfileParser, "stumbles over a RUN that runs nothing", |d| {
        any(d, |i| is(i, Keyword::Run) && (i.body.text().is_empty() || i.body.text().starts_with('#')))
    }),
    (DockerfileParser, "takes a no-break space for white space", |d| {
        any(d, |i| i.keyword_text.contains('\u{a0}'))
    }),
    (ParseDockerfile, "takes an escaped escape for a continuation", has_escaped_escape),
    (ParseDockerfile, "refuses an empty array", |d| any(d, |i| i.exec_form().is_some_and(<[_]>::is_empty))),
    (ParseDockerfile, "reads no heredoc behind other words of a RUN", |d| {
        any(d, |i| {
            is(i, Keyword::Run) && i.heredocs.first().is_some_and(|h| h.opener.start > i.body.span().start)
        })
    }),
    (ParseDockerfile, "reads no heredoc with a blank in front of its delimiter", |d| {
        any(d, |i| i.heredocs.iter().any(|heredoc| d.source.slice(heredoc.opener).contains("<< ")))
    }),
];

fn any(dockerfile: &Dockerfile, test: impl Fn(&Instruction) -> bool) -> bool {
    dockerfile.instructions.iter().any(test)
}

fn is(instruction: &Instruction, keyword: Keyword) -> bool {
    instruction.keyword == keyword
}

fn is_launch(instruction: &Instruction) -> bool {
    matches!(instruction.keyword, Keyword::Entrypoint | Keyword::Cmd)
}

fn almost_json(instruction: &Instruction) -> bool {
    instruction.body.text().starts_with('[') && instruction.exec_form().is_none()
}

fn has_vanishing_lines(instruction: &Instruction) -> bool {
    let body = instruction.body.whole_place();
    body.text().lines().any(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

fn has_escaped_escape(dockerfile: &Dockerfile) -> bool {
    dockerfile.source.text().lines().any(|line| line.ends_with("\\\\"))
}

fn ours(dockerfile: &Dockerfile) -> Reading {
    let reading = |i: &Instruction| (i.keyword_text.clone(), exec_form(i));
    dockerfile.instructions.iter().map(reading).collect()
}

fn exec_form(instruction: &Instruction) -> Option<Vec<String>> {
    match (&instruction.keyword, &instruction.form) {
        (Keyword::Run | Keyword::Cmd | Keyword::Entrypoint, Form::Exec(elements)) => {
            Some(elements.iter().map(|element| element.text().to_owned()).collect())
        }
        _ => None,
    }
}

fn dockerfile_parser(text: &str) -> Option<Reading> {
    use dockerfile_parser::{Instruction, ShellOrExecExpr};
    let exec = |expr: &ShellOrExecExpr| match expr {
        ShellOrExecExpr::Exec(array) => Some(array.as_str_vec().into_iter().map(str::to_owned).collect()),
        ShellOrExecExpr::Shell(_) => None,
    };
    let reading = |instruction: &Instruction| {
        let (keyword, exec) = match instruction {
            Instruction::From(_) => ("FROM", None),
            Instruction::Arg(_) => ("ARG", None),
            Instruction::Label(_) => ("LABEL", None),
            Instruction::Run(run) => ("RUN", exec(&run.expr)),
            Instruction::Entrypoint(entrypoint) => ("ENTRYPOINT", exec(&entrypoint.expr)),
            Instruction::Cmd(cmd) => ("CMD", exec(&cmd.expr)),
            Instruction::Copy(_) => ("COPY", None),
            Instruction::Env(_) => ("ENV", None),
            Instruction::Misc(misc) => (misc.instruction.content.as_str(), None),
        };
        (keyword.to_uppercase(), exec)
    };
    let dockerfile = dockerfile_parser::Dockerfile::parse(text).ok()?;
    Some(dockerfile.instructions.iter().map(reading).collect())
}

fn parse_dockerfile(text: &str) -> Option<Reading> {
    use parse_dockerfile::{Command, Instruction};
    let exec = |command: &Command<'_>| match command {
        Command::Exec(array) => Some(array.value.iter().map(|element| element.value.to_string()).collect()),
        _ => None,
    };
    let reading = |instruction: &Instruction<'_>| {
        let (keyword, exec) = match instruction {
            Instruction::Add(_) => ("ADD", None),
            Instruction::Arg(_) => ("ARG", None),
            Instruction::Cmd(cmd) => ("CMD", exec(&cmd.arguments)),
            Instruction::Copy(_) => ("COPY", None),
            Instruction::Entrypoint(entrypoint) => ("ENTRYPOINT", exec(&entrypoint.arguments)),
            Instruction::Env(_) => ("ENV", None),
            Instruction::Expose(_) => ("EXPOSE", None),
            Instruction::From(_) => ("FROM", None),
            Instruction::Healthcheck(_) => ("HEALTHCHECK", None),
            Instruction::Label(_) => ("LABEL", None),
            Instruction::Maintainer(_) => ("MAINTAINER", None),
            Instruction::Onbuild(_) => ("ONBUILD", None),
            Instruction::Run(run) => ("RUN", exec(&run.arguments)),
            Instruction::Shell(_) => ("SHELL", None),
            Instruction::Stopsignal(_) => ("STOPSIGNAL", None),
            Instruction::User(_) => ("USER", None),
            Instruction::Volume(_) => ("VOLUME", None),
            Instruction::Workdir(_) => ("WORKDIR", None),
            _ => ("", None),
        };
        (keyword.to_owned(), exec)
    };
    let dockerfile = parse_dockerfile::parse(text).ok()?;
    Some(dockerfile.instructions.iter().map(reading).collect())
}

#[test]
fn agrees_with_other_parsers() {
    let mut files = Vec::new();
    for folder in ["fixtures", "tests", "rules"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    assert!(files.len() > 80, "only {} Dockerfiles found", files.len());

    let mut unexplained = Vec::new();
    let mut shown = BTreeSet::new();
    let mut compared = 0;
    for (name, text) in &files {
        let dockerfile = parse(&Source::new("Dockerfile", text.as_str()));
        let ours = ours(&dockerfile);
        // That parser recurses over continuation lines and would take the process with it.
        let deep = text.lines().count() > 500;
        let theirs = [
            (Other::DockerfileParser, if deep { Some(ours.clone()) } else { dockerfile_parser(text) }),
            (Other::ParseDockerfile, parse_dockerfile(text)),
        ];
        for (other, theirs) in theirs {
            compared += 1;
            let both_refuse = theirs.is_none() && !dockerfile.problems.is_empty();
            if both_refuse || theirs.as_ref() == Some(&ours) {
                continue;
            }
            let causes =
                CAUSES.iter().enumerate().filter(|(_, (who, _, shows))| *who == other && shows(&dockerfile));
            let causes: Vec<usize> = causes.map(|(index, _)| index).collect();
            if causes.is_empty() {
                unexplained
                    .push(format!("{name}: {other:?}\n{text}\n  ours   {ours:?}\n  theirs {theirs:?}"));
            }
            shown.extend(causes);
        }
    }
    assert!(unexplained.is_empty(), "{} of {compared}:\n{}", unexplained.len(), unexplained.join("\n\n"));
    let stale: Vec<_> = CAUSES.iter().enumerate().filter(|(index, _)| !shown.contains(index)).collect();
    assert!(
        stale.is_empty(),
        "no file shows these any more: {:?}",
        stale.iter().map(|(_, c)| c.1).collect::<Vec<_>>()
    );
}

/// Dockerfiles as files, as strings in JSON lines, and as examples in Markdown.
fn collect(path: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, files));
        return;
    }
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let name = path.display().to_string();
    match path.extension().and_then(|extension| extension.to_str()) {
        _ if is_dockerfile(&path.file_name().unwrap().to_string_lossy()) => files.push((name, text)),
        Some("jsonl") => {
            for (number, line) in text.lines().enumerate() {
                let row: Value = serde_json::from_str(line).unwrap();
                in_json(&format!("{name}:{}", number + 1), &row, files);
            }
        }
        Some("md") => in_markdown(&name, &text, files),
        _ => {}
    }
}

fn in_json(name: &str, value: &Value, files: &mut Vec<(String, String)>) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::String(text) if is_dockerfile(key) => files.push((name.to_owned(), text.clone())),
            value => in_json(name, value, files),
        }
    }
}

fn in_markdown(name: &str, text: &str, files: &mut Vec<(String, String)>) {
    let mut example: Option<String> = None;
    for line in text.split_inclusive('\n') {
        let fence = line.strip_prefix("```");
        match (&mut example, fence) {
            (Some(_), Some(_)) => files.extend(example.take().map(|text| (name.to_owned(), text))),
            (Some(text), None) => text.push_str(line),
            (None, Some(info)) if info.split([' ', '"', '=', '\n']).any(is_dockerfile) => {
                example = Some(String::new())
            }
            _ => {}
        }
    }
}

fn is_dockerfile(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("dockerfile")
        && !name.contains(".dockerignore")
        && !name.ends_with(".rs")
        && !name.ends_with("jsonl")
        || name.ends_with(".dockerfile")
}
