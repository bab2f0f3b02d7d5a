//! One configuration out of three layers: for each option the last layer that sets it wins.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;
use secrecy::ExposeSecret;

use super::{
    layer::{Given, Layer},
    secret,
    source::{Fault, Source},
    spec::{self, Shape, Spec},
};

/// An option as it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Its key.
    pub key: String,
    /// Its values as they may be shown: secrets masked. None if it has none; several only of lists.
    pub values: Vec<String>,
    /// Whether it takes a list.
    pub is_list: bool,
    /// Whether it is a secret.
    pub is_secret: bool,
    /// What set it.
    pub source: Source,
    /// The file that holds it, if `source` names one instead of the value.
    pub read_from: Option<PathBuf>,
}

/// Merges the layers, the first with the least weight. Checks every value of every layer, so that a wrong one in the file is
/// found although a flag overrides it today.
pub(super) fn merge<C: Args>(layers: &[Layer], specs: &[Spec]) -> Result<(C, Vec<Resolved>), Vec<Fault>> {
    let (mut faults, mut values, mut resolved) = (Vec::new(), Vec::new(), Vec::new());
    for spec in specs {
        for given in layers.iter().filter_map(|layer| layer.get(&spec.key)).flat_map(|setting| &setting.values) {
            check(spec, given, &mut faults);
        }
        let of_spec = choose(spec, layers, &mut faults);
        values.extend(of_spec.values.iter().flatten().map(|value| (spec.key.clone(), value.clone())));
        resolved.push(of_spec.resolved(spec));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    match spec::parse(specs, values) {
        Ok(config) => Ok((config, resolved)),
        // Each value alone was right, so this does not happen; if it does, it says why.
        Err(error) => Err(vec![Fault { source: Source::Default, key: None, message: error.kind().to_string() }]),
    }
}

/// What was chosen for an option.
struct Chosen {
    source: Source,
    /// None for the default.
    values: Option<Vec<OsString>>,
    read_from: Option<PathBuf>,
}

impl Chosen {
    fn resolved(&self, spec: &Spec) -> Resolved {
        let values = self.values.clone().unwrap_or_else(|| spec.defaults());
        Resolved {
            key: spec.key.clone(),
            values: values.iter().map(|value| spec.shown(value)).collect(),
            is_list: spec.shape != Shape::One,
            is_secret: spec.is_secret,
            source: self.source.clone(),
            read_from: self.read_from.clone(),
        }
    }
}

fn check(spec: &Spec, given: &Given, faults: &mut Vec<Fault>) {
    if let Err(message) = spec.check(&given.text) {
        faults.push(Fault::of(&spec.key, given.source.clone(), message));
    }
}

fn choose(spec: &Spec, layers: &[Layer], faults: &mut Vec<Fault>) -> Chosen {
    let last = |key: &str| layers.iter().rev().find_map(|layer| layer.get(key));
    let of_value = last(&spec.key);
    let of_file = spec.file_key().and_then(|key| last(&key).map(|setting| (key, setting)));
    let mut chosen = Chosen { source: Source::Default, values: None, read_from: None };
    if let Some(setting) = of_value {
        chosen.source = setting.source.clone();
        chosen.values = Some(setting.values.iter().map(|given| given.text.clone()).collect());
    }
    let Some((key, setting)) = of_file else { return chosen };
    if let Some(value) = of_value {
        // Whatever the layers: of a secret with two homes one is forgotten when it is changed.
        let message = format!(
            "given twice: as `{}` by {} and as `{key}` by {}; keep one",
            spec.key, value.source, setting.source
        );
        faults.push(Fault::of(&key, setting.source.clone(), message));
        return chosen;
    }
    for given in &setting.values {
        let path = PathBuf::from(&given.text);
        match secret::read(&path) {
            Ok(secret) => {
                let text = OsString::from(secret.expose_secret());
                if let Err(message) = spec.check(&text) {
                    let message = format!("in {}: {message}", path.display());
                    faults.push(Fault::of(&key, given.source.clone(), message));
                }
                chosen.values = Some(vec![text]);
            }
            Err(message) => faults.push(Fault::of(&key, given.source.clone(), message)),
        }
        chosen.read_from = Some(path);
    }
    chosen.source = setting.source.clone();
    chosen
}
