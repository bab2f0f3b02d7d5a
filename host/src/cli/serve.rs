//! `wardroom serve`.

use clap::Args;
use secrecy::ExposeSecret;
use tokio::signal::unix::{SignalKind, signal};

use super::{Failed, terminal};
use crate::{
    app::App,
    config::{Flags, Whole},
};
use wardroom_base::telemetry;

#[derive(Args)]
pub(super) struct Serve {
    #[command(flatten)]
    flags: Flags<Whole>,
    /// A fault for a test, such as `journal.commit=abort@3`; may be given several times.
    #[cfg(feature = "failpoints")]
    #[arg(long, value_name = "FAULT", hide = true)]
    fault: Vec<wardroom_base::fault::Fault>,
}

/// The signal of a write past the limit of a file's size, on all Linux but MIPS.
const SIGXFSZ: i32 = 25;

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failed> {
        let loaded = self.flags.load()?;
        telemetry::start(loaded.config.log_format, &loaded.config.log);
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        if let Some(file) = &loaded.file {
            tracing::info!(config.file = %file.display(), "read the configuration file");
        } else {
            tracing::info!("no configuration file found");
        }
        #[cfg(feature = "failpoints")]
        wardroom_base::fault::arm(self.fault);
        // Heard, it does not end the process: the write fails like one on a full disk.
        let _file_limit = signal(SignalKind::from_raw(SIGXFSZ))?;
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let app = App::start(loaded.config).await?;
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
