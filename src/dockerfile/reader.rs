//! Text to instructions, as BuildKit reads it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::recent::Recent;
use crate::source::{Encoding, Excerpt, Piece, Source, Span};

use super::check;
use super::heredoc::{self, Closers, Opener};
use super::json::{self, Array, JsonString};
use super::lines::{Lines, LogicalLine, is_blank};
use super::words;
use super::{Dockerfile, Flag, Form, Heredoc, Instruction, Keyword, Problem};

/// Files of more instructions are not read: engines refuse images of more than 127 layers.
const MAX_INSTRUCTIONS: usize = 20_000;
/// Bytes of a line, its end aside: BuildKit refuses files with longer ones.
const MAX_LINE: usize = 65_535;

/// Reads a Dockerfile. Never fails: what cannot be read is listed in [`Dockerfile::problems`].
pub fn parse(source: &Arc<Source>) -> Dockerfile {
    let mut start = 0;
    for line in source.text().split('\n') {
        if line.len() > MAX_LINE {
            let message = format!("the line is longer than {MAX_LINE} bytes; the file is not read");
            return too_long(source, Problem { span: Span::at(start), message });
        }
        start += line.len() + 1;
    }
    let mut reader = Reader {
        source,
        lines: Lines::new(source.text()),
        closers: Closers::new(source.text()),
        instructions: Vec::new(),
        problems: Vec::new(),
    };
    while let Some(line) = reader.lines.next_logical() {
        if reader.instructions.len() == MAX_INSTRUCTIONS {
            // What the images are stands at the end.
            let message =
                format!("there are more than {MAX_INSTRUCTIONS} instructions; the file is not read");
            return too_long(source, Problem { span: line.span(&(0..line.text().len())), message });
        }
        reader.line(&line);
    }
    let Reader { lines, instructions, mut problems, .. } = reader;
    let escape = lines.escape();
    problems.extend(lines.problems);
    let comments = lines.comments;
    let mut dockerfile = Dockerfile {
        source: Arc::clone(source),
        escape,
        instructions,
        comments,
        problems: Vec::new(),
        build_arguments: BTreeMap::new(),
        stages: OnceLock::new(),
        unread: OnceLock::new(),
    };
    problems.extend(check::problems(&dockerfile));
    problems.sort_by_key(|problem| problem.span);
    dockerfile.problems = problems;
    dockerfile
}

/// The same. What was read last is kept: a repair is tried on the same text, or on one that is read twice.
pub fn read(source: &Arc<Source>) -> Arc<Dockerfile> {
    thread_local! {
        /// A file as it is, and as a repair leaves it.
        static LAST: Recent<Arc<Dockerfile>> = const { Recent::new(2) };
    }
    LAST.with(|last| last.get(|known| Arc::ptr_eq(&known.source, source), || Arc::new(parse(source))))
}

/// A file that is not read.
fn too_long(source: &Arc<Source>, problem: Problem) -> Dockerfile {
    Dockerfile {
        source: Arc::clone(source),
        escape: '\\',
        instructions: Vec::new(),
        comments: Vec::new(),
        problems: vec![problem],
        build_arguments: BTreeMap::new(),
        stages: OnceLock::new(),
        unread: OnceLock::new(),
    }
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    lines: Lines<'a>,
    closers: Closers<'a>,
    instructions: Vec<Instruction>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn line(&mut self, line: &LogicalLine) {
        let mut instruction = self.instruction(line, 0..line.text().len(), false);
        instruction.span.end = line.end();
        if takes_heredocs(&instruction) {
            for opener in heredoc::openers(line.text()) {
                let span = line.span(&opener.range);
                match self.heredoc(&opener, span) {
                    Some((heredoc, end)) => {
                        instruction.span.end = end;
                        instruction.heredocs.push(heredoc);
                    }
                    None => {
                        let message = format!("the heredoc `{}` is never closed", opener.delimiter);
                        self.problems.push(Problem { span, message });
                    }
                }
            }
        }
        if let Some(inner) = &mut instruction.inner {
            inner.span.end = instruction.span.end;
            inner.heredocs.clone_from(&instruction.heredocs);
        }
        self.instructions.push(instruction);
    }

    /// The instruction in `range` of the line; `nested` if it is the one inside an ONBUILD.
    fn instruction(&mut self, line: &LogicalLine, range: Range<usize>, nested: bool) -> Instruction {
        let range = trim(line.text(), range);
        let text = &line.text()[range.clone()];
        let keyword_range = range.start..range.start + text.find(is_blank).unwrap_or(text.len());
        let keyword_text = line.text()[keyword_range.clone()].to_ascii_uppercase();
        let keyword = Keyword::from_upper_case(&keyword_text);

        let escape = self.lines.escape();
        let (flags, rest) = words::flags(&line.text()[keyword_range.end..range.end], escape);
        let flags = flags.into_iter().map(|(flag, word)| {
            let span = line.span(&(keyword_range.end + flag.start..keyword_range.end + flag.end));
            read_flag(&word, span)
        });
        let flags = flags.collect();
        let body_range = trim(line.text(), keyword_range.end + rest..range.end);

        let mut instruction = Instruction {
            span: line.span(&range),
            keyword,
            keyword_text,
            keyword_span: line.span(&keyword_range),
            flags,
            body: line.excerpt(self.source, &body_range),
            form: Form::Shell,
            heredocs: Vec::new(),
            inner: None,
        };
        match keyword {
            Keyword::Add
            | Keyword::Cmd
            | Keyword::Copy
            | Keyword::Entrypoint
            | Keyword::Run
            | Keyword::Shell
            | Keyword::Volume => instruction.form = self.form(line, &body_range),
            Keyword::Onbuild if !nested && !body_range.is_empty() => {
                instruction.inner = Some(Box::new(self.instruction(line, body_range, true)));
            }
            Keyword::Healthcheck => instruction.inner = self.health_command(line, &body_range).map(Box::new),
            _ => {}
        }
        instruction
    }

    fn form(&mut self, line: &LogicalLine, body: &Range<usize>) -> Form {
        match json::array(&line.text()[body.clone()]) {
            Array::No => Form::Shell,
            Array::Mixed => {
                let message = "the array may hold nothing but strings".to_owned();
                self.problems.push(Problem { span: line.span(body), message });
                Form::Shell
            }
            Array::Strings(strings) => {
                let element = |string| Arc::new(self.element(line, body.start, string));
                Form::Exec(strings.into_iter().map(element).collect())
            }
        }
    }

    /// One element of an exec form: runs of plain text, as the line maps them, between its escapes.
    fn element(&self, line: &LogicalLine, body: usize, string: JsonString) -> Excerpt {
        let in_line = |range: &Range<usize>| body + range.start..body + range.end;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut text = 0;
        let mut position = string.range.start;
        for (decoded, written) in &string.escapes {
            pieces.extend(line.pieces(&in_line(&(position..written.start)), text));
            let span = line.span(&in_line(written));
            let source_len = span.end - span.start;
            pieces.push(Piece { text: decoded.start, len: decoded.len(), source: span.start, source_len });
            text = decoded.end;
            position = written.end;
        }
        pieces.extend(line.pieces(&in_line(&(position..string.range.end)), text));
        let span = line.span(&in_line(&string.range));
        Excerpt::mapped(self.source, span, string.text, pieces, Encoding::Json)
    }

    /// The CMD of a HEALTHCHECK, which takes no flags of its own.
    fn health_command(&mut self, line: &LogicalLine, body: &Range<usize>) -> Option<Instruction> {
        let text = &line.text()[body.clone()];
        let keyword_range = body.start..body.start + text.find(is_blank).unwrap_or(text.len());
        let keyword_text = line.text()[keyword_range.clone()].to_ascii_uppercase();
        if keyword_text != "CMD" {
            return None;
        }
        let command = trim(line.text(), keyword_range.end..body.end);
        Some(Instruction {
            span: line.span(body),
            keyword: Keyword::Cmd,
            keyword_text,
            keyword_span: line.span(&keyword_range),
            flags: Vec::new(),
            body: line.excerpt(self.source, &command),
            form: self.form(line, &command),
            heredocs: Vec::new(),
            inner: None,
        })
    }

    /// The heredoc whose body starts at the next line, and the end of the line that closes it.
    fn heredoc(&mut self, opener: &Opener, span: Span) -> Option<(Heredoc, usize)> {
        let start = self.lines.position();
        let end = self.closers.find(opener, start)?;
        let body = Span::new(start, end);
        let body = if opener.strip_tabs {
            strip_tabs(self.source, body)
        } else {
            Excerpt::verbatim(self.source, body)
        };
        let closing = self.source.text()[end..].split_inclusive('\n').next().unwrap_or_default();
        self.lines.skip_to(end + closing.len());
        let heredoc = Heredoc {
            delimiter: opener.delimiter.clone(),
            expand: opener.expand,
            strip_tabs: opener.strip_tabs,
            body: Arc::new(body),
            opener: span,
        };
        Some((heredoc, end + closing.trim_end_matches(['\r', '\n']).len()))
    }
}

/// RUN, COPY and ADD in shell form take heredocs, and so does ONBUILD with one of these.
fn takes_heredocs(instruction: &Instruction) -> bool {
    let instruction = match (&instruction.keyword, &instruction.inner) {
        (Keyword::Onbuild, Some(inner)) => inner,
        _ => instruction,
    };
    matches!(instruction.keyword, Keyword::Run | Keyword::Copy | Keyword::Add)
        && matches!(instruction.form, Form::Shell)
}

/// The body of a `<<-` heredoc: every line without its leading tabs.
fn strip_tabs(source: &Arc<Source>, body: Span) -> Excerpt {
    let mut text = String::new();
    let mut pieces = Vec::new();
    let mut position = body.start;
    for line in source.slice(body).split_inclusive('\n') {
        let kept = line.trim_start_matches('\t');
        let at = position + line.len() - kept.len();
        if !kept.is_empty() {
            pieces.push(Piece { text: text.len(), len: kept.len(), source: at, source_len: kept.len() });
        }
        text.push_str(kept);
        position += line.len();
    }
    Excerpt::mapped(source, body, text, pieces, Encoding::Verbatim)
}

fn read_flag(word: &str, span: Span) -> Flag {
    let word = word.strip_prefix("--").unwrap_or(word);
    match word.split_once('=') {
        Some((name, value)) => Flag { name: name.to_owned(), value: Some(value.to_owned()), span },
        None => Flag { name: word.to_owned(), value: None, span },
    }
}

/// The range without white space (all of Unicode's, as Go trims) at its ends.
fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}
