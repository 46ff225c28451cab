//! One line per finding, as editors and `grep` write places.

use std::io::{self, Write};

use super::describe::{self, sentence};
use super::{Format, Results, View, style, text};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "concise",
    help: "For people: a line per finding",
    for_people: true,
    check: Some(check),
    tree: None,
};

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let (bold, good) = (style::BOLD, style::GOOD);
    let findings = results.findings();
    for finding in &findings {
        let diagnostic = finding.diagnostic;
        let place = &diagnostic.place;
        let start = place.source.position(place.span.start);
        let path = view.path(finding.root, place.source.path());
        let style = style::severity(diagnostic.severity);
        write!(out, "{bold}{path}{bold:#}:{}:{}: ", start.line, start.column)?;
        write!(out, "{style}{}[{}]{style:#}: ", diagnostic.severity.name(), diagnostic.rule)?;
        write!(out, "{}", sentence(&diagnostic.message))?;
        if let Some(fix) = &diagnostic.fix {
            write!(out, " {good}{}{good:#}", describe::fix_mark(fix))?;
        }
        writeln!(out)?;
    }
    if view.quiet {
        return Ok(());
    }
    text::write_summary(&results.summary(view), results.fixed.len(), view, out)
}
