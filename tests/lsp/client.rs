//! A client that says what the test says, over standard input and output, and waits for what it expects.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing takes so long, though an unoptimised server is asked to open every fixture at once; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(180);

/// A folder with files, as an editor has it open.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(project.path(".git")).unwrap();
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    pub(crate) fn root(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap()
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root().join(name)
    }

    pub(crate) fn uri(&self, name: &str) -> String {
        format!("file://{}", self.path(name).display())
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// What `pidone check` finds, as `path:line rule`.
    pub(crate) fn check(&self) -> Vec<String> {
        let output = Command::new(cargo_bin("pidone"))
            .args(["check", "--output-format", "json"])
            .current_dir(self.root())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut found: Vec<String> = report["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| {
                let (path, rule) = (found["path"].as_str().unwrap(), found["rule"].as_str().unwrap());
                format!("{path}:{} {rule}", found["range"]["start"]["line"])
            })
            .collect();
        found.sort();
        found
    }
}

/// The server, and what it has said.
pub(crate) struct Client {
    server: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
    /// Everything that came and was not an answer.
    pub(crate) heard: Vec<Value>,
    last_id: i32,
}

/// What most clients can, as far as the server asks.
pub(crate) fn capabilities() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-16"] },
        "textDocument": {
            "publishDiagnostics": {
                "relatedInformation": true, "codeDescriptionSupport": true, "tagSupport": { "valueSet": [1, 2] },
            },
            "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix", "source"] } } },
            "hover": { "contentFormat": ["markdown", "plaintext"] },
            "codeLens": {},
        },
        "workspace": { "workspaceEdit": { "documentChanges": true }, "applyEdit": true },
    })
}

/// Adds members to capabilities.
pub(crate) fn with(mut capabilities: Value, pointer: &str, value: Value) -> Value {
    let mut at = &mut capabilities;
    for name in pointer.split('/').skip(1) {
        at = &mut at[name];
    }
    *at = value;
    capabilities
}

impl Client {
    /// A server that has been told nothing yet.
    pub(crate) fn start() -> Self {
        let mut server = Command::new(cargo_bin("pidone"))
            .arg("server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(server.stdout.take().unwrap());
        let (sender, output) = channel();
        thread::spawn(move || {
            while let Some(message) = read_message(&mut reader) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = server.stdin.take();
        Self { server, input, output, heard: Vec::new(), last_id: 0 }
    }

    /// A server in a project's folder.
    pub(crate) fn in_project(project: &Project, capabilities: Value) -> Self {
        let mut client = Self::start();
        client.initialize(json!({
            "processId": std::process::id(),
            "capabilities": capabilities,
            "workspaceFolders": [{ "uri": project.uri("").trim_end_matches('/'), "name": "project" }],
        }));
        client
    }

    pub(crate) fn initialize(&mut self, params: Value) -> Value {
        let result = self.request("initialize", params).unwrap();
        self.notify("initialized", json!({}));
        result
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        // A server that has left cannot be told.
        let _ = self.input.as_mut().unwrap().write_all(bytes);
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let text = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request and waits for its answer: the result, or the error.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send_request(method, params);
        self.answer(id)
    }

    pub(crate) fn send_request(&mut self, method: &str, params: Value) -> i32 {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    pub(crate) fn answer(&mut self, id: i32) -> Result<Value, Value> {
        loop {
            let Some(mut message) = self.next() else { panic!("the server left without an answer to {id}") };
            if message.get("method").is_none() && message["id"] == id {
                let error = message["error"].take();
                return if error.is_null() { Ok(message["result"].take()) } else { Err(error) };
            }
            self.heard.push(message);
        }
    }

    /// How often the server has called a method.
    pub(crate) fn heard_of(&self, method: &str) -> usize {
        self.heard.iter().filter(|message| message["method"] == method).count()
    }

    /// Waits until the server calls a method.
    pub(crate) fn wait_for(&mut self, method: &str) {
        while self.heard_of(method) == 0 {
            let message = self.next().unwrap_or_else(|| panic!("the server left without {method}"));
            self.heard.push(message);
        }
    }

    /// The next message; `None` if the server has left.
    pub(crate) fn next(&mut self) -> Option<Value> {
        match self.output.recv_timeout(PATIENCE) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("the server says nothing; before that: {:?}", self.heard)
            }
        }
    }

    pub(crate) fn open(&mut self, project: &Project, name: &str) {
        let text = project.read(name);
        self.open_text(&project.uri(name), &text);
    }

    pub(crate) fn open_text(&mut self, uri: &str, text: &str) {
        let language = if uri.ends_with("Dockerfile") { "dockerfile" } else { "shellscript" };
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Replaces the whole text of a document.
    pub(crate) fn change(&mut self, uri: &str, version: i32, text: &str) {
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] }),
        );
    }

    /// Waits until the server says this of a file, as `line rule` with lines from 1.
    pub(crate) fn expect(&mut self, uri: &str, findings: &[&str]) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut said = None;
        let mut read = 0;
        loop {
            for message in &self.heard[read..] {
                let params = &message["params"];
                if message["method"] == "textDocument/publishDiagnostics" && params["uri"] == uri {
                    said = Some(params.clone());
                }
            }
            read = self.heard.len();
            if let Some(said) = &said
                && summary(&said["diagnostics"]) == findings
            {
                return said.clone();
            }
            match self.output.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => self.heard.push(message),
                Err(_) => panic!("{uri}: expected {findings:?}, was told {said:?}"),
            }
        }
    }

    /// Waits until the server speaks of a version of a file.
    pub(crate) fn told_of(&mut self, uri: &str, version: i32) {
        loop {
            let message = self.next().unwrap_or_else(|| panic!("the server left"));
            let params = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && params["version"] == version
            {
                return;
            }
        }
    }

    /// The server's process.
    pub(crate) fn pid(&self) -> u32 {
        self.server.id()
    }

    /// Lets the server go as the protocol says.
    pub(crate) fn leave(mut self) {
        assert_eq!(self.request("shutdown", Value::Null), Ok(Value::Null));
        self.notify("exit", Value::Null);
        assert_eq!(self.exit_code(), 0);
    }

    /// Hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    pub(crate) fn exit_code(&mut self) -> i32 {
        while self.next().is_some() {}
        self.server.wait().unwrap().code().unwrap()
    }
}

fn read_message(input: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            header => length = header.strip_prefix("Content-Length: ").map(|length| length.parse().unwrap()),
        }
    }
    let mut body = vec![0; length?];
    input.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Diagnostics as `line rule`, with lines from 1.
pub(crate) fn summary(diagnostics: &Value) -> Vec<String> {
    let diagnostics = diagnostics.as_array().unwrap().iter();
    diagnostics
        .map(|diagnostic| {
            let line = diagnostic["range"]["start"]["line"].as_u64().unwrap() + 1;
            format!("{line} {}", diagnostic["code"].as_str().unwrap())
        })
        .collect()
}
