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
        let full = self.inside(path)?;
        if let Some(found) = find_without_links(&full) {
            return found.map(|_| full).map_err(not_found);
        }
        let real = fs::canonicalize(full).map_err(not_found)?;
        if real.starts_with(&self.root) { Ok(real) } else { Err(ReadError::Outside) }
    }

    /// The path as it is written, which may lead outside by symlinks only.
    fn inside(&self, path: &Utf8Path) -> Result<PathBuf, ReadError> {
        let is_inside = |part| matches!(part, Utf8Component::Normal(_) | Utf8Component::CurDir);
        if path.components().all(is_inside) { Ok(self.root.join(path)) } else { Err(ReadError::Outside) }
    }

    fn metadata(&self, path: &Utf8Path) -> Result<Metadata, ReadError> {
        if let Some(found) = find_without_links(&self.inside(path)?) {
            return Ok(found.map_err(not_found)?.metadata()?);
        }
        fs::metadata(self.resolve(path)?).map_err(not_found)
    }

    fn open(&self, path: &Utf8Path) -> Result<File, ReadError> {
        if let Some(found) = open_without_links(&self.inside(path)?) {
            return found.map_err(not_found);
        }
        // Looked at before it is opened: opening a FIFO waits for a writer.
        if !self.metadata(path)?.is_file() {
            return Err(ReadError::NotAFile);
        }
        File::open(self.resolve(path)?).map_err(not_found)
    }
}

/// What a path leads to, if there is no symlink on the way; else `None`. This is one system call, where following symlinks takes
/// one for each part of the path. It can be asked what it is, and no more.
#[cfg(target_os = "linux")]
fn find_without_links(path: &Path) -> Option<io::Result<File>> {
    without_links(path, rustix::fs::OFlags::PATH)
}

/// The same to be read; without waiting, if it is a FIFO.
#[cfg(target_os = "linux")]
fn open_without_links(path: &Path) -> Option<io::Result<File>> {
    use rustix::fs::OFlags;

    without_links(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
}

#[cfg(target_os = "linux")]
fn without_links(path: &Path, flags: rustix::fs::OFlags) -> Option<io::Result<File>> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
    use rustix::io::Errno;

    match openat2(CWD, path, flags | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Ok(file) => Some(Ok(file.into())),
        Err(error @ (Errno::NOENT | Errno::NOTDIR)) => Some(Err(error.into())),
        // A symlink; or a kernel or a sandbox that does not know the call.
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn find_without_links(_path: &Path) -> Option<io::Result<File>> {
    None
}

#[cfg(not(target_os = "linux"))]
fn open_without_links(_path: &Path) -> Option<io::Result<File>> {
    None
}

/// What is in a file of this length.
fn bytes(mut file: File, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).unwrap_or_default();
    // With room for one more, it is seen at once that there is no more.
    let mut bytes = vec![0; length + 1];
    let read = file.read(&mut bytes)?;
    bytes.truncate(read);
    if read != length {
        // A file may grow while it is read, and files of /proc have no length.
        file.take(MAX_FILE_SIZE).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn not_found(error: io::Error) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::NotFound,
        _ => ReadError::Io(error),
    }
}

impl Loader for DiskLoader {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let file = self.open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(ReadError::NotAFile);
        }
        if metadata.len() > MAX_FILE_SIZE {
            return Err(ReadError::TooLarge(MAX_FILE_SIZE));
        }
        let bytes = bytes(file, metadata.len())?;
        if bytes.len() as u64 > MAX_FILE_SIZE {
            return Err(ReadError::TooLarge(MAX_FILE_SIZE));
        }
        let text = String::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
        Ok(Source::new(path, text))
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        let metadata = self.metadata(path).ok()?;
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
            let metadata = self.metadata(path).ok()?;
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
