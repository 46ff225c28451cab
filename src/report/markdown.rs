//! The rules' Markdown, as it reads well in a terminal: headings, paragraphs, lists, code, links. No more than the rules use.

use std::io::{self, Write};

use super::{View, style, text};

/// Widest text that reads well.
const MOST_COLUMNS: usize = 100;

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
            writeln!(out, "  {}", inline(text))?;
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
    if !info.trim().is_empty() {
        writeln!(out, "    {dim}{}{dim:#}", info.trim())?;
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
