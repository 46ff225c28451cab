//! `--baseline` and `--write-baseline`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::terminal::Terminal;
use super::{Failure, write};
use crate::baseline::Baseline;
use crate::report::{Checked, Results, count};

/// Reads a baseline.
pub(super) fn read(path: &Path) -> Result<Arc<Baseline>, Failure> {
    let fail = |why: String| Failure::Message(format!("{}: {why}", path.display()));
    if path.is_dir() {
        return Err(fail("is a folder".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    Baseline::parse(&text).map(Arc::new).map_err(|error| fail(error.to_string()))
}

/// Writes all that was found to a file, and says so.
pub(super) fn write(
    path: &Path,
    results: &Results,
    failed: bool,
    terminal: &Terminal,
) -> Result<ExitCode, Failure> {
    let baseline = Baseline::of(
        results.projects.iter().flat_map(|project| &project.files).flat_map(|file| &file.diagnostics),
    );
    write::file(path, baseline.text().as_bytes())?;
    let summary = format!("Wrote {} to {}\n", count(baseline.len(), "finding"), path.display());
    if !terminal.quiet {
        terminal.print_aside(summary.as_bytes());
    }
    Ok(ExitCode::from(if failed { 2 } else { 0 }))
}

/// Findings that are known and not there any more: the baseline can be written anew.
pub(super) fn tell_gone<'r>(
    path: &Path,
    baseline: &Baseline,
    checked: impl Iterator<Item = &'r Checked>,
    terminal: &Terminal,
) {
    let mut checked = checked.peekable();
    if checked.peek().is_none() {
        return;
    }
    let gone = baseline.without(checked.flat_map(|project| &project.files).flat_map(|file| &file.known));
    let Some(first) = gone.first() else { return };
    let more = if gone.len() > 1 { format!(" and {} more", gone.len() - 1) } else { String::new() };
    terminal.warning(&format!(
        "{}: {} in {}{more}: not found any more; `--write-baseline` writes it anew",
        path.display(),
        first.rule,
        first.path
    ));
}
