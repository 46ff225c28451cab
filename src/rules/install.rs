//! Tools that a repair needs in the image.

use super::Subject;
use crate::dockerfile::{DEFAULT_PATH, Keyword};
use crate::programs::Install;
use crate::source::{Edit, Span};

/// How the base's distribution installs a tool.
pub(super) fn how<'a>(name: &str, subject: &'a Subject<'_>) -> Option<&'a Install> {
    let image = subject.image;
    subject.tables.install(name, image.base.family, &image.base_name).filter(|_| image.base.known)
}

/// How the installed tool is called: by its name where PATH leads to it.
pub(super) fn program(install: &Install, name: &str, subject: &Subject<'_>) -> String {
    let path = subject.image.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let (folder, _) = install.path.rsplit_once('/').unwrap_or_default();
    if path.split(':').any(|known| known == folder) { name.to_owned() } else { install.path.to_owned() }
}

/// RUN behind the FROM of the image's stage, as root; `None` unless a plain shell is in force there.
pub(super) fn run(install: &Install, subject: &Subject<'_>) -> Option<Edit> {
    let image = subject.image;
    let before: Vec<_> =
        image.instructions().into_iter().filter(|(stage, _)| *stage != image.stage).collect();
    let last_user = before.iter().rfind(|(_, instruction)| instruction.keyword == Keyword::User);
    let user = last_user.map(|(_, instruction)| instruction.body.text()).or(image.base.user.as_deref());
    let is_root = user.is_none_or(|user| matches!(user.split(':').next(), Some("root" | "0")));
    // The variables of another stage are not there.
    if user.is_some_and(|user| user.contains('$'))
        || before.iter().any(|(_, instruction)| instruction.keyword == Keyword::Shell)
    {
        return None;
    }
    if image.dockerfile.instructions.is_empty() {
        return None;
    }
    let source = &image.dockerfile.source;
    let next = source.line_span(source.line(image.from.end) + 1).start;
    source.text()[..next].ends_with('\n').then(|| {
        let newline = source.newline();
        let run = format!("RUN {}{newline}", install.command);
        let text = match user.filter(|_| !is_root) {
            Some(user) => format!("USER root{newline}{run}USER {user}{newline}"),
            None => run,
        };
        Edit::new(source, Span::at(next), text)
    })
}
