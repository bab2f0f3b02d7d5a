//! Finding parts of an incident by number and revision.

use wardroom_domain::dossier::{Part, part::find};

use crate::EngineError;

/// The part of a number.
pub(crate) fn part_of<P: Part>(parts: &mut [P], number: u32) -> Result<&mut P, EngineError> {
    find(parts, number).ok_or_else(|| EngineError::not_found(P::NOUN, number))
}

/// Whether a part is as the caller read it.
pub(crate) fn read_revision<P: Part>(parts: &mut [P], number: u32, expected: Option<i64>) -> Result<(), EngineError> {
    let actual = part_of(parts, number)?.head().revision;
    match expected {
        Some(expected) if expected != actual => Err(EngineError::Stale { noun: P::NOUN, actual }),
        _ => Ok(()),
    }
}
