//! pidone: which process becomes PID 1, does the stop signal reach every service, and what to change if not.
//!
//! The flow, from the bottom up. Nothing imports upwards.
//!
//! 1. [`source`]: files, places in them, and the [`source::Loader`] through which all reading goes.
//! 2. [`programs`]: what is known about programs and base images, as data.
//! 3. [`dockerfile`]: text to instructions, to stages, to images.
//! 4. [`project`]: which file is at `/entrypoint.sh` in this image?
//! 5. [`shell`]: a script as statements.
//! 6. [`launch`]: the simulation. An image's launch becomes processes, a stop becomes an outcome.
//! 7. [`rules`]: what a lost signal is called, what to say, how to repair it.
//! 8. [`fix`]: repairs, checked by the model before they are shown.
//! 9. [`report`], [`lsp`] and [`cli`]: what people, editors and programs see.

pub mod baseline;
pub mod cli;
pub mod code;
pub mod config;
pub mod diagnostic;
pub mod discover;
pub mod dockerfile;
pub mod edit;
pub mod fix;
pub mod guard;
pub mod launch;
pub mod lsp;
pub mod orchestrator;
pub mod programs;
pub mod project;
pub mod report;
pub mod rules;
pub mod settings;
pub mod shell;
pub mod source;
pub mod suppress;
pub mod yaml;

mod check;
mod recent;
mod threads;

pub use check::{
    Branch, Counts, FileReport, Ignore, ImageReport, LaunchPart, PartSource, ProcessNode, check,
    unused_ignores,
};
pub use launch::{Receives, Started};
pub use settings::{InitPolicy, Settings};
