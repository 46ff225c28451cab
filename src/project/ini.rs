//! INI files as supervisord reads them (Python's RawConfigParser), with the place of every value.
//!
//! Python's reading is its own: both `#` and `;` begin comments, also behind a blank on the line of a value; an indented line goes
//! on with the value above it; `:` separates as well as `=`; names are lower case, and the last of two settings counts. The INI crates
//! keep no places, or read another dialect.

use std::sync::Arc;

use crate::source::{Excerpt, Span};

/// One setting.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The name of its section, without brackets.
    pub(super) section: Arc<str>,
    /// In lower case.
    pub(super) name: String,
    /// The blanks in front of the name.
    pub(super) lead: String,
    /// What stands between name and value: `=`, ` = `.
    pub(super) separator: String,
    /// Without comments; lines are separated by `\n`.
    pub(super) value: Arc<Excerpt>,
    /// Where the line of its last piece ends in the file's text.
    pub(super) end: usize,
}

impl Setting {
    /// The text that sets something else, written alike, on the line below.
    pub(super) fn beside(&self, name: &str, value: &str) -> String {
        format!("\n{}{name}{}{value}", self.lead, self.separator)
    }
}

/// What an INI file says, in order.
#[derive(Debug, Default)]
pub(super) struct Ini {
    pub(super) settings: Vec<Setting>,
}

/// A value as its lines are met: their spans, without comments and indentation.
struct Open {
    name: String,
    lead: String,
    separator: String,
    lines: Vec<Span>,
    end: usize,
}

/// Reads an INI file. `None` if Python refuses it.
pub(super) fn parse(file: &Arc<Excerpt>) -> Option<Ini> {
    let mut ini = Ini::default();
    let mut open: Option<Open> = None;
    let mut section: Option<Arc<str>> = None;
    // How far the line that a value began on was indented.
    let mut indentation = usize::MAX;
    let mut at = 0;
    for line in file.text().split_inclusive('\n') {
        let start = at;
        at += line.len();
        let end = start + line.trim_end_matches(['\n', '\r']).len();
        let content = &file.text()[start..end];
        let kept = &content[..comment(content)];
        let value = trimmed(kept, start);
        if value.is_empty() {
            // A comment leaves the value above open, and so does an empty line.
            continue;
        }
        let indented = value.start - start;
        if let Some(open) = open.as_mut().filter(|_| indented > indentation) {
            open.lines.push(value);
            open.end = end;
            continue;
        }
        close(file, &mut ini, section.as_ref(), open.take());
        indentation = indented;
        let text = &file.text()[value.start..value.end];
        if let Some(rest) = text.strip_prefix('[') {
            let name = &rest[..rest.rfind(']').filter(|&at| at > 0)?];
            section = Some(Arc::from(name));
            continue;
        }
        section.as_ref()?;
        let separator = text.find(['=', ':'])?;
        let name = text[..separator].trim_end().to_ascii_lowercase();
        let first = trimmed(&text[separator + 1..], value.start + separator + 1);
        let lead = content[..indented].to_owned();
        let separator = file.text()[value.start + name.len()..first.start].to_owned();
        open = Some(Open { name, lead, separator, lines: vec![first], end });
    }
    close(file, &mut ini, section.as_ref(), open);
    Some(ini)
}

/// Where the comment of a line begins, or the line's length.
fn comment(line: &str) -> usize {
    let blank = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices(['#', ';']).find(|&(at, _)| blank(at)).map_or(line.len(), |(at, _)| at)
}

/// The span of a text that stands at `start`, without the blanks around it.
fn trimmed(text: &str, start: usize) -> Span {
    let from = start + text.len() - text.trim_start().len();
    Span::new(from, from + text.trim().len())
}

fn close(file: &Arc<Excerpt>, ini: &mut Ini, section: Option<&Arc<str>>, open: Option<Open>) {
    let (Some(open), Some(section)) = (open, section) else { return };
    let (Some(first), Some(last)) = (open.lines.first(), open.lines.last()) else { return };
    let whole = file.sub(Span::new(first.start, last.end));
    // What stands between two lines of a value is a line break to its reader.
    let gaps: Vec<(Span, String)> = open
        .lines
        .windows(2)
        .map(|pair| (Span::new(pair[0].end - first.start, pair[1].start - first.start), "\n".to_owned()))
        .collect();
    let value = if gaps.is_empty() { whole } else { whole.with_changes(&gaps, file.encoding()) };
    ini.settings.push(Setting {
        section: Arc::clone(section),
        name: open.name,
        lead: open.lead,
        separator: open.separator,
        value: Arc::new(value.as_setting()),
        end: open.end,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// Section, name and value of each setting.
    fn settings(text: &str) -> Option<Vec<(String, String, String)>> {
        let file = Arc::new(Excerpt::whole(&Source::new("x.conf", text)));
        let ini = parse(&file)?;
        let row = |s: &Setting| (s.section.to_string(), s.name.clone(), s.value.text().to_owned());
        Some(ini.settings.iter().map(row).collect())
    }

    #[test]
    fn reads_as_python_does() {
        let text = "; a comment\n[program:web] ; the web\ncommand = gunicorn ; not this\n  --workers 4 # nor this\n\n  \
                    app:app\nDirectory: /srv ; x\n# user=root\nurl=a;b#c\n[empty]\n";
        let expected = [
            ("program:web", "command", "gunicorn\n--workers 4\napp:app"),
            ("program:web", "directory", "/srv"),
            ("program:web", "url", "a;b#c"),
        ];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(settings(text).unwrap(), expected);
        assert!(settings("command=x\n").is_none(), "a setting before any section");
        assert!(settings("[a]\nword\n").is_none(), "a line without a separator");
        assert_eq!(settings("[a]\r\nb=c\r\n").unwrap(), [("a".into(), "b".into(), "c".into())]);
    }

    #[test]
    fn values_know_their_places() {
        let text = "[program:web]\ncommand=sh -c 'a\n  b' ; x\n";
        let source = Source::new("x.conf", text);
        let ini = parse(&Arc::new(Excerpt::whole(&source))).unwrap();
        let value = &ini.settings[0].value;
        assert_eq!(value.text(), "sh -c 'a\nb'");
        let edit = value.edit(Span::at(9), "exec ").unwrap();
        assert_eq!(&text[edit.span.start..][..1], "b");
        assert!(value.edit(Span::at(9), "'; x").is_none(), "it would end the quotes");
    }
}
