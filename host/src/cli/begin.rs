//! `wardroom plugin new`: a folder with a whole small plugin, in a language of choice, and its cassette.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Failed, build::Language, terminal};

/// Files by their paths; `NAME` in a path, and `@NAME@`, `@TYPE@`, `@SDK@` and `@NATIVE@` in a text, stand for what is the
/// plugin's own.
type Files = &'static [(&'static str, &'static str)];

/// What every plugin has, whatever its language. The cassette is one: the same plugin, written three times.
const COMMON: Files = &[
    ("NAME.cassette.json", include_str!("../../../plugin-sdk/template/cassette.json.in")),
    ("README.md", include_str!("../../../plugin-sdk/template/README.md.in")),
];

const RUST: Files = &[
    ("Cargo.toml", include_str!("../../../plugin-sdk/template/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("../../../plugin-sdk/template/rust/lib.rs.in")),
];

const PYTHON: Files = &[
    ("pyproject.toml", include_str!("../../../plugin-sdk/template/python/pyproject.toml.in")),
    ("plugin.py", include_str!("../../../plugin-sdk/template/python/plugin.py.in")),
    ("wardroom.py", include_str!("../../../plugin-sdk/template/python/wardroom.py.in")),
];

const JAVASCRIPT: Files = &[
    ("package.json", include_str!("../../../plugin-sdk/template/js/package.json.in")),
    ("plugin.js", include_str!("../../../plugin-sdk/template/js/plugin.js.in")),
    ("wardroom.js", include_str!("../../../plugin-sdk/template/js/wardroom.js.in")),
];

/// Writes the files of a plugin into a new folder of its name.
pub(super) fn begin(name: &str, language: Language, sdk: Option<PathBuf>) -> Result<(), Failed> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 64 || !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
        return Err(Failed(format!("{name:?}: 1 to 64 of a-z 0-9 - are wanted, a letter first")));
    }
    let folder = Path::new(name);
    if folder.exists() {
        return Err(Failed(format!("{name}: is there already")));
    }
    let (files, sdk, native) = match language {
        Language::Rust => (RUST, requirement(sdk)?, "cargo test                                        # natively\n"),
        Language::Python => (PYTHON, String::new(), ""),
        Language::Js => (JAVASCRIPT, String::new(), ""),
    };
    for (path, text) in files.iter().chain(COMMON) {
        let path = folder.join(path.replace("NAME", name));
        let text = text.replace("@NAME@", name).replace("@TYPE@", &type_of(name));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, text.replace("@SDK@", &sdk).replace("@NATIVE@", native))?;
    }
    terminal::line(&format!("{name}/ is a whole plugin. Next:"))?;
    if language == Language::Rust {
        terminal::line(&format!("  cargo test --manifest-path {name}/Cargo.toml       # its native test"))?;
    }
    for step in [
        format!("wardroom plugin build {name} --out dist           # the component"),
        format!("wardroom plugin test dist/{name}.wasm {name}/{name}.cassette.json"),
        format!("wardroom plugin install dist/{name}.wasm"),
    ] {
        terminal::line(&format!("  {step}"))?;
    }
    Ok(())
}

/// How a Rust plugin's manifest asks for the SDK.
fn requirement(sdk: Option<PathBuf>) -> Result<String, Failed> {
    let Some(path) = sdk.or_else(nearest) else { return Ok(format!("{:?}", env!("CARGO_PKG_VERSION"))) };
    let path = path.canonicalize().map_err(|error| Failed(format!("{}: {error}", path.display())))?;
    if !path.join("Cargo.toml").exists() {
        return Err(Failed(format!("{}: is no SDK: it has no Cargo.toml", path.display())));
    }
    Ok(format!("{{ path = {:?} }}", path.display().to_string()))
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
