//! JUnit's XML: a test suite per Dockerfile, a failed test per finding.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::ptr;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::diagnostic::{Diagnostic, Severity};

use super::{Finding, Format, Results, View, describe};

/// The row of this format.
pub(super) const FORMAT: Format = Format {
    name: "junit",
    help: "JUnit's XML: a failed test per finding",
    for_people: false,
    check: Some(check),
    tree: None,
};

fn check(results: &Results, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("pidone");
    let findings = results.findings();
    // Each is shown once, with the file that led to it first.
    let shown: HashMap<*const Diagnostic, &Finding<'_>> =
        findings.iter().map(|finding| (ptr::from_ref(finding.diagnostic), finding)).collect();
    for project in &results.projects {
        let quiet = project.quiet.iter().map(|path| (&**path, None));
        let files: BTreeMap<_, _> =
            quiet.chain(project.files.iter().map(|file| (&*file.path, Some(file)))).collect();
        for (path, file) in files {
            let name = view.path(&project.root, path);
            let mut suite = TestSuite::new(name.as_str());
            let own = file.into_iter().flat_map(|file| &file.diagnostics);
            let own = own.filter_map(|diagnostic| shown.get(&ptr::from_ref(diagnostic)));
            suite.add_test_cases(own.map(|finding| test_case(finding, view)));
            if suite.test_cases.is_empty() {
                let mut passed = TestCase::new("pidone", TestCaseStatus::success());
                passed.set_classname(name.as_str());
                suite.add_test_case(passed);
            }
            report.add_test_suite(suite);
        }
    }
    report.serialize(&mut *out).map_err(io::Error::other)
}

fn test_case(finding: &Finding<'_>, view: &View) -> TestCase {
    let diagnostic = finding.diagnostic;
    let path = view.path(finding.root, diagnostic.place.source.path());
    let start = diagnostic.place.source.position(diagnostic.place.span.start);
    let text = describe::lines(finding, view).join("\n");
    let place = format!("{path}:{}:{}", start.line, start.column);
    let mut status = match diagnostic.severity {
        // Worth knowing, but nothing fails because of it.
        Severity::Info => TestCaseStatus::skipped(),
        Severity::Warning | Severity::Error => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    status.set_type(diagnostic.rule);
    status.set_message(describe::sentence(&diagnostic.message));
    status.set_description(format!("{place}: {text}"));
    let mut case = TestCase::new(format!("{} at {place}", diagnostic.rule), status);
    case.set_classname(path.as_str());
    case.extra.insert("file".into(), path.as_str().into());
    case.extra.insert("line".into(), start.line.to_string().into());
    case
}
