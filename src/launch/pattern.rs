//! Shell patterns: `*`, `?`, `[...]`, and quoted text that matches itself.

/// A pattern, piece by piece.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pattern {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
enum Item {
    Any,
    One,
    Set { negated: bool, ranges: Vec<(char, char)> },
    Char(char),
}

impl Pattern {
    /// Appends text; if `quoted`, it matches only itself.
    pub(crate) fn push(&mut self, text: &str, quoted: bool) {
        let chars: Vec<char> = text.chars().collect();
        // A bracket that is not closed stands for itself, as do all that follow it.
        let last_close = chars.iter().rposition(|&c| c == ']').unwrap_or(0);
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            self.items.push(match c {
                _ if quoted => Item::Char(c),
                '*' => Item::Any,
                '?' => Item::One,
                '[' if at <= last_close => match set(&chars[at..]) {
                    Some((item, used)) => {
                        at += used;
                        item
                    }
                    None => Item::Char('['),
                },
                '\\' => {
                    let next = chars.get(at).copied().unwrap_or('\\');
                    at += 1;
                    Item::Char(next)
                }
                _ => Item::Char(c),
            });
        }
    }

    /// True if the pattern matches every text.
    pub(crate) fn matches_all(&self) -> bool {
        !self.items.is_empty() && self.items.iter().all(|item| matches!(item, Item::Any))
    }

    /// True if the pattern matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        // The usual walk with one point to come back to: linear in practice, never exponential.
        let (mut item, mut at) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        while at < chars.len() {
            match self.items.get(item) {
                Some(Item::Any) => {
                    back = Some((item, at));
                    item += 1;
                }
                Some(single) if single.matches(chars[at]) => {
                    item += 1;
                    at += 1;
                }
                _ => match back {
                    Some((star, from)) => {
                        back = Some((star, from + 1));
                        item = star + 1;
                        at = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.items[item.min(self.items.len())..].iter().all(|item| matches!(item, Item::Any))
    }
}

impl Item {
    fn matches(&self, c: char) -> bool {
        match self {
            Item::Any => false,
            Item::One => true,
            Item::Char(own) => *own == c,
            Item::Set { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// `[...]` after its bracket: the item, and how many characters it took.
fn set(chars: &[char]) -> Option<(Item, usize)> {
    let negated = matches!(chars.first(), Some('!' | '^'));
    let first = usize::from(negated);
    let mut at = first;
    let mut ranges = Vec::new();
    loop {
        let c = *chars.get(at)?;
        if c == ']' && at > first {
            return Some((Item::Set { negated, ranges }, at + 1));
        }
        if chars.get(at + 1) == Some(&'-') && chars.get(at + 2).is_some_and(|&end| end != ']') {
            ranges.push((c, chars[at + 2]));
            at += 3;
        } else {
            ranges.push((c, c));
            at += 1;
        }
    }
}

/// `${text#pattern}` and its kin.
pub(crate) fn trim(text: &str, pattern: &Pattern, front: bool, longest: bool) -> String {
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    if front == longest {
        cuts.reverse();
    }
    for cut in cuts {
        let (head, tail) = text.split_at(cut);
        if front && pattern.matches(head) {
            return tail.to_owned();
        }
        if !front && pattern.matches(tail) {
            return head.to_owned();
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let mut pattern = Pattern::default();
        pattern.push(text, false);
        pattern
    }

    #[test]
    fn patterns_match_as_in_case() {
        for (text, subject, expected) in [
            ("web", "web", true),
            ("*", "", true),
            ("-*", "--port", true),
            ("-*", "web", false),
            ("w?b", "wab", true),
            ("[Yy]*", "Yes", true),
            ("[!0-9]", "5", false),
            ("*a*b*c", "xxaybzc", true),
            ("a[", "a[", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(pattern(text).matches(subject), expected, "{text} {subject}");
        }
        let mut quoted = Pattern::default();
        quoted.push("*", true);
        assert!(!quoted.matches("x"));
    }

    #[test]
    fn trimming_takes_the_shortest_or_the_longest() {
        assert_eq!(trim("-x", &pattern("-"), true, false), "x");
        assert_eq!(trim("a/b/c", &pattern("*/"), true, false), "b/c");
        assert_eq!(trim("a/b/c", &pattern("*/"), true, true), "c");
        assert_eq!(trim("a.b.c", &pattern(".*"), false, false), "a.b");
        assert_eq!(trim("a.b.c", &pattern(".*"), false, true), "a");
    }
}
