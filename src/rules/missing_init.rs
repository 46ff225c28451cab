//! `missing-init`: an init that the launch names and the image does not have, or one that the program needs.

use super::{Finding, Repair, Subject, init, install, words};
use crate::diagnostic::{Outcome, Related, Severity};
use crate::dockerfile::{Command, Keyword};
use crate::programs::Kind;
use crate::settings::InitPolicy;
use crate::source::{Edit, Excerpt};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    not_installed(subject).or_else(|| needed(subject)).into_iter().collect()
}

/// `ENTRYPOINT ["tini", "--"]` where nothing brings tini.
fn not_installed(subject: &Subject<'_>) -> Option<Finding> {
    let image = subject.image;
    let mut own = [&image.entrypoint, &image.cmd].into_iter().flatten();
    // The script that a base image brings execs what it is given.
    let setting = own.find(|setting| !matches!(setting.value, Command::Inherited(_)))?;
    let Command::Exec(elements) = &setting.value else { return None };
    let element = elements.first()?;
    let is_init = subject.tables.program(element.text(), &[]).is_some_and(|row| row.kind == Kind::Init);
    let name = element.text().rsplit('/').next()?;
    // A base of which nothing is known may bring it.
    if !is_init || image.base.init != Some(false) || !subject.installed.lacks(name) {
        return None;
    }
    // Whether a file is at a path may be settled elsewhere; that an earlier stage brings it, and this one does not, is plain.
    let elsewhere = image.dockerfile.instructions.iter().any(|instruction| {
        let brings = matches!(instruction.keyword, Keyword::Run | Keyword::Copy | Keyword::Add);
        brings && image.dockerfile.source.slice(instruction.span).contains(name)
    });
    let is_sole = !element.text().contains('/');
    if !elsewhere && !is_sole {
        return None;
    }
    let message = format!("The container does not start: `{}` is not installed in this image.", element.text());
    let mut finding = Finding::at(element.whole_place(), "not in the image", message)
        .with_help("install it in the last stage; what another stage installs does not count")
        .with_repairs(installed(subject, element, name));
    finding.outcome = Some(Outcome::ExitsEarly);
    Some(finding)
}

/// The installation, and the path where it puts the init.
fn installed(subject: &Subject<'_>, element: &Excerpt, name: &str) -> Option<Repair> {
    let install = install::how(name, subject)?;
    let mut edits = vec![install::run(install, subject)?];
    if element.text().contains('/') && element.text() != install.path {
        let path = element.source().path().to_owned();
        edits.push(Edit { path, span: element.span(), text: install.path.clone() });
    }
    Some(Repair::unsafe_(format!("Install {name} in this stage; this adds a package to the image"), edits))
}

/// PID 1 does not reap, and what the image installs leaves orphans to it; or the project wants an init everywhere.
fn needed(subject: &Subject<'_>) -> Option<Finding> {
    let launch = subject.launch.filter(|_| subject.init != InitPolicy::Never)?;
    let first = launch.branches.iter().find(|branch| branch.default)?.processes.first()?;
    let (program, arguments) = first.argv.split_first()?;
    let arguments: Vec<Option<&str>> = arguments.iter().map(|word| Some(word.as_str())).collect();
    let reaps = subject.tables.program(program, &arguments).and_then(|row| match row.kind {
        Kind::Init | Kind::Shell => Some(true),
        _ => row.reaps,
    });
    let orphans = subject.installed.package(|package| subject.tables.leaves_orphans(package));
    let name = words::code(program);
    let (message, cause) = match orphans {
        Some((package, place)) if reaps == Some(false) => {
            let cause = Related { place: place.clone(), message: format!("`{package}` is installed here") };
            let message = format!("PID 1 is {name}, which does not reap: the processes that `{package}` leaves behind stay as zombies.");
            (message, Some(cause))
        }
        _ if subject.init == InitPolicy::Always && reaps != Some(true) => {
            (format!("PID 1 is {name}, and there is no init in front, as the configuration asks for."), None)
        }
        _ => return None,
    };
    let mut finding = Finding::at(words::launch_place(subject.image)?, "no init in front", message)
        .with_help("put an init in front: `docker run --init`, `init: true` in Compose, or tini in the image")
        .with_repairs(init::put_in_front(subject));
    finding.severity = Severity::Warning;
    finding.related.extend(cause);
    Some(finding)
}
