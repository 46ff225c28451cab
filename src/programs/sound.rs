//! What the name of a program that no row knows says of it. A convention, no more: it decides between commands where nothing else does.

use serde::Deserialize;

use crate::source::base_name;

/// What a name makes likely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    /// It does one thing and ends (`cleanup`, `db-migrate`).
    Errand,
    /// It may be anything.
    Unclear,
    /// It stays (`server`, `mail-worker`, `app serve`).
    Service,
}

/// The words by which names are told apart.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, bound(deserialize = "'de: 'static"))]
pub(super) struct Words {
    /// Of what does one thing and ends.
    errand: Vec<&'static str>,
    /// Of what talks to a service, behind its name.
    client: Vec<&'static str>,
    /// Of what stays.
    service: Vec<&'static str>,
    /// Of what starts something else, which may stay or not.
    start: Vec<&'static str>,
    /// Of the file that holds a whole application.
    application: Vec<&'static str>,
    /// Of files to which a service writes what it has to say.
    log: Vec<&'static str>,
    /// Of what may read what somebody types while it serves.
    console: Vec<&'static str>,
    /// Of options that say what to do, once.
    option: Vec<&'static str>,
}

impl Words {
    /// What a program's name and its first argument say.
    pub(super) fn sound(&self, name: &str, argument: Option<&str>) -> Sound {
        let base = base_name(name);
        let stem = base.split_once('.').map_or(base, |(stem, _)| stem);
        let own = self.sound_of(stem);
        match argument.filter(|word| !word.starts_with('-') && !word.contains(['/', '='])) {
            Some(word) if self.is(&self.start, word) => own.min(Sound::Unclear),
            Some(word) if self.sound_of(word) != Sound::Unclear => self.sound_of(word),
            _ => own,
        }
    }

    /// What the name of a file says that an interpreter runs.
    pub(super) fn sound_of_file(&self, name: &str) -> Sound {
        let base = base_name(name);
        let (stem, extension) = base.split_once('.').unwrap_or((base, ""));
        match self.sound_of(stem) {
            Sound::Unclear if self.is(&self.application, stem) || extension.ends_with("jar") => {
                Sound::Service
            }
            sound => sound,
        }
    }

    /// The same with its first argument, where that is a word.
    pub(super) fn sound_of_task(&self, file: &str, argument: Option<&str>) -> Sound {
        let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || "-_:".contains(c));
        let task = argument.filter(|word| !word.starts_with('-')).filter(is_word);
        match (self.sound_of_file(file), task) {
            (Sound::Service, Some(task)) if !self.is(&self.start, task) => self.sound_of(task),
            (own, _) => own,
        }
    }

    /// True for a file that a job writes its result to, by its name.
    pub(super) fn is_result(&self, path: &str) -> bool {
        let base = base_name(path).to_ascii_lowercase();
        let mut parts = base.split(|c: char| !c.is_ascii_alphanumeric());
        base.trim_start_matches('.').contains('.') && !parts.any(|part| self.is(&self.log, part))
    }

    /// True if one of a command's words names what may have a console.
    pub(super) fn may_have_console(&self, words: &[String]) -> bool {
        let base = |word: &String| base_name(word).to_ascii_lowercase();
        words.iter().map(base).any(|word| {
            word.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| self.is(&self.console, part))
        })
    }

    /// True for `startServer.sh`, `boot-app`.
    pub(super) fn is_starter(&self, name: &str) -> bool {
        let base = base_name(name);
        let parts = parts_of(base.split_once('.').map_or(base, |(stem, _)| stem));
        parts.first().is_some_and(|first| self.is(&self.start, first))
    }

    /// True for `--migrate`, `--create-user`, `-createRepository`.
    pub(super) fn is_errand_option(&self, word: &str) -> bool {
        word.starts_with('-')
            && parts_of(word.trim_start_matches('-')).first().is_some_and(|verb| self.is(&self.option, verb))
    }

    fn sound_of(&self, name: &str) -> Sound {
        let parts = parts_of(name);
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { return Sound::Unclear };
        let names = |list: &[&str]| parts.iter().any(|part| self.is(list, part));
        let serves = names(&self.service);
        let is_client = parts.len() > 1 && self.is(&self.client, last);
        let is_errand = is_client || [first, last].iter().any(|part| self.is(&self.errand, part));
        if names(&self.start) {
            // What starts a server may leave it behind.
            Sound::Unclear
        } else if is_errand {
            // `import-worker`, `update_bot` and `test-app` are either.
            let may_stay = serves || names(&self.application);
            if may_stay { Sound::Unclear } else { Sound::Errand }
        } else if serves {
            Sound::Service
        } else {
            Sound::Unclear
        }
    }

    fn is(&self, list: &[&str], word: &str) -> bool {
        list.contains(&word)
    }
}

/// The words that a name is made of, in lower case: `db-migrate`, `stop_server`, `createRCU`.
pub(crate) fn parts_of(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut parts = vec![String::new()];
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let begins = letter.is_ascii_uppercase()
            && (before.is_some_and(|before| before.is_ascii_lowercase())
                || letters.get(at + 1).is_some_and(char::is_ascii_lowercase));
        if matches!(letter, '-' | '_' | ':') || begins {
            parts.push(String::new());
        }
        if !matches!(letter, '-' | '_' | ':')
            && let Some(part) = parts.last_mut()
        {
            part.push(letter.to_ascii_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::super::Tables;
    use super::Sound;

    #[test]
    fn names_say_what_they_are() {
        let sound = |line: &str| {
            let mut words = line.split(' ');
            Tables::builtin().sound(words.next().unwrap_or(""), words.next())
        };
        for errand in [
            "cleanup",
            "./cleanup.sh",
            "db-migrate",
            "/opt/on-exit/teardown.sh",
            "notify_stopped",
            "app finish",
            "createRCU.sh",
            "jenkins-cli",
        ] {
            assert_eq!(sound(errand), Sound::Errand, "{errand}");
        }
        for service in ["server", "/opt/app/bin/mail-worker", "app serve", "web", "my_server.sh --port"] {
            assert_eq!(sound(service), Sound::Service, "{service}");
        }
        for unclear in
            ["app", "cli", "foo bar", "start-server", "init-server", "foo-server start", "import-worker"]
        {
            assert_eq!(sound(unclear), Sound::Unclear, "{unclear}");
        }
    }
}
