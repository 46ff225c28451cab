//! What becomes of an image, for reports.

use super::analysis::Judged;
use super::{Branch, ImageReport, ProcessNode, parts};
use crate::diagnostic::Outcome;
use crate::launch::{self, ProcessView, Started};
use crate::source::base_name;

impl Judged {
    pub(super) fn report(&self) -> ImageReport {
        let mut report = ImageReport {
            image: self.reference(),
            base: self.image.base_name.clone(),
            argv: Vec::new(),
            stop_signal: "SIGTERM".to_owned(),
            stop_signal_source: "default".to_owned(),
            parts: Vec::new(),
            is_deployed: self.workload.is_some(),
            outcome: Outcome::Unknown,
            why: self.doubt.clone().unwrap_or_else(|| "what the image starts is not known".to_owned()),
            processes: Vec::new(),
            branches: Vec::new(),
        };
        if let Some(launch) = &self.launch {
            report.parts = parts::of(&self.image);
            report.argv.clone_from(&launch.argv);
            report.stop_signal = launch.stop_signal.to_string();
            report.stop_signal_source = launch.stop_signal_source.to_owned();
            report.outcome = launch.outcome;
            report.why.clone_from(&launch.why);
            report.branches = launch
                .branches
                .iter()
                .zip(launch::labels(&launch.branches))
                .map(|(branch, label)| Branch {
                    label,
                    default: branch.default,
                    aside: branch.aside,
                    outcome: branch.outcome,
                    why: branch.why.clone(),
                    processes: branch.processes.iter().map(node).collect(),
                })
                .collect();
            report.processes =
                report.branches.first().map(|worst| worst.processes.clone()).unwrap_or_default();
        }
        report
    }
}

/// The programs of command lines, each once where the next is the same.
fn names(commands: &[String]) -> Vec<String> {
    let program = |command: &String| {
        let first = command.split_whitespace().next().unwrap_or("");
        base_name(first).to_owned()
    };
    let mut names: Vec<String> = commands.iter().map(program).collect();
    names.dedup();
    names
}

fn node(view: &ProcessView) -> ProcessNode {
    let replaced = match view.replaced.as_slice() {
        [] => None,
        before => Some(format!("replaced {}", before.join(", then "))),
    };
    let note: Vec<String> =
        view.dies_of_it.then(|| "dies of it".to_owned()).into_iter().chain(replaced).collect();
    let started =
        if view.replaced.is_empty() || view.started == Started::Pid1 { view.started } else { Started::Exec };
    ProcessNode {
        argv: view.argv.clone(),
        started,
        service: view.service,
        receives: view.receives,
        note: note.join(", "),
        dies: view.dies_of_it,
        was: names(&view.replaced),
        place: view.place.clone(),
        children: view.children.iter().map(node).collect(),
    }
}
