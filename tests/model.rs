//! The model's predictions next to what was measured: the same rows that the kernel test runs.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;
use std::sync::Arc;

use pidone::dockerfile;
use pidone::launch::simulate;
use pidone::programs::Tables;
use pidone::project::Context;
use pidone::source::MemoryLoader;
use serde::Deserialize;

#[derive(Deserialize)]
struct Forms {
    row: Vec<Form>,
}

#[derive(Deserialize)]
struct Form {
    name: String,
    form: String,
    text: String,
    outcome: BTreeMap<String, String>,
    #[serde(default)]
    unsettled: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    args: Vec<String>,
}

fn predict(files: &BTreeMap<String, String>, dockerfile: &str) -> String {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        loader.insert(path.as_str(), text.as_str(), Some(true));
    }
    let source = pidone::source::Source::new("Dockerfile", dockerfile);
    let parsed = Arc::new(dockerfile::parse(&source));
    let tables = Tables::builtin();
    let images = dockerfile::images(&parsed, tables);
    let image = images.last().unwrap();
    let context = Context::new(image, &loader);
    match simulate(image, &context, tables) {
        Some(launch) => {
            if std::env::var_os("SHOW").is_some() {
                eprintln!("{launch:#?}");
            }
            launch.outcome.name().to_owned()
        }
        None => "nothing".to_owned(),
    }
}

fn json(words: &[&str]) -> String {
    serde_json::to_string(words).unwrap()
}

#[test]
fn shell_forms_end_as_measured() {
    let forms: Forms = toml::from_str(include_str!("data/shell-forms.toml")).unwrap();
    let only = std::env::var("ROW").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in &forms.row {
        if only.as_ref().is_some_and(|only| *only != row.name) {
            continue;
        }
        for (shell, expected) in &row.outcome {
            if row.unsettled.contains(shell) {
                continue;
            }
            let mut files = row.files.clone();
            let args: Vec<&str> = row.args.iter().map(String::as_str).collect();
            let command = if row.form == "sh -c" {
                let mut words = vec![shell.as_str(), "-c", &row.text];
                words.extend(&args);
                format!("CMD {}", json(&words))
            } else {
                files.insert("run.sh".into(), format!("#!/bin/{shell}\n{}", row.text));
                let mut words = vec!["/app/run.sh"];
                words.extend(&args);
                format!("ENTRYPOINT {}\nCMD []", json(&words))
            };
            let dockerfile = format!("FROM debian:bookworm\nWORKDIR /app\nCOPY . /app/\n{command}\n");
            let predicted = predict(&files, &dockerfile);
            count += 1;
            if predicted != *expected {
                wrong.push(format!("{} ({shell}): predicted {predicted}, measured {expected}\n{}", row.name, row.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}
