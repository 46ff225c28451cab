//! `script-not-runnable`: the kernel refuses to run the script.

use super::{Finding, Repair, Subject, no_program, repair};
use crate::diagnostic::{Outcome, Related};
use crate::launch::{Broken, BrokenScript};
use crate::source::{Edit, Excerpt, Place, Span, base_name};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(script) = subject.launch.and_then(|launch| launch.broken.as_ref()) else { return Vec::new() };
    if script.broken.is_not_found() {
        return no_program::finding(script).into_iter().collect();
    }
    let Some((label, why, help)) = advice(script) else { return Vec::new() };
    let source = script.text.source();
    let place = match (script.broken, &script.by) {
        (Broken::NotExecutable, Some(by)) => by.clone(),
        _ => Place::new(source, source.line_span(source.line(script.text.span().start))),
    };
    let what = match script.supervised {
        true => format!("The supervisor cannot start `{}`", source.path()),
        false => "The container does not start".to_owned(),
    };
    let mut finding = Finding::at(place, label, format!("{what}: {why}.")).with_help(help);
    let here = if script.supervised {
        "it is started here"
    } else {
        finding.outcome = Some(Outcome::ExitsEarly);
        "the container starts here"
    };
    if script.started != finding.place {
        finding.related.push(Related::new(script.started.clone(), here));
    }
    vec![finding.with_repairs(repair_of(script, subject))]
}

/// The label, the reason, and what to do; `None` where another rule owns the cause.
fn advice(script: &BrokenScript) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match script.broken {
        Broken::NoShebang => (
            "no `#!` here",
            "the script has no `#!` line, and the kernel does not know what to run it with (\"exec format error\")",
            "begin the first line with `#!/bin/sh`",
        ),
        Broken::ByteOrderMark => (
            "a byte-order mark before the `#!`",
            "a byte-order mark stands before the `#!`, so that the kernel does not see it (\"exec format error\")",
            "save the script without a byte-order mark",
        ),
        Broken::EnvArguments => (
            "one word for `env`",
            "the kernel gives `env` everything behind it as one word, and no program has that name (\"no such file or directory\")",
            "move the options to `set` in the next line, or write `env -S`, which newer ones know",
        ),
        Broken::NotExecutable if script.by.as_ref().is_some_and(downloads) => (
            "not executable",
            "nobody may execute what `ADD` downloads (\"permission denied\")",
            "download it with `ADD --chmod=755`, or `RUN chmod +x` it",
        ),
        Broken::NotExecutable => (
            "not executable",
            "nobody may execute the script (\"permission denied\")",
            "`chmod +x` it in the repository, or copy it with `COPY --chmod=755`",
        ),
        Broken::NoBash => (
            "bash is not in the image",
            "it asks for bash, which is not in the image (\"no such file or directory\")",
            "install it (`RUN apk add --no-cache bash`), or make do with `/bin/sh`",
        ),
        Broken::NoShell => (
            "there is no shell in the image",
            "a shell is to run this, and there is none in the image (\"no such file or directory\")",
            "write the command in exec form, or take a base image with a shell",
        ),
        Broken::CarriageReturn => (
            "ends in a carriage return",
            "the lines of the script end in a carriage return, which counts as a part of the last name (\"no such file or directory\", \"not found\")",
            "save the script with LF line endings, and keep them with `*.sh text eol=lf` in .gitattributes",
        ),
        _ => return None,
    })
}

fn repair_of(script: &BrokenScript, subject: &Subject<'_>) -> Option<Repair> {
    let file = &script.text;
    match (script.broken, &script.by) {
        (Broken::NoShebang, _) => file
            .edit(Span::at(0), "#!/bin/sh\n")
            .map(|edit| Repair::safe("Add the line `#!/bin/sh`", vec![edit])),
        (Broken::ByteOrderMark, _) => file
            .edit(Span::new(0, '\u{feff}'.len_utf8()), "")
            .map(|edit| Repair::safe("Drop the byte-order mark", vec![edit])),
        (Broken::CarriageReturn, _) => Some(line_feeds(file)),
        (Broken::EnvArguments, _) => options_to_set(file),
        (Broken::NoShell, _) => repair::shell_form(subject.image).and_then(|(text, ..)| repair::exec_form(text)),
        (Broken::NotExecutable, Some(by)) => chmod(by, file.source().path().file_name()),
        _ => None,
    }
}

/// `#!/usr/bin/env bash -e` as `#!/usr/bin/env bash` and `set -e`.
fn options_to_set(file: &Excerpt) -> Option<Repair> {
    let line = file.text().lines().next()?;
    let [_, shell, options] = line.split_ascii_whitespace().collect::<Vec<_>>()[..] else { return None };
    let letters = options.strip_prefix('-').filter(|letters| !letters.is_empty())?;
    if !matches!(shell, "sh" | "bash" | "dash" | "ash") || !letters.chars().all(|c| "efuvx".contains(c)) {
        return None;
    }
    let span = Span::new(line.trim_end_matches(options).trim_end().len(), line.len());
    let edit = file.edit(span, &format!("\nset {options}"))?;
    Some(Repair::safe(format!("Set the option in a line of its own: `set {options}`"), vec![edit]))
}

/// The file with LF line endings.
fn line_feeds(file: &Excerpt) -> Repair {
    let source = file.source();
    let edits = source.text().match_indices("\r\n").map(|(at, _)| Edit::new(source, Span::new(at, at + 1), ""));
    Repair::safe("Give the file LF line endings", edits.collect())
}

/// True for an ADD with an address.
fn downloads(by: &Place) -> bool {
    let text = by.text();
    text.to_ascii_uppercase().starts_with("ADD") && text.contains("://") && !text.contains("<<")
}

/// `--chmod=755` for the instruction that copies the script; what else it copies gets that mode too.
fn chmod(by: &Place, script: Option<&str>) -> Option<Repair> {
    let text = by.text();
    let keyword = text.split_ascii_whitespace().next()?;
    let copies = matches!(keyword.to_ascii_uppercase().as_str(), "COPY" | "ADD");
    let words: Vec<&str> =
        text.lines().next()?.split_ascii_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [from, _] = words.as_slice() else { return None };
    if !copies || text.contains("--chmod") {
        return None;
    }
    let edit = Edit::new(&by.source, Span::at(by.span.start + keyword.len()), " --chmod=755");
    Some(match from.contains("://") || Some(base_name(from)) == script {
        true => Repair::safe(format!("{} it with `--chmod=755`", if from.contains("://") { "Download" } else { "Copy" }), vec![edit]),
        false => Repair::unsafe_("Copy it with `--chmod=755`, and all that is copied along with it", vec![edit]),
    })
}
