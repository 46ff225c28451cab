//! `file:` URIs and paths.

use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is not written as it is: all but the unreserved characters, and the slash.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The absolute path that a `file:` URI names; `None` for any other (`untitled:Untitled-1`, a file of another host).
pub(super) fn to_path(uri: &Uri) -> Option<Utf8PathBuf> {
    let (scheme, rest) = uri.as_ref().split_once(':')?;
    if !scheme.eq_ignore_ascii_case("file") {
        return None;
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let (host, _) = rest.split_once('/')?;
            if !host.is_empty() && !host.eq_ignore_ascii_case("localhost") {
                return None;
            }
            &rest[host.len()..]
        }
        None => rest,
    };
    let path = percent_decode_str(path).decode_utf8().ok()?;
    // `/c:/project` is `c:/project` where there are drives.
    let path = if cfg!(windows) { path.trim_start_matches('/') } else { &path };
    let path = Utf8PathBuf::from(path);
    (path.is_absolute() && !path.as_str().contains('\0')).then_some(path)
}

/// The URI of an absolute path.
pub(super) fn of_path(path: &Utf8Path) -> Uri {
    let path = if cfg!(windows) {
        format!("/{}", path.as_str().replace('\\', "/"))
    } else {
        path.as_str().to_owned()
    };
    Uri::from(format!("file://{}", utf8_percent_encode(&path, ESCAPED)))
}

/// The path with all symlinks followed, as far as it exists; so that a file has one name, however a client spells it.
pub(super) fn settle(path: &Utf8Path) -> Utf8PathBuf {
    let canonical = |path: &Path| std::fs::canonicalize(path).ok();
    let real = canonical(path.as_std_path()).or_else(|| {
        let (folder, name) = (path.parent()?, path.file_name()?);
        Some(canonical(folder.as_std_path())?.join(name))
    });
    real.and_then(|real: PathBuf| Utf8PathBuf::from_path_buf(real).ok()).unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn path(uri: &str) -> Option<String> {
        to_path(&Uri::from(uri)).map(Utf8PathBuf::into_string)
    }

    #[test]
    fn file_uris_are_paths() {
        assert_eq!(path("file:///a/b").as_deref(), Some("/a/b"));
        assert_eq!(path("file:/a/b").as_deref(), Some("/a/b"));
        assert_eq!(path("FILE://localhost/a").as_deref(), Some("/a"));
        assert_eq!(path("file:///a%20b/%C3%A9%23").as_deref(), Some("/a b/é#"));
        assert_eq!(path("file:///c%3A/project/Dockerfile").as_deref(), Some("/c:/project/Dockerfile"));
    }

    #[test]
    fn others_are_none() {
        for uri in
            ["untitled:Untitled-1", "file://server/share", "file://", "", ":", "file:///%FF", "file:///a%00"]
        {
            assert_eq!(path(uri), None, "{uri}");
        }
    }

    #[test]
    fn there_and_back() {
        for name in ["/a/b", "/a b/é#?%:[x]", "/"] {
            assert_eq!(to_path(&of_path(name.into())), Some(name.into()));
        }
        assert_eq!(of_path("/a b".into()).as_ref(), "file:///a%20b");
    }
}
