//! An init in front of the program: a repair of several rules.

use super::{Repair, Subject, install, repair};
use crate::dockerfile::{Command, Written};
use crate::settings::InitPolicy;
use crate::source::{Edit, Place, Span};

/// The engine's init, where a deployment starts the program by words of its own.
pub(super) fn of_engine(subject: &Subject<'_>) -> Option<Repair> {
    let mut launch = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let written = &launch.find(|setting| setting.place.is_some())?.written;
    let Written::Value { .. } = written else { return None };
    // An image that nobody knows may bring an init that has to be PID 1.
    if subject.image.entrypoint.is_none() && !subject.image.base.known {
        return None;
    }
    let edit = written.beside("init: true").filter(|_| subject.init != InitPolicy::Never)?;
    Some(Repair::unsafe_("Let the engine put its init in front", vec![edit]))
}

/// tini in front of the program: installed in the stage of the image, and the ENTRYPOINT carried along.
pub(super) fn put_in_front(subject: &Subject<'_>) -> Option<Repair> {
    if subject.init == InitPolicy::Never {
        return None;
    }
    let mut launch = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let written = launch.find(|setting| setting.place.is_some()).map(|setting| &setting.written);
    if let Some(Written::Value { .. }) = written {
        return of_engine(subject);
    }
    let tini = install::how("tini", subject)?;
    let start = start(subject, &install::program(tini, "tini", subject))?;
    let mut edits = vec![start];
    if subject.installed.package(|package| package == "tini").is_none() {
        let run = install::run(tini, subject)?;
        match edits.iter_mut().find(|edit| edit.span == run.span) {
            Some(edit) => edit.text.insert_str(0, &run.text),
            None => edits.insert(0, run),
        }
    }
    Some(Repair::unsafe_("Start the program behind tini; this adds a package to the image", edits))
}

/// The init's words in front of ENTRYPOINT, or an ENTRYPOINT with them in front of CMD. `None` where something else would change: a
/// shell form, an ENTRYPOINT that nobody knows, a CMD that a new ENTRYPOINT would drop.
fn start(subject: &Subject<'_>, program: &str) -> Option<Edit> {
    let image = subject.image;
    let dockerfile = &image.dockerfile.source;
    let in_stage = |place: &Option<Place>| {
        place
            .clone()
            .filter(|place| place.source.path() == dockerfile.path() && place.span.start > image.from.start)
    };
    let carried = match image.entrypoint.as_ref().map(|setting| (&setting.value, &setting.place)) {
        None => &[][..],
        Some((Command::Inherited(words), _)) => words,
        Some((Command::Exec(elements), place)) => {
            in_stage(place)?;
            let at = elements.first()?.span().start.checked_sub(1)?;
            return Some(Edit::new(dockerfile, Span::at(at), format!("\"{program}\", \"--\", ")));
        }
        Some((Command::Shell { .. }, _)) => return None,
    };
    let cmd = in_stage(&image.cmd.as_ref()?.place)?;
    let words: Vec<String> =
        [program, "--"].into_iter().map(str::to_owned).chain(carried.iter().cloned()).collect();
    let source = &cmd.source;
    let line = source.line_span(source.line(cmd.span.start));
    let text = format!("ENTRYPOINT {}{}", repair::json(&words), source.newline());
    Some(Edit::new(source, Span::at(line.start), text))
}
