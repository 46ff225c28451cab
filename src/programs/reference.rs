//! Image references, as FROM writes them.

/// A reference in parts, in lower case where the parts are case-insensitive. What a variable stands for is not known: it is kept as
/// [`UNKNOWN`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The repository: without registry for Docker Hub, without `library/` for official images, else with its host.
    pub(super) repository: String,
    /// The tag; `latest` where neither tag nor digest is given, `None` with a digest alone.
    pub(super) tag: Option<String>,
}

/// Stands for the text of a variable.
pub(super) const UNKNOWN: char = '\u{0}';

/// Registries that serve Docker Hub's official images under this path.
const OFFICIAL: [&str; 6] = [
    "docker.io/library/",
    "index.docker.io/library/",
    "registry-1.docker.io/library/",
    "public.ecr.aws/docker/library/",
    "mirror.gcr.io/library/",
    "registry.hub.docker.com/library/",
];

/// Official images for one architecture.
const ARCHITECTURES: [&str; 11] = [
    "amd64/",
    "arm32v5/",
    "arm32v6/",
    "arm32v7/",
    "arm64v8/",
    "armhf/",
    "i386/",
    "mips64le/",
    "ppc64le/",
    "riscv64/",
    "s390x/",
];

/// Other ways to write Docker Hub.
const HUB: [&str; 5] =
    ["docker.io/", "index.docker.io/", "registry-1.docker.io/", "registry.hub.docker.com/", "mirror.gcr.io/"];

impl Reference {
    pub(super) fn parse(text: &str) -> Self {
        let text = blank_variables(text.trim());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text.as_str(), None),
        };
        // A colon before the last slash belongs to the registry's port.
        let start = name.rfind('/').map_or(0, |slash| slash + 1);
        let (repository, tag) = match name[start..].rfind(':') {
            Some(colon) => (&name[..start + colon], Some(name[start + colon + 1..].to_owned())),
            None => (name, None),
        };
        let tag =
            tag.or_else(|| (digest.is_none() && !repository.ends_with(UNKNOWN)).then(|| "latest".to_owned()));
        Reference {
            repository: canonical(&repository.to_ascii_lowercase()),
            tag: tag.map(|tag| tag.to_ascii_lowercase()),
        }
    }

    /// Whether the tag is known as a whole.
    pub(super) fn has_known_tag(&self) -> bool {
        self.tag.as_ref().is_some_and(|tag| !tag.contains(UNKNOWN))
    }
}

fn canonical(repository: &str) -> String {
    if let Some(name) = OFFICIAL.iter().find_map(|prefix| repository.strip_prefix(prefix)) {
        return name.to_owned();
    }
    let name = HUB.iter().find_map(|prefix| repository.strip_prefix(prefix)).unwrap_or(repository);
    if let Some(name) = ARCHITECTURES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        return name.to_owned();
    }
    // A proxy of Docker Hub: `registry.example.com/hub/library/node`.
    match name.rsplit_once("library/") {
        Some((proxy, official)) if !official.contains('/') && (proxy.is_empty() || proxy.ends_with('/')) => {
            official.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Replaces `$NAME` and `${NAME...}` by [`UNKNOWN`]; a default (`${NAME:-value}`) is not taken, as ARG may override it.
fn blank_variables(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        blanked.push_str(&rest[..dollar]);
        blanked.push(UNKNOWN);
        rest = &rest[dollar + 1..];
        rest = match rest.strip_prefix('{') {
            Some(braced) => braced.find('}').map_or("", |end| &braced[end + 1..]),
            None => rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_'),
        };
    }
    blanked + rest
}

/// Whether a text is what a pattern describes, in which `*` stands for any text. [`UNKNOWN`] is matched by `*` alone.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let Some((middle, end)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    if end.is_empty() && !middle.contains('*') {
        return text.contains(middle);
    }
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (text, repository, tag) in [
            ("node", "node", Some("latest")),
            ("node:20-slim", "node", Some("20-slim")),
            ("Docker.io/library/Node:20", "node", Some("20")),
            ("public.ecr.aws/docker/library/node:20", "node", Some("20")),
            ("registry.example.com:5000/hub/library/node:20", "node", Some("20")),
            ("library/node", "node", Some("latest")),
            ("docker.io/bitnami/redis", "bitnami/redis", Some("latest")),
            ("localhost:5000/team/node", "localhost:5000/team/node", Some("latest")),
            ("mylibrary/node", "mylibrary/node", Some("latest")),
            ("node@sha256:abc", "node", None),
            ("node:20@sha256:abc", "node", Some("20")),
            ("node:${V}-alpine", "node", Some("\0-alpine")),
            ("node:$V", "node", Some("\0")),
            ("node:${V:-20}", "node", Some("\0")),
            ("${BASE}", "\0", None),
            ("$REGISTRY/library/node:20", "node", Some("20")),
            ("", "", Some("latest")),
            ("${", "\0", None),
        ] {
            let reference = Reference::parse(text);
            assert_eq!(
                (reference.repository.as_str(), reference.tag.as_deref()),
                (repository, tag),
                "{text}"
            );
        }
    }

    #[test]
    fn globs() {
        assert!(glob("*alpine*", "20-alpine3.20"));
        assert!(glob("8*", "8u342-jdk"));
        assert!(glob("*", ""));
        assert!(glob("fpm", "fpm"));
        assert!(glob("a*b", "ab"));
        assert!(!glob("a*ab", "ab"));
        assert!(!glob("8*", "\u{0}-8"));
        assert!(!glob("*-debug", "debug"));
    }
}
