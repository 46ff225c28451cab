//! `pidone check`: findings, their repair, or its diff.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use camino::Utf8PathBuf;
use rayon::prelude::*;

use crate::baseline::Baseline;
use crate::config::{Configs, Options};
use crate::discover::Project;
use crate::fix::{Applied, Change, FixOutcome, Obstacle, Target, fix_each};
use crate::report::{Fixed, Left, Results, View, count, diff, statistics};
use crate::source::{Loader, Snapshot};
use crate::{FileReport, Settings};

use super::run::{self, Request, Wanted};
use super::terminal::Terminal;
use super::{CheckArguments, Failure, add_ignore, baseline, write};

pub(super) fn run(arguments: &CheckArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let cwd = super::working_folder()?;
    let known = arguments.baseline.as_deref().map(baseline::read).transpose()?;
    let options = options(arguments, known.clone());
    let mut request = run::request(&arguments.files, options, &cwd, terminal)?;
    let view = View { show_fixes: arguments.show_fixes, ..terminal.view(cwd, arguments.unsafe_fixes) };

    if arguments.add_ignore {
        let reason = arguments.reason.as_deref().unwrap_or_default();
        add_ignore::run(&request, reason, &view, terminal)?;
    }
    let (fixed, left) =
        if arguments.fix { fix(&mut request, arguments.show_fixes)? } else { Default::default() };
    let wanted = if arguments.show_fixes { Wanted::Repairs } else { Wanted::Findings };
    let checked =
        request.projects.iter().map(|project| run::check(project, wanted, &request.configs, terminal));
    let results = Results { projects: checked.collect::<Result<_, _>>()?, fixed, left };

    if let Some(path) = &arguments.write_baseline {
        return baseline::write(path, &results, request.failed, terminal);
    }
    if let Some((path, known)) = arguments.baseline.as_ref().zip(known) {
        let is_whole =
            arguments.rules.select.is_none() && request.projects.iter().all(|project| project.is_whole);
        baseline::tell_gone(path, &known, results.projects.iter().filter(|_| is_whole), terminal);
    }
    if arguments.diff {
        print_diff(&request, &view, terminal)?;
    } else {
        print_findings(arguments, &request, &results, &view, terminal)?;
    }
    let fails = !arguments.exit_zero && fails(&results, &request.configs)?;
    Ok(ExitCode::from(match (request.failed || results.has_defect(), fails) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }))
}

fn options(arguments: &CheckArguments, baseline: Option<Arc<Baseline>>) -> Options {
    Options {
        pedantic: arguments.pedantic,
        unsafe_fixes: arguments.unsafe_fixes,
        fail_on: arguments.fail_on.map(Into::into),
        baseline,
        ..run::options(&arguments.rules)
    }
}

/// True if a finding is at least as bad as its Dockerfile's configuration wants.
pub(super) fn fails(results: &Results, configs: &Configs) -> Result<bool, Failure> {
    for project in &results.projects {
        for file in &project.files {
            let settings = configs.settings(&project.root, &file.path).map_err(Box::new)?;
            if file.diagnostics.iter().any(|diagnostic| diagnostic.severity >= settings.fail_on) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn print_findings(
    arguments: &CheckArguments,
    request: &Request,
    results: &Results,
    view: &View,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let format = arguments.output_format;
    let write = |out: &mut dyn Write| match (arguments.statistics, format.for_people, format.check) {
        (true, true, _) => statistics::text(results, view, out),
        (true, false, _) => statistics::json(results, view, out),
        (false, _, Some(check)) => check(results, view, out),
        (false, _, None) => Ok(()),
    };
    // Standard output is the way back of a text that came by standard input.
    if let Some((index, path)) = request.stdin.as_ref().filter(|_| arguments.fix) {
        let mut text = Vec::new();
        write(&mut text)?;
        terminal.print_aside(&text);
        terminal.print_raw(request.projects[*index].texts[path].as_bytes())?;
    } else if let Some(path) = &arguments.output_file {
        let mut text = Vec::new();
        write(&mut text)?;
        let plain = anstream::adapter::strip_bytes(&text).into_vec();
        write::file(path, if format.for_people { &plain } else { &text })?;
    } else {
        terminal.report(format.for_people, write)?;
    }
    Ok(())
}

/// The files of a project with their settings, for repairs.
pub(super) fn targets(
    project: &Project,
    configs: &Configs,
    loader: &dyn Loader,
) -> Result<Vec<Target>, Failure> {
    let paths = project.files.iter().chain(&project.candidates);
    let targets = run::targets(project, paths, configs, loader)?;
    if !project.files.is_empty() {
        return Ok(targets);
    }
    // Somebody who names a script asks for nothing else to be changed.
    let reports: Vec<FileReport> =
        targets.par_iter().map(|(path, settings)| crate::check(path, loader, settings)).collect();
    let names = run::names_of_scripts(project, reports.iter(), &run::disk(project)?);
    let only: Vec<Utf8PathBuf> = names.into_iter().collect();
    let targets = targets.into_iter();
    Ok(targets.map(|(path, settings)| (path, Settings { only: only.clone(), ..settings })).collect())
}

/// Computes the repair of one project.
fn repair(project: &Project, configs: &Configs) -> Result<FixOutcome, Failure> {
    let disk = run::disk(project)?;
    let snapshot = Snapshot::new(&disk);
    let loader = run::overlay(project, &snapshot);
    Ok(fix_each(&targets(project, configs, &loader)?, &loader))
}

/// Writes the repair, and says what was repaired and what was not.
fn fix(request: &mut Request, with_diffs: bool) -> Result<(Vec<Fixed>, Vec<Left>), Failure> {
    let (mut fixed, mut left) = (Vec::new(), Vec::new());
    for project in &mut request.projects {
        let outcome = repair(project, &request.configs)?;
        if project.texts.is_empty() {
            write::all(&project.root, &outcome.changed)
                .map_err(|error| Failure::Message(error.to_string()))?;
        } else {
            replace_texts(project, &outcome)?;
        }
        let root = &project.root;
        let diff =
            |(path, before, after): &Change| diff::unified(&write::real_path(root, path), before, after);
        fixed.extend(outcome.applied.iter().map(|Applied { diagnostic, changes }| Fixed {
            root: root.clone(),
            path: diagnostic.place.source.path().to_owned(),
            rule: diagnostic.rule,
            message: diagnostic.fix.as_ref().map(|fix| fix.message.clone()).unwrap_or_default(),
            diff: changes.iter().filter(|_| with_diffs).map(diff).collect(),
        }));
        let remaining = outcome.remaining.iter().filter(|(_, why)| *why != Obstacle::NotAsked);
        left.extend(remaining.map(|(diagnostic, why)| Left {
            root: root.clone(),
            path: diagnostic.place.source.path().to_owned(),
            line: diagnostic.place.line(),
            rule: diagnostic.rule,
            why: why.text(),
        }));
    }
    // Several Dockerfiles may lead to one finding.
    left.sort_by(|a, b| (&a.root, &a.path, a.line, a.rule).cmp(&(&b.root, &b.path, b.line, b.rule)));
    left.dedup();
    Ok((fixed, left))
}

/// Puts the repair of a text from standard input in its place; nothing on disk is touched.
fn replace_texts(project: &mut Project, outcome: &FixOutcome) -> Result<(), Failure> {
    if let Some((path, ..)) = outcome.changed.iter().find(|(path, ..)| !project.texts.contains_key(path)) {
        return Err(Failure::Message(format!(
            "the repair also changes {path}, which standard output cannot carry; use --diff, or name the files"
        )));
    }
    let texts: BTreeMap<_, _> =
        outcome.changed.iter().map(|(path, _, fixed)| (path.clone(), fixed.clone())).collect();
    project.texts.extend(texts);
    Ok(())
}

fn print_diff(request: &Request, view: &View, terminal: &Terminal) -> Result<(), Failure> {
    let (mut text, mut findings, mut files, mut left) = (Vec::new(), 0, 0, 0);
    for project in &request.projects {
        let outcome = repair(project, &request.configs)?;
        findings += outcome.applied.len();
        files += outcome.changed.len();
        left += outcome.remaining.len();
        for (path, original, fixed) in &outcome.changed {
            let diff = diff::unified(&write::real_path(&project.root, path), original, fixed);
            if terminal.is_for_people() {
                diff::write_coloured(&mut text, &diff)?;
            } else {
                text.extend_from_slice(diff.as_bytes());
            }
        }
    }
    if terminal.is_for_people() {
        terminal.print(&text)?
    } else {
        terminal.print_raw(&text)?
    }
    if !view.quiet {
        let mut summary = match findings {
            0 => "Nothing to fix".to_owned(),
            _ => format!("Would fix {} in {}", count(findings, "finding"), count(files, "file")),
        };
        if left > 0 {
            summary.push_str(&format!("; {} would be left", count(left, "finding")));
        }
        summary.push('\n');
        terminal.print_aside(summary.as_bytes());
    }
    Ok(())
}
