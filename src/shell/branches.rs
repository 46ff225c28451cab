//! The parts of a node in the grammar's tree.

use tree_sitter::{Node as Tree, TreeCursor};

use crate::source::Span;

pub(super) fn children<'t>(tree: Tree<'t>) -> impl Iterator<Item = Tree<'t>> {
    along(tree, TreeCursor::node)
}

pub(super) fn span(tree: Tree<'_>) -> Span {
    Span::from(tree.byte_range())
}

/// Children with the name of their field.
pub(super) fn fields<'t>(tree: Tree<'t>) -> impl Iterator<Item = (Option<&'t str>, Tree<'t>)> {
    along(tree, |cursor| (cursor.field_name(), cursor.node()))
}

/// Something of each child. Asking a node for its n-th child takes n steps; a cursor takes one.
fn along<'t, T>(tree: Tree<'t>, of: impl Fn(&TreeCursor<'t>) -> T) -> impl Iterator<Item = T> {
    let mut cursor = tree.walk();
    let mut more = cursor.goto_first_child();
    std::iter::from_fn(move || {
        let item = more.then(|| of(&cursor))?;
        more = cursor.goto_next_sibling();
        Some(item)
    })
}

/// True for a compound command with something between its parts that the grammar could not read: an item of `case`, say.
pub(super) fn loses_a_part(tree: Tree<'_>) -> bool {
    const IN_PARTS: [&str; 5] =
        ["case_statement", "if_statement", "while_statement", "for_statement", "c_style_for_statement"];
    IN_PARTS.contains(&tree.kind()) && children(tree).any(|child| child.is_error() || child.is_missing())
}

/// Calls `visit` for every node of a whole tree, without recursion.
pub(crate) fn each_node(tree: &tree_sitter::Tree, mut visit: impl FnMut(Tree<'_>)) {
    let mut cursor = tree.walk();
    loop {
        visit(cursor.node());
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}
