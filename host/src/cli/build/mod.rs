//! `wardroom plugin build`: what lies in a folder tells the language, a compiler of that language makes the component, and
//! it is written whole or not at all.

mod contract;
mod javascript;
mod python;
mod rust;
pub(crate) mod toolchain;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::Failed;
pub(super) use crate::cli::build::toolchain::Toolchain;

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// With the SDK; about 100 KB.
    Rust,
    /// With componentize-py, the interpreter inside; about 20 MB.
    Python,
    /// With componentize-js, the engine inside; about 12 MB.
    Js,
}

const LANGUAGES: [Language; 3] = [Language::Rust, Language::Python, Language::Js];

impl Language {
    /// The file that tells it.
    fn project(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Python => "pyproject.toml",
            Self::Js => "package.json",
        }
    }

    /// The language of a plugin's folder.
    fn of(folder: &Path) -> Result<Self, Failed> {
        let there: Vec<Self> =
            LANGUAGES.into_iter().filter(|language| folder.join(language.project()).exists()).collect();
        match there[..] {
            [language] => Ok(language),
            [] => Err(Failed(format!(
                "{}: no Cargo.toml, pyproject.toml or package.json is there: a plugin's folder is wanted",
                folder.display()
            ))),
            [one, other, ..] => Err(Failed(format!(
                "{}: {} and {} are both there: one of them tells the language",
                folder.display(),
                one.project(),
                other.project()
            ))),
        }
    }
}

impl Toolchain {
    /// Builds the plugin in a folder and writes `<name>.wasm` into `out`; gives that path.
    pub(crate) fn build(&self, folder: &Path, out: &Path) -> Result<PathBuf, Failed> {
        let language = Language::of(folder)?;
        let folder = folder.canonicalize()?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        fs::create_dir_all(out)?;
        let path = out.join(format!("{name}.wasm"));
        // Whole or not at all: a reader never sees half a component.
        let unfinished = out.canonicalize()?.join(format!("{name}.wasm.tmp"));
        let built = match language {
            Language::Rust => rust::build(self, &folder, &unfinished),
            Language::Python => python::build(self, &folder, &unfinished),
            Language::Js => javascript::build(self, &folder, &unfinished),
        };
        if let Err(Failed(reason)) = built {
            // It may not even be there.
            _ = fs::remove_file(&unfinished);
            return Err(Failed(format!("{name}: {reason}")));
        }
        fs::rename(&unfinished, &path)?;
        Ok(path)
    }
}
