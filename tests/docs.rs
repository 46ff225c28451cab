//! The documents at the top of the repository say what is so: what they show is what is printed, the tables are those of the
//! program, the code map names what is there, and links lead somewhere.
//!
//! `UPDATE_DOCS=1 cargo test --test docs` writes what can be written: the output of commands and the tables.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pidone::{config, report, rules};

#[path = "docs/page.rs"]
mod page;

use page::{hold, read, replace, repository};

const DOCUMENTS: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// The fixture in which a document's commands run, in a folder of its own.
struct Playground {
    folder: tempfile::TempDir,
}

impl Playground {
    fn new(fixture: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(repository().join(fixture)).unwrap() {
            let (from, to) = {
                let entry = entry.unwrap();
                (entry.path(), folder.path().join(entry.file_name()))
            };
            fs::copy(from, &to).unwrap();
            // Git keeps the fixtures' files as they came; a script that is copied into an image has to be executable.
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { folder }
    }

    /// What a command prints, on both streams.
    fn run(&self, command: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_pidone")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(programs).chain(std::env::split_paths(&path))).unwrap();
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}; }} 2>&1")])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env("PATH", path)
            .env_remove("CLICOLOR_FORCE")
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Blocks marked `console` show commands behind `$ ` and what they print; the commands of a document run one after the other in a
/// copy of the fixture that a comment names. Between `<!-- begin rules -->` and `<!-- end -->` stands what the program knows.
#[test]
fn what_is_shown_is_current() {
    for path in DOCUMENTS {
        let text = with_output(path, &read(path));
        let is_table = |line: &str| line.starts_with("<!-- begin ") && line.ends_with(" -->");
        let expected = replace(&text, is_table, "<!-- end -->", |begin, _| match begin {
            "<!-- begin rules -->" => rules_table(),
            "<!-- begin formats -->" => formats_table(),
            _ => panic!("{path}: what is `{begin}`?"),
        });
        hold(path, &expected);
    }
}

fn with_output(path: &str, text: &str) -> String {
    const MARK: &str = "<!-- commands run in ";
    let (before, rest) = text.split_once(MARK).unwrap_or((text, ""));
    assert!(!before.contains("```console"), "{path}: no comment says where its commands run");
    let parts = rest.split(MARK).filter(|part| !part.is_empty()).map(|part| {
        let (fixture, _) = part.split_once(" -->").expect("a comment has an end");
        format!("{MARK}{}", played(part, fixture))
    });
    before.to_owned() + &parts.collect::<String>()
}

/// What a fixture's folder makes of the commands in a part of a page.
fn played(text: &str, fixture: &str) -> String {
    let playground = Playground::new(fixture);
    replace(
        text,
        |line| line == "```console",
        "```",
        |_, old| {
            let commands = old.iter().filter_map(|line| line.strip_prefix("$ "));
            commands.fold(String::new(), |mut out, command| {
                let _ = write!(out, "$ {command}\n{}", playground.run(command));
                out
            })
        },
    )
}

#[test]
fn the_schema_is_current() {
    hold("pidone.schema.json", &config::schema());
}

fn rules_table() -> String {
    let mut out = "| rule | severity | fix | what it finds |\n|---|---|---|---|\n".to_owned();
    for rule in rules::all() {
        let (name, severity, fix) = (rule.name, rule.severity.name(), rule.fix);
        let _ = writeln!(out, "| [`{name}`](rules/{name}.md) | {severity} | {fix} | {} |", rule.summary);
    }
    out
}

fn formats_table() -> String {
    let mut out = "| `--output-format` | `check` | `tree` | |\n|---|---|---|---|\n".to_owned();
    let yes = |can: bool| if can { "yes" } else { "" };
    for format in report::FORMATS {
        let (check, tree) = (yes(format.check.is_some()), yes(format.tree.is_some()));
        let _ = writeln!(out, "| `{}` | {check} | {tree} | {} |", format.name, format.help);
    }
    out
}

/// What the documents promise a newcomer is what CI does.
#[test]
fn the_test_command_is_that_of_ci() {
    let command = "cargo test --locked";
    assert!(read("README.md").lines().any(|line| line.trim_start().starts_with(command)), "README.md");
    assert!(
        read(".ci/run").lines().any(|line| line.starts_with("run ") && line.ends_with(command)),
        ".ci/run"
    );
}

/// The packages for other ecosystems are of this version.
#[test]
fn packages_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    let hook = read("pyproject.toml");
    assert!(hook.contains(&format!("\nversion = \"{version}\"\n")), "pyproject.toml");
    assert!(hook.contains(&format!("\"pidone=={version}\"")), "pyproject.toml");
    for example in ["packaging/pre-commit-config.yaml", "packaging/github-workflow.yml"] {
        assert!(read(example).contains(&format!("v{version}\n")), "{example}");
    }
}

/// Whoever teaches should be an example.
#[test]
fn our_own_image_stops_well() {
    let pidone = |command: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_pidone"))
            .args([command, "--output-format", "json", "Dockerfile"])
            .current_dir(repository())
            .output()
            .unwrap();
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    assert_eq!(pidone("check")["diagnostics"], serde_json::json!([]));
    let image = &pidone("tree")["images"][0];
    assert_eq!(image["outcome"], "graceful", "{image}");
    assert_eq!(image["argv"], serde_json::json!(["/pidone", "check"]));
}

/// What a fence behind `<!-- from FILE -->` shows stands in that file.
#[test]
fn quotations_are_faithful() {
    for path in DOCUMENTS {
        let text = read(path);
        for quotation in text.split("<!-- from ").skip(1) {
            let (file, rest) = quotation.split_once(" -->").unwrap();
            let fence = rest.split("```").nth(1).unwrap();
            let shown = fence.split_once('\n').unwrap().1;
            // A fence in a list is indented with it.
            let is_there = [shown.to_owned(), shown.replace("\n   ", "\n")]
                .iter()
                .any(|shown| read(file).contains(shown.trim()));
            assert!(is_there, "{path}: this does not stand in {file}:\n{shown}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for path in DOCUMENTS.into_iter().chain([
        "book/why.md",
        "fixtures/README.md",
        "tests/data/README.md",
        "editors/README.md",
        "benches/README.md",
    ]) {
        let text = read(path);
        let folder = repository().join(path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
            let file = target.split('#').next().unwrap();
            if !target.contains("://") && !file.is_empty() && !folder.join(file).exists() {
                broken.push(format!("{path}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

/// A room of the house as ARCHITECTURE.md describes it: one or several modules at the top of src/.
#[derive(Default)]
struct Room {
    /// What the heading names.
    modules: Vec<String>,
    /// What the first column of its table names: modules below them.
    parts: BTreeSet<String>,
}

/// The rooms, in the order of the page: `### `a`, `b`` and the tables below.
fn rooms() -> Vec<Room> {
    let text = read("ARCHITECTURE.md");
    let map =
        text.split("\n## ").find(|section| section.starts_with("Code map\n")).expect("a section `Code map`");
    let mut rooms: Vec<Room> = Vec::new();
    for line in map.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            rooms.push(Room { modules: quoted(heading), ..Room::default() });
        } else if let (Some(room), Some(row)) = (rooms.last_mut(), line.strip_prefix("| ")) {
            room.parts.extend(quoted(row.split(" | ").next().unwrap_or_default()));
        }
    }
    rooms
}

/// What stands between backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The modules below a folder, as paths without `.rs`.
fn modules(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(
                    path.strip_prefix(folder).unwrap().with_extension("").to_str().unwrap().to_owned(),
                );
            }
        }
    }
    found
}

#[test]
fn the_code_map_is_complete() {
    let src = repository().join("src");
    let rule_files: BTreeSet<String> = rules::all().iter().map(|rule| rule.name.replace('-', "_")).collect();
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for room in rooms() {
        let mut parts: BTreeSet<String> =
            room.modules.iter().flat_map(|module| modules(&src.join(module))).collect();
        // A room's own tests say nothing about the room, and single rules are listed in the README.
        parts.retain(|part| part != "tests" && (room.modules != ["rules"] || !rule_files.contains(part)));
        let heading = room.modules.join(", ");
        wrong.extend(
            parts.difference(&room.parts).map(|part| format!("{heading}: `{part}` is not in the map")),
        );
        wrong.extend(room.parts.difference(&parts).map(|part| format!("{heading}: there is no `{part}`")));
        named.extend(room.modules);
    }
    let top: BTreeSet<String> = modules(&src).into_iter().filter(|module| !module.contains('/')).collect();
    wrong.extend(top.difference(&named).map(|module| format!("`{module}` is not in the map")));
    wrong.extend(named.difference(&top).map(|module| format!("there is no src/{module}.rs")));
    assert!(wrong.is_empty(), "the code map in ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

/// The rooms stand in ARCHITECTURE.md from the ground up: each imports only from those above it on the page.
#[test]
fn imports_point_downwards() {
    let rooms = rooms();
    let floor: BTreeMap<&str, usize> = rooms
        .iter()
        .enumerate()
        .flat_map(|(floor, room)| room.modules.iter().map(move |module| (module.as_str(), floor)))
        .collect();
    let mut wrong = Vec::new();
    for (module, here) in &floor {
        for (path, text) in sources(module) {
            // What stands below this is the file's own tests, which may use anything.
            let code = text.split("#[cfg(test)]").next().unwrap();
            for imported in imports(code) {
                if floor.get(imported).is_some_and(|there| there > here) {
                    wrong.push(format!("{}: crate::{imported}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point upwards:\n{}", wrong.join("\n"));
}

/// The files of a module: its own, and those below it.
fn sources(module: &str) -> Vec<(PathBuf, String)> {
    let below = modules(&repository().join("src").join(module));
    let names =
        below.into_iter().filter(|part| part != "tests").map(|part| format!("src/{module}/{part}.rs"));
    std::iter::once(format!("src/{module}.rs"))
        .chain(names)
        .map(|path| (path.clone().into(), read(&path)))
        .collect()
}

/// The modules named behind `crate::`, in braces too.
fn imports(code: &str) -> Vec<&str> {
    let names = code.split("crate::").skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').collect(),
        None => vec![rest],
    });
    names
        .map(|name| {
            let name = name.trim_start();
            name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
        })
        .collect()
}

/// `1_000` and `4 * 1024` as numbers.
fn value(written: &str) -> u64 {
    written.split('*').map(|factor| factor.trim().replace(['_', ','], "").parse::<u64>().unwrap()).product()
}

#[test]
fn limits_are_those_of_the_code() {
    let page = read("ARCHITECTURE.md");
    let (_, section) = page.split_once("## Limits").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let mut count = 0;
    for row in rows.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [file, name] = cells[4].split_whitespace().collect::<Vec<_>>().try_into().unwrap();
        let code = read(file.trim_matches('`'));
        let (_, written) = code.split_once(&format!("const {}: ", name.trim_matches('`'))).unwrap();
        let written = written.split_once(" = ").unwrap().1.split(';').next().unwrap();
        assert_eq!(value(written), value(cells[2]), "{row}");
        count += 1;
    }
    assert!(count > 10, "only {count} limits");
}
