//! Where each part of a launch comes from, for reports.

use super::{LaunchPart, PartSource};
use crate::dockerfile::{Command, Image, Setting};
use crate::source::Place;

/// The parts of what the engine is told when it starts and stops the image.
pub(super) fn of(image: &Image) -> Vec<LaunchPart> {
    let mut parts = Vec::new();
    let mut add = |name, value: Vec<String>, source| parts.push(LaunchPart { name, value, source });
    for (name, setting) in [("entrypoint", &image.entrypoint), ("cmd", &image.cmd)] {
        if let Some(setting) = setting {
            add(name, words(&setting.value), inherited(setting));
        }
    }
    let workdir = match (&image.workdir_place, &image.base.workdir) {
        (Some(place), _) => PartSource::File(place.clone()),
        (None, Some(_)) => PartSource::BaseImage,
        (None, None) => PartSource::Default,
    };
    add("workdir", vec![image.workdir.clone()], workdir);
    let (signal, source) = match &image.stop_signal {
        Some(setting) => (setting.value.clone(), inherited(setting)),
        None => ("SIGTERM".to_owned(), PartSource::Default),
    };
    add("stop-signal", vec![signal], source);
    let period = &image.runtime.period;
    add("grace-period", vec![duration(period.length)], file(period.place.as_ref()));
    if let Some(hook) = &period.hook {
        let pause = duration(hook.pause);
        let value = if hook.acts { format!("{pause} at least") } else { pause };
        add("pre-stop", vec![value], PartSource::File(hook.place.clone()));
    }
    if let Some(init) = &image.runtime.init {
        add("init", vec!["true".to_owned()], PartSource::File(init.clone()));
    }
    parts
}

fn inherited<T>(setting: &Setting<T>) -> PartSource {
    setting.place.clone().map_or(PartSource::BaseImage, PartSource::File)
}

fn file(place: Option<&Place>) -> PartSource {
    place.cloned().map_or(PartSource::Default, PartSource::File)
}

fn words(command: &Command) -> Vec<String> {
    match command {
        Command::Exec(words) => words.iter().map(|word| word.text().to_owned()).collect(),
        Command::Shell { text, shell } => shell.iter().cloned().chain([text.text().to_owned()]).collect(),
        Command::Inherited(words) => words.clone(),
    }
}

fn duration(milliseconds: u64) -> String {
    match milliseconds % 1000 {
        0 => format!("{}s", milliseconds / 1000),
        _ => format!("{milliseconds}ms"),
    }
}
