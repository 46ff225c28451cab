//! Files that RUN makes, moves and changes.

use super::Expect::{Mode, Text, Unknown, Unreadable};
use super::{Files, RUN, Row, TREE, check};

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
