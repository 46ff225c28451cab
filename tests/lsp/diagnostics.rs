//! Diagnostics, sent or asked for: of which files, where, and when they change.

use serde_json::{Value, json};

use crate::client::{Client, Project, capabilities, summary, with};

const STARTS_SCRIPT: &str =
    "FROM node:20-bookworm-slim\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\nCMD [\"npm\", \"start\"]\n";
const BAD_SCRIPT: &str = "#!/bin/sh\nset -e\nmkdir -p /data\nnode server.js\n";
const GOOD_SCRIPT: &str = "#!/bin/sh\nset -e\nmkdir -p /data\nexec node server.js\n";

#[test]
fn both_files_are_told_whichever_is_open() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    for name in ["Dockerfile", "run.sh"] {
        let mut client = Client::in_project(&project, capabilities());
        client.open(&project, name);
        let said = client.expect(&project.uri("run.sh"), &["4 missing-exec"]);
        let diagnostic = &said["diagnostics"][0];
        assert_eq!(diagnostic["source"], "pidone");
        assert_eq!(diagnostic["severity"], 1);
        let related = diagnostic["relatedInformation"].as_array().unwrap();
        assert!(
            related.iter().any(|related| related["location"]["uri"] == project.uri("Dockerfile")),
            "{related:?}"
        );
        client.leave();
    }
}

#[test]
fn a_change_in_one_file_is_seen_in_the_other() {
    // What the script hands over to is the CMD of the Dockerfile.
    let dockerfile = "FROM node:20-bookworm-slim\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\nCMD [\"sh\", \"-c\", \"node server.js; true\"]\n";
    let project = Project::new(&[("Dockerfile", dockerfile), ("run.sh", "#!/bin/sh\nexec \"$@\"\n")]);
    let (docker, script) = (project.uri("Dockerfile"), project.uri("run.sh"));
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "run.sh");
    client.expect(&docker, &["4 shell-wrapper"]);
    client.change(&script, 2, "#!/bin/sh\nexec node server.js\n");
    client.expect(&docker, &[]);
    client.change(&script, 3, "#!/bin/sh\nnode server.js\n");
    client.expect(&script, &["2 missing-exec"]);
    client.change(&docker, 2, "FROM node:20-bookworm-slim\nCMD [\"node\", \"server.js\"]\n");
    client.expect(&script, &[]);
    client.leave();
}

#[test]
fn a_closed_document_is_what_is_on_disk() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let script = project.uri("run.sh");
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "run.sh");
    client.expect(&script, &["4 missing-exec"]);
    client.change(&script, 2, GOOD_SCRIPT);
    client.expect(&script, &[]);
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": script } }));
    client.heard.clear();
    client.expect(&script, &["4 missing-exec"]);
    // With nothing open, there is nothing to say.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": project.uri("Dockerfile") } }));
    client.heard.clear();
    client.expect(&script, &[]);
    client.leave();
}

#[test]
fn a_file_that_comes_to_be_is_noticed() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT)]);
    let script = project.uri("run.sh");
    // Typed, and not saved yet.
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.expect(&project.uri("Dockerfile"), &[]);
    client.open_text(&script, BAD_SCRIPT);
    client.expect(&script, &["4 missing-exec"]);
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": script } }));
    client.heard.clear();
    client.expect(&script, &[]);
    // On disk, as a client that watches tells.
    project.write("run.sh", BAD_SCRIPT);
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": script, "type": 1 }] }));
    client.heard.clear();
    client.expect(&script, &["4 missing-exec"]);
    project.write("run.sh", GOOD_SCRIPT);
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": script, "type": 2 }] }));
    client.heard.clear();
    client.expect(&script, &[]);
    // A Dockerfile, too, that starts a script that is open.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": project.uri("Dockerfile") } }));
    project.write("other.sh", BAD_SCRIPT);
    client.open(&project, "other.sh");
    project.write("web.Dockerfile", &STARTS_SCRIPT.replace("run.sh", "other.sh"));
    let change = json!({ "uri": project.uri("web.Dockerfile"), "type": 1 });
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [change] }));
    client.expect(&project.uri("other.sh"), &["4 missing-exec"]);
    client.leave();
}

#[test]
fn files_are_watched_where_the_client_offers_it() {
    let project = Project::new(&[]);
    let offers =
        with(capabilities(), "/workspace/didChangeWatchedFiles", json!({ "dynamicRegistration": true }));
    for (capabilities, expected) in [(offers, 1), (capabilities(), 0)] {
        let mut client = Client::in_project(&project, capabilities);
        client.request("textDocument/teleport", json!({})).unwrap_err();
        assert_eq!(client.heard_of("client/registerCapability"), expected);
        client.leave();
    }
}

#[test]
fn positions_are_counted_as_agreed() {
    let text = "FROM node:20-bookworm-slim\nCMD echo 'é😀'; node server.js\n";
    let project = Project::new(&[("Dockerfile", text)]);
    for (offer, expected) in
        [(json!(["utf-16", "utf-8"]), "utf-8"), (json!(["utf-16"]), "utf-16"), (Value::Null, "utf-16")]
    {
        let mut client = Client::start();
        let able = with(capabilities(), "/general/positionEncodings", offer);
        let result = client.initialize(json!({ "capabilities": able, "rootUri": project.uri("") }));
        assert_eq!(result["capabilities"]["positionEncoding"], expected);
        client.open(&project, "Dockerfile");
        let said = client.expect(&project.uri("Dockerfile"), &["2 shell-form"]);
        let line = text.lines().nth(1).unwrap();
        let length = if expected == "utf-8" { line.len() } else { line.encode_utf16().count() };
        assert_eq!(said["diagnostics"][0]["range"]["end"]["character"], length, "{expected}");
        // Edits are read the same way: the end of the line is where the client says.
        let end = json!({ "line": 1, "character": length });
        let change = json!({ "range": { "start": { "line": 1, "character": 0 }, "end": end }, "text": "CMD [\"node\"]" });
        let document = json!({ "uri": project.uri("Dockerfile"), "version": 2 });
        client.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
        client.expect(&project.uri("Dockerfile"), &[]);
        client.leave();
    }
}

/// A client that moves marks along with the text gets them put right with each version.
#[test]
fn every_version_is_spoken_of() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT)]);
    let uri = project.uri("Dockerfile");
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    for version in 2..6 {
        client.change(&uri, version, &format!("{STARTS_SCRIPT}# {version}\n"));
        client.told_of(&uri, version);
    }
    client.leave();
}

/// Half a word somewhere takes nothing away elsewhere.
#[test]
fn broken_text_keeps_the_rest() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let script = project.uri("run.sh");
    let docker = project.uri("Dockerfile");
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "run.sh");
    client.expect(&script, &["4 missing-exec"]);
    for (version, half) in ["if [ -n \"$A", "case $x in", "echo $(", "cat <<"].iter().enumerate() {
        let text = BAD_SCRIPT.replace("mkdir", &format!("{half}\nmkdir"));
        client.change(&script, 2 + i32::try_from(version).unwrap(), &text);
        client.heard.clear();
        client.expect(&script, &["5 missing-exec"]);
    }
    client.change(&script, 20, BAD_SCRIPT);
    client.heard.clear();
    client.expect(&script, &["4 missing-exec"]);
    for (version, half) in ["FROM", "FRO node:20-bookworm-slim"].iter().enumerate() {
        let text = STARTS_SCRIPT.replace("FROM node:20-bookworm-slim", half);
        client.change(&docker, 2 + i32::try_from(version).unwrap(), &text);
        client.request("textDocument/teleport", json!({})).unwrap_err();
    }
    let mut said = client.heard.iter().map(|message| &message["params"]);
    let last = said.rfind(|said| said["uri"] == script && said["diagnostics"].is_array()).unwrap();
    assert_eq!(summary(&last["diagnostics"]), ["4 missing-exec"]);
    // Saved, it is what `pidone check` says.
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": docker } }));
    client.heard.clear();
    client.expect(&script, &[]);
    client.leave();
}

#[test]
fn clients_that_ask_are_not_sent() {
    let pulls = with(capabilities(), "/textDocument/diagnostic", json!({ "relatedDocumentSupport": true }));
    let pulls = with(pulls, "/workspace/diagnostics", json!({ "refreshSupport": true }));
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let mut client = Client::start();
    let result = client.initialize(json!({ "capabilities": pulls, "rootUri": project.uri("") }));
    assert_eq!(result["capabilities"]["diagnosticProvider"]["interFileDependencies"], true);
    let (docker, script) = (project.uri("Dockerfile"), project.uri("run.sh"));
    let ask = |client: &mut Client, uri: &str| {
        client.request("textDocument/diagnostic", json!({ "textDocument": { "uri": uri } })).unwrap()
    };
    client.open(&project, "Dockerfile");
    let report = ask(&mut client, &docker);
    assert_eq!(summary(&report["items"]), [""; 0]);
    assert_eq!(summary(&report["relatedDocuments"][&script]["items"]), ["4 missing-exec"]);
    client.open(&project, "run.sh");
    assert_eq!(summary(&ask(&mut client, &script)["items"]), ["4 missing-exec"]);
    let asked_again = |client: &Client| client.heard_of("workspace/diagnostic/refresh");
    assert_eq!(asked_again(&client), 0);
    // The script changes because of the Dockerfile: the client cannot know, and is told.
    client.change(&docker, 2, "FROM node:20-bookworm-slim\nCMD [\"node\", \"server.js\"]\n");
    assert_eq!(summary(&ask(&mut client, &docker)["items"]), [""; 0]);
    client.wait_for("workspace/diagnostic/refresh");
    assert_eq!(summary(&ask(&mut client, &script)["items"]), [""; 0]);
    assert_eq!(asked_again(&client), 1);
    assert_eq!(client.heard_of("textDocument/publishDiagnostics"), 0);
    client.leave();
    // One that cannot be told to ask again would be wrong half of the time.
    let half = with(capabilities(), "/textDocument/diagnostic", json!({}));
    let mut client = Client::start();
    let result = client.initialize(json!({ "capabilities": half, "rootUri": project.uri("") }));
    assert_eq!(result["capabilities"]["diagnosticProvider"], Value::Null);
    client.leave();
}

/// Some clients name one language for all files of a server.
#[test]
fn a_script_is_none_the_less_a_script() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let mut client = Client::in_project(&project, capabilities());
    let script = project.uri("run.sh");
    let document = json!({ "uri": script, "languageId": "dockerfile", "version": 1, "text": BAD_SCRIPT });
    client.notify("textDocument/didOpen", json!({ "textDocument": document }));
    client.expect(&script, &["4 missing-exec"]);
    client.leave();
}

/// What a Compose file sets is seen in the script.
#[test]
fn deployments_are_checked() {
    let compose =
        "services:\n  web:\n    build: .\n    command: node server.js\n    entrypoint: [\"/run.sh\"]\n";
    let dockerfile = "FROM node:20-bookworm-slim\nCOPY run.sh /\nCMD [\"node\", \"server.js\"]\n";
    let files = [("Dockerfile", dockerfile), ("compose.yaml", compose), ("run.sh", "#!/bin/sh\n\"$@\"\n")];
    let project = Project::new(&files);
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "run.sh");
    client.expect(&project.uri("run.sh"), &["2 missing-exec"]);
    client.open(&project, "compose.yaml");
    let without = compose.replace("    entrypoint: [\"/run.sh\"]\n", "");
    client.change(&project.uri("compose.yaml"), 2, &without);
    client.expect(&project.uri("run.sh"), &[]);
    client.leave();
}

#[test]
fn a_file_outside_of_every_folder_has_its_own_project() {
    let project = Project::new(&[("docker/Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let mut client = Client::start();
    client.initialize(json!({ "capabilities": capabilities(), "workspaceFolders": null, "rootUri": null }));
    client.open(&project, "run.sh");
    client.expect(&project.uri("run.sh"), &["4 missing-exec"]);
    client.leave();
}

#[test]
fn the_configuration_counts_and_its_defects_are_shown() {
    let project = Project::new(&[("Dockerfile", STARTS_SCRIPT), ("run.sh", BAD_SCRIPT)]);
    let (script, config) = (project.uri("run.sh"), project.uri("pidone.toml"));
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.expect(&script, &["4 missing-exec"]);
    let changed = |client: &mut Client, text: &str| {
        project.write("pidone.toml", text);
        client
            .notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": config, "type": 2 }] }));
        client.heard.clear();
    };
    changed(&mut client, "ignore = [\"missing-exec\"]\n");
    client.expect(&script, &[]);
    changed(&mut client, "ignorance = 1\n");
    client.wait_for("textDocument/publishDiagnostics");
    let said = &client.heard.last().unwrap()["params"];
    assert_eq!(said["uri"], config);
    assert!(said["diagnostics"][0]["message"].as_str().unwrap().contains("`ignorance`"), "{said}");
    changed(&mut client, "");
    client.expect(&script, &["4 missing-exec"]);
    client.expect(&config, &[]);
    client.leave();
}

#[test]
fn the_same_is_found_as_on_the_command_line() {
    let project = Project::new(&[
        ("Dockerfile", STARTS_SCRIPT),
        ("run.sh", BAD_SCRIPT),
        ("web/Dockerfile", "FROM alpine:3.20\nCMD nginx\n"),
        ("web/.dockerignore", "*.md\n"),
    ]);
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "web/Dockerfile");
    let mut found = Vec::new();
    for (name, expected) in
        [("run.sh", vec!["4 missing-exec"]), ("Dockerfile", vec![]), ("web/Dockerfile", vec!["2 daemonized"])]
    {
        let said = client.expect(&project.uri(name), &expected);
        found.extend(summary(&said["diagnostics"]).iter().map(|finding| format!("{name}:{finding}")));
    }
    found.sort();
    assert_eq!(found, project.check());
    client.leave();
}
