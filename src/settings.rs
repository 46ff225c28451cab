//! What a check is asked to do. Plain data: `config` makes it of a file and the command line.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::diagnostic::Severity;
use crate::programs::Tables;

/// What a check of one Dockerfile is asked to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Also say what the model could not tell.
    pub pedantic: bool,
    /// Apply fixes that may change something else, too.
    pub unsafe_fixes: bool,
    /// Only findings that touch one of these files are fixed; empty: all.
    pub only: Vec<Utf8PathBuf>,
    /// What is known of programs and base images.
    pub tables: Arc<Tables>,
    /// When repairs may put an init in front.
    pub init: InitPolicy,
    /// Which rules count, and how much.
    pub rules: RuleSettings,
    /// The build context, relative to the project's root; `None` where it is to be worked out.
    pub context: Option<Utf8PathBuf>,
    /// The least severity that fails a run.
    pub fail_on: Severity,
    /// Findings that are known, and neither reported nor repaired.
    pub baseline: Option<Arc<Baseline>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pedantic: false,
            unsafe_fixes: false,
            only: Vec::new(),
            tables: Arc::clone(Tables::builtin()),
            init: InitPolicy::default(),
            rules: RuleSettings::default(),
            context: None,
            fail_on: Severity::Warning,
            baseline: None,
        }
    }
}

/// When a repair may put an init (tini, dumb-init) in front of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InitPolicy {
    /// Where the service cannot do without one.
    #[default]
    WhenNeeded,
    /// Nowhere.
    Never,
    /// In front of every service; an image without one is reported.
    Always,
}

/// Which rules count, and how much. All of them, unless a layer says otherwise.
#[derive(Debug, Clone, Default)]
pub struct RuleSettings {
    layers: Vec<Layer>,
}

/// What one place says of rules: a table of the configuration, or the command line. Later layers win.
#[derive(Clone, Default)]
pub struct Layer {
    /// The files that it is about; `None` for all.
    pub paths: Option<PathFilter>,
    /// These and no others.
    pub select: Option<Vec<String>>,
    /// Not these.
    pub ignore: Vec<String>,
    /// How much their findings matter.
    pub severity: BTreeMap<String, Severity>,
}

/// Says which files of the project a layer is about.
pub type PathFilter = Arc<dyn Fn(&Utf8Path) -> bool + Send + Sync>;

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("paths", &self.paths.as_ref().map(|_| "..."))
            .field("select", &self.select)
            .field("ignore", &self.ignore)
            .field("severity", &self.severity)
            .finish()
    }
}

impl RuleSettings {
    /// The rules that these layers leave.
    pub fn new(layers: Vec<Layer>) -> Self {
        Self { layers }
    }

    /// Whether findings of a rule in a file count.
    pub fn is_on(&self, rule: &str, path: &Utf8Path) -> bool {
        let names = |rules: &[String]| rules.iter().any(|name| name == rule);
        let mut on = true;
        // What is ignored in some files stays so, whatever is selected for all of them later.
        let mut ignored_here = false;
        for layer in self.layers.iter().filter(|layer| layer.is_about(path)) {
            if let Some(select) = &layer.select {
                on = names(select) && !(ignored_here && layer.paths.is_none());
            }
            if names(&layer.ignore) {
                on = false;
                ignored_here |= layer.paths.is_some();
            }
        }
        on
    }

    /// How much findings of a rule in a file matter, where that is not left to the rule.
    pub fn severity(&self, rule: &str, path: &Utf8Path) -> Option<Severity> {
        let about = self.layers.iter().filter(|layer| layer.is_about(path));
        about.filter_map(|layer| layer.severity.get(rule)).next_back().copied()
    }
}

impl Layer {
    /// True if it asks for a rule by its name.
    pub fn names(&self, rule: &str) -> bool {
        self.select.iter().flatten().any(|name| name == rule) || self.severity.contains_key(rule)
    }

    fn is_about(&self, path: &Utf8Path) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(below: Option<&'static str>, select: Option<&[&str]>, ignore: &[&str]) -> Layer {
        let own = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let paths =
            below.map(|below| -> PathFilter { Arc::new(move |path: &Utf8Path| path.starts_with(below)) });
        Layer { paths, select: select.map(own), ignore: own(ignore), severity: BTreeMap::new() }
    }

    #[test]
    fn later_layers_win() {
        let rules = RuleSettings::new(vec![
            layer(None, Some(&["a", "b"]), &["b"]),
            layer(Some("x"), Some(&["b"]), &[]),
            layer(Some("y"), None, &["a"]),
        ]);
        let on = |rules: &RuleSettings, path: &str| -> Vec<&str> {
            ["a", "b", "c"].into_iter().filter(|rule| rules.is_on(rule, path.into())).collect()
        };
        assert_eq!(on(&rules, "f"), ["a"]);
        assert_eq!(on(&rules, "x/f"), ["b"]);
        assert_eq!(on(&rules, "y/f"), [""; 0]);

        let mut layers = rules.layers;
        layers.push(layer(None, Some(&["a", "c"]), &["c"]));
        let rules = RuleSettings::new(layers);
        assert_eq!(on(&rules, "f"), ["a"], "the command line counts more than the configuration");
        assert_eq!(on(&rules, "y/f"), [""; 0], "but what a path ignores stays ignored");
    }
}
