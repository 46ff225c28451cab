//! The form of a program that stays in front, in place of one that leaves: a repair of several rules.

use std::sync::Arc;

use super::{Repair, Subject, repair, words};
use crate::dockerfile::{Command, Setting};
use crate::launch::Fault;
use crate::programs::{Kind, Program, Sh};
use crate::shell::{self, Node, NodeKind};
use crate::source::{Edit, Excerpt, Place, Span, base_name};

/// The form of the program that stays in front and ends well, for people.
pub(super) fn advice<'a>(fault: &Fault, subject: &'a Subject<'_>) -> Option<&'a str> {
    let told = row(fault, subject)?.foreground.as_deref()?;
    let words: Vec<&str> = told.split(' ').collect();
    is_there(&words, subject).then_some(told)
}

/// The program in that form, where it stands.
pub(super) fn keep(fault: &Fault, subject: &Subject<'_>, message: &str) -> Option<Repair> {
    let written = Written::of(fault, subject);
    let kept = stay(row(fault, subject)?, &written.words()).filter(|kept| is_there(kept, subject))?;
    let message = format!("{message} {}", words::code(kept.join(" ")));
    Some(Repair::safe(message, vec![written.rewrite(&kept)?]))
}

/// The command of a statement in that form, and the words that it then has, for people.
pub(super) fn in_job(node: &Node, subject: &Subject<'_>) -> Option<(Edit, String)> {
    let command = repair::simple(node)?;
    let word = |word: &shell::Word| Some((word.literal()?, node.excerpt.place(word.span)));
    let written = Written::Line(command.words.iter().map(word).collect::<Option<_>>()?);
    let words = written.words();
    let (name, arguments) = words.split_first()?;
    let arguments: Vec<Option<&str>> = arguments.iter().copied().map(Some).collect();
    let kept = stay(row_of(name, &arguments, subject)?, &words).filter(|kept| is_there(kept, subject))?;
    // Another program may be none that what follows knows (`pm2-runtime`).
    if base_name(&kept[0]) != base_name(words[0]) {
        return None;
    }
    let (first, last) = (command.words.first()?.span, command.words.last()?.span);
    let quoted: Vec<_> = kept.iter().map(|word| shlex::try_quote(word)).collect::<Result<_, _>>().ok()?;
    Some((node.excerpt.edit(first.to(last), &quoted.join(" "))?, words::code(kept.join(" "))))
}

/// The row of the program, with the arguments that it has.
fn row<'a>(fault: &Fault, subject: &'a Subject<'_>) -> Option<&'a Program> {
    row_of(fault.service.program(), &fault.service.arguments(), subject)
}

fn row_of<'a>(name: &str, arguments: &[Option<&str>], subject: &'a Subject<'_>) -> Option<&'a Program> {
    let row = match subject.image.base.sh {
        // busybox's tools are the system's.
        Sh::Ash => subject.tables.applet(name, arguments),
        _ => subject.tables.program(name, arguments),
    };
    // A wrapper's field says what it starts.
    row.map(Arc::as_ref).filter(|row| row.kind != Kind::Fork)
}

/// False where the program that the base image's packages have is too old for these words.
fn is_there(words: &[impl AsRef<str>], subject: &Subject<'_>) -> bool {
    let Some((name, arguments)) = words.split_first() else { return false };
    let arguments: Vec<Option<&str>> = arguments.iter().map(|word| Some(word.as_ref())).collect();
    row_of(name.as_ref(), &arguments, subject).is_none_or(|row| row.is_on(&subject.image.base))
}

/// The words that start the program, as they stand in a file.
enum Written<'a> {
    /// Elements of an exec form, from this one on.
    Elements(&'a Setting<Command>, usize, Vec<String>),
    /// A simple command in a shell's text, each word with its place.
    Line(Vec<(String, Place)>),
}

impl<'a> Written<'a> {
    fn of(fault: &Fault, subject: &Subject<'a>) -> Self {
        let program = fault.service.program();
        for setting in [&subject.image.cmd, &subject.image.entrypoint].into_iter().flatten() {
            let Command::Exec(elements) = &setting.value else { continue };
            let Some(at) = elements.iter().position(|element| element.text() == program) else { continue };
            // `["sh", "-c", "cron"]`: a command line, not a word.
            if at > 0 && elements[at - 1].text().starts_with('-') && elements[at - 1].text().ends_with('c') {
                continue;
            }
            let texts: Vec<String> = elements[at..].iter().map(|element| element.text().to_owned()).collect();
            if fault.service.to_string().starts_with(&texts.join(" ")) {
                return Self::Elements(setting, at, texts);
            }
        }
        // The place holds the command and nothing else, or it is no command of that name.
        let excerpt = Arc::new(Excerpt::verbatim(&fault.place.source, fault.place.span));
        let script = shell::parse(Arc::clone(&excerpt));
        let words = match script.statements.as_ref() {
            [Node { kind: NodeKind::Command(command), .. }] => command.words.as_slice(),
            _ => &[],
        };
        let word = |word: &shell::Word| Some((word.literal()?, excerpt.place(word.span)));
        let words: Option<Vec<_>> = words.iter().map(word).collect();
        Self::Line(
            words.filter(|words| words.first().is_some_and(|(name, _)| name == program)).unwrap_or_default(),
        )
    }

    fn words(&self) -> Vec<&str> {
        match self {
            Self::Elements(_, _, words) => words.iter().map(String::as_str).collect(),
            Self::Line(words) => words.iter().map(|(word, _)| word.as_str()).collect(),
        }
    }

    /// Other words in their place. What is the same in front stays as it is.
    fn rewrite(&self, kept: &[String]) -> Option<Edit> {
        let words = self.words();
        let same = words.iter().zip(kept).take_while(|(word, kept)| *word == kept).count();
        let from = same.saturating_sub(1);
        let (edit, source) = match self {
            Self::Elements(setting, at, _) => (
                setting.replace_words(at + from..at + words.len(), &kept[from..])?,
                &setting.place.as_ref()?.source,
            ),
            Self::Line(places) => {
                let (first, last) = (&places.get(same.max(1) - 1)?.1, &places.last()?.1);
                let rest: Vec<_> =
                    kept[same..].iter().map(|word| shlex::try_quote(word)).collect::<Result<_, _>>().ok()?;
                let (start, glue) = if same == 0 { (first.span.start, "") } else { (first.span.end, " ") };
                let text = if rest.is_empty() { String::new() } else { format!("{glue}{}", rest.join(" ")) };
                let span = Span::new(start, last.span.end);
                (Edit::new(&first.source, span, text), &first.source)
            }
        };
        // What stands between words over several lines (comments, say) would be lost.
        (!source.slice(edit.span).contains('\n')).then_some(edit)
    }
}

/// The words for another program, which may not know all the options: `pm2 start app.js --attach` as `pm2-runtime start app.js`.
fn for_other(row: &Program, name: &str, words: &[String]) -> Option<Vec<String>> {
    let mut kept = vec![name.to_owned()];
    let mut words = words[1..].iter();
    while let Some(word) = words.next() {
        let option = word.split('=').next().unwrap_or(word);
        match option {
            "--" => {
                kept.push(word.clone());
                kept.extend(words.cloned());
                break;
            }
            option if row.foreground_drops.iter().any(|dropped| dropped == option) => {}
            option
                if option.starts_with('-') && !row.foreground_takes.iter().any(|known| known == option) =>
            {
                return None;
            }
            _ => kept.push(word.clone()),
        }
    }
    Some(kept)
}

/// The words that keep the program in front: those that send it away left out, and what its row says added.
fn stay(row: &Program, words: &[&str]) -> Option<Vec<String>> {
    let foreground = row.foreground.as_deref()?;
    let is_prose = foreground.contains('(');

    let told = shlex::split(foreground.split(" (").next()?)?;
    let (name, more) = told.split_first()?;
    let own = words.first()?;
    // `rsync --daemon` stays with `--daemon --no-detach`; an option with a value (`fetchmail --daemon 300`) says more than that.
    let is_one_of = |list: &[String], word: &str| list.iter().any(|option| option == word);
    let sends_away = |word: &str| {
        is_one_of(&row.args.requires, word)
            && !is_one_of(&row.args.value_options, word)
            && !is_one_of(more, word)
    };
    let mut kept: Vec<String> =
        words.iter().filter(|word| !sends_away(word)).map(|word| (*word).to_owned()).collect();
    match more {
        [] if name.starts_with(&format!("{}-", base_name(own))) && !is_prose => {
            kept = for_other(row, name, &kept)?
        }
        // `php-fpm8.2` goes by its row's name.
        _ if base_name(name) != base_name(own) && !row.names.iter().any(|known| known == base_name(name)) => {
            return None;
        }
        [] if kept.len() < words.len() => {}
        _ if is_prose => return None,
        [option, ..] if option.starts_with('-') => {
            let has = |option: &str| words.contains(&option);
            let mut more = more.iter().peekable();
            while let Some(option) = more.next() {
                let value = more.next_if(|next| !next.starts_with('-'));
                if !has(option) {
                    kept.push(option.clone());
                    kept.extend(value.cloned());
                }
            }
            // `sshd` refuses to run unless it is called by its path.
            if name.starts_with('/') && !own.contains('/') {
                kept[0].clone_from(name);
            }
        }
        // `caddy start` becomes `caddy run`.
        [subcommand] => *kept.get_mut(1)? = subcommand.clone(),
        _ => return None,
    }
    (kept != words).then_some(kept)
}
