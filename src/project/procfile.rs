//! Procfiles, as foreman reads them: a name and a command line on each line.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ruby;
use super::supervised::{Program, UNKNOWN, Word};
use super::{Found, ImageFiles};
use crate::programs::Services;
use crate::source::{Excerpt, Span};

/// The processes of a Procfile, of which each gets `patience` seconds. `None` if the file is not known.
pub fn read(files: &dyn ImageFiles, path: &str, directory: &str, patience: u64) -> Option<Vec<Arc<Program>>> {
    let Found::File(file) = files.find(path) else { return None };
    let mut programs = Vec::new();
    let mut start = 0;
    for line in file.text.text().split_inclusive('\n') {
        let at = start;
        start += line.len();
        let Some((name, rest)) = line.split_once(':') else { continue };
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let command = rest.trim();
        if !is_name || command.is_empty() {
            continue;
        }
        let from = at + name.len() + 1 + (rest.len() - rest.trim_start().len());
        let text = file.text.sub(Span::new(from, from + command.len()));
        programs.push(Arc::new(Program {
            name: name.to_owned(),
            command: command_of(&text),
            directory: Some(directory.to_owned()),
            file: Arc::clone(&file.text),
            settings: BTreeMap::new(),
            ..Program::command(Services::Procfile, &text.whole_place(), patience)
        }));
    }
    Some(programs)
}

/// The words that foreman executes for a line; it puts the number of a port in place of `$PORT`.
fn command_of(line: &Excerpt) -> Vec<Word> {
    let word = |text: Excerpt| Word { text: Arc::new(text) };
    let derived = |text: &str| word(Excerpt::derived(line.source(), line.span(), text));
    if ruby::takes_shell(&line.text().replace("$PORT", "")) {
        return vec![derived("/bin/sh"), derived("-c"), word(line.clone())];
    }
    let offset = |part: &str| part.as_ptr() as usize - line.text().as_ptr() as usize;
    let own = |part: &str| line.sub(Span::new(offset(part), offset(part) + part.len()));
    let words = line.text().split_whitespace();
    words
        .map(|part| match part.contains("$PORT") {
            true => word(Excerpt::derived(line.source(), own(part).span(), part.replace("$PORT", UNKNOWN))),
            false => word(own(part)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn which_lines_take_a_shell() {
        let first = |text: &str| {
            let source = Source::new("Procfile", text);
            command_of(&Excerpt::whole(&source))[0].text.text().to_owned()
        };
        for (line, program) in [
            ("server --port $PORT --a=b", "server"),
            ("bundle exec puma", "bundle"),
            ("setup && server", "/bin/sh"),
            ("A=1 server", "/bin/sh"),
            ("server \"a b\"", "/bin/sh"),
            ("server $WORKERS", "/bin/sh"),
            ("exec server", "/bin/sh"),
        ] {
            assert_eq!(first(line), program, "{line}");
        }
    }
}
