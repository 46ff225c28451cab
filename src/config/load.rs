//! Configuration files on disk: where they are, and what they extend.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use crate::source::{DiskLoader, Loader, Place, ReadError, Source, Span};

use super::file::ConfigFile;
use super::{ConfigError, FILE_NAMES};

/// A file as it was read.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its path is absolute.
    pub(super) source: Arc<Source>,
    pub(super) file: ConfigFile,
}

/// The configuration file in a folder. Whatever has its name is taken for one, so that one that cannot be read is not passed over.
pub(super) fn file_in(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    FILE_NAMES.iter().map(|name| folder.join(name)).find(|path| path.symlink_metadata().is_ok())
}

/// A file and all that it extends, the last of these first.
pub(super) fn chain(path: &Utf8Path) -> Result<Vec<Loaded>, ConfigError> {
    let mut chain: Vec<Loaded> = Vec::new();
    let mut next = Some(read(path).map_err(|error| ConfigError::unreadable(path, error.to_string()))?);
    while let Some(source) = next.take() {
        let file: ConfigFile =
            toml::from_str(source.text()).map_err(|error| ConfigError::toml(&source, &error))?;
        if let Some(extend) = &file.extend {
            let place = Place::new(&source, Span::from(extend.span()));
            let folder = source.path().parent().unwrap_or(Utf8Path::new("/"));
            let base = read(&folder.join(extend.get_ref())).map_err(|error| {
                ConfigError::at(place.clone(), format!("cannot extend this file: {error}"), "named here")
            })?;
            let known = chain.iter().map(|loaded| &loaded.source).chain([&source]);
            if known.map(|known| known.path()).any(|known| known == base.path()) {
                return Err(ConfigError::at(
                    place,
                    "a configuration file cannot extend itself",
                    "leads in a circle",
                ));
            }
            next = Some(base);
        }
        chain.push(Loaded { source, file });
    }
    chain.reverse();
    Ok(chain)
}

/// Reads a file; its path becomes that of the file itself, behind any symlink.
fn read(path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
    let real = path.canonicalize_utf8().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::NotFound,
        _ => ReadError::Io(error),
    })?;
    let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
        return Err(ReadError::NotAFile);
    };
    let source = DiskLoader::new(folder)?.read(Utf8Path::new(name))?;
    Ok(Source::new(real.clone(), source.text()))
}
