//! The disk as a [`Loader`], fenced in by the project's root.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Component, Utf8Path};

use super::{EntryKind, Loader, ReadError, Source};

/// No script or Dockerfile is larger; what is larger is data.
pub const MAX_FILE_SIZE: u64 = 4 * 1024 * 1024;

/// Reads the files below one directory, and nothing outside of it, whatever symlinks say.
#[derive(Debug, Clone)]
pub struct DiskLoader {
    root: PathBuf,
}

impl DiskLoader {
    /// The files below `root`, which must exist.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { root: fs::canonicalize(root)? })
    }

    /// The root, free of symlinks.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of the project really is, all symlinks followed.
    pub fn resolve(&self, path: &Utf8Path) -> Result<PathBuf, ReadError> {
        let mut is_plain = !path.as_str().is_empty();
        for part in path.components() {
            match part {
                Utf8Component::Normal(_) => {}
                Utf8Component::CurDir => is_plain = false,
                _ => return Err(ReadError::Outside),
            }
        }
        let full = self.root.join(path);
        if let Some(found) = is_plain.then(|| find_without_links(&full)).flatten() {
            return found.map(|()| full).map_err(not_found);
        }
        let real = fs::canonicalize(full).map_err(not_found)?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(ReadError::Outside) }
    }

    fn metadata(&self, path: &Utf8Path) -> Result<(PathBuf, Metadata), ReadError> {
        let real = self.resolve(path)?;
        let metadata = fs::metadata(&real).map_err(not_found)?;
        Ok((real, metadata))
    }
}

/// Whether a path leads somewhere, if there is no symlink on the way; else `None`. This is one system call, where following symlinks takes
/// one for each part of the path.
#[cfg(target_os = "linux")]
fn find_without_links(path: &Path) -> Option<io::Result<()>> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;

    match openat2(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(_) => Some(Ok(())),
        Err(error @ (Errno::NOENT | Errno::NOTDIR)) => Some(Err(error.into())),
        // A symlink; or a kernel or a sandbox that does not know the call.
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn find_without_links(_path: &Path) -> Option<io::Result<()>> {
    None
}

fn not_found(error: io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::NotFound,
        _ => ReadError::Io(error),
    }
}

impl Loader for DiskLoader {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let (real, metadata) = self.metadata(path)?;
        // Looked at before it is opened: opening a FIFO waits for a writer.
        if !metadata.is_file() {
            return Err(ReadError::NotAFile);
        }
        if metadata.len() > MAX_FILE_SIZE {
            return Err(ReadError::TooLarge(MAX_FILE_SIZE));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        // A file may grow while it is read, and files of /proc have no size.
        File::open(real).map_err(not_found)?.take(MAX_FILE_SIZE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_SIZE {
            return Err(ReadError::TooLarge(MAX_FILE_SIZE));
        }
        let text = String::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
        Ok(Source::new(path, text))
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        let (_, metadata) = self.metadata(path).ok()?;
        if metadata.is_file() {
            Some(EntryKind::File)
        } else {
            metadata.is_dir().then_some(EntryKind::Directory)
        }
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        let Ok(entries) = self.resolve(path).and_then(|real| Ok(fs::read_dir(real)?)) else {
            return Vec::new();
        };
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    #[cfg(unix)]
    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        use std::os::unix::fs::PermissionsExt;

        let runs = |path: &Utf8Path| {
            let (_, metadata) = self.metadata(path).ok()?;
            metadata.is_file().then(|| metadata.permissions().mode() & 0o111 != 0)
        };
        if runs(path)? {
            return Some(true);
        }
        // An archive, a share or a checkout on another system may have dropped all modes: then they say nothing.
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let keeps_modes = self.list(folder).iter().any(|name| runs(&folder.join(name)) == Some(true));
        keeps_modes.then_some(false)
    }

    #[cfg(not(unix))]
    fn executable(&self, _path: &Utf8Path) -> Option<bool> {
        None
    }
}
