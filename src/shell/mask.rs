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
    brackets_in_defaults(text, &mut masked);
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

/// `${NAME-(none)}`: brackets in a default are text.
fn brackets_in_defaults(text: &str, masked: &mut [u8]) {
    for (at, _) in text.match_indices("${") {
        let Some(end) = text[at..].find(['}', '\n']) else { continue };
        let inner = &text[at + 2..at + end];
        if inner.contains("$(") || inner.contains('`') {
            continue;
        }
        for (bracket, _) in inner.match_indices(['(', ')']) {
            masked[at + 2 + bracket] = b'_';
        }
    }
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
