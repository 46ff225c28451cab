//! What pidone knows of programs and base images: typed look-ups over `rules/programs.toml` and `rules/images.toml`.

mod images;
mod table;

pub use images::{Base, Family, Sh};
pub use table::{CommandLine, Handler, Kind, Program, Tables};
