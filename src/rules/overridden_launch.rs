//! `overridden-launch`: an ENTRYPOINT or CMD that somebody wrote and that no container runs.

use super::{Finding, Repair, Subject, words};
use crate::diagnostic::{Related, Severity};
use crate::dockerfile::{Command, Instruction, Keyword};
use crate::programs::{Kind, Sh};
use crate::source::{Edit, Place, Span};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = replaced(subject, Keyword::Cmd);
    findings.extend(replaced(subject, Keyword::Entrypoint));
    findings.extend(dropped(subject));
    findings.extend(left_behind(subject));
    for finding in &mut findings {
        finding.severity = Severity::Warning;
    }
    findings
}

/// All but the last CMD (or ENTRYPOINT) of the stage.
fn replaced(subject: &Subject<'_>, keyword: Keyword) -> Vec<Finding> {
    let image = subject.image;
    // What ONBUILD of the stage before adds is there to be replaced, and so is a reset.
    let own = |(stage, instruction): &(usize, &Instruction)| {
        *stage == image.stage && instruction.keyword == keyword && instruction.span.start > image.from.start
    };
    let all: Vec<&Instruction> = image.instructions().into_iter().filter(own).map(|(_, it)| it).collect();
    let Some((last, earlier)) = all.split_last() else { return Vec::new() };
    if is_reset(last) {
        return Vec::new();
    }
    let source = &image.dockerfile.source;
    let winner = source.line(last.span.start);
    // A template takes one of them.
    let is_choice = |first: &Instruction| {
        let between = source.slice(Span::new(first.span.start, last.span.end.max(first.span.start)));
        between.lines().any(|line| ["{{", "{%", "<%"].iter().any(|mark| line.trim_start().starts_with(mark)))
    };
    let kept = earlier.iter().filter(|instruction| !is_reset(instruction) && !is_choice(instruction));
    let findings = kept.map(|instruction| {
        let name = &last.keyword_text;
        let message = format!(
            "This {name} never runs: a stage has only one, and line {winner} replaces it."
        );
        let mut finding = Finding::at(Place::new(source, instruction.span), format!("replaced in line {winner}"), message)
            .with_help("delete it; if both programs are to run, start them from one script that passes the signal on to both");
        finding.related.push(Related::new(Place::new(source, last.span), "this one counts"));
        if instruction.words() == last.words() {
            finding.repairs.extend(delete(subject, instruction));
        }
        finding
    });
    findings.collect()
}

fn is_reset(instruction: &Instruction) -> bool {
    instruction.exec_form().is_some_and(|words| words.iter().all(|word| word.text().is_empty()))
}

/// The lines of an instruction, gone.
fn delete(subject: &Subject<'_>, instruction: &Instruction) -> Option<Repair> {
    let source = &subject.image.dockerfile.source;
    let start = source.line_span(source.line(instruction.span.start)).start;
    let end = source.line_span(source.line(instruction.span.end) + 1).start;
    let edit = Edit::new(source, Span::new(start, end), "");
    Some(Repair::safe(format!("Delete the first of two equal {}", instruction.keyword_text), vec![edit]))
}

/// The base's CMD, a server, that a new ENTRYPOINT drops while its script still waits for one.
fn dropped(subject: &Subject<'_>) -> Option<Finding> {
    let image = subject.image;
    let entrypoint = image.entrypoint.as_ref()?.place.clone()?;
    let words = image.base.cmd.as_ref().filter(|_| image.base.known && image.cmd.is_none())?;
    let arguments: Vec<Option<&str>> = words.iter().skip(1).map(|word| Some(word.as_str())).collect();
    let row = subject.tables.program(words.first()?, &arguments)?;
    let is_server = matches!(row.kind, Kind::Server | Kind::Supervisor);
    let own_cmd = image.instructions().iter().any(|(_, instruction)| instruction.keyword == Keyword::Cmd);
    if own_cmd || !is_server || !subject.launch?.waits_for_caller() {
        return None;
    }
    let message = format!(
        "ENTRYPOINT drops the CMD of `{}`, {}: the script in front has nothing to start unless somebody names it.",
        image.base_name,
        words::code(words.join(" "))
    );
    let cmd = super::repair::json(words);
    Some(Finding::at(entrypoint, "drops the base image's CMD", message).with_help(format!("repeat it: `CMD {cmd}`")))
}

/// A launch in a stage that the image only copies files from, while the image itself starts nothing.
fn left_behind(subject: &Subject<'_>) -> Option<Finding> {
    let image = subject.image;
    let base = &image.base;
    let starts_nothing = image.entrypoint.is_none()
        && base.known
        && base.sh != Sh::None
        && match image.cmd.as_ref().map(|setting| &setting.value) {
            None => true,
            Some(Command::Inherited(words)) => words.first().is_some_and(|word| word.ends_with("sh")),
            Some(_) => false,
        };
    if !image.is_final || !starts_nothing {
        return None;
    }
    let dockerfile = &image.dockerfile;
    let stages = dockerfile.stages();
    let mut own: Vec<usize> = image.instructions().iter().map(|(stage, _)| *stage).collect();
    own.dedup();
    let copied_from = |index: usize| {
        !dockerfile.may_be_target(index) && own.iter().any(|stage| dockerfile.copies(*stage, index))
    };
    let is_launch = |it: &&Instruction| matches!(it.keyword, Keyword::Cmd | Keyword::Entrypoint) && !is_reset(it);
    let (_, launch) = stages.iter().enumerate().filter(|(index, _)| copied_from(*index)).find_map(|(index, stage)| {
        dockerfile.instructions[stage.instructions.clone()].iter().find(is_launch).map(|launch| (index, launch))
    })?;
    let source = &dockerfile.source;
    let message = format!(
        "This {} stands in a stage that the image only copies files from: the image itself starts nothing but what `{}` does.",
        launch.keyword_text, image.base_name
    );
    let mut finding = Finding::at(Place::new(source, launch.span), "not part of the image", message)
        .with_help(format!("put {} into the last stage", launch.keyword_text));
    finding.related.push(Related::new(Place::new(source, image.from), "the image begins here"));
    Some(finding)
}
