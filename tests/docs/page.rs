//! Pages of the repository, parts of which are written by tests.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use similar::TextDiff;

/// The top of the repository.
pub(super) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of it.
pub(super) fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Holds a document against what it should be; with UPDATE_DOCS=1, makes it so.
pub(super) fn hold(path: &str, expected: &str) {
    let text = read(path);
    if text == expected {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(repository().join(path), expected).unwrap();
        return;
    }
    let diff = TextDiff::from_lines(&text, expected);
    panic!(
        "{path} is out of date; `UPDATE_DOCS=1 cargo test --test docs --test book` rewrites it:\n{}",
        diff.unified_diff().header("as it is", "as it should be")
    );
}

/// `text`, with what stands between the lines `begin` and `end` replaced by what `make` says of it and of the line `begin`.
pub(super) fn replace(
    text: &str,
    begin: impl Fn(&str) -> bool,
    end: &str,
    mut make: impl FnMut(&str, &[&str]) -> String,
) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(out, "{line}");
        if begin(line) {
            let mut rest = lines.clone();
            let old: Vec<&str> = rest.by_ref().take_while(|line| *line != end).collect();
            let _ = writeln!(out, "{}{end}", make(line, &old));
            lines = rest;
        }
    }
    out
}
