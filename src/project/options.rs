//! Settings that a program takes as options: `die-on-term = true` is `--die-on-term`.

use std::sync::Arc;

use super::ini;
use crate::source::Excerpt;

/// The options of a section of an INI file; `None` if it cannot be read, or if a setting begins as one that brings others.
pub fn of_file(file: &Arc<Excerpt>, section: &str, opaque: &[String]) -> Option<Vec<String>> {
    let settings = ini::parse(file)?.settings.into_iter().filter(|setting| &*setting.section == section);
    let options: Option<Vec<_>> =
        settings.map(|setting| option(&setting.name, setting.value.text(), opaque)).collect();
    Some(options?.concat())
}

/// One setting as an option: a word, and its value where it is more than a switch.
pub fn option(name: &str, value: &str, opaque: &[String]) -> Option<Vec<String>> {
    if value.contains("$(") || opaque.iter().any(|start| name.starts_with(start.as_str())) {
        return None;
    }
    Some(match value.trim() {
        "false" | "0" | "no" => Vec::new(),
        "true" | "1" | "yes" => vec![format!("--{name}")],
        value => vec![format!("--{name}"), value.to_owned()],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn settings_are_options() {
        let options = |text: &str| {
            of_file(&Arc::new(Excerpt::whole(&Source::new("u.ini", text))), "uwsgi", &["ini".to_owned()])
        };
        let found =
            options("[uwsgi]\nmodule = app:app\nmaster = true\nlazy = false\n[other]\nx = 1\n").unwrap();
        assert_eq!(found, ["--module", "app:app", "--master"]);
        assert_eq!(options("[uwsgi]\nini = other.ini\n"), None);
        assert_eq!(options("[uwsgi]\nhttp = $(PORT)\n"), None);
    }
}
