//! Compiled components on disk, so that a restart does not compile again. A file is believed only if its MAC, made with
//! this host's key over engine, digest and code, is right: whoever can write the folder cannot bring native code in.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use wasmtime::{Engine, component::Component};

use super::limits;
use wardroom_domain::hex;

const MAC_BYTES: usize = 32;
const LABEL: &[u8] = b"wardroom cwasm 1";

/// The cache.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    key: SecretBox<[u8; 32]>,
    /// Code is only good for the engine, its version and its configuration.
    engine_hash: String,
}

impl Cache {
    /// Opens the folder, makes it if need be, and removes what older engines left.
    pub(super) fn open(folder: &Path, key: SecretBox<[u8; 32]>, engine: &Engine) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let cache = Self { folder: folder.to_owned(), key, engine_hash: engine_hash(engine) };
        cache.prune()?;
        Ok(cache)
    }

    /// The component, if the cache has it whole. Anything wrong with the file means it is compiled again.
    pub(super) fn load(&self, engine: &Engine, digest: &str) -> Option<Component> {
        let file = self.read(digest)?;
        let (mac, code) = file.split_at_checked(MAC_BYTES)?;
        if self.mac(digest, code).verify_slice(mac).is_err() {
            tracing::warn!(
                plugin.digest = digest,
                "A cached plugin was altered or made with another key: compiling anew."
            );
            return None;
        }
        deserialize_verified(engine, code)
            .inspect_err(|error| {
                tracing::warn!(plugin.digest = digest, error = %error, "A cached plugin cannot be loaded: compiling anew.");
            })
            .ok()
    }

    /// The file, if it is one and no larger than compiled code gets: a link or a pipe could go on for ever.
    fn read(&self, digest: &str) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let fits = |found: fs::Metadata| found.is_file() && found.len() <= limits::COMPILED_BYTES;
        if !fs::symlink_metadata(&path).is_ok_and(fits) {
            return None;
        }
        let mut file = Vec::new();
        // Bounded once more, because it may be another one by now.
        fs::File::open(&path).ok()?.take(limits::COMPILED_BYTES).read_to_end(&mut file).ok()?;
        Some(file)
    }

    /// Keeps compiled code. The file appears whole or not at all.
    pub(super) fn store(&self, digest: &str, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(|error| io::Error::other(error.to_string()))?;
        let mut file = self.mac(digest, &code).finalize().into_bytes().to_vec();
        file.extend_from_slice(&code);
        let path = self.path(digest);
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        // What lies there is of a process that ended, or a link that somebody put there: it is not written through.
        if let Err(error) = fs::remove_file(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        fs::OpenOptions::new().write(true).create_new(true).open(&unfinished)?.write_all(&file)?;
        fs::rename(&unfinished, &path)
    }

    fn path(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{}-{digest}.cwasm", self.engine_hash))
    }

    fn mac(&self, digest: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).expect("HMAC takes keys of any length");
        // The parts before the code have fixed lengths, so no two inputs read the same.
        for part in [LABEL, self.engine_hash.as_bytes(), digest.as_bytes(), code] {
            mac.update(part);
        }
        mac
    }

    fn prune(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".tmp") || (name.ends_with(".cwasm") && !name.starts_with(&self.engine_hash)) {
                fs::remove_file(entry.path())?;
            } else if name.ends_with(".cwasm") {
                kept.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        kept.sort_unstable();
        let surplus = kept.len().saturating_sub(limits::CACHED);
        kept.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The one excused place: wasmtime cannot check compiled code, so the MAC must have been verified over these very bytes.
#[expect(unsafe_code, reason = "compiled code can only be loaded unchecked; its MAC was verified just before")]
fn deserialize_verified(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` carries a MAC of this host's key, so it is what `Component::serialize` gave this host, unaltered;
    // it is read from memory, so that nobody can change it between check and use.
    unsafe { Component::deserialize(engine, code) }
}

fn engine_hash(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl std::hash::Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut sha = Sha(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut sha);
    hex(&sha.0.finalize()[..8])
}
