//! Command lines as Ruby runs them (`Kernel.exec` with one string, and what is written in Ruby).

/// What makes Ruby run a line through `/bin/sh -c`.
const META: &str = "*?{}[]<>()~&|\\$;'`\"#\n";

/// First words that only a shell knows.
const SHELL_WORDS: [&str; 29] = [
    "!", ".", ":", "break", "case", "continue", "do", "done", "elif", "else", "esac", "eval", "exec", "exit",
    "export", "fi", "for", "if", "in", "readonly", "return", "set", "shift", "then", "times", "trap",
    "unset", "until", "while",
];

/// True for a line that takes a shell; Ruby itself splits the others at blanks.
pub fn takes_shell(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    line.contains(|c| META.contains(c)) || first.contains('=') || SHELL_WORDS.contains(&first)
}
