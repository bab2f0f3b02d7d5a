//! Who may do what: [`people`] and their tokens, stored [`secrets`], and the [`keyring`] that seals them.

pub mod keyring;
pub(crate) mod known_callers;
pub mod people;
pub mod secrets;
