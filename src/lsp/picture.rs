//! What a container of an image runs, where it is written: on hover, above ENTRYPOINT and CMD, and as links to the scripts.

use std::sync::Arc;

use camino::Utf8Path;
use lsp_types as lsp;

use crate::diagnostic::Outcome;
use crate::dockerfile::{self, Command, Dockerfile, Image, Keyword};
use crate::orchestrator;
use crate::project::{Context, Found, ImageFile, ImageFiles};
use crate::report::{self, Checked, Results, View, escape};
use crate::settings::Settings;
use crate::source::{Encoding as Written, Excerpt, Loader, Place, Source, Span};
use crate::{FileReport, ImageReport, ProcessNode};

use super::diagnostics::Translator;
use super::documents::Document;
use super::workspace::Project;

/// Pictures shown at one place, at most: a script may serve many images.
const MAX_PICTURES: usize = 3;
/// Columns of a picture.
const WIDTH: usize = 100;
/// Characters of a command in a title.
const TITLE: usize = 60;

/// A report that a document is part of.
struct Part<'a> {
    project: &'a Project,
    report: &'a FileReport,
    settings: &'a Settings,
    /// The Dockerfile and its images, if the document is the Dockerfile.
    dockerfile: Option<(Arc<Dockerfile>, Vec<Image>)>,
}

fn parts<'a>(path: &Utf8Path, translator: &Translator<'a>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for project in &translator.workspace.projects {
        for entry in project.entries.values().filter(|entry| entry.reads(path)) {
            let (Some(report), Some(settings)) = (entry.report(), &entry.settings) else { continue };
            let own = report.sources.iter().find(|source| *source.path() == *report.path);
            let is_own = |source: &&Arc<Source>| {
                !orchestrator::is_candidate(&report.path) && project.real(source.path()) == path
            };
            let dockerfile = own.filter(is_own).map(|source| {
                let dockerfile = Arc::new(dockerfile::parse(source));
                let images = dockerfile::images(&dockerfile, &settings.tables);
                (dockerfile, images)
            });
            parts.push(Part { project, report, settings, dockerfile });
        }
    }
    parts
}

impl Part<'_> {
    /// What is reported of an image.
    fn of(&self, image: &Image) -> Option<&ImageReport> {
        let line = image.dockerfile.source.line(image.from.start);
        self.report.images.iter().find(|report| report.image.line == line)
    }
}

/// Where ENTRYPOINT and CMD of an image are set in its own file.
fn launch_places(image: &Image) -> impl Iterator<Item = (&Command, &Place)> {
    [&image.entrypoint, &image.cmd]
        .into_iter()
        .flatten()
        .filter_map(|setting| Some((&setting.value, setting.place.as_ref()?)))
}

/// The processes of the images that a place is about.
pub(super) fn hover(
    document: &Document,
    position: lsp::Position,
    translator: &Translator<'_>,
) -> Option<lsp::Hover> {
    let path = document.path.as_deref()?;
    let encoding = translator.capabilities.encoding;
    let line = document.source.line(encoding.offset(&document.source, position));
    let mut shown: Vec<String> = Vec::new();
    let mut about: Option<Span> = None;
    for part in parts(path, translator) {
        let mut places: Vec<(&ImageReport, Span)> = Vec::new();
        if let Some((dockerfile, images)) = &part.dockerfile {
            let instruction = dockerfile.instructions.iter().find(|instruction| {
                matches!(instruction.keyword, Keyword::Entrypoint | Keyword::Cmd)
                    && covers(&document.source, instruction.span, line)
            });
            let set_here = |image: &&Image| {
                instruction.is_some_and(|instruction| {
                    launch_places(image).any(|(_, place)| place.span.overlaps(instruction.span))
                })
            };
            let span = instruction.map(|instruction| instruction.span).unwrap_or_default();
            places.extend(images.iter().filter(set_here).filter_map(|image| Some((part.of(image)?, span))));
        }
        for image in &part.report.images {
            let nodes = image.branches.iter().flat_map(|branch| &branch.processes);
            let here = |place: &Place| {
                let is_here =
                    covers(&place.source, place.span, line) && part.project.real(place.source.path()) == path;
                is_here.then_some(place.span)
            };
            if let Some(span) = nodes.filter_map(|node| find(node, &here)).next()
                && !places.iter().any(|(known, _)| std::ptr::eq(*known, image))
            {
                places.push((image, span));
            }
        }
        for (image, span) in places {
            about = about.or(Some(span));
            shown.push(picture(image, &part, translator.capabilities.markdown));
        }
    }
    shown.dedup();
    let more = shown.len().saturating_sub(MAX_PICTURES);
    shown.truncate(MAX_PICTURES);
    if more > 0 {
        shown.push(format!("and {}", report::count(more, "further image")));
    }
    let kind =
        if translator.capabilities.markdown { lsp::MarkupKind::Markdown } else { lsp::MarkupKind::PlainText };
    let contents = lsp::MarkupContent { kind, value: shown.join("\n\n") };
    let range = about.map(|span| encoding.range(&document.source, span));
    (!contents.value.is_empty()).then(|| lsp::Hover { contents: contents.into(), range })
}

fn covers(source: &Source, span: Span, line: usize) -> bool {
    (source.line(span.start)..=source.line(span.end)).contains(&line)
}

/// The first process below a node whose place is wanted.
fn find<T>(node: &ProcessNode, wanted: &impl Fn(&Place) -> Option<T>) -> Option<T> {
    let own = node.place.as_ref().and_then(wanted);
    own.or_else(|| node.children.iter().find_map(|child| find(child, wanted)))
}

/// The title, and the tree as `pidone tree` draws it.
fn picture(image: &ImageReport, part: &Part<'_>, markdown: bool) -> String {
    let report = FileReport {
        diagnostics: Vec::new(),
        images: vec![image.clone()],
        sources: Vec::new(),
        ..part.report.clone()
    };
    let root = part.project.root.clone();
    let view = View { width: WIDTH, cwd: root.clone(), quiet: false, unsafe_fixes: false, show_fixes: false };
    let results = Results { projects: vec![Checked::new(root, vec![report])], ..Results::default() };
    let mut drawn = Vec::new();
    if let Some(draw) = report::FORMATS.iter().find(|format| format.for_people).and_then(|format| format.tree)
    {
        // Nothing fails to be written to memory.
        let _ = draw(&results, &view, &mut drawn);
    }
    let drawn = String::from_utf8_lossy(&drawn);
    let drawn = anstream::adapter::strip_str(&drawn).to_string();
    if !markdown {
        return format!("{}\n\n{drawn}", title(image));
    }
    let mut fence = "```".to_owned();
    while drawn.contains(&fence) {
        fence.push('`');
    }
    format!("**{}**\n\n{fence}text\n{}\n{fence}", escape_markdown(&title(image)), drawn.trim_end())
}

fn escape_markdown(text: &str) -> String {
    let special = |c: char| c.is_ascii_punctuation() && !matches!(c, '.' | ',' | ':' | '/' | '-' | ' ');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// `PID 1: node server.js · stops gracefully`
fn title(image: &ImageReport) -> String {
    let argv = image.processes.first().map_or(&image.argv, |process| &process.argv);
    let command = escape::argv(argv);
    let command = match command.char_indices().nth(TITLE) {
        Some((at, _)) => format!("{}…", &command[..at]),
        None => command,
    };
    let stop = match image.outcome {
        Outcome::Graceful => "stops gracefully",
        Outcome::Unknown => "it cannot be told how it stops",
        Outcome::Abrupt => "stops abruptly",
        Outcome::Timeout => "does not stop, and is killed",
        Outcome::ExitsEarly => "ends early",
    };
    format!("PID 1: {command} · {stop}")
}

/// The titles of a Dockerfile's images, each with the line that starts the container.
pub(super) fn titles(document: &Document, translator: &Translator<'_>) -> Vec<(Span, String)> {
    let Some(path) = document.path.as_deref() else { return Vec::new() };
    let mut titles: Vec<(Span, String)> = Vec::new();
    for part in parts(path, translator) {
        for image in part.dockerfile.iter().flat_map(|(_, images)| images) {
            let Some((_, place)) = launch_places(image).next() else { continue };
            let Some(report) = part.of(image) else { continue };
            let title = (place.span, title(report));
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
    }
    titles.sort();
    titles
}

/// The files of the project that ENTRYPOINT and CMD name, where they name them.
pub(super) fn links(document: &Document, translator: &Translator<'_>) -> Vec<lsp::DocumentLink> {
    let Some(path) = document.path.as_deref() else { return Vec::new() };
    let mut links: Vec<(Span, lsp::DocumentLink)> = Vec::new();
    for part in parts(path, translator) {
        let loader = part.project.loader(translator.documents);
        for image in part.dockerfile.iter().flat_map(|(_, images)| images) {
            for (span, file) in started_files(image, &loader, part.settings) {
                let source = file.text.source();
                let is_file = file.text.encoding() != Written::Derived && *source.path() != *part.report.path;
                if !is_file || links.iter().any(|(known, _)| *known == span) {
                    continue;
                }
                let link = lsp::DocumentLink {
                    range: translator.capabilities.encoding.range(&document.source, span),
                    target: Some(translator.uri(part.project, source.path())),
                    tooltip: Some(format!("{} in the image", escape::line(&file.path.to_string()))),
                    data: None,
                };
                links.push((span, link));
            }
        }
    }
    links.sort_by_key(|(span, _)| *span);
    links.into_iter().map(|(_, link)| link).collect()
}

/// The words of ENTRYPOINT and CMD that are files of the image.
fn started_files(image: &Image, loader: &dyn Loader, settings: &Settings) -> Vec<(Span, ImageFile)> {
    let files = match &settings.context {
        Some(context) => Context::with_root(image, loader, context.clone()),
        None => Context::new(image, loader),
    };
    let mut found = Vec::new();
    for (command, _) in launch_places(image) {
        let words: Vec<Excerpt> = match command {
            Command::Exec(elements) => elements.iter().map(|element| element.as_ref().clone()).collect(),
            Command::Shell { text, .. } => words(text),
            Command::Inherited(_) => Vec::new(),
        };
        for (index, word) in words.iter().enumerate() {
            let file = match files.find(&dockerfile::join(&image.workdir, word.text())) {
                Found::File(file) if word.text().contains(['/', '.']) => Some(file),
                // Only what is executed is looked for in PATH.
                _ if index == 0 => files.which(word.text(), image.env.get("PATH").map(String::as_str)),
                _ => None,
            };
            found.extend(file.map(|file| (word.span(), file)));
        }
    }
    found
}

/// What stands between white space.
fn words(text: &Excerpt) -> Vec<Excerpt> {
    let start = text.text().as_ptr() as usize;
    let place = |word: &str| word.as_ptr() as usize - start;
    let words = text.text().split_ascii_whitespace();
    words.map(|word| text.sub(Span::new(place(word), place(word) + word.len()))).collect()
}
