//! A Dockerfile and its scripts, started and stopped in memory.
#![no_main]

#[path = "../../tests/holds/mod.rs"]
mod holds;

libfuzzer_sys::fuzz_target!(|text: &str| holds::project::checked(text));
