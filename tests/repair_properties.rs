//! What holds for every repair, asked of projects that are put together at random: a base image, a way to start it, and an entry script
//! as people write them, with some of its lines taken out.
#![allow(clippy::unwrap_used, missing_docs)]

mod holds;
#[path = "kernel/random/phrases.rs"]
mod phrases;
#[path = "kernel/random/script.rs"]
mod script;

use proptest::prelude::*;

/// What the generator of scripts needs of the tests' support.
mod support {
    pub(crate) type Files = std::collections::BTreeMap<String, String>;
}

/// Lines between the base image and the rest.
const SETTINGS: &[&str] = &[
    "",
    "RUN apt-get update && apt-get install -y tini\nENTRYPOINT [\"tini\", \"--\"]\n",
    "STOPSIGNAL SIGINT\n",
    "USER app\nWORKDIR /app\n",
    "SHELL [\"/bin/bash\", \"-c\"]\n",
    "ENV MODE=all\nARG LEVEL\n",
];

/// Files as one text, each behind its path.
fn text_of(files: &support::Files, settings: &str, left_out: &[usize]) -> String {
    let mut text = String::new();
    for (path, content) in files {
        text += &format!("=== {path}\n");
        let is_script = path != "Dockerfile";
        for (number, line) in content.lines().enumerate() {
            // The first line of a script says which shell it is for.
            if !(is_script && number > 0 && left_out.contains(&number)) {
                text += line;
                text.push('\n');
            }
            if !is_script && number == 0 {
                text += settings;
            }
        }
    }
    text
}

fn projects() -> impl Strategy<Value = String> {
    let left_out = prop::collection::vec(1_usize..30, 0..4);
    (any::<u64>(), prop::sample::select(SETTINGS), left_out)
        .prop_map(|(seed, settings, left_out)| text_of(&script::project(seed), settings, &left_out))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// It fits the text, changes no other byte, re-parses, removes its finding, adds none, is whole after one run, and no stop ends worse.
    #[test]
    fn repairs_make_a_project_better(project in projects()) {
        holds::project::repaired(&project);
    }
}
