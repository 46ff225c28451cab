//! The programs that a supervisor starts, whatever form its configuration has.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ini::Setting;
use crate::programs::Services;
use crate::source::{Edit, Excerpt, Place, Span};

/// What stands for a value that is not known, in the words of a command.
pub const UNKNOWN: &str = "\u{fffd}";

/// A program that a supervisor starts.
#[derive(Debug)]
pub struct Program {
    /// What kind of configuration it stands in.
    pub services: Services,
    /// Its name: what follows `program:`, or its directory's name.
    pub name: String,
    /// The words of its command.
    pub command: Vec<Word>,
    /// Where they stand.
    pub place: Place,
    /// Where it is started, if that is set and known.
    pub directory: Option<String>,
    /// Seconds between the signal and SIGKILL.
    pub stop_wait: u64,
    /// The signal that it gets on stop, if it is not TERM.
    pub stop_signal: Option<String>,
    /// True if all of the program's process group gets that signal.
    pub stops_group: bool,
    /// True if SIGKILL goes to the group.
    pub kills_group: bool,
    /// True if a logger reads what it writes: that goes on for as long as anything can write to it, and so does the supervisor.
    pub logged: bool,
    /// True if it is started only when somebody asks for it.
    pub waits: bool,
    /// The group that it is put into, if there is one.
    pub group: Option<String>,
    /// False for what is expected to end by itself.
    pub stays: bool,
    /// True if the configuration says that it is not started again, however it ends.
    pub given_up: bool,
    pub(super) file: Arc<Excerpt>,
    pub(super) settings: BTreeMap<String, Setting>,
}

/// A word of a command.
#[derive(Debug, Clone)]
pub struct Word {
    /// The word without its quotes; [`UNKNOWN`] stands for what is not known.
    pub text: Arc<Excerpt>,
}

impl Program {
    /// A command that stands nowhere but in a supervisor's own arguments.
    pub fn command(services: Services, place: &Place, stop_wait: u64) -> Self {
        Self {
            services,
            name: String::new(),
            command: Vec::new(),
            place: place.clone(),
            directory: None,
            stop_wait,
            stop_signal: None,
            stops_group: false,
            kills_group: false,
            logged: false,
            waits: false,
            group: None,
            stays: true,
            given_up: false,
            file: Arc::new(Excerpt::verbatim(&place.source, place.span)),
            settings: BTreeMap::new(),
        }
    }

    /// True if `supervisorctl` means it by this name: `web`, `group:web`, `group:*`, `all`.
    pub fn goes_by(&self, name: &str) -> bool {
        let group = self.group.as_deref().unwrap_or(&self.name);
        match name.split_once(':') {
            // Of several processes of a program, each has a name that begins with it.
            Some((own, process)) => own == group && (process == "*" || process.starts_with(&self.name)),
            None => name == "all" || name == self.name,
        }
    }

    /// Where a setting has its value, if it is there.
    pub fn place_of(&self, name: &str) -> Option<Place> {
        self.settings.get(name).map(|setting| setting.value.whole_place())
    }

    /// The edit that gives a setting this value. `None` where the file cannot be edited.
    pub fn set(&self, name: &str, value: &str) -> Option<Edit> {
        if let Some(setting) = self.settings.get(name) {
            return setting.value.edit(Span::new(0, setting.value.text().len()), value);
        }
        let command = self.settings.get("command")?;
        self.file.edit(Span::at(command.end), &command.beside(name, value))
    }

    /// The edit that puts `words` behind the command.
    pub fn append(&self, words: &str) -> Option<Edit> {
        let command = self.settings.get("command")?;
        let end = Span::at(command.value.text().len());
        // The words may hold quotes: the end of the value is outside of all others.
        let mut edit = command.value.edit(end, "x")?;
        edit.text = format!(" {words}");
        Some(edit)
    }
}
