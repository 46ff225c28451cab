//! COPY, ADD, stages and what is left out of the context.

use super::Expect::{Download, Mode, Text, Unknown, Unreadable};
use super::{Files, RUN, Row, TREE, check};

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
        Row("a URL", "ADD https://example.org/run.sh /run.sh", RUN, "/run.sh", Download),
        Row(
            "a URL and a mode",
            "ADD --chmod=755 https://example.org/run.sh /run.sh",
            RUN,
            "/run.sh",
            Unknown,
        ),
        Row(
            "a URL and chmod",
            "ADD https://example.org/run.sh /\nRUN chmod 0755 /*.sh",
            RUN,
            "/run.sh",
            Unknown,
        ),
        Row("a URL and a copy", "ADD https://example.org/run /a\nRUN install /a /b", &[], "/b", Unknown),
        Row("a URL and a script", "ADD https://example.org/run /a\nRUN ./setup.sh", &[], "/a", Unknown),
        Row("a URL of a repository", "ADD https://example.org/run.git /a", &[], "/a", Unknown),
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
