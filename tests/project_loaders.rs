//! The loaders: what can be read, and what must not be.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, Mutex};

use camino::{Utf8Path, Utf8PathBuf};
use pidone::Settings;
use pidone::source::{
    DiskLoader, EntryKind, Loader, MAX_FILE_SIZE, MemoryLoader, OverlayLoader, ReadError, Snapshot, Source,
};
use tempfile::TempDir;

fn path(path: &str) -> &Utf8Path {
    Utf8Path::new(path)
}

/// `outside/secret.sh` beside a project in `project/`.
fn project() -> (TempDir, DiskLoader) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("outside")).unwrap();
    fs::create_dir_all(dir.path().join("project/bin")).unwrap();
    fs::write(dir.path().join("outside/secret.sh"), "secret").unwrap();
    fs::write(dir.path().join("project/bin/run.sh"), "run").unwrap();
    let loader = DiskLoader::new(dir.path().join("project")).unwrap();
    (dir, loader)
}

#[test]
fn reads_the_disk() {
    let (_dir, loader) = project();
    let source = loader.read(path("bin/run.sh")).unwrap();
    assert_eq!((source.path(), source.text()), (path("bin/run.sh"), "run"));
    assert_eq!(loader.kind(path("bin/run.sh")), Some(EntryKind::File));
    assert_eq!(loader.kind(path("bin")), Some(EntryKind::Directory));
    assert_eq!(loader.kind(path("")), Some(EntryKind::Directory));
    assert_eq!(loader.kind(path("nothing")), None);
    assert_eq!(loader.list(path("")), ["bin"]);
    assert_eq!(loader.list(path("bin")), ["run.sh"]);
    assert!(loader.list(path("bin/run.sh")).is_empty());
    assert!(matches!(loader.read(path("nothing")), Err(ReadError::NotFound)));
    assert!(matches!(loader.read(path("bin/run.sh/x")), Err(ReadError::NotFound)));
    assert!(matches!(loader.read(path("bin")), Err(ReadError::NotAFile)));
}

#[test]
fn reads_modes() {
    let (dir, loader) = project();
    let file = dir.path().join("project/bin/run.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    // Where no file beside it may be executed, modes say nothing.
    assert_eq!(loader.executable(path("bin/run.sh")), None);
    let other = dir.path().join("project/bin/other.sh");
    fs::write(&other, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    for (mode, executable) in [(0o644, false), (0o755, true), (0o700, true)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(loader.executable(path("bin/run.sh")), Some(executable), "{mode:o}");
    }
    assert_eq!(loader.executable(path("bin")), None);
    assert_eq!(loader.executable(path("nothing")), None);
}

#[test]
fn stays_inside() {
    let (dir, loader) = project();
    let project = dir.path().join("project");
    symlink("../outside/secret.sh", project.join("file")).unwrap();
    symlink(dir.path().join("outside"), project.join("folder")).unwrap();
    symlink("file", project.join("twice")).unwrap();
    symlink("../bin/../../outside/secret.sh", project.join("bin/winding")).unwrap();
    for escape in [
        "file",
        "folder/secret.sh",
        "folder",
        "twice",
        "bin/winding",
        "../outside/secret.sh",
        "bin/../../outside/secret.sh",
        "/etc/passwd",
    ] {
        let escape = path(escape);
        assert!(matches!(loader.read(escape), Err(ReadError::Outside)), "{escape}");
        assert_eq!(loader.kind(escape), None, "{escape}");
        assert_eq!(loader.executable(escape), None, "{escape}");
        assert!(loader.list(escape).is_empty(), "{escape}");
    }
}

#[test]
fn follows_links_inside() {
    let (dir, loader) = project();
    let project = dir.path().join("project");
    symlink("bin/run.sh", project.join("start")).unwrap();
    symlink(project.join("bin"), project.join("scripts")).unwrap();
    assert_eq!(loader.read(path("start")).unwrap().text(), "run");
    assert_eq!(loader.read(path("scripts/run.sh")).unwrap().path(), "scripts/run.sh");
    assert_eq!(loader.kind(path("scripts")), Some(EntryKind::Directory));
    // The root itself may be reached through a link.
    symlink("project", dir.path().join("link")).unwrap();
    let loader = DiskLoader::new(dir.path().join("link")).unwrap();
    assert_eq!(loader.read(path("start")).unwrap().text(), "run");
}

#[test]
fn refuses_what_is_no_text_file() {
    let (dir, loader) = project();
    let project = dir.path().join("project");
    fs::write(project.join("latin1"), b"caf\xe9").unwrap();
    fs::write(project.join("elf"), b"\x7fELF\xff").unwrap();
    fs::File::create(project.join("huge")).unwrap().set_len(MAX_FILE_SIZE + 1).unwrap();
    nix::unistd::mkfifo(&project.join("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    symlink("loop", project.join("loop")).unwrap();
    symlink("nothing", project.join("dangling")).unwrap();
    assert!(matches!(loader.read(path("latin1")), Err(ReadError::NotText)));
    assert!(matches!(loader.read(path("elf")), Err(ReadError::NotText)));
    assert!(matches!(loader.read(path("huge")), Err(ReadError::TooLarge(_))));
    assert!(matches!(loader.read(path("fifo")), Err(ReadError::NotAFile)));
    assert!(matches!(loader.read(path("loop")), Err(ReadError::Io(_))));
    assert!(matches!(loader.read(path("dangling")), Err(ReadError::NotFound)));
    assert!(matches!(loader.read(path("a\0b")), Err(ReadError::Io(_))));
    assert_eq!(loader.kind(path("fifo")), None);
    assert_eq!(loader.kind(path("loop")), None);
}

#[test]
fn reads_memory() {
    let mut loader = MemoryLoader::new().with("Dockerfile", "FROM a").with("bin/a-b", "").with("bin.sh", "");
    loader.insert("bin/run.sh", "run", Some(true));
    assert_eq!(loader.read(path("bin/run.sh")).unwrap().text(), "run");
    assert!(matches!(loader.read(path("bin")), Err(ReadError::NotAFile)));
    assert!(matches!(loader.read(path("bi")), Err(ReadError::NotFound)));
    assert_eq!(loader.kind(path("bin")), Some(EntryKind::Directory));
    assert_eq!(loader.kind(path("")), Some(EntryKind::Directory));
    assert_eq!(loader.kind(path("bin.sh")), Some(EntryKind::File));
    assert_eq!(loader.kind(path("bi")), None);
    assert_eq!(loader.list(path("")), ["Dockerfile", "bin", "bin.sh"]);
    assert_eq!(loader.list(path("bin")), ["a-b", "run.sh"]);
    assert_eq!(loader.executable(path("bin/run.sh")), Some(true));
    assert_eq!(loader.executable(path("Dockerfile")), None);
}

#[test]
fn overlays() {
    let mut under = MemoryLoader::new().with("a", "old").with("b", "b");
    under.insert("run.sh", "old", Some(true));
    let mut loader = OverlayLoader::new(&under);
    loader.insert(Source::new("a", "new"));
    loader.insert(Source::new("c/d", "made"));
    loader.insert(Source::new("run.sh", "new"));
    assert_eq!(loader.read(path("a")).unwrap().text(), "new");
    assert_eq!(loader.read(path("b")).unwrap().text(), "b");
    assert_eq!(loader.read(path("c/d")).unwrap().text(), "made");
    assert_eq!(loader.kind(path("c")), Some(EntryKind::Directory));
    assert_eq!(loader.list(path("")), ["a", "b", "c", "run.sh"]);
    assert_eq!(loader.executable(path("run.sh")), Some(true));
    assert_eq!(under.read(path("a")).unwrap().text(), "old");
}

/// Counts how often each file is read.
struct Counting {
    files: MemoryLoader,
    reads: Mutex<BTreeMap<Utf8PathBuf, usize>>,
}

impl Loader for Counting {
    fn read(&self, path: &Utf8Path) -> Result<Arc<Source>, ReadError> {
        *self.reads.lock().unwrap().entry(path.to_owned()).or_default() += 1;
        self.files.read(path)
    }

    fn kind(&self, path: &Utf8Path) -> Option<EntryKind> {
        self.files.kind(path)
    }

    fn list(&self, path: &Utf8Path) -> Vec<String> {
        self.files.list(path)
    }

    fn executable(&self, path: &Utf8Path) -> Option<bool> {
        self.files.executable(path)
    }
}

#[test]
fn a_snapshot_reads_each_file_once_and_no_other() {
    let mut files = MemoryLoader::new()
        .with("start.sh", "#!/bin/sh\n. /lib.sh\nserver\n")
        .with("lib.sh", "ulimit -n 1024\n")
        .with("package.json", "{}")
        .with("other.sh", "#!/bin/sh\n");
    for number in 0..500 {
        let text = format!(
            "FROM unknown:{number}\nCOPY . .\nCOPY --chmod=755 start.sh lib.sh /\nCMD [\"/start.sh\"]\n"
        );
        files.insert(format!("{number}.dockerfile"), text, None);
    }
    let counting = Counting { files, reads: Mutex::default() };
    let snapshot = Snapshot::new(&counting);
    for number in 0..500 {
        let report = pidone::check(path(&format!("{number}.dockerfile")), &snapshot, &Settings::default());
        // Its repair was tried, too.
        assert_eq!(report.diagnostics.len(), 1, "{number}");
        assert!(report.diagnostics[0].fix.is_some(), "{number}");
    }
    let reads = counting.reads.into_inner().unwrap();
    assert_eq!(reads.len(), 502, "{reads:?}");
    assert!(reads.values().all(|&times| times == 1), "{reads:?}");
}

#[test]
fn a_snapshot_sees_what_the_disk_has() {
    let (dir, disk) = project();
    let project = dir.path().join("project");
    symlink("../outside/secret.sh", project.join("file")).unwrap();
    symlink(project.join("bin"), project.join("scripts")).unwrap();
    let snapshot = Snapshot::new(&disk);
    for known in ["", "bin", "bin/run.sh", "scripts/run.sh", "scripts", "./bin/run.sh"] {
        let known = path(known);
        assert_eq!(snapshot.kind(known), disk.kind(known), "{known}");
        assert_eq!(snapshot.list(known), disk.list(known), "{known}");
        assert_eq!(snapshot.executable(known), disk.executable(known), "{known}");
        assert_eq!(snapshot.read(known).is_ok(), disk.read(known).is_ok(), "{known}");
    }
    for missing in ["nothing", "no/thing", "bin/run.sh/x"] {
        assert!(matches!(snapshot.read(path(missing)), Err(ReadError::NotFound)), "{missing}");
        assert_eq!(snapshot.kind(path(missing)), None, "{missing}");
    }
    for escape in ["file", "../outside/secret.sh", "/etc/passwd"] {
        assert!(matches!(snapshot.read(path(escape)), Err(ReadError::Outside)), "{escape}");
        assert_eq!(snapshot.kind(path(escape)), None, "{escape}");
    }
}
