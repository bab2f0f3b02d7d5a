//! Keys of several columns as one text.

/// Stands between the parts of a key of several columns; no identifier or name holds it.
pub(crate) const SEPARATOR: char = '\u{1f}';
