//! The tree of tree-sitter-bash to our own.

use std::ops::Range;
use std::sync::Arc;

use tree_sitter::Node as Tree;

use super::branches::{children, fields, loses_a_part, span};
use super::mask::LineEnds;
use super::redirects::Trailing;
use super::torn::{add_word, continue_value, is_torn};
use super::words::Words;
use super::{
    AssignedValue, Assignment, Case, CaseArm, Command, For, If, List, Loop, Node, NodeKind, Redirect, Script,
    Word, grammar, mask, pieces,
};
use crate::source::{Excerpt, Span};

/// Statements nested deeper than this are not read; no person writes them, and each level costs stack.
pub(super) const MAX_DEPTH: usize = 200;

pub(super) fn script(excerpt: Arc<Excerpt>) -> Script {
    let text = mask::always(excerpt.text());
    let (statements, errors) = read(&excerpt, &text);
    if errors.is_empty() {
        return Script { excerpt, statements, errors };
    }
    let masked = [LineEnds::BeforeReserved, LineEnds::All].map(|ends| mask::when_refused(&text, ends));
    match whole(&excerpt, &masked[0]).or_else(|| in_pieces(&excerpt, [&text, &masked[0], &masked[1]])) {
        Some(statements) => Script { excerpt, statements, errors: Vec::new() },
        None => Script { excerpt, statements, errors },
    }
}

/// The statements, if all of the text can be read.
fn whole(excerpt: &Arc<Excerpt>, text: &str) -> Option<List> {
    let (statements, errors) = read(excerpt, text);
    errors.is_empty().then_some(statements)
}

/// The same, piece by piece, each as the first of `texts` in which it can be read.
fn in_pieces(excerpt: &Arc<Excerpt>, texts: [&str; 3]) -> Option<List> {
    let pieces = pieces::each(texts[0], |range| {
        texts.into_iter().find_map(|text| piece(excerpt, text, range.clone()))
    })?;
    Some(pieces.iter().flat_map(|statements| statements.iter().cloned()).collect())
}

fn piece(excerpt: &Arc<Excerpt>, text: &str, range: Range<usize>) -> Option<List> {
    let tree = grammar::part(text, range.clone())?;
    // The end of a here-document may be all that is missing.
    if tree.root_node().has_error() && text[range].contains("<<") {
        return None;
    }
    let mut converter = Converter { excerpt, errors: Vec::new(), depth: 0 };
    let statements = converter.statements(tree.root_node(), None);
    converter.errors.is_empty().then_some(statements)
}

/// The statements of `excerpt`, by the tree of `text`, in which every byte stands where it does in the excerpt; and what could not be read.
fn read(excerpt: &Arc<Excerpt>, text: &str) -> (List, Vec<Span>) {
    let mut converter = Converter { excerpt, errors: Vec::new(), depth: 0 };
    let statements = match grammar::tree(text) {
        Some(tree) => converter.statements(tree.root_node(), None),
        None => Arc::from([converter.error(Span::new(0, excerpt.text().len()))]),
    };
    (statements, converter.errors)
}

/// Reserved words that begin no statement.
const CONTINUING: [&str; 7] = ["then", "elif", "else", "fi", "do", "done", "esac"];

pub(super) struct Converter<'a> {
    excerpt: &'a Arc<Excerpt>,
    errors: Vec<Span>,
    pub(super) depth: usize,
}

impl<'a> Converter<'a> {
    fn text(&self, span: Span) -> &'a str {
        self.excerpt.text().get(span.start..span.end).unwrap_or("")
    }

    pub(super) fn node(&self, span: Span, kind: NodeKind) -> Node {
        Node { excerpt: Arc::clone(self.excerpt), span, kind }
    }

    pub(super) fn words(&mut self) -> Words<'a, '_> {
        Words { excerpt: self.excerpt, errors: &mut self.errors, depth: self.depth }
    }

    pub(super) fn error(&mut self, span: Span) -> Node {
        self.errors.push(span);
        self.node(span, NodeKind::Error)
    }

    /// The statements among a node's children. With `wanted`, only children of that field.
    fn statements(&mut self, tree: Tree<'_>, wanted: Option<&str>) -> List {
        let chosen = fields(tree)
            .filter(|(field, _)| wanted.is_none_or(|name| *field == Some(name)))
            .map(|(_, child)| child)
            .collect();
        self.sequence(chosen)
    }

    /// Statements and the separators between them; `&` stands after what it sends to the background.
    fn sequence(&mut self, trees: Vec<Tree<'_>>) -> List {
        let mut list: Vec<Node> = Vec::new();
        for tree in trees {
            match tree.kind() {
                "&" => {
                    if let Some(last) = list.pop() {
                        list.push(self.background(last, tree.end_byte()));
                    }
                }
                "comment" => {}
                _ if tree.is_missing() => {
                    let node = self.error(span(tree));
                    list.push(node);
                }
                _ if !tree.is_named() => {}
                _ => self.statement(tree, &mut list),
            }
        }
        list.into()
    }

    fn background(&self, node: Node, end: usize) -> Node {
        let span = Span::new(node.span.start, end);
        self.node(span, NodeKind::Background(Arc::new(node)))
    }

    pub(super) fn single(&mut self, tree: Tree<'_>) -> Node {
        let mut list = Vec::new();
        self.statement(tree, &mut list);
        match list.len() {
            1 => list.remove(0),
            0 => self.node(span(tree), NodeKind::Group(list.into())),
            // `a | b` and the lines behind it, which the grammar took for more words of `b`.
            _ => self.error(span(tree)),
        }
    }

    fn statement(&mut self, tree: Tree<'_>, out: &mut Vec<Node>) {
        if self.depth >= MAX_DEPTH {
            let node = self.error(span(tree));
            out.push(node);
            return;
        }
        self.depth += 1;
        let at = span(tree);
        match tree.kind() {
            "command"
            | "test_command"
            | "declaration_command"
            | "unset_command"
            | "variable_assignment"
            | "variable_assignments" => self.command(tree, &Trailing::default(), out),
            // `$(< file)`
            "file_redirect" => {
                let Trailing { redirects, words } = self.trailing([tree]);
                out.push(self.simple(at, Command { words, redirects, ..Command::default() }));
            }
            _ => {
                let kind = self.compound(tree);
                match kind {
                    Some(kind) => out.push(self.node(at, kind)),
                    None if tree.kind() == "redirected_statement" => self.redirected(tree, out),
                    None => {
                        let node = self.error(at);
                        out.push(node);
                    }
                }
            }
        }
        self.depth -= 1;
    }

    fn compound(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        if loses_a_part(tree) {
            return None;
        }
        Some(match tree.kind() {
            "list" => self.and_or(tree)?,
            "pipeline" => self.pipeline(tree),
            "negated_command" => {
                let inner = children(tree).find(Tree::is_named)?;
                let negated = match self.arithmetic_behind_not(inner) {
                    Some(kind) => self.node(span(inner), kind),
                    None => self.single(inner),
                };
                NodeKind::Not(Arc::new(negated))
            }
            "if_statement" => self.conditional(tree),
            "case_statement" => self.case(tree)?,
            "while_statement" => {
                let body = tree.child_by_field_name("body")?;
                NodeKind::Loop(Arc::new(Loop {
                    until: children(tree).any(|child| child.kind() == "until"),
                    condition: self.statements(tree, Some("condition")),
                    body: self.statements(body, None),
                }))
            }
            "for_statement" => self.for_loop(tree)?,
            "c_style_for_statement" => {
                let endless = tree.child_by_field_name("condition").is_none();
                NodeKind::ArithmeticFor(self.statements(tree.child_by_field_name("body")?, None), endless)
            }
            "compound_statement" if children(tree).next().is_some_and(|first| first.kind() == "((") => {
                let inner = Span::new(tree.start_byte() + 2, tree.end_byte().saturating_sub(2));
                NodeKind::Arithmetic(self.words().raw(tree, inner))
            }
            "compound_statement" => {
                let group = NodeKind::Group(self.statements(tree, None));
                match mask::negation_of_group(self.excerpt.text(), tree.start_byte()) {
                    Some(_) => NodeKind::Not(Arc::new(self.node(span(tree), group))),
                    None => group,
                }
            }
            "subshell" => NodeKind::Subshell(self.statements(tree, None)),
            "function_definition" => {
                let name = self.text(span(tree.child_by_field_name("name")?));
                let body = tree.child_by_field_name("body")?;
                NodeKind::Function(name.into(), Arc::new(self.single(body)))
            }
            _ => return None,
        })
    }

    fn and_or(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        if tree.has_error()
            && let Some(mended) = self.torn_list(tree)
        {
            return Some(mended);
        }
        let mut named = children(tree).filter(|child| child.is_named() && child.kind() != "comment");
        let (left, right) = (named.next()?, named.next()?);
        let operator = children(tree).find(|child| matches!(child.kind(), "&&" | "||"))?;
        let left = Arc::new(self.single(left));
        let right = Arc::new(self.single(right));
        Some(if operator.kind() == "&&" { NodeKind::And(left, right) } else { NodeKind::Or(left, right) })
    }

    /// `! a | b` negates the pipeline, though the tree hangs the `!` on its first command. `a && b > f | c` is `a && (b > f | c)`, though
    /// the tree hangs the redirection, and with it the pipe, on the whole list.
    fn pipeline(&mut self, tree: Tree<'_>) -> NodeKind {
        let mut stages: Vec<Node> = Vec::new();
        for child in children(tree).filter(|child| child.is_named() && child.kind() != "comment") {
            stages.push(self.single(child));
        }
        if let Some(Node { kind: NodeKind::And(left, right) | NodeKind::Or(left, right), .. }) =
            stages.first()
        {
            let and = matches!(stages[0].kind, NodeKind::And(..));
            let (left, right) = (Arc::clone(left), Arc::clone(right));
            stages[0] = Node::clone(&right);
            let at = Span::new(right.span.start, tree.end_byte());
            let piped = Arc::new(self.node(at, NodeKind::Pipeline(stages.into())));
            return if and { NodeKind::And(left, piped) } else { NodeKind::Or(left, piped) };
        }
        let mut negated = false;
        if let Some(Node { kind: NodeKind::Not(inner), .. }) = stages.first() {
            stages[0] = Node::clone(inner);
            negated = true;
        }
        let pipeline = NodeKind::Pipeline(stages.into());
        if negated { NodeKind::Not(Arc::new(self.node(span(tree), pipeline))) } else { pipeline }
    }

    fn conditional(&mut self, tree: Tree<'_>) -> NodeKind {
        let condition = self.statements(tree, Some("condition"));
        let body = fields(tree)
            .skip_while(|(_, child)| child.kind() != "then")
            .map(|(_, child)| child)
            .filter(|child| !matches!(child.kind(), "elif_clause" | "else_clause"))
            .collect();
        let mut arms = vec![(condition, self.sequence(body))];
        let mut otherwise = None;
        for clause in children(tree) {
            match clause.kind() {
                "elif_clause" => {
                    let before = children(clause).take_while(|child| child.kind() != "then").collect();
                    let after = children(clause).skip_while(|child| child.kind() != "then").collect();
                    arms.push((self.sequence(before), self.sequence(after)));
                }
                "else_clause" => otherwise = Some(self.statements(clause, None)),
                _ => {}
            }
        }
        NodeKind::If(Arc::new(If { arms, otherwise }))
    }

    fn case(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        let subject = self.words().word(tree.child_by_field_name("value")?);
        let mut arms = Vec::new();
        for item in children(tree).filter(|child| child.kind() == "case_item") {
            let (mut patterns, mut body, mut falls_through) = (Vec::new(), Vec::new(), false);
            for (field, child) in fields(item) {
                match field {
                    Some("value") => patterns.push(self.words().word(child)),
                    Some("fallthrough") => falls_through = true,
                    _ => body.push(child),
                }
            }
            arms.push(CaseArm { patterns, body: self.sequence(body), falls_through });
        }
        Some(NodeKind::Case(Arc::new(Case { subject, arms })))
    }

    fn for_loop(&mut self, tree: Tree<'_>) -> Option<NodeKind> {
        // `select` asks whoever sits in front of it.
        children(tree).next().filter(|first| first.kind() == "for")?;
        let variable = self.text(span(tree.child_by_field_name("variable")?)).to_owned();
        let given = children(tree).any(|child| child.kind() == "in");
        let mut words = Vec::new();
        for (field, child) in fields(tree) {
            if field == Some("value") {
                let word = self.words().word(child);
                add_word(&mut words, word);
            }
        }
        let body = self.statements(tree.child_by_field_name("body")?, None);
        Some(NodeKind::For(Arc::new(For { variable, words: given.then_some(words), body })))
    }

    /// The grammar drops the operator of `<<EOF 2>&1 | b`: better not to read this at all.
    fn loses_operator(&self, heredoc: Tree<'_>) -> bool {
        !carries_operator(heredoc) && self.first_line(heredoc).contains(" | ")
    }

    /// `<<EOF &`: the grammar drops this one as well.
    fn loses_ampersand(&self, heredoc: Tree<'_>) -> bool {
        !carries_operator(heredoc) && self.first_line(heredoc).trim_end().ends_with(" &")
    }

    fn first_line(&self, tree: Tree<'_>) -> &'a str {
        self.text(span(tree)).lines().next().unwrap_or("")
    }

    /// A statement with redirections. Those of a simple command belong to the command; a here-document may carry the rest of its
    /// line (`cat <<EOF | b`, `cat <<EOF && b`) inside its node.
    fn redirected(&mut self, tree: Tree<'_>, out: &mut Vec<Node>) {
        let mut trailing = Trailing::default();
        let mut rest: Option<(&str, Tree<'_>)> = None;
        let mut backgrounded = false;
        for (field, child) in fields(tree) {
            if field == Some("body") {
                continue;
            }
            self.redirect(child, &mut trailing);
            if child.kind() == "heredoc_redirect" {
                if self.loses_operator(child) {
                    self.errors.push(span(child));
                    out.push(self.node(span(tree), NodeKind::Error));
                    return;
                }
                backgrounded |= self.loses_ampersand(child);
                for (field, part) in fields(child) {
                    match (field, part.kind()) {
                        (Some("redirect"), _) => self.redirect(part, &mut trailing),
                        (_, "pipeline") => rest = Some(("|", part)),
                        (Some("right"), _) => {
                            let and = children(child).any(|c| c.kind() == "&&");
                            rest = Some((if and { "&&" } else { "||" }, part));
                        }
                        _ => {}
                    }
                }
            }
        }
        let at = span(tree);
        let mut own = Vec::new();
        match tree.child_by_field_name("body") {
            None => {
                let Trailing { redirects, words } = trailing;
                own.push(self.simple(at, Command { words, redirects, ..Command::default() }));
            }
            Some(body)
                if matches!(
                    body.kind(),
                    "command" | "test_command" | "declaration_command" | "unset_command"
                ) =>
            {
                self.command(body, &trailing, &mut own);
            }
            Some(body) => {
                let inner = self.single(body);
                let is_of_last = matches!(
                    inner.kind,
                    NodeKind::And(..) | NodeKind::Or(..) | NodeKind::Pipeline(_) | NodeKind::Not(_)
                );
                if is_of_last {
                    own.push(trailing.behind(inner));
                } else if trailing.words.is_empty() {
                    let redirects = trailing.redirects.into();
                    own.push(self.node(at, NodeKind::Redirected(Arc::new(inner), redirects)));
                } else {
                    own.push(self.error(at));
                }
            }
        }
        if let Some((operator, part)) = rest
            && let Some(left) = own.pop()
        {
            let kind = if operator == "|" {
                let stages = children(part).filter(Tree::is_named).collect::<Vec<_>>();
                let stages = stages.into_iter().map(|stage| self.single(stage));
                NodeKind::Pipeline(std::iter::once(left).chain(stages).collect())
            } else {
                let (left, right) = (Arc::new(left), Arc::new(self.single(part)));
                if operator == "&&" { NodeKind::And(left, right) } else { NodeKind::Or(left, right) }
            };
            own.push(self.node(at, kind));
        }
        if backgrounded && let Some(job) = own.pop() {
            own.push(self.background(job, at.end));
        }
        out.append(&mut own);
    }

    /// What these redirections are, and bring along.
    fn trailing<'t>(&mut self, trees: impl IntoIterator<Item = Tree<'t>>) -> Trailing {
        let mut trailing = Trailing::default();
        trees.into_iter().for_each(|tree| self.redirect(tree, &mut trailing));
        trailing
    }

    /// A redirection. The words behind its target, which the grammar takes for more of them, are the command's (`nginx 2>&1 -g x`).
    fn redirect(&mut self, tree: Tree<'_>, trailing: &mut Trailing) {
        let operator = children(tree).find(|child| !child.is_named()).map(|child| child.kind().to_owned());
        let Some(operator) = operator else { return };
        let mut at = span(tree);
        let target = match tree.kind() {
            "file_redirect" => {
                let mut words = Vec::new();
                for (_, child) in fields(tree).filter(|(field, _)| *field == Some("destination")) {
                    let word = self.words().word(child);
                    add_word(&mut words, word);
                }
                let mut words = words.into_iter();
                let target = words.next();
                at.end = target.as_ref().map_or(at.end, |target| target.span.end);
                trailing.words.extend(words);
                target
            }
            "herestring_redirect" => {
                children(tree).filter(Tree::is_named).last().map(|target| self.words().word(target))
            }
            "heredoc_redirect" => None,
            _ => return,
        };
        let heredoc = children(tree).find(|child| child.kind() == "heredoc_body").map(span);
        trailing.redirects.push(Redirect { span: at, operator, target, heredoc });
    }

    /// A simple command. The grammar sometimes runs assignments and the command of the next line together; a line break between
    /// two parts tells them apart again.
    fn command(&mut self, tree: Tree<'_>, trailing: &Trailing, out: &mut Vec<Node>) {
        if tree.kind() == "test_command" {
            if is_torn(tree) {
                let node = self.error(span(tree));
                out.push(node);
                return;
            }
            let words = self.words().test(tree);
            let kind = if tree.child(0).is_some_and(|bracket| bracket.kind() == "[[") {
                NodeKind::Test(words.into())
            } else {
                let command = Command { words, ..Command::default() };
                NodeKind::Command(Arc::new(trailing.of(command)))
            };
            out.push(self.node(span(tree), kind));
            return;
        }
        // `A=$((1)*2)`: the grammar goes on until it finds a value, wherever that is.
        if tree.kind() == "variable_assignment" && children(tree).any(|child| child.is_error()) {
            let unread = self.error(span(tree));
            return out.push(unread);
        }
        if tree.kind() == "variable_assignment" {
            let command =
                Command { assignments: self.assignment(tree).into_iter().collect(), ..Command::default() };
            out.push(self.node(span(tree), NodeKind::Command(Arc::new(trailing.of(command)))));
            return;
        }
        let mut command = Command::default();
        let mut at: Option<Span> = None;
        for (field, child) in fields(tree) {
            let here = span(child);
            if let Some(before) = at
                && self.breaks_line(Span::new(before.end, here.start))
            {
                let done = std::mem::take(&mut command);
                out.push(self.simple(before, done));
                at = None;
            }
            match (field, child.kind()) {
                (_, "comment") => continue,
                _ if command.words.is_empty() && at.is_some_and(|before| before.end == here.start) => {
                    let word = self.words().word(child);
                    match command.assignments.last_mut() {
                        Some(torn) => command.words.extend(continue_value(torn, word)),
                        None => command.words.push(word),
                    }
                }
                (_, "variable_assignment") if command.words.is_empty() => {
                    command.assignments.extend(self.assignment(child));
                }
                (_, "file_redirect" | "herestring_redirect") => {
                    command = self.trailing([child]).of(command);
                }
                (_, "ERROR") => self.errors.push(here),
                (_, "variable_assignment") => {
                    let word = self.words().assignment_word(child);
                    command.words.push(word);
                }
                (_, "subshell") => self.errors.push(here),
                _ => {
                    let word = self.words().word(child);
                    add_word(&mut command.words, word);
                }
            }
            at = Some(at.map_or(here, |before| before.to(here)));
        }
        let command = trailing.of(command);
        let at = trailing.end_of(at.unwrap_or(span(tree)));
        if tree.has_error() {
            self.errors.push(span(tree));
        }
        out.push(self.simple(at, command));
    }

    /// A command that is named like the end of a compound one: the grammar has lost its beginning. It does not know `coproc NAME {`.
    fn simple(&mut self, at: Span, command: Command) -> Node {
        let bare = |word: &Word| word.literal().filter(|_| word.is_bare());
        let first = command.words.first().filter(|_| command.assignments.is_empty()).and_then(bare);
        let is_stray = first.is_some_and(|name| {
            let has_body = || command.words.iter().filter_map(bare).any(|word| word == "{");
            CONTINUING.contains(&name.as_str()) || (name == "coproc" && has_body())
        });
        if is_stray {
            return self.error(at);
        }
        self.node(at, NodeKind::Command(Arc::new(command)))
    }

    fn breaks_line(&self, gap: Span) -> bool {
        let text = self.text(gap);
        text.match_indices('\n').any(|(at, _)| !text[..at].trim_end_matches('\r').ends_with('\\'))
    }

    fn assignment(&mut self, tree: Tree<'_>) -> Option<Assignment> {
        let target = tree.child_by_field_name("name")?;
        let (name, index) = match target.kind() {
            "subscript" => (
                self.text(span(target.child_by_field_name("name")?)).to_owned(),
                target.child_by_field_name("index").map(|index| self.text(span(index)).to_owned()),
            ),
            _ => (self.text(span(target)).to_owned(), None),
        };
        let append = children(tree).any(|child| child.kind() == "+=");
        let value = match tree.child_by_field_name("value") {
            Some(value) if value.kind() == "array" => {
                let mut words = Vec::new();
                for child in children(value).filter(|child| child.is_named() && child.kind() != "comment") {
                    let word = self.words().word(child);
                    add_word(&mut words, word);
                }
                AssignedValue::Array(words)
            }
            Some(value) => AssignedValue::Scalar(self.words().word(value)),
            None => AssignedValue::Scalar(Word::default()),
        };
        Some(Assignment { name, span: span(tree), index, append, value })
    }
}

/// `<<EOF | b`, `<<EOF && b`: the here-document's node holds the rest of its line.
fn carries_operator(heredoc: Tree<'_>) -> bool {
    fields(heredoc).any(|(field, part)| part.kind() == "pipeline" || field == Some("right"))
}

/// The statements inside a substitution, and what could not be read of them.
pub(super) fn inner(excerpt: &Arc<Excerpt>, tree: Tree<'_>, depth: usize) -> (List, Vec<Span>) {
    let mut converter = Converter { excerpt, errors: Vec::new(), depth };
    let list = converter.statements(tree, None);
    (list, converter.errors)
}
