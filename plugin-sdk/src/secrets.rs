//! Secrets by name. No function returns a value.

use serde_json::Value;

use crate::{Failure, sys, wit::wardroom::plugin::secrets};

/// Whether the connection grants a secret under this word and it is set.
pub fn available(name: &str) -> bool {
    sys::secret_available(name)
}

/// The signature of at most 1 MiB of data with a secret as the key: `hmac-sha1`, `hmac-sha256`, `hmac-sha512`, `rsa-sha256`,
/// `ecdsa-p256-sha256` or `ed25519`.
pub fn sign(name: &str, algorithm: &str, data: &[u8]) -> Result<Vec<u8>, Failure> {
    sys::sign(name, algorithm, data).map_err(failed)
}

/// HMAC-SHA256 of the data under a secret.
pub fn hmac_sha256(name: &str, data: &[u8]) -> Result<Vec<u8>, Failure> {
    sign(name, "hmac-sha256", data)
}

/// A JSON Web Token with a secret as the key: `HS256`, `HS512`, `RS256`, `ES256` or `EdDSA`. `header` and `claims` are
/// objects; the host sets `alg` and `typ`, and `iat` and `exp` (5 minutes) where they are missing.
pub fn jwt(name: &str, algorithm: &str, header: &Value, claims: &Value) -> Result<String, Failure> {
    sys::jwt(name, algorithm, &header.to_string(), &claims.to_string()).map_err(failed)
}

fn failed(error: secrets::Error) -> Failure {
    match error {
        secrets::Error::Missing(message) => Failure::new("secret", message),
        secrets::Error::Invalid(message) => Failure::new("signature", message),
    }
}
