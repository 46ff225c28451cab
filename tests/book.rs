//! Writes the book's pages, so that `mdbook build target/tmp/book` makes a site of them: the handwritten front page, the documents at the
//! top of the repository, a page for each rule with pictures of its examples, and the tables.
//!
//! `UPDATE_DOCS=1 cargo test --test book` draws the front page's pictures anew.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pidone::programs::{Kind, Program, Reaction, Tables};
use pidone::report::{self, Checked, Results, View};
use pidone::rules::{self, RuleInfo};
use pidone::source::MemoryLoader;
use pidone::{Settings, check};

#[path = "docs/page.rs"]
mod page;

use page::{hold, read, replace, repository};

type Files = BTreeMap<String, String>;

/// The pages, by their path below `src/`.
fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::from([
        ("why.md".to_owned(), read("book/why.md")),
        ("pidone.md".to_owned(), read("README.md")),
        ("rules.md".to_owned(), list_of_rules()),
        ("programs.md".to_owned(), table_of_programs()),
        ("images.md".to_owned(), table_of_images()),
        ("architecture.md".to_owned(), read("ARCHITECTURE.md")),
        ("contributing.md".to_owned(), read("CONTRIBUTING.md")),
        ("changelog.md".to_owned(), read("CHANGELOG.md")),
    ]);
    for rule in rules::all() {
        pages.insert(format!("rules/{}.md", rule.name), page_of_rule(rule));
    }
    let names: BTreeSet<String> = pages.keys().cloned().collect();
    for (name, text) in &mut pages {
        *text = relink(name, text, &names);
    }
    pages.insert("SUMMARY.md".to_owned(), summary());
    pages
}

fn summary() -> String {
    let mut out =
        "# Summary\n\n[Why containers do not stop](why.md)\n\n- [pidone](pidone.md)\n- [Rules](rules.md)\n"
            .to_owned();
    for rule in rules::all() {
        let _ = writeln!(out, "  - [{0}](rules/{0}.md)", rule.name);
    }
    out + "- [Programs](programs.md)\n- [Base images](images.md)\n- [Architecture](architecture.md)\n- [Contributing](contributing.md)\n\
           - [Changelog](changelog.md)\n"
}

/// The front page. Between `<!-- begin picture FIXTURE -->` or `<!-- begin measured ROWS -->` and `<!-- end -->` stands what is drawn and
/// what was measured.
fn front_page() -> String {
    let begins = |line: &str| line.starts_with("<!-- begin ");
    replace(&read("book/why.md"), begins, "<!-- end -->", |begin, _| {
        let what = begin.trim_start_matches("<!-- begin ").trim_end_matches(" -->");
        match what.split_once(' ').unwrap() {
            ("picture", folder) => format!("\n{}", picture("", &fixture(folder))),
            ("measured", rows) => format!("\n{}\n", measured(rows)),
            _ => panic!("what is `{begin}`?"),
        }
    })
}

#[test]
fn the_front_page_is_current() {
    hold("book/why.md", &front_page());
}

/// `text` with each fence as `write` has it.
fn with_fences(text: &str, mut write: impl FnMut(&str, &str, &mut String)) -> String {
    let mut out = String::new();
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        match line.strip_prefix("```") {
            Some(info) => {
                let body: String = lines.by_ref().take_while(|line| line.trim_end() != "```").collect();
                write(info.trim(), &body, &mut out);
            }
            None => out.push_str(line),
        }
    }
    out
}

/// The files of a fixture; those of `after` stand over those of `before`.
fn fixture(folder: &str) -> Files {
    let before = folder.replace("/after", "/before");
    let mut files = Files::new();
    for folder in [before.as_str(), folder] {
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let text = read(&format!("{folder}/{name}"));
            files.insert(name, text);
        }
    }
    files
}

/// What `pidone tree` draws, below a title; nothing where nothing is started.
fn picture(title: &str, files: &Files) -> String {
    let loader: MemoryLoader = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let report = check("Dockerfile".into(), &loader, &Settings::default());
    let results = Results { projects: vec![Checked::new("/project", vec![report])], ..Results::default() };
    let view =
        View { width: 84, cwd: "/project".into(), quiet: false, unsafe_fixes: false, show_fixes: false };
    let text = report::FORMATS.iter().find(|format| format.name == "text").unwrap();
    let mut shown = Vec::new();
    text.tree.unwrap()(&results, &view, &mut shown).unwrap();
    let shown = anstream::adapter::strip_str(std::str::from_utf8(&shown).unwrap()).to_string();
    if shown.contains("PID 1") { format!("{title}```text\n{shown}```\n\n") } else { String::new() }
}

#[derive(serde::Deserialize)]
struct Measurements {
    row: Vec<Measurement>,
}

#[derive(serde::Deserialize)]
struct Measurement {
    name: String,
    form: String,
    text: String,
    outcome: BTreeMap<String, String>,
}

/// Rows of the measurements, each named as `form | name`.
fn measured(rows: &str) -> String {
    let all: Measurements = toml::from_str(&read("tests/data/shell-forms.toml")).unwrap();
    let mut out = "| | dash | ash | bash |\n|---|---|---|---|\n".to_owned();
    let mixed = rows.contains("sh -c | ") && rows.contains("script | ");
    for row in rows.split("; ") {
        let (form, name) = row.split_once(" | ").unwrap();
        let row = all.row.iter().find(|row| row.form == form && row.name == name);
        let row = row.unwrap_or_else(|| panic!("there is no measurement `{form} | {name}`"));
        // The service is called `srv` there, with the name that it reports under.
        let text =
            row.text.trim_end_matches('\n').replace('|', "&#124;").replace('<', "&lt;").replace('\n', "<br>");
        let ending = if form == "sh -c" && row.text.ends_with('\n') { "⏎" } else { "" };
        // A heading says it where all rows are of one form.
        let kind = if mixed || form == "sh -c" { format!("{form}: ") } else { String::new() };
        let _ = write!(out, "| {kind}<code>{text}{ending}</code> |");
        for shell in ["dash", "ash", "bash"] {
            let outcome = &row.outcome[shell];
            let shown = if outcome == "graceful" { outcome.clone() } else { format!("**{outcome}**") };
            let _ = write!(out, " {shown} |");
        }
        out.push('\n');
    }
    out
}

fn list_of_rules() -> String {
    let mut out = "# Rules\n\nA rule is one defect that a person can understand and mend.\n\n| rule | severity | fix | what it finds |\n|---|---|---|---|\n".to_owned();
    for rule in rules::all() {
        let (name, severity, fix) = (rule.name, rule.severity.name(), rule.fix);
        let _ = writeln!(out, "| [`{name}`](rules/{name}.md) | {severity} | {fix} | {} |", rule.summary);
    }
    out
}

/// A rule's document, its examples with their paths and with pictures of their processes, before and after the repair.
fn page_of_rule(rule: &RuleInfo) -> String {
    let title = format!("# {}\n", rule.name);
    let facts = format!(
        "{title}\n*{}.* Severity: {}. Fix: {}. Since {}.\n",
        rule.summary,
        rule.severity.name(),
        rule.fix,
        rule.since
    );
    let body = rule.document.replacen(&title, &facts, 1);
    let mut out = String::new();
    // An example ends where the next one begins, or the next section.
    for part in split_before(&body, &["\n## ", "\nAnother example:"]) {
        let (mut before, mut after) = (Files::new(), Files::new());
        out.push_str(&with_fences(part, |info, body, out| {
            match info.split_whitespace().collect::<Vec<_>>()[..] {
                [language, role, path] => {
                    let files = if role == "before" { &mut before } else { &mut after };
                    files.insert(path.to_owned(), body.to_owned());
                    let _ = write!(out, "`{path}`, {role}:\n\n```{language}\n{body}```\n");
                }
                _ => {
                    let _ = write!(out, "```{info}\n{body}```\n");
                }
            }
        }));
        if !before.is_empty() {
            out.push_str(&picture("\nThe processes, before:\n\n", &before));
        }
        if !after.is_empty() {
            before.extend(after);
            out.push_str(&picture("\nThe processes, after:\n\n", &before));
        }
    }
    out
}

/// Splits `text` before each of the `marks`.
fn split_before<'a>(text: &'a str, marks: &[&str]) -> Vec<&'a str> {
    let mut places: Vec<usize> = marks
        .iter()
        .flat_map(|mark| text.match_indices(mark))
        .map(|(at, _)| at + 1)
        .chain([0, text.len()])
        .collect();
    places.sort_unstable();
    places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn table_of_programs() -> String {
    let mut out = "# Programs\n\nWhat pidone knows about programs: what they are on the way from PID 1 to a service, and what they do on SIGTERM. \
                   Those that end by themselves are left out here. A program that is in no row is taken for a service that handles the stop signal.\n\n\
                   | program | what it is | on SIGTERM, as PID 1 | stop signals for a graceful end | version | source |\n\
                   |---|---|---|---|---|---|\n"
        .to_owned();
    // Programs that end by themselves are many, and no surprise.
    let mut rows: Vec<&Program> =
        Tables::builtin().programs().filter(|program| program.kind != Kind::Setup).collect();
    rows.sort_by_key(|program| program.names.first());
    for program in rows {
        let names: Vec<String> = program.names.iter().map(|name| format!("`{name}`")).collect();
        let some = if program.is_conditional() { " (with certain arguments)" } else { "" };
        let source = match program.source.starts_with("http") {
            true => format!("[documented]({})", program.source),
            false => program.source.clone(),
        };
        let _ = writeln!(
            out,
            "| {}{some} | {} | {} | {} | {} | {source} |",
            names.join(", "),
            what(program.kind),
            reaction(program),
            program.signals.graceful.join(", "),
            program.version
        );
    }
    out
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Init => "an init",
        Kind::Exec => "replaces itself by its command",
        Kind::Fork => "starts its command and waits",
        Kind::Detach => "starts its command and ends at once",
        Kind::Shell => "a shell",
        Kind::Runner => "a package runner",
        Kind::Interpreter => "runs somebody's program",
        Kind::Server => "a service",
        Kind::Supervisor => "starts and stops services of its own",
        Kind::Setup => "ends by itself",
        Kind::Helper => "stays, but has nothing to lose",
    }
}

fn reaction(program: &Program) -> &'static str {
    match program.reaction("TERM", true) {
        Reaction::Forwards => "passes it on",
        Reaction::Finishes => "finishes and ends",
        Reaction::Waits => "waits for its clients",
        Reaction::Cuts => "ends at once",
        Reaction::Ignores => "nothing",
        Reaction::Unknown => "",
    }
}

fn table_of_images() -> String {
    #[derive(serde::Deserialize)]
    struct Images {
        image: Vec<toml::Table>,
    }
    let table: Images = toml::from_str(&read("rules/images.toml")).unwrap();
    let words = |value: Option<&toml::Value>| match value {
        Some(toml::Value::Array(words)) => words
            .iter()
            .filter_map(toml::Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Some(toml::Value::String(word)) => format!("`{word}`"),
        _ => String::new(),
    };
    let mut out = "# Base images\n\nWhat pidone knows about base images: what they are built on, and what stops their containers. What a tag \
                   changes is left out here.\n\n| image | built on | stop signal |\n|---|---|---|\n"
        .to_owned();
    for image in &table.image {
        let signal = image.get("stop-signal").or_else(|| image.get("launch")?.as_table()?.get("stop-signal"));
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            words(image.get("names")),
            words(image.get("on")),
            words(signal)
        );
    }
    out
}

/// Where a document of the repository stands in the book.
const MOVED: [(&str, &str); 8] = [
    ("book/why.md", "why.md"),
    ("README.md", "pidone.md"),
    ("../README.md", "pidone.md"),
    ("ARCHITECTURE.md", "architecture.md"),
    ("CONTRIBUTING.md", "contributing.md"),
    ("CHANGELOG.md", "changelog.md"),
    ("rules/programs.toml", "programs.md"),
    ("rules/images.toml", "images.md"),
];

/// Links to documents lead to their pages; what is not in the book is named without a link.
fn relink(page: &str, text: &str, pages: &BTreeSet<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("](") {
        let (target, behind) = behind.split_once(')').unwrap();
        let (path, anchor) = target.split_at(target.find('#').unwrap_or(target.len()));
        let path = MOVED.iter().find(|(from, _)| *from == path).map_or(path, |(_, to)| *to);
        out.push_str(before);
        if path.is_empty() || path.contains("://") || pages.contains(&resolve(page, path)) {
            let _ = write!(out, "]({path}{anchor})");
        } else {
            let open = out.rfind('[').unwrap();
            out.remove(open);
        }
        rest = behind;
    }
    out + rest
}

/// A link's path, as seen from the root of the book.
fn resolve(page: &str, target: &str) -> String {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    folder.join(target).to_str().unwrap().to_owned()
}

#[test]
fn the_book_is_written() {
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("book");
    let _ = fs::remove_dir_all(&folder);
    let pages = pages();
    for (name, text) in &pages {
        let path = folder.join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(folder.join("book.toml"), read("book/book.toml")).unwrap();
    assert!(pages["why.md"].contains("✗ timeout"), "the front page has its pictures");
    assert!(
        pages["rules/missing-exec.md"].contains("The processes, after:\n\n```text\nDockerfile:1"),
        "so have the rules"
    );
}
