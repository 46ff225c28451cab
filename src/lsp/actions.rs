//! Code actions: repairs, comments that silence, and what a rule is about.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types as lsp;
use serde_json::{Value, json};

use crate::diagnostic::{Fix, Safety};
use crate::fix::{self, FixOutcome, fix_each};
use crate::report::escape;
use crate::rules::{self, RuleInfo};
use crate::settings::Settings;
use crate::source::{Loader, Span};

use super::diagnostics::{self, Finding, Translator};
use super::documents::Document;
use super::edits::Changes;
use super::workspace::Project;

/// The kind of the action that makes all safe repairs.
pub(super) const FIX_ALL: &str = "source.fixAll.pidone";
/// The command that explains a rule.
pub(super) const EXPLAIN: &str = "pidone.explain";
/// The command that makes all safe repairs of the workspace.
pub(super) const FIX_WORKSPACE: &str = "pidone.fixAll";

/// What can be done about the findings on the lines of a range.
pub(super) fn actions(
    document: &Document,
    params: &lsp::CodeActionParams,
    translator: &Translator<'_>,
) -> Vec<lsp::CodeAction> {
    let Some(path) = &document.path else { return Vec::new() };
    let wanted = |kind: &str| is_wanted(params.context.only.as_deref(), kind);
    let files = diagnostics::by_file(translator.workspace);
    let findings = files.get(path).map(Vec::as_slice).unwrap_or_default();
    let lines = lines(document, params.range, translator);
    let here = || findings.iter().filter(|finding| touches(finding.diagnostic.place.span, lines));
    let mut actions = Vec::new();
    if wanted("quickfix") {
        actions.extend(here().filter_map(|finding| quick_fix(*finding, translator)));
        actions.extend(here().filter_map(|finding| ignore(*finding, translator)));
    }
    let is_safe = |finding: &&Finding<'_>| {
        finding.diagnostic.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe)
    };
    if wanted(FIX_ALL) && findings.iter().any(|finding| is_safe(&finding)) {
        let mut action = lsp::CodeAction {
            title: "Make all safe repairs (pidone)".to_owned(),
            kind: Some(lsp::CodeActionKind::from(FIX_ALL)),
            ..Default::default()
        };
        // It takes as long as checking everything anew, which is too long for every move of the cursor.
        if translator.capabilities.resolves_edits {
            action.data = Some(json!({ "uri": document.uri }));
        } else {
            action.edit = fix_document(document, translator);
        }
        if action.data.is_some() || action.edit.is_some() {
            actions.push(action);
        }
    }
    if params.context.only.is_none() {
        let rules: BTreeSet<&str> = here().map(|finding| finding.diagnostic.rule).collect();
        actions.extend(rules.into_iter().map(explain));
    }
    actions
}

/// Kinds are a hierarchy: who wants `source` wants `source.fixAll.pidone`.
fn is_wanted(only: Option<&[lsp::CodeActionKind]>, kind: &str) -> bool {
    only.is_none_or(|only| {
        only.iter().any(|only| {
            let rest = kind.strip_prefix(only.as_str());
            only.as_str().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    })
}

/// The lines that a range touches.
fn lines(document: &Document, range: lsp::Range, translator: &Translator<'_>) -> Span {
    let source = &document.source;
    let span = translator.capabilities.encoding.span(source, range);
    source.line_span(source.line(span.start)).to(source.line_span(source.line(span.end)))
}

fn touches(left: Span, right: Span) -> bool {
    left.start <= right.end && right.start <= left.end
}

fn quick_fix(finding: Finding<'_>, translator: &Translator<'_>) -> Option<lsp::CodeAction> {
    let fix = finding.diagnostic.fix.as_ref()?;
    if !spares_others(fix, finding, translator) {
        return None;
    }
    let mut changes = Changes::default();
    changes.add(&fix.edits, finding.project, translator)?;
    let is_safe = fix.safety == Safety::Safe;
    Some(lsp::CodeAction {
        title: escape::line(&if is_safe { fix.message.clone() } else { format!("Unsafe: {}", fix.message) }),
        kind: Some(lsp::CodeActionKind::QuickFix),
        diagnostics: Some(vec![translator.diagnostic(finding)]),
        is_preferred: is_safe.then_some(true),
        edit: Some(changes.into_workspace_edit(translator)),
        ..Default::default()
    })
}

/// A comment that silences the finding. Its reason is the author's to write.
fn ignore(finding: Finding<'_>, translator: &Translator<'_>) -> Option<lsp::CodeAction> {
    let Finding { project, diagnostic } = finding;
    let place = diagnostic.place.source.path();
    let path = diagnostic.image.as_ref().map_or(place, |image| &image.path);
    let settings = project.entries.get(path)?.settings.as_deref()?;
    let targets = [(path.to_owned(), settings.clone())];
    let loader = project.loader(translator.documents);
    let session = fix::Session::new(&targets, &loader);
    let texts = fix::ignore(&session, &targets[0], diagnostic, "TODO: say why").ok()?;
    let mut changes = Changes::default();
    for (path, after) in texts {
        changes.replace(&path, loader.read(&path).ok()?.text(), &after, project, translator);
    }
    Some(lsp::CodeAction {
        title: format!("Ignore {} here, with a reason", diagnostic.rule),
        kind: Some(lsp::CodeActionKind::QuickFix),
        diagnostics: Some(vec![translator.diagnostic(finding)]),
        edit: Some(changes.into_workspace_edit(translator)),
        ..Default::default()
    })
}

/// True if no other Dockerfile that shares a file with this one stops worse afterwards.
fn spares_others(fix: &Fix, finding: Finding<'_>, translator: &Translator<'_>) -> bool {
    let project = finding.project;
    let edited: Vec<_> = fix.edits.iter().map(|edit| project.real(&edit.path)).collect();
    let own = finding.diagnostic.image.as_ref().map(|image| &*image.path);
    let others: Vec<_> = project.readers(&edited).filter(|(path, _)| Some(*path) != own).collect();
    fix::spares(&fix.edits, &others, &project.loader(translator.documents))
}

/// All safe repairs of what is found in a document.
pub(super) fn fix_document(document: &Document, translator: &Translator<'_>) -> Option<lsp::WorkspaceEdit> {
    let path = document.path.as_deref()?;
    let project = translator.workspace.around(path)?;
    let concerned: Vec<_> = project.entries.values().filter(|entry| entry.reads(path)).collect();
    let sources = || concerned.iter().filter_map(|entry| entry.report()).flat_map(|report| &report.sources);
    let only = sources().map(|source| source.path()).filter(|source| project.real(source) == path);
    let only: Vec<Utf8PathBuf> = only.map(Utf8Path::to_owned).collect();
    // Whoever shares a file with them has a say.
    let files: Vec<Utf8PathBuf> = sources().map(|source| project.real(source.path())).collect();
    let targets =
        project.readers(&files).map(|(path, settings)| target(path, settings, &only)).collect::<Vec<_>>();
    let mut changes = Changes::default();
    repair(project, &targets, translator, &mut changes);
    (!changes.is_empty()).then(|| changes.into_workspace_edit(translator))
}

/// All safe repairs of all projects, and how many findings they repair.
pub(super) fn fix_workspace(translator: &Translator<'_>) -> (lsp::WorkspaceEdit, usize) {
    let mut changes = Changes::default();
    let mut count = 0;
    for project in &translator.workspace.projects {
        let entries = project.entries.iter();
        let targets: Vec<_> =
            entries.filter_map(|(path, entry)| Some(target(path, entry.settings.as_deref()?, &[]))).collect();
        count += repair(project, &targets, translator, &mut changes).applied.len();
    }
    (changes.into_workspace_edit(translator), count)
}

/// A Dockerfile to repair, safely, and as far as it touches one of some files.
fn target(path: &Utf8Path, settings: &Settings, only: &[Utf8PathBuf]) -> (Utf8PathBuf, Settings) {
    (path.to_owned(), Settings { unsafe_fixes: false, only: only.to_vec(), ..settings.clone() })
}

fn repair(
    project: &Project,
    targets: &[(Utf8PathBuf, Settings)],
    translator: &Translator<'_>,
    changes: &mut Changes,
) -> FixOutcome {
    let outcome = fix_each(targets, &project.loader(translator.documents));
    for (path, before, after) in &outcome.changed {
        changes.replace(path, before, after, project, translator);
    }
    outcome
}

fn explain(rule: &str) -> lsp::CodeAction {
    let title = format!("Explain {rule}");
    lsp::CodeAction {
        title: title.clone(),
        command: Some(lsp::Command {
            title,
            command: EXPLAIN.to_owned(),
            arguments: Some(vec![Value::from(rule)]),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// The beginning of a rule's document, for clients that show a few lines.
pub(super) fn summary(rule: &RuleInfo) -> String {
    let finds = rule.document.split("\n## ").find_map(|section| section.strip_prefix("What it finds\n"));
    format!("{}: {}.\n\n{}", rule.name, rule.summary, finds.unwrap_or_default().trim())
}

/// The rule of that name.
pub(super) fn rule(name: &Value) -> Option<&'static RuleInfo> {
    rules::all().iter().find(|rule| Some(rule.name) == name.as_str())
}
