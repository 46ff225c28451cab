//! supervisord's configuration: which programs it starts, and what it does to them on stop.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::glob::{self, Glob};
use super::ini::{self, Setting};
use super::supervised::{Program, UNKNOWN, Word};
use super::{Found, ImageFile, ImageFiles, path};
use crate::programs::Services;
use crate::source::{Edit, Excerpt, Span};

/// Where supervisord looks if nobody names a file; relative paths are below its working directory.
const SEARCHED: [&str; 6] = [
    "/usr/local/etc/supervisord.conf",
    "/usr/local/supervisord.conf",
    "supervisord.conf",
    "etc/supervisord.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
];

/// The files of the distributions' packages, what they include, and the package whose file is known to leave `nodaemon` out (Debian's).
const PACKAGED: [(&str, &str, Option<&str>); 2] = [
    ("/etc/supervisor/supervisord.conf", "/etc/supervisor/conf.d/*.conf", Some("supervisor")),
    ("/etc/supervisord.conf", "/etc/supervisor.d/*.ini", None),
];

/// Seconds that a program gets to end, unless the configuration says otherwise.
const STOP_WAIT: u64 = 10;

/// What supervisord is told to do.
#[derive(Debug)]
pub struct Supervisord {
    /// Whether it stays in front without `-n`; `None` if that is not known.
    pub nodaemon: Option<bool>,
    /// Its programs, in order; without event listeners, which hold no data.
    pub programs: Vec<Arc<Program>>,
    /// False if there may be more programs: something may have been put where they are looked for.
    pub is_all: bool,
    /// True if there is an event listener, which may stop everything when a program is dead.
    pub watched: bool,
    /// The edit of its main file that keeps it in front. `None` where there is no such file, or it cannot be edited.
    pub foreground: Option<Edit>,
}

/// Reads the configuration that supervisord uses: the file that is named, or the one it finds. `None` if nothing is known of it.
/// `knows_base` tells that the base image brings none.
pub fn read(
    files: &dyn ImageFiles,
    named: Option<&str>,
    directory: &str,
    env: &BTreeMap<String, String>,
    knows_base: bool,
) -> Option<Supervisord> {
    let mut sections = Sections {
        files,
        env,
        found: BTreeMap::new(),
        order: Vec::new(),
        here: String::new(),
        included: 0,
        is_all: true,
    };
    let paths: Vec<String> = match named {
        Some(named) => vec![path::join(directory, named)],
        None => SEARCHED.iter().map(|searched| path::join(directory, searched)).collect(),
    };
    for path in &paths {
        match files.find(path) {
            Found::File(main) => {
                sections.here = path::parent(&main.path).unwrap_or("/").to_owned();
                sections.is_all &= files.is_all_known(path);
                let include = sections.add(&main)?;
                for pattern in include.iter().flat_map(|files| files.split_whitespace()) {
                    sections.include(&path::join(&sections.here.clone(), pattern))?;
                }
                return Some(sections.finish(true));
            }
            Found::Unreadable(_) | Found::Download(_) => return None,
            Found::Unknown => {}
        }
    }
    let mut is_package_own = false;
    for (file, included, package) in PACKAGED {
        if paths.iter().any(|path| path == file) {
            sections.here = path::parent(file).unwrap_or("/").to_owned();
            sections.include(included)?;
            is_package_own |= knows_base
                && package.is_some_and(|package| files.installed().brings(package))
                && !files.is_changed(file);
        }
    }
    let found = sections.finish(is_package_own);
    (!found.programs.is_empty() || found.nodaemon.is_some()).then_some(found)
}

/// Sections of all files: more than any container has programs.
const MAX_SECTIONS: usize = 500;
/// Files that are looked for because they are included, each time that they are.
const MAX_INCLUDED: usize = 1_000;

/// Sections as they come together from several files.
struct Sections<'a> {
    files: &'a dyn ImageFiles,
    env: &'a BTreeMap<String, String>,
    found: BTreeMap<Arc<str>, Section>,
    order: Vec<Arc<str>>,
    /// The directory of the main file.
    here: String,
    included: usize,
    is_all: bool,
}

struct Section {
    file: Arc<Excerpt>,
    settings: BTreeMap<String, Setting>,
}

impl Sections<'_> {
    /// Reads one file; gives what it includes. `None` if Python refuses it, and for more sections than are read.
    fn add(&mut self, file: &ImageFile) -> Option<Option<String>> {
        let ini = ini::parse(&file.text)?;
        let mut include = None;
        for setting in ini.settings {
            if setting.section.as_ref() == "include" && setting.name == "files" {
                include = Some(self.expand(&setting.value, "").text().to_owned());
            }
            let name = Arc::clone(&setting.section);
            let section = self.found.entry(Arc::clone(&name)).or_insert_with(|| {
                self.order.push(name);
                Section { file: Arc::clone(&file.text), settings: BTreeMap::new() }
            });
            section.settings.insert(setting.name.clone(), setting);
        }
        (self.order.len() <= MAX_SECTIONS).then_some(include)
    }

    /// Reads the files that a pattern names. What cannot be read is left out.
    fn include(&mut self, pattern: &str) -> Option<()> {
        let paths = match (path::parent(pattern), Glob::new(path::base_name(pattern))) {
            (Some(dir), Some(glob)) if glob::has_wildcards(path::base_name(pattern)) => {
                self.is_all &= self.files.is_all_known(dir);
                let names = self.files.list(dir).into_iter().filter(|name| glob.matches(name));
                names.map(|name| path::under(dir, &name)).collect()
            }
            _ => vec![pattern.to_owned()],
        };
        for path in paths {
            self.included += 1;
            if self.included > MAX_INCLUDED {
                return None;
            }
            match self.files.find(&path) {
                Found::File(file) => {
                    self.is_all &= self.files.is_all_known(&path);
                    self.add(&file)?;
                }
                Found::Unreadable(_) => self.is_all = false,
                Found::Download(_) | Found::Unknown => {}
            }
        }
        Some(())
    }

    fn finish(self, complete: bool) -> Supervisord {
        let nodaemon = self.found.get("supervisord").and_then(|section| section.settings.get("nodaemon"));
        let nodaemon = match nodaemon {
            Some(setting) => truth(setting.value.text()),
            None => complete.then_some(false),
        };
        let programs = self.order.iter().filter_map(|name| self.program(name)).map(Arc::new).collect();
        let watched = self.order.iter().any(|name| name.starts_with("eventlistener:"));
        Supervisord { nodaemon, programs, is_all: self.is_all, watched, foreground: self.foreground() }
    }

    /// `nodaemon=true`, in the place of another value or below the first setting of `[supervisord]`.
    fn foreground(&self) -> Option<Edit> {
        let section = self.found.get("supervisord")?;
        if let Some(setting) = section.settings.get("nodaemon") {
            return setting.value.edit(Span::new(0, setting.value.text().len()), "true");
        }
        let own =
            section.settings.values().filter(|own| Arc::ptr_eq(own.value.source(), section.file.source()));
        let first = own.min_by_key(|setting| setting.end)?;
        section.file.edit(Span::at(first.end), &first.beside("nodaemon", "true"))
    }

    fn program(&self, section: &str) -> Option<Program> {
        let name = section.strip_prefix("program:").or_else(|| section.strip_prefix("fcgi-program:"))?.trim();
        let Section { file, settings } = self.found.get(section)?;
        let value = |key: &str| settings.get(key).map(|setting| self.expand(&setting.value, name));
        let text = |key: &str| value(key).map(|value| value.text().trim().to_owned());
        let flag = |key: &str| text(key).and_then(|text| truth(&text));
        let command = settings.get("command")?;
        let stops_group = flag("stopasgroup").unwrap_or(false);
        Some(Program {
            services: Services::Supervisord,
            name: name.to_owned(),
            command: words(&self.expand(&command.value, name))?,
            place: command.value.whole_place(),
            directory: text("directory").filter(|text| !text.contains(UNKNOWN)),
            stop_wait: text("stopwaitsecs").and_then(|text| text.parse().ok()).unwrap_or(STOP_WAIT),
            stop_signal: text("stopsignal"),
            stops_group,
            kills_group: flag("killasgroup").unwrap_or(stops_group),
            logged: false,
            waits: flag("autostart") == Some(false),
            group: self.group_of(name).map(str::to_owned),
            stays: flag("autorestart") != Some(false) && text("startsecs").as_deref() != Some("0"),
            given_up: flag("autorestart") == Some(false) && text("startsecs").as_deref() != Some("0"),
            file: Arc::clone(file),
            settings: settings.clone(),
        })
    }

    /// `%(NAME)s`, as far as it is known when the image is built.
    fn expand(&self, value: &Excerpt, program: &str) -> Excerpt {
        let text = value.text();
        let mut changes = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find('%') {
            let start = at + found;
            let rest = &text[start + 1..];
            let known = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
            let (end, replacement) = match known {
                Some((name, format)) => {
                    // `s`, `d`, `02d`
                    let format = format.find(|c: char| c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
                    (start + 3 + name.len() + format, self.named(name, program))
                }
                None if rest.starts_with('%') => (start + 2, Some("%".to_owned())),
                None => break,
            };
            changes.push((Span::new(start, end), replacement.unwrap_or_else(|| UNKNOWN.to_owned())));
            at = end;
        }
        if changes.is_empty() { value.clone() } else { value.with_changes(&changes, value.encoding()) }
    }

    /// The group that a program is put into, if there is one.
    fn group_of(&self, program: &str) -> Option<&str> {
        let groups =
            self.found.iter().filter_map(|(name, section)| Some((name.strip_prefix("group:")?, section)));
        let holds = |section: &Section| {
            let members = section.settings.get("programs");
            members.is_some_and(|setting| setting.value.text().split(',').any(|name| name.trim() == program))
        };
        groups.filter(|(_, section)| holds(section)).map(|(name, _)| name.trim()).next()
    }

    fn named(&self, name: &str, program: &str) -> Option<String> {
        match name {
            "here" => Some(self.here.clone()),
            "program_name" => Some(program.to_owned()),
            "group_name" => Some(self.group_of(program).unwrap_or(program).to_owned()),
            "process_num" => Some("0".to_owned()),
            _ => self.env.get(name.strip_prefix("ENV_")?).cloned(),
        }
    }
}

/// What supervisord takes for yes and no.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A command as Python's `shlex.split` takes it apart. There is no shell: `&&`, `|` and `$` are words like others. `None` if a quote is
/// not closed.
fn words(command: &Excerpt) -> Option<Vec<Word>> {
    let text = command.text();
    let mut words = Vec::new();
    let mut start: Option<usize> = None;
    // What stands in the text but not in the word: quotes and backslashes.
    let mut drops: Vec<usize> = Vec::new();
    let mut quote: Option<char> = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => {
                words.extend(start.take().map(|start| word(command, start, at, &mut drops)));
                continue;
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                drops.push(at);
            }
            (Some(open), _) if open == c => {
                quote = None;
                drops.push(at);
            }
            (None, '\\') => {
                drops.push(at);
                chars.next()?;
            }
            (Some('"'), '\\') if matches!(chars.peek(), Some((_, '"' | '\\'))) => {
                drops.push(at);
                chars.next();
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    if quote.is_some() {
        return None;
    }
    words.extend(start.map(|start| word(command, start, text.len(), &mut drops)));
    Some(words)
}

fn word(command: &Excerpt, start: usize, end: usize, drops: &mut Vec<usize>) -> Word {
    let whole = command.sub(Span::new(start, end));
    let changes: Vec<(Span, String)> =
        drops.drain(..).map(|at| (Span::new(at - start, at - start + 1), String::new())).collect();
    let text = if changes.is_empty() { whole } else { whole.with_changes(&changes, whole.encoding()) };
    Word { text: Arc::new(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn split(text: &str) -> Option<Vec<String>> {
        let excerpt = Excerpt::whole(&Source::new("x", text));
        Some(words(&excerpt)?.iter().map(|word| word.text.text().to_owned()).collect())
    }

    #[test]
    fn splits_as_python_does() {
        for (text, expected) in [
            ("nginx -g 'daemon off;'", vec!["nginx", "-g", "daemon off;"]),
            (r#"sh -c "echo \"a\" \n && b""#, vec!["sh", "-c", r#"echo "a" \n && b"#]),
            (r"a\ b 'c\d'e", vec!["a b", r"c\de"]),
            ("a && b | c", vec!["a", "&&", "b", "|", "c"]),
            ("a ''\n b", vec!["a", "", "b"]),
        ] {
            assert_eq!(split(text).unwrap(), expected, "{text}");
        }
        assert!(split("sh -c 'a").is_none());
    }

    #[test]
    fn words_know_their_places() {
        let text = r#"sh -c "a \"b\" c""#;
        let source = Source::new("x", text);
        let words = words(&Excerpt::whole(&source).as_setting()).unwrap();
        let edit = words[2].text.edit(Span::at(6), "exec ").unwrap();
        assert_eq!(&text[edit.span.start..], "c\"");
        let edit = words[2].text.edit(Span::at(0), "exec ").unwrap();
        assert_eq!(&text[edit.span.start..][..1], "a");
    }
}
