//! `wrong-interpreter`: bash syntax run by another shell.

use super::{Finding, Subject, interpreter};
use crate::diagnostic::Related;
use crate::launch::Cause;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    subject
        .faults(|cause| cause == Cause::WrongInterpreter)
        .map(|fault| {
            let message = "The container does not get past this: it is bash syntax, but another shell runs the script.";
            let script = &fault.place.source;
            let says_bash = script.slice(script.line_span(1)).contains("bash");
            // The script says what it needs; the line that starts it overrules that.
            if let (true, Some((element, repair))) = (says_bash, interpreter::bash_in_launch(subject)) {
                let message = "The script does not run to its end: its first line asks for bash, but it is started with another shell.";
                let mut finding = Finding::of(fault, subject, "not bash", message).with_repairs([repair]);
                finding.place = element;
                finding.related = vec![Related::new(fault.place.clone(), "bash only")];
                return finding.with_help("start it with bash, or by its own name");
            }
            Finding::of(fault, subject, "bash only", message)
                .with_help("run the script with bash: `#!/bin/bash`")
                .with_repairs(interpreter::bash_instead(fault, subject))
        })
        .collect()
}
