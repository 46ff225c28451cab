//! What shells read and the grammar does not, written so that it does.
//!
//! Every byte keeps its place: statements and words take their text from the script itself.

use std::borrow::Cow;

/// Masks for what the grammar would take for something else.
pub(super) fn always(text: &str) -> Cow<'_, str> {
    [without_backtick_comments, without_bracket, without_negations].into_iter().fold(
        Cow::Borrowed(text),
        |text, mask| match text {
            Cow::Borrowed(text) => mask(text),
            Cow::Owned(text) => Cow::Owned(mask(&text).into_owned()),
        },
    )
}

/// Where the `!` stands that negates the group which begins at `at`.
pub(super) fn negation_of_group(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?.trim_end_matches([' ', '\t']);
    let is_word =
        |rest: &str| rest.chars().next_back().is_none_or(|c| c.is_whitespace() || ";&|(".contains(c));
    let negated = before.strip_suffix('!').filter(|rest| before.len() < at && is_word(rest))?;
    Some(negated.len())
}

/// `! { a; }`: the grammar would take the bracket for a command, so that the group stands alone, and is negated by whoever reads it.
fn without_negations(text: &str) -> Cow<'_, str> {
    let negations = text.match_indices('{').filter_map(|(at, _)| negation_of_group(text, at));
    let negations: Vec<usize> = negations.collect();
    if negations.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut masked = text.as_bytes().to_vec();
    negations.into_iter().for_each(|at| masked[at] = b' ');
    Cow::Owned(String::from_utf8(masked).unwrap_or_else(|_| text.to_owned()))
}

/// Which line breaks become a `;`.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum LineEnds {
    /// Line breaks in front of reserved words.
    BeforeReserved,
    /// All that end a command. In an array they end none, so that this is the second try.
    All,
}

/// The text with masks for what the grammar refuses. They may hit the text of a string, where they change nothing.
pub(super) fn when_refused(text: &str, ends: LineEnds) -> String {
    let mut masked = text.as_bytes().to_vec();
    negated_redirections(text, &mut masked);
    tests(text, &mut masked);
    patterns(text, &mut masked);
    words_behind_brackets(text, &mut masked);
    line_ends(text, ends, &mut masked);
    alternatives(text, &mut masked);
    bases(text, &mut masked);
    for (at, _) in text.match_indices("${") {
        placeholder(text, at, &mut masked);
        operand(text, at, &mut masked);
    }
    behind_expansions(text, &mut masked);
    qualified_names(text, &mut masked);
    here_documents(text, &mut masked);
    String::from_utf8(masked).unwrap_or_else(|_| text.to_owned())
}

/// How far the end of a construct is looked for, in bytes. Without it a long line with many beginnings would be read again and again.
const REACH: usize = 2_000;

/// What follows at an offset, as far as anything is looked for.
fn near(text: &str, at: usize) -> &str {
    let end = (at + REACH..text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
    &text[at..end]
}

/// `! </dev/tcp/db/5432`: a redirection alone, negated. Under another name the command fails or not, as it may.
fn negated_redirections(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices('!') {
        if near(text, at + 1).trim_start_matches([' ', '\t']).starts_with(['<', '>']) {
            masked[at] = b'_';
        }
    }
}

/// `[ -n "$A" ]`, `[ "$A" = b ] OR [ "$C" ]`: a command whose name is a bracket. The grammar reads tests as expressions, in several ways at
/// once where there are many.
fn tests(text: &str, masked: &mut [u8]) {
    let starts = |c: char| c.is_ascii_whitespace() || ";&|(!{`".contains(c);
    let ends = |c: char| c.is_ascii_whitespace() || ";&|)}`".contains(c);
    for (at, _) in
        text.match_indices("[ ").filter(|(at, _)| text[..*at].chars().next_back().is_none_or(starts))
    {
        masked[at] = b'_';
    }
    for (at, _) in text.match_indices(" ]").filter(|(at, _)| text[at + 2..].chars().next().is_none_or(ends)) {
        masked[at + 1] = b'_';
    }
}

/// `[[ $text =~ \$\{([a-z]+)\} ]]`: a regular expression, up to what ends it.
fn patterns(text: &str, masked: &mut [u8]) {
    const OPERATOR: &str = "=~ ";
    for (at, _) in text.match_indices(OPERATOR) {
        let start = at + OPERATOR.len();
        let line = near(text, start).lines().next().unwrap_or("");
        let end = [" ]]", " &&", " ||"].iter().filter_map(|end| line.find(end)).min();
        masked[start..start + end.unwrap_or(0)].fill(b'_');
    }
    // `[[ $line == \[$name\] ]]`
    for bracket in ["\\[", "\\]"] {
        for (at, _) in text.match_indices(bracket) {
            masked[at..at + bracket.len()].fill(b'_');
        }
    }
}

/// `if (a) then`, `{ a || (b) }`, `{ while a; do b; done }`: a reserved word right behind another one or a bracket, which needs no `;`.
fn words_behind_brackets(text: &str, masked: &mut [u8]) {
    for end in ["done }", "fi }", "esac }"] {
        for (at, _) in text.match_indices(end) {
            masked[at + end.len() - 2] = b';';
        }
    }
    const WORDS: [&str; 8] = ["then", "do", "else", "elif", "fi", "done", "esac", "}"];
    for (at, _) in text.match_indices([')', '}']) {
        let rest = near(text, at + 1);
        let word = rest.strip_prefix(' ').unwrap_or("").split([' ', ';', '\n', ')']).next().unwrap_or("");
        if WORDS.contains(&word) {
            masked[at + 1] = b';';
        }
    }
}

/// `${project.name}`: not a shell's, but what a build replaces before a shell reads it.
fn placeholder(text: &str, at: usize, masked: &mut [u8]) {
    let inner = near(text, at + 2);
    let length = inner.find(|c: char| !c.is_ascii_alphanumeric() && !"_.".contains(c)).unwrap_or(0);
    if inner[length..].starts_with('}') {
        for (dot, _) in inner[..length].match_indices('.') {
            masked[at + 2 + dot] = b'_';
        }
    }
}

/// `${NAME-(none)}`, `${NAME- }`, `${NAME/a\/b}`: what is literal behind the operator of the expansion at `at` is text.
fn operand(text: &str, at: usize, masked: &mut [u8]) {
    const OPERATORS: &str = ":-=+?/#%";
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let inner = near(text, at + 2);
    let operators = inner.trim_start_matches(is_name);
    let literal = operators.trim_start_matches(|c| OPERATORS.contains(c));
    if operators.len() == literal.len() || operators.len() == inner.len() {
        return;
    }
    let start = at + 2 + inner.len() - literal.len();
    let mut at = start;
    let mut found = Vec::new();
    while let Some(c) = text[at..].chars().next().filter(|_| at < start + REACH) {
        let rest = near(text, at);
        let nested = ["${", "$(", "`"].into_iter().find(|opening| rest.starts_with(opening));
        match (c, nested) {
            ('}', _) => {
                // In front of a backtick the grammar reads no text.
                let blank = if text[start..at].contains('`') { b' ' } else { b'_' };
                for at in found {
                    masked[at] = blank;
                }
                return;
            }
            ('\n', _) => return,
            ('$', None) if rest.starts_with("$'") => return,
            (_, Some(opening)) => match end_of(rest, opening) {
                Some(length) => at += length,
                None => return,
            },
            _ => {
                if c.is_ascii() && c != '$' {
                    found.push(at);
                }
                at += c.len_utf8();
            }
        }
    }
}

/// The length of the expansion or substitution that `text` begins with.
fn end_of(text: &str, opening: &str) -> Option<usize> {
    let (open, close) = match opening {
        "${" => ('{', '}'),
        "$(" => ('(', ')'),
        _ => return text[1..].find('`').map(|end| end + 2),
    };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == open) - i32::from(c == close);
        if c == close && depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The text of here-documents that end, which the grammar reads as words; all of those in a condition that ends on the same line
/// (`if cat <<EOF > file; then`), which it does not read at all.
fn here_documents(text: &str, masked: &mut [u8]) {
    let mut end: Option<(&str, u8)> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches(['\n', '\r']);
        match end {
            Some((name, blank)) if bare.trim_start_matches('\t') == name => {
                if blank == b' ' {
                    masked[start..start + bare.len()].fill(blank);
                }
                end = None;
            }
            Some((_, blank)) => masked[start..start + bare.len()].fill(blank),
            None => {
                let ends =
                    |name: &&str| text[start..].lines().any(|line| line.trim_start_matches('\t') == *name);
                let is_condition = ["; then", "; do"].iter().any(|word| bare.trim_end().ends_with(word));
                end = here_document(bare)
                    .filter(ends)
                    .map(|name| (name, if is_condition { b' ' } else { b'_' }));
                if is_condition
                    && end.is_some()
                    && let Some(operator) = bare.find("<<")
                {
                    // What is left is a redirection.
                    masked[start + operator + 1] = b'_';
                }
            }
        }
        start += line.len();
    }
}

/// The word that ends the here-document that a line begins.
fn here_document(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("<<")?;
    if before.trim_start().starts_with('#') || rest.starts_with('<') {
        return None;
    }
    let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start_matches([' ', '\t', '\'', '"', '\\']);
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(&rest[..length]).filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// `for key in /run/@(api|web)*`: a pattern of bash's, where it has been told to read such.
fn alternatives(text: &str, masked: &mut [u8]) {
    if !text.contains("extglob") {
        return;
    }
    for (at, _) in text.match_indices(['@', '?', '*', '+', '!']) {
        let Some(inner) = near(text, at + 1).strip_prefix('(') else { continue };
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.*?|/".contains(c);
        if let Some(end) = inner.find(|c| !is_part(c)).filter(|end| inner[*end..].starts_with(')')) {
            masked[at..at + end + 3].fill(b'_');
        }
    }
}

/// `$((8#$MASK))`: a number whose base is given.
fn bases(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices("#$") {
        let digits = text[..at].bytes().rev().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            masked[at - digits..=at].fill(b' ');
        }
    }
}

/// `case $1 in --${name}=*)`: in a pattern the grammar reads no `=` behind an expansion.
fn behind_expansions(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices("}=") {
        masked[at + 1] = b'*';
    }
}

/// `export -f log::info log::warn`: bash's functions may have such names, of which the grammar reads only one behind `export` and its like.
fn qualified_names(text: &str, masked: &mut [u8]) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (at, colons) in text.match_indices("::") {
        if text[..at].ends_with(is_name) && text[at + colons.len()..].starts_with(is_name) {
            masked[at..at + colons.len()].fill(b'_');
        }
    }
}

/// A line break in front of a line that begins with a reserved word ends a command, which a `;` says more plainly: behind some words the
/// grammar reads on, and takes `if` for an argument.
fn line_ends(text: &str, ends: LineEnds, masked: &mut [u8]) {
    const WORDS: [&str; 14] = [
        "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "[[", "}",
    ];
    for (at, _) in text.match_indices('\n') {
        let next = near(text, at + 1)
            .trim_start_matches([' ', '\t'])
            .split([' ', '\t', '\n', ';'])
            .next()
            .unwrap_or("");
        let line = text[..at].rsplit('\n').next().unwrap_or("").trim();
        if (ends == LineEnds::All || WORDS.contains(&next)) && ends_a_command(line) {
            masked[at] = b';';
        }
    }
}

/// True for a line that ends with a word of a command: with no operator, and with no reserved word behind which one follows. A single word may
/// end a here-document, which begins behind the line's end, and a comment would go on.
fn ends_a_command(line: &str) -> bool {
    const OPEN: [&str; 8] = ["then", "do", "else", "in", "if", "elif", "while", "until"];
    let last = line.rsplit([' ', '\t', ';']).next().unwrap_or("");
    line.contains(' ')
        && !line.contains('#')
        && !line.contains("<<")
        && !line.ends_with(['\\', ';', '&', '|', '(', '{', ')', '`'])
        && !OPEN.contains(&last)
}

/// The text with blanks for `` `# comments` `` between continued lines. To a shell they are empty substitutions; the grammar would read
/// on to the end of the line, past the second backtick.
fn without_backtick_comments(text: &str) -> Cow<'_, str> {
    const OPENING: &str = " `#";
    if !text.contains(OPENING) {
        return Cow::Borrowed(text);
    }
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPENING) {
        let (before, comment) = rest.split_at(at + 1);
        blanked.push_str(before);
        let line = comment.lines().next().unwrap_or("");
        let length = line[1..].find('`').map_or(0, |end| end + 2);
        blanked.extend(std::iter::repeat_n(' ', length));
        // Left open, it is the grammar's to refuse.
        let (open, after) = comment[length..].split_at(usize::from(length == 0));
        blanked.push_str(open);
        rest = after;
    }
    blanked.push_str(rest);
    Cow::Owned(blanked)
}

/// `['server', 'run']`: to a shell a bracket is a word of its own only in front of a blank. The grammar takes it for a test wherever it
/// is, and gives up on one with commas.
fn without_bracket(text: &str) -> Cow<'_, str> {
    let Some(rest) = text.trim_start().strip_prefix('[').filter(|rest| !rest.starts_with('[')) else {
        return Cow::Borrowed(text);
    };
    let is_list = rest.trim_start().starts_with(['"', '\'']) && (rest.contains("\",") || rest.contains("',"));
    let is_name = rest.starts_with(|c: char| !c.is_whitespace() && c != '\\');
    if is_list || is_name { Cow::Owned(text.replacen('[', "_", 1)) } else { Cow::Borrowed(text) }
}
