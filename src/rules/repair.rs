//! Edits that several rules offer.

use std::sync::Arc;

use super::blocks::{behind, loop_around};
use super::{Repair, conditional_trap};
use crate::dockerfile::{Command as Setting, Image};
use crate::launch::{Fault, Rest, ShellState, Site, is_builtin};
use crate::shell::{self, AssignedValue, Command, Node, NodeKind, Part, Script, Word};
use crate::source::{Edit, Excerpt, Span, base_name};

/// Programs that a person talks to: exec would end the script behind them, and nobody stops them.
const INTERACTIVE: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "fish"];

/// `exec` in front of the command that the shell stays for; `None` where that would change more than the signal's way.
pub(super) fn exec_prefix(fault: &Fault) -> Option<Repair> {
    let Site::Foreground { rest, .. } = &fault.site else { return None };
    // What follows would be lost.
    matches!(rest, Rest::Nothing | Rest::Exit | Rest::Remarks | Rest::Otherwise)
        .then(|| put_exec(fault))
        .flatten()
}

/// The same where what follows starts other services: nobody means to start them when this one has ended.
pub(super) fn exec_in_role(fault: &Fault) -> Option<Repair> {
    let Repair { message, edits, .. } = put_exec(fault)?;
    let lost = "what stands behind it, and starts other services, is not run any more when it has ended";
    Some(Repair::unsafe_(format!("{message}; {lost}"), edits))
}

fn put_exec(fault: &Fault) -> Option<Repair> {
    let Site::Foreground { node, rest, .. } = &fault.site else { return None };
    let shell = &fault.shell;
    if !may_replace_shell(fault) {
        return None;
    }
    let command = simple(node)?;
    let first = command.words.first()?;
    let name = first.literal();
    // `$EXEC server`
    if holds_exec(first, node.excerpt.text()) {
        return None;
    }
    // exec ends the hooks with the shell, and knows no aliases.
    if shell.hooks || name.as_deref().is_some_and(|name| shell.aliases.contains(name)) {
        return None;
    }
    let is_given = command.words.len() > 1 || command.redirects.iter().any(|given| given.heredoc.is_some());
    if name.as_deref().is_some_and(|name| INTERACTIVE.contains(&name) && !is_given) {
        return None;
    }
    let edit = node.excerpt.edit(Span::at(first.span.start), "exec ")?;
    let shown = name.unwrap_or_else(|| {
        node.excerpt.text().get(first.span.start..first.span.end).unwrap_or("").to_owned()
    });
    let message = format!("Put `exec` in front of `{shown}`");
    let may_be_function = first.literal().is_none() && !names_path(first) && offers_functions(node, shell);
    let is_program = holds_program(first, node, shell) || (is_sure(first) && !may_be_function);
    Some(if !is_program {
        Repair::unsafe_(
            format!("{message}; if `{shown}` may hold a function or a built-in of the shell, that breaks"),
            vec![edit],
        )
    } else if shell.may_trap {
        let what = "a trap that is set where pidone cannot see it is lost then";
        Repair::unsafe_(format!("{message}; {what}"), vec![edit])
    } else if *rest == Rest::Otherwise {
        let what = "what stands behind `||` is not run any more when it fails";
        Repair::unsafe_(format!("{message}; {what}"), vec![edit])
    } else if *rest == Rest::Remarks && !(shell.errexit && follows_setting(node)) {
        Repair::unsafe_(format!("{message}; what stands behind it is not run any more"), vec![edit])
    } else if *rest == Rest::Exit && !shell.errexit && follows_constant(node) {
        Repair::unsafe_(format!("{message}; the script's own exit status is lost then"), vec![edit])
    } else {
        Repair::safe(message, vec![edit])
    })
}

/// True if nothing of the shell is needed any more once its last program has started.
pub(super) fn may_replace_shell(fault: &Fault) -> bool {
    let Site::Foreground { node, calls, callers, .. } = &fault.site else { return false };
    let script = shell::parse(Arc::clone(&node.excerpt));
    // A trap would be lost, a second call of the function, and all turns of a loop but the first.
    fault.shell.traps.is_empty()
        && !is_called_again(node, calls, callers)
        && !conditional_trap::may_be_set(node, calls, callers)
        && loop_around(script.statements.iter(), node.span).is_none()
}

/// True for a variable that the script sets to `exec` somewhere.
fn holds_exec(word: &Word, text: &str) -> bool {
    let [Part::Parameter(parameter, _)] = word.parts.as_slice() else { return false };
    ["", "\"", "'"].iter().any(|quote| text.contains(&format!("{}={quote}exec", parameter.name)))
}

/// True for a variable that is given the name of a program wherever the script gives it something.
fn holds_program(word: &Word, node: &Node, shell: &ShellState) -> bool {
    let is_empty = |part: &&Part| matches!(part, Part::Quoted(text) if text.is_empty());
    let parts: Vec<&Part> = word.parts.iter().filter(|part| !is_empty(part)).collect();
    let [Part::Parameter(parameter, _)] = parts.as_slice() else { return false };
    let mut values = Vec::new();
    let script = shell::parse(Arc::clone(&node.excerpt));
    let is_known = script.errors.is_empty()
        && !shell.unknown_functions
        && script.statements.iter().all(|node| collect_values(node, &parameter.name, &mut values));
    let is_program = |name: &String| {
        !name.is_empty()
            && !is_builtin(name)
            && !shell.functions.contains(name)
            && !shell.aliases.contains(name)
    };
    is_known && !values.is_empty() && values.iter().all(is_program)
}

/// The first words that a statement gives a variable; false if one of them is not written out.
fn collect_values(node: &Node, name: &str, values: &mut Vec<String>) -> bool {
    let NodeKind::Command(command) = &node.kind else {
        let is_own = matches!(&node.kind, NodeKind::For(inner) if inner.variable == name);
        return !is_own && node.children().into_iter().all(|child| collect_values(child, name, values));
    };
    // `read NAME`, `local NAME=...`, `for NAME in`
    if command
        .words
        .iter()
        .skip(1)
        .any(|word| word.literal().is_some_and(|text| text.split('=').next() == Some(name)))
    {
        return false;
    }
    command.assignments.iter().filter(|own| own.name == name).all(|own| {
        let first = match &own.value {
            AssignedValue::Scalar(word) => word.literal(),
            AssignedValue::Array(words) => words.first().and_then(Word::literal),
        };
        let first = first.map(|text| text.split_whitespace().next().unwrap_or("").to_owned());
        match first {
            // What is added changes no first word.
            _ if own.append => true,
            Some(first) => {
                values.push(first);
                own.index.is_none()
            }
            None => false,
        }
    })
}

/// True if a function is there that the script itself does not call: the caller may name it (`docker run image migrate`).
fn offers_functions(node: &Node, shell: &ShellState) -> bool {
    let words: Vec<&str> = node
        .excerpt
        .text()
        .split(|c: char| c.is_ascii_whitespace() || ";&|(){}'\"`".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    // Once where it is defined, if it is defined here.
    let text: String = node.excerpt.text().split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let defined = |name: &str| {
        ["()", " ()"].iter().any(|sign| text.contains(&format!("{name}{sign}")))
            || text.contains(&format!("function {name}"))
    };
    let is_called = |name: &String| {
        // `export -f name` calls nothing.
        let is_named = |at: &usize| words[*at] == name && (*at == 0 || words[*at - 1] != "-f");
        let named = (0..words.len()).filter(is_named).count();
        named > usize::from(defined(name))
    };
    shell.unknown_functions || !shell.functions.iter().all(is_called)
}

/// True if the script goes on with `exit 0` or another status of its own.
fn follows_constant(node: &Node) -> bool {
    let script = shell::parse(Arc::clone(&node.excerpt));
    let exit = behind(&script.statements, node.span).into_iter().find(|node| node.is_command(&["exit"]));
    let status = exit.and_then(simple).and_then(|exit| exit.words.get(1)?.literal());
    status.is_some_and(|status| status.starts_with(|c: char| c.is_ascii_digit()))
}

/// `set +e` as all that follows.
fn follows_setting(node: &Node) -> bool {
    let script = shell::parse(Arc::clone(&node.excerpt));
    behind(&script.statements, node.span).into_iter().all(|node| node.is_command(&["set"]))
}

/// A name that is written out, or the script's own arguments, is a program; a variable may hold anything.
fn is_sure(word: &Word) -> bool {
    word.literal().is_some()
        || word.parts.iter().all(|part| match part {
            Part::Literal(_) => true,
            Part::Quoted(text) => text.is_empty() || text.contains('/'),
            Part::Parameter(parameter, _) => parameter.is_arguments(),
            _ => false,
        })
        || names_path(word)
}

/// `"$HOME"/bin/app`
pub(super) fn names_path(word: &Word) -> bool {
    matches!(word.parts.last(), Some(Part::Literal(text) | Part::Quoted(text)) if text.contains('/'))
}

/// The simple command of a statement.
pub(super) fn simple(node: &Node) -> Option<&Arc<Command>> {
    match &node.kind {
        NodeKind::Command(command) => Some(command),
        NodeKind::Redirected(inner, _) => simple(inner),
        _ => None,
    }
}

/// True if one of these functions is called more than once in the texts, so that what is done inside is done more than once.
fn is_called_again(node: &Node, calls: &[String], callers: &[Arc<Excerpt>]) -> bool {
    if calls.is_empty() {
        return false;
    }
    let texts = callers.iter().chain([&node.excerpt]);
    let scripts: Vec<_> = texts.map(|text| shell::parse(Arc::clone(text))).collect();
    let count = |name| scripts.iter().map(|script| count_calls(&script.statements, name)).sum::<usize>();
    calls.iter().any(|name| count(name) != 1)
}

fn count_calls(list: &[Node], name: &str) -> usize {
    let count = |list: &[Node]| count_calls(list, name);
    list.iter()
        .map(|node| match &node.kind {
            NodeKind::Command(command) => usize::from(command.name().as_deref() == Some(name)),
            NodeKind::Pipeline(nodes) | NodeKind::Group(nodes) | NodeKind::Subshell(nodes) => count(nodes),
            NodeKind::ArithmeticFor(nodes, _) => 2 * count(nodes),
            NodeKind::Not(inner)
            | NodeKind::Background(inner)
            | NodeKind::Function(_, inner)
            | NodeKind::Redirected(inner, _) => count(std::slice::from_ref(inner.as_ref())),
            NodeKind::And(a, b) | NodeKind::Or(a, b) => {
                count(std::slice::from_ref(a.as_ref())) + count(std::slice::from_ref(b.as_ref()))
            }
            NodeKind::If(node) => {
                node.arms.iter().map(|(condition, body)| count(condition) + count(body)).sum::<usize>()
                    + node.otherwise.as_ref().map_or(0, |body| count(body))
            }
            NodeKind::Case(node) => node.arms.iter().map(|arm| count(&arm.body)).sum(),
            // A loop calls again and again.
            NodeKind::Loop(node) => 2 * (count(&node.condition) + count(&node.body)),
            NodeKind::For(node) => 2 * count(&node.body),
            NodeKind::Test(_) | NodeKind::Arithmetic(_) | NodeKind::Error => 0,
        })
        .sum()
}

/// A shell-form text that is one simple command of plain words, as a JSON array; `None` if anything in it needs a shell.
pub(super) fn exec_form(text: &Excerpt) -> Option<Repair> {
    let script = shell::parse(Arc::new(text.clone()));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let plain = command.assignments.is_empty() && command.redirects.is_empty() && script.errors.is_empty();
    // A comment would be lost, and so would the layout of a command over several lines.
    let whole = text.text().trim().len() == node.span.end - node.span.start;
    let one_line = !text.source().slice(text.span()).contains('\n');
    if !plain || !whole || !one_line {
        return None;
    }
    let words: Vec<String> = command.words.iter().map(plain_word).collect::<Option<_>>()?;
    if words.first().is_some_and(|name| name == "exec" || name.is_empty()) {
        return None;
    }
    let edit = Edit::new(text.source(), text.span(), json(&words));
    Some(Repair::safe("Write the command in exec form", vec![edit]))
}

/// `sh -c "line"` as all of a shell-form text.
struct SecondShell {
    /// The whole of it.
    span: Span,
    /// The line, between its double quotes.
    line: Span,
    script: Arc<Script>,
}

fn second_shell(text: &Excerpt) -> Option<SecondShell> {
    let script = shell::parse(Arc::new(text.clone()));
    let [node] = script.statements.as_ref() else { return None };
    let NodeKind::Command(command) = &node.kind else { return None };
    let [name, option, line] = command.words.as_slice() else { return None };
    let is_shell = matches!(base_name(&name.literal()?), "sh" | "bash" | "dash" | "ash");
    let quoted = text.text().get(line.span.start..line.span.end)?;
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let alone = command.assignments.is_empty() && command.redirects.is_empty();
    if !is_shell || option.literal()? != "-c" || !alone || !script.errors.is_empty() {
        return None;
    }
    let source = crate::source::Source::new(text.source().path(), inner);
    let line = Span::new(line.span.start + 1, line.span.end - 1);
    Some(SecondShell { span: node.span, line, script: shell::parse(Arc::new(Excerpt::whole(&source))) })
}

/// `sh -c "server --port $PORT"` in shell form as `exec server --port $PORT`: the shell in front replaces the variables in either.
pub(super) fn without_second_shell(text: &Excerpt) -> Option<Repair> {
    let SecondShell { span, line, script } = second_shell(text)?;
    let line = text.text().get(line.start..line.end)?;
    if line.contains(['"', '\'', '\\', '`', '(', '\n', '*', '?', '#', '~', '!', '{', '[']) {
        return None;
    }
    let [only] = script.statements.as_ref() else { return None };
    let command =
        simple(only).filter(|command| command.assignments.is_empty() && command.redirects.is_empty())?;
    let exec = if command.name()? == "exec" { "" } else { "exec " };
    let edit = text.edit(span, &format!("{exec}{line}"))?;
    Some(Repair::safe("Leave the second shell out, and put `exec` in front of the command", vec![edit]))
}

/// `sh -c "prepare && server $OPTIONS"` in shell form: `exec` in front of the second shell and of the last command that it is given. What the
/// variables hold is read by both shells, as before.
pub(super) fn exec_through_second_shell(text: &Excerpt) -> Option<Repair> {
    let SecondShell { span, line, script } = second_shell(text)?;
    let sets_trap = |node: &Node| node.is_command(&["trap"]);
    if text.text().get(line.start..line.end)?.contains(['"', '\\', '`', '\n'])
        || !script.errors.is_empty()
        || script.statements.iter().any(sets_trap)
    {
        return None;
    }
    let last = last_of(script.statements.last()?)?;
    let first = last.words.first()?;
    let program = first.literal()?;
    if program == "exec"
        || is_builtin(&program)
        || (INTERACTIVE.contains(&program.as_str()) && last.words.len() == 1)
    {
        return None;
    }
    let edits = vec![
        text.edit(Span::at(span.start), "exec ")?,
        text.edit(Span::at(line.start + first.span.start), "exec ")?,
    ];
    Some(Repair::safe(
        format!("Put `exec` in front of the second shell, and of `{program}` in its text"),
        edits,
    ))
}

/// The last command of a list joined by `&&`.
fn last_of(node: &Node) -> Option<&Arc<Command>> {
    match &node.kind {
        NodeKind::And(_, right) => last_of(right),
        _ => simple(node),
    }
}

/// A word that means the same to a shell and to the kernel.
pub(super) fn plain_word(word: &Word) -> Option<String> {
    let special = |part: &Part| match part {
        Part::Literal(text) => text.contains([
            '*', '?', '[', ']', '~', '{', '}', '$', '`', '!', '#', ';', '<', '>', '(', ')', '&', '|',
        ]),
        Part::Quoted(_) => false,
        _ => true,
    };
    if word.parts.iter().any(special) { None } else { word.literal() }
}

/// Words as a JSON array, with a blank after each comma.
pub(super) fn json(words: &[String]) -> String {
    let words: Vec<String> = words.iter().filter_map(|word| serde_json::to_string(word).ok()).collect();
    format!("[{}]", words.join(", "))
}

/// An instruction in front of the one that starts the container, or at the end of the stage.
pub(super) fn instruction(image: &Image, text: &str) -> Option<Edit> {
    if image.dockerfile.instructions.is_empty() {
        return None;
    }
    let source = &image.dockerfile.source;
    let newline = source.newline();
    let launch = [&image.entrypoint, &image.cmd].into_iter().flatten();
    // What other stages build on, too, they may have reason for.
    let starts = launch.filter_map(|own| own.place.as_ref()).filter(|place| !image.is_shared(place));
    let (at, text) = match starts.min_by_key(|place| place.span.start) {
        Some(first) => (source.line_span(source.line(first.span.start)).start, format!("{text}{newline}")),
        None => {
            let own = image.instructions().into_iter().rfind(|(stage, _)| *stage == image.stage);
            let last = own.map_or(image.from, |(_, instruction)| instruction.span);
            (last.start + source.slice(last).trim_end().len(), format!("{newline}{text}"))
        }
    };
    Some(Edit::new(source, Span::at(at), text))
}

/// The shell-form text of the instruction that starts the container, with the words of its SHELL.
pub(super) fn shell_form(image: &Image) -> Option<(&Arc<Excerpt>, &[String], bool)> {
    let entrypoint = image.entrypoint.as_ref().filter(|setting| !is_empty(&setting.value));
    let (setting, is_entrypoint) = match (entrypoint, &image.cmd) {
        (Some(setting), _) => (setting, true),
        (None, Some(setting)) => (setting, false),
        (None, None) => return None,
    };
    match &setting.value {
        Setting::Shell { text, shell } => Some((text, shell, is_entrypoint)),
        _ => None,
    }
}

fn is_empty(command: &Setting) -> bool {
    match command {
        Setting::Exec(elements) => elements.is_empty(),
        // What the base brings does not stand in this file.
        Setting::Inherited(_) => true,
        Setting::Shell { .. } => false,
    }
}
