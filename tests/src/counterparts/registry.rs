//! An OCI registry: Debian's `docker-registry`.

use std::path::PathBuf;

use tempfile::TempDir;

use super::answers;
use crate::process::{Server, bound_to_us, free_port};

/// The registry.
#[derive(Debug)]
pub struct OciRegistry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Where it keeps blobs and manifests.
    pub storage: PathBuf,
    _folder: TempDir,
}

impl OciRegistry {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
        let (config, storage) = (folder.path().join("config.yml"), folder.path().join("storage"));
        let text = format!(
            "version: 0.1\nlog: {{ level: warn }}\nstorage:\n  filesystem: {{ rootdirectory: {:?} }}\n  delete: {{ enabled: \
             true }}\nhttp: {{ addr: \"127.0.0.1:{port}\" }}\n",
            storage.display().to_string()
        );
        std::fs::write(&config, text).expect("the folder takes it");
        let mut command = bound_to_us("docker-registry", None);
        command.arg("serve").arg(&config);
        Server::start("docker-registry", command).wait(|| answers(port, "/v2/"));
        Self { host: format!("127.0.0.1:{port}"), storage, _folder: folder }
    }
}
