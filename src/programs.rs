//! What pidone knows of programs and base images: typed look-ups over `rules/programs.toml` and `rules/images.toml`.

mod arguments;
mod drain;
mod images;
mod modules;
mod name;
mod reference;
mod rows;
mod shipped;
mod signals;
mod sound;
mod table;

pub use arguments::{CommandLine, Inner, Script};
pub use drain::Drain;
pub use images::{Base, Family, Install, Sh};
pub use modules::Modules;
pub use rows::RowError;
pub use signals::{Handler, Reaction, Runtime};
pub use sound::Sound;
pub(crate) use sound::parts_of;
pub use table::{Alone, ConfigFile, InnerShell, Kind, Language, Program, Services, Slow, Tables};
