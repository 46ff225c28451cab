//! A picture of each image's processes, for people.

use std::io::{self, Write};

use camino::Utf8Path;

use crate::diagnostic::Outcome;
use crate::source::Place;
use crate::{ImageReport, PartSource, ProcessNode, Receives, Started};

use super::{Results, View, describe, escape, style, text};

/// Characters of a command in a box of a diagram.
const MOST_IN_A_BOX: usize = 60;

/// Ways in which a container can run that are drawn; of the others it is said how many there are.
const MOST_WAYS: usize = 5;

/// Prints every image.
pub(super) fn print(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    for (index, (root, image)) in results.images().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_image(root, image, view, out)?;
    }
    Ok(())
}

fn write_image(root: &Utf8Path, image: &ImageReport, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (bold, dim) = (style::BOLD, style::DIM);
    write!(out, "{bold}{}:{}{bold:#}", view.path(root, &image.image.path), image.image.line)?;
    if let Some(stage) = &image.image.stage {
        write!(out, " {}", escape::line(stage))?;
    }
    if !image.base.is_empty() {
        write!(out, " {dim}from {}{dim:#}", escape::line(&image.base))?;
    }
    if image.stop_signal_source != "default" && !image.is_deployed {
        let (signal, origin) = (escape::line(&image.stop_signal), escape::line(&image.stop_signal_source));
        write!(out, "{dim}, stopped by{dim:#} {signal} {dim}({origin}){dim:#}")?;
    }
    writeln!(out)?;
    if image.is_deployed {
        write_parts(root, image, view, out)?;
    }

    let ways = ways(root, image, view);
    let main = ways.iter().any(|way| way.default && !way.aside);
    // Where a container waits on its way to the service is of interest only if there is no service.
    let (shown, waits): (Vec<&Way<'_>>, Vec<&Way<'_>>) = ways.iter().partition(|way| !main || !way.aside);
    let (shown, rest) = shown.split_at(shown.len().min(MOST_WAYS));
    for way in shown {
        writeln!(out)?;
        if let Some(when) = way.when() {
            writeln!(out, "  {dim}{when}{dim:#}")?;
        }
        let picture = Picture::new(root, image, way.processes, view);
        picture.write(out)?;
        write_outcome(way.outcome, &way.why, view, out)?;
    }
    // What was not followed to its end decides.
    if image.outcome == Outcome::Unknown && ways.iter().all(|way| way.outcome != Outcome::Unknown) {
        write_outcome(image.outcome, &escape::line(&image.why), view, out)?;
    }
    let more: Vec<String> =
        rest_of(rest, "more").into_iter().chain(rest_of(&waits, "where no service runs")).collect();
    if !more.is_empty() {
        writeln!(out, "\n  {dim}and {}; `--output-format json` has them all{dim:#}", more.join(", and "))?;
    }
    Ok(())
}

/// Where each part of the launch comes from: files override each other.
fn write_parts(root: &Utf8Path, image: &ImageReport, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let dim = style::DIM;
    let rows: Vec<(&str, String, String)> = image
        .parts
        .iter()
        .map(|part| {
            let name = match part.name {
                "entrypoint" => "ENTRYPOINT",
                "cmd" => "CMD",
                "workdir" => "WORKDIR",
                "stop-signal" => "stop signal",
                "grace-period" => "grace period",
                "pre-stop" => "preStop hook",
                other => other,
            };
            let source = match &part.source {
                PartSource::File(place) => {
                    format!("{}:{}", view.path(root, place.source.path()), place.line())
                }
                PartSource::BaseImage => "base image".to_owned(),
                PartSource::Default => "default".to_owned(),
            };
            (name, clip(&escape::argv(&part.value), MOST_IN_A_BOX), source)
        })
        .collect();
    let width = rows.iter().map(|(_, value, _)| value.chars().count()).max().unwrap_or_default();
    for (name, value, source) in rows {
        writeln!(out, "  {dim}{name:12}{dim:#}  {value:width$}  {dim}{source}{dim:#}")?;
    }
    Ok(())
}

/// How many ways are not shown, and how they end.
fn rest_of(ways: &[&Way<'_>], what: &str) -> Option<String> {
    let count: usize = ways.iter().map(|way| way.conditions.len().max(1)).sum();
    let mut outcomes: Vec<&str> = ways.iter().map(|way| way.outcome.name()).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    let ways = if count == 1 { "way" } else { "ways" };
    (count > 0).then(|| format!("{count} {ways} {what} ({})", outcomes.join(", ")))
}

/// One way in which a container can run.
pub(super) struct Way<'a> {
    /// The Dockerfile, its line, the stage.
    pub(super) image: String,
    /// When it runs like this, each a condition of its own; empty where there is no choice.
    conditions: Vec<String>,
    /// True if there is no other way.
    only: bool,
    /// False if it takes other arguments than the image's own to get there.
    default: bool,
    /// True where no service runs.
    aside: bool,
    pub(super) processes: &'a [ProcessNode],
    pub(super) outcome: Outcome,
    /// Why, or what the outcome means.
    pub(super) why: String,
    pub(super) signal: String,
}

/// The ways in which an image's container can run; those that look the same are one, with all of their conditions.
pub(super) fn ways<'a>(root: &Utf8Path, image: &'a ImageReport, view: &View) -> Vec<Way<'a>> {
    let stage = image.image.stage.iter().map(|stage| format!(" {}", escape::line(stage))).collect::<String>();
    let name = format!("{}:{}{stage}", view.path(root, &image.image.path), image.image.line);
    let way = |outcome, why: &str, processes| Way {
        image: name.clone(),
        conditions: Vec::new(),
        only: false,
        default: true,
        aside: false,
        processes,
        outcome,
        why: escape::line(if why.is_empty() { describe::meaning(outcome) } else { why }),
        signal: escape::line(&image.stop_signal),
    };
    let mut ways: Vec<Way<'a>> = Vec::new();
    for branch in &image.branches {
        let mut new = way(branch.outcome, &branch.why, &branch.processes);
        (new.default, new.aside) = (branch.default, branch.aside);
        let condition = Some(escape::line(&branch.label)).filter(|label| !label.is_empty());
        let alike = |other: &&mut Way<'_>| {
            other.outcome == new.outcome && other.aside == new.aside && same(other.processes, new.processes)
        };
        match ways.iter_mut().find(alike) {
            Some(other) => other.add(condition),
            None => {
                new.conditions.extend(condition);
                ways.push(new);
            }
        }
    }
    if ways.is_empty() {
        ways.push(way(image.outcome, &image.why, &image.processes));
    }
    if let [only] = ways.as_mut_slice() {
        only.only = true;
    }
    ways
}

impl Way<'_> {
    fn add(&mut self, condition: Option<String>) {
        self.conditions.extend(condition.filter(|new| !self.conditions.contains(new)));
    }

    /// When the container runs like this, for people; `None` if always.
    fn when(&self) -> Option<String> {
        let arguments = if self.default { None } else { Some("with other arguments".to_owned()) };
        let condition = match self.conditions.as_slice() {
            _ if self.only => None,
            [] => None,
            [one] => Some(format!("when {one}")),
            [one, other] => Some(format!("when {one}, or {other}")),
            [first, ..] => Some(format!("in {} ways, as when {first}", self.conditions.len())),
        };
        let parts: Vec<String> = arguments.into_iter().chain(condition).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// What stands over a picture: the image, when it runs like this, how a stop ends.
pub(super) fn captions(way: &Way<'_>) -> Vec<String> {
    let mut lines = vec![way.image.clone()];
    lines.extend(way.when());
    let (_, sign) = style::outcome(way.outcome);
    lines.push(format!("{sign} {}: {}", way.outcome.name(), way.why));
    lines
}

/// What stands in the box of a process: its command, what it hears.
pub(super) fn labels(process: &ProcessNode, way: &Way<'_>) -> Vec<String> {
    let name = if process.started == Started::Pid1 { "PID 1: " } else { "" };
    let command = clip(&escape::argv(&process.argv), MOST_IN_A_BOX);
    vec![format!("{name}{command}"), heard(process, &way.signal)]
}

/// What a process hears of the stop signal.
fn heard(process: &ProcessNode, signal: &str) -> String {
    let heard = match process.receives {
        Receives::Yes => format!("gets {signal}"),
        // PID 1 is always told; without a handler the kernel drops it.
        Receives::No if process.started == Started::Pid1 => format!("ignores {signal}"),
        Receives::No => format!("never gets {signal}"),
        Receives::Unknown => format!("may get {signal}"),
    };
    if process.was.is_empty() {
        let note = if process.note.is_empty() {
            String::new()
        } else {
            format!(", {}", escape::line(&process.note))
        };
        return format!("{heard}{note}");
    }
    let was: Vec<String> = process.was.iter().map(|name| escape::line(name)).collect();
    let dies = if process.dies { ", dies of it" } else { "" };
    format!("{heard}{dies}, was {}", was.join(" → "))
}

/// How a process came to be, where that is worth a word.
pub(super) fn how(started: Started) -> &'static str {
    match started {
        Started::Pid1 | Started::Foreground => "",
        Started::Exec => "exec",
        Started::Background => "background",
        Started::Forked => "forked",
    }
}

/// True for pictures of the same programs, whatever their arguments.
fn same(left: &[ProcessNode], right: &[ProcessNode]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.argv.first() == right.argv.first()
                && left.started == right.started
                && left.service == right.service
                && left.receives == right.receives
                && same(&left.children, &right.children)
        })
}

fn write_outcome(outcome: Outcome, why: &str, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (style, sign) = style::outcome(outcome);
    let name = outcome.name();
    let indent = name.len() + 6;
    for (index, line) in text::wrap(why, view.width.saturating_sub(indent)).iter().enumerate() {
        if index == 0 {
            writeln!(out, "  {style}{sign} {name}{style:#}: {line}")?;
        } else {
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

/// The processes as lines: the tree on the left, what each hears in a column on the right.
struct Picture {
    rows: Vec<Row>,
    width: usize,
}

struct Row {
    /// Branch lines and command.
    left: String,
    service: bool,
    how: &'static str,
    receives: Receives,
    /// What it hears, and why.
    right: String,
    place: String,
}

impl Picture {
    fn new(root: &Utf8Path, image: &ImageReport, processes: &[ProcessNode], view: &View) -> Self {
        let mut picture = Self { rows: Vec::new(), width: view.width };
        let signal = escape::line(&image.stop_signal);
        for process in processes {
            picture.add(root, process, &signal, "", "", view);
        }
        picture
    }

    fn add(
        &mut self,
        root: &Utf8Path,
        process: &ProcessNode,
        signal: &str,
        lead: &str,
        below: &str,
        view: &View,
    ) {
        let name = if process.started == Started::Pid1 { "PID 1 " } else { "" };
        self.rows.push(Row {
            left: format!("{lead}{name}{}", clip(&escape::argv(&process.argv), (self.width / 2).max(30))),
            service: process.service,
            how: how(process.started),
            receives: process.receives,
            right: heard(process, signal),
            place: process.place.as_ref().map_or_else(String::new, |place| shown(root, place, view)),
        });
        for (index, child) in process.children.iter().enumerate() {
            let last = index + 1 == process.children.len();
            let lead = format!("{below}{}", if last { "└─ " } else { "├─ " });
            let deeper = format!("{below}{}", if last { "   " } else { "│  " });
            self.add(root, child, signal, &lead, &deeper, view);
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (bold, dim) = (style::BOLD, style::DIM);
        let length = |row: &Row| {
            let how = if row.how.is_empty() { 0 } else { row.how.len() + 3 };
            row.left.chars().count() + how
        };
        let column = self.rows.iter().map(length).max().unwrap_or(0);
        for row in &self.rows {
            let gap = column - length(row) + 2;
            let command = if row.service { bold } else { style::PLAIN };
            let branch = row.left.len() - row.left.trim_start_matches(['│', '├', '└', '─', ' ']).len();
            let (lines, name) = row.left.split_at(branch);
            write!(out, "  {dim}{lines}{dim:#}{command}{name}{command:#}")?;
            if !row.how.is_empty() {
                write!(out, " {dim}({}){dim:#}", row.how)?;
            }
            let (style, sign) = match row.receives {
                Receives::Yes => (style::GOOD, '✓'),
                Receives::No => (style::ERROR, '✗'),
                Receives::Unknown => (style::NOTE, '?'),
            };
            write!(out, "{:gap$}{style}{sign}{style:#} {}", "", row.right)?;
            if !row.place.is_empty() {
                write!(out, "  {dim}{}{dim:#}", row.place)?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

fn shown(root: &Utf8Path, place: &Place, view: &View) -> String {
    format!("{}:{}", view.path(root, place.source.path()), place.line())
}

fn clip(command: &str, most: usize) -> String {
    match command.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.to_owned(),
    }
}
