//! Building Rust plugins: cargo makes a core module, and the component encoder wraps it. No WASI, no other tool.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use wit_component::ComponentEncoder;

use super::{Failed, Toolchain};
use crate::config::variable_of_process;

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
    command.args(["--config", &anonymous(&toolchain.cargo, manifest)]);
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
fn anonymous(cargo: &str, manifest: &Path) -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let registry = variable_of_process("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    // Of several that fit the last one holds: from the wide to the narrow.
    let told = [(home, "/home".to_owned()), (std::env::temp_dir(), "/temporary".to_owned())].into_iter();
    let told = told.chain(local_packages(cargo, manifest)).chain([(registry, "/cargo".to_owned())]);
    let told = told.filter(|(folder, _)| folder.parent().is_some());
    let flags: Vec<String> = told.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect();
    format!("target.{TARGET}.rustflags={}", Value::from(flags))
}

/// The folders of the plugin and of everything else that is built from this machine's own files, each with the name it gets.
/// None when cargo does not answer: the build itself then says why.
fn local_packages(cargo: &str, manifest: &Path) -> Vec<(PathBuf, String)> {
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--quiet", "--manifest-path"]).arg(manifest);
    let answered = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success());
    let known: Value = answered.and_then(|output| serde_json::from_slice(&output.stdout).ok()).unwrap_or_default();
    let workspace = known["workspace_root"].as_str().map(|root| (PathBuf::from(root), "/workspace".to_owned()));
    let packages = known["packages"].as_array().into_iter().flatten().filter(|package| package["source"].is_null());
    let folder = |package: &Value| {
        let manifest = PathBuf::from(package["manifest_path"].as_str()?);
        Some((manifest.parent()?.to_owned(), format!("/{}", package["name"].as_str()?)))
    };
    workspace.into_iter().chain(packages.filter_map(folder)).collect()
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
