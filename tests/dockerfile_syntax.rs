//! The reader against what BuildKit's own parser reads: `tests/data/dockerfile-syntax.jsonl` holds Dockerfiles with the keyword
//! and the lines of each instruction, and the form and value of each ENTRYPOINT and CMD.

#![allow(clippy::unwrap_used)]

use pidone::dockerfile::{Dockerfile, Form, Instruction, Keyword, parse};
use pidone::source::Source;
use serde_json::{Value, json};

fn read(text: &str) -> Dockerfile {
    parse(&Source::new("Dockerfile", text))
}

/// Our reading in the words of the data.
fn described(dockerfile: &Dockerfile) -> (Value, Value) {
    let lines = |i: &Instruction| {
        let end = dockerfile.source.line(i.span.end);
        json!({"keyword": i.keyword_text, "lines": [dockerfile.source.line(i.span.start), end]})
    };
    let is_launch = |i: &&Instruction| matches!(i.keyword, Keyword::Entrypoint | Keyword::Cmd);
    let launch = |i: &Instruction| match &i.form {
        Form::Exec(elements) => {
            let value: Vec<_> = elements.iter().map(|element| element.text()).collect();
            json!({"keyword": i.keyword_text, "form": "exec", "value": value})
        }
        Form::Shell => json!({"keyword": i.keyword_text, "form": "shell", "value": i.body.text()}),
    };
    (
        dockerfile.instructions.iter().map(lines).collect(),
        dockerfile.instructions.iter().filter(is_launch).map(launch).collect(),
    )
}

#[test]
fn reads_as_buildkit_reads() {
    let rows = include_str!("data/dockerfile-syntax.jsonl");
    let mut count = 0;
    for row in rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap()) {
        let name = row["name"].as_str().unwrap();
        let dockerfile = read(row["dockerfile"].as_str().unwrap());
        if row.get("error").is_some_and(|error| !error.is_null()) {
            assert!(!dockerfile.problems.is_empty(), "{name}: BuildKit refuses this, and we say nothing");
        } else {
            let (instructions, launch) = described(&dockerfile);
            assert_eq!(instructions, row["instructions"], "{name}");
            assert_eq!(launch, row["launch"], "{name}");
        }
        count += 1;
    }
    assert!(count >= 57, "only {count} rows");
}

/// The messages and the text that they are about.
fn problems(text: &str) -> Vec<(String, String)> {
    let dockerfile = read(text);
    let about = |span| dockerfile.source.slice(span).to_owned();
    dockerfile.problems.iter().map(|problem| (about(problem.span), problem.message.clone())).collect()
}

#[test]
fn refuses_what_buildkit_refuses() {
    for (line, about, message) in [
        ("RUNN x", "RUNN", "unknown instruction: RUNN"),
        ("CMD [\"a\", 1]", "[\"a\", 1]", "the array may hold nothing but strings"),
        ("ONBUILD CMD [1]", "[1]", "the array may hold nothing but strings"),
        ("HEALTHCHECK CMD [1]", "[1]", "the array may hold nothing but strings"),
        ("RUN cat <<EOF\nhello", "<<EOF", "the heredoc `EOF` is never closed"),
        ("CMD --port 80", "CMD --port 80", "CMD takes no flags, not even `--port`"),
        ("COPY a", "COPY a", "COPY needs at least 2 arguments"),
        ("ADD [\"a\"]", "ADD [\"a\"]", "ADD needs at least 2 arguments"),
        ("EXPOSE", "EXPOSE", "EXPOSE needs at least 1 argument"),
        ("ARG", "ARG", "ARG needs at least 1 argument"),
        ("ARG =a", "ARG =a", "a name in ARG cannot be blank"),
        ("ENV", "ENV", "ENV needs at least one argument"),
        ("ENV A", "ENV A", "ENV needs a name and a value"),
        ("ENV A=1 B", "ENV A=1 B", "`B` should be `name=value`"),
        ("LABEL =a", "LABEL =a", "a name in LABEL cannot be blank"),
        ("WORKDIR", "WORKDIR", "WORKDIR needs an argument"),
        ("STOPSIGNAL", "STOPSIGNAL", "STOPSIGNAL needs an argument"),
        ("SHELL bash -c", "SHELL bash -c", "SHELL needs a JSON array"),
        ("SHELL []", "SHELL []", "SHELL needs at least 1 argument"),
        ("ONBUILD", "ONBUILD", "ONBUILD needs an instruction"),
        ("ONBUILD FROM a", "ONBUILD FROM a", "FROM is not allowed in ONBUILD"),
        ("ONBUILD ONBUILD CMD a", "ONBUILD ONBUILD CMD a", "ONBUILD is not allowed in ONBUILD"),
        ("HEALTHCHECK", "HEALTHCHECK", "HEALTHCHECK needs CMD or NONE"),
        ("HEALTHCHECK curl x", "HEALTHCHECK curl x", "HEALTHCHECK needs CMD or NONE, not `curl`"),
        ("HEALTHCHECK NONE x", "HEALTHCHECK NONE x", "HEALTHCHECK NONE takes no arguments"),
        ("HEALTHCHECK CMD", "HEALTHCHECK CMD", "HEALTHCHECK CMD needs a command"),
        ("FROM", "FROM", "FROM needs an image, or an image, AS and a name"),
        ("FROM a AS", "FROM a AS", "FROM needs an image, or an image, AS and a name"),
        ("FROM a AS 1x", "FROM a AS 1x", "`1x` cannot be the name of a stage"),
    ] {
        // Whatever is wrong with the line costs that line only.
        let text = format!("FROM a\n{line}\n");
        let found = problems(&text);
        let expected = (about.to_owned(), message.to_owned());
        assert!(found.contains(&expected), "{text}\n{found:#?}");
    }
    for (text, message) in [
        ("", "there is no FROM, so there is nothing to build"),
        ("RUN a\nFROM a\n", "RUN stands before the first FROM"),
        ("# escape=x\nFROM a\n", "the escape character must be \\ or `, not `x`"),
        ("# escape=`\n# escape=\\\nFROM a\n", "only one `escape` directive can be used"),
    ] {
        assert!(problems(text).iter().any(|(_, found)| found == message), "{text}\n{:#?}", problems(text));
    }
}

#[test]
fn accepts_what_buildkit_accepts() {
    for line in [
        "RUN",
        "CMD",
        "ENTRYPOINT",
        "RUN --new-flag=x a",
        "COPY --parents a b",
        "STOPSIGNAL --x y",
        "FROM a as B.c-d_1",
        "HEALTHCHECK none",
        "ONBUILD HEALTHCHECK NONE",
        "ENV A= B='x y'",
        "COPY <<EOF /x\nEOF",
    ] {
        assert_eq!(problems(&format!("FROM a\n{line}\n")), [], "{line}");
    }
}

#[test]
fn flags_are_stripped_before_the_form_is_decided() {
    let dockerfile =
        read("FROM a\nRUN --mount=type=bind,target=\"/x y\" --network=none \\\n  [\"a\",\"b\"]\n");
    let run = &dockerfile.instructions[1];
    assert_eq!(run.words(), ["a", "b"]);
    assert_eq!(run.flag("mount"), Some("type=bind,target=/x y"));
    assert_eq!(dockerfile.source.slice(run.flags[1].span), "--network=none");
    assert_eq!(dockerfile.source.slice(run.body.span()), "[\"a\",\"b\"]");
}

#[test]
fn inner_instructions() {
    let dockerfile = read(
        "FROM a\nONBUILD ENTRYPOINT [\"x\"]\nHEALTHCHECK --interval=5s cmd [\"curl\"]\nHEALTHCHECK NONE\n",
    );
    let inner = |index: usize| dockerfile.instructions[index].inner.as_deref();
    assert_eq!((inner(1).unwrap().keyword, inner(1).unwrap().words()), (Keyword::Entrypoint, vec!["x"]));
    assert_eq!((inner(2).unwrap().keyword, inner(2).unwrap().words()), (Keyword::Cmd, vec!["curl"]));
    assert_eq!(dockerfile.source.slice(inner(2).unwrap().span), "cmd [\"curl\"]");
    assert!(inner(3).is_none());
}

#[test]
fn heredoc_bodies() {
    let text =
        "FROM a\nCOPY <<a.txt <<-\"b\" /d/\nA $X\na.txt\n\tB\n\t\tC\n\tb\nONBUILD RUN <<EOF\nx\nEOF\nCMD y\n";
    let dockerfile = read(text);
    let [first, second] = &dockerfile.instructions[1].heredocs[..] else { panic!() };
    assert_eq!((first.delimiter.as_str(), first.expand, first.body.text()), ("a.txt", true, "A $X\n"));
    assert_eq!((second.delimiter.as_str(), second.expand, second.body.text()), ("b", false, "B\nC\n"));
    assert_eq!(dockerfile.source.slice(second.opener), "<<-\"b\"");
    let c = second.body.text().find('C').unwrap();
    assert_eq!(second.body.place((c..c + 1).into()).line(), 6);
    assert_eq!(dockerfile.instructions[2].heredocs[0].body.text(), "x\n");
    assert_eq!(dockerfile.instructions[2].inner.as_ref().unwrap().heredocs.len(), 1);
    assert_eq!(dockerfile.instructions[3].body.text(), "y");
}

#[test]
fn a_heredoc_that_is_never_closed_costs_its_line() {
    let dockerfile = read("FROM a\nRUN cat <<A <<B\nx\nA\nCMD [\"y\"]\n");
    let keywords: Vec<_> = dockerfile.instructions.iter().map(|i| i.keyword_text.as_str()).collect();
    assert_eq!(keywords, ["FROM", "RUN", "CMD"]);
    assert_eq!(dockerfile.problems.len(), 1);
}

#[test]
fn large_files_are_read_in_linear_time() {
    let lines = 100_000;
    let continued = format!(
        "FROM a\nRUN a{}\nCMD [\"x\"{}]\n",
        " \\\n  && b".repeat(lines),
        ", \\\n \"\\u0041\"".repeat(lines)
    );
    let dockerfile = read(&continued);
    assert_eq!(dockerfile.instructions.len(), 3);
    assert_eq!(dockerfile.instructions[2].exec_form().unwrap().len(), lines + 1);
    let comments = format!("FROM a\nRUN a \\\n{}b\n", "# c\n\n".repeat(lines));
    assert_eq!(read(&comments).instructions[1].body.text(), "a b");
    let openers: String = (0..100).map(|n| format!(" <<E{n}")).collect();
    let unclosed = format!("FROM a\n{}", format!("RUN{openers}\n").repeat(1_000));
    assert_eq!(read(&unclosed).problems.len(), 100_000);
    let nested = format!("FROM a\n{}CMD x\n", "ONBUILD \\\n".repeat(lines));
    assert_eq!(read(&nested).instructions.len(), 2);
}

#[test]
fn the_fixtures_hold_no_problems() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dockerfiles");
    let mut count = 0;
    for entry in
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let dockerfile = read(&std::fs::read_to_string(entry.join("Dockerfile")).unwrap());
        assert_eq!(dockerfile.problems, [], "{}", entry.display());
        assert!(!dockerfile.stages().is_empty(), "{}", entry.display());
        count += 1;
    }
    assert!(count >= 20, "only {count} fixtures");
}
