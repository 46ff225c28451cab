//! A session with one client, from its first message to its last.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::thread;

use camino::Utf8PathBuf;
use lsp_server::{ErrorCode, Message, Notification, Request, RequestId};
use lsp_types::{self as lsp, MessageType, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::guard::{self, Defect, guarded};

use super::client::{Capabilities, Client, Refusal};
use super::diagnostics::{self, Finding, Translator};
use super::documents::Documents;
use super::workspace::{Discovery, Workspace, discover};
use super::{initialize, uri};

/// What can happen.
pub(super) enum Event {
    Message(Message),
    /// Something came that is no message; the answer to it.
    Malformed(Value),
    /// The client has left, or nothing more can be made of what it sends.
    Closed(Option<io::Error>),
    /// A folder has been searched for Dockerfiles.
    Discovered(Utf8PathBuf, Discovery),
}

/// How far the session is, as the protocol counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Uninitialized,
    Running,
    ShutDown,
}

/// What the client was last told of a file.
#[derive(PartialEq)]
struct Published {
    uri: Uri,
    version: Option<i32>,
    diagnostics: Vec<lsp::Diagnostic>,
}

/// The state of a session.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) documents: Documents,
    pub(super) workspace: Workspace,
    phase: Phase,
    events: Sender<Event>,
    /// By the file's path.
    published: BTreeMap<Utf8PathBuf, Published>,
    /// True if something was checked since diagnostics were last given out.
    has_news: bool,
    /// What was last shown above ENTRYPOINT and CMD, by the document's URI, with the version of its text.
    pub(super) titles: BTreeMap<String, (i32, Vec<String>)>,
}

/// The answer to a request.
pub(super) type Answer = Result<Value, Refusal>;

impl Session {
    pub(super) fn new(output: impl Write + 'static, events: Sender<Event>) -> Self {
        Self {
            client: Client::new(output),
            documents: Documents::default(),
            workspace: Workspace::default(),
            phase: Phase::Uninitialized,
            events,
            published: BTreeMap::new(),
            has_news: false,
            titles: BTreeMap::new(),
        }
    }

    /// Answers until the client leaves. What is stale is checked while no message waits.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> ExitCode {
        let mut waiting: VecDeque<Event> = VecDeque::new();
        loop {
            for event in events.try_iter() {
                match event {
                    Event::Message(Message::Notification(cancel)) if cancel.method == "$/cancelRequest" => {
                        self.cancel(&cancel, &mut waiting);
                    }
                    event => waiting.push_back(event),
                }
            }
            let event = match waiting.pop_front() {
                Some(event) => event,
                None if self.work() => continue,
                None => match events.recv() {
                    Ok(event) => event,
                    Err(_) => Event::Closed(None),
                },
            };
            match event {
                Event::Message(Message::Notification(exit)) if exit.method == "exit" => return self.end(),
                Event::Message(message) => self.receive(message),
                Event::Malformed(answer) => self.client.send_raw(&answer),
                Event::Discovered(folder, found) => {
                    self.workspace.discovered(&folder, found, &self.documents);
                    self.has_news = true;
                }
                Event::Closed(error) => {
                    if let Some(error) = error {
                        self.client
                            .log(MessageType::Error, format!("cannot read what the client sends: {error}"));
                    }
                    return self.end();
                }
            }
            if self.client.is_gone {
                return self.end();
            }
        }
    }

    /// A session ends well if the client has asked for it.
    fn end(&self) -> ExitCode {
        if self.phase == Phase::ShutDown { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    /// Takes back a request that is still waiting.
    fn cancel(&mut self, cancel: &Notification, waiting: &mut VecDeque<Event>) {
        let Some(id) =
            cancel.params.get("id").and_then(|id| serde_json::from_value::<RequestId>(id.clone()).ok())
        else {
            return;
        };
        let at = waiting
            .iter()
            .position(|event| matches!(event, Event::Message(Message::Request(request)) if request.id == id));
        if at.and_then(|at| waiting.remove(at)).is_some() {
            self.client.answer(id, Err(Refusal::new(ErrorCode::RequestCanceled, "cancelled by the client")));
        }
    }

    fn receive(&mut self, message: Message) {
        match message {
            Message::Request(request) => {
                let id = request.id.clone();
                let method = request.method.clone();
                let answer = self.guarded(&format!("in {method}"), |session| session.request(request));
                let failed = |defect| {
                    let message = format!("{method} failed: {defect}; {}", guard::ADVICE);
                    Err(Refusal::new(ErrorCode::InternalError, message))
                };
                self.client.answer(id, answer.unwrap_or_else(failed));
            }
            Message::Notification(notification) => {
                let method = notification.method.clone();
                // It is told; there is nobody to answer.
                let _ = self.guarded(&format!("in {method}"), |session| session.notification(notification));
            }
            // What we ask of a client is asked as a favour.
            Message::Response(_) => {}
        }
    }

    /// A defect in the answer to one message is no reason to leave the client alone.
    fn guarded<T>(&mut self, what: &str, work: impl FnOnce(&mut Self) -> T) -> Result<T, Defect> {
        let result = guarded(|| work(self));
        if let Err(defect) = &result {
            self.tell(what, defect);
        }
        result
    }

    fn tell(&mut self, what: &str, defect: &Defect) {
        let message = format!("internal error {what}: {defect}; {}", guard::ADVICE);
        self.client.log(MessageType::Error, message);
    }

    fn request(&mut self, request: Request) -> Answer {
        match (self.phase, request.method.as_str()) {
            (Phase::Uninitialized, "initialize") => return self.initialize(&request.params),
            (Phase::Uninitialized, _) => {
                return Err(Refusal::new(
                    ErrorCode::ServerNotInitialized,
                    "the first request is `initialize`",
                ));
            }
            (Phase::Running, "initialize") => {
                return Err(Refusal::new(ErrorCode::InvalidRequest, "the session is initialized already"));
            }
            (Phase::Running, "shutdown") => {
                self.phase = Phase::ShutDown;
                return Ok(Value::Null);
            }
            (Phase::Running, _) => {}
            (Phase::ShutDown, _) => {
                return Err(Refusal::new(ErrorCode::InvalidRequest, "the session is shut down"));
            }
        }
        let Request { method, params, .. } = request;
        self.settle();
        match method.as_str() {
            "textDocument/diagnostic" => self.diagnostics(&read(params)?),
            "textDocument/codeAction" => self.code_actions(&read(params)?),
            "codeAction/resolve" => self.resolve(read(params)?),
            "textDocument/hover" => self.hover(&read(params)?),
            "textDocument/documentLink" => self.links(&read(params)?),
            "textDocument/codeLens" => self.code_lenses(&read(params)?),
            "textDocument/inlayHint" => self.inlay_hints(&read(params)?),
            "workspace/executeCommand" => self.execute(&read(params)?),
            _ => Err(Refusal::new(ErrorCode::MethodNotFound, format!("there is no {method} here"))),
        }
    }

    fn initialize(&mut self, params: &Value) -> Answer {
        self.phase = Phase::Running;
        self.client.capabilities = Capabilities::of(params.get("capabilities").unwrap_or(&Value::Null));
        for folder in initialize::folders(params) {
            let folder = self.workspace.add_folder(folder);
            self.search(folder);
        }
        let result = lsp::InitializeResult {
            capabilities: initialize::capabilities(&self.client.capabilities),
            server_info: Some(lsp::ServerInfo {
                name: "pidone".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        };
        to_value(result)
    }

    /// Searches a folder for Dockerfiles, aside: it may be large.
    fn search(&self, folder: Utf8PathBuf) {
        let (events, configs) = (self.events.clone(), Arc::clone(&self.workspace.configs));
        thread::spawn(move || {
            let found = guarded(|| discover(&folder, &configs)).unwrap_or_default();
            // Nobody is left to be told after the session has ended.
            let _ = events.send(Event::Discovered(folder, found));
        });
    }

    fn notification(&mut self, Notification { method, params }: Notification) {
        if self.phase != Phase::Running {
            return;
        }
        let understood = match method.as_str() {
            "initialized" => {
                if self.client.capabilities.watches_files {
                    self.client.request::<lsp::RegistrationRequest>(initialize::watch());
                }
                Ok(())
            }
            "textDocument/didOpen" => read(params).map(|params| self.did_open(params)),
            "textDocument/didChange" => read(params).map(|params| self.did_change(params)),
            "textDocument/didSave" => read(params).map(|params| self.did_save(&params)),
            "textDocument/didClose" => read(params).map(|params| self.did_close(&params)),
            "workspace/didChangeWatchedFiles" => read(params).map(|params| self.files_changed(params)),
            "workspace/didChangeWorkspaceFolders" => read(params).map(|params| self.folders_changed(params)),
            _ => Ok(()),
        };
        if let Err(refusal) = understood {
            self.client.log(MessageType::Warning, format!("{method}: {}", refusal.message));
        }
    }

    fn did_open(&mut self, params: lsp::DidOpenTextDocumentParams) {
        self.has_news = true;
        let uri = params.text_document.uri.clone();
        self.documents.open(params.text_document);
        let Some(document) = self.documents.get(&uri) else { return };
        if let Some(path) = &document.path {
            self.workspace.touched(path, document.edited);
        }
        if let Some(folder) = self.workspace.opened(document, &self.documents) {
            self.search(folder);
        }
        self.doubt();
    }

    /// Where nobody watches the files, something may have changed on disk. People come back to the editor by opening and saving.
    fn doubt(&mut self) {
        if !self.client.capabilities.watches_files {
            self.workspace.doubt();
        }
    }

    fn did_change(&mut self, params: lsp::DidChangeTextDocumentParams) {
        let id = params.text_document;
        let uri = id.text_document_identifier.uri;
        let before = self.documents.get(&uri).map(|document| document.version);
        let encoding = self.client.capabilities.encoding;
        let Some(document) = self.documents.change(&uri, id.version, params.content_changes, encoding) else {
            let message = format!("{uri} was changed, but is not open");
            return self.client.log(MessageType::Warning, message);
        };
        self.has_news = true;
        if let Some(path) = &document.path {
            self.workspace.edited(path);
        }
        if before.is_some_and(|before| before >= id.version) {
            // The changes came in order all the same: there is one way from the client to us.
            self.client.log(MessageType::Warning, format!("{uri}: version {} came late", id.version));
        }
    }

    fn did_save(&mut self, params: &lsp::DidSaveTextDocumentParams) {
        let path = self.documents.saved(&params.text_document.uri).and_then(|document| document.path.clone());
        if let Some(path) = path {
            // Its mode may have changed, or it may be new.
            self.workspace.touched(&path, true);
            if self.workspace.is_configuration(&path) {
                self.configure();
            }
            self.doubt();
            self.has_news = true;
        }
    }

    fn did_close(&mut self, params: &lsp::DidCloseTextDocumentParams) {
        let Some(document) = self.documents.close(&params.text_document.uri) else { return };
        self.has_news = true;
        if let Some(path) = document.path.filter(|_| document.edited) {
            self.workspace.touched(&path, true);
        }
        self.workspace.sort_out(&self.documents);
    }

    fn files_changed(&mut self, params: lsp::DidChangeWatchedFilesParams) {
        let (mut new_files, mut configured) = (false, false);
        for change in params.changes {
            let Some(path) = uri::to_path(&change.uri).map(|path| uri::settle(&path)) else { continue };
            let came_or_went = change.kind != lsp::FileChangeType::Changed;
            // Modes change without a file's coming or going.
            self.workspace.touched(&path, true);
            new_files |= came_or_went;
            configured |= self.workspace.is_configuration(&path);
        }
        if configured {
            self.configure();
        } else if new_files {
            self.search_again();
        }
        self.has_news = true;
    }

    /// Reads the configuration anew. What it says of files to leave out or to take in matters to the search.
    fn configure(&mut self) {
        self.workspace.configure();
        self.search_again();
    }

    fn search_again(&self) {
        self.workspace.folders().for_each(|folder| self.search(folder.to_owned()));
    }

    fn folders_changed(&mut self, params: lsp::DidChangeWorkspaceFoldersParams) {
        for folder in params.event.removed.iter().filter_map(|folder| uri::to_path(&folder.uri)) {
            self.workspace.remove_folder(&folder, &self.documents);
        }
        for folder in params.event.added.iter().filter_map(|folder| uri::to_path(&folder.uri)) {
            let folder = self.workspace.add_folder(folder);
            self.search(folder);
        }
        self.has_news = true;
    }

    /// Does a part of what is to be done; false if there is nothing.
    fn work(&mut self) -> bool {
        self.workspace.prepare(&self.documents);
        if self.has_news && self.workspace.is_settled() {
            self.has_news = false;
            // It is told; the next change gives them out again.
            let _ = self.guarded("in the diagnostics", Self::publish);
            return true;
        }
        let Some(step) = self.workspace.work(&self.documents) else { return false };
        for (path, defect) in step.failed {
            self.tell(&format!("while checking {path}"), &defect);
        }
        self.has_news |= step.shown;
        true
    }

    /// Checks everything that is shown.
    fn settle(&mut self) {
        self.workspace.prepare(&self.documents);
        while !self.workspace.is_settled() && self.work() {}
    }

    pub(super) fn translator(&self) -> Translator<'_> {
        Translator {
            workspace: &self.workspace,
            documents: &self.documents,
            capabilities: &self.client.capabilities,
        }
    }

    /// Tells the client what is new: the diagnostics themselves, or that it should ask for them.
    fn publish(&mut self) {
        self.refresh_titles();
        let translator = self.translator();
        let mut current: BTreeMap<Utf8PathBuf, Published> = BTreeMap::new();
        for (path, findings) in diagnostics::by_file(&self.workspace) {
            let document = self.documents.at(&path);
            let uri = self.workspace.uri(&path, &self.documents);
            let version = document.map(|document| document.version);
            current.insert(path, Published { uri, version, diagnostics: translator.all(&findings) });
        }
        for (path, refused) in translator.refused() {
            let (uri, version) = (refused.0, self.documents.at(&path).map(|document| document.version));
            current.entry(path).or_insert(Published { uri, version, diagnostics: vec![refused.1] });
        }
        for document in self.documents.iter() {
            let Some(path) = &document.path else { continue };
            current.entry(path.clone()).or_insert_with(|| Published {
                uri: document.uri.clone(),
                version: Some(document.version),
                diagnostics: Vec::new(),
            });
        }
        // What nobody speaks of any more is cleared.
        for (path, before) in &self.published {
            if !before.diagnostics.is_empty() && !current.contains_key(path) {
                let uri = before.uri.clone();
                current.insert(path.clone(), Published { uri, version: None, diagnostics: Vec::new() });
            }
        }
        if self.client.capabilities.pulls_diagnostics {
            return self.ask_to_pull(current);
        }
        for (path, now) in &current {
            if self.published.get(path) != Some(now) {
                self.client.notify::<lsp::PublishDiagnosticsNotification>(lsp::PublishDiagnosticsParams {
                    uri: now.uri.clone(),
                    version: now.version,
                    diagnostics: now.diagnostics.clone(),
                });
            }
        }
        current.retain(|path, now| !now.diagnostics.is_empty() || self.documents.at(path).is_some());
        self.published = current;
    }

    /// Asks the client to ask again, if there is news that it does not expect: of a document that has changed it asks of its own accord.
    fn ask_to_pull(&mut self, current: BTreeMap<Utf8PathBuf, Published>) {
        let related = self.client.capabilities.related_documents;
        let mut shown = current.iter().filter(|(path, _)| related || self.documents.at(path).is_some());
        let is_unexpected = shown.any(|(path, now)| {
            let before = self.published.get(path);
            let same_text = before.is_none_or(|before| before.version == now.version);
            same_text
                && before.map(|before| before.diagnostics.as_slice()).unwrap_or_default() != now.diagnostics
        });
        if is_unexpected {
            self.client.request::<lsp::DiagnosticRefreshRequest>(Value::Null);
            self.published = current;
        }
    }

    /// The diagnostics of a document, for a client that asks, with those of the files that it leads to.
    fn diagnostics(&mut self, params: &lsp::DocumentDiagnosticParams) -> Answer {
        let nothing = json!({ "kind": "full", "items": [] });
        let Some(document) = self.documents.get(&params.text_document.uri) else { return Ok(nothing) };
        let Some(own) = document.path.clone() else { return Ok(nothing) };
        let translator = self.translator();
        let takes_related = self.client.capabilities.related_documents;
        let mut told = BTreeMap::new();
        let mut tell = |path: Utf8PathBuf, findings: &[Finding<'_>]| {
            let uri = self.workspace.uri(&path, &self.documents);
            let version = self.documents.at(&path).map(|document| document.version);
            told.insert(path, Published { uri, version, diagnostics: translator.all(findings) });
        };
        tell(own.clone(), &[]);
        // What was said of others is taken back where it no longer holds.
        let others = self.published.iter().filter(|(path, said)| {
            takes_related && !said.diagnostics.is_empty() && self.documents.at(path).is_none()
        });
        others.for_each(|(path, _)| tell(path.clone(), &[]));
        for (path, findings) in diagnostics::by_file(&self.workspace) {
            // Other open documents are asked for by themselves.
            if path == own || (takes_related && self.documents.at(&path).is_none()) {
                tell(path, &findings);
            }
        }
        let mut report = nothing;
        for (path, Published { uri, diagnostics, .. }) in &told {
            let items = json!(diagnostics);
            if *path == own {
                report["items"] = items;
            } else {
                report["relatedDocuments"][uri.as_ref()] = json!({ "kind": "full", "items": items });
            }
        }
        self.published.extend(told);
        Ok(report)
    }
}

/// The parameters of a message.
fn read<T: DeserializeOwned>(params: Value) -> Result<T, Refusal> {
    serde_json::from_value(params).map_err(|error| Refusal::new(ErrorCode::InvalidParams, error.to_string()))
}

/// A result as it is sent.
pub(super) fn to_value(result: impl serde::Serialize) -> Answer {
    serde_json::to_value(result).map_err(|error| Refusal::new(ErrorCode::InternalError, error.to_string()))
}
