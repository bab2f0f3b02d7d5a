//! `wardroom config`: checks and shows what the server would be started with. Asks no server.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failed,
    client::ClientOptions,
    terminal::{self, Colour, paint},
};
use crate::config::{DEFAULT_FILES, Fault, Faults, Flags, Loaded, Resolved, Source, Whole};

#[derive(Subcommand)]
pub(super) enum Config {
    /// Check the configuration file, the environment and the flags: every fault, with its place
    #[command(after_help = "Examples:\n  wardroom config check\n  wardroom config check /etc/wardroom/wardroom.toml")]
    Check(Check),
    /// Show the value of every option and what set it; secrets are masked
    #[command(after_help = "Examples:\n  wardroom config show\n  wardroom config show --config staging.toml --json")]
    Show(Show),
}

#[derive(Args)]
pub(super) struct Check {
    /// Configuration file, like `--config`
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags<Whole>,
}

#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    flags: Flags<Whole>,
}

impl Config {
    pub(super) fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Check(check) => check.run(client),
            Self::Show(show) => show.run(client),
        }
    }
}

impl Check {
    fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let loaded = match self.file {
            Some(file) => self.flags.load_file(file),
            None => self.flags.load(),
        };
        if client.json {
            let faults = loaded.as_ref().err().map_or(&[][..], |Faults(faults)| faults);
            terminal::json(&json!({
                "file": loaded.as_ref().ok().map(|loaded| &loaded.file),
                "faults": faults.iter().map(Fault::to_json).collect::<Vec<_>>(),
                "warnings": loaded.as_ref().map_or(&[][..], |loaded| &loaded.warnings),
            }))?;
        }
        let loaded = loaded?;
        if !client.json {
            warn(&loaded)?;
            let set = loaded.options.iter().filter(|option| option.source != Source::Default).count();
            terminal::line(&format!("{}: no faults, {set} options set", file(loaded.file.as_deref())))?;
        }
        Ok(())
    }
}

impl Show {
    fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        let loaded = self.flags.load()?;
        warn(&loaded)?;
        if client.json {
            let options: Vec<Value> = loaded.options.iter().map(to_json).collect();
            terminal::json(&json!({ "file": loaded.file, "options": options, "warnings": loaded.warnings }))?;
            return Ok(());
        }
        terminal::line(&paint(Colour::Grey, &format!("file: {}", file(loaded.file.as_deref()))))?;
        terminal::table(&["key", "value", "source"], &loaded.options.iter().map(row).collect::<Vec<_>>())?;
        Ok(())
    }
}

fn warn(loaded: &Loaded) -> Result<(), Failed> {
    loaded.warnings.iter().try_for_each(|warning| terminal::note(&format!("warning: {warning}")))?;
    Ok(())
}

fn file(file: Option<&Path>) -> String {
    match file {
        Some(file) => file.display().to_string(),
        None => format!("no configuration file (looked for {})", DEFAULT_FILES.join(" and ")),
    }
}

fn row(option: &Resolved) -> Vec<String> {
    let value = if option.values.is_empty() { "-".to_owned() } else { option.values.join(", ") };
    let source = match &option.read_from {
        Some(file) => format!("{}, read from {}", option.source, file.display()),
        None => option.source.to_string(),
    };
    vec![option.key.clone(), value, source]
}

fn to_json(option: &Resolved) -> Value {
    let value = if option.is_list { json!(option.values) } else { json!(option.values.first()) };
    json!({
        "key": option.key,
        "value": value,
        "secret": option.is_secret,
        "source": option.source.to_json(),
        "read_from": option.read_from,
    })
}
