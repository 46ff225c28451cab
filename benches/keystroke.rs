//! How long the language server takes to answer a keystroke in a repository of a thousand Dockerfiles. benches/README.md says what it is to
//! take; `cargo bench --bench keystroke` measures it.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::exit, dead_code, missing_docs)]

#[path = "../tests/lsp/client.rs"]
mod client;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use client::{Client, Project, capabilities};
use serde_json::json;

const DOCKERFILES: usize = 1000;
const KEYSTROKES: usize = 300;
const GOAL: Duration = Duration::from_millis(10);

const DOCKERFILE: &str = "FROM node:20-bookworm-slim AS build\nWORKDIR /app\nCOPY package.json .\nRUN npm ci\nCOPY . .\nRUN npm run build\n\nFROM node:20-bookworm-slim\nWORKDIR /app\nCOPY --from=build /app /app\nCOPY docker-entrypoint.sh /usr/local/bin/\nENTRYPOINT [\"docker-entrypoint.sh\"]\nCMD [\"node\", \"server.js\"]\n";
const SCRIPT: &str = "#!/bin/sh\nset -eu\n: \"${PORT:=8080}\"\nif [ \"${MIGRATE:-}\" = yes ]; then\n    node migrate.js\nfi\nmkdir -p /data\n\"$@\"\n";
const PACKAGE: &str = "{ \"scripts\": { \"build\": \"tsc\", \"start\": \"node server.js\" } }\n";

/// The times from a change to the diagnostics of the changed text, shortest first.
fn measure(client: &mut Client, project: &Project, name: &str, text: &str) -> Vec<Duration> {
    let uri = project.uri(name);
    let mut times: Vec<Duration> = (0..KEYSTROKES)
        .map(|stroke| {
            let typed = format!("{text}# {}", &"typed while thinking of something else"[..stroke % 38]);
            let version = 2 + i32::try_from(stroke).unwrap();
            client.heard.clear();
            let start = Instant::now();
            client.change(&uri, version, &typed);
            client.told_of(&uri, version);
            start.elapsed()
        })
        .collect();
    times.sort();
    times
}

fn report(what: &str, times: &[Duration]) -> bool {
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let is_met = at(99) < GOAL;
    let sign = if is_met { "ok" } else { "MISSED" };
    println!("{what:44} median {:>8.2?}  99 % {:>8.2?}  longest {:>8.2?}  {sign}", at(50), at(99), at(100));
    is_met
}

fn main() -> ExitCode {
    let project = Project::new(&[]);
    for number in 0..DOCKERFILES {
        let folder = format!("services/group-{}/service-{number}", number % 25);
        project.write(&format!("{folder}/Dockerfile"), DOCKERFILE);
        project.write(&format!("{folder}/docker-entrypoint.sh"), SCRIPT);
        project.write(&format!("{folder}/package.json"), PACKAGE);
    }
    let (docker, script) =
        ("services/group-7/service-507/Dockerfile", "services/group-7/service-507/docker-entrypoint.sh");
    let start = Instant::now();
    let mut client = Client::in_project(&project, capabilities());
    client.open(&project, script);
    client.expect(&project.uri(script), &["8 missing-exec"]);
    println!("{:44} {:.2?}", "a script opened, until its Dockerfile is found", start.elapsed());
    client.open(&project, docker);
    client
        .request("textDocument/codeLens", json!({ "textDocument": { "uri": project.uri(docker) } }))
        .unwrap();
    let mut is_met = true;
    is_met &= report("a keystroke in the Dockerfile", &measure(&mut client, &project, docker, DOCKERFILE));
    is_met &= report("a keystroke in the script", &measure(&mut client, &project, script, SCRIPT));
    client.leave();
    if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
