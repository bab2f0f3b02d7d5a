//! `wardroom plugin install` and what belongs to it: upgrading, going back, publishing. A component comes from a file, a URL or
//! an OCI registry; the server is told where from.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use futures_util::StreamExt;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Failed,
    client::{ClientOptions, word},
    limit::Limit,
    registry::{Pulled, Registry},
};
use wardroom_domain::hex;
use wardroom_runtime::{Options, PluginHost, limits::COMPONENT_BYTES};

/// The versions of plugins on a server.
#[derive(Subcommand)]
pub(super) enum Keep {
    /// Installs components. What each asks for is shown; a version that asks for more than its plugin was given waits for
    /// `wardroom grant approve`, and the one before it serves.
    #[command(after_help = "Examples:\n  wardroom plugin install target/plugins/*.wasm\n  wardroom plugin install \
                      https://example.com/pager.wasm --digest 3f1c…\n  wardroom plugin install \
                      oci://registry.example.com/team/pager:1.2.0 --grant")]
    Install(Install),
    /// Installs a newer version of a plugin that is there, and shows what changes.
    #[command(after_help = "Example:\n  wardroom plugin upgrade dist/pager.wasm")]
    Upgrade(Install),
    /// Brings an earlier version into use again. Runs pinned to another go on with it.
    #[command(after_help = "Example:\n  wardroom plugin rollback pager --to 1.2.0")]
    Rollback {
        /// The plugin.
        name: String,
        /// A version or a digest; without it the one used before.
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
    },
    /// Takes a plugin out of use; runs pinned to it go on.
    #[command(after_help = "Example:\n  wardroom plugin remove pager")]
    Remove {
        /// The plugin.
        name: String,
    },
    /// Sets what a plugin may use, whatever the connection; without a limit shows what is set.
    #[command(
        after_help = "Examples:\n  wardroom plugin limit pager --in-flight 4 --per-minute 60\n  wardroom plugin limit \
                      pager --bytes-per-minute 10485760 --cpu-ms-per-minute 5000 --memory-bytes 33554432\n  wardroom \
                      plugin limit pager --none"
    )]
    Limit(Limit),
    /// Lists the versions of a plugin that are kept.
    #[command(after_help = "Example:\n  wardroom plugin versions pager")]
    Versions {
        /// The plugin.
        name: String,
    },
    /// Publishes a component in an OCI registry.
    #[command(after_help = "Example:\n  minisign -Sm dist/pager.wasm\n  wardroom plugin push dist/pager.wasm \
                      oci://registry.example.com/team/pager:1.2.0 --signature dist/pager.wasm.minisig")]
    Push {
        /// The component.
        file: PathBuf,
        /// Where to, as `oci://registry/repository:tag`.
        reference: String,
        /// Its minisign signature, published beside it.
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        #[command(flatten)]
        login: Login,
    },
    /// Lists what is installed.
    #[command(after_help = "Example:\n  wardroom plugin list")]
    List,
}

/// What to install.
#[derive(Args)]
pub(super) struct Install {
    /// Files, `https://…` with `--digest`, or `oci://registry/repository:tag`.
    #[arg(required = true, value_name = "COMPONENT")]
    components: Vec<String>,
    /// The SHA-256 that a component from a URL has to have.
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// The minisign signature; without it a `.minisig` file beside a file, or the one beside a component in a registry.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Gives whatever it newly asks for; for administrators.
    #[arg(long)]
    grant: bool,
    #[command(flatten)]
    login: Login,
}

/// Who asks an OCI registry.
#[derive(Args)]
pub(super) struct Login {
    /// The user at the registry; without one nobody.
    #[arg(long, value_name = "USER", requires = "registry_password_file")]
    registry_user: Option<String>,
    /// A file with the password.
    #[arg(long, value_name = "FILE", requires = "registry_user")]
    registry_password_file: Option<PathBuf>,
}

impl Login {
    fn read(&self) -> Result<Option<(String, SecretString)>, Failed> {
        let (Some(user), Some(file)) = (&self.registry_user, &self.registry_password_file) else { return Ok(None) };
        let password = super::plugin::read(file)?;
        let password = String::from_utf8_lossy(&password).trim_end().to_owned();
        Ok(Some((user.clone(), password.into())))
    }
}

impl Keep {
    pub(super) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        match self {
            Self::Install(install) => install.run(client, false).await,
            Self::Upgrade(install) => install.run(client, true).await,
            Self::Rollback { name, to } => {
                let answer = client.post(&format!("/plugins/{name}/rollback"), json!({ "to": to })).await?;
                client.show(&answer, |plugin| format!("{name} {} is in use again", word(plugin, "version")))
            }
            Self::Limit(limit) => limit.run(client).await,
            Self::Remove { name } => {
                client.send(Method::DELETE, &format!("/plugins/{name}"), None).await?;
                client.show(&Value::Null, |_| format!("{name} is out of use; runs pinned to it go on"))
            }
            Self::Versions { name } => {
                let items = client.list(&format!("/plugins/{name}/versions")).await?;
                client.show_list(&items, &["version", "in use", "installed", "by", "from", "digest"], |plugin| {
                    vec![
                        word(plugin, "version"),
                        if plugin["active"] == json!(true) { "yes" } else { "no" }.to_owned(),
                        word(plugin, "installed_at"),
                        word(plugin, "installed_by"),
                        word(&plugin["provenance"], "source"),
                        short(&word(plugin, "digest")),
                    ]
                })
            }
            Self::Push { file, reference, signature, login } => {
                let component = super::plugin::read(&file)?;
                let host = PluginHost::new(Options::offline())?;
                let found = host.inspect(&component).await;
                let found = found.map_err(|error| Failed(format!("{}: {error}", file.display())))?;
                let signature = signature.as_ref().map(text).transpose()?;
                let registry = Registry::of(&reference, login.read()?)?;
                let pinned = registry.push(component, &found, signature).await?;
                client.show(&json!({ "reference": pinned, "digest": found.digest }), |_| format!("pushed {pinned}"))
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

impl Install {
    async fn run(self, client: &ClientOptions, upgrade: bool) -> Result<(), Failed> {
        for source in &self.components {
            let Pulled { component, pinned, signature } = self.fetch(source).await?;
            let before = if upgrade { Some(self.known(client, source, &component).await?) } else { None };
            let mut request = client.request(Method::POST, "/plugins")?.query(&[("source", &pinned)]);
            if self.grant {
                request = request.query(&[("grant", "true")]);
            }
            if let Some(signature) = signature {
                request = request.header("wardroom-signature", STANDARD.encode(signature));
            }
            let request = request.header("content-type", "application/wasm").body(component);
            let answer = client.answer(request).await.map_err(|Failed(text)| Failed(format!("{source}: {text}")))?;
            client.show(&answer, |plugin| told(plugin, before.as_ref()))?;
        }
        Ok(())
    }

    /// The version that is in use.
    async fn known(&self, client: &ClientOptions, source: &str, component: &[u8]) -> Result<Value, Failed> {
        let failed = |text: String| Failed(format!("{source}: {text}"));
        let found = PluginHost::new(Options::offline())?.inspect(component).await;
        let found = found.map_err(|error| failed(error.to_string()))?;
        let known = client.get(&format!("/plugins/{}", found.manifest.name)).await;
        known.map_err(|Failed(text)| failed(format!("{text}: `wardroom plugin install` installs a new one")))
    }

    async fn fetch(&self, source: &str) -> Result<Pulled, Failed> {
        let given = self.signature.as_ref().map(text).transpose()?;
        let failed = |text: String| Failed(format!("{source}: {text}"));
        if source.starts_with("oci://") {
            let pulled = Registry::of(source, self.login.read()?)?.pull().await?;
            return Ok(Pulled { signature: given.or(pulled.signature), ..pulled });
        }
        if source.starts_with("https://") || source.starts_with("http://") {
            let wanted = self.digest.as_deref().ok_or_else(|| failed("a URL needs --digest".to_owned()))?;
            let component = download(source).await.map_err(|Failed(text)| failed(text))?;
            let actual = hex(&Sha256::digest(&component));
            if actual != wanted.trim_start_matches("sha256:").to_ascii_lowercase() {
                return Err(failed(format!("its SHA-256 is {actual}, and {wanted} is wanted")));
            }
            return Ok(Pulled { component, pinned: source.to_owned(), signature: given });
        }
        let file = PathBuf::from(source);
        let component = super::plugin::read(&file)?;
        let beside = PathBuf::from(format!("{source}.minisig"));
        let signature = match given {
            None if beside.exists() => Some(text(&beside)?),
            given => given,
        };
        Ok(Pulled { component, pinned: "upload".to_owned(), signature })
    }
}

/// A component from a URL, up to the limit. Its digest decides whether it is what was wanted, so redirects may be followed.
async fn download(url: &str) -> Result<Vec<u8>, Failed> {
    // Another part of the program may have installed it before: either is the same provider.
    _ = rustls::crypto::ring::default_provider().install_default();
    let response = reqwest::get(url).await?.error_for_status()?;
    let (mut bytes, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if bytes.len() > COMPONENT_BYTES {
            return Err(Failed(format!("it has more than the {COMPONENT_BYTES} bytes that are allowed")));
        }
    }
    Ok(bytes)
}

fn text(file: &PathBuf) -> Result<String, Failed> {
    std::fs::read_to_string(file).map_err(|error| Failed(format!("{}: {error}", file.display())))
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// What came of it, for people.
fn told(plugin: &Value, before: Option<&Value>) -> String {
    let (name, version) = (word(plugin, "name"), word(plugin, "version"));
    let waits = plugin["waits_for"].as_str();
    let verb = if waits.is_some() { "kept" } else { "installed" };
    let mut lines = vec![format!("{verb} {name} {version} ({})", short(&word(plugin, "digest")))];
    if let Some(before) = before {
        lines.push(format!("  before: {} ({})", word(before, "version"), short(&word(before, "digest"))));
        lines.extend(actions(before, plugin).into_iter().map(|line| format!("  {line}")));
    }
    if let Some(comment) = plugin["provenance"]["signed_by"]["comment"].as_str() {
        lines.push(format!("  signed: {comment}"));
    }
    let asked = plugin["newly"].as_array().map(Vec::as_slice).unwrap_or_default();
    let verb = if waits.is_some() { "newly asks for" } else { "was given" };
    lines.extend(asked.iter().filter_map(Value::as_str).map(|ask| format!("  {verb} {ask}")));
    if let Some(id) = waits {
        lines.push(format!("  the version before it serves until: wardroom grant approve {id}"));
    }
    lines.join("\n")
}

/// How the actions differ.
fn actions(before: &Value, after: &Value) -> Vec<String> {
    let named = |plugin: &Value| -> std::collections::BTreeMap<String, Value> {
        let actions = plugin["manifest"]["actions"].as_array().cloned().unwrap_or_default();
        actions.into_iter().map(|action| (word(&action, "name"), action)).collect()
    };
    let (before, after) = (named(before), named(after));
    let mut lines = Vec::new();
    for (name, action) in &after {
        match before.get(name) {
            None => lines.push(format!("new action {name} ({})", word(action, "risk"))),
            Some(known) => {
                for part in ["risk", "idempotent", "input", "output", "undo", "check"] {
                    if known[part] != action[part] {
                        lines.push(format!("action {name}: {part} differs"));
                    }
                }
            }
        }
    }
    lines.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("action {name} is gone")));
    lines
}
