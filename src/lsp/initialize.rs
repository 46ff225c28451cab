//! The beginning of a session: what the client offers, what the server does, which folders there are.

use camino::Utf8PathBuf;
use lsp_types as lsp;
use serde_json::{Value, json};

use super::client::Capabilities;
use super::{actions, uri};

/// What the server does for this client.
pub(super) fn capabilities(client: &Capabilities) -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        position_encoding: Some(client.encoding.kind()),
        text_document_sync: Some(
            lsp::TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(lsp::TextDocumentSyncKind::Incremental),
                save: Some(true.into()),
                ..Default::default()
            }
            .into(),
        ),
        diagnostic_provider: client.pulls_diagnostics.then(|| {
            lsp::DiagnosticOptions {
                identifier: Some("pidone".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: false,
                ..Default::default()
            }
            .into()
        }),
        code_action_provider: client.code_actions.then(|| {
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![
                    lsp::CodeActionKind::QuickFix,
                    lsp::CodeActionKind::from(actions::FIX_ALL),
                ]),
                resolve_provider: Some(true),
                ..Default::default()
            }
            .into()
        }),
        execute_command_provider: Some(lsp::ExecuteCommandOptions {
            commands: vec![actions::EXPLAIN.to_owned(), actions::FIX_WORKSPACE.to_owned()],
            ..Default::default()
        }),
        hover_provider: Some(true.into()),
        document_link_provider: Some(lsp::DocumentLinkOptions::default()),
        // Both say the same; a client that can show both is shown the one that stands out less while typing.
        code_lens_provider: client.code_lenses.then(lsp::CodeLensOptions::default),
        inlay_hint_provider: (client.inlay_hints && !client.code_lenses).then(|| true.into()),
        workspace: Some(lsp::WorkspaceOptions {
            workspace_folders: Some(lsp::WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(true.into()),
            }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The folders that the client has open: the way clients name them today, or one of the older ways.
pub(super) fn folders(params: &Value) -> Vec<Utf8PathBuf> {
    let path = |uri: &Value| uri::to_path(&lsp::Uri::from(uri.as_str()?));
    let listed = params.get("workspaceFolders").and_then(Value::as_array);
    let mut folders: Vec<_> =
        listed.into_iter().flatten().filter_map(|folder| path(folder.get("uri")?)).collect();
    if folders.is_empty() {
        let root = params.get("rootUri").and_then(path);
        let older = || params.get("rootPath").and_then(Value::as_str).map(Utf8PathBuf::from);
        folders.extend(root.or_else(older).filter(|path| path.is_absolute()));
    }
    folders
}

/// The files that the client is asked to watch. What is open, it tells of anyhow.
const WATCHED: &[&str] = &[
    "**/*{Dockerfile,Containerfile,dockerfile,containerfile}*",
    "**/*.{sh,bash,ash,dash}",
    "**/*{entrypoint,start,run}*",
    "**/{package.json,.dockerignore,Procfile,pidone.toml,.pidone.toml}",
    "**/supervisord*.conf",
];

/// The request to watch them.
pub(super) fn watch() -> Value {
    let watchers: Vec<_> = WATCHED.iter().map(|pattern| json!({ "globPattern": pattern })).collect();
    json!({ "registrations": [{
        "id": "pidone-files",
        "method": "workspace/didChangeWatchedFiles",
        "registerOptions": { "watchers": watchers },
    }] })
}
