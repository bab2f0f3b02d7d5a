//! Tests of the configuration: how sources are merged, what is refused and where, and that every option has all of them.

use std::{ffi::OsString, path::Path};

use clap::{Args, Command};

use super::{
    environment::Environment,
    file, flags,
    layer::Layer,
    merge::{Resolved, merge},
    source::Fault,
    spec::{self, Spec},
};

mod every_option;
mod faults;
mod kinds;
mod secrets;
mod sources;

/// An environment with these variables alone.
fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

/// What these flags set.
fn flags(specs: &[Spec], arguments: &[&str]) -> Layer {
    let command = flags::augment(Command::new("serve").no_binary_name(true), specs);
    flags::layer(&command.try_get_matches_from(arguments).expect("the flags are taken"), specs)
}

/// What file, environment and flags come to.
fn merged<C: Args>(
    text: &str,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> Result<(C, Vec<Resolved>), Vec<String>> {
    let specs = spec::all::<C>();
    let contents = file::parse(Path::new("wardroom.toml"), text, &specs);
    let layers = [contents.layer, environment(variables).layer(&specs), flags(&specs, arguments)];
    let mut faults = contents.faults;
    match merge(&layers, &specs) {
        Ok(found) if faults.is_empty() => return Ok(found),
        Ok(_) => {}
        Err(more) => faults.extend(more),
    }
    faults.sort_by_key(|fault| fault.source.order());
    Err(faults.iter().map(Fault::to_string).collect())
}
