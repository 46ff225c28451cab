//! Writes the tables of `rules/` as Rust: each row as JSON, and which rows a name has. People write TOML; reading that at every start would
//! take longer than checking a Dockerfile, which needs a few of the rows.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

use toml::{Table, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    for (name, key) in [("programs", "program"), ("images", "image")] {
        let path = format!("rules/{name}.toml");
        println!("cargo::rerun-if-changed={path}");
        let table: Table = toml::from_str(&fs::read_to_string(path)?)?;
        fs::write(Path::new(&out).join(format!("{name}.rs")), written(table, key)?)?;
    }
    Ok(())
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
    let rest = serde_json::to_string(&table)?;
    Ok(format!(
        "Table {{\nrows: &{rows:#?},\nnames: &[\n{names}],\npatterns: &[\n{patterns}],\nrest: {rest:?},\n}}"
    ))
}
