//! What plugins are built with.

use std::path::PathBuf;

/// What guests are built with.
pub(crate) struct Toolchain {
    /// The cargo that has the wasm target.
    pub(crate) cargo: String,
    /// Where cargo may write.
    pub(crate) target_dir: Option<PathBuf>,
    /// Where the compilers of Python and JavaScript are kept; none: in the user's cache.
    pub(crate) tools: Option<PathBuf>,
}
