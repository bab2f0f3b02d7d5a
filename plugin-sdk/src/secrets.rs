//! Secrets by name. No function returns a value.

use crate::{Failure, sys};

/// Whether the connection grants a secret under this word and it is set.
pub fn available(name: &str) -> bool {
    sys::secret_available(name)
}

/// HMAC-SHA256 of the data under a secret.
pub fn hmac_sha256(name: &str, data: &[u8]) -> Result<Vec<u8>, Failure> {
    sys::hmac_sha256(name, data).map_err(|message| Failure::new("secret", message))
}
