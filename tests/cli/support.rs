//! A temporary project, and pidone run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;
use tempfile::TempDir;

/// A Dockerfile with nothing to say about.
pub(super) const GOOD: &str = "FROM node:20-bookworm-slim\nCMD [\"node\", \"server.js\"]\n";
/// A Dockerfile with one finding, `shell-form`, on its last line.
pub(super) const SHELL_FORM: &str = "FROM node:20-bookworm-slim\nWORKDIR /app\nCMD node server.js\n";
/// The same, repaired.
pub(super) const SHELL_FORM_FIXED: &str =
    "FROM node:20-bookworm-slim\nWORKDIR /app\nCMD [\"node\", \"server.js\"]\n";
/// A Dockerfile that starts `run.sh`.
pub(super) const STARTS_SCRIPT: &str =
    "FROM node:20-bookworm-slim\nCOPY run.sh /\nENTRYPOINT [\"/run.sh\"]\n";
/// A script with one finding, `missing-exec`, on its last line.
pub(super) const SCRIPT: &str = "#!/bin/sh\nset -e\nmkdir -p /data\nnode server.js\n";
/// The same, repaired.
pub(super) const SCRIPT_FIXED: &str = "#!/bin/sh\nset -e\nmkdir -p /data\nexec node server.js\n";

pub(super) struct Project {
    folder: TempDir,
}

impl Project {
    /// A folder under git with these files; scripts may be executed.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let project = Self::without_git(files);
        fs::create_dir(project.path(".git")).unwrap();
        project
    }

    pub(super) fn without_git(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        for (name, text) in files {
            project.write(name, text.as_bytes());
        }
        project
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: impl AsRef<Path>, text: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        if text.starts_with(b"#!") {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub(super) fn read(&self, name: &str) -> String {
        String::from_utf8(fs::read(self.path(name)).unwrap()).unwrap()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin("pidone"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::new(self.command(arguments).output().unwrap())
    }

    /// With `text` on standard input.
    pub(super) fn run_with(&self, arguments: &[&str], text: &str) -> Run {
        use std::io::Write;
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Run::new(child.wait_with_output().unwrap())
    }

    /// The findings of `pidone check --output-format json`, as `path:line rule`.
    pub(super) fn findings(&self, arguments: &[&str]) -> Vec<String> {
        let run = self.run(&[&["check", "--output-format", "json"], arguments].concat());
        let report = run.json();
        report["diagnostics"].as_array().unwrap().iter().map(finding).collect()
    }
}

fn finding(diagnostic: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = &diagnostic["range"]["start"]["line"];
    format!("{}:{line} {}", text(&diagnostic["path"]), text(&diagnostic["rule"]))
}

/// What a run left behind.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Run {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let run =
            Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        run
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}
