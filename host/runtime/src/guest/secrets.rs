//! Secrets as a guest sees them: by name, and as the key of a signature that the host makes.

use secrecy::SecretString;

use super::{
    super::{
        bindings::wardroom::plugin::secrets,
        limits,
        sign::{self, Algorithm},
    },
    Guest,
};

impl Guest {
    fn secret(&self, name: &str) -> Result<&SecretString, secrets::Error> {
        let found = self.session.as_ref().and_then(|session| session.secrets.get(name));
        found.ok_or_else(|| {
            let name: String = name.chars().take(64).collect();
            secrets::Error::Missing(format!("The secret {name:?} is not granted or not set."))
        })
    }
}

impl secrets::Host for Guest {
    async fn available(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(self.session.as_ref().is_some_and(|session| session.secrets.contains_key(&name)))
    }

    async fn sign(
        &mut self,
        name: String,
        algorithm: String,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, secrets::Error>> {
        Ok(self.secret(&name).and_then(|secret| {
            if data.len() > limits::SIGNED_BYTES {
                return Err(secrets::Error::Invalid(format!("At most {} bytes are signed.", limits::SIGNED_BYTES)));
            }
            let signed = Algorithm::named(&algorithm).and_then(|algorithm| sign::sign(secret, algorithm, &data));
            signed.map_err(secrets::Error::Invalid)
        }))
    }

    async fn jwt(
        &mut self,
        name: String,
        algorithm: String,
        header: String,
        claims: String,
    ) -> wasmtime::Result<Result<String, secrets::Error>> {
        let now = self.session.as_ref().map_or(0, |session| session.shared.clock.now().unix_ms() / 1_000);
        Ok(self.secret(&name).and_then(|secret| {
            if header.len() + claims.len() > limits::TOKEN_BYTES {
                return Err(secrets::Error::Invalid(format!("At most {} bytes are signed.", limits::TOKEN_BYTES)));
            }
            sign::token(secret, &algorithm, &header, &claims, now).map_err(secrets::Error::Invalid)
        }))
    }
}
