//! Which file is at a path of the image? A table of Dockerfiles, contexts and questions.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use pidone::dockerfile::{self, Image};
use pidone::programs::Tables;
use pidone::project::{Context, Found, ImageFiles};
use pidone::source::{MemoryLoader, Source};

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
    Unknown,
}
use Expect::{Mode, Text, Unknown, Unreadable};

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
            (Found::Unknown, Unknown) => true,
            _ => false,
        };
        assert!(right, "{name}: {path} in\n{dockerfile}\nexpected {expected:?}\nfound {found:#?}");
    }
}

const RUN: Files = &[("run.sh", "run")];
const TREE: Files = &[("docker/run.sh", "run"), ("docker/init.sh", "init"), ("docker/sub/deep.sh", "deep")];

#[test]
fn destinations() {
    check(&[
        Row("a file to a path", "COPY run.sh /run.sh", RUN, "/run.sh", Text("run")),
        Row("renamed", "COPY run.sh /start", RUN, "/start", Text("run")),
        Row("renamed: not under its old name", "COPY run.sh /start", RUN, "/run.sh", Unknown),
        Row("into a directory", "COPY run.sh /scripts/", RUN, "/scripts/run.sh", Text("run")),
        Row("a directory's path is no file", "COPY run.sh /scripts/", RUN, "/scripts", Unknown),
        Row(
            "into a directory of every image",
            "COPY run.sh /usr/local/bin",
            RUN,
            "/usr/local/bin/run.sh",
            Text("run"),
        ),
        Row("into WORKDIR", "WORKDIR /app\nCOPY run.sh .", RUN, "/app/run.sh", Text("run")),
        Row("into WORKDIR by name", "WORKDIR /app\nCOPY run.sh /app", RUN, "/app/run.sh", Text("run")),
        Row("relative to WORKDIR", "WORKDIR /app\nCOPY run.sh bin/go", RUN, "/app/bin/go", Text("run")),
        Row("above WORKDIR", "WORKDIR /app/x\nCOPY run.sh ..", RUN, "/app/run.sh", Text("run")),
        Row(
            "relative WORKDIR",
            "WORKDIR /app\nWORKDIR bin\nCOPY run.sh ./",
            RUN,
            "/app/bin/run.sh",
            Text("run"),
        ),
        Row("without WORKDIR", "COPY run.sh .", RUN, "/run.sh", Text("run")),
        Row("into a directory of the base, perhaps", "COPY run.sh /hooks", RUN, "/hooks/run.sh", Text("run")),
        Row("into a directory that RUN makes", "RUN mkdir -p /a/b\nCOPY run.sh /a/b", RUN, "/a/b", Unknown),
        Row(
            "into a directory that COPY makes",
            "COPY docker /d\nCOPY docker/run.sh /d",
            TREE,
            "/d/run.sh",
            Text("run"),
        ),
        Row("dots and slashes", "COPY ./run.sh //a/../run.sh", RUN, "/./run.sh", Text("run")),
        Row("nothing", "COPY run.sh /run.sh", RUN, "/other.sh", Unknown),
        Row("ADD", "ADD run.sh /run.sh", RUN, "/run.sh", Text("run")),
        Row("lower case", "copy run.sh /run.sh", RUN, "/run.sh", Text("run")),
    ]);
}

#[test]
fn sources() {
    check(&[
        Row("the whole context", "COPY . /app", TREE, "/app/docker/run.sh", Text("run")),
        Row("the context to the root", "COPY . .", TREE, "/docker/run.sh", Text("run")),
        Row("a folder's content", "COPY docker /app", TREE, "/app/sub/deep.sh", Text("deep")),
        Row("a folder is not itself copied", "COPY docker /app/", TREE, "/app/docker/run.sh", Unknown),
        Row("several", "COPY docker/run.sh docker/init.sh /", TREE, "/init.sh", Text("init")),
        Row("several, the other one", "COPY docker/run.sh docker/init.sh /", TREE, "/run.sh", Text("run")),
        Row("star", "COPY docker/*.sh /app/", TREE, "/app/init.sh", Text("init")),
        Row("star names folders too", "COPY docker/* /app/", TREE, "/app/deep.sh", Text("deep")),
        Row("star in the middle", "COPY */run.sh /app/", TREE, "/app/run.sh", Text("run")),
        Row("question mark and class", "COPY docker/[r-s]?n.sh /app/", TREE, "/app/run.sh", Text("run")),
        Row("star to a file", "COPY docker/r*.sh /start.sh", TREE, "/start.sh", Text("run")),
        Row("star without a match", "COPY docker/*.py /app/", TREE, "/app/run.sh", Unknown),
        Row("JSON", "COPY [\"docker/run.sh\", \"/run.sh\"]", TREE, "/run.sh", Text("run")),
        Row(
            "JSON with a blank",
            "COPY [\"my run.sh\", \"/my run.sh\"]",
            &[("my run.sh", "x")],
            "/my run.sh",
            Text("x"),
        ),
        Row("above the context", "COPY ../run.sh /run.sh", RUN, "/run.sh", Text("run")),
        Row("from the context's root", "COPY /docker/run.sh /", TREE, "/run.sh", Text("run")),
        Row("not there", "COPY start.sh /start.sh", RUN, "/start.sh", Unreadable("not in the build context")),
        Row("not there, but something else", "COPY start.sh /start.sh", RUN, "/run.sh", Unknown),
        Row("excluded", "COPY --exclude=*.sh docker /app", TREE, "/app/run.sh", Unknown),
        Row("not excluded", "COPY --exclude=i*.sh docker /app", TREE, "/app/run.sh", Text("run")),
        Row("with parents", "COPY --parents docker/run.sh /app/", TREE, "/app/docker/run.sh", Text("run")),
        Row(
            "with parents from a pivot",
            "COPY --parents docker/./sub/deep.sh /a/",
            TREE,
            "/a/sub/deep.sh",
            Text("deep"),
        ),
        Row(
            "with parents and stars",
            "COPY --parents **/deep.sh /a/",
            TREE,
            "/a/docker/sub/deep.sh",
            Text("deep"),
        ),
        Row("with a link", "COPY --link docker/run.sh /", TREE, "/run.sh", Text("run")),
        Row("a URL", "ADD https://example.org/run.sh /run.sh", RUN, "/run.sh", Unknown),
        Row("an archive", "ADD a.tar.gz /", &[("a.tar.gz", "x")], "/a.tar.gz", Unknown),
        Row("an archive copied", "COPY a.tar.gz /", &[("a.tar.gz", "x")], "/a.tar.gz", Text("x")),
    ]);
}

#[test]
fn variables() {
    check(&[
        Row("ENV in the destination", "ENV APP=/app\nCOPY run.sh $APP/", RUN, "/app/run.sh", Text("run")),
        Row("ARG in the source", "ARG F=run\nCOPY ${F}.sh /a.sh", RUN, "/a.sh", Text("run")),
        Row("default in place", "COPY run.sh ${APP:-/opt}/", RUN, "/opt/run.sh", Text("run")),
        Row("global ARG", "ARG D=/d\nFROM debian\nARG D\nCOPY run.sh $D/", RUN, "/d/run.sh", Text("run")),
        Row("ENV in WORKDIR", "ENV APP=/app\nWORKDIR $APP\nCOPY run.sh .", RUN, "/app/run.sh", Text("run")),
        Row("the same unknown twice", "ARG D\nWORKDIR $D\nCOPY run.sh .", RUN, "/${D}/run.sh", Text("run")),
        Row("an unknown source", "ARG F\nCOPY $F /run.sh", RUN, "/run.sh", Unreadable("depends on")),
    ]);
}

#[test]
fn stages() {
    check(&[
        Row("by name", "FROM a AS b\nCOPY run.sh /x\nFROM c\nCOPY --from=b /x /y", RUN, "/y", Text("run")),
        Row(
            "by name, other case",
            "FROM a AS Build\nCOPY run.sh /x\nFROM c\nCOPY --from=BUILD /x /y",
            RUN,
            "/y",
            Text("run"),
        ),
        Row("by index", "FROM a\nCOPY run.sh /x\nFROM c\nCOPY --from=0 /x /y", RUN, "/y", Text("run")),
        Row(
            "a directory",
            "FROM a AS b\nCOPY . /src\nFROM c\nCOPY --from=b /src /app",
            TREE,
            "/app/docker/run.sh",
            Text("run"),
        ),
        Row(
            "everything",
            "FROM a AS b\nCOPY . /src\nFROM c\nCOPY --from=b / /",
            TREE,
            "/src/docker/run.sh",
            Text("run"),
        ),
        Row(
            "a star",
            "FROM a AS b\nCOPY docker /s\nFROM c\nCOPY --from=b /s/*.sh /app/",
            TREE,
            "/app/run.sh",
            Text("run"),
        ),
        Row(
            "relative to the stage's root",
            "FROM a AS b\nWORKDIR /w\nCOPY run.sh .\nFROM c\nCOPY --from=b w/run.sh /",
            RUN,
            "/run.sh",
            Text("run"),
        ),
        Row(
            "two stages back",
            "FROM a AS a\nCOPY run.sh /x\nFROM b AS b\nCOPY --from=a /x /y\nFROM c\nCOPY --from=b /y /z",
            RUN,
            "/z",
            Text("run"),
        ),
        Row(
            "built there",
            "FROM a AS b\nRUN make\nFROM c\nCOPY --from=b /out/app /app",
            RUN,
            "/app",
            Unknown,
        ),
        Row(
            "built there, over an older file",
            "FROM a AS b\nFROM c\nCOPY run.sh /app\nCOPY --from=b /x /app",
            RUN,
            "/app",
            Unknown,
        ),
        Row("another image", "FROM a\nCOPY --from=busybox run.sh /run.sh", RUN, "/run.sh", Unknown),
        Row(
            "not a later stage",
            "FROM a AS a\nCOPY --from=c /run.sh /x\nFROM a AS c\nCOPY run.sh /run.sh",
            RUN,
            "/x",
            Unknown,
        ),
        Row("built on", "FROM a AS b\nCOPY run.sh /run.sh\nFROM b", RUN, "/run.sh", Text("run")),
        Row(
            "WORKDIR of the stage built on",
            "FROM a AS b\nWORKDIR /w\nFROM b\nCOPY run.sh .",
            RUN,
            "/w/run.sh",
            Text("run"),
        ),
        Row("ONBUILD", "FROM a AS b\nONBUILD COPY run.sh /run.sh\nFROM b", RUN, "/run.sh", Text("run")),
        Row("not in this image", "FROM a AS b\nCOPY run.sh /run.sh\nFROM c", RUN, "/run.sh", Unknown),
        Row(
            "mode from the other stage",
            "FROM a AS b\nCOPY run.sh /x\nRUN chmod +x /x\nFROM c\nCOPY --from=b /x /y",
            RUN,
            "/y",
            Mode("run", true),
        ),
        Row(
            "changed in the other stage",
            "FROM a AS b\nCOPY run.sh /x\nRUN sed -i s/a/b/ /x\nFROM c\nCOPY --from=b /x /y",
            RUN,
            "/y",
            Unreadable("line 3"),
        ),
    ]);
}

#[test]
fn later_instructions_win() {
    const TWO: Files = &[("a", "a"), ("b", "b"), ("d/a", "d")];
    check(&[
        Row("a file over a file", "COPY a /x\nCOPY b /x", TWO, "/x", Text("b")),
        Row("a folder over a file", "COPY a /x/a\nCOPY d /x", TWO, "/x/a", Text("d")),
        Row("a file over a folder", "COPY d /x\nCOPY a /x/a", TWO, "/x/a", Text("a")),
        Row("a folder without the file", "COPY b /x/b\nCOPY d /x", TWO, "/x/b", Text("b")),
        Row("the last source", "COPY a d /x/", TWO, "/x/a", Text("d")),
        Row("removed", "COPY a /x\nRUN rm /x", TWO, "/x", Unknown),
        Row("removed with its folder", "COPY a /x/a\nRUN rm -rf /x", TWO, "/x/a", Unknown),
        Row("removed by wildcard", "COPY a /x/a\nRUN rm -f /x/*", TWO, "/x/a", Unknown),
        Row("removed by find", "COPY a /x/a\nRUN find /x -name a -delete", TWO, "/x/a", Unknown),
        Row(
            "others removed by find",
            "COPY a /x/a\nRUN find /x -name '*.c' -o -name '*.h' -exec rm {} +",
            TWO,
            "/x/a",
            Text("a"),
        ),
        Row("empty ones removed by find", "COPY a /x/a\nRUN find /x -empty -delete", TWO, "/x/a", Text("a")),
        Row("removed and put back", "COPY a /x\nRUN rm /x\nCOPY b /x", TWO, "/x", Text("b")),
    ]);
}

#[test]
fn dockerignore() {
    const OUT: Files = &[("run.sh", "run"), (".dockerignore", "*\n")];
    const IN: Files = &[("run.sh", "run"), ("x", ""), (".dockerignore", "# all but\n*\n!*.sh\n")];
    const OWN: Files =
        &[("run.sh", "run"), (".dockerignore", "run.sh"), ("Dockerfile.dockerignore", "other")];
    check(&[
        Row("left out", "COPY run.sh /", OUT, "/run.sh", Unreadable("`.dockerignore` leaves `run.sh` out")),
        Row("left out of a folder", "COPY . /", OUT, "/run.sh", Unknown),
        Row("left out of a star", "COPY *.sh /", OUT, "/run.sh", Unknown),
        Row("taken back", "COPY . /", IN, "/run.sh", Text("run")),
        Row("the Dockerfile's own one counts", "COPY . /", OWN, "/run.sh", Text("run")),
        Row(
            "not in other stages",
            "FROM a AS a\nRUN echo a > /run.sh\nFROM b\nCOPY --from=a /run.sh /",
            OUT,
            "/run.sh",
            Text("a\n"),
        ),
    ]);
}

#[test]
fn modes() {
    const X: Files = &[("run.sh +x", "run")];
    check(&[
        Row("of the repository", "COPY run.sh /", X, "/run.sh", Mode("run", true)),
        Row("--chmod", "COPY --chmod=755 run.sh /", RUN, "/run.sh", Mode("run", true)),
        Row("--chmod takes it away", "COPY --chmod=0644 run.sh /", X, "/run.sh", Mode("run", false)),
        Row("--chmod in letters", "COPY --chmod=u=rwx,go=rx run.sh /", RUN, "/run.sh", Mode("run", true)),
        Row("chmod +x", "COPY run.sh /\nRUN chmod +x /run.sh", RUN, "/run.sh", Mode("run", true)),
        Row("chmod of several", "COPY run.sh /\nRUN chmod a+x /x /run.sh", RUN, "/run.sh", Mode("run", true)),
        Row(
            "chmod among other commands",
            "COPY run.sh /\nRUN apt-get update \\\n && chmod 755 /run.sh",
            RUN,
            "/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod by wildcard",
            "COPY run.sh /b/\nRUN chmod +x /b/*.sh",
            RUN,
            "/b/run.sh",
            Mode("run", true),
        ),
        Row("chmod of a folder", "COPY run.sh /b/\nRUN chmod -R 755 /b", RUN, "/b/run.sh", Mode("run", true)),
        Row(
            "chmod in WORKDIR",
            "WORKDIR /a\nCOPY run.sh .\nRUN chmod u+x run.sh",
            RUN,
            "/a/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod behind cd",
            "COPY run.sh /a/\nRUN cd /a && chmod +x ./run.sh",
            RUN,
            "/a/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod behind a subshell's cd",
            "WORKDIR /w\nCOPY run.sh .\nRUN (cd /a; ls) && chmod +x run.sh",
            RUN,
            "/w/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod in a loop",
            "COPY run.sh /\nRUN for f in /run.sh /x; do chmod +x \"$f\"; done",
            RUN,
            "/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod by find",
            "COPY run.sh /b/\nRUN find /b -name '*.sh' -exec chmod +x {} \\;",
            RUN,
            "/b/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod by find and xargs",
            "COPY run.sh /b/\nRUN find /b -type f | xargs chmod +x",
            RUN,
            "/b/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod in exec form",
            "COPY run.sh /\nRUN [\"chmod\", \"+x\", \"/run.sh\"]",
            RUN,
            "/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod with ENV",
            "ENV D=/d\nCOPY run.sh $D/\nRUN chmod +x $D/run.sh",
            RUN,
            "/d/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod in a heredoc",
            "COPY run.sh /\nRUN <<EOF\nset -e\nchmod +x /run.sh\nEOF",
            RUN,
            "/run.sh",
            Mode("run", true),
        ),
        Row(
            "chmod as another user",
            "COPY run.sh /\nRUN sudo chmod +x /run.sh",
            RUN,
            "/run.sh",
            Mode("run", true),
        ),
        Row(
            "the last chmod",
            "COPY run.sh /\nRUN chmod +x /run.sh\nRUN chmod 600 /run.sh",
            RUN,
            "/run.sh",
            Mode("run", false),
        ),
        Row(
            "chmod before COPY",
            "RUN chmod +x /run.sh\nCOPY --chmod=644 run.sh /",
            RUN,
            "/run.sh",
            Mode("run", false),
        ),
        Row(
            "install",
            "COPY run.sh /tmp/\nRUN install -m 0755 /tmp/run.sh /usr/bin/run",
            RUN,
            "/usr/bin/run",
            Mode("run", true),
        ),
        Row("a heredoc", "COPY <<EOF /run.sh\nrun\nEOF", RUN, "/run.sh", Mode("run\n", false)),
        Row("what a shell writes", "RUN echo run > /run.sh", RUN, "/run.sh", Mode("run\n", false)),
        Row(
            "what a shell writes over a file",
            "COPY run.sh /\nRUN echo x > /run.sh",
            X,
            "/run.sh",
            Mode("x\n", true),
        ),
    ]);
    // Which file is made executable is not known, so that it is not is not known either.
    let loader = loader(&[]);
    let image = image("Dockerfile", "FROM a\nCOPY <<EOF /run.sh\nrun\nEOF\nRUN chmod +x $(ls /*.sh)");
    let Found::File(file) = Context::new(&image, &loader).find("/run.sh") else { panic!() };
    assert_eq!(file.executable, None);
}

#[test]
fn heredocs() {
    check(&[
        Row("quoted", "COPY <<'EOF' /run.sh\nexec \"$@\"\nEOF", RUN, "/run.sh", Text("exec \"$@\"\n")),
        Row("without variables", "COPY <<EOF /run.sh\nexec a\nEOF", RUN, "/run.sh", Text("exec a\n")),
        Row(
            "a known variable",
            "ENV P=80\nCOPY <<EOF /run.sh\na $P ${P}\nEOF",
            RUN,
            "/run.sh",
            Text("a 80 80\n"),
        ),
        Row("an unknown variable", "COPY <<EOF /run.sh\na $P\nEOF", RUN, "/run.sh", Text("a $P\n")),
        Row(
            "what the build empties",
            "COPY <<EOF /run.sh\nexec \"$@\"\nEOF",
            RUN,
            "/run.sh",
            Text("exec \"\"\n"),
        ),
        Row("tabs", "COPY <<-EOF /run.sh\n\ta\n\tEOF", RUN, "/run.sh", Text("a\n")),
        Row("several", "COPY <<a.sh <<b.sh /d/\n1\na.sh\n2\nb.sh", RUN, "/d/b.sh", Text("2\n")),
        Row("beside a file", "COPY run.sh <<b.sh /d/\n2\nb.sh", RUN, "/d/run.sh", Text("run")),
        Row(
            "cat in RUN",
            "RUN cat <<'EOF' > /run.sh\nexec \"$@\"\nEOF",
            RUN,
            "/run.sh",
            Text("exec \"$@\"\n"),
        ),
        Row(
            "cat in RUN, the other way round",
            "RUN cat > /run.sh <<EOF\na\nEOF",
            RUN,
            "/run.sh",
            Text("a\n"),
        ),
        Row(
            "cat in RUN, chmod",
            "RUN cat <<EOF > /run.sh && chmod +x /run.sh\na\nEOF",
            RUN,
            "/run.sh",
            Mode("a\n", true),
        ),
        Row(
            "expanded by the shell",
            "RUN cat <<EOF > /run.sh\nexec \"\\$@\" '\\n'\nEOF",
            RUN,
            "/run.sh",
            Text("exec \"$@\" '\\n'\n"),
        ),
        Row(
            "a command in it",
            "RUN cat <<EOF > /run.sh\n$(date)\nEOF",
            RUN,
            "/run.sh",
            Unreadable("printed"),
        ),
        Row(
            "within a heredoc",
            "RUN <<EOF\ncat <<'X' > /run.sh\nexec \"$@\"\nX\nEOF",
            RUN,
            "/run.sh",
            Text("exec \"$@\"\n"),
        ),
        Row("tee", "RUN tee /run.sh <<EOF\na\nEOF", RUN, "/run.sh", Text("a\n")),
        Row(
            "cat and tee",
            "RUN cat <<EOF | tee -a /x /run.sh >/dev/null\n#!/bin/sh\nEOF",
            RUN,
            "/run.sh",
            Text("#!/bin/sh\n"),
        ),
        Row(
            "for another program",
            "RUN <<EOF\n#!/usr/bin/env python3\nopen('/run.sh') > /run.sh\nEOF",
            RUN,
            "/run.sh",
            Unknown,
        ),
        Row("for bash", "RUN bash -e <<'EOF'\necho a > /run.sh\nEOF", RUN, "/run.sh", Text("a\n")),
        Row("CMD has none", "CMD cat <<EOF > /run.sh", RUN, "/run.sh", Unknown),
    ]);
}

#[test]
fn scripts_made_by_run() {
    check(&[
        Row("echo", "RUN echo 'exec a' > /run.sh", RUN, "/run.sh", Text("exec a\n")),
        Row(
            "echo with escapes",
            "RUN echo '#!/bin/sh\\nexec a' > /run.sh",
            RUN,
            "/run.sh",
            Text("#!/bin/sh\nexec a\n"),
        ),
        Row(
            "echo -e",
            "SHELL [\"/bin/bash\", \"-c\"]\nRUN echo -e 'a\\nb' > /run.sh",
            RUN,
            "/run.sh",
            Text("a\nb\n"),
        ),
        Row(
            "echo without -e in bash",
            "SHELL [\"/bin/bash\", \"-c\"]\nRUN echo 'a\\nb' > /run.sh",
            RUN,
            "/run.sh",
            Text("a\\nb\n"),
        ),
        Row(
            "echo, double quotes",
            "RUN echo \"exec a \\\"\\$@\\\"\" > /run.sh",
            RUN,
            "/run.sh",
            Text("exec a \"$@\"\n"),
        ),
        Row(
            "echo with a known variable",
            "ENV P=1\nRUN echo \"a $P\" > /run.sh",
            RUN,
            "/run.sh",
            Text("a 1\n"),
        ),
        Row("echo with a command", "RUN echo \"$(date)\" > /run.sh", RUN, "/run.sh", Unreadable("`echo`")),
        Row(
            "echo over lines",
            "RUN echo '#!/bin/sh' > /run.sh && \\\n  # and\n  echo 'exec a' >> /run.sh",
            RUN,
            "/run.sh",
            Text("#!/bin/sh\nexec a\n"),
        ),
        Row(
            "printf",
            "RUN printf '#!/bin/sh\\nexec a\\n' > /run.sh",
            RUN,
            "/run.sh",
            Text("#!/bin/sh\nexec a\n"),
        ),
        Row(
            "printf of lines",
            "RUN printf '%s\\n' '#!/bin/sh' 'exec a' > /run.sh",
            RUN,
            "/run.sh",
            Text("#!/bin/sh\nexec a\n"),
        ),
        Row("echo and tee", "RUN echo a | tee /run.sh", RUN, "/run.sh", Text("a\n")),
        Row("a group", "RUN { echo a; echo b; } > /run.sh", RUN, "/run.sh", Text("a\nb\n")),
        Row("a subshell", "RUN (echo a && echo b) > /run.sh", RUN, "/run.sh", Text("a\nb\n")),
        Row(
            "appended to a file",
            "COPY run.sh /\nRUN echo exec a >> /run.sh",
            &[("run.sh", "x\n")],
            "/run.sh",
            Text("x\nexec a\n"),
        ),
        Row(
            "begun by appending",
            "RUN echo '#!/bin/sh' >> /r && echo a >> /r",
            RUN,
            "/r",
            Text("#!/bin/sh\na\n"),
        ),
        Row("appended to something unknown", "RUN echo a >> /etc/profile", RUN, "/etc/profile", Unknown),
        Row("a variable for the name", "RUN f=/run.sh; echo a > $f", RUN, "/run.sh", Text("a\n")),
        Row("in sh -c", "RUN sh -c 'echo a > /run.sh'", RUN, "/run.sh", Text("a\n")),
        Row(
            "if, perhaps",
            "COPY run.sh /\nRUN if [ -n \"$X\" ]; then echo a > /run.sh; fi",
            RUN,
            "/run.sh",
            Unreadable("may be written by `echo`"),
        ),
        Row(
            "from another program",
            "RUN envsubst < /t > /run.sh",
            RUN,
            "/run.sh",
            Unreadable("is written by `envsubst` in the RUN on line 2"),
        ),
        Row("downloaded", "RUN curl -fsSLo /run.sh https://example.org/x", RUN, "/run.sh", Unknown),
        Row(
            "downloaded over a file",
            "COPY run.sh /\nRUN wget -qO /run.sh https://example.org/x",
            RUN,
            "/run.sh",
            Unknown,
        ),
        Row(
            "downloaded into the directory",
            "WORKDIR /a\nCOPY run.sh .\nRUN curl -O https://example.org/run.sh",
            RUN,
            "/a/run.sh",
            Unknown,
        ),
        Row("errors elsewhere", "RUN echo a > /run.sh 2>/dev/null", RUN, "/run.sh", Text("a\n")),
        Row("PowerShell", "SHELL [\"pwsh\", \"-c\"]\nRUN echo a > /run.sh", RUN, "/run.sh", Unknown),
    ]);
}

#[test]
fn files_moved_by_run() {
    check(&[
        Row("mv", "COPY run.sh /tmp/\nRUN mv /tmp/run.sh /start", RUN, "/start", Text("run")),
        Row("mv takes away", "COPY run.sh /tmp/\nRUN mv /tmp/run.sh /start", RUN, "/tmp/run.sh", Unknown),
        Row(
            "mv into a directory",
            "COPY run.sh /tmp/\nRUN mv /tmp/run.sh /usr/bin",
            RUN,
            "/usr/bin/run.sh",
            Text("run"),
        ),
        Row("mv by wildcard", "COPY run.sh /tmp/\nRUN mv /tmp/*.sh /opt/", RUN, "/opt/run.sh", Text("run")),
        Row("mv of a folder", "COPY docker /a\nRUN mv /a /b", TREE, "/b/sub/deep.sh", Text("deep")),
        Row("cp", "COPY run.sh /a\nRUN cp /a /b", RUN, "/b", Text("run")),
        Row("cp -r", "COPY docker /a\nRUN cp -r /a/. /b", TREE, "/b/sub/deep.sh", Text("deep")),
        Row("cp keeps the mode", "COPY --chmod=755 run.sh /a\nRUN cp /a /b", RUN, "/b", Mode("run", true)),
        Row("cp of something unknown", "COPY run.sh /b\nRUN cp /bin/x /b", RUN, "/b", Unknown),
        Row("cp, then changed", "COPY run.sh /a\nRUN cp /a /b && sed -i s/a/b/ /a", RUN, "/b", Text("run")),
        Row("cat", "COPY run.sh /a\nRUN cat /a > /b", RUN, "/b", Mode("run", false)),
        Row("ln -s", "COPY run.sh /a/\nRUN ln -s /a/run.sh /run.sh", RUN, "/run.sh", Text("run")),
        Row("ln -sf, relative", "COPY run.sh /a/\nRUN ln -sf run.sh /a/start", RUN, "/a/start", Text("run")),
        Row(
            "ln -s into a directory",
            "COPY run.sh /a/\nRUN ln -s /a/run.sh /usr/bin/",
            RUN,
            "/usr/bin/run.sh",
            Text("run"),
        ),
        Row("ln -s of a directory", "COPY run.sh /a/\nRUN ln -s /a /b", RUN, "/b/run.sh", Text("run")),
        Row(
            "ln -s before its target",
            "RUN ln -s /a/run.sh /start\nCOPY run.sh /a/",
            RUN,
            "/start",
            Text("run"),
        ),
        Row("ln", "COPY run.sh /a\nRUN ln /a /b", RUN, "/b", Text("run")),
        Row(
            "chmod through a link",
            "COPY run.sh /a\nRUN ln -s /a /b && chmod 755 /b",
            RUN,
            "/a",
            Mode("run", true),
        ),
        Row("a link that is removed", "COPY run.sh /a\nRUN ln -s /a /b\nRUN rm /b", RUN, "/b", Unknown),
        Row("a loop of links", "RUN ln -s /a /b && ln -s /b /a", RUN, "/a", Unreadable("loop")),
    ]);
}

#[test]
fn files_changed_by_run() {
    const CRLF: Files = &[("run.sh", "a\r\nb\r\n")];
    check(&[
        Row("carriage returns stay", "COPY run.sh /", CRLF, "/run.sh", Text("a\r\nb\r\n")),
        Row("sed", "COPY run.sh /\nRUN sed -i 's/\\r$//' /run.sh", CRLF, "/run.sh", Text("a\nb\n")),
        Row(
            "sed with -e",
            "COPY run.sh /\nRUN sed -i -e 's/\\r//g' /run.sh && x",
            CRLF,
            "/run.sh",
            Text("a\nb\n"),
        ),
        Row(
            "sed with a copy",
            "COPY run.sh /\nRUN sed -i.bak 's/\\r$//' /*.sh",
            CRLF,
            "/run.sh",
            Text("a\nb\n"),
        ),
        Row(
            "sed to another file",
            "COPY run.sh /\nRUN sed 's/\\r$//' /run.sh > /x",
            CRLF,
            "/x",
            Text("a\nb\n"),
        ),
        Row("tr", "COPY run.sh /\nRUN tr -d '\\r' < /run.sh > /x", CRLF, "/x", Text("a\nb\n")),
        Row("dos2unix", "COPY run.sh /\nRUN dos2unix /run.sh", CRLF, "/run.sh", Text("a\nb\n")),
        Row(
            "find and dos2unix",
            "COPY run.sh /b/\nRUN find /b -type f -print0 | xargs -0 dos2unix",
            CRLF,
            "/b/run.sh",
            Text("a\nb\n"),
        ),
        Row(
            "find and sed",
            "COPY run.sh /b/\nRUN find /b -name '*.sh' -exec sed -i 's/\\r$//' {} +",
            CRLF,
            "/b/run.sh",
            Text("a\nb\n"),
        ),
        Row("before COPY", "RUN dos2unix /run.sh\nCOPY run.sh /", CRLF, "/run.sh", Text("a\r\nb\r\n")),
        Row(
            "another sed",
            "COPY run.sh /\nRUN sed -i 's/a/b/' /run.sh",
            RUN,
            "/run.sh",
            Unreadable("it is changed by `sed` in the RUN on line 3"),
        ),
        Row(
            "a sed of another file",
            "COPY run.sh /\nRUN sed -i 's/a/b/' /other",
            RUN,
            "/run.sh",
            Text("run"),
        ),
        Row("sed of nothing known", "RUN sed -i 's/a/b/' /etc/x", RUN, "/etc/x", Unknown),
        Row("sed, then COPY", "RUN sed -i 's/a/b/' /run.sh\nCOPY run.sh /", RUN, "/run.sh", Text("run")),
        Row(
            "an unknown program",
            "COPY run.sh /\nRUN patcher /run.sh",
            RUN,
            "/run.sh",
            Unreadable("may be changed by `patcher`"),
        ),
        Row(
            "an unknown program's option",
            "COPY run.sh /\nRUN patcher --in=/run.sh",
            RUN,
            "/run.sh",
            Unreadable("`patcher`"),
        ),
        Row(
            "reading",
            "COPY run.sh /\nRUN cat /run.sh && ls -l /run.sh && test -x /run.sh",
            RUN,
            "/run.sh",
            Text("run"),
        ),
        Row("owning", "COPY run.sh /\nRUN chown app:app /run.sh", RUN, "/run.sh", Text("run")),
        Row("running", "COPY run.sh /\nRUN /run.sh --setup && bash /run.sh", RUN, "/run.sh", Text("run")),
        Row("in a comment", "COPY run.sh /\nRUN true # patcher /run.sh", RUN, "/run.sh", Text("run")),
    ]);
}

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
