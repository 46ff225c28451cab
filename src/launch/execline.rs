//! Scripts for execlineb: one long command line, in which each program does its part and becomes the next.

use std::sync::Arc;

use super::field::Field;
use crate::dockerfile::join;
use crate::programs::{Inner, Kind, Tables};
use crate::source::{Excerpt, Span, base_name};

/// What a script becomes in the end.
pub(super) struct Chain {
    pub(super) command: Vec<Field>,
    /// Where that stands.
    pub(super) span: Span,
    /// The directory that it changes to.
    pub(super) directory: Option<String>,
}

/// Programs of the language that become what follows them: their options with a value, and how many words and blocks they take.
const STEPS: [(&str, &[&str], usize, usize); 18] = [
    ("backtick", &["-D"], 1, 1),
    ("define", &["-d"], 2, 0),
    ("elglob", &[], 2, 0),
    ("emptyenv", &[], 0, 0),
    ("exec", &["-a"], 0, 0),
    ("export", &[], 2, 0),
    ("fdclose", &[], 1, 0),
    ("fdmove", &[], 2, 0),
    ("foreground", &[], 0, 1),
    ("if", &["-x"], 0, 1),
    ("importas", &["-D", "-d"], 2, 0),
    ("multisubstitute", &[], 0, 1),
    ("redirfd", &[], 2, 0),
    ("s6-envuidgid", &["-D"], 1, 0),
    ("s6-notifyoncheck", &["-3", "-c", "-n", "-s", "-t", "-T", "-w"], 0, 0),
    ("umask", &[], 1, 0),
    ("unexport", &[], 1, 0),
    ("wait", &[], 0, 1),
];

/// A word, or a block in braces.
enum Item {
    Word(Field, Span),
    Block,
}

/// What a script becomes. `None` where more than that stays, or where it cannot be read.
pub(super) fn chain(text: &Arc<Excerpt>, tables: &Tables) -> Option<Chain> {
    let items = read(text)?;
    let mut rest = items.as_slice();
    let mut directory = None;
    loop {
        let Item::Word(head, _) = rest.first()? else { return None };
        let name = base_name(head.text()?).to_owned();
        if let Some((_, options, words, blocks)) = STEPS.iter().find(|(step, ..)| *step == name) {
            rest = behind(&rest[1..], options, *words, *blocks)?;
        } else if matches!(name.as_str(), "cd" | "execline-cd") {
            let Item::Word(to, _) = rest.get(1)? else { return None };
            directory = Some(join(directory.as_deref().unwrap_or("/"), to.text()?));
            rest = &rest[2..];
        } else if let Some(at) = wrapped(&name, &rest[1..], tables) {
            rest = &rest[1 + at..];
        } else {
            let command = words(rest);
            let (Item::Word(_, first), Item::Word(_, last)) = (rest.first()?, rest.last()?) else {
                return None;
            };
            let span = Span::new(first.start, last.end);
            return (command.len() == rest.len()).then_some(Chain { command, span, directory });
        }
    }
}

/// What follows a step's own options, words and blocks.
fn behind<'a>(mut rest: &'a [Item], options: &[&str], words: usize, blocks: usize) -> Option<&'a [Item]> {
    while let Some(Item::Word(word, _)) = rest.first()
        && let Some(option) = word.text().filter(|text| text.len() > 1 && text.starts_with('-'))
    {
        // `-uD default`: the last letter takes it.
        let takes_value = options.iter().any(|own| option.ends_with(&own[1..]));
        rest = rest.get(1 + usize::from(takes_value)..)?;
        if option == "--" {
            break;
        }
    }
    let (own, rest) = rest.split_at_checked(words + blocks)?;
    let is_block = |item: &Item| matches!(item, Item::Block);
    (!own[..words].iter().any(is_block) && own[words..].iter().all(is_block)).then_some(rest)
}

/// Where the inner command of a wrapper begins that the tables know.
fn wrapped(name: &str, rest: &[Item], tables: &Tables) -> Option<usize> {
    let words = words(rest);
    let arguments: Vec<Option<&str>> = words.iter().map(Field::option).collect();
    let row = tables.program(name, &arguments).filter(|row| row.kind == Kind::Exec && row.shell.is_none())?;
    match row.inner_command(&arguments) {
        Inner::Command { name, arguments } if arguments == name + 1 => Some(name),
        // The next is a program of the language with a block.
        _ => None,
    }
}

/// The words up to the first block.
fn words(items: &[Item]) -> Vec<Field> {
    let word = |item: &Item| match item {
        Item::Word(field, _) => Some(field.clone()),
        Item::Block => None,
    };
    items.iter().map_while(word).collect()
}

/// The words of a script; what stands in a block is passed over. `None` where braces or quotes do not match.
fn read(text: &Arc<Excerpt>) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    let all = text.text();
    while let Some(next) = all[at..].chars().next() {
        if next.is_whitespace() {
            at += next.len_utf8();
        } else if next == '#' {
            at = all[at..].find('\n').map_or(all.len(), |end| at + end);
        } else {
            let (end, value) = word(&all[at..])?;
            let span = Span::new(at, at + end);
            at += end;
            match (&all[span.start..span.end], depth) {
                ("{", _) => depth += 1,
                ("}", _) => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        items.push(Item::Block);
                    }
                }
                (written, 0) if written.contains('$') => {
                    items.push(Item::Word(Field::unknown(written), span))
                }
                (written, 0) if written == value => {
                    items.push(Item::Word(Field::written(&Arc::new(text.sub(span))), span));
                }
                (_, 0) => items.push(Item::Word(Field::known(value), span)),
                _ => {}
            }
        }
    }
    (depth == 0).then_some(items)
}

/// The word that a text begins with: how long it is, and what it says without its quotes.
fn word(text: &str) -> Option<(usize, String)> {
    let mut value = String::new();
    let mut quoted = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => quoted = !quoted,
            '\\' => value.push(characters.next()?.1),
            _ if character.is_whitespace() && !quoted => return Some((at, value)),
            _ => value.push(character),
        }
    }
    (!quoted).then_some((text.len(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn chains() {
        for (text, expected) in [
            ("#!/bin/execlineb -P\nserver -p 80\n", Some("server -p 80")),
            ("with-contenv s6-setuidgid app cd /srv ./run", Some("./run")),
            (
                "foreground { echo { a } } if -t { test -d /a } exec -c server \"a b\" c\\ d",
                Some("server a b c d"),
            ),
            ("importas -uD x a A fdmove -c 2 1 redirfd -w 1 /log server $a", Some("server $a")),
            (
                "backtick -D 1 n { printcontenv N } define d /x server # comment\n --n ${n}",
                Some("server --n ${n}"),
            ),
            ("background { helper } server", None),
            ("ifelse { test } { a } b", None),
            ("foreground { server", None),
            ("foreground { server }", None),
            ("server \"a", None),
            ("}", None),
            ("", None),
        ] {
            let source = Source::new("run", text);
            let chain = chain(&Arc::new(Excerpt::whole(&source)), Tables::builtin());
            let shown =
                chain.map(|chain| chain.command.iter().map(Field::shown).collect::<Vec<_>>().join(" "));
            assert_eq!(shown.as_deref(), expected, "{text}");
        }
    }
}
