//! Files that a here-document brings.

use super::Expect::{Mode, Text, Unknown, Unreadable};
use super::{RUN, Row, check};

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
