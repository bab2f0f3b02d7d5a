//! Building Rust plugins: cargo makes a core module, and the component encoder wraps it. No WASI, no other tool.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use wit_component::ComponentEncoder;

use super::{Failed, Toolchain};

const TARGET: &str = "wasm32-unknown-unknown";

/// Writes the component of a Rust plugin.
pub(super) fn build(toolchain: &Toolchain, folder: &Path, to: &Path) -> Result<(), Failed> {
    let module = module(toolchain, &folder.join("Cargo.toml"))?;
    let component = encode(&std::fs::read(&module)?).map_err(Failed)?;
    Ok(std::fs::write(to, component)?)
}

fn module(toolchain: &Toolchain, manifest: &Path) -> Result<PathBuf, Failed> {
    let mut command = Command::new(&toolchain.cargo);
    command.args(["build", "--profile", &profile(manifest), "--target", TARGET, "--lib", "--quiet"]);
    command.args(["--message-format", "json-render-diagnostics", "--manifest-path"]).arg(manifest);
    command.args(["--config", &anonymous(manifest)]);
    if let Some(folder) = &toolchain.target_dir {
        command.arg("--target-dir").arg(folder);
    }
    let output =
        command.stderr(Stdio::inherit()).output().map_err(|error| Failed(format!("{}: {error}", toolchain.cargo)))?;
    if !output.status.success() {
        return Err(Failed(format!("{} does not build; is the target {TARGET} installed?", manifest.display())));
    }
    let artifacts = String::from_utf8_lossy(&output.stdout);
    // The last one is the plugin itself: cargo builds what it needs first.
    let module = artifacts.lines().rev().find_map(wasm_file);
    module.ok_or_else(|| Failed(format!("{}: its [lib] needs crate-type = [\"cdylib\"]", manifest.display())))
}

/// A setting of cargo's by which a component does not tell whose folder it was built in, so that the same source gives the same
/// bytes elsewhere. What the environment's `RUSTFLAGS` say goes before it.
fn anonymous(manifest: &Path) -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let plugin = manifest.parent().map(Path::to_owned).unwrap_or_default();
    let workspace = plugin.ancestors().skip(1).filter(|folder| is_workspace(folder)).last().map(Path::to_owned);
    // Of several that fit the last one holds: from the wide to the narrow.
    let told = [(home, "/home"), (std::env::temp_dir(), "/temporary"), (workspace.unwrap_or_default(), "/source")];
    let told = told.into_iter().chain([(plugin, "/plugin"), (cargo, "/cargo")]);
    let told = told.filter(|(folder, _)| folder.parent().is_some());
    let flags: Vec<String> = told.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect();
    format!("target.{TARGET}.rustflags={}", Value::from(flags))
}

fn is_workspace(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
}

/// The workspace's small profile where there is one.
fn profile(manifest: &Path) -> String {
    let known = manifest.ancestors().skip(1).any(|folder| {
        std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[profile.guest]"))
    });
    if known { "guest".to_owned() } else { "release".to_owned() }
}

fn wasm_file(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let files = message["filenames"].as_array()?;
    files
        .iter()
        .filter_map(Value::as_str)
        .map(PathBuf::from)
        .find(|file| file.extension().is_some_and(|kind| kind == "wasm"))
}

/// Wraps a core module into a component.
fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(wit_component::ComponentEncoder::encode)
        .map_err(|error| format!("{error:#}"))
}
