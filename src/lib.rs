//! pidone: which process becomes PID 1, does the stop signal reach every service, and what to change if not.

pub mod diagnostic;
pub mod dockerfile;
pub mod programs;
pub mod project;
pub mod shell;
pub mod source;
