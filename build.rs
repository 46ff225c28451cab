//! Writes what stands in `rules/` as Rust: of the tables each row as JSON, and which rows a name has; of the rules what is known of them. People
//! write TOML; reading that at every start would take longer than checking a Dockerfile, which needs a few of the rows.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::path::Path;
use std::{env, fs};

use toml::{Table, Value};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=rules");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    let table = |name| -> Result<Table, Box<dyn Error>> {
        Ok(toml::from_str(&fs::read_to_string(format!("rules/{name}.toml"))?)?)
    };
    fs::write(out.join("programs.rs"), written(table("programs")?, "program")?)?;
    fs::write(out.join("images.rs"), written(table("images")?, "image")?)?;
    fs::write(out.join("modules.json"), serde_json::to_string(&table("modules")?)?)?;
    fs::write(out.join("rules.rs"), rules()?)?;
    Ok(())
}

/// Every rule's document as a `rules::RuleInfo`, by name.
fn rules() -> Result<String, Box<dyn Error>> {
    let mut infos = BTreeMap::new();
    for entry in fs::read_dir("rules")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_stem().and_then(OsStr::to_str).ok_or("a rule's name is text")?.to_owned();
            let info =
                info(&name, &fs::read_to_string(&path)?).map_err(|error| format!("{name}: {error}"))?;
            infos.insert(name, info);
        }
    }
    Ok(format!("&[\n{}]", infos.into_values().collect::<String>()))
}

/// A rule's document, whose front matter is the only place where these facts stand.
fn info(name: &str, document: &str) -> Result<String, Box<dyn Error>> {
    let document = document.replace("\r\n", "\n");
    let parts = document.strip_prefix("+++\n").and_then(|rest| rest.split_once("\n+++\n"));
    let (front, document) = parts.ok_or("a document begins with its front matter")?;
    let mut front: Table = toml::from_str(front)?;
    let mut fact = |key: &str| match front.remove(key) {
        Some(Value::String(fact)) => Ok(fact),
        _ => Err(format!("`{key}` is missing, or is no string")),
    };
    let (summary, severity, fix, since) = (fact("summary")?, fact("severity")?, fact("fix")?, fact("since")?);
    let severity = match severity.as_str() {
        "info" => "Info",
        "warning" => "Warning",
        "error" => "Error",
        _ => return Err(format!("there is no severity `{severity}`").into()),
    };
    if let Some(key) = front.keys().next() {
        return Err(format!("nobody asks for `{key}`").into());
    }
    let document = document.trim_start();
    Ok(format!(
        "RuleInfo {{ name: {name:?}, summary: {summary:?}, severity: Severity::{severity}, fix: {fix:?}, since: {since:?}, document: {document:?} }},\n"
    ))
}

/// A table as the fields of `programs::shipped::Table`; its rows are below `key`.
fn written(mut table: Table, key: &str) -> Result<String, Box<dyn Error>> {
    let rows = table.remove(key).unwrap_or(Value::Array(Vec::new()));
    let rows = rows.as_array().ok_or("rows are an array of tables")?;
    let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        for name in row.get("names").and_then(Value::as_array).into_iter().flatten() {
            names.entry(name.as_str().ok_or("a name is a string")?).or_default().push(index);
        }
    }
    let rows = rows.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    let listed = |is_pattern| -> String {
        let wanted = names.iter().filter(|(name, _)| name.contains('*') == is_pattern);
        wanted.map(|(name, rows)| format!("({name:?}, &{rows:?}),\n")).collect()
    };
    let (names, patterns) = (listed(false), listed(true));
    let part = |(name, part): (&String, &Value)| Ok((name.clone(), serde_json::to_string(part)?));
    let rest = table.iter().map(part).collect::<Result<Vec<_>, serde_json::Error>>()?;
    Ok(format!(
        "Table {{\nrows: &{rows:#?},\nnames: &[\n{names}],\npatterns: &[\n{patterns}],\nrest: &{rest:#?},\n}}"
    ))
}
