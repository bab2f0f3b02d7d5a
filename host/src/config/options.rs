//! Every option of the server. **This struct is the one place where an option is declared**: from its field come the key in the
//! file, the environment variable, the flag, `--help`, `wardroom config`, the documentation's table, and the tests.
//!
//! - The field's name is the key. `keep_runs` is also `WARDROOM_KEEP_RUNS` and `--keep-runs`. A list has a plural name, and a
//!   flag in the singular (`long = "allow-host"`), which is given once for each item.
//! - The type says how it is written in the file: `bool` as a boolean, whole numbers as numbers, `Vec` as a list, anything else
//!   as a string. A `Vec` whose value name is `NAME=…` is a table.
//! - A `SecretString` is masked wherever it is shown, and can also be read from a file: `key_file`, `WARDROOM_KEY_FILE`,
//!   `--key-file`. If its value name is `URL`, only its user, password and query are masked.
//! - The comment is the help, in one paragraph.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use secrecy::SecretString;
use wardroom_base::telemetry;
use wardroom_engine::runs::retain::LEAST_KEPT;

use super::{spec, value};

/// The options of a server.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Data folder: holds the key, the host's identity, compiled plugins, and the database unless `database_url` is set
    #[arg(long, value_name = "DIR", default_value = "./wardroom-data")]
    pub data: PathBuf,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7117", value_parser = value::address)]
    pub listen: SocketAddr,
    /// Database, `postgres://…` or `sqlite:PATH`; if not set, an SQLite file in the data folder
    #[arg(long, value_name = "URL", value_parser = value::database_url)]
    pub database_url: Option<SecretString>,
    /// Key that seals stored secrets, 64 hexadecimal characters; if not set, the file `key` in the data folder, which the first
    /// start creates
    #[arg(long, value_name = "HEX", value_parser = value::key)]
    pub key: Option<SecretString>,
    /// Token of the first administrator; if not set, the first start creates one and prints it once
    #[arg(long, value_name = "TOKEN")]
    pub admin_token: Option<SecretString>,
    /// Origin that plugins may reach, such as `https://chat.example.com`; if none is set, connections and grants alone decide
    #[arg(long = "allow-host", value_name = "ORIGIN", value_parser = value::origin)]
    pub allow_hosts: Vec<String>,
    /// HTTP proxy for requests of plugins, `http://[user:password@]host[:port]`. It is asked to CONNECT to addresses that the
    /// server has looked up and checked. No other proxy is used, and `HTTP_PROXY` and its kind are ignored; mail is sent directly
    #[arg(long, value_name = "URL", value_parser = value::proxy)]
    pub outbound_proxy: Option<SecretString>,
    /// Ask the proxy for names instead of addresses: for proxies that filter by name, or if this machine cannot resolve names.
    /// The proxy then decides which networks a name may lead to
    #[arg(long)]
    pub outbound_proxy_by_name: bool,
    /// How long to keep runs after their end, such as `90d`; at least `1h`. If not set, forever
    #[arg(long, value_name = "DURATION", value_parser = value::duration(LEAST_KEPT))]
    pub keep_runs: Option<Duration>,
    /// Minimum interval between scheduled runs: more frequent schedules are refused when they are saved
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = value::duration(Duration::from_millis(1)))]
    pub shortest_interval: Duration,
    /// URL under which people reach the server, such as `https://wardroom.example.com`; links in messages begin with it. If not
    /// set, `http://` and the address it listens on
    #[arg(long, value_name = "URL", value_parser = value::public_url)]
    pub public_url: Option<String>,
    /// Minisign public key (the second line of a .pub file) that is trusted to sign plugins
    #[arg(long = "plugin-key", value_name = "KEY", value_parser = value::plugin_key)]
    pub plugin_keys: Vec<String>,
    /// Refuse plugins that are not signed with one of `plugin_keys`
    #[arg(long)]
    pub signed_plugins_only: bool,
    /// Format of log lines
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = value::log_format())]
    pub log_format: telemetry::Format,
    /// Which log lines to write, such as `info,wardroom=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = value::log_filter)]
    pub log: String,
}

impl Config {
    /// Options that do not go together, by the key of the one to change.
    pub(super) fn conflicts(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        if self.outbound_proxy_by_name && self.outbound_proxy.is_none() {
            found
                .push(("outbound_proxy_by_name", "needs a proxy: set `outbound_proxy` (`--outbound-proxy <URL>`) too"));
        }
        if self.signed_plugins_only && self.plugin_keys.is_empty() {
            found.push(("signed_plugins_only", "needs a trusted key: set `plugin_keys` (`--plugin-key <KEY>`) too"));
        }
        found
    }
}

/// What a server is started with if nothing is configured.
impl Default for Config {
    fn default() -> Self {
        spec::parse(&spec::all::<Self>(), []).expect("a test holds that the defaults are valid")
    }
}
