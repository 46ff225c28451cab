//! pidone: which process becomes PID 1, does the stop signal reach every service, and what to change if not.

mod analysis_stub;
pub mod cli;
pub mod diagnostic;
pub mod discover;
pub mod dockerfile;
pub mod edit;
pub mod launch;
pub mod programs;
pub mod project;
pub mod shell;
pub mod report;
pub mod source;

pub use analysis_stub::*;
