//! Where text is put into a script, and the variables that are free for it.

use crate::source::Encoding;

/// A variable for one number that the script does not use.
pub(super) fn free_number(text: &str) -> &'static str {
    free(&["pid", "service_pid", "stop_pid"], text).unwrap_or("pid_of_service")
}

/// The first of some names that a script does not use. The shortest may be used in what it sources.
fn free(names: &[&'static str], text: &str) -> Option<&'static str> {
    let sources = |line: &str| {
        let line = line.trim_start();
        [". ", "source "].iter().any(|word| {
            line.starts_with(word)
                || line.contains(&format!("; {word}"))
                || line.contains(&format!("&& {word}"))
        })
    };
    let shortest = usize::from(text.lines().any(sources));
    names[shortest..].iter().copied().find(|name| !text.contains(name))
}

/// Where text is put in front of a statement.
pub(super) struct Line {
    pub(super) insertion: usize,
    indent: String,
    /// False where the statement does not begin its line, or lines cannot be broken.
    pub(super) own_line: bool,
    /// True above the comment of the statement.
    above: bool,
}

impl Line {
    pub(super) fn of(text: &str, at: usize, encoding: Encoding) -> Self {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &text[start..at];
        let own_line =
            before.trim().is_empty() && matches!(encoding, Encoding::Verbatim | Encoding::Expanded);
        if own_line {
            Self { insertion: start, indent: before.to_owned(), own_line, above: false }
        } else {
            Self { insertion: at, indent: String::new(), own_line, above: false }
        }
    }

    /// A comment belongs to the statement below it.
    pub(super) fn above_comments(mut self, text: &str) -> Self {
        while self.own_line && self.insertion > 0 {
            let before = &text[..self.insertion - 1];
            let start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let line = before[start..].trim();
            if start == 0 || !line.starts_with('#') {
                break;
            }
            self.insertion = start;
            self.above = true;
        }
        self
    }

    pub(super) fn separator(&self) -> String {
        if self.own_line { format!("\n{}", self.indent) } else { "; ".to_owned() }
    }

    pub(super) fn lead(&self) -> &str {
        &self.indent
    }

    pub(super) fn tail(&self) -> &'static str {
        match (self.own_line, self.above) {
            (true, true) => "\n\n",
            (true, false) => "\n",
            (false, _) => "; ",
        }
    }
}

/// The byte after the `&` that follows a job.
pub(super) fn ampersand(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\\', '\n', '\r']).len();
    rest[blanks..].starts_with('&').then_some(end + blanks + 1)
}

pub(super) fn rest_of_line(text: &str, at: usize) -> &str {
    text[at..].lines().next().unwrap_or("").trim()
}

/// `name=$!` right behind the job, on its line or the next.
pub(super) fn number_in(text: &str, at: usize) -> Option<String> {
    let mut lines = text[at..].lines();
    let here = lines.next().unwrap_or("").trim();
    let line = if here.is_empty() { lines.next().unwrap_or("").trim() } else { here };
    let (name, value) = line.split_once('=')?;
    let value = value.split([';', ' ', '#']).next()?;
    let valid = !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    (valid && matches!(value, "$!" | "\"$!\"" | "${!}" | "\"${!}\"")).then(|| name.to_owned())
}

/// A variable that the script does not use.
pub(super) fn free_name(text: &str) -> &'static str {
    free(&["pids", "service_pids", "stop_pids", "pids_to_stop"], text).unwrap_or("pids_of_services")
}
