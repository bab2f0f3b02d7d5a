//! `wardroom serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tokio::signal::unix::{SignalKind, signal};

use super::{Failed, terminal};
use crate::{
    app::{App, Config},
    telemetry,
};

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
    /// How log lines look.
    #[arg(long, value_enum, default_value_t, env = "WARDROOM_LOG_FORMAT")]
    log_format: telemetry::Format,
    /// Which log lines, such as `info,wardroom=debug`.
    #[arg(long, value_name = "FILTER", default_value = "info", env = "WARDROOM_LOG")]
    log: String,
    /// A fault for a test, such as `journal.commit=abort@3`; may be given several times.
    #[cfg(feature = "failpoints")]
    #[arg(long, value_name = "FAULT", hide = true)]
    fault: Vec<crate::fault::Fault>,
}

/// The signal of a write past the limit of a file's size, on all Linux but MIPS.
const SIGXFSZ: i32 = 25;

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failed> {
        telemetry::start(self.log_format, &self.log);
        #[cfg(feature = "failpoints")]
        crate::fault::arm(self.fault);
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
