//! Plugins in OCI registries, in the layout of the CNCF's Wasm working group
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>), which `wkg` uses too: one layer, the component. A
//! signature is an artifact of its own beside it, under the tag `sha256-<digest of the manifest>.minisig`.

use futures_util::StreamExt;
use oci_client::{
    Client, Reference,
    client::{ClientConfig, ClientProtocol, Config, ImageLayer},
    manifest::{OciDescriptor, OciImageManifest},
    secrets::RegistryAuth,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Failed;
use wardroom_domain::hex;
use wardroom_runtime::{Inspection, limits::COMPONENT_BYTES};

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const COMPONENT: &str = "application/wasm";
const SIGNATURE: &str = "application/vnd.minisign.signature";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The longest signature, in bytes.
const SIGNATURE_BYTES: usize = 4 << 10;

/// A registry, as one reference names it.
pub(super) struct Registry {
    client: Client,
    auth: RegistryAuth,
    reference: Reference,
}

/// A component from a registry.
pub(super) struct Pulled {
    pub(super) component: Vec<u8>,
    /// The reference by the manifest's digest.
    pub(super) pinned: String,
    pub(super) signature: Option<String>,
}

impl Registry {
    /// Of a reference such as `oci://registry.example.com/team/pager:1.2.0`. Registries on this machine are asked in the
    /// clear, others with TLS.
    pub(super) fn of(reference: &str, login: Option<(String, SecretString)>) -> Result<Self, Failed> {
        // Another part of the program may have installed it before: either is the same provider.
        _ = rustls::crypto::ring::default_provider().install_default();
        let bare = reference.strip_prefix("oci://").unwrap_or(reference);
        let wrong = |why: &str| Failed(format!("{reference}: {why}: oci://registry/repository:tag is wanted"));
        let reference: Reference = bare.parse().map_err(|error| wrong(&format!("{error}")))?;
        let host = reference.registry().split(':').next().unwrap_or_default();
        let local = matches!(host, "localhost" | "127.0.0.1");
        let protocol = if local { ClientProtocol::Http } else { ClientProtocol::Https };
        let client = Client::try_from(ClientConfig { protocol, ..ClientConfig::default() })
            .map_err(|error| Failed(error.to_string()))?;
        let auth = match login {
            Some((user, password)) => RegistryAuth::Basic(user, password.expose_secret().to_owned()),
            None => RegistryAuth::Anonymous,
        };
        Ok(Self { client, auth, reference })
    }

    fn failed(&self, error: impl std::fmt::Display) -> Failed {
        Failed(format!("oci://{}: {error}", self.reference.whole()))
    }

    /// Pushes a component; gives the reference by the manifest's digest.
    pub(super) async fn push(
        &self,
        component: Vec<u8>,
        found: &Inspection,
        signature: Option<String>,
    ) -> Result<String, Failed> {
        let config = json!({
            "architecture": "wasm",
            "os": "wasip2",
            "layerDigests": [format!("sha256:{}", found.digest)],
            "component": { "exports": found.exports, "imports": found.imports, "target": null },
        });
        let config = Config::new(config.to_string().into_bytes(), CONFIG.to_owned(), None);
        let layers = [ImageLayer::new(component, COMPONENT.to_owned(), None)];
        let annotations = [
            ("org.opencontainers.image.title", &found.manifest.name),
            ("org.opencontainers.image.version", &found.manifest.version),
            ("org.opencontainers.image.description", &found.manifest.description),
        ];
        let annotations = annotations.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
        let manifest = OciImageManifest::build(&layers, &config, Some(annotations));
        self.client
            .push(&self.reference, &layers, config, &self.auth, Some(manifest))
            .await
            .map_err(|error| self.failed(error))?;
        let (_, digest) = self.manifest(&self.reference).await?;
        if let Some(signature) = signature {
            let config = Config::new(b"{}".to_vec(), EMPTY.to_owned(), None);
            let layers = [ImageLayer::new(signature.into_bytes(), SIGNATURE.to_owned(), None)];
            let beside = self.beside(&digest);
            let pushed = self.client.push(&beside, &layers, config, &self.auth, None).await;
            pushed.map_err(|error| self.failed(error))?;
        }
        Ok(self.pinned(&digest))
    }

    /// Pulls a component and the signature beside it. Everything is what its digest says, or nothing is given.
    pub(super) async fn pull(&self) -> Result<Pulled, Failed> {
        let (manifest, digest) = self.manifest(&self.reference).await?;
        let [layer] = manifest.layers.as_slice() else {
            return Err(self.failed(format!("it has {} layers: a component is one", manifest.layers.len())));
        };
        if manifest.config.media_type != CONFIG || layer.media_type != COMPONENT {
            return Err(
                self.failed(format!("it is no component ({}): push it with `wardroom plugin push`", layer.media_type))
            );
        }
        let component = self.blob(layer, COMPONENT_BYTES).await?;
        let signature = match self.client.pull_image_manifest(&self.beside(&digest), &self.auth).await {
            Ok((manifest, _)) => match manifest.layers.as_slice() {
                [layer] if layer.media_type == SIGNATURE => {
                    let text = self.blob(layer, SIGNATURE_BYTES).await?;
                    Some(String::from_utf8(text).map_err(|error| self.failed(error))?)
                }
                _ => None,
            },
            Err(_) => None,
        };
        Ok(Pulled { component, pinned: self.pinned(&digest), signature })
    }

    async fn manifest(&self, reference: &Reference) -> Result<(OciImageManifest, String), Failed> {
        self.client.pull_image_manifest(reference, &self.auth).await.map_err(|error| self.failed(error))
    }

    async fn blob(&self, layer: &OciDescriptor, limit: usize) -> Result<Vec<u8>, Failed> {
        let too_large = || self.failed(format!("it has more than the {limit} bytes that are allowed"));
        let stream = self.client.pull_blob_stream(&self.reference, layer).await;
        let mut stream = stream.map_err(|error| self.failed(error))?.stream;
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| self.failed(error))?);
            if bytes.len() > limit {
                return Err(too_large());
            }
        }
        let found = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
        if found != layer.digest {
            return Err(self.failed(format!("the registry gave {found} for {}: it was tampered with", layer.digest)));
        }
        Ok(bytes)
    }

    fn beside(&self, digest: &str) -> Reference {
        let tag = format!("{}.minisig", digest.replace(':', "-"));
        Reference::with_tag(self.reference.registry().to_owned(), self.reference.repository().to_owned(), tag)
    }

    fn pinned(&self, digest: &str) -> String {
        format!("oci://{}/{}@{digest}", self.reference.registry(), self.reference.repository())
    }
}
