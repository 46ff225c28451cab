//! A picture of each image's processes, for people.

use std::io::{self, Write};

use camino::Utf8Path;

use crate::diagnostic::Outcome;
use crate::source::Place;
use crate::{ImageReport, ProcessNode, Receives, Started};

use super::{Results, View, describe, escape, style, text};

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
    if image.stop_signal_source != "default" {
        let (signal, origin) = (escape::line(&image.stop_signal), escape::line(&image.stop_signal_source));
        write!(out, "{dim}, stopped by{dim:#} {signal} {dim}({origin}){dim:#}")?;
    }
    writeln!(out)?;

    let groups = groups(image);
    for (labels, branch) in &groups {
        writeln!(out)?;
        let labels: Vec<String> = labels.iter().filter(|l| !l.is_empty()).map(|l| escape::line(l)).collect();
        if !labels.is_empty() {
            writeln!(out, "  {dim}when{dim:#} {}", labels.join(&format!("{dim}, or{dim:#} ")))?;
        }
        let picture = Picture::new(root, image, branch.processes, view);
        picture.write(out)?;
        write_outcome(branch.outcome, branch.why, view, out)?;
    }
    Ok(())
}

/// One way in which the container can run.
#[derive(Clone, Copy)]
struct Way<'a> {
    outcome: Outcome,
    why: &'a str,
    processes: &'a [ProcessNode],
}

/// The branches; those that look the same are one, with all of their labels.
fn groups(image: &ImageReport) -> Vec<(Vec<&str>, Way<'_>)> {
    let mut groups: Vec<(Vec<&str>, Way<'_>)> = Vec::new();
    for branch in &image.branches {
        let way = Way { outcome: branch.outcome, why: &branch.why, processes: &branch.processes };
        let same = |other: &Way<'_>| {
            other.outcome == way.outcome && other.why == way.why && same(other.processes, way.processes)
        };
        match groups.iter_mut().find(|(_, other)| same(other)) {
            Some((labels, _)) => labels.push(&branch.label),
            None => groups.push((vec![&branch.label], way)),
        }
    }
    if groups.is_empty() {
        let way = Way { outcome: image.outcome, why: &image.why, processes: &image.processes };
        groups.push((Vec::new(), way));
    }
    groups
}

fn same(left: &[ProcessNode], right: &[ProcessNode]) -> bool {
    left.len() == right.len()
        && left.iter().zip(right).all(|(left, right)| {
            left.argv == right.argv
                && left.started == right.started
                && left.service == right.service
                && left.receives == right.receives
                && left.note == right.note
                && same(&left.children, &right.children)
        })
}

fn write_outcome(outcome: Outcome, why: &str, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (style, sign) = style::outcome(outcome);
    let why = if why.is_empty() { describe::meaning(outcome) } else { why };
    let indent = outcome.name().len() + 6;
    for (index, line) in text::wrap(&escape::line(why), view.width.saturating_sub(indent)).iter().enumerate()
    {
        if index == 0 {
            writeln!(out, "  {style}{sign} {}{style:#}: {line}", outcome.name())?;
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
        let heard = match process.receives {
            Receives::Yes => format!("gets {signal}"),
            // PID 1 is always told; without a handler the kernel drops it.
            Receives::No if process.started == Started::Pid1 => format!("ignores {signal}"),
            Receives::No => format!("never gets {signal}"),
            Receives::Unknown => format!("may get {signal}"),
        };
        let note = escape::line(&process.note);
        self.rows.push(Row {
            left: format!("{lead}{name}{}", clip(&escape::argv(&process.argv), self.width)),
            service: process.service,
            how: match process.started {
                Started::Pid1 | Started::Foreground => "",
                Started::Exec => "exec",
                Started::Background => "background",
                Started::Forked => "forked",
            },
            receives: process.receives,
            right: if note.is_empty() { heard } else { format!("{heard}, {note}") },
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

/// Leaves room for what stands to the right.
fn clip(command: &str, width: usize) -> String {
    let most = (width / 2).max(30);
    match command.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command.to_owned(),
    }
}
