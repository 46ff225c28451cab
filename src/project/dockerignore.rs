//! `.dockerignore`: which files of the context are never sent to the build.

use super::glob::Glob;
use super::path;

/// The patterns of a `.dockerignore` file, or of `--exclude` flags.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    glob: Glob,
    /// `!pattern`: takes back what earlier lines excluded.
    exception: bool,
}

impl Patterns {
    /// Reads the lines of a `.dockerignore` file.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self { patterns: lines.filter_map(Pattern::parse).collect() }
    }

    /// The values of `--exclude` flags.
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p str>) -> Self {
        Self { patterns: patterns.filter_map(Pattern::parse).collect() }
    }

    /// Whether a path of the context is excluded: the last pattern that matches it or a directory above it decides.
    pub(super) fn exclude(&self, file: &str) -> bool {
        let absolute = path::join("/", file);
        let matches = |glob: &Glob| {
            std::iter::once(absolute.as_str())
                .chain(path::ancestors(&absolute))
                .any(|path| path.len() > 1 && glob.matches(&path[1..]))
        };
        self.patterns.iter().rev().find(|pattern| matches(&pattern.glob)).is_some_and(|p| !p.exception)
    }
}

impl Pattern {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        let (exception, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if line.is_empty() {
            return None;
        }
        let clean = path::join("/", line);
        // `.` and `/` name the context itself, which is no file of it.
        let clean = clean.strip_prefix('/').filter(|clean| !clean.is_empty())?;
        Some(Self { glob: Glob::deep(clean)?, exception })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excludes_like_docker() {
        for (text, file, expected) in [
            ("node_modules", "node_modules/a/b.js", true),
            ("node_modules", "app/node_modules/b.js", false),
            ("**/node_modules", "app/node_modules/b.js", true),
            ("*.sh\n", "run.sh", true),
            ("*.sh\n", "bin/run.sh", false),
            ("*\n!run.sh", "run.sh", false),
            ("*\n!run.sh", "other.sh", true),
            ("!run.sh\n*", "run.sh", true),
            ("docker\n!docker/run.sh", "docker/run.sh", false),
            ("docker/**\n!docker/*.sh", "docker/run.sh", false),
            ("*\n!docker", "docker/run.sh", false),
            ("# run.sh", "run.sh", false),
            (" run.sh \r\n", "run.sh", true),
            ("/run.sh", "run.sh", true),
            ("./docker/../run.sh", "run.sh", true),
            ("\u{feff}run.sh", "run.sh", true),
            ("docker/", "docker/run.sh", true),
            (".", "run.sh", false),
            ("", "run.sh", false),
        ] {
            assert_eq!(Patterns::parse(text).exclude(file), expected, "{text:?} on {file}");
        }
    }
}
