//! What a file's name says.

/// What kind of file a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// `Dockerfile`, `Dockerfile.dev`, `web.Dockerfile`, `Containerfile` ...
    Dockerfile,
    /// A Dockerfile that a template engine has yet to write.
    Template,
    /// A shell script, or a package.json.
    Script,
    /// A file that may say how containers are started: Compose, Kubernetes.
    Yaml,
    /// Anything else.
    Other,
}

/// Endings of templates.
const TEMPLATES: &[&str] = &[
    "ejs",
    "epp",
    "erb",
    "esh",
    "ftl",
    "gotmpl",
    "handlebars",
    "hbs",
    "in",
    "j2",
    "jinja",
    "jinja2",
    "liquid",
    "m4",
    "mako",
    "mustache",
    "njk",
    "templ",
    "template",
    "tmpl",
    "tpl",
    "tt",
    "twig",
    "vm",
];

/// Endings of files about Dockerfiles.
const OTHERS: &[&str] = &[
    "bz2",
    "c",
    "cc",
    "class",
    "clj",
    "cpp",
    "cr",
    "cs",
    "css",
    "csv",
    "dart",
    "diff",
    "dockerignore",
    "erl",
    "ex",
    "exs",
    "gif",
    "go",
    "groovy",
    "gz",
    "h",
    "hs",
    "html",
    "ipynb",
    "jar",
    "java",
    "jpg",
    "js",
    "json",
    "jsonl",
    "jsx",
    "kt",
    "lock",
    "log",
    "lua",
    "md",
    "mdx",
    "mjs",
    "ml",
    "nix",
    "patch",
    "pdf",
    "php",
    "pl",
    "pm",
    "png",
    "ps1",
    "py",
    "pyc",
    "rb",
    "rs",
    "rst",
    "scala",
    "sha256",
    "svg",
    "swift",
    "tar",
    "tgz",
    "toml",
    "ts",
    "tsx",
    "vim",
    "xml",
    "xz",
    "zip",
    "zst",
];

/// Endings of copies that editors, git and patch leave behind.
const BACKUPS: &[&str] = &["bak", "backup", "orig", "rej", "save", "swo", "swp", "tmp"];

/// Endings of shell scripts.
const SCRIPTS: &[&str] = &["ash", "bash", "dash", "ksh", "sh", "zsh"];

/// What the name of a file, without its folder, says.
pub fn name(name: &str) -> Name {
    let lower = name.to_lowercase();
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_dockerfile = ["dockerfile", "containerfile"].iter().any(|word| {
        lower.starts_with(word) || lower.strip_suffix(word).is_some_and(|before| before.ends_with('.'))
    });
    if lower.ends_with(['~', '#']) || BACKUPS.contains(&ending) {
        Name::Other
    } else if SCRIPTS.contains(&ending) || lower == "package.json" {
        Name::Script
    } else if matches!(ending, "yaml" | "yml") {
        Name::Yaml
    } else if !is_dockerfile || OTHERS.contains(&ending) {
        Name::Other
    } else if TEMPLATES.contains(&ending) || lower.ends_with("-template") {
        Name::Template
    } else {
        Name::Dockerfile
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, name};

    #[test]
    fn names() {
        for dockerfile in [
            "Dockerfile",
            "dockerfile",
            "DOCKERFILE",
            "Dockerfile.dev",
            "Dockerfile-prod",
            "Dockerfile_x86",
            "Dockerfile2",
            "DockerfileDev",
            "web.Dockerfile",
            "web.dockerfile",
            "Containerfile",
            "Containerfile.rhel",
            "x.Containerfile",
            "Dockerfile.node-20.1",
            "Dockerfile.é",
            "Dockerfile.alpine",
        ] {
            assert_eq!(name(dockerfile), Name::Dockerfile, "{dockerfile}");
        }
        for template in [
            "Dockerfile.j2",
            "Dockerfile.tmpl",
            "Dockerfile.template",
            "Dockerfile-template",
            "Dockerfile.prod.erb",
            "Dockerfile.esh",
        ] {
            assert_eq!(name(template), Name::Template, "{template}");
        }
        for script in ["run.sh", "RUN.SH", "a.bash", "package.json", "Dockerfile.sh"] {
            assert_eq!(name(script), Name::Script, "{script}");
        }
        for yaml in ["compose.yaml", "docker-compose.prod.yml", "deployment.yaml", "Dockerfile.yaml"] {
            assert_eq!(name(yaml), Name::Yaml, "{yaml}");
        }
        for other in [
            "",
            "main.rs",
            "Dockerfile.dockerignore",
            "Dockerfile~",
            "#Dockerfile#",
            ".Dockerfile.swp",
            "Dockerfile.orig",
            "Dockerfile.j2.bak",
            "Dockerfile.md",
            "Dockerfile.go",
            "Dockerfile.py",
            "dockerfile.ex",
            "dockerfile.tar",
            "mydockerfile",
            "dockerfile.json",
        ] {
            assert_eq!(name(other), Name::Other, "{other}");
        }
    }
}
