//! The build context: which file is at a path of the image?

use std::sync::Arc;

use crate::dockerfile::Image;
use crate::source::{Excerpt, Loader, Place};

/// What the image holds at a path.
#[derive(Debug, Clone)]
pub enum Found {
    /// A text file whose content is known.
    File(ImageFile),
    /// A file that is put there, but whose content cannot be read; the reason is for people.
    Unreadable(String),
    /// Nothing known puts a file there: the base image, a package or a build step may.
    Unknown,
}

/// A text file in the image.
#[derive(Debug, Clone)]
pub struct ImageFile {
    /// Absolute, normalised path in the image.
    pub path: String,
    /// The content, with its map to the file a person would edit.
    pub text: Arc<Excerpt>,
    /// Whether it may be executed; `None` where that cannot be known.
    pub executable: Option<bool>,
    /// The instruction that puts it there.
    pub by: Option<Place>,
}

/// Looks up files of one image.
pub trait ImageFiles {
    /// The file at an absolute path of the image.
    fn find(&self, path: &str) -> Found;
}

/// The files that a Dockerfile's instructions put into an image.
pub struct Context<'a> {
    #[allow(dead_code)]
    image: &'a Image,
    #[allow(dead_code)]
    loader: &'a dyn Loader,
}

impl<'a> Context<'a> {
    /// The files of `image`, read through `loader`.
    pub fn new(image: &'a Image, loader: &'a dyn Loader) -> Self {
        Self { image, loader }
    }
}

impl ImageFiles for Context<'_> {
    fn find(&self, _path: &str) -> Found {
        Found::Unknown
    }
}
