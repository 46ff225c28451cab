//! Comments, and what a text is without them.

use super::{branches, grammar};
use crate::source::Span;

/// The comments of a script, from `#` to the end of the line. What stands in strings and here-documents is none.
pub fn comments(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let Some(tree) = grammar::tree(text) else { return found };
    branches::each_node(&tree, |node| {
        if node.kind() == "comment" {
            found.push(branches::span(node));
        }
    });
    found
}

/// What the grammar makes of a text, comments aside: two texts of one shape differ in nothing that a shell runs.
pub fn shape(text: &str) -> Vec<(usize, u16, String)> {
    let mut shape = Vec::new();
    let mut depth = Vec::new();
    let Some(tree) = grammar::tree(text) else { return shape };
    branches::each_node(&tree, |node| {
        while depth.last().is_some_and(|end| *end <= node.start_byte()) {
            depth.pop();
        }
        if node.kind() == "comment" || node.kind() == "\n" {
            return;
        }
        let leaf = if node.child_count() == 0 { &text[node.byte_range()] } else { "" };
        shape.push((depth.len(), node.kind_id(), leaf.to_owned()));
        if node.child_count() > 0 {
            depth.push(node.end_byte());
        }
    });
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        comments(text).into_iter().map(|span| &text[span.start..span.end]).collect()
    }

    #[test]
    fn comments_are_what_the_shell_skips() {
        assert_eq!(texts("a # b\n# c\nd '# e' \"# f\" g#h ${#i}\n"), ["# b", "# c"]);
        assert_eq!(texts("cat <<E\n# a\nE\n# b\n"), ["# b"]);
        assert_eq!(texts("f() {\n  # a\n  b # c\n}\n"), ["# a", "# c"]);
    }

    #[test]
    fn shapes_differ_where_a_shell_does() {
        assert_eq!(shape("a\nb\n"), shape("a # x\n\n# y\nb\n"));
        assert_eq!(shape("a &&\nb\n"), shape("a &&\n# y\nb\n"));
        for (before, after) in [
            ("a \\\nb\n", "a \\\n# x\nb\n"),
            ("a 'b\nc'\n", "a 'b\n# x\nc'\n"),
            ("cat <<E\nb\nE\n", "cat <<E\n# x\nb\nE\n"),
        ] {
            assert_ne!(shape(before), shape(after), "{after}");
        }
    }
}
