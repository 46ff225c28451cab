//! `package-runner`: npm, yarn and the like stand in front of the service.

use std::sync::Arc;

use super::{Finding, Repair, Subject, repair, words};
use crate::dockerfile::{Command, Keyword, Setting};
use crate::launch::{Cause, Fault, Site};
use crate::programs::{Inner, Kind, Program};
use crate::project::package_json;
use crate::shell::{self, NodeKind, Word};
use crate::source::{Edit, Encoding, Excerpt, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::PackageRunner)
        .map(|fault| {
            let why = match fault.told {
                Some(_) => "The package runner passes the signal on, and does not wait.",
                None => "The package runner runs it through a shell, which dies of the signal or keeps it.",
            };
            let message = format!("{} {why}", words::what_happens(fault, subject.signal()));
            Finding::of(fault, subject, "runs the service through a shell", message)
                .with_help("start the program itself, or put `exec` into the script of package.json")
                .with_repairs(inline(fault, subject))
                .with_repairs(exec_in_script(fault))
                .with_repairs(local_command(fault, subject))
                .with_repairs(given_command(fault, subject))
        })
        .collect()
}

/// The program itself in place of the runner, where its script is one simple command that needs nothing of the runner.
fn inline(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let (words, text) = simple_script(fault, subject)?;
    let name = words.first()?;
    // Other names may come from node_modules/.bin, which only the runner has in its PATH; a script may call such names.
    let is_system = matches!(name.as_str(), "node" | "python" | "python3" | "java" | "deno" | "bun");
    if !is_system || package_json::depends_on(text, name) {
        return None;
    }
    let edits = vec![replace_in_launch(fault, subject, &words)?];
    // A trigger starts the scripts of many projects.
    let mut triggers =
        subject.image.dockerfile.instructions.iter().filter(|step| step.keyword == Keyword::Onbuild);
    if triggers.any(|step| edits.iter().any(|edit| step.span.overlaps(edit.span))) {
        return None;
    }
    let message = format!("Start `{}` itself, without what the runner adds to its environment", words.join(" "));
    Some(match &fault.site {
        Site::Package { needs_runner: false, .. } => Repair::safe(message, edits),
        _ => Repair::unsafe_(format!("{message}, which files of the package may need"), edits),
    })
}

/// The same for a command of a package that this one asks for; that it is installed in the image is not seen here.
fn local_command(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let (words, text) = simple_script(fault, subject)?;
    in_node_modules(words, text, fault, subject)
}

/// `npx next start`: the command itself.
fn given_command(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let Site::PackageCommand { manifest, directory } = &fault.site else { return None };
    let Call { elements, at, row, .. } = call(fault, subject)?;
    let arguments = options(&elements[at + 1..]);
    let Inner::Command { name, .. } = row.inner_command(&arguments) else { return None };
    // The runner's own options may say more than which command.
    if name > usize::from(!row.args.subcommand.is_empty()) || !is_here(directory.as_deref(), subject) {
        return None;
    }
    let words = elements[at + 1 + name..].iter().map(|element| element.text().to_owned()).collect();
    in_node_modules(words, manifest, fault, subject)
}

/// The command of a package in place of the runner, by its path.
fn in_node_modules(mut words: Vec<String>, manifest: &Excerpt, fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    let name = words.first_mut()?;
    if !package_json::depends_on(manifest, name) {
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

fn is_here(directory: Option<&str>, subject: &Subject<'_>) -> bool {
    directory.unwrap_or(&subject.image.workdir) == subject.image.workdir
}

/// The words of a script that can stand in place of its runner: one simple command, run where the launch is, with no steps around it.
fn simple_script<'f>(fault: &'f Fault, subject: &Subject<'_>) -> Option<(Vec<String>, &'f Excerpt)> {
    let Site::Package { text, alone: true, directory, .. } = &fault.site else { return None };
    let script = shell::parse(Arc::clone(text));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let plain = command.assignments.is_empty() && command.redirects.is_empty();
    if !plain || !is_here(directory.as_deref(), subject) || text.encoding() == Encoding::Derived || text.text().contains("npm_") {
        return None;
    }
    let words = command.words.iter().map(repair::plain_word).collect::<Option<_>>()?;
    Some((words, text))
}

/// The elements of CMD or ENTRYPOINT that call the runner, replaced.
fn replace_in_launch(fault: &Fault, subject: &Subject<'_>, words: &[String]) -> Option<Edit> {
    let Call { setting, elements, at, row } = call(fault, subject)?;
    // Options of the runner may say more than which script.
    let is_option = |element: &Arc<Excerpt>| element.text().starts_with('-');
    if row.kind == Kind::Runner && elements[at + 1..].iter().any(is_option) {
        return None;
    }
    setting.replace_words(at..elements.len(), words)
}

/// Where an exec form calls the runner.
struct Call<'a> {
    setting: &'a Setting<Command>,
    elements: &'a [Arc<Excerpt>],
    /// Which element is the runner.
    at: usize,
    row: &'a Program,
}

fn call<'a>(fault: &Fault, subject: &Subject<'a>) -> Option<Call<'a>> {
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
    let row = |at: usize| {
        let row = subject.tables.program(elements[at].text(), &options(&elements[at + 1..]))?;
        (row.kind == Kind::Runner || row.shell.is_some()).then_some(row)
    };
    let (at, row) = (0..elements.len()).find_map(|at| Some((at, row(at)?)))?;
    Some(Call { setting, elements, at, row })
}

fn options(elements: &[Arc<Excerpt>]) -> Vec<Option<&str>> {
    elements.iter().map(|element| Some(element.text())).collect()
}

fn is_cmd_of(setting: &Setting<Command>, fault: &Fault) -> bool {
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
