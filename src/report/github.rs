//! Workflow commands: GitHub Actions shows them beside the code.
//! See <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use std::io::{self, Write};

use crate::diagnostic::Severity;

use super::position::{self, Columns};
use super::{Finding, Format, Results, View, describe};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "github",
    help: "GitHub Actions: annotations beside the code",
    for_people: false,
    check: Some(check),
    tree: None,
};

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    results.findings().iter().try_for_each(|finding| write_command(finding, view, out))
}

fn write_command(finding: &Finding<'_>, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let diagnostic = finding.diagnostic;
    let source = &diagnostic.place.source;
    let command = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let title = format!("pidone {}", diagnostic.rule);
    let file = view.path(finding.root, source.path());
    let (start, end) = position::range(source, diagnostic.place.span, Columns::Characters);
    write!(out, "::{command} title={},file={}", property(&title), property(&file))?;
    // GitHub takes columns of a place in one line only.
    if start.line == end.line {
        let last = end.column.saturating_sub(1).max(start.column);
        write!(out, ",line={},col={},endColumn={last}", start.line, start.column)?;
    } else {
        write!(out, ",line={},endLine={}", start.line, end.line)?;
    }
    // The log shows only what is behind the colons, so the place is told again.
    let place = format!("{file}:{}:{}: ", start.line, start.column);
    let text = describe::lines(finding, view).join("\n");
    writeln!(out, "::{}", data(&(place + &text)))
}

/// What stands behind the colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(data("50%, a:b\r\n::error::x"), "50%25, a:b%0D%0A::error::x");
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
    }
}
