//! Dockerfile text to instructions with byte spans, to stages, to images. The only room that knows Dockerfile syntax.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::source::{Excerpt, Source, Span};

mod check;
mod expand;
mod foreign;
mod heredoc;
mod image;
mod json;
mod lines;
mod pattern;
mod reader;
mod runtime;
mod setting;
mod stages;
mod state;
mod targets;
mod windows;
mod words;

pub use image::{Command, Image, Step, image, images};
pub use reader::{parse, read};
pub use runtime::{Declared, Hook, Mount, MountSource, Period, Probe, Runtime};
pub use setting::{Setting, Written};
pub use stages::{Stage, StageBase};

/// Where Docker looks for programs unless ENV PATH says otherwise.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `path` of an image as seen from `directory`: absolute, without `.`, `..` and doubled slashes. `..` does not climb over the root.
pub fn join(directory: &str, path: &str) -> String {
    let directory = if path.starts_with('/') { "" } else { directory };
    let mut joined = String::with_capacity(directory.len() + path.len() + 2);
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => joined.truncate(joined.rfind('/').unwrap_or(0)),
            part => {
                joined.push('/');
                joined.push_str(part);
            }
        }
    }
    if joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// A Dockerfile as it was read. A line that cannot be read is a [`Problem`] and costs only itself.
#[derive(Debug)]
pub struct Dockerfile {
    /// The file.
    pub source: Arc<Source>,
    /// The escape character: `\`, or `` ` `` by directive.
    pub escape: char,
    /// Every instruction, in order.
    pub instructions: Vec<Instruction>,
    /// Comments, from `#` to the end of the line; those between the lines of an instruction too.
    pub comments: Vec<Span>,
    /// What could not be read.
    pub problems: Vec<Problem>,
    /// The values that whoever builds it gives to its ARGs.
    pub build_arguments: BTreeMap<String, String>,
    /// The stages, once somebody has asked for them.
    stages: OnceLock<Arc<[Stage]>>,
    /// What the file does not tell, once somebody has asked.
    unread: OnceLock<Option<String>>,
}

/// Something in the file that BuildKit would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub span: Span,
    /// What is wrong, for people.
    pub message: String,
}

/// The instruction words of Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    /// A word that is no instruction.
    Unknown,
}

impl Keyword {
    /// The keyword of that name, which is in upper case.
    fn from_upper_case(name: &str) -> Self {
        match name {
            "ADD" => Self::Add,
            "ARG" => Self::Arg,
            "CMD" => Self::Cmd,
            "COPY" => Self::Copy,
            "ENTRYPOINT" => Self::Entrypoint,
            "ENV" => Self::Env,
            "EXPOSE" => Self::Expose,
            "FROM" => Self::From,
            "HEALTHCHECK" => Self::Healthcheck,
            "LABEL" => Self::Label,
            "MAINTAINER" => Self::Maintainer,
            "ONBUILD" => Self::Onbuild,
            "RUN" => Self::Run,
            "SHELL" => Self::Shell,
            "STOPSIGNAL" => Self::Stopsignal,
            "USER" => Self::User,
            "VOLUME" => Self::Volume,
            "WORKDIR" => Self::Workdir,
            _ => Self::Unknown,
        }
    }
}

/// One instruction.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// From the keyword to the end of the last line that belongs to it (heredoc bodies included), without its line ending.
    pub span: Span,
    /// Which instruction.
    pub keyword: Keyword,
    /// The keyword as written, upper-cased.
    pub keyword_text: String,
    /// Where the keyword stands.
    pub keyword_span: Span,
    /// `--name=value` flags, stripped from the body.
    pub flags: Vec<Flag>,
    /// What follows keyword and flags: one logical line, continuations joined, comment lines dropped, ends trimmed.
    pub body: Excerpt,
    /// For RUN, CMD, ENTRYPOINT, SHELL, VOLUME, COPY and ADD: how the body reads. `Shell` for all others.
    pub form: Form,
    /// Heredocs that the instruction opens, in order.
    pub heredocs: Vec<Heredoc>,
    /// The instruction inside ONBUILD, or the CMD inside HEALTHCHECK.
    pub inner: Option<Box<Instruction>>,
}

/// Whether strict JSON was found.
#[derive(Debug, Clone)]
pub enum Form {
    /// A JSON array of strings; each element decoded, with its map to the bytes between the quotes.
    Exec(Vec<Arc<Excerpt>>),
    /// Anything else.
    Shell,
}

/// `--name` or `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Without the dashes.
    pub name: String,
    /// What follows `=`, if there is one.
    pub value: Option<String>,
    /// The whole flag.
    pub span: Span,
}

/// A here-document.
#[derive(Debug, Clone)]
pub struct Heredoc {
    /// The delimiter word without quotes; for COPY and ADD also the name of the file it makes.
    pub delimiter: String,
    /// True unless the delimiter is quoted: `$VAR` in the body is expanded.
    pub expand: bool,
    /// True for `<<-`: leading tabs are dropped (from `body` too).
    pub strip_tabs: bool,
    /// The lines up to the terminator; a final line ending included.
    pub body: Arc<Excerpt>,
    /// The `<<WORD` in the instruction's line.
    pub opener: Span,
}

impl Instruction {
    /// The value of the first flag of that name.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }

    /// True for a COPY of all files there are.
    pub fn copies_everything(&self) -> bool {
        self.keyword == Keyword::Copy && stages::is_everything(&self.words())
    }

    /// The elements of an exec form.
    pub fn exec_form(&self) -> Option<&[Arc<Excerpt>]> {
        match &self.form {
            Form::Exec(elements) => Some(elements),
            Form::Shell => None,
        }
    }

    /// The arguments: the elements of an exec form, or the words between white space. What COPY, FROM, EXPOSE and their like
    /// work on; quotes mean nothing there.
    pub fn words(&self) -> Vec<&str> {
        match &self.form {
            Form::Exec(elements) => elements.iter().map(|element| element.text()).collect(),
            Form::Shell => words::words(self.body.text()).collect(),
        }
    }
}
