//! Secrets as a guest sees them: by name, and as the key of a signature the host makes.

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::{super::bindings::wardroom::plugin::secrets, Guest};

impl secrets::Host for Guest {
    async fn available(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(self.session.as_ref().is_some_and(|session| session.secrets.contains_key(&name)))
    }

    async fn hmac_sha256(&mut self, name: String, data: Vec<u8>) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let Some(secret) = self.session.as_ref().and_then(|session| session.secrets.get(&name)) else {
            return Ok(Err(format!("The secret {name:?} is not granted or not set.")));
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)).expect("HMAC takes keys of any length");
        mac.update(&data);
        Ok(Ok(mac.finalize().into_bytes().to_vec()))
    }
}

/// The bytes of a signing key. Standard Webhooks write them in base64 behind `whsec_`.
fn key(secret: &SecretString) -> Vec<u8> {
    let text = secret.expose_secret();
    text.strip_prefix("whsec_")
        .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec())
}
