//! The keys of `pidone.toml`, and their JSON schema.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};
use toml::Spanned;

use crate::diagnostic::Severity;
use crate::rules;
use crate::settings::{InitPolicy, Layer, PathFilter};

/// Configuration of pidone. Patterns are written as in .gitignore and count from the folder of this file.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(title = "pidone.toml")]
pub(super) struct ConfigFile {
    /// Another configuration file to start from, relative to this one. What stands here counts more.
    #[schemars(with = "Option<String>")]
    pub(super) extend: Option<Spanned<String>>,
    /// These rules and no others. Default: all.
    pub(super) select: Option<Vec<RuleName>>,
    /// Not these rules.
    pub(super) ignore: Vec<RuleName>,
    /// How much findings of a rule matter, where that is not left to the rule.
    pub(super) severity: BTreeMap<RuleName, Severity>,
    /// The least severity that makes the exit code 1. Default: warning.
    pub(super) fail_on: Option<Severity>,
    /// When repairs may put an init in front of a service. Default: when-needed.
    pub(super) init: Option<InitPolicy>,
    /// Files and folders that are not searched for Dockerfiles.
    pub(super) exclude: Vec<Pattern>,
    /// Files that are Dockerfiles although their names do not tell.
    pub(super) dockerfiles: Vec<Pattern>,
    /// What is different for some files. Where several apply, the last one wins.
    #[serde(rename = "override")]
    pub(super) overrides: Vec<Override>,
    /// How programs treat signals, in the form of pidone's own table rules/programs.toml. These rows win.
    program: Vec<Row>,
    /// What base images start, in the form of pidone's own table rules/images.toml. These rows win.
    image: Vec<Row>,
}

/// What is different for some files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Override {
    /// The files: Dockerfiles, and scripts that they start.
    pub(super) paths: Vec<Pattern>,
    /// These rules and no others.
    select: Option<Vec<RuleName>>,
    /// Not these rules.
    #[serde(default)]
    ignore: Vec<RuleName>,
    /// How much findings of a rule matter.
    #[serde(default)]
    severity: BTreeMap<RuleName, Severity>,
    /// For Dockerfiles: the folder that is sent to the build, relative to the folder of this file.
    #[schemars(with = "Option<String>")]
    pub(super) context: Option<Spanned<String>>,
}

/// Reads a string as something else. What is wrong is said while the string is read, so that the error points to it.
struct Text<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// The name of a rule that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RuleName(&'static str);

impl<'de> Deserialize<'de> for RuleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|name| rules::named(name).map(|rule| Self(rule.name))))
    }
}

impl JsonSchema for RuleName {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |rule: &rules::RuleInfo| json_schema!({ "const": rule.name, "description": rule.summary });
        json_schema!({ "oneOf": rules::all().iter().map(one).collect::<Vec<_>>() })
    }
}

/// A line as in .gitignore.
#[derive(Debug, Clone, JsonSchema)]
pub(super) struct Pattern(String);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(|line| match GitignoreBuilder::new("").add_line(None, line) {
            Ok(_) => Ok(Self(line.to_owned())),
            Err(error) => Err(format!("this is no pattern as in .gitignore: {error}")),
        }))
    }
}

/// A row of the tables; [`crate::programs`] reads it.
#[derive(Debug, Deserialize)]
struct Row(#[allow(dead_code, reason = "only whether there is one counts here")] IgnoredAny);

impl JsonSchema for Row {
    fn schema_name() -> Cow<'static, str> {
        "Row".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

impl ConfigFile {
    /// What it says of rules for all files.
    pub(super) fn layer(&self) -> Layer {
        layer(None, self.select.as_deref(), &self.ignore, &self.severity)
    }

    /// Whether it adds to the tables.
    pub(super) fn has_rows(&self) -> bool {
        !self.program.is_empty() || !self.image.is_empty()
    }
}

impl Override {
    /// What it says of rules for its files.
    pub(super) fn layer(&self, paths: PathFilter) -> Layer {
        layer(Some(paths), self.select.as_deref(), &self.ignore, &self.severity)
    }
}

fn layer(
    paths: Option<PathFilter>,
    select: Option<&[RuleName]>,
    ignore: &[RuleName],
    severity: &BTreeMap<RuleName, Severity>,
) -> Layer {
    let names = |rules: &[RuleName]| rules.iter().map(|rule| rule.0.to_owned()).collect();
    Layer {
        paths,
        select: select.map(names),
        ignore: names(ignore),
        severity: severity.iter().map(|(rule, severity)| (rule.0.to_owned(), *severity)).collect(),
    }
}

/// Patterns as one.
pub(super) fn matcher<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Gitignore {
    let mut builder = GitignoreBuilder::new("");
    for Pattern(line) in patterns {
        // Each has been read once before.
        let _ = builder.add_line(None, line);
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// The JSON schema of the file, for editors.
pub fn schema() -> String {
    let schema = schemars::schema_for!(ConfigFile);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
