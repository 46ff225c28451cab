//! Repairs of which shell runs a script.

use super::{Repair, Subject};
use crate::dockerfile::Command;
use crate::launch::Fault;
use crate::source::{Edit, Place, Span};

/// The `sh` that ENTRYPOINT or CMD names, and `bash` in its place.
pub(super) fn bash_in_launch(subject: &Subject<'_>) -> Option<(Place, Repair)> {
    let settings = [&subject.image.entrypoint, &subject.image.cmd].into_iter().flatten();
    let element = settings
        .filter_map(|setting| match &setting.value {
            Command::Exec(elements) => {
                elements.iter().find(|element| matches!(element.text(), "sh" | "/bin/sh"))
            }
            _ => None,
        })
        .next()?;
    let bash = element.text().replace("sh", "bash");
    let edit = element.edit(Span::new(0, element.text().len()), &bash)?;
    Some((element.whole_place(), Repair::safe("Start the script with bash", vec![edit])))
}

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
    let edit = Edit::new(source, Span::at(first.start + at), "ba");
    Some(Repair::safe("Run the script with bash", vec![edit]))
}
