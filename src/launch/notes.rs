//! Numbers of processes that a script keeps in files: `echo $! > /run/app.pid`, and `kill $(cat /run/app.pid)`.

use std::rc::Rc;

use super::expand::Expander;
use super::field::{Field, Value};
use super::machine::Machine;
use super::shell::Status;
use super::world::{Identity, Pid, Process};
use crate::shell::{Command, Redirect};

/// So many files are remembered.
const MAX_NOTES: usize = 32;

impl Machine<'_, '_> {
    /// What a command writes into files: the number of a process, or something that is not followed.
    pub(super) fn note_numbers(&mut self, command: &Command, fields: &[Field]) {
        let Some(expander) = self.expander() else { return };
        let written: Vec<(Rc<str>, Option<Rc<str>>)> = command
            .redirects
            .iter()
            .filter_map(|redirect| Some((expander.file_written(redirect)?, redirect)))
            .map(|(path, redirect)| {
                (path, number(fields).filter(|_| matches!(redirect.operator.as_str(), ">" | ">|")))
            })
            .collect();
        for (path, number) in written {
            let notes = &mut self.world.notes;
            match number {
                Some(number) if notes.len() < MAX_NOTES || notes.contains_key(&path) => {
                    Rc::make_mut(notes).insert(path, number);
                }
                _ if notes.contains_key(&path) => {
                    Rc::make_mut(notes).remove(&path);
                }
                _ => {}
            }
        }
    }
}

impl Machine<'_, '_> {
    /// `printf -v name format words...`: only bash has it.
    pub(super) fn print_into(&mut self, arguments: &[Field]) {
        let is_bash = self.shell().is_some_and(|shell| shell.dialect.is_bash());
        let Some(name) = arguments.get(1).and_then(Field::text).filter(|_| is_bash) else {
            return self.set_status(Status::known(2));
        };
        let value =
            formatted(&arguments[2..]).map_or_else(Value::unknown, |text| Value::Scalar(Field::known(text)));
        self.with(|shell| shell.set(name, value));
        self.set_status_quietly(Status::known(0));
    }
}

/// A format with nothing but `%s` in it, and as many words.
fn formatted(fields: &[Field]) -> Option<String> {
    let (format, words) = fields.split_first()?;
    let mut pieces = format.text()?.split("%s");
    let mut text = pieces.next()?.to_owned();
    let mut words = words.iter();
    for piece in pieces {
        text += words.next()?.text()?;
        text += piece;
    }
    (words.next().is_none() && !text.contains(['%', '\\'])).then_some(text)
}

impl Expander<'_> {
    /// The number in this file: the script has written it, or a program that was told to (`--pidfile=/run/app.pid`).
    pub(super) fn noted(&self, path: &str) -> Option<String> {
        let path = self.path_of_note(path);
        let written = self.world.notes.get(&path).map(|number| number.to_string());
        written.or_else(|| Some(self.keeper_of(&path)?.to_string()))
    }

    /// The program that was told to write its number into this file.
    pub(super) fn keeper_of(&self, path: &str) -> Option<Pid> {
        let path = self.path_of_note(path);
        let own =
            |process: &&Process| self.world.alive(process.pid) && notes_itself(&process.identity, &path);
        let keeper = self.world.processes().find(own).filter(|_| !self.world.notes.contains_key(&path))?;
        Some(keeper.pid)
    }

    fn path_of_note(&self, path: &str) -> Rc<str> {
        self.absolute(path).unwrap_or_else(|| path.to_owned()).into()
    }

    /// The file that a redirection writes to, if its name is known.
    fn file_written(&self, redirect: &Redirect) -> Option<Rc<str>> {
        let target = redirect.target.as_ref().filter(|_| redirect.operator.contains('>'))?;
        let path = self.string(target);
        path.text().map(|path| self.path_of_note(path))
    }
}

/// True for a program with an option for the file in which it writes its number.
fn notes_itself(identity: &Identity, path: &str) -> bool {
    let words: Vec<&str> = identity.argv.iter().map(|word| word.text().unwrap_or("")).collect();
    let says = |option: &str| option.starts_with('-') && option.contains("pid");
    words.windows(2).any(|pair| says(pair[0]) && pair[1] == path)
        || words
            .iter()
            .filter_map(|word| word.split_once('='))
            .any(|(option, value)| says(option) && value == path)
}

/// `echo $!`, `printf '%s\n' $!`: the number that is written, if it is one.
fn number(fields: &[Field]) -> Option<Rc<str>> {
    let words: Vec<&str> = fields.iter().map(Field::text).collect::<Option<_>>()?;
    let number = match words.as_slice() {
        ["echo", number] | ["echo", "-n", number] | ["printf", number] => number,
        ["printf", format, number] if matches!(format.trim_end_matches("\\n"), "%s" | "%d" | "%i") => number,
        _ => return None,
    };
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| Rc::from(*number))
}
