//! Findings for people, in the terminal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::io::{self, Write};

use camino::Utf8Path;
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use crate::diagnostic::{Diagnostic, Severity};
use crate::edit;
use crate::source::Place;

use super::describe::{self, sentence};
use super::snippet::{Label, Snippet};
use super::{
    Finding, Fixed, Format, Left, Results, Sources, Summary, View, count, diff, escape, style, tree,
};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "text",
    help: "For people: the code, the cause and the repair",
    for_people: true,
    check: Some(check),
    tree: Some(tree::print),
};

/// Characters shown of one process in a chain.
const MOST_OF_PROCESS: usize = 70;

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let sources = if view.show_fixes { results.sources() } else { HashMap::new() };
    for finding in results.findings() {
        self::finding(&finding, view, out)?;
        if view.show_fixes {
            write_change(&finding, &sources, out)?;
        }
        writeln!(out)?;
    }
    if view.quiet {
        return Ok(());
    }
    write_fixed(results, view, out)?;
    write_summary(&results.summary(view), results.fixed.len(), view, out)
}

/// Prints one finding.
pub fn finding(finding: &Finding<'_>, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(finding, view);
    let mut text = String::new();
    let rendered = page.handler().render_report(&mut text, &page);
    match rendered {
        // miette indents the first line for its icon; ours begins at the margin.
        Ok(()) => write!(out, "{}", text.trim_start_matches(['\n', ' ']))?,
        Err(fmt::Error) => writeln!(out, "{}", page.message)?,
    }
    write_footer(finding, view, out)
}

/// What stands below the code: how the stop ends, the processes, help, the repair.
fn write_footer(finding: &Finding<'_>, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let Diagnostic { severity, chain, help, fix, .. } = finding.diagnostic;
    if let Some(stop) = describe::stop(finding.diagnostic) {
        entry(out, view, style::severity(*severity), "stop", &stop)?;
    }
    if let Some((first, rest)) = chain.split_first() {
        write_chain(out, view, first, rest)?;
    }
    if let Some(help) = help {
        entry(out, view, style::NOTE, "help", help)?;
    }
    if let Some(fix) = fix {
        entry(out, view, style::GOOD, describe::fix_mark(fix), &describe::fix(fix))?;
    }
    let also = describe::also(finding, view);
    if !also.is_empty() {
        let dim = style::DIM;
        writeln!(out, "  {dim}also in the image of {also}{dim:#}")?;
    }
    Ok(())
}

/// One named entry of the footer, wrapped under itself.
fn entry(out: &mut dyn Write, view: &View, style: anstyle::Style, name: &str, text: &str) -> io::Result<()> {
    let colon = if name.starts_with('[') { "" } else { ":" };
    let indent = name.len() + colon.len() + 3;
    for (index, line) in wrap(&sentence(text), view.width.saturating_sub(indent)).iter().enumerate() {
        if index == 0 {
            writeln!(out, "  {style}{name}{colon}{style:#} {line}")?;
        } else {
            writeln!(out, "{:indent$}{line}", "")?;
        }
    }
    Ok(())
}

/// The processes from PID 1 to the service: in one line where it fits, as a staircase where it does not.
fn write_chain(out: &mut dyn Write, view: &View, first: &str, rest: &[String]) -> io::Result<()> {
    let bold = style::BOLD;
    let first = clip(first.strip_prefix("PID 1").unwrap_or(first).trim_start());
    let rest: Vec<String> = rest.iter().map(|process| clip(process)).collect();
    let line = rest.iter().fold(first.clone(), |line, process| format!("{line} → {process}"));
    if line.chars().count() + 9 <= view.width {
        return writeln!(out, "  {bold}PID 1{bold:#}: {line}");
    }
    writeln!(out, "  {bold}PID 1{bold:#}: {first}")?;
    for (depth, process) in rest.iter().enumerate() {
        writeln!(out, "  {:1$}└─ {process}", "", depth * 3)?;
    }
    Ok(())
}

fn clip(process: &str) -> String {
    let process = escape::line(process);
    match process.char_indices().nth(MOST_OF_PROCESS) {
        Some((at, _)) => format!("{}…", &process[..at]),
        None => process,
    }
}

/// What was repaired and what was not, file by file.
fn write_fixed(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (bold, good, warning) = (style::BOLD, style::GOOD, style::WARNING);
    let mut files: BTreeMap<_, (Vec<&Fixed>, Vec<&Left>)> = BTreeMap::new();
    for fixed in &results.fixed {
        files.entry((&fixed.root, &fixed.path)).or_default().0.push(fixed);
    }
    for left in &results.left {
        files.entry((&left.root, &left.path)).or_default().1.push(left);
    }
    for ((root, path), (fixed, left)) in &files {
        let path = view.path(root, path);
        writeln!(out, "{bold}{path}{bold:#}")?;
        for fixed in fixed {
            writeln!(out, "  {good}fixed{good:#} {}: {}", fixed.rule, sentence(&fixed.message))?;
            diff::write_coloured(out, &fixed.diff)?;
        }
        for left in left {
            writeln!(
                out,
                "  {warning}left{warning:#}  {}, line {}: {}",
                left.rule,
                left.line,
                sentence(&left.why)
            )?;
        }
    }
    if !files.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

/// What a repair would change.
fn write_change(finding: &Finding<'_>, sources: &Sources<'_>, out: &mut dyn Write) -> io::Result<()> {
    let edits = finding.diagnostic.fix.iter().flat_map(|fix| &fix.edits);
    let paths: BTreeSet<&Utf8Path> = edits.clone().map(|edit| &*edit.path).collect();
    for path in paths {
        let here = edits.clone().filter(|edit| *edit.path == *path);
        if let Some(source) = sources.get(&(finding.root, path))
            && let Ok(after) = edit::apply(source.text(), here)
        {
            diff::write_coloured(out, &diff::unified(path, source.text(), &after))?;
        }
    }
    Ok(())
}

/// What was checked, found and fixed, in a line.
pub(super) fn write_summary(
    summary: &Summary,
    fixed: usize,
    view: &View,
    out: &mut dyn Write,
) -> io::Result<()> {
    if summary.files == 0 {
        return Ok(());
    }
    let checked = format!("Checked {}, {}", count(summary.files, "file"), count(summary.images, "image"));
    let severities = [
        (Severity::Error, summary.errors),
        (Severity::Warning, summary.warnings),
        (Severity::Info, summary.infos),
    ];
    let found: Vec<String> = severities
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|&(severity, number)| {
            let style = style::severity(severity);
            format!("{style}{}{style:#}", count(number, severity.name()))
        })
        .collect();

    let good = style::GOOD;
    let verdict = match (found.is_empty(), fixed) {
        (true, 0) if summary.unknown + summary.silenced + summary.known == 0 => {
            format!("{good}all good{good:#}")
        }
        (true, 0) => format!("{good}no problems found{good:#}"),
        (true, fixed) => format!("{good}{} fixed, none left{good:#}", count(fixed, "finding")),
        (false, 0) => found.join(", "),
        (false, fixed) => format!("{good}{fixed} fixed{good:#}, {} left", found.join(", ")),
    };
    write!(out, "{checked}: {verdict}")?;

    let mut remarks = Vec::new();
    if summary.fixable > 0 {
        let flags = if view.unsafe_fixes { "--fix --unsafe-fixes" } else { "--fix" };
        remarks.push(format!("{} fixable with {flags}", summary.fixable));
    }
    if summary.unsafe_fixable > 0 {
        let more = if summary.fixable > 0 { " more" } else { " fixable" };
        remarks.push(format!("{}{more} with --fix --unsafe-fixes", summary.unsafe_fixable));
    }
    if summary.silenced > 0 {
        remarks.push(format!("{} silenced by comments", summary.silenced));
    }
    if summary.known > 0 {
        remarks.push(format!("{} in the baseline", summary.known));
    }
    if summary.unknown > 0 {
        remarks.push(format!(
            "{} beyond what the files tell, see `pidone tree`",
            count(summary.unknown, "image")
        ));
    }
    if !remarks.is_empty() {
        write!(out, " ({})", remarks.join("; "))?;
    }
    writeln!(out)
}

/// Breaks text into lines of at most `width` characters, at blanks.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

/// Something that is wrong with a file that pidone is told by, not with what it checks.
#[derive(Debug)]
pub struct Problem<'a> {
    /// The file.
    pub path: &'a Utf8Path,
    /// What is wrong.
    pub message: &'a str,
    /// Where; `None` if it could not be read.
    pub place: Option<&'a Place>,
    /// A few words for the label under the place.
    pub label: &'a str,
    /// What to do about it.
    pub help: Option<&'a str>,
}

impl Problem<'_> {
    /// As people read it.
    pub fn text(&self, view: &View) -> String {
        let path = view.path(Utf8Path::new("/"), self.path);
        let error = style::ERROR;
        let Some(place) = self.place else {
            return format!("{error}error{error:#}: {path}: {}\n", sentence(self.message));
        };
        let labels = [Label { place, path, text: sentence(self.label) }];
        let page = Page::drawn("error:".to_owned(), Severity::Error, self.message, &labels, view);
        let mut text = String::new();
        // A report into a string cannot fail.
        let _ = page.handler().render_report(&mut text, &page);
        let mut text = text.trim_start_matches(['\n', ' ']).to_owned();
        if let Some(help) = self.help {
            let note = style::NOTE;
            text.push_str(&format!("  {note}help:{note:#} {}\n", sentence(help)));
        }
        text
    }
}

/// A finding as miette sees it.
#[derive(Debug)]
struct Page {
    title: String,
    severity: Severity,
    message: String,
    snippet: Snippet,
}

impl Page {
    fn new(finding: &Finding<'_>, view: &View) -> Self {
        let diagnostic = finding.diagnostic;
        let mut labels = vec![Label {
            place: &diagnostic.place,
            path: view.path(finding.root, diagnostic.place.source.path()),
            text: sentence(&diagnostic.label),
        }];
        labels.extend(diagnostic.related.iter().map(|related| Label {
            place: &related.place,
            path: view.path(finding.root, related.place.source.path()),
            text: sentence(&related.message),
        }));
        let title = format!("{}[{}]:", diagnostic.severity.name(), diagnostic.rule);
        Self::drawn(title, diagnostic.severity, &diagnostic.message, &labels, view)
    }

    fn drawn(title: String, severity: Severity, message: &str, labels: &[Label<'_>], view: &View) -> Self {
        // Wrapped here, as miette would break words at their hyphens; its lines below the first are indented by four.
        let lines = wrap(&format!("{title} {}", sentence(message)), view.width.saturating_sub(4));
        let message = lines.join("\n").split_off(title.len()).trim_start().to_owned();
        Self { title, severity, message, snippet: Snippet::new(labels, view.width) }
    }

    fn handler(&self) -> GraphicalReportHandler {
        let mut theme = GraphicalTheme::unicode();
        theme.characters.error.clone_from(&self.title);
        theme.characters.warning.clone_from(&self.title);
        theme.characters.advice.clone_from(&self.title);
        let (primary, other) = match self.severity {
            Severity::Error => (theme.styles.error, theme.styles.advice),
            Severity::Warning => (theme.styles.warning, theme.styles.advice),
            Severity::Info => (theme.styles.advice, theme.styles.advice),
        };
        theme.styles.highlights =
            self.snippet.labels().iter().map(|label| if label.primary() { primary } else { other }).collect();
        GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_urls(false)
            .with_wrap_lines(false)
            .without_syntax_highlighting()
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Page {}

impl miette::Diagnostic for Page {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.snippet)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.snippet.labels().iter().cloned()))
    }
}
