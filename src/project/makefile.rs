//! Recipes of a Makefile, as far as it matters what make starts for them: the program itself, or a shell in front of it.

use super::{Found, ImageFiles, path};

/// Where make looks.
const FILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
/// What makes make hand a line to the shell.
const FOR_SHELL: &str = "#;\"*?[]&|<>(){}$`^~!=";

/// True if the last line of a target's recipe is run by a shell that stays in front of what it starts. `None` if no Makefile is known in
/// the directory, or no such target in it.
pub fn keeps_shell(files: &dyn ImageFiles, directory: &str, target: Option<&str>) -> Option<bool> {
    let text = FILES.iter().find_map(|name| match files.find(&path::join(directory, name)) {
        Found::File(file) => Some(file.text.text().replace("\\\n", " ")),
        _ => None,
    })?;
    let line = last_line(&text, target)?;
    let line = line.trim_start_matches(['@', '-', '+', ' ', '\t']).trim();
    let last = line.rsplit([';', '&', '|']).next().unwrap_or(line).trim();
    Some(line.contains(|c| FOR_SHELL.contains(c)) && !last.starts_with("exec "))
}

/// The last line of the recipe of a target, or of the first one.
fn last_line<'t>(text: &'t str, target: Option<&str>) -> Option<&'t str> {
    let names = |line: &'t str| {
        let is_rule = !line.starts_with(['\t', ' ', '#', '.']);
        let (names, rest) = line.split_once(':').filter(|(names, _)| is_rule && !names.contains('='))?;
        (!rest.starts_with([':', '='])).then_some(names)
    };
    let is_wanted = |line: &&'t str| {
        names(line).is_some_and(|names| {
            target.is_none_or(|target| names.split_whitespace().any(|name| name == target))
        })
    };
    let mut lines = text.lines().skip_while(|line| !is_wanted(line));
    lines.next()?;
    lines
        .take_while(|line| line.starts_with('\t') || line.trim().is_empty())
        .filter(|line| !line.trim().is_empty())
        .last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes() {
        let text = "PORT := 80\nall: run\n\t@echo x\n\nrun : setup\n\tsetup --x\n\t@cd src && server\n\nother:\n\tserver\n";
        for (target, line) in [
            (None, Some("\t@echo x")),
            (Some("run"), Some("\t@cd src && server")),
            (Some("other"), Some("\tserver")),
            (Some("none"), None),
        ] {
            assert_eq!(last_line(text, target), line, "{target:?}");
        }
    }
}
