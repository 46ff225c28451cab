//! Input that nobody means well with: nested without end, grown without end, and what the fuzz targets have found.
//!
//! What holds for every input stands in `holds`; the fuzz targets ask it of whatever they can think of.
#![allow(clippy::unwrap_used, missing_docs)]

mod holds;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use camino::{Utf8Path, Utf8PathBuf};

use holds::project::{Around, whole};
use holds::{dockerfile, parsers, project};
use pidone::diagnostic::Outcome;
use pidone::fix::{Obstacle, fix_all};
use pidone::report::{Checked, Results};
use pidone::source::{EntryKind, Loader, MemoryLoader, ReadError, Source};
use pidone::{FileReport, Settings};

/// The stack of a thread of rayon: checks run there.
const STACK: usize = 2 * 1024 * 1024;
/// More than any limit allows.
const DEEP: usize = 3_000;

/// Runs in a thread as small as those that check files.
fn in_thread(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
}

/// What is said of a Dockerfile that starts this script.
fn report_of(script: &str) -> FileReport {
    let text = format!("FROM debian:12\nCOPY s /\nCMD [\"/s\"]\n=== s\n#!/bin/bash\n{script}");
    pidone::check("Dockerfile".into(), &project::read(&text), &Settings::default())
}

fn outcome_of(script: &str) -> Outcome {
    report_of(script).images[0].outcome
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}\n", open.repeat(depth), close.repeat(depth))
}

#[test]
fn what_the_fuzz_targets_found() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, holds) in [
        ("code", parsers::code as fn(&str)),
        ("compose", |text| whole(Around::Compose, text)),
        ("dockerfile", dockerfile::check),
        ("fix", project::repaired),
        ("kubernetes", |text| whole(Around::Kubernetes, text)),
        ("launch", project::checked),
        ("package_json", |text| whole(Around::Package, text)),
        ("report", project::printed),
        ("script", |text| whole(Around::Script, text)),
        ("shell", parsers::shell),
        ("supervisord", |text| whole(Around::Supervisord, text)),
        ("yaml", parsers::yaml),
    ] {
        for entry in fs::read_dir(corpus.join(target)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            if std::panic::catch_unwind(|| holds(&text)).is_err() {
                panic!("{}", path.display());
            }
        }
    }
}

#[test]
fn shell_that_is_nested_deeply() {
    const SHAPES: [(&str, &str, &str); 16] = [
        ("(", "node x", ")"),
        ("( ", "node x", " )"),
        ("(", "", ""),
        ("$(", "node x", ")"),
        ("$(", "", ""),
        ("echo $((", "1", "))"),
        ("\"$(", "x", ")\""),
        ("${a:-", "x", "}"),
        ("{ ", "node x; ", "}; "),
        ("if true; then\n", "node x\n", "fi\n"),
        ("while true; do\n", "node x\n", "done\n"),
        ("case x in x)\n", "node x\n", ";; esac\n"),
        ("f() {\n", "node x\n", "}\n"),
        ("<(", "x", ")"),
        ("! ", "x", ""),
        ("eval \"", "x", "\""),
    ];
    for (open, inner, close) in SHAPES {
        let text = nested(open, inner, close, DEEP);
        in_thread(move || parsers::shell(&text));
        for depth in [190, 250, DEEP] {
            let text = nested(open, inner, close, depth);
            in_thread(move || drop(report_of(&text)));
        }
    }
}

#[test]
fn shell_that_goes_on_and_on() {
    for (unit, end) in [
        ("a && ", "b\n"),
        ("a || b && ", "c\n"),
        ("[[ a = *b* || c ]] && ", "b\n"),
        ("a | ", "b\n"),
        ("a & ", "wait\n"),
        ("x=$((1 + ", "1))\n"),
        ("1+", "1))\n"),
        ("[[ a || ", "b ]]\n"),
        ("cat <<E ", "\n"),
        ("elif a; then b; ", "fi\n"),
        ("$$", "\n"),
        ("echo \\", "\n"),
        ("<", "\n"),
        (">", "\n"),
        ("`", "\n"),
        ("\0", "\n"),
    ] {
        let text = unit.repeat(DEEP) + end;
        in_thread(move || {
            parsers::shell(&text);
            report_of(&text);
        });
    }
    // In brackets of their own kind.
    for text in [
        format!("echo $(({}1))\n", "1+".repeat(DEEP)),
        format!("case x in {}) a ;; esac\n", "[".repeat(DEEP)),
    ] {
        in_thread(move || drop(report_of(&text)));
    }
}

#[test]
fn values_that_double() {
    for script in [
        format!("a=x\n{}exec $a\n", "a=\"$a$a\"\n".repeat(200)),
        format!("set -- a\n{}exec \"$@\"\n", "set -- \"$@\" \"$@\"\n".repeat(200)),
        format!("a=(x)\n{}exec \"${{a[@]}}\"\n", "a=(\"${a[@]}\" \"${a[@]}\")\n".repeat(200)),
    ] {
        in_thread(move || assert_ne!(outcome_of(&script), Outcome::Timeout, "nothing is known of it"));
    }
    let variables: String = (1..2_000).map(|n| format!("ENV A{n}=$A{p}$A{p}x\n", p = n - 1)).collect();
    let file = format!("FROM a\nENV A0=x\n{variables}CMD node $A1999\n");
    in_thread(move || dockerfile::check(&file));
}

#[test]
fn scripts_that_are_too_long_are_not_followed() {
    let long = |bytes: usize| format!("{}\nnode x\n", "#".repeat(bytes));
    assert_eq!(outcome_of(&long(200 * 1024)), Outcome::Timeout);
    assert_eq!(outcome_of(&long(300 * 1024)), Outcome::Unknown);
}

#[test]
fn scripts_that_start_one_another() {
    // Each starts the next, and the last one is a server, or starts the first again.
    let chain = |count: usize, start: &str, last: &str| {
        let script = |n: usize| format!("=== s{n}\n#!/bin/sh\n{start} /s{}\n", n + 1);
        let scripts: String = (0..count).map(script).collect();
        let text =
            format!("FROM debian:12\nCOPY . /\nCMD [\"/s0\"]\n{scripts}=== s{count}\n#!/bin/sh\n{last}\n");
        pidone::check("Dockerfile".into(), &project::read(&text), &Settings::default()).images[0].outcome
    };
    for start in ["exec", "sh", ".", "exec sh -c", "eval exec"] {
        assert_eq!(chain(6, start, "node x; true"), Outcome::Timeout, "{start}");
        for (count, last) in [(60, "node x; true"), (3, "exec /s0"), (3, "/s0"), (3, ". /s0")] {
            let (outcome, is_read) = (chain(count, start, last), start == "." && count == 60);
            // What is read into one shell is one script.
            assert_eq!(outcome == Outcome::Unknown, !is_read, "{start} {count} {last}: {outcome:?}");
        }
    }
}

#[test]
fn files_that_nobody_can_count() {
    // So many of them match one COPY, or lead to each other through stages.
    let matched = |count: usize| {
        let others: String = (0..count).map(|n| format!("=== f{n}\n\n")).collect();
        format!("FROM debian:12\nCOPY f* /\nCMD [\"/f\"]\n=== f\n#!/bin/sh\nnode x\n{others}")
    };
    let stages: String = (1..40)
        .map(|n| format!("FROM debian:12 AS s{n}\nCOPY --from=s{p} / /a/\nCOPY --from=s{p} / /\n", p = n - 1))
        .collect();
    let copied =
        format!("FROM debian:12 AS s0\nCOPY f /\n{stages}CMD [\"/a/b/f\"]\n=== f\n#!/bin/sh\nnode x\n");
    for (text, is_known) in [(matched(10), true), (matched(5_000), false), (copied, false)] {
        let report = pidone::check("Dockerfile".into(), &project::read(&text), &Settings::default());
        assert_eq!(report.images.last().unwrap().outcome == Outcome::Timeout, is_known);
    }
}

/// A script of `count` parts, made of one of them by its number.
type Part = fn(usize) -> String;

/// Parts of scripts that can go on in several ways, so that the courses of events double with each.
const PARTS: [(&str, Part); 14] = [
    ("job or not", |n| format!("if [ -e /f{n} ]; then server{n} a & fi\n")),
    ("service or not", |n| format!("if [ -e /f{n} ]; then nginx -c {n} -g 'daemon off;'; exit $?; fi\n")),
    ("unknown condition", |n| format!("if check{n} x; then server{n} a; else other{n} b & fi\n")),
    ("one of several", |n| {
        format!("case $(hostname) in a) p{n} & ;; b) q{n} ;; *) r{n} & wait $! ;; esac\n")
    }),
    ("list", |n| format!("check{n} x && server{n} &\n")),
    ("loop", |n| format!("while check{n}; do server{n} x; sleep 1; done\n")),
    ("loop in a job", |n| format!("(while :; do if [ -e /f{n} ]; then task{n}; fi; sleep 1; done) &\n")),
    ("subshell", |n| format!("(if [ -e /f{n} ]; then task{n}; sleep 1; fi) &\n")),
    ("trap", |n| format!("if [ -e /f{n} ]; then trap 'kill $p; tool{n}' TERM; nginx & p=$!; fi\n")),
    ("wait", |n| format!("nginx & if [ -e /f{n} ]; then wait $!; fi\n")),
    ("function", |n| format!("f() {{ if [ -e /f{n} ]; then server{n} & else wait; fi; }}\nf\n")),
    ("script", |n| format!("sh -c 'if [ -e /f{n} ]; then server{n} & fi; wait'\n")),
    ("client", |n| format!("if [ -e /f{n} ]; then $client set {n}; sleep 20; continue; fi\n")),
    ("client in a client", |n| format!("if [ -e /f{n} ]; then $client set {n}; sleep {n}; continue; else\n")),
];

#[test]
fn scripts_that_can_go_on_in_many_ways_take_steps_that_can_be_counted() {
    for (name, part) in PARTS {
        for count in [40, 400] {
            let parts: String = (0..count).map(part).collect();
            let script = match name {
                "client" => format!("client=$(cat c)\nwhile :; do\n{parts}$client x; sleep 30; done\n"),
                "client in a client" if count > 40 => continue,
                "client in a client" => {
                    format!("client=$(cat c)\nwhile :; do\n{parts}x{}done\n", "; fi\n".repeat(count))
                }
                _ => format!("{parts}wait\n"),
            };
            let steps = steps_of(&script);
            assert!(steps < 3 * 250_000, "{name}, {count} times: {steps} steps");
        }
    }
}

#[test]
fn scripts_that_do_the_same_again_take_few_steps() {
    let poll = "start() {\npostgres & pid=$!\nn=0\nwhile kill -0 $pid && [ $n -lt 190 ]; do\nsleep 1\nn=$((n + 1))\n\
                if psql -c 'select 1'; then return; fi\ndone\nexit 1\n}\n\
                if [ \"$SETUP\" ]; then start; psql -f /s.sql; kill $pid; wait $pid; fi\n";
    let numbers: String = (1..60).map(|n| format!(" {n}")).collect();
    let numbers =
        format!("for n in{numbers}; do if psql -c 'select 1'; then server & break; fi; sleep 1; done\n");
    for (name, script) in [
        ("a poll that counts", format!("{poll}nginx\n")),
        ("a poll for numbers", format!("{numbers}{numbers}wait\n")),
    ] {
        let steps = steps_of(&script);
        assert!(steps < 1_000, "{name}: {steps} steps");
    }
}

/// The steps that the simulation of a script takes, of three shells that may be `/bin/sh` together.
fn steps_of(script: &str) -> u64 {
    let loader =
        project::read(&format!("FROM debian:12\nCOPY s /\nCMD [\"/s\"]\n=== s\n#!/bin/bash\n{script}"));
    let dockerfile = Arc::new(dockerfile_of(&loader));
    let tables = pidone::programs::Tables::default();
    let image = pidone::dockerfile::images(&dockerfile, &tables).remove(0);
    let context = pidone::project::Context::new(&image, &loader);
    pidone::launch::simulate(&image, &context, &tables).unwrap().steps
}

fn dockerfile_of(loader: &MemoryLoader) -> pidone::dockerfile::Dockerfile {
    pidone::dockerfile::parse(&loader.read("Dockerfile".into()).unwrap())
}

/// What is wrong with the file itself.
fn problems(path: &str, text: String) -> Vec<String> {
    let loader = MemoryLoader::new().with(path, text);
    let report = pidone::check(path.into(), &loader, &Settings::default());
    report.diagnostics.into_iter().map(|found| format!("{}: {}", found.rule, found.message)).collect()
}

#[test]
fn files_with_more_than_anybody_writes() {
    let image = "FROM node:20-bookworm-slim\n";
    let [problem] =
        problems("Dockerfile", image.repeat(10_000) + &"RUN a\n".repeat(10_001)).try_into().unwrap();
    assert!(problem.contains("more than 20000 instructions; the file is not read"), "{problem}");
    let [problem] =
        problems("Dockerfile", format!("FROM a\nRUN {}\n", "x".repeat(65_532))).try_into().unwrap();
    assert!(problem.contains("longer than 65535 bytes"), "{problem}");
    assert_eq!(problems("Dockerfile", format!("FROM a\nRUN {}\n", "x".repeat(65_531))), [""; 0]);
    let services: String = (0..501).map(|n| format!("  s{n}:\n    image: node:20\n")).collect();
    let [problem] = problems("compose.yaml", format!("services:\n{services}")).try_into().unwrap();
    assert!(problem.contains("more than 500 containers"), "{problem}");
    let pod = "---\nkind: Pod\nspec:\n  containers:\n  - image: node:20\n";
    let [problem] = problems("pods.yaml", format!("apiVersion: v1\n{}", pod.repeat(501))).try_into().unwrap();
    assert!(problem.contains("more than 500 containers"), "{problem}");
    // Lines may go on as long as they like.
    let continued = format!("FROM a\nRUN a \\\n{}  b\n", "  c \\\n".repeat(100_000));
    assert_eq!(problems("Dockerfile", continued), [""; 0]);
}

#[test]
fn data_that_is_nested_deeply() {
    let flow = |open: &str, close: &str| format!("services: {}{}", open.repeat(DEEP), close.repeat(DEEP));
    let merged: String =
        (1..2_000).map(|n| format!("x{n}: &a{n}\n  <<: [*a{p}, *a{p}]\n  k{n}: 1\n", p = n - 1)).collect();
    let doubled: String =
        (1..60).map(|n| format!("x{n}: &a{n} [*a{p}, *a{p}, *a{p}]\n", p = n - 1)).collect();
    let base = "x0: &a0 {k: v}\n";
    for text in [
        flow("[", "]"),
        flow("{a: ", "}"),
        flow("[", ""),
        flow("- ", "x"),
        format!("services:\n {}a\n", "- ".repeat(DEEP)),
        format!("{base}{merged}services:\n  a:\n    <<: *a1999\n    image: node:20\n"),
        format!("{base}{doubled}services:\n  a:\n    image: node:20\n    command: *a59\n"),
        "services: &a\n  a: *a\n  b: &b {image: node:20, command: x, depends: *b}\n".to_owned(),
        format!("services:\n  a:\n    image: {}x{}\n", "${a:-".repeat(DEEP), "}".repeat(DEEP)),
    ] {
        in_thread(move || {
            parsers::yaml(&text);
            project::checked(&format!("=== compose.yaml\n{text}"));
        });
    }
    for json in [
        format!(
            "{{\"a\": {}{}, \"scripts\": {{\"start\": \"node x\"}}}}",
            "[".repeat(DEEP),
            "]".repeat(DEEP)
        ),
        "{\"a\":".repeat(DEEP),
        "{\"scripts\": {\"start\": \"npm start & npm start | npm start\"}}".to_owned(),
    ] {
        let text = format!(
            "FROM node:20\nWORKDIR /a\nCOPY . .\nCMD [\"npm\", \"start\"]\n=== package.json\n{json}\n"
        );
        in_thread(move || project::checked(&text));
    }
}

#[test]
fn brackets_in_brackets_in_code() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("f(", ")"), ("`${", "}`"), ("(", "")] {
        let text = nested(open, "x", close, DEEP);
        in_thread(move || parsers::code(&text));
    }
}

/// Files, one of which makes pidone fail.
struct Trap(MemoryLoader);

impl Loader for Trap {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        let source = self.0.read(path)?;
        assert!(!source.text().contains("trap door"), "a defect in the reader of {path}");
        Ok(source)
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        self.0.kind(path)
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.0.list(path)
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.0.executable(path)
    }
}

#[test]
fn a_defect_costs_one_file() {
    let image = "FROM debian:12\nCOPY s /\nCMD [\"/s\"]\n";
    let loader = Trap(
        MemoryLoader::new()
            .with("a/Dockerfile", image)
            .with("a/s", "#!/bin/sh\n# trap door\nnode x\n")
            .with("b/Dockerfile", image)
            .with("b/s", "#!/bin/sh\nnode x\n"),
    );
    let paths: Vec<Utf8PathBuf> = ["a/Dockerfile", "b/Dockerfile"].map(Into::into).into();
    let files: Vec<FileReport> =
        paths.iter().map(|path| pidone::check(path, &loader, &Settings::default())).collect();
    let rules = |report: &FileReport| report.diagnostics.iter().map(|found| found.rule).collect::<Vec<_>>();
    assert_eq!(rules(&files[0]), ["internal-error"]);
    let message = &files[0].diagnostics[0].message;
    assert!(message.contains("a defect in the reader of a/s (tests/hostile.rs:"), "{message}");
    assert_eq!(rules(&files[1]), ["missing-exec"]);
    let projects = vec![Checked::new("/", files)];
    assert!(Results { projects, ..Results::default() }.has_defect());
    // The other one is repaired.
    let fixed = fix_all(&paths, &loader, &Settings::default());
    assert_eq!(fixed.changed.iter().map(|(path, ..)| path.as_str()).collect::<Vec<_>>(), ["b/s"]);
    let left: Vec<_> = fixed.remaining.iter().map(|(found, why)| (found.rule, why)).collect();
    assert_eq!(left, [("internal-error", &Obstacle::NoRepair)]);
}

#[test]
fn includes_without_end() {
    let starts_program = |times: usize| {
        let text = format!(
            "FROM debian:12\nCOPY . /\nCMD [\"supervisord\", \"-n\", \"-c\", \"/s.conf\"]\n=== a.conf\n[program:a]\ncommand=node x\n=== s.conf\n[supervisord]\nnodaemon=true\n[include]\nfiles = {}\n",
            "*.conf ".repeat(times)
        );
        let report = pidone::check("Dockerfile".into(), &project::read(&text), &Settings::default());
        !report.images[0].processes[0].children.is_empty()
    };
    assert!(starts_program(400));
    assert!(!starts_program(600), "nothing is known of it");
}
