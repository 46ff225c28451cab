//! Checkstyle's XML, which many dashboards and editors read.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};

use crate::diagnostic::Severity;

use super::{Finding, Format, Results, View, describe};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "checkstyle",
    help: "Checkstyle's XML",
    for_people: false,
    check: Some(check),
    tree: None,
};

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let findings = results.findings();
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::Start(BytesStart::new("checkstyle").with_attributes([("version", "4.3")])))?;
    // The findings of a file stand behind one another.
    let file = |finding: &Finding<'_>| view.path(finding.root, finding.diagnostic.place.source.path());
    for group in findings.chunk_by(|left, right| file(left) == file(right)) {
        let name = group.first().map(file).unwrap_or_default();
        let element = BytesStart::new("file").with_attributes([("name", name.as_str())]);
        xml.write_event(Event::Start(element))?;
        for finding in group {
            write_error(finding, view, &mut xml)?;
        }
        xml.write_event(Event::End(BytesEnd::new("file")))?;
    }
    xml.write_event(Event::End(BytesEnd::new("checkstyle")))?;
    writeln!(xml.into_inner())
}

fn write_error(finding: &Finding<'_>, view: &View, xml: &mut Writer<&mut dyn Write>) -> io::Result<()> {
    let diagnostic = finding.diagnostic;
    let start = diagnostic.place.source.position(diagnostic.place.span.start);
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    };
    let attributes = [
        ("line", start.line.to_string()),
        ("column", start.column.to_string()),
        ("severity", severity.to_owned()),
        ("message", describe::lines(finding, view).join(" | ")),
        ("source", format!("pidone.{}", diagnostic.rule)),
    ];
    let attributes = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    xml.write_event(Event::Empty(BytesStart::new("error").with_attributes(attributes)))
}
