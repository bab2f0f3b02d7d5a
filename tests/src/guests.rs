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

/// A version of the well-behaved guest: other texts, of the same length, written over its own.
///
/// # Panics
/// When a text is not there.
pub fn greeter(changes: &[(&str, &str)]) -> Vec<u8> {
    let mut component = read("target/test-plugins/greeter.wasm");
    for (from, to) in changes {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        assert_eq!(from.len(), to.len(), "the same length, or the component breaks");
        let places: Vec<usize> =
            component.windows(from.len()).enumerate().filter(|(_, here)| *here == from).map(|(at, _)| at).collect();
        assert!(!places.is_empty(), "the guest has no such text");
        for at in places {
            component[at..at + to.len()].copy_from_slice(to);
        }
    }
    component
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
