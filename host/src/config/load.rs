//! Finds the configuration file, and puts file, environment and flags together.

use std::path::{Path, PathBuf};

use super::{
    environment::Environment,
    file::{self, Contents},
    flags::{Flags, Scope},
    layer::Layer,
    merge::{Resolved, merge},
    options::Config,
    source::{Fault, Faults, Source},
    spec,
};

/// Where a configuration file is looked for if none is named. The first that is there is the only one that is read.
pub const DEFAULT_FILES: [&str; 2] = ["./wardroom.toml", "/etc/wardroom/wardroom.toml"];

/// A configuration and how it came about.
#[derive(Debug)]
pub struct Loaded {
    /// The options.
    pub config: Config,
    /// The file that was read; none if none was named and none was found.
    pub file: Option<PathBuf>,
    /// Every option with its source, in the order of the documentation.
    pub options: Vec<Resolved>,
    /// What should be looked at, though it keeps nothing from working.
    pub warnings: Vec<String>,
}

impl<S: Scope> Flags<S> {
    /// The configuration by these flags, the environment and the file.
    pub fn load(&self) -> Result<Loaded, Faults> {
        self.load_with(&Environment::of_process(), self.config.clone())
    }

    /// The same with another file than the flag names.
    pub fn load_file(&self, file: PathBuf) -> Result<Loaded, Faults> {
        self.load_with(&Environment::of_process(), Some(file))
    }

    fn load_with(&self, environment: &Environment, named: Option<PathBuf>) -> Result<Loaded, Faults> {
        let named = named.or_else(|| environment.config());
        load(find(named, &DEFAULT_FILES.map(Path::new)), environment, &self.layer)
    }
}

/// The file that is named, else the first that is there. One that is there and cannot be read is not passed over.
pub(super) fn find(named: Option<PathBuf>, defaults: &[&Path]) -> Option<PathBuf> {
    named.or_else(|| defaults.iter().find(|path| path.try_exists().unwrap_or(true)).map(|path| path.to_path_buf()))
}

/// The configuration by a file, an environment and flags.
pub(super) fn load(path: Option<PathBuf>, environment: &Environment, flags: &Layer) -> Result<Loaded, Faults> {
    let specs = spec::all::<Config>();
    let Contents { layer, mut faults, mut warnings } =
        path.as_ref().map_or_else(Contents::default, |path| file::read(path, &specs));
    warnings.extend(environment.warnings(&specs));
    let merged = merge::<Config>(&[layer, environment.layer(&specs), flags.clone()], &specs);
    match merged {
        Ok((config, options)) => {
            // Options that are wrong by themselves say nothing about how they go together.
            if faults.is_empty() {
                faults.extend(config.conflicts().into_iter().map(|(key, message)| {
                    let option = options.iter().find(|option| option.key == key);
                    let source = option.map_or(Source::Default, |option| option.source.clone());
                    Fault::of(key, source, message)
                }));
            }
            if faults.is_empty() {
                return Ok(Loaded { config, file: path, options, warnings });
            }
        }
        Err(more) => faults.extend(more),
    }
    faults.sort_by_key(|fault| fault.source.order());
    Err(Faults(faults))
}
