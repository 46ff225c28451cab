//! Paths as such files write them.

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

/// `path` as seen from `folder`, relative to the project's root; `None` if it leaves the project or is absolute.
pub(super) fn join(folder: &Utf8Path, path: &str) -> Option<Utf8PathBuf> {
    if path.starts_with('~') {
        return None;
    }
    let mut parts: Vec<&str> = folder.components().map(|part| part.as_str()).collect();
    for part in Utf8Path::new(path).components() {
        match part {
            Utf8Component::Normal(name) => parts.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                parts.pop()?;
            }
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    Some(parts.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn joins() {
        for (folder, path, expected) in [
            ("", ".", Some("")),
            ("", "web", Some("web")),
            ("deploy", "../web/", Some("web")),
            ("deploy", "./a/./b", Some("deploy/a/b")),
            ("", "..", None),
            ("deploy", "../../x", None),
            ("", "/srv", None),
            ("", "~/x", None),
        ] {
            assert_eq!(
                join(folder.into(), path).as_deref().map(|path| path.as_str()),
                expected,
                "{folder} {path}"
            );
        }
    }
}
