//! A tool that becomes the program as another user, in place of `su` and `runuser`: a repair.

use std::sync::Arc;

use super::{Repair, Subject, install, repair};
use crate::dockerfile::{Command, Setting};
use crate::launch::{Fault, Site};
use crate::programs::{Base, Family};
use crate::project::Installed;
use crate::shell::{self, NodeKind};
use crate::source::{Edit, Excerpt, Span, base_name};

/// What changes besides the signal's way.
const LOSS: &str = "`USER`, `LOGNAME` and `SHELL` are no longer set";

/// Built-ins that say nothing without the shell of `su -c`.
const NO_PROGRAMS: [&str; 6] = [".", "source", "eval", "exec", "command", "time"];

/// The tool in place of `su`, and the words that replace its own; installed where the image has none.
pub(super) struct StepDown {
    /// As the line would read.
    pub(super) line: String,
    pub(super) repair: Option<Repair>,
}

/// What `su USER -c PROGRAM` and `runuser -u USER PROGRAM` become. `None` where they do more than that: a login, another group, work for a
/// shell; or where their words are not all written out.
pub(super) fn of(fault: &Fault, subject: &Subject<'_>) -> Option<StepDown> {
    // A supervisor's configuration has quotes of its own.
    if matches!(fault.site, Site::Supervised { .. }) {
        return None;
    }
    let tool = Tool::of(subject);
    let launch = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    // What setpriv is told of the group takes a shell.
    let mut launch = launch.filter(|_| tool.name != "setpriv");
    let listed = launch.find_map(|setting| in_list(setting, fault, &tool));
    let prefix = if listed.is_some() { "" } else { "exec " };
    let (words, edit) = listed.or_else(|| in_script(fault, &tool))?;
    let message = match &tool.run {
        Some(_) => format!("Start it through `{}`; this adds a package to the image, and {LOSS}", tool.name),
        None => format!("Start it through `{}`; {LOSS}", tool.name),
    };
    let edits = edit.filter(|_| tool.is_sure).map(|edit| tool.run.iter().cloned().chain([edit]).collect());
    Some(StepDown {
        line: format!("{prefix}{}", words.join(" ")),
        repair: edits.map(|edits| Repair::unsafe_(message, edits)),
    })
}

/// What the image has, or can have, in place of `su`.
pub(super) fn tool(subject: &Subject<'_>) -> String {
    Tool::of(subject).name
}

/// What becomes a program as another user.
struct Tool {
    name: String,
    /// True if the image has it, once `run` is done.
    is_sure: bool,
    run: Option<Edit>,
}

impl Tool {
    fn of(subject: &Subject<'_>) -> Self {
        let base = &subject.image.base;
        let own = base.step_down.as_deref();
        let own = own.or_else(|| subject.installed.package(is_step_down).map(|(name, _)| name));
        if let Some(name) = own {
            return Self { name: name.to_owned(), is_sure: true, run: None };
        }
        let (name, install) = ["gosu", "su-exec"]
            .into_iter()
            .find_map(|name| Some((name, install::how(name, subject)?)))
            .unzip();
        match (name, install) {
            (Some(name), Some(install)) => {
                // Who mentions it may have it from elsewhere.
                let run = subject.installed.lacks(name).then(|| install::run(install, subject)).flatten();
                Self { name: install::program(install, name, subject), is_sure: run.is_some(), run }
            }
            _ => Self { name: named(base.family).to_owned(), is_sure: false, run: None },
        }
    }

    /// The words that start a program, with the user's as it is written.
    fn words(&self, user: &str, program: &[String]) -> Vec<String> {
        let mut words = vec![self.name.clone()];
        match self.name.as_str() {
            "setpriv" => words.extend([
                format!("--reuid={user}"),
                format!("--regid=\"$(id -g {user})\""),
                "--init-groups".to_owned(),
            ]),
            _ => words.push(user.to_owned()),
        }
        words.extend_from_slice(program);
        words
    }
}

fn is_step_down(package: &str) -> bool {
    matches!(package, "gosu" | "su-exec")
}

/// True for a program that becomes another as another user, where nothing shows that the image has it.
pub(crate) fn is_missing(program: &str, base: &Base, installed: &Installed) -> bool {
    is_step_down(program)
        && base.step_down.as_deref() != Some(program)
        && installed.package(|name| name == program).is_none()
}

/// What there is where neither can be installed: setpriv is a part of util-linux.
fn named(family: Family) -> &'static str {
    match family {
        Family::Debian | Family::Rhel | Family::Suse | Family::Arch => "setpriv",
        Family::Alpine | Family::Wolfi => "su-exec",
        _ => "gosu",
    }
}

/// In the words of an exec form.
fn in_list(setting: &Setting<Command>, fault: &Fault, tool: &Tool) -> Option<(Vec<String>, Option<Edit>)> {
    let Command::Exec(elements) = &setting.value else { return None };
    let place = setting.place.as_ref()?;
    let (own, wanted) = (place.span, fault.place.span);
    if place.source.path() != fault.place.source.path() || wanted.start < own.start || own.end < wanted.end {
        return None;
    }
    let words: Vec<String> = elements.iter().map(|element| element.text().to_owned()).collect();
    let at = words.iter().position(|word| is_su(word))?;
    let asked = Asked::of(&words[at..], &elements[0])?;
    let new = tool.words(&words[at + asked.user], &asked.program);
    let edit = setting.replace_words(at..words.len(), &new);
    Some((new, edit))
}

/// In a script's statement.
fn in_script(fault: &Fault, tool: &Tool) -> Option<(Vec<String>, Option<Edit>)> {
    let excerpt = Arc::new(Excerpt::verbatim(&fault.place.source, fault.place.span));
    let script = shell::parse(Arc::clone(&excerpt));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let at = command.words.iter().position(|word| word.literal().is_some_and(|word| is_su(&word)))?;
    let own = &command.words[at..];
    let slice = |span: Span| &excerpt.text()[span.start..span.end];
    // A user's name may be in a variable; it is carried over as it stands.
    let words: Vec<String> = own
        .iter()
        .map(|word| repair::plain_word(word).unwrap_or_else(|| slice(word.span).to_owned()))
        .collect();
    let asked = Asked::of(&words, &excerpt)?;
    let is_plain = |(index, word)| index == asked.user || repair::plain_word(word).is_some();
    if !own.iter().enumerate().all(is_plain) {
        return None;
    }
    let program: Vec<String> = asked
        .program
        .iter()
        .map(|word| shlex::try_quote(word).map(Into::into).ok())
        .collect::<Option<_>>()?;
    let new = tool.words(slice(own[asked.user].span), &program);
    let span = Span::new(own[0].span.start, own.last()?.span.end);
    let edit = excerpt.edit(span, &new.join(" ")).filter(|_| !slice(span).contains(['<', '>', '\n']));
    Some((new, edit))
}

fn is_su(word: &str) -> bool {
    matches!(base_name(word), "su" | "runuser")
}

/// What `su` is asked for.
struct Asked {
    /// Which of its words names the user.
    user: usize,
    program: Vec<String>,
}

impl Asked {
    /// `None` where an option asks for more.
    fn of(words: &[String], excerpt: &Excerpt) -> Option<Self> {
        let (mut user, mut line, mut named) = (None, None, false);
        let mut at = 1;
        while let Some(word) = words.get(at) {
            match word.as_str() {
                "-c" | "--command" => line = Some(at + 1),
                "-s" | "--shell"
                    if matches!(base_name(words.get(at + 1)?), "sh" | "bash" | "dash" | "ash") => {}
                "-u" | "--user" if words[0].ends_with("runuser") => (user, named) = (Some(at + 1), true),
                "--" if named => return Some(Self { user: user?, program: words.get(at + 1..)?.to_vec() }),
                option if option.starts_with('-') => return None,
                _ if named => return Some(Self { user: user?, program: words[at..].to_vec() }),
                _ if user.is_none() => {
                    user = Some(at);
                    at += 1;
                    continue;
                }
                _ => return None,
            }
            at += 2;
        }
        Some(Self { user: user?, program: program(words.get(line?)?, excerpt)? })
    }
}

/// The words of a command line that is one program with its arguments.
fn program(line: &str, excerpt: &Excerpt) -> Option<Vec<String>> {
    let script = shell::parse(Arc::new(Excerpt::derived(excerpt.source(), excerpt.span(), line)));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let is_whole = line.trim().len() == node.span.end - node.span.start;
    if !is_whole
        || !script.errors.is_empty()
        || !command.assignments.is_empty()
        || !command.redirects.is_empty()
    {
        return None;
    }
    let mut words: Vec<String> = command.words.iter().map(repair::plain_word).collect::<Option<_>>()?;
    if words.first().is_some_and(|name| name == "exec") {
        words.remove(0);
    }
    let name = words.first()?;
    (!NO_PROGRAMS.contains(&name.as_str()) && !name.starts_with('-')).then_some(words)
}
