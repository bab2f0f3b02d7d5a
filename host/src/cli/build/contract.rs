//! The contract as files, for compilers that read it: the binary carries it, so that plugins are built outside this
//! repository too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use super::Failed;
use wardroom_domain::hex;

const FILES: [(&str, &str); 3] = [
    ("types.wit", include_str!("../../../../wit/types.wit")),
    ("host.wit", include_str!("../../../../wit/host.wit")),
    ("plugin.wit", include_str!("../../../../wit/plugin.wit")),
];

/// The worlds, by what a plugin offers beside `run`: nothing, undo, check, both.
pub(super) const WORLDS: [&str; 4] = ["action", "action-with-undo", "action-with-check", "action-with-undo-and-check"];

/// Writes the contract into the cache, unless it is there; gives its folder.
pub(super) fn folder(tools: &Path) -> Result<PathBuf, Failed> {
    let text: String = FILES.iter().map(|(_, text)| *text).collect();
    // Named by what it says: another version of the program has a folder of its own.
    let folder = tools.join(format!("wit-{}", hex(&Sha256::digest(text)[..8])));
    if !folder.exists() {
        let unfinished = tools.join(format!("wit-{}.tmp", std::process::id()));
        fs::create_dir_all(&unfinished)?;
        for (name, text) in FILES {
            fs::write(unfinished.join(name), text)?;
        }
        // Another build may have been faster: the folder says the same then.
        if fs::rename(&unfinished, &folder).is_err() {
            fs::remove_dir_all(&unfinished)?;
        }
    }
    Ok(folder)
}

/// The world that a plugin's exports call for, when it offers undo, check, or both.
pub(super) fn world(undo: bool, check: bool) -> &'static str {
    WORLDS[usize::from(undo) + 2 * usize::from(check)]
}
