//! Writes the tables of `rules/` as JSON. People write TOML; reading that at every start would take longer than checking a Dockerfile.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let out = env::var("OUT_DIR")?;
    for name in ["programs", "images"] {
        let path = format!("rules/{name}.toml");
        println!("cargo::rerun-if-changed={path}");
        let table: toml::Table = toml::from_str(&fs::read_to_string(path)?)?;
        fs::write(Path::new(&out).join(format!("{name}.json")), serde_json::to_string(&table)?)?;
    }
    Ok(())
}
