//! Scripts of package.json, with their place in the file.

use std::sync::Arc;

use jsonc_parser::ast::{ObjectPropName, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::ImageFiles;
use crate::source::{Encoding, Excerpt, Piece, Span};
use crate::yaml;

/// What a program can only have from its package runner: variables, and commands by their bare names, which whoever starts others may use.
const OF_RUNNER: &[&str] = &[
    "npm_",
    "INIT_CWD",
    "PROJECT_CWD",
    "PNPM_",
    "child_process",
    "execa",
    "cross-spawn",
    "shelljs",
    "Bun.spawn",
    "subprocess",
];

/// True if a text of the package may need what its runner adds to the environment of this script.
pub fn needs_runner(files: &dyn ImageFiles, script: &Excerpt) -> bool {
    let folder = script.source().path().parent();
    folder.is_none_or(|folder| files.mentions(folder, OF_RUNNER))
}

/// The text of a script; `None` if the file has no such script or is not JSON.
pub fn script(file: &Arc<Excerpt>, name: &str) -> Option<Arc<Excerpt>> {
    let parsed = parse_to_ast(file.text(), &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let Value::Object(root) = parsed.value? else { return None };
    let scripts = root.properties.iter().find(|property| property_name(&property.name) == "scripts")?;
    let Value::Object(scripts) = &scripts.value else { return None };
    let script = scripts.properties.iter().find(|property| property_name(&property.name) == name)?;
    let Value::StringLit(literal) = &script.value else { return None };
    let range = literal.range();
    decode(file, Span::new(range.start, range.end))
}

/// The value of `packageManager` (`yarn@4.1.0`).
pub fn package_manager(file: &Arc<Excerpt>) -> Option<String> {
    string(file, "packageManager")
}

/// The package's name.
pub fn name(file: &Arc<Excerpt>) -> Option<String> {
    string(file, "name")
}

/// The patterns of the packages in a workspace: `workspaces` as a list, or its `packages`.
pub fn workspaces(file: &Arc<Excerpt>) -> Vec<String> {
    let value: Option<serde_json::Value> = serde_json::from_str(file.text()).ok();
    let own = value.as_ref().and_then(|root| root.get("workspaces"));
    let list = own.and_then(|own| own.as_array().or_else(|| own.get("packages")?.as_array()));
    list.into_iter().flatten().filter_map(|pattern| pattern.as_str().map(plain)).collect()
}

/// The same in `pnpm-workspace.yaml`.
pub fn pnpm_workspaces(file: &Excerpt) -> Vec<String> {
    let parsed = yaml::parse(file.source());
    let list = parsed.documents.first().and_then(|root| root.get("packages"));
    list.into_iter().flat_map(|list| list.items()).filter_map(|item| item.text().map(plain)).collect()
}

fn plain(pattern: &str) -> String {
    pattern.trim_start_matches("./").trim_end_matches('/').to_owned()
}

/// True if the package of this file, or of a script in it, asks for another one of that name, whose commands are then in
/// node_modules/.bin.
pub fn depends_on(text: &Excerpt, name: &str) -> bool {
    let file = Excerpt::whole(text.source());
    let parsed = parse_to_ast(file.text(), &CollectOptions::default(), &ParseOptions::default());
    let Some(Value::Object(root)) = parsed.ok().and_then(|parsed| parsed.value) else { return false };
    ["dependencies", "devDependencies", "optionalDependencies"].iter().any(|list| {
        let list = root.properties.iter().find(|property| property_name(&property.name) == *list);
        let Some(Value::Object(list)) = list.map(|property| &property.value) else { return false };
        list.properties.iter().any(|property| property_name(&property.name) == name)
    })
}

/// The value of one of the file's own strings.
fn string(file: &Arc<Excerpt>, key: &str) -> Option<String> {
    let parsed = parse_to_ast(file.text(), &CollectOptions::default(), &ParseOptions::default()).ok()?;
    let Value::Object(root) = parsed.value? else { return None };
    let property = root.properties.iter().find(|property| property_name(&property.name) == key)?;
    match &property.value {
        Value::StringLit(literal) => Some(literal.value.to_string()),
        _ => None,
    }
}

/// True if running this script, which stands in a package.json, runs none before or after it (`prestart`, `poststart`).
pub fn runs_alone(text: &Excerpt) -> bool {
    let file = Arc::new(Excerpt::whole(text.source()));
    let names = names(&file);
    let own = names.iter().find(|name| script(&file, name).is_some_and(|other| other.span() == text.span()));
    own.is_some_and(|own| !names.contains(&format!("pre{own}")) && !names.contains(&format!("post{own}")))
}

/// The names of all scripts.
fn names(file: &Arc<Excerpt>) -> Vec<String> {
    let parsed = parse_to_ast(file.text(), &CollectOptions::default(), &ParseOptions::default());
    let Some(Value::Object(root)) = parsed.ok().and_then(|parsed| parsed.value) else { return Vec::new() };
    let scripts = root.properties.iter().find(|property| property_name(&property.name) == "scripts");
    match scripts.map(|property| &property.value) {
        Some(Value::Object(scripts)) => {
            scripts.properties.iter().map(|property| property_name(&property.name).to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

fn property_name<'a>(name: &'a ObjectPropName<'a>) -> &'a str {
    match name {
        ObjectPropName::String(literal) => &literal.value,
        ObjectPropName::Word(literal) => literal.value,
    }
}

/// The string literal at `literal` (quotes included) as an excerpt of what it stands for.
fn decode(file: &Arc<Excerpt>, literal: Span) -> Option<Arc<Excerpt>> {
    let inner = Span::new(literal.start + 1, literal.end.checked_sub(1)?);
    let raw = file.text().get(inner.start..inner.end)?;
    let mut text = String::new();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let rest = &raw[at..];
        let used = match rest.strip_prefix('\\') {
            None => rest.find('\\').unwrap_or(rest.len()),
            Some(escape) if escape.starts_with('u') => pair_or_single(rest),
            Some(_) => 2,
        };
        let written = raw.get(at..at + used)?;
        let meant: String = serde_json::from_str(&format!("\"{written}\"")).ok()?;
        let place = file.to_source(Span::new(inner.start + at, inner.start + at + used));
        pieces.push(Piece {
            text: text.len(),
            len: meant.len(),
            source: place.start,
            source_len: place.end - place.start,
        });
        text.push_str(&meant);
        at += used;
    }
    let span = file.to_source(inner);
    Some(Arc::new(Excerpt::mapped(file.source(), span, text, pieces, Encoding::Json)))
}

/// The length of `\uXXXX`, or of the pair of them that stands for one character.
fn pair_or_single(rest: &str) -> usize {
    let high = rest.get(2..3).is_some_and(|digit| digit.eq_ignore_ascii_case("d"));
    if high && rest.get(6..8) == Some("\\u") { 12.min(rest.len()) } else { 6.min(rest.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    #[test]
    fn packages_of_a_workspace() {
        let file = |text: &str| Arc::new(Excerpt::whole(&Source::new("x", text)));
        assert_eq!(
            workspaces(&file(r#"{"workspaces": ["./apps/*", "tools/cli/"]}"#)),
            ["apps/*", "tools/cli"]
        );
        assert_eq!(workspaces(&file(r#"{"workspaces": {"packages": ["apps/*"]}}"#)), ["apps/*"]);
        assert_eq!(workspaces(&file(r#"{"name": "x"}"#)), Vec::<String>::new());
        assert_eq!(pnpm_workspaces(&file("packages:\n  - 'apps/*'\n  - tools/**\n")), ["apps/*", "tools/**"]);
    }

    #[test]
    fn a_script_is_found_with_its_place() {
        let text = r#"{"name": "x", "scripts": {"start": "node \"a b\" \u00e9 x", "prestart": "y"}}"#;
        let source = Source::new("package.json", text);
        let file = Arc::new(Excerpt::whole(&source));
        let start = script(&file, "start").unwrap();
        assert_eq!(start.text(), "node \"a b\" é x");
        let edit = start.edit(Span::at(0), "exec ").unwrap();
        assert_eq!(&text[edit.span.start..][..4], "node");
        assert!(!runs_alone(&start));
        assert!(runs_alone(&script(&file, "prestart").unwrap()));
        assert!(script(&file, "missing").is_none());
    }
}
