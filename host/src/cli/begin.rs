//! `wardroom plugin new`: a folder with a whole small plugin, its test and its cassette.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Failed, terminal};

/// The files of a new plugin, by path; `NAME` in a path, and `@NAME@`, `@TYPE@` and `@SDK@` in a text, stand for
/// what is its own.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../../plugin-sdk/template/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../../plugin-sdk/template/lib.rs.in")),
    ("NAME.cassette.json", include_str!("../../../plugin-sdk/template/cassette.json.in")),
    ("README.md", include_str!("../../../plugin-sdk/template/README.md.in")),
];

/// Writes the files of a plugin into a new folder of its name.
pub(super) fn begin(name: &str, sdk: Option<PathBuf>) -> Result<(), Failed> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 64 || !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
        return Err(Failed(format!("{name:?}: 1 to 64 of a-z 0-9 - are wanted, a letter first")));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(Failed(format!("{name}: is there already")));
    }
    let sdk = match sdk.or_else(nearest) {
        Some(path) => {
            let path = path.canonicalize().map_err(|error| Failed(format!("{}: {error}", path.display())))?;
            if !path.join("Cargo.toml").exists() {
                return Err(Failed(format!("{}: is no SDK: it has no Cargo.toml", path.display())));
            }
            format!("{{ path = {:?} }}", path.display().to_string())
        }
        None => format!("{:?}", env!("CARGO_PKG_VERSION")),
    };
    for (path, text) in FILES {
        let path = folder.join(path.replace("NAME", name));
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)?;
        fs::write(&path, text.replace("@NAME@", name).replace("@TYPE@", &type_of(name)).replace("@SDK@", &sdk))?;
    }
    terminal::line(&format!("{name}/ is a whole plugin. Next:"))?;
    for step in [
        format!("cargo test --manifest-path {name}/Cargo.toml       # its native test"),
        format!("wardroom plugin build {name} --out dist           # the component"),
        format!("wardroom plugin test dist/{name}.wasm {name}/{name}.cassette.json"),
        format!("wardroom plugin install dist/{name}.wasm"),
    ] {
        terminal::line(&format!("  {step}"))?;
    }
    Ok(())
}

/// The SDK of the repository this runs in.
fn nearest() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join("plugin-sdk")).find(|folder| folder.join("template").exists())
}

/// `on-call` becomes `OnCallPlugin`.
fn type_of(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.map(capital).chain(["Plugin".to_owned()]).collect()
}
