//! `wardroom plugin …`.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use serde_json::json;

use super::{
    Failed, begin,
    build::{Language, Toolchain},
    cassette::collect,
    client::ClientOptions,
    install::Keep,
    terminal, trial,
};
pub(super) use crate::cli::component_file::read;
use wardroom_domain::reference;
use wardroom_runtime::{Inspection, Options, PluginHost};

#[derive(Subcommand)]
pub(super) enum Plugin {
    /// Builds plugins into components. A folder with a `Cargo.toml` is one in Rust, with a `pyproject.toml` in Python, with a
    /// `package.json` in JavaScript.
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
        /// Where componentize-py and componentize-js are kept, which are installed when they are needed first. Default:
        /// `wardroom-tools` in the user's cache.
        #[arg(long, env = "WARDROOM_TOOLS", value_name = "DIR")]
        tools: Option<PathBuf>,
    },
    /// Shows what a component imports, exports and says of itself, without a server.
    #[command(after_help = "Example:\n  wardroom plugin inspect target/plugins/matrix.wasm")]
    Inspect {
        /// The component.
        file: PathBuf,
    },
    /// Begins a plugin of your own: a folder with its code and a cassette that tests it, ready to build.
    #[command(
        after_help = "Examples:\n  wardroom plugin new pager --sdk ../wardroom/plugin-sdk\n  wardroom plugin new pager --lang \
                      python"
    )]
    New {
        /// Its name: 1 to 64 of `a-z 0-9 -`, a letter first. Also the folder's.
        name: String,
        /// The language it is written in.
        #[arg(long, value_enum, default_value = "rust", value_name = "LANGUAGE")]
        lang: Language,
        /// Where the SDK for Rust is. Default: the one of the repository this runs in, else the published one.
        #[arg(long, value_name = "DIR")]
        sdk: Option<PathBuf>,
    },
    /// Tests a component against cassettes, in the real runtime, without a server and without a network.
    #[command(
        after_help = "Example:\n  wardroom plugin test dist/pager.wasm pager/pager.cassette.json\n  wardroom plugin \
                            test dist/pager.wasm pager/pager.cassette.json --record --secret pager=token.txt"
    )]
    Test {
        /// The component.
        component: PathBuf,
        /// The cassettes.
        #[arg(required = true)]
        cassettes: Vec<PathBuf>,
        /// Really calls the third party and writes what it answered, and what came of it, into the cassettes.
        #[arg(long)]
        record: bool,
        /// A secret for recording, as `NAME=FILE`. May be given several times.
        #[arg(long = "secret", value_name = "NAME=FILE", requires = "record")]
        secrets: Vec<String>,
    },
    /// Makes a cassette of a run, for a plugin whose connection is set to `"record": true`. Needs an administrator, who may read
    /// the connection.
    #[command(
        after_help = "Example:\n  wardroom plugin cassette 0198f3c2-7d2e-7c41-b0a5-5f3c1f6a9e10 --connection pager > \
                            pager.cassette.json"
    )]
    Cassette {
        /// The run.
        run: String,
        /// The connection; may be left out when the run went through one alone.
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,
    },
    /// Calls an action once, for real, in the real runtime, without a server.
    #[command(
        after_help = "Example:\n  wardroom plugin run dist/pager.wasm page --input '{\"text\": \"hello\"}' --connection \
                            pager.json --secret pager=token.txt"
    )]
    Run {
        /// The component.
        component: PathBuf,
        /// The action.
        action: String,
        /// The input, as JSON.
        #[arg(long, default_value = "{}", value_name = "JSON")]
        input: String,
        /// A file with `{"base_url", "auth", "tls", "config", "grant"}`, as for `wardroom connection set`.
        #[arg(long, value_name = "FILE")]
        connection: Option<PathBuf>,
        /// A secret, as `NAME=FILE`. May be given several times.
        #[arg(long = "secret", value_name = "NAME=FILE")]
        secrets: Vec<String>,
        /// Records the first request that could change something instead of sending it.
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints the reference of components as Markdown: actions, fields, limits, what they ask for.
    #[command(after_help = "Example:\n  wardroom plugin reference target/plugins/*.wasm > docs/plugin-reference.md")]
    Reference {
        /// The components.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    #[command(flatten)]
    Keep(Keep),
}

impl Plugin {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<ExitCode, Failed> {
        match self {
            Self::New { name, lang, sdk } => {
                begin::begin(&name, lang, sdk)?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Test { component, cassettes, record, secrets } => {
                let good = trial::test(client, &component, &cassettes, record.then_some(secrets)).await?;
                Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Self::Run { component, action, input, connection, secrets, dry_run } => {
                let once = trial::Once { action, input, connection, secrets, dry_run };
                once.run(client, &component).await?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Cassette { run, connection } => {
                collect::collect(client, &run, connection).await?;
                Ok(ExitCode::SUCCESS)
            }
            other => {
                other.keep(client).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    async fn keep(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::New { .. } | Self::Test { .. } | Self::Run { .. } | Self::Cassette { .. } => Ok(()),
            Self::Build { folders, out, cargo, target_dir, tools } => {
                let toolchain = Toolchain { cargo, target_dir, tools };
                for folder in folders {
                    let path = toolchain.build(&folder, &out)?;
                    let size = std::fs::metadata(&path)?.len();
                    terminal::line(&format!("{} ({} KB)", path.display(), size / 1_000))?;
                }
                Ok(())
            }
            Self::Inspect { file } => {
                let bytes = read(&file)?;
                let host = PluginHost::new(Options::offline())?;
                let found =
                    host.inspect(&bytes).await.map_err(|error| Failed(format!("{}: {error}", file.display())))?;
                show(client, &found)
            }
            Self::Reference { files } => {
                let host = PluginHost::new(Options::offline())?;
                let mut manifests = Vec::with_capacity(files.len());
                for file in files {
                    let found = host.inspect(&read(&file)?).await;
                    manifests.push(found.map_err(|error| Failed(format!("{}: {error}", file.display())))?.manifest);
                }
                Ok(terminal::line(reference::markdown(&manifests).trim_end())?)
            }
            Self::Keep(keep) => keep.run(client).await,
        }
    }
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
