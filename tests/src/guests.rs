//! The components that `scripts/plugins.sh --tests` built.

use std::path::{Path, PathBuf};

/// The hostile guest: each of its actions is one bad habit.
pub fn hostile() -> Vec<u8> {
    read("target/test-plugins/hostile.wasm")
}

/// A guest that imports what no host offers.
pub fn outsider() -> Vec<u8> {
    read("target/test-plugins/outsider.wasm")
}

/// A bundled plugin.
pub fn bundled(name: &str) -> Vec<u8> {
    read(&format!("target/plugins/{name}.wasm"))
}

fn read(path: &str) -> Vec<u8> {
    let path = root().join(path);
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; build it: scripts/plugins.sh --tests", path.display()))
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
