//! Looking at a component before it is installed: is it one, does it ask for nothing beyond the contract, and what does it
//! say of itself. Nothing is granted while it says so.

use wasmparser::{Encoding, Parser, Payload};

use super::{
    error::{PluginErrorKind, RefusedPlugin},
    host::PluginHost,
    limits,
    registry::digest_of,
};
use crate::domain::plugin::{CONTRACT, Manifest};

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspection {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// The component's size, in bytes.
    pub bytes: usize,
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it imports, by name.
    pub imports: Vec<String>,
    /// What it exports, by name.
    pub exports: Vec<String>,
}

const PACKAGE: &str = "wardroom:plugin/";
const INTERFACES: [&str; 8] = ["log", "clock", "http", "secrets", "state", "incident", "mail", "types"];

impl PluginHost {
    /// Looks at a component: everything that would keep it from being installed is found here.
    pub async fn inspect(&self, bytes: &[u8]) -> Result<Inspection, RefusedPlugin> {
        if bytes.len() > limits::COMPONENT_BYTES {
            return Err(RefusedPlugin::TooLarge { bytes: bytes.len(), limit: limits::COMPONENT_BYTES });
        }
        let (imports, exports) = names(bytes)?;
        check_names(&imports, &exports)?;
        let digest = digest_of(bytes);
        self.load(&digest, bytes).await.map_err(|error| RefusedPlugin::Unfit { reason: error.to_string() })?;
        let described = self.describe(&digest).await.map_err(|error| RefusedPlugin::DescribeFailed {
            reason: match error.kind {
                PluginErrorKind::Trap => "it panicked".to_owned(),
                _ => error.message,
            },
        })?;
        let manifest: Manifest = serde_json::from_str(&described)
            .map_err(|error| RefusedPlugin::BadManifest { faults: vec![error.to_string()] })?;
        let mut faults = manifest.check();
        let exported = |name: &str| exports.iter().any(|export| export.starts_with(&format!("{PACKAGE}{name}@")));
        if manifest.actions.iter().any(|action| action.undo) && !exported("undo") {
            faults.push("an action offers undo, and the component does not export it".to_owned());
        }
        if manifest.actions.iter().any(|action| action.check) && !exported("check") {
            faults.push("an action offers check, and the component does not export it".to_owned());
        }
        if !faults.is_empty() {
            return Err(RefusedPlugin::BadManifest { faults });
        }
        Ok(Inspection { digest, bytes: bytes.len(), manifest, imports, exports })
    }
}

/// The names of a component's own imports and exports.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), RefusedPlugin> {
    if bytes.starts_with(b"\x7fELF") {
        return Err(RefusedPlugin::Precompiled);
    }
    let not_wasm = |error: wasmparser::BinaryReaderError| RefusedPlugin::NotWasm {
        // The first line says it; the rest are bytes.
        reason: error.message().lines().next().unwrap_or_default().trim_end_matches([' ', '[', '=']).to_owned(),
    };
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_wasm)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => return Err(RefusedPlugin::CoreModule),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(not_wasm)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(not_wasm)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

fn check_names(imports: &[String], exports: &[String]) -> Result<(), RefusedPlugin> {
    let is_ours = |name: &str| {
        let rest = name.strip_prefix(PACKAGE)?;
        let (interface, version) = rest.split_once('@')?;
        INTERFACES.contains(&interface).then(|| version.to_owned())
    };
    let foreign: Vec<String> = imports.iter().filter(|name| is_ours(name).is_none()).cloned().collect();
    if !foreign.is_empty() {
        return Err(RefusedPlugin::ForeignImport { names: foreign });
    }
    let all = imports.iter().chain(exports);
    let other = all
        .filter(|name| name.starts_with(PACKAGE))
        .find(|name| name.split_once('@').is_none_or(|(_, version)| !CONTRACT.speaks(version)));
    if let Some(name) = other {
        return Err(RefusedPlugin::WrongVersion { name: name.clone() });
    }
    if !exports.iter().any(|name| name.starts_with("wardroom:plugin/plugin@")) {
        return Err(RefusedPlugin::NoPluginExport);
    }
    Ok(())
}
