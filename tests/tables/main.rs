//! The tables of programs and base images: they parse, every row can be reached and has a source, and look-ups find the right one.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use pidone::programs::{Inner, Kind, Program, Sh, Tables};

mod images;
mod programs;

/// A command line in words; `?` is a word that is not known, `'a b'` one with a blank.
fn words(line: &str) -> Vec<Option<String>> {
    shlex::split(line).unwrap().into_iter().map(|word| (word != "?").then_some(word)).collect()
}

fn with<T>(line: &str, look: impl FnOnce(&str, &[Option<&str>]) -> T) -> T {
    let words = words(line);
    let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
    look(words[0].unwrap(), &words[1..])
}

fn row(line: &str) -> Option<&'static Program> {
    with(line, |name, arguments| Tables::builtin().program(name, arguments).map(AsRef::as_ref))
}

fn applet(line: &str) -> Option<&'static Program> {
    with(line, |name, arguments| Tables::builtin().applet(name, arguments).map(AsRef::as_ref))
}

fn inner(line: &str) -> Inner {
    with(line, |name, arguments| Tables::builtin().program(name, arguments).unwrap().inner_command(arguments))
}

#[test]
fn the_tables_parse() {
    assert!(Tables::builtin().programs().count() > 200);
}

#[test]
fn every_row_has_a_version_and_a_source() {
    for program in Tables::builtin().programs() {
        assert!(!program.version.is_empty(), "{:?} has no version", program.names);
        assert!(
            program.source == "measured" || program.source.starts_with("https://"),
            "{:?} has no source",
            program.names
        );
    }
}

#[test]
fn times_to_finish_can_be_told_and_have_a_source() {
    for drain in Tables::builtin().drains() {
        let (names, none) = (&drain.names, drain.options.is_empty() && drain.settings.is_empty());
        assert!(!names.is_empty() && !none && drain.source.starts_with("https://"), "{names:?}");
        assert!(
            drain.settings.is_empty() || !(drain.files.is_empty() && drain.file_options.is_empty()),
            "{names:?}"
        );
    }
}

#[test]
fn what_is_slow_is_named_once_and_has_a_source() {
    let rows = Tables::builtin().slow();
    let mut names: Vec<&str> = rows.iter().flat_map(|row| row.names.iter().copied()).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert!(count > 10 && names.len() == count && rows.iter().all(|row| row.source.starts_with("https://")));
}

#[test]
fn what_is_alone_with_its_data_has_a_source() {
    for row in Tables::builtin().alones() {
        assert!(!row.names.is_empty() && !row.data_options.is_empty() && row.source.starts_with("https://"));
        assert!(row.names.iter().all(|name| Tables::builtin().alone(name).is_some()));
    }
}

#[test]
fn every_row_can_be_reached() {
    let mut closed: HashMap<(&str, bool), &Program> = HashMap::new();
    for program in Tables::builtin().programs() {
        for name in &program.names {
            let key = (name.as_str(), program.busybox);
            assert!(!closed.contains_key(&key), "{name}: a row after one without conditions");
            if !program.is_conditional() {
                closed.insert(key, program);
            }
        }
    }
}

#[test]
fn rows_say_nothing_that_contradicts_itself() {
    for program in Tables::builtin().programs() {
        assert_eq!(program.problems(), Vec::<String>::new(), "{:?}", program.names);
    }
}

#[test]
fn real_programs_have_measured_rows() {
    let text = std::fs::read_to_string("tests/data/programs.toml").unwrap();
    let data: toml::Value = toml::from_str(&text).unwrap();
    let entries = data["program"].as_array().unwrap();
    assert!(entries.len() > 200);
    for entry in entries {
        let line = entry.get("row").unwrap_or(&entry["run"]).as_str().unwrap();
        let found = match line.strip_prefix("busybox ") {
            Some(line) => applet(line),
            None => row(line),
        };
        assert_eq!(found.map(|row| row.source.as_str()), Some("measured"), "{line}");
    }
}

#[test]
fn rows_of_the_user_win() {
    let tables = Tables::builtin()
        .with_rows(
            r#"
            fail-on = "error"
            [[program]]
            names = ["nginx", "su", "/app/server", "my-wrapper"]
            kind = "helper"
            [[image]]
            names = ["node", "example.com/team/*"]
            on = ["alpine"]
            launch.stop-signal = "SIGQUIT"
            "#,
        )
        .unwrap();
    let kind = |name: &str| tables.program(name, &[]).map(|program| program.kind);
    for name in ["nginx", "su", "/app/server", "my-wrapper", "/usr/bin/my-wrapper"] {
        assert_eq!(kind(name), Some(Kind::Helper), "{name}");
    }
    assert_eq!(kind("tini"), Some(Kind::Init));
    assert_eq!(kind("/srv/server"), None);
    assert_eq!(tables.applet("su", &[]).unwrap().kind, Kind::Helper, "before busybox's, too");
    assert!(tables.own("/app/server", &[]).is_some() && tables.own("tini", &[]).is_none());
    assert_eq!(tables.base("node:20").sh, Sh::Ash);
    assert_eq!(tables.base("example.com/team/base:1").stop_signal.as_deref(), Some("SIGQUIT"));
    assert_eq!(tables.base("python:3").sh, Sh::Dash);
    let more = tables.with_rows("[[program]]\nnames = ['tini']\nkind = 'exec'").unwrap();
    assert_eq!(more.own("my-wrapper", &[]).unwrap().kind, Kind::Helper);
    assert_eq!(more.program("tini", &[Some("x")]).unwrap().kind, Kind::Exec);
}

#[test]
fn rows_that_are_wrong_are_shown_where_they_are() {
    let program = "[[program]]\nnames = ['a']\nkind = 'exec'\n";
    for (text, place, message) in [
        ("[[program", "", "unclosed array table"),
        ("[[program]]\nnames = ['a']\nkind = 'ship'", "'ship'", "unknown variant `ship`"),
        (
            "[[program]]\nnames = ['a']\nkind = 'exec'\nsingals.none = true",
            "singals",
            "unknown field `singals`",
        ),
        ("[[program]]\nkind = 'exec'", "[[program]]", "missing field `names`"),
        ("[[program]]\nnames = []\nkind = 'exec'", "[[program]]", "needs a name"),
        (
            "[[program]]\nnames = ['a']\nkind = 'exec'\nsignals.fast = ['SIGTERM']",
            "[[program]]",
            "without SIG",
        ),
        ("[[image]]\nnames = ['a']\non = ['debain']", "[[image]]", "no distribution is called `debain`"),
    ] {
        let text = format!("{program}{text}");
        let error = Tables::builtin().with_rows(&text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {error}");
        assert!(text[error.span.start..].starts_with(place), "{text}: {:?}", &text[error.span.start..]);
    }
}

mod whatever_is_asked {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_arguments_break_a_row(words in proptest::collection::vec(proptest::option::of("[-+=/a-zA-Zé]{0,6}|--|-[a-z]+|run"), 0..7)) {
            let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
            for program in Tables::builtin().programs() {
                match program.inner_command(&words) {
                    Inner::Command { name, arguments } => prop_assert!(name < words.len() && arguments <= words.len()),
                    Inner::Line { argument, offset } => {
                        prop_assert!(words[argument].is_none_or(|word| word.get(offset..).is_some()));
                    }
                    Inner::ForShell { arguments } => prop_assert!(arguments < words.len()),
                    Inner::None | Inner::Unknown => {}
                }
                let _ = (program.script(&words), Tables::builtin().program(&program.names[0], &words));
            }
        }

        #[test]
        fn no_name_breaks_a_look_up(name in "[-./a-z0-9é]{0,12}|\\PC{0,8}") {
            let _ = (Tables::builtin().program(&name, &[]), Tables::builtin().applet(&name, &[None]));
        }

        #[test]
        fn no_reference_breaks_a_look_up(reference in "[a-z:/@${}*.]{0,16}|\\PC{0,12}") {
            let _ = Tables::builtin().base(&reference);
        }
    }
}

/// Where the programs test says otherwise, the row is wrong; where it says nothing, the row must not say "measured".
#[test]
fn measured_rows_have_an_entry() {
    let text = std::fs::read_to_string("tests/data/programs.toml").unwrap();
    let data: toml::Value = toml::from_str(&text).unwrap();
    let found: Vec<_> = data["program"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| {
            let line = entry.get("row").unwrap_or(&entry["run"]).as_str().unwrap();
            line.strip_prefix("busybox ").map_or_else(|| row(line), applet)
        })
        .collect();
    let rows = Tables::builtin().programs().filter(|row| row.source == "measured");
    let alone: Vec<_> = rows
        .filter(|row| !found.iter().any(|known| std::ptr::eq(*known, *row)))
        .map(|row| (&row.names, row.kind, &row.args.requires, &row.args.subcommand, row.busybox))
        .collect();
    assert!(alone.is_empty(), "{} rows were not measured: {alone:#?}", alone.len());
}
