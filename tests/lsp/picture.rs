//! Hover, code lenses, inlay hints and links.

use serde_json::{Value, json};

use crate::client::{Client, Project, capabilities, with};

const DOCKERFILE: &str = "FROM node:20-bookworm-slim\nCOPY docker/run.sh /usr/local/bin/\nENTRYPOINT [\"run.sh\"]\nCMD [\"node\", \"server.js\"]\n";
const SCRIPT: &str = "#!/bin/sh\nset -e\n\"$@\"\n";

fn project() -> Project {
    Project::new(&[("Dockerfile", DOCKERFILE), ("docker/run.sh", SCRIPT)])
}

fn hover(client: &mut Client, uri: &str, line: u32) -> Value {
    let position = json!({ "line": line, "character": 1 });
    let params = json!({ "textDocument": { "uri": uri }, "position": position });
    client.request("textDocument/hover", params).unwrap()["contents"]["value"].clone()
}

fn lenses(client: &mut Client, uri: &str) -> Vec<String> {
    let lenses = client.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } })).unwrap();
    let lenses = lenses.as_array().unwrap().iter();
    lenses
        .map(|lens| {
            format!("{} {}", lens["range"]["start"]["line"], lens["command"]["title"].as_str().unwrap())
        })
        .collect()
}

#[test]
fn the_processes_are_shown_where_they_are_started() {
    let project = project();
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "docker/run.sh");
    client.expect(&project.uri("docker/run.sh"), &["3 missing-exec"]);
    let expected = "**PID 1: run.sh node server.js · does not stop, and is killed**";
    for (name, line) in [("Dockerfile", 2), ("Dockerfile", 3), ("docker/run.sh", 2)] {
        let shown = hover(&mut client, &project.uri(name), line);
        let shown = shown.as_str().unwrap_or_else(|| panic!("{name}:{line}"));
        assert_eq!(shown.lines().next(), Some(expected), "{shown}");
        assert!(shown.contains("└─ node server.js") && shown.contains("never gets SIGTERM"), "{shown}");
    }
    for (name, line) in [("Dockerfile", 0), ("Dockerfile", 1), ("docker/run.sh", 1)] {
        assert_eq!(hover(&mut client, &project.uri(name), line), Value::Null, "{name}:{line}");
    }
    client.leave();
}

#[test]
fn a_client_without_markdown_gets_plain_text() {
    let project = project();
    let able = with(capabilities(), "/textDocument/hover", json!({ "contentFormat": ["plaintext"] }));
    let mut client = Client::in_project(&project, able);
    client.open(&project, "Dockerfile");
    let shown = hover(&mut client, &project.uri("Dockerfile"), 2);
    assert!(!shown.as_str().unwrap().contains(['*', '\u{1b}', '`']), "{shown}");
    client.leave();
}

#[test]
fn lenses_say_how_each_image_stops_and_follow_the_script() {
    let project = project();
    let able = with(capabilities(), "/workspace/codeLens", json!({ "refreshSupport": true }));
    let mut client = Client::in_project(&project, able);
    let uri = project.uri("Dockerfile");
    client.open(&project, "Dockerfile");
    client.open(&project, "docker/run.sh");
    let killed = "2 PID 1: run.sh node server.js · does not stop, and is killed";
    assert_eq!(lenses(&mut client, &uri), [killed]);
    assert_eq!(client.heard_of("workspace/codeLens/refresh"), 0);
    client.change(&project.uri("docker/run.sh"), 2, &SCRIPT.replace("\"$@\"", "exec \"$@\""));
    client.expect(&project.uri("docker/run.sh"), &[]);
    assert_eq!(lenses(&mut client, &uri), ["2 PID 1: node server.js · stops gracefully"]);
    assert_eq!(client.heard_of("workspace/codeLens/refresh"), 1);
    client.leave();
}

#[test]
fn hints_are_for_clients_without_lenses() {
    let project = project();
    let mut able = with(capabilities(), "/textDocument/inlayHint", json!({}));
    able["textDocument"].as_object_mut().unwrap().remove("codeLens");
    let mut client = Client::start();
    let result = client.initialize(json!({ "capabilities": able, "rootUri": project.uri("") }));
    assert_eq!(result["capabilities"]["codeLensProvider"], Value::Null);
    assert_eq!(result["capabilities"]["inlayHintProvider"], true);
    client.open(&project, "Dockerfile");
    let ask = |client: &mut Client, until: u32| {
        let range =
            json!({ "start": { "line": 0, "character": 0 }, "end": { "line": until, "character": 0 } });
        let params = json!({ "textDocument": { "uri": project.uri("Dockerfile") }, "range": range });
        client.request("textDocument/inlayHint", params).unwrap()
    };
    let hints = ask(&mut client, 4);
    assert_eq!(hints[0]["position"], json!({ "line": 2, "character": 21 }));
    assert!(hints[0]["label"].as_str().unwrap().starts_with("PID 1: "), "{hints}");
    assert_eq!(ask(&mut client, 1), json!([]));
    client.leave();
}

#[test]
fn entrypoint_leads_to_the_script() {
    let dockerfile = "FROM node:20-bookworm-slim\nWORKDIR /app\nCOPY docker/run.sh ./\nCMD ./run.sh --verbose /etc/passwd\n";
    let project =
        Project::new(&[("Dockerfile", DOCKERFILE), ("docker/run.sh", SCRIPT), ("b.Dockerfile", dockerfile)]);
    let mut client = Client::in_project(&project, capabilities());
    for (name, line, from, to) in [("Dockerfile", 2, 13, 19), ("b.Dockerfile", 3, 4, 12)] {
        client.open(&project, name);
        let params = json!({ "textDocument": { "uri": project.uri(name) } });
        let links = client.request("textDocument/documentLink", params).unwrap();
        let [link] = links.as_array().unwrap().as_slice() else { panic!("{links}") };
        assert_eq!(link["target"], project.uri("docker/run.sh"));
        let range =
            json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
        assert_eq!(link["range"], range);
    }
    client.leave();
}

#[test]
fn nothing_is_known_of_documents_that_are_not_open() {
    let project = project();
    let mut client = Client::in_project(&project, capabilities());
    let uri = project.uri("Dockerfile");
    assert_eq!(hover(&mut client, &uri, 2), Value::Null);
    assert_eq!(lenses(&mut client, &uri), [""; 0]);
    let document = json!({ "textDocument": { "uri": uri } });
    assert_eq!(client.request("textDocument/documentLink", document.clone()).unwrap(), json!([]));
    assert_eq!(client.request("textDocument/diagnostic", document).unwrap()["items"], json!([]));
    client.leave();
}

#[test]
fn nothing_steers_who_reads() {
    // What a terminal obeys, what turns the order of letters round, and what is not seen at all.
    const NASTY: &str = "\u{1b}[2J\u{202e}\u{200b}\u{3164}\u{9b}";
    let dockerfile =
        format!("FROM node:20-bookworm-slim\nCOPY run.sh /\nWAT{NASTY} a\nCMD /run.sh \"{NASTY}\" `x` <b>\n");
    let script = format!("#!/bin/sh\nnode '{NASTY}'\n");
    let project = Project::new(&[("Dockerfile", &dockerfile), ("run.sh", &script)]);
    project.write("bad/Dockerfile", "FROM node:20\nCMD node x\n");
    project.write("bad/pidone.toml", "'\u{202e}\u{200b}\u{3164}' = 1\n");
    let mut client = Client::in_project(&project, capabilities());
    let mut shown: Vec<Value> = Vec::new();
    for name in ["Dockerfile", "run.sh", "bad/Dockerfile", "bad/pidone.toml"] {
        client.open(&project, name);
        let document = json!({ "uri": project.uri(name) });
        let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 9, "character": 0 } });
        let place = json!({ "textDocument": document, "range": range, "context": { "diagnostics": [] } });
        let actions = client.request("textDocument/codeAction", place.clone()).unwrap();
        shown.extend(actions.as_array().into_iter().flatten().map(|action| action["title"].clone()));
        for method in ["diagnostic", "inlayHint", "documentLink", "codeLens"] {
            shown.push(client.request(&format!("textDocument/{method}"), place.clone()).unwrap());
        }
        shown.extend((0..5).map(|line| hover(&mut client, &project.uri(name), line)));
    }
    let text: String = shown.iter().map(Value::to_string).collect();
    assert!(text.contains("␛[2J<U+202E><U+200B><U+3164><U+009B>"), "{text}");
    // In JSON a control character is an escape.
    let steers = |c: char| c.is_control() || "\u{202e}\u{200b}\u{3164}".contains(c);
    assert!(!text.contains(steers) && !text.contains("\\u001b"), "{text}");
    client.leave();
}
