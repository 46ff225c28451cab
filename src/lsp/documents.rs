//! The documents that the client has open, as it holds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri};

use crate::orchestrator;
use crate::source::{self, Name, Source, Span};

use super::encoding::Encoding;
use super::uri;

/// An open document.
pub(super) struct Document {
    /// As the client spells it.
    pub(super) uri: Uri,
    /// Where it is on disk, symlinks followed; `None` for what is no file.
    pub(super) path: Option<Utf8PathBuf>,
    /// The text, under its absolute path.
    pub(super) source: Arc<Source>,
    pub(super) version: i32,
    /// True if the text is not, as far as we know, what is on disk.
    pub(super) edited: bool,
    language: String,
}

impl Document {
    /// True if it is a Dockerfile or a deployment, and checked for its own sake, not only as part of what a Dockerfile starts.
    pub(super) fn is_checked(&self) -> bool {
        let name = self.path.as_deref().and_then(Utf8Path::file_name).map_or(Name::Other, source::name);
        let is_deployment = || orchestrator::is_deployment(&self.source);
        // Some clients name one language for all files of a server.
        let may_be = name == Name::Other && !self.source.text().starts_with("#!");
        name == Name::Dockerfile || is_deployment() || (may_be && self.language == "dockerfile")
    }

    fn set_text(&mut self, text: String) {
        self.source = Source::new(self.source.path(), text);
    }
}

/// All of them. One file is one document, however its URI is written.
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<String, Document>,
}

impl Documents {
    fn key(uri: &Uri) -> String {
        uri::to_path(uri).map_or_else(|| uri.to_string(), |path| uri::settle(&path).into_string())
    }

    pub(super) fn open(&mut self, item: TextDocumentItem) -> &Document {
        let path = uri::to_path(&item.uri).map(|path| uri::settle(&path));
        let name = path.clone().unwrap_or_else(|| Utf8PathBuf::from(item.uri.as_ref()));
        let on_disk = path.as_ref().and_then(|path| std::fs::read(path).ok());
        let document = Document {
            edited: on_disk.as_deref() != Some(item.text.as_bytes()),
            source: Source::new(name, item.text),
            version: item.version,
            language: item.language_id.as_str().to_owned(),
            path,
            uri: item.uri.clone(),
        };
        let key = Self::key(&item.uri);
        self.open.insert(key.clone(), document);
        &self.open[&key]
    }

    pub(super) fn close(&mut self, uri: &Uri) -> Option<Document> {
        self.open.remove(&Self::key(uri))
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(&Self::key(uri))
    }

    /// The document of the file at a settled path.
    pub(super) fn at(&self, path: &Utf8Path) -> Option<&Document> {
        self.open.get(path.as_str()).filter(|document| document.path.is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Document> {
        self.open.values()
    }

    pub(super) fn saved(&mut self, uri: &Uri) -> Option<&Document> {
        let document = self.open.get_mut(&Self::key(uri))?;
        document.edited = false;
        Some(document)
    }

    /// Makes the changes that a client made, one after the other. `None` if the document is not open.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Option<&Document> {
        let document = self.open.get_mut(&Self::key(uri))?;
        document.version = version;
        document.edited = true;
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    document.set_text(whole.text);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    let Span { start, end } = encoding.span(&document.source, part.range);
                    let mut text = document.source.text().to_owned();
                    text.replace_range(start..end, &part.text);
                    document.set_text(text);
                }
            }
        }
        Some(document)
    }
}
