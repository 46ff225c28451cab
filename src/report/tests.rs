//! Reports of made-up findings, as snapshots.

use std::sync::Arc;

use super::*;
use crate::diagnostic::{Fix, Outcome, Related};
use crate::source::{Edit, Place, Source, Span};
use crate::{Branch, LaunchPart, PartSource, ProcessNode, Receives, Started};

const DOCKERFILE: &str = "\
FROM node:20-bookworm-slim AS web
WORKDIR /app
COPY . .
USER node
RUN npm ci
COPY docker/entrypoint.sh /
ENTRYPOINT [\"/entrypoint.sh\"]
";

const SCRIPT: &str = "\
#!/bin/sh
set -e
./migrate
node server.js --port \"$PORT\"
";

fn view() -> View {
    View { width: 100, cwd: "/project".into(), quiet: false, unsafe_fixes: false, show_fixes: false }
}

fn place(source: &Arc<Source>, needle: &str) -> Place {
    let at = source.text().find(needle).unwrap();
    Place::new(source, Span::new(at, at + needle.len()))
}

fn image() -> ImageRef {
    ImageRef { path: Utf8Path::new("Dockerfile").into(), stage: Some("web".into()), line: 1 }
}

/// A finding in a script, with all that a finding can have.
fn in_script() -> Diagnostic {
    let dockerfile = Source::new("Dockerfile", DOCKERFILE);
    let script = Source::new("docker/entrypoint.sh", SCRIPT);
    let service = place(&script, "node server.js --port \"$PORT\"");
    Diagnostic {
        rule: "missing-exec",
        severity: Severity::Error,
        message:
            "`node server.js` is never told to stop: the shell of entrypoint.sh stays PID 1 and ignores \
                  SIGTERM while it waits for its child."
                .into(),
        help: Some("`exec` makes the service PID 1.".into()),
        chain: vec!["/bin/sh /entrypoint.sh".into(), "node server.js --port \"$PORT\"".into()],
        fix: Some(Fix {
            safety: Safety::Safe,
            message: "Put `exec` in front of `node`".into(),
            edits: vec![Edit {
                path: Utf8Path::new("docker/entrypoint.sh").into(),
                span: Span::at(service.span.start),
                text: "exec ".into(),
            }],
        }),
        place: service,
        label: "runs as a child of the shell".into(),
        outcome: Some(Outcome::Timeout),
        image: Some(image()),
        related: vec![
            Related { place: place(&script, "#!/bin/sh"), message: "dash on Debian".into() },
            Related {
                place: place(&dockerfile, "[\"/entrypoint.sh\"]"),
                message: "starts the script".into(),
            },
        ],
    }
}

fn report(diagnostics: Vec<Diagnostic>, images: Vec<ImageReport>) -> FileReport {
    let sources = vec![Source::new("Dockerfile", DOCKERFILE), Source::new("docker/entrypoint.sh", SCRIPT)];
    FileReport {
        path: Utf8Path::new("Dockerfile").into(),
        diagnostics,
        counts: Counts::of(&images, 0),
        images,
        sources,
        unreadable: None,
        defect: None,
        ignores: Vec::new(),
        known: Vec::new(),
    }
}

fn results(files: Vec<FileReport>) -> Results {
    Results { projects: vec![Checked::new("/project", files)], fixed: Vec::new(), left: Vec::new() }
}

fn node(argv: &[&str], started: Started, receives: Receives) -> ProcessNode {
    ProcessNode {
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        started,
        service: false,
        receives,
        note: String::new(),
        dies: false,
        was: Vec::new(),
        place: None,
        children: Vec::new(),
    }
}

fn image_report(outcome: Outcome, processes: Vec<ProcessNode>) -> ImageReport {
    ImageReport {
        image: image(),
        base: "node:20-bookworm-slim".into(),
        argv: vec!["/entrypoint.sh".into()],
        stop_signal: "SIGTERM".into(),
        stop_signal_source: "default".into(),
        parts: vec![
            LaunchPart {
                name: "entrypoint",
                value: vec!["/entrypoint.sh".into()],
                source: PartSource::File(place(&Source::new("Dockerfile", DOCKERFILE), "ENTRYPOINT")),
            },
            LaunchPart { name: "cmd", value: vec!["node".into()], source: PartSource::BaseImage },
        ],
        is_deployed: false,
        outcome,
        why: "the shell of entrypoint.sh stays PID 1 and ignores SIGTERM".into(),
        processes,
        branches: Vec::new(),
    }
}

fn print(print: Print, results: &Results, view: &View) -> String {
    let mut bytes = Vec::new();
    print(results, view, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Without colours, as in a pipe.
fn plain(format: Print, results: &Results, view: &View) -> String {
    anstream::adapter::strip_str(&print(format, results, view)).to_string()
}

fn text(diagnostics: Vec<Diagnostic>) -> String {
    plain(text::FORMAT.check.unwrap(), &results(vec![report(diagnostics, Vec::new())]), &view())
}

#[test]
fn a_finding_in_a_script() {
    insta::assert_snapshot!(text(vec![in_script()]));
}

#[test]
fn a_finding_in_colours() {
    let results = results(vec![report(vec![in_script()], Vec::new())]);
    insta::assert_snapshot!(print(text::FORMAT.check.unwrap(), &results, &view()).replace('\x1b', "␛"));
}

#[test]
fn an_unsafe_fix_in_a_narrow_terminal() {
    let mut diagnostic = in_script();
    diagnostic.severity = Severity::Warning;
    diagnostic.outcome = Some(Outcome::Abrupt);
    diagnostic.related.clear();
    diagnostic
        .chain
        .push("node worker.js --queue mail --queue billing --queue everything-else --verbose".into());
    diagnostic.fix = diagnostic.fix.map(|fix| Fix {
        safety: Safety::Unsafe,
        message: "Start the script of package.json directly; `prestart` would no longer run".into(),
        ..fix
    });
    let results = results(vec![report(vec![diagnostic], Vec::new())]);
    insta::assert_snapshot!(plain(text::FORMAT.check.unwrap(), &results, &View { width: 60, ..view() }));
}

#[test]
fn nothing_found() {
    let images = vec![image_report(Outcome::Graceful, Vec::new())];
    insta::assert_snapshot!(
        plain(text::FORMAT.check.unwrap(), &results(vec![report(Vec::new(), images)]), &view()),
        @"Checked 1 file, 1 image: all good"
    );
    let images =
        vec![image_report(Outcome::Graceful, Vec::new()), image_report(Outcome::Unknown, Vec::new())];
    insta::assert_snapshot!(
        plain(text::FORMAT.check.unwrap(), &results(vec![report(Vec::new(), images)]), &view()),
        @"Checked 1 file, 2 images: no problems found (1 image beyond what the files tell, see `pidone tree`)"
    );
    let results = results(vec![report(Vec::new(), Vec::new())]);
    assert_eq!(plain(text::FORMAT.check.unwrap(), &results, &View { quiet: true, ..view() }), "");
}

#[test]
fn what_was_fixed() {
    let mut results = results(vec![report(Vec::new(), vec![image_report(Outcome::Graceful, Vec::new())])]);
    let fixed = |path: &str, rule, message: &str| Fixed {
        root: "/project".into(),
        path: path.into(),
        rule,
        message: message.into(),
        diff: String::new(),
    };
    results.fixed = vec![
        fixed("Dockerfile", "shell-form", "Write the command in exec form"),
        fixed("docker/entrypoint.sh", "missing-exec", "Put `exec` in front of `node`"),
        fixed("docker/entrypoint.sh", "deferred-trap", "Start the service in the background and wait for it"),
    ];
    insta::assert_snapshot!(plain(text::FORMAT.check.unwrap(), &results, &view()));
}

#[test]
fn one_finding_for_several_images() {
    let mut second = in_script();
    second.image = Some(ImageRef { path: Utf8Path::new("Dockerfile.worker").into(), stage: None, line: 3 });
    let mut results = results(vec![report(vec![in_script()], Vec::new()), report(vec![second], Vec::new())]);
    assert_eq!(results.findings().len(), 1);
    assert_eq!(results.summary(&view()).errors, 1);
    assert!(
        plain(text::FORMAT.check.unwrap(), &results, &view())
            .contains("also in the image of Dockerfile.worker:3"),
        "the other image is named"
    );
    results.projects.clear();
    assert_eq!(results.worst(), None);
}

#[test]
fn contents_cannot_steer_the_terminal() {
    let source = Source::new("evil\x1b[2J.sh", "a\n\u{feff}é\x1b[31m\tnode \u{202e}x\x07 &\r\nb\r\n");
    let mut diagnostic = in_script();
    diagnostic.place = place(&source, "node \u{202e}x\x07");
    diagnostic.message = "\x1b[31mred\nnext".into();
    diagnostic.label = "\x1b]8;;http://x\x1b\\".into();
    diagnostic.help = Some("\x1b[2J".into());
    diagnostic.chain = vec!["\x1b[2J".into()];
    diagnostic.related.clear();
    let shown = text(vec![diagnostic]);
    assert!(!shown.contains(['\x1b', '\x07', '\u{202e}', '\r']), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn long_lines_are_cut_around_the_place() {
    let line = format!("RUN {} && node server.js & {}\n", "echo a; ".repeat(60), "echo b; ".repeat(60));
    let source = Source::new("Dockerfile", format!("FROM x\n{line}{line}"));
    let mut diagnostic = in_script();
    diagnostic.place = place(&source, "node server.js");
    diagnostic.related.clear();
    insta::assert_snapshot!(text(vec![diagnostic]));
}

#[test]
fn places_of_every_kind_can_be_shown() {
    let texts = [
        "",
        "\n",
        "\r\n",
        "a",
        "a\n",
        "a\r\nb\r\n",
        "é\té\n\n\n",
        "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11",
        "\r\r\n\r",
    ];
    for source in texts.map(|text| Source::new("f", text)) {
        let end = source.text().len() + 2;
        for start in 0..end {
            for end in start..=end {
                let mut diagnostic = in_script();
                diagnostic.place = Place::new(&source, Span::new(start, end));
                for related in [Vec::new(), vec![(0, 0)], vec![(end, end), (0, start)]] {
                    diagnostic.related = related
                        .into_iter()
                        .map(|(start, end)| Related {
                            place: Place::new(&source, Span::new(start, end)),
                            message: "here".into(),
                        })
                        .collect();
                    let shown = text(vec![diagnostic.clone()]);
                    assert!(shown.contains("╭─[f:"), "{:?} {start}..{end}: {shown}", source.text());
                }
            }
        }
    }
}

#[test]
fn findings_for_programs() {
    let results = results(vec![report(vec![in_script()], vec![image_report(Outcome::Timeout, Vec::new())])]);
    insta::assert_snapshot!(print(json::FORMAT.check.unwrap(), &results, &view()));
}

/// The formats for programs, and one line per finding.
#[test]
fn findings_in_every_other_format() {
    let results = results(vec![report(vec![in_script()], vec![image_report(Outcome::Timeout, Vec::new())])]);
    for format in FORMATS.iter().filter(|format| !["text", "json", "sarif"].contains(&format.name)) {
        let Some(check) = format.check else { continue };
        insta::assert_snapshot!(format.name, plain(check, &results, &view()));
    }
    // The rule's document, which is most of it, is held elsewhere.
    let log: serde_json::Value =
        serde_json::from_str(&print(sarif::FORMAT.check.unwrap(), &results, &view())).unwrap();
    let run = &log["runs"][0];
    let help = &run["tool"]["driver"]["rules"][0]["help"];
    assert!(help["text"].as_str().unwrap().starts_with("missing-exec\n\nWhat it finds\n"), "{help}");
    assert!(help["markdown"].as_str().unwrap().contains("## What it finds\n"), "{help}");
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&run["results"]).unwrap());
}

#[test]
fn no_findings_in_any_format() {
    let results = results(vec![report(Vec::new(), vec![image_report(Outcome::Graceful, Vec::new())])]);
    let shown: Vec<String> = FORMATS
        .iter()
        .filter_map(|format| {
            Some(format!("--- {}\n{}", format.name, plain(format.check?, &results, &view())))
        })
        .collect();
    insta::assert_snapshot!(shown.concat().replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

/// Paths and code may hold anything. What is printed is still one document of its kind, and steers no terminal.
#[test]
fn contents_break_no_format() {
    let source = Source::new("a,b:c%/\"<é>&\u{1}.sh", "😀 node \u{202e}x\x07\r\nb ]]>\r\n");
    let mut diagnostic = in_script();
    diagnostic.place = place(&source, "node \u{202e}x\x07\r\nb");
    diagnostic.message = "\x1b[31mred ::error::100% <&\"]]>\nnext".into();
    diagnostic.help = None;
    diagnostic.chain.clear();
    diagnostic.related.clear();
    diagnostic.fix = None;
    let results = results(vec![report(vec![diagnostic], Vec::new())]);
    for format in FORMATS.iter().filter(|format| !format.for_people) {
        let Some(check) = format.check else { continue };
        let shown = print(check, &results, &view());
        assert!(!shown.contains(['\x1b', '\x07', '\r', '\u{1}']), "{}: {shown}", format.name);
        if !["json", "json-lines", "sarif"].contains(&format.name) {
            insta::assert_snapshot!(format!("odd_contents_{}", format.name), shown);
        }
    }
}

/// GitLab takes findings with the same fingerprint for one.
#[test]
fn fingerprints_are_there_once() {
    let script = Source::new("run.sh", "node server.js\nnode server.js\n");
    let at = |line| Diagnostic { place: Place::new(&script, script.line_span(line)), ..in_script() };
    let (first, second) = (at(1), at(2));
    assert_eq!(first.fingerprint(), second.fingerprint());
    let results = results(vec![report(vec![first, second], Vec::new())]);
    let fingerprints = describe::fingerprints(&results.findings());
    assert_ne!(fingerprints[0], fingerprints[1]);
}

/// A suggestion is applied by itself, so it has to be the whole of a repair.
#[test]
fn suggestions_are_whole_repairs() {
    let suggestions = |change: fn(&mut Diagnostic)| {
        let mut diagnostic = in_script();
        change(&mut diagnostic);
        let results = results(vec![report(vec![diagnostic], Vec::new())]);
        let shown: serde_json::Value =
            serde_json::from_str(&print(rdjson::FORMAT.check.unwrap(), &results, &view())).unwrap();
        shown["diagnostics"][0]["suggestions"].clone()
    };
    assert_eq!(suggestions(|_| {})[0]["text"], "exec ");
    assert_eq!(
        suggestions(|diagnostic| {
            let fix = diagnostic.fix.as_mut().unwrap();
            fix.edits.push(Edit {
                path: Utf8Path::new("Dockerfile").into(),
                span: Span::at(0),
                text: "# ".into(),
            });
        }),
        serde_json::json!([]),
        "a part of a repair is none"
    );
    assert_eq!(
        suggestions(|diagnostic| diagnostic.fix.as_mut().unwrap().safety = Safety::Unsafe),
        serde_json::json!([]),
        "what may change more is nothing to click on"
    );
    let both = suggestions(|diagnostic| {
        let fix = diagnostic.fix.as_mut().unwrap();
        let at = SCRIPT.find("set -e").unwrap();
        fix.edits.push(Edit {
            path: Utf8Path::new("docker/entrypoint.sh").into(),
            span: Span::new(at, at + "set -e".len()),
            text: "set -u".into(),
        });
    });
    assert_eq!(both[0]["text"], "set -u\n./migrate\nexec ", "several edits are one replacement");
    assert_eq!(both[0]["range"]["start"], serde_json::json!({ "line": 2, "column": 1 }));
}

/// The picture of a script with two services, one of them behind a pipe.
fn processes() -> Vec<ProcessNode> {
    let dockerfile = Source::new("Dockerfile", DOCKERFILE);
    let script = Source::new("docker/entrypoint.sh", SCRIPT);
    let mut shell = node(&["/bin/sh", "/entrypoint.sh"], Started::Pid1, Receives::Yes);
    shell.note = "ignores it".into();
    shell.place = Some(place(&dockerfile, "ENTRYPOINT"));
    let mut npm = node(&["npm", "start"], Started::Background, Receives::No);
    let mut service = node(&["node", "server.js", "--port", "80 80"], Started::Forked, Receives::Unknown);
    service.service = true;
    npm.children.push(service);
    let mut worker = node(&["worker"], Started::Foreground, Receives::No);
    worker.service = true;
    worker.place = Some(place(&script, "node"));
    shell.children = vec![npm, worker];
    vec![shell]
}

#[test]
fn a_tree() {
    let results = results(vec![report(Vec::new(), vec![image_report(Outcome::Timeout, processes())])]);
    insta::assert_snapshot!(plain(text::FORMAT.tree.unwrap(), &results, &view()));
    insta::assert_snapshot!(print(json::FORMAT.tree.unwrap(), &results, &view()));
}

#[test]
fn a_tree_with_branches() {
    let mut image = image_report(Outcome::Timeout, processes());
    image.stop_signal = "SIGINT".into();
    image.stop_signal_source = "base image".into();
    let branch = |label: &str, outcome, processes| Branch {
        label: label.into(),
        default: true,
        aside: false,
        outcome,
        why: String::new(),
        processes,
    };
    let good = || vec![node(&["node", "server.js"], Started::Pid1, Receives::Yes)];
    image.branches = vec![
        branch("$1 = worker", Outcome::Timeout, processes()),
        branch("$1 = web", Outcome::Graceful, good()),
        branch("otherwise", Outcome::Graceful, good()),
    ];
    let results = results(vec![report(Vec::new(), vec![image])]);
    insta::assert_snapshot!(plain(text::FORMAT.tree.unwrap(), &results, &view()));
    insta::assert_snapshot!(print(mermaid::FORMAT.tree.unwrap(), &results, &view()));
    insta::assert_snapshot!(print(graphviz::FORMAT.tree.unwrap(), &results, &view()));
}

#[test]
fn a_tree_with_many_ways() {
    let mut image = image_report(Outcome::Graceful, processes());
    let way = |label: &str, argv: &[&str]| {
        let mut process = node(argv, Started::Pid1, Receives::Yes);
        process.was = vec!["entrypoint.sh".into(), "gosu".into()];
        Branch {
            label: label.into(),
            default: true,
            aside: false,
            outcome: Outcome::Graceful,
            why: String::new(),
            processes: vec![process],
        }
    };
    // The first three differ in their arguments; the last is nothing that the image is for.
    image.branches = vec![
        way("a", &["web"]),
        way("b", &["web", "--verbose"]),
        way("b too", &["web", "--debug"]),
        way("c", &["worker"]),
        Branch { default: false, ..way("d", &["shell"]) },
        way("e", &["cron"]),
        way("f", &["mail"]),
        way("g", &["report"]),
        way("h", &["import"]),
        Branch { aside: true, outcome: Outcome::Timeout, ..way("i", &["sleep", "1"]) },
    ];
    let results = results(vec![report(Vec::new(), vec![image])]);
    insta::assert_snapshot!(plain(text::FORMAT.tree.unwrap(), &results, &view()));
}

#[test]
fn a_rule_in_the_terminal() {
    let document = "\
# A title

A paragraph that was written in short
lines, with `code`, **weight** and *stress*; 2 * 3 * 4 is no stress.

- one item that is long enough to be broken into two lines of the terminal, with a
  second line
- [a name](https://example.org/a)
  1. <https://example.org/b>

```sh before run.sh
trap 'exit' TERM

# not a title
```

| PID 1 | what `docker stop` does |
|---|---|
| the script, a name that is long | nothing for the whole grace period, then **everything** is `killed -9` |
| | x |
";
    let mut bytes = Vec::new();
    markdown::print(document, &View { width: 60, ..view() }, &mut bytes).unwrap();
    insta::assert_snapshot!(anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string());
}

#[test]
fn paths_for_people_start_where_they_stand() {
    let shown = |cwd: &str| {
        View { cwd: cwd.into(), ..view() }.path("/home/me/project".into(), "docker/run.sh".into())
    };
    assert_eq!(shown("/home/me/project"), "docker/run.sh");
    assert_eq!(shown("/home/me"), "project/docker/run.sh");
    assert_eq!(shown("/home/me/project/docker"), "run.sh");
    assert_eq!(shown("/home/me/project/src/a"), "../../docker/run.sh");
    assert_eq!(shown("/srv"), "/home/me/project/docker/run.sh");
}
