//! Here-documents: which words of a line open one, and which line closes it.

use std::collections::HashMap;
use std::ops::Range;

/// A word that opens a heredoc.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opener {
    /// The word, as a range of the logical line.
    pub(super) range: Range<usize>,
    /// The delimiter without its quotes.
    pub(super) delimiter: String,
    /// False if the delimiter is quoted.
    pub(super) expand: bool,
    /// True for `<<-`.
    pub(super) strip_tabs: bool,
}

/// The heredocs that a line opens. A line that BuildKit cannot split into words opens none.
pub(super) fn openers(line: &str) -> Vec<Opener> {
    if !line.contains("<<") {
        return Vec::new();
    }
    let words = Words::split(line).unwrap_or_default();
    words.into_iter().filter_map(|range| opener(line, range)).collect()
}

/// A word of the form `<<WORD`, `3<<-WORD`, `<<"WORD"`.
fn opener(line: &str, range: Range<usize>) -> Option<Opener> {
    let rest = line[range.clone()].trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (strip_tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let word = rest.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
    if word.contains('<') {
        return None;
    }
    let delimiter = unquote(word)?;
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    let expand = quotes(word) == quotes(&delimiter);
    Some(Opener { range, delimiter, expand, strip_tabs })
}

/// The word without quotes and escapes; `None` if it is empty or more than one word.
fn unquote(word: &str) -> Option<String> {
    let mut text = String::new();
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => text.extend(chars.by_ref().take_while(|&c| c != '\'')),
            '"' => {
                while let Some(c) = chars.next().filter(|&c| c != '"') {
                    let escaped =
                        if c == '\\' { chars.next_if(|c| matches!(c, '"' | '$' | '\\')) } else { None };
                    text.push(escaped.unwrap_or(c));
                }
            }
            '\\' => text.extend(chars.next()),
            c if c.is_whitespace() => return None,
            c => text.push(c),
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Splits a line into words like BuildKit's shell lexer, which knows quotes, escapes and `${...}`, and keeps `<< WORD` together.
///
/// It decides nothing else here than what a heredoc is; the nesting is a stack of our own, so that no input overflows another.
struct Words<'a> {
    line: &'a str,
    position: usize,
    start: Option<usize>,
    words: Vec<Range<usize>>,
    nesting: Vec<Nesting>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    /// Inside double quotes.
    Quotes,
    /// Inside `${...`, up to this character.
    Until(char),
}

impl<'a> Words<'a> {
    /// The words; `None` where BuildKit gives up: an open quote, an open or unknown `${...}`.
    fn split(line: &'a str) -> Option<Vec<Range<usize>>> {
        let mut words = Self { line, position: 0, start: None, words: Vec::new(), nesting: Vec::new() };
        while let Some(c) = words.next() {
            words.character(c)?;
        }
        words.end_word(line.len());
        words.nesting.is_empty().then_some(words.words)
    }

    fn peek(&self) -> Option<char> {
        self.line[self.position..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn next_if(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.next();
        }
        found
    }

    fn end_word(&mut self, end: usize) {
        if let Some(start) = self.start.take() {
            self.words.push(start..end);
        }
    }

    fn character(&mut self, c: char) -> Option<()> {
        let at = self.position - c.len_utf8();
        // Quoted text is added to its word as a whole; all else is split at white space, even inside `${...}`.
        if c.is_whitespace() && self.nesting.first() != Some(&Nesting::Quotes) {
            self.end_word(at);
            return Some(());
        }
        self.start.get_or_insert(at);
        match (self.nesting.last().copied(), c) {
            (Some(Nesting::Until(stop)), c) if c == stop => {
                self.nesting.pop();
            }
            (Some(Nesting::Quotes), '"') => {
                self.nesting.pop();
            }
            (_, '$') => self.dollar(at)?,
            (Some(Nesting::Quotes), '\\') => {
                self.next_if(|c| matches!(c, '"' | '$' | '\\'));
            }
            (Some(Nesting::Quotes), _) => {}
            (_, '"') => self.nesting.push(Nesting::Quotes),
            (_, '\'') => {
                let len = self.line[self.position..].find('\'')?;
                self.position += len + 1;
            }
            (_, '\\') => {
                self.next();
            }
            (_, '<') if self.next_if(|c| c == '<') => {
                while self.next_if(|c| matches!(c, '\t' | '\r' | ' ')) {}
            }
            _ => {}
        }
        Some(())
    }

    /// What follows a `$`: a name, or `${`.
    fn dollar(&mut self, at: usize) -> Option<()> {
        if !self.next_if(|c| c == '{') {
            self.name();
            return Some(());
        }
        if matches!(self.peek()?, '{' | '}' | ':') {
            return None;
        }
        self.name();
        let nested: &[char] = match self.next()? {
            '}' => return Some(()),
            ':' if matches!(self.next()?, '#' | '%') => return None,
            ':' | '+' | '-' | '?' | '#' | '%' => &['}'],
            '/' => {
                self.next_if(|c| c == '/');
                &['}', '/']
            }
            _ => return None,
        };
        // BuildKit's lexer shares one buffer with the text in the braces, so what the word began with is lost.
        if self.nesting.first() != Some(&Nesting::Quotes) {
            self.start = Some(at);
        }
        self.nesting.extend(nested.iter().copied().map(Nesting::Until));
        Some(())
    }

    fn name(&mut self) {
        if self.next_if(|c| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!')) {
            return;
        }
        if self.next_if(char::is_numeric) {
            while self.next_if(char::is_numeric) {}
            return;
        }
        while self.next_if(|c| c.is_alphanumeric() || c == '_') {}
    }
}

/// Finds the line that closes a heredoc, without reading the file anew for each that is never closed.
pub(super) struct Closers<'a> {
    text: &'a str,
    plain: Option<HashMap<&'a str, Vec<usize>>>,
    stripped: Option<HashMap<&'a str, Vec<usize>>>,
}

impl<'a> Closers<'a> {
    /// For a whole file.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, plain: None, stripped: None }
    }

    /// The start of the first line at or after `from` that closes the heredoc.
    pub(super) fn find(&mut self, opener: &Opener, from: usize) -> Option<usize> {
        let text = self.text;
        let index = if opener.strip_tabs {
            self.stripped.get_or_insert_with(|| index(text, |line| line.trim_start_matches('\t')))
        } else {
            self.plain.get_or_insert_with(|| index(text, |line| line))
        };
        let starts = index.get(opener.delimiter.as_str())?;
        starts.get(starts.partition_point(|&start| start < from)).copied()
    }
}

/// The starts of all lines, by what they hold.
fn index<'a>(text: &'a str, key: impl Fn(&'a str) -> &'a str) -> HashMap<&'a str, Vec<usize>> {
    let mut index: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        index.entry(key(line.trim_end_matches(['\r', '\n']))).or_default().push(start);
        start += line.len();
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiters(line: &str) -> Vec<String> {
        openers(line).into_iter().map(|opener| opener.delimiter).collect()
    }

    #[test]
    fn words_that_open_a_heredoc() {
        for (line, expected) in [
            ("RUN <<EOF", vec!["EOF"]),
            ("RUN cat << EOF > /x", vec!["EOF"]),
            ("RUN cat <<EOF>/x", vec!["EOF>/x"]),
            ("COPY <<a <<'b' <<-\"c d\" /x/", vec!["a", "b", "c d"]),
            ("RUN 3<<EOF cat", vec!["EOF"]),
            ("RUN echo \"it's\" <<EOF", vec!["EOF"]),
            ("RUN echo ${x:-a b} <<EOF", vec!["EOF"]),
            ("RUN echo \"${x:-\"y\"}\" <<EOF", vec!["EOF"]),
            ("RUN echo ${x/a/b} ${y%%.*} <<EOF", vec!["EOF"]),
            ("RUN <<\\EOF", vec!["EOF"]),
            ("RUN <<$X", vec!["$X"]),
        ] {
            assert_eq!(delimiters(line), expected, "{line}");
        }
    }

    #[test]
    fn words_that_open_none() {
        for line in [
            "RUN <<- EOF",
            "RUN cat a<<EOF",
            "RUN cat <<<EOF",
            "RUN echo \"<<EOF\"",
            "RUN echo '<<EOF'",
            "RUN echo \\<<EOF",
            "RUN cat <<\"\"",
            "RUN cat <<",
            // BuildKit cannot split these lines, and looks no further.
            "RUN cat <<EOF && echo it's",
            "RUN cat <<EOF && echo \"x",
            "RUN cat <<EOF ${a[@]}",
            "RUN cat <<EOF ${x^^}",
            "RUN cat <<EOF ${x:-y",
            "RUN cat <<EOF ${x",
            "RUN cat <<EOF ${}",
        ] {
            assert_eq!(delimiters(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn quotes_decide_expansion() {
        let expand = |line| openers(line)[0].expand;
        assert!(expand("COPY <<a /b"));
        assert!(expand("COPY <<\\a /b"));
        assert!(!expand("COPY <<\"a\" /b"));
        assert!(!expand("COPY <<'a' /b"));
    }
}
