//! `pidone fix`: walks the findings with somebody at a terminal, who decides on each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead};
use std::process::ExitCode;

use super::run::{self, Request, Wanted};
use super::terminal::Terminal;
use super::{Failure, FixArguments, check, write};
use crate::config::Options;
use crate::diagnostic::Diagnostic;
use crate::discover::Project;
use crate::fix::{Obstacle, Session, Target, Texts, ignore};
use crate::report::{Finding, Results, View, diff, finding};

/// What somebody wants done with a finding.
#[derive(Clone, Copy)]
enum Answer {
    Repair,
    Skip,
    Ignore,
    Quit,
}

/// What was done so far.
#[derive(Default)]
struct Tally {
    repaired: usize,
    silenced: usize,
    skipped: usize,
    /// True if something could not be written.
    failed: bool,
}

/// What a finding is known by while lines move: rule, file, text of the line, and which of those that have all this in common.
type Key = (&'static str, String, String, usize);

pub(super) fn run(arguments: &FixArguments, terminal: &Terminal) -> Result<ExitCode, Failure> {
    let cwd = super::working_folder()?;
    // Each repair is looked at, so those that may change something else are offered too.
    let options =
        Options { pedantic: arguments.pedantic, unsafe_fixes: true, ..run::options(&arguments.rules) };
    let request = run::request(&arguments.files, options, &cwd, terminal)?;
    if request.stdin.is_some() {
        return Err(Failure::Message(
            "standard input brings the answers, so it cannot bring a file".to_owned(),
        ));
    }
    let view = terminal.view(cwd, true);
    let mut walk = Walk { input: io::stdin().lock(), terminal, view: &view, tally: Tally::default() };
    for project in &request.projects {
        if !walk.project(project, &request)? {
            break;
        }
    }
    let Tally { repaired, silenced, skipped, failed } = walk.tally;
    let checked = request
        .projects
        .iter()
        .map(|project| run::check(project, Wanted::Findings, &request.configs, terminal));
    let results = Results { projects: checked.collect::<Result<_, _>>()?, ..Results::default() };
    if !view.quiet {
        let left = results.findings().len();
        let summary = format!("{repaired} repaired, {silenced} silenced, {skipped} skipped; {left} left\n");
        terminal.print(summary.as_bytes())?;
    }
    let failed = request.failed || failed || results.has_defect();
    Ok(ExitCode::from(match (failed, check::fails(&results, &request.configs)?) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    }))
}

/// A conversation.
struct Walk<'a, R> {
    input: R,
    terminal: &'a Terminal,
    view: &'a View,
    tally: Tally,
}

impl<R: BufRead> Walk<'_, R> {
    /// Asks about each finding of a project. What is decided is written at once. False if nothing else is to be asked.
    fn project(&mut self, project: &Project, request: &Request) -> Result<bool, Failure> {
        let disk = run::disk(project)?;
        let loader = run::overlay(project, &disk);
        let targets = check::targets(project, &request.configs, &loader)?;
        let mut session = Session::new(&targets, &loader);
        let mut skipped: BTreeSet<Key> = BTreeSet::new();
        for target in &targets {
            while let Some((key, found)) = next(&session, target, &skipped) {
                let (found, repair) = session.best_repair(target, found);
                self.show(&found, project, &session, &repair)?;
                let (texts, silences) = match self.ask(repair.is_ok())? {
                    Answer::Quit => return Ok(false),
                    Answer::Skip => (None, false),
                    Answer::Repair => (repair.ok(), false),
                    Answer::Ignore => (self.comment(&session, target, &found)?, true),
                };
                let written = match texts {
                    Some(texts) => self.write(project, &mut session, texts)?,
                    None => false,
                };
                match (written, silences) {
                    (true, true) => self.tally.silenced += 1,
                    (true, false) => self.tally.repaired += 1,
                    (false, _) => {
                        skipped.insert(key);
                        self.tally.skipped += 1;
                    }
                }
            }
        }
        Ok(true)
    }

    /// A finding, and what its repair would change or why there is none.
    fn show(
        &self,
        found: &Diagnostic,
        project: &Project,
        session: &Session<'_>,
        repair: &Result<Texts, Obstacle>,
    ) -> Result<(), Failure> {
        let mut text = Vec::new();
        finding(&Finding { root: &project.root, diagnostic: found, also: Vec::new() }, self.view, &mut text)?;
        match repair {
            Ok(texts) => {
                for (path, before, after) in session.changes_by(texts) {
                    let path = write::real_path(&project.root, &path);
                    diff::write_coloured(&mut text, &diff::unified(&path, &before, &after))?;
                }
            }
            Err(obstacle) => text.extend(format!("  not repaired: {}\n", obstacle.text()).bytes()),
        }
        Ok(self.terminal.print(&text)?)
    }

    fn ask(&mut self, has_repair: bool) -> Result<Answer, Failure> {
        let question = match has_repair {
            true => "Repair it? [y]es, [n]o, [i]gnore with a reason, [q]uit: ",
            false => "What now? [n]ext, [i]gnore with a reason, [q]uit: ",
        };
        loop {
            let Some(line) = self.line(question)? else { return Ok(Answer::Quit) };
            match line.to_ascii_lowercase().as_str() {
                "y" | "yes" if has_repair => return Ok(Answer::Repair),
                "n" | "no" | "next" | "s" | "skip" => return Ok(Answer::Skip),
                "i" | "ignore" => return Ok(Answer::Ignore),
                "q" | "quit" => return Ok(Answer::Quit),
                _ => {}
            }
        }
    }

    fn comment(
        &mut self,
        session: &Session<'_>,
        target: &Target,
        found: &Diagnostic,
    ) -> Result<Option<Texts>, Failure> {
        let Some(reason) = self.line("Why is it right as it is? ")? else { return Ok(None) };
        match ignore(session, target, found, &reason) {
            Ok(texts) => Ok(Some(texts)),
            Err(why) => {
                self.terminal.warning(&format!("no comment was written: {why}"));
                Ok(None)
            }
        }
    }

    /// Writes files, and says so if that cannot be done; nothing is changed then.
    fn write(&mut self, project: &Project, session: &mut Session<'_>, texts: Texts) -> Result<bool, Failure> {
        match write::all(&project.root, &session.changes_by(&texts)) {
            Ok(()) => {
                session.apply(texts);
                self.terminal.print(b"\n")?;
                Ok(true)
            }
            Err(error) => {
                self.terminal.error(&error.to_string());
                self.tally.failed = true;
                Ok(false)
            }
        }
    }

    /// The answer to a question; `None` if no answers come any more.
    fn line(&mut self, question: &str) -> Result<Option<String>, Failure> {
        self.terminal.print(question.as_bytes())?;
        let mut line = String::new();
        let length = self.input.read_line(&mut line);
        let length = length.map_err(|error| Failure::Message(format!("cannot read the answer: {error}")))?;
        if length == 0 {
            self.terminal.print(b"\n")?;
            return Ok(None);
        }
        Ok(Some(line.trim().to_owned()))
    }
}

/// The first finding in what a Dockerfile starts that was not skipped and is asked for.
fn next(session: &Session<'_>, target: &Target, skipped: &BTreeSet<Key>) -> Option<(Key, Diagnostic)> {
    let mut alike: BTreeMap<(&str, String, String), usize> = BTreeMap::new();
    let keyed = session.check(target).into_iter().map(|found| {
        let source = &found.place.source;
        let path = source.path().as_str().to_owned();
        let line = source.slice(source.line_span(found.place.line())).trim().to_owned();
        let count = alike.entry((found.rule, path.clone(), line.clone())).or_default();
        *count += 1;
        ((found.rule, path, line, *count), found)
    });
    let mut asked_for = keyed.filter(|(_, found)| {
        let only = &target.1.only;
        only.is_empty() || only.iter().any(|path| path == found.place.source.path())
    });
    asked_for.find(|(key, _)| !skipped.contains(key))
}
