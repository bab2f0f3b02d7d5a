//! `wardroom plugin …`.

use std::{path::PathBuf, sync::Arc};

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{
    Failed,
    build::Toolchain,
    client::{ClientOptions, word},
    terminal,
};
use crate::{
    clock::SystemClock,
    plugin::{
        Inspection, Options, PluginHost,
        limits::Limits,
        ports::{Nothing, SystemResolver},
    },
};

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// Builds Rust plugins into components.
    #[command(after_help = "Example:\n  wardroom plugin build ./my-plugin --out ./dist")]
    Build {
        /// The plugins' folders.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
        /// Where the components go.
        #[arg(long, default_value = "target/plugins", value_name = "DIR")]
        out: PathBuf,
        /// The cargo that has the target wasm32-unknown-unknown.
        #[arg(long, default_value = "cargo", env = "GUEST_CARGO", value_name = "PROGRAM")]
        cargo: String,
        /// Where cargo may write.
        #[arg(long, env = "GUEST_TARGET_DIR", value_name = "DIR")]
        target_dir: Option<PathBuf>,
    },
    /// Shows what a component imports, exports and says of itself, without a server.
    #[command(after_help = "Example:\n  wardroom plugin inspect target/plugins/matrix.wasm")]
    Inspect {
        /// The component.
        file: PathBuf,
    },
    /// Installs components.
    #[command(after_help = "Example:\n  wardroom plugin install target/plugins/*.wasm")]
    Install {
        /// The components.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Lists what is installed.
    #[command(after_help = "Example:\n  wardroom plugin list")]
    List,
}

impl Plugin {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Build { folders, out, cargo, target_dir } => {
                let toolchain = Toolchain { cargo, target_dir };
                for folder in folders {
                    let path = toolchain.build(&folder, &out)?;
                    let size = std::fs::metadata(&path)?.len();
                    terminal::line(&format!("{} ({} KB)", path.display(), size / 1_000))?;
                }
                Ok(())
            }
            Self::Inspect { file } => {
                let bytes = read(&file)?;
                let host = PluginHost::new(offline())?;
                let found =
                    host.inspect(&bytes).await.map_err(|error| Failed(format!("{}: {error}", file.display())))?;
                show(client, &found)
            }
            Self::Install { files } => {
                for file in files {
                    let request = client.request(Method::POST, "/plugins")?;
                    let request = request.header("content-type", "application/wasm").body(read(&file)?);
                    let answer = client
                        .answer(request)
                        .await
                        .map_err(|Failed(text)| Failed(format!("{}: {text}", file.display())))?;
                    client.show(&answer, |plugin| {
                        format!(
                            "installed {} {} ({})",
                            word(plugin, "name"),
                            word(plugin, "version"),
                            short(&word(plugin, "digest"))
                        )
                    })?;
                }
                Ok(())
            }
            Self::List => {
                let items = client.list("/plugins").await?;
                client.show_list(&items, &["name", "version", "actions", "digest"], |plugin| {
                    let actions = plugin["manifest"]["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
                    let actions: Vec<String> = actions.iter().map(|action| word(action, "name")).collect();
                    vec![
                        word(plugin, "name"),
                        word(plugin, "version"),
                        actions.join(" "),
                        short(&word(plugin, "digest")),
                    ]
                })
            }
        }
    }
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failed> {
    std::fs::read(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn show(client: &ClientOptions, found: &Inspection) -> Result<(), Failed> {
    if client.json {
        let answer = json!({
            "digest": found.digest,
            "bytes": found.bytes,
            "imports": found.imports,
            "exports": found.exports,
            "manifest": found.manifest,
        });
        return Ok(terminal::json(&answer)?);
    }
    let manifest = &found.manifest;
    terminal::line(&format!("{} {}: {}", manifest.name, manifest.version, manifest.description))?;
    terminal::line(&format!("{} KB, sha256 {}", found.bytes / 1_000, found.digest))?;
    let rows: Vec<Vec<String>> = manifest
        .actions
        .iter()
        .map(|action| {
            let flags = [(action.undo, "undo"), (action.check, "check")];
            let flags: Vec<&str> = flags.into_iter().filter(|(on, _)| *on).map(|(_, word)| word).collect();
            let risk = format!("{:?}", action.risk).to_lowercase();
            vec![action.name.clone(), risk, flags.join(" "), action.description.clone()]
        })
        .collect();
    terminal::table(&["action", "risk", "offers", "description"], &rows)?;
    terminal::line(&format!("asks for hosts: {}", list(&manifest.hosts)))?;
    let secrets: Vec<String> = manifest.secrets.iter().map(|secret| secret.name.clone()).collect();
    terminal::line(&format!("asks for secrets: {}", list(&secrets)))?;
    terminal::line(&format!("imports: {}", list(&found.imports)))?;
    Ok(())
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none beyond its connection".to_owned() } else { names.join(", ") }
}

/// A runtime that grants nothing: describing needs nothing.
fn offline() -> Options {
    Options {
        cache: None,
        limits: Limits { calls: 1, ..Limits::default() },
        secrets: Arc::new(Nothing),
        state: Arc::new(Nothing),
        resolver: Arc::new(SystemResolver),
        operator_hosts: Some(Vec::new()),
        clock: Arc::new(SystemClock),
    }
}
