//! `wardroom schedule preview`: the next times of a schedule on the server, or of a cadence without one.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{
    Failed,
    client::ClientOptions,
    terminal::{self, Colour, paint},
};
use wardroom_base::clock::{Clock as _, SystemClock};
use wardroom_domain::{
    schedule::{Cadence, CadenceFault, Fire},
    time::{Timestamp, parse_duration},
};

/// The epoch: periods that say nothing else are counted from it.
const EPOCH_MS: i64 = 0;

#[derive(Args)]
pub(crate) struct Preview {
    /// A schedule on the server.
    #[arg(required_unless_present_any = ["cron", "every"], conflicts_with_all = ["cron", "every"])]
    name: Option<String>,
    /// A cron expression: 5 fields, 6 with the second first, or one such as @daily.
    #[arg(long, conflicts_with = "every")]
    cron: Option<String>,
    /// A period such as 10m, counted from --starts, else from 1970-01-01T00:00:00Z.
    #[arg(long)]
    every: Option<String>,
    /// From when a period is counted (RFC 3339).
    #[arg(long, requires = "every")]
    starts: Option<String>,
    /// The time zone, by its IANA name.
    #[arg(long, default_value = "UTC")]
    timezone: String,
    /// Shows the times after this one (RFC 3339); now, if left out.
    #[arg(long)]
    from: Option<String>,
    /// How many.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    count: u16,
}

impl Preview {
    pub(crate) async fn run(self, client: &ClientOptions) -> Result<(), Failed> {
        if let Some(name) = &self.name {
            return super::server::preview(client, name, self.from.as_deref(), self.count).await;
        }
        let from = match &self.from {
            Some(text) => time("--from", text)?,
            None => SystemClock.now(),
        };
        let cadence = self.cadence()?;
        let fires: Vec<Fire> = cadence.fires(from).take(usize::from(self.count)).collect();
        if client.json {
            let fires: Vec<Value> = fires.iter().map(in_json).collect();
            terminal::json(&json!({ "description": cadence.describe(), "fires": fires }))?;
            return Ok(());
        }
        terminal::line(&cadence.describe())?;
        terminal::line("")?;
        let rows: Vec<Vec<String>> =
            fires.into_iter().map(|fire| vec![fire.local, utc(fire.at), fire.note.unwrap_or_default()]).collect();
        terminal::table(&["local", "utc", "note"], &rows)?;
        Ok(())
    }

    fn cadence(&self) -> Result<Cadence, Failed> {
        let Some(expression) = &self.cron else { return self.period() };
        Cadence::cron(expression, &self.timezone).map_err(|fault| {
            let text = if fault.field == Some("timezone") { &self.timezone } else { expression };
            pointed(text, &fault)
        })
    }

    fn period(&self) -> Result<Cadence, Failed> {
        let every = self.every.as_deref().unwrap_or_default();
        let period = parse_duration(every).filter(|period| !period.is_zero());
        let period = period.ok_or_else(|| {
            Failed(format!("--every {every}: a period is a whole number above 0 and ms, s, m, h or d, such as 10m"))
        })?;
        let anchor = match &self.starts {
            Some(text) => time("--starts", text)?,
            None => Timestamp::from_unix_ms(EPOCH_MS),
        };
        Cadence::every(period, anchor).told_in(&self.timezone).map_err(|fault| pointed(&self.timezone, &fault))
    }
}

fn time(option: &str, text: &str) -> Result<Timestamp, Failed> {
    let wrong = |_| Failed(format!("{option} {text}: a time is written such as 2026-03-28T00:00:00Z"));
    text.parse().map_err(wrong)
}

/// A fault in one line, and below it the text with a mark under the place.
fn pointed(text: &str, fault: &CadenceFault) -> Failed {
    // What is too long for a line, or would break it, is not shown again.
    if text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Failed(format!("character {}: {fault}", fault.offset + 1));
    }
    let mark = paint(Colour::Red, "^");
    let place = fault.field.map_or_else(String::new, |field| format!(" ({field})"));
    Failed(format!("character {}{place}: {fault}\n  {text}\n  {}{mark}", fault.offset + 1, " ".repeat(fault.offset)))
}

fn in_json(fire: &Fire) -> Value {
    json!({ "utc": utc(fire.at), "local": fire.local, "note": fire.note })
}

/// RFC 3339 in UTC, milliseconds only where there are some.
fn utc(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix(".000Z").map_or(text.clone(), |seconds| format!("{seconds}Z"))
}
