//! The client: what it can do, and how it is spoken to.

use std::io::{self, Write};

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{LogMessageNotification, LogMessageParams, MessageType};
use serde::Serialize;
use serde_json::Value;

use super::encoding::Encoding;
use crate::report::escape;

/// What a client says that it can do. Read leniently: a client that gets one of a hundred capabilities wrong is still a client.
#[derive(Debug, Clone)]
pub(super) struct Capabilities {
    pub(super) encoding: Encoding,
    /// Asks for diagnostics, and can be told to ask again. Others are sent them.
    pub(super) pulls_diagnostics: bool,
    /// Takes the diagnostics of other files along.
    pub(super) related_documents: bool,
    pub(super) related_information: bool,
    pub(super) code_description: bool,
    pub(super) tags: bool,
    /// Watches files for us.
    pub(super) watches_files: bool,
    /// Takes edits of documents of a known version.
    pub(super) versioned_edits: bool,
    /// Takes code actions, not only commands.
    pub(super) code_actions: bool,
    /// Asks for the edit of a code action when it is chosen.
    pub(super) resolves_edits: bool,
    pub(super) markdown: bool,
    pub(super) code_lenses: bool,
    pub(super) refreshes_code_lenses: bool,
    pub(super) inlay_hints: bool,
    pub(super) refreshes_inlay_hints: bool,
    pub(super) applies_edits: bool,
    /// Shows the rule's document that `pidone.explain` returns, so that we need not.
    pub(super) shows_documents: bool,
}

impl Capabilities {
    pub(super) fn of(capabilities: &Value) -> Self {
        let has = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        let is_there = |pointer: &str| capabilities.pointer(pointer).is_some_and(|value| !value.is_null());
        let names = |pointer: &str| -> Vec<&str> {
            let list = capabilities.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).collect()
        };
        Self {
            encoding: Encoding::choose(names("/general/positionEncodings").into_iter()),
            pulls_diagnostics: is_there("/textDocument/diagnostic")
                && has("/workspace/diagnostics/refreshSupport"),
            related_documents: has("/textDocument/diagnostic/relatedDocumentSupport"),
            related_information: has("/textDocument/publishDiagnostics/relatedInformation")
                || has("/textDocument/diagnostic/relatedInformation"),
            code_description: has("/textDocument/publishDiagnostics/codeDescriptionSupport")
                || has("/textDocument/diagnostic/codeDescriptionSupport"),
            tags: is_there("/textDocument/publishDiagnostics/tagSupport")
                || is_there("/textDocument/diagnostic/tagSupport"),
            watches_files: has("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            versioned_edits: has("/workspace/workspaceEdit/documentChanges"),
            code_actions: is_there("/textDocument/codeAction/codeActionLiteralSupport"),
            resolves_edits: names("/textDocument/codeAction/resolveSupport/properties").contains(&"edit")
                && has("/textDocument/codeAction/dataSupport"),
            markdown: names("/textDocument/hover/contentFormat").contains(&"markdown"),
            code_lenses: is_there("/textDocument/codeLens"),
            refreshes_code_lenses: has("/workspace/codeLens/refreshSupport"),
            inlay_hints: is_there("/textDocument/inlayHint"),
            refreshes_inlay_hints: has("/workspace/inlayHint/refreshSupport"),
            applies_edits: has("/workspace/applyEdit"),
            shows_documents: has("/experimental/pidone/showsDocuments"),
        }
    }
}

/// The way to the client.
pub(super) struct Client {
    output: Box<dyn Write>,
    last_request: i32,
    /// True once nobody reads any more.
    pub(super) is_gone: bool,
    pub(super) capabilities: Capabilities,
}

impl Client {
    pub(super) fn new(output: impl Write + 'static) -> Self {
        let capabilities = Capabilities::of(&Value::Null);
        Self { output: Box::new(output), last_request: 0, is_gone: false, capabilities }
    }

    fn send(&mut self, message: &Message) {
        self.is_gone |= message.write(&mut self.output).is_err();
    }

    /// Sends what is no message of `lsp_server`: the answer to something unreadable.
    pub(super) fn send_raw(&mut self, message: &Value) {
        let text = message.to_string();
        let written: io::Result<()> = write!(self.output, "Content-Length: {}\r\n\r\n{text}", text.len())
            .and_then(|()| self.output.flush());
        self.is_gone |= written.is_err();
    }

    pub(super) fn answer(&mut self, id: RequestId, result: Result<Value, Refusal>) {
        let response = match result {
            Ok(result) => Response { id, response_result: Ok(result) },
            Err(Refusal { code, message }) => Response::new_err(id, code as i32, escape::lines(&message)),
        };
        self.send(&response.into());
    }

    pub(super) fn notify<N: lsp_types::Notification>(&mut self, params: N::Params) {
        if let Ok(params) = serde_json::to_value(params) {
            let method: &str = N::METHOD.as_str();
            self.send(&Notification { method: method.to_owned(), params }.into());
        }
    }

    /// Asks the client something; the answer is not waited for.
    pub(super) fn request<R: lsp_types::Request>(&mut self, params: impl Serialize) {
        if let Ok(params) = serde_json::to_value(params) {
            self.last_request += 1;
            let method: &str = R::METHOD.as_str();
            let id = RequestId::from(format!("pidone-{}", self.last_request));
            self.send(&Request { id, method: method.to_owned(), params }.into());
        }
    }

    /// Something for the client's log.
    pub(super) fn log(&mut self, kind: MessageType, message: impl Into<String>) {
        self.notify::<LogMessageNotification>(LogMessageParams {
            kind,
            message: escape::lines(&message.into()),
        });
    }
}

/// Why a request is not answered with a result.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
