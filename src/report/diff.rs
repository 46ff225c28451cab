//! Unified diffs that `git apply` and `patch -p1` take.

use std::fmt::Write as _;
use std::io;

use camino::Utf8Path;
use similar::{Algorithm, ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// The unified diff of one file; empty if nothing differs. Every byte of the lines is kept, carriage returns too.
pub fn unified(path: &Utf8Path, old: &str, new: &str) -> String {
    // Lines end at `\n` only: a lone carriage return is a byte of its line, for git and patch as well.
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let groups = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT);

    let mut out = String::new();
    for hunk in groups.iter().filter(|ops| !ops.is_empty()) {
        if out.is_empty() {
            let _ = write!(out, "--- {}\n+++ {}\n", file_name('a', path), file_name('b', path));
        }
        write_hunk(&mut out, hunk, &old, &new);
    }
    out
}

/// Writes a diff for people: headers, hunks, removed and added lines in colours, control characters escaped.
pub fn write_coloured(out: &mut dyn io::Write, diff: &str) -> io::Result<()> {
    use super::style;
    for line in diff.split_inclusive('\n') {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        let style = match line.as_bytes().first() {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") => style::BOLD,
            Some(b'@') => style::NOTE,
            Some(b'-') => style::ERROR,
            Some(b'+') => style::GOOD,
            _ => style::PLAIN,
        };
        write!(out, "{style}{}{style:#}{end}", super::escape::line(text))?;
    }
    Ok(())
}

fn write_hunk(out: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
    let old_range = range(first.old_range().start, last.old_range().end);
    let new_range = range(first.new_range().start, last.new_range().end);
    let _ = writeln!(out, "@@ -{old_range} +{new_range} @@");
    for op in ops {
        for change in op.iter_changes(old, new) {
            out.push(match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            });
            let line = change.value();
            out.push_str(line);
            if !line.ends_with('\n') {
                out.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
}

/// `start,length` as unified diffs write it: an empty range stands after the line it names, a length of 1 is left out.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

/// The name in a header, quoted as git does: C escapes where the name needs them, and a tab after a name with blanks, at which
/// `patch` ends the name.
fn file_name(side: char, path: &Utf8Path) -> String {
    let plain = !path.as_str().bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f));
    if plain {
        let tab = if path.as_str().contains(' ') { "\t" } else { "" };
        return format!("{side}/{path}{tab}");
    }
    let mut quoted = format!("\"{side}/");
    for byte in path.as_str().bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b'\t' => quoted.push_str("\\t"),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _ = write!(quoted, "\\{byte:03o}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_with_its_context() {
        let diff =
            unified("a b/Dockerfile".into(), "1\n2\n3\n4\n5\n6\nCMD x", "1\n2\n3\n4\n5\n6\nCMD [\"x\"]\n");
        insta::assert_snapshot!(diff, @r#"
        --- a/a b/Dockerfile	
        +++ b/a b/Dockerfile	
        @@ -4,4 +4,4 @@
         4
         5
         6
        -CMD x
        \ No newline at end of file
        +CMD ["x"]
        "#);
    }

    #[test]
    fn names_are_quoted_as_git_does() {
        assert_eq!(file_name('a', "x".into()), "a/x");
        assert_eq!(file_name('a', "é".into()), "a/é");
        assert_eq!(file_name('b', "a\"b\\\té".into()), r#""b/a\"b\\\t\303\251""#);
    }

    #[test]
    fn no_difference_is_no_text() {
        assert_eq!(unified("x".into(), "a\n", "a\n"), "");
    }
}
