//! Reads a rule's document: front matter, sections, examples.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The sections that every document has, in this order.
pub const SECTIONS: [&str; 5] =
    ["What it finds", "Why it matters", "Example", "When it is right to ignore it", "References"];

/// A line that starts with this begins a new example.
const ANOTHER: &str = "Another example:";

/// Files of a project: path -> text.
pub type Files = BTreeMap<String, String>;

/// The front matter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// One line about what it finds.
    pub summary: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// `always`, `sometimes` or `never`.
    pub fix: String,
    /// The version that brought the rule.
    pub since: String,
}

/// One `rules/<name>.md`.
#[derive(Debug)]
pub struct Document {
    /// The file's name without `.md`.
    pub name: String,
    /// What the front matter says.
    pub facts: Facts,
    /// What follows the front matter.
    pub body: String,
    /// What stands under *Example*.
    pub examples: Vec<Example>,
}

/// A small project, and the files that the fix changes.
#[derive(Debug, Default)]
pub struct Example {
    /// The line (from 1) of its first fence.
    pub line: usize,
    /// The project.
    pub before: Files,
    /// The changed files, as the fix leaves them; empty if there is no fix.
    pub after: Files,
}

/// A fenced block with its info string.
struct Fence<'a> {
    line: usize,
    info: &'a str,
    text: String,
}

/// What a section is made of, as far as examples need it.
enum Part<'a> {
    Fence(Fence<'a>),
    Text(&'a str),
}

impl Document {
    /// Reads a document, or says what is wrong with its form.
    pub fn parse(name: &str, text: &str) -> Result<Self, String> {
        let (front, body) = text
            .strip_prefix("+++\n")
            .and_then(|rest| rest.split_once("\n+++\n\n"))
            .ok_or("the front matter stands between two lines `+++`, followed by a blank line")?;
        let facts: Facts = toml::from_str(front).map_err(|why| why.to_string())?;
        facts.check()?;

        let first_line = text[..text.len() - body.len()].lines().count() + 1;
        let parts = parts(body, first_line)?;
        check_headings(name, &parts)?;
        let examples = examples(&parts)?;
        Ok(Self { name: name.to_owned(), facts, body: body.to_owned(), examples })
    }
}

impl Facts {
    fn check(&self) -> Result<(), String> {
        let one_of = |key: &str, value: &str, known: &[&str]| match known.contains(&value) {
            true => Ok(()),
            false => Err(format!("{key} = {value:?} is none of {known:?}")),
        };
        one_of("severity", &self.severity, &["error", "warning", "info"])?;
        one_of("fix", &self.fix, &["always", "sometimes", "never"])?;
        let summary = self.summary.trim();
        if summary.is_empty() || summary != self.summary || summary.contains('\n') || summary.ends_with('.') {
            return Err(format!("the summary is one line without a full stop: {:?}", self.summary));
        }
        match self.since.split('.').filter(|part| part.parse::<u32>().is_ok()).count() {
            3 => Ok(()),
            _ => Err(format!("since = {:?} is no version", self.since)),
        }
    }
}

/// Splits Markdown into fenced blocks and lines of text.
fn parts(body: &str, first_line: usize) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut lines = body.split_inclusive('\n').zip(first_line..);
    while let Some((line, number)) = lines.next() {
        let line = line.trim_end();
        let Some(info) = line.strip_prefix("```") else {
            parts.push(Part::Text(line));
            continue;
        };
        let mut text = String::new();
        loop {
            match lines.next() {
                Some((line, _)) if line.trim_end() == "```" => break,
                Some((line, _)) => text.push_str(line),
                None => return Err(format!("line {number}: the fence is not closed")),
            }
        }
        parts.push(Part::Fence(Fence { line: number, info, text }));
    }
    Ok(parts)
}

fn headings<'a>(parts: &'a [Part<'_>]) -> impl Iterator<Item = &'a str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(line) if line.starts_with('#') => Some(*line),
        _ => None,
    })
}

fn check_headings(name: &str, parts: &[Part<'_>]) -> Result<(), String> {
    let expected: Vec<String> =
        std::iter::once(format!("# {name}")).chain(SECTIONS.map(|title| format!("## {title}"))).collect();
    let found: Vec<&str> = headings(parts).collect();
    if found != expected {
        return Err(format!("the headings are {found:?}, not {expected:?}"));
    }
    let mut empty = None;
    for part in parts {
        match part {
            Part::Text(line) if line.starts_with("## ") => {
                if let Some(title) = empty.replace(*line) {
                    return Err(format!("nothing stands under `{title}`"));
                }
            }
            Part::Text("") => {}
            Part::Text(line) if line.starts_with('#') => {}
            _ => empty = None,
        }
    }
    empty.map_or(Ok(()), |title| Err(format!("nothing stands under `{title}`")))
}

/// The examples: fences marked `before` and `after` with a path. Other fences are for the eye only.
fn examples(parts: &[Part<'_>]) -> Result<Vec<Example>, String> {
    let mut examples: Vec<Example> = Vec::new();
    let mut section = "";
    let mut open = false;
    for part in parts {
        let fence = match part {
            Part::Text(line) => {
                section = line.strip_prefix("## ").unwrap_or(section);
                open &= !line.starts_with(ANOTHER);
                continue;
            }
            Part::Fence(fence) => fence,
        };
        let words: Vec<&str> = fence.info.split_whitespace().collect();
        let (role, path) = match words[..] {
            [_, role @ ("before" | "after"), path] => (role, path),
            [_] => continue,
            _ => return Err(format!("line {}: what is `{}`?", fence.line, fence.info)),
        };
        if section != "Example" {
            return Err(format!("line {}: an example stands under `{section}`", fence.line));
        }
        if !open || (role == "before" && examples.last().is_some_and(|example| !example.after.is_empty())) {
            examples.push(Example { line: fence.line, ..Example::default() });
            open = true;
        }
        let Some(example) = examples.last_mut() else { continue };
        let files = if role == "before" { &mut example.before } else { &mut example.after };
        if files.insert(path.to_owned(), fence.text.clone()).is_some() {
            return Err(format!("line {}: {path} is shown twice", fence.line));
        }
    }
    Ok(examples)
}
