//! `ps -ef | grep server | grep -v grep | awk '{print $2}'`: the processes that a script picks from a list of them.

use super::dialect::Dialect;
use super::expand::Expander;
use super::field::UNKNOWN;
use crate::shell::Node;

/// A stage of the pipeline behind `ps`.
enum Stage {
    /// Lines with this text are kept.
    With(String),
    /// The others are.
    Without(String),
    /// Of each line that is left this field.
    Field(usize),
}

impl Expander<'_> {
    /// The numbers that such a pipeline prints, one a line; `None` where that is not certain: a process may run under a name that is
    /// not known.
    pub(super) fn listed(&self, stages: &[Node]) -> Option<String> {
        let words: Vec<Vec<String>> =
            stages.iter().map(|stage| self.simple_words(stage)).collect::<Option<_>>()?;
        let (ps, rest) = words.split_first().filter(|(ps, _)| ps[0] == "ps" && ps.len() <= 2)?;
        let steps: Vec<Vec<Stage>> = rest.iter().map(|words| stages_of(words)).collect::<Option<_>>()?;
        let steps: Vec<Stage> = steps.into_iter().flatten().collect();
        let (Stage::Field(field), filters) = steps.split_last()? else { return None };
        if *field != self.field_of_number(ps.get(1).map_or("", String::as_str)) {
            return None;
        }
        let passes = |line: &str| {
            filters.iter().all(|filter| match filter {
                Stage::With(text) => line.contains(text),
                Stage::Without(text) => !line.contains(text),
                Stage::Field(_) => false,
            })
        };
        let alive = self.world.processes().filter(|process| self.world.alive(process.pid));
        let lines = alive.map(|process| (process.pid, self.world.command_line(process)));
        let (found, others): (Vec<_>, Vec<_>) = lines.partition(|(_, line)| passes(line));
        // What is not known may be meant as well.
        let is_certain = found.iter().any(|(pid, _)| *pid != 1 && *pid != self.pid)
            && !others.iter().any(|(_, line)| line.contains(UNKNOWN));
        let numbers: Vec<String> = found.iter().map(|(pid, _)| pid.to_string()).collect();
        is_certain.then(|| numbers.join("\n"))
    }

    /// The number stands behind the user's name, where `ps` shows that; busybox shows it first.
    fn field_of_number(&self, options: &str) -> usize {
        let shows_user = options.contains(['f', 'u']) && self.shell.dialect != Dialect::Ash;
        if shows_user { 2 } else { 1 }
    }
}

fn stages_of(words: &[String]) -> Option<Vec<Stage>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Some(match words.as_slice() {
        ["grep", "-v", text] => vec![Stage::Without(plain(text)?)],
        ["grep", text] => vec![Stage::With(plain(text)?)],
        ["awk", program] => {
            // `/server/ {print $2}`
            let (pattern, action) = program.trim().split_once('{')?;
            let filter = match pattern.trim() {
                "" => None,
                pattern => Some(Stage::With(plain(pattern.strip_prefix('/')?.strip_suffix('/')?)?)),
            };
            let field = action.strip_suffix('}')?.trim().strip_prefix("print")?.trim();
            filter.into_iter().chain([Stage::Field(field.strip_prefix('$')?.parse().ok()?)]).collect()
        }
        _ => return None,
    })
}

/// A text that stands for itself; `[s]erver` finds `server`, but not the `grep` that looks for it.
fn plain(pattern: &str) -> Option<String> {
    let mut letters: Vec<char> = pattern.chars().collect();
    if let ['[', first, ']', rest @ ..] = letters.as_slice() {
        letters = std::iter::once(*first).chain(rest.iter().copied()).collect();
    }
    let is_special = |letter: &char| "[]*+?(){}|^$\\".contains(*letter);
    let begins_with_option = letters.first().is_none_or(|first| *first == '-');
    (!begins_with_option && !letters.iter().any(is_special)).then(|| letters.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_bracket_around_the_first_letter_is_a_text() {
        assert_eq!(plain("[s]erver").as_deref(), Some("server"));
        assert_eq!(plain("server app:app").as_deref(), Some("server app:app"));
        assert_eq!(plain("serv.*"), None);
        assert_eq!(plain("-e"), None);
    }
}
