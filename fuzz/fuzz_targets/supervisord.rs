//! The configuration of supervisord, and what it starts.
#![no_main]

#[path = "../../tests/holds/mod.rs"]
mod holds;

use holds::project::{Around, whole};

libfuzzer_sys::fuzz_target!(|text: &str| whole(Around::Supervisord, text));
