//! Repairs of a script's first line.

use super::{Repair, Subject};
use crate::launch::Fault;
use crate::source::{Edit, Span};

/// `#!/bin/bash` in place of `#!/bin/sh`, where the base image has bash.
pub(super) fn bash_instead(fault: &Fault, subject: &Subject<'_>) -> Option<Repair> {
    if subject.image.base.bash != Some(true) {
        return None;
    }
    let source = &fault.place.source;
    let first = source.line_span(1);
    let line = source.slice(first);
    let at = line
        .find("sh")
        .filter(|_| line == "#!/bin/sh" || line.starts_with("#!/bin/sh ") || line == "#!/usr/bin/env sh")?;
    let edit =
        Edit { path: source.path().to_owned(), span: Span::at(first.start + at), text: "ba".to_owned() };
    Some(Repair::safe("Run the script with bash", vec![edit]))
}
