//! Names of rules, and what somebody may have meant by a name that does not exist.

use super::RuleInfo;

/// The rule of that name; the error names the nearest one.
pub fn named(name: &str) -> Result<&'static RuleInfo, String> {
    if let Some(rule) = super::all().iter().find(|rule| rule.name == name) {
        return Ok(rule);
    }
    let names: Vec<&str> = super::all().iter().map(|rule| rule.name).collect();
    let hint = match nearest(name, &names) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "`pidone rules` lists them".to_owned(),
    };
    Err(format!("there is no such rule; {hint}"))
}

/// The known name that is most like `name`, if one is like it at all.
pub fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let (distance, nearest) = known.iter().map(|known| (distance(name, known), *known)).min()?;
    (distance <= 1 + name.len() / 3).then_some(nearest)
}

/// How many characters must be changed, added or taken away to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in
            [("", "abc", 3), ("abc", "abc", 0), ("mising-exec", "missing-exec", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }
}
