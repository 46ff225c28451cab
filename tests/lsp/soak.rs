//! Random edits for a while: no crash, no growth of memory, and in the end the diagnostics of `pidone check`.
//!
//! PIDONE_SOAK_SECONDS says how long (3 if not set), PIDONE_SOAK_SEED repeats a run, PIDONE_SOAK_PROJECTS names a folder of further
//! projects, each in a folder of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, Project, capabilities, summary};

/// Edits between two comparisons.
const EDITS: usize = 40;
/// Memory that may be taken over the whole run beyond what the first tenth took, in KiB.
const GROWTH: u64 = 48 * 1024;

/// xorshift64*: random enough, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// What people type, whole and half.
const WORDS: &[&str] = &[
    "exec ",
    "\n",
    "\"",
    "'",
    "$",
    "&",
    " &\n",
    "wait\n",
    "trap 'kill $!' TERM\n",
    "if [ \"$1\" ]; then\n",
    "fi\n",
    "done\n",
    "\\\n",
    "#",
    "FROM alpine:3.20\n",
    "CMD ",
    "ENTRYPOINT [\"",
    "\"]",
    "]",
    "node server.js\n",
    "sh -c '",
    "$(",
    "<<EOF\n",
    "é😀",
    "\r\n",
    "\t",
    ";",
    "STOPSIGNAL SIGQUIT\n",
    "COPY . .\n",
    "USER app\n",
    "tini -- ",
    "(",
    "{ ",
    "}\n",
    "\u{feff}",
    "\0",
    "while :; do\n",
    "case $1 in\n",
];

fn text_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            text_files(&path, found);
        } else if fs::read_to_string(&path).is_ok_and(|text| text.len() < 100_000) {
            found.push(path);
        }
    }
}

/// All projects below one root: the fixtures, and what PIDONE_SOAK_PROJECTS names.
fn everything() -> (Project, Vec<String>) {
    let project = Project::new(&[]);
    let mut names = Vec::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let further = env::var_os("PIDONE_SOAK_PROJECTS").map(PathBuf::from);
    for (folder, inner) in
        [Some((fixtures, "before")), further.map(|folder| (folder, ""))].into_iter().flatten()
    {
        let mut cases: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        cases.sort();
        for case in cases.into_iter().map(|case| case.join(inner)).filter(|case| case.is_dir()) {
            let mut files = Vec::new();
            text_files(&case, &mut files);
            for file in files {
                let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
                // A file that git ignores is not looked for.
                if !name.contains(".git") && !name.contains("/.") {
                    project.write(&name, &fs::read_to_string(&file).unwrap());
                    names.push(name);
                }
            }
        }
    }
    (project, names)
}

struct Session {
    client: Client,
    project: Project,
    random: Random,
    names: Vec<String>,
    /// Open documents: text and version.
    open: BTreeMap<String, (String, i32)>,
    /// What the server last said of each file.
    told: BTreeMap<String, BTreeSet<String>>,
}

impl Session {
    fn uri(&self, name: &str) -> String {
        self.project.uri(name).replace(' ', "%20")
    }

    fn open(&mut self, name: &str) {
        let text = self.project.read(name);
        let uri = self.uri(name);
        self.client.open_text(&uri, &text);
        self.open.insert(name.to_owned(), (text, 1));
    }

    /// Replaces a stretch of a document, sometimes all of it.
    fn edit(&mut self, name: &str) {
        let (text, version) = self.open[name].clone();
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let from = *self.random.choose(&starts);
        let length = if self.random.below(3) == 0 { self.random.below(30) } else { 0 };
        let to = *starts.iter().find(|at| **at >= (from + length).min(text.len())).unwrap();
        let word = if self.random.below(4) == 0 { "" } else { *self.random.choose(WORDS) };
        let new = format!("{}{word}{}", &text[..from], &text[to..]);
        let position = |offset: usize| {
            let before = &text[..offset];
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            json!({ "line": before.matches('\n').count(), "character": before[line..].encode_utf16().count() })
        };
        // A place between the two characters of a line ending cannot be named.
        let splits = |offset: usize| text[..offset].ends_with('\r') && text[offset..].starts_with('\n');
        let change = if splits(from) || splits(to) || self.random.below(10) == 0 {
            json!({ "text": new })
        } else {
            json!({ "range": { "start": position(from), "end": position(to) }, "text": word })
        };
        let document = json!({ "uri": self.uri(name), "version": version + 1 });
        self.client.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [change] }),
        );
        self.open.insert(name.to_owned(), (new, version + 1));
    }

    /// Asks something, somewhere; the answer need only come.
    fn ask(&mut self, name: &str) {
        let document = json!({ "uri": self.uri(name) });
        let at = json!({ "line": self.random.below(20), "character": self.random.below(40) });
        let range = json!({ "start": { "line": 0, "character": 0 }, "end": at });
        let (method, params) = match self.random.below(4) {
            0 => ("textDocument/hover", json!({ "textDocument": document, "position": at })),
            1 => ("textDocument/codeLens", json!({ "textDocument": document })),
            2 => ("textDocument/documentLink", json!({ "textDocument": document })),
            _ => {
                let context = json!({ "diagnostics": [] });
                (
                    "textDocument/codeAction",
                    json!({ "textDocument": document, "range": range, "context": context }),
                )
            }
        };
        self.client.request(method, params).unwrap();
    }

    fn listen(&mut self) {
        for message in std::mem::take(&mut self.client.heard) {
            let text = message["params"]["message"].as_str().unwrap_or_default();
            assert!(!text.contains("internal error"), "{text}");
            if message["method"] == "textDocument/publishDiagnostics" {
                let uri = message["params"]["uri"].as_str().unwrap().replace("%20", " ");
                let Some(name) = uri.strip_prefix(&self.project.uri("")) else { continue };
                let found = summary(&message["params"]["diagnostics"]);
                let found: BTreeSet<String> =
                    found.into_iter().map(|found| format!("{name}:{found}")).collect();
                self.told.insert(name.to_owned(), found);
            }
        }
    }

    /// Saves everything, and waits until the server says what `pidone check` says.
    fn compare(&mut self) {
        for (name, (text, _)) in self.open.clone() {
            self.project.write(&name, &text);
            self.client.notify("textDocument/didSave", json!({ "textDocument": { "uri": self.uri(&name) } }));
        }
        let expected: BTreeSet<String> = self.project.check().into_iter().collect();
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            self.client
                .request("textDocument/codeLens", json!({ "textDocument": { "uri": "untitled:none" } }))
                .unwrap();
            self.listen();
            let told: BTreeSet<String> = self.told.values().flatten().cloned().collect();
            if told == expected {
                return;
            }
            if Instant::now() > until {
                let more: Vec<_> = told.difference(&expected).collect();
                let less: Vec<_> = expected.difference(&told).collect();
                panic!("the server says {more:?} and does not say {less:?}");
            }
        }
    }

    fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.client.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// What was open when a run failed is kept.
impl Drop for Session {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("soak");
            for (name, (text, _)) in &self.open {
                let path = kept.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
    }
}

#[test]
#[allow(clippy::print_stdout)]
fn random_edits_do_no_harm() {
    let seconds = env::var("PIDONE_SOAK_SECONDS").map_or(3, |seconds| seconds.parse().unwrap());
    let seed = env::var("PIDONE_SOAK_SEED").map_or(0x5eed, |seed| seed.parse().unwrap());
    println!("PIDONE_SOAK_SEED={seed}");
    let (project, names) = everything();
    let originals: BTreeMap<String, String> =
        names.iter().map(|name| (name.clone(), project.read(name))).collect();
    let client = Client::in_project(&project, capabilities());
    let random = Random(seed);
    let mut session =
        Session { client, project, random, names, open: BTreeMap::new(), told: BTreeMap::new() };
    // Everything is open, so that the server speaks of everything.
    for name in session.names.clone() {
        session.open(&name);
    }
    session.compare();
    let duration = Duration::from_secs(seconds);
    let start = Instant::now();
    let (mut edits, mut comparisons, mut first) = (0_usize, 0_usize, 0);
    while start.elapsed() < duration {
        for _ in 0..EDITS {
            let name = session.random.choose(&session.names).clone();
            for _ in 0..=session.random.below(4) {
                session.edit(&name);
                edits += 1;
            }
            if session.random.below(3) == 0 {
                session.ask(&name);
            }
            if session.random.below(20) == 0 {
                session.client.notify(
                    "textDocument/didClose",
                    json!({ "textDocument": { "uri": session.uri(&name) } }),
                );
                session.open(&name);
            }
            session.listen();
        }
        session.compare();
        comparisons += 1;
        // Most of what is random is broken for good; now and then somebody starts afresh.
        let name = session.random.choose(&session.names).clone();
        let (uri, version) = (session.uri(&name), session.open[&name].1 + 1);
        session.client.change(&uri, version, &originals[&name]);
        session.open.insert(name.clone(), (originals[&name].clone(), version));
        if first == 0 && start.elapsed() > duration / 10 {
            first = session.memory();
        }
    }
    let last = session.memory();
    println!(
        "{edits} edits, {comparisons} comparisons, {first} KiB after a tenth of {seconds} s, {last} KiB at the end"
    );
    assert!(last < first + GROWTH, "memory grew from {first} to {last} KiB");
    let Value::Null = session.client.request("shutdown", Value::Null).unwrap() else { panic!("no shutdown") };
    session.client.notify("exit", Value::Null);
    assert_eq!(session.client.exit_code(), 0);
}
