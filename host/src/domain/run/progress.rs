//! What may start next.
