//! `pidone server`: the language server, for editors.

use std::process::ExitCode;

use crate::lsp;

pub(super) fn run() -> ExitCode {
    lsp::serve()
}
