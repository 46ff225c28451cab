//! Program text in JavaScript and Python: which modules it loads, whether it names a signal, whether it stays, and whether it reads what
//! somebody types.
//!
//! This answers two questions: is it certain that a program installs no handler for the stop signal, and does it read its standard
//! input? What is not understood makes the text `opaque`, and then the first is not certain. The only room but `shell` that knows tree-sitter: strings, comments and the forms of
//! import are worth a real grammar.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tree_sitter::{Node, Parser};

use crate::programs::Language;
use crate::recent::Recent;
use crate::shell::each_node;

mod javascript;
mod python;

/// Texts larger than this are bundles, not what a person wrote.
const MAX_SIZE: usize = 512 * 1024;

/// What a program text says.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Code {
    /// The modules that it loads, as it names them.
    pub modules: Vec<String>,
    /// True if it names a signal (`"SIGTERM"`), or what handles signals.
    pub names_signals: bool,
    /// True if it listens, loops or polls for ever.
    pub stays: bool,
    /// True if a server is told to serve, in so many words, and nothing in sight ends that.
    pub serves: bool,
    /// True if it loads or runs what cannot be told from the text.
    pub opaque: bool,
    /// True if it reads its standard input: what somebody types, say.
    pub reads_input: bool,
}

/// Reads a text. What the grammar cannot read is opaque.
///
/// What was read last is kept, by the text's hash: each image that starts a program, and each repair that is tried, asks for the same files.
pub fn read(language: Language, text: &str) -> Arc<Code> {
    thread_local! {
        /// The files of one program, and some more.
        static LAST: Recent<(Language, u64, Arc<Code>)> = const { Recent::new(256) };
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let hash = hasher.finish();
    let is_it = |known: &(Language, u64, _)| (known.0, known.1) == (language, hash);
    LAST.with(|last| last.get(is_it, || (language, hash, Arc::new(parse(language, text))))).2
}

fn parse(language: Language, text: &str) -> Code {
    let grammar = match language {
        Language::JavaScript => tree_sitter_javascript::LANGUAGE,
        Language::Python => tree_sitter_python::LANGUAGE,
    };
    let mut parser = Parser::new();
    let tree = match parser.set_language(&grammar.into()) {
        Ok(()) if text.len() <= MAX_SIZE => parser.parse(text, None),
        _ => None,
    };
    let opaque = tree.as_ref().is_none_or(|tree| tree.root_node().has_error());
    let mut code = Code { opaque, ..Code::default() };
    if let Some(tree) = tree {
        each_node(&tree, |node| match language {
            Language::JavaScript => javascript::visit(node, text, &mut code),
            Language::Python => python::visit(node, text, &mut code),
        });
    }
    code
}

/// The text of a node.
fn text_of<'t>(node: Node<'_>, text: &'t str) -> &'t str {
    text.get(node.byte_range()).unwrap_or("")
}

/// True for `SIGTERM`, `SIGINT` and their like, wherever they stand.
fn names_signal(text: &str) -> bool {
    text.match_indices("SIG").any(|(at, _)| text[at + 3..].starts_with(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input() {
        for (language, text, reads) in [
            (Language::Python, "name = input('name: ')", true),
            (Language::Python, "print 'name'\nname = raw_input()", true),
            (Language::Python, "import sys\nfor line in sys.stdin: work(line)", true),
            (Language::Python, "from sys import stdin\nstdin.read()", true),
            (Language::Python, "for line in fileinput.input(): work(line)", true),
            (Language::Python, "import getpass\nword = getpass.getpass()", true),
            (Language::Python, "text = open(0).read()", true),
            (Language::Python, "text = open(path).read()", false),
            (Language::Python, "import sys\nif sys.stdin.isatty(): colour()", false),
            (Language::Python, "stdin, out = client.run(x)\nPopen(x, stdin=PIPE).stdin.write(y)", false),
            (Language::Python, "def f(input): return input.read(self.input())", false),
            (Language::JavaScript, "process.stdin.on('data', f)", true),
            (Language::JavaScript, "readline.createInterface({ input: process.stdin })", true),
            (Language::JavaScript, "import { stdin as input } from 'node:process'", true),
            (Language::JavaScript, "const process = require('process'), { stdin } = process", true),
            (Language::JavaScript, "const { stdin } = spawn(x)", false),
            (Language::JavaScript, "fs.readFileSync('/dev/stdin')", true),
            (Language::JavaScript, "if (process.stdin.isTTY) colour()", false),
            (Language::JavaScript, "child.stdin.write(x); process.stdout.write(x)", false),
        ] {
            assert_eq!(read(language, text).reads_input, reads, "{text}");
        }
    }

    #[test]
    fn javascript() {
        let text = "// process.on('SIGTERM')\nconst http = require('http'), { a } = require(\"./lib/a\");\n\
                    import x from './x.mjs';\nexport * from \"y\";\nhttp.createServer((q, r) => r.end(`/ '`)).listen(80);\n";
        let code = read(Language::JavaScript, text);
        assert_eq!(code.modules, ["http", "./lib/a", "./x.mjs", "y"]);
        assert!(code.stays && !code.names_signals && !code.opaque, "{code:?}");
        for handler in [
            "process.on('SIGTERM', f)",
            "for (const s of ['SIGINT', 'SIGTERM']) process.once(s, f)",
            "process.on(`SIGTERM`, f)",
            "x(os.constants.signals.SIGTERM)",
        ] {
            let code = read(Language::JavaScript, handler);
            assert!(code.names_signals || code.opaque, "{handler}");
        }
        for opaque in [
            "require(name)",
            "import(name)",
            "require('./' + name)",
            "load(require)",
            "eval(x)",
            "new Function(x)",
            "process.on(event, f)",
            "setup(process)",
            "process[on]('x')",
            "const { on } = process",
            "if (",
        ] {
            assert!(read(Language::JavaScript, opaque).opaque, "{opaque}");
        }
        let fine = "if (require.main === module) { process.on('exit', f); process.env.PORT } x = a / b / c";
        assert!(!read(Language::JavaScript, fine).opaque);
    }

    #[test]
    fn python() {
        let text = "# import signal\n\"\"\"signal.SIGTERM\"\"\"\nimport os, a.b as c\nfrom . import x\nfrom ..y import z\n\
                    from flask import Flask\napp = Flask(__name__)\napp.run(port=1)\n";
        let code = read(Language::Python, text);
        let modules = ["os", "a.b", ".", ".x", "..y", "..y.z", "flask", "flask.Flask"];
        assert_eq!(code.modules, modules);
        assert!(code.stays && !code.opaque, "{code:?}");
        for handler in
            ["import signal", "from signal import *", "loop.add_signal_handler(15, f)", "f(SIGTERM)"]
        {
            assert!(read(Language::Python, handler).names_signals, "{handler}");
        }
        for opaque in [
            "app.run(debug=x)",
            "import bottle\nbottle.run(server='gunicorn')",
            "app.debug = True",
            "app.config['DEBUG'] = 1",
            "app.config.from_object(x)",
        ] {
            assert!(read(Language::Python, opaque).opaque, "{opaque}");
        }
        for opaque in ["__import__(x)", "exec(x)", "eval(x)", "from x import", "import importlib"] {
            assert!(read(Language::Python, opaque).opaque, "{opaque}");
        }
        for (text, stays) in [
            ("while True:\n    work()\n", true),
            ("while 1: pass", true),
            ("while x: pass", false),
            ("server.serve_forever()", true),
            ("subprocess.run(x)", false),
            ("asyncio.run(main())", false),
            ("async def main():\n    await asyncio.Future()\n", true),
            ("async def main():\n    await asyncio.Event().wait()\n", true),
            ("async def main():\n    await future\n", false),
        ] {
            assert_eq!(read(Language::Python, text).stays, stays, "{text}");
        }
        for (text, serves) in [
            ("import uvicorn\nuvicorn.run(app)", true),
            ("from uvicorn import run\nrun(app)", true),
            ("from project import run\nrun(app)", false),
            ("from waitress import serve\nserve(app, port=80)", true),
            ("from aiohttp import web\nweb.run_app(app)", true),
            ("import aiohttp.web\naiohttp.web.run_app(app)", true),
            ("from project import web\nweb.run_app(app)", false),
            ("from flask import Flask\napp.run()", true),
            ("from twisted.internet import reactor\nreactor.run()", true),
            ("import tornado\ntornado.ioloop.IOLoop.current().start()", true),
            ("thread.start()", false),
            ("scheduler = BlockingScheduler()\nscheduler.start()", true),
            ("server.start()\nserver.wait_for_termination()", true),
            ("while True: retry()", false),
            ("asyncio.run(main())", false),
        ] {
            assert_eq!(read(Language::Python, text).serves, serves, "{text}");
        }
    }
}
