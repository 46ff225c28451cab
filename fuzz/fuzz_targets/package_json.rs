//! A package.json, and what npm starts of it.
#![no_main]

#[path = "../../tests/holds/mod.rs"]
mod holds;

use holds::project::{Around, whole};

libfuzzer_sys::fuzz_target!(|text: &str| whole(Around::Package, text));
