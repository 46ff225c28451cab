//! Settings that a program takes as options: `die-on-term = true` is `--die-on-term`.

use std::sync::Arc;

use super::ini;
use crate::source::Excerpt;

/// How settings become options.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// How the names of settings begin that bring others.
    pub opaque: &'a [String],
    /// Settings that decide what the program does, so that a variable in their value leaves it open.
    pub decisive: &'a [String],
}

/// The options of a section of an INI file; `None` if it cannot be read, or if a setting leaves open what others there are.
pub fn of_file(file: &Arc<Excerpt>, section: &str, reading: Reading<'_>) -> Option<Vec<String>> {
    let settings = ini::parse(file)?.settings.into_iter().filter(|setting| &*setting.section == section);
    let options: Option<Vec<_>> =
        settings.map(|setting| option(&setting.name, setting.value.text(), reading)).collect();
    Some(options?.concat())
}

/// One setting as an option: a word, and its value where it is more than a switch.
pub fn option(name: &str, value: &str, reading: Reading<'_>) -> Option<Vec<String>> {
    let is_open = value.contains("$(") && reading.decisive.iter().any(|own| own == name);
    if is_open || reading.opaque.iter().any(|start| name.starts_with(start.as_str())) {
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
            let reading = Reading { opaque: &["ini".to_owned()], decisive: &["die-on-term".to_owned()] };
            of_file(&Arc::new(Excerpt::whole(&Source::new("u.ini", text))), "uwsgi", reading)
        };
        let found =
            options("[uwsgi]\nmodule = app:app\nmaster = true\nlazy = false\n[other]\nx = 1\n").unwrap();
        assert_eq!(found, ["--module", "app:app", "--master"]);
        assert_eq!(options("[uwsgi]\nini = other.ini\n"), None);
        assert_eq!(options("[uwsgi]\nhttp = :$(PORT)\n").unwrap(), ["--http", ":$(PORT)"]);
        assert_eq!(options("[uwsgi]\ndie-on-term = $(DIE)\n"), None);
    }
}
