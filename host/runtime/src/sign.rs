//! Signatures and tokens made with a stored secret as the key, so that no plugin has to see one. Knows neither guests nor
//! where secrets come from.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

/// How long a token is good that does not say so itself, and the longest that one may be, in seconds.
const TOKEN_SECONDS: (i64, i64) = (300, 3_600);

/// A way to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    HmacSha1,
    HmacSha256,
    HmacSha512,
    RsaSha256,
    EcdsaP256Sha256,
    Ed25519,
}

impl Algorithm {
    /// By the contract's word for it.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "hmac-sha1" => Self::HmacSha1,
            "hmac-sha256" => Self::HmacSha256,
            "hmac-sha512" => Self::HmacSha512,
            "rsa-sha256" => Self::RsaSha256,
            "ecdsa-p256-sha256" => Self::EcdsaP256Sha256,
            "ed25519" => Self::Ed25519,
            _ => {
                return Err(unknown(
                    name,
                    "hmac-sha1, hmac-sha256, hmac-sha512, rsa-sha256, ecdsa-p256-sha256, ed25519",
                ));
            }
        })
    }

    /// By the word that JSON Web Tokens have for it (RFC 7518, RFC 8037).
    fn of_token(name: &str) -> Result<Self, String> {
        Ok(match name {
            "HS256" => Self::HmacSha256,
            "HS512" => Self::HmacSha512,
            "RS256" => Self::RsaSha256,
            "ES256" => Self::EcdsaP256Sha256,
            "EdDSA" => Self::Ed25519,
            _ => return Err(unknown(name, "HS256, HS512, RS256, ES256, EdDSA")),
        })
    }
}

fn unknown(name: &str, known: &str) -> String {
    let name: String = name.chars().take(40).collect();
    format!("{name:?} is no algorithm: there are {known}.")
}

/// The signature of `data`. An error is a sentence that tells nothing of the key.
pub(super) fn sign(secret: &SecretString, algorithm: Algorithm, data: &[u8]) -> Result<Vec<u8>, String> {
    let keyed = |kind| Ok(hmac::sign(&hmac::Key::new(kind, &symmetric(secret)), data).as_ref().to_vec());
    let (random, unfit) =
        (SystemRandom::new(), |wanted: &str| format!("The secret is no key for it: {wanted} is wanted."));
    match algorithm {
        Algorithm::HmacSha1 => keyed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Algorithm::HmacSha256 => keyed(hmac::HMAC_SHA256),
        Algorithm::HmacSha512 => keyed(hmac::HMAC_SHA512),
        Algorithm::RsaSha256 => {
            let unfit = || unfit("the PEM of an RSA key of 2,048 to 4,096 bits");
            let pair = match private(secret) {
                Some(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
                Some(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
                _ => return Err(unfit()),
            };
            let pair = pair.map_err(|_| unfit())?;
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, data, &mut signature).map_err(|_| unfit())?;
            Ok(signature)
        }
        Algorithm::EcdsaP256Sha256 => {
            let unfit = || unfit("the PKCS #8 PEM of a P-256 key");
            let Some(PrivateKeyDer::Pkcs8(der)) = private(secret) else { return Err(unfit()) };
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der(), &random);
            let signed = pair.map_err(|_| unfit())?.sign(&random, data);
            Ok(signed.map_err(|_| unfit())?.as_ref().to_vec())
        }
        Algorithm::Ed25519 => {
            let unfit = || unfit("the PKCS #8 PEM of an Ed25519 key");
            let Some(PrivateKeyDer::Pkcs8(der)) = private(secret) else { return Err(unfit()) };
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
            Ok(pair.map_err(|_| unfit())?.sign(data).as_ref().to_vec())
        }
    }
}

/// A JSON Web Token in the compact form (RFC 7515), signed at `now` (seconds since 1970).
pub(super) fn token(
    secret: &SecretString,
    algorithm: &str,
    header: &str,
    claims: &str,
    now: i64,
) -> Result<String, String> {
    let kind = Algorithm::of_token(algorithm)?;
    let (mut header, mut claims) = (object(header, "header")?, object(claims, "claims")?);
    header.insert("alg".to_owned(), json!(algorithm));
    header.entry("typ").or_insert_with(|| json!("JWT"));
    claims.entry("iat").or_insert_with(|| json!(now));
    let end = claims.entry("exp").or_insert_with(|| json!(now + TOKEN_SECONDS.0));
    if end.as_i64().is_none_or(|end| end > now.saturating_add(TOKEN_SECONDS.1)) {
        return Err(format!("`exp` has to be whole seconds since 1970, {} from now at most.", TOKEN_SECONDS.1));
    }
    let part = |object: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = sign(secret, kind, signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn object(text: &str, what: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("The {what} is no JSON object: {error}."))
}

/// The bytes of a symmetric key. Standard Webhooks write them in base64 behind `whsec_`.
fn symmetric(secret: &SecretString) -> Vec<u8> {
    let text = secret.expose_secret();
    text.strip_prefix("whsec_")
        .and_then(|encoded| base64::engine::general_purpose::STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| text.as_bytes().to_vec())
}

fn private(secret: &SecretString) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(secret.expose_secret().as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, KeyPair, UnparsedPublicKey};

    use super::*;

    fn pem(der: &[u8]) -> SecretString {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n").into()
    }

    fn hexadecimal(bytes: &[u8]) -> String {
        wardroom_domain::hex(bytes)
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let key: SecretString = "Jefe".into();
        let signed = sign(&key, Algorithm::HmacSha256, b"what do ya want for nothing?").expect("signs");
        assert_eq!(hexadecimal(&signed), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_token_is_that_of_rfc_7515() {
        // Its example A.1 is of other spacing, so the signature is held to what is signed here.
        let key: SecretString = "secret".into();
        let token =
            token(&key, "HS256", "{}", r#"{"sub":"1234567890","iat":1516239022,"exp":1516239023}"#, 1_516_239_022);
        let token = token.expect("signs");
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[0]).expect("base64"), br#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{}.{}", parts[0], parts[1]);
        let expected = sign(&key, Algorithm::HmacSha256, signed.as_bytes()).expect("signs");
        assert_eq!(URL_SAFE_NO_PAD.decode(parts[2]).expect("base64"), expected);
    }

    #[test]
    fn key_pairs_sign_what_their_public_keys_verify() {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("a key");
        let signed = sign(&pem(pkcs8.as_ref()), Algorithm::EcdsaP256Sha256, b"data").expect("signs");
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        public.verify(b"data", &signed).expect("is right");
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key");
        let signed = sign(&pem(pkcs8.as_ref()), Algorithm::Ed25519, b"data").expect("signs");
        UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref()).verify(b"data", &signed).expect("is right");
    }

    #[test]
    fn what_cannot_be_signed_is_told_without_the_key() {
        let key: SecretString = "canary-key".into();
        for algorithm in [Algorithm::RsaSha256, Algorithm::EcdsaP256Sha256, Algorithm::Ed25519] {
            let error = sign(&key, algorithm, b"data").expect_err("no key");
            assert!(error.contains("is wanted") && !error.contains("canary"), "{error}");
        }
        assert!(Algorithm::named("md5").expect_err("unknown").contains("ed25519"));
        let late = token(&key, "HS256", "{}", r#"{"exp":99999999999}"#, 1).expect_err("too long");
        assert!(late.contains("`exp`"), "{late}");
        assert!(token(&key, "none", "{}", "{}", 1).expect_err("never").contains("no algorithm"));
        assert!(token(&key, "HS256", "[]", "{}", 1).expect_err("no object").contains("header"));
    }
}
