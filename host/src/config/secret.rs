//! Secrets that stand in files of their own.

use std::{fs::File, io::Read as _, path::Path};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// The largest file that is read.
const MOST_BYTES: u64 = 64 << 10;

/// The secret in a file, without line breaks at its end, which most editors and `echo` leave there.
pub(crate) fn read(path: &Path) -> Result<SecretString, String> {
    let unreadable = |error: std::io::Error| format!("cannot read the file {}: {error}", path.display());
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let named = |expected: &str| format!("expected {expected} in {}", path.display());
    if bytes.len() as u64 > MOST_BYTES {
        return Err(named("at most 64 KiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| named("UTF-8"))?.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(named("a value, found nothing"));
    }
    Ok(text.into())
}
