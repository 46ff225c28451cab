//! `set` and `shopt`: the options of a shell, and its positional parameters.

use std::rc::Rc;

use super::field::Field;
use super::machine::Machine;
use super::path::MishapKind;
use super::shell::Status;
use crate::shell::Node;

impl Machine<'_, '_> {
    pub(super) fn set_options(&mut self, arguments: &[Field], node: &Node) {
        let mut at = 0;
        while let Some(text) = arguments.get(at).and_then(Field::text) {
            let on = text.starts_with('-');
            if matches!(text, "--" | "-") {
                at += 1;
                // `set -` leaves them as they are.
                if text == "--" || at < arguments.len() {
                    let rest = arguments[at..].to_vec();
                    self.with(|shell| shell.set_arguments(Rc::new(rest)));
                }
                self.set_status_quietly(Status::known(0));
                return;
            }
            if !(on || text.starts_with('+')) || text.len() < 2 {
                break;
            }
            let named = if text.ends_with('o') { arguments.get(at + 1).and_then(Field::text) } else { None };
            let lacks_pipefail = self.shell().is_some_and(|shell| !shell.dialect.has_double_brackets());
            if named == Some("pipefail") && lacks_pipefail {
                self.world.path.failed = false;
                self.mishap(MishapKind::Bashism, node);
                self.end(Status::known(2));
                return;
            }
            let has = |letter: char, name: &str| text[1..].contains(letter) || named == Some(name);
            let (errexit, monitor) = (has('e', "errexit"), has('m', "monitor"));
            let nounset = has('u', "nounset");
            self.with(|shell| {
                if nounset {
                    shell.nounset = on;
                }
                if errexit {
                    shell.errexit = on;
                }
                if monitor && shell.dialect.has_job_control() {
                    shell.monitor = on;
                }
            });
            at += 1 + usize::from(named.is_some());
        }
        if at < arguments.len() {
            let rest = arguments[at..].to_vec();
            self.with(|shell| shell.set_arguments(Rc::new(rest)));
        }
        self.set_status_quietly(Status::known(0));
    }

    /// `shopt -so errexit`: the options of `set`.
    pub(super) fn set_long_options(&mut self, arguments: &[Field]) {
        let texts: Vec<&str> = arguments.iter().filter_map(Field::text).collect();
        let has = |letter: char| texts.iter().any(|text| text.starts_with('-') && text.contains(letter));
        let is_bash = self.shell().is_some_and(|shell| shell.dialect.is_bash());
        if is_bash && has('o') && (has('s') || has('u')) {
            let on = has('s');
            self.with(|shell| {
                for text in texts.iter().filter(|text| !text.starts_with('-')) {
                    match *text {
                        "errexit" => shell.errexit = on,
                        "nounset" => shell.nounset = on,
                        "monitor" => shell.monitor = on,
                        _ => {}
                    }
                }
            });
        }
        self.set_status_quietly(Status::known(0));
    }
}
