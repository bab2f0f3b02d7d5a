//! `wardroom serve`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failed, terminal};
use crate::app::{App, Config};
use wardroom_base::telemetry;
use wardroom_domain::time::parse_duration;
use wardroom_engine::runs::retain::LEAST_KEPT;

#[derive(Args)]
pub(super) struct Serve {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = "./wardroom-data", env = "WARDROOM_DATA")]
    data: PathBuf,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7117", env = "WARDROOM_LISTEN")]
    listen: SocketAddr,
    /// `postgres://…` or `sqlite:PATH`; without it an SQLite file in the data folder.
    #[arg(long, value_name = "URL", env = "WARDROOM_DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// The key that seals secrets, 64 hexadecimal characters; without it the file `key` in the data folder, made on the
    /// first start.
    #[arg(long, value_name = "HEX", env = "WARDROOM_KEY", hide_env_values = true)]
    key: Option<SecretString>,
    /// The first administrator's token; without it one is made on the first start and printed once.
    #[arg(long, value_name = "TOKEN", env = "WARDROOM_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<SecretString>,
    /// The only origins plugins may reach, such as `https://chat.example.com`; may be given several times.
    #[arg(long, value_name = "ORIGIN")]
    allow_host: Vec<String>,
    /// The proxy that plugins' requests go through, `http://[user:password@]host[:port]`: it is asked to CONNECT to addresses
    /// that were looked up and checked here. No other proxy is used, whatever the environment says; mail goes straight.
    #[arg(long, value_name = "URL", env = "WARDROOM_OUTBOUND_PROXY", hide_env_values = true)]
    outbound_proxy: Option<SecretString>,
    /// Asks that proxy for names: for proxies that filter by name, or where this machine cannot look names up. Which networks
    /// a name may lead to is then the proxy's to decide.
    #[arg(long, env = "WARDROOM_OUTBOUND_PROXY_BY_NAME", requires = "outbound_proxy")]
    outbound_proxy_by_name: bool,
    /// How long runs are kept after their end, such as `90d`; at least 1h. Without it for ever.
    #[arg(long, value_name = "DURATION", value_parser = kept, env = "WARDROOM_KEEP_RUNS")]
    keep_runs: Option<Duration>,
    /// What comes by the clock comes at most this often: schedules that are more frequent are refused when they are saved.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = interval, env = "WARDROOM_SHORTEST_INTERVAL")]
    shortest_interval: Duration,
    /// The address under which people reach the server, such as `https://wardroom.example.com`: links in messages begin with
    /// it. Without it where the server listens.
    #[arg(long, value_name = "URL", env = "WARDROOM_PUBLIC_URL")]
    public_url: Option<String>,
    /// A minisign public key (the second line of a .pub file) whose signatures of plugins are believed; may be given several
    /// times.
    #[arg(long, value_name = "KEY", env = "WARDROOM_PLUGIN_KEYS", value_delimiter = ',')]
    plugin_key: Vec<String>,
    /// Refuses plugins that none of those keys has signed.
    #[arg(long, env = "WARDROOM_SIGNED_PLUGINS_ONLY")]
    signed_plugins_only: bool,
    /// How log lines look.
    #[arg(long, default_value = "text", value_parser = log_format(), env = "WARDROOM_LOG_FORMAT")]
    log_format: telemetry::Format,
    /// Which log lines, such as `info,wardroom=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info", env = "WARDROOM_LOG")]
    log: String,
    /// A fault for a test, such as `journal.commit=abort@3`; may be given several times.
    #[cfg(feature = "failpoints")]
    #[arg(long, value_name = "FAULT", hide = true)]
    fault: Vec<wardroom_base::fault::Fault>,
}

/// The signal of a write past the limit of a file's size, on all Linux but MIPS.
const SIGXFSZ: i32 = 25;

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failed> {
        telemetry::start(self.log_format, &self.log);
        #[cfg(feature = "failpoints")]
        wardroom_base::fault::arm(self.fault);
        // Heard, it does not end the process: the write fails like one on a full disk.
        let _file_limit = signal(SignalKind::from_raw(SIGXFSZ))?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let app = App::start(Config {
            data: self.data,
            database_url: self.database_url,
            listen: self.listen,
            key: self.key,
            admin_token: self.admin_token,
            operator_hosts: Some(self.allow_host).filter(|hosts| !hosts.is_empty()),
            outbound_proxy: self.outbound_proxy,
            outbound_proxy_by_name: self.outbound_proxy_by_name,
            keep_runs: self.keep_runs,
            shortest_interval: self.shortest_interval,
            plugin_keys: self.plugin_key,
            signed_plugins_only: self.signed_plugins_only,
            public_url: self.public_url,
        })
        .await?;
        terminal::line(&format!("Wardroom listens on http://{}", app.address))?;
        if let Some(token) = &app.made_token {
            terminal::line(&format!("administrator token, shown this once: {}", token.expose_secret()))?;
        }
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = app.ended() => {}
        }
        app.stop().await;
        Ok(())
    }
}

/// How log lines look, by the word for it.
fn log_format() -> impl TypedValueParser<Value = telemetry::Format> {
    let words = telemetry::Format::WORDS.map(|(word, _)| word);
    PossibleValuesParser::new(words).map(|chosen| {
        let found = telemetry::Format::WORDS.into_iter().find(|(word, _)| *word == chosen);
        found.map(|(_, format)| format).unwrap_or_default()
    })
}

/// The shortest interval of schedules.
fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(interval) if interval >= Duration::from_millis(1) => Ok(interval),
        _ => Err("a duration is wanted: 10s, 1m or 1h".to_owned()),
    }
}

/// How long runs are kept.
fn kept(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(kept) if kept >= LEAST_KEPT => Ok(kept),
        Some(_) => Err("at least 1h is wanted".to_owned()),
        None => Err("no duration: 90d, 12h or 90m is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_kept_for_an_hour_at_least() {
        assert_eq!(kept("90d"), Ok(Duration::from_hours(90 * 24)));
        assert_eq!(kept("60m"), Ok(LEAST_KEPT));
        for (text, wanted) in
            [("59m", "at least 1h"), ("0d", "at least 1h"), ("90", "no duration"), ("ever", "no duration")]
        {
            let error = kept(text).expect_err(text);
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
