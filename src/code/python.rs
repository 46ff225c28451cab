//! Python: `import` in its forms, and what handles signals.

use tree_sitter::Node;

use super::{Code, names_signal, text_of};

/// Methods that return when somebody ends them.
const FOR_EVER: [&str; 8] = [
    "serve_forever",
    "run_forever",
    "start_consuming",
    "infinity_polling",
    "polling",
    "run_polling",
    "loop_forever",
    "wait_for_termination",
];

/// Modules with something whose `run` serves.
const SERVERS: [&str; 8] =
    ["flask", "bottle", "dash", "flask_socketio", "sanic", "quart", "nicegui", "twisted"];

/// Functions that serve, by their full names.
const SERVE: [&str; 6] = [
    "uvicorn.run",
    "waitress.serve",
    "bottle.run",
    "aiohttp.web.run_app",
    "cherrypy.quickstart",
    "eventlet.wsgi.server",
];

pub(super) fn visit(node: Node<'_>, text: &str, code: &mut Code) {
    match node.kind() {
        "import_statement" => names(node, text).for_each(|name| load(&name, code)),
        "import_from_statement" => {
            let Some(module) = node.child_by_field_name("module_name") else { return };
            let module = text_of(module, text).to_owned();
            load(&module, code);
            let dot = if module.ends_with('.') { "" } else { "." };
            for name in names(node, text) {
                code.reads_input |= module == "sys" && name == "stdin";
                load(&format!("{module}{dot}{name}"), code);
            }
        }
        "while_statement" => {
            let condition = node.child_by_field_name("condition").map(|node| text_of(node, text));
            code.stays |= matches!(condition, Some("True" | "1"));
        }
        "call" => call(node, text, code),
        "attribute" => {
            code.reads_input |= text_of(node, text) == "sys.stdin" && !asks_for_terminal(node, text);
        }
        // Flask's reloader has a handler, and so have some of the servers that Bottle runs on.
        "keyword_argument" => {
            let name = node.child_by_field_name("name").map(|node| text_of(node, text));
            code.opaque |= matches!(name, Some("debug" | "use_reloader"))
                || (name == Some("server") && code.modules.iter().any(|module| module == "bottle"));
        }
        "await" => {
            let awaited = node.named_child(0).map(|node| text_of(node, text));
            code.stays |= matches!(awaited, Some("asyncio.Future()" | "asyncio.Event().wait()"));
        }
        "assignment" => {
            let left = node.child_by_field_name("left").map(|node| text_of(node, text));
            code.opaque |= left.is_some_and(|left| left.ends_with(".debug"));
        }
        "string" => code.opaque |= text_of(node, text).trim_matches(['"', '\'']) == "DEBUG",
        "identifier" => {
            let name = text_of(node, text);
            code.names_signals |= names_signal(name) || name == "add_signal_handler";
            code.opaque |= matches!(name, "__import__" | "exec" | "eval");
        }
        _ => {}
    }
}

/// The names that an import statement brings.
fn names(node: Node<'_>, text: &str) -> impl Iterator<Item = String> {
    let mut cursor = node.walk();
    let children: Vec<Node<'_>> = node.children_by_field_name("name", &mut cursor).collect();
    let plain = |node: Node<'_>| match node.kind() {
        "aliased_import" => node.child_by_field_name("name").map(|name| text_of(name, text).to_owned()),
        _ => Some(text_of(node, text).to_owned()),
    };
    children.into_iter().filter_map(plain).collect::<Vec<_>>().into_iter()
}

fn load(name: &str, code: &mut Code) {
    match name.split('.').next().unwrap_or("") {
        "signal" => code.names_signals = true,
        "importlib" | "runpy" | "imp" => code.opaque = true,
        _ => {}
    }
    code.modules.push(name.to_owned());
}

/// `sys.stdin.isatty()`
fn asks_for_terminal(node: Node<'_>, text: &str) -> bool {
    let method = node.parent().and_then(|around| around.child_by_field_name("attribute"));
    method.is_some_and(|method| text_of(method, text) == "isatty")
}

fn call(node: Node<'_>, text: &str, code: &mut Code) {
    let Some(function) = node.child_by_field_name("function") else { return };
    let name = text_of(function, text);
    code.reads_input |=
        matches!(name, "input" | "raw_input" | "fileinput.input" | "getpass" | "getpass.getpass");
    // `open(0)`
    let first = node.child_by_field_name("arguments").and_then(|arguments| arguments.named_child(0));
    code.reads_input |= name == "open" && first.is_some_and(|first| text_of(first, text) == "0");
    code.serves |= is_loaded_as(name, &SERVE, code) || name.ends_with("BlockingScheduler");
    code.stays |= code.serves;
    if function.kind() != "attribute" {
        return;
    }
    let field = |name: &str| function.child_by_field_name(name).map(|node| text_of(node, text));
    let method = field("attribute").unwrap_or("");
    // What is read from elsewhere may turn Flask's reloader on.
    code.opaque |=
        method.starts_with("from_") && field("object").is_some_and(|object| object.ends_with("config"));
    let is_server = code.modules.iter().any(|name| {
        let package = name.split('.').next().unwrap_or("");
        SERVERS.contains(&package)
    });
    code.serves |= FOR_EVER.contains(&method)
        || (method == "run" && is_server && !matches!(field("object"), Some("asyncio" | "subprocess")))
        || (method == "start" && field("object").is_some_and(|object| object.contains("IOLoop.")));
    code.stays |= code.serves;
}

/// True if a name means one of these functions: as it is, or by what `from ... import` brings.
fn is_loaded_as(name: &str, functions: &[&str], code: &Code) -> bool {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    functions.iter().any(|full| {
        *full == name
            || code.modules.iter().any(|module| {
                let brings = module.rsplit_once('.').is_some_and(|(_, last)| last == first);
                let behind = full.strip_prefix(module.as_str()).map(|behind| behind.trim_start_matches('.'));
                brings && behind == Some(rest)
            })
    })
}
