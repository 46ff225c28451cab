//! A Dockerfile inside a Compose file, as a file of its own in which every line stands where it stands in the Compose file.

use std::sync::Arc;

use super::interpolate::{self, Variables};
use crate::dockerfile::{Dockerfile, Keyword};
use crate::source::{Excerpt, Source};

/// A file in which everything but the Dockerfile is blank. `None` where its lines cannot be laid over those of the file.
pub(super) fn source(text: &Excerpt, variables: &Variables) -> Option<Arc<Source>> {
    // A here-document ends at the beginning of a line, and there the file has blanks.
    if text.text().contains("<<") {
        return None;
    }
    let (file, span) = (text.source().text(), text.span());
    let inside = &file[span.start..span.end];
    // A quoted or folded text has other lines than it seems.
    let lines = |text: &str| {
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect::<Vec<_>>()
    };
    if lines(inside) != lines(text.text()) {
        return None;
    }
    let mut masked = blank(&file[..span.start]);
    for line in inside.split_inclusive('\n') {
        masked.push_str(&replaced(line, variables)?);
    }
    masked.push_str(&blank(&file[span.end..]));
    Some(Source::new(text.source().path(), masked))
}

/// True where what decides the launch stands behind a variable of Compose, so that its places are not those of the file.
pub(super) fn is_shifted(dockerfile: &Dockerfile, file: &str) -> bool {
    dockerfile.instructions.iter().any(|instruction| {
        let written = &file[instruction.span.start..instruction.span.end];
        written.contains('$')
            && match instruction.keyword {
                Keyword::Cmd | Keyword::Entrypoint | Keyword::Copy | Keyword::Add | Keyword::Shell => true,
                // It may write a script.
                Keyword::Run => written.contains(['>', '|']),
                _ => false,
            }
    })
}

/// A line with its variables replaced, filled up to its length with blanks.
fn replaced(line: &str, variables: &Variables) -> Option<String> {
    if !line.contains('$') {
        return Some(line.to_owned());
    }
    let (text, end) = match line.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (line, ""),
    };
    let known = interpolate::plain(text, variables)?;
    let filling = text.len().checked_sub(known.len())?;
    Some(format!("{known}{}{end}", " ".repeat(filling)))
}

fn blank(part: &str) -> String {
    part.chars().map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) }).collect()
}
