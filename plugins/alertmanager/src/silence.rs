//! Silencing alerts, and listing what is silenced.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    Config,
    api::{self, Changed, Found, Matcher, New, marker},
    time,
};

/// The most silences a step keeps: more are too many for people to read.
const MOST: usize = 50;

/// Silences alerts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// The labels of the alerts: all have to fit.
    #[schemars(length(min = 1, max = 20))]
    matchers: Vec<Matcher>,
    /// For how long, in minutes; either this or `ends_at`.
    #[schemars(range(min = 1, max = 43200))]
    minutes: Option<u32>,
    /// Until when, as RFC 3339, such as `2026-11-23T10:00:00Z`.
    #[schemars(length(min = 20, max = 40))]
    ends_at: Option<String>,
    /// Who silences; without it the connection's `created_by`.
    #[schemars(length(min = 1, max = 200))]
    created_by: Option<String>,
    /// Why. A marker is added that the silence is found again by.
    #[schemars(length(min = 1, max = 1000))]
    comment: String,
}

/// What an undo finds a silence by.
#[derive(Serialize, Deserialize)]
struct Mark {
    id: String,
    /// What its comment carries.
    marker: String,
}

/// When a silence is to end.
enum End {
    After(u32),
    At(i64),
}

impl Create {
    fn end(&self) -> Result<End, Failure> {
        let text = match (self.minutes, &self.ends_at) {
            (Some(minutes), None) => return Ok(End::After(minutes)),
            (None, Some(text)) => match time::parse(text) {
                Some(at) => return Ok(End::At(at)),
                None => format!("ends_at {text:?} is no time as RFC 3339 writes it, such as 2026-11-23T10:00:00Z."),
            },
            (Some(_), Some(_)) => "A silence has either minutes or ends_at: take one away.".to_owned(),
            (None, None) => "A silence has an end: give minutes or ends_at.".to_owned(),
        };
        Err(Failure::new("invalid_input", text))
    }

    fn make(self, call: &Call, end: &End) -> Result<Found, Failure> {
        let config: Config = call.config()?;
        let now = time::now();
        let ends_at = match end {
            End::After(minutes) => now + i64::from(*minutes) * 60_000,
            End::At(at) => *at,
        };
        if ends_at <= now {
            let text = format!("ends_at {} is over: give a later time.", time::text(ends_at));
            return Err(Failure::new("invalid_input", text));
        }
        let comment = format!("{} {}", self.comment, marker(call));
        let created_by = self.created_by.unwrap_or(config.created_by);
        New { matchers: self.matchers, starts_at: now, ends_at, created_by, comment }.make()
    }
}

/// What this did.
fn silenced(found: &Found, call: &Call) -> Done<Changed> {
    let summary = format!("silenced {} until {}", api::words(&found.matchers()), found.ends_at);
    let mark = Mark { id: found.id.clone(), marker: marker(call) };
    Done::new(Changed { silence: found.silence(), changed: true }, summary).undo(json!(mark))
}

impl Action for Create {
    const NAME: &'static str = "silence";
    const DESCRIPTION: &'static str = "Silences alerts by their labels, for some time.";
    const RISK: Risk = Risk::Write;
    // The marker in the comment is looked for before a silence is made.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Changed;

    fn run(self, call: &Call) -> Result<Reply<Changed>, Failure> {
        let end = self.end()?;
        let made = api::marked(&self.matchers, &marker(call))?;
        let found = made.map_or_else(|| self.make(call, &end), Ok)?;
        Ok(silenced(&found, call).into())
    }

    fn sample() -> Option<Changed> {
        Some(Changed { silence: Found::sample().silence(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else {
            return done(json!({}), "nothing had been silenced");
        };
        let mark: Mark = serde_json::from_value(undo.clone()).map_err(|error| {
            Failure::new("undo_data", format!("What was kept for the undo cannot be read: {error}."))
        })?;
        // Perhaps under another id by now: an undone `expire` made it anew.
        let ours = |silence: &Found| silence.id == mark.id || silence.comment.contains(&mark.marker);
        let mut live = api::like(&self.matchers)?;
        live.retain(|silence| !silence.is_over() && ours(silence));
        for silence in &live {
            api::expire(&silence.id)?;
        }
        let what = api::words(&self.matchers);
        let summary = if live.is_empty() { "was over already" } else { "has ended" };
        done(json!({}), format!("the silence of {what} {summary}"))
    }

    fn check(self, call: &Call) -> Result<Finding<Changed>, Failure> {
        let found = api::marked(&self.matchers, &marker(call))?;
        Ok(found.map_or(Finding::Absent, |found| Finding::Applied(silenced(&found, call))))
    }
}

/// Lists silences.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Silences {
    /// Only silences that have all these matchers, written the same way.
    #[serde(default)]
    #[schemars(length(max = 20))]
    matchers: Vec<Matcher>,
    /// Whether those that have ended are listed too. Default false.
    #[serde(default)]
    expired: bool,
}

/// Silences.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// At most 50.
    silences: Vec<api::Silence>,
    /// How many there are.
    count: usize,
}

impl Action for Silences {
    const NAME: &'static str = "silences";
    const DESCRIPTION: &'static str = "Lists silences.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = Listed;

    fn run(self, _: &Call) -> Result<Reply<Listed>, Failure> {
        let mut found = api::list(&self.matchers)?;
        found.retain(|silence| self.expired || !silence.is_over());
        let count = found.len();
        let silences = found.iter().take(MOST).map(Found::silence).collect();
        let summary = if count == 1 { "1 silence".to_owned() } else { format!("{count} silences") };
        done(Listed { silences, count }, summary)
    }
}
