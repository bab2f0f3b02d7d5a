//! Ending a silence, and taking that back.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    api::{self, Changed, Found, New, marker},
    time,
};

/// The pause between noting a silence and ending it, in milliseconds: the shortest that the host knows.
const PAUSE_MS: u64 = 100;

/// Ends a silence.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expire {
    /// The silence's id, as `silence` and `silences` give it.
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

/// A silence as an earlier call or the outcome kept it.
fn kept(what: Result<Found, serde_json::Error>) -> Result<Found, Failure> {
    what.map_err(|error| Failure::new("undo_data", format!("What was kept of the silence cannot be read: {error}.")))
}

/// What this did, with what the silence was.
fn expired(before: &Found, now: &Found) -> Done<Changed> {
    let summary = format!("ended the silence of {}", api::words(&before.matchers()));
    Done::new(Changed { silence: now.silence(), changed: true }, summary).undo(json!(before))
}

impl Action for Expire {
    const NAME: &'static str = "expire";
    const DESCRIPTION: &'static str = "Ends a silence, so that its alerts are heard again.";
    const RISK: Risk = Risk::Destructive;
    // A silence that has ended stays ended.
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = Changed;

    fn run(self, call: &Call) -> Result<Reply<Changed>, Failure> {
        if let Some(resume) = &call.resume {
            let before = kept(serde_json::from_slice(resume))?;
            api::expire(&before.id)?;
            return Ok(expired(&before, &before.ended(time::now())).into());
        }
        let found = api::get(&self.id)?;
        if found.is_over() {
            let summary = format!("the silence of {} was over already", api::words(&found.matchers()));
            return done(Changed { silence: found.silence(), changed: false }, summary);
        }
        // Alertmanager forgets when a silence that is ended was to end: the host keeps it, before it is ended, for an undo.
        pending(PAUSE_MS, json!(found).to_string(), format!("ending the silence of {}", api::words(&found.matchers())))
    }

    fn sample() -> Option<Changed> {
        Some(Changed { silence: Found::sample().ended(0).silence(), changed: true })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = call.undo_data.clone() else {
            return done(json!({}), format!("silence {} had not been ended here", self.id));
        };
        let before = kept(serde_json::from_value(undo))?;
        let (matchers, marker) = (before.matchers(), marker(call));
        let what = api::words(&matchers);
        if let Some(again) = api::marked(&matchers, &marker)? {
            return done(json!({ "id": again.id }), format!("silenced {what} again until {}", again.ends_at));
        }
        let odd = || Failure::new("bad_answer", format!("Alertmanager's {:?} is no time.", before.ends_at));
        let (now, ends_at) = (time::now(), time::parse(&before.ends_at).ok_or_else(odd)?);
        if ends_at <= now {
            return done(json!({}), format!("the silence of {what} would be over by now"));
        }
        let starts_at = time::parse(&before.starts_at).map_or(now, |starts_at| starts_at.max(now));
        let comment = format!("{} {marker}", before.comment);
        let again = New { matchers, starts_at, ends_at, created_by: before.created_by, comment }.make()?;
        done(json!({ "id": again.id }), format!("silenced {what} again until {}", again.ends_at))
    }

    fn check(self, call: &Call) -> Result<Finding<Changed>, Failure> {
        // Nothing is ended before the host has kept what it was.
        let Some(resume) = &call.resume else { return Ok(Finding::Absent) };
        let before = kept(serde_json::from_slice(resume))?;
        let now = match api::get(&before.id) {
            Err(failure) if failure.code == "not_found" => before.ended(time::now()),
            found => found?,
        };
        Ok(if now.is_over() { Finding::Applied(expired(&before, &now)) } else { Finding::Absent })
    }
}
