//! Paths of the image: absolute, normalised, `/` between parts, no `/` at the end except for the root itself.

pub(super) use crate::dockerfile::join;
pub(super) use crate::source::base_name;

/// The directory that holds `path`; `None` for the root.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.rfind('/')? {
        _ if path == "/" => None,
        0 => Some("/"),
        at => Some(&path[..at]),
    }
}

/// All directories above `path`, the nearest first.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

/// What follows `dir` in `path`: empty for the directory itself, without a leading slash for what is below it.
pub(super) fn below<'p>(path: &'p str, dir: &str) -> Option<&'p str> {
    if dir == "/" {
        return path.strip_prefix('/');
    }
    let rest = path.strip_prefix(dir)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// `rest` (as [`below`] returns it) under `dir`.
pub(super) fn under(dir: &str, rest: &str) -> String {
    match (dir, rest) {
        (_, "") => dir.to_owned(),
        ("/" | "", _) => format!("{dir}{rest}"),
        _ => format!("{dir}/{rest}"),
    }
}

/// Whether the path as written can only be a directory: it ends in a slash, in `.` or in `..`.
pub(super) fn says_directory(path: &str) -> bool {
    path.ends_with('/') || matches!(base_name(path), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins() {
        for (base, path, expected) in [
            ("/app", "run.sh", "/app/run.sh"),
            ("/app", "./run.sh", "/app/run.sh"),
            ("/app", "../run.sh", "/run.sh"),
            ("/app", "../../../run.sh", "/run.sh"),
            ("/app", "/run.sh", "/run.sh"),
            ("/app/", "a//b/", "/app/a/b"),
            ("/", ".", "/"),
            ("/app", "", "/app"),
        ] {
            assert_eq!(join(base, path), expected, "{base} + {path}");
        }
    }

    #[test]
    fn takes_paths_apart() {
        assert_eq!(below("/app/run.sh", "/app"), Some("run.sh"));
        assert_eq!(below("/app", "/app"), Some(""));
        assert_eq!(below("/application", "/app"), None);
        assert_eq!(below("/run.sh", "/"), Some("run.sh"));
        assert_eq!(under("/", "run.sh"), "/run.sh");
        assert_eq!(under("", "run.sh"), "run.sh");
        assert_eq!(under("/app", ""), "/app");
        assert_eq!(ancestors("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
        assert_eq!(parent("/"), None);
    }
}
