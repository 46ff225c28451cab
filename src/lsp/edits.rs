//! Edits and repaired texts as the client applies them: one change of the workspace, over all files or none.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types as lsp;
use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::source::{Edit, Loader, Source, Span};

use super::diagnostics::Translator;
use super::workspace::Project;

/// Edits of some files, put together for the client.
#[derive(Default)]
pub(super) struct Changes {
    /// By the file's real path: its text as it is, and the edits of it.
    files: BTreeMap<Utf8PathBuf, (Arc<Source>, Vec<lsp::TextEdit>)>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Adds byte edits. `None` if a file cannot be read.
    pub(super) fn add(
        &mut self,
        edits: &[Edit],
        project: &Project,
        translator: &Translator<'_>,
    ) -> Option<()> {
        let loader = project.loader(translator.documents);
        let mut edits: Vec<&Edit> = edits.iter().collect();
        // An insertion where a replacement starts comes before it, here as there.
        edits.sort_by_key(|edit| (&edit.path, edit.span.start, !edit.span.is_empty()));
        for edit in edits {
            let source = loader.read(&edit.path).ok()?;
            self.insert(project.real(&edit.path), &source, edit.span, &edit.text, translator);
        }
        Some(())
    }

    /// Adds a whole text that takes the place of another, as the lines that differ.
    pub(super) fn replace(
        &mut self,
        path: &Utf8Path,
        before: &str,
        after: &str,
        project: &Project,
        translator: &Translator<'_>,
    ) {
        let source = Source::new(path, before);
        let real = project.real(path);
        // The same lines as those of positions: other ways to cut a text would put the edits elsewhere.
        let (old, new): (Vec<&str>, Vec<&str>) =
            (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
        let length = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
        for change in capture_diff_slices(Algorithm::Myers, &old, &new) {
            if change.tag() != DiffTag::Equal {
                let start = length(&old[..change.old_range().start]);
                let span = Span::new(start, start + length(&old[change.old_range()]));
                self.insert(real.clone(), &source, span, &new[change.new_range()].concat(), translator);
            }
        }
    }

    fn insert(
        &mut self,
        real: Utf8PathBuf,
        source: &Arc<Source>,
        span: Span,
        text: &str,
        translator: &Translator<'_>,
    ) {
        let range = translator.capabilities.encoding.range(source, span);
        let (_, edits) = self.files.entry(real).or_insert_with(|| (Arc::clone(source), Vec::new()));
        edits.push(lsp::TextEdit { range, new_text: text.to_owned() });
    }

    /// With the versions of open documents, so that no client applies them to another text than they were made for.
    pub(super) fn into_workspace_edit(self, translator: &Translator<'_>) -> lsp::WorkspaceEdit {
        let uri = |path: &Utf8Path| translator.workspace.uri(path, translator.documents);
        if !translator.capabilities.versioned_edits {
            let changes: HashMap<_, _> =
                self.files.iter().map(|(path, (_, edits))| (uri(path), edits.clone())).collect();
            return lsp::WorkspaceEdit { changes: Some(changes), ..Default::default() };
        }
        let changes = self.files.into_iter().map(|(path, (_, edits))| {
            let document = lsp::OptionalVersionedTextDocumentIdentifier {
                version: translator.documents.at(&path).map(|document| document.version),
                text_document_identifier: lsp::TextDocumentIdentifier { uri: uri(&path) },
            };
            let edits = edits.into_iter().map(lsp::Edit::TextEdit).collect();
            lsp::DocumentChange::TextDocumentEdit(lsp::TextDocumentEdit { text_document: document, edits })
        });
        lsp::WorkspaceEdit { document_changes: Some(changes.collect()), ..Default::default() }
    }
}
