//! `package-runner`: npm, yarn and the like stand in front of the service.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, words};
use crate::dockerfile::Command;
use crate::launch::{Cause, Fault, Site};
use crate::project::package_json;
use crate::shell::{self, NodeKind, Word};
use crate::source::{Edit, Encoding, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PackageRunner)
        .map(|fault| {
            let message = format!(
                "{} The package runner runs it through a shell, which dies of the signal or keeps it.",
                words::what_happens(fault, subject.signal())
            );
            Finding::of(fault, subject, "runs the service through a shell", message)
                .with_help("start the program itself, or put `exec` into the script of package.json")
                .with_repairs(inline(fault, subject))
                .with_repairs(exec_in_script(fault))
                .with_repairs(local_command(fault, subject))
        })
        .collect()
}

/// The program itself in place of the runner, where its script is one simple command that needs nothing of the runner.
fn inline(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let (words, _) = simple_script(fault, subject)?;
    let name = words.first()?;
    // Other names may come from node_modules/.bin, which only the runner has in its PATH.
    let found_without_runner = matches!(name.as_str(), "node" | "python" | "python3" | "java" | "deno" | "bun")
        || name.starts_with("./")
        || name.starts_with('/');
    if !found_without_runner {
        return None;
    }
    let edit = replace_in_launch(fault, subject, &words)?;
    let message = format!("Start `{}` itself, without what the runner adds to its environment", words.join(" "));
    Some(Repair::safe(message, vec![edit]))
}

/// The same for a command of a package that this one asks for; that it is installed in the image is not seen here.
fn local_command(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let (mut words, text) = simple_script(fault, subject)?;
    let name = words.first_mut()?;
    if !package_json::depends_on(text, name) {
        return None;
    }
    *name = format!("node_modules/.bin/{name}");
    let edit = replace_in_launch(fault, subject, &words)?;
    let message = format!(
        "Start `{}` itself, if the image has that file; what the runner adds to its environment is gone",
        words.join(" ")
    );
    Some(Repair::unsafe_(message, vec![edit]))
}

/// The words of a script that can stand in place of its runner: one simple command, run where the launch is, with no steps around it.
fn simple_script<'f>(fault: &'f Fault, subject: &Subject<'_>) -> Option<(Vec<String>, &'f Excerpt)> {
    let Site::Package { text, alone: true, directory } = &fault.site else { return None };
    let script = shell::parse(Arc::clone(text));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let plain = command.assignments.is_empty() && command.redirects.is_empty();
    let here = directory.as_deref() == Some(subject.image.workdir.as_str());
    if !plain || !here || text.encoding() == Encoding::Derived || text.text().contains("npm_") {
        return None;
    }
    let words = command.words.iter().map(repair::plain_word).collect::<Option<_>>()?;
    Some((words, text))
}

/// The elements of CMD or ENTRYPOINT that call the runner, replaced.
fn replace_in_launch(fault: &Fault, subject: &Subject<'_>, words: &[String]) -> Option<Edit> {
    let setting = [&subject.image.entrypoint, &subject.image.cmd]
        .into_iter()
        .flatten()
        .find(|setting| setting.place.as_ref() == Some(&fault.place) || is_cmd_of(setting, fault))?;
    let Command::Exec(elements) = &setting.value else { return None };
    // Behind ENTRYPOINT the runner's words go on in CMD.
    let goes_on = subject.image.cmd.as_ref().is_some_and(|cmd| !std::ptr::eq(cmd, setting))
        && subject.image.entrypoint.as_ref().is_some_and(|entrypoint| std::ptr::eq(entrypoint, setting));
    if goes_on {
        return None;
    }
    let is_runner = |text: &str| matches!(text.rsplit('/').next(), Some("npm" | "yarn" | "pnpm"));
    let at = elements.iter().position(|element| is_runner(element.text()))?;
    // Options of the runner may say more than which script.
    if elements[at + 1..].iter().any(|element| element.text().starts_with('-')) {
        return None;
    }
    setting.replace_words(at..elements.len(), words)
}

fn is_cmd_of(setting: &crate::dockerfile::Setting<Command>, fault: &Fault) -> bool {
    setting.place.as_ref().is_some_and(|place| place.source.path() == fault.place.source.path())
}

/// `exec` in the script of package.json.
fn exec_in_script(fault: &Fault) -> Option<Repair> {
    let Site::Package { text, .. } = &fault.site else { return None };
    let script = shell::parse(Arc::clone(text));
    let last = script.statements.last()?;
    let last = last_command(last)?;
    let NodeKind::Command(command) = &last.kind else { return None };
    let first = command.words.first()?;
    if first.literal().is_none_or(|name| name == "exec") || Word::literal(first).is_none() {
        return None;
    }
    let edit = text.edit(Span::at(first.span.start), "exec ")?;
    Some(Repair::unsafe_(
        "Put `exec` in front of the program in package.json; the script then needs a POSIX shell, also on developers' machines",
        vec![edit],
    ))
}

fn last_command(node: &shell::Node) -> Option<&shell::Node> {
    match &node.kind {
        NodeKind::Command(_) => Some(node),
        NodeKind::And(_, right) => last_command(right),
        _ => None,
    }
}
