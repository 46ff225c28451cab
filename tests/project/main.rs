//! Which file is at a path of the image? A table of Dockerfiles, contexts and questions.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use pidone::dockerfile::{self, Image};
use pidone::programs::Tables;
use pidone::project::{Context, Found, ImageFiles};
use pidone::source::{MemoryLoader, Source};

mod copied;
mod heredocs;
mod modes;
mod run;

/// A project in memory: `path` or `path +x`, and the file's text.
type Files = &'static [(&'static str, &'static str)];

/// What is expected at a path.
#[derive(Debug, Clone, Copy)]
enum Expect {
    /// This text; whether it may be executed is not known.
    Text(&'static str),
    /// This text, executable or not.
    Mode(&'static str, bool),
    /// Unreadable, with this in the reason.
    Unreadable(&'static str),
    /// ADD downloads it, and nobody may execute it.
    Download,
    Unknown,
}
use Expect::{Download, Mode, Text, Unknown, Unreadable};

struct Row(&'static str, &'static str, Files, &'static str, Expect);

fn loader(files: Files) -> MemoryLoader {
    let mut loader = MemoryLoader::new();
    for (path, text) in files {
        match path.strip_suffix(" +x") {
            Some(path) => loader.insert(path, *text, Some(true)),
            None => loader.insert(*path, *text, None),
        }
    }
    loader
}

fn image(path: &str, text: &str) -> Image {
    let source = Source::new(path, text);
    let dockerfile = Arc::new(dockerfile::parse(&source));
    let last = dockerfile.stages().len().checked_sub(1).unwrap();
    dockerfile::image(&dockerfile, last, Tables::builtin()).unwrap()
}

fn check(rows: &[Row]) {
    for Row(name, dockerfile, files, path, expected) in rows {
        let loader = loader(files);
        let dockerfile = if dockerfile.contains("FROM ") {
            (*dockerfile).to_owned()
        } else {
            format!("FROM debian\n{dockerfile}")
        };
        let image = image("Dockerfile", &dockerfile);
        let found = Context::new(&image, &loader).find(path);
        let right = match (&found, expected) {
            (Found::File(file), Text(text)) => file.text.text() == *text,
            (Found::File(file), Mode(text, mode)) => {
                file.text.text() == *text && file.executable == Some(*mode)
            }
            (Found::Unreadable(reason), Unreadable(part)) => reason.contains(part),
            (Found::Download(_), Download) | (Found::Unknown, Unknown) => true,
            _ => false,
        };
        assert!(right, "{name}: {path} in\n{dockerfile}\nexpected {expected:?}\nfound {found:#?}");
    }
}

const RUN: Files = &[("run.sh", "run")];
const TREE: Files = &[("docker/run.sh", "run"), ("docker/init.sh", "init"), ("docker/sub/deep.sh", "deep")];

#[test]
fn names_through_path() {
    let files: Files = &[("run.sh +x", "run"), ("old.sh", "old")];
    let loader = loader(files);
    let image = image(
        "Dockerfile",
        "FROM a\nCOPY --chmod=644 old.sh /usr/local/bin/run\nCOPY run.sh /usr/bin/run\nCOPY run.sh /opt/only",
    );
    let context = Context::new(&image, &loader);
    let which = |name: &str, path: Option<&str>| context.which(name, path).map(|file| file.path);
    assert_eq!(which("run", None).as_deref(), Some("/usr/bin/run"));
    assert_eq!(which("run", Some("/usr/local/bin")).as_deref(), Some("/usr/local/bin/run"));
    assert_eq!(which("only", None), None);
    assert_eq!(which("only", Some("/opt:/bin")).as_deref(), Some("/opt/only"));
    assert_eq!(which("usr/bin/run", None), None);
    assert_eq!(which("", None), None);
}

#[test]
fn nearest_package_json() {
    let loader = loader(&[("package.json", "root"), ("web/package.json", "web"), ("x", "")]);
    let image =
        image("Dockerfile", "FROM a\nWORKDIR /app\nCOPY package*.json ./\nCOPY web/package.json web/\n");
    let context = Context::new(&image, &loader);
    let package = |dir: &str| context.package_json(dir).map(|file| file.text.text().to_owned());
    assert_eq!(package("/app").as_deref(), Some("root"));
    assert_eq!(package("/app/web/src").as_deref(), Some("web"));
    assert_eq!(package("/app/other").as_deref(), Some("root"));
    assert_eq!(package("/srv"), None);
}

#[test]
fn context_folder() {
    let files: Files = &[
        ("run.sh", "above"),
        ("package.json", "{}"),
        ("docker/app/run.sh", "own"),
        ("docker/app/only.sh", "own"),
    ];
    let loader = loader(files);
    for (dockerfile, root) in [
        ("COPY run.sh /", "docker/app"),
        ("COPY only.sh run.sh /", "docker/app"),
        ("COPY package.json /", ""),
        ("COPY package.json run.sh /", ""),
        ("COPY app/run.sh /", "docker"),
        ("COPY docker/app/run.sh package.json /", ""),
        ("COPY . /", "docker/app"),
        ("COPY . /\nCMD [\"/only.sh\"]", "docker/app"),
        ("COPY . /\nCMD [\"/docker/app/only.sh\"]", ""),
        ("WORKDIR /w\nCOPY . .\nCMD app/only.sh --now", "docker"),
        ("COPY nothing /", "docker/app"),
        ("COPY --from=x package.json /", "docker/app"),
        ("RUN true", "docker/app"),
    ] {
        let image = image("docker/app/Dockerfile", &format!("FROM a\n{dockerfile}"));
        assert_eq!(Context::new(&image, &loader).context_root(), root, "{dockerfile}");
    }
    let image = image("docker/app/Dockerfile", "FROM a\nCOPY run.sh /");
    let Found::File(file) = Context::with_root(&image, &loader, "").find("/run.sh") else { panic!() };
    assert_eq!(file.text.text(), "above");
}

#[test]
fn answers_have_places() {
    let loader = loader(&[("run.sh", "a\r\nb\r\n")]);
    let image = image(
        "Dockerfile",
        "FROM a\nCOPY run.sh /\nRUN dos2unix /run.sh\nRUN <<EOF\ncat <<X > /x\necho \\$HOME\nX\nEOF\n",
    );
    let context = Context::new(&image, &loader);

    let Found::File(file) = context.find("/run.sh") else { panic!() };
    assert_eq!(file.by.unwrap().text(), "COPY run.sh /");
    let edit = file.text.edit(pidone::source::Span::at(2), "exec \n").unwrap();
    assert_eq!((edit.path.as_str(), edit.span.start, edit.text.as_str()), ("run.sh", 3, "exec \r\n"));

    let Found::File(file) = context.find("/x") else { panic!() };
    assert_eq!(file.text.text(), "echo $HOME\n");
    let place = file.text.place(pidone::source::Span::new(6, 10));
    assert_eq!((place.text(), place.line()), ("HOME", 6));
    assert_eq!(file.text.edit(pidone::source::Span::at(0), "$x").unwrap().text, "\\$x");
}

proptest::proptest! {
    #[test]
    fn never_panics(lines in proptest::collection::vec(
        "(COPY|ADD|RUN|WORKDIR|ENV|ARG|FROM a AS|SHELL) ([-a-f/.*\\[\\]$\\{\\}<>|&;()'\"`=é\\\\ ]|<<X|chmod +x |ln -s |mv |echo |find | -exec |sed -i ){0,12}", 0..8,
    )) {
        let text = format!("FROM a\n{}\n", lines.join("\n"));
        let loader = loader(TREE);
        let image = image("x/Dockerfile", &text);
        let context = Context::new(&image, &loader);
        for path in ["/a", "/a/b", "/docker/run.sh", "", "é", "/"] {
            drop(context.find(path));
        }
    }
}

#[test]
fn survives_hostile_files() {
    let loader = loader(&[("a", "a")]);
    let mut chain = "FROM a AS s0\nCOPY a /f\n".to_owned();
    for stage in 1..300 {
        let before = stage - 1;
        chain += &format!(
            "FROM a AS s{stage}\nCOPY --from=s{before} /f /f\nCOPY --from=s{before} /f /g/f\nCOPY --from=s{before} /g /f\n"
        );
    }
    let built_on: String = (1..1900).map(|stage| format!("FROM s{} AS s{stage}\n", stage - 1)).collect();
    for text in [
        chain,
        format!("FROM a AS s0\nCOPY a /f\n{built_on}"),
        format!("FROM a\nWORKDIR {}\nCOPY a .", "/d".repeat(30_000)),
        format!("FROM a\nRUN {}", "(".repeat(50_000)),
        format!("FROM a\nRUN a={} {}", "x".repeat(1000), "; echo $a$a$a > /f".repeat(3_000)),
        format!("FROM a\nENV A={}\nCOPY <<X /f\n{}\nX", "x".repeat(10_000), "$A".repeat(30_000)),
        format!("FROM a\nRUN for a in {}; do {}; done", "x ".repeat(10_000), "echo $a$a; ".repeat(3_000)),
        format!("FROM a\nRUN {}", "cat <<A ".repeat(5_000)),
        format!("FROM a\nRUN {} echo a > /f", "a=$a$a; ".repeat(100)),
        "FROM a\nRUN for a in 1 2 3; do x=$a$a$a$a$a$a$a$a$a; for b in $x; do echo $x$x$x$x$x > $x$x; done; done".to_owned(),
        "FROM a\nRUN \" ' ` $( ${ $' \\".to_owned(),
        "FROM a\nRUN )))} fi esac done > < << >>".to_owned(),
        "FROM a\nCOPY\nCOPY a\nCOPY <<EOF\nADD [] /\nCOPY [\"a\"]\nRUN\nRUN [] \nWORKDIR\n".to_owned(),
        "FROM a\nCOPY [ /f\nCOPY a[ /f\nCOPY *[^ /f\nRUN chmod +x [ *[\n".to_owned(),
    ] {
        let image = image("Dockerfile", &text);
        drop(Context::new(&image, &loader).find("/f"));
    }
}
