//! `wardroom demo`: a whole incident in front of the reader. The third parties are the *practice town*, played by this
//! process; the server, the plugins, the workflows and everything between them are the real ones.

use std::{io::IsTerminal, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use secrecy::SecretString;

use super::{
    Failed,
    client::ClientOptions,
    terminal::{self, Colour, paint},
};
use crate::{app::App, config::Config};
use wardroom_base::clock::{SystemRandom, monotonic_now, random};
use wardroom_base::telemetry;
use wardroom_domain::hex;

mod mailbox;
mod shop;
pub(crate) mod shop_state;
mod story;
mod town;
mod tracker;

use story::Story;
use town::Town;

#[derive(Args)]
pub(super) struct Demo {
    /// Answers the approval with yes.
    #[arg(long)]
    yes: bool,
    /// Ends the server when the incident is over, instead of leaving it up to look around.
    #[arg(long)]
    exit: bool,
    /// Where the bundled plugins are.
    #[arg(long, default_value = "target/plugins", value_name = "DIR")]
    plugins: PathBuf,
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), Failed> {
        telemetry::start(telemetry::Format::Text, "error");
        let started = monotonic_now();
        let data = std::env::temp_dir().join(format!("wardroom-demo-{}", std::process::id()));
        let interactive = std::io::stdin().is_terminal() && !self.yes;
        let town = Town::start().await?;
        let token = format!("wrd_{}", hex(&random::<16>(&SystemRandom)));
        let app = App::start(Config {
            data: data.clone(),
            listen: self.listen,
            admin_token: Some(SecretString::from(token.clone())),
            ..Config::default()
        })
        .await?;
        let client = ClientOptions::new(format!("http://{}", app.address), SecretString::from(token.clone()));
        let result = async {
            let people = shop::open(&client, &town, &self.plugins).await?;
            Story::new(client, town, people, interactive).play().await
        }
        .await;
        let code = match result {
            Ok(()) => self.look_around(&app, &token, interactive, started.elapsed()).await,
            Err(error) => Err(error),
        };
        app.stop().await;
        // What is left of the demo is of no use to anybody.
        _ = std::fs::remove_dir_all(&data);
        code
    }

    async fn look_around(&self, app: &App, token: &str, interactive: bool, took: Duration) -> Result<(), Failed> {
        terminal::line("")?;
        terminal::line(&paint(Colour::Green, &format!("That was a whole incident, in {:.1} s.", took.as_secs_f64())))?;
        if !interactive || self.exit {
            return Ok(());
        }
        terminal::line("The server stays up until Ctrl-C. Look around in another terminal:")?;
        terminal::line(&format!("  export WARDROOM_URL=http://{} WARDROOM_TOKEN={token}", app.address))?;
        for command in [
            "incident show INC-1",
            "run list --incident INC-1",
            "retrospective show INC-1",
            "playbook list",
            "plugin list",
        ] {
            terminal::line(&format!("  target/debug/wardroom {command}"))?;
        }
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}
