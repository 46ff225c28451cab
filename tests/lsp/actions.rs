//! Code actions and commands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::{Client, Project, capabilities, with};

/// Two defects, one behind the other, in two files; the repair is one.
const DOCKERFILE: &str = "FROM python:3.13-slim\nCOPY start.sh /start.sh\nCMD /start.sh\n";
const SCRIPT: &str = "#!/bin/sh\nset -e\ngunicorn app:app\n";
const FIXED_DOCKERFILE: &str = "FROM python:3.13-slim\nCOPY start.sh /start.sh\nCMD [\"/start.sh\"]\n";
const FIXED_SCRIPT: &str = "#!/bin/sh\nset -e\nexec gunicorn app:app\n";

fn project() -> Project {
    Project::new(&[("Dockerfile", DOCKERFILE), ("start.sh", SCRIPT)])
}

fn actions(client: &mut Client, uri: &str, line: u32, only: Option<&str>) -> Vec<Value> {
    let at = json!({ "line": line, "character": 2 });
    let mut context = json!({ "diagnostics": [] });
    if let Some(only) = only {
        context["only"] = json!([only]);
    }
    let params =
        json!({ "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": context });
    client.request("textDocument/codeAction", params).unwrap().as_array().unwrap().clone()
}

fn titles(actions: &[Value]) -> Vec<&str> {
    actions.iter().map(|action| action["title"].as_str().unwrap()).collect()
}

/// Applies a workspace edit as a client does whose columns are UTF-16; the texts afterwards, by name.
fn apply(project: &Project, edit: &Value) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for change in edit["documentChanges"].as_array().unwrap() {
        let uri = change["textDocument"]["uri"].as_str().unwrap();
        let name = uri.strip_prefix(&project.uri("")).unwrap().to_owned();
        let text: Vec<u16> = project.read(&name).encode_utf16().collect();
        let offset = |position: &Value| {
            let starts = std::iter::once(0)
                .chain(text.iter().enumerate().filter(|(_, unit)| **unit == 10).map(|(at, _)| at + 1));
            let starts: Vec<usize> = starts.collect();
            starts[position["line"].as_u64().unwrap() as usize]
                + position["character"].as_u64().unwrap() as usize
        };
        let mut edits: Vec<(usize, usize, Vec<u16>)> = change["edits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|edit| {
                let range = &edit["range"];
                (
                    offset(&range["start"]),
                    offset(&range["end"]),
                    edit["newText"].as_str().unwrap().encode_utf16().collect(),
                )
            })
            .collect();
        edits.sort_by_key(|edit| edit.0);
        let mut result = text.clone();
        for (start, end, new) in edits.into_iter().rev() {
            result.splice(start..end, new);
        }
        texts.insert(name, String::from_utf16(&result).unwrap());
    }
    texts
}

#[test]
fn a_quick_fix_edits_both_files_at_once() {
    let project = project();
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    client.open(&project, "start.sh");
    client.expect(&project.uri("Dockerfile"), &["3 shell-form"]);
    assert_eq!(
        actions(&mut client, &project.uri("Dockerfile"), 0, None).len(),
        1,
        "only that for the whole file"
    );
    let found = actions(&mut client, &project.uri("Dockerfile"), 2, Some("quickfix"));
    let [fix, ignore] = found.as_slice() else { panic!("{found:?}") };
    let silenced = DOCKERFILE.replace("CMD", "# pidone: ignore[shell-form] TODO: say why\nCMD");
    assert_eq!(ignore["title"], "Ignore shell-form here, with a reason");
    assert_eq!(apply(&project, &ignore["edit"]), BTreeMap::from([("Dockerfile".to_owned(), silenced)]));
    assert_eq!(fix["kind"], "quickfix");
    assert_eq!(fix["isPreferred"], true);
    assert_eq!(fix["diagnostics"][0]["code"], "shell-form");
    for change in fix["edit"]["documentChanges"].as_array().unwrap() {
        assert_eq!(change["textDocument"]["version"], 1);
    }
    let expected = [("Dockerfile", FIXED_DOCKERFILE), ("start.sh", FIXED_SCRIPT)];
    assert_eq!(
        apply(&project, &fix["edit"]),
        expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into()
    );
    client.leave();
}

#[test]
fn edits_are_for_the_text_that_is_open() {
    let project = project();
    let mut client = Client::in_project(&project, capabilities());
    let uri = project.uri("Dockerfile");
    client.open(&project, "Dockerfile");
    client.change(&uri, 7, &format!("# é😀\n{DOCKERFILE}"));
    client.expect(&uri, &["4 shell-form"]);
    let found = actions(&mut client, &uri, 3, Some("quickfix"));
    let changes = found[0]["edit"]["documentChanges"].as_array().unwrap();
    let version = |name: &str| {
        let uri = project.uri(name);
        let change = changes.iter().find(|change| change["textDocument"]["uri"] == uri).unwrap();
        change["textDocument"]["version"].clone()
    };
    assert_eq!(version("Dockerfile"), 7);
    assert_eq!(version("start.sh"), Value::Null);
    client.leave();
}

#[test]
fn a_client_without_versions_gets_plain_changes() {
    let project = project();
    let able = with(capabilities(), "/workspace/workspaceEdit", json!({}));
    let mut client = Client::in_project(&project, able);
    client.open(&project, "Dockerfile");
    let found = actions(&mut client, &project.uri("Dockerfile"), 2, Some("quickfix"));
    let edit = found[0]["edit"].as_object().unwrap();
    assert_eq!(edit.keys().collect::<Vec<_>>(), ["changes"]);
    assert_eq!(edit["changes"].as_object().unwrap().len(), 2);
    client.leave();
}

#[test]
fn unsafe_repairs_say_so() {
    let dockerfile = "FROM alpine:3.20\nENTRYPOINT server\nCMD [\"--port\", \"80\"]\n";
    let project = Project::new(&[("Dockerfile", dockerfile)]);
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    let said = client.expect(&project.uri("Dockerfile"), &["3 ignored-cmd"]);
    assert_eq!(said["diagnostics"][0]["tags"], json!([1]), "it is unnecessary");
    let found = actions(&mut client, &project.uri("Dockerfile"), 2, None);
    let titles = titles(&found);
    assert!(titles[0].starts_with("Unsafe: "), "{titles:?}");
    let others = ["Ignore ignored-cmd here, with a reason", "Explain ignored-cmd"];
    assert_eq!(titles[1..], others, "nothing safe to do for all");
    assert_eq!(found[0]["isPreferred"], Value::Null);
    client.leave();
}

/// What helps one Dockerfile and harms another is offered to neither.
#[test]
fn a_repair_spares_the_other_dockerfiles() {
    let starts = "FROM debian:bookworm-slim\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\n";
    let project = Project::new(&[("run.sh", "#!/bin/sh\nnode server.js\n"), ("Dockerfile", starts)]);
    let quick_fixes = |project: &Project| {
        let mut client = Client::in_project(project, capabilities());
        for name in ["Dockerfile", "other.Dockerfile", "run.sh"] {
            client.open(project, name);
        }
        client.expect(&project.uri("run.sh"), &["2 missing-exec"]);
        let found = actions(&mut client, &project.uri("run.sh"), 1, Some("quickfix"));
        client.leave();
        found.iter().filter(|action| action["isPreferred"] == true).count()
    };
    project.write("other.Dockerfile", &starts.replace("bookworm", "bullseye"));
    assert_eq!(quick_fixes(&project), 1);
    // Here another script goes on when this one is done; with `exec` it never would.
    project.write("main.sh", "#!/bin/sh\n. /run.sh\nredis-server\n");
    let sources = "FROM debian:bookworm-slim\nCOPY run.sh main.sh /\nENTRYPOINT [\"/main.sh\"]\n";
    project.write("other.Dockerfile", sources);
    assert_eq!(quick_fixes(&project), 0);
}

#[test]
fn all_safe_repairs_of_a_document_are_one_action() {
    let project = project();
    for lazy in [false, true] {
        let mut able = capabilities();
        if lazy {
            able = with(able, "/textDocument/codeAction/dataSupport", json!(true));
            able = with(able, "/textDocument/codeAction/resolveSupport", json!({ "properties": ["edit"] }));
        }
        let mut client = Client::in_project(&project, able);
        client.open(&project, "Dockerfile");
        client.expect(&project.uri("Dockerfile"), &["3 shell-form"]);
        for only in ["source", "source.fixAll", "source.fixAll.pidone"] {
            assert_eq!(actions(&mut client, &project.uri("Dockerfile"), 0, Some(only)).len(), 1, "{only}");
        }
        assert_eq!(actions(&mut client, &project.uri("Dockerfile"), 0, Some("source.fixAll.pid")).len(), 0);
        assert_eq!(actions(&mut client, &project.uri("Dockerfile"), 0, Some("refactor")).len(), 0);
        let mut found = actions(&mut client, &project.uri("Dockerfile"), 0, Some("source.fixAll"));
        let mut action = found.remove(0);
        assert_eq!(action["edit"].is_null(), lazy);
        if lazy {
            action = client.request("codeAction/resolve", action).unwrap();
        }
        let texts = apply(&project, &action["edit"]);
        assert_eq!(texts["Dockerfile"], FIXED_DOCKERFILE);
        assert_eq!(texts["start.sh"], FIXED_SCRIPT);
        client.leave();
    }
}

#[test]
fn the_whole_workspace_can_be_repaired() {
    let project = project();
    project.write("web/Dockerfile", "FROM node:20-bookworm-slim\r\nCMD node server.js\r\n");
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    // The folder is searched aside; an open script shows when that is done.
    client.open(&project, "start.sh");
    let result = loop {
        let result =
            client.request("workspace/executeCommand", json!({ "command": "pidone.fixAll" })).unwrap();
        if result["repaired"] == 2 {
            break result;
        }
        client.heard.clear();
    };
    assert_eq!(result["repaired"], 2);
    let asked = client.heard.iter().find(|message| message["method"] == "workspace/applyEdit").unwrap();
    let texts = apply(&project, &asked["params"]["edit"]);
    assert_eq!(texts["web/Dockerfile"], "FROM node:20-bookworm-slim\r\nCMD [\"node\", \"server.js\"]\r\n");
    assert_eq!(texts["start.sh"], FIXED_SCRIPT);
    client.leave();
}

/// A carriage return by itself ends no line here, whatever it does elsewhere.
#[test]
fn carriage_returns_move_no_edit() {
    let dockerfile = "FROM python:3.13-slim\nLABEL a=b\rc=d\rCOPY\nCOPY start.sh /start.sh\nCMD /start.sh\n";
    let project = Project::new(&[("Dockerfile", dockerfile), ("start.sh", SCRIPT)]);
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, "Dockerfile");
    let found = actions(&mut client, &project.uri("Dockerfile"), 3, Some("source.fixAll"));
    let texts = apply(&project, &found[0]["edit"]);
    assert_eq!(texts["Dockerfile"], dockerfile.replace("CMD /start.sh", "CMD [\"/start.sh\"]"));
    client.leave();
}

#[test]
fn a_rule_is_explained() {
    let project = project();
    let explain = |able: Value| {
        let mut client = Client::in_project(&project, able);
        client.open(&project, "Dockerfile");
        let found = actions(&mut client, &project.uri("Dockerfile"), 2, None);
        let action = found.iter().find(|action| action["title"] == "Explain shell-form").unwrap();
        let document = client.request("workspace/executeCommand", action["command"].clone()).unwrap();
        assert!(document.as_str().unwrap().starts_with("# shell-form\n"), "{document}");
        let shown = client.heard_of("window/showMessage");
        client.leave();
        shown
    };
    assert_eq!(explain(capabilities()), 1);
    // A client that shows documents is not told twice.
    assert_eq!(
        explain(with(capabilities(), "/experimental", json!({ "pidone": { "showsDocuments": true } }))),
        0
    );
}

#[test]
fn commands_that_are_none_are_refused() {
    let project = project();
    let mut client = Client::in_project(&project, capabilities());
    for (command, arguments) in
        [("pidone.dance", json!([])), ("pidone.explain", json!(["dance"])), ("pidone.explain", Value::Null)]
    {
        let mut params = json!({ "command": command });
        if !arguments.is_null() {
            params["arguments"] = arguments;
        }
        assert_eq!(
            client.request("workspace/executeCommand", params).unwrap_err()["code"],
            -32602,
            "{command}"
        );
    }
    client.leave();
}
