//! Shell text to simple commands: just enough to follow what RUN does to files.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::str::CharIndices;
use std::sync::Arc;

use crate::dockerfile::Heredoc;
use crate::project::vars::Reference;
use crate::source::{Excerpt, Span};

/// Part of a script.
#[derive(Debug)]
pub(super) enum Item {
    Command(Simple),
    /// `(` or `{`
    Open {
        subshell: bool,
    },
    /// `)` or `}` and what follows it up to the next separator.
    Close(Simple),
}

/// A simple command.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
    /// It reads what the command before it writes.
    pub(super) piped: bool,
    /// It may not be executed at all.
    pub(super) conditional: bool,
    /// The bytes of the script.
    pub(super) span: Span,
}

/// `>`, `<`, `<<` ...
#[derive(Debug)]
pub(super) enum Redirect {
    /// `>`: standard output, unless `other`.
    Out {
        to: Word,
        append: bool,
        other: bool,
    },
    In(Word),
    Heredoc(Body),
}

/// A heredoc's body.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) text: Arc<Excerpt>,
    pub(super) expand: bool,
}

/// A word before its expansion.
#[derive(Debug, Default, Clone)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Text {
        text: String,
        quoted: bool,
    },
    Variable {
        /// What follows a `$`, as [`Reference`] reads it.
        reference: String,
        quoted: bool,
    },
    /// A command's output, and other things only a shell knows.
    Unknown,
}

impl Word {
    /// The word, if nothing in it is quoted or expanded.
    pub(super) fn bare(&self) -> Option<&str> {
        match &self.parts[..] {
            [Part::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }

    fn push(&mut self, c: char, quoted: bool) {
        self.push_str(c.encode_utf8(&mut [0; 4]), quoted);
    }

    fn push_str(&mut self, added: &str, quoted: bool) {
        match self.parts.last_mut() {
            Some(Part::Text { text, quoted: last }) if *last == quoted => text.push_str(added),
            _ => self.parts.push(Part::Text { text: added.to_owned(), quoted }),
        }
    }

    /// Marks a quoted part, which may be empty.
    fn quoted(&mut self) {
        self.parts.push(Part::Text { text: String::new(), quoted: true });
    }
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '&' | '|' | '(' | ')' | '<' | '>')
}

/// Splits a script. The bodies of heredocs come from `heredocs` where the Dockerfile's reader has taken them out of the text.
pub(super) fn split(script: &Excerpt, heredocs: &[Heredoc]) -> Vec<Item> {
    let text = script.text();
    let mut lexer = Lexer {
        script,
        text,
        chars: text.char_indices().peekable(),
        heredocs: heredocs.iter().collect(),
        waiting: Vec::new(),
        items: Vec::new(),
        command: Simple::default(),
        closes: false,
        parentheses: 0,
        blocks: 0,
        after_or: false,
        list: 0,
    };
    lexer.run();
    lexer.items
}

struct Lexer<'s> {
    script: &'s Excerpt,
    text: &'s str,
    chars: Peekable<CharIndices<'s>>,
    heredocs: VecDeque<&'s Heredoc>,
    /// Heredocs of the text itself whose bodies begin at the next line.
    waiting: Vec<Waiting>,
    items: Vec<Item>,
    command: Simple,
    /// The command begins with `)` or `}`.
    closes: bool,
    parentheses: usize,
    /// Depth of `if`, `case`, `while` and functions.
    blocks: usize,
    after_or: bool,
    /// Where the items of the list begin that is being read.
    list: usize,
}

/// A heredoc whose body is still to come.
struct Waiting {
    delimiter: String,
    expand: bool,
    strip_tabs: bool,
    /// Index of the item that reads it, and of the redirect there.
    item: usize,
    redirect: usize,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(&(at, c)) = self.chars.peek() {
            match c {
                '\n' => {
                    self.end(at);
                    self.chars.next();
                    self.end_list();
                    self.read_bodies();
                }
                c if c.is_whitespace() => drop(self.chars.next()),
                '#' => while self.chars.next_if(|(_, c)| *c != '\n').is_some() {},
                ';' => {
                    self.separator(at);
                    self.end_list();
                }
                '&' => {
                    self.chars.next();
                    if self.chars.next_if(|(_, c)| *c == '>').is_some() {
                        self.redirect_out(true);
                    } else {
                        self.end(at);
                        if self.chars.next_if(|(_, c)| *c == '&').is_none() {
                            self.after_or = false;
                        }
                    }
                }
                '|' => {
                    self.separator(at);
                    if self.chars.next_if(|(_, c)| *c == '|').is_some() {
                        self.after_or = true;
                    } else {
                        self.chars.next_if(|(_, c)| *c == '&');
                        self.command.piped = true;
                    }
                }
                '(' => {
                    self.separator(at);
                    self.parentheses += 1;
                    self.items.push(Item::Open { subshell: true });
                }
                ')' => {
                    self.separator(at);
                    // One that closes nothing ends a pattern of `case`.
                    if self.parentheses > 0 {
                        self.parentheses -= 1;
                        self.closes = true;
                        self.command.span = Span::at(at);
                    }
                }
                '<' | '>' => self.redirect(false),
                _ => self.word_or_number(at),
            }
        }
        self.end(self.text.len());
    }

    fn separator(&mut self, at: usize) {
        self.end(at);
        self.chars.next();
    }

    /// Ends a list that others follow: where its test fails, what stands behind that is not done, and the build goes on.
    fn end_list(&mut self) {
        self.after_or = false;
        let list = &mut self.items[std::mem::take(&mut self.list)..];
        let mut is_tested = false;
        for item in list {
            if let Item::Command(command) = item {
                command.conditional |= is_tested;
                let name = command.words.first().and_then(Word::bare);
                is_tested |= matches!(name, Some("[" | "[[" | "test"));
            }
        }
        self.list = self.items.len();
    }

    /// Ends the command, if there is one.
    fn end(&mut self, at: usize) {
        let mut command = std::mem::take(&mut self.command);
        if std::mem::take(&mut self.closes) {
            command.span.end = at;
            self.items.push(Item::Close(command));
            return;
        }
        if command.words.is_empty() && command.redirects.is_empty() {
            self.command.piped = command.piped;
            return;
        }
        command.span.end = at;
        command.conditional = self.blocks > 0 || self.after_or;
        self.items.push(Item::Command(command));
    }

    /// A word; at the beginning of a command it may be a reserved one.
    fn word_or_number(&mut self, at: usize) {
        let word = self.word();
        let digits = word.bare().is_some_and(|text| text.bytes().all(|b| b.is_ascii_digit()));
        if digits && self.chars.peek().is_some_and(|(_, c)| matches!(c, '<' | '>')) {
            self.redirect(word.bare() != Some("1"));
            return;
        }
        if self.command.words.is_empty() && self.command.redirects.is_empty() {
            self.command.span = Span::at(at);
            match word.bare() {
                Some("if" | "while" | "until" | "case") => {
                    self.blocks += 1;
                    return;
                }
                Some("fi" | "esac") => {
                    self.blocks = self.blocks.saturating_sub(1);
                    return;
                }
                Some("done" | "then" | "else" | "elif" | "do" | "!" | "time") => return,
                Some("{") => return self.items.push(Item::Open { subshell: false }),
                Some("}") => {
                    self.closes = true;
                    return;
                }
                _ => {}
            }
        }
        self.command.words.push(word);
    }

    fn word(&mut self) -> Word {
        let mut word = Word::default();
        while let Some(&(at, c)) = self.chars.peek() {
            match c {
                c if ends_word(c) => break,
                '\'' => {
                    self.chars.next();
                    word.quoted();
                    while let Some((_, c)) = self.chars.next_if(|(_, c)| *c != '\'') {
                        word.push(c, true);
                    }
                    self.chars.next();
                }
                '"' => {
                    self.chars.next();
                    word.quoted();
                    self.double_quoted(&mut word);
                }
                '\\' => {
                    self.chars.next();
                    match self.chars.next() {
                        Some((_, '\n')) | None => {}
                        Some((_, c)) => word.push(c, true),
                    }
                }
                '$' => self.dollar(at, &mut word, false),
                '`' => self.backquotes(&mut word),
                _ => {
                    let is_plain = |c| !ends_word(c) && !matches!(c, '\'' | '"' | '\\' | '$' | '`');
                    while self.chars.next_if(|(_, c)| is_plain(*c)).is_some() {}
                    let end = self.chars.peek().map_or(self.text.len(), |(end, _)| *end);
                    word.push_str(&self.text[at..end], false);
                }
            }
        }
        word
    }

    fn double_quoted(&mut self, word: &mut Word) {
        while let Some(&(at, c)) = self.chars.peek() {
            match c {
                '"' => {
                    self.chars.next();
                    return;
                }
                '\\' => {
                    self.chars.next();
                    match self.chars.next() {
                        Some((_, '\n')) | None => {}
                        Some((_, c)) if "$`\"\\".contains(c) => word.push(c, true),
                        Some((_, c)) => {
                            word.push('\\', true);
                            word.push(c, true);
                        }
                    }
                }
                '$' => {
                    let parts = word.parts.len();
                    self.dollar(at, word, true);
                    // A lone dollar is text, and quoted text here.
                    if let Some(Part::Text { quoted, .. }) = word.parts.get_mut(parts) {
                        *quoted = true;
                    }
                }
                '`' => self.backquotes(word),
                c => {
                    self.chars.next();
                    word.push(c, true);
                }
            }
        }
    }

    fn dollar(&mut self, at: usize, word: &mut Word, quoted: bool) {
        self.chars.next();
        match self.chars.peek() {
            Some((_, '(')) => {
                self.skip_parentheses();
                word.parts.push(Part::Unknown);
            }
            Some((_, '\'')) => {
                self.chars.next();
                self.ansi_quoted(word);
            }
            _ => match Reference::parse(&self.text[at + 1..]) {
                Some((_, len)) => {
                    let reference = self.text[at + 1..at + 1 + len].to_owned();
                    word.parts.push(Part::Variable { reference, quoted });
                    while self.chars.next_if(|(next, _)| *next < at + 1 + len).is_some() {}
                }
                None => word.push('$', false),
            },
        }
    }

    /// `$'\r'`
    fn ansi_quoted(&mut self, word: &mut Word) {
        word.quoted();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '\'' => return,
                '\\' => {
                    let c = self.chars.next().map_or('\\', |(_, c)| c);
                    word.push(
                        match c {
                            'n' => '\n',
                            'r' => '\r',
                            't' => '\t',
                            c => c,
                        },
                        true,
                    );
                }
                c => word.push(c, true),
            }
        }
    }

    fn backquotes(&mut self, word: &mut Word) {
        self.chars.next();
        while let Some((_, c)) = self.chars.next() {
            match c {
                '`' => break,
                '\\' => drop(self.chars.next()),
                _ => {}
            }
        }
        word.parts.push(Part::Unknown);
    }

    /// Steps over `( ... )`, quotes inside included.
    fn skip_parentheses(&mut self) {
        let mut depth = 0usize;
        let mut quote = None;
        while let Some((_, c)) = self.chars.next() {
            match c {
                '\\' if quote != Some('\'') => drop(self.chars.next()),
                c if quote == Some(c) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(c),
                '(' if quote.is_none() => depth += 1,
                ')' if quote.is_none() => {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn redirect(&mut self, other: bool) {
        let out = self.chars.next().is_some_and(|(_, c)| c == '>');
        if out {
            return self.redirect_out(other);
        }
        if self.chars.next_if(|(_, c)| *c == '<').is_none() {
            self.chars.next_if(|(_, c)| matches!(c, '>' | '&'));
            let file = self.target();
            self.command.redirects.push(Redirect::In(file));
            return;
        }
        if self.chars.next_if(|(_, c)| *c == '<').is_some() {
            // A here-string feeds a command; it names no file.
            self.target();
            return;
        }
        let strip_tabs = self.chars.next_if(|(_, c)| *c == '-').is_some();
        let delimiter = self.target();
        if let Some(heredoc) = self.heredocs.pop_front() {
            let body = Body { text: Arc::clone(&heredoc.body), expand: heredoc.expand };
            self.command.redirects.push(Redirect::Heredoc(body));
            return;
        }
        let quoted = delimiter.parts.iter().any(|part| matches!(part, Part::Text { quoted: true, .. }));
        let text = delimiter.parts.iter().map(|part| match part {
            Part::Text { text, .. } => text.as_str(),
            _ => "",
        });
        self.waiting.push(Waiting {
            delimiter: text.collect(),
            expand: !quoted,
            strip_tabs,
            item: self.items.len(),
            redirect: self.command.redirects.len(),
        });
        // Replaced when the body has been read.
        let text = Arc::new(Excerpt::derived(self.script.source(), self.script.span(), ""));
        self.command.redirects.push(Redirect::Heredoc(Body { text, expand: false }));
    }

    fn redirect_out(&mut self, other: bool) {
        let append = self.chars.next_if(|(_, c)| *c == '>').is_some();
        self.chars.next_if(|(_, c)| *c == '|');
        if self.chars.next_if(|(_, c)| *c == '&').is_some() {
            // `2>&1` names no file.
            self.target();
            return;
        }
        let to = self.target();
        self.command.redirects.push(Redirect::Out { to, append, other });
    }

    fn target(&mut self) -> Word {
        while self.chars.next_if(|(_, c)| matches!(c, ' ' | '\t')).is_some() {}
        self.word()
    }

    /// Reads the bodies that begin here, at the start of a line.
    fn read_bodies(&mut self) {
        for waiting in std::mem::take(&mut self.waiting) {
            let start = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
            let mut end = start;
            let mut next = self.text.len();
            for line in self.text[start..].split_inclusive('\n') {
                let content = line.trim_end_matches(['\n', '\r']);
                let content = if waiting.strip_tabs { content.trim_start_matches('\t') } else { content };
                if content == waiting.delimiter {
                    next = end + line.len();
                    break;
                }
                end += line.len();
            }
            while self.chars.next_if(|(at, _)| *at < next).is_some() {}
            let text = self.script.sub(Span::new(start, end));
            let text = Arc::new(if waiting.strip_tabs { without_tabs(&text) } else { text });
            let body = Redirect::Heredoc(Body { text, expand: waiting.expand });
            let command = match self.items.get_mut(waiting.item) {
                Some(Item::Command(command) | Item::Close(command)) => command,
                _ => continue,
            };
            if let Some(redirect) = command.redirects.get_mut(waiting.redirect) {
                *redirect = body;
            }
        }
    }
}

/// The lines without their leading tabs, as `<<-` reads them.
fn without_tabs(body: &Excerpt) -> Excerpt {
    let mut changes = Vec::new();
    let mut start = 0;
    for line in body.text().split_inclusive('\n') {
        let tabs = line.len() - line.trim_start_matches('\t').len();
        if tabs > 0 {
            changes.push((Span::new(start, start + tabs), String::new()));
        }
        start += line.len();
    }
    body.with_changes(&changes, body.encoding())
}
