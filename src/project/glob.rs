//! Wildcards as Docker reads them: Go's `filepath.Match`, and the same with `**` for `.dockerignore`.

/// A compiled pattern. `*` and `?` do not match `/`.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    /// What it begins with, up to the first wildcard: most texts differ there.
    start: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `**/`: nothing, or any number of whole directories.
    Directories,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// Whether a path as written has wildcards in it.
pub(super) fn has_wildcards(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

impl Glob {
    /// A pattern without `**`, which counts as `*` twice. `None` if it is malformed, and so matches nothing.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        Self::compile(pattern, false)
    }

    /// A pattern in which `**` spans directories.
    pub(super) fn deep(pattern: &str) -> Option<Self> {
        Self::compile(pattern, true)
    }

    fn compile(pattern: &str, deep: bool) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if deep && chars.peek() == Some(&'*') => {
                    chars.next();
                    match chars.peek() {
                        None => Token::Rest,
                        Some('/') => {
                            chars.next();
                            if chars.peek().is_none() { Token::Rest } else { Token::Directories }
                        }
                        Some(_) => Token::Directories,
                    }
                }
                '*' => Token::Many,
                '?' => Token::One,
                '[' => class(&mut chars)?,
                '\\' => Token::Char(chars.next()?),
                c => Token::Char(c),
            });
        }
        let plain = |token: &Token| if let Token::Char(c) = token { Some(*c) } else { None };
        let start = tokens.iter().map_while(plain).collect();
        Some(Self { start, tokens })
    }

    /// Whether the whole of `text` matches. Time grows with pattern times text, whatever the pattern.
    pub(super) fn matches(&self, text: &str) -> bool {
        if !text.starts_with(&self.start) {
            return false;
        }
        // The tokens that may match what comes next; the one past the last stands for a match.
        let mut states = vec![false; self.tokens.len() + 1];
        self.enter(&mut states, 0);
        for c in text.chars() {
            let mut next = vec![false; states.len()];
            for (i, token) in self.tokens.iter().enumerate().filter(|(i, _)| states[*i]) {
                let (stays, passes) = match token {
                    Token::Char(wanted) => (false, *wanted == c),
                    Token::One => (false, c != '/'),
                    Token::Many => (c != '/', c != '/'),
                    Token::Rest => (true, true),
                    // Left only behind a slash, so that whole directories are matched.
                    Token::Directories => (true, c == '/'),
                    Token::Class { negated, ranges } => {
                        let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        (false, c != '/' && inside != *negated)
                    }
                };
                next[i] |= stays;
                if passes {
                    self.enter(&mut next, i + 1);
                }
            }
            states = next;
        }
        states[self.tokens.len()]
    }

    /// Marks a token, and those behind it as far as they may match nothing.
    fn enter(&self, states: &mut [bool], mut token: usize) {
        states[token] = true;
        while matches!(self.tokens.get(token), Some(Token::Many | Token::Rest | Token::Directories)) {
            token += 1;
            states[token] = true;
        }
    }
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = chars.next_if(|c| matches!(c, '^' | '!')).is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next()? {
            ']' if !ranges.is_empty() => return Some(Token::Class { negated, ranges }),
            '\\' => chars.next()?,
            c => c,
        };
        let high = if chars.next_if_eq(&'-').is_some() {
            match chars.next()? {
                '\\' => chars.next()?,
                c => c,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_like_go() {
        for (pattern, text, expected) in [
            ("*.sh", "run.sh", true),
            ("*.sh", "bin/run.sh", false),
            ("*", "", true),
            ("r?n.sh", "run.sh", true),
            ("r?n", "r/n", false),
            ("[a-c]*.sh", "build.sh", true),
            ("[^a-c]*.sh", "build.sh", false),
            ("[]", "a", false),
            ("[a", "a", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXbY", false),
            ("**", "a/b", false),
            ("é*", "été", true),
        ] {
            let found = Glob::new(pattern).is_some_and(|glob| glob.matches(text));
            assert_eq!(found, expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn spans_directories() {
        for (pattern, text, expected) in [
            ("**/*.sh", "run.sh", true),
            ("**/*.sh", "a/b/run.sh", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/xb", false),
            ("a/**", "a/x/y", true),
            ("a/**", "a", false),
            ("**", "a/b", true),
            ("**/node_modules", "x/node_modules", true),
            ("**/node_modules", "x/my_node_modules", false),
        ] {
            let found = Glob::deep(pattern).is_some_and(|glob| glob.matches(text));
            assert_eq!(found, expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn takes_no_exponential_time() {
        let glob = Glob::new(&"*a".repeat(200)).unwrap();
        assert!(!glob.matches(&"a".repeat(150)));
    }
}
