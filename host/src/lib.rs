//! The Wardroom server as a library.

pub mod domain;
