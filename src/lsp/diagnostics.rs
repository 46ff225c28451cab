//! Findings as the client shows them.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use lsp_types as lsp;

use crate::config::ConfigError;
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::escape;
use crate::rules;
use crate::source::Place;

use super::client::Capabilities;
use super::documents::Documents;
use super::workspace::{Project, Workspace};

/// A finding, and the project that it was made in.
#[derive(Clone, Copy)]
pub(super) struct Finding<'a> {
    pub(super) project: &'a Project,
    pub(super) diagnostic: &'a Diagnostic,
}

/// The findings by the file that they are in (absolute, without symlinks), each once, in the order of their places.
pub(super) fn by_file(workspace: &Workspace) -> BTreeMap<Utf8PathBuf, Vec<Finding<'_>>> {
    let mut files: BTreeMap<Utf8PathBuf, Vec<Finding<'_>>> = BTreeMap::new();
    for project in &workspace.projects {
        let reported = project.entries.values().filter_map(|entry| Some((entry.report()?, entry)));
        let of_files = reported.flat_map(|(report, entry)| report.diagnostics.iter().chain(&entry.held));
        for diagnostic in of_files.chain(&project.unused_ignores) {
            let file = project.real(diagnostic.place.source.path());
            let findings = files.entry(file).or_default();
            // A script that several Dockerfiles start has its defects once.
            let is_known = findings.iter().any(|known| {
                known.diagnostic.rule == diagnostic.rule
                    && known.diagnostic.place.span == diagnostic.place.span
            });
            if !is_known {
                findings.push(Finding { project, diagnostic });
            }
        }
    }
    for findings in files.values_mut() {
        findings.sort_by_key(|finding| (finding.diagnostic.place.span, finding.diagnostic.rule));
    }
    files
}

/// Turns findings into the protocol's words.
pub(super) struct Translator<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) documents: &'a Documents,
    pub(super) capabilities: &'a Capabilities,
}

impl Translator<'_> {
    pub(super) fn all(&self, findings: &[Finding<'_>]) -> Vec<lsp::Diagnostic> {
        findings.iter().map(|finding| self.diagnostic(*finding)).collect()
    }

    pub(super) fn diagnostic(&self, finding: Finding<'_>) -> lsp::Diagnostic {
        let Finding { project, diagnostic } = finding;
        let able = self.capabilities;
        let related = diagnostic.related.iter().map(|related| lsp::DiagnosticRelatedInformation {
            location: self.location(project, &related.place),
            message: escape::line(&related.message),
        });
        let help = diagnostic.help.iter().map(|help| format!("\nHelp: {help}"));
        let message = escape::lines(&(diagnostic.message.clone() + &help.collect::<String>()));
        lsp::Diagnostic {
            range: able.encoding.range(&diagnostic.place.source, diagnostic.place.span),
            severity: Some(severity(diagnostic.severity)),
            code: Some(diagnostic.rule.into()),
            code_description: documentation(diagnostic.rule)
                .filter(|_| able.code_description)
                .map(|href| lsp::CodeDescription { href }),
            source: Some("pidone".to_owned()),
            message: message.into(),
            tags: tags(diagnostic.rule).filter(|_| able.tags),
            related_information: able.related_information.then(|| related.collect()),
            data: None,
        }
    }

    /// What is wrong with configuration files, by their paths.
    pub(super) fn refused(&self) -> BTreeMap<Utf8PathBuf, (lsp::Uri, lsp::Diagnostic)> {
        let entries = self.workspace.projects.iter().flat_map(|project| project.entries.values());
        let errors = entries.filter_map(|entry| entry.refused.as_ref());
        let diagnostic = |error: &ConfigError| {
            let range =
                error.place.as_ref().map(|place| self.capabilities.encoding.range(&place.source, place.span));
            let help = error.help.iter().map(|help| format!("\nHelp: {help}"));
            lsp::Diagnostic {
                range: range.unwrap_or_default(),
                severity: Some(lsp::DiagnosticSeverity::Error),
                source: Some("pidone".to_owned()),
                message: escape::lines(&(error.message.clone() + &help.collect::<String>())).into(),
                ..Default::default()
            }
        };
        let uri = |error: &ConfigError| self.workspace.uri(&error.path, self.documents);
        errors.map(|error| (error.path.clone(), (uri(error), diagnostic(error)))).collect()
    }

    pub(super) fn location(&self, project: &Project, place: &Place) -> lsp::Location {
        lsp::Location {
            uri: self.uri(project, place.source.path()),
            range: self.capabilities.encoding.range(&place.source, place.span),
        }
    }

    pub(super) fn uri(&self, project: &Project, path: &Utf8Path) -> lsp::Uri {
        self.workspace.uri(&project.real(path), self.documents)
    }
}

fn severity(severity: Severity) -> lsp::DiagnosticSeverity {
    match severity {
        Severity::Error => lsp::DiagnosticSeverity::Error,
        Severity::Warning => lsp::DiagnosticSeverity::Warning,
        Severity::Info => lsp::DiagnosticSeverity::Information,
    }
}

/// What has no effect is shown faded.
fn tags(rule: &str) -> Option<Vec<lsp::DiagnosticTag>> {
    matches!(rule, "ignored-cmd" | "overridden-launch").then(|| vec![lsp::DiagnosticTag::Unnecessary])
}

/// Where a rule's document can be read.
pub(super) fn documentation(rule: &str) -> Option<lsp::Uri> {
    let repository = option_env!("CARGO_PKG_REPOSITORY").filter(|address| !address.is_empty())?;
    let rule = rules::all().iter().find(|info| info.name == rule)?;
    Some(lsp::Uri::from(format!("{repository}/blob/main/rules/{}.md", rule.name)))
}
