//! A plugin: what describes itself and offers actions.

use crate::Description;

/// A plugin: a name and its actions.
pub trait Plugin {
    /// What it is and offers. Called once at install, with nothing granted.
    fn describe() -> Description;
}
