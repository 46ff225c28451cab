//! `missing-init`: an init that the launch names and the image does not have, or one that the program needs.

use super::{Finding, Repair, Subject, init, install, words};
use crate::diagnostic::{Outcome, Related, Severity};
use crate::launch::Broken;
use crate::programs::Kind;
use crate::settings::InitPolicy;
use crate::source::{Edit, Excerpt, Span, base_name};

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    not_there(subject).or_else(|| unmentioned(subject)).or_else(|| needed(subject)).into_iter().collect()
}

/// `ENTRYPOINT ["tini", "--"]` where nothing brings tini, or where it is at another path.
fn not_there(subject: &Subject<'_>) -> Option<Finding> {
    let script = subject.launch?.broken.as_ref()?;
    let element = &script.text;
    let name = base_name(element.text());
    let mut finding = match script.broken {
        Broken::NoInit => not_installed(subject, element),
        Broken::InitElsewhere => {
            let place = &install::how(name, subject)?.path;
            let message = format!("The container does not start: there is no {} here, the package puts it at `{place}`.", words::code(element.text()));
            Finding::at(element.whole_place(), "not in the image", message)
                .with_help(format!("write `{place}`"))
                .with_repairs(element.edit(Span::new(0, element.text().len()), place).map(|edit| {
                    Repair::safe(format!("Start `{place}`"), vec![edit])
                }))
        }
        _ => return None,
    };
    finding.outcome = Some(Outcome::ExitsEarly);
    Some(finding)
}

/// `ENTRYPOINT ["tini", "--"]` where instructions install packages, and none says anything of tini.
fn unmentioned(subject: &Subject<'_>) -> Option<Finding> {
    let element = subject.launch?.assumed_init.as_ref()?;
    let (path, name) = (words::code(element.text()), base_name(element.text()));
    let message = format!("No instruction installs {path}: if it is not in this image, the container does not start.");
    let mut finding = Finding::at(element.whole_place(), "not installed here", message)
        .with_help("install it in this stage, if that is the whole Dockerfile")
        .with_repairs(installed(subject, element, name));
    finding.severity = Severity::Warning;
    Some(finding)
}

fn not_installed(subject: &Subject<'_>, element: &Excerpt) -> Finding {
    let path = words::code(element.text());
    let message = format!("The container does not start: {path} is not installed in this image.");
    let mut finding = Finding::at(element.whole_place(), "not in the image", message)
        .with_help("install it in the last stage; what another stage installs does not count")
        .with_repairs(installed(subject, element, base_name(element.text())));
    finding.outcome = Some(Outcome::ExitsEarly);
    finding
}

/// The installation, and the path where it puts the init.
fn installed(subject: &Subject<'_>, element: &Excerpt, name: &str) -> Option<Repair> {
    let install = install::how(name, subject)?;
    let mut edits = vec![install::run(install, subject)?];
    if element.text().contains('/') && element.text() != install.path {
        edits.push(Edit::new(element.source(), element.span(), install.path));
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
            let cause = Related::new(place.clone(), format!("`{package}` is installed here"));
            let message = format!("PID 1 is {name}, which does not reap: the processes that `{package}` leaves behind stay as zombies.");
            (message, Some(cause))
        }
        _ if subject.init == InitPolicy::Always && reaps != Some(true) => {
            (format!("PID 1 is {name}, and there is no init in front, as the configuration asks for."), None)
        }
        _ => return None,
    };
    let mut finding = Finding::at(words::launch_place(subject.image)?, "no init in front", message)
        .with_help(format!("put an init in front: {}", words::ways_to_an_init(subject)))
        .with_repairs(init::put_in_front(subject));
    finding.severity = Severity::Warning;
    finding.related.extend(cause);
    Some(finding)
}
