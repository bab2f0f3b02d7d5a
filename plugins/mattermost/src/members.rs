//! Adds people to a channel.

use wardroom_plugin_sdk::prelude::*;

use crate::{
    api::{API, channel_path, checked},
    memory::{keep, left, recall},
};

/// Adds people to a channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMembers {
    /// The channel's id.
    #[schemars(length(min = 1, max = 64))]
    channel: String,
    /// Who: user names, e-mail addresses, or people whose handle is their user name.
    #[schemars(length(min = 1, max = 30))]
    members: Vec<Member>,
}

/// Somebody to add.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Member {
    /// A user name, or an e-mail address.
    Name(#[schemars(length(min = 1, max = 200))] String),
    /// A person.
    Person {
        /// Their handle.
        #[schemars(length(min = 1, max = 200))]
        handle: String,
    },
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
struct User {
    id: String,
}

impl AddMembers {
    fn path(&self) -> String {
        format!("{}/members", channel_path(&self.channel))
    }

    /// The ids of all, in order and each once.
    fn ids(&self) -> Result<Vec<String>, Failure> {
        let mut ids: Vec<String> = Vec::new();
        for member in &self.members {
            let (Member::Name(name) | Member::Person { handle: name }) = member;
            let name = name.trim_start_matches('@');
            let by = if name.contains('@') { "email" } else { "username" };
            let response = http::get(&format!("{API}/users/{by}/{}", http::encode(name))).send()?;
            if response.status() == 404 {
                let text = format!("Mattermost knows nobody called {name}: give a user name or an e-mail address.");
                return Err(Failure::new("not_found", text));
            }
            let User { id } = checked(response)?.json()?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn is_present(&self, id: &str) -> Result<bool, Failure> {
        let response = http::get(&format!("{}/{id}", self.path())).send()?;
        if response.status() == 404 {
            return Ok(false);
        }
        checked(response).map(|_| true)
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
        let mut missing = Vec::new();
        for id in &ids {
            if !self.is_present(id)? {
                missing.push(id.clone());
            }
        }
        // Whom an earlier try added is this step's work too.
        let mut added: Vec<String> = recall(call)?.map_or_else(|| Ok(Vec::new()), |kept| left(&kept))?;
        added.extend(missing.iter().filter(|id| !added.contains(id)).cloned().collect::<Vec<_>>());
        if !missing.is_empty() {
            keep(call, json!(added))?;
        }
        for (index, id) in missing.iter().enumerate() {
            let response = http::post(&self.path()).json(&json!({ "user_id": id })).send()?;
            // Those before this one are in the channel: trying again finds them there.
            checked(response).map_err(|no| if index > 0 { no.effect(Effect::Unknown) } else { no })?;
        }
        let present: Vec<String> = ids.into_iter().filter(|id| !added.contains(id)).collect();
        let summary = format!("added {}, {} there already", added.len(), present.len());
        let undo = (!added.is_empty()).then(|| json!(added));
        let mut done = Done::new(Membership { channel_id: self.channel, added, present }, summary);
        done.undo = undo;
        Ok(done.into())
    }

    fn sample() -> Option<Membership> {
        let (channel_id, added) = ("4yxk8qd8kpyq3jx1m5s1h9w7fe".to_owned(), "uwk1d3sipf8k5bmq6kc6pqj8or".to_owned());
        Some(Membership { channel_id, added: vec![added], present: Vec::new() })
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = &call.undo_data else { return done(json!({}), "nobody had been added") };
        let added: Vec<String> = left(undo)?;
        for id in &added {
            let response = http::delete(&format!("{}/{id}", self.path())).send()?;
            // Who has left is where the undo wants them.
            if response.status() != 404 {
                checked(response)?;
            }
        }
        done(json!({}), format!("removed {} again", added.len()))
    }
}
