//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(unix)]
    end_on_stop();
    pidone::cli::main()
}

/// As PID 1, a program without a handler never hears the stop signal: the kernel drops it.
#[cfg(unix)]
fn end_on_stop() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag::register_conditional_shutdown;

    if std::process::id() == 1 {
        for signal in [SIGINT, SIGTERM] {
            // Files are replaced in one step, so there is nothing to finish. Without the handler, all else works.
            let _ = register_conditional_shutdown(signal, 128 + signal, Arc::new(AtomicBool::new(true)));
        }
    }
}
