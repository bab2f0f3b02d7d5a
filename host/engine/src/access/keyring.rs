//! Sealing secrets: XChaCha20-Poly1305 under the installation's key, bound to the secret's name, so that a row cannot be
//! moved to another name. Also derives the key that signs the compiled-component cache.

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

use wardroom_base::clock::{Random, random};

/// Nonce bytes before the sealed bytes.
const NONCE: usize = 24;

/// The sealed bytes cannot be opened: another key sealed them, or somebody changed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the secret was sealed with another key or was changed")]
pub struct Unopened;

/// The installation's key.
pub struct Keyring {
    key: SecretBox<[u8; 32]>,
}

impl Keyring {
    /// From 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: SecretBox::new(Box::new(key)) }
    }

    /// Seals a secret under its name.
    pub fn seal(&self, name: &str, secret: &SecretString, source: &dyn Random) -> Result<Vec<u8>, Unopened> {
        let nonce: [u8; NONCE] = random(source);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: name.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| Unopened)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Keyring::seal`] made under the same name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<SecretString, Unopened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(Unopened)?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        let opened = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unopened)?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| Unopened)
    }

    /// A key for one purpose that tells nothing of the others.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.key.expose_secret()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_base::clock::SystemRandom;

    #[test]
    fn a_sealed_secret_opens_under_its_own_name_only() {
        let keyring = Keyring::new([7; 32]);
        let sealed = keyring.seal("chat", &"hunter2".into(), &SystemRandom).expect("seals");
        assert_eq!(keyring.open("chat", &sealed).expect("opens").expose_secret(), "hunter2");
        assert_eq!(keyring.open("mail", &sealed).expect_err("another name"), Unopened);
        assert_eq!(Keyring::new([8; 32]).open("chat", &sealed).expect_err("another key"), Unopened);
        assert!(!sealed.windows(7).any(|window| window == b"hunter2"));
    }

    #[test]
    fn short_or_changed_bytes_do_not_open() {
        let keyring = Keyring::new([7; 32]);
        assert!(keyring.open("chat", b"short").is_err());
        let mut sealed = keyring.seal("chat", &"hunter2".into(), &SystemRandom).expect("seals");
        *sealed.last_mut().expect("not empty") ^= 1;
        assert!(keyring.open("chat", &sealed).is_err());
    }
}
