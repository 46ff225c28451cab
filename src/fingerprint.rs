//! What a finding is recognised by in a later run: it stays the same when lines are added above or indented.

use std::collections::HashMap;
use std::hash::Hasher;

use fnv::FnvHasher;

use crate::diagnostic::Diagnostic;

/// One fingerprint for each finding, in their order; no two are equal. Made of the rule, the path, and the code at the place with
/// its white space evened out; of findings that have all of these in common, the second one has another fingerprint than the first.
pub fn of<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<String> {
    let mut seen: HashMap<(&str, &str, String), u64> = HashMap::new();
    diagnostics
        .into_iter()
        .map(|diagnostic| {
            let (rule, path, code) =
                (diagnostic.rule, diagnostic.place.source.path().as_str(), code(diagnostic));
            let alike = seen.entry((rule, path, code.clone())).or_default();
            *alike += 1;
            format!("{:016x}", hash(&[rule, path, &code, &alike.to_string()]))
        })
        .collect()
}

/// The code at the place, or that of its line where the place is a point.
fn code(diagnostic: &Diagnostic) -> String {
    let place = &diagnostic.place;
    let text = match place.text() {
        "" => place.source.slice(place.source.line_span(place.line())),
        text => text,
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// FNV-1a, which is the same on every machine and in every version.
fn hash(parts: &[&str]) -> u64 {
    let mut hasher = FnvHasher::default();
    for part in parts {
        hasher.write(part.as_bytes());
        // What no part contains, so that no two lists of parts look the same.
        hasher.write(&[0xff]);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::{Place, Source, Span};

    /// The fingerprint of a finding at every `needle` of a file.
    fn fingerprints(rule: &'static str, path: &str, text: &str, needle: &str) -> Vec<String> {
        let source = Source::new(path, text);
        let found = text.match_indices(needle).map(|(at, _)| Diagnostic {
            rule,
            severity: Severity::Error,
            message: String::new(),
            help: None,
            chain: Vec::new(),
            place: Place::new(&source, Span::new(at, at + needle.len())),
            label: String::new(),
            outcome: None,
            image: None,
            related: Vec::new(),
            fix: None,
        });
        of(&found.collect::<Vec<_>>())
    }

    #[test]
    fn moving_and_indenting_change_nothing() {
        let first = fingerprints("r", "a.sh", "node server.js\n", "node server.js");
        assert_eq!(first, ["c15fa219abf3ceb8"], "other tools have stored it: it must not change");
        assert_eq!(
            first,
            fingerprints("r", "a.sh", "# new\nif x; then\n\tnode server.js\n", "node server.js")
        );
        assert_eq!(first, fingerprints("r", "a.sh", "node  server.js\n", "node  server.js"));
    }

    #[test]
    fn what_differs_is_told_apart() {
        let text = "node a\nnode b\nnode a\n";
        let mut all = fingerprints("r", "a.sh", text, "node a");
        all.extend(fingerprints("r", "a.sh", text, "node b"));
        all.extend(fingerprints("r", "b.sh", text, "node a"));
        all.extend(fingerprints("s", "a.sh", text, "node a"));
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!((count, all.len()), (7, 7));
        let point = fingerprints("r", "a.sh", "x\n", "");
        assert_eq!(point.len(), 3, "places without text have fingerprints too");
    }
}
