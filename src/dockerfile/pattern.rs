//! The patterns of `${NAME#pattern}`, `${NAME%pattern}` and `${NAME/pattern/text}`.

/// At which end of a value a pattern is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `#`
    Start,
    /// `%`
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Any,
    AnyRun,
    Char(char),
}

/// Nothing longer is matched or put in: no version or path is, and the work grows with it.
const LONGEST: usize = 1024;

/// The value without the shortest or longest part at one end that matches. `None` if the pattern cannot be used.
pub(super) fn trim<'v>(value: &'v str, pattern: &str, side: Side, longest: bool) -> Option<&'v str> {
    let mut tokens = tokens(pattern)?;
    let mut chars: Vec<char> = value.chars().collect();
    if chars.len() > LONGEST {
        return None;
    }
    if side == Side::End {
        tokens.reverse();
        chars.reverse();
    }
    let matching = matching_lengths(&tokens, &chars);
    let mut lengths = matching.iter().enumerate().filter_map(|(len, &matches)| matches.then_some(len));
    let Some(len) = (if longest { lengths.next_back() } else { lengths.next() }) else { return Some(value) };
    let bytes: usize = chars[..len].iter().map(|c| c.len_utf8()).sum();
    Some(match side {
        Side::Start => &value[bytes..],
        Side::End => &value[..value.len() - bytes],
    })
}

/// The value with the first or every occurrence replaced; only patterns without wildcards are supported.
pub(super) fn replace(value: &str, pattern: &str, replacement: &str, all: bool) -> Option<String> {
    let literal = tokens(pattern)?.into_iter().map(|token| match token {
        Token::Char(c) => Some(c),
        Token::Any | Token::AnyRun => None,
    });
    let literal = literal.collect::<Option<String>>().filter(|literal| !literal.is_empty())?;
    if value.len() > LONGEST || replacement.len() > LONGEST {
        return None;
    }
    Some(value.replacen(&literal, replacement, if all { usize::MAX } else { 1 }))
}

/// For every length, whether that much of the start of `chars` matches.
fn matching_lengths(tokens: &[Token], chars: &[char]) -> Vec<bool> {
    let mut reached = vec![false; chars.len() + 1];
    reached[0] = true;
    for token in tokens {
        match token {
            Token::AnyRun => {
                let first = reached.iter().position(|&r| r).unwrap_or(reached.len());
                reached[first..].fill(true);
            }
            Token::Any | Token::Char(_) => {
                for len in (1..reached.len()).rev() {
                    let fits = *token == Token::Any || *token == Token::Char(chars[len - 1]);
                    reached[len] = reached[len - 1] && fits;
                }
                reached[0] = false;
            }
        }
    }
    reached
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::AnyRun,
            '?' => Token::Any,
            '\\' => match chars.next()? {
                c @ ('*' | '?' | '\\' | '}' | '/') => Token::Char(c),
                _ => return None,
            },
            c => Token::Char(c),
        });
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trims_the_shortest_or_longest_part() {
        for (value, pattern, side, longest, expected) in [
            ("a.b.c", "*.", Side::Start, false, "b.c"),
            ("a.b.c", "*.", Side::Start, true, "c"),
            ("a.b.c", ".*", Side::End, false, "a.b"),
            ("a.b.c", ".*", Side::End, true, "a"),
            ("a.b", "?", Side::Start, false, ".b"),
            ("a*b", "a\\*", Side::Start, false, "b"),
            ("é.x", ".?", Side::End, false, "é"),
            ("abc", "x", Side::Start, false, "abc"),
        ] {
            assert_eq!(trim(value, pattern, side, longest), Some(expected), "{value} {pattern}");
        }
        assert_eq!(trim("a", "\\a", Side::Start, false), None);
    }
}
