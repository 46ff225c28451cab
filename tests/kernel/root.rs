//! The container's root filesystem: one tmpfs in a mount namespace of its own, the host's libraries and tools read-only
//! in it, and on top what the container says. Nothing of it is ever visible outside, and nothing is left behind.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::container::{Container, File, Shell};
use crate::programs::usual_names;
use crate::stand_in::{DECLARED, LOG, PROGRAM};

/// The usual tools of a distribution that is no Alpine; those that the host has are linked.
const TOOLS: &str = "[ awk base64 basename cat chgrp chmod chroot cmp cp cut date dd df dirname du echo egrep env expr \
     false fgrep find flock getopt grep groups head hostname id install ionice kill ln ls md5sum mkdir mkfifo mktemp mv \
     nice nohup nproc od pgrep pidof pkill prlimit printenv printf ps pwd readlink realpath rm rmdir run-parts sed seq \
     setsid sha256sum sleep sort split stat stdbuf start-stop-daemon stty sync tac tail taskset tee test timeout touch \
     tr true tty uname uniq unshare wc which whoami xargs yes";

/// What Alpine's busybox has and other builds of it may lack.
const APPLETS: &str = "flock nohup pgrep pkill printenv shuf";

/// Where the host's own programs are looked for, and shown inside.
const HOST: &str = "/.pidone/host";
const HOST_DIRS: [&str; 3] = ["/usr/bin", "/bin", "/usr/sbin"];

/// Builds the filesystem at `root`, an empty directory of the host, and says which directory the container's `/` is.
pub(crate) fn build(root: &Path, container: &Container) -> io::Result<PathBuf> {
    // Mounts made from here on stay in this namespace.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), root, Some("tmpfs"), flags, Some("mode=755"))?;
    match &container.base {
        Some(base) => installed(root, base, container),
        None => stand_ins(root, container).map(|()| root.to_owned()),
    }
}

/// Real programs: the base, and what the container writes over it.
fn installed(root: &Path, base: &Path, container: &Container) -> io::Result<PathBuf> {
    let [upper, work, all] = ["upper", "work", "all"].map(|name| root.join(name));
    for dir in [&upper, &work, &all] {
        fs::create_dir(dir)?;
    }
    let layers =
        format!("lowerdir={},upperdir={},workdir={}", base.display(), upper.display(), work.display());
    mount(Some("overlay"), &all, Some("overlay"), MsFlags::empty(), Some(layers.as_str()))?;
    mount(Some("tmpfs"), &all.join("dev"), Some("tmpfs"), MsFlags::MS_NOSUID, Some("mode=755"))?;
    devices(&all)?;
    fs::create_dir(all.join("dev/pts"))?;
    mount(
        Some("devpts"),
        &all.join("dev/pts"),
        Some("devpts"),
        MsFlags::MS_NOSUID,
        Some("newinstance,ptmxmode=0666"),
    )?;
    symlink("pts/ptmx", all.join("dev/ptmx"))?;
    fs::create_dir(all.join("dev/shm"))?;
    fs::set_permissions(all.join("dev/shm"), fs::Permissions::from_mode(0o1777))?;
    harness(&all, container)?;
    link(&all, PROGRAM, "/usr/local/bin/srv")?;
    files(&all, container)?;
    Ok(all)
}

/// The host's libraries and tools, and the programs that this one plays.
fn stand_ins(root: &Path, container: &Container) -> io::Result<()> {
    for dir in
        ["app", "dev/shm", "etc", "proc", "root", "sys", "usr/bin", "usr/local/bin", "usr/local/sbin", "var"]
    {
        fs::create_dir_all(root.join(dir))?;
    }
    for dir in ["tmp", "run", "var/tmp", "var/log", "var/run"] {
        fs::create_dir_all(root.join(dir))?;
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o1777))?;
    }
    // One directory for the system's programs, as on a merged /usr.
    for (link, to) in [("bin", "usr/bin"), ("sbin", "usr/bin"), ("usr/sbin", "bin")] {
        symlink(to, root.join(link))?;
    }
    host_libraries(root)?;
    host_programs(root)?;
    devices(root)?;
    harness(root, container)?;
    write(root, "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n", 0o644)?;
    write(root, "/etc/group", "root:x:0:\nnogroup:x:65534:\n", 0o644)?;

    tools(root, container)?;
    for name in usual_names() {
        link(root, PROGRAM, &format!("/usr/bin/{name}"))?;
        link(root, PROGRAM, &format!("/usr/local/bin/{name}"))?;
    }
    for name in container.programs.keys() {
        if name.contains('/') {
            link(root, PROGRAM, name)?;
        } else {
            link(root, PROGRAM, &format!("/usr/bin/{name}"))?;
            link(root, PROGRAM, &format!("/usr/local/bin/{name}"))?;
        }
    }
    files(root, container)
}

/// This program, its log, and which parts it plays.
fn harness(root: &Path, container: &Container) -> io::Result<()> {
    bind(&std::env::current_exe()?, &inside(root, PROGRAM))?;
    write(root, LOG, "", 0o666)?;
    write(root, DECLARED, &serde_json::to_string(&container.programs)?, 0o644)
}

/// The container's own files.
fn files(root: &Path, container: &Container) -> io::Result<()> {
    for (path, File { text, mode }) in &container.files {
        write(root, path, text, *mode)?;
    }
    fs::create_dir_all(inside(root, &container.workdir))
}

/// The path that is `path` inside.
pub(crate) fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The first of the host's directories that has the program, as a path inside the container.
fn host_program(name: &str) -> Option<String> {
    let found = HOST_DIRS.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.exists())?;
    // Alternatives (awk) lead elsewhere on the host; multi-call binaries go by the name they are called by.
    let real = found.canonicalize().ok()?;
    Some(format!("{HOST}{}", real.to_str()?))
}

/// True if the host has the program.
pub(crate) fn host_has(name: &str) -> bool {
    HOST_DIRS.iter().any(|dir| Path::new(dir).join(name).exists())
}

/// Shells, inits, tools.
fn tools(root: &Path, container: &Container) -> io::Result<()> {
    let mut links = Vec::new();
    match container.shell {
        Shell::Ash => {
            links.push(("busybox", "busybox"));
            let applets = Command::new("busybox").arg("--list").output()?.stdout;
            links.extend(APPLETS.split_ascii_whitespace().map(|name| (name, name)));
            for applet in String::from_utf8_lossy(&applets).split_ascii_whitespace() {
                link(root, "/bin/busybox", &format!("/usr/bin/{applet}"))?;
            }
        }
        Shell::Dash => links.extend([("sh", "dash"), ("dash", "dash")]),
        Shell::Bash => links.push(("sh", "bash")),
        Shell::None => {}
    }
    if !matches!(container.shell, Shell::Ash | Shell::None) {
        links.extend(TOOLS.split_ascii_whitespace().map(|name| (name, name)));
    }
    if container.bash {
        links.push(("bash", "bash"));
    }
    for name in ["tini", "dumb-init"] {
        links.push((name, name));
    }
    for (name, host) in links {
        if inside(root, &format!("/usr/bin/{name}")).is_symlink() {
            continue;
        }
        if let Some(path) = host_program(host) {
            link(root, &path, &format!("/usr/bin/{name}"))?;
        }
    }
    for (name, paths) in [
        ("tini", ["/tini", "/usr/local/bin/tini"]),
        ("dumb-init", ["/dumb-init", "/usr/local/bin/dumb-init"]),
    ] {
        for path in paths {
            link(root, &format!("/usr/bin/{name}"), path)?;
        }
    }
    Ok(())
}

/// The dynamic loader and the libraries, where the host has them.
fn host_libraries(root: &Path) -> io::Result<()> {
    for name in ["lib", "lib32", "lib64", "libx32", "nix"] {
        let host = Path::new("/").join(name);
        match fs::symlink_metadata(&host) {
            Ok(meta) if meta.is_symlink() => symlink(fs::read_link(&host)?, root.join(name))?,
            Ok(meta) if meta.is_dir() => bind(&host, &root.join(name))?,
            _ => {}
        }
    }
    for entry in fs::read_dir("/usr")? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("lib") && entry.file_type()?.is_dir() {
            bind(&entry.path(), &root.join("usr").join(entry.file_name()))?;
        }
    }
    if Path::new("/etc/ld.so.cache").is_file() {
        bind(Path::new("/etc/ld.so.cache"), &root.join("etc/ld.so.cache"))?;
    }
    Ok(())
}

fn host_programs(root: &Path) -> io::Result<()> {
    for dir in HOST_DIRS {
        let meta = fs::symlink_metadata(dir);
        if meta.is_ok_and(|meta| meta.is_dir()) {
            bind(Path::new(dir), &inside(root, &format!("{HOST}{dir}")))?;
        }
    }
    Ok(())
}

fn devices(root: &Path) -> io::Result<()> {
    for name in ["null", "zero", "random", "urandom"] {
        bind(&Path::new("/dev").join(name), &root.join("dev").join(name))?;
    }
    for (name, to) in [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(format!("/proc/self/{to}"), root.join("dev").join(name))?;
    }
    Ok(())
}

/// Shows the host's `from` at `to`, read-only.
fn bind(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
    } else {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(to, "")?;
    }
    let none = None::<&str>;
    mount(Some(from), to, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    if from.starts_with("/dev") {
        return Ok(());
    }
    // A mount made by somebody more privileged keeps its flags: repeat them, or the kernel refuses.
    let kept = statvfs(to)?.flags();
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    for (was, flag) in [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ] {
        if kept.contains(was) {
            flags |= flag;
        }
    }
    mount(none, to, none, flags, none)?;
    Ok(())
}

/// Writes a file, over whatever is there.
fn write(root: &Path, path: &str, text: &str, mode: u32) -> io::Result<()> {
    let path = inside(root, path);
    make_room(&path)?;
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))
}

/// Makes `path` a link to `to`, over whatever is there.
fn link(root: &Path, to: &str, path: &str) -> io::Result<()> {
    if to == path {
        return Ok(());
    }
    let path = inside(root, path);
    make_room(&path)?;
    symlink(to, path)
}

fn make_room(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
