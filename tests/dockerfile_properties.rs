//! What holds for every input: nothing panics, every span lies in the file, and every excerpt maps to the bytes that it claims.

#![allow(clippy::unwrap_used)]

mod holds;

use holds::dockerfile::check;
use proptest::prelude::*;

/// How an instruction may begin.
const HEADS: &[&str] = &[
    "FROM ",
    "FROM a AS b\n",
    "FROM b\n",
    "RUN ",
    "CMD ",
    "CMD [",
    "ENTRYPOINT ",
    "ENTRYPOINT [",
    "SHELL [",
    "COPY ",
    "ENV ",
    "ARG ",
    "ONBUILD ",
    "ONBUILD RUN ",
    "HEALTHCHECK CMD ",
    "WORKDIR ",
    "USER ",
    "STOPSIGNAL ",
    "RUN cat <<EOF ",
    "COPY <<-EOF <<'E F' ",
    "x ",
    "",
];

/// Fragments that mean something to the reader, so that their mixtures reach all of it.
const FRAGMENTS: &[&str] = &[
    "\n",
    "\r\n",
    " \\\n",
    "\\\n",
    "`\n",
    "\\",
    "`",
    "\\\\\n",
    "\n# c\n",
    "#",
    "\u{feff}",
    "\u{a0}",
    "\u{2003}",
    "\t",
    " ",
    "é",
    "<<EOF",
    "<<-EOF",
    "<<'E F'",
    "<< ",
    "\nEOF\n",
    "\n\tEOF\n",
    "\nE F\n",
    "--a=b ",
    "--",
    "-- ",
    "[",
    "]",
    "\"",
    "'",
    ",",
    "\"a\", \"b\"]\n",
    "\"é\\n\"",
    "\", \"",
    "\\u00e9",
    "\\n",
    "\\\"",
    "\\ud83d\\ude00",
    "\\ud800",
    "$",
    "${",
    "}",
    ":-",
    "$A",
    "${A:-b}",
    "${A%%.*}",
    "A=1 ",
    "A=$A$A",
    "=",
    "x",
    "/a/../b",
    "1",
    "null",
    "{",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fragments(
        directive in prop::sample::select(&["", "FROM a\n", "# escape=`\nFROM a\n", "\u{feff}# syntax=x\n"][..]),
        lines in prop::collection::vec(
            (prop::sample::select(HEADS), prop::collection::vec(prop::sample::select(FRAGMENTS), 0..12)),
            0..8,
        ),
    ) {
        let lines: String = lines.iter().map(|(head, rest)| format!("{head}{}\n", rest.concat())).collect();
        check(&format!("{directive}{lines}"));
    }

    #[test]
    fn json_cut_by_continuations(
        parts in prop::collection::vec(prop::sample::select(&["a", "é", "\\u00e9", "\\n", "\\ud83d\\ude00", "\\ud800", "\\\\", "\", \""][..]), 0..12),
        cuts in prop::collection::vec((0usize..60, prop::sample::select(&["`\n", "`  \r\n", "`\n# c\n", "`\n\n"][..])), 0..4),
    ) {
        let mut line = format!("CMD [\"{}\"]", parts.concat());
        for (at, cut) in cuts {
            let at = (0..=at.min(line.len())).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
            line.insert_str(at, cut);
        }
        check(&format!("# escape=`\nFROM a\n{line}\n"));
    }

    #[test]
    fn anything(text in any::<String>()) {
        check(&text);
    }
}
