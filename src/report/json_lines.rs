//! A JSON document per line: each finding, or each image, as [`super::json`] has it.

use std::io::{self, Write};

use serde::Serialize;

use super::json::Writer;
use super::{Format, Results, View};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "json-lines",
    help: "The findings or images of `json`, one document per line",
    for_people: false,
    check: Some(check),
    tree: Some(tree),
};

fn check(results: &Results, _view: &View, out: &mut dyn Write) -> io::Result<()> {
    let writer = Writer::new(results);
    results.findings().iter().try_for_each(|finding| write_line(out, &writer.diagnostic(finding)))
}

fn tree(results: &Results, _view: &View, out: &mut dyn Write) -> io::Result<()> {
    let writer = Writer::new(results);
    results.images().try_for_each(|(root, image)| write_line(out, &writer.tree(root, image)))
}

fn write_line(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(super::escape::Json(out), document)?;
    writeln!(out)
}
