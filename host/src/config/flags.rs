//! The flags of the command line. They are only taken down here; what they mean is decided when all sources are merged.

use std::{marker::PhantomData, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, parser::ValueSource, value_parser};

use super::{
    environment::CONFIG,
    layer::{Layer, Setting},
    options::Config,
    source::Source,
    spec::{self, Spec},
};

/// What the flags are called together in the help.
const HEADING: &str = "Configuration";

/// Which options a command has flags for.
pub trait Scope {
    /// Whether it has flags for this option.
    fn includes(key: &str) -> bool;
}

/// All of them.
#[derive(Debug, Clone, Copy)]
pub struct Whole;

/// Those that say where the server's data is.
#[derive(Debug, Clone, Copy)]
pub struct Storage;

impl Scope for Whole {
    fn includes(_: &str) -> bool {
        true
    }
}

impl Scope for Storage {
    fn includes(key: &str) -> bool {
        matches!(key, "data" | "database_url")
    }
}

/// The flags of a command that reads the server's configuration.
#[derive(Debug, Clone)]
pub struct Flags<S> {
    /// The configuration file that is named.
    pub(crate) config: Option<PathBuf>,
    pub(crate) layer: Layer,
    scope: PhantomData<S>,
}

impl<S: Scope> Flags<S> {
    fn specs() -> Vec<Spec> {
        spec::all::<Config>().into_iter().filter(|spec| S::includes(&spec.key)).collect()
    }
}

impl<S: Scope> Args for Flags<S> {
    fn augment_args(command: Command) -> Command {
        let help = format!(
            "Configuration file, in TOML; if not set, ./wardroom.toml or else /etc/wardroom/wardroom.toml, if there is one [env: \
             {CONFIG}]"
        );
        let config = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
        augment(command.arg(config.help(help).help_heading(HEADING).display_order(0)), &Self::specs())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Scope> FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let config = matches.get_one("config").cloned();
        Ok(Self { config, layer: layer(matches, &Self::specs()), scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Adds the flags of options to a command.
pub(super) fn augment(command: Command, specs: &[Spec]) -> Command {
    let flags = specs.iter().flat_map(Spec::flags).enumerate();
    // Told apart from the flags of all commands, and each file beside its value.
    command.args(flags.map(|(index, flag)| flag.help_heading(HEADING).display_order(index + 1)))
}

/// What the flags set.
pub(super) fn layer(matches: &ArgMatches, specs: &[Spec]) -> Layer {
    let names = specs.iter().flat_map(|spec| {
        let file = spec.file_key().map(|key| (key, spec.file_flag()));
        [Some((spec.key.clone(), spec.flag())), file].into_iter().flatten()
    });
    let given = names.filter(|(key, _)| matches.value_source(key) == Some(ValueSource::CommandLine));
    let set = given.map(|(key, flag)| {
        let values = matches.get_raw(&key).into_iter().flatten().map(ToOwned::to_owned);
        let setting = Setting::new(Source::Flag(format!("--{flag}")), values);
        (key, setting)
    });
    set.collect()
}
