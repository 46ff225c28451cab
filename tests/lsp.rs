//! The language server, driven over standard input and output as an editor drives it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "lsp/actions.rs"]
mod actions;
#[path = "lsp/client.rs"]
mod client;
#[path = "lsp/diagnostics.rs"]
mod diagnostics;
#[path = "lsp/picture.rs"]
mod picture;
#[path = "lsp/protocol.rs"]
mod protocol;
#[path = "lsp/soak.rs"]
mod soak;
