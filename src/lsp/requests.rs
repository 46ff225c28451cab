//! What a client asks for about one document, and the commands.

use lsp_server::ErrorCode;
use lsp_types as lsp;
use serde_json::{Value, json};

use crate::report::count;

use super::client::Refusal;
use super::session::{Answer, Session, to_value};
use super::{actions, picture};

impl Session {
    pub(super) fn code_actions(&self, params: &lsp::CodeActionParams) -> Answer {
        let Some(document) = self.documents.get(&params.text_document.uri) else { return Ok(json!([])) };
        to_value(actions::actions(document, params, &self.translator()))
    }

    /// The edit of an action that was offered without one.
    pub(super) fn resolve(&self, mut action: lsp::CodeAction) -> Answer {
        let uri = action.data.as_ref().and_then(|data| Some(lsp::Uri::from(data.get("uri")?.as_str()?)));
        if let Some(document) = uri.and_then(|uri| self.documents.get(&uri)) {
            action.edit = actions::fix_document(document, &self.translator());
        }
        to_value(action)
    }

    pub(super) fn hover(&self, params: &lsp::HoverParams) -> Answer {
        let lsp::TextDocumentPositionParams { text_document, position } =
            &params.text_document_position_params;
        let document = self.documents.get(&text_document.uri);
        to_value(document.and_then(|document| picture::hover(document, *position, &self.translator())))
    }

    pub(super) fn links(&self, params: &lsp::DocumentLinkParams) -> Answer {
        let document = self.documents.get(&params.text_document.uri);
        to_value(document.map(|document| picture::links(document, &self.translator())).unwrap_or_default())
    }

    pub(super) fn code_lenses(&mut self, params: &lsp::CodeLensParams) -> Answer {
        let lenses =
            self.titles_of(&params.text_document.uri).into_iter().map(|(range, title)| lsp::CodeLens {
                range,
                // It says something and does nothing.
                command: Some(lsp::Command { title, ..Default::default() }),
                data: None,
            });
        to_value(lenses.collect::<Vec<_>>())
    }

    pub(super) fn inlay_hints(&mut self, params: &lsp::InlayHintParams) -> Answer {
        let titles = self.titles_of(&params.text_document.uri);
        let shown = titles
            .into_iter()
            .filter(|(range, _)| range.end <= params.range.end && range.end >= params.range.start);
        let hints = shown.map(|(range, title)| lsp::InlayHint {
            position: range.end,
            label: title.into(),
            kind: None,
            text_edits: None,
            tooltip: None,
            padding_left: Some(true),
            padding_right: None,
            data: None,
        });
        to_value(hints.collect::<Vec<_>>())
    }

    fn titles_of(&mut self, uri: &lsp::Uri) -> Vec<(lsp::Range, String)> {
        let Some(document) = self.documents.get(uri) else { return Vec::new() };
        let titles = picture::titles(document, &self.translator());
        let shown = titles.iter().map(|(_, title)| title.clone()).collect();
        let (version, encoding) = (document.version, self.client.capabilities.encoding);
        let titles =
            titles.into_iter().map(|(span, title)| (encoding.range(&document.source, span), title)).collect();
        self.titles.insert(uri.to_string(), (version, shown));
        titles
    }

    /// Asks the client to ask again for what stands above ENTRYPOINT, where it has changed and the text has not.
    pub(super) fn refresh_titles(&mut self) {
        let translator = self.translator();
        let mut outdated = Vec::new();
        for document in self.documents.iter() {
            let Some((version, shown)) = self.titles.get(document.uri.as_ref()) else { continue };
            let titles = || picture::titles(document, &translator).into_iter().map(|(_, title)| title);
            if *version == document.version && !titles().eq(shown.iter().cloned()) {
                outdated.push(document.uri.to_string());
            }
        }
        if outdated.is_empty() {
            return;
        }
        outdated.iter().for_each(|uri| {
            self.titles.remove(uri);
        });
        if self.client.capabilities.refreshes_code_lenses {
            self.client.request::<lsp::CodeLensRefreshRequest>(Value::Null);
        }
        if self.client.capabilities.refreshes_inlay_hints {
            self.client.request::<lsp::InlayHintRefreshRequest>(Value::Null);
        }
    }

    pub(super) fn execute(&mut self, params: &lsp::ExecuteCommandParams) -> Answer {
        match params.command.as_str() {
            actions::EXPLAIN => {
                let name = params.arguments.as_deref().and_then(<[Value]>::first).unwrap_or(&Value::Null);
                let Some(rule) = actions::rule(name) else {
                    return Err(Refusal::new(ErrorCode::InvalidParams, format!("there is no rule {name}")));
                };
                if !self.client.capabilities.shows_documents {
                    self.show(actions::summary(rule));
                }
                Ok(Value::from(rule.document))
            }
            actions::FIX_WORKSPACE => {
                if !self.client.capabilities.applies_edits {
                    return Err(Refusal::new(ErrorCode::RequestFailed, "this client takes no edits"));
                }
                let (edit, repaired) = actions::fix_workspace(&self.translator());
                if repaired > 0 {
                    self.client.request::<lsp::ApplyWorkspaceEditRequest>(
                        json!({ "label": format!("Repair {}", count(repaired, "finding")), "edit": edit }),
                    );
                }
                Ok(json!({ "repaired": repaired }))
            }
            other => Err(Refusal::new(ErrorCode::InvalidParams, format!("there is no command {other}"))),
        }
    }

    fn show(&mut self, message: String) {
        let kind = lsp::MessageType::Info;
        self.client.notify::<lsp::ShowMessageNotification>(lsp::ShowMessageParams { kind, message });
    }
}
