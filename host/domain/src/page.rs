//! A part of a list: how every list is read, by cursor and by at most so many items.

/// A part of a list: at most `limit` items after a cursor that an earlier page gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The cursor.
    pub after: Option<String>,
    /// How many; the caller bounds it.
    pub limit: u32,
}
