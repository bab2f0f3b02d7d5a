//! Reads keys of etcd and puts them back to what they were at an earlier revision, and back again. Speaks the JSON gateway of
//! etcd 3.4 and later: <https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/>. Everything that changes a key compares first:
//! a change that somebody else made in between is never lost.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use wardroom_plugin_sdk::prelude::*;

const RANGE: &str = "/v3/kv/range";
const TXN: &str = "/v3/kv/txn";

/// The connection's options: none.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

/// Reads a key.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Get {
    /// The key.
    #[schemars(length(min = 1, max = 1024))]
    key: String,
    /// As it was at this revision of the store; without it, as it is now.
    #[schemars(range(min = 1))]
    revision: Option<i64>,
}

/// Puts a key back to what it was at a revision of the store.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Restore {
    /// The key.
    #[schemars(length(min = 1, max = 1024))]
    key: String,
    /// The revision: `get` tells the one before the key's last change.
    #[schemars(range(min = 1))]
    revision: i64,
}

/// A key as it is, or was.
#[derive(Serialize, JsonSchema)]
struct State {
    /// The key.
    key: String,
    /// Its value; null when it is not there, or is no text.
    value: Option<String>,
    /// Whether it is there.
    present: bool,
    /// The revision of its last change; 0 when it is not there.
    mod_revision: i64,
    /// The revision before that: what `restore` takes to undo the last change.
    previous_revision: i64,
    /// Whether this changed it.
    changed: bool,
}

/// A key's value as the gateway gives it.
#[derive(Clone, Deserialize)]
struct Kv {
    /// Base64; absent when it is empty.
    #[serde(default)]
    value: String,
    mod_revision: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    kvs: Vec<Kv>,
}

#[derive(Deserialize)]
struct Txn {
    #[serde(default)]
    succeeded: bool,
    header: Header,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    revision: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
}

/// What was there before, and what took its place: an undo puts the first back if the second is still there.
#[derive(Serialize, Deserialize)]
struct Before {
    /// Base64; null when the key was not there.
    value: Option<String>,
    /// The revision of the change that is to be taken back.
    mod_revision: i64,
}

impl Kv {
    fn revision(&self) -> i64 {
        self.mod_revision.parse().unwrap_or_default()
    }
}

fn read(key: &str, revision: Option<i64>) -> Result<Option<Kv>, Failure> {
    let mut body = json!({ "key": STANDARD.encode(key) });
    if let Some(revision) = revision {
        body["revision"] = json!(revision.to_string());
    }
    let response = http::post(RANGE).json(&body).send()?;
    if response.status() == 400 {
        let refusal: Refusal = response.json()?;
        let code = if refusal.error.contains("compacted") { "compacted" } else { "refused" };
        return Err(Failure::new(code, format!("etcd refuses: {}.", refusal.error)));
    }
    let range: Range = response.check()?.json()?;
    Ok(range.kvs.into_iter().next())
}

/// Writes a value, or takes the key away, if the key's last change is still the one that was seen. Gives the revision of this
/// change.
fn write(key: &str, seen: i64, value: Option<&str>) -> Result<i64, Failure> {
    let key = STANDARD.encode(key);
    let change = match value {
        Some(value) => json!({ "requestPut": { "key": key, "value": value } }),
        None => json!({ "requestDeleteRange": { "key": key } }),
    };
    let body = json!({
        "compare": [{ "key": key, "target": "MOD", "result": "EQUAL", "modRevision": seen.to_string() }],
        "success": [change],
    });
    let txn: Txn = http::post(TXN).json(&body).send()?.check()?.json()?;
    if !txn.succeeded {
        let text = "Somebody changed the key meanwhile: nothing was written. Look at it, then try again.";
        return Err(Failure::new("changed_meanwhile", text).effect(Effect::None));
    }
    Ok(txn.header.revision.parse().unwrap_or_default())
}

fn state(key: &str, kv: Option<&Kv>, changed: bool) -> State {
    let text = |kv: &Kv| STANDARD.decode(&kv.value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let mod_revision = kv.map_or(0, Kv::revision);
    State {
        key: key.to_owned(),
        value: kv.and_then(text),
        present: kv.is_some(),
        mod_revision,
        previous_revision: (mod_revision - 1).max(0),
        changed,
    }
}

impl Restore {
    fn wanted(&self) -> Result<Option<String>, Failure> {
        Ok(read(&self.key, Some(self.revision))?.map(|kv| kv.value))
    }

    /// What this did, found again in the history: what was there before the key's last change.
    fn found(&self, now: Option<&Kv>) -> Result<Done<State>, Failure> {
        let done = Done::new(state(&self.key, now, true), format!("{} is as it was at {}", self.key, self.revision));
        let Some(now) = now else { return Ok(done) };
        let before = read(&self.key, Some(now.revision() - 1))?;
        let before = Before { value: before.map(|kv| kv.value), mod_revision: now.revision() };
        Ok(done.undo(json!(before)))
    }
}

impl Action for Get {
    const NAME: &'static str = "get";
    const DESCRIPTION: &'static str = "Reads a key, as it is or as it was at a revision.";
    const RISK: Risk = Risk::Read;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    type Output = State;

    fn run(self, _: &Call) -> Result<Reply<State>, Failure> {
        let kv = read(&self.key, self.revision)?;
        let summary = format!("{} is {}", self.key, if kv.is_some() { "there" } else { "not there" });
        done(state(&self.key, kv.as_ref(), false), summary)
    }
}

impl Action for Restore {
    const NAME: &'static str = "restore";
    const DESCRIPTION: &'static str = "Puts a key back to what it was at an earlier revision of the store.";
    const RISK: Risk = Risk::Destructive;
    const IDEMPOTENT: Idempotency = Idempotency::Yes;
    const UNDO: bool = true;
    const CHECK: bool = true;
    type Output = State;

    fn run(self, call: &Call) -> Result<Reply<State>, Failure> {
        let wanted = self.wanted()?;
        let now = read(&self.key, None)?;
        if now.as_ref().map(|kv| &kv.value) == wanted.as_ref() {
            // A first try that finds it so did not make it so; a later one finds the work of the one before.
            if call.attempt > 1 {
                return Ok(self.found(now.as_ref())?.into());
            }
            let summary = format!("{} was as at revision {} already", self.key, self.revision);
            return done(state(&self.key, now.as_ref(), false), summary);
        }
        let seen = now.as_ref().map_or(0, Kv::revision);
        let revision = write(&self.key, seen, wanted.as_deref())?;
        let before = Before { value: now.map(|kv| kv.value), mod_revision: revision };
        let after = wanted.map(|value| Kv { value, mod_revision: revision.to_string() });
        let summary = format!("put {} back to revision {}", self.key, self.revision);
        Ok(Done::new(state(&self.key, after.as_ref(), true), summary).undo(json!(before)).into())
    }

    fn sample() -> Option<State> {
        let kv = Kv { value: STANDARD.encode("v1"), mod_revision: "7".to_owned() };
        Some(state("config/checkout", Some(&kv), true))
    }

    fn undo(self, call: &Call) -> Result<Reply<Value>, Failure> {
        let Some(undo) = call.undo_data.clone() else {
            return done(json!({}), format!("{} had not been changed", self.key));
        };
        let before: Before = serde_json::from_value(undo).map_err(|error| {
            Failure::new("undo_data", format!("What was kept for the undo cannot be read: {error}."))
        })?;
        let now = read(&self.key, None)?;
        if now.as_ref().map(|kv| &kv.value) == before.value.as_ref() {
            return done(json!({}), format!("{} is as it was before", self.key));
        }
        // A key that was taken away has no last change: that it is still absent is what is compared.
        let seen = if now.is_some() { before.mod_revision } else { 0 };
        write(&self.key, seen, before.value.as_deref())?;
        done(json!({}), format!("put {} back to what it was before", self.key))
    }

    fn check(self, _: &Call) -> Result<Finding<State>, Failure> {
        let now = read(&self.key, None)?;
        if now.as_ref().map(|kv| &kv.value) != self.wanted()?.as_ref() {
            return Ok(Finding::Absent);
        }
        Ok(Finding::Applied(self.found(now.as_ref())?))
    }
}

struct Etcd;

impl Plugin for Etcd {
    fn describe() -> Description {
        Description::new(
            "etcd",
            env!("CARGO_PKG_VERSION"),
            "Reads keys of etcd and puts them back to earlier revisions.",
        )
        .connection::<Config>(&["basic", "bearer", "header"])
        .reads("POST", RANGE)
        .action::<Get>()
        .action::<Restore>()
    }
}

export_plugin!(Etcd);

#[cfg(test)]
mod tests {
    use wardroom_plugin_sdk::testing::Host;

    use super::*;

    fn kv(value: &str, revision: i64) -> Value {
        json!({ "kvs": [{ "key": "a2V5", "value": STANDARD.encode(value), "mod_revision": revision.to_string() }] })
    }

    #[test]
    fn a_key_that_is_so_already_stays_untouched() {
        let host = Host::new().answer("POST", RANGE, 200, kv("v1", 3));
        let ran = host.run::<Etcd>("restore", &json!({ "key": "key", "revision": 3 }));
        assert_eq!(ran.output()["changed"], json!(false));
        assert_eq!(ran.requests.len(), 2, "it only looked");
    }

    #[test]
    fn a_change_by_somebody_else_is_not_lost() {
        let host = Host::new().answer("POST", RANGE, 200, kv("v2", 5)).answer(
            "POST",
            TXN,
            200,
            json!({ "header": { "revision": "6" } }),
        );
        let undo = json!({ "value": STANDARD.encode("v1"), "mod_revision": 4 });
        let ran = host.undo_data(&undo).undo::<Etcd>("restore", &json!({ "key": "key", "revision": 3 }));
        assert_eq!(ran.failure().code, "changed_meanwhile");
    }

    #[test]
    fn what_history_has_lost_is_named() {
        let refused = json!({ "error": "etcdserver: mvcc: required revision has been compacted", "code": 11 });
        let host = Host::new().answer("POST", RANGE, 400, refused);
        let ran = host.run::<Etcd>("get", &json!({ "key": "key", "revision": 1 }));
        assert_eq!(ran.failure().code, "compacted");
    }
}
