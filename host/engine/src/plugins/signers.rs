//! Whose signatures of components are believed. Signatures are minisign's (Ed25519 over BLAKE2b-512 of the file):
//! <https://jedisct1.github.io/minisign/>.

use minisign_verify::{PublicKey, Signature as Minisig};

use crate::EngineError;
use wardroom_domain::plugin::Signature;

/// The public keys that are believed, and whether a signature is demanded.
#[derive(Debug, Clone, Default)]
pub struct Signers {
    keys: Vec<(String, PublicKey)>,
    demanded: bool,
}

impl Signers {
    /// From public keys as minisign writes them: the base64 line. An error names the key that is none.
    pub fn new(keys: &[String], demanded: bool) -> Result<Self, String> {
        if demanded && keys.is_empty() {
            return Err("signatures are demanded and no key is believed: name one with --plugin-key".to_owned());
        }
        let parsed = keys.iter().map(|key| match PublicKey::from_base64(key) {
            Ok(parsed) => Ok((key.clone(), parsed)),
            Err(_) => Err(format!("{key:?} is no minisign public key: the second line of a .pub file is wanted")),
        });
        Ok(Self { keys: parsed.collect::<Result<_, _>>()?, demanded })
    }

    /// Whether a version that was installed earlier may come into use: its signer must still be believed where signatures
    /// are demanded.
    pub(crate) fn check_stored(&self, signed_by: Option<&Signature>) -> Result<(), EngineError> {
        let believed = signed_by.is_some_and(|signed| self.keys.iter().any(|(key, _)| *key == signed.key));
        if self.demanded && !believed {
            let message = "this server takes only signed plugins, and no key it believes has signed that version";
            return Err(EngineError::Conflict(message.to_owned()));
        }
        Ok(())
    }

    /// Who signed a component. A signature that is there must be right; none may be missing where one is demanded.
    pub(crate) fn check(&self, component: &[u8], signature: Option<&str>) -> Result<Option<Signature>, EngineError> {
        let invalid = |message: String| EngineError::invalid("signature", message);
        let Some(text) = signature else {
            if self.demanded {
                let message =
                    "this server takes only signed plugins: sign it with `minisign -S` and send the .minisig too";
                return Err(invalid(message.to_owned()));
            }
            return Ok(None);
        };
        let signature = Minisig::decode(text)
            .map_err(|_| invalid("it is no minisign signature: the text of a .minisig file is wanted".to_owned()))?;
        let signer = self.keys.iter().find(|(_, key)| key.verify(component, &signature, false).is_ok());
        match signer {
            Some((key, _)) => Ok(Some(Signature { key: key.clone(), comment: signature.trusted_comment().to_owned() })),
            None if self.keys.is_empty() => {
                Err(invalid("this server believes no key: start it with --plugin-key, or send no signature".to_owned()))
            }
            None => Err(invalid("it was not made over this component with a key that this server believes".to_owned())),
        }
    }
}
