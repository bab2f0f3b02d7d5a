//! `wardroom demo`: a whole incident in front of the reader. The third parties are the *practice town*, played by this
//! process; the server, the plugins, the workflows and everything between them are the real ones.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::json;

use super::{
    Failed,
    client::{ClientOptions, word},
    handle::{shows, timeline_line},
    terminal::{self, Colour, paint},
};
use crate::{
    app::{App, Config},
    clock::{SystemRandom, monotonic_now, random},
    domain::hex,
    telemetry,
};

mod mailbox;
mod town;

use town::Town;

/// The bundled plugins the demo uses.
const PLUGINS: [&str; 4] = ["matrix", "prometheus", "email", "unleash"];
/// The example workflows, by name.
const WORKFLOWS: [(&str, &str); 5] = [
    ("open-channel", include_str!("../../../../examples/workflows/open-channel.yaml")),
    ("gather-evidence", include_str!("../../../../examples/workflows/gather-evidence.yaml")),
    ("roll-back", include_str!("../../../../examples/workflows/roll-back.yaml")),
    ("tell-resolved", include_str!("../../../../examples/workflows/tell-resolved.yaml")),
    ("start-retrospective", include_str!("../../../../examples/workflows/start-retrospective.yaml")),
];
/// How long the demo waits for any one thing.
const PATIENCE: Duration = Duration::from_secs(30);

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
            database_url: None,
            listen: self.listen,
            key: None,
            admin_token: Some(SecretString::from(token.clone())),
            operator_hosts: None,
            keep_runs: None,
            shortest_interval: Duration::from_secs(10),
            public_url: None,
        })
        .await?;
        let client = ClientOptions::new(format!("http://{}", app.address), SecretString::from(token.clone()));
        let story = Story { client, town, seen: 0, interactive };
        let result = story.play(&self.plugins).await;
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
        for command in ["incident show INC-1", "run list --incident INC-1", "workflow list", "plugin list"] {
            terminal::line(&format!("  target/debug/wardroom {command}"))?;
        }
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}

/// The demo in the making.
struct Story {
    client: ClientOptions,
    town: Town,
    /// The newest timeline entry that was shown.
    seen: i64,
    interactive: bool,
}

impl Story {
    async fn play(mut self, plugins: &std::path::Path) -> Result<(), Failed> {
        self.prepare(plugins).await?;
        chapter("alerting", "The shop's new checkout fails for some customers. Alertmanager calls.")?;
        self.alert().await?;
        self.follow("open-channel").await?;
        self.client.send(Method::PUT, "/incidents/INC-1/roles/commander", Some(json!({ "primary": "ada" }))).await?;

        chapter("triage", "Ada takes it. The graphs are pulled before she has opened a browser.")?;
        self.stage("triage").await?;
        self.follow("gather-evidence").await?;

        chapter(
            "investigate",
            "The alert names the flag `new-checkout`. Switching it off needs the commander's word.",
        )?;
        self.stage("investigate").await?;
        self.approve().await?;
        self.follow("roll-back").await?;
        self.recovered().await?;

        chapter("resolution", "The errors are gone. Everybody who was told is told again.")?;
        self.stage("resolution").await?;
        self.follow("tell-resolved").await?;

        chapter("retrospective", "Nobody has to remember it.")?;
        self.stage("retrospective").await?;
        self.follow("start-retrospective").await?;
        self.show_town()
    }

    async fn prepare(&self, plugins: &std::path::Path) -> Result<(), Failed> {
        let client = &self.client;
        for name in PLUGINS {
            let path = plugins.join(format!("{name}.wasm"));
            let bytes = std::fs::read(&path).map_err(|error| {
                Failed(format!("{}: {error}; build the plugins first: make plugins", path.display()))
            })?;
            let request =
                client.request(Method::POST, "/plugins")?.header("content-type", "application/wasm").body(bytes);
            client.answer(request).await?;
        }
        client.post("/people", json!({ "handle": "ada", "name": "Ada Lovelace", "email": "ada@shop.example" })).await?;
        for (name, value) in [
            ("chat-bot", "practice-chat"),
            ("flag-admin", "practice-flags"),
            ("source-alertmanager", "practice-alerts"),
        ] {
            client.send(Method::PUT, &format!("/secrets/{name}"), Some(json!({ "value": value }))).await?;
        }
        let (town, mail) = (self.town.url(), self.town.mail_url());
        let grant = json!({ "networks": ["127.0.0.0/8"] });
        let connections = [
            (
                "chat",
                json!({ "plugin": "matrix", "base_url": format!("{town}/chat"), "auth": { "bearer": "chat-bot" } }),
            ),
            ("metrics", json!({ "plugin": "prometheus", "base_url": format!("{town}/metrics") })),
            (
                "flags",
                json!({ "plugin": "unleash", "base_url": format!("{town}/flags"),
                "auth": { "header": { "name": "authorization", "value": "flag-admin" } } }),
            ),
            (
                "mail",
                json!({ "plugin": "email", "base_url": mail, "config": { "from": "Wardroom <wardroom@shop.example>" } }),
            ),
        ];
        for (name, mut connection) in connections {
            connection["grant"] = grant.clone();
            client.send(Method::PUT, &format!("/connections/{name}"), Some(connection)).await?;
        }
        for (name, source) in WORKFLOWS {
            let request = client.request(Method::PUT, &format!("/workflows/{name}"))?;
            client.answer(request.header("content-type", "application/yaml").body(source)).await?;
        }
        terminal::line(&paint(
            Colour::Grey,
            &format!(
                "{} plugins in their sandboxes, {} workflows. Chat, flags, metrics and mailbox are a practice town on {town}.",
                PLUGINS.len(),
                WORKFLOWS.len()
            ),
        ))?;
        Ok(())
    }

    /// Alertmanager's own body, with the source's own token.
    async fn alert(&self) -> Result<(), Failed> {
        self.client.with_token("practice-alerts".to_owned()).post("/hooks/alertmanager", town::alert()).await?;
        Ok(())
    }

    async fn stage(&self, to: &str) -> Result<(), Failed> {
        self.client.post("/incidents/INC-1/stage", json!({ "to": to })).await?;
        Ok(())
    }

    /// Shows the timeline until a workflow's run has ended well.
    async fn follow(&mut self, workflow: &str) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        loop {
            let runs = self.client.get(&format!("/runs?workflow={workflow}")).await?;
            let run = &runs["items"][0];
            self.tell().await?;
            match run["status"].as_str() {
                Some("succeeded") => return Ok(()),
                Some("failed" | "rejected" | "canceled" | "timed_out" | "needs_decision") => {
                    return Err(Failed(format!("{workflow} is {}: {run:#}", word(run, "status"))));
                }
                _ if monotonic_now() > deadline => return Err(Failed(format!("{workflow} does not end: {run:#}"))),
                _ => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    }

    /// Shows what is new on the timeline.
    async fn tell(&mut self) -> Result<(), Failed> {
        let page = self.client.get(&format!("/incidents/INC-1/timeline?limit=200&after={}", self.seen)).await?;
        for entry in page["items"].as_array().into_iter().flatten() {
            terminal::line(&timeline_line(entry))?;
            self.seen = entry["seq"].as_i64().unwrap_or(self.seen);
        }
        Ok(())
    }

    async fn approve(&mut self) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        let approval = loop {
            let pending = self.client.get("/approvals?status=pending").await?;
            if let Some(approval) = pending["items"].get(0) {
                break approval.clone();
            }
            if monotonic_now() > deadline {
                return Err(Failed("nobody asks for an approval".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        };
        self.tell().await?;
        let question = format!("approve {}? [Y/n] ", shows(&approval));
        let answer = if self.interactive { ask(&question).await? } else { String::new() };
        if !self.interactive {
            terminal::line(&format!("{}y", paint(Colour::Yellow, &question)))?;
        }
        let verdict = if answer.trim().to_lowercase().starts_with('n') { "reject" } else { "approve" };
        // Ada is the commander: nobody else may decide this.
        let token = self.client.post("/tokens", json!({ "person": "ada", "role": "responder" })).await?;
        let path = format!("/approvals/{}/{verdict}", word(&approval, "id"));
        let ada = self.client.with_token(word(&token, "token"));
        ada.post(&path, json!({ "reason": "the errors began with this flag" })).await?;
        if verdict == "reject" {
            self.tell().await?;
            return Err(Failed("rejected: the flag stays on, and the demo ends here".to_owned()));
        }
        Ok(())
    }

    /// Shows the error rate as it falls.
    async fn recovered(&self) -> Result<(), Failed> {
        let deadline = monotonic_now() + PATIENCE;
        loop {
            let rate = self.town.error_rate();
            let bar = bar(rate);
            terminal::line(&format!("  errors per second {rate:>5.1} {}", paint(Colour::Red, &bar)))?;
            if rate < 0.5 {
                return Ok(());
            }
            if monotonic_now() > deadline {
                return Err(Failed("the errors do not go away".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// What arrived in the town: the far ends of all those steps.
    fn show_town(&self) -> Result<(), Failed> {
        terminal::line("")?;
        terminal::line("What the practice town saw:")?;
        for message in self.town.messages() {
            terminal::line(&format!("  {} {message}", paint(Colour::Blue, "chat")))?;
        }
        for subject in self.town.mails() {
            terminal::line(&format!("  {} {subject}", paint(Colour::Blue, "mail")))?;
        }
        let flag = if self.town.flag_is_on() { "on" } else { "off" };
        Ok(terminal::line(&format!("  {} new-checkout is {flag}", paint(Colour::Blue, "flag")))?)
    }
}

fn chapter(stage: &str, text: &str) -> Result<(), Failed> {
    terminal::line("")?;
    Ok(terminal::line(&format!("{} {text}", paint(Colour::Yellow, &format!("[{stage}]"))))?)
}

async fn ask(question: &str) -> Result<String, Failed> {
    let mut out = std::io::stdout();
    write!(out, "{}", paint(Colour::Yellow, question))?;
    out.flush()?;
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    Ok(reading.await??)
}

/// A quarter of an error a second is one mark.
fn bar(rate: f64) -> String {
    std::iter::successors(Some(rate), |left| Some(left - 0.25))
        .take_while(|left| *left > 0.0)
        .take(60)
        .map(|_| '#')
        .collect()
}
