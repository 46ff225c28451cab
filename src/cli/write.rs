//! Writing repaired files: all of them, or none.

use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::Path;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;

use super::Failure;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("{0} has changed since it was read; nothing was written")]
    Changed(Utf8PathBuf),
    #[error("{0} has two names, and would be changed in two ways; nothing was written")]
    Twice(Utf8PathBuf),
    #[error("{0} leads out of the project; nothing was written")]
    Outside(Utf8PathBuf),
    #[error("cannot write {0}: {1}; nothing was written")]
    Io(Utf8PathBuf, io::Error),
    #[error("cannot write {0}: {1}; {2} could not be put back")]
    Halfway(Utf8PathBuf, io::Error, Utf8PathBuf),
}

/// A new text on disk beside the file that it will replace.
struct Staged<'a> {
    target: Utf8PathBuf,
    original: &'a str,
    text: &'a str,
    file: NamedTempFile,
}

/// Replaces files, given as path below `root`, text as it was read, and new text.
pub(super) fn all(root: &Utf8Path, files: &[(Utf8PathBuf, String, String)]) -> Result<(), WriteError> {
    let mut staged: Vec<Staged<'_>> = Vec::new();
    for (path, original, fixed) in files {
        let target = target(root, path)?;
        unchanged(&target, original)?;
        if let Some(other) = staged.iter().find(|other| other.target == target) {
            // Two names of one file: fine if they agree.
            if other.text == fixed {
                continue;
            }
            return Err(WriteError::Twice(target));
        }
        let file = stage(&target, fixed).map_err(|error| WriteError::Io(target.clone(), error))?;
        staged.push(Staged { target, original, text: fixed, file });
    }
    // Everything that can take time or fail is done; look once more, then rename.
    for file in &staged {
        unchanged(&file.target, file.original)?;
    }
    let mut done: Vec<(Utf8PathBuf, &str)> = Vec::new();
    for Staged { target, original, file, .. } in staged {
        if let Err(error) = file.persist(&target) {
            put_back(&done)
                .map_err(|lost| WriteError::Halfway(target.clone(), io::ErrorKind::Other.into(), lost))?;
            return Err(WriteError::Io(target, error.error));
        }
        done.push((target, original));
    }
    Ok(())
}

/// Writes a file: all of it, or nothing.
pub(super) fn file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let fail = |error: &io::Error| Failure::Message(format!("cannot write {}: {error}", path.display()));
    // What is no file (/dev/stderr, a named pipe) cannot be replaced, and is written to.
    if path.symlink_metadata().is_ok_and(|known| !known.is_file()) {
        return fs::write(path, bytes).map_err(|error| fail(&error));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staged = tempfile::Builder::new().prefix(".pidone-").permissions(new_file()).tempfile_in(folder);
    let mut file = staged.map_err(|error| fail(&error))?;
    file.write_all(bytes).map_err(|error| fail(&error))?;
    file.persist(path).map_err(|error| fail(&error.error))?;
    Ok(())
}

/// What a new file may be used for, as far as the process allows it to others (umask).
#[cfg(unix)]
fn new_file() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// The path of the file itself, behind any symlink: a diff of the link could not be applied. As it is where it cannot be told.
pub(super) fn real_path(root: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    let real = target(root, path).ok();
    let root = root.canonicalize_utf8().ok();
    let inner = real.zip(root).and_then(|(real, root)| real.strip_prefix(root).ok().map(Utf8Path::to_owned));
    inner.unwrap_or_else(|| path.to_owned())
}

/// The file itself, behind any symlink, which must not leave the project.
fn target(root: &Utf8Path, path: &Utf8Path) -> Result<Utf8PathBuf, WriteError> {
    let full = root.join(path);
    let canonical =
        |path: &Utf8Path| path.canonicalize_utf8().map_err(|error| WriteError::Io(full.clone(), error));
    let target = canonical(&full)?;
    if target.starts_with(canonical(root)?) { Ok(target) } else { Err(WriteError::Outside(full)) }
}

fn unchanged(target: &Utf8Path, original: &str) -> Result<(), WriteError> {
    match fs::read(target) {
        Ok(bytes) if bytes == original.as_bytes() => Ok(()),
        Ok(_) => Err(WriteError::Changed(target.to_owned())),
        Err(error) => Err(WriteError::Io(target.to_owned(), error)),
    }
}

/// Writes `text` to a temporary file in the folder of `target`, with its owner and mode.
fn stage(target: &Utf8Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = target.parent().ok_or(io::ErrorKind::NotFound)?;
    let meta = fs::metadata(target)?;
    // A rename would not mind.
    if meta.permissions().readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mut file = tempfile::Builder::new().prefix(".pidone-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    keep_owner(&file, &meta)?;
    file.as_file().set_permissions(meta.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(unix)]
fn keep_owner(file: &NamedTempFile, wanted: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let is = file.as_file().metadata()?;
    let differs = |is, wanted| Some(wanted).filter(|_| is != wanted);
    match (differs(is.uid(), wanted.uid()), differs(is.gid(), wanted.gid())) {
        (None, None) => Ok(()),
        (user, group) => fchown(file.as_file(), user, group),
    }
}

#[cfg(not(unix))]
fn keep_owner(_file: &NamedTempFile, _wanted: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Undoes what has been written; the file that it fails on is the error.
fn put_back(done: &[(Utf8PathBuf, &str)]) -> Result<(), Utf8PathBuf> {
    for (target, original) in done {
        let restored = stage(target, original).and_then(|file| Ok(file.persist(target)?));
        if restored.is_err() {
            return Err(target.clone());
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    type Change = (Utf8PathBuf, String, String);

    fn change(path: &str, original: &str, fixed: &str) -> Change {
        (path.into(), original.to_owned(), fixed.to_owned())
    }

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(folder.path().join("root")).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("a"), "old a").unwrap();
        fs::write(root.join("b"), "old b").unwrap();
        fs::write(folder.path().join("outside"), "old").unwrap();
        symlink("../outside", root.join("link-out")).unwrap();
        symlink("a", root.join("link-a")).unwrap();
        (folder, root)
    }

    /// Tries to write, and checks that nothing has changed if that is refused.
    fn refused(changes: &[Change]) -> WriteError {
        let (_folder, root) = folder();
        let error = all(&root, changes).unwrap_err();
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "old a");
        assert_eq!(fs::read_to_string(root.join("b")).unwrap(), "old b");
        assert_eq!(fs::read_to_string(root.join("link-out")).unwrap(), "old");
        assert_eq!(fs::read_dir(&root).unwrap().count(), 4, "no temporary file is left");
        error
    }

    #[test]
    fn all_or_nothing() {
        let good = change("a", "old a", "new a");
        assert!(matches!(refused(&[good.clone(), change("b", "older b", "x")]), WriteError::Changed(_)));
        assert!(matches!(refused(&[good.clone(), change("c", "", "x")]), WriteError::Io(..)));
        assert!(matches!(refused(&[good.clone(), change("link-out", "old", "x")]), WriteError::Outside(_)));
        assert!(matches!(refused(&[good.clone(), change("../outside", "old", "x")]), WriteError::Outside(_)));
        assert!(matches!(refused(&[good, change("link-a", "old a", "x")]), WriteError::Twice(_)));
    }

    #[test]
    fn several_files_and_names() {
        let (_folder, root) = folder();
        let changes =
            [change("link-a", "old a", "new"), change("a", "old a", "new"), change("b", "old b", "new b")];
        all(&root, &changes).unwrap();
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "new");
        assert_eq!(fs::read_to_string(root.join("b")).unwrap(), "new b");
        assert!(root.join("link-a").is_symlink());
        put_back(&[(root.join("a"), "old a")]).unwrap();
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "old a");
    }
}
