//! Which images are for Windows, where there are no signals and none of these shells.

use super::stages::Stage;
use super::state::State;
use super::{Command, Setting};
use crate::programs::{Base, Family};

/// How names of programs end that nothing but Windows starts.
const ENDINGS: [&str; 4] = [".exe", ".cmd", ".bat", ".ps1"];
/// What reads command lines there; `pwsh` does on Linux too.
const SHELLS: [&str; 4] = ["cmd", "cmd.exe", "powershell", "powershell.exe"];

/// Whether FROM says so.
pub(super) fn is_base(base: &Base, stage: &Stage) -> bool {
    base.family == Family::Windows
        || stage.platform.as_ref().is_some_and(|platform| platform.starts_with("windows"))
}

/// Whether a base that tells nothing of itself is one, by what the stages set: SHELL, or the program that is started.
pub(super) fn is_meant(base: &Base, state: &State) -> bool {
    let shell = state.shell.first().map(|shell| shell.to_ascii_lowercase());
    base.family == Family::Unknown
        && (shell.is_some_and(|shell| SHELLS.contains(&shell.as_str()))
            || [&state.entrypoint, &state.cmd]
                .into_iter()
                .flatten()
                .find_map(program)
                .is_some_and(is_program))
}

/// The program that a setting names first; none in an empty one.
fn program(setting: &Setting<Command>) -> Option<&str> {
    match &setting.value {
        Command::Exec(words) => words.first().map(|word| word.text()),
        Command::Shell { text, .. } => text.text().split_ascii_whitespace().next(),
        Command::Inherited(words) => words.first().map(String::as_str),
    }
}

fn is_program(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let is_drive = matches!(word.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    is_drive || ENDINGS.iter().any(|ending| word.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::dockerfile::{images, parse};
    use crate::programs::{Family, Tables};
    use crate::source::Source;

    #[test]
    fn by_what_is_set() {
        for (text, expected) in [
            ("FROM example.com/base\nENTRYPOINT [\"/setup.cmd\", \"&\", \"cmd\", \"/c\"]", true),
            ("FROM example.com/base\nCMD [\"C:\\\\server\"]", true),
            ("FROM example.com/base\nCMD .\\start.ps1", true),
            ("FROM example.com/base\nSHELL [\"powershell\", \"-Command\"]\nCMD server", true),
            ("FROM example.com/base AS a\nCMD [\"server.exe\"]\nFROM a\nUSER b", true),
            ("FROM example.com/base\nCMD [\"pwsh\", \"start.ps1\"]", false),
            ("FROM example.com/base\nCMD [\"mono\", \"server.exe\"]", false),
            ("FROM example.com/base\nRUN apk add wine\nCMD [\"server.exe\"]", false),
            ("FROM debian\nCMD [\"server.exe\"]", false),
            ("FROM dockurr/windows\nCMD [\"server\"]", false),
        ] {
            let image = images(&Arc::new(parse(&Source::new("Dockerfile", text))), Tables::builtin()).pop();
            assert_eq!(image.unwrap().base.family == Family::Windows, expected, "{text}");
        }
    }
}
