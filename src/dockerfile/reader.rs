//! Text to instructions, as BuildKit reads it.

use std::sync::Arc;

use crate::source::Source;

use super::Dockerfile;

/// Reads a Dockerfile. Never fails: what cannot be read is listed in [`Dockerfile::problems`].
pub fn parse(source: &Arc<Source>) -> Dockerfile {
    Dockerfile { source: Arc::clone(source), escape: '\\', instructions: Vec::new(), problems: Vec::new() }
}
