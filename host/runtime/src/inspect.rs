//! Looking at a component before it is installed: is it one, does it ask for nothing beyond the contract, and what does it
//! say of itself. Nothing is granted while it says so.

use wasmparser::{ComponentInstance, ComponentTypeRef, Encoding, Instance, Parser, Payload};

use super::{
    error::{PluginErrorKind, RefusedPlugin},
    host::PluginHost,
    limits,
    registry::digest_of,
};
use wardroom_domain::plugin::{CONTRACT, Manifest};

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
    let mut unfolded = Unfolded::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(not_wasm)?;
        unfolded.read(&payload)?;
        match payload {
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

/// What a component would unfold to: the compiler makes every instance of every component in it one of its own, so a few
/// hundred bytes could ask for more than memory holds. Counted from above: each component that is instantiated counts as the
/// largest so far.
#[derive(Default)]
struct Unfolded {
    /// The instances of each component and module around the place that is read.
    open: Vec<u64>,
    largest: u64,
}

impl Unfolded {
    fn read(&mut self, payload: &Payload) -> Result<(), RefusedPlugin> {
        let mut added = 0_u64;
        match payload {
            Payload::Version { .. } => self.open.push(0),
            Payload::End(_) => self.largest = self.largest.max(self.open.pop().unwrap_or_default()),
            Payload::InstanceSection(section) => {
                let instances = section.clone().into_iter().flatten();
                added = count(instances.filter(|instance| matches!(instance, Instance::Instantiate { .. })));
            }
            Payload::ComponentInstanceSection(section) => {
                let instances = section.clone().into_iter().flatten();
                let instances =
                    count(instances.filter(|instance| matches!(instance, ComponentInstance::Instantiate { .. })));
                added = instances.saturating_mul(self.largest.saturating_add(1));
            }
            // What is handed in could not be counted where it is instantiated.
            Payload::ComponentImportSection(section) if self.open.len() > 1 => {
                let code =
                    |of: ComponentTypeRef| matches!(of, ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_));
                if section.clone().into_iter().flatten().any(|import| code(import.ty)) {
                    return Err(unfit("a component in it is handed code"));
                }
            }
            _ => {}
        }
        if let Some(here) = self.open.last_mut() {
            *here = here.saturating_add(added);
            if *here > limits::INSTANCES {
                return Err(unfit(&format!("it unfolds to more than {} instances", limits::INSTANCES)));
            }
        }
        if self.open.len() > limits::NESTED {
            return Err(unfit(&format!("components are nested deeper in it than {} levels", limits::NESTED)));
        }
        Ok(())
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

fn unfit(reason: &str) -> RefusedPlugin {
    RefusedPlugin::Unfit { reason: reason.to_owned() }
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
