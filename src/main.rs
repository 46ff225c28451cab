//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    pidone::cli::main()
}
