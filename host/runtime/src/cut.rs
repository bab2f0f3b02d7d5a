//! Cutting texts to their limits.

use crate::redact::Redactor;

/// The beginning of a text, masked first: a secret that is cut would not be found any more.
pub(crate) fn cut(text: &str, chars: usize, redactor: &Redactor) -> String {
    redactor.text(text).chars().take(chars).collect()
}
