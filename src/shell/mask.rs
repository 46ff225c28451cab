//! What shells read and the grammar does not, written so that it does.
//!
//! Every byte keeps its place: statements and words take their text from the script itself.

use std::borrow::Cow;

/// Masks for what the grammar would take for something else.
pub(super) fn always(text: &str) -> Cow<'_, str> {
    match without_backtick_comments(text) {
        Cow::Borrowed(text) => without_bracket(text),
        Cow::Owned(text) => Cow::Owned(without_bracket(&text).into_owned()),
    }
}

/// Masks for what the grammar refuses; `None` where there is nothing of the kind. They may hit the text of a string, where they change
/// nothing.
pub(super) fn when_refused(text: &str) -> Option<String> {
    let mut masked = text.as_bytes().to_vec();
    negated_redirections(text, &mut masked);
    patterns(text, &mut masked);
    words_behind_brackets(text, &mut masked);
    defaults(text, &mut masked);
    line_ends(text, &mut masked);
    alternatives(text, &mut masked);
    bases(text, &mut masked);
    String::from_utf8(masked).ok().filter(|masked| masked != text)
}

/// `! </dev/tcp/db/5432`: a redirection alone, negated. Under another name the command fails or not, as it may.
fn negated_redirections(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices('!') {
        if text[at + 1..].trim_start_matches([' ', '\t']).starts_with(['<', '>']) {
            masked[at] = b'_';
        }
    }
}

/// `[[ $text =~ \$\{([a-z]+)\} ]]`: a regular expression, up to what ends it.
fn patterns(text: &str, masked: &mut [u8]) {
    const OPERATOR: &str = "=~ ";
    for (at, _) in text.match_indices(OPERATOR) {
        let start = at + OPERATOR.len();
        let line = text[start..].lines().next().unwrap_or("");
        let end = [" ]]", " &&", " ||"].iter().filter_map(|end| line.find(end)).min();
        masked[start..start + end.unwrap_or(0)].fill(b'_');
    }
}

/// `if (a) then`, `{ a || (b) }`: a reserved word right behind a bracket, which needs no `;`.
fn words_behind_brackets(text: &str, masked: &mut [u8]) {
    const WORDS: [&str; 8] = ["then", "do", "else", "elif", "fi", "done", "esac", "}"];
    for (at, _) in text.match_indices([')', '}']) {
        let rest = &text[at + 1..];
        let word = rest.strip_prefix(' ').unwrap_or("").split([' ', ';', '\n', ')']).next().unwrap_or("");
        if WORDS.contains(&word) {
            masked[at + 1] = b';';
        }
    }
}

/// `${NAME-(none)}`, `${NAME- }`: what is literal in a default is text.
fn defaults(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices("${") {
        let Some(end) = text[at..].find(['}', '\n']) else { continue };
        let inner = &text[at + 2..at + end];
        let name = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let default = &inner[name..];
        let operator = default.len() - default.trim_start_matches([':', '-', '=', '+']).len();
        let value = &default[operator..];
        if operator == 0 || value.contains(['$', '`', '"']) {
            continue;
        }
        let start = at + 2 + name + operator;
        for (character, _) in value.match_indices(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()) {
            masked[start + character] = b'_';
        }
    }
}

/// `for key in /run/@(api|web)*`: a pattern of bash's.
fn alternatives(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices(['@', '?', '*', '+', '!']) {
        let Some(inner) = text[at + 1..].strip_prefix('(') else { continue };
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

/// A line break in front of a line that begins with a reserved word ends a command, which a `;` says more plainly: behind some words the
/// grammar reads on, and takes `if` for an argument.
fn line_ends(text: &str, masked: &mut [u8]) {
    const WORDS: [&str; 14] = [
        "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "[[", "}",
    ];
    for (at, _) in text.match_indices('\n') {
        let next = text[at + 1..].trim_start().split([' ', '\t', '\n', ';']).next().unwrap_or("");
        let line = text[..at].rsplit('\n').next().unwrap_or("").trim();
        if WORDS.contains(&next) && ends_a_command(line) {
            masked[at] = b';';
        }
    }
}

/// True for a line that ends with a word of a command: with no operator, and with no reserved word behind which one follows. A single word may
/// end a here-document, and a comment would go on.
fn ends_a_command(line: &str) -> bool {
    const OPEN: [&str; 8] = ["then", "do", "else", "in", "if", "elif", "while", "until"];
    let last = line.rsplit([' ', '\t', ';']).next().unwrap_or("");
    line.contains(' ')
        && !line.contains('#')
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
