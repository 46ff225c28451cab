//! The rules: what a finding is called, what it says, and how it is repaired.
//!
//! A rule reads a finished image and launch and says what they mean. It parses nothing, opens nothing and knows no other rule.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Outcome, Related, Safety, Severity};
use crate::dockerfile::{Dockerfile, Image};
use crate::launch::{Cause, Fault, Launch, Signal};
use crate::programs::Tables;
use crate::project::Installed;
use crate::settings::InitPolicy;
use crate::source::{Edit, Place};
use crate::suppress::Suppression;

mod blocks;
mod conditional_trap;
mod foreground;
mod handler;
mod init;
mod insertion;
mod install;
mod interpreter;
mod keep_running;
mod names;
mod no_program;
mod repair;
mod staying;
pub(crate) mod step_down;
mod targets;
mod telling;
mod trap;
mod waiting;
mod words;

pub use names::{named, nearest};

/// Every rule, with its module. One line is all that a new rule needs here; what is known about it stands in its document.
macro_rules! rules {
    ($($module:ident = $name:literal,)*) => {
        $(mod $module;)*
        const RULES: &[Rule] = &[
            $(Rule {
                name: $name,
                check: $module::check,
            },)*
        ];
    };
}

rules! {
    broadcasting_init = "broadcasting-init",
    daemonized = "daemonized",
    deferred_trap = "deferred-trap",
    empty_entrypoint = "empty-entrypoint",
    exec_drops_trap = "exec-drops-trap",
    grace_period = "grace-period",
    ignored_cmd = "ignored-cmd",
    incomplete_trap = "incomplete-trap",
    init_without_exec = "init-without-exec",
    invalid_dockerfile = "invalid-dockerfile",
    invalid_manifest = "invalid-manifest",
    keep_alive = "keep-alive",
    literal_operator = "literal-operator",
    literal_variable = "literal-variable",
    malformed_exec_form = "malformed-exec-form",
    missing_exec = "missing-exec",
    missing_init = "missing-init",
    nested_init = "nested-init",
    orphaned_background = "orphaned-background",
    overridden_launch = "overridden-launch",
    package_runner = "package-runner",
    piped_service = "piped-service",
    privilege_wrapper = "privilege-wrapper",
    restart_loop = "restart-loop",
    script_not_runnable = "script-not-runnable",
    shell_form = "shell-form",
    shell_wrapper = "shell-wrapper",
    stop_signal = "stop-signal",
    supervisor_config = "supervisor-config",
    swallowing_wrapper = "swallowing-wrapper",
    unhandled_stop = "unhandled-stop",
    unresolved_launch = "unresolved-launch",
    unsupported_wait = "unsupported-wait",
    untrapped_background = "untrapped-background",
    unused_ignore = "unused-ignore",
    wrong_interpreter = "wrong-interpreter",
}

/// A rule.
struct Rule {
    name: &'static str,
    check: fn(&Subject<'_>) -> Vec<Finding>,
}

/// What a rule looks at.
pub(crate) struct Subject<'a> {
    /// The image.
    pub(crate) image: &'a Image,
    /// Its launch; `None` if nothing is known to be started.
    pub(crate) launch: Option<&'a Launch>,
    /// For the advice: which package brings what.
    pub(crate) tables: &'a Tables,
    /// What the image's instructions install.
    pub(crate) installed: &'a Installed,
    /// Where an init belongs.
    pub(crate) init: InitPolicy,
    /// Also say what is only worth knowing.
    pub(crate) pedantic: bool,
    /// Why the model cannot tell what a deployment starts.
    pub(crate) doubt: Option<&'a str>,
}

/// What a rule found.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    /// What happens on stop, and why.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<Cow<'static, str>>,
    pub(crate) chain: Vec<String>,
    pub(crate) place: Place,
    pub(crate) label: Cow<'static, str>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) related: Vec<Related>,
    /// Repairs, the best first. The first that the model finds good is offered.
    pub(crate) repairs: Vec<Repair>,
}

/// A possible repair.
#[derive(Debug, Clone)]
pub(crate) struct Repair {
    pub(crate) safety: Safety,
    /// In the imperative; for an unsafe repair also what else may change.
    pub(crate) message: String,
    pub(crate) edits: Vec<Edit>,
}

/// What is known about a rule, from its document.
#[derive(Debug, Clone, Copy)]
pub struct RuleInfo {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// How much its findings matter.
    pub severity: Severity,
    /// `always`, `sometimes` or `never`.
    pub fix: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// The document without its front matter.
    pub document: &'static str,
}

/// Every rule's document, as the build script writes it.
static INFOS: &[RuleInfo] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// Every rule, by name.
pub fn all() -> &'static [RuleInfo] {
    INFOS
}

/// What is to be said of a Dockerfile, whether it makes an image or not.
pub(crate) fn file_findings(dockerfile: &Dockerfile) -> Vec<Finding> {
    let mut findings = invalid_dockerfile::of_file(dockerfile);
    for finding in &mut findings {
        finding.rule = "invalid-dockerfile";
    }
    findings
}

/// What is wrong with comments that silence findings.
pub(crate) fn ignore_findings(suppressions: &[Suppression]) -> Vec<Finding> {
    suppressions.iter().flat_map(unused_ignore::of_comment).collect()
}

/// That a rule named in such a comment finds nothing there.
pub(crate) fn unused_ignore(name: &Place) -> Finding {
    unused_ignore::of_name(name)
}

/// What is to be said of a deployment that cannot be read.
pub(crate) fn invalid_manifest(place: Place, message: &str) -> Finding {
    Finding { rule: "invalid-manifest", ..invalid_manifest::of_file(place, message) }
}

/// What all rules find in an image.
pub(crate) fn findings(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Of what is not known no rule says more than that.
    let speaks = |rule: &&Rule| subject.doubt.is_none() || rule.name == "unresolved-launch";
    let is_misread = literal_operator::is_misread(subject) || ignored_cmd::loses_own_words(subject);
    for rule in RULES.iter().filter(speaks) {
        let known = all().binary_search_by_key(&rule.name, |info| info.name);
        let severity = known.map_or(Severity::Error, |at| all()[at].severity);
        for mut finding in (rule.check)(subject) {
            finding.rule = rule.name;
            finding.severity = finding.severity.min(severity);
            // What starts now is not what somebody meant, and will be another launch when that is mended.
            let is_about_words = matches!(rule.name, "literal-operator" | "ignored-cmd");
            if !is_misread || is_about_words || finding.outcome.is_none() {
                findings.push(finding);
            }
        }
    }
    findings
}

impl Subject<'_> {
    /// The signal that the container gets.
    fn signal(&self) -> Signal {
        self.launch.map_or(Signal::TERM, |launch| launch.stop_signal)
    }

    /// The faults with one of these causes.
    fn faults(&self, is_wanted: impl Fn(Cause) -> bool) -> impl Iterator<Item = &Fault> {
        self.launch.into_iter().flat_map(|launch| &launch.faults).filter(move |fault| is_wanted(fault.cause))
    }
}

impl Finding {
    /// A finding at a place that has nothing to do with a fault.
    fn at(place: Place, label: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Finding {
            rule: "",
            severity: Severity::Error,
            message: message.into(),
            help: None,
            chain: Vec::new(),
            place,
            label: label.into(),
            outcome: None,
            related: Vec::new(),
            repairs: Vec::new(),
        }
    }

    /// A finding for a fault: its place, its chain, and the further hops.
    fn of(
        fault: &Fault,
        subject: &Subject<'_>,
        label: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        let mut related: Vec<Related> =
            fault.hops.iter().map(|hop| Related::new(hop.place.clone(), hop.message)).collect();
        let launch = words::launch_place(subject.image);
        if let Some(place) = launch.filter(|place| place.source.path() != fault.place.source.path())
            && !related.iter().any(|known| known.place == place)
        {
            related.push(Related::new(place, "the container starts here"));
        }
        // What ends well all the same is worth knowing, no more.
        let severity = if fault.hurry.is_some() { Severity::Info } else { Severity::Error };
        Finding {
            severity,
            chain: fault.chain.clone(),
            outcome: Some(fault.outcome),
            related,
            ..Finding::at(fault.place.clone(), label, message)
        }
    }

    /// As it is, without an image and without a fix.
    pub(crate) fn into_diagnostic(self) -> Diagnostic {
        Diagnostic {
            rule: self.rule,
            severity: self.severity,
            message: self.message,
            help: self.help,
            chain: self.chain,
            place: self.place,
            label: self.label,
            outcome: self.outcome,
            image: None,
            related: self.related,
            fix: None,
        }
    }

    fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn with_repairs(mut self, repairs: impl IntoIterator<Item = Repair>) -> Self {
        self.repairs.extend(repairs);
        self
    }
}

impl Repair {
    fn safe(message: impl Into<String>, edits: Vec<Edit>) -> Self {
        Repair { safety: Safety::Safe, message: message.into(), edits }
    }

    fn unsafe_(message: impl Into<String>, edits: Vec<Edit>) -> Self {
        Repair { safety: Safety::Unsafe, message: message.into(), edits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_document_and_every_document_a_rule() {
        let mut rules: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
        rules.sort_unstable();
        assert_eq!(all().iter().map(|info| info.name).collect::<Vec<_>>(), rules);
    }
}
