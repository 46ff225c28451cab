//! The rules' Markdown, as it reads well in a terminal: headings, paragraphs, lists, tables, code, links. No more than the rules use.

use std::io::{self, Write};

use super::{View, style, text};

/// Widest text that reads well.
const MOST_COLUMNS: usize = 100;
/// Blanks between the columns of a table.
const GAP: usize = 2;
/// No column of a table is made narrower than this.
const LEAST_COLUMN: usize = 20;

/// Prints a document.
pub fn print(document: &str, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let width = view.width.min(MOST_COLUMNS);
    let mut lines = document.lines().peekable();
    let mut blank = true;
    while let Some(line) = lines.next() {
        let text = line.trim();
        if text.is_empty() {
            if !blank {
                writeln!(out)?;
            }
            blank = true;
            continue;
        }
        blank = false;
        if let Some(fence) = fence(text) {
            write_code(&mut lines, fence, out)?;
        } else if let Some(title) = heading(text) {
            let bold = style::BOLD.underline();
            writeln!(out, "{bold}{title}{bold:#}")?;
        } else if text.starts_with('|') {
            let mut rows = vec![cells(text)];
            while let Some(next) = lines.next_if(|next| next.trim().starts_with('|')) {
                rows.push(cells(next.trim()));
            }
            write_table(&rows, width, out)?;
        } else {
            let (mark, body) = list_item(text);
            let indent = if mark.is_empty() { 0 } else { line.len() - line.trim_start().len() + 2 };
            let mut paragraph = body.to_owned();
            while let Some(next) = lines.next_if(|next| continues(next)) {
                paragraph.push(' ');
                paragraph.push_str(next.trim());
            }
            write_wrapped(&paragraph, mark, indent, width, out)?;
        }
    }
    Ok(())
}

/// The characters that open, and will close, a code block, with what is said about it.
fn fence(text: &str) -> Option<(&str, &str)> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    (ticks >= 3).then(|| text.split_at(ticks))
}

fn write_code<'a>(
    lines: &mut impl Iterator<Item = &'a str>,
    (fence, info): (&str, &str),
    out: &mut dyn Write,
) -> io::Result<()> {
    let (dim, code) = (style::DIM, style::NOTE);
    // A file of an example; the language is plain to see.
    if let [_, when, path] = info.split_whitespace().collect::<Vec<_>>()[..] {
        writeln!(out, "  {dim}{path}, {when}{dim:#}")?;
    }
    for line in lines.take_while(|line| line.trim() != fence) {
        if line.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "    {code}{line}{code:#}")?;
        }
    }
    Ok(())
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// A table: its columns as wide as what is in them, the widest narrower where they do not fit.
fn write_table(rows: &[Vec<&str>], width: usize, out: &mut dyn Write) -> io::Result<()> {
    let is_rule = |row: &[&str]| row.iter().all(|cell| cell.chars().all(|c| "-: ".contains(c)));
    let rows: Vec<&Vec<&str>> = rows.iter().filter(|row| !is_rule(row)).collect();
    let mut columns: Vec<usize> = Vec::new();
    for (index, cell) in rows.iter().flat_map(|row| row.iter().enumerate()) {
        columns.resize(columns.len().max(index + 1), 0);
        columns[index] = columns[index].max(visible(&inline(cell)));
    }
    let room = width.saturating_sub(2 + GAP * columns.len().saturating_sub(1));
    while columns.iter().sum::<usize>() > room {
        match columns.iter_mut().max() {
            Some(widest) if *widest > LEAST_COLUMN => *widest -= 1,
            _ => break,
        }
    }
    for (number, row) in rows.iter().enumerate() {
        write_row(row, &columns, if number == 0 { style::BOLD } else { style::PLAIN }, out)?;
    }
    Ok(())
}

fn write_row(row: &[&str], columns: &[usize], style: anstyle::Style, out: &mut dyn Write) -> io::Result<()> {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(columns)
        .map(|(cell, &width)| {
            inline(&text::wrap(cell, width).join("\n")).lines().map(str::to_owned).collect()
        })
        .collect();
    for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
        let mut shown = String::new();
        let mut pending = 2;
        for (cell, &width) in cells.iter().zip(columns) {
            let text = cell.get(line).map_or("", String::as_str);
            if !text.is_empty() {
                shown.push_str(&format!("{:pending$}{style}{text}{style:#}", ""));
                pending = 0;
            }
            pending += width.saturating_sub(visible(text)) + GAP;
        }
        writeln!(out, "{shown}")?;
    }
    Ok(())
}

/// Characters that a terminal shows of a text with styles.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

fn heading(text: &str) -> Option<&str> {
    let title = text.trim_start_matches('#');
    (title.len() < text.len()).then(|| title.strip_prefix(' ')).flatten()
}

/// The mark of a list item and its text; no mark for a paragraph.
fn list_item(text: &str) -> (&str, &str) {
    if let Some(body) = text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")) {
        return ("• ", body);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0 && text[digits..].starts_with(". ") { text.split_at(digits + 2) } else { ("", text) }
}

fn continues(line: &str) -> bool {
    let text = line.trim();
    !(text.is_empty()
        || text.starts_with('|')
        || fence(text).is_some()
        || heading(text).is_some()
        || !list_item(text).0.is_empty())
}

fn write_wrapped(
    paragraph: &str,
    mark: &str,
    indent: usize,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let inner = indent + mark.chars().count();
    // Wrapped before it is styled, so that the styles take no room; a style ends at the end of the paragraph at the latest.
    let wrapped = text::wrap(paragraph, width.saturating_sub(inner)).join("\n");
    for (index, line) in inline(&wrapped).lines().enumerate() {
        if index == 0 {
            writeln!(out, "{:indent$}{mark}{line}", "")?;
        } else {
            writeln!(out, "{:inner$}{line}", "")?;
        }
    }
    Ok(())
}

/// `code`, which keeps its marks to be seen without colours too, **strong** and [links](address).
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[', '<']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = span(rest, "`", "`")
            .map(|(_, length)| (styled(style::NOTE, &rest[..length]), length))
            .or_else(|| span(rest, "**", "**").map(|(strong, length)| (styled(style::BOLD, strong), length)))
            .or_else(|| {
                span(rest, "*", "*").map(|(word, length)| (styled(style::PLAIN.italic(), word), length))
            })
            .or_else(|| link(rest));
        let (shown, length) = taken.unwrap_or_else(|| (rest[..1].to_owned(), 1));
        out.push_str(&shown);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn span<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, usize)> {
    let inner = text.strip_prefix(open)?;
    let end = inner.find(close).filter(|&end| end > 0 && !inner.starts_with(char::is_whitespace))?;
    Some((&inner[..end], open.len() + end + close.len()))
}

fn link(text: &str) -> Option<(String, usize)> {
    if let Some((address, length)) = span(text, "<", ">").filter(|(address, _)| address.starts_with("http")) {
        return Some((styled(style::NOTE.underline(), address), length));
    }
    let (name, length) = span(text, "[", "]")?;
    let (address, more) = span(&text[length..], "(", ")")?;
    let shown = if name == address {
        styled(style::NOTE.underline(), address)
    } else {
        format!("{name} ({})", styled(style::NOTE.underline(), address))
    };
    Some((shown, length + more))
}

fn styled(style: anstyle::Style, text: &str) -> String {
    // Each line on its own, so that an indentation is never underlined.
    let lines: Vec<String> = text.split('\n').map(|line| format!("{style}{line}{style:#}")).collect();
    lines.join("\n")
}
