//! An init in front of the program: a repair of several rules.

use super::{Repair, Subject, repair};
use crate::dockerfile::{Command, DEFAULT_PATH, Keyword, Written};
use crate::programs::InitInstall;
use crate::settings::InitPolicy;
use crate::source::{Edit, Place, Span};

/// tini in front of the program: installed in the stage of the image, and the ENTRYPOINT carried along.
pub(super) fn put_in_front(subject: &Subject<'_>) -> Option<Repair> {
    if subject.init == InitPolicy::Never {
        return None;
    }
    let launch = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let mut written = launch.filter(|setting| setting.place.is_some()).map(|setting| &setting.written);
    if let Some(written @ Written::Value { .. }) = written.next() {
        let edit = written.beside("init: true")?;
        return Some(Repair::unsafe_("Let the engine put its init in front", vec![edit]));
    }
    let install = how("tini", subject)?;
    let start = start(subject, &program(install, "tini", subject))?;
    let mut edits = vec![start];
    if subject.installed.package(|package| package == "tini").is_none() {
        let run = self::install(install, subject)?;
        match edits.iter_mut().find(|edit| edit.span == run.span) {
            Some(edit) => edit.text.insert_str(0, &run.text),
            None => edits.insert(0, run),
        }
    }
    Some(Repair::unsafe_("Start the program behind tini; this adds a package to the image", edits))
}

/// How the base's distribution installs an init.
pub(super) fn how<'a>(name: &str, subject: &'a Subject<'_>) -> Option<&'a InitInstall> {
    let image = subject.image;
    subject.tables.init_install(name, image.base.family, &image.base_name).filter(|_| image.base.known)
}

/// How ENTRYPOINT names the installed init.
pub(super) fn program(install: &InitInstall, name: &str, subject: &Subject<'_>) -> String {
    let path = subject.image.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let (folder, _) = install.path.rsplit_once('/').unwrap_or_default();
    if path.split(':').any(|known| known == folder) { name.to_owned() } else { install.path.clone() }
}

/// RUN behind the FROM of the image's stage; `None` unless root and a plain shell are in force there.
pub(super) fn install(install: &InitInstall, subject: &Subject<'_>) -> Option<Edit> {
    let image = subject.image;
    let before: Vec<_> =
        image.instructions().into_iter().filter(|(stage, _)| *stage != image.stage).collect();
    let last_user = before.iter().rfind(|(_, instruction)| instruction.keyword == Keyword::User);
    let user = last_user.map(|(_, instruction)| instruction.body.text()).or(image.base.user.as_deref());
    let is_root = user.is_none_or(|user| matches!(user.split(':').next(), Some("root" | "0")));
    if !is_root || before.iter().any(|(_, instruction)| instruction.keyword == Keyword::Shell) {
        return None;
    }
    if image.dockerfile.instructions.is_empty() {
        return None;
    }
    let source = &image.dockerfile.source;
    let next = source.line_span(source.line(image.from.end) + 1).start;
    source.text()[..next].ends_with('\n').then(|| Edit {
        path: source.path().to_owned(),
        span: Span::at(next),
        text: format!("RUN {}{}", install.command, source.newline()),
    })
}

/// The init's words in front of ENTRYPOINT, or an ENTRYPOINT with them in front of CMD. `None` where something else would change: a
/// shell form, an ENTRYPOINT that nobody knows, a CMD that a new ENTRYPOINT would drop.
fn start(subject: &Subject<'_>, program: &str) -> Option<Edit> {
    let image = subject.image;
    let path = image.dockerfile.source.path().to_owned();
    let in_stage = |place: &Option<Place>| {
        place.clone().filter(|place| place.source.path() == path && place.span.start > image.from.start)
    };
    let carried = match image.entrypoint.as_ref().map(|setting| (&setting.value, &setting.place)) {
        None => &[][..],
        Some((Command::Inherited(words), _)) => words,
        Some((Command::Exec(elements), place)) => {
            in_stage(place)?;
            let at = elements.first()?.span().start.checked_sub(1)?;
            return Some(Edit { path, span: Span::at(at), text: format!("\"{program}\", \"--\", ") });
        }
        Some((Command::Shell { .. }, _)) => return None,
    };
    let cmd = in_stage(&image.cmd.as_ref()?.place)?;
    let words: Vec<String> =
        [program, "--"].into_iter().map(str::to_owned).chain(carried.iter().cloned()).collect();
    let source = &cmd.source;
    let line = source.line_span(source.line(cmd.span.start));
    let text = format!("ENTRYPOINT {}{}", repair::json(&words), source.newline());
    Some(Edit { path, span: Span::at(line.start), text })
}
