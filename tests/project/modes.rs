//! Which files may be executed.

use pidone::project::{Context, Found, ImageFiles};

use super::Expect::Mode;
use super::{Files, RUN, Row, check, image, loader};

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
