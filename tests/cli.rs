//! The binary, end to end, on temporary folders.
#![allow(clippy::unwrap_used, missing_docs)]

mod cli {
    mod baseline;
    mod check;
    mod config;
    mod deployments;
    mod diff;
    mod discover;
    mod fix;
    mod help;
    mod hostile;
    mod ignore;
    mod interactive;
    mod options;
    mod support;
    mod write;
}
