//! Who is believed over TLS, and who the host says it is. Verification is never off: there is no such setting.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};

use super::super::limits;
use wardroom_domain::connection::{ClientCertificate, Tls};

/// TLS settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct UnfitTls {
    /// `tls.ca`, `tls.client.certificate` or `tls.client.key`.
    pub field: &'static str,
    /// What would be right.
    pub why: String,
}

impl UnfitTls {
    fn new(field: &'static str, why: impl Into<String>) -> Self {
        Self { field, why: why.into() }
    }
}

/// The machine's certificate authorities.
pub(super) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!("the machine knows no certificate authority: only connections that bring one reach https");
    }
    roots
}

/// The configuration toward a connection's `base_url`: a `ca` of its own alone is believed, and the client certificate shown.
pub(super) fn toward_base_url(
    system: &RootCertStore,
    tls: Option<&Tls>,
    key: Option<&SecretString>,
) -> Result<ClientConfig, UnfitTls> {
    let roots = match tls.and_then(|tls| tls.ca.as_deref()) {
        Some(ca) => roots(RootCertStore::empty(), ca)?,
        None => system.clone(),
    };
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let Some(client) = tls.and_then(|tls| tls.client.as_ref()) else {
        return Ok(speaking_http(builder.with_no_client_auth()));
    };
    let (chain, key) = identity(client, key)?;
    builder.with_client_auth_cert(chain, key).map(speaking_http).map_err(|error| {
        let why = format!("secret {} is no key of tls.client.certificate ({error})", client.key);
        UnfitTls::new("tls.client.key", why)
    })
}

/// The configuration toward granted hosts: a `ca` is believed beside the machine's, and no certificate is shown.
pub(super) fn toward_granted(system: &RootCertStore, tls: Option<&Tls>) -> Result<ClientConfig, UnfitTls> {
    let roots = match tls.and_then(|tls| tls.ca.as_deref()) {
        Some(ca) => roots(system.clone(), ca)?,
        None => system.clone(),
    };
    Ok(speaking_http(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// Says what will be spoken: a server of another protocol refuses.
fn speaking_http(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// Whether settings can be used; `key` is the value of the secret that they name.
pub(crate) fn check(tls: &Tls, key: Option<&SecretString>) -> Result<(), UnfitTls> {
    toward_base_url(&RootCertStore::empty(), Some(tls), key).map(drop)
}

/// The certificates of a PEM text.
pub(super) fn certificates(field: &'static str, pem: &str) -> Result<Vec<CertificateDer<'static>>, UnfitTls> {
    if pem.len() > limits::PEM_BYTES {
        return Err(UnfitTls::new(field, format!("it is longer than {} bytes", limits::PEM_BYTES)));
    }
    let wanted = "certificates in PEM are wanted, each from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----";
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(UnfitTls::new(field, wanted)),
    }
}

fn roots(mut store: RootCertStore, ca: &str) -> Result<RootCertStore, UnfitTls> {
    for certificate in certificates("tls.ca", ca)? {
        let unfit = |error| UnfitTls::new("tls.ca", format!("a certificate in it is no authority's ({error})"));
        store.add(certificate).map_err(unfit)?;
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(client: &ClientCertificate, key: Option<&SecretString>) -> Result<Identity, UnfitTls> {
    let chain = certificates("tls.client.certificate", &client.certificate)?;
    let unfit = |why: &str| UnfitTls::new("tls.client.key", format!("secret {} {why}", client.key));
    let key = key.ok_or_else(|| unfit("is not set"))?;
    // What the parser says is not told: it could be a part of the key.
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
        .map_err(|_| unfit("holds no private key in PEM: PKCS#8, PKCS#1 or SEC1, without a passphrase, is wanted"))?;
    Ok((chain, key))
}

/// A provider of cryptography for the whole process. Another part of the program may have installed it before: either is the same.
pub(super) fn install_provider() {
    _ = rustls::crypto::ring::default_provider().install_default();
}
