//! Compose files and Kubernetes manifests: what each container starts, how its stop ends, and what is reported.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use std::collections::BTreeMap;

use pidone::Settings;
use pidone::fix::fix_all;
use pidone::source::MemoryLoader;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// A project, and what is expected of one of its files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The file that is checked; `compose.yaml` if not given.
    check: Option<String>,
    /// `name: argv: outcome`, one for each container.
    containers: Vec<String>,
    /// `path:line rule`, as they are reported.
    #[serde(default)]
    findings: Vec<String>,
    files: BTreeMap<String, String>,
    /// What safe fixes make of the files.
    #[serde(default)]
    after: BTreeMap<String, String>,
}

impl Case {
    fn judge(&self) -> Vec<String> {
        let mut loader = MemoryLoader::new();
        for (path, text) in &self.files {
            loader.insert(path.as_str(), text.as_str(), Some(true));
        }
        let path = self.check.as_deref().unwrap_or("compose.yaml");
        let report = pidone::check(path.into(), &loader, &Settings::default());
        let containers: Vec<String> = report
            .images
            .iter()
            .map(|image| {
                let name = image.image.stage.as_deref().unwrap_or_default();
                format!("{name}: {}: {}", image.argv.join(" "), image.outcome.name())
            })
            .collect();
        let findings: Vec<String> = report
            .diagnostics
            .iter()
            .map(|found| format!("{}:{} {}", found.place.source.path(), found.place.line(), found.rule))
            .collect();
        let fixed = fix_all(&[path.into()], &loader, &Settings::default());
        let after: BTreeMap<String, String> =
            fixed.changed.into_iter().map(|(path, _, text)| (path.into_string(), text)).collect();
        let mut wrong = Vec::new();
        if containers != self.containers {
            let why: Vec<_> = report.images.iter().map(|image| image.why.as_str()).collect();
            wrong.push(format!("containers {containers:#?}\nbecause {why:#?}"));
        }
        if findings != self.findings {
            wrong.push(format!("findings {findings:#?}"));
        }
        if after != self.after {
            wrong.push(format!("after {after:#?}"));
        }
        wrong
    }
}

#[test]
fn deployments_are_read_as_their_orchestrators_read_them() {
    let table: Table = toml::from_str(include_str!("data/deployments.toml")).unwrap();
    let only = std::env::var("ROW").ok();
    let cases: Vec<Case> =
        table.case.into_iter().filter(|case| only.as_ref().is_none_or(|only| *only == case.name)).collect();
    assert!(!cases.is_empty(), "there is no case {only:?}");
    let mut wrong = Vec::new();
    for case in cases {
        let differences = case.judge();
        if !differences.is_empty() {
            wrong.push(format!("== {}\n{}", case.name, differences.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}
