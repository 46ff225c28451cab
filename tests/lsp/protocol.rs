//! What a client may do wrong, and what it gets for an answer.

use serde_json::{Value, json};

use crate::client::{Client, Project, capabilities};

const GOOD: &str = "FROM node:20-bookworm-slim\nCMD [\"node\", \"server.js\"]\n";
const BAD: &str = "FROM node:20-bookworm-slim\nCMD node server.js\n";

fn code(answer: Result<Value, Value>) -> i64 {
    answer.unwrap_err()["code"].as_i64().unwrap()
}

#[test]
fn a_session_ends_as_the_protocol_says() {
    let project = Project::new(&[]);
    Client::in_project(&project, capabilities()).leave();
    // Without a shutdown, it is an error.
    let mut client = Client::in_project(&project, capabilities());
    client.notify("exit", Value::Null);
    assert_eq!(client.exit_code(), 1);
    // Before the session has begun, too.
    let mut client = Client::start();
    client.notify("exit", Value::Null);
    assert_eq!(client.exit_code(), 1);
}

#[test]
fn a_client_that_vanishes_takes_the_server_with_it() {
    let project = Project::new(&[("Dockerfile", GOOD)]);
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.hang_up();
    assert_eq!(client.exit_code(), 1);
    let mut client = Client::in_project(&project, capabilities());
    client.request("shutdown", Value::Null).unwrap();
    client.hang_up();
    assert_eq!(client.exit_code(), 0);
}

#[test]
fn before_initialize_nothing_is_answered() {
    let mut client = Client::start();
    assert_eq!(code(client.request("textDocument/hover", json!({}))), -32002);
    assert_eq!(code(client.request("shutdown", Value::Null)), -32002);
    client.open_text("file:///nowhere/Dockerfile", BAD);
    client.initialize(json!({ "capabilities": {} }));
    assert!(client.heard.is_empty(), "{:?}", client.heard);
    client.leave();
}

#[test]
fn a_session_begins_once_and_ends_once() {
    let project = Project::new(&[]);
    let mut client = Client::in_project(&project, capabilities());
    assert_eq!(code(client.request("initialize", json!({ "capabilities": {} }))), -32600);
    client.request("shutdown", Value::Null).unwrap();
    assert_eq!(code(client.request("textDocument/diagnostic", json!({}))), -32600);
    assert_eq!(code(client.request("shutdown", Value::Null)), -32600);
    client.notify("exit", Value::Null);
    assert_eq!(client.exit_code(), 0);
}

#[test]
fn what_is_not_known_is_refused_or_ignored() {
    let project = Project::new(&[("Dockerfile", BAD)]);
    let mut client = Client::in_project(&project, capabilities());
    assert_eq!(code(client.request("textDocument/teleport", json!({}))), -32601);
    assert_eq!(code(client.request("textDocument/diagnostic", json!({ "textDocument": 7 }))), -32602);
    client.notify("$/teleport", json!({}));
    client.notify("textDocument/didTeleport", json!([1]));
    client.notify("textDocument/didOpen", json!({ "textDocument": null }));
    client.send(&json!({ "jsonrpc": "2.0", "id": "pidone-99", "result": null }));
    client.open(&project, "Dockerfile");
    client.expect(&project.uri("Dockerfile"), &["2 shell-form"]);
    client.leave();
}

#[test]
fn what_is_no_message_is_answered() {
    let project = Project::new(&[("Dockerfile", BAD)]);
    let mut client = Client::in_project(&project, capabilities());
    client.send_bytes(b"Content-Length: 3\r\n\r\n{]}");
    client.send(&json!({ "jsonrpc": "2.0", "id": 5, "sense": "none" }));
    client.send(&json!([1, 2]));
    client.open(&project, "Dockerfile");
    client.expect(&project.uri("Dockerfile"), &["2 shell-form"]);
    let errors: Vec<(&Value, &Value)> = client
        .heard
        .iter()
        .filter(|message| message.get("error").is_some())
        .map(|message| (&message["id"], &message["error"]["code"]))
        .collect();
    let (null, five) = (Value::Null, json!(5));
    assert_eq!(errors, [(&null, &json!(-32700)), (&five, &json!(-32600)), (&null, &json!(-32600))]);
    client.leave();
    // Where the next message begins cannot be told any more.
    let mut client = Client::in_project(&project, capabilities());
    client.send_bytes(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.exit_code(), 1);
}

#[test]
fn documents_that_were_never_opened_do_no_harm() {
    let project = Project::new(&[("Dockerfile", BAD)]);
    let mut client = Client::in_project(&project, capabilities());
    let uri = project.uri("Dockerfile");
    client.change(&uri, 3, GOOD);
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    client.open(&project, "Dockerfile");
    client.expect(&uri, &["2 shell-form"]);
    // Opened twice: the later text counts.
    client.open_text(&uri, GOOD);
    client.expect(&uri, &[]);
    client.leave();
}

#[test]
fn versions_may_go_backwards_and_ranges_may_be_nonsense() {
    let project = Project::new(&[("Dockerfile", GOOD)]);
    let mut client = Client::in_project(&project, capabilities());
    let uri = project.uri("Dockerfile");
    client.open(&project, "Dockerfile");
    client.change(&uri, 9, BAD);
    client.expect(&uri, &["2 shell-form"]);
    client.change(&uri, 4, GOOD);
    assert_eq!(client.expect(&uri, &[])["version"], 4);
    // From behind the end to before the middle: what is meant is the nearest there is.
    let range = json!({ "start": { "line": 99, "character": 9 }, "end": { "line": 1, "character": 4_000_000_000_u32 } });
    let change = json!({ "range": range, "text": "\nCMD node server.js\n" });
    let document = json!({ "uri": uri, "version": -1 });
    client.notify("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [change] }));
    client.expect(&uri, &["2 overridden-launch", "3 shell-form"]);
    client.leave();
}

#[test]
fn what_is_no_file_is_left_alone() {
    let project = Project::new(&[]);
    let mut client = Client::in_project(&project, capabilities());
    let drive = "file:///c%3A/project/Dockerfile";
    for uri in
        ["untitled:Untitled-1", "git:/x/Dockerfile", "file://server/share/Dockerfile", "nonsense", "", drive]
    {
        client.open_text(uri, BAD);
        client.change(uri, 2, GOOD);
        client.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }
    client.leave();
}

#[test]
fn a_uri_may_be_spelled_in_more_than_one_way() {
    let project = Project::new(&[("my app/Dockerfile", GOOD)]);
    let mut client = Client::in_project(&project, capabilities());
    let uri = project.uri("my app/Dockerfile").replace(' ', "%20");
    client.open_text(&uri, BAD);
    client.expect(&uri, &["2 shell-form"]);
    client.change(&uri.replace("Dockerfile", "%44ockerfile"), 2, GOOD);
    client.expect(&uri, &[]);
    client.leave();
}

#[test]
fn a_request_can_be_cancelled() {
    let project = Project::new(&[]);
    let mut client = Client::in_project(&project, capabilities());
    // Both in one write, so that the request still waits when it is cancelled; else it is answered as usual.
    let frame = |message: Value| {
        let text = message.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    };
    let request = frame(json!({ "jsonrpc": "2.0", "id": 4711, "method": "textDocument/teleport" }));
    let cancel = frame(json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": 4711 } }));
    client.send_bytes((request + &cancel).as_bytes());
    let code = code(client.answer(4711));
    assert!(code == -32800 || code == -32601, "{code}");
    client.leave();
}
