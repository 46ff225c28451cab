//! `pidone check --add-ignore`: comments that silence what is found.

use std::collections::BTreeSet;
use std::io::Write;

use camino::Utf8PathBuf;

use super::run::{self, Request};
use super::terminal::Terminal;
use super::{Failure, check, write};
use crate::discover::Project;
use crate::fix::{Session, ignore};
use crate::report::{View, count, style};
use crate::source::Snapshot;

/// What became of a finding: its file, line and rule, and why no comment was written.
type Line = (Utf8PathBuf, usize, &'static str, Option<&'static str>);

/// Writes the comments, and says which.
pub(super) fn run(request: &Request, reason: &str, view: &View, terminal: &Terminal) -> Result<(), Failure> {
    let mut text = Vec::new();
    let mut written = 0;
    for project in &request.projects {
        let mut path = None;
        for (file, line, rule, why) in add(project, request, reason)? {
            if path.as_ref() != Some(&file) {
                let bold = style::BOLD;
                writeln!(text, "{bold}{}{bold:#}", view.path(&project.root, &file))?;
                path = Some(file);
            }
            let (good, warning) = (style::GOOD, style::WARNING);
            match why {
                None => writeln!(text, "  {good}ignored{good:#} {rule}, line {line}")?,
                Some(why) => writeln!(text, "  {warning}left{warning:#} {rule}, line {line}: {why}")?,
            }
            written += usize::from(why.is_none());
        }
    }
    writeln!(text, "Wrote {}", count(written, "comment"))?;
    if !view.quiet {
        terminal.print_aside(&text);
    }
    Ok(())
}

fn add(project: &Project, request: &Request, reason: &str) -> Result<Vec<Line>, Failure> {
    let disk = run::disk(project)?;
    let snapshot = Snapshot::new(&disk);
    let loader = run::overlay(project, &snapshot);
    let targets = check::targets(project, &request.configs, &loader)?;
    let mut session = Session::new(&targets, &loader);
    let mut lines = Vec::new();
    let mut refused = BTreeSet::new();
    for target in &targets {
        loop {
            let is_wanted = |path: &Utf8PathBuf| target.1.only.is_empty() || target.1.only.contains(path);
            let next = session.check(target).into_iter().find(|found| {
                is_wanted(&found.place.source.path().to_owned()) && !refused.contains(&found.fingerprint())
            });
            let Some(found) = next else { break };
            let why = match ignore(&session, target, &found, reason) {
                Ok(texts) => {
                    session.apply(texts);
                    None
                }
                Err(why) => {
                    refused.insert(found.fingerprint());
                    Some(why)
                }
            };
            lines.push((found.place.source.path().to_owned(), found.place.line(), found.rule, why));
        }
    }
    write::all(&project.root, &session.changes()).map_err(|error| Failure::Message(error.to_string()))?;
    lines.sort();
    Ok(lines)
}
