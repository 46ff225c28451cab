//! `pidone tree`: a picture of each image's processes.

use std::process::ExitCode;

use crate::config::Options;
use crate::report::Results;

use super::run::{self, Wanted};
use super::terminal::Terminal;
use super::{Failure, TreeArguments};

pub(super) fn run(arguments: &TreeArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let cwd = super::working_folder()?;
    let request = run::request(&arguments.files, Options::default(), &cwd, terminal)?;
    let checked =
        request.projects.iter().map(|project| run::check(project, Wanted::Trees, &request.configs, terminal));
    let results = Results { projects: checked.collect::<Result<_, _>>()?, ..Results::default() };

    let format = arguments.output_format;
    if let Some(tree) = format.tree {
        let view = terminal.view(cwd, false);
        terminal.report(format.for_people, |out| tree(&results, &view, out))?;
    }
    for report in results.projects.iter().flat_map(|project| &project.files) {
        // A picture has no place for it.
        if report.defect.is_some() {
            report
                .diagnostics
                .iter()
                .for_each(|found| terminal.error(&format!("{}: {}", report.path, found.message)));
        }
    }
    Ok(ExitCode::from(if request.failed || results.has_defect() { 2 } else { 0 }))
}
