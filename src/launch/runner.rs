//! Package runners: which script of package.json they run, and through which shell.

use std::sync::Arc;

use super::dialect::Dialect;
use super::environment::Environment;
use super::field::Field;
use super::resolve::Child;
use super::shell::Origin;
use crate::dockerfile::join;
use crate::programs::{InnerShell, Program};
use crate::project::{Found, ImageFile, package_json};
use crate::source::{Excerpt, Place, Span, base_name};

/// Where monorepos keep their packages, if the project does not say; a package is taken for what was asked for only if its package.json
/// has that name.
const PACKAGES: [&str; 6] = ["packages/*", "apps/*", "services/*", "libs/*", "modules/*", "*"];

/// What a runner starts, and the directory it does that in, where that is known; `None` if it is asked for something else than
/// running a script or a program.
pub(super) fn child(
    environment: &Environment<'_>,
    row: &Program,
    argv: &[Field],
    arguments: &[Option<&str>],
    place: &Place,
    directory: Option<&str>,
) -> Option<(Child, Option<String>)> {
    let script = row.script(arguments)?;
    let directory = directory.unwrap_or(&environment.image.workdir);
    let folder = match script.directory {
        Some(own) => join(directory, own),
        None => directory.to_owned(),
    };
    let own = match script.workspace {
        Some(name) => package(environment, &folder, name),
        None => environment.files.package_json(&folder),
    };
    let text = own.as_ref().and_then(|file| package_json::script(&file.text, script.name));
    let is_watching = || text.as_ref().is_some_and(|text| text.text().contains("watch"));
    if is_test(script.name) && !is_watching() {
        return None;
    }
    let rest: Vec<String> = argv[(script.arguments + 1).min(argv.len())..].iter().map(Field::shown).collect();
    let text = match text {
        Some(text) if rest.is_empty() => text,
        Some(text) => {
            let end = Span::at(text.text().len());
            Arc::new(text.with_changes(&[(end, format!(" {}", rest.join(" ")))], text.encoding()))
        }
        // Its name tells that it ends.
        None if environment.tables.is_ending_script(script.name) => return None,
        // A script that is not known is taken for the usual one: one program. Its name is for people.
        None => {
            let name = script.name.replace('\'', "");
            let text = format!("'{name} (package.json)'");
            Arc::new(Excerpt::derived(&place.source, place.span, text))
        }
    };
    let bash = match environment.image.base.bash {
        Some(true) => Dialect::Bash,
        _ => environment.sh(),
    };
    let child = match row.shell {
        Some(InnerShell::Own) => Child::Own(text),
        Some(InnerShell::Bash) => Child::Line(text, Origin::PackageScript, bash),
        _ => Child::Line(text, Origin::PackageScript, environment.sh()),
    };
    Some((child, own.map(|file| join(&file.path, ".."))))
}

/// True for a script that tests, and ends, whatever it starts for that.
fn is_test(name: &str) -> bool {
    matches!(name.split(':').next(), Some("test" | "e2e"))
}

/// The package.json of a package in a workspace, by the package's name or its path.
fn package(environment: &Environment<'_>, folder: &str, wanted: &str) -> Option<ImageFile> {
    let at = |folder: &str| match environment.find(&join(folder, "package.json")) {
        Found::File(file) => Some(file),
        _ => None,
    };
    if wanted.starts_with('.') || (wanted.contains('/') && !wanted.starts_with('@')) {
        return at(&join(folder, wanted));
    }
    let named = |file: &ImageFile| package_json::name(&file.text).as_deref() == Some(wanted);
    let last = base_name(wanted);
    patterns(environment, folder).iter().find_map(|pattern| {
        match pattern.replace("**", "*").strip_suffix('*') {
            // Its folder has the package's name as a rule; if not, all of them are looked at.
            Some(parent) => {
                let parent = join(folder, parent);
                let listed = || environment.files.list(&parent);
                at(&join(&parent, last))
                    .filter(&named)
                    .or_else(|| listed().iter().find_map(|name| at(&join(&parent, name)).filter(&named)))
            }
            None => at(&join(folder, pattern)).filter(&named),
        }
    })
}

/// The patterns of the packages of a workspace.
fn patterns(environment: &Environment<'_>, folder: &str) -> Vec<String> {
    let file = |name: &str| match environment.find(&join(folder, name)) {
        Found::File(file) => Some(file.text),
        _ => None,
    };
    let own = file("pnpm-workspace.yaml").map(|text| package_json::pnpm_workspaces(&text));
    let own =
        own.or_else(|| file("package.json").map(|text| package_json::workspaces(&text))).unwrap_or_default();
    match own.is_empty() {
        true => PACKAGES.map(str::to_owned).to_vec(),
        false => own,
    }
}

/// True where `yarn` is Hadoop's resource manager, not a package runner: there is no package, and the image speaks of Hadoop.
pub(super) fn is_hadoops(environment: &Environment<'_>, directory: Option<&str>) -> bool {
    let image = environment.image;
    let names = image.env.iter().flat_map(|(name, value)| [name, value]).chain([&image.base_name]);
    names.map(|text| text.to_ascii_lowercase()).any(|text| text.contains("hadoop"))
        && environment.files.package_json(directory.unwrap_or(&image.workdir)).is_none()
}

/// True if the project says that its yarn is version 2 or later, which runs scripts in a shell of its own.
pub(super) fn is_berry(environment: &Environment<'_>, directory: Option<&str>) -> bool {
    let directory = directory.unwrap_or(&environment.image.workdir);
    let pinned =
        environment.files.package_json(directory).and_then(|file| package_json::package_manager(&file.text));
    match pinned.as_deref().and_then(|manager| manager.strip_prefix("yarn@")) {
        Some(version) => !version.starts_with("1.") && version != "1",
        None => !matches!(environment.find(&join(directory, ".yarnrc.yml")), Found::Unknown),
    }
}
