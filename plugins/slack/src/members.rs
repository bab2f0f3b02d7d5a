//! Adds people to a channel.

use std::collections::BTreeSet;

use wardroom_plugin_sdk::prelude::*;

use crate::{
    api::{self, Nothing, Search, says},
    memory::{keep, left, recall},
};

/// How many pages of a channel's members are read, 200 members each.
const PAGES: usize = 25;

/// Adds people to a channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMembers {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
    /// Who: ids of users such as `U012AB3CD`, or e-mail addresses.
    #[schemars(length(min = 1, max = 30), inner(length(min = 1, max = 200)))]
    members: Vec<String>,
}

/// Who is in the channel now.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Membership {
    /// The channel's id.
    channel_id: String,
    /// The ids of those whom this added.
    added: Vec<String>,
    /// The ids of those who were there already.
    present: Vec<String>,
}

#[derive(Deserialize)]
struct Found {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<String>,
}

impl AddMembers {
    /// The ids of all, in order and each once.
    fn ids(&self) -> Result<Vec<String>, Failure> {
        let mut ids: Vec<String> = Vec::new();
        for member in &self.members {
            let id = if member.contains('@') {
                let found = api::get::<Found>("users.lookupByEmail", &[("email", member)]);
                found.map(|found| found.user.id).map_err(|mut no| {
                    if no.code == "not_found" {
                        no.message = format!("Slack knows nobody with the e-mail address {member}: give a user's id.");
                    }
                    no
                })?
            } else {
                member.clone()
            };
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Those of them who are not in the channel.
    fn missing(&self, ids: &[String]) -> Result<Vec<String>, Failure> {
        let mut missing: BTreeSet<&String> = ids.iter().collect();
        let query = [("channel", self.channel.as_str()), ("limit", "200")];
        let all = api::search("conversations.members", &query, PAGES, |page: Members| {
            missing.retain(|id| !page.members.contains(id));
            missing.is_empty().then_some(())
        })?;
        if matches!(all, Search::TooFar) {
            let text = "The channel has more members than this looks through: add people to it by hand.";
            return Err(Failure::new("too_many_members", text));
        }
        Ok(ids.iter().filter(|id| missing.contains(id)).cloned().collect())
    }

    /// Invites them all, or nobody.
    fn invite(&self, ids: &[String]) -> Result<(), Failure> {
        let body = json!({ "channel": self.channel, "users": ids.join(",") });
        match api::post::<Nothing>("conversations.invite", &body) {
            Ok(_) => Ok(()),
            Err(no) if says(&no, "already_in_channel") => {
                let text = "Somebody of them came in meanwhile: nobody else was added. Try again.";
                Err(Failure::new("changed_meanwhile", text).retry(Retry::Backoff))
            }
            Err(no) => Err(no),
        }
    }
}

impl Action for AddMembers {
    const NAME: &'static str = "add-members";
    const DESCRIPTION: &'static str = "Adds people to a channel; who is there already stays.";
    const RISK: Risk = Risk::Write;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    type Output = Membership;

    fn run(self, call: &Call) -> Result<Reply<Membership>, Failure> {
        let ids = self.ids()?;
        let missing = self.missing(&ids)?;
        // Whom an earlier try added is this step's work too.
        let mut added: Vec<String> = recall(call)?.map_or_else(|| Ok(Vec::new()), |kept| left(&kept))?;
        added.extend(missing.iter().filter(|id| !added.contains(id)).cloned().collect::<Vec<_>>());
        if !missing.is_empty() {
            keep(call, json!(added))?;
            self.invite(&missing)?;
        }
        let present: Vec<String> = ids.into_iter().filter(|id| !added.contains(id)).collect();
        let summary = format!("added {}, {} there already", added.len(), present.len());
        let undo = (!added.is_empty()).then(|| json!(added));
        let mut done = Done::new(Membership { channel_id: self.channel, added, present }, summary);
        done.undo = undo;
        Ok(done.into())
    }

    fn sample() -> Option<Membership> {
        let (channel_id, added) = ("C012AB3CD".to_owned(), vec!["U012AB3CD".to_owned()]);
        Some(Membership { channel_id, added, present: Vec::new() })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "nobody had been added") };
        let added: Vec<String> = left(undo)?;
        for user in &added {
            let body = json!({ "channel": self.channel, "user": user });
            // Who has left is where the undo wants them.
            match api::post::<Nothing>("conversations.kick", &body) {
                Err(no) if !says(&no, "not_in_channel") => return Err(no),
                _ => {}
            }
        }
        done(json!({}), format!("removed {} again", added.len()))
    }
}
