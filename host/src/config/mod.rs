//! The configuration of a server: one typed struct ([`Config`]) from a TOML file, the environment and flags, the later wins.
//!
//! An option is declared once, in `options`. `file`, `environment` and `flags` each make a `layer` of texts with their sources,
//! `merge` checks all of them, lets the last one win, and gives typed values. Knows clap and the layers' types, and starts
//! nothing.

mod environment;
mod file;
mod flags;
mod layer;
mod load;
mod merge;
mod options;
mod reference;
mod secret;
mod source;
mod spec;
#[cfg(test)]
mod tests;
mod value;

pub use environment::Environment;
pub use flags::{Flags, Scope, Storage, Whole};
pub use load::{DEFAULT_FILES, Loaded};
pub use merge::Resolved;
pub use options::Config;
pub use reference::table;
pub use source::{Fault, Faults, Source};
pub use value::{Size, named, size};

pub(crate) use environment::variable_of_process;
pub(crate) use secret::read as read_secret;
