//! How long a server may take to finish its work, where its arguments or its configuration say so.

use serde::Deserialize;

use super::{Tables, name};
use crate::source::Span;

/// How a server is told its time to finish.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Drain {
    /// The server's names.
    pub names: Vec<&'static str>,
    /// Options whose value is the time (`--graceful-timeout`).
    #[serde(default)]
    pub options: Vec<&'static str>,
    /// Names in a configuration file whose value is the time (`worker_shutdown_timeout`).
    #[serde(default)]
    pub settings: Vec<&'static str>,
    /// Where such a file may be in an image; relative paths are below the working directory.
    #[serde(default)]
    pub files: Vec<&'static str>,
    /// Options that name another one.
    #[serde(default)]
    pub file_options: Vec<&'static str>,
    /// True if a number without a unit means milliseconds, not seconds.
    #[serde(default)]
    pub milliseconds: bool,
    /// Versions that the row is documented for.
    pub version: &'static str,
    /// The address of the documentation.
    pub source: &'static str,
}

impl Tables {
    /// How a program of that name is told its time to finish, if it can be.
    pub fn drain(&self, name: &str) -> Option<&Drain> {
        let keys = name::keys(name);
        keys.iter().find_map(|key| self.drains().iter().find(|drain| drain.names.contains(&key.name)))
    }
}

impl Drain {
    /// What the arguments say: the argument that holds the time, and the time in milliseconds. The last one counts.
    pub fn in_arguments(&self, arguments: &[Option<&str>]) -> Option<(usize, u64)> {
        let (at, value) = last_value(&self.options, arguments)?;
        Some((at, self.time(value)?))
    }

    /// The configuration file that the arguments name.
    pub fn named_file<'a>(&self, arguments: &[Option<&'a str>]) -> Option<&'a str> {
        last_value(&self.file_options, arguments).map(|(_, value)| value)
    }

    /// What a configuration file says: the line, and the time in milliseconds. The last one counts.
    pub fn in_file(&self, text: &str) -> Option<(Span, u64)> {
        let mut found = None;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at + line.len() - line.trim_start().len();
            at += line.len();
            let line = line.trim();
            let value = self.settings.iter().find_map(|name| value_of(line, name));
            if let Some(time) = value.and_then(|value| self.time(value)) {
                found = Some((Span::new(start, start + line.len()), time));
            }
        }
        found
    }

    /// `30`, `30s`, `2m`, `500ms`.
    fn time(&self, text: &str) -> Option<u64> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().ok()?;
        let unit = match &text[digits..] {
            "" if self.milliseconds => 1,
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        number.checked_mul(unit)
    }
}

/// The value of the last of these options (`--name value`, `--name=value`, `-nvalue`), and the argument that holds it.
fn last_value<'a>(options: &[&str], arguments: &[Option<&'a str>]) -> Option<(usize, &'a str)> {
    let mut found = None;
    for (at, argument) in arguments.iter().enumerate() {
        let Some(argument) = argument else { continue };
        for option in options {
            let Some(rest) = argument.strip_prefix(option) else { continue };
            let is_letter = option.len() == 2;
            match rest.strip_prefix('=') {
                _ if rest.is_empty() => {
                    found = arguments.get(at + 1).copied().flatten().map(|value| (at + 1, value)).or(found);
                }
                Some(value) if !is_letter => found = Some((at, value)),
                _ if is_letter => found = Some((at, rest)),
                _ => {}
            }
        }
    }
    found
}

/// The value of a setting in a line: `name 30s;`, `name = 30`, `name: 30`. A comment is no setting, nor is another name.
fn value_of<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(':').unwrap_or(line).strip_prefix(name)?;
    let value = rest.trim_start_matches([' ', '\t', '=', ':', '(']);
    if value.len() == rest.len() {
        return None;
    }
    value.split([' ', '\t', ';', '#', ',', ')']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(name: &str) -> &'static Drain {
        Tables::builtin().drain(name).unwrap()
    }

    #[test]
    fn arguments() {
        for (name, arguments, expected) in [
            ("gunicorn", vec!["--graceful-timeout", "60", "app:app"], Some((1, 60_000))),
            ("/venv/bin/gunicorn", vec!["-w", "2", "--graceful-timeout=5"], Some((2, 5_000))),
            ("gunicorn", vec!["--graceful-timeout", "5", "--graceful-timeout", "7"], Some((3, 7_000))),
            ("gunicorn", vec!["--timeout", "60"], None),
            ("gunicorn", vec!["--graceful-timeout"], None),
            ("gunicorn", vec!["--graceful-timeout", "$T"], None),
            ("sidekiq", vec!["-t40"], Some((0, 40_000))),
            ("dramatiq", vec!["tasks", "--worker-shutdown-timeout", "45000"], Some((2, 45_000))),
        ] {
            let arguments: Vec<_> = arguments.into_iter().map(Some).collect();
            assert_eq!(drain(name).in_arguments(&arguments), expected, "{name} {arguments:?}");
        }
    }

    #[test]
    fn files() {
        for (name, text, expected) in [
            ("nginx", "user www;\nworker_shutdown_timeout 30s; # drain\n", Some(30_000)),
            ("nginx", "# worker_shutdown_timeout 30s;\n", None),
            ("nginx", "worker_shutdown_timeouts 30s;\n", None),
            ("php-fpm", "[global]\nprocess_control_timeout = 20s\n", Some(20_000)),
            ("php-fpm", ";process_control_timeout = 20\n", None),
            ("gunicorn", "graceful_timeout = 90  # seconds\n", Some(90_000)),
            ("gunicorn", "graceful_timeout = int(os.environ[\"X\"])\n", None),
            ("haproxy", "global\n    hard-stop-after 30s\n", Some(30_000)),
            ("haproxy", "global\n    hard-stop-after 20000\n", Some(20_000)),
            ("puma", "worker_shutdown_timeout(60)\n", Some(60_000)),
            ("sidekiq", ":timeout: 30\n", Some(30_000)),
        ] {
            let found = drain(name).in_file(text).map(|(_, time)| time);
            assert_eq!(found, expected, "{name} {text}");
        }
    }
}
