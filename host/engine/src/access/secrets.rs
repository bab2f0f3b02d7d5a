//! Setting secrets: sealed before they are written, and never read back over the API.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use crate::{
    Caller, Engine, EngineError,
    platform::{between, check_name},
};
use wardroom_store::{Guard, SealedSecret};

/// The longest secret, in bytes.
pub const MAX_SECRET: usize = 16 * 1024;

impl Engine {
    /// The stored secrets, sealed: by name, and who set them when.
    pub async fn secret_list(&self) -> Result<Vec<SealedSecret>, EngineError> {
        Ok(self.store().secrets().await?)
    }

    /// Creates or replaces a secret.
    pub async fn secret_set(&self, caller: &Caller, name: &str, value: &SecretString) -> Result<(), EngineError> {
        check_name("name", name)?;
        match value.expose_secret().len() {
            0 => return Err(EngineError::invalid("value", "is empty")),
            1..=MAX_SECRET => {}
            _ => return Err(EngineError::invalid("value", format!("at most {MAX_SECRET} bytes are wanted"))),
        }
        let sealed = self.0.parts.keyring.seal(name, value, &*self.0.parts.random);
        let secret = SealedSecret {
            name: name.to_owned(),
            sealed: sealed.map_err(|error| EngineError::Internal(error.to_string()))?,
            updated_at: self.now(),
            updated_by: caller.person.handle.clone(),
        };
        let data = between(self.store().secret(name).await?.as_ref().map(brief), brief(&secret));
        self.change_platform(caller, Guard::Secret(secret), "secret.set", name, data).await?;
        Ok(())
    }

    /// Whether a text is the value of a secret; compared in constant time.
    pub async fn is_secret(&self, name: &str, text: &str) -> Result<bool, EngineError> {
        let Some(opened) = self.opened_secret(name).await? else { return Ok(false) };
        Ok(opened.expose_secret().as_bytes().ct_eq(text.as_bytes()).into())
    }

    /// The value of a secret, for the host's own use.
    pub(crate) async fn opened_secret(&self, name: &str) -> Result<Option<SecretString>, EngineError> {
        let Some(secret) = self.store().secret(name).await? else { return Ok(None) };
        let opened = self.0.parts.keyring.open(name, &secret.sealed);
        opened.map(Some).map_err(|error| EngineError::Internal(format!("secret {name}: {error}")))
    }
}

/// What the audit log tells of a secret: never its value.
fn brief(secret: &SealedSecret) -> Value {
    json!({ "updated_at": secret.updated_at, "updated_by": secret.updated_by })
}
