//! Shell text as a syntax tree: statements, words, redirections, each with its place. The only room that knows tree-sitter.

use std::borrow::Cow;
use std::sync::Arc;

use crate::recent::Recent;
use crate::source::{Excerpt, Place, Span};

mod branches;
mod comments;
mod convert;
mod grammar;
mod mask;
mod pieces;
mod redirects;
mod torn;
mod words;

pub(crate) use branches::each_node;
pub use comments::{comments, shape};

/// A script, or the text of `sh -c`.
#[derive(Debug)]
pub struct Script {
    /// The text it was read from.
    pub excerpt: Arc<Excerpt>,
    /// The statements, in order.
    pub statements: List,
    /// Ranges of the text that the grammar could not read.
    pub errors: Vec<Span>,
}

/// Statements that run one after the other.
pub type List = Arc<[Node]>;

/// One statement, with the text it stands in.
#[derive(Debug, Clone)]
pub struct Node {
    /// The text that `span` counts in.
    pub excerpt: Arc<Excerpt>,
    /// The bytes of the statement.
    pub span: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of statements.
#[derive(Debug, Clone)]
pub enum NodeKind {
    /// A simple command, or assignments alone.
    Command(Arc<Command>),
    /// `a | b`: two or more stages.
    Pipeline(List),
    /// `! a`
    Not(Arc<Node>),
    /// `a && b`
    And(Arc<Node>, Arc<Node>),
    /// `a || b`
    Or(Arc<Node>, Arc<Node>),
    /// `a &`
    Background(Arc<Node>),
    /// `if`, each `elif`, and `else`.
    If(Arc<If>),
    /// `case`
    Case(Arc<Case>),
    /// `while` and `until`
    Loop(Arc<Loop>),
    /// `for name in words`
    For(Arc<For>),
    /// `for ((...))`: the body, and whether the header has no condition. What it has is not evaluated.
    ArithmeticFor(List, bool),
    /// `{ ...; }`
    Group(List),
    /// `( ... )`
    Subshell(List),
    /// `name() { ...; }`
    Function(Arc<str>, Arc<Node>),
    /// A compound command with redirections.
    Redirected(Arc<Node>, Arc<[Redirect]>),
    /// `[[ ... ]]`: operators and words, flat.
    Test(Arc<[Word]>),
    /// `(( ... ))`
    Arithmetic(Word),
    /// What the grammar could not read.
    Error,
}

/// A simple command.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// `NAME=value` before the name, or alone.
    pub assignments: Vec<Assignment>,
    /// The name and the arguments.
    pub words: Vec<Word>,
    /// Redirections.
    pub redirects: Vec<Redirect>,
}

/// `if`
#[derive(Debug, Clone)]
pub struct If {
    /// Condition and body of `if` and each `elif`.
    pub arms: Vec<(List, List)>,
    /// The body of `else`.
    pub otherwise: Option<List>,
}

/// `case`
#[derive(Debug, Clone)]
pub struct Case {
    /// The word that is compared.
    pub subject: Word,
    /// The items.
    pub arms: Vec<CaseArm>,
}

/// One item of a `case`.
#[derive(Debug, Clone)]
pub struct CaseArm {
    /// Its patterns.
    pub patterns: Vec<Word>,
    /// Its statements.
    pub body: List,
    /// True for `;&` and `;;&`.
    pub falls_through: bool,
}

/// `while` or `until`
#[derive(Debug, Clone)]
pub struct Loop {
    /// True for `until`.
    pub until: bool,
    /// The condition.
    pub condition: List,
    /// The body.
    pub body: List,
}

/// `for`
#[derive(Debug, Clone)]
pub struct For {
    /// The variable.
    pub variable: String,
    /// The words; `None` where `in` is missing: the positional parameters.
    pub words: Option<Vec<Word>>,
    /// The body.
    pub body: List,
}

/// `NAME=value`
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The whole assignment.
    pub span: Span,
    /// `NAME[index]=`
    pub index: Option<String>,
    /// `+=`
    pub append: bool,
    /// What is assigned.
    pub value: AssignedValue,
}

/// The right side of an assignment.
#[derive(Debug, Clone)]
pub enum AssignedValue {
    /// One word (empty for `NAME=`).
    Scalar(Word),
    /// `( ... )`
    Array(Vec<Word>),
}

/// A redirection.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// The whole of it.
    pub span: Span,
    /// `>`, `>>`, `<`, `>&`, `&>`, `<<`, `<<<` ...
    pub operator: String,
    /// The target's word, if it is one.
    pub target: Option<Word>,
    /// For `<<`: the body.
    pub heredoc: Option<Span>,
}

/// A word: parts side by side that make fields when expanded.
#[derive(Debug, Clone, Default)]
pub struct Word {
    /// The bytes of the word.
    pub span: Span,
    /// The parts.
    pub parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub enum Part {
    /// Unquoted text, escapes removed.
    Literal(String),
    /// Quoted text.
    Quoted(String),
    /// `$name`, `${name...}`; `quoted` inside double quotes.
    Parameter(Parameter, bool),
    /// `$(...)` and backquotes.
    Substitution(List, bool),
    /// `$((...))`
    Arithmetic(Box<Word>, bool),
    /// `<(...)` and `>(...)`
    ProcessSubstitution(List),
    /// Something whose value pidone does not work out.
    Opaque,
}

impl Part {
    fn text(&self) -> Option<&str> {
        match self {
            Part::Literal(text) | Part::Quoted(text) => Some(text),
            _ => None,
        }
    }
}

/// A parameter expansion.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name: a variable, a digit, or one of `@*#?!$-`.
    pub name: String,
    /// `[...]`: `@`, `*` or an index.
    pub index: Option<String>,
    /// What is done with the value.
    pub operation: Operation,
}

impl Parameter {
    /// True for `$@` and `$*`.
    pub fn is_arguments(&self) -> bool {
        matches!(self.name.as_str(), "@" | "*")
    }

    /// True for `$@`, `$*`, `${name[@]}` and `${name[*]}`: all values, not one.
    pub fn is_list(&self) -> bool {
        matches!(self.index.as_deref().unwrap_or(&self.name), "@" | "*")
    }
}

/// What a parameter expansion does with the value.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Nothing.
    Plain,
    /// `${#name}`
    Length,
    /// `${!name}`
    Indirect,
    /// An operator (`:-`, `#`, `%%`, `:` ...) and its operand.
    Operator(String, Box<Word>),
}

impl Command {
    /// The same without bash's names of new descriptors (`exec {lock}> file`); `None` if there are none.
    pub fn without_descriptors(&self) -> Option<Command> {
        let is_descriptor = |word: &Word| {
            let is_name = word.is_bare()
                && word.literal().is_some_and(|text| text.starts_with('{') && text.ends_with('}'));
            is_name && self.redirects.iter().any(|redirect| redirect.span.start == word.span.end)
        };
        self.words.iter().any(is_descriptor).then(|| {
            let words = self.words.iter().filter(|word| !is_descriptor(word)).cloned().collect();
            Command { words, ..self.clone() }
        })
    }

    /// Its name, where that is written out.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        self.words.first().and_then(Word::text)
    }
}

impl Node {
    /// True for a simple command that goes by one of these names.
    pub fn is_command(&self, names: &[&str]) -> bool {
        let NodeKind::Command(command) = &self.kind else { return false };
        command.name().is_some_and(|name| names.contains(&&*name))
    }

    /// Where the statement stands.
    pub fn place(&self) -> Place {
        self.excerpt.place(self.span)
    }

    /// True if its standard output goes to a file or a descriptor of its own.
    pub fn redirects_output(&self) -> bool {
        self.output().is_some()
    }

    /// True if nobody reads its standard output.
    pub fn discards_output(&self) -> bool {
        let target = self.output().and_then(|redirect| redirect.target.as_ref());
        target.and_then(Word::literal).as_deref() == Some("/dev/null")
    }

    /// The file that its standard output makes anew, if that is written out.
    pub fn made(&self) -> Option<String> {
        let redirect = self.output().filter(|redirect| matches!(redirect.operator.as_str(), ">" | ">|"))?;
        redirect.target.as_ref()?.literal()
    }

    fn output(&self) -> Option<&Redirect> {
        let redirects: &[Redirect] = match &self.kind {
            NodeKind::Command(command) => &command.redirects,
            NodeKind::Redirected(_, redirects) => redirects,
            _ => return None,
        };
        redirects.iter().find(|redirect| {
            let is_output = redirect.operator.starts_with('>') || redirect.operator.starts_with("&>");
            let text = self.excerpt.text().get(redirect.span.start..redirect.span.end).unwrap_or("");
            is_output && (text.starts_with(['>', '&']) || text.starts_with("1>"))
        })
    }

    /// The statements right inside this one, in the order in which they are written.
    pub fn children(&self) -> Vec<&Node> {
        match &self.kind {
            NodeKind::Command(_) | NodeKind::Test(_) | NodeKind::Arithmetic(_) | NodeKind::Error => {
                Vec::new()
            }
            NodeKind::Not(inner)
            | NodeKind::Background(inner)
            | NodeKind::Function(_, inner)
            | NodeKind::Redirected(inner, _) => vec![inner],
            NodeKind::And(left, right) | NodeKind::Or(left, right) => vec![left, right],
            NodeKind::Pipeline(list)
            | NodeKind::ArithmeticFor(list, _)
            | NodeKind::Group(list)
            | NodeKind::Subshell(list) => list.iter().collect(),
            NodeKind::If(node) => {
                let arms = node.arms.iter().flat_map(|(condition, body)| condition.iter().chain(body.iter()));
                arms.chain(node.otherwise.iter().flat_map(|body| body.iter())).collect()
            }
            NodeKind::Case(node) => node.arms.iter().flat_map(|arm| arm.body.iter()).collect(),
            NodeKind::Loop(node) => node.condition.iter().chain(node.body.iter()).collect(),
            NodeKind::For(node) => node.body.iter().collect(),
        }
    }
}

impl Word {
    /// The word's text if it has no expansions; quotes removed.
    pub fn literal(&self) -> Option<String> {
        self.text().map(Cow::into_owned)
    }

    /// The same. Most words are one part, of which no copy is needed.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self.parts.as_slice() {
            [part] => part.text().map(Cow::Borrowed),
            parts => parts.iter().map(Part::text).collect::<Option<String>>().map(Cow::Owned),
        }
    }

    /// The only part of it, in quotes or not.
    pub fn only_part(&self) -> Option<&Part> {
        match self.parts.as_slice() {
            [part] => Some(part),
            [Part::Quoted(empty), part] if empty.is_empty() => Some(part),
            _ => None,
        }
    }

    /// True if nothing in it is quoted and it holds no expansion: the form in which reserved words and names are usual.
    pub fn is_bare(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }
}

/// Reads shell text. Never fails: what the grammar cannot read is in [`Script::errors`].
///
/// What was read last is kept: several images start one script, and each repair is tried on the same texts.
pub fn parse(excerpt: Arc<Excerpt>) -> Arc<Script> {
    thread_local! {
        /// Scripts that one image starts, and some more.
        static LAST: Recent<Arc<Script>> = const { Recent::new(16) };
    }
    LAST.with(|last| {
        last.get(|known| known.excerpt.is_same(&excerpt), || Arc::new(convert::script(Arc::clone(&excerpt))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn outline(text: &str) -> String {
        let source = Source::new("x.sh", text);
        let script = parse(Arc::new(Excerpt::whole(&source)));
        assert!(script.errors.is_empty(), "{text}: {:?}", script.errors);
        script.statements.iter().map(show).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_the_grammar_refuses() {
        for (text, expected) in [
            ("while ! </dev/tcp/db/5432; do a; done", "while ! < do a done"),
            ("while !</dev/tcp/db/5432; do a; done", "while ! < do a done"),
            ("if (true) then a; fi", "if ( true ) then a fi"),
            ("if { true; } then a; fi", "if { true } then a fi"),
            ("if ! { a && b; }; then c; fi", "if !({ (a && b) }) then c fi"),
            ("! { a | b; } || c", "(!({ a | b }) || c)"),
            ("echo \"! { a\"; b", "echo ! { a; b"),
            ("a || { b && (c) }", "(a || { (b && ( c )) })"),
            ("{ while a; do b; done } | c", "{ while a do b done } | c"),
            ("if [ $a -ne 0 ] OR [ $b -ne 0 ]; then c; fi", "if [ ? -ne 0 ] OR [ ? -ne 0 ] then c fi"),
            ("exec java -jar ${pkg.name}.jar", "exec java -jar ?"),
            ("shopt -s extglob\nfor f in @(x|y)*; do a; done", "shopt -s extglob; for f do a done"),
            ("case $1 in --${k}=*) a ;; esac", "case of 1"),
            (
                "if a; then\n  b \"$x\"\n  if [[ $c == 0 ]] && [[ $d -ge 1 ]]; then\n    e\n  fi\nfi",
                "if a then b ?; if ([[ 3 ]] && [[ 3 ]]) then e fi fi",
            ),
        ] {
            assert_eq!(outline(text), expected, "{text}");
        }
        for text in [
            "export X=${X-(Filename:}",
            "a \"${X:+ (chown options: ${OPTIONS})}\"",
            "a=\"${B/snap\\/x\\//\\/snap\\/$NAME\\/}\"",
            "a \"${1/#\"--${key}=\"}\"",
            "export A=${B:-hdfs://`hostname -f`:8020}",
            "if [[ $l == \\[$x\\] ]]; then a; fi",
            "x=$(( 8#0777-8#$MASK ))",
        ] {
            outline(text);
        }
        outline(r"if [[ $c =~ \$\{([A-Za-z_]*)(:-([^}]*))?\} ]]; then a; fi");
    }

    #[test]
    fn what_no_shell_reads_as_arithmetic() {
        let text = "MAX=$((1024*1024)*20)\nserver\nf() { errors=$((errors + 1)); }\nf\n";
        let script = parse(Arc::new(Excerpt::whole(&Source::new("x.sh", text))));
        assert!(matches!(script.statements[0].kind, NodeKind::Error), "{}", list(&script.statements));
    }

    /// What is masked keeps its text.
    #[test]
    fn words_come_from_the_script_itself() {
        let source = Source::new("x.sh", "shopt -s extglob\nserver \"${X-(a b)}\" @(c|d) {e}=f");
        let script = parse(Arc::new(Excerpt::whole(&source)));
        let NodeKind::Command(command) = &script.statements.last().unwrap().kind else { panic!() };
        let texts: Vec<_> = command.words.iter().map(|word| source.slice(word.span)).collect();
        assert_eq!(texts, ["server", "\"${X-(a b)}\"", "@(c|d)", "{e}=f"]);
    }

    #[test]
    fn a_here_document_begins_on_a_line_of_its_own() {
        let text = "export X=${X-(a)}\ncat <<E\nif a\nE\nserver run";
        assert_eq!(outline(text), "export ?; cat <<; server run");
        assert!(mask::when_refused(text, mask::LineEnds::All).contains("cat <<E\n"));
    }

    #[test]
    fn a_shift_is_no_here_document() {
        assert_eq!(outline("export X=${X-(a)}\nx=$((1<<N))\nserver\nexit"), "export ?; x=; server; exit");
    }

    #[test]
    fn a_script_that_many_images_start_is_read_once() {
        let whole = |path: &str| Arc::new(Excerpt::whole(&Source::new(path, "server")));
        let shared = whole("shared.sh");
        let first = parse(Arc::clone(&shared));
        for number in 0..100 {
            parse(whole(&format!("{number}.sh")));
            assert!(Arc::ptr_eq(&first, &parse(Arc::new(Excerpt::whole(shared.source())))));
        }
    }

    #[test]
    fn comments_in_backticks_end_at_the_second_one() {
        assert_eq!(outline("jq \\\n  `# all of it` \\\n  . f\nserver"), "jq . f; server");
    }

    fn list(list: &List) -> String {
        list.iter().map(show).collect::<Vec<_>>().join("; ")
    }

    fn show(node: &Node) -> String {
        match &node.kind {
            NodeKind::Command(command) => {
                let mut all: Vec<String> =
                    command.assignments.iter().map(|a| format!("{}=", a.name)).collect();
                all.extend(command.words.iter().map(|w| w.literal().unwrap_or("?".into())));
                all.extend(command.redirects.iter().map(|r| r.operator.clone()));
                all.join(" ")
            }
            NodeKind::Pipeline(stages) => stages.iter().map(show).collect::<Vec<_>>().join(" | "),
            NodeKind::Not(inner) => format!("!({})", show(inner)),
            NodeKind::And(a, b) => format!("({} && {})", show(a), show(b)),
            NodeKind::Or(a, b) => format!("({} || {})", show(a), show(b)),
            NodeKind::Background(inner) => format!("{{{}}} &", show(inner)),
            NodeKind::If(node) => {
                let mut text = String::new();
                for (condition, body) in &node.arms {
                    text += &format!("if {} then {} ", list(condition), list(body));
                }
                if let Some(otherwise) = &node.otherwise {
                    text += &format!("else {} ", list(otherwise));
                }
                text + "fi"
            }
            NodeKind::Case(node) => format!("case of {}", node.arms.len()),
            NodeKind::Loop(node) => format!("while {} do {} done", list(&node.condition), list(&node.body)),
            NodeKind::For(node) => format!("for {} do {} done", node.variable, list(&node.body)),
            NodeKind::ArithmeticFor(body, _) => format!("for (()) do {} done", list(body)),
            NodeKind::Group(inner) => format!("{{ {} }}", list(inner)),
            NodeKind::Subshell(inner) => format!("( {} )", list(inner)),
            NodeKind::Function(name, body) => format!("{name}() {}", show(body)),
            NodeKind::Redirected(inner, _) => format!("{} >", show(inner)),
            NodeKind::Test(words) => format!("[[ {} ]]", words.len()),
            NodeKind::Arithmetic(_) => "(( ))".into(),
            NodeKind::Error => "ERROR".into(),
        }
    }

    #[test]
    fn statements_are_read_as_the_shell_groups_them() {
        for (text, expected) in [
            ("a & b && c &\nwait\n", "{a} &; {(b && c)} &; wait"),
            ("a && b || c", "((a && b) || c)"),
            ("! a | b", "!(a | b)"),
            ("{ a; b; } > f &", "{{ a; b } >} &"),
            ("A=(1 2) B=x\nexport C\n", "A= B=; export C"),
            ("FOO=1 exec b > f", "FOO= exec b >"),
            ("if a; then b; elif c; then d; else e; fi", "if a then b if c then d else e fi"),
            ("if a; then b & fi", "if a then {b} & fi"),
            ("[ -z \"$1\" ] || exit 1", "([ -z ? ] || exit 1)"),
            ("f() { a; }\nf", "f() { a }; f"),
            ("cat <<E | b\nx\nE\nc", "cat << | b; c"),
            ("cat <<E > f\nx\nE\n", "cat << >"),
            ("a <<E || b 1\nx\nE\nc", "(a << || b 1); c"),
            ("a <<E && b\nx\nE\nc", "(a << && b); c"),
            ("if a <<E\nx\nE\nthen b; fi", "if a << then b fi"),
            ("a <<E > f 2>&1 || c\nx\nE\n", "(a << > >& || c)"),
            ("a <<-'E' | tee x\n\tx\n\tE\n", "a <<- | tee x"),
            ("a <<E &\nx\nE\nb", "{a <<} &; b"),
            ("a <<E > f 2>&1 &\nx\nE\nb", "{a << > >&} &; b"),
            ("for i in 1 2; do a; done", "for i do a done"),
            ("while true; do a; done", "while true do a done"),
            ("case $1 in a) b ;; esac", "case of 1"),
            ("a \\\n  b", "a b"),
            ("exec app > >(tee log) 2>&1", "exec app > >&"),
            ("(( i++ )) && a", "((( )) && a)"),
            ("a 2>&1 | tee f", "a >& | tee f"),
            ("a && b 2>&1 | tee f", "(a && b >& | tee f)"),
            ("a || b < f | c > g", "(a || b < | c >)"),
            ("a && b > f", "(a && b >)"),
            ("[[ $1 = *a* || $1 = *b* ]]", "[[ 7 ]]"),
            ("[[ $1 = *a* && -n $2 || $3 ]] && b", "([[ 8 ]] && b)"),
            ("a && [[ $1 = *a* || $2 ]]; b", "(a && [[ 5 ]]); b"),
        ] {
            assert_eq!(outline(text), expected, "{text}");
        }
    }
}
