//! Reading a component from a file.

use std::path::PathBuf;

use crate::cli::Failed;

pub(crate) fn read(file: &PathBuf) -> Result<Vec<u8>, Failed> {
    std::fs::read(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}
