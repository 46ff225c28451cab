//! Under which names a program is looked up.

/// A name to look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    /// True if the program is the installed tool: a bare name, or a path where tools are installed.
    pub(super) installed: bool,
}

/// The names to try, the surest first: the path itself, the directory, the base name, the base name without a version.
pub(super) fn keys(name: &str) -> Vec<Key<'_>> {
    let mut keys = Vec::with_capacity(4);
    let (directory, base) = match name.rfind('/') {
        Some(slash) => (&name[..=slash], &name[slash + 1..]),
        None => ("", name),
    };
    if directory.starts_with('/') {
        keys.push(Key { name, installed: true });
        keys.push(Key { name: directory, installed: true });
    }
    let installed = directory.is_empty() || holds_tools(directory);
    keys.push(Key { name: base, installed });
    let plain = without_version(base);
    if plain != base {
        keys.push(Key { name: plain, installed });
    }
    keys
}

/// Whether a directory (with its trailing slash) is one that packages install programs to, not the project's own `bin`.
fn holds_tools(directory: &str) -> bool {
    let parts: Vec<&str> = directory.trim_matches('/').split('/').filter(|part| *part != ".").collect();
    let Some((last, above)) = parts.split_last() else { return false };
    match *last {
        ".bin" => above.last() == Some(&"node_modules"),
        "bin" | "sbin"
            if directory.starts_with('/') && matches!(above.first(), None | Some(&("usr" | "opt"))) =>
        {
            true
        }
        // `venv/bin`, `.venv/bin`, `/app/env/bin`, `/root/.local/bin`, `.cargo/bin`.
        "bin" | "sbin" => above.last().is_some_and(|part| part.ends_with("env") || part.starts_with('.')),
        _ => false,
    }
}

/// `python3.12` is `python`, `php-fpm8.2` is `php-fpm`. Names that end in a digit of their own (apache2, pm2) are found before.
fn without_version(name: &str) -> &str {
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    if plain.len() < 3 || plain.len() == name.len() || name.ends_with('.') { name } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_installed(name: &str) -> bool {
        keys(name).last().is_some_and(|key| key.installed)
    }

    #[test]
    fn paths_of_tools_count() {
        for path in [
            "tini",
            "/bin/sh",
            "/sbin/tini",
            "/usr/bin/env",
            "/usr/local/sbin/php-fpm",
            "/usr/local/tomcat/bin/catalina.sh",
            "/opt/java/bin/java",
            "/opt/venv/bin/gunicorn",
            "/venv/bin/gunicorn",
            ".venv/bin/uvicorn",
            "./node_modules/.bin/nodemon",
            "/app/node_modules/.bin/nodemon",
            "/root/.local/bin/uvicorn",
        ] {
            assert!(is_installed(path), "{path}");
        }
    }

    #[test]
    fn paths_of_the_project_do_not() {
        for path in
            ["./watch", "/app/node", "/app/time", "bin/watch", "./bin/setup", "/app/bin/time", "/watch"]
        {
            assert!(!is_installed(path), "{path}");
        }
    }

    #[test]
    fn versions_come_off() {
        for (name, plain) in [
            ("python3.12", "python"),
            ("python3", "python"),
            ("php-fpm8.2", "php-fpm"),
            ("php83", "php"),
            ("s6", "s6"),
            ("7z", "7z"),
            ("app.", "app."),
        ] {
            assert_eq!(without_version(name), plain);
        }
    }
}
